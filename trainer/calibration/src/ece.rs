//! Expected calibration error, in five ways. All are 0..=1, lower is better.
//!
//! A plug-in estimate is never 0 by chance: a perfectly calibrated model with ten levels shows .096
//! at n = 100 and .030 at n = 1,000. Read it beside its null ([`crate::corp::Corp::null_ece`]).

use crate::tally::{Cell, Tally};

/// The sums of one bin.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    n: u64,
    confidence: f64,
    correct: u64,
}

impl Bin {
    fn add(&mut self, cell: Cell) {
        self.n += cell.n;
        self.confidence += cell.n as f64 * cell.confidence;
        self.correct += cell.correct;
    }

    /// n_b·|mean c − mean y|.
    fn gap(&self) -> f64 {
        (self.confidence - self.correct as f64).abs()
    }

    /// n_b·(mean c − mean y)².
    fn square(&self) -> f64 {
        self.gap() * self.gap() / self.n as f64
    }

    /// n_b·ȳ(1 − ȳ).
    fn variance(&self) -> f64 {
        self.correct as f64 * (self.n - self.correct) as f64 / self.n as f64
    }
}

/// Σ (n_b/n)·|mean c − mean y|.
fn l1(bins: &[Bin]) -> f64 {
    let n: u64 = bins.iter().map(|bin| bin.n).sum();
    bins.iter().map(Bin::gap).sum::<f64>() / n as f64
}

/// Every distinct value is its own bin: the measure for levels.
pub fn by_level(tally: &Tally) -> f64 {
    let mut n = 0;
    let mut gaps = 0.0;
    for cell in tally.cells() {
        n += cell.n;
        gaps += (cell.n as f64 * cell.confidence - cell.correct as f64).abs();
    }
    gaps / n as f64
}

/// Bins of equal width, closed below, as torchmetrics has them: exactly 1 is a bin of its own.
pub fn equal_width(tally: &Tally, bins: usize) -> f64 {
    let edges = equal_width_edges(bins);
    let mut sums = vec![Bin::default(); bins + 1];
    let mut at = 0;
    for cell in tally.cells() {
        while at < bins && edges[at + 1] <= cell.confidence {
            at += 1;
        }
        sums[at].add(cell);
    }
    l1(&sums)
}

/// `bins + 1` edges as `torch.linspace(0, 1, bins + 1)` rounds them: from both ends inwards.
pub(crate) fn equal_width_edges(bins: usize) -> Vec<f64> {
    let step = 1.0 / bins as f64;
    (0..=bins)
        .map(|at| {
            if at < bins.div_ceil(2) {
                step * at as f64
            } else {
                1.0 - step * (bins - at) as f64
            }
        })
        .collect()
}

/// Bins of equal mass, L1.
pub fn equal_mass(tally: &Tally, parts: usize) -> f64 {
    l1(&equal_mass_bins(tally, parts))
}

/// Debiased L2 with bins of equal mass (Kumar, Liang & Ma 2019, as uncertainty-calibration has it):
/// the root of [`debiased_l2_square`], or 0.
pub fn debiased_l2(tally: &Tally, parts: usize) -> f64 {
    debiased_l2_square(tally, parts).max(0.0).sqrt()
}

/// Σ (n_b/n)·[(f̄ − ȳ)² − ȳ(1 − ȳ)/(n_b − 1)]; below 0 where chance explains more than there is. A
/// bin of one row, whose variance is not known, counts as 0.
pub fn debiased_l2_square(tally: &Tally, parts: usize) -> f64 {
    let bins = equal_mass_bins(tally, parts);
    let known = bins.iter().filter(|bin| bin.n > 1);
    let sum: f64 = known
        .map(|bin| bin.square() - bin.variance() / (bin.n - 1) as f64)
        .sum();
    sum / tally.totals().0 as f64
}

/// The same before debiasing: Σ (n_b/n)·(f̄ − ȳ)².
pub fn l2_square(tally: &Tally, parts: usize) -> f64 {
    let bins = equal_mass_bins(tally, parts);
    let known = bins.iter().filter(|bin| bin.n > 1);
    known.map(Bin::square).sum::<f64>() / tally.totals().0 as f64
}

/// As uncertainty-calibration: the sorted values are split into `parts` runs, an edge is the mean of
/// a run's last value and the next run's first, equal edges are merged, and a value belongs to the
/// first edge that is not below it.
fn equal_mass_bins(tally: &Tally, parts: usize) -> Vec<Bin> {
    let edges = equal_mass_edges(tally, parts);
    let mut bins = vec![Bin::default(); edges.len()];
    let mut at = 0;
    for cell in tally.cells() {
        while edges[at] < cell.confidence {
            at += 1;
        }
        bins[at].add(cell);
    }
    bins
}

