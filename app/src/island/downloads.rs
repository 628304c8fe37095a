//! A chart to take away: SVG and CSV from the server, PNG drawn from the SVG where scripts run
//! (`page.js` shows that button).

use leptos::prelude::*;

/// `charts` is where the charts' files are, `address` the page's own: its query says how the chart is
/// drawn.
pub fn downloads(name: &'static str, charts: &str, address: &str) -> impl IntoView + use<> {
    let query = address
        .split_once('?')
        .map_or(String::new(), |(_, query)| ["?", query].concat());
    let file = |ending: &str| [charts, "/", name, ".", ending, &query].concat();
    view! {
        <p class="downloads">
            <span>"Download "</span>
            <a class="svg" href=file("svg") download="">"SVG"</a>
            <button type="button" hidden data-picture=name>"PNG"</button>
            <a href=file("csv") download="">"CSV"</a>
        </p>
    }
}
