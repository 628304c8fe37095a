//! Who rates in a project and how well, and what its items are.

use super::time_words;
use crate::format;
use crate::view::{MemberRow, ProjectDetail, StratumRow};
use datasets::annotation::{ItemKind, ProjectKind};
use leptos::prelude::*;

pub fn members(detail: &ProjectDetail) -> AnyView {
    if detail.members.is_empty() {
        return view! {
            <section aria-labelledby="members">
                <h2 id="members">"Annotators"</h2>
                <p>"Nobody takes part yet: invite by a link."</p>
            </section>
        }
        .into_any();
    }
    let rows = detail
        .members
        .iter()
        .map(|member| member_row(member, detail.row.kind))
        .collect_view();
    let repeats = match detail.row.kind {
        ProjectKind::Single => "Rated twice: apart by",
        ProjectKind::Pairs => "Rated twice: the same",
    };
    view! {
        <section aria-labelledby="members">
            <h2 id="members">"Annotators"</h2>
            <div class="scroll" tabindex="0" role="region" aria-label="Annotators as a table">
                <table class="members">
                    <caption><span>"Active time counts while the page is in view and somebody is at it."</span></caption>
                    <thead>
                        <tr>
                            <th scope="col">"Annotator"</th>
                            <th scope="col" class="number">"Rated"</th>
                            <th scope="col" class="number">"Skipped"</th>
                            <th scope="col" class="number">"Known items right"</th>
                            <th scope="col" class="number">"Attention right"</th>
                            <th scope="col" class="number">{repeats}</th>
                            <th scope="col" class="number">"Active time"</th>
                            <th scope="col" class="number">"Median an item"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn member_row(member: &MemberRow, kind: ProjectKind) -> AnyView {
    let of = |right: u64, all: u64| match all {
        0 => "–".to_owned(),
        all => format!("{} of {}", format::count(right), format::count(all)),
    };
    let repeats = match (member.repeat_agreement, kind) {
        (Some(value), ProjectKind::Single) => {
            format!("{} (n = {})", format::fixed(value, 1), member.repeats)
        }
        (Some(value), ProjectKind::Pairs) => {
            format!("{} (n = {})", format::percent(value), member.repeats)
        }
        (None, _) => "–".to_owned(),
    };
    view! {
        <tr>
            <th scope="row">
                {format::foreign(&member.annotator)}
                <span class="minor">{format::foreign(&member.state)}</span>
            </th>
            <td class="number" data-name="Rated">{format::count(member.rated)}</td>
            <td class="number" data-name="Skipped">{format::count(member.skipped)}</td>
            <td class="number" data-name="Known items right">{of(member.gold_right, member.gold)}</td>
            <td class="number" data-name="Attention right">{of(member.attention_right, member.attention)}</td>
            <td class="number" data-name="Rated twice">{repeats}</td>
            <td class="number" data-name="Active time">{time_words(member.active_ms)}</td>
            <td class="number" data-name="Median an item">{time_words(member.active_ms_median)}</td>
        </tr>
    }
    .into_any()
}

pub fn items(detail: &ProjectDetail) -> AnyView {
    let kinds: Vec<String> = detail
        .kinds
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{} {}", format::count(*count), item_words(*kind)))
        .collect();
    let mut strata: Vec<&StratumRow> = detail.strata.iter().collect();
    strata.sort_by_key(|row| in_order(&row.stratum));
    let rows = strata.into_iter().map(stratum_row).collect_view();
    let table = (!detail.strata.is_empty()).then(|| {
        view! {
            <div class="scroll" tabindex="0" role="region" aria-label="Items by stratum">
                <table class="strata">
                    <thead>
                        <tr>
                            <th scope="col">"Stratum"</th>
                            <th scope="col" class="number">"Items"</th>
                            <th scope="col" class="number">"Ratings"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    });
    view! {
        <section aria-labelledby="items">
            <h2 id="items">"Items"</h2>
            <p>{[&kinds.join(", "), "."].concat()}</p>
            {table}
        </section>
    }
    .into_any()
}

fn item_words(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Main => "to be rated",
        ItemKind::Training => "for training",
        ItemKind::Gold => "whose rating is known",
        ItemKind::Attention => "for attention",
    }
}

/// Its words, with numbers in the order of numbers: `confidence 2` stands before `confidence 10`.
fn in_order(stratum: &str) -> Vec<(u64, &str)> {
    let words = stratum.split(' ');
    words
        .map(|word| (word.parse().unwrap_or(0), word))
        .collect()
}

fn stratum_row(row: &StratumRow) -> AnyView {
    view! {
        <tr>
            <th scope="row">{format::foreign(&row.stratum)}</th>
            <td class="number">{format::count(row.items)}</td>
            <td class="number">{format::count(row.rated)}</td>
        </tr>
    }
    .into_any()
}
