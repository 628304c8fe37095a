//! A ranking from comparisons of two at a time: the model of Bradley and Terry (1952, "Rank analysis of
//! incomplete block designs"). A method of strength s is preferred to one of strength t with probability
//! 1 / (1 + exp(t − s)); a tie counts as half a win of each.

/// How a comparison ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    First,
    Second,
    Tie,
}

/// Two methods, by number, of which one was preferred, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub first: usize,
    pub second: usize,
    pub outcome: Outcome,
}

/// Newton's steps; the likelihood is concave, and some ten are enough.
const STEPS_MAX: usize = 200;
/// Halvings of one step that would lower the likelihood.
const HALVINGS_MAX: usize = 60;
/// The largest slope of the likelihood, by comparison, at which it counts as highest.
const SLOPE_MAX: f64 = 1e-13;

/// The log-strengths of `methods` methods, of mean 0, that make the comparisons most likely. `items` holds
/// the comparisons that were made on each item. `added` wins are given to each side of every two methods
/// that were compared: with 0 it is the maximum likelihood itself, with ½ no strength is infinite.
///
/// `None` where there is no such maximum: with 0, where the methods fall into two groups of which one never
/// lost to the other (Ford 1957); with more, where two groups were never compared.
///
/// ```
/// use calibration::faithfulness::bradley_terry::{Comparison, Outcome, strengths};
/// let won = |outcome| [Comparison { first: 0, second: 1, outcome }];
/// let items = [won(Outcome::First), won(Outcome::First), won(Outcome::First), won(Outcome::Second)];
/// // Three wins to one: the odds are 3, and the strengths ± half their logarithm.
/// let found = strengths(2, &items, 0.0).unwrap_or_default();
/// assert!((found[0] - 0.5 * 3f64.ln()).abs() < 1e-12);
/// ```
///
/// # Panics
/// If a comparison names a method that is not below `methods`, or one method twice.
pub fn strengths<I: AsRef<[Comparison]>>(
    methods: usize,
    items: &[I],
    added: f64,
) -> Option<Vec<f64>> {
    strengths_weighted(methods, items, &vec![1; items.len()], added)
}

/// The same, as if item i stood there `weights[i]` times: for resamples.
///
/// # Panics
/// As [`strengths`]; if there are not as many weights as items.
pub fn strengths_weighted<I: AsRef<[Comparison]>>(
    methods: usize,
    items: &[I],
    weights: &[u32],
    added: f64,
) -> Option<Vec<f64>> {
    assert_eq!(items.len(), weights.len(), "a weight for each item");
    let mut wins = Wins::none(methods);
    for (comparisons, weight) in items.iter().zip(weights) {
        for comparison in comparisons.as_ref() {
            wins.add(*comparison, f64::from(*weight));
        }
    }
    wins.add_to_each(added);
    wins.is_connected().then(|| wins.strengths())?
}

/// `of[i * methods + j]`: how often i was preferred to j.
struct Wins {
    methods: usize,
    of: Vec<f64>,
}

impl Wins {
    fn none(methods: usize) -> Wins {
        Wins {
            methods,
            of: vec![0.0; methods * methods],
        }
    }

    fn add(&mut self, comparison: Comparison, weight: f64) {
        let Comparison {
            first,
            second,
            outcome,
        } = comparison;
        assert!(
            first < self.methods && second < self.methods && first != second,
            "two of the methods"
        );
        let share = match outcome {
            Outcome::First => 1.0,
            Outcome::Second => 0.0,
            Outcome::Tie => 0.5,
        };
        self.of[first * self.methods + second] += weight * share;
        self.of[second * self.methods + first] += weight * (1.0 - share);
    }

    fn add_to_each(&mut self, added: f64) {
        for i in 0..self.methods {
            for j in 0..i {
                let (one, other) = (i * self.methods + j, j * self.methods + i);
                if self.of[one] + self.of[other] > 0.0 {
                    self.of[one] += added;
                    self.of[other] += added;
                }
            }
        }
    }

    fn get(&self, i: usize, j: usize) -> f64 {
        self.of[i * self.methods + j]
    }