/// Upper edges, ascending, distinct; the last is 1.
fn equal_mass_edges(tally: &Tally, parts: usize) -> Vec<f64> {
    let n = tally.totals().0;
    let parts = (parts as u64).min(n);
    let mut edges: Vec<f64> = Vec::new();
    let mut part = 1;
    let mut stood = 0;
    let mut last = 0.0;
    for cell in tally.cells() {
        // A run ends where `stood` values stand before it: between `last` and this value if it ends
        // right here, else inside this value.
        while part < parts && split_at(n, parts, part) < stood + cell.n {
            let end = split_at(n, parts, part);
            let edge = if end == stood {
                (last + cell.confidence) / 2.0
            } else {
                cell.confidence
            };
            if edges.last() != Some(&edge) {
                edges.push(edge);
            }
            part += 1;
        }
        stood += cell.n;
        last = cell.confidence;
    }
    if edges.last() != Some(&1.0) {
        edges.push(1.0);
    }
    edges
}

/// Where part `part` starts when `n` items are split into `parts` runs as `numpy.array_split` does:
/// the first n mod parts runs are one longer.
fn split_at(n: u64, parts: u64, part: u64) -> u64 {
    n / parts * part + part.min(n % parts)
}

/// ECE-sweep (Roelofs et al. 2012.08668): L1 over as many runs of equal mass as there can be before
/// the runs' accuracies stop rising. Returns the error and the number of runs.
///
/// `places`: (confidence, correct as 0 or 1), ascending in confidence, ties in their own order.
pub fn sweep(places: impl Iterator<Item = (f64, u32)>) -> (f64, usize) {
    let mut sums = PlaceSums {
        confidence: vec![0.0],
        correct: vec![0],
    };
    let (mut confidence_sum, mut correct_sum) = (0.0, 0);
    for (c, y) in places {
        confidence_sum += c;
        correct_sum += y;
        sums.confidence.push(confidence_sum);
        sums.correct.push(correct_sum);
    }
    sweep_over(&sums)
}

/// The same of a tally: within a value, the right answers are spread evenly.
pub(crate) fn sweep_of_tally(tally: &Tally) -> f64 {
    let mut sums = CellSums {
        starts: Vec::new(),
        cells: Vec::new(),
        end: (0, 0.0, 0),
    };
    for cell in tally.cells() {
        sums.starts.push(sums.end);
        sums.cells.push(cell);
        let (place, confidence, correct) = sums.end;
        sums.end = (
            place + cell.n,
            confidence + cell.n as f64 * cell.confidence,
            correct + cell.correct,
        );
    }
    sweep_over(&sums).0
}

/// Sums over the places before any place, in ascending order of confidence.
trait Sums {
    fn places(&self) -> u64;
    /// (Σ confidence, right answers) before this place.
    fn before(&self, place: u64) -> (f64, u64);
    /// No place before the first right one and none after the last wrong one is within; `None` if no
    /// wrong one comes after a right one, so that accuracy rises however it is cut.
    fn falling_range(&self) -> Option<(u64, u64)>;
}

/// By place.
struct PlaceSums {
    confidence: Vec<f64>,
    correct: Vec<u32>,
}

impl Sums for PlaceSums {
    fn places(&self) -> u64 {
        self.correct.len() as u64 - 1
    }

    fn before(&self, place: u64) -> (f64, u64) {
        let place = place as usize;
        (self.confidence[place], self.correct[place].into())
    }

    fn falling_range(&self) -> Option<(u64, u64)> {
        let is_right = |pair: &[u32]| pair[1] > pair[0];
        let first_right = self.correct.windows(2).position(is_right)?;
        let last_wrong = self.correct.windows(2).rposition(|pair| !is_right(pair))?;
        (first_right < last_wrong).then_some((first_right as u64, last_wrong as u64))
    }
}

/// By cell.
struct CellSums {
    /// (places, Σ confidence, right answers) before each cell.
    starts: Vec<(u64, f64, u64)>,
    cells: Vec<Cell>,
    /// The same of all.
    end: (u64, f64, u64),
}

impl Sums for CellSums {
    fn places(&self) -> u64 {
        self.end.0
    }

    fn before(&self, place: u64) -> (f64, u64) {
        if place >= self.end.0 {
            return (self.end.1, self.end.2);
        }
        let at = self.starts.partition_point(|start| start.0 <= place) - 1;
        let (cell, (start, confidence, correct)) = (self.cells[at], self.starts[at]);
        let within = place - start;
        (
            confidence + within as f64 * cell.confidence,
            correct + cell.correct * within / cell.n,
        )
    }

