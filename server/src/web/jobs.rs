//! Jobs over HTTP: started, looked at, cancelled, started again.

use super::api::read;
use super::problem::{BadBody, Fails, Failure};
use super::query::Parameters;
use super::sent::json;
use super::{NoJobs, Server};
use crate::db::{JobRow, JobState};
use crate::jobs::{JobError, JobRequest, Jobs, stage};
use app::view::{Job, JobDetail, JobList, JobLog, StageList};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// What of jobs and runs a job's row is shown with.
pub struct Beside {
    /// The ids of the jobs that wait, the next first.
    waiting: Vec<String>,
}

impl Beside {
    pub async fn now(jobs: &Jobs) -> Result<Self, Failure> {
        Ok(Beside {
            waiting: jobs.waiting().await?,
        })
    }

    /// A job as it is shown. Blocks on the file system where it runs.
    pub fn job(&self, server: &Server, row: &JobRow) -> Job {
        let place = self.waiting.iter().position(|id| *id == row.id);
        let progress = (row.state == JobState::Running)
            .then(|| server.library.run(&row.run_id))
            .flatten()
            .map(|run| server.summary(&run).state);
        Job {
            id: row.id.clone(),
            run: row.run_id.clone(),
            stage: row.stage.clone(),
            state: row.state,
            attempt: row.attempt,
            exit_code: row.exit_code,
            error: row.error.clone(),
            resumable: row.state.is_resumable(),
            place: place.map(|place| place as u64 + 1),
            progress,
            created_ms: row.created_ms,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
        }
    }
}

/// One job as it is shown.
async fn shown(server: &Arc<Server>, jobs: &Jobs, row: JobRow) -> Result<Job, Failure> {
    let beside = Beside::now(jobs).await?;
    let server = Arc::clone(server);
    read(move || Ok(beside.job(&server, &row))).await
}

/// One page of jobs, the newest first.
pub async fn page_of_jobs(
    server: &Arc<Server>,
    jobs: &Jobs,
    query: &Parameters,
) -> Result<JobList, Failure> {
    let (limit, state) = (query.limit()?, query.job_state()?);
    // One more than is shown tells whether there is a next page.
    let mut rows = jobs.list(state, query.cursor(), limit as i64 + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id.clone());
    let beside = Beside::now(jobs).await?;
    let server = Arc::clone(server);
    read(move || {
        Ok(JobList {
            jobs: rows.iter().map(|row| beside.job(&server, row)).collect(),
            next,
        })
    })
    .await
}

/// A job with its configuration and the lines of its log before a byte, or the last ones.
pub async fn detail_of(
    server: &Arc<Server>,
    jobs: &Jobs,
    id: &str,
    before: Option<u64>,
) -> Result<(JobDetail, u64), Failure> {
    let row = jobs.job(id).await?;
    let beside = Beside::now(jobs).await?;
    let (server, jobs) = (Arc::clone(server), jobs.clone());
    read(move || {
        let log = jobs.log(&row, before);
        let detail = JobDetail {
            job: beside.job(&server, &row),
            command: jobs.command(Some(&row.id), &row.run_id, &row.stage),
            config: row.config,
            log: log.lines,
            older: log.older,
        };
        Ok((detail, log.end))
    })
    .await
}

impl fmt::Display for NoJobs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoJobs::Database => out.write_str("Jobs are off: the server has no database."),
            NoJobs::Folder(why) => write!(out, "Jobs are off: {why}"),
        }
    }
}