    /// Whether from every method every other is reached along wins.
    fn is_connected(&self) -> bool {
        let reaches_all = |beats: &dyn Fn(usize, usize) -> bool| {
            let mut reached = vec![false; self.methods];
            let mut open = vec![0];
            while let Some(i) = open.pop() {
                if !std::mem::replace(&mut reached[i], true) {
                    open.extend((0..self.methods).filter(|j| beats(i, *j)));
                }
            }
            reached.into_iter().all(|is| is)
        };
        self.methods > 0
            && reaches_all(&|i, j| self.get(i, j) > 0.0)
            && reaches_all(&|i, j| self.get(j, i) > 0.0)
    }

    /// Σ wins · ln P(preferred).
    fn log_likelihood(&self, strengths: &[f64]) -> f64 {
        let mut sum = 0.0;
        for i in 0..self.methods {
            for j in 0..self.methods {
                if self.get(i, j) > 0.0 {
                    sum -= self.get(i, j) * (strengths[j] - strengths[i]).exp().ln_1p();
                }
            }
        }
        sum
    }

    /// By Newton's method; the mean stays 0. `None` where the numbers are too far apart to solve.
    fn strengths(&self) -> Option<Vec<f64>> {
        let methods = self.methods;
        let all: f64 = self.of.iter().sum();
        let mut strengths = vec![0.0_f64; methods];
        for _ in 0..STEPS_MAX {
            // Slope and curvature; the latter with 1 added to each cell, which fixes the mean.
            let mut slope = vec![0.0; methods];
            let mut curvature = vec![all / methods as f64; methods * methods];
            for i in 0..methods {
                for j in (0..methods).filter(|j| *j != i) {
                    let compared = self.get(i, j) + self.get(j, i);
                    let expected = 1.0 / (1.0 + (strengths[j] - strengths[i]).exp());
                    slope[i] += self.get(i, j) - compared * expected;
                    let curved = compared * expected * (1.0 - expected);
                    curvature[i * methods + i] += curved;
                    curvature[i * methods + j] -= curved;
                }
            }
            if slope.iter().all(|slope| slope.abs() <= SLOPE_MAX * all) {
                break;
            }
            let step = solved(curvature, slope)?;
            let before = self.log_likelihood(&strengths);
            let moved = |share: f64| -> Vec<f64> {
                strengths
                    .iter()
                    .zip(&step)
                    .map(|(at, step)| at + share * step)
                    .collect()
            };
            let better = (0..HALVINGS_MAX)
                .map(|halving| moved(0.5_f64.powi(halving as i32)))
                .find(|moved| self.log_likelihood(moved) > before);
            match better {
                Some(better) => strengths = better,
                // As high as the numbers can tell.
                None => {
                    strengths = moved(1.0);
                    break;
                }
            }
        }
        let mean = strengths.iter().sum::<f64>() / methods as f64;
        let centred: Vec<f64> = strengths.iter().map(|strength| strength - mean).collect();
        centred
            .iter()
            .all(|strength| strength.is_finite())
            .then_some(centred)
    }
}

