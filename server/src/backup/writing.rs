//! A backup as it is written.

use super::{BackupError, Footer, Head, hex};
use crate::db::Part;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What the name of a backup ends with until it is whole.
const UNFINISHED: &str = ".sayself-part";

/// A file that is written under another name, and removed unless it gets its own. It is locked as long as
/// it is written.
pub struct Unnamed {
    pub path: PathBuf,
    out: BufWriter<File>,
    hash: Sha256,
    rows: u64,
    /// Rows written of each table.
    pub tables: BTreeMap<String, u64>,
    table: String,
    is_named: bool,
}

impl Unnamed {
    pub fn beside(path: &Path) -> Result<Self, BackupError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(UNFINISHED);
        let part = path.with_file_name(name);
        let file = begun(&part).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::WouldBlock => {
                BackupError::UnderWay(part.clone())
            }
            _ => BackupError::Write {
                path: part.clone(),
                source,
            },
        })?;
        Ok(Unnamed {
            path: part,
            out: BufWriter::new(file),
            hash: Sha256::new(),
            rows: 0,
            tables: BTreeMap::new(),
            table: String::new(),
            is_named: false,
        })
    }

    fn failed(&self, source: io::Error) -> BackupError {
        BackupError::Write {
            path: self.path.clone(),
            source,
        }
    }

    pub fn line(&mut self, value: &impl Serialize) -> Result<(), BackupError> {
        let written = serde_json::to_string(value)
            .map_err(io::Error::other)
            .and_then(|mut text| {
                text.push('\n');
                self.hash.update(text.as_bytes());
                self.out.write_all(text.as_bytes())
            });
        written.map_err(|error| self.failed(error))
    }

    pub fn part(&mut self, part: &Part) -> Result<(), BackupError> {
        match part {
            Part::Table { name, columns } => {
                self.table.clone_from(name);
                self.tables.insert(name.clone(), 0);
                self.line(&Head {
                    table: name.clone(),
                    columns: columns.clone(),
                })
            }
            Part::Row(cells) => {
                self.rows += 1;
                *self.tables.entry(self.table.clone()).or_default() += 1;
                self.line(cells)
            }
        }
    }

    pub fn finish(&mut self) -> Result<(), BackupError> {
        let footer = Footer {
            rows: self.rows,
            tables: self.tables.clone(),
            sha256: hex(&self.hash.clone().finalize()),
        };
        self.line(&footer)?;
        let synced = self
            .out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all());
        synced.map_err(|error| self.failed(error))
    }

    pub fn rename(&mut self, path: &Path) -> Result<(), BackupError> {
        fs::rename(&self.path, path).map_err(|error| self.failed(error))?;
        self.is_named = true;
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|open| open.sync_all());
        synced.map_err(|error| self.failed(error))
    }
}

/// Makes the file, in the place of what a backup that was killed has left.
///
/// # Errors
/// `WouldBlock` or `AlreadyExists` where another backup is writing it.
fn begun(part: &Path) -> io::Result<File> {
    if part.symlink_metadata().is_ok_and(|left| left.is_file()) {
        let left = OpenOptions::new().write(true).open(part)?;
        lock(&left)?;
        fs::remove_file(part)?;
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)?;
    lock(&file)?;
    Ok(file)
}

/// Locks a file until it is closed, by the end of this process at the latest.
///
/// # Errors
/// `WouldBlock` where another process has locked it.
fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        // Not every file system has locks; a backup can be made on one without.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if !self.is_named {
            // What remains is no backup, whatever becomes of it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
