//! What people note of a run: its tags, each a link to the runs that have it, and the form that
//! changes them.

use crate::format;
use crate::link;
use crate::raw_text::text_box;
use crate::view::{Facet, Labels, RunChoice};
use leptos::prelude::*;

/// Characters of a note that a list shows.
const NOTE_SHOWN_CHARACTERS_MAX: usize = 160;

/// The tags in a line, and the beginning of the note. Nothing where there is neither.
#[component]
pub fn Tags(labels: Labels) -> impl IntoView {
    let chips = labels
        .tags
        .iter()
        .map(|tag| {
            let choice = RunChoice::default().with(Facet::Tag, Some(tag));
            view! { <li><a class="tag" href=link::runs(&choice, None)>{format::foreign(tag)}</a></li> }
        })
        .collect_view();
    let tags = (!labels.tags.is_empty())
        .then(|| view! { <ul class="tags" aria-label="Tags">{chips}</ul> });
    let note = (!labels.note.is_empty())
        .then(|| view! { <p class="note">{format::foreign(&beginning(&labels.note))}</p> });
    view! {
        {tags}
        {note}
    }
}

/// The form that changes a run's tags and note, folded away. It works with scripts off: it sends,
/// and the server leads back to `back`, an address of this server.
#[component]
pub fn LabelsForm(
    /// The run's id and title.
    id: String,
    title: String,
    labels: Labels,
    back: String,
    /// Why nothing can be changed, and what to do.
    locked: Option<String>,
) -> impl IntoView {
    let of = view! { <span class="unseen">" of " {format::foreign(&title)}</span> };
    let body = match locked {
        Some(why) => view! { <p class="minor locked">{why}</p> }.into_any(),
        None => view! {
            <form method="post" action=link::labels(&id)>
                <input type="hidden" name="back" value=back />
                <label>
                    "Tags, with commas between them"
                    <input type="text" name="tags" value=labels.tags.join(", ") maxlength="1000" autocomplete="off" />
                </label>
                <label>
                    "Note"
                    <textarea name="note" rows="3" maxlength="4000" inner_html=text_box(&labels.note)></textarea>
                </label>
                <button type="submit">"Save" <span class="unseen">" the tags and note of " {format::foreign(&title)}</span></button>
            </form>
        }
        .into_any(),
    };
    view! {
        <details class="labels">
            <summary>"Tags and note" {of}</summary>
            {body}
        </details>
    }
}

fn beginning(note: &str) -> String {
    match note.char_indices().nth(NOTE_SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => [note[..end].trim_end(), "…"].concat(),
        None => note.to_owned(),
    }
}