pub fn jobs_of(server: &Server) -> Result<&Jobs, Failure> {
    server.jobs.as_ref().map_err(|why| match why {
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
                "See the list of jobs, /jobs or GET /api/jobs, for those there are.",
            ),
            JobError::WrongState(_) => Failure::new(
                StatusCode::CONFLICT,
                detail,
                "See its page, or GET /api/jobs/ID, for how it stands.",
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

pub fn sentence(words: &str) -> String {
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
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("state" = Option<JobState>, Query, description = "Only jobs that are in it")
    ),
    responses(
        (status = 200, body = JobList),
        Fails<400>, Fails<403>, Fails<503>
    )
)]
pub async fn list_jobs(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<JobList>, Failure> {
    let jobs = jobs_of(&server)?;
    let query = Parameters::parse(query.as_deref());
    Ok(Json(page_of_jobs(&server, jobs, &query).await?))
}

/// Starts all stages of a run, or those until one.
#[utoipa::path(
    post, path = "/api/jobs", tag = "jobs", request_body = JobRequest,
    responses(
        (status = 201, body = Job, description = "Queued; `Location` names it"),
        BadBody, Fails<403>, Fails<409>, Fails<429>, Fails<503>
    )
)]
pub async fn add_job(
    State(server): State<Arc<Server>>,
    request: Result<Json<JobRequest>, JsonRejection>,
) -> Result<impl IntoResponse, Failure> {
    let jobs = jobs_of(&server)?;
    let request = json(
        request,
        "{\"config\": \"world-facts/demo\", \"name\": \"mine\"}",
    )?;
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
        Json(shown(&server, jobs, row).await?),
    ))
}

/// One job, with the end of its log.
#[utoipa::path(
    get, path = "/api/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, body = JobDetail),
        Fails<403>, Fails<404>, Fails<503>
    )
)]
pub async fn get_job(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<JobDetail>, Failure> {
    let (detail, _) = detail_of(&server, jobs_of(&server)?, &id, None).await?;
    Ok(Json(detail))
}

/// Lines of a job's log, the last ones or those before a byte. Keys of endpoints are left out of them.
#[utoipa::path(
    get, path = "/api/jobs/{id}/log", tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("before" = Option<u64>, Query, description = "`older` of the page after")
    ),
    responses(
        (status = 200, body = JobLog),
        Fails<400>, Fails<403>, Fails<404>, Fails<503>
    )
)]
pub async fn get_job_log(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<JobLog>, Failure> {
    let jobs = jobs_of(&server)?.clone();
    let before = Parameters::parse(query.as_deref()).before()?;
    let row = jobs.job(&id).await?;
    read(move || Ok(Json(jobs.log(&row, before)))).await
}

/// The stages that a job can stop after.
#[utoipa::path(
    get, path = "/api/stages", tag = "jobs",
    responses((status = 200, body = StageList))
)]
pub async fn list_stages() -> Json<StageList> {
    Json(StageList {
        stages: stage::choices(),
    })
}

/// The JSON Schema (draft 2020-12) of a configuration: keys, types, defaults, ranges, descriptions.
#[utoipa::path(
    get, path = "/api/config-schema", tag = "jobs",
    responses((status = 200, body = serde_json::Value, content_type = "application/schema+json"))
)]
pub async fn config_schema() -> impl IntoResponse {
    static SCHEMA: LazyLock<String> =
        LazyLock::new(|| format!("{:#}", datasets::config_schema::schema()));
    (
        [(header::CONTENT_TYPE, "application/schema+json")],
        SCHEMA.as_str(),
    )
}

/// Stops a job. What it has written stays.
#[utoipa::path(
    post, path = "/api/jobs/{id}/cancel", tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, body = Job),
        Fails<403>, Fails<404>, Fails<409>, Fails<503>
    )
)]
pub async fn cancel_job(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Job>, Failure> {
    let jobs = jobs_of(&server)?;
    let row = jobs.cancel(&id).await?;
    Ok(Json(shown(&server, jobs, row).await?))
}

/// Starts a job again that failed, was cancelled or interrupted; its run goes on where it stopped.
#[utoipa::path(
    post, path = "/api/jobs/{id}/retry", tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, body = Job),
        Fails<403>, Fails<404>, Fails<409>, Fails<429>, Fails<503>
    )
)]
pub async fn retry_job(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Job>, Failure> {
    let jobs = jobs_of(&server)?;
    let row = jobs.retry(&id).await?;
    Ok(Json(shown(&server, jobs, row).await?))
}
