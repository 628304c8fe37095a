//! What is stored of people, and for how long.

use crate::document::Frame;
use crate::link;
use crate::view::PrivacyPage;
use leptos::prelude::*;

pub fn frame(page: PrivacyPage) -> Frame {
    let PrivacyPage {
        session_days,
        program_days_max,
        tries_minutes,
    } = page;
    let rows = [
        (
            "Your name",
            "to sign in by; only admins of this server see it",
            "until you delete the account".to_owned(),
        ),
        (
            "Your password",
            "as an argon2id hash, out of which it cannot be read",
            "until you change it, or delete the account".to_owned(),
        ),
        (
            "A made-up name, such as annotator-7f3a",
            "what researchers and exports have in the place of your name",
            "as long as what you rated; once the account is deleted it leads to nobody".to_owned(),
        ),
        (
            "Where you are signed in",
            "the browser's name and system, when it signed in, and to the minute when it was seen last; of its token only a hash",
            format!("{session_days} days, or until you sign out"),
        ),
        (
            "Tokens of programs",
            "what you called them, and a hash",
            format!("as long as you chose, {program_days_max} days at most, or until you remove them"),
        ),
        (
            "Your ratings",
            "score or choice, words that you marked, notes, reasons for skipping, when each was saved, which item it was, each correction, and for how long you were active on it (the page visible, and something done in the last minute)",
            "as long as the project; you can leave with or without them".to_owned(),
        ),
        (
            "What happened around them",
            "when you joined, agreed (and to which text), were handed items, paused, and left",
            "as long as the project".to_owned(),
        ),
        (
            "Acts that others must be able to check",
            "signing in, invitations, roles, tokens, published runs, projects: who, what and when, by the made-up name",
            "as long as the database".to_owned(),
        ),
        (
            "Tries to sign in",
            "the name and the address that they came from, in memory alone",
            format!("{tries_minutes} minutes"),
        ),
    ]
    .into_iter()
    .map(|(what, why, how_long)| {
        view! { <tr><th scope="row">{what}</th><td data-name="How">{why}</td><td data-name="For how long">{how_long}</td></tr> }
    })
    .collect_view();
    let body = view! {
        <h1>"What is stored of you"</h1>
        <p class="lede">"Who looks at runs without an account leaves nothing here: no cookie is set, and no address is written down."</p>
        <div class="scroll" tabindex="0" role="region" aria-label="What is stored">
            <table class="privacy">
                <thead>
                    <tr><th scope="col">"What"</th><th scope="col">"How"</th><th scope="col">"For how long"</th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <section aria-labelledby="in-browser">
            <h2 id="in-browser">"In your browser"</h2>
            <p>
                "One cookie, "
                <code>"sayself"</code>
                ", once you signed in: it is needed to know you, no script can read it, and no other site is sent it. Ratings that are on their way to the server are kept in the browser until the server has them, and what you have begun to say of an item until you send it (the last 30 items). Whether the look is light or dark, whether keys are switched on, and whether the rubric is folded, is kept there too."
            </p>
            <p>
                "Once you have fetched the demo's model, its files are kept there, with a copy of the demo's page, a script that opens it without a network (a service worker), and a mark that the model is here. The button " <q>"Remove it"</q> " on that page takes all of it away."
            </p>
        </section>
        <section aria-labelledby="yours">
            <h2 id="yours">"What you can do"</h2>
            <ul>
                <li>"Take away all that is stored of you, as JSON: on the page " <a href=link::account()>"Account"</a> "."</li>
                <li>"Leave a project, with your ratings or without them."</li>
                <li>"Delete the account, with your ratings or without them."</li>
                <li>"Ask the researchers of a project: how to reach them stands on its first page."</li>
            </ul>
            <p>"Nothing is sent to anybody else. Backups that whoever runs this server made before you deleted something still have it, as long as they keep them."</p>
        </section>
    };
    Frame {
        title: "What is stored of you".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}
