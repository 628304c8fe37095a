//! The stages of the pipeline: files → pure functions → files, one module each.

pub mod build;
pub mod cluster;
pub mod compare_methods;
pub mod evaluate;
pub mod faithfulness;
pub mod questions;
pub mod rationalize;
pub mod reuse;
pub mod rl;
pub mod run;
pub mod sample;
pub mod sample_file;
pub mod score;
pub mod sft;
pub mod teacher;
pub mod unanswered;

use crate::endpoint::Spent;
use crate::events::EventLog;
use crate::run_dir::{read_records, write_records};
use datasets::Skipped;
use datasets::event::EventKind;
use std::path::{Path, PathBuf};

/// What every stage is given, whoever runs it: its own command, `sayself run`, or a test.
pub struct StageContext<'a> {
    /// Where this stage's records go; it exists.
    pub records: PathBuf,
    pub events: &'a EventLog,
    /// What the stage is called in events and on the bar, e.g. `sample`, `evaluate/sayself`.
    pub stage: String,
    /// Every random choice follows from it.
    pub seed: u64,
    /// Count malformed rows in `skipped.jsonl` and go on, in place of failing.
    pub skip_invalid: bool,
    /// No bar and no notes on stderr.
    pub quiet: bool,
}

impl StageContext<'_> {
    /// A part of this stage, whose records go into a folder of its own among these.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn within(&self, folder: &str) -> anyhow::Result<StageContext<'_>> {
        let records = self.records.join(folder);
        std::fs::create_dir_all(&records).map_err(|source| crate::error::Error::Write {
            path: records.clone(),
            source,
        })?;
        Ok(StageContext {
            records,
            events: self.events,
            stage: format!("{}/{folder}", self.stage),
            ..*self
        })
    }

    /// Says a stage's failure in `events.jsonl`, and passes it on.
    pub fn told<T>(&self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        if let Err(error) = &outcome {
            let kind = EventKind::Failed {
                error: format!("{error:#}"),
            };
            // Where even that cannot be written (a full disk), the failure itself is what counts.
            let _ = self.events.write(&self.stage, kind);
        }
        outcome
    }

    /// Says in `events.jsonl` what was asked of an endpoint for so many records, where there is one.
    pub fn write_spent(&self, spent: Option<Spent>, records: usize) -> anyhow::Result<()> {
        match spent {
            Some(spent) if spent.calls > 0 => {
                self.events
                    .metrics(&self.stage, records as u64, spent.values())
            }
            _ => Ok(()),
        }
    }

    /// The run's own folder: where `events.jsonl` stands, else the records.
    pub fn run_folder(&self) -> &Path {
        self.events
            .path()
            .and_then(Path::parent)
            .unwrap_or(&self.records)
    }

    /// Says in the run's `skipped.jsonl` (beside `events.jsonl`, else among the records) what this
    /// stage left out, in place of what it said there before.
    pub fn write_skipped(&self, skipped: &[Skipped]) -> anyhow::Result<()> {
        self.write_skipped_of(&self.stage, skipped)
    }

    /// The same under another name, for what was left out before the stage began.
    pub fn write_skipped_of(&self, name: &str, skipped: &[Skipped]) -> anyhow::Result<()> {
        let path = self.run_folder().join("skipped.jsonl");
        write_skipped(&path, name, skipped)?;
        if !skipped.is_empty() {
            let message = format!("{} records left out, see {}", skipped.len(), path.display());
            self.events.note(name, &message)?;
            if !self.quiet {
                eprintln!("{name}: {message}");
            }
        }
        Ok(())
    }
}

/// Replaces what `stage` says in a `skipped.jsonl` by `skipped`, keeping what other stages say;
/// without anything to say no file is made.
pub fn write_skipped(path: &Path, stage: &str, skipped: &[Skipped]) -> anyhow::Result<()> {
    let mut all: Vec<Skipped> = if path.exists() {
        read_records(path)?
    } else {
        Vec::new()
    };
    let before = all.len();
    all.retain(|record| record.stage != stage);
    if skipped.is_empty() && before == all.len() {
        return Ok(());
    }
    all.extend_from_slice(skipped);
    write_records(path, &all)
}
