//! Logs of Inspect (UKGovernmentBEIS/inspect_ai), EvalLog version 2 (`log/_log.py`, read at 020dd01).
//!
//! A `.json` log is one object with `version`, `status`, `eval` (task, model, dataset) and `samples`.
//! An `.eval` log is a ZIP archive with `header.json` (the same object without samples; while it is
//! being written `_journal/start.json`) and `samples/ID_epoch_N.json`, one sample each. A sample has
//! `id`, `epoch`, `input` (a text, or chat messages), `choices`, `target`, `output` (`completion`, and
//! `choices` with `message` and `logprobs`), `scores` (by scorer: `value`, `answer`, `metadata`) and
//! `metadata`. The value `C` is right, `I` wrong, `N` no answer, `P` partly right.

use super::{Imported, NotImported, Source, cut, id_of, stated, text_of, verdict_of};
use crate::{Answer, Judge, Question, Split};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The version of the form that is read.
pub const VERSION: u64 = 2;

/// Keys of a sample's `metadata` that say which kind of question it is.
const TEMPLATE_KEYS: [&str; 3] = ["subject", "category", "template"];

/// What a log says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The task's name without its package: `arc_easy` of `inspect_evals/arc_easy`.
    pub task: String,
    pub model: String,
}

#[derive(Deserialize)]
struct Log<'a> {
    #[serde(default)]
    version: Option<u64>,
    eval: Eval,
    #[serde(default, borrow)]
    samples: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Eval {
    #[serde(default)]
    task: String,
    #[serde(default)]
    model: String,
}

/// Which of the samples are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The task's name, part of each question's id.
    pub task: String,
    /// The scorer that says right or wrong; `None`: the first by name that says one of the two.
    pub score: Option<String>,
    /// The epoch that is taken.
    pub epoch: u64,
}

/// A `.json` log, or the header of an `.eval` log: what it says of itself, and its samples as JSON.
///
/// # Errors
/// In words: no such object, or a version that is not known.
pub fn log(bytes: &[u8]) -> Result<(Header, Vec<&str>), String> {
    let log: Log<'_> =
        serde_json::from_slice(bytes).map_err(|error| format!("not a log of Inspect: {error}"))?;
    match log.version {
        None | Some(VERSION) => {}
        Some(other) => {
            return Err(format!(
                "found an Inspect log of version {other}, expected {VERSION}"
            ));
        }
    }
    let task = log.eval.task.rsplit('/').next().unwrap_or_default();
    let header = Header {
        task: task.to_owned(),
        model: log.eval.model,
    };
    let samples = log.samples.unwrap_or_default();
    Ok((header, samples.into_iter().map(RawValue::get).collect()))
}

#[derive(Deserialize)]
struct Sample {
    id: Value,
    #[serde(default = "first_epoch")]
    epoch: u64,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    choices: Option<Vec<String>>,
    #[serde(default)]
    target: Value,
    #[serde(default)]
    output: Option<Output>,
    #[serde(default)]
    scores: Option<BTreeMap<String, Score>>,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    error: Value,
}

fn first_epoch() -> u64 {
    1
}

#[derive(Default, Deserialize)]
struct Output {
    #[serde(default)]
    completion: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Generated>>,
}

#[derive(Deserialize)]
struct Generated {
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Value,
}

#[derive(Deserialize)]
struct Logprobs {
    #[serde(default)]
    content: Vec<Logprob>,
}

#[derive(Deserialize)]
struct Logprob {
    token: String,
    logprob: f64,
    #[serde(default)]
    top_logprobs: Option<Vec<TopLogprob>>,
}

#[derive(Deserialize)]
struct TopLogprob {
    token: String,
    logprob: f64,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    value: Value,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default)]
    metadata: Value,
}

