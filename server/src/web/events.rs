//! A run's progress as it happens: Server-Sent Events out of its event log.
//!
//! Two kinds of messages: those without a name are the run's state (`RunState` as JSON), sent at the
//! start and whenever it changes; those named `event` are the lines of `events.jsonl` as they stand.
//! Their ids are byte offsets in the log, so a browser that comes back with `Last-Event-ID` misses
//! nothing and hears nothing twice.

use super::Server;
use super::api::read;
use super::people::who::Watcher;
use super::problem::{Failure, ProblemDocument};
use super::query::Parameters;
use crate::limits::{
    FOLLOW_BYTES_MAX, FOLLOW_EVERY_MS, HEARTBEAT_SECONDS, RECORD_BYTES_MAX, WATCH_SECONDS_MAX,
    WATCHERS_MAX,
};
use crate::runs::contained;
use crate::runs::facts::EVENTS;
use crate::runs::lines::Lines;
use app::view::RunState;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use std::convert::Infallible;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

/// Follows a run.
#[utoipa::path(
    get, path = "/api/runs/{id}/events", tag = "runs",
    description = "Server-Sent Events. Messages without a name: the run's state as JSON, at the start and at each change. Messages named `event`: the lines of events.jsonl from the start, or from after `Last-Event-ID`; their ids are byte offsets. The stream ends after an hour and can be taken up again.",
    params(
        ("id" = String, Path, description = "The run's id"),
        ("cursor" = Option<u64>, Query, description = "Byte offset of the log to start at, where no `Last-Event-ID` is sent"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last message heard")
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn follow_run(
    State(server): State<Arc<Server>>,
    watcher: Watcher,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>>, Failure> {
    let heard = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let offset = match heard {
        Some(offset) => offset,
        None => Parameters::parse(query.as_deref()).offset()?.unwrap_or(0),
    };
    let place = Arc::clone(&server.watchers)
        .try_acquire_owned()
        .map_err(|_| {
            Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{WATCHERS_MAX} visitors follow runs already."),
                "Reload the page now and then: it shows the same.",
            )
        })?;
    let run = read({
        let (server, seen, id) = (Arc::clone(&server), watcher.seen.clone(), id.clone());
        move || server.find(&seen, &id)
    })
    .await?;
    let (sender, receiver) = mpsc::channel(16);
    let follower = Follower {
        server,
        watcher,
        id,
        directory: run.found.directory,
        offset,
        state: None,
    };
    tokio::spawn(async move {
        follower.follow(sender).await;
        drop(place);
    });
    Ok(Sse::new(ReceiverStream::new(receiver))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(HEARTBEAT_SECONDS))))
}

struct Follower {
    server: Arc<Server>,
    /// Each look asks whether he still may.
    watcher: Watcher,
    id: String,
    directory: PathBuf,
    offset: u64,
    state: Option<RunState>,
}

impl Follower {
    /// Until the visitor leaves or may no longer look, the run is gone, the server stops or the time is up.
    async fn follow(mut self, sender: mpsc::Sender<Result<Event, Infallible>>) {
        let mut stopping = self.server.stopping.clone();
        let end = Instant::now() + Duration::from_secs(WATCH_SECONDS_MAX);
        loop {
            if !self.watcher.is_same().await {
                return;
            }
            let looked = tokio::task::spawn_blocking(move || {
                let messages = self.look();
                (self, messages)
            })
            .await;
            let Ok((follower, messages)) = looked else {
                return;
            };
            self = follower;
            // A log that cannot be read is told by the run's state, on its page.
            let Some((messages, more)) = messages else {
                return;
            };
            for message in messages {
                if sender.send(Ok(message)).await.is_err() {
                    return;
                }
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

    /// What is new, and whether there is more at once; `None` where the run is gone.
    fn look(&mut self) -> Option<(Vec<Event>, bool)> {
        let run = self.server.seen_run(&self.watcher.seen, &self.id)?;
        let (mut messages, more) = self.lines().unwrap_or_default();
        let state = self.server.summary(&run).state;
        if self.state.as_ref() != Some(&state) {
            if let Ok(text) = serde_json::to_string(&state) {
                messages.push(Event::default().id(self.offset.to_string()).data(text));
            }
            self.state = Some(state);
        }
        Some((messages, more))
    }

    fn lines(&mut self) -> io::Result<(Vec<Event>, bool)> {
        let (mut file, metadata) = contained::open(&self.directory, &self.directory.join(EVENTS))?;
        // Shorter than what was heard: another log. It is told from its start.
        if metadata.len() < self.offset {
            self.offset = 0;
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut lines = Lines::new(BufReader::new(file), self.offset, RECORD_BYTES_MAX);
        let mut messages = Vec::new();
        let mut bytes = 0;
        while let Some(line) = lines.next_line()?.filter(|line| line.whole) {
            let text = line.bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
            // Only what is JSON is passed on: a line break within a message would end it.
            if let Some(text) =
                text.filter(|text| serde_json::from_str::<datasets::Event>(text).is_ok())
            {
                bytes += text.len();
                messages.push(
                    Event::default()
                        .event("event")
                        .id(line.end.to_string())
                        .data(text.replace('\r', "")),
                );
            }
            self.offset = line.end;
            if bytes > FOLLOW_BYTES_MAX {
                return Ok((messages, true));
            }
        }
        Ok((messages, false))
    }
}
