//! What decides who sees what: accounts, published runs, projects that are under way.

use super::{Database, DatabaseError};
use crate::people::LOCAL;
use crate::people::rules::{Rules, plain_id};
use sqlx::Row;

impl Database {
    /// The rules as they are now.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rules(&self) -> Result<Rules, DatabaseError> {
        let accounts = sqlx::query(
            "SELECT role, COUNT(*) AS people FROM people WHERE id <> $1 AND deleted_ms IS NULL GROUP BY role",
        )
        .bind(LOCAL)
        .fetch_all(&self.pool)
        .await?;
        let mut rules = Rules::default();
        for row in &accounts {
            let role: String = row.try_get("role")?;
            rules.has_accounts = true;
            rules.has_admin |= role == "admin";
        }
        let published = sqlx::query("SELECT directory, run_id FROM published")
            .fetch_all(&self.pool)
            .await?;
        for row in &published {
            rules
                .published
                .insert(row.try_get("directory")?, row.try_get("run_id")?);
        }
        let hidden = sqlx::query(
            "SELECT DISTINCT project_runs.run_id FROM project_runs \
             JOIN projects ON projects.id = project_runs.project \
             WHERE projects.state IN ('open', 'paused')",
        )
        .fetch_all(&self.pool)
        .await?;
        for row in &hidden {
            let id: String = row.try_get("run_id")?;
            rules.hidden.insert(plain_id(&id).to_owned());
        }
        Ok(rules)
    }

    /// Shows a run to everybody, or no longer.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_published(
        &self,
        directory: &str,
        run_id: &str,
        by: Option<&str>,
        is_published: bool,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        if is_published {
            sqlx::query(
                "INSERT INTO published (directory, run_id, published_by, published_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (directory) DO UPDATE SET run_id = excluded.run_id, \
                 published_by = excluded.published_by, published_ms = excluded.published_ms",
            )
            .bind(directory.to_owned())
            .bind(run_id.to_owned())
            .bind(by.map(str::to_owned))
            .bind(now_ms)
            .execute(&self.pool)
            .await?;
        } else {
            sqlx::query("DELETE FROM published WHERE directory = $1")
                .bind(directory.to_owned())
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }
}
