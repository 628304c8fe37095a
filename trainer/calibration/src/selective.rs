//! Selective answering: the share of questions that can be answered at a wished accuracy.
//!
//! A model that answers only where its confidence reaches a threshold is more often right on fewer
//! questions. The threshold is chosen on some questions and checked on others: chosen and checked on
//! the same ones, it promises more than it keeps (Geifman & El-Yaniv 2017, "Selective classification
//! for deep neural networks").

use crate::bootstrap::{IntervalMethod, Resampler};
use crate::metrics::{MetricsError, Options};
use crate::random::Random;
use crate::tally::{Row, Sorted, Tally};
use serde::Serialize;

/// The accuracies that evaluations are asked for.
pub const WISHED: [f64; 3] = [0.7, 0.8, 0.9];

/// All rows whose confidence reaches a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// The lowest confidence that is answered, 0..=1.
    pub threshold: f64,
    /// Rows answered, above 0.
    pub answered: u64,
    /// Of those, right ones.
    pub correct: u64,
}

impl Selection {
    /// Right among answered, 0..=1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.answered as f64
    }
}

/// One selection for each distinct confidence, the smallest first: the last answers everything.
fn selections(tally: &Tally) -> Vec<Selection> {
    let (mut answered, mut correct) = (0, 0);
    tally
        .cells()
        .rev()
        .map(|cell| {
            answered += cell.n;
            correct += cell.correct;
            Selection {
                threshold: cell.confidence,
                answered,
                correct,
            }
        })
        .collect()
}

/// The selection that answers most questions among those whose accuracy reaches `wished`; `None`
/// where none does.
///
/// ```
/// use calibration::{selective, tally::{Row, Tally}};
/// let rows: Vec<Row> = [(0.9, true), (0.9, true), (0.6, true), (0.6, false)].map(Row::from).into();
/// let tally = Tally::of(&rows)?;
/// assert_eq!(selective::choose(&tally, 0.75).map(|chosen| chosen.threshold), Some(0.6));
/// assert_eq!(selective::choose(&tally, 0.8).map(|chosen| chosen.threshold), Some(0.9));
/// # Ok::<(), calibration::metrics::MetricsError>(())
/// ```
pub fn choose(tally: &Tally, wished: f64) -> Option<Selection> {
    selections(tally)
        .into_iter()
        .rev()
        .find(|selection| selection.accuracy() >= wished)
}

/// On which rows the thresholds were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChosenOn {
    /// Rows apart from those that are checked.
    Dev,
    /// The rows were cut in two halves, whole groups each; each half was checked with the threshold of
    /// the other.
    OtherHalf,
}

/// How much can be answered at a wished accuracy, and how accurate that was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// The wished accuracy, 0..=1.
    pub wished: f64,
    pub chosen_on: ChosenOn,
    /// The least confidence that is answered: one, or one for each half; `None` where no threshold
    /// reached the wished accuracy, so that nothing is answered.
    pub thresholds: Vec<Option<f64>>,
    /// Rows checked.
    pub n: usize,
    /// Of those, answered.
    pub answered: u64,
    /// Answered among all, 0..=1.
    pub coverage: f64,
    /// 95% percentile interval, with the thresholds as they were chosen; `None` without bootstraps.
    pub coverage_ci: Option<[f64; 2]>,
    /// Right among answered: what came of the wish. `None` where nothing is answered.
    pub accuracy: Option<f64>,
    pub accuracy_ci: Option<[f64; 2]>,
}

/// The threshold of `dev` at the `wished` accuracy, checked on `test`.
///
/// # Errors
/// Where either has no rows, or a confidence that is no probability.
pub fn coverage_at(
    dev: &[Row],
    test: &[Row],
    wished: f64,
    options: Options,
) -> Result<Coverage, MetricsError> {
    let threshold = choose(&Tally::of(dev)?, wished).map(|chosen| chosen.threshold);
    Sorted::of(test)?;
    let is_answered: Vec<bool> = test
        .iter()
        .map(|row| threshold.is_some_and(|threshold| row.confidence >= threshold))
        .collect();
    Ok(checked(
        test,
        &is_answered,
        wished,
        ChosenOn::Dev,
        vec![threshold],
        options,
    ))
}

