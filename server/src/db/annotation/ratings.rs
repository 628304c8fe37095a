//! What people said.

use super::assignments::{Assignment, assignment_from_row};
use super::{Turn, from_json, natural, to_json};
use crate::annotation::keeping::Kept;
use crate::db::{Database, DatabaseError};
use datasets::annotation::RatingRequest;
use sqlx::Row;
use sqlx::any::AnyRow;

/// A revision as it was kept, with whose it is by pseudonym.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub key: String,
    pub pseudonym: String,
    pub item: String,
    pub is_repeat: bool,
    pub first_left: bool,
    /// As it came.
    pub said: RatingRequest,
    pub saved_ms: i64,
    pub was_late: bool,
    /// Whether it is the assignment's last word.
    pub is_last: bool,
}

/// How many assignments of a person stand so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The kind of the items, in a word.
    pub kind: String,
    /// `leased`, `rated`, `skipped` or `released`.
    pub state: String,
    pub count: u64,
}

fn kept_from_row(row: &AnyRow) -> Result<Kept, DatabaseError> {
    let said: String = row.try_get("said")?;
    Ok(Kept {
        key: row.try_get("id")?,
        person: row.try_get("person")?,
        said: from_json(&said, "rating")?,
        saved_ms: row.try_get("saved_ms")?,
    })
}

impl Database {
    /// Every revision that was kept in a project, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn said(&self, project: &str) -> Result<Vec<Said>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT r.id, r.item, r.revision, r.said, r.saved_ms, r.was_late, a.is_repeat, a.first_left, \
             a.revisions, people.pseudonym FROM ratings r JOIN assignments a ON a.id = r.assignment \
             JOIN people ON people.id = r.person WHERE r.project = $1 \
             ORDER BY r.saved_ms, r.assignment, r.revision",
        )
        .bind(project.to_owned())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let said: String = row.try_get("said")?;
                let flag = |name: &str| row.try_get::<i64, _>(name).map(|flag| flag != 0);
                let revision: i64 = row.try_get("revision")?;
                Ok(Said {
                    key: row.try_get("id")?,
                    pseudonym: row.try_get("pseudonym")?,
                    item: row.try_get("item")?,
                    is_repeat: flag("is_repeat")?,
                    first_left: flag("first_left")?,
                    said: from_json(&said, "rating")?,
                    saved_ms: row.try_get("saved_ms")?,
                    was_late: flag("was_late")?,
                    is_last: revision == row.try_get::<i64, _>("revisions")?,
                })
            })
            .collect()
    }
}

impl Database {
    /// Of a project: ratings, when the last one was kept, and how often an item was settled: one may be
    /// settled again.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn said_counts(&self, project: &str) -> Result<[i64; 3], DatabaseError> {
        let said = sqlx::query(
            "SELECT COUNT(*) AS ratings, MAX(saved_ms) AS last_ms FROM ratings WHERE project = $1",
        )
        .bind(project.to_owned())
        .fetch_one(&self.pool)
        .await?;
        let settled = sqlx::query(
            "SELECT COUNT(*) AS times FROM annotation_events WHERE project = $1 AND kind = 'settled'",
        )
        .bind(project.to_owned())
        .fetch_one(&self.pool)
        .await?;
        let last_ms: Option<i64> = said.try_get("last_ms")?;
        Ok([
            said.try_get("ratings")?,
            last_ms.unwrap_or(0),
            settled.try_get("times")?,
        ])
    }
}

impl Turn {
    /// What is kept under a key.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn kept(&mut self, key: &str) -> Result<Option<Kept>, DatabaseError> {
        let row = sqlx::query("SELECT id, person, said, saved_ms FROM ratings WHERE id = $1")
            .bind(key.to_owned())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(kept_from_row).transpose()
    }

    /// What is kept as a revision of an assignment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn revision(
        &mut self,
        assignment: &str,
        revision: u32,
    ) -> Result<Option<Kept>, DatabaseError> {
        let row = sqlx::query(
            "SELECT id, person, said, saved_ms FROM ratings WHERE assignment = $1 AND revision = $2",
        )
        .bind(assignment.to_owned())
        .bind(i64::from(revision))
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(kept_from_row).transpose()
    }

    /// Keeps a rating.
    ///
    /// # Errors
    /// Those of the database; also where the key or the revision is kept already.
    pub async fn keep(
        &mut self,
        assignment: &Assignment,
        kept: &Kept,
        was_late: bool,
    ) -> Result<(), DatabaseError> {
        sqlx::query(
            "INSERT INTO ratings (id, project, assignment, item, person, revision, said, saved_ms, was_late) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(kept.key.clone())
        .bind(assignment.project.clone())
        .bind(assignment.id.clone())
        .bind(assignment.item.clone())
        .bind(kept.person.clone())
        .bind(i64::from(kept.said.revision))
        .bind(to_json(&kept.said))
        .bind(kept.saved_ms)
        .bind(i64::from(was_late))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// A person's assignments with their last words, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_said(
        &mut self,
        project: &str,
        person: &str,
        limit: usize,
    ) -> Result<Vec<(Assignment, RatingRequest)>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT a.*, r.said FROM assignments a JOIN ratings r ON r.assignment = a.id \
             AND r.revision = a.revisions WHERE a.project = $1 AND a.person = $2 \
             ORDER BY r.saved_ms DESC, a.turn DESC LIMIT $3",
        )
        .bind(project.to_owned())
        .bind(person.to_owned())
        .bind(limit as i64)
        .fetch_all(self.connection())
        .await?;
        rows.iter()
            .map(|row| {
                let said: String = row.try_get("said")?;
                Ok((assignment_from_row(row)?, from_json(&said, "rating")?))
            })
            .collect()
    }

    /// A person's first words on the training items, with the item and whether its first rationale stood
    /// on the left.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn first_words(
        &mut self,
        project: &str,
        person: &str,
    ) -> Result<Vec<(String, bool, RatingRequest)>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT a.item, a.first_left, r.said FROM assignments a JOIN items i ON i.id = a.item \
             JOIN ratings r ON r.assignment = a.id AND r.revision = 1 \
             WHERE a.project = $1 AND a.person = $2 AND i.kind = 'training' ORDER BY a.turn",
        )
        .bind(project.to_owned())
        .bind(person.to_owned())
        .fetch_all(self.connection())
        .await?;
        rows.iter()
            .map(|row| {
                let said: String = row.try_get("said")?;
                let first_left: i64 = row.try_get("first_left")?;
                Ok((
                    row.try_get("item")?,
                    first_left != 0,
                    from_json(&said, "rating")?,
                ))
            })
            .collect()
    }

    /// How a person's assignments stand.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn counted(
        &mut self,
        project: &str,
        person: &str,
    ) -> Result<Vec<Counted>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT i.kind, a.state, COUNT(*) AS times FROM assignments a JOIN items i ON i.id = a.item \
             WHERE a.project = $1 AND a.person = $2 GROUP BY i.kind, a.state",
        )
        .bind(project.to_owned())
        .bind(person.to_owned())
        .fetch_all(self.connection())
        .await?;
        rows.iter()
            .map(|row| {
                let times: i64 = row.try_get("times")?;
                Ok(Counted {
                    kind: row.try_get("kind")?,
                    state: row.try_get("state")?,
                    count: natural(times),
                })
            })
            .collect()
    }
}
