//! All measures of one evaluation, with intervals.

pub use crate::binning::{Binning, Mode};
pub use crate::tally::Row;

use crate::bootstrap::{IntervalMethod, Resampler};
use crate::random::Random;
use crate::smece::Smoother;
use crate::tally::{Sorted, Tally};
use crate::{aurc, auroc, brier, ece, parallel};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;

/// How to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    pub binning: Binning,
    /// Resamples for the intervals; 0: none.
    pub bootstraps: usize,
    /// Of the resamples.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            binning: Binning::Auto,
            bootstraps: 0,
            seed: 42,
        }
    }
}

/// Rows that cannot be measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MetricsError {
    #[error("there are no rows")]
    Empty,
    /// `row` counts from 0.
    #[error("row {row}: found confidence {found}, expected a probability from 0 to 1")]
    Confidence { row: usize, found: f64 },
    #[error("found {found} rows, expected fewer than 2^32")]
    TooMany { found: usize },
}

/// The measures, each described where it is computed. Serialises to the object that `sayself metrics --json` prints: each
/// by its field's name, `NAME_ci` for each interval, and `ci_method` by measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Rows.
    pub n: usize,
    pub mode: Mode,
    pub accuracy: f64,
    /// By level in mode `levels`, as are the next two and `ece_sweep`.
    pub ece_10: f64,
    pub ece_15: f64,
    pub ece_equal_mass_15: f64,
    pub debiased_l2_equal_mass_15: f64,
    pub ece_sweep: f64,
    pub smece: f64,
    pub smece_sigma: f64,
    pub brier: f64,
    pub mcb: f64,
    pub dsc: f64,
    pub unc: f64,
    /// `None` with one class only.
    pub auroc: Option<f64>,
    pub aurc: f64,
    pub augrc: f64,
    /// Nats, of probabilities clipped to `log_score_clip`.
    pub log_score: f64,
    pub log_score_clip: [f64; 2],
    pub mae_sayself: f64,
    /// 95% intervals by measure; `None` where the measure is not defined. Empty without bootstraps.
    pub intervals: BTreeMap<&'static str, Option<[f64; 2]>>,
}

/// The measures that have an interval, and how it is made.
pub const MEASURES: [(&str, IntervalMethod); 16] = [
    ("accuracy", IntervalMethod::Percentile),
    ("ece_10", IntervalMethod::BasicClipped),
    ("ece_15", IntervalMethod::BasicClipped),
    ("ece_equal_mass_15", IntervalMethod::BasicClipped),
    (
        "debiased_l2_equal_mass_15",
        IntervalMethod::BasicClippedSquare,
    ),
    ("ece_sweep", IntervalMethod::BasicClipped),
    ("smece", IntervalMethod::BasicClipped),
    ("brier", IntervalMethod::Percentile),
    ("mcb", IntervalMethod::BasicClipped),
    ("dsc", IntervalMethod::Percentile),
    ("unc", IntervalMethod::Percentile),
    ("auroc", IntervalMethod::Percentile),
    ("aurc", IntervalMethod::Percentile),
    ("augrc", IntervalMethod::Percentile),
    ("log_score", IntervalMethod::Percentile),
    ("mae_sayself", IntervalMethod::Percentile),
];

/// One value for each of [`MEASURES`], in its order, NaN where it is not defined; of the debiased L2 its square,
/// which may be below 0.
pub(crate) type Estimates = [f64; MEASURES.len()];

/// The debiased L2's place.
const DEBIASED: usize = 4;

/// The measures as they are shown.
pub(crate) fn shown(mut estimates: Estimates) -> Estimates {
    estimates[DEBIASED] = estimates[DEBIASED].max(0.0).sqrt();
    estimates
}

