//! Small pieces that several pages set.

use crate::chart::interval;
use crate::format;
use crate::view::Figure;
use leptos::prelude::*;
use std::ops::Range;

/// A measure with its interval in numbers and as a bar on `scale`.
#[component]
pub fn Measure(figure: Figure, scale: Range<f64>) -> impl IntoView {
    let Some(value) = figure.value else {
        return view! { <span class="measure none" title="Not defined here">"–"</span> }.into_any();
    };
    let interval = figure.low.zip(figure.high).map(|(low, high)| {
        let text = [format::fixed(low, 3), format::fixed(high, 3)].join(" to ");
        view! { <span class="range">{text}</span> }
    });
    view! {
        <span class="measure">
            <span class="value">{format::fixed(value, 3)}</span>
            <span class="bar" inner_html=interval::svg(value, figure.low.zip(figure.high), scale)></span>
            {interval}
        </span>
    }
    .into_any()
}

/// Text that a model or a file wrote: shown as text, its direction kept to itself.
#[component]
pub fn Foreign(text: String) -> impl IntoView {
    view! { <bdi class="foreign">{format::foreign(&text)}</bdi> }
}

/// Right or wrong, in a word and a sign.
#[component]
pub fn Outcome(correct: bool) -> impl IntoView {
    if correct {
        view! { <span class="outcome right">"✓ right"</span> }.into_any()
    } else {
        view! { <span class="outcome wrong">"✗ wrong"</span> }.into_any()
    }
}

/// A box with a word that the reader must not miss.
#[component]
pub fn Notice(
    /// `warning` or `error`.
    kind: &'static str,
    title: String,
    text: String,
) -> impl IntoView {
    view! {
        <div class=["notice ", kind].concat()>
            <p>
                <strong>{title}</strong>
                " "
                {text}
            </p>
        </div>
    }
}

/// The path back: `Runs / demo`. The last part is where one is.
#[component]
pub fn Trail(
    /// Name and address.
    parts: Vec<(String, String)>,
) -> impl IntoView {
    let parts = parts
        .into_iter()
        .map(|(name, address)| view! { <li><a href=address>{name}</a></li> })
        .collect_view();
    view! {
        <nav class="trail" aria-label="Where you are">
            <ol>{parts}</ol>
        </nav>
    }
}
