//! The clusters of a question's samples at a threshold that the visitor moves: computed here from the
//! stored merge heights, without asking the server.

use crate::link;
use crate::regroup::{Sampled, words};
use leptos::prelude::*;

/// Steps of the slider, in millionths.
const STEP: i32 = 5_000;
const MAX: i32 = 1_000_000;

/// The slider, the clusters in words, and their table. With scripts off, a field and a button that ask
/// the server. `stored` and `chosen` are thresholds in millionths; `address` is the page's.
#[island]
pub fn Threshold(sampled: Sampled, stored: i32, chosen: i32, address: String) -> impl IntoView {
    let (threshold, set_threshold) = signal(chosen);
    let (alive, set_alive) = signal(false);
    Effect::new(move |_| set_alive.set(true));
    let kept = address.clone();
    let choose = move |text: String| {
        if let Some(typed) = link::millionths(&text) {
            set_threshold.set(typed);
        }
    };
    // The address follows once the slider rests: browsers refuse hundreds of changes in a few seconds.
    let keep = move |text: String| {
        if let Some(typed) = link::millionths(&text) {
            set_threshold.set(typed);
            keep_address(&if typed == stored {
                kept.clone()
            } else {
                [&kept, "?threshold=", &link::threshold_text(typed)].concat()
            });
        }
    };
    let keep_slid = keep.clone();
    let action = address.clone();
    let (told, heard, drawn) = (sampled.clone(), sampled.clone(), sampled);
    view! {
        <div class="threshold">
            <form method="get" action=action>
                <label for="threshold">"Cosine similarity above"</label>
                <input
                    id="threshold"
                    type="number"
                    name="threshold"
                    min="-1"
                    max="1"
                    step="any"
                    required
                    value=link::threshold_text(chosen)
                    prop:value=move || link::threshold_text(threshold.get())
                    on:change=move |event| keep(event_target_value(&event))
                />
                <button class:alive=alive>"Show"</button>
                <a class="stored" href=address hidden=move || threshold.get() == stored>
                    {["back to the stored ", &link::threshold_text(stored)].concat()}
                </a>
            </form>
            <div class="slide" class:alive=alive>
                <input
                    type="range"
                    aria-label="Threshold"
                    min="0"
                    max="1"
                    step=link::threshold_text(STEP)
                    list="stored-threshold"
                    disabled=move || !alive.get()
                    value=link::threshold_text(chosen.clamp(0, MAX))
                    aria-valuetext=move || words(threshold.get(), &heard.groups_at(threshold.get()))
                    prop:value=move || link::threshold_text(threshold.get().clamp(0, MAX))
                    on:input=move |event| choose(event_target_value(&event))
                    on:change=move |event| keep_slid(event_target_value(&event))
                />
                <datalist id="stored-threshold">
                    <option value=link::threshold_text(stored)></option>
                </datalist>
            </div>
            <p class="words">
                {move || words(threshold.get(), &told.groups_at(threshold.get()))}
                <span class="minor">
                    {move || if threshold.get() == stored { "as stored" } else { "moved: measures and rationales below keep to the stored clusters" }}
                </span>
            </p>
            <div class="scroll" tabindex="0" role="region" aria-label="Samples by cluster" inner_html=move || drawn.table(&drawn.groups_at(threshold.get()))></div>
        </div>
    }
}

/// Puts an address into the browser's bar in the place of the present one; on the server it is there.
#[cfg(not(feature = "hydrate"))]
fn keep_address(_address: &str) {}

#[cfg(feature = "hydrate")]
fn keep_address(address: &str) {
    use wasm_bindgen::prelude::*;

    let replace = || -> Option<JsValue> {
        let history = js_sys::Reflect::get(&js_sys::global(), &"history".into()).ok()?;
        let function = js_sys::Reflect::get(&history, &"replaceState".into()).ok()?;
        let function: js_sys::Function = function.dyn_into().ok()?;
        // A browser that refuses (too many in a short time) leaves the bar as it is.
        function
            .call3(&history, &JsValue::NULL, &"".into(), &address.into())
            .ok()
    };
    let _ = replace();
}
