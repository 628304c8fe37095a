//! Jobs: the queue, one job, and the form for a new one.

pub mod field;
pub mod job;
pub mod new;
pub mod queue;

use crate::format;
use crate::view::{Job, JobState};
use leptos::prelude::*;

/// A job's state in a word.
fn badge(state: JobState) -> AnyView {
    view! { <span class=["badge ", state.word()].concat()>{state.word()}</span> }.into_any()
}

/// What a job does, as its title: `All stages of demo`, `sft of demo`.
fn title(job: &Job) -> String {
    match job.stage.as_str() {
        "run" => format!("All stages of {}", job.run),
        stage => format!("{stage} of {}", job.run),
    }
}

/// Where its stage ends, in words.
fn stage_words(stage: &str) -> String {
    match stage {
        "run" => "all stages".to_owned(),
        stage => format!("until {stage}"),
    }
}

/// A moment of the database's clock; nothing where there is none.
fn moment(milliseconds: Option<i64>) -> Option<String> {
    let milliseconds = u64::try_from(milliseconds?).ok()?;
    Some(format::moment(milliseconds))
}

/// How long an attempt that is over took.
fn took(job: &Job) -> Option<String> {
    let (start, end) = job.started_ms.zip(job.ended_ms)?;
    let milliseconds = end.checked_sub(start).filter(|span| *span >= 0)?;
    Some(format::duration(milliseconds as f64 / 1_000.0))
}

/// Words with `code` between backticks set as code.
fn prose(text: &str) -> AnyView {
    let parts = text.split('`').enumerate();
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(index, part)| {
            let part = format::foreign(part);
            if index % 2 == 1 {
                view! { <code>{part}</code> }.into_any()
            } else {
                view! { <span>{part}</span> }.into_any()
            }
        })
        .collect_view()
        .into_any()
}
