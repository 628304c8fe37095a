//! The records that the stages write, one JSON object a line.

use calibration::Confidence;
use calibration::heights::Step;
use serde::{Deserialize, Serialize};

/// Why a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinishReason {
    /// The model ended its turn.
    EndOfTurn,
    /// A stop string was reached; it is not part of the response.
    Stop,
    /// `max_tokens` was reached.
    Length,
}

/// One sampled response (`samples.jsonl`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// `QUESTION_ID/INDEX`.
    pub id: String,
    pub question_id: String,
    pub question: String,
    /// 0..N-1 within the question.
    pub index: u32,
    pub response: String,
    pub finish_reason: FinishReason,
    /// Number of sampled tokens, the end-of-turn token included.
    pub tokens: u32,
    /// Sum of the natural logs of the sampled tokens' probabilities at temperature 1; absent where
    /// the endpoint does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprob: Option<f64>,
}

/// One group of samples that say the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cluster {
    /// The answer that stands for the group: its most frequent surface form.
    pub answer: String,
    /// Indices of the samples in it, ascending.
    pub members: Vec<u32>,
    /// members / all samples of the question, 0..1.
    pub share: f64,
    /// Whether `answer` is right.
    pub correct: bool,
}

/// The clusters of one question, largest first (`clusters.jsonl`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clustering {
    /// The question's id.
    pub id: String,
    pub question: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// `answer` or `embedding`, with what it was done by.
    pub method: String,
    pub clusters: Vec<Cluster>,
}

/// From which the clusters of one question follow at any threshold (`heights.jsonl`, beside
/// `clusters.jsonl`, where samples were clustered by embedding).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergeHeights {
    /// The question's id.
    pub id: String,
    /// Indices of its samples, ascending.
    pub samples: Vec<u32>,
    /// Of each of them: [`calibration::heights::clusters_at`] makes clusters of it, as places in
    /// `samples`.
    pub heights: Vec<Vec<Step>>,
}

impl MergeHeights {
    /// Whether they are of these samples, in ascending order of their indices.
    pub fn is_of(&self, samples: &[Sample]) -> bool {
        self.heights.len() == samples.len()
            && self
                .samples
                .iter()
                .eq(samples.iter().map(|sample| &sample.index))
    }
}

/// Why the model is unsure, in the first person (`rationales.jsonl`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rationale {
    /// The question's id.
    pub id: String,
    pub question: String,
    pub rationale: String,
    /// Who wrote it: `extractive`, or a model's name.
    pub teacher: String,
    /// SHA-256 of the prompt that the teacher was given; absent for `extractive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_sha256: Option<String>,
}

/// One stage-1 training example (`stage_1/*.jsonl`): the reference's two keys, and ours that its
/// readers ignore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageOneRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub question: String,
    pub response: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correct: Option<bool>,
    /// The model's own answers to the question, one a cluster, most frequent first: what `sft`
    /// trains the confidence on beside the record's answer. Empty in the reference's files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_answers: Vec<OwnAnswer>,
}

/// One of the model's own answers to a question, with its share and correctness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnAnswer {
    pub answer: String,
    /// Share of the samples that say it, 0..=1.
    pub share: f64,
    pub correct: bool,
}

/// One evaluated answer (`answers.jsonl`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Answer {
    /// The same as `question_id`: an evaluation asks each question once.
    pub id: String,
    pub question_id: String,
    #[serde(default)]
    pub template: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    pub question: String,
    pub response: String,
    pub answer: Option<String>,
    pub rationale: Option<String>,
    /// The stated level 1..=10; absent for methods that state none and on a parse failure.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
    pub confidence: Option<Confidence>,
    /// What the measures use, 0..1; 0 on a parse failure.
    pub probability: f64,
    pub correct: bool,
    /// Why the confidence could not be read.
    pub failure: Option<String>,
    /// The gold answer, for the pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gold: Option<String>,
    /// P(level k), k = 1..=10, where it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<f64>>))]
    pub levels: Option<[f64; 10]>,
}

/// A record that was left out, and why (`skipped.jsonl`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    pub stage: String,
    /// The record's id, or `FILE:LINE`.
    pub record: String,
    pub reason: String,
}
