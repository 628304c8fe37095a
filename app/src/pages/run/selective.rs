//! Answering only what is sure.

use crate::chart::Outcomes;
use crate::island::selective::Selective;
use crate::link;
use crate::view::RunDetail;
use leptos::prelude::*;

/// `outcomes` are those that are drawn, `address` is the page's own.
pub fn section(detail: &RunDetail, outcomes: &[Outcomes], address: &str) -> AnyView {
    if outcomes.iter().all(|one| one.n() == 0) {
        return ().into_any();
    }
    // The curves of the diagram are not needed here: the page carries them once.
    let counted: Vec<Outcomes> = outcomes
        .iter()
        .map(|one| Outcomes {
            label: one.label.clone(),
            tallies: one.tallies.clone(),
            ..Outcomes::default()
        })
        .collect();
    view! {
        <section aria-labelledby="selective">
            <h2 id="selective">"What if it answers only when it is sure?"</h2>
            <Selective outcomes=counted address=address.to_owned() charts=link::charts(&detail.summary.id) />
        </section>
    }
    .into_any()
}
