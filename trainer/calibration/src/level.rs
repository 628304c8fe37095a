//! What is read out of a probability distribution over the ten levels.

use crate::Confidence;

/// Σ k/10 · P(k), 0..=1: the readout `expected`. `levels` sum to 1; NaN where one of them is.
///
/// ```
/// let mut levels = [0.0; 10];
/// levels[1] = 0.5;
/// levels[7] = 0.5;
/// assert_eq!(calibration::level::expected(&levels), 0.5);
/// ```
pub fn expected(levels: &[f64; 10]) -> f64 {
    let mean: f64 = Confidence::ALL
        .iter()
        .zip(levels)
        .map(|(level, p)| p * f64::from(level.level()) / 10.0)
        .sum();
    // Levels that sum to a hair over 1 must not leave the range.
    mean.clamp(0.0, 1.0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn readouts_by_hand() {
        let levels = [0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0, 0.6];
        assert_eq!(mode(&levels), Confidence::MAX);
        assert!((expected(&levels) - 0.78).abs() < 1e-12);
        assert_eq!(mode(&[0.1; 10]), Confidence::MIN);
    }

    proptest! {
        #[test]
        fn the_readouts_lie_among_the_levels(weights in prop::array::uniform10(0.01f64..1.0)) {
            let total: f64 = weights.iter().sum();
            let levels = weights.map(|weight| weight / total);
            prop_assert!((0.1 - 1e-9..=1.0).contains(&expected(&levels)));
            let most = levels[mode(&levels).index()];
            prop_assert!(levels.iter().all(|&p| p <= most));
        }
    }
}
