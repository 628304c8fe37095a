//! The rating of an item as a form: a number or a choice, a note; or a reason to skip it.

use super::item::choice_words;
use crate::link;
use crate::raw_text::text_box;
use crate::view::{WorkPage, WorkStanding};
use datasets::annotation::{Choice, ProjectKind, SCORE_MAX, WorkItem};
use leptos::prelude::*;

/// Why an item may be skipped; the last one asks for words.
const REASONS: [&str; 4] = [
    "I cannot judge it",
    "The text is broken, or not in a language that I read",
    "I would rather not look at it",
    "Something else",
];

/// Where the form leads, how, and what it must carry.
fn target(page: &WorkPage, item: &WorkItem) -> (&'static str, String, AnyView) {
    if page.preview {
        let step = match page.batch.standing {
            WorkStanding::Training => "training",
            _ => "ready",
        };
        let address = link::preview(&page.project, "ready", 0);
        let hidden = view! {
            <input type="hidden" name="step" value=step />
            <input type="hidden" name="turn" value=(page.turn + 1).to_string() />
        };
        return ("get", address, hidden.into_any());
    }
    let hidden = view! {
        <input type="hidden" name="assignment" value=item.assignment.clone() />
        <input type="hidden" name="revision" value=(item.revisions + 1).to_string() />
        <input type="hidden" name="key" value=page.key.clone() />
        <input type="hidden" name="active_ms" value="" />
    };
    ("post", link::rate(&page.project), hidden.into_any())
}

pub fn form(page: &WorkPage, item: &WorkItem) -> AnyView {
    let (method, address, hidden) = target(page, item);
    let said = item.said.as_ref();
    let points = match page.kind {
        ProjectKind::Single => scores(said.and_then(|said| said.score)),
        ProjectKind::Pairs => choices(said.and_then(|said| said.choice)),
    };
    let note = said.map(|said| said.note.clone()).unwrap_or_default();
    let has_note = !note.is_empty();
    view! {
        <form class="rate" id="rate" method=method action=address autocomplete="off">
            {hidden}
            {points}
            <span class="unseen" role="status" data-slot="chosen"></span>
            <div class="sending">
                <details class="noting" id="noting" open=has_note>
                    <summary>"Note"<span class="unseen">", if you like"</span> <kbd aria-hidden="true">"n"</kbd></summary>
                    <textarea name="note" id="note" rows="2" maxlength="4000" aria-label="Note" aria-keyshortcuts="n" inner_html=text_box(&note)></textarea>
                </details>
                <button type="submit" class="primary" id="send">"Save and go on"</button>
            </div>
        </form>
    }
    .into_any()
}

fn scores(said: Option<u8>) -> AnyView {
    let points = (0..=SCORE_MAX)
        .map(|score| {
            let key = match score {
                10 => "t".to_owned(),
                score => score.to_string(),
            };
            let value = score.to_string();
            view! {
                <label class="point">
                    <input type="radio" name="score" value=value.clone() checked=said == Some(score) required aria-keyshortcuts=key />
                    <span>{value}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="scores">
            <legend>"How well does the rationale tell what the evidence shows?"</legend>
            <div class="scale">{points}</div>
            <p class="ends" aria-hidden="true"><span>"0: not at all"</span><span>"10: fully"</span></p>
        </fieldset>
    }
    .into_any()
}

fn choices(said: Option<Choice>) -> AnyView {
    let points = Choice::ALL
        .map(|choice| {
            let (words, meaning) = choice_words(choice);
            let (sign, keys) = match choice {
                Choice::Left => ("←", "1"),
                Choice::Right => ("→", "2"),
                Choice::Tie => ("=", "="),
                Choice::BothBad => ("x", "x"),
            };
            view! {
                <label class="point">
                    <input type="radio" name="choice" value=choice.word() checked=said == Some(choice) required aria-keyshortcuts=keys />
                    <span><strong>{words}</strong> <small>{meaning}</small> <kbd aria-hidden="true">{sign}</kbd></span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="choices">
            <legend>"Which rationale tells better what the evidence shows?"</legend>
            <div class="scale">{points}</div>
        </fieldset>
    }
    .into_any()
}

/// The way past an item, with a reason.
pub fn skipping(page: &WorkPage, item: &WorkItem) -> AnyView {
    let (method, address, hidden) = target(page, item);
    let last = REASONS.len() - 1;
    let reasons = REASONS
        .iter()
        .enumerate()
        .map(|(index, reason)| {
            // The last one is told in the person's own words.
            let value = if index == last { "" } else { reason };
            view! {
                <label><input type="radio" name="skip" value=value checked=index == 0 /> <span>{*reason}</span></label>
            }
        })
        .collect_view();
    view! {
        <details class="skipping" id="skipping">
            <summary>"Skip this one" <kbd aria-hidden="true">"s"</kbd></summary>
            <form id="skip-form" method=method action=address autocomplete="off">
                {hidden}
                <fieldset>
                    <legend>"Why?"</legend>
                    {reasons}
                </fieldset>
                <label for="skip-more">"In your own words, if you like"</label>
                <input type="text" id="skip-more" name="skip_more" maxlength="400" />
                <p class="actions"><button type="submit">"Skip it"</button></p>
            </form>
        </details>
    }
    .into_any()
}
