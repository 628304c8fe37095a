//! An index that is made by one pass over its file, in the background where the file is large, and read
//! on where the file has grown. What is read so far can be used meanwhile.

use super::columns::{self, Columns, Read, Shape};
use super::lines::Lines;
use crate::limits::{INDEX_BATCH_RECORDS, RECORD_BYTES_MAX};
use app::view::Indexing;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::UNIX_EPOCH;

/// Bytes at the start and at the end of what was read that tell whether it is still the same file.
const PROBE_BYTES: usize = 4 * 1024;
/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;

/// A file as it was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    pub inode: u64,
    pub bytes: u64,
    pub changed_ns: u128,
}

impl Stamp {
    /// # Errors
    /// Where the system tells no time of change.
    pub fn of(metadata: &Metadata) -> io::Result<Self> {
        Ok(Stamp {
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed_ns: metadata
                .modified()?
                .duration_since(UNIX_EPOCH)
                .map_or(0, |duration| duration.as_nanos()),
        })
    }
}

/// The index of one file, which may be growing.
#[derive(Debug, Default)]
pub struct Places {
    columns: RwLock<Columns>,
    state: Mutex<State>,
    /// Bytes of the file that are read, torn lines counted.
    done: AtomicU64,
    /// Set where the file was replaced: what still reads the old one ends.
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// The file as the last pass, or the one under way, found it.
    stamp: Stamp,
    /// Whether a pass ended.
    passed: bool,
    reading: bool,
    /// Whether it waits for its turn.
    waiting: bool,
    /// Bytes up to the end of the last record, and the hash of the first and the last bytes before.
    read_to: u64,
    probe: u64,
    trouble: Option<String>,
}

impl Places {
    pub fn new(shape: Shape) -> Self {
        Places {
            columns: RwLock::new(Columns::new(shape)),
            ..Places::default()
        }
    }

    /// What is read so far.
    pub fn columns(&self) -> RwLockReadGuard<'_, Columns> {
        self.columns.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the pass is; `None` where none is under way nor due.
    pub fn indexing(&self) -> Option<Indexing> {
        let records = self.columns().records;
        let state = self.state();
        (state.reading || state.waiting).then(|| Indexing {
            bytes: state.stamp.bytes,
            bytes_done: self.done.load(Ordering::Relaxed).min(state.stamp.bytes),
            records,
        })
    }

    /// Why the file could not be read to its end.
    pub fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    /// Whether there is nothing to read, or somebody reads it.
    pub fn is_current(&self, stamp: Stamp) -> bool {
        let state = self.state();
        (state.reading && state.stamp.inode == stamp.inode)
            || (state.passed && !state.waiting && state.stamp == stamp)
    }

    /// Whether the index is of this file, which may have grown: the same file, no shorter, and with the
    /// same bytes where it was read first and last.
    pub fn is_of(&self, file: &File, stamp: Stamp) -> bool {
        let (inode, read_to, probe) = {
            let state = self.state();
            if state.reading {
                return state.stamp.inode == stamp.inode;
            }
            if !state.passed {
                // Not read yet; what a failed pass left is not to be built on.
                return self.columns().is_empty();
            }
            (state.stamp.inode, state.read_to, state.probe)
        };
        inode == stamp.inode
            && read_to <= stamp.bytes
            && probe_of(file, read_to).is_ok_and(|found| found == probe)
    }

    /// Bytes that were not read yet of a file of this stamp.
    pub fn unread(&self, stamp: Stamp) -> u64 {
        stamp.bytes.saturating_sub(self.state().read_to)
    }

    /// Takes the right to read; `false` where somebody else has it.
    pub fn begin(&self, stamp: Stamp) -> bool {
        let mut state = self.state();
        if state.reading {
            return false;
        }
        self.done.store(state.read_to, Ordering::Relaxed);
        state.stamp = stamp;
        state.trouble = None;
        state.reading = true;
        state.waiting = false;
        true
    }

    /// Notes that the file waits for its turn.
    pub fn wait(&self, stamp: Stamp) {
        let mut state = self.state();
        if !state.reading {
            state.stamp = stamp;
            state.waiting = true;
        }
    }

    /// Gives the right to read back without having read.
    pub fn give_up(&self) {
        let mut state = self.state();
        state.reading = false;
        state.waiting = true;
    }

    /// Ends a pass whose file was replaced.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Reads on to the end of the file; [`Places::begin`] must have been true. Memory stays at one line,
    /// one batch and the columns.
    pub fn read_on(&self, file: &File) {
        // Whatever happens, a panic too, the right to read is given back.
        let _done = Done(self);
        let outcome = self.pass(file).and_then(|()| {
            let read_to = self.columns().read_to;
            Ok((read_to, probe_of(file, read_to)?))
        });
        let mut state = self.state();
        match outcome {
            Ok((read_to, probe)) => {
                state.read_to = read_to;
                state.probe = probe;
                state.passed = true;
            }
            Err(error) => {
                state.passed = false;
                state.trouble = Some(error.to_string());
            }
        }
    }

    fn pass(&self, file: &File) -> io::Result<()> {
        let from = self.columns().read_to;
        let mut reader = BufReader::with_capacity(READ_BYTES, file);
        reader.seek(SeekFrom::Start(from))?;
        let mut lines = Lines::new(reader, from, RECORD_BYTES_MAX);
        let mut batch = Batch {
            read_to: from,
            ..Batch::default()
        };
        while let Some(line) = lines.next_line()? {
            let end = line.end;
            match columns::read(&line) {
                Read::Torn => {
                    self.done.store(end, Ordering::Relaxed);
                    break;
                }
                Read::Entry(entry) => batch.entries.push(entry),
                Read::Bad => batch.bad_lines += 1,
                Read::Blank => {}
            }
            batch.read_to = end;
            if batch.entries.len() == INDEX_BATCH_RECORDS {
                if self.stop.load(Ordering::Relaxed) || !self.add(&mut batch) {
                    return Ok(());
                }
                self.done.store(end, Ordering::Relaxed);
            }
        }
        self.add(&mut batch);
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        columns.settle();
        Ok(())
    }

    /// `false` where the index is full.
    fn add(&self, batch: &mut Batch) -> bool {
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        columns.bad_lines += std::mem::take(&mut batch.bad_lines);
        columns.read_to = batch.read_to;
        batch.entries.drain(..).all(|entry| columns.push(entry))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Batch {
    entries: Vec<columns::Entry>,
    bad_lines: u64,
    read_to: u64,
}

struct Done<'a>(&'a Places);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.reading = false;
        self.0.done.store(state.stamp.bytes, Ordering::Relaxed);
    }
}

/// Hash of the first and the last bytes before `end`; 0 where the file is shorter.
pub(super) fn probe_of(file: &File, end: u64) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    let mut bytes = [0; PROBE_BYTES];
    let length = (end as usize).min(PROBE_BYTES);
    for start in [0, end - length as u64] {
        let part = &mut bytes[..length];
        match file.read_exact_at(part, start) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            result => result?,
        }
        part.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Reads one entry's bytes; `None` where the file has become shorter.
pub(super) fn bytes_at(
    file: &File,
    offset: u64,
    length: u32,
    bytes: &mut Vec<u8>,
) -> io::Result<Option<()>> {
    bytes.resize(length as usize, 0);
    match file.read_exact_at(bytes, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        result => result.map(Some),
    }
}
