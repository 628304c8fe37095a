//! What else happened in a project.

use super::Turn;
use crate::db::{Database, DatabaseError};
use sqlx::Row;
use uuid::Uuid;

/// An event about to be kept.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    pub project: &'a str,
    /// `people.id`; `None`: the server.
    pub person: Option<&'a str>,
    /// One word. Of researchers: `made`, `reworded`, `state`, `settled`;
    /// of annotators: `consented`, `qualified`, `refused`, `handed`, `expired`, `released`, `paused`,
    /// `resumed`, `withdrawn`.
    pub kind: &'static str,
    /// JSON, or nothing.
    pub detail: String,
    pub at_ms: i64,
}

/// An event, with who did it by pseudonym.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at_ms: i64,
    pub kind: String,
    pub pseudonym: Option<String>,
    pub detail: String,
}

impl Database {
    /// The events of a project, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn annotation_events(&self, project: &str) -> Result<Vec<Event>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT e.at_ms, e.kind, e.detail, people.pseudonym FROM annotation_events e \
             LEFT JOIN people ON people.id = e.person WHERE e.project = $1 ORDER BY e.id",
        )
        .bind(project.to_owned())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Event {
                    at_ms: row.try_get("at_ms")?,
                    kind: row.try_get("kind")?,
                    pseudonym: row.try_get("pseudonym")?,
                    detail: row.try_get("detail")?,
                })
            })
            .collect()
    }

    /// What was noted when a project was made.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn made_detail(&self, project: &str) -> Result<Option<String>, DatabaseError> {
        let row = sqlx::query(
            "SELECT detail FROM annotation_events WHERE project = $1 AND kind = 'made' ORDER BY id LIMIT 1",
        )
        .bind(project.to_owned())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| row.try_get("detail")).transpose()?)
    }
}

impl Turn {
    /// Keeps an event.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note(&mut self, event: NewEvent<'_>) -> Result<(), DatabaseError> {
        sqlx::query(
            "INSERT INTO annotation_events (id, project, person, kind, detail, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(event.project.to_owned())
        .bind(event.person.map(str::to_owned))
        .bind(event.kind)
        .bind(event.detail)
        .bind(event.at_ms)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
