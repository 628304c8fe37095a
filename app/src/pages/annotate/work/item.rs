//! One item: the question, the evidence, the rationale or the two, and the rating.

use super::{evidence, rating};
use crate::format;
use crate::link;
use crate::pages::words::Foreign;
use crate::view::WorkPage;
use datasets::annotation::{Choice, ProjectKind, RatingRequest, RatingSaved, WorkItem};
use leptos::prelude::*;

pub fn stage(page: &WorkPage) -> AnyView {
    let Some(item) = page.batch.items.first() else {
        return ().into_any();
    };
    let kind = match page.kind {
        ProjectKind::Single => "item single",
        ProjectKind::Pairs => "item pairs",
    };
    let rationales: Vec<_> = sides(page.kind)
        .iter()
        .enumerate()
        .map(|(side, name)| rationale(page, item, side, name))
        .collect();
    view! {
        <div id="stage">
            {explained(page.saved.as_ref())}
            {panel("paused", "Paused", "What you rated is saved. Your time is not counted while you pause.", "Go on")}
            {panel(
                "run-out",
                "No more items are here",
                "What you rated is kept in this browser and is sent as soon as the server can be reached. You can close this page and come back.",
                "Look again",
            )}
            <article class=kind id="item" aria-labelledby="asked">
                <p class="training-note" data-slot="training" hidden=!item.training>
                    <strong>"Training."</strong>
                    " Afterwards you are told what was expected, and why."
                </p>
                {again(page, item)}
                <div class="what-was-asked">
                    <p class="minor" id="asked-about">"The model was asked"</p>
                    <h2 class="question" id="asked" tabindex="-1"><bdi class="foreign" data-slot="question">{format::foreign(&item.question)}</bdi></h2>
                </div>
                {evidence::section(item)}
                <div class="judging">
                    <div class="rationales">{rationales}</div>
                    {mark_tools(page)}
                    {rating::form(page, item)}
                    {rating::skipping(page, item)}
                    {rubric(page)}
                </div>
            </article>
            {evidence::template()}
            {mark_template(page)}
            {no_scripts()}
        </div>
    }
    .into_any()
}

/// What stands above each rationale.
fn sides(kind: ProjectKind) -> &'static [&'static str] {
    match kind {
        ProjectKind::Single => &["Rationale"],
        ProjectKind::Pairs => &["Left", "Right"],
    }
}

fn rationale(page: &WorkPage, item: &WorkItem, side: usize, name: &'static str) -> AnyView {
    let text = item.rationales.get(side).cloned().unwrap_or_default();
    let id = format!("rationale-{side}");
    let marks = page.spans.then(|| {
        view! { <ul class="marks" data-marks=side.to_string() aria-label=format!("Marked in {}", side_words(name)) hidden></ul> }
    });
    view! {
        <section class="rationale" aria-labelledby=id.clone()>
            <h3 id=id.clone()>{name}</h3>
            <blockquote data-side=side.to_string()><Foreign text=text /></blockquote>
            {marks}
        </section>
    }
    .into_any()
}

fn side_words(name: &str) -> &'static str {
    match name {
        "Left" => "the left rationale",
        "Right" => "the right rationale",
        _ => "the rationale",
    }
}

/// The buttons that mark words; they need scripts.
fn mark_tools(page: &WorkPage) -> Option<AnyView> {
    page.spans.then(|| {
        view! {
            <div class="tools mark-tools" role="group" aria-label="Mark words" data-lively hidden>
                <span class="minor" id="mark-help">"Select words, then mark them:"</span>
                <button type="button" id="born-out" aria-keyshortcuts="m"><span class="sample born-out">"Born out"</span> <kbd aria-hidden="true">"m"</kbd></button>
                <button type="button" id="contradicted" aria-keyshortcuts="c"><span class="sample contradicted">"Contradicted"</span> <kbd aria-hidden="true">"c"</kbd></button>
                <button type="button" id="mark-words" aria-keyshortcuts="w" aria-pressed="false">"Select by keys" <kbd aria-hidden="true">"w"</kbd></button>
                <span class="unseen" role="status" id="marked"></span>
            </div>
        }
        .into_any()
    })
}

