//! The CORP reliability diagram (Dimitriadis, Gneiting & Jordan 2021): the isotonic recalibration
//! curve, and what it would look like if the model were perfectly calibrated.

use crate::binning::{Binning, Mode};
use crate::bootstrap::quantile;
use crate::isotonic::{Pool, interpolate};
use crate::metrics::{CELLS_MAX, MetricsError};
use crate::random::Random;
use crate::tally::{Row, Sorted, Tally};
use crate::{brier, ece};
use serde::Serialize;

/// How the null is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Simulated data sets, at least 1.
    pub resamples: usize,
    /// Share of the simulated curves within the band at each point, 0..1.
    pub coverage: f64,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            resamples: 1_000,
            coverage: 0.9,
            seed: 42,
        }
    }
}

/// The diagram's data. Confidences and accuracies are 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Corp {
    /// Rows. Always show it: the band's width depends on it.
    pub n: usize,
    /// (confidence, recalibrated): where the curve bends, ascending in both.
    pub curve: Vec<(f64, f64)>,
    /// (confidence, low, high) about the diagonal: where the curve of a perfectly calibrated model
    /// with these confidences lies, pointwise.
    pub band: Vec<(f64, f64, f64)>,
    pub mcb: f64,
    pub dsc: f64,
    pub unc: f64,
    /// How often a perfectly calibrated model's `mcb` is at least this one's.
    pub mcb_p_value: f64,
    /// Mean `ece_10` of a perfectly calibrated model with these confidences: not 0.
    pub null_ece: f64,
    /// The 95% quantile of the same.
    pub null_ece_95: f64,
}

/// Up to this many distinct values the band has a point at each of them, and a simulated data set
/// is drawn by counts.
const VALUES_MAX: usize = 64;
/// Else the band has so many points, evenly spaced from the lowest to the highest confidence.
const BAND_POINTS: usize = 101;
/// More rows than this are not drawn one by one: their values are merged to [`CELLS_MAX`] at most, and
/// counts are drawn for each, so that the cost does not grow with the number of rows.
const ROWS_DRAWN_MAX: usize = 10_000;

/// The diagram of `rows`. The null draws confidences with replacement and makes each right with the
/// probability that it states.
pub fn diagram(rows: &[Row], options: Options) -> Result<Corp, MetricsError> {
    let sorted = Sorted::of(rows)?;
    let mode = Mode::decide(&sorted.tally, Binning::Auto);
    let mut pool = Pool::default();
    let parts = brier::decompose(&sorted.tally, &mut pool);
    let curve = curve(&sorted.tally, &pool);

    let band_x = band_points(sorted.tally.values());
    let mut band_y: Vec<Vec<f64>> = vec![Vec::new(); band_x.len()];
    let mut null_eces = Vec::new();
    let mut as_bad = 0u32;
    let merged = (rows.len() > ROWS_DRAWN_MAX && sorted.tally.values().len() > CELLS_MAX)
        .then(|| sorted.tally.merged(CELLS_MAX));
    // What the simulated data sets are compared with was merged as they are.
    let own_mcb = match &merged {
        Some(merged) => brier::decompose(merged, &mut pool).mcb,
        None => parts.mcb,
    };
    let mut null = match &merged {
        Some(merged) => Null::of(merged, None, options.seed),
        None => Null::of(&sorted.tally, Some(&sorted.cell), options.seed),
    };
    let resamples = options.resamples.max(1);
    for _ in 0..resamples {
        let tally = null.draw();
        let mcb = brier::decompose(tally, &mut pool).mcb;
        // Two equal scores must not differ by rounding.
        as_bad += u32::from(mcb >= own_mcb - 1e-12);
        null_eces.push(match mode {
            Mode::Levels => ece::by_level(tally),
            Mode::Continuous => ece::equal_width(tally, 10),
        });
        let (x, y): (Vec<f64>, Vec<f64>) = self::curve(tally, &pool).into_iter().unzip();
        for (values, &at) in band_y.iter_mut().zip(&band_x) {
            values.push(interpolate(&x, &y, at));
        }
    }
    null_eces.sort_unstable_by(f64::total_cmp);
    let outside = (1.0 - options.coverage.clamp(0.0, 1.0)) / 2.0;
    let band = band_x
        .into_iter()
        .zip(band_y)
        .map(|(x, mut y)| {
            y.sort_unstable_by(f64::total_cmp);
            (x, quantile(&y, outside), quantile(&y, 1.0 - outside))
        })
        .collect();
    Ok(Corp {
        n: rows.len(),
        curve,
        band,
        mcb: parts.mcb,
        dsc: parts.dsc,
        unc: parts.unc,
        mcb_p_value: f64::from(as_bad + 1) / (resamples + 1) as f64,
        null_ece: null_eces.iter().sum::<f64>() / resamples as f64,
        null_ece_95: quantile(&null_eces, 0.95),
    })
}

