//! Backups: one file with all that stands nowhere else, the same for both databases.
//!
//! JSON, one value a line: the header; then of each table its name and columns, and its rows as lists in
//! the order of their keys; at the end the counts, and the SHA-256 of all bytes before that line. Two
//! databases with the same rows give the same lines between the first and the last. A file gets its name
//! when it is whole, was read again and lies on the disk. It holds the hashes of passwords and of
//! sessions' tokens: only its owner may read it.

mod reading;
mod writing;

use crate::db::{Database, DatabaseError, Location};
use crate::runs::library::now_ms;
use reading::{Lines, Parts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use writing::Unnamed;

/// What the first line calls the file.
const FORMAT: &str = "sayself-server backup";
/// The form that this program writes, and the newest that it reads.
const VERSION: u32 = 1;

/// Why a backup could not be made or taken back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{} is there already. Nothing was written: choose another name, or add --replace to put the new backup in place of an older one", .0.display())]
    Exists(PathBuf),
    #[error("{} is no backup, so it is not replaced. Nothing was written: choose another name", .0.display())]
    NotReplaced(PathBuf),
    #[error("{} is there: another backup is being written to that name. Nothing was written: wait until it is done, or remove that file if there is none", .0.display())]
    UnderWay(PathBuf),
    #[error("{} cannot be written: {source}. No backup was made, and what was written of it is removed: make room or choose another place, and try again", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is no backup of sayself-server: its first line is not a backup's header", .0.display())]
    NoBackup(PathBuf),
    #[error("{} was made by a newer version of sayself-server ({found}; this one knows {known}): use that version", path.display())]
    Newer {
        path: PathBuf,
        found: String,
        known: String,
    },
    #[error("{} is cut off: it ends after {lines} lines and {bytes} bytes, without the last line of a backup. Take another copy of it", path.display())]
    Torn {
        path: PathBuf,
        lines: u64,
        bytes: u64,
    },
    #[error("{} was altered after it was made: {what}. Take another copy of it", path.display())]
    Altered { path: PathBuf, what: String },
    #[error("{0}")]
    Database(#[from] DatabaseError),
}

impl BackupError {
    /// Whether what was asked for cannot be done with these files, however often it is tried.
    pub fn is_bad_use(&self) -> bool {
        match self {
            BackupError::Exists(_)
            | BackupError::NotReplaced(_)
            | BackupError::NoBackup(_)
            | BackupError::Newer { .. }
            | BackupError::Torn { .. }
            | BackupError::Altered { .. } => true,
            BackupError::Read { source, .. } => source.kind() == io::ErrorKind::NotFound,
            BackupError::UnderWay(_) | BackupError::Write { .. } | BackupError::Database(_) => {
                false
            }
        }
    }
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub format: String,
    pub version: u32,
    /// The last migration of the database that it is of.
    pub migration: i64,
    /// Milliseconds since the epoch.
    pub made_ms: u64,
    /// The program that made it.
    pub made_by: String,
    /// `SQLite` or `PostgreSQL`.
    pub database: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    table: String,
    columns: Vec<String>,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    rows: u64,
    tables: BTreeMap<String, u64>,
    /// Of every byte before this line, in hexadecimal.
    sha256: String,
}

/// What a whole, unaltered backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    #[serde(flatten)]
    pub header: Header,
    pub bytes: u64,
    pub rows: u64,
    pub tables: BTreeMap<String, u64>,
    pub sha256: String,
}

/// Writes a backup of the database as it stands at one moment; people may go on working.
///
/// # Errors
/// Where the database cannot be read or the file not be written; then there is no file of that name, or
/// the one that was there.
pub async fn write(
    database: &Database,
    path: &Path,
    replace: bool,
) -> Result<Summary, BackupError> {
    if path.symlink_metadata().is_ok() {
        if !replace {
            return Err(BackupError::Exists(path.into()));
        }
        // Not a database by mistake, nor anything else that is not ours.
        if Lines::open(path)
            .and_then(|mut lines| lines.header())
            .is_err()
        {
            return Err(BackupError::NotReplaced(path.into()));
        }
    }
    let migration = database.applied().await?.migration;
    let header = Header {
        format: FORMAT.into(),
        version: VERSION,
        migration,
        made_ms: now_ms(),
        made_by: format!("sayself-server {}", env!("CARGO_PKG_VERSION")),
        database: database.kind().await?,
    };
    let mut unnamed = Unnamed::beside(path)?;
    unnamed.line(&header)?;
    let read = database.read_all(|part| unnamed.part(&part)).await?;
    if read != migration {
        // Between the two looks another program brought the tables up to date.
        return Err(DatabaseError::Foreign("migration that came meanwhile".into()).into());
    }
    unnamed.finish()?;
    // What lies there is what was meant: else the disk lies, and now is the time to know.
    let summary = inspect(&unnamed.path)?;
    if summary.header != header || summary.tables != unnamed.tables {
        return Err(BackupError::Altered {
            path: unnamed.path.clone(),
            what: "it reads back otherwise than it was written".into(),
        });
    }
    unnamed.rename(path)?;
    Ok(summary)
}

