//! Means with intervals, by resampling whole groups of items.

use crate::bootstrap::{IntervalMethod, Resampler};
use crate::random::Random;
use crate::tally::Row;
use serde::Serialize;

/// A mean over items.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// Items, at least 1.
    pub n: usize,
    pub mean: f64,
    /// 95%, by percentiles of resampled means; `None` without resamples.
    pub ci: Option<[f64; 2]>,
}

/// The mean of `values` with the interval of `bootstraps` resamples; items of one group (an entity) are
/// drawn together, those of `None` alone. `None` without values, or where one is not finite.
///
/// # Panics
/// If there are not as many groups as values.
pub fn mean(values: &[f64], groups: &[Option<u32>], bootstraps: usize, seed: u64) -> Option<Mean> {
    assert_eq!(values.len(), groups.len(), "a group for each value");
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let resamples = resample(groups, bootstraps, seed, |weights| {
        let drawn: u32 = weights.iter().sum();
        let sum: f64 = values
            .iter()
            .zip(weights)
            .map(|(value, weight)| value * f64::from(*weight))
            .sum();
        sum / f64::from(drawn)
    });
    Some(Mean {
        n: values.len(),
        mean,
        ci: IntervalMethod::Percentile.interval(mean, mean, &resamples),
    })
}

/// A measure in `bootstraps` resamples of items: it is given how often each was drawn. NaN where the
/// measure is not defined.
pub fn resample(
    groups: &[Option<u32>],
    bootstraps: usize,
    seed: u64,
    measure: impl Fn(&[u32]) -> f64,
) -> Vec<f64> {
    let rows: Vec<Row> = groups
        .iter()
        .map(|group| Row {
            group: *group,
            ..Row::default()
        })
        .collect();
    let resampler = Resampler::of(&rows);
    let mut random = Random::new(seed);
    let mut weights = vec![0; rows.len()];
    (0..bootstraps)
        .map(|_| {
            resampler.draw(&mut random, &mut weights);
            measure(&weights)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_values_have_no_mean() {
        assert_eq!(mean(&[], &[], 10, 1), None);
        assert_eq!(mean(&[f64::NAN], &[None], 10, 1), None);
        let one = mean(&[2.0], &[None], 10, 1).unwrap();
        assert_eq!((one.n, one.mean, one.ci), (1, 2.0, Some([2.0, 2.0])));
        assert_eq!(mean(&[2.0], &[None], 0, 1).unwrap().ci, None);
    }

    #[test]
    fn the_interval_is_that_of_the_normal_approximation() {
        // 400 values, half 0 and half 1: the standard error is .025.
        let values: Vec<f64> = (0..400).map(|at| f64::from(at % 2)).collect();
        let [low, high] = mean(&values, &[None; 400], 2_000, 3).unwrap().ci.unwrap();
        assert!((low - 0.451).abs() < 0.006, "{low}");
        assert!((high - 0.549).abs() < 0.006, "{high}");
    }

    #[test]
    fn items_of_one_group_are_one_draw() {
        let values: Vec<f64> = (0..400).map(|at| f64::from(at % 2)).collect();
        let groups: Vec<Option<u32>> = (0..400).map(|at| Some(at % 4)).collect();
        let alone = mean(&values, &[None; 400], 500, 3).unwrap().ci.unwrap();
        let grouped = mean(&values, &groups, 500, 3).unwrap().ci.unwrap();
        assert!(grouped[1] - grouped[0] > 3.0 * (alone[1] - alone[0]));
    }

    proptest! {
        #[test]
        fn the_mean_lies_within_the_values(values in prop::collection::vec(-5.0f64..5.0, 1..40), seed: u64) {
            let groups = vec![None; values.len()];
            let found = mean(&values, &groups, 50, seed).unwrap();
            let low = values.iter().copied().fold(f64::INFINITY, f64::min) - 1e-12;
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 1e-12;
            let [from, to] = found.ci.unwrap();
            prop_assert!(low <= found.mean && found.mean <= high);
            prop_assert!(low <= from && from <= to && to <= high);
        }
    }
}
