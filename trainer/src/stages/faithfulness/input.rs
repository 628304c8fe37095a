//! What is measured: the rationales of a run's answers, or of the reference's faithfulness file.

use crate::error::{bad_input, bad_use};
use crate::run_dir::{read_limited, read_records};
use crate::stages::cluster::CLUSTERS;
use crate::stages::evaluate::ANSWERS;
use crate::stages::questions;
use crate::stages::rationalize::RATIONALES;
use calibration::parse;
use datasets::record::FinishReason;
use datasets::reference::{read_faithfulness, read_questions};
use datasets::{Answer, Clustering, Question, Rationale, Sample, Skipped};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Bytes of a faithfulness file.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Why a train question is left out.
const WAS_TAUGHT: &str = "the rationale of this question was taught, written from its clusters: it would \
                          score by construction";

/// One answer whose rationale is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    pub question: Question,
    pub answer: Option<String>,
    /// The model's own, without any confidence.
    pub rationale: String,
    /// The level that was stated, 1..=10.
    pub level: Option<u8>,
}

/// Everything that is measured, before a model is asked.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// What the records call it: the evaluation's label, or the file's name.
    pub label: String,
    /// SHA-256 of the answers or the file, in hex.
    pub sha256: String,
    /// Those with a rationale, drawn with the seed, in the order of the file.
    pub stated: Vec<Stated>,
    /// Answers in the file.
    pub answers: usize,
    pub without_rationale: usize,
    pub skipped: Vec<Skipped>,
    /// Answers, gold and sampled, that are known of each template (of none: of the data set).
    pub pool: BTreeMap<Option<String>, Vec<String>>,
    /// Samples that the file holds; a run's are drawn.
    pub given: Option<Given>,
}

/// The samples of a faithfulness file, and the rationales that it gives beside them.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub samples: Vec<Sample>,
    /// By the question's id.
    pub rationales: HashMap<String, Vec<String>>,
}

impl Input {
    /// The answers of one evaluation: `folder` holds them, `run` the questions and, where they are kept,
    /// the clusters of the train questions.
    ///
    /// Train questions whose rationale was taught are left out: such a rationale was written from the
    /// clusters.
    ///
    /// # Errors
    /// Exit code 2 where no answer has a rationale; of reading.
    pub fn of_evaluation(
        label: &str,
        folder: &Path,
        run: &Path,
        limit: Option<usize>,
        seed: u64,
    ) -> anyhow::Result<Input> {
        let path = folder.join(ANSWERS);
        let answers: Vec<Answer> = read_records(&path)?;
        let known = records_if_any::<Question>(&run.join("questions.jsonl"))?;
        let taught: HashSet<String> =
            records_if_any::<Rationale>(&run.join("rationalize").join(RATIONALES))?
                .into_iter()
                .map(|rationale| rationale.id)
                .collect();
        let clusters = records_if_any::<Clustering>(&run.join("cluster").join(CLUSTERS))?;

        let mut input = Input {
            label: label.to_owned(),
            sha256: crate::pull::checksum::of_file(&path)?,
            answers: answers.len(),
            ..Input::default()
        };
        for question in &known {
            input.add_to_pool(question.template.as_ref(), question.answers.iter());
        }
        for record in &clusters {
            let said = record.clusters.iter().map(|cluster| &cluster.answer);
            input.add_to_pool(record.template.as_ref(), said);
        }
        for answer in &answers {
            let said = answer.answer.iter().chain(&answer.gold);
            input.add_to_pool(answer.template.as_ref(), said);
        }
        let mut questions: HashMap<String, Question> = known
            .into_iter()
            .map(|question| (question.id.clone(), question))
            .collect();
        let mut stated = Vec::new();
        for answer in answers {
            let own = answer.rationale.as_deref().map(parse::without_confidence);
            let Some(rationale) = own.filter(|text| !text.trim().is_empty()) else {
                input.without_rationale += 1;
                continue;
            };
            if taught.contains(&answer.question_id) {
                input.skipped.push(Skipped {
                    stage: String::new(),
                    record: answer.question_id,
                    reason: WAS_TAUGHT.into(),
                });
                continue;
            }
            let question = questions
                .remove(&answer.question_id)
                .unwrap_or_else(|| question_of(&answer));
            stated.push(Stated {
                question,
                answer: answer.answer,
                rationale: rationale.trim().to_owned(),
                level: answer.confidence.map(|confidence| confidence.level()),
            });
        }
        if stated.is_empty() {
            return Err(bad_input(format!(
                "{}: no answer has a rationale of the model's own ({} without one, {} that were taught); \
                 evaluate a model that states them, such as the method sayself, on questions that it was \
                 not taught",
                path.display(),
                input.without_rationale,
                input.skipped.len()
            )));
        }
        input.stated = drawn(stated, limit, seed);
        Ok(input)
    }

