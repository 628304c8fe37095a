//! What all streams of events share: a place among those who watch, where to go on, and the stream itself.

use super::Server;
use super::problem::Failure;
use super::query::Parameters;
use crate::limits::{HEARTBEAT_SECONDS, WATCHERS_MAX};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// What a stream says.
pub type Message = Result<Event, Infallible>;

/// A stream on its way to a visitor.
pub type Watched = Sse<KeepAliveStream<ReceiverStream<Message>>>;

/// Messages that wait for a visitor to read them.
const WAITING: usize = 16;

/// A place among those who watch, whatever they watch.
///
/// # Errors
/// 503 where all are taken.
pub fn place(server: &Server) -> Result<OwnedSemaphorePermit, Failure> {
    Arc::clone(&server.watchers)
        .try_acquire_owned()
        .map_err(|_| {
            Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{WATCHERS_MAX} visitors follow runs and jobs already."),
                "Reload the page now and then: it shows the same.",
            )
        })
}

/// The byte offset of a log to go on at: after the last message heard (`Last-Event-ID`), else the query's
/// `cursor`, else the start.
///
/// # Errors
/// A cursor that is no number.
pub fn offset(headers: &HeaderMap, query: Option<&str>) -> Result<u64, Failure> {
    let heard = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    match heard {
        Some(offset) => Ok(offset),
        None => Ok(Parameters::parse(query).offset()?.unwrap_or(0)),
    }
}

/// The stream of what `follow` sends until it ends, which keeps the place as long.
pub fn stream<Follow: Future<Output = ()> + Send + 'static>(
    place: OwnedSemaphorePermit,
    follow: impl FnOnce(mpsc::Sender<Message>) -> Follow,
) -> Watched {
    let (sender, receiver) = mpsc::channel(WAITING);
    let following = follow(sender);
    tokio::spawn(async move {
        following.await;
        drop(place);
    });
    let heartbeat = KeepAlive::new().interval(Duration::from_secs(HEARTBEAT_SECONDS));
    Sse::new(ReceiverStream::new(receiver)).keep_alive(heartbeat)
}
