//! The five stage-1 training files.

use super::document::{Row, rows};
use super::questions::conversation;
use crate::StageOneRecord;
use crate::read_error::{ReadError, quoted};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which of the reference's five training sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StageOneSet {
    /// Answer, rationale and confidence.
    #[default]
    Sayself,
    /// The answer alone.
    WithoutRationaleAndConfidence,
    /// Answer and confidence.
    WithoutRationale,
    /// "I am sure." after correct, "I am unsure." after wrong responses.
    RTuning,
    /// The group's accuracy as the confidence of each question in it.
    Gce,
}

impl StageOneSet {
    pub const ALL: [StageOneSet; 5] = [
        StageOneSet::Sayself,
        StageOneSet::WithoutRationaleAndConfidence,
        StageOneSet::WithoutRationale,
        StageOneSet::RTuning,
        StageOneSet::Gce,
    ];

    /// The reference's file name, in `stage_1/`.
    pub fn file_name(self) -> &'static str {
        match self {
            StageOneSet::Sayself => "sft_reason_conf.jsonl",
            StageOneSet::WithoutRationaleAndConfidence => "sft_without_reason_conf.jsonl",
            StageOneSet::WithoutRationale => "sft_without_reason_with_conf.jsonl",
            StageOneSet::RTuning => "sft_reason_rtuning.jsonl",
            StageOneSet::Gce => "sft_reason_calimath.jsonl",
        }
    }

    /// The set of a file's name, where it is one of theirs.
    pub fn of_file(name: &str) -> Option<StageOneSet> {
        Self::ALL.into_iter().find(|set| set.file_name() == name)
    }

    /// The method of a model that was taught it.
    pub fn label(self) -> &'static str {
        match self {
            StageOneSet::Sayself => "without-rl",
            StageOneSet::WithoutRationale => "without-rationale",
            StageOneSet::WithoutRationaleAndConfidence => "without-rationale-and-confidence",
            StageOneSet::RTuning => "r-tuning",
            StageOneSet::Gce => "gce",
        }
    }
}

/// Reads training examples in question/response or messages form, ours or the reference's.
///
/// # Errors
/// The first record that is wrong.
pub fn read_stage_one(bytes: &[u8], name: &str) -> Result<Vec<StageOneRecord>, ReadError> {
    rows(bytes, name)?.map(|row| record(&row?, name)).collect()
}

fn record(row: &Row, file: &str) -> Result<StageOneRecord, ReadError> {
    let expected = "texts `question` and `response`, or `messages` of a user and an assistant";
    let mut object = row.object.clone();
    if let Some(messages) = object.get("messages") {
        let (question, response) = conversation(messages)
            .ok_or_else(|| row.error(file, quoted(&messages.to_string()), expected))?;
        let pair = [
            ("question", Value::from(question)),
            ("response", Value::from(response)),
        ];
        object.extend(pair.map(|(key, value)| (key.to_owned(), value)));
    }
    let record: StageOneRecord = serde_json::from_value(Value::Object(object))
        .map_err(|error| row.error(file, error.to_string(), expected))?;
    if record.question.trim().is_empty() || record.response.trim().is_empty() {
        return Err(row.error(file, "an empty `question` or `response`", expected));
    }
    Ok(record)
}
