//! What an answer says, and how often answers that said so were right.

use calibration::{Confidence, parse};
use chart::gauge::{self, Gauge};
use datasets::demo::{About, Count, Way, kind_of};
use serde::Serialize;

/// An answer, read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    pub answer: Option<String>,
    pub rationale: Option<String>,
    /// 1 to 10.
    pub confidence: Option<u8>,
    /// Why there is none.
    pub failure: Option<String>,
    /// What is known of the level.
    pub gauge: Option<ReadGauge>,
}

/// The gauge of an answer, in words and drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReadGauge {
    /// An SVG.
    pub drawing: String,
    /// Of all questions; absent where no evaluation asked the model so.
    pub record: Option<String>,
    /// Of questions of this kind, where it is known.
    pub of_kind: Option<KindRecord>,
    /// Of all questions.
    pub right: Option<u32>,
    pub n: Option<u32>,
}

/// The record of a kind of question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindRecord {
    /// `capital of country`
    pub kind: String,
    pub words: String,
}

/// Reads `text`, an answer to `question` asked this way. `id` names its drawing on the page.
pub fn read(
    about: &About,
    way: &Way,
    question: &str,
    (text, levels): (&str, Option<[f64; 10]>),
    id: &str,
) -> Reading {
    let parsed = parse::response(text);
    Reading {
        gauge: parsed
            .confidence
            .map(|confidence| gauge_of(about, way, question, (confidence, levels), id)),
        answer: parsed.answer,
        rationale: parsed.rationale,
        confidence: parsed.confidence.map(Confidence::level),
        failure: parsed.failure.map(|failure| failure.to_string()),
    }
}

fn gauge_of(
    about: &About,
    way: &Way,
    question: &str,
    (confidence, weighed): (Confidence, Option<[f64; 10]>),
    id: &str,
) -> ReadGauge {
    let level = confidence.level();
    let words = |Count { right, n }: Count| gauge::sentence(level, right, n);
    let count = way.record.as_ref().map(|record| record.at(confidence));
    let of_kind = kind_of(&about.kinds, question).and_then(|kind| {
        let record = way.record.as_ref()?;
        let count = record.of_kind(&kind.template, confidence)?;
        Some(KindRecord {
            kind: kind.template.replace('-', " "),
            words: words(count),
        })
    });
    let drawn = Gauge {
        level,
        weighed,
        record: count.map(|count| (count.right, count.n)),
    };
    ReadGauge {
        drawing: gauge::svg(&drawn, id),
        record: count.map(words),
        of_kind,
        right: count.map(|count| count.right),
        n: count.map(|count| count.n),
    }
}