/// Reads a sample.
///
/// # Errors
/// [`NotImported::Malformed`] where it is none; [`NotImported::LeftOut`] where it holds no confidence
/// or no verdict, failed, or is of another epoch.
pub fn sample(json: &[u8], selection: &Selection) -> Result<Imported, NotImported> {
    let sample: Sample = serde_json::from_slice(json)
        .map_err(|error| NotImported::Malformed(format!("not a sample of Inspect: {error}")))?;
    if sample.epoch != selection.epoch {
        return Err(NotImported::LeftOut(format!(
            "of epoch {}; epoch {} is taken (--epoch)",
            sample.epoch, selection.epoch
        )));
    }
    if !sample.error.is_null() {
        return Err(NotImported::LeftOut("it ended with an error".into()));
    }
    let (score, correct) = verdict(&sample, selection)?;
    let response = completion(&sample);
    let confidence = confidence(&sample, score, &response)?;
    let question = input_text(&sample.input);
    let id = id_of(&selection.task, &[&text_of(&sample.id), &question]);
    let gold = match &sample.target {
        Value::Array(targets) => targets.first().map(text_of).unwrap_or_default(),
        target => text_of(target),
    };
    let gold = named_choice(&sample, &gold);
    let template = TEMPLATE_KEYS
        .iter()
        .find_map(|key| sample.metadata.get(key)?.as_str())
        .map(ToOwned::to_owned);
    let answer = score
        .answer
        .as_ref()
        .filter(|answer| !answer.is_empty())
        .map(|answer| cut(&named_choice(&sample, answer)));
    Ok(Imported {
        question: Question {
            id: id.clone(),
            question: question.clone(),
            answers: vec![gold.clone()],
            negative_answers: Vec::new(),
            template: template.clone(),
            entity: None,
            split: Some(Split::Test),
            judge: Judge::default(),
        },
        answer: Answer {
            id: id.clone(),
            question_id: id,
            template,
            entity: None,
            question,
            response: cut(&response),
            answer: answer.or(confidence.answer),
            rationale: confidence.rationale,
            confidence: confidence.level,
            probability: confidence.probability,
            correct,
            failure: confidence.failure,
            gold: Some(gold),
            levels: None,
        },
        source: confidence.source,
    })
}

/// Which score says whether the answer is right, and what it says.
fn verdict<'a>(
    sample: &'a Sample,
    selection: &Selection,
) -> Result<(&'a Score, bool), NotImported> {
    let scores = sample.scores.as_ref();
    if let Some(name) = &selection.score {
        let score = scores
            .and_then(|scores| scores.get(name))
            .ok_or_else(|| NotImported::LeftOut(format!("it has no score {name}")))?;
        let correct = verdict_of_score(&score.value).ok_or_else(|| {
            NotImported::LeftOut(format!("the score {name} is neither right nor wrong"))
        })?;
        return Ok((score, correct));
    }
    let found = scores
        .into_iter()
        .flat_map(BTreeMap::values)
        .find_map(|score| Some((score, verdict_of_score(&score.value)?)));
    found.ok_or_else(|| NotImported::LeftOut("no score says whether it is right or wrong".into()))
}

fn verdict_of_score(value: &Value) -> Option<bool> {
    match value.as_str() {
        Some("C") => Some(true),
        Some("I" | "N") => Some(false),
        Some(_) => None,
        None => verdict_of(value),
    }
}

struct Confidence {
    probability: f64,
    level: Option<calibration::Confidence>,
    answer: Option<String>,
    rationale: Option<String>,
    failure: Option<String>,
    source: Source,
}

impl Confidence {
    fn of(probability: f64, source: Source) -> Confidence {
        Confidence {
            probability,
            level: None,
            answer: None,
            rationale: None,
            failure: None,
            source,
        }
    }
}

fn confidence(sample: &Sample, score: &Score, response: &str) -> Result<Confidence, NotImported> {
    if let Some(recorded) = score.metadata.get("confidence") {
        return match recorded.as_f64() {
            Some(probability) if (0.0..=1.0).contains(&probability) => {
                Ok(Confidence::of(probability, Source::Recorded))
            }
            _ => Err(NotImported::LeftOut(format!(
                "the score's confidence is {}, expected a number from 0 to 1",
                recorded.to_string().chars().take(40).collect::<String>()
            ))),
        };
    }
    if let Some(stated) = stated(response) {
        return Ok(Confidence {
            probability: stated
                .confidence
                .map_or(0.0, |level| level.probability().get()),
            level: stated.confidence,
            answer: stated.answer,
            rationale: stated.rationale,
            failure: stated.failure,
            source: Source::Stated,
        });
    }
    match letter_probability(sample, score) {
        Some(probability) => Ok(Confidence::of(probability, Source::Likelihood)),
        None => Err(NotImported::LeftOut(
            "no confidence in a score, none in the completion, and no log-probabilities of an answered letter".into(),
        )),
    }
}

