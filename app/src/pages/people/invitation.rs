//! An invitation that was opened: what it leads to, and who one will be.

use super::{Entry, entry, role_words, told, with_article};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::view::{InvitationPage, Role};
use leptos::prelude::*;

pub fn frame(page: InvitationPage) -> Frame {
    let title = match (&page.person, &page.project) {
        (Some(_), _) => "Sign in by this link".to_owned(),
        (None, Some(_)) => "You are invited to rate".to_owned(),
        (None, None) => ["You are invited as ", &with_article(page.role)].concat(),
    };
    let project = page.project.clone().map(|title| {
        view! { <p>"The project: " <strong class="foreign">{format::foreign(&title)}</strong></p> }
    });
    let forms = match (&page.person, &page.signed_in_as) {
        (Some(person), _) => named(&page, person),
        (None, Some(me)) => view! { {known(&page, me)} {new(&page, true)} }.into_any(),
        (None, None) => new(&page, false),
    };
    let body = view! {
        <h1>{title.clone()}</h1>
        {told(None, page.wrong.as_deref())}
        {project}
        {forms}
        <p class="minor"><a href=link::privacy()>"What is stored of you, and for how long"</a></p>
    };
    Frame {
        title,
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

/// A link made for one person.
fn named(page: &InvitationPage, person: &str) -> AnyView {
    view! {
        <p>"It works once, and signs this browser in as " <strong class="foreign">{format::foreign(person)}</strong> "."</p>
        <form class="entries" method="post" action=page.address.clone()>
            <button type="submit" class="primary">{["Sign in as ", &format::foreign(person)].concat()}</button>
        </form>
    }
    .into_any()
}

/// Who is signed in already.
fn known(page: &InvitationPage, me: &str) -> AnyView {
    let words = match page.project {
        Some(_) => "Take part as ",
        None => "Take it as ",
    };
    view! {
        <form class="entries" method="post" action=page.address.clone()>
            <input type="hidden" name="as" value="me" />
            <button type="submit" class="primary">{[words, &format::foreign(me)].concat()}</button>
        </form>
    }
    .into_any()
}

/// Somebody new.
fn new(page: &InvitationPage, is_second: bool) -> AnyView {
    let needs_password = page.role == Role::Admin;
    let about = match needs_password {
        true => format!("{} characters at least.", page.password_min),
        false => format!(
            "{} characters at least. Without one, this browser stays signed in for a month, and for another browser you ask for a link.",
            page.password_min
        ),
    };
    let label = match needs_password {
        true => "Password",
        false => "Password, if you want one",
    };
    let heading = is_second.then(|| view! { <h2>"Or as somebody new"</h2> });
    let role = page.role;
    view! {
        {heading}
        <form class="entries" method="post" action=page.address.clone()>
            {is_second.then(|| view! { <input type="hidden" name="as" value="new" /> })}
            {entry(Entry {
                id: "name",
                name: "Name to sign in by",
                kind: "text",
                autocomplete: "username",
                value: page.name.clone(),
                required: true,
                about: "Admins of this server see it. Researchers see a made-up name in its place.".into(),
            })}
            {entry(Entry {
                id: "password",
                name: label,
                kind: "password",
                autocomplete: "new-password",
                value: String::new(),
                required: needs_password,
                about,
            })}
            <button type="submit" class="primary">"Make the account"</button>
        </form>
        <p class="minor">{["As ", &with_article(role), ", one ", role_words(role), "."].concat()}</p>
    }
    .into_any()
}
