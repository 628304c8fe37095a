//! A chart's numbers, folded away beneath it.

use leptos::prelude::*;

/// A table of `rows`, opened by its `summary`; `label` names it to screen readers, where it can be scrolled.
pub fn numbers(
    summary: &'static str,
    label: &'static str,
    caption: &'static str,
    columns: &[&'static str],
    rows: impl IntoView + 'static,
) -> AnyView {
    let head = columns
        .iter()
        .map(|column| view! { <th scope="col">{*column}</th> })
        .collect_view();
    view! {
        <details class="numbers">
            <summary>{summary}</summary>
            <div class="scroll" tabindex="0" role="region" aria-label=label>
                <table>
                    <caption>{caption}</caption>
                    <thead><tr>{head}</tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
    .into_any()
}
