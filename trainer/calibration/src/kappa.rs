//! How far two judges agree beyond chance.

use serde::{Deserialize, Serialize};

/// The agreement of two judges who say right or wrong of the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Answers that both judged.
    pub n: usize,
    /// Share of them on which both say the same, 0..=1.
    pub share_equal: f64,
    /// Cohen's kappa, −1..=1; absent where chance alone would make them agree always, as when both say
    /// the same of every answer.
    pub kappa: Option<f64>,
}

/// Cohen's kappa (1960): κ = (p_o − p_e) / (1 − p_e), p_o the share on which both say the same, p_e the
/// same of two judges who say right as often, each by chance. `None` without answers.
///
/// ```
/// let verdicts = [(true, true), (true, false), (false, false), (false, false)];
/// let agreement = calibration::kappa::agreement(&verdicts).unwrap();
/// assert_eq!((agreement.share_equal, agreement.kappa), (0.75, Some(0.5)));
/// ```
pub fn agreement(verdicts: &[(bool, bool)]) -> Option<Agreement> {
    if verdicts.is_empty() {
        return None;
    }
    let n = verdicts.len() as f64;
    let share = |is_so: &dyn Fn(&(bool, bool)) -> bool| {
        verdicts.iter().filter(|verdict| is_so(verdict)).count() as f64 / n
    };
    let equal = share(&|(first, second)| first == second);
    let (first, second) = (share(&|verdict| verdict.0), share(&|verdict| verdict.1));
    let by_chance = first * second + (1.0 - first) * (1.0 - second);
    Some(Agreement {
        n: verdicts.len(),
        share_equal: equal,
        kappa: (by_chance < 1.0).then(|| (equal - by_chance) / (1.0 - by_chance)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(both: usize, first: usize, second: usize, neither: usize) -> Vec<(bool, bool)> {
        [
            (both, (true, true)),
            (first, (true, false)),
            (second, (false, true)),
            (neither, (false, false)),
        ]
        .into_iter()
        .flat_map(|(count, verdict)| std::iter::repeat_n(verdict, count))
        .collect()
    }

    /// Three examples that are commonly worked (fifty grant proposals; two pairs of judges with one share
    /// of agreement and other margins), and one by hand: (.2 − .52) / .48.
    #[test]
    fn kappa_is_that_of_the_worked_examples() {
        for ((both, first, second, neither), kappa) in [
            ((20, 5, 10, 15), 0.4),
            ((45, 15, 25, 15), 0.130_434_782_609),
            ((25, 35, 5, 35), 0.259_259_259_259),
            ((0, 4, 4, 2), -0.666_666_666_667),
        ] {
            let found = agreement(&counts(both, first, second, neither)).unwrap();
            assert_eq!(found.n, both + first + second + neither);
            assert!((found.kappa.unwrap() - kappa).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn without_doubt_there_is_no_kappa() {
        assert_eq!(agreement(&[]), None);
        let all_right = agreement(&counts(5, 0, 0, 0)).unwrap();
        assert_eq!((all_right.share_equal, all_right.kappa), (1.0, None));
        let never = agreement(&counts(0, 5, 0, 0)).unwrap();
        assert_eq!((never.share_equal, never.kappa), (0.0, Some(0.0)));
    }
}