/// Of a multiple choice that was answered by a letter: the letter's probability among those of all
/// choices, at the last token that is it. A letter has those of all its spellings (`B`, ` B`).
fn letter_probability(sample: &Sample, score: &Score) -> Option<f64> {
    let choices = sample.choices.as_ref()?;
    let answer = score.answer.as_deref()?.trim();
    place_of_letter(answer).filter(|place| *place < choices.len())?;
    let generated = sample.output.as_ref()?.choices.as_ref()?.first()?;
    let tokens = &generated.logprobs.as_ref()?.content;
    let token = tokens.iter().rfind(|token| token.token.trim() == answer)?;
    let top = token.top_logprobs.as_deref().unwrap_or_default();
    let mut own = 0.0;
    if top.iter().all(|top| top.token != token.token) {
        own += token.logprob.exp();
    }
    // Other choices' letters; one that is not among the most probable tokens counts as nothing.
    let mut others = 0.0;
    for top in top {
        let letter = top.token.trim();
        if letter == answer {
            own += top.logprob.exp();
        } else if place_of_letter(letter).is_some_and(|place| place < choices.len()) {
            others += top.logprob.exp();
        }
    }
    let probability = if top.is_empty() {
        own
    } else {
        own / (own + others)
    };
    (0.0..=1.0).contains(&probability).then_some(probability)
}

/// 0 for `A`, 1 for `B`, …
fn place_of_letter(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [letter @ b'A'..=b'Z'] => Some(usize::from(letter - b'A')),
        _ => None,
    }
}

/// A letter with the choice that it stands for: `B) Paris`.
fn named_choice(sample: &Sample, text: &str) -> String {
    let choice = place_of_letter(text.trim()).and_then(|place| sample.choices.as_ref()?.get(place));
    match choice {
        Some(choice) => format!("{}) {choice}", text.trim()),
        None => text.to_owned(),
    }
}

fn completion(sample: &Sample) -> String {
    let Some(output) = &sample.output else {
        return String::new();
    };
    match &output.completion {
        Some(completion) if !completion.is_empty() => completion.clone(),
        _ => output
            .choices
            .as_ref()
            .and_then(|choices| choices.first()?.message.as_ref())
            .map(|message| content_text(&message.content))
            .unwrap_or_default(),
    }
}

/// A text, or the texts of a list of contents.
fn content_text(content: &Value) -> String {
    match content {
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.get("text")?.as_str())
                .collect();
            texts.join("\n")
        }
        other => text_of(other),
    }
}

