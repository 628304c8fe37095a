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

/// The stream of a run's states: each message is a [`crate::view::RunState`] as JSON.
pub fn events(id: &str) -> String {
    format!("/api/runs/{}/events", encoded(id))
}

/// The Jobs page, narrowed to a state and continued after a cursor.
pub fn jobs_in(state: Option<crate::view::JobState>, after: Option<&str>) -> String {
    let mut parameters = Vec::new();
    if let Some(state) = state {
        parameters.push(("state", state.word().to_owned()));
    }
    if let Some(after) = after {
        parameters.push(("after", after.to_owned()));
    }
    with_query("/jobs", &parameters)
}

/// The Jobs page.
pub fn jobs() -> String {
    jobs_in(None, None)
}

/// The page of a job.
pub fn job(id: &str) -> String {
    format!("/jobs/{}", encoded(id))
}

/// The page of a job with the lines of its log that end before a byte.
pub fn job_log(id: &str, before: u64) -> String {
    with_query(&job(id), &[("before", before.to_string())])
}

/// The form for a new job that begins with a shipped configuration, or with a run's.
pub fn new_job(config: Option<&str>, run: Option<&str>) -> String {
    let mut parameters = Vec::new();
    if let Some(config) = config {
        parameters.push(("config", config.to_owned()));
    }
    if let Some(run) = run {
        parameters.push(("run", run.to_owned()));
    }
    with_query("/jobs/new", &parameters)
}

/// The form for a new job that begins with an earlier one.
pub fn new_job_from(job: &str) -> String {
    with_query("/jobs/new", &[("job", job.to_owned())])
}

/// What stops a job (POST).
pub fn cancel_job(id: &str) -> String {
    format!("/jobs/{}/cancel", encoded(id))
}

/// What starts a job again where it stopped (POST).
pub fn retry_job(id: &str) -> String {
    format!("/jobs/{}/retry", encoded(id))
}

/// The stream of a job's states and of its log, from a byte on.
pub fn job_events(id: &str, cursor: u64) -> String {
    with_query(
        &format!("/api/jobs/{}/events", encoded(id)),
        &[("cursor", cursor.to_string())],
    )
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
