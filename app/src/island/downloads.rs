//! A chart to take away: SVG and CSV from the server, PNG drawn from the SVG where scripts run
//! (`page.js` shows that button).

use leptos::prelude::*;

/// `address` is that of the chart's file with an ending, `svg` or `csv`; it may change.
pub fn downloads(
    name: &'static str,
    address: impl Fn(&str) -> String + Clone + Send + 'static,
) -> impl IntoView {
    let svg = {
        let address = address.clone();
        move || address("svg")
    };
    let csv = move || address("csv");
    view! {
        <p class="downloads">
            <span>"Download "</span>
            <a class="svg" href=svg download="">"SVG"</a>
            <button type="button" hidden data-picture=name>"PNG"</button>
            <a href=csv download="">"CSV"</a>
        </p>
    }
}

/// A chart's file: `charts` with a name and an ending, and the query of the page's address.
pub fn file(charts: &str, name: &str, ending: &str, address: &str) -> String {
    let file = [charts, "/", name, ".", ending].concat();
    match address.split_once('?') {
        Some((_, query)) => [&file, "?", query].concat(),
        None => file,
    }
}
