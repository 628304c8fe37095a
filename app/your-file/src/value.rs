//! A confidence and a verdict, out of the many ways in which they are written.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How confidences are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scale {
    /// A probability, 0..=1.
    #[serde(rename = "1")]
    One,
    /// A level, 1..=10.
    #[serde(rename = "10")]
    Ten,
    /// A percentage, 0..=100, with or without its sign.
    #[serde(rename = "100")]
    Hundred,
}

impl Scale {
    pub const ALL: [Scale; 3] = [Scale::One, Scale::Ten, Scale::Hundred];

    /// In words: `probabilities from 0 to 1`.
    pub fn words(self) -> &'static str {
        match self {
            Scale::One => "probabilities from 0 to 1",
            Scale::Ten => "levels from 1 to 10",
            Scale::Hundred => "percentages from 0 to 100",
        }
    }

    /// One of them: `a probability from 0 to 1`.
    pub fn expected(self) -> &'static str {
        match self {
            Scale::One => "a probability from 0 to 1",
            Scale::Ten => "a level from 1 to 10",
            Scale::Hundred => "a percentage from 0 to 100",
        }
    }

    /// A number on this scale as a probability, 0..=1; `None` where it lies outside.
    pub fn probability(self, number: f64) -> Option<f64> {
        match self {
            Scale::One => (0.0..=1.0).contains(&number).then_some(number),
            Scale::Ten => (1.0..=10.0).contains(&number).then_some(number / 10.0),
            Scale::Hundred => (0.0..=100.0).contains(&number).then_some(number / 100.0),
        }
    }

    /// The same of a text.
    pub fn probability_of_text(self, text: &str) -> Option<f64> {
        let text = text.trim();
        let digits = match self {
            Scale::Hundred => text.strip_suffix('%').unwrap_or(text).trim_end(),
            _ => text,
        };
        self.probability(digits.parse().ok()?)
    }

    /// The same of a JSON value: a number, or a text that is one.
    pub fn probability_of_value(self, value: &Value) -> Option<f64> {
        match value {
            Value::Number(number) => self.probability(number.as_f64()?),
            Value::String(text) => self.probability_of_text(text),
            _ => None,
        }
    }
}

/// A number, with or without a percent sign, and whether it has one.
pub fn number(text: &str) -> Option<(f64, bool)> {
    let text = text.trim();
    let (digits, has_sign) = match text.strip_suffix('%') {
        Some(digits) => (digits.trim_end(), true),
        None => (text, false),
    };
    let number: f64 = digits.parse().ok()?;
    number.is_finite().then_some((number, has_sign))
}

/// Texts that say right, in lower case.
const RIGHT: [&str; 10] = [
    "true", "1", "right", "correct", "yes", "pass", "passed", "c", "t", "y",
];
/// Texts that say wrong.
const WRONG: [&str; 10] = [
    "false",
    "0",
    "wrong",
    "incorrect",
    "no",
    "fail",
    "failed",
    "i",
    "f",
    "n",
];
/// What is expected of a verdict, in words.
pub const VERDICT_EXPECTED: &str = "true, false, 1, 0, right or wrong";

/// Whether a text says right or wrong; `None`: neither.
///
/// ```
/// use your_file::value::verdict_of_text;
/// assert_eq!(verdict_of_text(" Correct "), Some(true));
/// assert_eq!(verdict_of_text("0.0"), Some(false));
/// assert_eq!(verdict_of_text("0.7"), None);
/// ```
pub fn verdict_of_text(text: &str) -> Option<bool> {
    let text = text.trim();
    match text {
        "1" | "true" => return Some(true),
        "0" | "false" => return Some(false),
        _ => {}
    }
    if RIGHT.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(true);
    }
    if WRONG.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(false);
    }
    verdict_of_number(text.parse().ok()?)
}

/// The same of a JSON value.
pub fn verdict_of_value(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(correct) => Some(*correct),
        Value::Number(number) => verdict_of_number(number.as_f64()?),
        Value::String(text) => verdict_of_text(text),
        _ => None,
    }
}

fn verdict_of_number(number: f64) -> Option<bool> {
    match number {
        1.0 => Some(true),
        0.0 => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn confidences_on_three_scales() {
        assert_eq!(Scale::One.probability_of_text(" 0.25 "), Some(0.25));
        assert_eq!(Scale::One.probability_of_text("25%"), None);
        assert_eq!(Scale::One.probability_of_text("NaN"), None);
        assert_eq!(Scale::Ten.probability_of_text("0"), None);
        assert_eq!(Scale::Ten.probability_of_value(&json!(7)), Some(0.7));
        assert_eq!(Scale::Hundred.probability_of_text("85 %"), Some(0.85));
        assert_eq!(
            Scale::Hundred.probability_of_value(&json!("85%")),
            Some(0.85)
        );
        assert_eq!(Scale::Hundred.probability_of_value(&json!(101)), None);
        assert_eq!(Scale::One.probability_of_value(&json!(null)), None);
    }

    #[test]
    fn verdicts_in_many_words() {
        for (text, wanted) in [
            ("TRUE", Some(true)),
            ("C", Some(true)),
            ("incorrect", Some(false)),
            ("1.0", Some(true)),
            ("2", None),
            ("", None),
            ("perhaps", None),
        ] {
            assert_eq!(verdict_of_text(text), wanted, "{text}");
        }
        assert_eq!(verdict_of_value(&json!(true)), Some(true));
        assert_eq!(verdict_of_value(&json!(0)), Some(false));
        assert_eq!(verdict_of_value(&json!([1])), None);
    }
}
