//! The Compare page: is one evaluation's confidence better than another's, and on which questions?

mod changes;
mod choose;
mod differences;
mod figures;

use crate::chart::overlay::sample;
use crate::document::Frame;
use crate::drawn::compared::{Chart, named, series};
use crate::format;
use crate::island::downloads::downloads;
use crate::link::{self, Comparing};
use crate::medium::medium;
use crate::pages::words::{Notice, Trail};
use crate::view::{COMPARED_MIN, Change, ComparedEvaluation, Comparison};
use leptos::prelude::*;

/// Questions below which a comparison shows chance more than a difference.
const SMALL: u64 = 100;

pub fn frame(comparison: Comparison) -> Frame {
    let is_compared = comparison.entries.len() >= COMPARED_MIN;
    let title = match is_compared {
        true => format!("Compare {} evaluations", comparison.entries.len()),
        false => "Compare runs".to_owned(),
    };
    let body = if !is_compared {
        view! {
            <Trail parts=vec![("Runs".to_owned(), "/".to_owned())] />
            <h1>{title.clone()}</h1>
            {left_out(&comparison)}
            {choose::first(&comparison)}
        }
        .into_any()
    } else {
        view! {
            <Trail parts=vec![("Runs".to_owned(), "/".to_owned())] />
            <h1>{title.clone()}</h1>
            {differences::lede(&comparison)}
            {left_out(&comparison)}
            {warnings(&comparison)}
            {legend(&comparison)}
            {figures::section(&comparison)}
            {differences::section(&comparison)}
            {changes::section(&comparison)}
            {choose::again(&comparison)}
        }
        .into_any()
    };
    Frame {
        title,
        islands: false,
        downloads: is_compared,
        body,
    }
}

/// The entries of the address, as [`link::compare_with`] takes them.
fn entries(comparison: &Comparison) -> Vec<&str> {
    let of_all = comparison.entries.iter();
    of_all.map(|one| one.entry.as_str()).collect()
}

/// The address of what is compared, and of the one list of changed questions where it is chosen.
fn address(comparison: &Comparison, change: Option<Change>) -> String {
    let entries = entries(comparison);
    let comparing = Comparing {
        base: entries.get(comparison.base).copied(),
        with: entries.get(comparison.with).copied(),
        change: change.map(Change::name),
    };
    link::compare_with(&entries, &comparing)
}

fn files(comparison: &Comparison, chart: Chart) -> Option<AnyView> {
    downloads(
        chart.name(),
        link::compare_charts(),
        &address(comparison, None),
    )
}

fn left_out(comparison: &Comparison) -> AnyView {
    comparison
        .left_out
        .iter()
        .map(|one| {
            let title = format!("{} is left out.", format::foreign(&one.name));
            view! { <Notice kind="warning" title=title text=format::foreign(&one.reason) /> }
        })
        .collect_view()
        .into_any()
}

fn warnings(comparison: &Comparison) -> AnyView {
    let mut notices: Vec<(String, String)> = Vec::new();
    let entries = &comparison.entries;
    if entries.iter().any(|one| one.n != comparison.shared_by_all) {
        let ns: Vec<String> = (0..entries.len())
            .map(|place| {
                let n = format::count(entries[place].n);
                format!("{} {n}", named(comparison, place))
            })
            .collect();
        notices.push((
            "They did not answer the same questions.".into(),
            format!(
                "Answers: {}; questions that all answered: {}. Curves and histograms are of each one's own answers, so they may differ because the questions do. Paired differences and changes are of the questions that both answered.",
                ns.join(", "),
                format::count(comparison.shared_by_all),
            ),
        ));
    }
    for pair in &comparison.pairs {
        let (base, other) = (
            named(comparison, comparison.base),
            named(comparison, pair.entry),
        );
        match pair.n {
            0 => notices.push((
                format!("{base} and {other} share no question."),
                "Nothing can be compared question by question; the curves can be looked at side by side.".into(),
            )),
            n if n < SMALL => notices.push((
                "Few questions.".into(),
                format!(
                    "{base} and {other} share {}: read the intervals, not the values.",
                    format::counted(n, "question")
                ),
            )),
            _ => {}
        }
    }
    for (place, one) in entries.iter().enumerate() {
        let name = named(comparison, place);
        let right: u64 = one.tallies.iter().map(|(_, right, _)| right).sum();
        let all: u64 = one
            .tallies
            .iter()
            .map(|(_, right, wrong)| right + wrong)
            .sum();
        if all > 0 && (right == 0 || right == all) {
            notices.push((
                "One outcome only.".into(),
                format!(
                    "All answers of {name} are {}: AUROC is not defined.",
                    if right == 0 { "wrong" } else { "right" }
                ),
            ));
        }
        if one.is_cut {
            notices.push((
                "Not all answers.".into(),
                format!(
                    "Of {name} the first {} were read.",
                    format::counted(one.n, "answer")
                ),
            ));
        }
        if one.bad_lines > 0 {
            notices.push((
                "A damaged file.".into(),
                format!(
                    "{} of the answers of {name} cannot be read and are left out.",
                    format::counted(one.bad_lines, "line")
                ),
            ));
        }
    }
    notices
        .into_iter()
        .map(|(title, text)| view! { <Notice kind="warning" title=format::foreign(&title) text=format::foreign(&text) /> })
        .collect_view()
        .into_any()
}

/// Which letter, line and colour is which, with what can be done to each.
fn legend(comparison: &Comparison) -> AnyView {
    let items = comparison
        .entries
        .iter()
        .enumerate()
        .map(|(place, one)| item(comparison, place, one))
        .collect_view();
    view! { <ol class="series" aria-label="What is compared">{items}</ol> }.into_any()
}

fn item(comparison: &Comparison, place: usize, one: &ComparedEvaluation) -> AnyView {
    let series = series(place);
    let entries = entries(comparison);
    let name = one.name(&comparison.entries);
    let act = if place == comparison.base {
        view! { <span class="minor">"the base: the others are compared with it"</span> }.into_any()
    } else if medium().is_files() {
        ().into_any()
    } else {
        let comparing = Comparing {
            base: Some(&one.entry),
            ..Comparing::default()
        };
        let address = link::compare_with(&entries, &comparing);
        let remove = (entries.len() > COMPARED_MIN).then(|| {
            let kept: Vec<&str> = entries
                .iter()
                .copied()
                .filter(|entry| *entry != one.entry)
                .collect();
            let comparing = Comparing {
                base: entries.get(comparison.base).copied(),
                ..Comparing::default()
            };
            view! {
                <a href=link::compare_with(&kept, &comparing)>
                    "Remove"
                    <span class="unseen">" " {name.clone()}</span>
                </a>
            }
        });
        view! {
            <span class="acts">
                <a href=address>
                    "Make it the base"
                    <span class="unseen">": " {name.clone()}</span>
                </a>
                {remove}
            </span>
        }
        .into_any()
    };
    let failures = (one.failures > 0).then(|| {
        format!(
            ", {} without a readable confidence",
            format::count(one.failures)
        )
    });
    view! {
        <li>
            <span class="line" inner_html=sample(series)></span>
            <strong>{series.letter}</strong>
            <span class="what">
                <a href=link::run(&one.run, &[&one.label])>{format::foreign(&name)}</a>
                <span class="minor">
                    {format::foreign(&one.title)} ", " {one.model.clone()} " on " {one.questions.clone()} ", n = "
                    {format::count(one.n)} {failures}
                </span>
                {act}
            </span>
        </li>
    }
    .into_any()
}
