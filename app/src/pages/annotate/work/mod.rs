//! The page on which items are rated. What it draws of an item is what a [`WorkItem`](datasets::annotation::WorkItem) holds, and that
//! holds nothing of the run, the method or the confidence.
//!
//! The server draws the first item; `rate.js` fills the same elements with the next ones, keeps what is
//! said in the browser (`outbox.js`) and marks words (`marks.js`). Without scripts each item is a plain
//! form.

mod agree;
mod data;
pub mod evidence;
mod item;
mod keys;
mod rating;
mod standing;

use super::{all_words, own_words};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::words::Trail;
use crate::view::{WorkPage, WorkStanding};
use leptos::prelude::*;

/// One module, each file of it one idea.
const SCRIPT: &str = concat!(
    include_str!("../elements.js"),
    include_str!("../outbox.js"),
    include_str!("../standing.js"),
    include_str!("../clock.js"),
    include_str!("../drafts.js"),
    include_str!("../marks.js"),
    include_str!("../drawing.js"),
    include_str!("../keys.js"),
    include_str!("../rate.js"),
);

pub fn frame(page: WorkPage, nonce: &str) -> Frame {
    let title = format::foreign(&page.title);
    let standing = page.batch.standing;
    // An item that was rated can be shown again where nothing else is left.
    let is_rating = page.batch.items.first().is_some_and(|first| {
        matches!(standing, WorkStanding::Training | WorkStanding::Ready) || first.said.is_some()
    });
    let stage = match standing {
        WorkStanding::Consent => agree::stage(&page),
        _ if is_rating => item::stage(&page),
        _ => standing::stage(&page),
    };
    let trail = match page.preview {
        true => vec![
            ("Annotate".to_owned(), link::annotate().to_owned()),
            (title.clone(), link::project(&page.project)),
        ],
        false => vec![("Annotate".to_owned(), link::annotate().to_owned())],
    };
    let heading = match page.preview {
        true => ["Preview of ", &title].concat(),
        false => title.clone(),
    };
    let body = view! {
        <div class="work" id="work">
            <Trail parts=trail />
            <h1>{heading.clone()}</h1>
            {preview(&page)}
            {bar(&page, is_rating)}
            <section class="refused" id="refused" aria-labelledby="refused-title" hidden>
                <h2 id="refused-title">"Not taken by the server"</h2>
                <p>"These stay in this browser until you choose what becomes of them."</p>
                <ul></ul>
            </section>
            {stage}
            {about(&page)}
            {is_rating.then(|| keys::dialog(&page))}
            <script type="application/json" id="work-data" inner_html=data::block(&page)></script>
            <script type="module" nonce=nonce.to_owned() inner_html=SCRIPT></script>
        </div>
    };
    Frame {
        title: heading,
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

/// Who looks at a preview, and the other steps.
fn preview(page: &WorkPage) -> Option<AnyView> {
    if !page.preview {
        return None;
    }
    let steps = [
        ("consent", "What is agreed to", WorkStanding::Consent),
        ("training", "Training", WorkStanding::Training),
        ("ready", "Rating", WorkStanding::Ready),
    ];
    let links = steps
        .into_iter()
        .map(|(step, words, standing)| {
            let current = (standing == page.batch.standing).then_some("step");
            let address = link::preview(&page.project, step, 0);
            view! { <li><a href=address aria-current=current>{words}</a></li> }
        })
        .collect_view();
    Some(
        view! {
            <div class="notice preview-note">
                <p><strong>"Nothing is kept here."</strong> " Annotators see the page like this, in an order of their own."</p>
            </div>
            <nav class="states" aria-label="Steps">
                <ul>{links}</ul>
            </nav>
        }
        .into_any(),
    )
}

/// How far one is, whether all is saved, and what can be done at any time.
fn bar(page: &WorkPage, is_rating: bool) -> AnyView {
    let progress = &page.batch.progress;
    let training = (page.batch.standing == WorkStanding::Training).then(|| {
        format!(
            "Training: {} of {} done.",
            format::count(progress.training_rated),
            format::count(progress.training)
        )
    });
    let own = training.unwrap_or_else(|| own_words(progress));
    let saved = page.saved.as_ref().map(|_| "Saved.");
    let actions = is_rating.then(|| actions(page));
    let has_begun = page.batch.standing != WorkStanding::Consent;
    let far = has_begun.then(|| {
        view! {
            <p class="how-far">
                <span data-slot="own">{own}</span>
                " "
                <label class="all">
                    <span data-slot="all">{all_words(progress)}</span>
                    <progress data-slot="bar" max=progress.wanted.max(1).to_string() value=progress.rated.min(progress.wanted).to_string()></progress>
                </label>
            </p>
        }
    });
    view! {
        <div class="work-bar">
            {far}
            {actions}
            <p class="saved" id="saved" role="status">{saved}</p>
        </div>
    }
    .into_any()
}

fn actions(page: &WorkPage) -> AnyView {
    let undo = (!page.preview).then(|| {
        view! {
            <a class="button" id="undo" href=link::work_again(&page.project) aria-keyshortcuts="u">
                "Undo" <kbd aria-hidden="true">"u"</kbd>
            </a>
        }
    });
    let pause = (!page.preview).then(|| {
        view! {
            <form method="post" action=link::pause_work(&page.project) id="pause-form">
                <input type="hidden" name="paused" value="true" />
                <button type="submit" aria-keyshortcuts="p">"Pause" <kbd aria-hidden="true">"p"</kbd></button>
            </form>
        }
    });
    view! {
        <div class="work-actions">
            {undo}
            {pause}
            <button type="button" id="keys-button" aria-keyshortcuts="?" hidden>"Keys" <kbd aria-hidden="true">"?"</kbd></button>
        </div>
    }
    .into_any()
}

/// What was read before the first item, and whom to ask.
fn about(page: &WorkPage) -> Option<AnyView> {
    if page.batch.standing == WorkStanding::Consent {
        return None;
    }
    let folded = |title: &'static str, html: &str| {
        let html = html.to_owned();
        (!html.trim().is_empty()).then(|| {
            view! {
                <details>
                    <summary>{title}</summary>
                    <div class="prose" inner_html=html></div>
                </details>
            }
        })
    };
    Some(
        view! {
            <section class="about-work" aria-label="About this project">
                {folded("Instructions", &page.instructions_html)}
                {folded("What you agreed to", &page.consent_html)}
                {contact(page)}
                <p class="minor"><a href=link::account()>"Your data, and how to withdraw"</a></p>
            </section>
        }
        .into_any(),
    )
}

/// Whom to ask.
fn contact(page: &WorkPage) -> Option<AnyView> {
    let contact = page.contact.trim();
    (!contact.is_empty()).then(|| {
        view! { <p class="minor contact">"Questions and complaints: " <bdi>{format::foreign(contact)}</bdi></p> }
            .into_any()
    })
}
