//! What the run said on its way.

use crate::format;
use crate::view::{RunDetail, RunState};
use leptos::prelude::*;

pub fn section(detail: &RunDetail) -> AnyView {
    // While it runs or after it failed, the log is what one looks for.
    let open = !matches!(detail.summary.state, RunState::Finished);
    let log = if detail.log.is_empty() {
        view! { <p class="minor">"No event yet."</p> }.into_any()
    } else {
        let lines = detail
            .log
            .iter()
            .map(|line| view! { <li>{format::foreign(line)}</li> })
            .collect_view();
        // The role stands on a box of its own: on the list itself it would make its lines orphans.
        view! { <div class="log" tabindex="0" role="region" aria-label="Log"><ol>{lines}</ol></div> }
            .into_any()
    };
    view! {
        <section aria-labelledby="records">
            <h2 id="records">"How it came about"</h2>
            <details open=open>
                <summary>"Log, newest last"</summary>
                {log}
            </details>
        </section>
    }
    .into_any()
}
