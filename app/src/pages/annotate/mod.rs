//! Annotation: what one can rate, the rating itself, and the projects.

pub mod agreement;
mod field;
pub mod home;
mod invite;
mod members;
pub mod new;
pub mod project;
pub mod work;

use crate::format;
use crate::view::{ProjectState, WorkStanding};
use datasets::annotation::{ProjectKind, WorkProgress};
use leptos::prelude::*;

/// A project's state in a word.
fn badge(state: ProjectState) -> AnyView {
    let class = match state {
        ProjectState::Draft => "badge",
        ProjectState::Open => "badge running",
        ProjectState::Paused => "badge paused",
        ProjectState::Closed => "badge finished",
    };
    view! { <span class=class>{state.word()}</span> }.into_any()
}

fn kind_words(kind: ProjectKind) -> &'static str {
    match kind {
        ProjectKind::Single => "one rationale at a time, 0 to 10",
        ProjectKind::Pairs => "two rationales side by side",
    }
}

/// How far one person is, in words: `You rated 12 and skipped 1.`
fn own_words(progress: &WorkProgress) -> String {
    let rated = format::counted(progress.own_rated, "item");
    match progress.own_skipped {
        0 if progress.own_rated == 0 => "You have rated none yet.".to_owned(),
        0 => format!("You rated {rated}."),
        some => format!("You rated {rated} and skipped {}.", format::count(some)),
    }
}

/// How far all are.
fn all_words(progress: &WorkProgress) -> String {
    format!(
        "All together: {} of {}",
        format::count(progress.rated),
        format::counted(progress.wanted, "rating")
    )
}

/// What an annotator can do next: words for a link, or for a state without one.
fn standing_words(standing: WorkStanding) -> (&'static str, bool) {
    match standing {
        WorkStanding::Consent => ("Read what it is about", true),
        WorkStanding::Training => ("Go on with the training", true),
        WorkStanding::Ready => ("Rate", true),
        WorkStanding::NothingLeft => ("Nothing is left for you now", false),
        WorkStanding::Refused => ("The training was not passed", false),
        WorkStanding::Waiting => ("Paused by those who run it", false),
        WorkStanding::Paused => ("Go on where you paused", true),
        WorkStanding::Closed => ("Closed. Thank you!", false),
        WorkStanding::Withdrawn => ("You withdrew from it", false),
    }
}

/// A number of milliseconds of somebody's time: `1 h 12 min`.
fn time_words(milliseconds: u64) -> String {
    format::duration(milliseconds as f64 / 1_000.0)
}
