//! How far the annotators of a project agree, with what, and what follows from it: pure, from items and
//! ratings as they are kept.
//!
//! | figure | in |
//! |---|---|
//! | Krippendorff's alpha, Fleiss' kappa over all | here |
//! | Cohen's kappa of each two, each against the others | [`annotators`] |
//! | what to settle | [`disagreements`] |
//! | which method is better | [`ranking`] |
//! | people, judge, SelfReflect and names | [`with_measures`] |
//!
//! Only main items count, and of their ratings neither skips nor repeats. Intervals are of 95%, by
//! bootstraps that draw all items of a question together.

mod annotators;
mod disagreements;
mod judged;
mod ranking;
#[cfg(test)]
mod tests;
mod with_measures;

use super::measures::Measures;
use super::settled::Settled;
use app::view::{AgreementReport, Estimate, ProjectRow};
use calibration::bootstrap::IntervalMethod;
use calibration::faithfulness::agreement::{Level, alpha_weighted};
use calibration::faithfulness::fleiss;
use calibration::faithfulness::mean::resample;
use datasets::annotation::{Item, ProjectKind, Rating};
use judged::Judged;
use std::collections::BTreeMap;

/// Items below which the figures show chance more than agreement.
const FEW_ITEMS: u64 = 20;

/// What people said so far.
#[derive(Clone, Copy)]
pub struct Rated<'a> {
    /// Of all kinds.
    pub items: &'a [Item],
    /// The ratings that count: the last revision of each assignment.
    pub ratings: &'a [Rating],
    /// By the item's id.
    pub settled: &'a BTreeMap<String, Settled>,
    pub measures: &'a Measures,
}

/// All figures of a project. `bootstraps` resamples stand behind each interval: with a thousand items,
/// ratings and resamples each it takes about a second of a core.
pub fn report(
    project: ProjectRow,
    rated: &Rated<'_>,
    bootstraps: usize,
    seed: u64,
) -> AgreementReport {
    let kind = project.kind;
    let judged = judged::judged(kind, rated.items, rated.ratings);
    let twice: Vec<&Judged<'_>> = judged.iter().filter(|one| one.said.len() > 1).collect();
    let mut remarks = Vec::new();
    let intervals = Intervals { bootstraps, seed };
    let over_all = over_all(kind, &twice, intervals, &mut remarks);
    let between = annotators::between(kind, &twice, intervals, &mut remarks);
    let by_annotator = annotators::against_others(kind, &twice, intervals, &mut remarks);
    let disagreements = disagreements::disagreements(kind, &twice, rated.settled, &mut remarks);
    let ranking = ranking::ranking(kind, &judged, intervals, &mut remarks);
    let with_measures = with_measures::with_measures(kind, &judged, rated.measures, intervals);
    remarks.extend(rated.measures.remarks.iter().cloned());
    let [alpha_nominal, alpha_ordinal, alpha_interval] = over_all.alpha;
    AgreementReport {
        project,
        items: twice.len() as u64,
        ratings: twice.iter().map(|one| one.said.len() as u64).sum(),
        annotators: judged::annotators(&judged).len() as u64,
        alpha_nominal,
        alpha_ordinal,
        alpha_interval,
        fleiss_kappa: over_all.fleiss,
        between,
        by_annotator,
        disagreements,
        ranking,
        with_measures,
        remarks,
    }
}

/// How intervals are drawn.
#[derive(Clone, Copy)]
struct Intervals {
    bootstraps: usize,
    seed: u64,
}

impl Intervals {
    /// A figure with its interval over items, `groups` being their questions; the figure is given how often
    /// each item stands there. `None` where it is not defined, and without items. One question alone has no
    /// interval.
    fn estimate(
        self,
        groups: &[Option<u32>],
        figure: impl Fn(&[u32]) -> Option<f64>,
    ) -> Option<Estimate> {
        let value = figure(&vec![1; groups.len()])?;
        let resamples = resample(groups, self.draws(groups), self.seed, |weights| {
            figure(weights).unwrap_or(f64::NAN)
        });
        Some(Estimate {
            value,
            interval: IntervalMethod::Percentile.interval(value, value, &resamples),
            n: groups.len() as u64,
        })
    }

