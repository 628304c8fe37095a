//! Projects, their items, who works in them and what they said.
//!
//! Whoever hands out or keeps does so in a [`Turn`]: a transaction that begins by writing its project's
//! row, so that the turns of a project follow one another on either database.

mod assignments;
mod events;
mod items;
mod members;
mod projects;
mod ratings;
mod withdraw;

pub use assignments::{Assignment, Place};
pub use events::{Event, NewEvent};
pub use items::SettledRow;
pub use members::Member;
pub use projects::{Project, ProjectCounts};
pub use ratings::{Counted, Said};

use super::{Database, DatabaseError};
use crate::limits::{WRITE_MS_MAX, WRITE_TRIES_MAX};
use sqlx::AnyConnection;
use sqlx::{Any, Transaction};
use std::time::{Duration, Instant};

/// Milliseconds before a write is tried again for the first time; each later wait is twice as long.
const AGAIN_MS: u64 = 10;
/// What passes: SQLite's BUSY and LOCKED with their kinds, PostgreSQL's failures of serialisation,
/// deadlocks and locks that were waited for in vain.
const PASSING: [&str; 9] = [
    "5", "6", "261", "517", "773", "262", "40001", "40P01", "55P03",
];
/// No room is left on the disk.
const FULL: [&str; 2] = ["13", "53100"];

impl DatabaseError {
    /// Whether the same may succeed when it is tried again.
    pub fn is_passing(&self) -> bool {
        self.has_code(&PASSING)
    }

    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        self.has_code(&FULL)
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        let (DatabaseError::Query(error) | DatabaseError::Refused(_, error)) = self else {
            return false;
        };
        error
            .as_database_error()
            .and_then(|error| error.code())
            .is_some_and(|code| codes.contains(&code.as_ref()))
    }
}

/// Does something again while others are in the way, some times and not for long.
///
/// # Errors
/// The last error.
pub async fn retried<T, Working>(mut work: impl FnMut() -> Working) -> Result<T, DatabaseError>
where
    Working: Future<Output = Result<T, DatabaseError>>,
{
    let begun = Instant::now();
    let mut tries = 1;
    loop {
        let outcome = work().await;
        let may_wait = tries < WRITE_TRIES_MAX && begun.elapsed().as_millis() < WRITE_MS_MAX;
        match outcome {
            Err(error) if error.is_passing() && may_wait => {
                tokio::time::sleep(Duration::from_millis(AGAIN_MS << tries)).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

/// One transaction over annotation. Dropped without [`Turn::commit`], it leaves no trace.
#[derive(Debug)]
pub struct Turn {
    transaction: Transaction<'static, Any>,
}

impl Database {
    /// A transaction that alone writes in these projects.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn turn(&self, projects: &[&str]) -> Result<Turn, DatabaseError> {
        let mut turn = Turn {
            transaction: self.pool.begin_with(self.begin_to_write()).await?,
        };
        // In one order, so that no two wait for each other.
        let mut projects = projects.to_vec();
        projects.sort_unstable();
        projects.dedup();
        for project in projects {
            sqlx::query("UPDATE projects SET touched = touched + 1 WHERE id = $1")
                .bind(project.to_owned())
                .execute(turn.connection())
                .await?;
        }
        Ok(turn)
    }

    /// A transaction that only reads, at one moment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn look(&self) -> Result<Turn, DatabaseError> {
        let begin = match self.is_sqlite() {
            true => "BEGIN",
            false => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        };
        Ok(Turn {
            transaction: self.pool.begin_with(begin).await?,
        })
    }

    /// SQLite takes the right to write at once: who reads first and writes then may find that another has
    /// written in between.
    fn begin_to_write(&self) -> &'static str {
        match self.is_sqlite() {
            true => "BEGIN IMMEDIATE",
            false => "BEGIN",
        }
    }

    fn is_sqlite(&self) -> bool {
        self.pool.connect_options().database_url.scheme() == "sqlite"
    }
}

impl Turn {
    /// Makes what was written last.
    ///
    /// # Errors
    /// Those of the database; whether it was written is not known then.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        Ok(self.transaction.commit().await?)
    }

    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}

/// What is kept as JSON.
fn from_json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, DatabaseError> {
    serde_json::from_str(text).map_err(|error| DatabaseError::Foreign(format!("{what} ({error})")))
}

/// Plain data with text keys, without numbers that JSON has not: it always has a JSON form.
fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A count or a time in milliseconds that is never below 0.
fn natural(number: i64) -> u64 {
    number.max(0) as u64
}
