//! The run directory: plain files, the only truth of a run.
//!
//! Three rules keep it whole at any moment, whatever is killed:
//! 1. one process writes to it at a time ([`RunDir`] holds an advisory lock);
//! 2. a file is either written under a temporary name and renamed ([`write_atomically`]), or it is
//!    append-only with one record a line ([`RecordLog`]);
//! 3. a torn last line is dropped when the log is opened again, and its record is made anew.

use crate::error::{Error, bad_input, bad_use};
use crate::pull::checksum;
use datasets::RunConfig;
use datasets::config::EndpointConfig;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The version of the run directory's form; a run of a later one is refused.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes that one line of a record file may hold.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Records reach the disk (fsync) at least this often while a log is written.
const SYNC_INTERVAL_MAX: Duration = Duration::from_secs(5);

/// Files that are not whole yet, under these names until they are.
const TEMPORARY_PREFIX: &str = ".writing-";
/// Folders below the run in which a file is written, e.g. `build/stage_1/messages`.
const SWEEP_DEPTH_MAX: usize = 4;

/// Where a run came from (`[provenance]` of `run.toml`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    pub format_version: u32,
    /// The version of the program.
    pub sayself_version: String,
    /// The command that wrote it: `run`, `sample`, `evaluate`, …
    pub stage: String,
    /// SHA-256 of the model's weights, in hex; empty where no model is used or an endpoint is.
    #[serde(default)]
    pub model_sha256: String,
    /// SHA-256 of the question file, in hex; empty where there is none.
    #[serde(default)]
    pub questions_sha256: String,
    /// SHA-256 of the adapter's weights, in hex; empty where there is none.
    #[serde(default)]
    pub adapter_sha256: String,
    /// SHA-256 of the other files that the stage read, in hex, by the name of their option.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Whether the model computed with dense 32-bit weights where its file has quantized ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dequantized: bool,
}

impl Provenance {
    /// Of this program, for a stage; hashes are filled in by the caller.
    pub fn of(stage: &str) -> Self {
        Provenance {
            format_version: FORMAT_VERSION,
            sayself_version: env!("CARGO_PKG_VERSION").into(),
            stage: stage.into(),
            model_sha256: String::new(),
            questions_sha256: String::new(),
            adapter_sha256: String::new(),
            inputs: BTreeMap::new(),
            dequantized: false,
        }
    }

    /// Notes what the model reads beside the question, where it comes from files: a shipped prompt is known
    /// by its name.
    ///
    /// # Errors
    /// Exit code 2 where a name is neither a shipped prompt nor a file that can be read.
    pub fn with_prompts<'a>(
        mut self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> anyhow::Result<Self> {
        for name in names {
            if datasets::prompts::builtin(name).is_none() {
                let prompt = crate::stages::run::prompt(Some(name))?;
                self.inputs
                    .insert(format!("prompt {name}"), prompt.sha256());
            }
        }
        Ok(self)
    }

    /// Notes a file that the stage reads, so that a stage which is done again with another file is
    /// told so, in place of mixing both.
    pub fn with_input(mut self, option: &str, path: &Path) -> anyhow::Result<Self> {
        self.inputs
            .insert(option.to_owned(), checksum::of_file(path)?);
        Ok(self)
    }
}

/// `run.toml`: the configuration as it was resolved, and where the run came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    pub provenance: Provenance,
    #[serde(flatten)]
    pub config: RunConfig,
}

impl RunFile {
    /// The `run.toml` of a run directory.
    ///
    /// # Errors
    /// [`Error::Read`] where there is none; exit code 2 where it is another file.
    pub fn read(run: &Path) -> anyhow::Result<Self> {
        let path = run.join("run.toml");
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| bad_input(format!("{}: {error}", path.display()))),
            Err(source) => Err(Error::Read { path, source }.into()),
        }
    }
}

/// A run directory that this process alone writes to.
#[derive(Debug)]
pub struct RunDir {
    root: PathBuf,
    /// Held for its advisory lock, which the system lifts when the process ends, however it ends.
    _lock: File,
}

