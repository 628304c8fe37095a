//! The reliability diagram with a choice of kind and bins.

use super::downloads::downloads;
use super::json;
use crate::chart::outcomes::{Binning, Outcomes};
use crate::chart::{Diagram as Kind, reliability};
use crate::choice::{BINS, BINS_FIRST, Choice};
use leptos::prelude::*;

/// The diagram, its choices and its table. `address` is the page's own, `charts` where its files are.
/// With scripts off, the kinds are links and the bins those of the address.
#[component]
pub fn Diagram(outcomes: Vec<Outcomes>, address: String, charts: String) -> impl IntoView {
    let choice = Choice::of(&address);
    let (kind, binning) = (choice.diagram, choice.binning());
    let levels = outcomes.iter().all(Outcomes::has_levels);
    let bins = choice.bins.unwrap_or(BINS_FIRST).to_string();
    let kinds = Kind::ALL
        .into_iter()
        .map(|one| {
            let there = Choice {
                diagram: one,
                ..choice
            };
            let current = (kind == one).then_some("true");
            view! {
                <li>
                    <a href=there.address(&address) data-diagram=one.name() aria-current=current>
                        {name(one)}
                    </a>
                </li>
            }
        })
        .collect_view();
    // The bins do nothing before the browser has taken over; their place is kept, so that nothing
    // moves.
    view! {
        <div class="diagram" data-island="diagram" data-outcomes=json(&outcomes)>
            <nav class="kinds" aria-label="Kind of diagram">
                <ul>{kinds}</ul>
            </nav>
            <div class="drawing" inner_html=reliability::drawn(&outcomes, kind, binning, "reliability")></div>
            <fieldset class="bins" disabled>
                <legend>"Dots"</legend>
                <label>
                    <input type="radio" name="bins" class="stated" checked=binning == Binning::Stated />
                    {if levels { "by level" } else { "as stated" }}
                </label>
                <label>
                    <input type="radio" name="bins" class="width" checked=binning != Binning::Stated />
                    "bins of equal width: " <output>{bins.clone()}</output>
                </label>
                <input
                    type="range"
                    aria-label="Number of bins"
                    min=BINS.start().to_string()
                    max=BINS.end().to_string()
                    value=bins
                />
            </fieldset>
            <p class="caption">{kind.caption()}</p>
            <details class="numbers">
                <summary>"The diagram as a table"</summary>
                <div
                    class="scroll"
                    tabindex="0"
                    role="region"
                    aria-label="Reliability table"
                    inner_html=reliability::table_of(&outcomes, kind, binning)
                ></div>
            </details>
            {downloads("reliability", &charts, &address)}
        </div>
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Corp => "Curve and band",
        Kind::Levels => "By level",
        Kind::Smooth => "Smooth",
    }
}
