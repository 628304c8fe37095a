//! What researchers are told of a project: how far it is, who works in it and how well. Pure.

use super::keeping::{spans_turned_back, turned_back};
use super::opened::Opened;
use crate::db::annotation::{Member, Project, ProjectCounts, Said};
use app::view::{MemberRow, ProjectRow, StratumRow};
use datasets::annotation::{Item, ItemKind, Rating};
use std::collections::{BTreeMap, HashMap};

/// A project in the list.
pub fn row(project: &Project, counts: &ProjectCounts) -> ProjectRow {
    let overlap = u64::from(project.spec.overlap);
    ProjectRow {
        id: project.id.clone(),
        title: project.title.clone(),
        kind: project.kind,
        state: project.state,
        items: counts.items(),
        rated: counts.rated(overlap),
        wanted: counts.items() * overlap,
        annotators: counts.annotators,
        created_ms: project.created_ms,
    }
}

/// Items by kind.
pub fn kinds(opened: &Opened) -> Vec<(ItemKind, u64)> {
    ItemKind::ALL
        .map(|kind| (kind, opened.count(kind) as u64))
        .into()
}

/// Main items by stratum, with the ratings that they have.
pub fn strata(opened: &Opened, rated: &HashMap<String, u64>) -> Vec<StratumRow> {
    let mut strata: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for head in &opened.heads {
        if head.kind == ItemKind::Main {
            let (items, ratings) = strata.entry(&head.stratum).or_default();
            *items += 1;
            *ratings += rated.get(&head.id).copied().unwrap_or(0);
        }
    }
    strata
        .into_iter()
        .map(|(stratum, (items, rated))| StratumRow {
            stratum: stratum.to_owned(),
            items,
            rated,
        })
        .collect()
}

/// A word as a rating, with its sides in the order of the item's rationales.
pub fn rating(said: &Said) -> Rating {
    let request = &said.said;
    Rating {
        item: said.item.clone(),
        assignment: request.assignment.clone(),
        annotator: said.pseudonym.clone(),
        revision: request.revision,
        score: request.score,
        choice: turned_back(request.choice, said.first_left),
        skip: request.skip.clone(),
        spans: spans_turned_back(&request.spans, said.first_left),
        note: request.note.clone(),
        active_ms: request.active_ms,
        saved_ms: said.saved_ms,
        is_repeat: said.is_repeat,
        first_left: said.first_left,
    }
}

/// The last words, by assignment in the order in which they were said.
pub fn ratings(said: &[Said]) -> Vec<Rating> {
    said.iter()
        .filter(|said| said.is_last)
        .map(rating)
        .collect()
}

/// The annotators of a project, in the order of `members`.
pub fn members(members: &[Member], opened: &Opened, said: &[Said]) -> Vec<MemberRow> {
    let mut by_annotator: HashMap<&str, Vec<&Said>> = HashMap::new();
    for one in said {
        by_annotator.entry(&one.pseudonym).or_default().push(one);
    }
    members
        .iter()
        .map(|member| {
            let said = by_annotator
                .get(member.pseudonym.as_str())
                .map_or(&[][..], Vec::as_slice);
            member_row(member, opened, said)
        })
        .collect()
}

/// Where somebody stands, in a word.
fn state(member: &Member) -> &'static str {
    if member.withdrawn_ms.is_some() {
        "withdrawn"
    } else if member.refused_ms.is_some() {
        "refused"
    } else if member.consented_ms.is_none() {
        "invited"
    } else if member.paused_ms.is_some() {
        "paused"
    } else if member.qualified_ms.is_none() {
        "training"
    } else {
        "at work"
    }
}

fn member_row(member: &Member, opened: &Opened, said: &[&Said]) -> MemberRow {
    let mut row = MemberRow {
        annotator: member.pseudonym.clone(),
        state: state(member).into(),
        rated: 0,
        skipped: 0,
        gold_right: 0,
        gold: 0,
        attention_right: 0,
        attention: 0,
        repeats: 0,
        repeat_agreement: None,
        active_ms: 0,
        active_ms_median: 0,
    };
    let mut times: HashMap<&str, u64> = HashMap::new();
    let mut firsts: HashMap<&str, Rating> = HashMap::new();
    let mut repeats: Vec<Rating> = Vec::new();
    for one in said {
        *times.entry(&one.said.assignment).or_default() += one.said.active_ms;
        let (true, Some(item)) = (one.is_last, opened.item(&one.item)) else {
            continue;
        };
        let rating = rating(one);
        if rating.skip.is_some() {
            row.skipped += u64::from(item.kind != ItemKind::Training);
            continue;
        }
        row.rated += u64::from(item.kind != ItemKind::Training);
        count_known(&mut row, item, &rating);
        match (item.kind, rating.is_repeat) {
            (ItemKind::Main, true) => repeats.push(rating),
            (ItemKind::Main, false) => {
                firsts.insert(&one.item, rating);
            }
            _ => {}
        }
    }
    let distances: Vec<f64> = repeats
        .iter()
        .filter_map(|repeat| distance(firsts.get(repeat.item.as_str())?, repeat))
        .collect();
    row.repeats = distances.len() as u64;
    row.repeat_agreement =
        (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / distances.len() as f64);
    let mut times: Vec<u64> = times.into_values().collect();
    times.sort_unstable();
    row.active_ms = times.iter().sum();
    row.active_ms_median = median(&times);
    row
}