impl RunDir {
    /// Makes the directory where it is missing, and locks it.
    ///
    /// # Errors
    /// [`Error::Busy`] where another process holds it; [`Error::Write`] where it cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let root = root.into();
        let write_error = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::Write { path, source }
        };
        fs::create_dir_all(&root).map_err(write_error(&root))?;
        let lock_path = root.join(".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(write_error(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {
                // A folder that is no run yet may be anything: nothing below it is looked at.
                let is_run = root.join("run.toml").is_file();
                let depth = if is_run { SWEEP_DEPTH_MAX } else { 0 };
                sweep(&root, depth).map_err(write_error(&root))?;
                Ok(RunDir { root, _lock: lock })
            }
            Err(TryLockError::WouldBlock) => Err(Error::Busy(root).into()),
            Err(TryLockError::Error(source)) => Err(Error::Write {
                path: lock_path,
                source,
            }
            .into()),
        }
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    /// A folder inside the run, made where it is missing: `folder("sample")`; `folder("")` is the
    /// run itself.
    pub fn folder(&self, relative: &str) -> anyhow::Result<PathBuf> {
        let folder = if relative.is_empty() {
            self.root.clone()
        } else {
            self.root.join(relative)
        };
        fs::create_dir_all(&folder).map_err(|source| Error::Write {
            path: folder.clone(),
            source,
        })?;
        Ok(folder)
    }

    /// Writes `run.toml` where there is none; where there is one, its configuration and hashes must
    /// be the same, since records of two configurations must not be mixed in one directory.
    ///
    /// # Errors
    /// [`Error::BadUse`] names the first key that differs.
    pub fn settle_config(&self, file: &RunFile) -> anyhow::Result<()> {
        let path = self.root.join("run.toml");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let bad = |error| bad_input(format!("{}: {error}", path.display()));
                let known: toml::Value = toml::from_str(&text).map_err(bad)?;
                let version = known
                    .get("provenance")
                    .and_then(|table| table.get("format_version"))
                    .and_then(toml::Value::as_integer);
                if version.is_some_and(|version| version > i64::from(FORMAT_VERSION)) {
                    return Err(bad_input(format!(
                        "{}: format version {}, this program writes {FORMAT_VERSION}; use a newer sayself",
                        path.display(),
                        version.unwrap_or_default(),
                    )));
                }
                // What this program does not know of is left out by reading it as one of its own.
                let there: RunFile = toml::from_str(&text).map_err(bad)?;
                let mut found = toml::Value::try_from(&there)?;
                let mut wanted = toml::Value::try_from(file)?;
                let has_more_seeds = match (found.get(SEEDS), wanted.get(SEEDS)) {
                    (Some(there), Some(here)) if is_start(here, there) => {
                        // What more seeds gave stays.
                        wanted[SEEDS] = there.clone();
                        false
                    }
                    (Some(there), Some(here)) if is_start(there, here) => {
                        found[SEEDS] = here.clone();
                        true
                    }
                    _ => false,
                };
                // A server may have moved since.
                forget_ways(&mut found);
                forget_ways(&mut wanted);
                match first_difference(&found, &wanted, "") {
                    None if has_more_seeds => {
                        write_atomically(&path, toml::to_string_pretty(file)?.as_bytes())
                    }
                    None => Ok(()),
                    Some(difference) => Err(bad_use(format!(
                        "{} holds a run with another configuration ({difference}); choose another --out, \
                         or remove it to start anew",
                        self.root.display()
                    ))),
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                write_atomically(&path, toml::to_string_pretty(file)?.as_bytes())
            }
            Err(source) => Err(Error::Read { path, source }.into()),
        }
    }
}

/// Writes what a folder's records depend on, as TOML, where nothing is said yet; where something is, it
/// must be the same, since records of two configurations must not be mixed in one folder. Records that
/// were kept and say otherwise are told by the first key that differs.
///
/// # Errors
/// [`Error::BadUse`] names that key.
pub fn settle(path: &Path, settings: &impl Serialize) -> anyhow::Result<()> {
    let wanted = toml::Value::try_from(settings)?;
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return write_atomically(path, toml::to_string_pretty(&wanted)?.as_bytes());
        }
        Err(source) => {
            let path = path.to_path_buf();
            return Err(Error::Read { path, source }.into());
        }
    };
    let found: toml::Value =
        toml::from_str(&text).map_err(|error| bad_input(format!("{}: {error}", path.display())))?;
    match first_difference(&found, &wanted, "") {
        None => Ok(()),
        Some(difference) => Err(bad_use(format!(
            "{} holds records of another configuration ({difference}); choose another --out, or remove that \
             folder to start anew",
            path.parent().unwrap_or(path).display()
        ))),
    }
}

