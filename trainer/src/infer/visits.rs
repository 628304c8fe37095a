//! Requests under way: a connection is idle while it has none, and the server may end when there are none.

use std::sync::{Arc, Mutex, PoisonError};
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
    /// A request has come over this connection.
    pub fn begin(&self, connection: &Peer) -> Arc<Visit> {
        self.0.send_modify(|count| *count += 1);
        connection.update(|state| state.visits += 1);
        Arc::new(Visit {
            visits: self.clone(),
            connection: connection.clone(),
        })
    }

    /// Waits until there is none.
    pub async fn none(&self) {
        let mut count = self.0.subscribe();
        // An error would say that the sender is gone, and `self` holds it.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

/// A request, until its answer has been said.
pub struct Visit {
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

/// The other end of a connection.
#[derive(Clone)]
pub struct Peer(Arc<Mutex<PeerState>>);

struct PeerState {
    visits: usize,
    idle_since: Instant,
}

impl Peer {
    pub fn new() -> Self {
        Peer(Arc::new(Mutex::new(PeerState {
            visits: 0,
            idle_since: Instant::now(),
        })))
    }

    /// Since when nothing is asked over it; `None` while something is.
    pub fn idle_since(&self) -> Option<Instant> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.visits == 0).then_some(state.idle_since)
    }

    fn update(&self, change: impl FnOnce(&mut PeerState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
