//! All numbers that a result is drawn from, and nothing else: the same page comes of them here and
//! wherever a link that keeps them is opened.

use crate::limits::{PLACES_MAX, TALLIES_MAX, TITLE_CHARACTERS_MAX};
use calibration::Row;
use calibration::corp::Corp;
use calibration::metrics::Metrics;
use chart::Outcomes;
use chart::format::visible;
use chart::outcomes::{ONE, Tally, ten_thousandths};

/// The figures of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// Given by the visitor; may be empty.
    pub title: String,
    pub metrics: Metrics,
    /// Distinct groups; 0: each row was drawn on its own.
    pub groups: u64,
    /// Resamples that the intervals were made of so far.
    pub resamples: u32,
    /// At most [`TALLIES_MAX`] distinct confidences, [`PLACES_MAX`] places of curve and band.
    pub outcomes: Outcomes,
    /// `None` until it has been simulated.
    pub chance: Option<Chance>,
}

/// What chance alone would show at this n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// P(MCB at least this large) for a model that can be taken at its word.
    pub p_value: f64,
    /// The ECE that such a model would show: its mean, and its 95% quantile.
    pub null_ece: f64,
    pub null_ece_95: f64,
}

/// What the figures are called where the visitor gave no title.
const NO_TITLE: &str = "this file";

/// A title, safe to look at, cut, on one line.
pub fn title_of(text: &str) -> String {
    let short: String = text
        .trim()
        .chars()
        .map(|character| {
            if character.is_whitespace() {
                ' '
            } else {
                character
            }
        })
        .take(TITLE_CHARACTERS_MAX)
        .collect();
    visible(&short).chars().take(TITLE_CHARACTERS_MAX).collect()
}

impl Numbers {
    pub fn new(metrics: Metrics, groups: u64, outcomes: Outcomes) -> Numbers {
        Numbers {
            title: String::new(),
            metrics,
            groups,
            resamples: 0,
            outcomes,
            chance: None,
        }
    }

    /// Gives the figures a title.
    pub fn name(&mut self, title: &str) {
        self.title = title_of(title);
        self.outcomes.label = self.label().to_owned();
    }

    /// The title, or what stands for it.
    pub fn label(&self) -> &str {
        match self.title.as_str() {
            "" => NO_TITLE,
            title => title,
        }
    }

    /// Adds the curve, its band, and what chance would show.
    pub fn add_corp(&mut self, corp: &Corp) {
        let places = corp
            .curve
            .iter()
            .map(|&(x, y)| (ten_thousandths(x), ten_thousandths(y)));
        self.outcomes.curve = thinned(places.collect());
        let places = corp.band.iter().map(|&(x, low, high)| {
            (
                ten_thousandths(x),
                ten_thousandths(low),
                ten_thousandths(high),
            )
        });
        self.outcomes.band = thinned(places.collect());
        self.chance = Some(Chance {
            p_value: corp.mcb_p_value,
            null_ece: corp.null_ece,
            null_ece_95: corp.null_ece_95,
        });
    }
}

/// Every k-th place, the last one always.
fn thinned<T: Copy>(places: Vec<T>) -> Vec<T> {
    if places.len() <= PLACES_MAX {
        return places;
    }
    // One place fewer leaves room for the last.
    let step = places.len().div_ceil(PLACES_MAX - 1);
    let last = places.len() - 1;
    places
        .iter()
        .enumerate()
        .filter(|(index, _)| index % step == 0 || *index == last)
        .map(|(_, place)| *place)
        .collect()
}

/// How often each confidence was right and wrong, at most [`TALLIES_MAX`] of them.
pub fn outcomes(rows: &[Row]) -> Outcomes {
    let mut counts = vec![(0_u32, 0_u32); ONE as usize + 1];
    for row in rows {
        let count = &mut counts[ten_thousandths(row.confidence) as usize];
        match row.correct {
            true => count.0 += 1,
            false => count.1 += 1,
        }
    }
    let tallies: Vec<Tally> = counts
        .into_iter()
        .zip(0..)
        .filter(|(count, _)| *count != (0, 0))
        .map(|((right, wrong), value)| Tally(value, right, wrong))
        .collect();
    Outcomes {
        label: NO_TITLE.to_owned(),
        tallies: few(tallies),
        curve: Vec::new(),
        band: Vec::new(),
        smooth: Vec::new(),
        smooth_width: 0,
        recalibrated: Vec::new(),
    }
}

