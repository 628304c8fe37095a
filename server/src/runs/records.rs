//! The records of `*.jsonl` files, each read without the others: a file of 2 GB costs its index, never
//! its size. A file that has grown is read on from its old end; one that was replaced is read anew. A
//! small file is indexed at once, a large one in the background.

use super::columns::{Place, Shape};
use super::contained;
use super::indexing::{Places, Stamp, bytes_at};
use crate::limits::{INDEX_AT_ONCE_BYTES_MAX, INDEX_BYTES_MAX, INDEXING_AT_ONCE_MAX};
use app::view::Indexing;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of memory that an index takes without its columns, about.
const FILE_BYTES: usize = 1_024;
/// Between two looks at an index that is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The indices of the files looked at last.
#[derive(Clone, Default)]
pub struct Records {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    files: HashMap<PathBuf, (u64, Arc<Places>)>,
    clock: u64,
    /// Passes in the background.
    passes: usize,
}

impl Records {
    /// The places of `path`'s records; of a large file those that are indexed so far, which
    /// [`Places::indexing`] tells.
    ///
    /// # Errors
    /// As [`contained::open`], and those of reading.
    pub fn places(&self, folder: &Path, path: &Path) -> io::Result<Arc<Places>> {
        let (file, metadata) = contained::open(folder, path)?;
        let stamp = Stamp::of(&metadata)?;
        let places = self.of_path(path);
        if places.is_current(stamp) {
            return Ok(places);
        }
        let places = if places.is_of(&file, stamp) {
            places
        } else {
            self.anew(path, &places)
        };
        if places.unread(stamp) <= INDEX_AT_ONCE_BYTES_MAX {
            if places.begin(stamp) {
                places.read_on(&file);
                self.make_room(path);
            } else {
                // Somebody else reads it just now, which takes no longer than to read it again.
                settled(&places, Duration::from_secs(1));
            }
        } else if let Some(turn) = self.turn() {
            if places.begin(stamp) {
                self.read_in_background(path, file, Arc::clone(&places), turn);
            }
        } else {
            places.wait(stamp);
        }
        match places.trouble() {
            Some(trouble) => Err(io::Error::other(trouble)),
            None => Ok(places),
        }
    }

    /// As [`Records::places`], waiting for the index for so long at most. How far it is, if it is not
    /// done then; a file that cannot be read has no index.
    pub fn settle(&self, folder: &Path, path: &Path, patience: Duration) -> Option<Indexing> {
        let until = Instant::now() + patience;
        loop {
            // Looked at anew: what waits for its turn is begun by a look.
            let places = self.places(folder, path).ok()?;
            let left = until.saturating_duration_since(Instant::now());
            if settled(&places, left.min(20 * LOOK_AGAIN)) {
                return None;
            }
            if Instant::now() >= until {
                return places.indexing();
            }
        }
    }

    fn read_in_background(&self, path: &Path, file: File, places: Arc<Places>, turn: Turn) {
        let records = self.clone();
        let path = path.to_owned();
        let kept = Arc::clone(&places);
        let thread = std::thread::Builder::new().name("index".into());
        let spawned = thread.spawn(move || {
            places.read_on(&file);
            drop(turn);
            records.make_room(&path);
        });
        // Without a thread it is read at the next look.
        if spawned.is_err() {
            kept.give_up();
        }
    }

    /// The right to read in the background; `None` while as many do as may.
    fn turn(&self) -> Option<Turn> {
        let mut kept = self.lock();
        if kept.passes >= INDEXING_AT_ONCE_MAX {
            return None;
        }
        kept.passes += 1;
        Some(Turn(self.clone()))
    }

    /// The index of a path, which is new where there was none.
    fn of_path(&self, path: &Path) -> Arc<Places> {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let (used, places) = kept
            .files
            .entry(path.to_owned())
            .or_insert_with(|| (clock, Arc::new(Places::new(shape_of(path)))));
        *used = clock;
        Arc::clone(places)
    }

    /// A new index in the place of one of another file; whoever comes second gets the first's.
    fn anew(&self, path: &Path, before: &Arc<Places>) -> Arc<Places> {
        let mut kept = self.lock();
        let clock = kept.clock;
        if let Some((_, now)) = kept.files.get(path)
            && !Arc::ptr_eq(now, before)
        {
            return Arc::clone(now);
        }
        before.stop();
        let places = Arc::new(Places::new(shape_of(path)));
        kept.files
            .insert(path.to_owned(), (clock, Arc::clone(&places)));
        places
    }