    /// The reference's faithfulness file: the judged rationale is that of the first response which has
    /// one, unless a summary is asked for; all responses are the samples.
    ///
    /// # Errors
    /// Exit code 2 for a file of another shape, with what it is where that is known, and for one without
    /// any rationale.
    pub fn of_file(path: &Path, limit: Option<usize>, seed: u64) -> anyhow::Result<Input> {
        let name = path.display().to_string();
        let bytes = read_limited(path, FILE_BYTES_MAX)?;
        let records = read_faithfulness(&bytes, &name).map_err(|error| {
            match has_teacher(&bytes) {
                true => bad_use(format!(
                    "{name}: rationales that a teacher wrote from the clusters; they would score by \
                     construction. Give a run, whose model states its own"
                )),
                false => error.into(),
            }
        })?;
        let questions = read_questions(&bytes, &name)?;
        let mut input = Input {
            label: questions::name_of(&name),
            sha256: crate::pull::checksum::of_bytes(&bytes),
            answers: records.len(),
            ..Input::default()
        };
        let mut stated = Vec::new();
        let mut records_of: HashMap<String, datasets::reference::FaithfulnessRecord> =
            HashMap::new();
        for (record, mut question) in records.into_iter().zip(questions) {
            question.question.clone_from(&record.question);
            let first = record.rationales().next();
            let Some((index, rationale)) = first else {
                input.without_rationale += 1;
                continue;
            };
            let response = &record.responses[index];
            let parsed = parse::response(response);
            stated.push(Stated {
                answer: parse::bare_answer(response),
                rationale: parse::without_confidence(rationale).trim().to_owned(),
                level: parsed.confidence.map(|confidence| confidence.level()),
                question: question.clone(),
            });
            records_of.insert(question.id, record);
        }
        stated.retain(|one| !one.rationale.is_empty());
        if stated.is_empty() {
            return Err(bad_input(format!(
                "{name}: no record has a rationale; expected some in `reason`"
            )));
        }
        input.stated = drawn(stated, limit, seed);
        let mut given = Given::default();
        for one in &input.stated {
            let Some(record) = records_of.remove(&one.question.id) else {
                continue;
            };
            let rationales = record
                .rationales()
                .map(|(_, text)| parse::without_confidence(text))
                .collect();
            given.rationales.insert(one.question.id.clone(), rationales);
            given
                .samples
                .extend(samples_of(&one.question, record.responses));
        }
        input.given = Some(given);
        Ok(input)
    }

    /// Answers to questions of a template that may be named.
    pub fn add_to_pool<S: AsRef<str>>(
        &mut self,
        template: Option<&String>,
        answers: impl IntoIterator<Item = S>,
    ) {
        let pool = self.pool.entry(template.cloned()).or_default();
        pool.extend(answers.into_iter().map(|answer| answer.as_ref().to_owned()));
    }
}

fn samples_of(question: &Question, responses: Vec<String>) -> Vec<Sample> {
    (0..)
        .zip(responses)
        .map(|(index, response)| Sample {
            id: format!("{}/{index}", question.id),
            question_id: question.id.clone(),
            question: question.question.clone(),
            index,
            response,
            finish_reason: FinishReason::EndOfTurn,
            tokens: 0,
            logprob: None,
        })
        .collect()
}

