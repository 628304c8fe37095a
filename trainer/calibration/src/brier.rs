//! The scores that are means over rows, and the Brier score's three parts.

use crate::isotonic::Pool;
use crate::tally::Tally;

/// p is clipped to LOG_SCORE_CLIP so that one certain mistake is not infinite.
pub const LOG_SCORE_CLIP: [f64; 2] = [0.01, 0.99];

/// Mean (c − y)², 0..=1, lower is better.
pub fn brier(tally: &Tally) -> f64 {
    mean(tally, |c| (c - 1.0) * (c - 1.0), |c| c * c)
}

/// Mean −ln of the probability given to what happened, clipped; nats, lower is better.
pub fn log_score(tally: &Tally) -> f64 {
    let clip = |c: f64| c.clamp(LOG_SCORE_CLIP[0], LOG_SCORE_CLIP[1]);
    mean(tally, |c| -clip(c).ln(), |c| -(1.0 - clip(c)).ln())
}

/// Mean |c − y|: what SaySelf prints as "ECE", and no calibration error. Constant answers can win.
pub fn mae_sayself(tally: &Tally) -> f64 {
    mean(tally, |c| 1.0 - c, |c| c)
}

/// Share of right answers.
pub fn accuracy(tally: &Tally) -> f64 {
    let (n, correct) = tally.totals();
    correct as f64 / n as f64
}

fn mean(tally: &Tally, right: impl Fn(f64) -> f64, wrong: impl Fn(f64) -> f64) -> f64 {
    let mut n = 0;
    let mut sum = 0.0;
    for cell in tally.cells() {
        n += cell.n;
        sum += cell.correct as f64 * right(cell.confidence)
            + (cell.n - cell.correct) as f64 * wrong(cell.confidence);
    }
    sum / n as f64
}

/// Brier = mcb − dsc + unc, by isotonic recalibration (CORP, Dimitriadis, Gneiting & Jordan 2021).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decomposition {
    /// Miscalibration: what recalibration would gain; lower is better.
    pub mcb: f64,
    /// Discrimination: what telling right from wrong gains; higher is better.
    pub dsc: f64,
    /// Uncertainty: the Brier score of always saying the base rate, ȳ(1 − ȳ).
    pub unc: f64,
}

/// The parts of `tally`'s Brier score.
pub fn decomposition(tally: &Tally) -> Decomposition {
    decompose(tally, &mut Pool::default())
}

/// The same, leaving the recalibration's blocks in `pool`.
pub(crate) fn decompose(tally: &Tally, pool: &mut Pool) -> Decomposition {
    pool.clear();
    for cell in tally.cells() {
        pool.push(cell.n, cell.correct);
    }
    let (n, correct) = tally.totals();
    let (n, correct) = (n as f64, correct as f64);
    // A block of n rows, k of them right, scores n·(k/n)(1 − k/n) when it says k/n.
    let recalibrated = pool
        .blocks()
        .iter()
        .map(|block| block.variance())
        .sum::<f64>()
        / n;
    let unc = correct / n * (1.0 - correct / n);
    // Neither is below 0 but by rounding.
    Decomposition {
        mcb: (brier(tally) - recalibrated).max(0.0),
        dsc: (unc - recalibrated).max(0.0),
        unc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Row;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_sum_to_the_score(rows in prop::collection::vec((0.0f64..=1.0, any::<bool>()), 1..60), levels in 1u32..30) {
            for rounded in [false, true] {
                let round = |c: f64| if rounded { (c * f64::from(levels)).round() / f64::from(levels) } else { c };
                let rows: Vec<Row> = rows.iter().map(|&(c, y)| Row::from((round(c), y))).collect();
                let tally = Tally::of(&rows).unwrap();
                let Decomposition { mcb, dsc, unc } = decomposition(&tally);
                prop_assert!((brier(&tally) - (mcb - dsc + unc)).abs() < 1e-12);
                prop_assert!(mcb >= 0.0 && dsc >= 0.0 && dsc <= unc + 1e-12);
            }
        }
    }
}