/// A text, or the last message of the user.
fn input_text(input: &Value) -> String {
    let Some(messages) = input.as_array() else {
        return text_of(input);
    };
    let of_user = |message: &&Value| message.get("role").and_then(Value::as_str) == Some("user");
    messages
        .iter()
        .rfind(of_user)
        .or_else(|| messages.last())
        .and_then(|message| message.get("content"))
        .map(|content| cut(&content_text(content)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn selection() -> Selection {
        Selection {
            task: "t".into(),
            score: None,
            epoch: 1,
        }
    }

    fn read(sample: &Value) -> Result<Imported, NotImported> {
        super::sample(sample.to_string().as_bytes(), &selection())
    }

    fn made(completion: &str) -> Value {
        json!({
            "id": 7, "epoch": 1, "input": "Which?", "target": "Paris",
            "output": {"model": "m", "completion": completion,
                "choices": [{"message": {"role": "assistant", "content": completion}, "stop_reason": "stop"}]},
            "scores": {"match": {"value": "C", "answer": "Paris", "explanation": "…"}},
            "metadata": {"category": "capitals"}, "events": [{"large": true}]
        })
    }

    #[test]
    fn what_the_completion_states_is_taken() {
        let found = read(&made(
            "Answer: Paris\nSelf-reflection: I know it.\nConfidence: 9",
        ))
        .unwrap();
        let answer = &found.answer;
        assert_eq!((found.source, answer.probability), (Source::Stated, 0.9));
        assert_eq!(answer.rationale.as_deref(), Some("I know it."));
        assert_eq!(answer.template.as_deref(), Some("capitals"));
        assert!(answer.correct);
        assert!(matches!(read(&made("Paris")), Err(NotImported::LeftOut(_))));
    }

    #[test]
    fn a_recorded_confidence_goes_first() {
        let mut sample = made("Confidence: 9");
        sample["scores"]["match"]["metadata"] = json!({"confidence": 0.25});
        let found = read(&sample).unwrap();
        assert_eq!(
            (found.source, found.answer.probability),
            (Source::Recorded, 0.25)
        );
        sample["scores"]["match"]["metadata"] = json!({"confidence": 25});
        assert!(matches!(read(&sample), Err(NotImported::LeftOut(_))));
    }

    #[test]
    fn an_answered_letter_has_its_share_among_the_letters() {
        let mut sample = made("ANSWER: B");
        sample["choices"] = json!(["Lyon", "Paris"]);
        sample["target"] = json!(["B"]);
        sample["scores"] = json!({"choice": {"value": 1.0, "answer": "B"}});
        sample["output"]["choices"][0]["logprobs"] = json!({"content": [
            {"token": "ANSWER", "logprob": -0.1},
            {"token": " B", "logprob": -0.5, "top_logprobs": [
                {"token": " B", "logprob": -0.5}, {"token": " A", "logprob": -1.5},
                {"token": " C", "logprob": -2.0}, {"token": "the", "logprob": -3.0}]}
        ]});
        let found = read(&sample).unwrap();
        let wanted = 1.0 / (1.0 + (-1.0_f64).exp());
        assert!((found.answer.probability - wanted).abs() < 1e-12);
        assert_eq!(found.answer.answer.as_deref(), Some("B) Paris"));
        assert_eq!(found.answer.gold.as_deref(), Some("B) Paris"));
    }

    #[test]
    fn a_letter_has_the_probability_of_all_its_spellings() {
        let mut sample = made("B");
        sample["choices"] = json!(["Lyon", "Paris"]);
        sample["scores"] = json!({"choice": {"value": 1.0, "answer": "B"}});
        let mut probability = |top: Value| {
            let token = json!({"token": "B", "logprob": 0.5_f64.ln(), "top_logprobs": top});
            sample["output"]["choices"][0]["logprobs"] = json!({"content": [token]});
            read(&sample).unwrap().answer.probability
        };
        let one = |token: &str, share: f64| json!({"token": token, "logprob": share.ln()});
        let both = probability(json!([
            one("B", 0.5),
            one(" B", 0.2),
            one("A", 0.1),
            one(" A", 0.1)
        ]));
        assert!((both - 0.7 / 0.9).abs() < 1e-12, "{both}");
        // The sampled spelling is not among the most probable.
        let unlisted = probability(json!([one(" B", 0.2), one("A", 0.1)]));
        assert!((unlisted - 0.7 / 0.8).abs() < 1e-12, "{unlisted}");
        let alone = probability(json!([]));
        assert!((alone - 0.5).abs() < 1e-12, "{alone}");
    }

    #[test]
    fn messages_epochs_errors_and_partial_scores() {
        let mut sample = made("Confidence: 3");
        sample["input"] = json!([
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "Which one?"}]}
        ]);
        assert_eq!(read(&sample).unwrap().question.question, "Which one?");
        for (key, value) in [
            ("epoch", json!(2)),
            ("error", json!({"message": "time"})),
            ("scores", json!({"match": {"value": "P"}})),
            ("scores", json!(null)),
        ] {
            let mut other = made("Confidence: 3");
            other[key] = value;
            assert!(
                matches!(read(&other), Err(NotImported::LeftOut(_))),
                "{key}"
            );
        }
        assert!(matches!(read(&json!([])), Err(NotImported::Malformed(_))));
    }

    #[test]
    fn a_log_has_a_header_and_samples() {
        let text = json!({"version": 2, "status": "success",
            "eval": {"task": "inspect_evals/arc_easy", "model": "openai/m"},
            "samples": [made("Confidence: 3"), made("x")]})
        .to_string();
        let (header, samples) = log(text.as_bytes()).unwrap();
        assert_eq!(
            (header.task.as_str(), header.model.as_str()),
            ("arc_easy", "openai/m")
        );
        assert_eq!(samples.len(), 2);
        assert!(
            log(b"{\"version\":3,\"eval\":{}}")
                .unwrap_err()
                .contains("version 3")
        );
        assert!(log(b"[]").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_sample_or_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = sample(&bytes, &selection());
            let _ = log(&bytes);
        }
    }
}
