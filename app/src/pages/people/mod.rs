//! Signing in, invitations, one's account, and what admins see of people.

pub mod account;
pub mod audit;
pub mod invitation;
pub mod list;
pub mod privacy;
pub mod sign_in;

use crate::format;
use crate::pages::words::Notice;
use crate::view::{Role, ShownOnce};
use leptos::prelude::*;

/// Puts what is shown once into the clipboard.
const COPY_SCRIPT: &str = include_str!("../annotate/copy.js");

/// What was done, or why not.
fn told(done: Option<&str>, wrong: Option<&str>) -> AnyView {
    let done = done.map(|words| view! { <p class="done" role="status">{words.to_owned()}</p> });
    let wrong = wrong.map(|words| {
        view! { <div role="alert"><Notice kind="error" title=String::new() text=format::foreign(words) /></div> }
    });
    view! { {done} {wrong} }.into_any()
}

/// A link or a token, shown this once.
fn once(shown: Option<&ShownOnce>, nonce: &str) -> AnyView {
    let Some(shown) = shown else {
        return ().into_any();
    };
    view! {
        <div class="notice once">
            <p><strong>"Copy this now: it is shown this once."</strong> " " {format::foreign(&shown.words)}</p>
            <p class="link"><code id="once">{shown.secret.clone()}</code></p>
            <p class="actions">
                <button type="button" data-copy-text="once" hidden>"Copy"</button>
                <span role="status"></span>
            </p>
            <script nonce=nonce.to_owned() inner_html=COPY_SCRIPT></script>
        </div>
    }
    .into_any()
}

/// A line to type in.
struct Entry {
    id: &'static str,
    name: &'static str,
    /// `text`, `password` or `number`.
    kind: &'static str,
    /// What browsers and password managers know it as.
    autocomplete: &'static str,
    value: String,
    required: bool,
    about: String,
}

fn entry(entry: Entry) -> AnyView {
    let Entry {
        id,
        name,
        kind,
        autocomplete,
        value,
        required,
        about,
    } = entry;
    let about_id = [id, "-about"].concat();
    let described = (!about.is_empty()).then(|| about_id.clone());
    let about = (!about.is_empty())
        .then(|| view! { <span class="about" id=about_id.clone()>{about}</span> });
    view! {
        <div class="entry">
            <label for=id>{name}</label>
            <input
                id=id
                name=id
                type=kind
                value=value
                required=required
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=described
            />
            {about}
        </div>
    }
    .into_any()
}

/// A moment of the database's clock.
fn moment(milliseconds: i64) -> String {
    u64::try_from(milliseconds).map_or_else(|_| "–".into(), format::moment)
}

/// What a role lets one do, in a line.
fn role_words(role: Role) -> &'static str {
    match role {
        Role::Public => "sees published runs",
        Role::Annotator => "rates in the projects that he was invited to",
        Role::Researcher => "sees all runs, makes projects and sees what comes of them",
        Role::Admin => "starts jobs, invites people, publishes runs, and all of the rest",
    }
}

/// `an annotator`.
fn with_article(role: Role) -> String {
    match role {
        Role::Annotator | Role::Admin => ["an ", role.word()].concat(),
        Role::Researcher | Role::Public => ["a ", role.word()].concat(),
    }
}
