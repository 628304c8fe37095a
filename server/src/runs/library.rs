//! All served runs, looked up by id, and what their pages show.

use super::answers;
use super::directory::Directories;
use super::facts::{self, EVENTS, Facts};
use super::look::{Folders, Shelf};
use super::records::Records;
use super::scan::{Found, Root};
use super::{contained, log};
use crate::limits::SHOWN_MAX;
use app::view::{Evaluation, RunDetail, RunDirectory, RunState, RunSummary};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Locked by the program that works in the run directory.
const LOCK: &str = ".lock";
/// Milliseconds of silence after which a run's lock is asked about.
const UNLOCKED_AFTER_MS: u64 = 10_000;

/// One run as it was found last.
#[derive(Clone, Debug)]
pub struct Run {
    pub found: Found,
    pub fingerprint: String,
    pub facts: Arc<Facts>,
}

/// What a run's job says of its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Process {
    /// Lives: silence is no sign of its end.
    Lives,
    /// Ended with success.
    Succeeded,
    /// Ended at this time before the run was done, for this reason.
    Ended { at_ms: u64, reason: String },
}

/// All runs, the newest first, and what is wrong with the folders.
pub type Look = (Arc<Vec<Run>>, Arc<Vec<String>>);

/// The served runs.
pub struct Library {
    folders: Folders,
    pub(super) records: Records,
    directories: Directories,
}

/// A row for the index in the database.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexRow {
    pub directory: String,
    pub fingerprint: String,
    pub facts: Facts,
}

impl Library {
    /// `index` is what an earlier start knew; it may be empty or out of date.
    pub fn new(roots: Vec<Root>, index: Vec<IndexRow>) -> Self {
        Library {
            folders: Folders::new(roots, index),
            records: Records::default(),
            directories: Directories::default(),
        }
    }

    /// All runs, ready to be listed, and what is wrong with the folders. Blocks on the file system.
    pub fn shelf(&self) -> Shelf {
        self.folders.shelf()
    }

    /// All runs, the newest first, and what is wrong with the folders. Blocks on the file system.
    pub fn runs(&self) -> Look {
        let (catalogue, warnings) = self.shelf();
        (Arc::clone(catalogue.runs()), warnings)
    }

    /// The run of an id, read anew. Only ids that a look at the folders has shown are found, so an
    /// id is never a path. Blocks on the file system.
    pub fn run(&self, id: &str) -> Option<Run> {
        self.folders.run(id)
    }

    /// The folders that the runs stand in.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The Run page's data; `wanted` are the evaluations to draw, empty for the run's own choice.
    ///
    /// # Errors
    /// Those of reading the run's files.
    pub fn detail(
        &self,
        run: &Run,
        mut summary: RunSummary,
        wanted: &[String],
    ) -> io::Result<RunDetail> {
        let directory = &run.found.directory;
        if run.found.trouble.is_some() {
            return Ok(RunDetail {
                summary,
                evaluations: Vec::new(),
                points: Vec::new(),
                shown: Vec::new(),
                config: String::new(),
                log: Vec::new(),
                skipped: 0,
                directory: RunDirectory::default(),
                published: None,
            });
        }
        let evaluations = facts::ordered_evaluations(directory);
        let folders = facts::evaluation_folders(directory)?;
        let mut points = Vec::new();
        for evaluation in &evaluations {
            let folder = folders
                .iter()
                .find(|folder| folder.label == evaluation.label);
            let read = folder.map(|folder| answers::points(&self.records, directory, folder));
            points.push(match read {
                Some(Ok(points)) => points,
                // The rest of the run is shown all the same.
                Some(Err(error)) => {
                    summary.state = RunState::Damaged {
                        error: format!(
                            "the answers of {} cannot be read: {error}",
                            evaluation.label
                        ),
                    };
                    Vec::new()
                }
                None => Vec::new(),
            });
        }
        let labels: Vec<&str> = evaluations
            .iter()
            .map(|evaluation| evaluation.label.as_str())
            .collect();
        let shown = shown(&labels, wanted);
        let config =
            contained::small_text(directory, &directory.join(facts::CONFIG)).unwrap_or_default();
        let drawn: Vec<&Evaluation> = shown.iter().map(|index| &evaluations[*index]).collect();
        Ok(RunDetail {
            directory: self.directories.tell(directory, &config, &drawn, &folders),
            shown,
            summary,
            points,
            config,
            log: log::event_words(directory, &directory.join(EVENTS)).unwrap_or_default(),
            skipped: self.skipped(directory),
            evaluations,
            published: None,
        })
    }

