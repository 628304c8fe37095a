//! Where people are signed in.

use super::people::{end_sessions, person_from_row};
use super::{Database, DatabaseError};
use crate::limits::SESSIONS_MAX;
use crate::people::{Person, Session, SessionKind};
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

fn session_from_row(row: &AnyRow) -> Result<Session, DatabaseError> {
    let kind: String = row.try_get("kind")?;
    Ok(Session {
        token_hash: row.try_get("token_hash")?,
        person: row.try_get("person")?,
        kind: SessionKind::from_word(&kind)
            .ok_or_else(|| DatabaseError::Foreign(format!("kind of session {kind:?}")))?,
        label: row.try_get("label")?,
        created_ms: row.try_get("session_created_ms")?,
        seen_ms: row.try_get("seen_ms")?,
        expires_ms: row.try_get("expires_ms")?,
    })
}

/// The columns of a session; both tables have a `created_ms`.
const COLUMNS: &str = "sessions.token_hash, sessions.person, sessions.kind, sessions.label, \
                       sessions.created_ms AS session_created_ms, sessions.seen_ms, sessions.expires_ms";

impl Database {
    /// The session of a token's hash and its person, if it has not ended and he may sign in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn session(
        &self,
        token_hash: &str,
        now_ms: i64,
    ) -> Result<Option<(Session, Person)>, DatabaseError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS}, people.* FROM sessions JOIN people ON people.id = sessions.person \
             WHERE sessions.token_hash = $1 AND sessions.expires_ms > $2 \
             AND people.disabled_ms IS NULL AND people.deleted_ms IS NULL"
        )))
        .bind(token_hash.to_owned())
        .bind(now_ms)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref()
            .map(|row| Ok((session_from_row(row)?, person_from_row(row)?)))
            .transpose()
    }

    /// Begins a session in the place of another, if one is given. Sessions of all that are over go.
    ///
    /// # Errors
    /// Those of the database; then the other goes on.
    pub async fn begin_session(
        &self,
        session: &Session,
        in_place_of: Option<&str>,
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        begin(&mut transaction, session, in_place_of).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The sessions of a person that have not ended, the one that was used last first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sessions_of(
        &self,
        person: &str,
        now_ms: i64,
    ) -> Result<Vec<Session>, DatabaseError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM sessions WHERE person = $1 AND expires_ms > $2 \
             ORDER BY seen_ms DESC, token_hash"
        )))
        .bind(person.to_owned())
        .bind(now_ms)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(session_from_row).collect()
    }

    /// Notes that somebody was seen.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_seen(&self, token_hash: &str, now_ms: i64) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE sessions SET seen_ms = $1 WHERE token_hash = $2 AND seen_ms < $1")
            .bind(now_ms)
            .bind(token_hash.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_session(&self, token_hash: &str) -> Result<(), DatabaseError> {
        sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
            .bind(token_hash.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends all sessions of a person, programs' tokens among them.
    ///
    /// # Errors
    /// Those of the database; then none ends.
    pub async fn end_all_sessions(&self, person: &str) -> Result<(), DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        end_sessions(&mut transaction, person).await?;
        transaction.commit().await?;
        Ok(())
    }
}

pub(super) async fn begin(
    transaction: &mut Transaction<'_, Any>,
    session: &Session,
    in_place_of: Option<&str>,
) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1 OR expires_ms <= $2")
        .bind(in_place_of.unwrap_or_default().to_owned())
        .bind(session.created_ms)
        .execute(&mut **transaction)
        .await?;
    let oldest = sqlx::query(
        "SELECT token_hash FROM sessions WHERE person = $1 ORDER BY seen_ms DESC, token_hash \
         LIMIT 1000 OFFSET $2",
    )
    .bind(session.person.clone())
    .bind(SESSIONS_MAX as i64 - 1)
    .fetch_all(&mut **transaction)
    .await?;
    for row in oldest {
        sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
            .bind(row.try_get::<String, _>("token_hash")?)
            .execute(&mut **transaction)
            .await?;
    }
    sqlx::query(
        "INSERT INTO sessions (token_hash, person, kind, label, created_ms, seen_ms, expires_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(session.token_hash.clone())
    .bind(session.person.clone())
    .bind(session.kind.word())
    .bind(session.label.clone())
    .bind(session.created_ms)
    .bind(session.seen_ms)
    .bind(session.expires_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