/// A marked place in the list beneath a rationale, for the script to fill.
fn mark_template(page: &WorkPage) -> Option<AnyView> {
    page.spans.then(|| {
        view! {
            <template id="mark-template">
                <li>
                    <span data-slot="verdict"></span>
                    " "
                    <q><bdi class="foreign" data-slot="words"></bdi></q>
                    " "
                    <button type="button">"Remove" <span class="unseen" data-slot="of"></span></button>
                </li>
            </template>
        }
        .into_any()
    })
}

/// What was said of an item that is shown again.
fn again(page: &WorkPage, item: &WorkItem) -> AnyView {
    let words = item.said.as_ref().map(said_words).unwrap_or_default();
    let address = match page.preview {
        true => link::preview(&page.project, "ready", page.turn),
        false => link::work(&page.project),
    };
    view! {
        <p class="again" data-slot="again" hidden=item.said.is_none()>
            <span data-slot="again-words">{words}</span>
            " What you say now replaces it. "
            <a href=address id="leave-it">"Leave it as it is"</a>
        </p>
    }
    .into_any()
}

/// `You rated this 7.`
fn said_words(said: &RatingRequest) -> String {
    match (said.score, said.choice, &said.skip) {
        (Some(score), ..) => format!("You rated this {score}."),
        (_, Some(choice), _) => format!("You chose: {}.", choice_words(choice).0),
        (_, _, Some(reason)) => format!(
            "You skipped this: {}.",
            format::foreign(&format::cut(reason.trim_end_matches('.'), 200))
        ),
        _ => "You have seen this before.".to_owned(),
    }
}

/// A choice as it stands on its button, and what it means.
pub fn choice_words(choice: Choice) -> (&'static str, &'static str) {
    match choice {
        Choice::Left => ("Left", "tells it better"),
        Choice::Right => ("Right", "tells it better"),
        Choice::Tie => ("Tie", "both about equally well"),
        Choice::BothBad => ("Both bad", "neither tells it"),
    }
}

/// What a training item's right rating would have been; empty and hidden until there is one.
fn explained(saved: Option<&RatingSaved>) -> AnyView {
    let explained = saved.and_then(|saved| saved.explained.clone());
    let is_hidden = explained.is_none();
    let (verdict, expected, explanation) = match explained {
        Some(explained) => (
            match explained.right {
                true => "As expected.",
                false => "Not as expected.",
            },
            ["Expected: ", &format::foreign(&explained.expected), "."].concat(),
            format::foreign(&explained.explanation),
        ),
        None => ("", String::new(), String::new()),
    };
    view! {
        <section class="explained" id="explained" aria-labelledby="explained-title" hidden=is_hidden>
            <h2 id="explained-title" tabindex="-1" data-slot="right">{verdict}</h2>
            <p><strong data-slot="expected">{expected}</strong></p>
            <p class="foreign" data-slot="explanation">{explanation}</p>
            <p class="actions" data-lively hidden><button type="button" class="primary" id="explained-on">"Go on"</button></p>
        </section>
    }
    .into_any()
}

fn panel(
    id: &'static str,
    title: &'static str,
    words: &'static str,
    button: &'static str,
) -> AnyView {
    view! {
        <div class="empty" id=id hidden>
            <h2 tabindex="-1">{title}</h2>
            <p>{words}</p>
            <p class="actions"><button type="button" class="primary" id=[id, "-on"].concat()>{button}</button></p>
        </div>
    }
    .into_any()
}

fn rubric(page: &WorkPage) -> AnyView {
    let html = page.rubric_html.clone();
    view! {
        <details class="rubric" id="rubric" open>
            <summary>"How to rate"</summary>
            <div class="prose" inner_html=html></div>
        </details>
    }
    .into_any()
}

/// What is missing without scripts.
fn no_scripts() -> AnyView {
    view! {
        <noscript>
            <p class="minor">"Scripts are off: each rating is sent as a form. Keys, marking words and rating while the network is away need scripts."</p>
        </noscript>
    }
    .into_any()
}
