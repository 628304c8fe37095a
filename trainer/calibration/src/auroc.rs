//! How often a right answer has a higher confidence than a wrong one; ties count half.

use crate::tally::{Cell, Tally};

/// Area under the ROC curve, 0..=1; `None` with one class only.
///
/// ```
/// use calibration::{auroc, tally::Tally};
/// let rows = [(0.9, true), (0.4, false), (0.4, true)].map(Into::into);
/// assert_eq!(auroc::auroc(&Tally::of(&rows)?), Some(0.75));
/// # Ok::<(), calibration::metrics::MetricsError>(())
/// ```
pub fn auroc(tally: &Tally) -> Option<f64> {
    let mut pairs = Pairs::default();
    for cell in tally.cells() {
        pairs.add(cell);
    }
    pairs.close();
    pairs.share()
}

/// Pairs of a right and a wrong answer, counted while cells come in ascending confidence; `close`
/// ends a set of rows, so that pairs can be counted within several sets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pairs {
    right: u64,
    wrong: u64,
    /// Twice the pairs in which the right answer is the more confident; ties once.
    won_twice: u128,
    total: u128,
}

impl Pairs {
    pub fn add(&mut self, cell: Cell) {
        let wrong = cell.n - cell.correct;
        self.won_twice += u128::from(cell.correct) * u128::from(2 * self.wrong + wrong);
        self.right += cell.correct;
        self.wrong += wrong;
    }

    pub fn close(&mut self) {
        self.total += u128::from(self.right) * u128::from(self.wrong);
        (self.right, self.wrong) = (0, 0);
    }

    /// `None` if there is no pair.
    pub fn share(&self) -> Option<f64> {
        (self.total > 0).then(|| self.won_twice as f64 / (2.0 * self.total as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Row;
    use proptest::prelude::*;

    fn of(rows: &[(u32, bool)], flip: bool) -> Option<f64> {
        let rows: Vec<Row> = rows
            .iter()
            .map(|&(k, y)| Row::from((f64::from(if flip { 10 - k } else { k }) / 10.0, y)))
            .collect();
        auroc(&Tally::of(&rows).unwrap())
    }

    proptest! {
        #[test]
        fn turning_confidence_or_correctness_round_turns_it_round(rows in prop::collection::vec((0u32..=10, any::<bool>()), 1..40)) {
            let inverse: Vec<(u32, bool)> = rows.iter().map(|&(k, y)| (k, !y)).collect();
            match of(&rows, false) {
                None => prop_assert!(rows.iter().all(|row| row.1 == rows[0].1)),
                Some(area) => {
                    prop_assert!((of(&rows, true).unwrap() - (1.0 - area)).abs() < 1e-12);
                    prop_assert!((of(&inverse, false).unwrap() - (1.0 - area)).abs() < 1e-12);
                    prop_assert!((of(&inverse, true).unwrap() - area).abs() < 1e-12);
                }
            }
        }
    }
}
