//! The extension field `sayself` of an answer: what it states of itself, and how far that can be believed.

use super::record::{AtLevel, TrackRecord};
use crate::stages::evaluate::{Fitted, read_out, to_millionths};
use crate::stages::sft::split_at_level;
use calibration::Confidence;
use calibration::parse::{self, ParseFailure};
use calibration::recalibrate::Family;
use datasets::config::Decoding;
use datasets::prompts::Message;
use model::{Completion, Tokenizer};
use serde::Serialize;

/// What is told of one answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extension {
    pub answer: Option<String>,
    pub rationale: Option<String>,
    /// The level that was written, 1..=10.
    pub confidence: Option<Confidence>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<ParseFailure>,
    /// P(level k) at k − 1, from the logits where the level was written.
    pub confidence_distribution: Option<[f64; 10]>,
    /// How often the model was right at this level; absent where no evaluation of the same prompt and
    /// sampling is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<AtLevel>,
    /// The probability that a fitted map makes of the confidence, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalibrated: Option<Recalibrated>,
}

/// What a map makes of a confidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recalibrated {
    /// 0..=1
    pub probability: f64,
    pub family: Family,
    /// Dev answers that the map was fitted on, and whose questions they answer.
    pub n: usize,
    pub questions: String,
}

/// What is known of a model beside its weights.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Whether it was taught to state its confidence.
    pub states_confidence: bool,
    pub records: Vec<TrackRecord>,
    pub recalibration: Option<Fitted>,
}

/// What an answer was asked by.
#[derive(Clone, Debug)]
pub struct AskedBy {
    /// Absent where no conversation was, but a bare text.
    pub messages: Option<Vec<Message>>,
    /// What the assistant was given as said; empty for none.
    pub said: String,
    pub decoding: Decoding,
    /// Whether the fitted map is to be applied.
    pub recalibrates: bool,
}

impl Known {
    /// What is told of a completion; nothing where it states no confidence and was not taught to.
    pub fn of(
        &self,
        completion: &Completion,
        asked: &AskedBy,
        tokenizer: &Tokenizer,
    ) -> Option<Extension> {
        let text = format!("{}{}", asked.said, completion.text);
        let parsed = parse::response(&text);
        if parsed.confidence.is_none() && !self.states_confidence {
            return None;
        }
        let levels = parsed
            .confidence
            .and_then(|_| distribution(&text, completion, asked, tokenizer));
        let record = parsed.confidence.and_then(|level| {
            let messages = asked.messages.as_ref()?;
            let is_of = |record: &&TrackRecord| record.is_of(messages, &asked.decoding);
            self.records.iter().find(is_of)?.at(level)
        });
        let recalibrated = self
            .recalibration
            .as_ref()
            .filter(|_| asked.recalibrates)
            .zip(parsed.confidence)
            .map(|(fitted, level)| recalibrated(fitted, level, levels.as_ref()));
        Some(Extension {
            answer: parsed.answer,
            rationale: parsed.rationale,
            confidence: parsed.confidence,
            failure: parsed.failure,
            confidence_distribution: levels,
            record,
            recalibrated,
        })
    }
}

/// The distribution that was read, where it is that of the level that was stated: the last one.
fn distribution(
    text: &str,
    completion: &Completion,
    asked: &AskedBy,
    tokenizer: &Tokenizer,
) -> Option<[f64; 10]> {
    let read = completion.levels.as_ref()?;
    let before = completion.tokens.get(..read.before)?;
    let (stated, ..) = split_at_level(text)?;
    let before = tokenizer.decode(before);
    let is_that = stated.strip_prefix(asked.said.as_str()) == Some(before.as_str());
    is_that.then(|| read.probabilities.map(to_millionths))
}

fn recalibrated(fitted: &Fitted, level: Confidence, levels: Option<&[f64; 10]>) -> Recalibrated {
    let confidence = read_out(fitted.readout(), Some(level), levels);
    let probability = fitted.map.apply(confidence);
    Recalibrated {
        probability: to_millionths(probability),
        family: fitted.map.family(),
        n: fitted.n,
        questions: fitted.questions.clone(),
    }
}
