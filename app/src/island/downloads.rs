//! A chart to take away: SVG and CSV from the server, PNG drawn from the SVG where scripts run
//! (`page.js` shows that button).

use crate::medium::medium;
use leptos::prelude::*;

/// `charts` is where the charts' files are, `address` the page's own: its query says how the chart is
/// drawn.
pub fn downloads(name: &'static str, charts: &str, address: &str) -> Option<AnyView> {
    let medium = medium();
    if !medium.has_downloads() {
        return None;
    }
    // What is chosen later has no file.
    let words = match medium.is_files() {
        true => "Download, as first drawn ",
        false => "Download ",
    };
    let query = address
        .split_once('?')
        .map_or(String::new(), |(_, query)| ["?", query].concat());
    let file = |ending: &str| [charts, "/", name, ".", ending, &query].concat();
    let line = view! {
        <p class="downloads">
            <span>{words}</span>
            <a class="svg" href=file("svg") download="">"SVG"</a>
            <button type="button" hidden data-picture=name>"PNG"</button>
            <a href=file("csv") download="">"CSV"</a>
        </p>
    };
    Some(line.into_any())
}