/// Cells of equal width that confidences are put together in. Each is a multiple of 120, which the
/// bars of the histogram and every offered number of bins divide: so no bin's edge cuts a cell.
const CELLS: [u32; 5] = [1_920, 960, 480, 240, 120];

/// The numbers of bins of equal width that can be chosen.
pub const WIDTHS: [u32; 13] = [2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 24, 30, 40];

/// The tallies themselves, or the finest cells that are few enough.
fn few(tallies: Vec<Tally>) -> Vec<Tally> {
    if tallies.len() <= TALLIES_MAX {
        return tallies;
    }
    let found = CELLS
        .into_iter()
        .map(|cells| together(&tallies, cells))
        .find(|together| together.len() <= TALLIES_MAX);
    found.unwrap_or(tallies)
}

/// Puts the tallies of a cell together, at their mean.
fn together(tallies: &[Tally], cells: u32) -> Vec<Tally> {
    let cell = |value: u32| (value * cells / ONE).min(cells - 1);
    tallies
        .chunk_by(|one, next| cell(one.0) == cell(next.0))
        .map(|tallies| {
            let (mut sum, mut right, mut wrong) = (0_u64, 0, 0);
            for tally in tallies {
                sum += u64::from(tally.0) * u64::from(tally.1 + tally.2);
                right += tally.1;
                wrong += tally.2;
            }
            let n = u64::from(right + wrong);
            // A mean of values of one cell lies in it, rounded too.
            Tally(((sum + n / 2) / n) as u32, right, wrong)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chart::outcomes::Binning;

    fn rows(n: u32, low: f64, high: f64) -> Vec<Row> {
        (0..n)
            .map(|at| {
                let share = f64::from(at * 7_919 % n) / f64::from(n);
                (low + share * (high - low), at % 3 == 0).into()
            })
            .collect()
    }

    fn points(rows: &[Row]) -> Vec<(f64, bool)> {
        rows.iter()
            .map(|row| (row.confidence, row.correct))
            .collect()
    }

    #[test]
    fn few_confidences_are_kept_as_they_are() {
        let rows: Vec<Row> = (0..1_000_u32)
            .map(|at| (f64::from(at % 11) / 10.0, at % 3 == 0).into())
            .collect();
        assert_eq!(outcomes(&rows), Outcomes::new(NO_TITLE, &points(&rows)));
    }

    #[test]
    fn many_are_put_together_without_moving_between_bins() {
        for (low, high) in [(0.0, 1.0), (0.9, 1.0), (0.42, 0.47)] {
            let rows = rows(20_011, low, high);
            let (few, all) = (outcomes(&rows), Outcomes::new(NO_TITLE, &points(&rows)));
            assert!(few.tallies.len() <= TALLIES_MAX);
            assert!(!few.has_levels(), "{low} to {high}");
            assert_eq!(few.bars(), all.bars());
            for width in WIDTHS {
                let counts = |outcomes: &Outcomes| -> Vec<(u32, u32)> {
                    let bins = outcomes.bins(Binning::Width(width));
                    bins.iter().map(|bin| (bin.right, bin.n)).collect()
                };
                assert_eq!(counts(&few), counts(&all), "{width} bins, {low} to {high}");
            }
        }
    }

    #[test]
    fn a_title_is_one_safe_line() {
        assert_eq!(title_of("  a\nb\u{202e} "), "a b[U+202E]");
        assert_eq!(title_of(&"x".repeat(500)).len(), TITLE_CHARACTERS_MAX);
    }

    #[test]
    fn places_are_thinned_and_end_where_they_ended() {
        let thin = thinned((0..1_000).collect());
        assert!(thin.len() <= PLACES_MAX && thin.last() == Some(&999));
    }
}
