//! The ratings that count, a row each: what `sayself faithfulness --ratings` reads.

use super::table::{Row, Table};
use super::{ExportData, moment};
use datasets::annotation::{Choice, Item, ItemRationale, ProjectKind, Rating, Span};
use serde_json::{Value, json};

pub fn table(data: &ExportData) -> Table {
    let of_kind: &[&'static str] = match data.kind() {
        ProjectKind::Single => &["item", "run", "label", "method", "correct"],
        ProjectKind::Pairs => &[
            "item",
            "choice",
            "preferred",
            "first",
            "second",
            "shown_left",
        ],
    };
    let texts: Vec<&'static str> = ["id", "annotator"]
        .into_iter()
        .chain(data.names.is_some().then_some("name"))
        .chain(of_kind.iter().copied())
        .chain(["stratum", "note", "spans", "assignment", "saved_at"])
        .collect();
    let numbers: &[&'static str] = match data.kind() {
        ProjectKind::Single => &["score", "revision", "active_ms", "saved_ms", "confidence"],
        ProjectKind::Pairs => &["revision", "active_ms", "saved_ms"],
    };
    let mut table = Table::new(&texts, numbers);
    let by_item = data.ratings_by_item(false);
    for item in data.main_items() {
        for rating in by_item.get(item.id.as_str()).into_iter().flatten() {
            let is_of_kind = match data.kind() {
                ProjectKind::Single => rating.score.is_some(),
                ProjectKind::Pairs => rating.choice.is_some(),
            };
            if is_of_kind {
                table.push(row(data, item, rating));
            }
        }
    }
    table
}

fn row(data: &ExportData, item: &Item, rating: &Rating) -> Row {
    let mut row = Row::default()
        .text(&item.question_id)
        .text(&rating.annotator);
    if let Some(name) = data.name(&rating.annotator) {
        row = row.text(name);
    }
    row = row.text(&item.id);
    let first = item.rationales.first();
    let second = item.rationales.get(1);
    row = match data.kind() {
        ProjectKind::Single => row
            .text_if(first.map(|one| &one.run))
            .text_if(first.map(|one| &one.label))
            .text_if(first.map(|one| &one.method))
            .text_if(
                first
                    .and_then(|one| one.correct)
                    .map(|correct| correct.to_string()),
            ),
        ProjectKind::Pairs => row
            .text_if(rating.choice.map(choice_word))
            .text_if(preferred(rating.choice, first, second))
            .text_if(first.map(evaluation))
            .text_if(second.map(evaluation))
            .text(if rating.first_left { "first" } else { "second" }),
    };
    row = row
        .text(&item.stratum)
        .text(&rating.note)
        .json(spans(item, &rating.spans))
        .text(&rating.assignment)
        .text(moment(rating.saved_ms))
        .of_project(data);
    let (revision, active, saved) = (
        Some(f64::from(rating.revision)),
        Some(rating.active_ms as f64),
        Some(rating.saved_ms as f64),
    );
    match data.kind() {
        ProjectKind::Single => row
            .number(rating.score.map(f64::from))
            .number(revision)
            .number(active)
            .number(saved)
            .number(first.and_then(|one| one.confidence).map(f64::from)),
        ProjectKind::Pairs => row.number(revision).number(active).number(saved),
    }
}

/// A choice with the rationales as the item has them, wherever they stood on the page.
pub fn choice_word(choice: Choice) -> &'static str {
    match choice {
        Choice::Left => "first",
        Choice::Right => "second",
        Choice::Tie => "tie",
        Choice::BothBad => "both-bad",
    }
}

fn preferred(
    choice: Option<Choice>,
    first: Option<&ItemRationale>,
    second: Option<&ItemRationale>,
) -> Option<String> {
    match choice? {
        Choice::Left => first.map(|one| one.method.clone()),
        Choice::Right => second.map(|one| one.method.clone()),
        Choice::Tie | Choice::BothBad => None,
    }
}

/// `RUN:LABEL`, as the Compare page names an evaluation.
pub fn evaluation(rationale: &ItemRationale) -> String {
    format!("{}:{}", rationale.run, rationale.label)
}

/// Marked words with the words themselves.
pub fn spans(item: &Item, spans: &[Span]) -> Value {
    let told = spans.iter().map(|span| {
        let rationale = item.rationales.get(usize::from(span.side));
        let words = rationale.map_or_else(String::new, |one| span.words(&one.text));
        json!({
            "side": span.side, "start": span.start, "end": span.end,
            "verdict": span.verdict, "words": words,
        })
    });
    told.collect()
}
