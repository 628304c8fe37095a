//! Two runs on the same questions, compared question by question.

use crate::bootstrap::{IntervalMethod, Resampler};
use crate::ece;
use crate::metrics::{Estimates, MEASURES, Measurer, MetricsError, Options, shown};
use crate::parallel;
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
///
/// # Errors
/// Where their lengths differ, or either cannot be measured.
pub fn paired(a: &[Row], b: &[Row], options: Options) -> Result<Vec<Difference>, CompareError> {
    let together = together(&[a, b], options).map_err(|error| match error {
        TogetherError::Lengths { first, other, .. } => CompareError::Lengths { a: first, b: other },
        TogetherError::Run { run: 0, error } => CompareError::First(error),
        TogetherError::Run { error, .. } => CompareError::Second(error),
    })?;
    Ok(together.differences(&[0], &[1]))
}

/// Runs that cannot be measured together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TogetherError {
    #[error("run {run}: found {other} rows, expected the {first} of the first run")]
    Lengths {
        run: usize,
        first: usize,
        other: usize,
    },
    /// `run` counts from 0.
    #[error("run {run}: {error}")]
    Run { run: usize, error: MetricsError },
}

/// Runs over the same questions, measured on the same resamples: any two of them, or means of
/// several, are then compared question by question without drawing again.
#[derive(Clone, Debug)]
pub struct Together {
    /// Of each run, on all rows.
    estimates: Vec<Estimates>,
    /// Of each run, on each resample; the resamples of all runs are of the same questions.
    resamples: Vec<Vec<Estimates>>,
}

/// Measures `runs`, whose row i stands for the same question each, on the same `options.bootstraps`
/// resamples; groups are those of the first. Memory: 128 bytes a run and resample.
///
/// # Errors
/// Where there is no row, their numbers differ, or a confidence is no probability.
pub fn together(runs: &[&[Row]], options: Options) -> Result<Together, TogetherError> {
    let Some(first) = runs.first() else {
        return Ok(Together {
            estimates: Vec::new(),
            resamples: Vec::new(),
        });
    };
    let mut sorted = Vec::with_capacity(runs.len());
    for (run, rows) in runs.iter().enumerate() {
        if rows.len() != first.len() {
            return Err(TogetherError::Lengths {
                run,
                first: first.len(),
                other: rows.len(),
            });
        }
        sorted.push(Sorted::of(rows).map_err(|error| TogetherError::Run { run, error })?);
    }
    let resampler = Resampler::of(first);
    let of_runs = parallel::map(runs.len(), |run| {
        let sorted: &Sorted = &sorted[run];
        let mut measurer = Measurer::new(sorted, options.binning);
        let mut tally = sorted.tally.clone();
        let mut measure = |weights: &[u32]| -> Estimates {
            sorted.tally_weighted(weights, &mut tally);
            let sweep = |_: &Tally| ece::sweep(sorted.places_weighted(weights)).0;
            shown(measurer.measure(&tally, sweep, None).0)
        };
        let mut weights = vec![1; first.len()];
        let estimates = measure(&weights);
        // The same stream for each run: the same questions are drawn.
        let mut random = Random::new(options.seed);
        let resamples: Vec<Estimates> = (0..options.bootstraps)
            .map(|_| {
                resampler.draw(&mut random, &mut weights);
                measure(&weights)
            })
            .collect();
        (estimates, resamples)
    });
    let (estimates, resamples) = of_runs.into_iter().unzip();
    Ok(Together {
        estimates,
        resamples,
    })
}

impl Together {
    /// Mean of `b` − mean of `a` in each measure that is defined for all of them; `a` and `b` are places
    /// among the runs, several where a method was trained with several seeds. The interval says how much
    /// chance lies in the questions, not in the seeds.
    ///
    /// # Panics
    /// Where a place is beyond the last run.
    pub fn differences(&self, a: &[usize], b: &[usize]) -> Vec<Difference> {
        let mean = |runs: &[usize], of_run: &dyn Fn(usize) -> f64| {
            runs.iter().map(|&run| of_run(run)).sum::<f64>() / runs.len() as f64
        };
        let bootstraps = self.resamples.first().map_or(0, Vec::len);
        let differences = MEASURES
            .iter()
            .enumerate()
            .filter_map(|(at, &(measure, _))| {
                let [of_a, of_b] = [a, b].map(|runs| mean(runs, &|run| self.estimates[run][at]));
                let difference = of_b - of_a;
                let resampled: Vec<f64> = (0..bootstraps)
                    .map(|draw| {
                        let of = |runs| mean(runs, &|run| self.resamples[run][draw][at]);
                        of(b) - of(a)
                    })
                    .collect();
                let ci = IntervalMethod::Percentile.interval(difference, difference, &resampled);
                let p_value = ci.map(|_| p_value(&resampled));
                (!difference.is_nan()).then_some(Difference {
                    measure,
                    a: of_a,
                    b: of_b,
                    difference,
                    ci,
                    p_value,
                })
            });
        differences.collect()
    }

    /// The standard deviation of a measure (a name of [`MEASURES`]) over several runs, n − 1 in the
    /// denominator: what chance lies in the seeds. `None` for fewer than two, or where it is not
    /// defined.
    pub fn deviation(&self, runs: &[usize], measure: &str) -> Option<f64> {
        let at = MEASURES.iter().position(|(name, _)| *name == measure)?;
        let values: Vec<f64> = runs.iter().map(|&run| self.estimates[run][at]).collect();
        if values.len() < 2 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (values.len() - 1) as f64).sqrt();
        deviation.is_finite().then_some(deviation)
    }
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
    fn seeds_are_averaged_within_each_resample() {
        let mut random = Random::new(3);
        let mut run = |bias: f64| -> Vec<Row> {
            (0..200)
                .map(|at| {
                    let confidence = (random.uniform() * 0.5 + bias).clamp(0.0, 1.0);
                    Row::from((confidence, at % 3 > 0))
                })
                .collect()
        };
        let runs = [run(0.1), run(0.2), run(0.4)];
        let options = Options {
            bootstraps: 100,
            ..Options::default()
        };
        let rows: Vec<&[Row]> = runs.iter().map(Vec::as_slice).collect();
        let together = together(&rows, options).unwrap();
        // Two runs alone are what `paired` has.
        assert_eq!(
            together.differences(&[0], &[2]),
            paired(&runs[0], &runs[2], options).unwrap()
        );
        let brier = |a: &[usize], b: &[usize]| find(&together.differences(a, b), "brier");
        let mean = (brier(&[0], &[2]).difference + brier(&[1], &[2]).difference) / 2.0;
        let of_both = brier(&[0, 1], &[2]);
        assert!((of_both.difference - mean).abs() < 1e-12);
        assert!(of_both.ci.unwrap()[0] < mean && mean < of_both.ci.unwrap()[1]);
        let apart = brier(&[0], &[1]).difference.abs();
        let deviation = together.deviation(&[0, 1], "brier").unwrap();
        assert!((deviation - apart / 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(together.deviation(&[0], "brier"), None);
        assert_eq!(together.deviation(&[0, 1], "fame"), None);
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
