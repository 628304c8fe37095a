//! The frame of every page: head, header, main, footer, scripts.

use crate::format;
use crate::link;
use crate::marks;
use crate::medium::Medium;
use crate::page::RenderContext;
use crate::raw_text::escaped;
use crate::sheets;
use crate::view::{Role, Viewer};
use leptos::prelude::*;

/// Chooses light or dark before the first paint and wires the button; a page without it follows the
/// system.
pub const THEME_SCRIPT: &str = include_str!("theme.js");

/// Loads the islands' module and wakes each island on the page.
const ISLANDS_SCRIPT: &str = include_str!("islands.js");

/// Draws charts as pictures and keeps forms in step with the address; pages work without it.
const PAGE_SCRIPT: &str = include_str!("page.js");

/// What stands in a page that is a file in place of its policy: only who writes it knows its scripts.
pub const POLICY_TO_COME: &str = "to come";

/// The main pages, in the header of each, and who is offered them.
const ENTRIES: [(&str, &str, Role); 7] = [
    ("/", "Runs", Role::Public),
    ("/demo", "Demo", Role::Public),
    ("/tables", "Tables", Role::Public),
    ("/your-file", "Your file", Role::Public),
    ("/annotate", "Annotate", Role::Annotator),
    ("/jobs", "Jobs", Role::Admin),
    ("/api", "API", Role::Public),
];

/// Whether a main page is offered: among files there is nothing that a program could ask.
fn is_offered(address: &str, least: Role, context: &RenderContext) -> bool {
    context.viewer.role >= least && !(context.medium.is_files() && address == link::api())
}

/// What is about people stands after them, smaller.
fn personal(viewer: Viewer) -> Vec<(String, &'static str)> {
    let mut entries = Vec::new();
    if viewer.role >= Role::Admin {
        entries.push((link::people().to_owned(), "People"));
    }
    if viewer.signed_in {
        entries.push((link::account().to_owned(), "Account"));
    } else if viewer.has_accounts {
        entries.push((link::sign_in(None), "Sign in"));
    }
    entries
}

/// What the frame needs to know of its page.
pub struct Frame {
    /// Without the site's name.
    pub title: String,
    /// Whether an island stands on the page.
    pub islands: bool,
    /// Whether charts can be taken away from the page.
    pub downloads: bool,
    pub body: AnyView,
}

/// The whole document.
pub fn document(frame: Frame, context: &RenderContext) -> String {
    let Frame {
        title,
        islands,
        downloads,
        body,
    } = frame;
    let nonce = context.nonce.clone();
    let lively = (downloads && context.medium.has_downloads()).then(|| {
        let nonce = nonce.clone();
        view! { <script nonce=nonce inner_html=PAGE_SCRIPT></script> }
    });
    let wake = (islands && context.assets_present).then(|| {
        let nonce = nonce.clone();
        view! {
            <link rel="modulepreload" href=link::asset("app.js") data-packed=context.medium.packed() />
            <script type="module" nonce=nonce inner_html=ISLANDS_SCRIPT></script>
        }
    });
    let warnings = context
        .warnings
        .iter()
        .map(|warning| view! { <p>{format::foreign(warning)}</p> })
        .collect_view();
    let warnings = (!context.warnings.is_empty())
        .then(|| view! { <div class="server-warnings" role="status">{warnings}</div> });
    let path = context.path.split('?').next().unwrap_or_default();
    let entries = ENTRIES
        .iter()
        .filter(|(address, _, least)| is_offered(address, *least, context))
        .map(|(address, words, _)| {
            let current = (path == *address).then_some("page");
            view! { <a href=*address aria-current=current>{*words}</a> }
        })
        .collect_view();
    let personal = personal(context.viewer)
        .into_iter()
        .map(|(address, words)| {
            let current = (path == address).then_some("page");
            view! { <a class="personal" href=address aria-current=current>{words}</a> }
        })
        .collect_view();
    let body = body.to_html();
    // Within the page: a file of its own would be one more journey before the first paint, half a second
    // on a slow line.
    let title = escaped(&[&title, " · sayself"].concat());
    let first = match context.medium {
        Medium::Server => {
            let own = sheets::of(&body);
            view! {
                <style nonce=nonce.clone() inner_html=own></style>
                <script nonce=nonce inner_html=THEME_SCRIPT></script>
            }
            .into_any()
        }
        // There, all pages share them: they are many, and lie beside one another.
        Medium::Files { .. } => view! {
            <link rel="stylesheet" href=link::stylesheet() />
            <script src=link::theme_script()></script>
        }
        .into_any(),
    };
    let policy = context.medium.is_files().then(|| {
        view! { <meta http-equiv="Content-Security-Policy" content=POLICY_TO_COME /> }
    });
    let stored = match context.medium {
        Medium::Server => view! { <a href=link::privacy()>"What is stored"</a> }.into_any(),
        Medium::Files { .. } => {
            "These pages are plain files: nothing that you do here is sent.".into_any()
        }
    };
    let html = view! {
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                {policy}
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <title inner_html=title></title>
                <link rel="icon" href="data:," />
                {first}
                {lively}
                {wake}
            </head>
            <body>
                <a class="skip" href="#main">"Skip to content"</a>
                <header class="site">
                    <a class="name" href="/">"sayself"</a>
                    <span class="motto">"can its confidence be trusted?"</span>
                    <nav aria-label="Main">
                        {entries}
                        {personal}
                    </nav>
                    <button type="button" id="theme" hidden>"Dark"</button>
                </header>
                {warnings}
                <main id="main" tabindex="-1" inner_html=body></main>
                <footer class="site">
                    <p>
                        "Intervals are 95%. Calibration depends on the questions: what holds on these may not hold on yours. "
                        {stored}
                    </p>
                </footer>
            </body>
        </html>
    };
    let html = marks::without(&html.to_html());
    ["<!DOCTYPE html>", &format::visible(&html)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_offered_what_is_not_for_him() {
        let words = |role, signed_in, has_accounts| {
            let viewer = Viewer {
                role,
                signed_in,
                has_accounts,
            };
            let words = personal(viewer).into_iter().map(|(_, words)| words);
            words.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(words(Role::Public, false, true), "Sign in");
        assert_eq!(words(Role::Annotator, true, true), "Account");
        assert_eq!(words(Role::Admin, true, true), "People, Account");
        // A server without accounts, and one with accounts but without an admin.
        assert_eq!(words(Role::Admin, false, false), "People");
        assert_eq!(words(Role::Admin, false, true), "People, Sign in");
    }
}
