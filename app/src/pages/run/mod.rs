//! The Run page: can this model's confidence be trusted?

mod figures;
mod groups;
mod learning;
mod numbers;
mod origin;
mod records;
mod selective;
mod sentence;

use crate::chart::measured::Measured;
use crate::choice::Choice;
use crate::document::Frame;
use crate::drawn;
use crate::format;
use crate::link;
use crate::pages::state::{StateBadge, StateNotice};
use crate::pages::words::{Notice, Trail};
use crate::view::{Published, RunDetail, RunState, RunSummary};
use leptos::prelude::*;
use std::sync::Arc;

/// Answers below which a diagram shows chance more than calibration.
const SMALL: u64 = 100;

/// `path` is the page's own address: it says how the charts are drawn.
pub fn frame(detail: RunDetail, path: &str) -> Frame {
    let shown = drawn::shown(&detail);
    let downloads = !shown.is_empty() || !detail.directory.curves.is_empty();
    let islands = !shown.is_empty()
        || matches!(
            detail.summary.state,
            RunState::Running { .. } | RunState::Waiting
        );
    let title = detail.summary.title.clone();
    let address = address(&detail, path);
    let outcomes = drawn::outcomes(&detail);
    let choice = Choice::of(&address);
    let body = view! {
        <Trail parts=vec![("Runs".to_owned(), "/".to_owned())] />
        <h1>{title.clone()}</h1>
        {facts(&detail.summary)}
        {sentence::lede(&shown)}
        <StateNotice run=detail.summary.clone() />
        {warnings(&shown)}
        {figures::section(&detail, &shown, &outcomes, &address, choice)}
        {selective::section(&detail, &outcomes, &address)}
        {numbers::section(&detail, &shown)}
        {groups::section(&detail)}
        {learning::section(&detail)}
        {origin::section(&detail)}
        {records::section(&detail)}
        {detail.published.map(|published| publishing(&detail.summary.id, published))}
    };
    Frame {
        title,
        islands,
        downloads,
        body: body.into_any(),
    }
}

/// The page's address; where it is drawn elsewhere (an example), the run's own.
fn address(detail: &RunDetail, path: &str) -> String {
    let own = link::run(&detail.summary.id, &[]);
    let page = path.split('?').next().unwrap_or_default();
    if page == own { path.to_owned() } else { own }
}

fn facts(run: &RunSummary) -> AnyView {
    let started = run
        .started_ms
        .map(|moment| view! { <div><dt>"Started"</dt><dd>{format::moment(moment)}</dd></div> });
    view! {
        <dl class="facts">
            <div><dt>"Model"</dt><dd>{run.model.clone()}</dd></div>
            <div><dt>"Questions"</dt><dd>{run.questions.clone()}</dd></div>
            <div><dt>"Method"</dt><dd>{run.method.clone()}</dd></div>
            {started}
            <div><dt>"State"</dt><dd><StateBadge state=run.state.clone() recorded=run.recorded /></dd></div>
        </dl>
    }
    .into_any()
}

/// Whether everybody may see it, and what changes that.
fn publishing(id: &str, published: Published) -> AnyView {
    let words = match published {
        Published { hidden: true, .. } => {
            "People are rating it: until that is over, only researchers and admins see it."
        }
        Published { recorded: true, .. } => "It is a recorded run: everybody may see it.",
        Published {
            published: true, ..
        } => "Everybody may see it.",
        _ => "Only researchers and admins see it.",
    };
    let form = (!published.recorded).then(|| {
        let (value, words) = match published.published {
            true => ("false", "Take it back"),
            false => ("true", "Publish it"),
        };
        view! {
            <form method="post" action=link::published(id)>
                <input type="hidden" name="published" value=value />
                <button type="submit">{words}</button>
            </form>
        }
    });
    view! {
        <section aria-labelledby="who-sees-it">
            <h2 id="who-sees-it">"Who sees it"</h2>
            <p>{words}</p>
            {form}
        </section>
    }
    .into_any()
}

fn warnings(shown: &[Arc<Measured>]) -> AnyView {
    let mut notices = Vec::new();
    for one in shown {
        let outcomes = &one.outcomes;
        let (n, right, label) = (outcomes.n(), outcomes.right(), &outcomes.label);
        if (1..SMALL).contains(&n) {
            let mut text = format!(
                "{label} has {}: read the intervals, not the dots.",
                format::counted(n, "answer")
            );
            if let Some((mean, high)) = one.null_ece {
                text.push_str(&format!(
                    " Even a perfectly calibrated model would show an ECE of about {} here, and up to {} by chance.",
                    format::fixed(mean, 3),
                    format::fixed(high, 3),
                ));
            }
            notices.push(view! { <Notice kind="warning" title="Few answers.".into() text=text /> });
        }
        if n > 0 && (right == 0 || right == n) {
            let text = format!(
                "All {} of {label} are {}: AUROC is not defined, and nothing can be said about telling right from wrong.",
                format::counted(n, "answer"),
                if right == 0 { "wrong" } else { "right" },
            );
            notices.push(
                view! { <Notice kind="warning" title="One outcome only.".into() text=text /> },
            );
        }
    }
    notices.collect_view().into_any()
}

/// The address of the answers behind a bar of this run.
fn bar_link(run: &str, label: &str) -> impl Fn(u8, bool) -> String {
    move |bin, correct| link::answers(run, label, Some(bin), Some(correct), None)
}
