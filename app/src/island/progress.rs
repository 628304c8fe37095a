//! The bar of a run that moves, as it stands; the browser keeps it up to date over SSE.

use crate::progress::Shown;
use crate::view::RunState;
use leptos::prelude::*;

/// A progress bar that follows `address` (SSE, each message a [`RunState`]) and hears its messages
/// named `event`, or those without a name. Bars of one address share one stream.
#[component]
pub fn Progress(
    state: RunState,
    address: String,
    #[prop(optional)] event: Option<String>,
    name: String,
) -> impl IntoView {
    let shown = Shown::new(&state);
    view! {
        <div class="progress" data-island="progress" data-address=address data-event=event>
            <progress
                max="1000"
                aria-label=["Progress of ", &name].concat()
                value=shown.per_mille.map(|value| value.to_string())
            ></progress>
            <span class="line">{shown.line}</span>
            <span class="unseen" role="status" aria-live="polite">{shown.spoken}</span>
            <a class="reload" href="" hidden=!shown.over>"Show the results"</a>
        </div>
    }
}
