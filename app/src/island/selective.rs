//! Answering only what is sure: the risk-coverage curve with a threshold that can be moved, redrawn in
//! the browser by the code that drew it on the server.

use super::address::{Step, change, when_gone_back};
use super::downloads::{downloads, file};
use crate::chart::outcomes::Outcomes;
use crate::chart::{format, risk_coverage};
use crate::choice::Choice;
use leptos::prelude::*;

/// The curve, its threshold and its table. `address` is the page's own, `charts` where its files are.
/// With scripts off, the threshold is sent by the form's button. Where the address names none, it is
/// the one at which the last evaluation answers half.
#[island]
pub fn Selective(outcomes: Vec<Outcomes>, address: String, charts: String) -> impl IntoView {
    let half = outcomes.last().map_or(50, risk_coverage::surer_half);
    let first = Choice::of(&address);
    let (above, set_above) = signal(first.above.unwrap_or(half));
    let (alive, set_alive) = signal(false);
    Effect::new(move |_| set_alive.set(true));
    when_gone_back(move |choice| set_above.set(choice.above.unwrap_or(half)));
    let slide = move |event| {
        if let Ok(hundredths) = event_target_value(&event).parse::<u32>() {
            let hundredths = hundredths.min(100);
            set_above.set(hundredths);
            change(Step::InPlace, |choice| choice.above = Some(hundredths));
        }
    };
    let threshold = move || above.get() * 100;
    let written = move || format::fixed(f64::from(above.get()) / 100.0, 2);
    let sentences = outcomes
        .iter()
        .cloned()
        .enumerate()
        .map(|(index, one)| {
            let is_before = index + 1 < outcomes.len();
            let class = if is_before {
                "swatch before"
            } else {
                "swatch after"
            };
            let label = one.label.clone();
            let words = move || risk_coverage::selected(&one, threshold()).words();
            view! { <li><span class=class></span><b>{label}</b>": "{words}</li> }
        })
        .collect_view();
    // What else was chosen goes with the form, so that it is not lost.
    let kept = first
        .parameters_besides_above()
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    let labels = outcomes
        .iter()
        .map(|one| view! { <input type="hidden" name="label" value=one.label.clone() /> })
        .collect_view();
    let page = address.split('?').next().unwrap_or_default().to_owned();
    let files = move |ending: &str| {
        let choice = Choice {
            above: Some(above.get()),
            ..first
        };
        file(&charts, "risk-coverage", ending, &choice.address(&address))
    };
    let drawn = outcomes.clone();
    let table = risk_coverage::table(&outcomes);
    view! {
        <div class="selective">
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
                        value=above.get_untracked().to_string()
                        prop:value=move || above.get().to_string()
                        aria-valuetext=written
                        on:input=slide
                    />
                </label>
                <output>{written}</output>
                " up"
                <button type="submit" class:alive=move || alive.get()>"Show"</button>
            </form>
            <ul class="selected" aria-live="polite">{sentences}</ul>
            <div class="drawing" inner_html=move || risk_coverage::svg_at(&drawn, Some(threshold()), "risk-coverage")></div>
            <p class="caption">
                "To the left only the surest answers are given, to the right all. The lower the line and the more it rises, the more the confidence is worth; the shaded band is the 95% interval of how often it was wrong. The ring is the threshold."
            </p>
            <details class="numbers">
                <summary>"Every threshold as a table"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label="Risk and coverage table" inner_html=table></div>
            </details>
            {downloads("risk-coverage", files)}
        </div>
    }
}