    fn skipped(&self, directory: &Path) -> u64 {
        self.records
            .places(directory, &directory.join("skipped.jsonl"))
            .map_or(0, |places| places.columns().records)
    }
}

impl Run {
    /// Its place in the list: by start, then by id.
    pub fn place(&self) -> (u64, &str) {
        (
            self.facts
                .progress
                .first_ms
                .unwrap_or(self.found.changed_ms),
            &self.found.id,
        )
    }

    /// The row of the Runs page.
    pub fn summary(&self, process: Option<Process>) -> RunSummary {
        let facts = &self.facts;
        RunSummary {
            id: self.found.id.clone(),
            title: facts.title.clone(),
            model: facts.model.clone(),
            method: self.method().to_owned(),
            questions: facts.questions.clone(),
            n: facts.headline.as_ref().map_or(0, |evaluation| evaluation.n),
            metrics: facts.headline.clone(),
            state: self.state(process),
            started_ms: facts.progress.first_ms,
            recorded: self.found.recorded,
        }
    }

    /// The method of its headline evaluation; empty where it has none.
    pub fn method(&self) -> &str {
        self.facts
            .headline
            .as_ref()
            .map_or("", |evaluation| evaluation.method.as_str())
    }

    /// Where it stands.
    pub fn state(&self, process: Option<Process>) -> RunState {
        if let Some(error) = &self.facts.trouble {
            return RunState::Damaged {
                error: error.clone(),
            };
        }
        let progress = &self.facts.progress;
        let watched = process == Some(Process::Lives);
        let state = progress.state(self.facts.complete, watched, now_ms());
        match (state, process) {
            (
                RunState::Running { .. } | RunState::Waiting,
                Some(Process::Ended { at_ms, reason }),
            ) if at_ms >= progress.last_ms.unwrap_or(0) => RunState::Failed {
                stage: progress.last_stage().to_owned(),
                error: reason,
            },
            (RunState::Running { .. } | RunState::Waiting, Some(Process::Succeeded)) => {
                RunState::Finished
            }
            (RunState::Running { stage, .. }, None) if self.has_lost_its_process() => {
                RunState::Failed {
                    stage,
                    error: "its process has gone; start it again, and it goes on where it stopped"
                        .into(),
                }
            }
            (state, _) => state,
        }
    }

    /// Whether nobody holds the run directory's lock, as `sayself` does while it works there. Asked
    /// only after some seconds of silence, so that a program that is just starting is not in the way.
    fn has_lost_its_process(&self) -> bool {
        let silent_ms = now_ms().saturating_sub(self.facts.progress.last_ms.unwrap_or(0));
        silent_ms > UNLOCKED_AFTER_MS
            && std::fs::File::open(self.found.directory.join(LOCK))
                .is_ok_and(|lock| lock.try_lock_shared().is_ok())
    }
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |duration| duration.as_millis() as u64)
}

/// Which evaluations are drawn: those asked for; else the model before (`direct-prompting`, or the
/// first that is not the taught one) and after (`sayself`, or the last).
fn shown(labels: &[&str], wanted: &[String]) -> Vec<usize> {
    let index_of = |label: &str| labels.iter().position(|known| *known == label);
    let mut shown: Vec<usize> = Vec::new();
    for label in wanted {
        if let Some(index) = index_of(label)
            && !shown.contains(&index)
            && shown.len() < SHOWN_MAX
        {
            shown.push(index);
        }
    }
    if !shown.is_empty() || labels.is_empty() {
        return shown;
    }
    let taught = index_of("sayself").unwrap_or(labels.len() - 1);
    let base = index_of("direct-prompting").or_else(|| {
        labels
            .iter()
            .position(|label| !label.starts_with("sayself"))
    });
    match base {
        Some(base) if base != taught => vec![base, taught],
        _ => vec![taught],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_and_after_are_drawn_unless_asked_otherwise() {
        let labels = [
            "self-consistency",
            "direct-prompting",
            "sayself",
            "sayself-seed-2",
        ];
        assert_eq!(shown(&labels, &[]), [1, 2]);
        assert_eq!(
            shown(&labels, &["sayself-seed-2".into(), "nonsense".into()]),
            [3]
        );
        assert_eq!(shown(&["sayself"], &[]), [0]);
        assert_eq!(shown(&["a", "b"], &[]), [0, 1]);
        assert!(shown(&[], &["a".into()]).is_empty());
    }
}
