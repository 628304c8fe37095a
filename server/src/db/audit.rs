//! What was done that others must be able to check. Grows only.

use super::{Database, DatabaseError};
use crate::limits::AUDIT_CHARACTERS_MAX;
use crate::runs::library::now_ms;
use app::view::AuditRow;
use sqlx::Row;
use uuid::Uuid;

impl Database {
    /// Notes an act: who did it (`people.id`; `None`: the server), what (`invited`), to whom or what
    /// (an id), and how.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_act(
        &self,
        person: Option<&str>,
        act: &str,
        object: &str,
        detail: &str,
    ) -> Result<(), DatabaseError> {
        // PostgreSQL's TEXT cannot hold a zero character.
        let cut = |text: &str| -> String {
            text.replace('\0', "")
                .chars()
                .take(AUDIT_CHARACTERS_MAX)
                .collect()
        };
        sqlx::query(
            "INSERT INTO audit (id, at_ms, person, act, object, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(now_ms() as i64)
        .bind(person.map(str::to_owned))
        .bind(cut(act))
        .bind(cut(object))
        .bind(cut(detail))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The newest acts before the id `before`, at most `limit`; who did them by pseudonym.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn acts(
        &self,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AuditRow>, DatabaseError> {
        // Ids are hexadecimal: in every collation 'g' sorts after them.
        let rows = sqlx::query(
            "SELECT audit.*, people.pseudonym FROM audit LEFT JOIN people ON people.id = audit.person \
             WHERE audit.id < $1 ORDER BY audit.id DESC LIMIT $2",
        )
        .bind(before.unwrap_or("g").replace('\0', ""))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AuditRow {
                    id: row.try_get("id")?,
                    at_ms: row.try_get("at_ms")?,
                    person: row.try_get("pseudonym")?,
                    act: row.try_get("act")?,
                    object: row.try_get("object")?,
                    detail: row.try_get("detail")?,
                })
            })
            .collect()
    }
}