fn drawn(stated: Vec<Stated>, limit: Option<usize>, seed: u64) -> Vec<Stated> {
    let questions = stated.iter().map(|one| one.question.clone()).collect();
    let kept: HashSet<String> = questions::draw(questions, limit, seed)
        .into_iter()
        .map(|question| question.id)
        .collect();
    stated
        .into_iter()
        .filter(|one| kept.contains(&one.question.id))
        .collect()
}

/// What an answer tells of its question, where the run does not keep its questions.
fn question_of(answer: &Answer) -> Question {
    Question {
        id: answer.question_id.clone(),
        question: answer.question.clone(),
        answers: answer.gold.iter().cloned().collect(),
        negative_answers: Vec::new(),
        template: answer.template.clone(),
        entity: answer.entity.clone(),
        split: None,
        judge: Default::default(),
    }
}

fn records_if_any<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    match path.is_file() {
        true => read_records(path),
        false => Ok(Vec::new()),
    }
}

/// Whether the first record names who wrote its rationale.
fn has_teacher(bytes: &[u8]) -> bool {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    serde_json::from_slice::<Rationale>(line).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_dir::write_records;
    use serde_json::json;

    fn answer(id: &str, rationale: Option<&str>) -> serde_json::Value {
        json!({
            "id": id, "question_id": id, "template": "t", "question": "Which?", "response": "…",
            "answer": "Rome", "rationale": rationale, "confidence": 7, "probability": 0.7,
            "correct": true, "failure": null, "gold": "Rome",
        })
    }

    #[test]
    fn what_was_taught_or_never_said_is_left_out() {
        let run = tempfile::tempdir().unwrap();
        let folder = run.path().join("evaluate/sayself");
        let answers = [
            answer("a", Some("Rome or Oslo. Confidence: 7")),
            answer("b", None),
            answer("c", Some("Taught.")),
        ];
        write_records(&folder.join(ANSWERS), &answers).unwrap();
        let taught = Rationale {
            id: "c".into(),
            question: "Which?".into(),
            rationale: "Taught.".into(),
            teacher: "extractive".into(),
            prompt_sha256: None,
        };
        let path = run.path().join("rationalize").join(RATIONALES);
        write_records(&path, std::slice::from_ref(&taught)).unwrap();
        let input = Input::of_evaluation("sayself", &folder, run.path(), None, 1).unwrap();
        assert_eq!((input.answers, input.without_rationale), (3, 1));
        assert_eq!(input.skipped[0].record, "c");
        let [one] = &input.stated[..] else {
            panic!("{input:?}")
        };
        assert_eq!(
            (one.rationale.as_str(), one.level),
            ("Rome or Oslo.", Some(7))
        );
        assert_eq!(input.pool[&Some("t".to_owned())][0], "Rome");

        // The teacher's own file is refused, with the reason.
        let error = Input::of_file(&path, None, 1).unwrap_err();
        assert!(error.to_string().contains("by construction"), "{error}");
        assert_eq!(crate::error::exit_code(&error), 2);

        write_records(&folder.join(ANSWERS), &answers[1..]).unwrap();
        let error = Input::of_evaluation("sayself", &folder, run.path(), None, 1).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("1 without one, 1 that were taught"),
            "{error}"
        );
    }

    #[test]
    fn the_references_file_gives_its_own_samples() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faithfulness.jsonl");
        let lines = [
            json!({"question": "Which?\nAfter answering your question, state your reason for your confidence",
                   "reason": ["N/A", "Rome or Oslo."], "responses": ["Oslo", "Answer: Rome\nConfidence: 4"]}),
            json!({"question": "Who?", "reason": ["N/A"], "responses": ["Austen"]}),
        ];
        let text = lines.map(|line| line.to_string()).join("\n");
        std::fs::write(&path, text).unwrap();
        let input = Input::of_file(&path, None, 1).unwrap();
        assert_eq!(
            (input.label.as_str(), input.without_rationale),
            ("faithfulness", 1)
        );
        let one = &input.stated[0];
        assert_eq!(one.question.question, "Which?");
        assert_eq!((one.answer.as_deref(), one.level), (Some("Rome"), Some(4)));
        let given = input.given.unwrap();
        assert_eq!(given.samples.len(), 2);
        assert_eq!(given.rationales[&one.question.id], ["Rome or Oslo."]);
    }
}
