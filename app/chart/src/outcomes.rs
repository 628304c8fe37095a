//! What charts are drawn from: how often each confidence was right and wrong.
//!
//! Everything here is an integer (values in ten-thousandths), so that what the server embeds in the
//! page and what the browser reads back are equal to the last bit.

use serde::{Deserialize, Serialize};

/// One, in the unit of [`Tally::value`].
pub const ONE: u32 = 10_000;

/// Distinct confidences up to which they count as levels (as the measures' mode does).
pub const LEVELS_MAX: usize = 20;

/// Answers with one confidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(
    /// The confidence, 0..=[`ONE`].
    pub u32,
    /// Right answers.
    pub u32,
    /// Wrong answers.
    pub u32,
);

/// One evaluation, as charts need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    pub label: String,
    /// By confidence, ascending; no confidence twice.
    pub tallies: Vec<Tally>,
    /// The CORP curve: (confidence, share right), ten-thousandths.
    pub curve: Vec<(u32, u32)>,
    /// The 90% consistency band about the diagonal: (confidence, low, high), ten-thousandths.
    pub band: Vec<(u32, u32, u32)>,
    /// The smooth curve with its 95% interval: (confidence, share right, low, high),
    /// ten-thousandths; ascending, in steps of [`SMOOTH_STEP`], with gaps where no answer is near.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub smooth: Vec<(u32, u32, u32, u32)>,
    /// The width of the Gaussian that it is smoothed by (smECE's), ten-thousandths.
    #[serde(default)]
    pub smooth_width: u32,
    /// The CORP curve once a saved recalibration was applied: (confidence, share right),
    /// ten-thousandths; empty where none was saved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalibrated: Vec<(u32, u32)>,
}

/// Between two neighbouring places of a smooth curve, in ten-thousandths.
pub const SMOOTH_STEP: u32 = ONE / 100;

/// How confidences are put together for the dots of the reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Binning {
    /// By level where an evaluation has at most [`LEVELS_MAX`] distinct confidences, else ten bins.
    #[default]
    Stated,
    /// So many bins of equal width.
    Width(u32),
}

/// Answers whose confidences were put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The bin's edges, 0..=1; equal where it is a level.
    pub low: f64,
    pub high: f64,
    pub mean_confidence: f64,
    pub right: u32,
    pub n: u32,
}

impl Bin {
    pub fn accuracy(&self) -> f64 {
        f64::from(self.right) / f64::from(self.n.max(1))
    }

    /// Wilson's 95% interval of the accuracy.
    pub fn interval(&self) -> (f64, f64) {
        let [low, high] =
            calibration::reliability::wilson(u64::from(self.right), u64::from(self.n));
        (low, high)
    }
}

impl Outcomes {
    /// Counts points (confidence 0..=1, correct). Confidences outside 0..=1 are moved to its edge.
    pub fn new(label: &str, points: &[(f64, bool)]) -> Self {
        let mut values: Vec<(u32, bool)> = points
            .iter()
            .map(|&(confidence, correct)| (ten_thousandths(confidence), correct))
            .collect();
        values.sort_unstable();
        let mut tallies: Vec<Tally> = Vec::new();
        for (value, correct) in values {
            match tallies.last_mut() {
                Some(last) if last.0 == value => {}
                _ => tallies.push(Tally(value, 0, 0)),
            }
            if let Some(last) = tallies.last_mut() {
                if correct {
                    last.1 += 1;
                } else {
                    last.2 += 1;
                }
            }
        }
        Outcomes {
            label: label.to_owned(),
            tallies,
            ..Outcomes::default()
        }
    }

    /// All answers.
    pub fn n(&self) -> u64 {
        self.tallies
            .iter()
            .map(|tally| u64::from(tally.1) + u64::from(tally.2))
            .sum()
    }

    pub fn right(&self) -> u64 {
        self.tallies.iter().map(|tally| u64::from(tally.1)).sum()
    }

