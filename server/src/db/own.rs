//! What the database has of one person, for himself.

use super::{Database, DatabaseError};
use crate::limits::OWN_ROWS_MAX;
use app::view::{OwnProject, ProjectState};
use serde_json::{Map, Value, json};
use sqlx::Row;
use sqlx::any::AnyRow;

/// What tells an annotator which items come again, on which side the first rationale stands, and the seed
/// that all of it follows from.
const UNBLINDING: [&str; 4] = ["item", "is_repeat", "first_left", "seed"];
/// What stands in its place.
const WITHHELD: &str = "withheld until the project is closed";

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
    /// the same items, and what he was not shown, is not among it; what would unblind him is withheld until the
    /// project is closed, and it is said so.
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
                "SELECT ratings.*, projects.state FROM ratings \
                 JOIN projects ON projects.id = ratings.project WHERE ratings.person = $1 \
                 ORDER BY ratings.saved_ms, ratings.id LIMIT $2",
                person,
                &["id", "project", "state", "item", "assignment", "said"],
                &["revision", "saved_ms", "was_late"],
            )
            .await?;
        let events = self
            .own_rows(
                "SELECT annotation_events.*, projects.state FROM annotation_events \
                 LEFT JOIN projects ON projects.id = annotation_events.project \
                 WHERE annotation_events.person = $1 \
                 ORDER BY annotation_events.at_ms, annotation_events.id LIMIT $2",
                person,
                &["id", "project", "state", "kind", "detail"],
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
            "ratings": blinded(ratings),
            "events": blinded(events),
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

/// Takes the `state` of its project from each row. Where that is not closed, what must not be known yet is
/// withheld.
fn blinded(mut rows: Vec<Value>) -> Vec<Value> {
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        let state = row.remove("state").unwrap_or_default();
        // A draft that was deleted has no state, and nothing to hide.
        if state.is_null() || state == ProjectState::Closed.word() {
            continue;
        }
        withhold(row);
        if let Some(detail) = row.get_mut("detail").and_then(Value::as_object_mut) {
            withhold(detail);
        }
    }
    rows
}

fn withhold(fields: &mut Map<String, Value>) {
    for (name, value) in fields.iter_mut() {
        if UNBLINDING.contains(&name.as_str()) {
            *value = json!(WITHHELD);
        }
    }
}

/// A row as JSON. What is JSON itself (a rating as it was said) stands as such.
fn own_row(row: &AnyRow, texts: &[&str], numbers: &[&str]) -> Result<Value, DatabaseError> {
    let mut object = Map::new();
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
