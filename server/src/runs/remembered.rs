//! What was made of files, kept until the file changes.

use super::contained;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub inode: u64,
    pub bytes: u64,
    changed_ns: u128,
}

impl Stamp {
    fn of(metadata: &Metadata) -> io::Result<Self> {
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

/// What was made of the files looked at last, at most so many.
pub struct Remembered<T> {
    entries_max: usize,
    kept: Mutex<Kept<T>>,
}

struct Kept<T> {
    files: HashMap<PathBuf, Entry<T>>,
    clock: u64,
}

struct Entry<T> {
    used: u64,
    stamp: Stamp,
    made: Arc<T>,
}

impl<T> Remembered<T> {
    pub fn new(entries_max: usize) -> Self {
        Remembered {
            entries_max,
            kept: Mutex::new(Kept {
                files: HashMap::new(),
                clock: 0,
            }),
        }
    }

    /// What was made of `path`, or what `make` makes of it now; `make` gets what it made of the same
    /// file when that was shorter.
    ///
    /// # Errors
    /// As [`contained::open`], and those of `make`.
    pub fn of(
        &self,
        folder: &Path,
        path: &Path,
        make: impl FnOnce(File, Stamp, Option<Arc<T>>) -> io::Result<T>,
    ) -> io::Result<Arc<T>> {
        let (file, metadata) = contained::open(folder, path)?;
        let stamp = Stamp::of(&metadata)?;
        let before = {
            let mut kept = self.lock();
            kept.clock += 1;
            let used = kept.clock;
            kept.files.get_mut(path).map(|entry| {
                entry.used = used;
                (entry.stamp, Arc::clone(&entry.made))
            })
        };
        let grown = match before {
            Some((known, made)) if known == stamp => return Ok(made),
            Some((known, made)) if known.inode == stamp.inode && known.bytes <= stamp.bytes => {
                Some(made)
            }
            _ => None,
        };
        let made = Arc::new(make(file, stamp, grown)?);
        let mut kept = self.lock();
        let entry = Entry {
            used: kept.clock,
            stamp,
            made: Arc::clone(&made),
        };
        kept.files.insert(path.to_owned(), entry);
        while kept.files.len() > self.entries_max {
            let oldest = kept
                .files
                .iter()
                .min_by_key(|(_, entry)| entry.used)
                .map(|(path, _)| path.clone());
            let Some(oldest) = oldest else { break };
            kept.files.remove(&oldest);
        }
        Ok(made)
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        // A cache: after a panic elsewhere nothing in it is half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_is_read_again_only_when_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap();
        let path = folder.join("a");
        std::fs::write(&path, "12").unwrap();
        let remembered = Remembered::<u64>::new(1);
        let length = |_: File, stamp: Stamp, before: Option<Arc<u64>>| {
            Ok(stamp.bytes * 100 + before.map_or(0, |before| *before))
        };
        assert_eq!(*remembered.of(&folder, &path, length).unwrap(), 200);
        let again = remembered.of(&folder, &path, |_, _, _| unreachable!("it has not changed"));
        assert_eq!(*again.unwrap(), 200);
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(b"3").unwrap();
        assert_eq!(*remembered.of(&folder, &path, length).unwrap(), 500);
        std::fs::write(folder.join("b"), "").unwrap();
        remembered.of(&folder, &folder.join("b"), length).unwrap();
        assert_eq!(*remembered.of(&folder, &path, length).unwrap(), 300);
    }
}
