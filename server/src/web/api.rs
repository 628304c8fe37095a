//! The REST API over runs: what the pages show, as JSON.

use super::Server;
use super::problem::{Fails, Failure};
use super::query::Parameters;
use crate::limits::{INDEX_API_MS_MAX, SITE_ANSWERS_OF_PAGE};
use crate::people::Seen;
use crate::runs::Run;
use crate::runs::browse::Reads;
use app::view::{AnswerList, QuestionDetail, RunDetail, RunRow};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// How long an answer waits for an index; pages show what is there.
pub const API_PATIENCE: Duration = Duration::from_millis(INDEX_API_MS_MAX);

/// `GET /api/runs`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunList {
    pub runs: Vec<RunRow>,
    /// Runs that match, on whatever page.
    pub matching: u64,
    /// The cursor of the next page; it goes with the same parameters.
    pub next: Option<String>,
}

/// Work on the file system, off the threads that serve.
pub async fn read<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Passed on, so that it is told once, where all panics are.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Failure::internal()),
        },
    }
}

/// Lists runs, the newest first where nothing else is asked for.
#[utoipa::path(
    get, path = "/api/runs", tag = "runs",
    params(
        ("q" = Option<String>, Query, description = "Runs that have each of these words in their title, id, model, method, data set, tags or note; 200 bytes at most"),
        ("model" = Option<String>, Query, description = "Runs of this model"),
        ("method" = Option<String>, Query, description = "Runs whose headline evaluation has this method"),
        ("questions" = Option<String>, Query, description = "Runs on this data set"),
        ("state" = Option<String>, Query, description = "`running`, `waiting`, `finished`, `failed` or `damaged`"),
        ("tag" = Option<String>, Query, description = "Runs with this tag, whatever its case"),
        ("sort" = Option<String>, Query, description = "`started` (the default), `title`, `state`, `model`, `method`, `questions`, `n`, `accuracy`, `ece`, `smece`, `brier` or `auroc`; runs without a figure come last"),
        ("direction" = Option<String>, Query, description = "`ascending` or `descending`; where absent, `descending` for `started`, `n`, `accuracy` and `auroc`, else `ascending`"),
        ("group" = Option<String>, Query, description = "`questions`: runs on the same data set together"),
        ("limit" = Option<u8>, Query, description = "Rows, 1 to 200; 50 where absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")
    ),
    responses(
        (status = 200, body = RunList),
        Fails<400>
    )
)]
pub async fn list_runs(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Json<RunList>, Failure> {
    let page = read({
        let server = Arc::clone(&server);
        let noted = super::labels::noted(&server).await;
        move || {
            let query = Parameters::parse(query.as_deref());
            super::runs::page_of_runs(&server, &seen, &query, &noted).map(|(page, _)| page)
        }
    })
    .await?;
    super::health::tend_index(server);
    Ok(Json(RunList {
        runs: page.rows,
        matching: page.matching,
        next: page.next,
    }))
}

/// All about one run.
#[utoipa::path(
    get, path = "/api/runs/{id}", tag = "runs",
    params(
        ("id" = String, Path, description = "The run's id"),
        ("label" = Option<String>, Query, description = "An evaluation to draw; may be there twice")
    ),
    responses(
        (status = 200, body = RunDetail),
        Fails<404>
    )
)]
pub async fn get_run(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<RunDetail>, Failure> {
    read(move || {
        let run = server.find(&seen, &id)?;
        let labels = Parameters::parse(query.as_deref()).labels();
        server.library.indexed(&run, Reads::Answers, API_PATIENCE);
        server
            .library
            .detail(&run, server.summary(&run), &labels)
            .map(Json)
            .map_err(|error| Failure::unreadable(&error))
    })
    .await
}

/// The answers that a page of them shows.
pub fn page_of_answers(
    server: &Server,
    run: &Run,
    query: &Parameters,
) -> Result<AnswerList, Failure> {
    let mut asked = query.answers()?;
    if server.medium.is_files() {
        asked.limit = SITE_ANSWERS_OF_PAGE;
    }
    server
        .library
        .answers(run, server.summary(run), query.label(), asked)
        .map_err(|error| Failure::unreadable(&error))?
        .ok_or_else(|| Failure::not_found("evaluation"))
}

/// Lists the answers of one evaluation, narrowed and ordered.
///
/// A search reads 16 MiB of the file at most for one page: `searched` says how far it went, and the next
/// page goes on from there. Texts of more than 2,000 characters are cut and say so; the record's own
/// address has the whole. Where the file is still being indexed after 20 seconds, `indexing` says how far
/// that is, and the list has what is indexed.
#[utoipa::path(
    get, path = "/api/runs/{id}/answers", tag = "runs",
    params(
        ("id" = String, Path, description = "The run's id"),
        ("label" = Option<String>, Query, description = "The evaluation; the headline's where absent"),
        ("bin" = Option<u8>, Query, description = "The bar of the confidence histogram", minimum = 0, maximum = 10),
        ("low" = Option<f64>, Query, description = "Probability from here, inclusive"),
        ("high" = Option<f64>, Query, description = "Probability to here, exclusive but for 1"),
        ("correct" = Option<bool>, Query, description = "Only right or only wrong answers"),
        ("template" = Option<String>, Query, description = "Only answers to questions of this template"),
        ("failed" = Option<bool>, Query, description = "Only answers whose confidence could not, or could, be read"),
        ("q" = Option<String>, Query, description = "Answers that have this in question, answer, gold answer, response or id; 200 bytes at most"),
        ("sort" = Option<String>, Query, description = "`file`, the default; `surest` or `least-sure` first"),
        ("limit" = Option<u8>, Query, description = "Rows, 1 to 200; 50 where absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("before" = Option<String>, Query, description = "`previous` of the page after")
    ),
    responses(
        (status = 200, body = AnswerList),
        Fails<400>, Fails<404>
    )
)]
pub async fn list_answers(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<AnswerList>, Failure> {
    read(move || {
        let run = server.find(&seen, &id)?;
        server.library.indexed(&run, Reads::Answers, API_PATIENCE);
        page_of_answers(&server, &run, &Parameters::parse(query.as_deref())).map(Json)
    })
    .await
}

/// What a run says of one question.
pub fn question_of(
    server: &Server,
    run: &Run,
    id: &str,
    query: &Parameters,
) -> Result<QuestionDetail, Failure> {
    let found = server
        .library
        .question(run, server.summary(run), id, query.threshold()?)
        .map_err(|error| Failure::unreadable(&error))?;
    found.ok_or_else(|| {
        match server.library.indexed(run, Reads::Questions, Duration::ZERO) {
            None => Failure::not_found("question"),
            Some(indexing) => Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!(
                    "The run's files are being indexed, and this question is not among what is read: {}.",
                    indexing.words()
                ),
                "Try again in a moment.",
            ),
        }
    })
}

/// All that a run says of one question.
#[utoipa::path(
    get, path = "/api/runs/{id}/questions/{question_id}", tag = "runs",
    params(
        ("id" = String, Path, description = "The run's id"),
        ("question_id" = String, Path, description = "The question's id"),
        ("threshold" = Option<f64>, Query, description = "Echoed in millionths, for the page; clusters are the stored ones")
    ),
    responses(
        (status = 200, body = QuestionDetail),
        Fails<400>, Fails<404>, Fails<503>
    )
)]
pub async fn get_question(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, question_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Json<QuestionDetail>, Failure> {
    read(move || {
        let run = server.find(&seen, &id)?;
        server.library.indexed(&run, Reads::Questions, API_PATIENCE);
        question_of(
            &server,
            &run,
            &question_id,
            &Parameters::parse(query.as_deref()),
        )
        .map(Json)
    })
    .await
}
