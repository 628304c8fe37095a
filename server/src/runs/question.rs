//! All that a run says of one question, gathered from its files by the question's id.

use super::answers::{cut, cut_text};
use super::facts::{ANSWERS, EvaluationFolder, evaluation_folders};
use super::naming;
use super::records::{self, Records};
use crate::limits::{SAMPLE_CHARACTERS_MAX, SAMPLES_SHOWN_MAX, TEXT_CHARACTERS_MAX};
use app::view::{Clustered, Heights, MarkedRationale, ShownSample};
use datasets::{Answer, Cluster, Clustering, MergeHeights, Question, Rationale, Sample};
use serde::de::DeserializeOwned;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The answers of evaluations, by label.
type LabelledAnswers = Vec<(String, Answer)>;

/// Where each kind of record may stand: in a run, or where a single stage wrote it.
pub const QUESTIONS: [&str; 1] = ["questions.jsonl"];
pub const SAMPLES: [&str; 2] = ["sample/samples.jsonl", "samples.jsonl"];
pub const CLUSTERS: [&str; 2] = ["cluster/clusters.jsonl", "clusters.jsonl"];
pub const HEIGHTS: [&str; 2] = ["cluster/heights.jsonl", "heights.jsonl"];
pub const RATIONALES: [&str; 2] = ["rationalize/rationales.jsonl", "rationales.jsonl"];

/// Everything but the run's own row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    pub question: String,
    pub gold: Vec<String>,
    pub template: Option<String>,
    pub clusters: Vec<Cluster>,
    pub clustering: Clustered,
    pub samples: Vec<ShownSample>,
    pub samples_left_out: u64,
    pub heights: Option<Heights>,
    pub answers: Vec<(String, Answer)>,
    pub record_bytes: Vec<u64>,
    pub rationale: Option<String>,
    pub rationales: Vec<MarkedRationale>,
    pub names_looked_for: u64,
}

/// The first of these files that is there.
pub fn first(directory: &Path, names: &[&str]) -> Option<PathBuf> {
    names
        .iter()
        .map(|name| directory.join(name))
        .find(|path| path.exists())
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
    let from = Files {
        records,
        directory,
        id,
    };
    let question: Option<Question> = from.one(&QUESTIONS, |question: &Question| &question.id)?;
    let clustering: Option<Clustering> =
        from.one(&CLUSTERS, |clustering: &Clustering| &clustering.id)?;
    let heights: Option<MergeHeights> = from.one(&HEIGHTS, |heights: &MergeHeights| &heights.id)?;
    let rationale: Option<Rationale> =
        from.one(&RATIONALES, |rationale: &Rationale| &rationale.id)?;
    let (mut samples, samples_left_out, sampled_question) = from.samples()?;
    let (answers, record_bytes) = from.answers(labels)?;
    let text = question
        .as_ref()
        .map(|question| &question.question)
        .or(clustering.as_ref().map(|clustering| &clustering.question))
        .or(rationale.as_ref().map(|rationale| &rationale.question))
        .or(sampled_question.as_ref())
        .or(answers.first().map(|(_, answer)| &answer.question));
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
    judge(&mut samples, question.as_ref(), &gold);
    let (mut clusters, method) = match clustering {
        Some(clustering) => (clustering.clusters, Some(clustering.method)),
        None => (clusters_of(&samples), None),
    };
    for cluster in &mut clusters {
        cut_text(&mut cluster.answer, SAMPLE_CHARACTERS_MAX);
    }
    let mut gathered = Gathered {
        question: text,
        gold,
        template,
        clusters,
        clustering: Clustered {
            threshold: method.as_deref().and_then(threshold_of),
            method,
        },
        samples,
        samples_left_out,
        heights: heights.and_then(heights_of),
        answers,
        record_bytes,
        ..Gathered::default()
    };
    let teacher = rationale.map(|mut rationale| {
        cut_text(&mut rationale.rationale, TEXT_CHARACTERS_MAX);
        (rationale.teacher, rationale.rationale)
    });
    (gathered.rationales, gathered.names_looked_for) =
        naming::marked(records, directory, &gathered, teacher.as_ref())?;
    gathered.rationale = teacher.map(|(_, rationale)| rationale);
    cut_text(&mut gathered.question, TEXT_CHARACTERS_MAX);
    for gold in &mut gathered.gold {
        cut_text(gold, SAMPLE_CHARACTERS_MAX);
    }
    Ok(Some(gathered))
}

/// The files of a run, asked for one question.
struct Files<'a> {
    records: &'a Records,
    directory: &'a Path,
    id: &'a str,
}