/// Reads a backup from end to end.
///
/// # Errors
/// Where it is none, of a newer version, torn or altered, with what was found.
pub fn inspect(path: &Path) -> Result<Summary, BackupError> {
    let mut lines = Lines::open(path)?;
    let header = lines.header()?;
    let mut parts = Parts::new(lines);
    for part in &mut parts {
        part?;
    }
    parts.summary(header)
}

/// Fills the empty database at `location`, made where it is missing, with a backup. Everything or nothing
/// is kept.
///
/// # Errors
/// Where the file is not as it was made, or the database not empty or not writable.
pub async fn restore(path: &Path, location: &Location) -> Result<Summary, BackupError> {
    // First the whole file: a database is not begun with what may be torn.
    let summary = inspect(path)?;
    let mut lines = Lines::open(path)?;
    lines.header()?;
    let mut parts = Parts::new(lines);
    // The file may change between the two readings: the second is held against the first.
    parts.wanted = Some(summary.sha256.clone());
    Database::fill(location, summary.header.migration, &summary.tables, parts).await?;
    Ok(summary)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Part;
    use std::fs;

    fn made(folder: &Path) -> PathBuf {
        let path = folder.join("made");
        let mut unnamed = Unnamed::beside(&path).unwrap();
        let header = Header {
            format: FORMAT.into(),
            version: VERSION,
            migration: 1,
            made_ms: 1,
            made_by: "a test".into(),
            database: "SQLite".into(),
        };
        unnamed.line(&header).unwrap();
        let table = |name: &str| Part::Table {
            name: name.into(),
            columns: vec!["name".into(), "content".into()],
        };
        for part in [
            table("meta"),
            Part::Row(vec!["a".into(), "ü \" \u{1}".into()]),
            Part::Row(vec!["b".into(), serde_json::Value::Null]),
            table("jobs"),
        ] {
            unnamed.part(&part).unwrap();
        }
        unnamed.finish().unwrap();
        unnamed.rename(&path).unwrap();
        path
    }

    #[test]
    fn every_altered_byte_and_every_cut_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path());
        let whole = inspect(&path).unwrap();
        assert_eq!((whole.rows, whole.tables["meta"]), (2, 2));
        let bytes = fs::read(&path).unwrap();
        assert_eq!(whole.bytes, bytes.len() as u64);
        let copy = folder.path().join("copy");
        for place in 0..bytes.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut altered = bytes.clone();
                altered[place] ^= flip;
                fs::write(&copy, &altered).unwrap();
                let error = inspect(&copy).expect_err(&format!("byte {place}, bits {flip:x}"));
                assert!(error.is_bad_use(), "{error}");
            }
            fs::write(&copy, &bytes[..place]).unwrap();
            let error = inspect(&copy).expect_err(&format!("the first {place} bytes"));
            assert!(error.is_bad_use(), "{error}");
        }
        fs::write(&copy, [&bytes[..], b"\n"].concat()).unwrap();
        assert!(inspect(&copy).is_err());
        fs::write(&copy, bytes.repeat(2)).unwrap();
        assert!(inspect(&copy).is_err());
    }

    #[test]
    fn what_was_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut unnamed = Unnamed::beside(&folder.path().join("made")).unwrap();
        unnamed.line(&"begun").unwrap();
        drop(unnamed);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_backup_left_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made");
        let unnamed = Unnamed::beside(&path).unwrap();
        let left = unnamed.path.clone();
        let error = Unnamed::beside(&path).err().unwrap();
        assert!(matches!(error, BackupError::UnderWay(_)), "{error}");
        assert!(left.exists());
        drop(unnamed);
        fs::write(&left, "torn").unwrap();
        drop(Unnamed::beside(&path).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
