//! An item that a researcher settled, after its raters differed.

use datasets::annotation::Choice;
use serde::{Deserialize, Serialize};

/// The adjudicated rating of an item, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// 0..=10, of a single rationale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// Of a pair, in the order of the item's rationales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    #[serde(default)]
    pub note: String,
    /// The pseudonym of who settled it.
    #[serde(default)]
    pub by: String,
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub at_ms: i64,
}

impl Settled {
    /// `7`, `left`, with the note where there is one: `7 (only Sydney is missing)`.
    pub fn in_words(&self) -> String {
        let said = match (self.score, self.choice) {
            (Some(score), _) => score.to_string(),
            (None, Some(choice)) => choice_in_words(choice).to_owned(),
            (None, None) => "nothing".to_owned(),
        };
        match self.note.trim() {
            "" => said,
            note => format!("{said} ({note})"),
        }
    }
}

/// A choice with the sides as in `Item::rationales`, whichever stood on the left on somebody's page.
fn choice_in_words(choice: Choice) -> &'static str {
    match choice {
        Choice::Left => "the first",
        Choice::Right => "the second",
        Choice::Tie => "a tie",
        Choice::BothBad => "both bad",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_settled_is_told_with_its_reason() {
        let score = Settled {
            score: Some(7),
            note: " names both ".into(),
            ..Settled::default()
        };
        assert_eq!(score.in_words(), "7 (names both)");
        let choice = Settled {
            choice: Some(Choice::Left),
            ..Settled::default()
        };
        assert_eq!(choice.in_words(), "the first");
    }
}
