//! The frame of every page: head, header, main, footer, scripts.

use crate::format;
use crate::page::RenderContext;
use leptos::prelude::*;
use std::sync::LazyLock;

/// Chooses light or dark before the first paint and wires the button; a page without it follows the
/// system.
const THEME_SCRIPT: &str = include_str!("theme.js");

/// Loads the islands' module and wakes each island on the page.
const ISLANDS_SCRIPT: &str = include_str!("islands.js");

/// The style sheet within each page: a file of its own would be one more journey before the first paint,
/// half a second on a slow line.
static STYLE: LazyLock<String> = LazyLock::new(|| compact(crate::stylesheet()));

/// A style sheet without its comments, indents and empty lines.
fn compact(sheet: &str) -> String {
    let mut short = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some((before, after)) = rest.split_once("/*") {
        short.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    short.push_str(rest);
    let lines = short.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<&str>>()
        .join("\n")
}

/// Draws charts as pictures and keeps forms in step with the address; pages work without it.
const PAGE_SCRIPT: &str = include_str!("page.js");

/// The main pages, in the header of each.
const ENTRIES: [(&str, &str); 6] = [
    ("/", "Runs"),
    ("/demo", "Demo"),
    ("/tables", "Tables"),
    ("/your-file", "Your file"),
    ("/jobs", "Jobs"),
    ("/api", "API"),
];

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
    let lively = downloads.then(|| {
        let nonce = nonce.clone();
        view! { <script nonce=nonce inner_html=PAGE_SCRIPT></script> }
    });
    let wake = (islands && context.assets_present).then(|| {
        let nonce = nonce.clone();
        view! {
            <link rel="modulepreload" href="/assets/app.js" />
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
        .map(|(address, words)| {
            let current = (path == *address).then_some("page");
            view! { <a href=*address aria-current=current>{*words}</a> }
        })
        .collect_view();
    let html = view! {
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <title>{[&title, " · sayself"].concat()}</title>
                <link rel="icon" href="data:," />
                <style nonce=nonce.clone() inner_html=STYLE.as_str()></style>
                <script nonce=nonce inner_html=THEME_SCRIPT></script>
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
                    </nav>
                    <button type="button" id="theme" hidden>"Dark"</button>
                </header>
                {warnings}
                <main id="main" tabindex="-1">{body}</main>
                <footer class="site">
                    <p>
                        "Intervals are 95%. Calibration depends on the questions: what holds on these may not hold on yours."
                    </p>
                </footer>
            </body>
        </html>
    };
    ["<!DOCTYPE html>", &format::visible(&html.to_html())].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compact_sheet_says_the_same() {
        let sheet = "/* a { } */\na {\n\n  color: var(--text); /* b */\n  margin:\n    0 auto;\n}\n/* no end";
        assert_eq!(
            compact(sheet),
            "a {\ncolor: var(--text);\nmargin:\n0 auto;\n}"
        );
    }
}
