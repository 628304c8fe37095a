//! The reliability diagram with a choice of kind and bins, redrawn in the browser by the code that drew
//! it on the server.

use super::address::{Step, change, when_gone_back};
use super::downloads::{downloads, file};
use crate::chart::outcomes::{Binning, Outcomes};
use crate::chart::{Diagram as Kind, reliability};
use crate::choice::{BINS, Choice};
use leptos::prelude::*;

/// Bins before the slider was moved.
const BINS_FIRST: u32 = 10;

/// The diagram, its choices and its table. `address` is the page's own, `charts` where its files are.
/// With scripts off, the kinds are links and the bins those of the address.
#[island]
pub fn Diagram(outcomes: Vec<Outcomes>, address: String, charts: String) -> impl IntoView {
    let (choice, set_choice) = signal(Choice::of(&address));
    // The bins do nothing before the browser has taken over; their place is kept, so that nothing
    // moves.
    let (alive, set_alive) = signal(false);
    Effect::new(move |_| set_alive.set(true));
    when_gone_back(move |choice| set_choice.set(choice));
    let kind = move || choice.get().diagram;
    let binning = move || choice.get().binning();
    let bins = move || choice.get().bins.unwrap_or(BINS_FIRST);
    let set_bins = move |bins: Option<u32>| {
        set_choice.update(|choice| choice.bins = bins);
        change(Step::InPlace, |choice| choice.bins = bins);
    };
    let slide = move |event| {
        if let Ok(bins) = event_target_value(&event).parse::<u32>() {
            set_bins(Some(bins.clamp(*BINS.start(), *BINS.end())));
        }
    };
    let usable = move || alive.get() && kind() != Kind::Smooth;
    let levels = outcomes.iter().all(Outcomes::has_levels);
    let kinds = Kind::ALL
        .into_iter()
        .map(|one| {
            let address = address.clone();
            let leads_to = move || {
                let choice = Choice {
                    diagram: one,
                    ..choice.get()
                };
                choice.address(&address)
            };
            let choose = move |event: leptos::ev::MouseEvent| {
                // Another tab or window is the browser's affair.
                if event.ctrl_key() || event.meta_key() || event.shift_key() {
                    return;
                }
                event.prevent_default();
                set_choice.update(|choice| choice.diagram = one);
                change(Step::Forward, |choice| choice.diagram = one);
            };
            let current = move || (kind() == one).then_some("true");
            view! { <li><a href=leads_to aria-current=current on:click=choose>{name(one)}</a></li> }
        })
        .collect_view();
    let files = {
        let address = address.clone();
        move |ending: &str| {
            file(
                &charts,
                "reliability",
                ending,
                &choice.get().address(&address),
            )
        }
    };
    let (drawn, tabled) = (outcomes.clone(), outcomes);
    view! {
        <div class="diagram">
            <nav class="kinds" aria-label="Kind of diagram">
                <ul>{kinds}</ul>
            </nav>
            <div class="drawing" inner_html=move || reliability::drawn(&drawn, kind(), binning(), "reliability")></div>
            <fieldset class="bins" class:alive=usable disabled=move || !usable()>
                <legend>"Dots"</legend>
                <label>
                    <input
                        type="radio"
                        name="bins"
                        checked=choice.get_untracked().bins.is_none()
                        prop:checked=move || binning() == Binning::Stated
                        on:change=move |_| set_bins(None)
                    />
                    {if levels { "by level" } else { "as stated" }}
                </label>
                <label>
                    <input
                        type="radio"
                        name="bins"
                        checked=choice.get_untracked().bins.is_some()
                        prop:checked=move || binning() != Binning::Stated
                        on:change=move |_| set_bins(Some(bins()))
                    />
                    "bins of equal width: "
                    <output>{move || bins().to_string()}</output>
                </label>
                <input
                    type="range"
                    aria-label="Number of bins"
                    min=BINS.start().to_string()
                    max=BINS.end().to_string()
                    value=choice.get_untracked().bins.unwrap_or(BINS_FIRST).to_string()
                    prop:value=move || bins().to_string()
                    on:input=slide
                />
            </fieldset>
            <p class="caption">{move || kind().caption()}</p>
            <details class="numbers">
                <summary>"The diagram as a table"</summary>
                <div
                    class="scroll"
                    tabindex="0"
                    role="region"
                    aria-label="Reliability table"
                    inner_html=move || reliability::table_of(&tabled, kind(), binning())
                ></div>
            </details>
            {downloads("reliability", files)}
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
