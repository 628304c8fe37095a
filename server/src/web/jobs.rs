//! Jobs over HTTP: started, looked at, cancelled, started again.

use super::api::read;
use super::problem::{Failure, ProblemDocument};
use super::query::Parameters;
use super::{NoJobs, Server};
use crate::db::{JobRow, JobState};
use crate::jobs::{JobError, JobRequest, Jobs};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use utoipa::ToSchema;

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    pub id: String,
    /// The id of the run that it writes.
    pub run: String,
    pub state: JobState,
    /// 1 for the first.
    pub attempt: i64,
    pub exit_code: Option<i64>,
    pub error: Option<String>,
    /// Whether it can be started again where it stopped.
    pub resumable: bool,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

/// A job with its configuration and the end of its log.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobDetail {
    #[serde(flatten)]
    pub job: Job,
    /// TOML.
    pub config: String,
    /// Newest last.
    pub log: Vec<String>,
}

/// `GET /api/jobs`.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobList {
    /// The newest first.
    pub jobs: Vec<Job>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        Job {
            id: row.id,
            run: row.run_id,
            state: row.state,
            attempt: row.attempt,
            exit_code: row.exit_code,
            error: row.error,
            resumable: row.state.is_resumable(),
            created_ms: row.created_ms,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
        }
    }
}

impl fmt::Display for NoJobs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoJobs::Public => out.write_str(
                "Jobs are off: others than this machine can reach this server, and it has no accounts yet.",
            ),
            NoJobs::Database => out.write_str("Jobs are off: the server has no database."),
            NoJobs::Folder(why) => write!(out, "Jobs are off: {why}"),
        }
    }
}

fn jobs_of(server: &Server) -> Result<&Jobs, Failure> {
    server.jobs.as_ref().map_err(|why| match why {
        NoJobs::Public => Failure::new(
            StatusCode::FORBIDDEN,
            why.to_string(),
            "Start the server with --listen 127.0.0.1:PORT, and reach it through a tunnel.",
        ),
        NoJobs::Database => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            why.to_string(),
            "See /readyz for what is wrong with it, mend it, and start the server again.",
        ),
        NoJobs::Folder(_) => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            why.to_string(),
            "Name a folder by --runs, and start the server again.",
        ),
    })
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let detail = sentence(&error.to_string());
        match error {
            JobError::Request(request) => {
                Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail, request.next)
            }
            JobError::Full(_) => Failure::new(
                StatusCode::TOO_MANY_REQUESTS,
                detail,
                "Wait until one is done, or cancel one.",
            ),
            JobError::Busy(_) => Failure::new(
                StatusCode::CONFLICT,
                detail,
                "Wait until it is done, or cancel it.",
            ),
            JobError::Unknown(_) => Failure::new(
                StatusCode::NOT_FOUND,
                detail,
                "See GET /api/jobs for those there are.",
            ),
            JobError::WrongState(_) => Failure::new(
                StatusCode::CONFLICT,
                detail,
                "See GET /api/jobs for how it stands.",
            ),
            JobError::Database(error) => {
                tracing::error!(%error, "jobs: {error}");
                Failure::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The database does not answer.",
                    "Try again. If it stays, the server's log says why.",
                )
            }
        }
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// Lists jobs, the newest first.
#[utoipa::path(
    get, path = "/api/jobs", tag = "jobs",
    params(
        ("limit" = Option<u8>, Query, description = "Rows, 1 to 200; 50 where absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")
    ),
    responses(
        (status = 200, body = JobList),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn list_jobs(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<JobList>, Failure> {
    let jobs = jobs_of(&server)?;
    let query = Parameters::parse(query.as_deref());
    let limit = query.limit()?;
    // One more than is shown tells whether there is a next page.
    let mut rows = jobs.list(query.cursor(), limit as i64 + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id.clone());
    Ok(Json(JobList {
        jobs: rows.into_iter().map(Job::from).collect(),
        next,
    }))
}

/// Starts a run.
#[utoipa::path(
    post, path = "/api/jobs", tag = "jobs", request_body = JobRequest,
    responses(
        (status = 201, body = Job, description = "Queued; `Location` names it"),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn add_job(
    State(server): State<Arc<Server>>,
    request: Result<Json<JobRequest>, JsonRejection>,
) -> Result<impl IntoResponse, Failure> {
    let jobs = jobs_of(&server)?;
    let Json(request) = request.map_err(|rejection| {
        Failure::new(
            rejection.status(),
            rejection.body_text(),
            "Send JSON such as {\"config\": \"world-facts/demo\", \"name\": \"mine\"}, as application/json.",
        )
    })?;
    let runs = read({
        let server = Arc::clone(&server);
        move || Ok(server.library.runs().0)
    })
    .await?;
    let row = jobs
        .add(&request, |id| runs.iter().any(|run| run.found.id == id))
        .await?;
    let place = format!("/api/jobs/{}", row.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(Job::from(row)),
    ))
}

/// One job, with the end of its log.
#[utoipa::path(
    get, path = "/api/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, body = JobDetail),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn get_job(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<JobDetail>, Failure> {
    let jobs = jobs_of(&server)?.clone();
    let row = jobs.job(&id).await?;
    let config = row.config.clone();
    let log = read({
        let id = row.id.clone();
        move || Ok(jobs.log(&id))
    })
    .await?;
    Ok(Json(JobDetail {
        job: row.into(),
        config,
        log,
    }))
}

/// Stops a job. What it has written stays.
#[utoipa::path(
    post, path = "/api/jobs/{id}/cancel", tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, body = Job),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn cancel_job(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Job>, Failure> {
    Ok(Json(jobs_of(&server)?.cancel(&id).await?.into()))
}

/// Starts a job again that failed, was cancelled or interrupted; its run goes on where it stopped.
#[utoipa::path(
    post, path = "/api/jobs/{id}/retry", tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, body = Job),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn retry_job(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Job>, Failure> {
    Ok(Json(jobs_of(&server)?.retry(&id).await?.into()))
}
