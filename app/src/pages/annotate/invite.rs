//! Invitations to a project.

use crate::link;
use crate::view::{ProjectPage, ProjectState};
use leptos::prelude::*;

/// Puts a link into the clipboard.
const COPY_SCRIPT: &str = include_str!("copy.js");

/// The form that makes a link for annotators, and the link that it made.
pub fn invite(page: &ProjectPage, nonce: &str) -> AnyView {
    let row = &page.detail.row;
    if row.state == ProjectState::Closed {
        return ().into_any();
    }
    let made = page.invitation.clone().map(|link| {
        view! {
            <div class="notice invitation">
                <p><strong>"Send this link."</strong> " It is shown this once."</p>
                <p class="link"><code id="invitation">{link.clone()}</code></p>
                <p class="actions">
                    <button type="button" data-copy-text="invitation" hidden>"Copy"</button>
                    <span role="status"></span>
                </p>
                <script nonce=nonce.to_owned() inner_html=COPY_SCRIPT></script>
            </div>
        }
    });
    view! {
        <section aria-labelledby="invite">
            <h2 id="invite">"Invite annotators"</h2>
            {made}
            <form class="invite" method="post" action=link::project_invitations(&row.id)>
                <label>"For so many people" <input type="number" name="uses" value="1" min="1" max="100" step="1" required /></label>
                <label>"Days until it ends" <input type="number" name="days" value="14" min="1" max="90" step="1" required /></label>
                <label class="wide">"Note, for yourself" <input type="text" name="note" maxlength="200" autocomplete="off" /></label>
                <button type="submit">"Make a link"</button>
            </form>
            <p class="minor">"Who opens it chooses a name and takes part. You see made-up names alone."</p>
        </section>
    }
    .into_any()
}
