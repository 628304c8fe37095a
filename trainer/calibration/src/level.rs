//! The ten levels as a probability distribution, read from a model's next-token probabilities.
//!
//! Where a tokenizer splits digits singly, level 10 is the two tokens `1`, `0`, and shares its
//! first with level 1:
//! P(level 1) = p(1)·(1 − p(0|1)), P(level 10) = p(1)·p(0|1), P(level k) = p(k) else, renormalised.

use crate::{Confidence, Probability};

/// From the probabilities of the tokens `1` … `9` (any scale; they need not sum to 1) and that of
/// `0` after `1` (0..=1). `None` when they hold no mass, or a number that is no probability.
///
/// ```
/// use calibration::level;
/// let mut digits = [0.0; 9];
/// digits[0] = 0.5;
/// digits[7] = 0.25;
/// let levels = level::from_digits(&digits, 0.5).expect("there is mass");
/// assert!((levels[9] - 1.0 / 3.0).abs() < 1e-12);
/// ```
pub fn from_digits(digits: &[f64; 9], zero_after_one: f64) -> Option<[f64; 10]> {
    if !(0.0..=1.0).contains(&zero_after_one) {
        return None;
    }
    let mut levels = [0.0; 10];
    levels[..9].copy_from_slice(digits);
    levels[0] = digits[0] * (1.0 - zero_after_one);
    levels[9] = digits[0] * zero_after_one;
    from_tokens(&levels)
}

/// From the logits of the tokens `1` … `9` and the probability of `0` after `1` (0..=1, over the
/// whole vocabulary). `None` when a logit is NaN or all are −∞.
pub fn from_digit_logits(logits: &[f64; 9], zero_after_one: f64) -> Option<[f64; 10]> {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // The highest logit is taken off so that no exponential overflows.
    from_digits(&logits.map(|logit| (logit - highest).exp()), zero_after_one)
}

/// From the probabilities of ten whole levels, for a tokenizer that has `10` as one token:
/// renormalises. `None` as for [`from_digits`].
pub fn from_tokens(levels: &[f64; 10]) -> Option<[f64; 10]> {
    let total: f64 = levels.iter().sum();
    let sound = levels.iter().all(|&p| p >= 0.0) && total > 0.0 && total.is_finite();
    sound.then(|| levels.map(|p| p / total))
}

/// Σ k/10 · P(k): the readout `expected`. `levels` sum to 1.
pub fn expected(levels: &[f64; 10]) -> Probability {
    let mean: f64 = Confidence::ALL
        .iter()
        .zip(levels)
        .map(|(level, p)| level.probability().get() * p)
        .sum();
    // Rounding, and levels that sum to a hair over 1, must not leave the range; NaN has no place.
    Probability::new(mean.clamp(0.0, 1.0)).unwrap_or(Probability::ZERO)
}

/// The most probable level, the lowest among equals: the readout `mode`.
pub fn mode(levels: &[f64; 10]) -> Confidence {
    let mut best = Confidence::MIN;
    for level in Confidence::ALL {
        if levels[level.index()] > levels[best.index()] {
            best = level;
        }
    }
    best
}

/// −Σ P(k) ln P(k), in nats: 0 for one certain level, ln 10 for all alike.
pub fn entropy(levels: &[f64; 10]) -> f64 {
    levels
        .iter()
        .filter(|&&p| p > 0.0)
        .map(|p| -p * p.ln())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_is_two_tokens() {
        let levels = from_digits(&[0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0], 0.75).unwrap();
        let expected_levels = [0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0, 0.6];
        for (found, expected) in levels.iter().zip(expected_levels) {
            assert!((found - expected).abs() < 1e-12, "{levels:?}");
        }
        assert_eq!(mode(&levels), Confidence::MAX);
        assert!((expected(&levels).get() - 0.78).abs() < 1e-12);
    }

    #[test]
    fn nothing_from_nothing() {
        assert_eq!(from_digits(&[0.0; 9], 0.5), None);
        assert_eq!(from_digits(&[f64::NAN; 9], 0.5), None);
        assert_eq!(from_digits(&[0.1; 9], f64::NAN), None);
        assert_eq!(from_digit_logits(&[f64::NEG_INFINITY; 9], 0.5), None);
        assert_eq!(from_tokens(&[-0.1; 10]), None);
    }

    proptest! {
        #[test]
        fn levels_are_a_distribution(logits in prop::array::uniform9(-900.0f64..900.0), zero in 0.0f64..=1.0) {
            let levels = from_digit_logits(&logits, zero).unwrap();
            prop_assert!((levels.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!((0.0..=10.0f64.ln() + 1e-9).contains(&entropy(&levels)));
            prop_assert!((0.1 - 1e-9..=1.0).contains(&expected(&levels).get()));
        }
    }
}
