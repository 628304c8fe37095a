//! Items and time of each person, for pay: whatever was worked on counts, training and skips too.

use super::table::{Row, Table};
use super::{ExportData, Said, moment};
use datasets::annotation::ItemKind;
use std::collections::{BTreeMap, BTreeSet};

const MS_AN_HOUR: f64 = 3_600_000.0;

pub fn table(data: &ExportData) -> Table {
    let texts: Vec<&'static str> = ["annotator"]
        .into_iter()
        .chain(data.names.is_some().then_some("name"))
        .chain(["state", "first_at", "last_at"])
        .collect();
    let numbers = [
        "items",
        "main",
        "training",
        "gold",
        "attention",
        "repeats",
        "skipped",
        "corrections",
        "active_hours",
        "active_ms",
        "active_ms_median",
    ];
    let mut table = Table::new(&texts, &numbers);
    let kinds: BTreeMap<&str, ItemKind> = data
        .items
        .iter()
        .map(|item| (item.id.as_str(), item.kind))
        .collect();
    let mut words: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for word in &data.said {
        words.entry(&word.annotator).or_default().push(word);
    }
    let states: BTreeMap<&str, &str> = data
        .detail
        .members
        .iter()
        .map(|member| (member.annotator.as_str(), member.state.as_str()))
        .collect();
    let everybody: BTreeSet<&str> = words.keys().chain(states.keys()).copied().collect();
    for annotator in everybody {
        let state = states.get(annotator).copied().unwrap_or_default();
        let words = words.get(annotator).map_or(&[][..], Vec::as_slice);
        table.push(row(data, &kinds, annotator, state, words));
    }
    table
}

/// What one did of an item that was handed out once.
#[derive(Default)]
struct Worked<'a> {
    active_ms: u64,
    last: Option<&'a Said>,
}

fn row(
    data: &ExportData,
    kinds: &BTreeMap<&str, ItemKind>,
    annotator: &str,
    state: &str,
    words: &[&Said],
) -> Row {
    let mut worked: BTreeMap<&str, Worked<'_>> = BTreeMap::new();
    for word in words {
        let of_assignment = worked.entry(&word.assignment).or_default();
        // A revision's time is of that revision alone.
        of_assignment.active_ms += word.said.active_ms;
        if of_assignment
            .last
            .is_none_or(|last| last.revision <= word.revision)
        {
            of_assignment.last = Some(word);
        }
    }
    let last_words: Vec<&Said> = worked.values().filter_map(|one| one.last).collect();
    let count = |is_so: &dyn Fn(&Said) -> bool| {
        Some(last_words.iter().filter(|word| is_so(word)).count() as f64)
    };
    let of_kind = |kind: ItemKind| {
        count(&|word| !word.is_repeat && kinds.get(word.item.as_str()) == Some(&kind))
    };
    let active_ms: u64 = worked.values().map(|one| one.active_ms).sum();
    let mut times: Vec<f64> = worked.values().map(|one| one.active_ms as f64).collect();
    times.sort_unstable_by(f64::total_cmp);
    let median = (!times.is_empty()).then(|| calibration::bootstrap::quantile(&times, 0.5));
    let saved = || words.iter().map(|word| word.saved_ms);
    let mut row = Row::default().text(annotator);
    if let Some(name) = data.name(annotator) {
        row = row.text(name);
    }
    row.text(state)
        .text_if(saved().min().map(moment))
        .text_if(saved().max().map(moment))
        .of_project(data)
        .number(Some(worked.len() as f64))
        .number(of_kind(ItemKind::Main))
        .number(of_kind(ItemKind::Training))
        .number(of_kind(ItemKind::Gold))
        .number(of_kind(ItemKind::Attention))
        .number(count(&|word| word.is_repeat))
        .number(count(&|word| word.said.skip.is_some()))
        .number(Some((words.len() - worked.len()) as f64))
        .number(Some(active_ms as f64 / MS_AN_HOUR))
        .number(Some(active_ms as f64))
        .number(median)
}
