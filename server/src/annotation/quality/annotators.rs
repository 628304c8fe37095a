//! Each two annotators, and each against the others.

use super::judged::Judged;
use super::{Intervals, drawn, judged, weighted_mean};
use crate::limits::{AGREEMENT_ANNOTATORS_MAX, AGREEMENT_PAIRS_MAX};
use app::view::{AnnotatorAgreement, BetweenRow, Estimate};
use calibration::faithfulness::agreement::{Level, alpha};
use calibration::faithfulness::cohen::{Weighting, kappa_weighted};
use calibration::faithfulness::correlation::pearson;
use datasets::annotation::ProjectKind;
use std::collections::BTreeMap;

/// Items in common below which the kappa of two is chance.
const ITEMS_MIN: usize = 5;

/// What two annotators said of the items that both rated.
#[derive(Default)]
struct Together {
    said: Vec<(u8, u8)>,
    questions: Vec<Option<u32>>,
}

/// Of each two annotators with items in common: Cohen's kappa, with quadratic weights for scores, where
/// there are [`ITEMS_MIN`]; those with the most items first.
pub fn between(
    kind: ProjectKind,
    twice: &[&Judged<'_>],
    intervals: Intervals,
    remarks: &mut Vec<String>,
) -> Vec<BetweenRow> {
    let mut pairs: BTreeMap<(&str, &str), Together> = BTreeMap::new();
    for one in twice {
        for (at, second) in one.said.iter().enumerate() {
            // Sorted by name: the first of a pair is the same on every item.
            for first in &one.said[..at] {
                let pair = (first.annotator, second.annotator);
                let together = pairs.entry(pair).or_default();
                together.said.push((first.category, second.category));
                together.questions.push(Some(one.question));
            }
        }
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(_, together)| std::cmp::Reverse(together.said.len()));
    if pairs.len() > AGREEMENT_PAIRS_MAX {
        remarks.push(format!(
            "{} pairs of annotators rated the same items; those {AGREEMENT_PAIRS_MAX} with the most items are shown.",
            pairs.len()
        ));
        pairs.truncate(AGREEMENT_PAIRS_MAX);
    }
    let weighting = match kind {
        ProjectKind::Single => Weighting::Quadratic,
        ProjectKind::Pairs => Weighting::Unweighted,
    };
    let row = |((first, second), together): ((&str, &str), Together)| {
        let n = together.said.len();
        let equal = together.said.iter().filter(|(a, b)| a == b).count();
        BetweenRow {
            first: first.to_owned(),
            second: second.to_owned(),
            kappa: intervals
                .estimate(&together.questions, |weights| {
                    kappa_weighted(&together.said, weights, weighting)
                })
                .filter(|_| n >= ITEMS_MIN),
            share_equal: equal as f64 / n as f64,
            n: n as u64,
        }
    };
    pairs.into_iter().map(row).collect()
}

/// Each annotator against the others on the same items; those with the most items first.
pub fn against_others(
    kind: ProjectKind,
    twice: &[&Judged<'_>],
    intervals: Intervals,
    remarks: &mut Vec<String>,
) -> Vec<AnnotatorAgreement> {
    let mut items_of: BTreeMap<&str, Vec<&Judged<'_>>> = BTreeMap::new();
    for one in twice {
        for said in &one.said {
            items_of.entry(said.annotator).or_default().push(one);
        }
    }
    let mut all: Vec<_> = items_of.into_iter().collect();
    all.sort_by_key(|(_, items)| std::cmp::Reverse(items.len()));
    if all.len() > AGREEMENT_ANNOTATORS_MAX {
        remarks.push(format!(
            "{} annotators share items with others; those {AGREEMENT_ANNOTATORS_MAX} with the most are shown.",
            all.len()
        ));
        all.truncate(AGREEMENT_ANNOTATORS_MAX);
    }
    all.into_iter()
        .map(|(annotator, items)| {
            let (bias, with_others) = match kind {
                ProjectKind::Single => of_scores(annotator, &items, intervals),
                ProjectKind::Pairs => (None, of_choices(annotator, &items, intervals)),
            };
            AnnotatorAgreement {
                annotator: annotator.to_owned(),
                n: items.len() as u64,
                alpha_without: alpha_without(kind, annotator, twice),
                bias,
                with_others,
            }
        })
        .collect()
}

fn alpha_without(kind: ProjectKind, annotator: &str, twice: &[&Judged<'_>]) -> Option<f64> {
    let level = match kind {
        ProjectKind::Single => Level::Interval,
        ProjectKind::Pairs => Level::Nominal,
    };
    let without: Vec<Vec<f64>> = twice
        .iter()
        .map(|one| {
            let others = one.said.iter().filter(|said| said.annotator != annotator);
            others.map(|said| f64::from(said.category)).collect()
        })
        .collect();
    alpha(&without, level)
}

/// His mean distance from the others' means, upwards, and the correlation with them.
fn of_scores(
    annotator: &str,
    items: &[&Judged<'_>],
    intervals: Intervals,
) -> (Option<Estimate>, Option<Estimate>) {
    let (against, groups): (Vec<(f64, f64)>, Vec<Option<u32>>) = items
        .iter()
        .filter_map(|one| Some((against_mean(annotator, one)?, Some(one.question))))
        .unzip();
    let bias = intervals.estimate(&groups, |weights| {
        weighted_mean(against.iter().map(|(own, others)| own - others), weights)
    });
    let with_others = intervals.estimate(&groups, |weights| pearson(&drawn(&against, weights)));
    (bias, with_others)
}

/// The share of items on which he chose what most of the others did.
fn of_choices(annotator: &str, items: &[&Judged<'_>], intervals: Intervals) -> Option<Estimate> {
    let (equal, groups): (Vec<f64>, Vec<Option<u32>>) = items
        .iter()
        .filter_map(|one| {
            let agrees = agrees_with_most(annotator, one)?;
            Some((f64::from(u8::from(agrees)), Some(one.question)))
        })
        .unzip();
    intervals.estimate(&groups, |weights| {
        weighted_mean(equal.iter().copied(), weights)
    })
}

/// What he said of an item, and the mean of what the others did.
fn against_mean(annotator: &str, item: &Judged<'_>) -> Option<(f64, f64)> {
    let own = item.said.iter().find(|said| said.annotator == annotator)?;
    let others = item.said.iter().filter(|said| said.annotator != annotator);
    let others: Vec<f64> = others.map(|said| f64::from(said.category)).collect();
    let mean = others.iter().sum::<f64>() / others.len() as f64;
    mean.is_finite().then_some((f64::from(own.category), mean))
}

/// Whether he chose what the others chose most often; `None` where they chose two things as often.
fn agrees_with_most(annotator: &str, item: &Judged<'_>) -> Option<bool> {
    let own = item.said.iter().find(|said| said.annotator == annotator)?;
    let others = item.said.iter().filter(|said| said.annotator != annotator);
    let most = judged::most_frequent(others.map(|said| said.category))?;
    Some(most.category? == own.category)
}
