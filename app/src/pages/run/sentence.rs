//! The sentences on top of the page.

use crate::chart::measured::Measured;
use crate::chart::sentence::{Tense, sentence};
use leptos::prelude::*;
use std::sync::Arc;

/// What stated confidences were worth: the last evaluation shown first, then the one before it.
pub fn lede(shown: &[Arc<Measured>]) -> AnyView {
    let Some(last) = shown.last() else {
        return ().into_any();
    };
    let Some(now) = sentence(&last.outcomes, Tense::Present) else {
        return view! { <p class="lede">"No answers to draw: there are none yet, or the record leaves them out."</p> }.into_any();
    };
    let before = (shown.len() > 1)
        .then(|| sentence(&shown[0].outcomes, Tense::Past))
        .flatten()
        .map(|sentence| {
            view! { <p class="lede before"><span class="swatch before"></span>{shown[0].outcomes.label.clone()} ": " {sentence}</p> }
        });
    let swatch = (shown.len() > 1).then(|| {
        view! { <span class="swatch after"></span>{last.outcomes.label.clone()} ": " }
    });
    view! {
        <p class="lede">{swatch}{now}</p>
        {before}
    }
    .into_any()
}
