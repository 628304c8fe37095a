//! The addresses of pages. Every link on a page and every route of the server agrees with this file.

use crate::view::{RunChoice, RunSort};
use std::fmt::Write;

/// The Runs page, narrowed and sorted as chosen, continued after a cursor. What is usual is not said.
pub fn runs(choice: &RunChoice, after: Option<&str>) -> String {
    let mut parameters = Vec::new();
    if !choice.search.is_empty() {
        parameters.push(("q", choice.search.clone()));
    }
    for (facet, value) in &choice.narrowed {
        parameters.push((facet.word(), value.clone()));
    }
    if choice.sort != RunSort::default() {
        parameters.push(("sort", choice.sort.word().to_owned()));
    }
    if choice.direction != choice.sort.usual() {
        parameters.push(("direction", choice.direction.word().to_owned()));
    }
    if choice.grouped {
        parameters.push(("group", "questions".to_owned()));
    }
    if let Some(after) = after {
        parameters.push(("after", after.to_owned()));
    }
    with_query("/", &parameters)
}

/// The place of a run in the list, as the end of an address and as an element's id.
pub fn run_anchor(id: &str) -> String {
    ["run-", &encoded(id)].concat()
}

/// Where a run's tags and note are sent to.
pub fn labels(id: &str) -> String {
    format!("/runs/{}/labels", encoded(id))
}

/// The states of several runs as one stream: each message is named [`run_event`] and is a
/// [`crate::view::RunState`] as JSON.
pub fn states(ids: &[&str]) -> String {
    let parameters: Vec<_> = ids.iter().map(|id| ("run", (*id).to_owned())).collect();
    with_query("/api/states", &parameters)
}

/// The name of a run's messages in [`states`].
pub fn run_event(id: &str) -> String {
    run_anchor(id)
}

/// The Run page with these evaluations drawn; none: the run's own choice.
pub fn run(id: &str, labels: &[&str]) -> String {
    let parameters: Vec<_> = labels
        .iter()
        .map(|label| ("label", (*label).to_owned()))
        .collect();
    with_query(&format!("/runs/{}", encoded(id)), &parameters)
}

/// The answers behind a bar: `bin` is [`crate::view::level_bin`]'s level, `correct` narrows to right
/// or wrong ones.
pub fn answers(
    id: &str,
    label: &str,
    bin: Option<u8>,
    correct: Option<bool>,
    after: Option<&str>,
) -> String {
    let mut parameters = vec![("label", label.to_owned())];
    if let Some(bin) = bin {
        parameters.push(("bin", bin.to_string()));
    }
    if let Some(correct) = correct {
        parameters.push((
            "outcome",
            if correct { "right" } else { "wrong" }.to_owned(),
        ));
    }
    if let Some(after) = after {
        parameters.push(("after", after.to_owned()));
    }
    with_query(&format!("/runs/{}/answers", encoded(id)), &parameters)
}

/// The Question page.
pub fn question(id: &str, question_id: &str) -> String {
    format!("/runs/{}/questions/{}", encoded(id), encoded(question_id))
}

/// Where a run's charts are served as files: `NAME.svg` and `NAME.csv` below it, with the Run page's
/// query.
pub fn charts(id: &str) -> String {
    format!("/runs/{}/charts", encoded(id))
}

/// A file of the run directory; `path` is below it, with `/`.
pub fn file(id: &str, path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(encoded).collect();
    format!("/runs/{}/files/{}", encoded(id), parts.join("/"))
}

/// The Compare page of 2 to 6 entries, each a run's id or `RUN:LABEL`.
pub fn compare(ids: &[&str]) -> String {
    compare_with(ids, &Comparing::default())
}

/// What a Compare page shows beside its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparing<'a> {
    /// The entry that the others are compared with; the first where it is absent.
    pub base: Option<&'a str>,
    /// The entry whose questions are set beside the base's.
    pub with: Option<&'a str>,
    /// The one way of changing that is listed ([`crate::view::Change::name`]).
    pub change: Option<&'a str>,
}

/// As [`compare`], with what it shows.
pub fn compare_with(entries: &[&str], comparing: &Comparing<'_>) -> String {
    let mut parameters: Vec<(&str, String)> = entries
        .iter()
        .map(|entry| ("run", (*entry).to_owned()))
        .collect();
    for (name, value) in [
        ("base", comparing.base),
        ("with", comparing.with),
        ("change", comparing.change),
    ] {
        parameters.extend(value.map(|value| (name, value.to_owned())));
    }
    with_query("/compare", &parameters)
}

/// The paper's tables, filled from these runs; none: from all finished ones.
pub fn tables(runs: &[&str]) -> String {
    tables_in("", runs, None)
}

/// The same as a file, `md`, `csv` or `tex` (empty: the page), of one table or all.
pub fn tables_in(form: &str, runs: &[&str], table: Option<&str>) -> String {
    let mut parameters: Vec<(&str, String)> =
        runs.iter().map(|run| ("run", (*run).to_owned())).collect();
    parameters.extend(table.map(|table| ("table", table.to_owned())));
    let path = match form {
        "" => "/tables".to_owned(),
        form => format!("/tables.{form}"),
    };
    with_query(&path, &parameters)
}

/// The stream of a run's states: each message is a [`crate::view::RunState`] as JSON.
pub fn events(id: &str) -> String {
    format!("/api/runs/{}/events", encoded(id))
}

/// The API page.
pub fn api() -> &'static str {
    "/api"
}

/// The document that the API page is drawn from.
pub fn api_document() -> &'static str {
    "/api/openapi.json"
}

/// Where on the API page a tag's operations stand.
pub fn api_group(name: &str) -> String {
    ["tag-", name].concat()
}

/// Where on the API page a schema stands.
pub fn schema(name: &str) -> String {
    ["schema-", name].concat()
}

fn with_query(path: &str, parameters: &[(&str, String)]) -> String {
    let mut address = path.to_owned();
    for (index, (name, value)) in parameters.iter().enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.push_str(&encoded(value));
    }
    address
}

/// Percent-encodes all but RFC 3986's unreserved characters.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
