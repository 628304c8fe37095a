//! By template and by length: on which questions it can be trusted.

use crate::chart::group;
use crate::drawn::groups::{Grouping, JUDGED_MIN};
use crate::format;
use crate::island::downloads::downloads;
use crate::link;
use crate::view::{AnswerGroup, Breakdown, RunDetail};
use leptos::prelude::*;

/// Rows that stand open; the others are folded.
const OPEN_MAX: usize = 12;

pub fn section(detail: &RunDetail) -> AnyView {
    let Some(last) = detail.directory.breakdowns.last() else {
        return ().into_any();
    };
    if last.templates.is_empty() && last.question_lengths.is_empty() {
        return ().into_any();
    }
    let before = match detail.directory.breakdowns.as_slice() {
        [before, _] => Some(before),
        _ => None,
    };
    let parts = Grouping::ALL.map(|grouping| part(&detail.summary.id, grouping, last, before));
    let read = (!last.whole).then(|| {
        let words = format!(
            "The answers of {} are too many to count at once: lengths are of {} of them, evenly spaced.",
            last.label,
            format::count(last.read),
        );
        view! { <p class="minor">{words}</p> }
    });
    view! {
        <section aria-labelledby="groups">
            <h2 id="groups">"On which questions?"</h2>
            <p>
                {format!("The answers of {}. ", last.label)}
                "Each bar runs from 0 to 1: the ring is what it said, the upright line how often it was right, with its 95% interval. The gap is their difference: above 0 it is overconfident."
            </p>
            {read}
            {parts.collect_view()}
        </section>
    }
    .into_any()
}

fn part(run: &str, grouping: Grouping, last: &Breakdown, before: Option<&Breakdown>) -> AnyView {
    let heading = ["By ", grouping.words()].concat();
    let groups = grouping.of(last);
    if groups.is_empty() {
        return ().into_any();
    }
    let before_of = |name: &str| {
        let found = grouping.of(before?).iter().find(|group| group.name == name);
        found.filter(|group| group.n >= JUDGED_MIN)
    };
    let rows = |groups: &[AnswerGroup]| {
        groups
            .iter()
            .map(|group| row(group, before.is_some(), before_of(&group.name)))
            .collect_view()
    };
    let table = |rows: AnyView, caption: String| {
        let before = before.map(|before| {
            view! { <th scope="col" class="number">{format!("Gap of {}", before.label)}</th> }
        });
        let name = caption.clone();
        view! {
            <div class="scroll" tabindex="0" role="region" aria-label=name>
                <table class="groups">
                    <caption><span>{caption}</span></caption>
                    <thead>
                        <tr>
                            <th scope="col">{grouping.words()}</th>
                            <th scope="col" class="number">"n"</th>
                            <th scope="col">"Said and was"</th>
                            <th scope="col" class="number">"Mean confidence"</th>
                            <th scope="col" class="number">"Accuracy"</th>
                            <th scope="col" class="number">"Gap"</th>
                            {before}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    };
    let (open, folded) = groups.split_at(groups.len().min(OPEN_MAX));
    let rest = (!folded.is_empty()).then(|| {
        let caption = format!("{heading}, the smaller ones.");
        view! {
            <details>
                <summary>{format!("{} more, each smaller", folded.len())}</summary>
                {table(rows(folded).into_any(), caption)}
            </details>
        }
    });
    let files = downloads(
        grouping.name(),
        &link::charts(run),
        &link::run(run, &[&last.label]),
    );
    view! {
        <div class="part">
            <h3>{heading.clone()}</h3>
            {table(rows(open).into_any(), format!("{heading}: n, mean confidence, accuracy and gap of {}.", last.label))}
            {rest}
            {files}
        </div>
    }
    .into_any()
}

/// `before` is the same group of the evaluation before, where it has answers enough.
fn row(group: &AnswerGroup, has_before: bool, before: Option<&AnswerGroup>) -> AnyView {
    let few = group.n < JUDGED_MIN;
    let (low, high) = group.interval();
    let (gap, gap_low, gap_high) = group.gap();
    let bar = group::svg(group.mean_confidence, group.accuracy(), (low, high));
    let reason = few.then(|| {
        view! { <span class="minor">{format!("n < {JUDGED_MIN}: too few to judge")}</span> }
    });
    // Chance alone does not explain it.
    let class = match (few, gap_low > 0.0, gap_high < 0.0) {
        (false, true, _) => "number surer",
        (false, _, true) => "number less-sure",
        _ => "number",
    };
    let before = has_before.then(|| {
        let words = before.map_or_else(
            || "–".to_owned(),
            |before| format::signed(before.gap().0, 2),
        );
        view! { <td class="number">{words}</td> }
    });
    view! {
        <tr class=few.then_some("few")>
            <th scope="row">{format::foreign(&group.name)}{reason}</th>
            <td class="number">{format::count(group.n)}</td>
            <td><span class="bar" inner_html=bar></span></td>
            <td class="number">{format::fixed(group.mean_confidence, 2)}</td>
            <td class="number">
                {format::fixed(group.accuracy(), 2)}
                <span class="range">{[format::fixed(low, 2), format::fixed(high, 2)].join(" to ")}</span>
            </td>
            <td class=class>
                {format::signed(gap, 2)}
                <span class="range">{[format::signed(gap_low, 2), format::signed(gap_high, 2)].join(" to ")}</span>
            </td>
            {before}
        </tr>
    }
    .into_any()
}
