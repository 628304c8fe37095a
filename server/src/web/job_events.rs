//! A job as it happens: Server-Sent Events out of its log and its state.
//!
//! Two kinds of messages: those without a name are the job's state, sent at the start and whenever it
//! changes; those named `log` are whole lines of its log. Their ids are byte offsets in the log, so a
//! browser that comes back with `Last-Event-ID` misses nothing and hears nothing twice.

use super::Server;
use super::api::read;
use super::jobs::jobs_of;
use super::people::who::Watcher;
use super::problem::{Fails, Failure};
use super::watching::{self, Message, Watched};
use crate::db::JobState;
use crate::jobs::Jobs;
use crate::limits::{FOLLOW_EVERY_MS, WATCH_SECONDS_MAX};
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

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
        Fails<400>, Fails<403>, Fails<404>, Fails<503>
    )
)]
pub async fn follow_job(
    State(server): State<Arc<Server>>,
    watcher: Watcher,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Watched, Failure> {
    let jobs = jobs_of(&server)?.clone();
    let offset = watching::offset(&headers, query.as_deref())?;
    let place = watching::place(&server)?;
    jobs.job(&id).await?;
    let stopping = server.stopping.clone();
    Ok(watching::stream(place, |sender| {
        follow(jobs, id, offset, watcher, stopping, sender)
    }))
}

/// Until the visitor leaves or is no longer who he was, the job is over or gone, the server stops or the time is up.
async fn follow(
    jobs: Jobs,
    id: String,
    mut offset: u64,
    watcher: Watcher,
    mut stopping: watch::Receiver<bool>,
    sender: mpsc::Sender<Message>,
) {
    let end = Instant::now() + Duration::from_secs(WATCH_SECONDS_MAX);
    let mut told: Option<JobState> = None;
    loop {
        if !watcher.is_same().await {
            return;
        }
        // The state first: what was written before it changed is then read below.
        let Ok(job) = jobs.job(&id).await else {
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
