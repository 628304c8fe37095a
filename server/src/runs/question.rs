//! All that a run says of one question, gathered from its files by the question's id.

use super::facts::{ANSWERS, EvaluationFolder, evaluation_folders};
use super::records::{self, Records};
use datasets::{Answer, Cluster, Clustering, Question, Rationale, Sample};
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};

/// Everything but the run's own row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    pub question: String,
    pub gold: Vec<String>,
    pub template: Option<String>,
    pub clusters: Vec<Cluster>,
    pub answers: Vec<(String, Answer)>,
    pub rationale: Option<String>,
}

/// `None` where no file of the run knows the question.
///
/// # Errors
/// Those of reading; a missing file is no error.
pub fn gather(
    records: &Records,
    directory: &Path,
    labels: &[String],
    id: &str,
) -> io::Result<Option<Gathered>> {
    let first = |names: &[&str]| {
        names
            .iter()
            .map(|name| directory.join(name))
            .find(|path| path.exists())
    };
    let question: Option<Question> = one(
        records,
        directory,
        first(&["questions.jsonl"]),
        id,
        |question: &Question| &question.id,
    )?;
    let clustering: Option<Clustering> = one(
        records,
        directory,
        first(&["cluster/clusters.jsonl", "clusters.jsonl"]),
        id,
        |clustering: &Clustering| &clustering.id,
    )?;
    let rationale: Option<Rationale> = one(
        records,
        directory,
        first(&["rationalize/rationales.jsonl", "rationales.jsonl"]),
        id,
        |rationale: &Rationale| &rationale.id,
    )?;
    let samples: Vec<Sample> = match first(&["sample/samples.jsonl", "samples.jsonl"]) {
        // Clusters hold what the samples say; without them the samples are grouped here.
        Some(path) if clustering.is_none() => {
            every(records, directory, &path, id, |sample: &Sample| {
                &sample.question_id
            })?
        }
        _ => Vec::new(),
    };
    let mut answers = Vec::new();
    for folder in in_order(evaluation_folders(directory)?, labels) {
        let path = folder.path.join(ANSWERS);
        if let Some(answer) = one(records, directory, Some(path), id, |answer: &Answer| {
            &answer.question_id
        })? {
            answers.push((folder.label, answer));
        }
    }
    let text = question
        .as_ref()
        .map(|question| &question.question)
        .or(clustering.as_ref().map(|clustering| &clustering.question))
        .or(rationale.as_ref().map(|rationale| &rationale.question))
        .or(samples.first().map(|sample| &sample.question))
        .or(answers
            .first()
            .map(|(_, answer): &(String, Answer)| &answer.question));
    let Some(text) = text.cloned() else {
        return Ok(None);
    };
    let gold = match &question {
        Some(question) => question.answers.clone(),
        None => answers
            .iter()
            .find_map(|(_, answer)| answer.gold.clone())
            .into_iter()
            .collect(),
    };
    let template = question
        .as_ref()
        .and_then(|question| question.template.clone())
        .or_else(|| {
            answers
                .iter()
                .find_map(|(_, answer)| answer.template.clone())
        });
    let clusters = match clustering {
        Some(clustering) => clustering.clusters,
        None => clusters_of(&samples, question.as_ref(), &gold),
    };
    Ok(Some(Gathered {
        question: text,
        gold,
        template,
        clusters,
        answers,
        rationale: rationale.map(|rationale| rationale.rationale),
    }))
}

/// Samples that were not clustered yet, grouped by normalised answer.
fn clusters_of(samples: &[Sample], question: Option<&Question>, gold: &[String]) -> Vec<Cluster> {
    let responses: Vec<&str> = samples
        .iter()
        .map(|sample| sample.response.as_str())
        .collect();
    let judge = question.map(|question| question.judge).unwrap_or_default();
    let negatives = question
        .map(|question| question.negative_answers.as_slice())
        .unwrap_or_default();
    calibration::cluster::by_answer(&responses)
        .into_iter()
        .filter_map(|members| {
            let answer = responses.get(*members.first()?)?.trim().to_owned();
            Some(Cluster {
                correct: calibration::judge::is_correct(judge, &answer, gold, negatives),
                share: members.len() as f64 / responses.len() as f64,
                members: members
                    .iter()
                    .filter_map(|member| Some(samples.get(*member)?.index))
                    .collect(),
                answer,
            })
        })
        .collect()
}

/// The pages' order of evaluations first, what has no measures yet after them.
fn in_order(mut folders: Vec<EvaluationFolder>, labels: &[String]) -> Vec<EvaluationFolder> {
    folders.sort_by_key(|folder| {
        labels
            .iter()
            .position(|label| *label == folder.label)
            .unwrap_or(usize::MAX)
    });
    folders
}

fn one<T: DeserializeOwned>(
    records: &Records,
    directory: &Path,
    path: Option<PathBuf>,
    id: &str,
    id_of: impl Fn(&T) -> &String,
) -> io::Result<Option<T>> {
    let Some(path) = path else { return Ok(None) };
    Ok(every(records, directory, &path, id, id_of)?
        .into_iter()
        .next())
}

/// The index knows ids by their hash: `id_of` settles the rare case of two with the same.
fn every<T: DeserializeOwned>(
    records: &Records,
    directory: &Path,
    path: &Path,
    id: &str,
    id_of: impl Fn(&T) -> &String,
) -> io::Result<Vec<T>> {
    let places = match records.places(directory, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result?,
    };
    let found: Vec<T> = records::read(directory, path, places.of_question(id))?;
    Ok(found
        .into_iter()
        .filter(|record| id_of(record) == id)
        .collect())
}
