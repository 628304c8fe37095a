//! The list of runs.

mod empty;
mod filters;
mod table;

use crate::document::Frame;
use crate::format;
use crate::link;
use crate::medium::medium;
use crate::view::{RunState, RunsPage, Viewer};
use leptos::prelude::*;

pub fn frame(page: RunsPage, viewer: Viewer) -> Frame {
    let islands = page.rows.iter().any(|row| moves(&row.run.state));
    // A list without a run has nothing to narrow.
    let has_filters = page.total > 0 && !medium().is_files();
    let filters = has_filters.then(|| filters::form(&page));
    let list = if page.rows.is_empty() {
        empty::nothing(&page, viewer)
    } else {
        table::section(&page)
    };
    let body = view! {
        <div class="heading">
            <h1>"Runs"</h1>
            {how_many(&page)}
        </div>
        {filters}
        {list}
        {pages(&page)}
    };
    Frame {
        title: "Runs".into(),
        islands,
        downloads: false,
        body: body.into_any(),
    }
}

/// Whether a run's state changes while one looks at it.
fn moves(state: &RunState) -> bool {
    matches!(state, RunState::Running { .. } | RunState::Waiting)
}

fn how_many(page: &RunsPage) -> AnyView {
    if page.total == 0 {
        return ().into_any();
    }
    let words = if page.choice.is_narrowed() {
        format!(
            "{} of {}",
            format::count(page.matching),
            format::counted(page.total, "run")
        )
    } else {
        format::counted(page.total, "run")
    };
    view! { <p class="how-many">{words}</p> }.into_any()
}

/// Where one is in the list, and the ways on.
fn pages(page: &RunsPage) -> AnyView {
    let shown = page.rows.len() as u64;
    if shown == 0 || (page.next.is_none() && page.after.is_none()) {
        return ().into_any();
    }
    let place = format!(
        "{} to {} of {}",
        format::count(page.before + 1),
        format::count(page.before + shown),
        format::count(page.matching)
    );
    let first = page
        .after
        .is_some()
        .then(|| view! { <a rel="first" href=link::runs(&page.choice, None)>"First runs"</a> });
    let next = page.next.as_deref().map(|cursor| {
        view! { <a rel="next" href=link::runs(&page.choice, Some(cursor))>"More runs"</a> }
    });
    view! {
        <nav class="pages" aria-label="Pages of the list">
            <span>{place}</span>
            {first}
            {next}
        </nav>
    }
    .into_any()
}
