//! Who holds a session: asked of the database, and remembered for a moment, so that fifty people who
//! rate at once do not ask it for their names.

use super::SessionKind;
use crate::db::{Database, DatabaseError};
use crate::limits::{KNOWN_EVERY_MS, KNOWN_MAX, SEEN_EVERY_MS};
use crate::runs::library::now_ms;
use app::view::Role;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who holds a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub person: String,
    pub role: Role,
    pub kind: SessionKind,
}

/// The sessions that were asked for last.
#[derive(Debug, Default)]
pub struct KnownBook {
    known: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// By the token's hash.
    sessions: HashMap<String, (Instant, Known)>,
    /// Grows with every change made by this server.
    changes: u64,
}

impl KnownBook {
    /// Who holds the session of a token's hash; `None`: there is none, it has ended, or its person may
    /// not sign in. Notes now and then that he was seen.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of(
        &self,
        database: &Database,
        token_hash: &str,
    ) -> Result<Option<Known>, DatabaseError> {
        let every = Duration::from_millis(KNOWN_EVERY_MS);
        let changes = {
            let remembered = self.lock();
            if let Some((at, known)) = remembered.sessions.get(token_hash)
                && at.elapsed() < every
            {
                return Ok(Some(known.clone()));
            }
            remembered.changes
        };
        let asked = Instant::now();
        let now = now_ms() as i64;
        let Some((session, person)) = database.session(token_hash, now).await? else {
            return Ok(None);
        };
        if now - session.seen_ms >= SEEN_EVERY_MS {
            // Losing it costs nothing but a date; a request is not refused for it.
            if let Err(error) = database.note_seen(token_hash, now).await {
                tracing::warn!(%error, "when somebody was seen cannot be noted: {error}");
            }
        }
        let known = Known {
            person: person.id,
            role: person.role,
            kind: session.kind,
        };
        let mut remembered = self.lock();
        // A change in between may not be in what was read.
        if remembered.changes == changes {
            if remembered.sessions.len() >= KNOWN_MAX {
                remembered.sessions.clear();
            }
            let kept = (asked, known.clone());
            remembered.sessions.insert(token_hash.to_owned(), kept);
        }
        Ok(Some(known))
    }

    /// To be called after a session ended, or a person was changed.
    pub fn changed(&self) {
        let mut remembered = self.lock();
        remembered.changes += 1;
        remembered.sessions.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        // A cache: after a panic elsewhere nothing in it is half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
