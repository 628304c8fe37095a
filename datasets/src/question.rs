//! A question with its gold answers, and how answers to it are judged.

pub use calibration::Judge;
use serde::{Deserialize, Serialize};

/// Which part of a question set a question belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Used for training and for nothing else.
    Train,
    /// Used to choose configurations and to fit recalibration.
    Dev,
    /// Looked at once a configuration is frozen.
    Test,
    /// Templates held out whole: never trained on, never chosen on.
    HeldOut,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Stable: a hash of (file SHA-256, row), or given by the file.
    pub id: String,
    /// The text, as the model sees it.
    pub question: String,
    /// The gold answer first, then its aliases; empty only for faithfulness input, which has no gold
    /// and cannot be judged.
    pub answers: Vec<String>,
    /// Answers that are known to be wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negative_answers: Vec<String>,
    /// The kind of question, e.g. `capital-of-country`; the unit of the template base rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What the question is about, e.g. `country:FR`; bootstraps are clustered by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    #[serde(default)]
    pub judge: Judge,
}

impl Question {
    /// The first gold answer.
    pub fn gold(&self) -> &str {
        self.answers.first().map_or("", String::as_str)
    }
}