/// Both ends of each block of the recalibration that `pool` holds for `tally`.
fn curve(tally: &Tally, pool: &Pool) -> Vec<(f64, f64)> {
    let mut curve = Vec::new();
    let mut values = tally.cells().map(|cell| cell.confidence);
    let mut start = 0;
    for block in pool.blocks() {
        let length = block.end - start;
        let Some(first) = values.next() else { break };
        curve.push((first, block.accuracy()));
        if length > 1
            && let Some(last) = values.nth(length - 2)
        {
            curve.push((last, block.accuracy()));
        }
        start = block.end;
    }
    curve
}

fn band_points(values: &[f64]) -> Vec<f64> {
    if values.len() <= VALUES_MAX {
        return values.to_vec();
    }
    let (low, high) = (values[0], values[values.len() - 1]);
    (0..BAND_POINTS)
        .map(|at| low + (high - low) * at as f64 / (BAND_POINTS - 1) as f64)
        .collect()
}

/// Data sets as a perfectly calibrated model would make them.
struct Null<'a> {
    of: &'a Tally,
    /// The value of each row, where rows are drawn one by one.
    cells: Option<&'a [u32]>,
    random: Random,
    tally: Tally,
    /// Rows by value, and the drawn ones.
    rows: Vec<u64>,
    drawn: Vec<u64>,
    /// (wrong, right) by value, in turn.
    counts: Vec<u64>,
}