/// The key of `run.toml` that may grow: more seeds leave what the first ones gave as it is.
const SEEDS: &str = "training_seeds";

/// Whether `list` begins with what `start` holds.
fn is_start(start: &toml::Value, list: &toml::Value) -> bool {
    match (start.as_array(), list.as_array()) {
        (Some(start), Some(list)) => list.starts_with(start),
        _ => false,
    }
}

/// Removes how endpoints are reached: tables with an address.
fn forget_ways(value: &mut toml::Value) {
    match value {
        toml::Value::Table(table) => {
            if table.contains_key("url") {
                for way in EndpointConfig::WAYS {
                    table.remove(way);
                }
            }
            table.iter_mut().for_each(|(_, value)| forget_ways(value));
        }
        toml::Value::Array(list) => list.iter_mut().for_each(forget_ways),
        _ => {}
    }
}

/// Removes what a killed process was writing; nobody else writes to a run that is locked.
fn sweep(folder: &Path, depth: usize) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Links are left alone: what they lead to is not this run's.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            sweep(&entry.path(), depth - 1)?;
        } else if kind.is_file()
            && entry
                .file_name()
                .to_string_lossy()
                .starts_with(TEMPORARY_PREFIX)
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The first key at which two configurations differ, as `key: THERE there, HERE here`. The
/// program's version may differ: a newer program goes on with an older run of the same form.
fn first_difference(found: &toml::Value, wanted: &toml::Value, key: &str) -> Option<String> {
    if key == "provenance.sayself_version" {
        return None;
    }
    match (found, wanted) {
        (toml::Value::Table(found), toml::Value::Table(wanted)) => {
            let keys: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
            keys.into_iter().find_map(|name| {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                match (found.get(name), wanted.get(name)) {
                    (Some(found), Some(wanted)) => first_difference(found, wanted, &key),
                    (Some(found), None) => Some(format!("{key}: {found} there, absent here")),
                    (None, Some(wanted)) => Some(format!("{key}: absent there, {wanted} here")),
                    (None, None) => None,
                }
            })
        }
        _ if found == wanted => None,
        _ => Some(format!("{key}: {found} there, {wanted} here")),
    }
}

/// Writes a whole file: under a temporary name in the same folder, synced, then renamed. A reader
/// sees the old bytes or the new ones, never a part.
///
/// # Errors
/// [`Error::Write`] names the file; the temporary one is removed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomically`], for what need not stand in memory at once.
pub fn write_atomically_with(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let attempt = || -> std::io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let mut temporary = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .tempfile_in(folder)?;
        {
            let mut writer = BufWriter::new(temporary.as_file_mut());
            write(&mut writer)?;
            writer.flush()?;
        }
        temporary.as_file().sync_all()?;
        make_readable(temporary.as_file())?;
        temporary.persist(path).map_err(|error| error.error)?;
        // The rename itself must reach the disk, or a power cut undoes it.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    };
    attempt().map_err(|source| {
        Error::Write {
            path: path.to_path_buf(),
            source,
        }
        .into()
    })
}

