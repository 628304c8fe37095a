//! What somebody reads and agrees to before the first item.

use crate::link;
use crate::pages::annotate::kind_words;
use crate::view::WorkPage;
use leptos::prelude::*;

pub fn stage(page: &WorkPage) -> AnyView {
    let part = |id: &'static str, title: &'static str, html: &str| {
        let html = html.to_owned();
        (!html.trim().is_empty()).then(|| {
            view! {
                <section aria-labelledby=id>
                    <h2 id=id>{title}</h2>
                    <div class="prose" inner_html=html></div>
                </section>
            }
        })
    };
    let form = match page.preview {
        true => {
            view! { <p class="next"><a href=link::preview(&page.project, "training", 0)>"To the training"</a></p> }
                .into_any()
        }
        false => form(page),
    };
    view! {
        <p class="lede">{["You will rate ", kind_words(page.kind), "."].concat()}</p>
        {part("instructions", "Instructions", &page.instructions_html)}
        {part("rubric", "How to rate", &page.rubric_html)}
        <section aria-labelledby="consent">
            <h2 id="consent">"What you agree to"</h2>
            <div class="prose" inner_html=page.consent_html.clone()></div>
            {super::contact(page)}
            {form}
        </section>
    }
    .into_any()
}

fn form(page: &WorkPage) -> AnyView {
    view! {
        <form class="agree" method="post" action=link::consent(&page.project)>
            <label>
                <input type="checkbox" name="agreed" value="true" required />
                <span>"I have read this, and I take part of my own will."</span>
            </label>
            <p class="actions">
                <button type="submit" class="primary">"Begin"</button>
                <a href=link::annotate()>"No, leave"</a>
            </p>
        </form>
    }
    .into_any()
}
