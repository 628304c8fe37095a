//! A question on its way to a model: which model, how often, and by which messages and draws.

use crate::limits::{ANSWER_TOKENS_MAX, QUESTION_CHARACTERS_MAX, SAMPLE_TOKENS_MAX, SAMPLES};
use datasets::config::Decoding;
use datasets::demo::{About, Way, kind_of};
use datasets::prompts::Message;
use serde::{Deserialize, Serialize};

/// Which model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The model as it is.
    Before,
    /// The taught one.
    After,
}

impl Side {
    /// How this side is asked; `None` where there is no taught model.
    pub fn way(self, about: &About) -> Option<&Way> {
        match self {
            Side::Before => Some(&about.before),
            Side::After => about.after.as_ref(),
        }
    }
}

/// How often a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// Once, as the evaluation did.
    Once,
    /// [`SAMPLES`] times at temperature 1: the answers alone.
    Ten,
}

impl Times {
    pub fn samples(self) -> usize {
        match self {
            Times::Once => 1,
            Times::Ten => SAMPLES,
        }
    }
}

/// One answer as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Text {
    pub text: String,
    /// Tokens drawn.
    pub tokens: usize,
    pub done: bool,
    /// P(level k) at k − 1 where a level was stated, once it is done.
    pub levels: Option<[f64; 10]>,
}

/// The question without what stands around it.
///
/// # Errors
/// In words, where it is empty or too long.
pub fn checked(question: &str) -> Result<&str, String> {
    let question = question.trim();
    if question.is_empty() {
        return Err("The question is empty.".to_owned());
    }
    if question.chars().count() > QUESTION_CHARACTERS_MAX {
        return Err(format!(
            "The question has more than {QUESTION_CHARACTERS_MAX} characters."
        ));
    }
    Ok(question)
}

/// The messages that ask it, as the evaluation asked questions of its kind.
pub fn messages(about: &About, way: &Way, question: &str) -> Vec<Message> {
    let kind = kind_of(&about.kinds, question);
    way.messages(question, kind.map(|kind| kind.template.as_str()))
}

/// How answers are drawn: once, as the evaluation drew; ten times, as the model has it, to the end of
/// the line.
pub fn decoding(way: &Way, times: Times) -> Decoding {
    match times {
        Times::Once => Decoding {
            max_tokens: way.decoding.max_tokens.clamp(1, ANSWER_TOKENS_MAX),
            ..way.decoding.clone()
        },
        Times::Ten => Decoding {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            max_tokens: SAMPLE_TOKENS_MAX,
            stop: vec!["\n".to_owned()],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_an_end_and_a_beginning() {
        assert_eq!(checked(" Why? \n"), Ok("Why?"));
        assert!(checked(" \t").is_err());
        let long = "é".repeat(QUESTION_CHARACTERS_MAX);
        assert_eq!(checked(&long), Ok(long.as_str()));
        assert!(checked(&format!("{long}e")).unwrap_err().contains("500"));
    }
}