/// The same where there is no dev set: whole groups are dealt into two halves by `options.seed`, and
/// each half is checked with the threshold that was chosen on the other.
///
/// # Errors
/// Where there are no rows, or a confidence is no probability.
pub fn coverage_by_halves(
    rows: &[Row],
    wished: f64,
    options: Options,
) -> Result<Coverage, MetricsError> {
    Sorted::of(rows)?;
    let is_second = halves(rows, options.seed);
    let threshold_of = |second: bool| {
        let half: Vec<Row> = rows
            .iter()
            .zip(&is_second)
            .filter(|(_, is_second)| **is_second == second)
            .map(|(row, _)| *row)
            .collect();
        // A half without rows has no threshold: the other half is not answered.
        let tally = Tally::of(&half).ok()?;
        choose(&tally, wished).map(|chosen| chosen.threshold)
    };
    let thresholds = [threshold_of(false), threshold_of(true)];
    let is_answered: Vec<bool> = rows
        .iter()
        .zip(&is_second)
        .map(|(row, &is_second)| {
            let chosen_on_other = thresholds[usize::from(!is_second)];
            chosen_on_other.is_some_and(|threshold| row.confidence >= threshold)
        })
        .collect();
    Ok(checked(
        rows,
        &is_answered,
        wished,
        ChosenOn::OtherHalf,
        thresholds.to_vec(),
        options,
    ))
}

/// Whether each row is in the second half; rows of one group are in one half.
fn halves(rows: &[Row], seed: u64) -> Vec<bool> {
    let mut groups: Vec<u32> = rows.iter().filter_map(|row| row.group).collect();
    groups.sort_unstable();
    groups.dedup();
    // Each group, then each row that is alone.
    let alone = rows.iter().filter(|row| row.group.is_none()).count();
    let mut is_second: Vec<bool> = (0..groups.len() + alone).map(|at| at % 2 == 1).collect();
    Random::new(seed).shuffle(&mut is_second);
    let (of_groups, of_alone) = is_second.split_at(groups.len());
    let mut of_alone = of_alone.iter();
    rows.iter()
        .map(|row| match row.group {
            // Every group is among those that were collected.
            Some(group) => groups
                .binary_search(&group)
                .is_ok_and(|place| of_groups[place]),
            None => of_alone.next().copied().unwrap_or(false),
        })
        .collect()
}

