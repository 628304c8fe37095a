//! Answering only what is sure: the risk-coverage curve with a threshold that can be moved.

use super::downloads::downloads;
use super::json;
use crate::chart::outcomes::Outcomes;
use crate::chart::{format, risk_coverage};
use crate::choice::Choice;
use crate::medium::medium;
use leptos::prelude::*;

/// The curve, its threshold and its table. `address` is the page's own, `charts` where its files are.
/// With scripts off, the threshold is sent by the form's button. Where the address names none, it is
/// the one at which the last evaluation answers half.
#[component]
pub fn Selective(outcomes: Vec<Outcomes>, address: String, charts: String) -> impl IntoView {
    let choice = Choice::of(&address);
    let above = choice.above_or_half(&outcomes);
    let threshold = above * 100;
    let written = format::fixed(f64::from(above) / 100.0, 2);
    let sentences = outcomes
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let is_before = index + 1 < outcomes.len();
            let class = if is_before {
                "swatch before"
            } else {
                "swatch after"
            };
            let words = risk_coverage::selected(one, threshold).words();
            view! {
                <li>
                    <span class=class></span> <b>{one.label.clone()}</b> ": "
                    <span class="words">{words}</span>
                </li>
            }
        })
        .collect_view();
    // What else was chosen goes with the form, so that it is not lost.
    let kept = choice
        .parameters_besides_above()
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    let labels = outcomes
        .iter()
        .map(|one| view! { <input type="hidden" name="label" value=one.label.clone() /> })
        .collect_view();
    let button = (!medium().is_files()).then(|| view! { <button type="submit">"Show"</button> });
    let page = address.split('?').next().unwrap_or_default().to_owned();
    let file = Choice {
        above: Some(above),
        ..choice
    };
    view! {
        <div class="selective" data-island="selective" data-outcomes=json(&outcomes)>
            <form class="threshold keeps" method="get" action=page>
                {labels}
                {kept}
                <label>
                    "Answer only from confidence "
                    <input
                        type="range"
                        name="above"
                        min="0"
                        max="100"
                        value=above.to_string()
                        aria-valuetext=written.clone()
                    />
                </label>
                <output>{written}</output>
                " up"
                {button}
            </form>
            <ul class="selected" aria-live="polite">{sentences}</ul>
            <div class="drawing" inner_html=risk_coverage::svg_at(&outcomes, Some(threshold), "risk-coverage")></div>
            <p class="caption">
                "To the left only the surest answers are given, to the right all. The lower the line and the more it rises, the more the confidence is worth; the shaded band is the 95% interval of how often it was wrong. The ring is the threshold."
            </p>
            <details class="numbers">
                <summary>"Every threshold as a table"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label="Risk and coverage table" inner_html=risk_coverage::table(&outcomes)></div>
            </details>
            {downloads("risk-coverage", &charts, &file.address(&address))}
        </div>
    }
}
