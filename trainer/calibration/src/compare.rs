//! Two runs on the same questions, compared question by question.

use crate::bootstrap::{IntervalMethod, Resampler};
use crate::ece;
use crate::metrics::{Estimates, MEASURES, Measurer, MetricsError, Options, shown};
use crate::random::Random;
use crate::tally::{Row, Sorted, Tally};
use serde::Serialize;

/// How one measure differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// A name of [`MEASURES`].
    pub measure: &'static str,
    pub a: f64,
    pub b: f64,
    /// b − a.
    pub difference: f64,
    /// Its 95% percentile interval; `None` without bootstraps, or where the measure is not defined in
    /// most of them.
    pub ci: Option<[f64; 2]>,
    /// Two-sided, of no difference; correct for many measures or runs by [`holm`].
    pub p_value: Option<f64>,
}

/// Runs that cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    #[error("found {a} and {b} rows, expected the same questions in the same order")]
    Lengths { a: usize, b: usize },
    #[error("first run: {0}")]
    First(MetricsError),
    #[error("second run: {0}")]
    Second(MetricsError),
}

/// b − a in each measure that is defined for both. Row i of both stands for the same question, so
/// that what makes a question hard for both falls out; groups are those of `a`.
pub fn paired(a: &[Row], b: &[Row], options: Options) -> Result<Vec<Difference>, CompareError> {
    if a.len() != b.len() {
        return Err(CompareError::Lengths {
            a: a.len(),
            b: b.len(),
        });
    }
    let sorted = [
        Sorted::of(a).map_err(CompareError::First)?,
        Sorted::of(b).map_err(CompareError::Second)?,
    ];
    let mut runs = sorted.each_ref().map(|sorted| {
        (
            sorted,
            Measurer::new(sorted, options.binning),
            sorted.tally.clone(),
        )
    });
    let mut measure = |weights: &[u32]| -> [Estimates; 2] {
        runs.each_mut().map(|(sorted, measurer, tally)| {
            sorted.tally_weighted(weights, tally);
            let sweep = |_: &Tally| ece::sweep(sorted.places_weighted(weights)).0;
            shown(measurer.measure(tally, sweep, None).0)
        })
    };
    let estimates = measure(&vec![1; a.len()]);
    let resampler = Resampler::of(a);
    let mut random = Random::new(options.seed);
    let mut weights = vec![0; a.len()];
    let resamples: Vec<[Estimates; 2]> = (0..options.bootstraps)
        .map(|_| {
            resampler.draw(&mut random, &mut weights);
            measure(&weights)
        })
        .collect();
    let differences = MEASURES
        .iter()
        .enumerate()
        .filter_map(|(at, &(measure, _))| {
            let [a, b] = [estimates[0][at], estimates[1][at]];
            let difference = b - a;
            let resampled: Vec<f64> = resamples
                .iter()
                .map(|pair| pair[1][at] - pair[0][at])
                .collect();
            let ci = IntervalMethod::Percentile.interval(difference, difference, &resampled);
            let p_value = ci.map(|_| p_value(&resampled));
            (!difference.is_nan()).then_some(Difference {
                measure,
                a,
                b,
                difference,
                ci,
                p_value,
            })
        });
    Ok(differences.collect())
}

/// Twice the smaller share of the resamples on either side of 0, never 0 itself.
fn p_value(resampled: &[f64]) -> f64 {
    let share = |is_beyond: fn(&&f64) -> bool| {
        let defined = resampled.iter().filter(|value| !value.is_nan()).count();
        (resampled.iter().filter(is_beyond).count() + 1) as f64 / (defined + 1) as f64
    };
    (2.0 * share(|value| **value <= 0.0).min(share(|value| **value >= 0.0))).min(1.0)
}

/// p-values corrected for their number (Holm 1979), in the same order.
///
/// ```
/// assert_eq!(calibration::compare::holm(&[0.01, 0.5, 0.02]), [0.03, 0.5, 0.04]);
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![0.0; p_values.len()];
    let mut highest = 0.0f64;
    for (rank, at) in order.into_iter().enumerate() {
        highest = highest.max((p_values[at] * (p_values.len() - rank) as f64).min(1.0));
        corrected[at] = highest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(differences: &[Difference], measure: &str) -> Difference {
        differences
            .iter()
            .find(|difference| difference.measure == measure)
            .unwrap()
            .clone()
    }

    #[test]
    fn a_better_run_is_found_and_an_equal_one_is_not() {
        let mut random = Random::new(11);
        let mut overconfident = Vec::new();
        let mut honest = Vec::new();
        for _ in 0..300 {
            let level = f64::from(random.below(10) + 1) / 10.0;
            let correct = random.uniform() < level;
            honest.push(Row::from((level, correct)));
            overconfident.push(Row::from((
                if random.below(5) == 0 { level } else { 1.0 },
                correct,
            )));
        }
        let options = Options {
            bootstraps: 200,
            ..Options::default()
        };
        let brier = find(&paired(&overconfident, &honest, options).unwrap(), "brier");
        assert!(
            brier.difference < 0.0 && brier.ci.unwrap()[1] < 0.0 && brier.p_value.unwrap() < 0.02
        );
        let same = find(&paired(&honest, &honest, options).unwrap(), "brier");
        assert_eq!(
            (same.difference, same.ci, same.p_value),
            (0.0, Some([0.0, 0.0]), Some(1.0))
        );
        let accuracy = find(
            &paired(&overconfident, &honest, options).unwrap(),
            "accuracy",
        );
        assert_eq!(accuracy.difference, 0.0);
    }

    #[test]
    fn what_cannot_be_compared() {
        let row = Row::from((0.5, true));
        assert_eq!(
            paired(&[row], &[], Options::default()),
            Err(CompareError::Lengths { a: 1, b: 0 })
        );
        let wrong = Row::from((1.5, true));
        let error = paired(&[row], &[wrong], Options::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "second run: row 0: found confidence 1.5, expected a probability from 0 to 1"
        );
        let one_class = paired(&[row], &[row], Options::default()).unwrap();
        assert!(
            one_class
                .iter()
                .all(|difference| difference.measure != "auroc" && difference.ci.is_none())
        );
    }
}
