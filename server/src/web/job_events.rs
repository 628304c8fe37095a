//! A job as it happens: Server-Sent Events out of its log and its state.
//!
//! Two kinds of messages: those without a name are the job's state, sent at the start and whenever it
//! changes; those named `log` are whole lines of its log. Their ids are byte offsets in the log, so a
//! browser that comes back with `Last-Event-ID` misses nothing and hears nothing twice.

use super::Server;
use super::api::read;
use super::jobs::jobs_of;
use super::people::who::Watcher;
use super::problem::{Failure, ProblemDocument};
use super::query::Parameters;
use crate::db::JobState;
use crate::jobs::Jobs;
use crate::limits::{FOLLOW_EVERY_MS, HEARTBEAT_SECONDS, WATCH_SECONDS_MAX, WATCHERS_MAX};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

/// Follows a job.
#[utoipa::path(
    get, path = "/api/jobs/{id}/events", tag = "jobs",
    description = "Server-Sent Events. Messages without a name: the job's state, at the start and at each change. Messages named `log`: lines of its log from the start, or from after `Last-Event-ID`; their ids are byte offsets. The stream ends when the job is over, or after an hour, and can be taken up again.",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("cursor" = Option<u64>, Query, description = "Byte offset of the log to start at, where no `Last-Event-ID` is sent"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last message heard")
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn follow_job(
    State(server): State<Arc<Server>>,
    watcher: Watcher,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>>, Failure> {
    let jobs = jobs_of(&server)?.clone();
    let heard = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let offset = match heard {
        Some(offset) => offset,
        None => Parameters::parse(query.as_deref()).offset()?.unwrap_or(0),
    };
    // Those that follow runs and those that follow jobs share the places.
    let place = Arc::clone(&server.watchers)
        .try_acquire_owned()
        .map_err(|_| {
            Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{WATCHERS_MAX} visitors follow runs and jobs already."),
                "Reload the page now and then: it shows the same.",
            )
        })?;
    jobs.job(&id).await?;
    let (sender, receiver) = mpsc::channel(16);
    let stopping = server.stopping.clone();
    tokio::spawn(async move {
        follow(&jobs, &id, offset, watcher, stopping, sender).await;
        drop(place);
    });
    Ok(Sse::new(ReceiverStream::new(receiver))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(HEARTBEAT_SECONDS))))
}

/// Until the visitor leaves or is no longer who he was, the job is over or gone, the server stops or the time is up.
async fn follow(
    jobs: &Jobs,
    id: &str,
    mut offset: u64,
    watcher: Watcher,
    mut stopping: watch::Receiver<bool>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
) {
    let end = Instant::now() + Duration::from_secs(WATCH_SECONDS_MAX);
    let mut told: Option<JobState> = None;
    loop {
        if !watcher.is_same().await {
            return;
        }
        // The state first: what was written before it changed is then read below.
        let Ok(job) = jobs.job(id).await else {
            return;
        };
        let state = job.state;
        let looked = read({
            let jobs = jobs.clone();
            move || Ok(jobs.log_after(&job, offset))
        });
        let Ok((lines, at)) = looked.await else {
            return;
        };
        let more = at != offset;
        offset = at;
        let mut messages = Vec::new();
        if !lines.is_empty() {
            let text = lines.join("\n");
            messages.push(
                Event::default()
                    .event("log")
                    .id(offset.to_string())
                    .data(text),
            );
        }
        if told != Some(state) && !(state.is_over() && more) {
            messages.push(Event::default().id(offset.to_string()).data(state.word()));
            told = Some(state);
        }
        for message in messages {
            if sender.send(Ok(message)).await.is_err() {
                return;
            }
        }
        if told.is_some_and(JobState::is_over) {
            return;
        }
        let pause = Duration::from_millis(if more { 0 } else { FOLLOW_EVERY_MS });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = sender.closed() => return,
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep_until(end) => return,
        }
    }
}
