//! Who works in a project.

use super::Turn;
use crate::db::{Database, DatabaseError};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A person in a project. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub project: String,
    pub person: String,
    pub pseudonym: String,
    pub joined_ms: i64,
    pub consented_ms: Option<i64>,
    pub qualified_ms: Option<i64>,
    pub refused_ms: Option<i64>,
    pub paused_ms: Option<i64>,
    pub withdrawn_ms: Option<i64>,
}

const SELECT: &str =
    "SELECT members.*, people.pseudonym FROM members JOIN people ON people.id = members.person";

fn member_from_row(row: &AnyRow) -> Result<Member, DatabaseError> {
    Ok(Member {
        project: row.try_get("project")?,
        person: row.try_get("person")?,
        pseudonym: row.try_get("pseudonym")?,
        joined_ms: row.try_get("joined_ms")?,
        consented_ms: row.try_get("consented_ms")?,
        qualified_ms: row.try_get("qualified_ms")?,
        refused_ms: row.try_get("refused_ms")?,
        paused_ms: row.try_get("paused_ms")?,
        withdrawn_ms: row.try_get("withdrawn_ms")?,
    })
}

impl Database {
    /// The people of a project, in the order in which they joined.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn members(&self, project: &str) -> Result<Vec<Member>, DatabaseError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE members.project = $1 ORDER BY members.joined_ms, people.pseudonym"
        )))
        .bind(project.to_owned())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(member_from_row).collect()
    }

    /// The projects that a person was invited to, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn memberships(&self, person: &str) -> Result<Vec<Member>, DatabaseError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE members.person = $1 ORDER BY members.joined_ms DESC, members.project"
        )))
        .bind(person.to_owned())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(member_from_row).collect()
    }
}

impl Turn {
    /// A person in a project; `None` where he is not in it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn member(
        &mut self,
        project: &str,
        person: &str,
    ) -> Result<Option<Member>, DatabaseError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE members.project = $1 AND members.person = $2"
        )))
        .bind(project.to_owned())
        .bind(person.to_owned())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(member_from_row).transpose()
    }

    /// Takes a person into a project, where he is not in it yet.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn join(
        &mut self,
        project: &str,
        person: &str,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        sqlx::query(
            "INSERT INTO members (project, person, joined_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (project, person) DO NOTHING",
        )
        .bind(project.to_owned())
        .bind(person.to_owned())
        .bind(now_ms)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that a person agreed, and to what (the SHA-256 of the text).
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_consented(
        &mut self,
        member: &Member,
        consent_hash: &str,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        sqlx::query(
            "UPDATE members SET consented_ms = $1, consent_hash = $2 WHERE project = $3 AND person = $4",
        )
        .bind(now_ms)
        .bind(consent_hash.to_owned())
        .bind(member.project.clone())
        .bind(member.person.clone())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that a person may begin, or may not.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_qualified(
        &mut self,
        member: &Member,
        is_admitted: bool,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        let query = match is_admitted {
            true => "UPDATE members SET qualified_ms = $1 WHERE project = $2 AND person = $3",
            false => "UPDATE members SET refused_ms = $1 WHERE project = $2 AND person = $3",
        };
        self.set_time(query, Some(now_ms), member).await
    }

    /// Notes that a person pauses, or goes on.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_paused(
        &mut self,
        member: &Member,
        paused_ms: Option<i64>,
    ) -> Result<(), DatabaseError> {
        let query = "UPDATE members SET paused_ms = $1 WHERE project = $2 AND person = $3";
        self.set_time(query, paused_ms, member).await
    }

    pub(super) async fn set_withdrawn(
        &mut self,
        member: &Member,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        let query = "UPDATE members SET withdrawn_ms = $1 WHERE project = $2 AND person = $3";
        self.set_time(query, Some(now_ms), member).await
    }

    async fn set_time(
        &mut self,
        query: &'static str,
        at_ms: Option<i64>,
        member: &Member,
    ) -> Result<(), DatabaseError> {
        sqlx::query(query)
            .bind(at_ms)
            .bind(member.project.clone())
            .bind(member.person.clone())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
