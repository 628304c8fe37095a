//! The form to sign in by.

use super::{Entry, entry, told};
use crate::document::Frame;
use crate::link;
use crate::view::SignInPage;
use leptos::prelude::*;

pub fn frame(page: SignInPage) -> Frame {
    let SignInPage {
        name,
        back,
        wrong,
        is_open,
    } = page;
    let open = is_open.then(|| {
        view! {
            <p>"There is no need to: only this machine can reach this server, and whoever does may do everything."</p>
        }
    });
    // A link from elsewhere brings no cookie along; one from this page does.
    let signed_in = (back != "/").then(|| {
        view! { <p class="minor">"Signed in already, and came here by a link from another site? " <a href=back.clone()>"Go on"</a>"."</p> }
    });
    let body = view! {
        <h1>"Sign in"</h1>
        {told(None, wrong.as_deref())}
        {open}
        <form class="entries" method="post" action=link::sign_in(None)>
            <input type="hidden" name="back" value=back />
            {entry(Entry {
                id: "name",
                name: "Name",
                kind: "text",
                autocomplete: "username",
                value: name,
                required: true,
                about: String::new(),
            })}
            {entry(Entry {
                id: "password",
                name: "Password",
                kind: "password",
                autocomplete: "current-password",
                value: String::new(),
                required: true,
                about: String::new(),
            })}
            <button type="submit" class="primary">"Sign in"</button>
        </form>
        {signed_in}
        <p class="minor">
            "Accounts are made by invitation. Whoever has none, or no password, or forgot it, asks an admin of this server for a link. "
            <a href=link::privacy()>"What is stored"</a>
        </p>
    };
    Frame {
        title: "Sign in".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}
