//! The reliability diagram with a choice of bins, redrawn in the browser by the code that drew it on
//! the server.

use crate::chart::outcomes::{Binning, Outcomes};
use crate::chart::reliability;
use leptos::prelude::*;

/// Bins of equal width that the slider offers.
const BINS: std::ops::RangeInclusive<u32> = 2..=40;

/// The diagram, its choice of bins and its table. With scripts off, the diagram and the table of the
/// stated bins.
#[island]
pub fn Diagram(outcomes: Vec<Outcomes>) -> impl IntoView {
    let (binning, set_binning) = signal(Binning::Stated);
    // The choice does nothing before the browser has taken over; its place is kept, so that nothing
    // moves.
    let (alive, set_alive) = signal(false);
    Effect::new(move |_| set_alive.set(true));
    let bins = move || match binning.get() {
        Binning::Stated => 10,
        Binning::Width(bins) => bins,
    };
    let slide = move |event| {
        if let Ok(bins) = event_target_value(&event).parse::<u32>() {
            set_binning.set(Binning::Width(bins.clamp(*BINS.start(), *BINS.end())));
        }
    };
    let levels = outcomes.iter().all(Outcomes::has_levels);
    let (drawn, tabled) = (outcomes.clone(), outcomes);
    view! {
        <div class="diagram">
            <div class="drawing" inner_html=move || reliability::svg(&drawn, binning.get(), "reliability")></div>
            <fieldset class="bins" class:alive=alive disabled=move || !alive.get()>
                <legend>"Dots"</legend>
                <label>
                    <input
                        type="radio"
                        name="bins"
                        checked
                        prop:checked=move || binning.get() == Binning::Stated
                        on:change=move |_| set_binning.set(Binning::Stated)
                    />
                    {if levels { "by level" } else { "as stated" }}
                </label>
                <label>
                    <input
                        type="radio"
                        name="bins"
                        prop:checked=move || binning.get() != Binning::Stated
                        on:change=move |_| set_binning.set(Binning::Width(bins()))
                    />
                    "bins of equal width: "
                    <output>{move || bins().to_string()}</output>
                </label>
                <input
                    type="range"
                    aria-label="Number of bins"
                    min=BINS.start().to_string()
                    max=BINS.end().to_string()
                    value="10"
                    on:input=slide
                />
            </fieldset>
            <details class="numbers">
                <summary>"The diagram as a table"</summary>
                <div
                    class="scroll"
                    tabindex="0"
                    role="region"
                    aria-label="Reliability table"
                    inner_html=move || reliability::table(&tabled, binning.get())
                ></div>
            </details>
        </div>
    }
}
