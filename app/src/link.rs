//! The addresses of pages. Every link on a page and every route of the server agrees with this file.

use std::fmt::Write;

/// The Runs page, narrowed by a search and continued after a cursor.
pub fn runs(query: &str, after: Option<&str>) -> String {
    let mut parameters = Vec::new();
    if !query.is_empty() {
        parameters.push(("q", query.to_owned()));
    }
    if let Some(after) = after {
        parameters.push(("after", after.to_owned()));
    }
    with_query("/", &parameters)
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

/// The visitor's own file; a result is kept in the address's fragment.
pub fn your_file() -> String {
    "/your-file".to_owned()
}

/// The stream of a run's states: each message is a [`crate::view::RunState`] as JSON.
pub fn events(id: &str) -> String {
    format!("/api/runs/{}/events", encoded(id))
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
