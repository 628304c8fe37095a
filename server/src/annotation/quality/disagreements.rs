//! The items that annotators differ on, for a researcher to settle.

use super::judged::{Judged, most_frequent};
use crate::annotation::settled::Settled;
use crate::limits::DISAGREEMENTS_MAX;
use app::view::Disagreement;
use datasets::annotation::ProjectKind;
use std::collections::BTreeMap;

/// Those that are not settled first, the worst of them first.
pub fn disagreements(
    kind: ProjectKind,
    twice: &[&Judged<'_>],
    settled: &BTreeMap<String, Settled>,
    remarks: &mut Vec<String>,
) -> Vec<Disagreement> {
    let mut differing: Vec<(bool, f64, &Judged<'_>)> = twice
        .iter()
        .map(|one| (settled.contains_key(&one.item.id), spread(kind, one), *one))
        .filter(|(_, spread, _)| *spread > 0.0)
        .collect();
    differing.sort_by(
        |(settled, spread, one), (other_settled, other_spread, other)| {
            settled
                .cmp(other_settled)
                .then(other_spread.total_cmp(spread))
                .then(one.item.position.cmp(&other.item.position))
        },
    );
    let open = differing
        .iter()
        .filter(|(is_settled, ..)| !is_settled)
        .count();
    if open > DISAGREEMENTS_MAX {
        remarks.push(format!(
            "{open} items are rated differently and not settled; the worst {DISAGREEMENTS_MAX} are shown, and the others follow as these are settled."
        ));
    }
    differing
        .into_iter()
        .take(DISAGREEMENTS_MAX)
        .map(|(_, spread, one)| Disagreement {
            item: one.item.clone(),
            ratings: one.said.iter().map(|said| said.rating.clone()).collect(),
            spread,
            settled: settled.get(&one.item.id).map(Settled::in_words),
        })
        .collect()
}

/// The standard deviation of scores (divided by n), or 1 − the share of the most frequent choice.
pub fn spread(kind: ProjectKind, one: &Judged<'_>) -> f64 {
    match kind {
        ProjectKind::Single => {
            let values = one.values();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let squares = values.iter().map(|value| (value - mean).powi(2));
            (squares.sum::<f64>() / n).sqrt()
        }
        ProjectKind::Pairs => {
            most_frequent(one.categories().into_iter()).map_or(0.0, |most| 1.0 - most.share)
        }
    }
}
