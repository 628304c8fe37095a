//! What people note of runs, as the server knows it: checked at the edge, kept in the database, held
//! in memory so that a list of thousands needs no query a row.

use crate::db::{Database, DatabaseError, LabelRow};
use crate::limits::{
    LABELS_EVERY_MS, LABELS_WAITED_MS_MAX, NOTE_CHARACTERS_MAX, TAG_CHARACTERS_MAX, TAGS_MAX,
};
use crate::runs::library::Run;
use app::view::Labels;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// All labels at one moment.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    by_directory: HashMap<String, LabelRow>,
    /// The directory that was noted last under an id.
    by_id: HashMap<String, String>,
    newest_ms: i64,
}

impl Noted {
    /// What is noted of a run. A run that was moved keeps what was noted of its id, as long as no
    /// other run stands where it stood (`is_served`).
    pub fn of(&self, run: &Run, is_served: impl Fn(&str) -> bool) -> Option<&Labels> {
        if self.by_directory.is_empty() {
            return None;
        }
        let own = run
            .found
            .directory
            .to_str()
            .and_then(|directory| self.by_directory.get(directory));
        let row = own.or_else(|| {
            let before = self.by_id.get(&run.found.id)?;
            self.by_directory.get(before).filter(|_| !is_served(before))
        })?;
        Some(&row.labels)
    }

    /// Each tag with the number of runs that have it, in the order of the tags.
    pub fn tags<'run>(
        &'run self,
        runs: impl Iterator<Item = &'run Run>,
        is_served: impl Fn(&str) -> bool,
    ) -> Vec<(String, u64)> {
        if self.by_directory.is_empty() {
            return Vec::new();
        }
        let mut counts: BTreeMap<String, (String, u64)> = BTreeMap::new();
        for run in runs {
            for tag in self
                .of(run, &is_served)
                .map_or(&[][..], |labels| labels.tags.as_slice())
            {
                counts
                    .entry(tag.to_lowercase())
                    .or_insert_with(|| (tag.clone(), 0))
                    .1 += 1;
            }
        }
        counts.into_values().collect()
    }

    fn take_in(&mut self, row: LabelRow) {
        self.newest_ms = self.newest_ms.max(row.changed_ms);
        self.by_id.insert(row.run_id.clone(), row.directory.clone());
        self.by_directory.insert(row.directory.clone(), row);
    }
}

/// The labels of all runs.
#[derive(Debug, Default)]
pub struct LabelBook {
    known: Mutex<Known>,
    /// A change of a part looks first and writes then: one at a time.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    noted: Arc<Noted>,
    asked: Option<Instant>,
}

impl LabelBook {
    /// The labels, at most [`LABELS_EVERY_MS`] old; where the database does not answer in
    /// [`LABELS_WAITED_MS_MAX`], as they were last: a list without its newest notes is better than
    /// none.
    pub async fn noted(&self, database: &Database) -> Arc<Noted> {
        let every = Duration::from_millis(LABELS_EVERY_MS);
        {
            let mut known = self.lock();
            if known.asked.is_some_and(|asked| asked.elapsed() < every) {
                return Arc::clone(&known.noted);
            }
            // Who comes meanwhile does not ask too.
            if known.asked.is_some() {
                known.asked = Some(Instant::now());
            }
        }
        let wait = Duration::from_millis(LABELS_WAITED_MS_MAX);
        let why = match tokio::time::timeout(wait, self.refreshed(database)).await {
            Ok(Ok(noted)) => return noted,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the database did not answer in {LABELS_WAITED_MS_MAX} ms"),
        };
        tracing::warn!("tags and notes are shown as they were: {why}");
        let mut known = self.lock();
        known.asked = Some(Instant::now());
        Arc::clone(&known.noted)
    }

    async fn refreshed(&self, database: &Database) -> Result<Arc<Noted>, DatabaseError> {
        let newest_ms = self.lock().noted.newest_ms;
        // The newest of those that are known comes again: another may have the same time.
        let rows = database.labels_since(newest_ms).await?;
        let mut known = self.lock();
        known.asked = Some(Instant::now());
        known.take_in(rows);
        Ok(Arc::clone(&known.noted))
    }