    /// Lets go of the indices that were asked for longest ago, until all fit.
    fn make_room(&self, but: &Path) {
        let mut kept = self.lock();
        loop {
            let memory: usize = kept
                .files
                .values()
                .map(|(_, places)| FILE_BYTES + places.columns().memory())
                .sum();
            let oldest = kept
                .files
                .iter()
                .filter(|(path, (_, places))| path.as_path() != but && places.indexing().is_none())
                .min_by_key(|(_, (used, _))| *used)
                .map(|(path, _)| path.clone());
            let (true, Some(oldest)) = (memory > INDEX_BYTES_MAX, oldest) else {
                return;
            };
            kept.files.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing that is half done can be seen after a panic here: the map is a cache.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Given back when it is dropped, after a panic too.
struct Turn(Records);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut kept = self.0.lock();
        kept.passes = kept.passes.saturating_sub(1);
    }
}

fn shape_of(path: &Path) -> Shape {
    Shape::of(
        path.file_name()
            .and_then(|name| name.to_str())
            .unwrap_or(""),
    )
}

/// Waits for a pass; whether it is done.
fn settled(places: &Places, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while places.indexing().is_some() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    true
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
    let mut records = Vec::new();
    each(folder, path, places, |_, _, record| {
        records.push(record);
        ControlFlow::Continue(())
    })?;
    Ok(records)
}

/// As [`read`], a record at a time with its entry and its length in bytes, so that no more than one entry
/// is held.
///
/// # Errors
/// As [`contained::open`], and those of reading.
pub fn each<T: DeserializeOwned>(
    folder: &Path,
    path: &Path,
    places: impl IntoIterator<Item = Place>,
    mut take: impl FnMut(Place, u64, T) -> ControlFlow<()>,
) -> io::Result<()> {
    let (file, _) = contained::open(folder, path)?;
    let mut bytes = Vec::new();
    for place in places {
        // The file was replaced by a shorter one since it was indexed.
        if bytes_at(&file, place.offset, place.length, &mut bytes)?.is_none() {
            break;
        }
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Ok(record) = serde_json::from_slice(line)
                && take(place, line.len() as u64, record).is_break()
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap();
        (directory, folder)
    }

    fn append(path: &Path, text: &[u8]) {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        file.write_all(text).unwrap();
    }

    fn count(records: &Records, folder: &Path, path: &Path) -> (u64, u64) {
        let places = records.places(folder, path).unwrap();
        let columns = places.columns();
        (columns.records, columns.bad_lines)
    }

    #[test]
    fn a_file_that_grows_is_read_on_and_one_that_is_replaced_anew() {
        let (_directory, folder) = folder();
        let path = folder.join("answers.jsonl");
        append(
            &path,
            b"{\"id\":\"a\",\"probability\":0.5,\"correct\":true}\nnoise\n{\"id\":\"b\",\"pro",
        );
        let records = Records::default();
        assert_eq!(count(&records, &folder, &path), (1, 1));
        append(&path, b"bability\":0.25,\"correct\":false}\n");
        assert_eq!(count(&records, &folder, &path), (2, 1));
        let places = records.places(&folder, &path).unwrap();
        assert_eq!(places.columns().get(1).probability, 0.25);
        let found: Vec<serde_json::Value> =
            read(&folder, &path, places.columns().of_question("b")).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["probability"], 0.25);
        std::fs::write(folder.join("new"), "{\"id\":\"c\"}\n").unwrap();
        std::fs::rename(folder.join("new"), &path).unwrap();
        assert_eq!(count(&records, &folder, &path), (1, 0));
        // Rewritten in its place, and longer than before.
        std::fs::write(&path, "{\"id\":\"d\"}\n{\"id\":\"e\"}\n").unwrap();
        assert_eq!(count(&records, &folder, &path), (2, 0));
        let places = records.places(&folder, &path).unwrap();
        assert!(places.columns().of_question("c").is_empty());
        // Emptied.
        std::fs::write(&path, "").unwrap();
        assert_eq!(count(&records, &folder, &path), (0, 0));
        std::fs::remove_file(&path).unwrap();
        assert!(records.places(&folder, &path).is_err());
    }