impl Files<'_> {
    fn one<T: DeserializeOwned>(
        &self,
        names: &[&str],
        id_of: impl Fn(&T) -> &String,
    ) -> io::Result<Option<T>> {
        let mut found = None;
        if let Some(path) = first(self.directory, names) {
            self.each(&path, |_, record: T| {
                // The index knows ids by their hash: this settles the rare case of two with the same.
                if id_of(&record) == self.id {
                    found = Some(record);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(found)
    }

    /// The samples, cut and not judged yet, in the order of their indices; how many are left out; the
    /// question's text.
    fn samples(&self) -> io::Result<(Vec<ShownSample>, u64, Option<String>)> {
        let (mut samples, mut left_out, mut question) = (Vec::new(), 0, None);
        if let Some(path) = first(self.directory, &SAMPLES) {
            self.each(&path, |_, sample: Sample| {
                if sample.question_id != self.id {
                    return ControlFlow::Continue(());
                }
                question.get_or_insert(sample.question);
                if samples.len() < SAMPLES_SHOWN_MAX {
                    let answer = calibration::parse::bare_answer(&sample.response);
                    let mut shown = ShownSample {
                        index: sample.index,
                        answer: answer.unwrap_or_default(),
                        response: sample.response,
                        correct: false,
                    };
                    cut_text(&mut shown.answer, SAMPLE_CHARACTERS_MAX);
                    cut_text(&mut shown.response, SAMPLE_CHARACTERS_MAX);
                    samples.push(shown);
                } else {
                    left_out += 1;
                }
                ControlFlow::Continue(())
            })?;
        }
        samples.sort_by_key(|sample: &ShownSample| sample.index);
        Ok((samples, left_out, question))
    }

    /// Each evaluation's answer, cut, and the bytes of its record.
    fn answers(&self, labels: &[String]) -> io::Result<(LabelledAnswers, Vec<u64>)> {
        let (mut answers, mut record_bytes) = (Vec::new(), Vec::new());
        for folder in in_order(evaluation_folders(self.directory)?, labels) {
            let mut found = None;
            self.each(&folder.path.join(ANSWERS), |bytes, answer: Answer| {
                if answer.question_id != self.id {
                    return ControlFlow::Continue(());
                }
                found = Some((bytes, answer));
                ControlFlow::Break(())
            })?;
            if let Some((bytes, mut answer)) = found {
                cut(&mut answer, TEXT_CHARACTERS_MAX);
                answers.push((folder.label, answer));
                record_bytes.push(bytes);
            }
        }
        Ok((answers, record_bytes))
    }

    fn each<T: DeserializeOwned>(
        &self,
        path: &Path,
        mut take: impl FnMut(u64, T) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let places = match self.records.places(self.directory, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            result => result?,
        };
        let found = places.columns().of_question(self.id);
        if found.is_empty() {
            return Ok(());
        }
        records::each(self.directory, path, found, |_, bytes, record| {
            take(bytes, record)
        })
    }
}

/// Which samples are right.
fn judge(samples: &mut [ShownSample], question: Option<&Question>, gold: &[String]) {
    let judge = question.map(|question| question.judge).unwrap_or_default();
    let negatives = question
        .map(|question| question.negative_answers.as_slice())
        .unwrap_or_default();
    for sample in samples {
        sample.correct = calibration::judge::is_correct(judge, &sample.answer, gold, negatives);
    }
}

/// Samples that were not clustered yet, grouped by normalised answer.
fn clusters_of(samples: &[ShownSample]) -> Vec<Cluster> {
    let answers: Vec<&str> = samples
        .iter()
        .map(|sample| sample.answer.as_str())
        .collect();
    calibration::cluster::by_answer(&answers)
        .into_iter()
        .filter_map(|members| {
            let first = samples.get(*members.first()?)?;
            Some(Cluster {
                answer: first.answer.clone(),
                correct: first.correct,
                share: members.len() as f64 / samples.len() as f64,
                members: members
                    .iter()
                    .filter_map(|member| Some(samples.get(*member)?.index))
                    .collect(),
            })
        })
        .collect()
}

/// The threshold that a clustering's method names, in millionths: `embedding: minilm, cosine above 0.84`.
///
/// Rounded down: heights are whole millionths, and a cluster asks for more than the threshold.
fn threshold_of(method: &str) -> Option<i32> {
    let (_, threshold) = method.rsplit_once("cosine above ")?;
    let threshold: f64 = threshold.trim().parse().ok()?;
    // A number of few digits times a million can lie a hair below the whole number it stands for.
    let millionths = threshold * 1e6;
    let whole = if (millionths - millionths.round()).abs() < 1e-6 {
        millionths.round()
    } else {
        millionths.floor()
    };
    (-1e6..=1e6).contains(&whole).then_some(whole as i32)
}

/// `None` for a record whose parts do not fit together.
fn heights_of(record: MergeHeights) -> Option<Heights> {
    let fits = record.samples.len() == record.heights.len()
        && record.samples.len() <= SAMPLES_SHOWN_MAX
        && record.samples.is_sorted();
    fits.then(|| Heights {
        samples: record.samples,
        steps: record
            .heights
            .iter()
            .map(|steps| {
                let step = |step: &calibration::heights::Step| {
                    ((step.height * 1e6).round() as i32, step.leader)
                };
                steps.iter().map(step).collect()
            })
            .collect(),
    })
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

#[cfg(test)]
mod tests {
    use super::threshold_of;

    #[test]
    fn thresholds_are_read_from_the_method() {
        assert_eq!(
            threshold_of("embedding: minilm, cosine above 0.84"),
            Some(840_000)
        );
        assert_eq!(
            threshold_of("embedding: cosine above it, cosine above 0.29"),
            Some(290_000)
        );
        assert_eq!(
            threshold_of("embedding: m, cosine above 0.8400005"),
            Some(840_000)
        );
        assert_eq!(threshold_of("answer"), None);
        assert_eq!(threshold_of("cosine above 1e9"), None);
        assert_eq!(threshold_of("cosine above NaN"), None);
    }
}