fn checked(
    rows: &[Row],
    is_answered: &[bool],
    wished: f64,
    chosen_on: ChosenOn,
    thresholds: Vec<Option<f64>>,
    options: Options,
) -> Coverage {
    // (coverage, accuracy), and the number of answered rows.
    let measure = |weights: &[u32]| {
        let (mut n, mut answered, mut correct) = (0_u64, 0_u64, 0_u64);
        for ((row, &is_answered), &weight) in rows.iter().zip(is_answered).zip(weights) {
            let weight = u64::from(weight);
            n += weight;
            answered += weight * u64::from(is_answered);
            correct += weight * u64::from(is_answered && row.correct);
        }
        (
            [answered as f64 / n as f64, correct as f64 / answered as f64],
            answered,
        )
    };
    let (estimates, answered) = measure(&vec![1; rows.len()]);
    let mut resamples: [Vec<f64>; 2] = Default::default();
    let resampler = Resampler::of(rows);
    let mut random = Random::new(options.seed);
    let mut weights = vec![0; rows.len()];
    for _ in 0..options.bootstraps {
        resampler.draw(&mut random, &mut weights);
        for (values, value) in resamples.iter_mut().zip(measure(&weights).0) {
            values.push(value);
        }
    }
    let interval = |at: usize| {
        IntervalMethod::Percentile.interval(estimates[at], estimates[at], &resamples[at])
    };
    Coverage {
        wished,
        chosen_on,
        thresholds,
        n: rows.len(),
        answered,
        coverage: estimates[0],
        coverage_ci: interval(0),
        accuracy: (!estimates[1].is_nan()).then_some(estimates[1]),
        accuracy_ci: interval(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(counts: &[(f64, usize, usize)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for &(confidence, right, wrong) in counts {
            rows.extend(std::iter::repeat_n(Row::from((confidence, true)), right));
            rows.extend(std::iter::repeat_n(Row::from((confidence, false)), wrong));
        }
        rows
    }

    fn with_bootstraps(bootstraps: usize) -> Options {
        Options {
            bootstraps,
            ..Options::default()
        }
    }

    #[test]
    fn the_threshold_of_dev_is_checked_on_test() {
        // Above .9: 18 of 20; above .5: 26 of 40.
        let dev = rows(&[(0.9, 18, 2), (0.5, 8, 12)]);
        let test = rows(&[(0.95, 8, 2), (0.9, 7, 3), (0.6, 10, 0), (0.1, 0, 10)]);
        let found = coverage_at(&dev, &test, 0.9, with_bootstraps(200)).unwrap();
        assert_eq!(found.thresholds, [Some(0.9)]);
        assert_eq!((found.n, found.answered), (40, 20));
        assert_eq!((found.coverage, found.accuracy), (0.5, Some(0.75)));
        let [low, high] = found.coverage_ci.unwrap();
        assert!(low < 0.5 && 0.5 < high, "{low} {high}");
        let [low, high] = found.accuracy_ci.unwrap();
        assert!(low < 0.75 && 0.75 < high, "{low} {high}");
        // All of dev is right 26 times in 40.
        let all = coverage_at(&dev, &test, 0.65, with_bootstraps(0)).unwrap();
        assert_eq!((all.thresholds[0], all.coverage), (Some(0.5), 0.75));
        assert_eq!(all.coverage_ci, None);
    }

    #[test]
    fn what_cannot_be_reached_is_not_answered() {
        let rows = rows(&[(0.9, 5, 5), (0.1, 1, 9)]);
        let found = coverage_at(&rows, &rows, 0.9, with_bootstraps(50)).unwrap();
        assert_eq!((found.coverage, found.accuracy), (0.0, None));
        assert_eq!(found.coverage_ci, Some([0.0, 0.0]));
        assert_eq!((found.thresholds, found.accuracy_ci), (vec![None], None));
        assert_eq!(
            coverage_at(&[], &rows, 0.9, with_bootstraps(0)),
            Err(MetricsError::Empty)
        );
    }

    #[test]
    fn halves_hold_whole_groups_and_are_alike_in_size() {
        let rows: Vec<Row> = (0..60)
            .map(|at| Row {
                group: (at < 40).then_some(at / 2),
                ..Row::from((0.5, at % 2 == 0))
            })
            .collect();
        let is_second = halves(&rows, 3);
        for pair in 0..20 {
            assert_eq!(is_second[2 * pair], is_second[2 * pair + 1]);
        }
        let second = is_second.iter().filter(|is_second| **is_second).count();
        assert!((20..=40).contains(&second), "{second}");
        assert_ne!(halves(&rows, 4), is_second);
    }

    /// Closed form: confidence c uniform on 0..1, right with probability c. Answering c ≥ t has
    /// accuracy (1 + t)/2 and coverage 1 − t, so that at accuracy a the coverage is 2 − 2a.
    #[test]
    fn the_closed_form_of_a_calibrated_model() {
        let mut random = Random::new(7);
        let mut draw = |n: usize| -> Vec<Row> {
            (0..n)
                .map(|_| {
                    let confidence = random.uniform();
                    Row::from((confidence, random.uniform() < confidence))
                })
                .collect()
        };
        let (dev, test) = (draw(20_000), draw(20_000));
        for wished in WISHED {
            let wanted = 2.0 - 2.0 * wished;
            for found in [
                coverage_at(&dev, &test, wished, with_bootstraps(0)).unwrap(),
                coverage_by_halves(&test, wished, with_bootstraps(0)).unwrap(),
            ] {
                assert!((found.coverage - wanted).abs() < 0.04, "{found:?}");
                assert!((found.accuracy.unwrap() - wished).abs() < 0.03, "{found:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_choice_is_the_largest_that_reaches_the_wish(
            drawn in prop::collection::vec((0u32..6, any::<bool>()), 1..60),
            wished in 0.0f64..1.0,
        ) {
            let rows: Vec<Row> = drawn.iter().map(|&(k, y)| Row::from((f64::from(k) / 10.0, y))).collect();
            let chosen = choose(&Tally::of(&rows).unwrap(), wished);
            let mut best = 0;
            for level in 0..6 {
                let answered: Vec<_> = drawn.iter().filter(|row| row.0 >= level).collect();
                let right = answered.iter().filter(|row| row.1).count();
                if !answered.is_empty() && right as f64 / answered.len() as f64 >= wished {
                    best = best.max(answered.len());
                }
            }
            prop_assert_eq!(chosen.map_or(0, |chosen| chosen.answered as usize), best);
        }
    }
}