impl<'a> Null<'a> {
    /// `cells` is passed over where the values are few enough to draw counts.
    fn of(of: &'a Tally, cells: Option<&'a [u32]>, seed: u64) -> Null<'a> {
        let rows: Vec<u64> = of
            .counts()
            .chunks_exact(2)
            .map(|pair| pair[0] + pair[1])
            .collect();
        Null {
            of,
            cells: cells.filter(|_| of.values().len() > VALUES_MAX),
            random: Random::new(seed),
            tally: of.clone(),
            drawn: vec![0; rows.len()],
            counts: vec![0; 2 * rows.len()],
            rows,
        }
    }

    fn draw(&mut self) -> &Tally {
        let values = self.of.values();
        match self.cells {
            None => {
                let n = self.of.totals().0;
                self.random.multinomial(n, &self.rows, &mut self.drawn);
                for ((pair, &drawn), &value) in
                    self.counts.chunks_exact_mut(2).zip(&self.drawn).zip(values)
                {
                    pair[1] = self.random.binomial(drawn, value);
                    pair[0] = drawn - pair[1];
                }
            }
            Some(cells) => {
                self.counts.fill(0);
                let n = cells.len() as u32;
                for _ in 0..n {
                    let cell = cells[self.random.below(n) as usize] as usize;
                    let right = self.random.uniform() < values[cell];
                    self.counts[2 * cell + usize::from(right)] += 1;
                }
            }
        }
        self.tally.set_counts(&self.counts);
        &self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` rows at ten levels, right with probability `truth(level)`.
    fn rows(n: usize, seed: u64, truth: impl Fn(f64) -> f64) -> Vec<Row> {
        let mut random = Random::new(seed);
        (0..n)
            .map(|_| {
                let c = f64::from(random.below(10) + 1) / 10.0;
                Row::from((c, random.uniform() < truth(c)))
            })
            .collect()
    }

    #[test]
    fn the_null_ece_of_ten_levels_is_as_measured() {
        for (n, expected) in [(100, 0.096), (1_000, 0.030)] {
            let corp = diagram(&rows(n, 3, |c| c), Options::default()).unwrap();
            assert!(
                (corp.null_ece - expected).abs() < 0.006,
                "n = {n}: {}",
                corp.null_ece
            );
            assert!(corp.null_ece_95 > corp.null_ece);
        }
    }

    #[test]
    fn p_values_are_uniform_under_the_null_and_small_beyond_it() {
        let p_of = |seed, truth: fn(f64) -> f64| {
            let options = Options {
                resamples: 100,
                ..Options::default()
            };
            diagram(&rows(200, seed, truth), options)
                .unwrap()
                .mcb_p_value
        };
        let rejected = (0..200).filter(|&seed| p_of(seed, |c| c) <= 0.1).count();
        assert!(
            (8..=34).contains(&rejected),
            "{rejected} of 200 rejected at 10%"
        );
        assert!(p_of(1, |_| 0.5) < 0.02);
    }

    #[test]
    fn the_band_holds_the_curve_of_a_calibrated_model() {
        let options = Options {
            resamples: 200,
            ..Options::default()
        };
        let (mut inside, mut all) = (0, 0);
        for seed in 0..60 {
            let corp = diagram(&rows(300, seed, |c| c), options).unwrap();
            let (x, y): (Vec<f64>, Vec<f64>) = corp.curve.iter().copied().unzip();
            for (at, low, high) in corp.band {
                all += 1;
                inside +=
                    u32::from((low - 1e-12..=high + 1e-12).contains(&interpolate(&x, &y, at)));
            }
        }
        let share = f64::from(inside) / f64::from(all);
        assert!((0.85..0.96).contains(&share), "{share}");
    }

    #[test]
    fn many_rows_are_drawn_by_counts_and_show_the_same() {
        let of = |n: usize| {
            let mut random = Random::new(11);
            let rows: Vec<Row> = (0..n)
                .map(|_| {
                    let confidence = random.uniform();
                    (confidence, random.uniform() < confidence).into()
                })
                .collect();
            let options = Options {
                resamples: 200,
                ..Options::default()
            };
            diagram(&rows, options).unwrap()
        };
        // One by one, and merged: the same but for √(n₁/n₂) of chance.
        let (few, many) = (of(ROWS_DRAWN_MAX), of(ROWS_DRAWN_MAX + 1_000));
        assert!((few.null_ece - many.null_ece).abs() < 0.0015);
        for (one, other) in few.band.iter().zip(&many.band).skip(5).take(90) {
            assert!((one.1 - other.1).abs() < 0.03, "{one:?} {other:?}");
            assert!((one.2 - other.2).abs() < 0.03, "{one:?} {other:?}");
        }
        assert!(many.mcb_p_value > 0.005);
    }

    #[test]
    fn curves_rise_in_both_modes() {
        let mut random = Random::new(9);
        let continuous: Vec<Row> = (0..500)
            .map(|_| (random.uniform(), random.below(2) == 1).into())
            .collect();
        for rows in [
            rows(500, 4, |c| c * c),
            continuous,
            vec![(0.3, true).into()],
        ] {
            let corp = diagram(
                &rows,
                Options {
                    resamples: 20,
                    ..Options::default()
                },
            )
            .unwrap();
            assert!(
                corp.curve
                    .windows(2)
                    .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1)
            );
            assert!(corp.band.iter().all(|&(_, low, high)| low <= high));
        }
        assert_eq!(diagram(&[], Options::default()), Err(MetricsError::Empty));
    }
}