    /// Changes a run's labels: what is `None` stays as it is.
    ///
    /// # Errors
    /// Where a tag or the note breaks a limit, the run's folder has no name that a database can
    /// hold, or the database fails.
    pub async fn change(
        &self,
        database: &Database,
        run: &Run,
        change: LabelChange,
        is_served: impl Fn(&str) -> bool,
    ) -> Result<Labels, LabelError> {
        let change = change.checked()?;
        let directory = run
            .found
            .directory
            .to_str()
            .filter(|directory| !directory.contains('\0'))
            .ok_or(LabelError::Folder)?;
        let _changing = self.changing.lock().await;
        let noted = self.refreshed(database).await?;
        let before = noted.of(run, is_served).cloned().unwrap_or_default();
        let labels = Labels {
            tags: change.tags.unwrap_or_else(|| before.tags.clone()),
            note: change.note.unwrap_or_else(|| before.note.clone()),
        };
        if labels == before {
            return Ok(labels);
        }
        let row = database
            .set_labels(directory, &run.found.id, labels)
            .await?;
        let labels = row.labels.clone();
        self.lock().take_in(vec![row]);
        Ok(labels)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Taken in whole or not at all: a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn take_in(&mut self, rows: Vec<LabelRow>) {
        let is_new = |row: &LabelRow| self.noted.by_directory.get(&row.directory) != Some(row);
        let new: Vec<LabelRow> = rows.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return;
        }
        let noted = Arc::make_mut(&mut self.noted);
        for row in new {
            noted.take_in(row);
        }
    }
}

/// What is to become of a run's labels; `None` leaves a part as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelChange {
    pub tags: Option<Vec<String>>,
    pub note: Option<String>,
}

/// Why labels are not changed.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    #[error("the tag {tag:?} has {characters} characters, expected {max} at most", max = TAG_CHARACTERS_MAX)]
    LongTag { tag: String, characters: usize },
    #[error("found a comma in the tag {0:?}, expected none: it stands between tags")]
    Comma(String),
    #[error("found more tags than {0}")]
    ManyTags(usize),
    #[error("the note has {0} characters, expected {max} at most", max = NOTE_CHARACTERS_MAX)]
    LongNote(usize),
    #[error("the path of the run's folder is not UTF-8, so nothing can be noted of it")]
    Folder,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl LabelChange {
    /// Tags trimmed, without empty ones and without those that are there already but for case; no
    /// control characters but the note's line breaks and tabs.
    fn checked(self) -> Result<Self, LabelError> {
        Ok(LabelChange {
            tags: self.tags.map(checked_tags).transpose()?,
            note: self.note.map(|note| checked_note(&note)).transpose()?,
        })
    }
}

/// The tags of a line, with commas between them.
pub fn tags_from_line(line: &str) -> Vec<String> {
    line.split(',').map(str::to_owned).collect()
}

fn checked_tags(given: Vec<String>) -> Result<Vec<String>, LabelError> {
    let mut tags: Vec<String> = Vec::new();
    for tag in given {
        let plain = tag.replace(char::is_control, " ");
        let tag = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        if tag.is_empty() {
            continue;
        }
        if tag.contains(',') {
            return Err(LabelError::Comma(tag));
        }
        let characters = tag.chars().count();
        if characters > TAG_CHARACTERS_MAX {
            return Err(LabelError::LongTag { tag, characters });
        }
        let folded = tag.to_lowercase();
        if !tags.iter().any(|known| known.to_lowercase() == folded) {
            tags.push(tag);
        }
        if tags.len() > TAGS_MAX {
            return Err(LabelError::ManyTags(TAGS_MAX));
        }
    }
    Ok(tags)
}

fn checked_note(given: &str) -> Result<String, LabelError> {
    let mut note = given.replace("\r\n", "\n").replace('\r', "\n");
    note.retain(|character| !character.is_control() || character == '\n' || character == '\t');
    let note = note.trim();
    let characters = note.chars().count();
    if characters > NOTE_CHARACTERS_MAX {
        return Err(LabelError::LongNote(characters));
    }
    Ok(note.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_tidied_and_limited() {
        let tags = |line: &str| checked_tags(tags_from_line(line));
        assert_eq!(
            tags(" base ,, Best  run,BASE, a\u{0}b ").unwrap(),
            ["base", "Best run", "a b"]
        );
        assert!(tags(" , ").unwrap().is_empty());
        assert!(tags(&"ä".repeat(TAG_CHARACTERS_MAX)).is_ok());
        assert!(matches!(
            tags(&"ä".repeat(TAG_CHARACTERS_MAX + 1)),
            Err(LabelError::LongTag { characters, .. }) if characters == TAG_CHARACTERS_MAX + 1
        ));
        let many: Vec<String> = (0..=TAGS_MAX).map(|number| number.to_string()).collect();
        assert!(matches!(checked_tags(many), Err(LabelError::ManyTags(_))));
        assert!(matches!(
            checked_tags(vec!["a,b".into()]),
            Err(LabelError::Comma(_))
        ));
    }

    #[test]
    fn notes_are_plain_text_and_limited() {
        assert_eq!(
            checked_note(" a\r\nb\u{0}\u{1b}\t<b> ").unwrap(),
            "a\nb\t<b>"
        );
        assert!(checked_note(&"x".repeat(NOTE_CHARACTERS_MAX)).is_ok());
        assert!(checked_note(&"x".repeat(NOTE_CHARACTERS_MAX + 1)).is_err());
    }
}
