//! The clusters of a question's samples at a threshold that the visitor moves.

use super::json;
use crate::link;
use crate::medium::medium;
use crate::regroup::{MAX, STEP, Sampled, kept, words};
use leptos::prelude::*;

/// The slider, the clusters in words, and their table. With scripts off, a field and a button that ask
/// the server. `stored` and `chosen` are thresholds in millionths; `address` is the page's.
#[component]
pub fn Threshold(sampled: Sampled, stored: i32, chosen: i32, address: String) -> impl IntoView {
    let groups = sampled.groups_at(chosen);
    let words = words(chosen, &groups);
    let back = address.clone();
    let button = (!medium().is_files()).then(|| view! { <button>"Show"</button> });
    view! {
        <div class="threshold" data-island="threshold" data-sampled=json(&sampled) data-stored=stored.to_string()>
            <form method="get" action=address>
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
                />
                {button}
                <a class="stored" href=back hidden=chosen == stored>
                    {["back to the stored ", &link::threshold_text(stored)].concat()}
                </a>
            </form>
            <div class="slide">
                <input
                    type="range"
                    aria-label="Threshold"
                    min="0"
                    max="1"
                    step=link::threshold_text(STEP)
                    list="stored-threshold"
                    disabled
                    value=link::threshold_text(chosen.clamp(0, MAX))
                    aria-valuetext=words.clone()
                />
                <datalist id="stored-threshold">
                    <option value=link::threshold_text(stored)></option>
                </datalist>
            </div>
            <p class="words">
                <span class="groups">{words}</span> " " <span class="minor">{kept(chosen == stored)}</span>
            </p>
            <div class="scroll" tabindex="0" role="region" aria-label="Samples by cluster" inner_html=sampled.table(&groups)></div>
        </div>
    }
}
