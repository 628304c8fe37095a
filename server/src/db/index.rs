//! The index of run directories. May be emptied at any time: it is read again from the files.

use super::{Database, DatabaseError};
use crate::runs::library::{IndexRow, now_ms};
use sqlx::Row;

impl Database {
    /// All rows that this version can read.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn index(&self) -> Result<Vec<IndexRow>, DatabaseError> {
        let rows = sqlx::query("SELECT directory, fingerprint, facts FROM run_index")
            .fetch_all(&self.pool)
            .await?;
        let mut index = Vec::with_capacity(rows.len());
        for row in rows {
            let facts: String = row.try_get("facts")?;
            // Facts of another version are read anew from the run directory.
            if let Ok(facts) = serde_json::from_str(&facts) {
                index.push(IndexRow {
                    directory: row.try_get("directory")?,
                    fingerprint: row.try_get("fingerprint")?,
                    facts,
                });
            }
        }
        Ok(index)
    }

    /// Stores rows over what was known of their directories.
    ///
    /// # Errors
    /// Those of the database; then none is stored.
    pub async fn store_index(&self, rows: &[IndexRow]) -> Result<(), DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        for row in rows {
            // Facts are plain data with text keys: they always have a JSON form.
            let Ok(facts) = serde_json::to_string(&row.facts) else {
                continue;
            };
            sqlx::query(
                "INSERT INTO run_index (directory, fingerprint, facts, indexed_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (directory) DO UPDATE SET fingerprint = excluded.fingerprint, \
                 facts = excluded.facts, indexed_ms = excluded.indexed_ms",
            )
            .bind(row.directory.clone())
            .bind(row.fingerprint.clone())
            // PostgreSQL's TEXT cannot hold this character, and JSON does not need it.
            .bind(facts.replace('\0', ""))
            .bind(now_ms() as i64)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