    /// Whether the confidences are few enough to be levels.
    pub fn has_levels(&self) -> bool {
        self.tallies.len() <= LEVELS_MAX
    }

    /// The bins that hold an answer, ascending. Bins are [low, high), the last one closed.
    pub fn bins(&self, binning: Binning) -> Vec<Bin> {
        let width = match binning {
            Binning::Stated if self.has_levels() => return self.levels(),
            Binning::Stated => 10,
            Binning::Width(bins) => bins.clamp(1, 100),
        };
        let mut sums = vec![(0_u64, 0_u32, 0_u32); width as usize];
        for &Tally(value, right, wrong) in &self.tallies {
            let sum = &mut sums[(value * width / ONE).min(width - 1) as usize];
            sum.0 += u64::from(value) * u64::from(right + wrong);
            sum.1 += right;
            sum.2 += right + wrong;
        }
        let edge = |index: usize| index as f64 / f64::from(width);
        sums.into_iter()
            .enumerate()
            .filter(|(_, (_, _, n))| *n > 0)
            .map(|(index, (sum, right, n))| Bin {
                low: edge(index),
                high: edge(index + 1),
                mean_confidence: sum as f64 / f64::from(n) / f64::from(ONE),
                right,
                n,
            })
            .collect()
    }

    fn levels(&self) -> Vec<Bin> {
        let level = |&Tally(value, right, wrong): &Tally| {
            let confidence = f64::from(value) / f64::from(ONE);
            Bin {
                low: confidence,
                high: confidence,
                mean_confidence: confidence,
                right,
                n: right + wrong,
            }
        };
        self.tallies.iter().map(level).collect()
    }

    /// Right and wrong answers in each of the eleven bars of the histogram
    /// ([`crate::level_bin`]).
    pub fn bars(&self) -> [(u32, u32); 11] {
        let mut bars = [(0, 0); 11];
        for &Tally(value, right, wrong) in &self.tallies {
            let bar = &mut bars[usize::from(level_bin(f64::from(value) / f64::from(ONE)))];
            bar.0 += right;
            bar.1 += wrong;
        }
        bars
    }
}

/// The bar of the confidence histogram that a probability falls into: its level 0..=10, bars being
/// centred on the levels (bar 7 holds 0.65 ≤ p < 0.75), so that no level lies on an edge.
pub fn level_bin(probability: f64) -> u8 {
    (probability * 10.0).round().clamp(0.0, 10.0) as u8
}

/// A share as whole ten-thousandths.
pub fn ten_thousandths(share: f64) -> u32 {
    // `as` takes NaN to 0.
    (share.clamp(0.0, 1.0) * f64::from(ONE)).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_never_straddle_a_bin_edge() {
        // int(0.3 / 0.1) is 2 in floats: a level must never be binned by float edges.
        let points: Vec<_> = (0..=10)
            .map(|level| (f64::from(level) / 10.0, true))
            .collect();
        let outcomes = Outcomes::new("a", &points);
        let bins = outcomes.bins(Binning::Width(10));
        assert_eq!(bins.len(), 10);
        assert!(bins[..9].iter().all(|bin| bin.n == 1) && bins[9].n == 2);
        assert_eq!(outcomes.bars(), [(1, 0); 11]);
        assert_eq!(outcomes.bins(Binning::Stated).len(), 11);
    }

    #[test]
    fn many_confidences_fall_into_ten_bins() {
        let points: Vec<_> = (0..500)
            .map(|index| (f64::from(index) / 500.0, index % 2 == 0))
            .collect();
        let outcomes = Outcomes::new("a", &points);
        assert!(!outcomes.has_levels());
        assert_eq!(outcomes.bins(Binning::Stated).len(), 10);
        assert_eq!(
            outcomes
                .bins(Binning::Width(7))
                .iter()
                .map(|bin| u64::from(bin.n))
                .sum::<u64>(),
            outcomes.n()
        );
    }
}
