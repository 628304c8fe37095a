//! A run's progress as it happens: Server-Sent Events out of its event log.
//!
//! Two kinds of messages: those without a name are the run's state (`RunState` as JSON), sent at the
//! start and whenever it changes; those named `event` are the lines of `events.jsonl` as they stand.
//! Their ids are byte offsets in the log, so a browser that comes back with `Last-Event-ID` misses
//! nothing and hears nothing twice.

use super::Server;
use super::api::read;
use super::people::who::Watcher;
use super::problem::{Fails, Failure};
use super::watching::{self, Message, Watched};
use crate::limits::{FOLLOW_BYTES_MAX, FOLLOW_EVERY_MS, RECORD_BYTES_MAX, WATCH_SECONDS_MAX};
use crate::runs::contained;
use crate::runs::facts::EVENTS;
use crate::runs::lines::Lines;
use app::view::RunState;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::Event;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

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
        Fails<400>, Fails<404>, Fails<503>
    )
)]
pub async fn follow_run(
    State(server): State<Arc<Server>>,
    watcher: Watcher,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Watched, Failure> {
    let offset = watching::offset(&headers, query.as_deref())?;
    let place = watching::place(&server)?;
    let run = read({
        let (server, seen, id) = (Arc::clone(&server), watcher.seen.clone(), id.clone());
        move || server.find(&seen, &id)
    })
    .await?;
    let follower = Follower {
        server,
        watcher,
        id,
        directory: run.found.directory,
        offset,
        state: None,
    };
    Ok(watching::stream(place, |sender| follower.follow(sender)))
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
    async fn follow(mut self, sender: mpsc::Sender<Message>) {
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
