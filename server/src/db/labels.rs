//! What people note of runs.

use super::{Database, DatabaseError};
use crate::runs::library::now_ms;
use app::view::Labels;
use sqlx::Row;
use sqlx::any::AnyRow;

/// The labels of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRow {
    pub directory: String,
    pub run_id: String,
    pub labels: Labels,
    pub changed_ms: i64,
}

fn label_from_row(row: &AnyRow) -> Result<LabelRow, DatabaseError> {
    let tags: String = row.try_get("tags")?;
    Ok(LabelRow {
        directory: row.try_get("directory")?,
        run_id: row.try_get("run_id")?,
        labels: Labels {
            tags: serde_json::from_str(&tags)
                .map_err(|_| DatabaseError::Foreign(format!("list of tags {tags:?}")))?,
            note: row.try_get("note")?,
        },
        changed_ms: row.try_get("changed_ms")?,
    })
}

impl Database {
    /// The labels that were changed at this time or later, the oldest change first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn labels_since(&self, changed_ms: i64) -> Result<Vec<LabelRow>, DatabaseError> {
        let rows =
            sqlx::query("SELECT * FROM run_labels WHERE changed_ms >= $1 ORDER BY changed_ms")
                .bind(changed_ms)
                .fetch_all(&self.pool)
                .await?;
        rows.iter().map(label_from_row).collect()
    }

    /// Keeps a run's labels in place of those it had; gives them back as they are kept.
    ///
    /// # Errors
    /// Those of the database; then nothing is changed.
    pub async fn set_labels(
        &self,
        directory: &str,
        run_id: &str,
        labels: Labels,
    ) -> Result<LabelRow, DatabaseError> {
        // Texts without control characters: they always have a JSON form.
        let tags = serde_json::to_string(&labels.tags).unwrap_or_else(|_| "[]".into());
        let newest =
            sqlx::query("SELECT changed_ms FROM run_labels ORDER BY changed_ms DESC LIMIT 1")
                .fetch_optional(&self.pool)
                .await?
                .map(|row| row.try_get::<i64, _>("changed_ms"))
                .transpose()?;
        // A server whose clock is behind must not hide its change from the others.
        let changed_ms = newest
            .map_or(0, |newest| newest.saturating_add(1))
            .max(now_ms() as i64);
        sqlx::query(
            "INSERT INTO run_labels (directory, run_id, tags, note, changed_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (directory) DO UPDATE SET run_id = excluded.run_id, tags = excluded.tags, \
             note = excluded.note, changed_ms = excluded.changed_ms",
        )
        .bind(directory.to_owned())
        .bind(run_id.to_owned())
        .bind(tags)
        .bind(labels.note.clone())
        .bind(changed_ms)
        .execute(&self.pool)
        .await?;
        Ok(LabelRow {
            directory: directory.to_owned(),
            run_id: run_id.to_owned(),
            labels,
            changed_ms,
        })
    }
}
