//! Per-sample logs of other evaluation tools, read into questions and answers with a confidence.
//!
//! | tool | form | confidence |
//! |---|---|---|
//! | lm-evaluation-harness | `samples_TASK_DATE.jsonl` of `--log_samples` ([`lm_eval`]) | softmax of the choices' log-likelihoods; stated in the response |
//! | Inspect | EvalLog version 2, `.json`, or the files inside an `.eval` archive ([`inspect`]) | in a score's metadata; stated in the completion; the probability of the answered letter |

pub mod inspect;
pub mod lm_eval;

use crate::hash::sha256_hex;
use crate::{Answer, Question};
use calibration::parse;
use serde_json::Value;

/// Characters of a question, a response or an answer that are kept.
const TEXT_CHARS_MAX: usize = 20_000;

/// Where a confidence was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The share of the chosen answer's likelihood among those of all choices.
    Likelihood,
    /// Written by the model: `Confidence: 8`.
    Stated,
    /// A number from 0 to 1 in the log.
    Recorded,
}

/// A sample that holds a confidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub question: Question,
    pub answer: Answer,
    pub source: Source,
}

/// A sample that was not taken, and why, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotImported {
    /// It is not of the tool's form.
    Malformed(String),
    /// It is, but holds no confidence, or no verdict.
    LeftOut(String),
}

/// A stable id: the same question of the same task has it in every log.
fn id_of(task: &str, parts: &[&str]) -> String {
    let mut bytes = task.as_bytes().to_vec();
    for part in parts {
        bytes.push(0);
        bytes.extend_from_slice(part.as_bytes());
    }
    let mut id = sha256_hex(&bytes);
    id.truncate(16);
    id
}

/// A confidence that the model wrote, with its answer and rationale. A level that cannot be read is a
/// failure, counted as confidence 0; no `Confidence:` at all is no confidence.
struct Stated {
    answer: Option<String>,
    rationale: Option<String>,
    confidence: Option<calibration::Confidence>,
    failure: Option<String>,
}

fn stated(response: &str) -> Option<Stated> {
    let parsed = parse::response(response);
    match parsed.failure {
        Some(parse::ParseFailure::Missing) => None,
        failure => Some(Stated {
            answer: parsed.answer,
            rationale: parsed.rationale,
            confidence: parsed.confidence,
            failure: failure.map(|failure| failure.to_string()),
        }),
    }
}

/// The share of the most probable of the choices, and its place: softmax over natural logs. `None` for
/// fewer than two, or logs that are no numbers.
fn likeliest(logs: &[f64]) -> Option<(usize, f64)> {
    if logs.len() < 2 || logs.iter().any(|log| log.is_nan() || *log == f64::INFINITY) {
        return None;
    }
    let (mut best, mut highest) = (0, f64::NEG_INFINITY);
    for (place, log) in logs.iter().enumerate() {
        if *log > highest {
            (best, highest) = (place, *log);
        }
    }
    if highest == f64::NEG_INFINITY {
        return None;
    }
    let total: f64 = logs.iter().map(|log| (log - highest).exp()).sum();
    Some((best, 1.0 / total))
}

/// A JSON string as it is, anything else as JSON; cut to a length.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text),
        Value::Null => String::new(),
        other => cut(&other.to_string()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => text[..end].to_owned() + "…",
    }
}

/// 1, 0, true and false, as numbers or texts.
fn verdict_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(correct) => Some(*correct),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A number, written as one or as a text.
fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likelihoods_become_shares() {
        let (best, share) = likeliest(&[-3.0, -1.0, -1.0 - 2.0_f64.ln()]).unwrap();
        assert_eq!(best, 1);
        let wanted = 1.0 / (1.0 + 0.5 + (-2.0_f64).exp());
        assert!((share - wanted).abs() < 1e-12);
        assert_eq!(likeliest(&[-1.0]), None);
        assert_eq!(likeliest(&[f64::NAN, -1.0]), None);
        assert_eq!(likeliest(&[f64::NEG_INFINITY; 3]), None);
        // No overflow for logs of long texts.
        assert_eq!(likeliest(&[-9000.0, -9500.0]), Some((0, 1.0)));
    }

    #[test]
    fn a_malformed_level_is_a_failure_and_none_is_none() {
        assert!(stated("Answer: Paris").is_none());
        let found = stated("Answer: Paris\nConfidence: 8.5").unwrap();
        assert_eq!(
            (found.confidence, found.answer.as_deref()),
            (None, Some("Paris"))
        );
        assert!(found.failure.is_some());
    }
}
