//! The addresses of pages. Every link on a page and every route of the server agrees with this file.

use crate::view::{AnswerFilter, AnswerOrder, RunChoice, RunSort};
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

/// The answers of an evaluation, narrowed and ordered; `turn` is `("after", cursor)` or
/// `("before", cursor)`.
pub fn narrowed_answers(
    id: &str,
    label: &str,
    filter: &AnswerFilter,
    order: AnswerOrder,
    turn: Option<(&str, &str)>,
) -> String {
    let mut parameters = vec![("label", label.to_owned())];
    let words = [
        (
            "q",
            Some(filter.search.clone()).filter(|search| !search.is_empty()),
        ),
        ("bin", filter.bin.map(|bin| bin.to_string())),
        ("low", filter.low.map(|low| low.to_string())),
        ("high", filter.high.map(|high| high.to_string())),
        (
            "outcome",
            filter
                .correct
                .map(|correct| if correct { "right" } else { "wrong" }.to_owned()),
        ),
        ("template", filter.template.clone()),
        (
            "failed",
            filter
                .failed
                .map(|failed| if failed { "yes" } else { "no" }.to_owned()),
        ),
        (
            "sort",
            (order != AnswerOrder::default()).then(|| order.name().to_owned()),
        ),
    ];
    parameters.extend(
        words
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    parameters.extend(turn.map(|(way, cursor)| (way, cursor.to_owned())));
    with_query(&format!("/runs/{}/answers", encoded(id)), &parameters)
}

/// The Question page with the clusters at a threshold, in millionths.
pub fn question_at(id: &str, question_id: &str, threshold: i32) -> String {
    [
        &question(id, question_id),
        "?threshold=",
        &threshold_text(threshold),
    ]
    .concat()
}

/// A threshold in millionths as it stands in an address and in a field: `0.83`.
pub fn threshold_text(millionths: i32) -> String {
    let digits = millionths.unsigned_abs();
    let fraction = format!("{:06}", digits % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    let sign = if millionths < 0 { "-" } else { "" };
    let whole = digits / 1_000_000;
    match fraction {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    }
}

/// A threshold −1..=1 as it is typed, in millionths, rounded down; `None` where it is none.
pub fn millionths(text: &str) -> Option<i32> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole)
        || !is_plain(fraction)
        || whole.len() + fraction.len() == 0
        || digits.len() > 40
    {
        return None;
    }
    let unit: i32 = match whole.trim_start_matches('0') {
        "" => 0,
        "1" => 1_000_000,
        _ => return None,
    };
    let kept: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let rest = fraction.bytes().skip(6).any(|digit| digit != b'0');
    let size = unit + kept.parse::<i32>().ok()?;
    let value = if negative {
        -size - i32::from(rest)
    } else {
        size
    };
    let inside = (-1_000_000..=1_000_000).contains(&value) && !(size == 1_000_000 && rest);
    inside.then_some(value)
}

/// The records of a question as they stand in a file of the run: `kind` is `answers` (of the evaluation
/// `label`), `samples`, `clusters`, `heights`, `rationales` or `questions`.
pub fn records(id: &str, question_id: &str, kind: &str, label: Option<&str>) -> String {
    let parameters: Vec<_> = label
        .map(|label| ("label", label.to_owned()))
        .into_iter()
        .collect();
    let path = [&question(id, question_id), "/records/", kind].concat();
    with_query(&path, &parameters)
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

/// The same of a question, with the Question page's query.
pub fn question_charts(id: &str, question_id: &str) -> String {
    [&question(id, question_id), "/charts"].concat()
}

/// The same of a comparison, with the Compare page's query.
pub fn compare_charts() -> &'static str {
    "/compare/charts"
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

/// The visitor's own file; a result is kept in the address's fragment.
pub fn your_file() -> String {
    "/your-file".to_owned()
}

/// A file of the browser's part of the pages.
pub fn asset(path: &str) -> String {
    ["/assets/", path].concat()
}

/// All style sheets as one.
pub fn stylesheet() -> String {
    asset("style.css")
}

/// What chooses light or dark, as a file of its own.
pub fn theme_script() -> String {
    asset("theme.js")
}

/// The demo; a shared answer is kept in the address's fragment.
pub fn demo() -> String {
    "/demo".to_owned()
}

/// A file of the demo: `about.json`, `offline.js`, `web/page.js`.
pub fn demo_file(path: &str) -> String {
    ["/demo/", path].concat()
}

/// Where the model on the server is asked.
pub fn demo_ask() -> &'static str {
    "/api/demo"
}

/// The folder of the demo's model, relative to the demo's own.
pub const DEMO_MODEL_FOLDER: &str = "model";

/// A file of the demo's model, by its SHA-256 in hex, relative to the demo's folder.
pub fn demo_model(sha256: &str, name: &str) -> String {
    [DEMO_MODEL_FOLDER, &encoded(sha256), &encoded(name)].join("/")
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

/// What one can rate, and the projects.
pub fn annotate() -> &'static str {
    "/annotate"
}

/// The form for a new project, begun with another project's words, or with a run.
pub fn new_project(from: Option<&str>, run: Option<&str>) -> String {
    let mut parameters = Vec::new();
    parameters.extend(from.map(|from| ("from", from.to_owned())));
    parameters.extend(run.map(|run| ("run", run.to_owned())));
    with_query("/annotate/new", &parameters)
}

/// A project as researchers see it.
pub fn project(id: &str) -> String {
    format!("/annotate/{}", encoded(id))
}

