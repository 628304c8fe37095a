//! What a run directory tells besides its evaluations; what is made of large files is remembered.

use super::breakdown;
use super::facts::{ANSWERS, EVENTS, EvaluationFolder};
use super::learning::Learning;
use super::remembered::Remembered;
use super::skipped::{self, SKIPPED};
use super::{files, provenance};
use crate::limits::DIRECTORIES_REMEMBERED_MAX;
use app::view::{Breakdown, Evaluation, LearningCurve, RunDirectory, SkippedReason};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// What was read of the directories looked at last.
pub struct Directories {
    learning: Remembered<Learning>,
    breakdowns: Remembered<Breakdown>,
    skipped: Remembered<Vec<SkippedReason>>,
}

impl Default for Directories {
    fn default() -> Self {
        Directories {
            learning: Remembered::new(DIRECTORIES_REMEMBERED_MAX),
            breakdowns: Remembered::new(2 * DIRECTORIES_REMEMBERED_MAX),
            skipped: Remembered::new(DIRECTORIES_REMEMBERED_MAX),
        }
    }
}

impl Directories {
    /// Reads the rest of a run directory; `config` is the text of its `run.toml`, `shown` are the
    /// evaluations that are broken down. What cannot be read is left out: the run's state tells it.
    pub fn tell(
        &self,
        directory: &Path,
        config: &str,
        shown: &[&Evaluation],
        folders: &[EvaluationFolder],
    ) -> RunDirectory {
        let learning = self.learning(directory).unwrap_or_default();
        let (files, files_cut) = files::list(directory);
        RunDirectory {
            breakdowns: shown
                .iter()
                .map(|evaluation| self.breakdown(directory, evaluation, folders))
                .collect(),
            curves: learning
                .curves
                .all()
                .iter()
                .map(LearningCurve::from)
                .collect(),
            notes: learning.notes.iter().cloned().collect(),
            provenance: provenance::provenance(config),
            skipped: self.skipped(directory),
            files,
            files_cut,
        }
    }

    /// What training said; `None` where there is no log that can be read.
    pub fn learning(&self, directory: &Path) -> Option<Arc<Learning>> {
        let log = directory.join(EVENTS);
        let read = self.learning.of(directory, &log, |file, _, before| {
            let mut learning = before
                .map(|before| Learning::clone(&before))
                .unwrap_or_default();
            learning.read_on(file)?;
            Ok(learning)
        });
        read.ok()
    }

    fn breakdown(
        &self,
        directory: &Path,
        evaluation: &Evaluation,
        folders: &[EvaluationFolder],
    ) -> Breakdown {
        let label = &evaluation.label;
        let told = evaluation
            .metrics
            .get("by_template")
            .unwrap_or(&Value::Null);
        let read = folders
            .iter()
            .find(|folder| folder.label == *label)
            .and_then(|folder| {
                let answers = folder.path.join(ANSWERS);
                let read = self.breakdowns.of(directory, &answers, |file, stamp, _| {
                    breakdown::read(label, file, stamp.bytes, told)
                });
                read.ok()
            });
        match read {
            Some(read) => Breakdown::clone(&read),
            None => breakdown::of_metrics(label, told),
        }
    }

    fn skipped(&self, directory: &Path) -> Vec<SkippedReason> {
        let path = directory.join(SKIPPED);
        let read = self
            .skipped
            .of(directory, &path, |file, _, _| skipped::read(file));
        read.map(|read| Vec::clone(&read)).unwrap_or_default()
    }
}
