//! A judge's mean, corrected by a few items that people rated: prediction-powered inference
//! (Angelopoulos et al. 2023, arXiv 2301.09633, algorithm 1).

use serde::Serialize;

/// The quantile of the normal distribution behind a 95% interval.
const NORMAL_QUANTILE: f64 = 1.959_963_984_540_054;

/// What people would give on average, as far as judge and people together can tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Corrected {
    pub mean: f64,
    /// 95%, by the normal approximation.
    pub ci: [f64; 2],
    /// mean(people − judge) over the items that people rated: what the judge's mean is off by.
    pub correction: f64,
    /// Items that people rated.
    pub rated: usize,
    /// Items that the judge alone scored.
    pub judged: usize,
}

/// mean(judge) over the items that the judge alone scored, plus mean(people − judge) over those that
/// both scored, as `rated` has them: (people, judge). The variance is that of the two means, which
/// share no item. `None` with fewer than two items of either kind: then there is no interval.
///
/// The rated items must be a random part of all; else the correction is theirs alone.
///
/// ```
/// let judged = [6.0, 8.0, 7.0, 7.0];
/// let corrected = calibration::faithfulness::corrected::mean(&judged, &[(5.0, 6.0), (6.0, 8.0)]);
/// assert_eq!(corrected.map(|found| found.mean), Some(5.5));
/// ```
pub fn mean(judged: &[f64], rated: &[(f64, f64)]) -> Option<Corrected> {
    if judged.len() < 2 || rated.len() < 2 {
        return None;
    }
    let differences: Vec<f64> = rated.iter().map(|(people, judge)| people - judge).collect();
    let (of_judge, judge_variance) = moments(judged);
    let (correction, difference_variance) = moments(&differences);
    let mean = of_judge + correction;
    let error = (judge_variance / judged.len() as f64
        + difference_variance / differences.len() as f64)
        .sqrt();
    mean.is_finite().then_some(Corrected {
        mean,
        ci: [
            mean - NORMAL_QUANTILE * error,
            mean + NORMAL_QUANTILE * error,
        ],
        correction,
        rated: rated.len(),
        judged: judged.len(),
    })
}

/// Mean and variance (divided by n).
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum::<f64>()
        / n;
    (mean, variance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_item_has_no_interval() {
        assert_eq!(mean(&[1.0], &[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(mean(&[1.0, 2.0], &[(1.0, 1.0)]), None);
    }

    proptest! {
        /// A judge that is off by the same amount everywhere is mended whole.
        #[test]
        fn a_constant_bias_is_mended(
            judged in prop::collection::vec(0.0f64..10.0, 2..50),
            rated in prop::collection::vec(0.0f64..10.0, 2..20),
            bias in -3.0f64..3.0,
        ) {
            let pairs: Vec<(f64, f64)> = rated.iter().map(|judge| (judge + bias, *judge)).collect();
            let found = mean(&judged, &pairs).unwrap();
            let of_judge = judged.iter().sum::<f64>() / judged.len() as f64;
            prop_assert!((found.mean - of_judge - bias).abs() < 1e-9);
            prop_assert!(found.ci[0] <= found.mean && found.mean <= found.ci[1]);
        }
    }
}
