//! The Jobs page and the page of one job; what their buttons post.

use super::Server;
use super::jobs::{detail_of, jobs_of, page_of_jobs};
use super::problem::Failure;
use super::query::Parameters;
use crate::people::Seen;
use app::view::{JobQueue, JobShown, JobState};
use app::{Page, link};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{Redirect, Response};
use std::sync::Arc;

/// What waits, runs and is over.
pub async fn queue(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let jobs = jobs_of(&server)?;
    let query = Parameters::parse(uri.query());
    let list = page_of_jobs(&server, jobs, &query).await?;
    let known = jobs.counts().await?;
    let counts = JobState::ALL.map(|state| {
        let count = known.iter().find(|(known, _)| *known == state);
        (state, count.map_or(0, |(_, count)| *count))
    });
    let page = Page::Jobs(JobQueue {
        list,
        state: query.job_state()?,
        counts: counts.into(),
        at_once: jobs.at_once() as u64,
    });
    draw(&server, &seen, page, &headers, &uri).await
}

/// One job.
pub async fn job(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let jobs = jobs_of(&server)?;
    let before = Parameters::parse(uri.query()).before()?;
    let (detail, end) = detail_of(&server, jobs, &id, before).await?;
    let run_exists = super::api::read({
        let (server, run) = (Arc::clone(&server), detail.job.run.clone());
        move || Ok(server.library.run(&run).is_some())
    })
    .await?;
    let page = Page::Job(Box::new(JobShown {
        detail,
        newest: before.is_none(),
        end,
        run_exists,
    }));
    draw(&server, &seen, page, &headers, &uri).await
}

/// Stops a job, then shows it.
pub async fn cancel(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    jobs_of(&server)?.cancel(&id).await?;
    Ok(Redirect::to(&link::job(&id)))
}

/// Starts a job again, then shows it.
pub async fn retry(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    jobs_of(&server)?.retry(&id).await?;
    Ok(Redirect::to(&link::job(&id)))
}

async fn draw(
    server: &Arc<Server>,
    seen: &Seen,
    page: Page,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Response, Failure> {
    let address = super::pages::address_of(uri);
    Ok(server.page(seen, headers, page, &address).await)
}
