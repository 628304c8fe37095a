//! The list of answers: what narrows it, how it is ordered, a page of it.

use super::RunSummary;
use chart::format::fixed;
use datasets::Answer;
use serde::{Deserialize, Serialize};

/// `GET /runs/{id}/answers?label=…&bin=…&sort=…&after=…`: a page of the answers of one evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnswerList {
    pub run: RunSummary,
    pub label: String,
    /// All evaluations that can be listed.
    pub labels: Vec<String>,
    /// What narrows the list, in words: `confidence 7 of 10, wrong`.
    pub filter: String,
    pub asked: AnswerFilter,
    pub order: AnswerOrder,
    /// The most frequent templates of the evaluation.
    pub templates: Vec<TemplateCount>,
    /// Long texts are cut, and say by how much.
    pub answers: Vec<Answer>,
    /// Bytes of the record of each of `answers`.
    pub record_bytes: Vec<u64>,
    /// All that the filter takes; a search is not counted in, since it would read the whole file.
    pub total: u64,
    /// With a search: how far it went for this page.
    pub searched: Option<Searched>,
    /// The cursor of the page before (`before=`).
    pub previous: Option<String>,
    /// The cursor of the next page (`after=`; of the API, `cursor=`).
    pub next: Option<String>,
    /// Lines of the file that are no records, or too long.
    pub bad_lines: u64,
    /// The list has what is indexed so far.
    pub indexing: Option<Indexing>,
}

/// What narrows a list of answers; all of it together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnswerFilter {
    /// The bar of the confidence histogram, 0..=10.
    pub bin: Option<u8>,
    /// Probability from here, inclusive.
    pub low: Option<f64>,
    /// Probability to here, exclusive, but for 1.
    pub high: Option<f64>,
    pub correct: Option<bool>,
    pub template: Option<String>,
    /// Whether the confidence could not be read.
    pub failed: Option<bool>,
    /// In question, answer, gold answer, response or id, whatever the case; empty: no search.
    pub search: String,
}

/// The order of a list of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AnswerOrder {
    /// As they stand in the file.
    #[default]
    File,
    /// The highest probability first.
    Surest,
    /// The lowest probability first.
    LeastSure,
}

impl AnswerOrder {
    pub const ALL: [AnswerOrder; 3] = [
        AnswerOrder::File,
        AnswerOrder::Surest,
        AnswerOrder::LeastSure,
    ];

    /// As it stands in an address.
    pub fn name(self) -> &'static str {
        match self {
            AnswerOrder::File => "file",
            AnswerOrder::Surest => "surest",
            AnswerOrder::LeastSure => "least-sure",
        }
    }

    /// `None` where no order has that name.
    pub fn from_name(name: &str) -> Option<Self> {
        AnswerOrder::ALL
            .into_iter()
            .find(|order| order.name() == name)
    }

    pub fn words(self) -> &'static str {
        match self {
            AnswerOrder::File => "as evaluated",
            AnswerOrder::Surest => "surest first",
            AnswerOrder::LeastSure => "least sure first",
        }
    }
}

/// A template and how many answers have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplateCount {
    pub template: String,
    pub answers: u64,
}

/// How far a search went for one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Searched {
    /// Answers looked through.
    pub answers: u64,
    /// Whether there are more to look through in the same direction.
    pub stopped: bool,
}

/// A file that is being indexed in the background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Indexing {
    /// Bytes of the file; of several, their sum.
    pub bytes: u64,
    /// Bytes that are read.
    pub bytes_done: u64,
    /// Records found so far.
    pub records: u64,
}

impl Indexing {
    /// Of two files together.
    pub fn and(self, other: Indexing) -> Indexing {
        Indexing {
            bytes: self.bytes + other.bytes,
            bytes_done: self.bytes_done + other.bytes_done,
            records: self.records + other.records,
        }
    }

    /// `120,000 records so far, 61 of 480 MB`.
    pub fn words(&self) -> String {
        let megabytes = |bytes: u64| fixed(bytes as f64 / 1e6, 0);
        [
            &chart::format::counted(self.records, "record"),
            " so far, ",
            &megabytes(self.bytes_done),
            " of ",
            &megabytes(self.bytes),
            " MB read",
        ]
        .concat()
    }
}

impl AnswerFilter {
    /// In words, e.g. `confidence 7 of 10, wrong`; `all answers` where nothing narrows.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if let Some(bin) = self.bin {
            words.push(format!("confidence {bin} of 10"));
        }
        match (self.low, self.high) {
            (Some(low), Some(high)) => words.push(format!("confidence {low} to {high}")),
            (Some(low), None) => words.push(format!("confidence from {low}")),
            (None, Some(high)) => words.push(format!("confidence below {high}")),
            (None, None) => {}
        }
        if let Some(correct) = self.correct {
            words.push(if correct { "right" } else { "wrong" }.into());
        }
        if let Some(template) = &self.template {
            words.push(format!("template {template}"));
        }
        if let Some(failed) = self.failed {
            let read = if failed { "not read" } else { "read" };
            words.push(format!("confidence {read}"));
        }
        if !self.search.is_empty() {
            words.push(format!("with “{}”", self.search));
        }
        if words.is_empty() {
            "all answers".into()
        } else {
            words.join(", ")
        }
    }
}
