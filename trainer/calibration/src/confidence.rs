//! The two numbers that say how sure a model is.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A number was outside the range of its type.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("found {found}, expected {expected}")]
pub struct OutOfRange {
    pub found: f64,
    /// The range, in words.
    pub expected: &'static str,
}

/// A stated confidence: one of the ten levels 1..=10.
///
/// ```
/// use calibration::Confidence;
/// let eight = Confidence::new(8).expect("8 is a level");
/// assert_eq!(eight.probability().get(), 0.8);
/// assert_eq!(Confidence::new(11), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u8")]
pub struct Confidence(u8);

impl Confidence {
    /// The lowest level, 1.
    pub const MIN: Confidence = Confidence(1);
    /// The highest level, 10.
    pub const MAX: Confidence = Confidence(10);
    /// All levels, ascending.
    pub const ALL: [Confidence; 10] = [
        Confidence(1),
        Confidence(2),
        Confidence(3),
        Confidence(4),
        Confidence(5),
        Confidence(6),
        Confidence(7),
        Confidence(8),
        Confidence(9),
        Confidence(10),
    ];

    /// `None` outside 1..=10.
    pub fn new(level: u8) -> Option<Confidence> {
        (1..=10).contains(&level).then_some(Confidence(level))
    }

    /// The nearest level to `probability`: clamp(round(10·p), 1, 10), halves away from zero. A
    /// share of 0 is level 1, since no level says "never".
    pub fn nearest(probability: Probability) -> Confidence {
        // At most 10 and at least 0, so that the cast is exact.
        Confidence(((10.0 * probability.get()).round() as u8).clamp(1, 10))
    }

    /// 1..=10.
    pub fn level(self) -> u8 {
        self.0
    }

    /// Where the level stands in an array of ten, 0..=9.
    pub fn index(self) -> usize {
        usize::from(self.0 - 1)
    }

    /// Level k stands for k/10.
    pub fn probability(self) -> Probability {
        Probability(f64::from(self.0) / 10.0)
    }
}

impl TryFrom<u64> for Confidence {
    type Error = OutOfRange;

    fn try_from(level: u64) -> Result<Confidence, OutOfRange> {
        u8::try_from(level)
            .ok()
            .and_then(Confidence::new)
            .ok_or(OutOfRange {
                found: level as f64,
                expected: "a confidence from 1 to 10",
            })
    }
}

impl From<Confidence> for u8 {
    fn from(confidence: Confidence) -> u8 {
        confidence.0
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A probability, 0..=1; never NaN.
///
/// ```
/// use calibration::Probability;
/// assert_eq!(Probability::new(0.25).map(Probability::get), Ok(0.25));
/// assert!(Probability::new(f64::NAN).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability(f64);

impl Probability {
    pub const ZERO: Probability = Probability(0.0);
    pub const ONE: Probability = Probability(1.0);

    /// An error outside 0..=1, and for NaN.
    pub fn new(value: f64) -> Result<Probability, OutOfRange> {
        if (0.0..=1.0).contains(&value) {
            Ok(Probability(value))
        } else {
            Err(OutOfRange {
                found: value,
                expected: "a probability from 0 to 1",
            })
        }
    }

    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = OutOfRange;

    fn try_from(value: f64) -> Result<Probability, OutOfRange> {
        Probability::new(value)
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> f64 {
        probability.0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_a_bare_number_in_json() {
        assert_eq!(serde_json::to_string(&Confidence::MAX).unwrap(), "10");
        assert_eq!(serde_json::from_str::<Confidence>("7").unwrap().level(), 7);
        for wrong in ["0", "11", "-1", "8.5", "\"8\"", "null", "300"] {
            assert!(
                serde_json::from_str::<Confidence>(wrong).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn shares_become_levels_and_never_zero() {
        let level = |p: f64| Confidence::nearest(Probability::new(p).unwrap()).level();
        assert_eq!(
            [0.0, 0.04, 0.05, 0.15, 0.949, 0.95, 1.0].map(level),
            [1, 1, 1, 2, 9, 10, 10]
        );
    }
}