    #[test]
    fn samples_of_one_question_are_one_entry() {
        let (_directory, folder) = folder();
        let path = folder.join("samples.jsonl");
        for id in ["a", "a", "b", "a"] {
            append(&path, format!("{{\"question_id\":\"{id}\"}}\n").as_bytes());
        }
        let records = Records::default();
        assert_eq!(count(&records, &folder, &path), (4, 0));
        let places = records.places(&folder, &path).unwrap();
        assert_eq!(places.columns().len(), 3);
        // One that comes later, after a look, joins what stands at the end.
        append(&path, b"\n{\"question_id\":\"a\"}\n");
        let places = records.places(&folder, &path).unwrap();
        assert_eq!((places.columns().len(), places.columns().records), (3, 5));
        let found: Vec<serde_json::Value> =
            read(&folder, &path, places.columns().of_question("a")).unwrap();
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn large_files_are_indexed_in_the_background_some_at_a_time() {
        let (_directory, folder) = folder();
        let filler = "x".repeat(1_000);
        let lines = INDEX_AT_ONCE_BYTES_MAX as usize / 1_000 + 1;
        let line = |id: usize| format!("{{\"id\":\"q{id}\",\"text\":\"{filler}\"}}\n");
        let text: String = (0..lines).map(line).collect();
        let records = Records::default();
        let paths: Vec<PathBuf> = (0..=INDEXING_AT_ONCE_MAX)
            .map(|number| folder.join(format!("{number}.jsonl")))
            .collect();
        for path in &paths {
            std::fs::write(path, &text).unwrap();
        }
        for path in &paths {
            // Shown at once, whatever is read.
            let places = records.places(&folder, path).unwrap();
            assert!(places.columns().len() <= lines);
        }
        for path in &paths {
            let patience = Duration::from_secs(30);
            assert_eq!(records.settle(&folder, path, patience), None);
            assert_eq!(count(&records, &folder, path), (lines as u64, 0));
            let places = records.places(&folder, path).unwrap();
            let found = places.columns().of_question("q7");
            assert_eq!(found.len(), 1);
        }
        assert_eq!(records.lock().passes, 0);
        // What is read is read on, not anew.
        append(&paths[0], line(lines).as_bytes());
        assert_eq!(count(&records, &folder, &paths[0]), (lines as u64 + 1, 0));
    }

    #[test]
    fn what_was_asked_for_longest_ago_makes_room() {
        let (_directory, folder) = folder();
        let records = Records::default();
        for name in ["a.jsonl", "b.jsonl"] {
            append(&folder.join(name), b"{\"id\":\"a\"}\n");
            records.places(&folder, &folder.join(name)).unwrap();
        }
        records.make_room(&folder.join("a.jsonl"));
        assert_eq!(records.lock().files.len(), 2);
    }

    mod against_a_plain_read {
        use super::*;
        use proptest::prelude::*;

        /// What a line may be; most are records.
        fn line() -> impl Strategy<Value = String> {
            let record = (0_u8..6, prop::option::of(0_u8..=10), any::<bool>(), 0_u8..3, any::<bool>()).prop_map(
                |(id, level, correct, template, failed)| {
                    let mut record = serde_json::json!({"question_id": format!("q{id}"), "correct": correct, "text": "é\u{2028}"});
                    if let Some(level) = level {
                        record["probability"] = (f64::from(level) / 10.0).into();
                    }
                    if template > 0 {
                        record["template"] = format!("t{template}").into();
                    }
                    record["failure"] = if failed { "unread".into() } else { serde_json::Value::Null };
                    record.to_string()
                },
            );
            prop_oneof![8 => record, 1 => Just(String::new()), 1 => Just("noise {".to_owned()), 1 => Just("[1]".to_owned())]
        }

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(64))]

            /// Whatever is in a file, and wherever it was cut while it grew, the index holds what a
            /// plain read finds.
            #[test]
            fn the_index_holds_what_is_there(lines in prop::collection::vec(line(), 0..30), cuts in prop::collection::vec(0.0_f64..1.0, 0..4), end: bool) {
                let (_directory, folder) = folder();
                let path = folder.join("answers.jsonl");
                let text = lines.join("\n") + if end { "\n" } else { "" };
                let mut ends: Vec<usize> = cuts.iter().map(|cut| (cut * text.len() as f64) as usize).chain([text.len()]).collect();
                ends.sort_unstable();
                let records = Records::default();
                let mut from = 0;
                for end in ends {
                    append(&path, &text.as_bytes()[from..end]);
                    from = end;
                    records.places(&folder, &path).unwrap();
                }
                let places = records.places(&folder, &path).unwrap();
                let columns = places.columns();
                let plain: Vec<serde_json::Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).filter(serde_json::Value::is_object).collect();
                prop_assert_eq!(columns.len(), plain.len());
                for (place, record) in columns.iter().zip(&plain) {
                    let same = record["probability"].as_f64().map_or(place.probability.is_nan(), |probability| probability == place.probability);
                    prop_assert!(same);
                    prop_assert_eq!(Some(place.correct), record["correct"].as_bool());
                    prop_assert_eq!(place.failed, !record["failure"].is_null());
                    prop_assert_eq!(place.template.map(|template| columns.templates[usize::from(template)].as_str()), record["template"].as_str());
                    let read: Vec<serde_json::Value> = read(&folder, &path, [place]).unwrap();
                    prop_assert_eq!(&read[0], record);
                }
                for id in 0..6 {
                    let id = format!("q{id}");
                    let found: Vec<serde_json::Value> = read(&folder, &path, columns.of_question(&id)).unwrap();
                    let wanted: Vec<&serde_json::Value> = plain.iter().filter(|record| record["question_id"] == id.as_str()).collect();
                    prop_assert_eq!(found.iter().collect::<Vec<_>>(), wanted);
                }
            }
        }
    }
}
