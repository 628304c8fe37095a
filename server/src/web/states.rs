//! The states of several runs in one stream, for a list that is looked at.

use super::Server;
use super::people::who::Watcher;
use super::problem::{Fails, Failure};
use super::query::Parameters;
use super::watching::{self, Message, Watched};
use crate::limits::{FOLLOW_EVERY_MS, FOLLOWED_RUNS_MAX, WATCH_SECONDS_MAX};
use crate::people::Seen;
use app::link;
use app::view::RunState;
use axum::extract::{RawQuery, State};
use axum::response::sse::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Follows the states of several runs.
#[utoipa::path(
    get, path = "/api/states", tag = "runs",
    description = "Server-Sent Events: the state of each run as JSON, at the start and at each change. A message is named `run-` and the run's id, percent-encoded. Runs that are not there are passed over. The stream ends after an hour and can be taken up again.",
    params(
        ("run" = Vec<String>, Query, description = "A run's id; there 1 to 50 times")
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        Fails<400>, Fails<503>
    )
)]
pub async fn follow_states(
    State(server): State<Arc<Server>>,
    watcher: Watcher,
    RawQuery(query): RawQuery,
) -> Result<Watched, Failure> {
    let query = Parameters::parse(query.as_deref());
    let runs: Vec<Followed> = query
        .followed()
        .into_iter()
        .map(|id| Followed {
            id: id.to_owned(),
            state: None,
        })
        .collect();
    if !(1..=FOLLOWED_RUNS_MAX).contains(&runs.len()) {
        return Err(Failure::bad_query(format!(
            "Found {} runs to follow, expected 1 to {FOLLOWED_RUNS_MAX}, each as `run=ID`.",
            runs.len()
        )));
    }
    let place = watching::place(&server)?;
    Ok(watching::stream(place, |sender| {
        follow(server, watcher, runs, sender)
    }))
}

struct Followed {
    id: String,
    /// As it was told last.
    state: Option<RunState>,
}

/// Until the visitor leaves or is no longer who he was, the server stops or the time is up.
async fn follow(
    server: Arc<Server>,
    watcher: Watcher,
    mut runs: Vec<Followed>,
    sender: mpsc::Sender<Message>,
) {
    let mut stopping = server.stopping.clone();
    let end = Instant::now() + Duration::from_secs(WATCH_SECONDS_MAX);
    loop {
        if !watcher.is_same().await {
            return;
        }
        let (looking, seen) = (Arc::clone(&server), watcher.seen.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let messages = changes(&looking, &seen, &mut runs);
            (runs, messages)
        })
        .await;
        let Ok((followed, messages)) = looked else {
            return;
        };
        runs = followed;
        for message in messages {
            if sender.send(Ok(message)).await.is_err() {
                return;
            }
        }
        // Runs that ended are looked at beside the list, while it is open as well.
        super::health::tend_index(Arc::clone(&server));
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(FOLLOW_EVERY_MS)) => {}
            () = sender.closed() => return,
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep_until(end) => return,
        }
    }
}

/// What is new. One look at the folders serves all who follow.
fn changes(server: &Server, seen: &Seen, runs: &mut [Followed]) -> Vec<Event> {
    let (catalogue, _) = server.shelf(seen);
    let mut messages = Vec::new();
    for followed in runs {
        let Some(run) = catalogue.run(&followed.id) else {
            continue;
        };
        let state = run.state(server.process_of(&followed.id));
        if followed.state.as_ref() == Some(&state) {
            continue;
        }
        // A state is plain data: it always has a JSON form.
        if let Ok(text) = serde_json::to_string(&state) {
            let name = link::run_event(&followed.id);
            messages.push(Event::default().event(name).data(text));
        }
        followed.state = Some(state);
    }
    messages
}
