//! A project as researchers see it: how far it is, who rates and how well, and what comes of it.

use super::invite::invite;
use super::members::{items, members};
use super::new::problems;
use super::{badge, kind_words};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::words::{Notice, Trail};
use crate::view::{ProjectDetail, ProjectPage, ProjectState};
use leptos::prelude::*;

/// What can be taken away: name, words, forms with their words.
type Export = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const EXPORTS: [Export; 9] = [
    (
        "project",
        "What it is: rubric, seed, hashes, and what the columns of the others mean.",
        &[("jsonl", "JSON")],
    ),
    (
        "ratings",
        "Every rating that counts. “sayself faithfulness --ratings” reads it.",
        &[("jsonl", "JSONL"), ("csv", "CSV")],
    ),
    (
        "settled",
        "One rating of each item: the adjudicated one, else the mean, or what most said.",
        &[("jsonl", "JSONL"), ("csv", "CSV")],
    ),
    (
        "events",
        "All that happened, each revision, with seeds and hashes.",
        &[("jsonl", "JSONL"), ("csv", "CSV")],
    ),
    (
        "hours",
        "Items and active time of each person, for pay.",
        &[("csv", "CSV"), ("jsonl", "JSONL")],
    ),
    (
        "label-studio",
        "Tasks with their annotations, for Label Studio.",
        &[("jsonl", "JSON")],
    ),
    (
        "label-studio-config",
        "The labelling configuration that shows them.",
        &[("jsonl", "XML")],
    ),
    (
        "argilla",
        "Records with their responses, for Argilla.",
        &[("jsonl", "JSON")],
    ),
    (
        "argilla-settings",
        "The settings that show them, with the rubric as guidelines.",
        &[("jsonl", "JSON")],
    ),
];

