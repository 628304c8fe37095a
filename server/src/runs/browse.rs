//! What is read of a run answer by answer and question by question.

use super::answers::{self, AnswerPage, Asked};
use super::facts::{self, ANSWERS, EvaluationFolder};
use super::library::{Library, Run};
use super::question::{self, CLUSTERS, HEIGHTS, QUESTIONS, RATIONALES, SAMPLES};
use super::raw::{self, Kind, Raw};
use app::view::{AnswerList, Indexing, QuestionDetail, RunSummary};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The files that a page reads by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The answers of all evaluations.
    Answers,
    /// These, and what else is known of a question.
    Questions,
}

impl Library {
    /// Waits so long at most until what a page reads is indexed; how far that is, where it is not done.
    pub fn indexed(&self, run: &Run, reads: Reads, patience: Duration) -> Option<Indexing> {
        if run.found.trouble.is_some() {
            return None;
        }
        let directory = &run.found.directory;
        let folders = facts::evaluation_folders(directory).unwrap_or_default();
        let answers = folders.into_iter().map(|folder| folder.path.join(ANSWERS));
        let others: Vec<PathBuf> = match reads {
            Reads::Answers => Vec::new(),
            Reads::Questions => [&QUESTIONS[..], &SAMPLES, &CLUSTERS, &HEIGHTS, &RATIONALES]
                .into_iter()
                .filter_map(|names| question::first(directory, names))
                .collect(),
        };
        let until = Instant::now() + patience;
        answers
            .chain(others)
            .filter_map(|path| {
                let left = until.saturating_duration_since(Instant::now());
                self.records.settle(directory, &path, left)
            })
            .reduce(Indexing::and)
    }

    /// The answers of one evaluation; `None` where the run has no evaluation of that label. An empty
    /// label means the headline's, or the first.
    ///
    /// # Errors
    /// Those of reading the run's files.
    pub fn answers(
        &self,
        run: &Run,
        summary: RunSummary,
        label: &str,
        asked: Asked,
    ) -> io::Result<Option<AnswerList>> {
        if run.found.trouble.is_some() {
            return Ok(None);
        }
        let directory = &run.found.directory;
        let folders = facts::evaluation_folders(directory)?;
        let Some(folder) = folder_of(run, &folders, label) else {
            return Ok(None);
        };
        let AnswerPage {
            answers,
            record_bytes,
            total,
            searched,
            previous,
            next,
            templates,
            bad_lines,
        } = answers::page(&self.records, directory, folder, &asked)?;
        let path = folder.path.join(ANSWERS);
        Ok(Some(AnswerList {
            run: summary,
            label: folder.label.clone(),
            labels: folders.iter().map(|folder| folder.label.clone()).collect(),
            filter: asked.filter.words(),
            asked: asked.filter,
            order: asked.order,
            templates,
            answers,
            record_bytes,
            total,
            searched,
            previous,
            next,
            bad_lines,
            indexing: self.records.settle(directory, &path, Duration::ZERO),
        }))
    }

    /// The Question page's data; `None` where the run does not know the question. `threshold`: the one
    /// that the visitor chose, in millionths.
    ///
    /// # Errors
    /// Those of reading the run's files.
    pub fn question(
        &self,
        run: &Run,
        summary: RunSummary,
        id: &str,
        threshold: Option<i32>,
    ) -> io::Result<Option<QuestionDetail>> {
        if run.found.trouble.is_some() {
            return Ok(None);
        }
        let gathered =
            question::gather(&self.records, &run.found.directory, &run.facts.labels, id)?;
        Ok(gathered.map(|gathered| QuestionDetail {
            run: summary,
            id: id.to_owned(),
            question: gathered.question,
            gold: gathered.gold,
            template: gathered.template,
            clusters: gathered.clusters,
            clustering: gathered.clustering,
            samples: gathered.samples,
            samples_left_out: gathered.samples_left_out,
            heights: gathered.heights,
            threshold,
            answers: gathered.answers,
            record_bytes: gathered.record_bytes,
            rationale: gathered.rationale,
            rationales: gathered.rationales,
            names_looked_for: gathered.names_looked_for,
            indexing: self.indexed(run, Reads::Questions, Duration::ZERO),
        }))
    }

    /// The records of a question as they stand in a file; `None` where there are none.
    ///
    /// # Errors
    /// Those of reading the run's files.
    pub fn raw(&self, run: &Run, kind: &Kind, id: &str) -> io::Result<Option<Raw>> {
        if run.found.trouble.is_some() {
            return Ok(None);
        }
        let folders = facts::evaluation_folders(&run.found.directory)?;
        raw::find(&self.records, &run.found.directory, &folders, kind, id)
    }
}

fn folder_of<'a>(
    run: &Run,
    folders: &'a [EvaluationFolder],
    label: &str,
) -> Option<&'a EvaluationFolder> {
    if !label.is_empty() {
        return folders.iter().find(|folder| folder.label == label);
    }
    let headline = run
        .facts
        .headline
        .as_ref()
        .map(|evaluation| evaluation.label.as_str());
    folders
        .iter()
        .find(|folder| Some(folder.label.as_str()) == headline)
        .or(folders.first())
}