    fn falling_range(&self) -> Option<(u64, u64)> {
        let first_right = self.cells.iter().position(|cell| cell.correct > 0)?;
        let last_wrong = self.cells.iter().rposition(|cell| cell.correct < cell.n)?;
        let end = self.starts[last_wrong].0 + self.cells[last_wrong].n;
        (first_right <= last_wrong).then_some((self.starts[first_right].0, end - 1))
    }
}

fn sweep_over(sums: &impl Sums) -> (f64, usize) {
    let n = sums.places();
    let mut runs = 1;
    match sums.falling_range() {
        None => runs = n,
        Some(range) => {
            while runs < n && is_rising(sums, runs + 1, range) {
                runs += 1;
            }
        }
    }
    let mut gaps = 0.0;
    for run in 0..runs {
        let start = sums.before(split_at(n, runs, run));
        let end = sums.before(split_at(n, runs, run + 1));
        gaps += (end.0 - start.0 - (end.1 - start.1) as f64).abs();
    }
    (gaps / n as f64, runs as usize)
}

/// Whether the accuracies of `runs` runs do not fall. Runs before the first right and after the last
/// wrong place are all wrong and all right: looking only at those between keeps near-perfect data,
/// which rises up to very many runs, from costing n² steps.
fn is_rising(sums: &impl Sums, runs: u64, (first_right, last_wrong): (u64, u64)) -> bool {
    let n = sums.places();
    let mut before = (0u64, 1u64);
    for run in run_of(n, runs, first_right)..=run_of(n, runs, last_wrong) {
        let (start, end) = (split_at(n, runs, run), split_at(n, runs, run + 1));
        let here = (sums.before(end).1 - sums.before(start).1, end - start);
        // Fractions are compared exactly: two equal accuracies must not fall by rounding.
        if before.0 * here.1 > here.0 * before.1 {
            return false;
        }
        before = here;
    }
    true
}

/// Which run the item at `place` is in; the inverse of [`split_at`].
fn run_of(n: u64, runs: u64, place: u64) -> u64 {
    let (size, longer) = (n / runs, n % runs);
    let in_longer = longer * (size + 1);
    if place < in_longer {
        place / (size + 1)
    } else {
        longer + (place - in_longer) / size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Row;
    use proptest::prelude::*;

    fn tally(rows: &[(f64, bool)]) -> Tally {
        Tally::of(&rows.iter().map(|&row| Row::from(row)).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn levels_are_never_cut_by_an_edge() {
        // As floats 0.3 / 0.1 is below 3, and 0.7 from the top is 0.7000000000000001.
        let rows: Vec<(f64, bool)> = (1..=10)
            .flat_map(|k| [(f64::from(k) / 10.0, true); 5])
            .collect();
        assert!((by_level(&tally(&rows)) - 0.45).abs() < 1e-12);
    }

    #[test]
    fn one_row() {
        let one = tally(&[(0.7, true)]);
        for error in [by_level(&one), equal_width(&one, 10), equal_mass(&one, 15)] {
            assert!((error - 0.3).abs() < 1e-12);
        }
        assert_eq!(debiased_l2(&one, 15), 0.0);
        assert_eq!(sweep([(0.7, 1)].into_iter()), (0.30000000000000004, 1));
    }

    proptest! {
        #[test]
        fn runs_cover_everything_once(n in 1u64..200, parts in 1u64..20) {
            let parts = parts.min(n);
            prop_assert_eq!(split_at(n, parts, 0), 0);
            prop_assert_eq!(split_at(n, parts, parts), n);
            for run in 0..parts {
                for place in split_at(n, parts, run)..split_at(n, parts, run + 1) {
                    prop_assert_eq!(run_of(n, parts, place), run);
                }
            }
        }

        #[test]
        fn the_shortcut_of_the_sweep_changes_nothing(correct in prop::collection::vec(0u32..2, 1..40)) {
            let mut sums = PlaceSums { confidence: vec![0.0; correct.len() + 1], correct: vec![0] };
            sums.correct.extend(correct.iter().scan(0, |sum, y| { *sum += y; Some(*sum) }));
            let n = correct.len() as u64;
            let whole = |runs| is_rising(&sums, runs, (0, n - 1));
            let by_hand = (2..=n).take_while(|&runs| whole(runs)).last().unwrap_or(1);
            let places = correct.iter().enumerate().map(|(at, &y)| (at as f64 / n as f64, y));
            let (error, runs) = sweep(places.clone());
            prop_assert_eq!(runs as u64, by_hand);
            let rows: Vec<Row> = places.map(|(c, y)| Row::from((c, y == 1))).collect();
            prop_assert_eq!(sweep_of_tally(&Tally::of(&rows).unwrap()), error);
        }
    }
}
