//! One question: its samples and their clusters, what each evaluation answered, and what the rationales
//! name.

use super::{Indexing, RunSummary};
use calibration::judge::normalise;
use datasets::{Answer, Cluster};
use serde::{Deserialize, Serialize};

/// `GET /runs/{id}/questions/{question_id}?threshold=…`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuestionDetail {
    pub run: RunSummary,
    pub id: String,
    pub question: String,
    pub gold: Vec<String>,
    pub template: Option<String>,
    /// As they are stored, largest first; empty where the question was not sampled.
    pub clusters: Vec<Cluster>,
    pub clustering: Clustered,
    /// In the order of their indices.
    pub samples: Vec<ShownSample>,
    /// Samples that are not in `samples`, for their number.
    pub samples_left_out: u64,
    /// From which the clusters at any threshold follow; absent where samples were not clustered by
    /// embedding.
    pub heights: Option<Heights>,
    /// The threshold that the visitor chose, in millionths; absent: the stored one.
    pub threshold: Option<i32>,
    /// (label, answer) of each evaluation that asked the question: base first, taught after. Long texts
    /// are cut, and say by how much.
    pub answers: Vec<(String, Answer)>,
    /// Bytes of the record of each of `answers`.
    pub record_bytes: Vec<u64>,
    /// The teacher's rationale, where the question was trained on.
    pub rationale: Option<String>,
    /// The rationales of `answers`, then the teacher's: what each names.
    pub rationales: Vec<MarkedRationale>,
    /// Names that were looked for in the rationales: the answers to questions of the same template.
    pub names_looked_for: u64,
    /// Files of the run that are still being indexed: what stands in them may be missing here.
    pub indexing: Option<Indexing>,
}

/// How the samples came into clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Clustered {
    /// As it is recorded: `answer`, or `embedding: …, cosine above 0.84`; absent where it is not: then
    /// the samples were grouped for this page, by normalised answer.
    pub method: Option<String>,
    /// In millionths; absent where samples were not clustered by embedding.
    pub threshold: Option<i32>,
}

/// One sample, as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShownSample {
    pub index: u32,
    /// Cut where it is long, and says by how much.
    pub response: String,
    /// What is read of it as the answer; empty where nothing is.
    pub answer: String,
    /// Whether that answer is right.
    pub correct: bool,
}

/// The merge heights of a question's samples (`heights.jsonl`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Heights {
    /// Indices of its samples, ascending.
    pub samples: Vec<u32>,
    /// Of each, `(height in millionths, leader)`, highest first: below the height it is in the cluster
    /// of the leader, a place in `samples`.
    pub steps: Vec<Vec<(i32, u32)>>,
}

/// A rationale with what it names marked in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MarkedRationale {
    /// The evaluation's label, or who wrote it for the training.
    pub writer: String,
    /// Whether it was written from the clusters to train on.
    pub by_teacher: bool,
    /// The whole text, in parts.
    pub parts: Vec<RationalePart>,
    /// Clusters that it names, largest first, with their shares.
    pub named: Vec<NamedShare>,
    /// What it names and no sample says, in its order.
    pub invented: Vec<String>,
    /// Clusters that it does not name, largest first, with their shares.
    pub left_out: Vec<NamedShare>,
    /// The measure of faithfulness by names, 0..=10.
    pub score: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedShare {
    pub answer: String,
    /// Of the samples, 0..=1.
    pub share: f64,
}

/// A piece of a rationale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RationalePart {
    pub text: String,
    pub names: Names,
}

/// What a piece of a rationale names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "names", rename_all = "kebab-case")]
pub enum Names {
    #[default]
    Nothing,
    /// A cluster of this share of the samples.
    Cluster { share: f64 },
    /// An answer to questions of this kind that no sample gives.
    Invented,
}

impl QuestionDetail {
    /// Share of the samples that say the same as an answer, 0..=1; `None` where there are none, or the
    /// answer is not known.
    pub fn share_that_agrees(&self, answer: &Answer) -> Option<f64> {
        let said = normalise(answer.answer.as_deref()?);
        if self.clusters.is_empty() || said.is_empty() {
            return None;
        }
        let same = |cluster: &&Cluster| normalise(&cluster.answer) == said;
        let shares = self.clusters.iter().filter(same);
        Some(shares.map(|cluster| cluster.share).sum::<f64>().min(1.0))
    }
}
