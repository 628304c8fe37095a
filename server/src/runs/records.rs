//! Where the records of a `*.jsonl` stand, so that any of them can be read without the others: a
//! file of 2 GB costs its index, never its size. A file that has grown is read on from its old end.

use super::contained;
use super::lines::Lines;
use crate::limits::{RECORD_BYTES_MAX, RECORDS_INDEXED_MAX, RECORDS_PER_FILE_MAX};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

/// Where one record stands, and what lists are filtered by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub offset: u64,
    pub length: u32,
    /// Hash of the question's id.
    key: u64,
    /// 0..=1; NaN for records that have none.
    pub probability: f64,
    pub correct: bool,
}

/// The places of all records of one file.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub all: Vec<Place>,
    /// Lines that are no records.
    pub bad_lines: u64,
    /// Whether the file has more records than are shown.
    pub cut: bool,
    read_to: u64,
    stamp: Stamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    changed_ns: u128,
}

/// The fields that an index needs; all others are skipped without being stored.
#[derive(Deserialize)]
struct Key<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    question_id: Option<Cow<'a, str>>,
    #[serde(default)]
    probability: Option<f64>,
    #[serde(default)]
    correct: Option<bool>,
}

impl Places {
    /// The places of the records of a question.
    pub fn of_question<'a>(&'a self, id: &str) -> impl Iterator<Item = Place> + use<'a> {
        let key = hash(id);
        self.all
            .iter()
            .copied()
            .filter(move |place| place.key == key)
    }

    fn read_on(&mut self, file: impl Read + Seek) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(256 * 1024, file);
        reader.seek(SeekFrom::Start(self.read_to))?;
        let mut lines = Lines::new(reader, self.read_to, RECORD_BYTES_MAX);
        while let Some(line) = lines.next_line()? {
            let Some(bytes) = line.bytes.filter(|bytes| !bytes.is_empty()) else {
                self.bad_lines += u64::from(line.bytes.is_none());
                self.read_to = line.end;
                continue;
            };
            match serde_json::from_slice::<Key>(bytes) {
                Ok(key) => {
                    if self.all.len() == RECORDS_PER_FILE_MAX {
                        self.cut = true;
                        break;
                    }
                    let id = key.question_id.or(key.id).unwrap_or_default();
                    self.all.push(Place {
                        offset: line.offset,
                        // A record is at most RECORD_BYTES_MAX long, which fits.
                        length: bytes.len() as u32,
                        key: hash(&id),
                        probability: key.probability.unwrap_or(f64::NAN),
                        correct: key.correct.unwrap_or(false),
                    });
                }
                // A torn last line is under way: it is read once its end is there.
                Err(_) if !line.whole => break,
                Err(_) => self.bad_lines += 1,
            }
            self.read_to = line.end;
        }
        Ok(())
    }
}

/// The places of the files looked at last.
#[derive(Default)]
pub struct Records {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    files: HashMap<PathBuf, (u64, Arc<Places>)>,
    clock: u64,
}

impl Records {
    /// The places of `path`'s records.
    ///
    /// # Errors
    /// As [`contained::open`], and those of reading.
    pub fn places(&self, folder: &Path, path: &Path) -> io::Result<Arc<Places>> {
        let (file, metadata) = contained::open(folder, path)?;
        let stamp = Stamp {
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed_ns: metadata
                .modified()?
                .duration_since(UNIX_EPOCH)
                .map_or(0, |duration| duration.as_nanos()),
        };
        let known = self.known(path);
        if let Some(known) = &known
            && known.stamp == stamp
        {
            return Ok(Arc::clone(known));
        }
        let mut places = known
            .filter(|known| known.stamp.inode == stamp.inode && known.stamp.bytes <= stamp.bytes)
            .map(|known| Places::clone(&known))
            .unwrap_or_default();
        places.read_on(file)?;
        places.stamp = stamp;
        let places = Arc::new(places);
        self.keep(path, Arc::clone(&places));
        Ok(places)
    }

    fn known(&self, path: &Path) -> Option<Arc<Places>> {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        kept.files.get_mut(path).map(|(used, places)| {
            *used = clock;
            Arc::clone(places)
        })
    }

    fn keep(&self, path: &Path, places: Arc<Places>) {
        let mut kept = self.lock();
        let clock = kept.clock;
        kept.files.insert(path.to_owned(), (clock, places));
        while kept.files.len() > 1
            && kept
                .files
                .values()
                .map(|(_, places)| places.all.len())
                .sum::<usize>()
                > RECORDS_INDEXED_MAX
        {
            let oldest = kept
                .files
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(path, _)| path.clone());
            let Some(oldest) = oldest else { break };
            kept.files.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing that is half done can be seen after a panic here: the map is a cache.
        self.kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The records at `places`, in that order; those that cannot be read are left out.
///
/// # Errors
/// As [`contained::open`], and those of reading.
pub fn read<T: DeserializeOwned>(
    folder: &Path,
    path: &Path,
    places: impl IntoIterator<Item = Place>,
) -> io::Result<Vec<T>> {
    let (mut file, _) = contained::open(folder, path)?;
    let mut records = Vec::new();
    let mut bytes = Vec::new();
    for place in places {
        file.seek(SeekFrom::Start(place.offset))?;
        bytes.resize(place.length as usize, 0);
        match file.read_exact(&mut bytes) {
            // The file was replaced by a shorter one since it was indexed.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            result => result?,
        }
        if let Ok(record) = serde_json::from_slice(&bytes) {
            records.push(record);
        }
    }
    Ok(records)
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_that_grows_is_read_on_and_one_that_is_replaced_anew() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap();
        let path = folder.join("answers.jsonl");
        std::fs::write(
            &path,
            "{\"id\":\"a\",\"probability\":0.5,\"correct\":true}\nnoise\n{\"id\":\"b\",\"pro",
        )
        .unwrap();
        let records = Records::default();
        let places = records.places(&folder, &path).unwrap();
        assert_eq!((places.all.len(), places.bad_lines), (1, 1));
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(b"bability\":0.25,\"correct\":false}\n")
            .unwrap();
        let places = records.places(&folder, &path).unwrap();
        assert_eq!((places.all.len(), places.bad_lines), (2, 1));
        assert_eq!(places.all[1].probability, 0.25);
        let found: Vec<serde_json::Value> = read(&folder, &path, places.of_question("b")).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["probability"], 0.25);
        std::fs::write(folder.join("new"), "{\"id\":\"c\"}\n").unwrap();
        std::fs::rename(folder.join("new"), &path).unwrap();
        assert_eq!(records.places(&folder, &path).unwrap().all.len(), 1);
    }
}