pub fn frame(page: ProjectPage, nonce: &str) -> Frame {
    let detail = &page.detail;
    let row = &detail.row;
    let title = format::foreign(&row.title);
    let remarks = detail
        .remarks
        .iter()
        .map(|remark| {
            view! { <Notice kind="warning" title="Note:".into() text=format::foreign(remark) /> }
        })
        .collect_view();
    let body = view! {
        <Trail parts=vec![("Annotate".to_owned(), link::annotate().to_owned())] />
        <div class="heading">
            <h1>{title.clone()}</h1>
        </div>
        {problems(&page.wrong)}
        {facts(detail)}
        {progress(detail)}
        {actions(detail)}
        {remarks}
        {invite(&page, nonce)}
        {members(detail)}
        {items(detail)}
        {exports(detail)}
        {texts(detail)}
    };
    Frame {
        title,
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

fn facts(detail: &ProjectDetail) -> AnyView {
    let row = &detail.row;
    let made = u64::try_from(row.created_ms).map_or_else(|_| "–".into(), format::moment);
    let seed = detail.spec.seed.map(|seed| seed.to_string());
    let runs = detail
        .spec
        .runs
        .iter()
        .enumerate()
        .map(|(index, rated)| {
            let labels: Vec<&str> = rated.label.as_deref().into_iter().collect();
            let name = match &rated.label {
                Some(label) => format!("{}, {label}", rated.run),
                None => rated.run.clone(),
            };
            let before = (index > 0).then_some("; ");
            view! { {before} <a href=link::run(&rated.run, &labels)>{format::foreign(&name)}</a> }
        })
        .collect_view();
    let one =
        |name: &'static str, words: String| view! { <div><dt>{name}</dt><dd>{words}</dd></div> };
    view! {
        <dl class="facts">
            <div><dt>"State"</dt><dd>{badge(row.state)}</dd></div>
            {one("Rated is", kind_words(row.kind).to_owned())}
            <div><dt>"Of"</dt><dd>{runs}</dd></div>
            {one("Items", format::count(row.items))}
            {one("Ratings of each", detail.spec.overlap.to_string())}
            {seed.map(|seed| one("Seed", seed))}
            {one("Made", made)}
        </dl>
    }
    .into_any()
}

fn progress(detail: &ProjectDetail) -> AnyView {
    let row = &detail.row;
    let words = format!(
        "{} of {} by {}",
        format::count(row.rated),
        format::counted(row.wanted, "rating"),
        format::counted(row.annotators, "annotator")
    );
    view! {
        <p class="how-far">
            <label class="all">
                <span>{words}</span>
                <progress max=row.wanted.max(1).to_string() value=row.rated.min(row.wanted).to_string()></progress>
            </label>
        </p>
    }
    .into_any()
}

/// What can be done with it now.
fn actions(detail: &ProjectDetail) -> AnyView {
    let id = &detail.row.id;
    let turn = |state: &'static str, words: &'static str, class: &'static str| {
        view! {
            <form method="post" action=link::project_state(id)>
                <input type="hidden" name="state" value=state />
                <button type="submit" class=class>{words}</button>
            </form>
        }
        .into_any()
    };
    // What cannot be taken back is folded: the second press is the answer to “Are you sure?”.
    let sure = |summary: &'static str, words: &'static str, form: AnyView| {
        view! {
            <details class="sure">
                <summary>{summary}</summary>
                <p>{words}</p>
                {form}
            </details>
        }
        .into_any()
    };
    let close = || {
        sure(
            "Close…",
            "Nothing is handed out any more, for good, and its annotators may see its runs again.",
            turn("closed", "Close it", ""),
        )
    };
    let (words, turns): (&'static str, Vec<AnyView>) = match detail.row.state {
        ProjectState::Draft => (
            "A draft: nobody is asked to rate it yet.",
            vec![
                turn("open", "Open it", "primary"),
                sure(
                    "Delete…",
                    "The draft and its items go; the runs are not touched.",
                    turn("deleted", "Delete it", ""),
                ),
            ],
        ),
        ProjectState::Open => (
            "Open: items are handed out to those who take part.",
            vec![turn("paused", "Pause", ""), close()],
        ),
        ProjectState::Paused => (
            "Paused: nothing is handed out. Ratings that are on their way are kept.",
            vec![turn("open", "Open it again", "primary"), close()],
        ),
        ProjectState::Closed => ("Closed: nothing is handed out any more.", Vec::new()),
    };
    view! {
        <p>{words}</p>
        <div class="actions">
            {turns}
            <a class="button" href=link::preview(id, "ready", 0)>"Preview"</a>
            <a class="button" href=link::agreement(id)>"Agreement"</a>
            <a href=link::new_project(Some(id), None)>"Another one like it"</a>
        </div>
    }
    .into_any()
}

fn exports(detail: &ProjectDetail) -> AnyView {
    let each = EXPORTS
        .iter()
        .map(|(what, words, forms)| {
            let links = forms
                .iter()
                .map(|(form, name)| {
                    let address = link::project_export(&detail.row.id, what, form);
                    view! { <a href=address download>{*name}<span class="unseen">" of " {*what}</span></a> " " }
                })
                .collect_view();
            view! { <div><dt><code>{*what}</code></dt><dd>{*words} <span class="forms">{links}</span></dd></div> }
        })
        .collect_view();
    view! {
        <section aria-labelledby="exports">
            <h2 id="exports">"Take it away"</h2>
            <p class="minor">"Without names. Made-up names stand for people, with the rubric, seeds and hashes beside."</p>
            <dl class="exports">{each}</dl>
        </section>
    }
    .into_any()
}

/// What annotators read, and what the items were made from.
fn texts(detail: &ProjectDetail) -> AnyView {
    let spec = &detail.spec;
    let one = |name: &'static str, text: &str| {
        let text = text.to_owned();
        (!text.trim().is_empty()).then(|| {
            view! {
                <details>
                    <summary>{name}</summary>
                    <pre class="shipped" tabindex="0" role="region" aria-label=name><code>{format::foreign(&text)}</code></pre>
                </details>
            }
        })
    };
    let hashes = detail
        .hashes
        .iter()
        .map(|(what, hash)| {
            view! { <tr><th scope="row">{format::foreign(what)}</th><td class="hash"><code>{format::foreign(hash)}</code></td></tr> }
        })
        .collect_view();
    view! {
        <section aria-labelledby="texts">
            <h2 id="texts">"What annotators read"</h2>
            <p><a href=link::preview(&detail.row.id, "consent", 0)>"As they read it"</a></p>
            {one("Rubric", &spec.rubric)}
            {one("Instructions", &spec.instructions)}
            {one("Consent", &spec.consent)}
            <details>
                <summary>"Hashes"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label="Hashes">
                    <table class="hashes">
                        <caption><span>"SHA-256 of what the project was made from."</span></caption>
                        <thead><tr><th scope="col">"What"</th><th scope="col">"SHA-256"</th></tr></thead>
                        <tbody>{hashes}</tbody>
                    </table>
                </div>
            </details>
        </section>
    }
    .into_any()
}
