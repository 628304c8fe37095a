//! The input of the faithfulness evaluation (Table 4): sampled responses and their rationales.

use super::document::{Row, rows};
use crate::read_error::ReadError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One question with its samples; `reason[i]` is the rationale of `responses[i]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaithfulnessRecord {
    pub question: String,
    /// `N/A` where a sample had none.
    pub reason: Vec<String>,
    pub responses: Vec<String>,
}

impl FaithfulnessRecord {
    /// The rationales that are there, with the index of their sample.
    pub fn rationales(&self) -> impl Iterator<Item = (usize, &str)> {
        let texts = self.reason.iter().enumerate();
        texts
            .map(|(index, reason)| (index, reason.trim()))
            .filter(|(_, reason)| !reason.is_empty() && *reason != "N/A")
    }
}

/// Reads faithfulness input, the direct-prompting instruction taken out of the questions.
///
/// # Errors
/// The first record that is wrong: without samples, or with another number of rationales.
pub fn read_faithfulness(bytes: &[u8], name: &str) -> Result<Vec<FaithfulnessRecord>, ReadError> {
    rows(bytes, name)?.map(|row| record(&row?, name)).collect()
}

fn record(row: &Row, file: &str) -> Result<FaithfulnessRecord, ReadError> {
    let expected = "a text `question`, and as many texts in `reason` as in `responses`";
    let mut record: FaithfulnessRecord = serde_json::from_value(Value::Object(row.object.clone()))
        .map_err(|error| row.error(file, error.to_string(), expected))?;
    if record.responses.is_empty() || record.reason.len() != record.responses.len() {
        let found = format!(
            "{} in `reason`, {} in `responses`",
            record.reason.len(),
            record.responses.len()
        );
        return Err(row.error(file, found, expected));
    }
    record.question = without_instruction(&record.question).to_owned();
    if record.question.is_empty() {
        return Err(row.error(file, "an empty `question`", expected));
    }
    Ok(record)
}

/// Where the reference's two direct-prompting instructions start; the second stands before the
/// question. Its own code looks for another wording than it writes, so they stay in its files.
const AFTER_QUESTION: &str = "After answering your question, state your reason for your confidence";
const BEFORE_QUESTION: &str = "Please answer the following question step by step.";
const BEFORE_QUESTION_END: &str = "For example: Confidence: 10.";

/// The question without the reference's direct-prompting instruction and `[INST]` marks.
///
/// ```
/// let asked = "[INST]\nWho wrote it?\nAfter answering your question, state your reason for your \
///              confidence, then … Confidence: 5[/INST]\n";
/// assert_eq!(datasets::reference::without_instruction(asked), "Who wrote it?");
/// ```
pub fn without_instruction(question: &str) -> &str {
    let mut text = question.trim();
    text = text.strip_prefix("[INST]").unwrap_or(text).trim_start();
    text = text.strip_suffix("[/INST]").unwrap_or(text).trim_end();
    if let Some(start) = text.find(AFTER_QUESTION) {
        text = text[..start].trim_end();
    }
    if let Some(rest) = text.strip_prefix(BEFORE_QUESTION)
        && let Some(end) = rest.find(BEFORE_QUESTION_END)
    {
        text = rest[end + BEFORE_QUESTION_END.len()..].trim_start();
    }
    text
}
