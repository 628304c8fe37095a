//! How people, the judge, SelfReflect and names go together, item by item; all turned so that more is
//! better.

use super::judged::Judged;
use super::{Intervals, drawn};
use crate::annotation::measures::Measures;
use crate::runs::faithfulness::Score;
use app::view::MeasureAgreement;
use calibration::faithfulness::correlation::{pearson, spearman};
use datasets::annotation::{Choice, ProjectKind};

/// The measures as `sayself faithfulness` names them.
const NAMES: [&str; 4] = ["people", "judge", "self-reflect", "names"];

/// Every two that have items in common. Of single rationales the figure is the score; of pairs it is the
/// difference, first minus second: for people the mean of 1 (the first), −1 (the second) and 0.
pub fn with_measures(
    kind: ProjectKind,
    judged: &[Judged<'_>],
    measures: &Measures,
    intervals: Intervals,
) -> Vec<MeasureAgreement> {
    let figures: Vec<[Option<f64>; 4]> = judged
        .iter()
        .map(|one| {
            let [judge, self_reflect, names] = of_measures(kind, one, measures);
            [people(kind, one), judge, self_reflect, names]
        })
        .collect();
    let mut found = Vec::new();
    for (first, name) in NAMES.into_iter().enumerate() {
        for (second, other) in NAMES.into_iter().enumerate().skip(first + 1) {
            let (pairs, groups): (Vec<(f64, f64)>, Vec<Option<u32>>) = judged
                .iter()
                .zip(&figures)
                .filter_map(|(one, figures)| {
                    let pair = figures[first].zip(figures[second])?;
                    Some((pair, Some(one.question)))
                })
                .unzip();
            if pairs.is_empty() {
                continue;
            }
            let estimate = |correlation: fn(&[(f64, f64)]) -> Option<f64>| {
                intervals.estimate(&groups, |weights| correlation(&drawn(&pairs, weights)))
            };
            found.push(MeasureAgreement {
                first: name.to_owned(),
                second: other.to_owned(),
                pearson: estimate(pearson),
                spearman: estimate(spearman),
                n: pairs.len() as u64,
            });
        }
    }
    found
}

fn people(kind: ProjectKind, one: &Judged<'_>) -> Option<f64> {
    let value = |said: &super::judged::Said<'_>| match kind {
        ProjectKind::Single => f64::from(said.category),
        ProjectKind::Pairs => match said.rating.choice {
            Some(Choice::Left) => 1.0,
            Some(Choice::Right) => -1.0,
            _ => 0.0,
        },
    };
    let sum: f64 = one.said.iter().map(value).sum();
    (!one.said.is_empty()).then(|| sum / one.said.len() as f64)
}

/// Judge, SelfReflect, names.
fn of_measures(kind: ProjectKind, one: &Judged<'_>, measures: &Measures) -> [Option<f64>; 3] {
    let scores: Vec<[Option<f64>; 3]> = one
        .item
        .rationales
        .iter()
        .filter_map(|rationale| {
            measures.of(&rationale.run, &rationale.label, &one.item.question_id)
        })
        .map(
            |Score {
                 names,
                 self_reflect,
                 judge,
                 ..
             }| { [judge, self_reflect.map(|distance| -distance), names] },
        )
        .collect();
    match (kind, &scores[..]) {
        (ProjectKind::Single, [only]) => *only,
        (ProjectKind::Pairs, [first, second]) => {
            let difference = |at: usize| Some(first[at]? - second[at]?);
            [difference(0), difference(1), difference(2)]
        }
        _ => [None; 3],
    }
}