fn count_known(row: &mut MemberRow, item: &Item, rating: &Rating) {
    let right = item
        .known
        .as_ref()
        .and_then(|known| known.is_right(rating.score, rating.choice));
    let Some(right) = right else { return };
    let (of_kind, right_ones) = match item.kind {
        ItemKind::Gold => (&mut row.gold, &mut row.gold_right),
        ItemKind::Attention => (&mut row.attention, &mut row.attention_right),
        ItemKind::Main | ItemKind::Training => return,
    };
    *of_kind += 1;
    *right_ones += u64::from(right);
}

/// Between two ratings of one item by one person: of scores how far apart, of choices 1 where they are equal.
fn distance(first: &Rating, repeat: &Rating) -> Option<f64> {
    match (first.score, repeat.score) {
        (Some(first), Some(repeat)) => Some(f64::from(first.abs_diff(repeat))),
        _ => {
            let (first, repeat) = (first.choice?, repeat.choice?);
            Some(if first == repeat { 1.0 } else { 0.0 })
        }
    }
}

/// The middle of sorted numbers, or the mean of the middle two; 0 of none.
fn median(sorted: &[u64]) -> u64 {
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle)) {
        (1, Some(one)) => *one,
        (_, Some(upper)) => (sorted[middle - 1] + upper) / 2,
        (_, None) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::annotation::{Choice, Known, RatingRequest};

    fn item(id: &str, kind: ItemKind, known: Option<Known>) -> Item {
        Item {
            id: id.into(),
            position: 0,
            kind,
            question_id: id.into(),
            question: String::new(),
            samples: 2,
            evidence: Vec::new(),
            rationales: Vec::new(),
            stratum: "s".into(),
            known,
        }
    }

    fn said(item: &str, revision: u32, score: Option<u8>, is_last: bool, is_repeat: bool) -> Said {
        Said {
            key: String::new(),
            pseudonym: "annotator-1".into(),
            item: item.into(),
            is_repeat,
            first_left: true,
            said: RatingRequest {
                assignment: format!("{item}{is_repeat}"),
                revision,
                score,
                skip: score.is_none().then(|| "unclear".into()),
                active_ms: 1_000,
                ..RatingRequest::default()
            },
            saved_ms: 0,
            was_late: false,
            is_last,
        }
    }

    #[test]
    fn an_annotator_is_told_by_his_last_words() {
        let known = |low, high| {
            Some(Known {
                low: Some(low),
                high: Some(high),
                choice: None,
                explanation: String::new(),
            })
        };
        let opened = Opened::of(vec![
            item("a", ItemKind::Main, None),
            item("b", ItemKind::Main, None),
            item("g", ItemKind::Gold, known(7, 10)),
            item("c", ItemKind::Attention, known(3, 3)),
            item("t", ItemKind::Training, known(7, 10)),
        ]);
        let said = [
            said("t", 1, Some(8), true, false),
            said("a", 1, Some(2), false, false),
            said("a", 2, Some(6), true, false),
            said("b", 1, None, true, false),
            said("g", 1, Some(9), true, false),
            said("c", 1, Some(4), true, false),
            said("a", 1, Some(8), true, true),
        ];
        let member = Member {
            pseudonym: "annotator-1".into(),
            consented_ms: Some(1),
            qualified_ms: Some(1),
            ..Member::default()
        };
        let rows = members(std::slice::from_ref(&member), &opened, &said);
        let row = &rows[0];
        assert_eq!(
            (row.rated, row.skipped, row.state.as_str()),
            (4, 1, "at work")
        );
        assert_eq!((row.gold_right, row.gold), (1, 1));
        assert_eq!((row.attention_right, row.attention), (0, 1));
        assert_eq!((row.repeats, row.repeat_agreement), (1, Some(2.0)));
        assert_eq!((row.active_ms, row.active_ms_median), (7_000, 1_000));
        let nobody = Member {
            pseudonym: "annotator-2".into(),
            ..member
        };
        assert_eq!(members(&[nobody], &opened, &said)[0].rated, 0);
        assert_eq!(ratings(&said).len(), 6);
    }

    #[test]
    fn sides_are_turned_back() {
        let mut turned = said("a", 1, None, true, false);
        turned.first_left = false;
        turned.said.skip = None;
        turned.said.choice = Some(Choice::Left);
        assert_eq!(rating(&turned).choice, Some(Choice::Right));
        assert_eq!(median(&[1, 3]), 2);
        assert_eq!(median(&[]), 0);
    }
}