/// x of A·x = b, by elimination with the largest pivot; `None` where A is singular.
fn solved(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|i, j| a[i * n + column].abs().total_cmp(&a[j * n + column].abs()))?;
        for k in 0..n {
            a.swap(column * n + k, pivot * n + k);
        }
        b.swap(column, pivot);
        let head = a[column * n + column];
        if head.abs() < f64::MIN_POSITIVE {
            return None;
        }
        for row in column + 1..n {
            let factor = a[row * n + column] / head;
            for k in column..n {
                a[row * n + k] -= factor * a[column * n + k];
            }
            b[row] -= factor * b[column];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| a[row * n + k] * b[k]).sum();
        b[row] = (b[row] - known) / a[row * n + row];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compared(first: usize, second: usize, outcome: Outcome) -> Comparison {
        Comparison {
            first,
            second,
            outcome,
        }
    }

    #[test]
    fn ties_are_half_a_win_of_each() {
        let tied = [[compared(0, 1, Outcome::Tie)]];
        assert_eq!(strengths(2, &tied, 0.0), Some(vec![0.0, 0.0]));
        // Two wins and two ties are three wins to one.
        let items = [Outcome::First, Outcome::Tie, Outcome::First, Outcome::Tie]
            .map(|outcome| [compared(0, 1, outcome)]);
        let found = strengths(2, &items, 0.0).unwrap();
        assert!((found[0] - found[1] - 3f64.ln()).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn who_never_lost_has_no_finite_strength() {
        let won = [
            [compared(0, 1, Outcome::First)],
            [compared(0, 1, Outcome::First)],
        ];
        assert_eq!(strengths(2, &won, 0.0), None);
        // Half a win added to each side: 2.5 to .5.
        let found = strengths(2, &won, 0.5).unwrap();
        assert!((found[0] - found[1] - 5f64.ln()).abs() < 1e-12, "{found:?}");
        // A circle has a maximum, though each lost to one that it never beat.
        let circle = [(0, 1), (1, 2), (2, 0)].map(|(a, b)| [compared(a, b, Outcome::First)]);
        let found = strengths(3, &circle, 0.0).unwrap();
        assert!(
            found.iter().all(|strength| strength.abs() < 1e-12),
            "{found:?}"
        );
    }

    #[test]
    fn what_was_never_compared_cannot_be_ranked() {
        let apart = [
            [compared(0, 1, Outcome::Tie)],
            [compared(2, 3, Outcome::Tie)],
        ];
        assert_eq!(strengths(4, &apart, 0.5), None);
        assert_eq!(strengths::<[Comparison; 0]>(0, &[], 0.0), None);
        assert_eq!(strengths::<[Comparison; 0]>(2, &[], 0.5), None);
        assert_eq!(strengths::<[Comparison; 0]>(1, &[], 0.0), Some(vec![0.0]));
    }

    const METHODS: usize = 4;

    fn items() -> impl Strategy<Value = Vec<Vec<Comparison>>> {
        let one = (0..METHODS, 1..METHODS, 0u8..3).prop_map(|(first, further, outcome)| {
            let outcome = [Outcome::First, Outcome::Second, Outcome::Tie][usize::from(outcome)];
            compared(first, (first + further) % METHODS, outcome)
        });
        prop::collection::vec(prop::collection::vec(one, 0..4), 1..15)
    }

    proptest! {
        #[test]
        fn weights_are_repetitions(items in items(), weights in prop::collection::vec(0u32..3, 15)) {
            let weights = &weights[..items.len()];
            let repeated: Vec<Vec<Comparison>> = items.iter().zip(weights)
                .flat_map(|(item, weight)| std::iter::repeat_n(item.clone(), *weight as usize))
                .collect();
            let weighted = strengths_weighted(METHODS, &items, weights, 0.5);
            match (weighted, strengths(METHODS, &repeated, 0.5)) {
                (Some(a), Some(b)) => prop_assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-8)),
                (a, b) => prop_assert_eq!(a, b),
            }
        }

        /// Where the likelihood is highest, each has won as often as his strength lets expect.
        #[test]
        fn wins_are_as_expected(items in items()) {
            for added in [0.0, 0.5] {
                let Some(found) = strengths(METHODS, &items, added) else { continue };
                prop_assert!(found.iter().sum::<f64>().abs() < 1e-9);
                let mut wins = Wins::none(METHODS);
                items.iter().flatten().for_each(|comparison| wins.add(*comparison, 1.0));
                wins.add_to_each(added);
                for i in 0..METHODS {
                    let (mut won, mut expected) = (0.0, 0.0);
                    for j in (0..METHODS).filter(|j| *j != i) {
                        won += wins.get(i, j);
                        expected += (wins.get(i, j) + wins.get(j, i)) / (1.0 + (found[j] - found[i]).exp());
                    }
                    prop_assert!((won - expected).abs() < 1e-8, "{} {}", won, expected);
                }
            }
        }

        #[test]
        fn neither_side_is_the_first(items in items()) {
            let turned: Vec<Vec<Comparison>> = items.iter()
                .map(|item| item.iter().map(|one| {
                    let outcome = match one.outcome {
                        Outcome::First => Outcome::Second,
                        Outcome::Second => Outcome::First,
                        Outcome::Tie => Outcome::Tie,
                    };
                    compared(one.second, one.first, outcome)
                }).collect())
                .collect();
            match (strengths(METHODS, &items, 0.0), strengths(METHODS, &turned, 0.0)) {
                (Some(a), Some(b)) => prop_assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9)),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }
}
