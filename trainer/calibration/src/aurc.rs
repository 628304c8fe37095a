//! What is lost by answering only the most confident questions, over all such selections.
//!
//! Ties are taken in expectation over their order, so that row order never counts.

use crate::tally::Tally;

/// Area under the risk-coverage curve: the mean over i = 1..n of the error rate among the i most
/// confident. 0..=1, lower is better.
pub fn aurc(tally: &Tally) -> f64 {
    let (mut n, mut errors) = (0u64, 0u64);
    let mut sum = 0.0;
    for cell in tally.cells().rev() {
        let wrong = cell.n - cell.correct;
        // Among the first i = n + j the errors are expected to be `errors` + wrong·j/size, which is
        // offset + slope·i; over i that makes offset·(H(n + size) − H(n)) + slope·size.
        let slope = wrong as f64 / cell.n as f64;
        let offset = errors as f64 - slope * n as f64;
        sum += offset * harmonic_between(n, n + cell.n) + wrong as f64;
        n += cell.n;
        errors += wrong;
    }
    sum / n as f64
}

/// The same with the errors divided by n instead of i (Traub et al. 2407.01032): an error counts
/// alike wherever it stands. 0..=(n + 1)/(2n), the top where all are wrong; lower is better.
pub fn augrc(tally: &Tally) -> f64 {
    let (mut n, mut errors) = (0u64, 0u64);
    let mut sum = 0.0;
    for cell in tally.cells().rev() {
        let wrong = cell.n - cell.correct;
        sum += cell.n as f64 * errors as f64 + wrong as f64 * (cell.n + 1) as f64 / 2.0;
        n += cell.n;
        errors += wrong;
    }
    sum / (n as f64 * n as f64)
}

/// Σ 1/i for i in from + 1 ..= to.
fn harmonic_between(from: u64, to: u64) -> f64 {
    const DIRECT_MAX: u64 = 32;
    if to - from <= DIRECT_MAX {
        return (from + 1..=to).map(|i| 1.0 / i as f64).sum();
    }
    if from < DIRECT_MAX {
        return harmonic_between(from, DIRECT_MAX) + harmonic_between(DIRECT_MAX, to);
    }
    // ln(to / from) by Euler and Maclaurin; the next term is below 1e-16 from 32 on.
    let tail = |n: f64| {
        1.0 / (2.0 * n) - (1.0 / 12.0 - (1.0 / 120.0 - 1.0 / (252.0 * n * n)) / (n * n)) / (n * n)
    };
    let (from, to) = (from as f64, to as f64);
    (to / from).ln() + tail(to) - tail(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Row;
    use proptest::prelude::*;

    #[test]
    fn harmonic_numbers() {
        for (from, to) in [(0, 1), (0, 40), (5, 400), (32, 100), (100, 100_000)] {
            let direct: f64 = (from + 1..=to).rev().map(|i| 1.0 / i as f64).sum();
            assert!(
                (harmonic_between(from, to) - direct).abs() < 1e-13,
                "{from} {to}"
            );
        }
    }

    #[test]
    fn augrc_is_highest_where_all_are_wrong() {
        for (n, top) in [(1, 1.0), (4, 0.625)] {
            let tally = Tally::of(&vec![Row::from((0.5, false)); n]).unwrap();
            assert_eq!(augrc(&tally), top);
        }
    }

    proptest! {
        #[test]
        fn ties_are_taken_in_expectation(rows in prop::collection::vec((0u32..6, any::<bool>()), 1..60)) {
            let tally = Tally::of(&rows.iter().map(|&(k, y)| Row::from((f64::from(k) / 10.0, y))).collect::<Vec<_>>()).unwrap();
            let n = rows.len() as f64;
            let (mut above, mut above_errors) = (0.0, 0.0);
            let (mut by_rate, mut by_count) = (0.0, 0.0);
            for level in (0..6).rev() {
                let tied: Vec<_> = rows.iter().filter(|row| row.0 == level).collect();
                let errors = tied.iter().filter(|row| !row.1).count() as f64;
                for j in 1..=tied.len() {
                    let expected = above_errors + errors * j as f64 / tied.len() as f64;
                    by_rate += expected / (above + j as f64);
                    by_count += expected / n;
                }
                above += tied.len() as f64;
                above_errors += errors;
            }
            prop_assert!((aurc(&tally) - by_rate / n).abs() < 1e-12);
            prop_assert!((augrc(&tally) - by_count / n).abs() < 1e-12);
        }
    }
}
