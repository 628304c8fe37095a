//! Why something was not done; then nothing was changed.

use crate::db::DatabaseError;
use datasets::annotation::RatingRequest;
use std::sync::Arc;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What is wrong with what was asked for, a sentence each.
    #[error("{}", .0.join(" "))]
    Wrong(Vec<String>),
    /// The place for it has no such project, item or assignment; the word says which.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// The person may not, for this reason.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The project, or what is in it, stands otherwise.
    #[error("{0}")]
    Standing(String),
    /// Something else was kept already.
    #[error("{words}")]
    Kept {
        words: String,
        kept: Option<Box<RatingRequest>>,
    },
    /// Too many wait.
    #[error("too many ratings are on their way at once")]
    Busy,
    /// The server gave up in the middle.
    #[error("the server stopped in the middle of it")]
    Lost,
    /// Shared: what many sent together fails together.
    #[error("{0}")]
    Database(Arc<DatabaseError>),
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Refusal::Database(Arc::new(error))
    }
}

/// What ends the work within a turn.
#[derive(Debug)]
pub enum Fault {
    /// It was decided not to do it; nothing was written for it.
    Refused(Refusal),
    /// The whole turn is lost.
    Database(DatabaseError),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Fault::Refused(refusal)
    }
}

impl From<DatabaseError> for Fault {
    fn from(error: DatabaseError) -> Self {
        Fault::Database(error)
    }
}