    /// Resamples that tell something: of one question all are the same.
    fn draws(self, groups: &[Option<u32>]) -> usize {
        let is_one_draw = groups.iter().all(|group| *group == groups[0]);
        if is_one_draw { 0 } else { self.bootstraps }
    }
}

/// The mean of values that stand there so often; `None` where none does.
fn weighted_mean(values: impl Iterator<Item = f64>, weights: &[u32]) -> Option<f64> {
    let drawn: u32 = weights.iter().sum();
    let sum: f64 = values
        .zip(weights)
        .map(|(value, weight)| value * f64::from(*weight))
        .sum();
    (drawn > 0).then(|| sum / f64::from(drawn))
}

/// Pairs, each as often as it was drawn.
fn drawn(pairs: &[(f64, f64)], weights: &[u32]) -> Vec<(f64, f64)> {
    pairs
        .iter()
        .zip(weights)
        .flat_map(|(pair, weight)| std::iter::repeat_n(*pair, *weight as usize))
        .collect()
}

struct OverAll {
    /// Nominal, ordinal, interval.
    alpha: [Option<Estimate>; 3],
    fleiss: Option<Estimate>,
}

/// The figures over all annotators.
fn over_all(
    kind: ProjectKind,
    twice: &[&Judged<'_>],
    intervals: Intervals,
    remarks: &mut Vec<String>,
) -> OverAll {
    let mut found = OverAll {
        alpha: [None; 3],
        fleiss: None,
    };
    match twice.len() as u64 {
        0 => {
            remarks.push(
                "No item has ratings of two people yet: agreement can be told from then on.".into(),
            );
            return found;
        }
        few if few < FEW_ITEMS => remarks.push(format!(
            "Only {few} {} two ratings or more: read the intervals, not the values.",
            if few == 1 { "item has" } else { "items have" }
        )),
        _ => {}
    }
    let groups = judged::groups(twice);
    let values: Vec<Vec<f64>> = twice.iter().map(|one| one.values()).collect();
    let levels: &[Level] = match kind {
        ProjectKind::Single => &[Level::Nominal, Level::Ordinal, Level::Interval],
        ProjectKind::Pairs => &[Level::Nominal],
    };
    for (level, alpha) in levels.iter().zip(&mut found.alpha) {
        *alpha = intervals.estimate(&groups, |weights| alpha_weighted(&values, weights, *level));
    }
    if found.alpha[0].is_none() {
        remarks.push(
            "All ratings are the same, so chance alone would make people agree: alpha and kappa are not defined."
                .into(),
        );
    }
    found.fleiss = fleiss_kappa(twice, intervals, remarks);
    found
}

/// Over the items with as many ratings as most have; of two numbers that are as frequent, the larger.
fn fleiss_kappa(
    twice: &[&Judged<'_>],
    intervals: Intervals,
    remarks: &mut Vec<String>,
) -> Option<Estimate> {
    let mut by_ratings: BTreeMap<usize, usize> = BTreeMap::new();
    for one in twice {
        *by_ratings.entry(one.said.len()).or_default() += 1;
    }
    let (most, _) = by_ratings
        .into_iter()
        .max_by_key(|(ratings, items)| (*items, *ratings))?;
    let (chosen, others): (Vec<&Judged<'_>>, Vec<&Judged<'_>>) = twice
        .iter()
        .copied()
        .partition(|one| one.said.len() == most);
    let categories: Vec<Vec<u8>> = chosen.iter().map(|one| one.categories()).collect();
    let kappa = intervals.estimate(&judged::groups(&chosen), |weights| {
        fleiss::kappa_weighted(&categories, weights)
    });
    if kappa.is_some() && !others.is_empty() {
        remarks.push(format!(
            "Fleiss' kappa is of the {} items that have {most} ratings; {} with another number are left out of it.",
            chosen.len(),
            others.len()
        ));
    }
    kappa
}