impl Metrics {
    /// (name, value) of each of [`MEASURES`].
    pub fn values(&self) -> [(&'static str, Option<f64>); MEASURES.len()] {
        [
            ("accuracy", Some(self.accuracy)),
            ("ece_10", Some(self.ece_10)),
            ("ece_15", Some(self.ece_15)),
            ("ece_equal_mass_15", Some(self.ece_equal_mass_15)),
            (
                "debiased_l2_equal_mass_15",
                Some(self.debiased_l2_equal_mass_15),
            ),
            ("ece_sweep", Some(self.ece_sweep)),
            ("smece", Some(self.smece)),
            ("brier", Some(self.brier)),
            ("mcb", Some(self.mcb)),
            ("dsc", Some(self.dsc)),
            ("unc", Some(self.unc)),
            ("auroc", self.auroc),
            ("aurc", Some(self.aurc)),
            ("augrc", Some(self.augrc)),
            ("log_score", Some(self.log_score)),
            ("mae_sayself", Some(self.mae_sayself)),
        ]
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", &self.n)?;
        map.serialize_entry("mode", &self.mode)?;
        for (name, value) in self.values() {
            map.serialize_entry(name, &value)?;
            match name {
                "smece" => map.serialize_entry("smece_sigma", &self.smece_sigma)?,
                "log_score" => map.serialize_entry("log_score_clip", &self.log_score_clip)?,
                _ => {}
            }
        }
        if !self.intervals.is_empty() {
            for (name, interval) in &self.intervals {
                map.serialize_entry(&format!("{name}_ci"), interval)?;
            }
            map.serialize_entry("ci_method", &BTreeMap::from(MEASURES))?;
        }
        map.end()
    }
}

/// Measures `rows`.
///
/// Where no rows are in groups, bootstraps draw counts for each value in mode `levels`, and of more than
/// [`CELLS_MAX`] values, merged for that: their cost does not grow with the number of rows. Elsewhere
/// rows are drawn one by one.
///
/// ```
/// use calibration::metrics::{Options, evaluate};
/// let rows: Vec<_> = [(0.9, true), (0.8, true), (0.3, false)].map(Into::into).into();
/// let metrics = evaluate(&rows, Options::default())?;
/// assert_eq!(metrics.auroc, Some(1.0));
/// # Ok::<(), calibration::metrics::MetricsError>(())
/// ```
pub fn evaluate(rows: &[Row], options: Options) -> Result<Metrics, MetricsError> {
    let mut measurement = Measurement::new(rows, options.binning, options.seed)?;
    measurement.advance_to(options.bootstraps);
    Ok(measurement.metrics())
}

/// Measures whose intervals are made step by step: after so many resamples they are those of
/// [`evaluate`] with as many bootstraps, to the last bit.
///
/// ```
/// use calibration::metrics::{Binning, Measurement, Options, evaluate};
/// let rows: Vec<_> = [(0.9, true), (0.8, true), (0.3, false)].map(Into::into).into();
/// let mut measurement = Measurement::new(&rows, Binning::Auto, 42)?;
/// measurement.advance_to(70);
/// measurement.advance_to(120);
/// let options = Options { bootstraps: 120, ..Options::default() };
/// assert_eq!(measurement.metrics(), evaluate(&rows, options)?);
/// # Ok::<(), calibration::metrics::MetricsError>(())
/// ```
pub struct Measurement {
    sorted: Sorted,
    seed: u64,
    measurer: Measurer,
    estimates: Estimates,
    smece_sigma: f64,
    draws: Draws,
    resamples: Vec<Estimates>,
}

/// How resamples are drawn.
enum Draws {
    /// Counts for each value.
    Counts { random: Random, counts: Vec<u64> },
    /// Counts for values that were merged.
    Merged(Box<Merged>),
    /// Rows, or groups of rows, one by one.
    Rows {
        random: Random,
        resampler: Resampler,
        weights: Vec<u32>,
    },
}

impl Measurement {
    /// The measures of `rows`, without intervals so far.
    pub fn new(rows: &[Row], binning: Binning, seed: u64) -> Result<Measurement, MetricsError> {
        let sorted = Sorted::of(rows)?;
        let mut measurer = Measurer::new(&sorted, binning);
        let sweep = |_: &Tally| ece::sweep(sorted.places()).0;
        let (estimates, smece_sigma) = measurer.measure(&sorted.tally, sweep, None);
        let resampler = Resampler::of(rows);
        let is_by_row = resampler.is_by_row();
        let draws = if is_by_row && sorted.tally.values().len() > CELLS_MAX {
            Draws::Merged(Box::new(Merged::of(
                &sorted.tally,
                measurer.mode,
                &estimates,
            )))
        } else if is_by_row && measurer.mode == Mode::Levels {
            // Rows of one level that are alike in correctness cannot be told apart: drawing counts is
            // drawing rows, and its cost does not grow with their number.
            Draws::Counts {
                random: Random::new(seed),
                counts: sorted.tally.counts(),
            }
        } else {
            Draws::Rows {
                random: Random::new(seed),
                resampler,
                weights: vec![0; rows.len()],
            }
        };
        Ok(Measurement {
            sorted,
            seed,
            measurer,
            estimates,
            smece_sigma,
            draws,
            resamples: Vec::new(),
        })
    }