/// Temporary files are made for their owner alone; records are as readable as any other file.
fn make_readable(file: &File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Writes records to a file at once, one JSON object a line, atomically.
pub fn write_records<T: Serialize>(path: &Path, records: &[T]) -> anyhow::Result<()> {
    write_atomically_with(path, |file| {
        for record in records {
            serde_json::to_writer(&mut *file, record)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// A whole file of at most `bytes_max` bytes.
///
/// # Errors
/// Exit code 2 where it is larger; of the disk.
pub fn read_limited(path: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let read_error = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let bytes = path.metadata().map_err(read_error)?.len();
    if bytes > bytes_max {
        return Err(bad_input(format!(
            "{}: {bytes} bytes, expected at most {bytes_max}",
            path.display()
        )));
    }
    Ok(fs::read(path).map_err(read_error)?)
}

/// Reads a record file that a stage wrote. A torn last line counts as absent.
///
/// # Errors
/// [`Error::Read`] where there is none; [`Error::BadInput`] names file and line of a record of the
/// wrong shape.
pub fn read_records<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let mut records = Vec::new();
    scan(path, |_, _, record| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

/// One line of a file, without its line feed.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// Of its first byte in the file.
    pub offset: u64,
    pub bytes: &'a [u8],
    /// Whether a line feed ends it; the last line of a file may lack it.
    pub is_ended: bool,
}

/// Calls `each` for each line of a file, in order. Memory: one line.
///
/// # Errors
/// [`Error::Read`]; [`Error::BadInput`] for a line of more than [`LINE_BYTES_MAX`] bytes; what
/// `each` gives.
pub fn for_each_line(
    path: &Path,
    mut each: impl FnMut(Line<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let read_error = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut reader = BufReader::new(File::open(path).map_err(read_error)?);
    let (mut offset, mut number, mut line) = (0_u64, 0_usize, Vec::new());
    loop {
        line.clear();
        let length = (&mut reader)
            .take(LINE_BYTES_MAX as u64 + 1)
            .read_until(b'\n', &mut line)
            .map_err(read_error)?;
        if length == 0 {
            return Ok(());
        }
        number += 1;
        if length > LINE_BYTES_MAX {
            return Err(bad_input(format!(
                "{}, line {number}: longer than {LINE_BYTES_MAX} bytes",
                path.display()
            )));
        }
        let is_ended = line.last() == Some(&b'\n');
        let bytes = if is_ended {
            &line[..length - 1]
        } else {
            &line[..]
        };
        each(Line {
            number,
            offset,
            bytes,
            is_ended,
        })?;
        offset += length as u64;
    }
}

/// Calls `each(offset, line bytes, record)` for each whole line, in order; returns the length in
/// bytes of the whole lines.
fn scan<T: DeserializeOwned>(
    path: &Path,
    mut each: impl FnMut(u64, usize, T) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut end = 0;
    for_each_line(path, |line| {
        if !line.is_ended {
            return Ok(());
        }
        let record = serde_json::from_slice(line.bytes).map_err(|error| {
            bad_input(format!("{}, line {}: {error}", path.display(), line.number))
        })?;
        let length = line.bytes.len() + 1;
        each(line.offset, length, record)?;
        end = line.offset + length as u64;
        Ok(())
    })?;
    Ok(end)
}

/// An append-only record file that can be resumed: one JSON object a line, each with an id.
#[derive(Debug)]
pub struct RecordLog<T> {
    path: PathBuf,
    file: BufWriter<File>,
    /// id → (offset, bytes) of its line.
    lines: HashMap<String, (u64, usize)>,
    end: u64,
    id_of: fn(&T) -> String,
    synced_at: Instant,
    records: PhantomData<fn(T)>,
}

impl<T: Serialize + DeserializeOwned> RecordLog<T> {
    /// Opens the log, dropping a torn last line, or makes it. `id_of` gives a record's stable id.
    ///
    /// # Errors
    /// [`Error::BadInput`] where a whole line is no record of this kind, or two have one id.
    pub fn open(path: impl Into<PathBuf>, id_of: fn(&T) -> String) -> anyhow::Result<Self> {
        let path = path.into();
        let write_error = |source| Error::Write {
            path: path.clone(),
            source,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(write_error)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(write_error)?;
        let mut lines = HashMap::new();
        let end = scan(&path, |offset, bytes, record: T| {
            match lines.insert(id_of(&record), (offset, bytes)) {
                None => Ok(()),
                Some(_) => Err(bad_input(format!(
                    "{}: two records have the id {}",
                    path.display(),
                    id_of(&record)
                ))),
            }
        })?;
        file.set_len(end).map_err(write_error)?;
        file.seek(SeekFrom::Start(end)).map_err(write_error)?;
        Ok(RecordLog {
            path,
            file: BufWriter::new(file),
            lines,
            end,
            id_of,
            synced_at: Instant::now(),
            records: PhantomData,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the record with this id is there already.
    pub fn contains(&self, id: &str) -> bool {
        self.lines.contains_key(id)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Appends a record. Each line goes to the system at once (a killed process loses none), and to
    /// the disk every few seconds (a power cut loses seconds).
    ///
    /// # Errors
    /// [`Error::Write`] names the file; its whole lines stay valid.
    pub fn append(&mut self, record: &T) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        debug_assert!(line.len() <= LINE_BYTES_MAX);
        let id = (self.id_of)(record);
        if self.lines.contains_key(&id) {
            anyhow::bail!("{}: the record {id} is there already", self.path.display());
        }
        let path = &self.path;
        let write_error = |source| Error::Write {
            path: path.clone(),
            source,
        };
        self.file.write_all(&line).map_err(write_error)?;
        self.file.flush().map_err(write_error)?;
        self.lines.insert(id, (self.end, line.len()));
        self.end += line.len() as u64;
        if self.synced_at.elapsed() >= SYNC_INTERVAL_MAX {
            self.file.get_ref().sync_data().map_err(write_error)?;
            self.synced_at = Instant::now();
        }
        Ok(())
    }

    /// Ends the log: puts the records in the order of `ids` (atomically, so that the bytes do not
    /// depend on the order in which they came), and syncs. Records whose id is not among `ids` are
    /// an error: they belong to another configuration.
    pub fn finish_in_order<'a>(
        mut self,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> anyhow::Result<()> {
        let path = self.path.clone();
        let write_error = |source| Error::Write {
            path: path.clone(),
            source,
        };
        self.file.flush().map_err(write_error)?;
        let mut spans = Vec::with_capacity(self.lines.len());
        for id in ids {
            if let Some(span) = self.lines.remove(id) {
                spans.push(span);
            }
        }
        if let Some(id) = self.lines.keys().min() {
            return Err(bad_input(format!(
                "{}: the record {id} belongs to none of this run's questions",
                self.path.display()
            )));
        }
        if spans.is_sorted() {
            self.file.get_ref().sync_all().map_err(write_error)?;
            return Ok(());
        }
        let file = self.file.get_mut();
        write_atomically_with(&path, |sorted| {
            let mut line = Vec::new();
            for (offset, bytes) in spans {
                line.resize(bytes, 0);
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(&mut line)?;
                sorted.write_all(&line)?;
            }
            Ok(())
        })
    }

    /// Ends the log in the order in which the records came.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let path = self.path.clone();
        let write_error = |source| Error::Write {
            path: path.clone(),
            source,
        };
        self.file.flush().map_err(write_error)?;
        self.file.get_ref().sync_all().map_err(write_error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::Skipped;

    fn skipped(record: &str) -> Skipped {
        Skipped {
            stage: "sample".into(),
            record: record.into(),
            reason: "empty".into(),
        }
    }

    fn open(path: &Path) -> RecordLog<Skipped> {
        RecordLog::open(path, |record: &Skipped| record.record.clone()).unwrap()
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_order_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skipped.jsonl");
        let mut log = open(&path);
        log.append(&skipped("b")).unwrap();
        log.append(&skipped("a")).unwrap();
        assert!(log.append(&skipped("a")).is_err());
        drop(log);
        let whole = fs::read(&path).unwrap();
        for torn_bytes in [1, 10] {
            let mut torn = whole.clone();
            torn.extend_from_slice(&whole[..torn_bytes]);
            fs::write(&path, &torn).unwrap();
            assert_eq!(open(&path).len(), 2);
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        let mut log = open(&path);
        assert!(log.contains("a") && !log.contains("c"));
        log.append(&skipped("c")).unwrap();
        log.finish_in_order(["a", "b", "c"]).unwrap();
        let records: Vec<Skipped> = read_records(&path).unwrap();
        assert_eq!(records, ["a", "b", "c"].map(skipped));
    }

    #[test]
    fn what_a_killed_process_was_writing_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let messages = folder.path().join("build/stage_1/messages");
        fs::create_dir_all(&messages).unwrap();
        fs::write(messages.join(".writing-aB3"), "half").unwrap();
        fs::write(messages.join("whole.jsonl"), "{}").unwrap();
        drop(RunDir::open(folder.path()).unwrap());
        assert!(messages.join(".writing-aB3").exists(), "no run yet");
        fs::write(folder.path().join("run.toml"), "").unwrap();
        drop(RunDir::open(folder.path()).unwrap());
        assert!(!messages.join(".writing-aB3").exists());
        assert!(messages.join("whole.jsonl").exists());
    }

    #[test]
    fn a_whole_line_of_the_wrong_shape_is_told_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skipped.jsonl");
        fs::write(
            &path,
            "{\"stage\":\"a\",\"record\":\"b\",\"reason\":\"c\"}\n{\"stage\":1}\n",
        )
        .unwrap();
        let error = read_records::<Skipped>(&path).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        assert_eq!(crate::error::exit_code(&error), 2);
    }

    #[test]
    fn one_process_writes_a_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunDir::open(folder.path()).unwrap();
        let error = RunDir::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        drop(first);
        RunDir::open(folder.path()).unwrap();
    }

    #[test]
    fn another_configuration_is_refused_by_the_name_of_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::open(folder.path()).unwrap();
        let mut file = RunFile {
            provenance: Provenance::of("run"),
            config: RunConfig::default(),
        };
        run.settle_config(&file).unwrap();
        run.settle_config(&file).unwrap();
        file.config.sample.samples = 20;
        let error = run.settle_config(&file).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("sample.samples: 10 there, 20 here"),
            "{error}"
        );
        assert_eq!(crate::error::exit_code(&error), 2);
    }

    #[test]
    fn a_key_that_is_left_out_is_a_difference_and_an_unknown_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::open(folder.path()).unwrap();
        let mut file = RunFile {
            provenance: Provenance::of("sample"),
            config: RunConfig::default(),
        };
        file.config.sample.prompt = Some("few-shot".into());
        run.settle_config(&file).unwrap();
        let path = folder.path().join("run.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("of_a_later_program = 1\n{text}")).unwrap();
        run.settle_config(&file).unwrap();
        file.config.sample.prompt = None;
        let error = run.settle_config(&file).unwrap_err().to_string();
        assert!(
            error.contains("sample.prompt: \"few-shot\" there, absent here"),
            "{error}"
        );
    }

    #[test]
    fn an_endpoint_may_move_and_not_change_its_model() {
        let out = tempfile::tempdir().unwrap();
        let run = RunDir::open(out.path()).unwrap();
        let settle = |url: &str, model: &str| {
            let endpoint = EndpointConfig {
                model: Some(model.into()),
                ..EndpointConfig::at(url)
            };
            let mut file = RunFile {
                provenance: Provenance::of("run"),
                config: RunConfig::default(),
            };
            file.config.endpoint = Some(endpoint.clone());
            file.config.evaluate = vec![datasets::config::EvaluateConfig {
                judge: Some(endpoint),
                ..Default::default()
            }];
            run.settle_config(&file)
        };
        settle("http://localhost:1", "small").unwrap();
        settle("http://localhost:2", "small").unwrap();
        let error = settle("http://localhost:2", "large").unwrap_err();
        assert!(error.to_string().contains("model"), "{error}");
    }

    #[test]
    fn settings_of_a_folder_are_settled_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/settings.toml");
        let settings = |limit: u32| BTreeMap::from([("limit", limit), ("samples", 5)]);
        settle(&path, &settings(3)).unwrap();
        settle(&path, &settings(3)).unwrap();
        let error = settle(&path, &settings(4)).unwrap_err();
        assert!(
            error.to_string().contains("limit: 3 there, 4 here"),
            "{error}"
        );
        assert_eq!(crate::error::exit_code(&error), 2);
    }

    #[test]
    fn training_seeds_may_be_added_later() {
        let out = tempfile::tempdir().unwrap();
        let run = RunDir::open(out.path()).unwrap();
        let settle = |seeds: &[u64]| {
            let mut file = RunFile {
                provenance: Provenance::of("run"),
                config: RunConfig::default(),
            };
            file.config.training_seeds = seeds.to_vec();
            run.settle_config(&file)
        };
        let seeds = || {
            let text = fs::read_to_string(out.path().join("run.toml")).unwrap();
            RunConfig::from_toml(&text).map(|config| config.training_seeds)
        };
        settle(&[1]).unwrap();
        settle(&[1, 2, 3]).unwrap();
        settle(&[1]).unwrap();
        assert_eq!(seeds().unwrap(), [1, 2, 3]);
        // The first seed's evaluation has no number in its name.
        assert!(settle(&[2, 1]).is_err());
    }
}