/// What opens, pauses, closes or deletes a project (POST).
pub fn project_state(id: &str) -> String {
    [&project(id), "/state"].concat()
}

/// What makes an invitation to a project (POST).
pub fn project_invitations(id: &str) -> String {
    [&project(id), "/invitations"].concat()
}

/// How the raters of a project agree.
pub fn agreement(id: &str) -> String {
    [&project(id), "/agreement"].concat()
}

/// Where the charts of a project's agreement are served as files: `NAME.svg` and `NAME.csv` below it.
pub fn agreement_charts(id: &str) -> String {
    [&agreement(id), "/charts"].concat()
}

/// What settles an item that raters differ on (POST).
pub fn settle(id: &str, item: &str) -> String {
    format!("{}/items/{}/settle", project(id), encoded(item))
}

/// A file of what a project has so far; `what` and `form` as the API names them.
pub fn project_export(id: &str, what: &str, form: &str) -> String {
    with_query(
        &format!("/api/projects/{}/export", encoded(id)),
        &[("what", what.to_owned()), ("form", form.to_owned())],
    )
}

/// The page on which a project's items are rated.
pub fn work(id: &str) -> String {
    [&project(id), "/work"].concat()
}

/// The same with the item that was rated last, to rate it again.
pub fn work_again(id: &str) -> String {
    [&work(id), "?undo=1"].concat()
}

/// The same after a plain form has saved a rating, by the attempt's key.
pub fn saved(id: &str, key: &str) -> String {
    with_query(&work(id), &[("saved", key.to_owned())])
}

/// What keeps a rating (POST).
pub fn rate(id: &str) -> String {
    [&work(id), "/rate"].concat()
}

/// What keeps that somebody agreed (POST).
pub fn consent(id: &str) -> String {
    [&work(id), "/consent"].concat()
}

/// What pauses one's own work, or goes on with it (POST).
pub fn pause_work(id: &str) -> String {
    [&work(id), "/pause"].concat()
}

/// Where scripts ask for items and send ratings.
pub fn work_api(id: &str) -> String {
    format!("/api/work/{}", encoded(id))
}

/// A step of the work (`consent`, `training`, `ready`) as an annotator will see it, from an item on.
pub fn preview(id: &str, step: &str, turn: usize) -> String {
    let mut parameters = Vec::new();
    if step != "ready" {
        parameters.push(("step", step.to_owned()));
    }
    if turn > 0 {
        parameters.push(("turn", turn.to_string()));
    }
    with_query(&[&project(id), "/preview"].concat(), &parameters)
}

/// Where one signs in; `back` is where it leads to.
pub fn sign_in(back: Option<&str>) -> String {
    let parameters: Vec<_> = back
        .filter(|back| *back != "/")
        .map(|back| ("back", back.to_owned()))
        .into_iter()
        .collect();
    with_query("/sign-in", &parameters)
}

/// What signs out (POST).
pub fn sign_out() -> &'static str {
    "/sign-out"
}

/// An invitation, as a path.
pub fn invitation(token: &str) -> String {
    format!("/invitation/{}", encoded(token))
}

/// One's own account.
pub fn account() -> &'static str {
    "/account"
}

/// All that a server has of who asks, as JSON.
pub fn own_data() -> &'static str {
    "/account/data.json"
}

/// People and invitations.
pub fn people() -> &'static str {
    "/people"
}

/// What changes a person (POST): `what` is `role`, `disabled` or `link`.
pub fn person(id: &str, what: &str) -> String {
    format!("/people/{}/{what}", encoded(id))
}

/// What takes an invitation back (POST).
pub fn end_invitation(id: &str) -> String {
    format!("/people/invitations/{}/end", encoded(id))
}

/// What was done, the newest first, continued after a cursor.
pub fn audit(after: Option<&str>) -> String {
    let parameters: Vec<_> = after
        .map(|after| ("after", after.to_owned()))
        .into_iter()
        .collect();
    with_query("/audit", &parameters)
}

/// What is stored of people, and for how long.
pub fn privacy() -> &'static str {
    "/privacy"
}

/// What shows a run to everybody, or no longer (POST).
pub fn published(id: &str) -> String {
    format!("/runs/{}/published", encoded(id))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_written_as_they_are_read() {
        for text in ["0", "0.83", "1", "-0.5", "0.785398"] {
            assert_eq!(millionths(text).map(threshold_text).as_deref(), Some(text));
        }
        assert_eq!(millionths(" 0.8300009 "), Some(830_000));
        assert_eq!(millionths("-0.0000001"), Some(-1));
        assert_eq!(millionths(".5"), Some(500_000));
        for text in [
            "",
            ".",
            "2",
            "1.0000001",
            "NaN",
            "0.8x",
            "1e-1",
            "--1",
            "+0.5",
        ] {
            assert_eq!(millionths(text), None, "{text}");
        }
    }

    #[test]
    fn a_narrowed_list_keeps_what_narrows_it() {
        let filter = AnswerFilter {
            bin: Some(7),
            correct: Some(false),
            search: "a&b".into(),
            ..AnswerFilter::default()
        };
        assert_eq!(
            narrowed_answers(
                "r",
                "x y",
                &filter,
                AnswerOrder::Surest,
                Some(("after", "0.7_12"))
            ),
            "/runs/r/answers?label=x%20y&q=a%26b&bin=7&outcome=wrong&sort=surest&after=0.7_12"
        );
    }
}