    /// Resamples drawn so far.
    pub fn resamples(&self) -> usize {
        self.resamples.len()
    }

    /// Draws resamples until there are `bootstraps` of them; nothing where there are as many already.
    pub fn advance_to(&mut self, bootstraps: usize) {
        if bootstraps <= self.resamples.len() {
            return;
        }
        let (sorted, measurer) = (&self.sorted, &mut self.measurer);
        let left = bootstraps - self.resamples.len();
        match &mut self.draws {
            Draws::Counts { random, counts } => {
                let weights = sorted.tally.counts();
                let rows = sorted.order.len() as u64;
                let mut tally = sorted.tally.clone();
                self.resamples.extend((0..left).map(|_| {
                    random.multinomial(rows, &weights, counts);
                    tally.set_counts(counts);
                    measurer.measure(&tally, |_| f64::NAN, None).0
                }));
            }
            Draws::Merged(merged) => {
                // A stream that was left in its middle is drawn again from its start.
                let streams = self.resamples.len() / RESAMPLES_A_STREAM;
                self.resamples.truncate(streams * RESAMPLES_A_STREAM);
                self.resamples
                    .extend(merged.resamples(self.seed, streams, bootstraps));
            }
            Draws::Rows {
                random,
                resampler,
                weights,
            } => {
                let mut tally = sorted.tally.clone();
                self.resamples.extend((0..left).map(|_| {
                    resampler.draw(random, weights);
                    let drawn = weights.as_slice();
                    sorted.tally_weighted(drawn, &mut tally);
                    let sweep = |_: &Tally| ece::sweep(sorted.places_weighted(drawn)).0;
                    measurer.measure(&tally, sweep, None).0
                }));
            }
        }
    }

    /// The measures, with the intervals of the resamples drawn so far.
    pub fn metrics(&self) -> Metrics {
        let mut intervals = BTreeMap::new();
        if !self.resamples.is_empty() {
            for (at, (name, method)) in MEASURES.into_iter().enumerate() {
                let values: Vec<f64> = self
                    .resamples
                    .iter()
                    .map(|estimates| estimates[at])
                    .collect();
                let about = if at == DEBIASED {
                    ece::l2_square(&self.sorted.tally, 15)
                } else {
                    self.estimates[at]
                };
                intervals.insert(name, method.interval(self.estimates[at], about, &values));
            }
        }
        let [
            accuracy,
            ece_10,
            ece_15,
            ece_equal_mass_15,
            debiased_l2_equal_mass_15,
            ece_sweep,
            smece,
            brier,
            mcb,
            dsc,
            unc,
            auroc,
            aurc,
            augrc,
            log_score,
            mae_sayself,
        ] = shown(self.estimates);
        Metrics {
            n: self.sorted.order.len(),
            mode: self.measurer.mode,
            accuracy,
            ece_10,
            ece_15,
            ece_equal_mass_15,
            debiased_l2_equal_mass_15,
            ece_sweep,
            smece,
            smece_sigma: self.smece_sigma,
            brier,
            mcb,
            dsc,
            unc,
            auroc: (!auroc.is_nan()).then_some(auroc),
            aurc,
            augrc,
            log_score,
            log_score_clip: brier::LOG_SCORE_CLIP,
            mae_sayself,
            intervals,
        }
    }
}

/// More distinct values than this are merged before counts are drawn for them. Each stands for a
/// thousandth of the rows, and for less of the range: against drawing rows, the ends of intervals move
/// by less than the chance of 1,000 bootstraps moves them.
pub const CELLS_MAX: usize = 1_024;
/// Resamples that are drawn from one stream of random numbers: threads share them out.
const RESAMPLES_A_STREAM: usize = 50;

/// Many distinct values, merged: the measures of a resample are those of the values merged, each less
/// what merging alone has changed.
struct Merged {
    tally: Tally,
    mode: Mode,
    /// smECE's σ of the values merged.
    sigma: f64,
    changed: Estimates,
}

impl Merged {
    fn of(tally: &Tally, mode: Mode, estimates: &Estimates) -> Merged {
        let tally = tally.merged(CELLS_MAX);
        let mut measurer = Measurer::over(&tally, mode);
        let (of_merged, sigma) = measurer.measure(&tally, ece::sweep_of_tally, None);
        Merged {
            mode,
            sigma,
            changed: std::array::from_fn(|at| of_merged[at] - estimates[at]),
            tally,
        }
    }

