//! What the database has of one person, for himself.

use super::{Database, DatabaseError};
use crate::limits::OWN_ROWS_MAX;
use app::view::OwnProject;
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::any::AnyRow;

impl Database {
    /// The projects that somebody belongs to, the one that he joined last first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn own_projects(&self, person: &str) -> Result<Vec<OwnProject>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT projects.id, projects.title, members.joined_ms, members.withdrawn_ms, \
             (SELECT COUNT(DISTINCT ratings.assignment) FROM ratings \
              WHERE ratings.project = projects.id AND ratings.person = members.person) AS rated \
             FROM members JOIN projects ON projects.id = members.project \
             WHERE members.person = $1 ORDER BY members.joined_ms DESC, projects.id",
        )
        .bind(person.to_owned())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(OwnProject {
                    id: row.try_get("id")?,
                    title: row.try_get("title")?,
                    joined_ms: row.try_get("joined_ms")?,
                    withdrawn_ms: row.try_get("withdrawn_ms")?,
                    rated: row.try_get("rated")?,
                })
            })
            .collect()
    }

    /// The projects that an invitation can lead to: those that are not closed, by title.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn projects_to_join(&self) -> Result<Vec<(String, String)>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT id, title FROM projects WHERE state <> 'closed' ORDER BY title, id",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("id")?, row.try_get("title")?)))
            .collect()
    }

    /// A project's title; `None` where there is none of that id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn project_title(&self, project: &str) -> Result<Option<String>, DatabaseError> {
        let row = sqlx::query("SELECT title FROM projects WHERE id = $1")
            .bind(project.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(row.try_get("title")?)).transpose()
    }

    /// All that was kept of what somebody did: memberships, ratings, events, acts. What others said of
    /// the same items, and what he was not shown, is not among it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn own_data(&self, person: &str) -> Result<Value, DatabaseError> {
        let memberships = self
            .own_rows(
                "SELECT members.*, projects.title FROM members \
                 JOIN projects ON projects.id = members.project WHERE members.person = $1 \
                 ORDER BY members.joined_ms, members.project LIMIT $2",
                person,
                &["project", "title", "consent_hash"],
                &[
                    "joined_ms",
                    "consented_ms",
                    "qualified_ms",
                    "refused_ms",
                    "paused_ms",
                    "withdrawn_ms",
                ],
            )
            .await?;
        let ratings = self
            .own_rows(
                "SELECT * FROM ratings WHERE person = $1 ORDER BY saved_ms, id LIMIT $2",
                person,
                &["id", "project", "item", "assignment", "said"],
                &["revision", "saved_ms", "was_late"],
            )
            .await?;
        let events = self
            .own_rows(
                "SELECT * FROM annotation_events WHERE person = $1 ORDER BY at_ms, id LIMIT $2",
                person,
                &["id", "project", "kind", "detail"],
                &["at_ms"],
            )
            .await?;
        let acts = self
            .own_rows(
                "SELECT * FROM audit WHERE person = $1 ORDER BY id LIMIT $2",
                person,
                &["id", "act", "object", "detail"],
                &["at_ms"],
            )
            .await?;
        Ok(json!({
            "projects": memberships,
            "ratings": ratings,
            "events": events,
            "acts": acts,
        }))
    }

    async fn own_rows(
        &self,
        query: &'static str,
        person: &str,
        texts: &[&str],
        numbers: &[&str],
    ) -> Result<Vec<Value>, DatabaseError> {
        let rows = sqlx::query(query)
            .bind(person.to_owned())
            .bind(OWN_ROWS_MAX)
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| own_row(row, texts, numbers))
            .collect()
    }
}

/// A row as JSON. What is JSON itself (a rating as it was said) stands as such.
fn own_row(row: &AnyRow, texts: &[&str], numbers: &[&str]) -> Result<Value, DatabaseError> {
    let mut object = serde_json::Map::new();
    for name in texts {
        let text: Option<String> = row.try_get(*name)?;
        let value = match text {
            Some(text) if text.starts_with('{') => {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
            text => text.map_or(Value::Null, Value::String),
        };
        object.insert((*name).to_owned(), value);
    }
    for name in numbers {
        let number: Option<i64> = row.try_get(*name)?;
        object.insert((*name).to_owned(), json!(number));
    }
    Ok(Value::Object(object))
}
