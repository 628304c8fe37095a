//! The bars of a reliability diagram.

use crate::binning::Mode;
use crate::ece::equal_width_edges;
use crate::tally::{Cell, Row, Tally};
use serde::Serialize;

/// Answers whose confidences lie together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Confidences from `low` …
    pub low: f64,
    /// … to below `high`; the last bin holds its `high` too. A level has `low` = `high`.
    pub high: f64,
    pub mean_confidence: f64,
    /// Share of right answers.
    pub accuracy: f64,
    /// Its 95% interval ([`wilson`]).
    pub accuracy_ci: [f64; 2],
    /// Answers, above 0.
    pub n: u64,
    /// Right answers.
    pub correct: u64,
}

/// Bins for diagrams in mode `continuous`.
pub const BINS: usize = 10;

/// The bins of `rows`, ascending; in mode `levels` one for each value, else ten of equal width, of
/// which empty ones are left out. No bins for rows that [`crate::metrics::evaluate`] refuses.
pub fn bins(rows: &[Row], mode: Mode) -> Vec<Bin> {
    let Ok(tally) = Tally::of(rows) else {
        return Vec::new();
    };
    match mode {
        Mode::Levels => tally
            .cells()
            .map(|cell| bin(cell.confidence, cell.confidence, &[cell]))
            .collect(),
        Mode::Continuous => {
            let edges = equal_width_edges(BINS);
            let cells: Vec<Cell> = tally.cells().collect();
            let of = |confidence: f64| edges[1..BINS].partition_point(|&edge| edge <= confidence);
            cells
                .chunk_by(|a, b| of(a.confidence) == of(b.confidence))
                .map(|cells| {
                    let at = of(cells[0].confidence);
                    bin(edges[at], edges[at + 1], cells)
                })
                .collect()
        }
    }
}

fn bin(low: f64, high: f64, cells: &[Cell]) -> Bin {
    let n: u64 = cells.iter().map(|cell| cell.n).sum();
    let correct: u64 = cells.iter().map(|cell| cell.correct).sum();
    let confidence: f64 = cells
        .iter()
        .map(|cell| cell.n as f64 * cell.confidence)
        .sum();
    Bin {
        low,
        high,
        // One value's mean is that value, to the last bit.
        mean_confidence: if low == high {
            low
        } else {
            confidence / n as f64
        },
        accuracy: correct as f64 / n as f64,
        accuracy_ci: wilson(correct, n),
        n,
        correct,
    }
}

/// The 95% interval of a share (Wilson 1927): sound at 0, at 1 and for few rows. 0..=1 for n = 0.
///
/// ```
/// let [low, high] = calibration::reliability::wilson(8, 10);
/// assert!((low - 0.490162).abs() < 1e-6 && (high - 0.943318).abs() < 1e-6);
/// ```
pub fn wilson(correct: u64, n: u64) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let [low, high] = wilson_of_share(correct as f64 / n as f64, n as f64);
    // At the ends the formula gives 0 and 1 up to rounding.
    [
        if correct == 0 { 0.0 } else { low },
        if correct == n { 1.0 } else { high },
    ]
}

/// The same of a share 0..=1 among answers that may weigh less than one each. 0..=1 for no answers.
pub(crate) fn wilson_of_share(share: f64, answers: f64) -> [f64; 2] {
    if answers <= 0.0 {
        return [0.0, 1.0];
    }
    // The 97.5% quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let centre = share + Z * Z / (2.0 * answers);
    let reach = Z * (share * (1.0 - share) / answers + Z * Z / (4.0 * answers * answers)).sqrt();
    let scale = 1.0 + Z * Z / answers;
    [
        ((centre - reach) / scale).max(0.0),
        ((centre + reach) / scale).min(1.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_equal_widths() {
        let rows: Vec<Row> = [
            (0.3, true),
            (0.3, false),
            (0.35, true),
            (1.0, true),
            (0.95, true),
        ]
        .map(Into::into)
        .into();
        let levels = bins(&rows, Mode::Levels);
        assert_eq!(
            levels
                .iter()
                .map(|bin| (bin.low, bin.high, bin.n, bin.correct))
                .collect::<Vec<_>>(),
            [
                (0.3, 0.3, 2, 1),
                (0.35, 0.35, 1, 1),
                (0.95, 0.95, 1, 1),
                (1.0, 1.0, 1, 1)
            ]
        );
        let wide = bins(&rows, Mode::Continuous);
        assert_eq!(wide.iter().map(|bin| bin.n).sum::<u64>(), 5);
        let last = wide.last().unwrap();
        assert_eq!((last.n, last.high), (2, 1.0));
        assert!((last.mean_confidence - 0.975).abs() < 1e-12);
        assert!(bins(&[], Mode::Levels).is_empty());
        assert!(bins(&[(f64::NAN, true).into()], Mode::Levels).is_empty());
    }

    #[test]
    fn intervals_at_the_ends() {
        assert_eq!(wilson(0, 10)[0], 0.0);
        assert_eq!(wilson(10, 10)[1], 1.0);
        assert!(wilson(0, 10)[1] > 0.2);
        assert_eq!(wilson(0, 0), [0.0, 1.0]);
    }
}