    /// The resamples from the start of stream `from` up to `bootstraps` of them in all.
    fn resamples(&self, seed: u64, from: usize, bootstraps: usize) -> Vec<Estimates> {
        let (rows, weights) = (self.tally.totals().0, self.tally.counts());
        let streams = bootstraps.div_ceil(RESAMPLES_A_STREAM) - from;
        let parts = parallel::map(streams, |stream| {
            let stream = from + stream;
            let mut random = Random::stream(seed, stream as u64);
            let mut measurer = Measurer::over(&self.tally, self.mode);
            let (mut tally, mut counts) = (self.tally.clone(), weights.clone());
            let first = stream * RESAMPLES_A_STREAM;
            (first..bootstraps.min(first + RESAMPLES_A_STREAM))
                .map(|_| {
                    random.multinomial(rows, &weights, &mut counts);
                    tally.set_counts(&counts);
                    let (drawn, _) =
                        measurer.measure(&tally, ece::sweep_of_tally, Some(self.sigma));
                    std::array::from_fn(|at| drawn[at] - self.changed[at])
                })
                .collect::<Vec<Estimates>>()
        });
        parts.into_iter().flatten().collect()
    }
}

/// Measures the rows it was made for, and their resamples, in one mode.
pub(crate) struct Measurer {
    pub mode: Mode,
    smoother: Smoother,
}

impl Measurer {
    pub fn new(sorted: &Sorted, binning: Binning) -> Measurer {
        Measurer::over(&sorted.tally, Mode::decide(&sorted.tally, binning))
    }

    /// Of tallies over the values of this one.
    fn over(tally: &Tally, mode: Mode) -> Measurer {
        Measurer {
            mode,
            smoother: Smoother::new(tally.values()),
        }
    }

    /// The measures, and smECE's σ, which is looked for `near` one. `sweep`, of `tally` or of the rows
    /// behind it, is asked in mode `continuous` alone.
    pub fn measure(
        &mut self,
        tally: &Tally,
        sweep: impl FnOnce(&Tally) -> f64,
        near: Option<f64>,
    ) -> (Estimates, f64) {
        let [ece_10, ece_15, equal_mass, sweep] = match self.mode {
            Mode::Levels => [ece::by_level(tally); 4],
            Mode::Continuous => [
                ece::equal_width(tally, 10),
                ece::equal_width(tally, 15),
                ece::equal_mass(tally, 15),
                sweep(tally),
            ],
        };
        let smooth = match near {
            Some(near) => self.smoother.measure_near(tally, near),
            None => self.smoother.measure(tally),
        };
        let parts = brier::decomposition(tally);
        let estimates = [
            brier::accuracy(tally),
            ece_10,
            ece_15,
            equal_mass,
            ece::debiased_l2_square(tally, 15),
            sweep,
            smooth.smece,
            brier::brier(tally),
            parts.mcb,
            parts.dsc,
            parts.unc,
            auroc::auroc(tally).unwrap_or(f64::NAN),
            aurc::aurc(tally),
            aurc::augrc(tally),
            brier::log_score(tally),
            brier::mae_sayself(tally),
        ];
        (estimates, smooth.sigma)
    }
}
