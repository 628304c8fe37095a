//! Where a run stands, in a word or a box.

use crate::island::progress::Progress;
use crate::link;
use crate::pages::words::Notice;
use crate::view::{RunState, RunSummary};
use leptos::prelude::*;

/// A word for lists.
#[component]
pub fn StateBadge(state: RunState, recorded: bool) -> impl IntoView {
    let (class, word) = match state {
        RunState::Waiting => ("waiting", "waiting"),
        RunState::Running { .. } => ("running", "running"),
        RunState::Finished if recorded => ("finished", "recorded"),
        RunState::Finished => ("finished", "finished"),
        RunState::Failed { .. } => ("failed", "failed"),
        RunState::Damaged { .. } => ("damaged", "damaged"),
    };
    view! { <span class=["badge ", class].concat()>{word}</span> }
}

/// The live bar of a run that waits or runs.
#[component]
pub fn LiveProgress(run: RunSummary) -> impl IntoView {
    view! { <Progress state=run.state address=link::events(&run.id) name=run.title /> }
}

/// What a person should know or do about the run's state; nothing where it is finished.
#[component]
pub fn StateNotice(run: RunSummary) -> impl IntoView {
    match run.state.clone() {
        RunState::Finished => ().into_any(),
        RunState::Waiting | RunState::Running { .. } => view! {
            <section class="live" aria-label="Progress">
                <LiveProgress run=run />
            </section>
        }
        .into_any(),
        RunState::Failed { stage, error } => view! {
            <Notice kind="error" title=format!("The stage {stage} failed.") text=error />
            <p class="next">
                "What is done is kept. Mend the cause, then go on where it stopped: "
                <code>{format!("sayself run CONFIG.toml --out runs/{}", run.id)}</code>
            </p>
        }
        .into_any(),
        RunState::Damaged { error } => view! {
            <Notice kind="error" title="This run cannot be read.".into() text=error />
            <p class="next">
                "The other runs are not touched. Put the file right or move the directory away; a stage started again writes what is missing."
            </p>
        }
        .into_any(),
    }
}
