//! Requests under way: a connection is idle while it has none, and the server may end when there are none.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::watch;

/// All requests under way.
#[derive(Clone)]
pub struct Visits(Arc<watch::Sender<usize>>);

impl Default for Visits {
    fn default() -> Self {
        Visits(Arc::new(watch::Sender::new(0)))
    }
}

impl Visits {
    /// Waits until there is none.
    pub async fn none(&self) {
        let mut count = self.0.subscribe();
        // An error would say that the sender is gone, and `self` holds it.
        let _ = count.wait_for(|count| *count == 0).await;
    }

    fn begin(&self, connection: &Peer) -> Visit {
        self.0.send_modify(|count| *count += 1);
        connection.update(|state| state.visits += 1);
        Visit {
            visits: self.clone(),
            connection: connection.clone(),
        }
    }
}

/// A layer: counts each request that came over a connection of [`Bounded`](crate::Bounded), until its answer
/// has been said to its end or its client has gone. To be put before all others.
pub async fn visit(State(visits): State<Visits>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let Some(visit) = peer.map(|ConnectInfo(peer)| visits.begin(peer)) else {
        return next.run(request).await;
    };
    let response = next.run(request).await;
    response.map(|body| {
        Body::new(Said {
            body,
            _visit: visit,
        })
    })
}

/// A request, until its answer has been said.
struct Visit {
    visits: Visits,
    connection: Peer,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.connection.update(|state| {
            state.visits -= 1;
            state.idle_since = Instant::now();
        });
        self.visits.0.send_modify(|count| *count -= 1);
    }
}

/// The body of an answer, with its visit.
struct Said {
    body: Body,
    _visit: Visit,
}

impl HttpBody for Said {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The other end of a connection.
#[derive(Clone)]
pub struct Peer {
    pub address: IpAddr,
    state: Arc<Mutex<PeerState>>,
}

struct PeerState {
    visits: usize,
    idle_since: Instant,
}

impl Peer {
    /// One that asks nothing yet.
    pub fn new(address: IpAddr) -> Self {
        let state = PeerState {
            visits: 0,
            idle_since: Instant::now(),
        };
        Peer {
            address,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Since when nothing is asked over it; `None` while something is.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.visits == 0).then_some(state.idle_since)
    }

    fn update(&self, change: impl FnOnce(&mut PeerState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
