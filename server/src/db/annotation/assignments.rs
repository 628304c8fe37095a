//! What was handed to whom.

use super::{Turn, natural};
use crate::annotation::handing::{Held, Standing};
use crate::annotation::keeping::Stands;
use crate::db::DatabaseError;
use sqlx::Row;
use sqlx::any::AnyRow;

/// An item handed to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Random: annotators see it.
    pub id: String,
    pub project: String,
    pub item: String,
    pub person: String,
    pub is_repeat: bool,
    /// Whether the first rationale stands on the left.
    pub first_left: bool,
    /// In the person's order.
    pub turn: u32,
    pub handed_ms: i64,
    pub lease_ends_ms: i64,
    /// Last revision kept; 0: none.
    pub revisions: u32,
    pub standing: Standing,
}

/// A lease that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub assignment: String,
    pub person: String,
}

impl Assignment {
    /// As the choice of what comes next sees it.
    pub fn held(&self) -> Held {
        Held {
            assignment: self.id.clone(),
            item: self.item.clone(),
            is_repeat: self.is_repeat,
            turn: self.turn,
            standing: self.standing,
        }
    }

    /// As the decision on a rating sees it.
    pub fn stands(&self, is_closed: bool) -> Stands {
        Stands {
            revisions: self.revisions,
            standing: self.standing,
            lease_ends_ms: self.lease_ends_ms,
            is_closed,
        }
    }
}

pub(super) fn assignment_from_row(row: &AnyRow) -> Result<Assignment, DatabaseError> {
    let state: String = row.try_get("state")?;
    let flag = |name: &str| row.try_get::<i64, _>(name).map(|flag| flag != 0);
    let count = |name: &str| {
        row.try_get::<i64, _>(name)
            .map(|count| natural(count) as u32)
    };
    Ok(Assignment {
        id: row.try_get("id")?,
        project: row.try_get("project")?,
        item: row.try_get("item")?,
        person: row.try_get("person")?,
        is_repeat: flag("is_repeat")?,
        first_left: flag("first_left")?,
        turn: count("turn")?,
        handed_ms: row.try_get("handed_ms")?,
        lease_ends_ms: row.try_get("lease_ends_ms")?,
        revisions: count("revisions")?,
        standing: Standing::from_word(&state)
            .ok_or_else(|| DatabaseError::Foreign(format!("state of an assignment {state:?}")))?,
    })
}

impl Turn {
    /// All that a person was handed in a project, in his order.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn held(
        &mut self,
        project: &str,
        person: &str,
    ) -> Result<Vec<Assignment>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM assignments WHERE project = $1 AND person = $2 ORDER BY turn, is_repeat",
        )
        .bind(project.to_owned())
        .bind(person.to_owned())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(assignment_from_row).collect()
    }

    /// An assignment; `None` where there is none of that id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn assignment(&mut self, id: &str) -> Result<Option<Assignment>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM assignments WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(assignment_from_row).transpose()
    }

    /// Hands out.
    ///
    /// # Errors
    /// Those of the database; also where the person has the item already.
    pub async fn hand_out(&mut self, assignment: &Assignment) -> Result<(), DatabaseError> {
        sqlx::query(
            "INSERT INTO assignments (id, project, item, person, is_repeat, first_left, turn, handed_ms, \
             lease_ends_ms, revisions, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(assignment.id.clone())
        .bind(assignment.project.clone())
        .bind(assignment.item.clone())
        .bind(assignment.person.clone())
        .bind(i64::from(assignment.is_repeat))
        .bind(i64::from(assignment.first_left))
        .bind(i64::from(assignment.turn))
        .bind(assignment.handed_ms)
        .bind(assignment.lease_ends_ms)
        .bind(i64::from(assignment.revisions))
        .bind(assignment.standing.word())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Begins a lease anew, of what was not rated.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lease_again(&mut self, id: &str, ends_ms: i64) -> Result<(), DatabaseError> {
        sqlx::query(
            "UPDATE assignments SET state = 'leased', lease_ends_ms = $1 WHERE id = $2 AND revisions = 0",
        )
        .bind(ends_ms)
        .bind(id.to_owned())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends the leases of a project that are over, and those that end after `latest_ms`: such a lease was
    /// given by a clock that was ahead. Gives them.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_leases(
        &mut self,
        project: &str,
        now_ms: i64,
        latest_ms: i64,
    ) -> Result<Vec<Place>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT id, person FROM assignments WHERE project = $1 AND state = 'leased' \
             AND (lease_ends_ms <= $2 OR lease_ends_ms > $3)",
        )
        .bind(project.to_owned())
        .bind(now_ms)
        .bind(latest_ms)
        .fetch_all(self.connection())
        .await?;
        let mut ended = Vec::new();
        for row in &rows {
            let place = Place {
                assignment: row.try_get("id")?,
                person: row.try_get("person")?,
            };
            self.release(&place.assignment).await?;
            ended.push(place);
        }
        Ok(ended)
    }

    /// Gives back what a person has and has not rated. Gives their ids.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release_own(
        &mut self,
        project: &str,
        person: &str,
    ) -> Result<Vec<String>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT id FROM assignments WHERE project = $1 AND person = $2 AND state = 'leased'",
        )
        .bind(project.to_owned())
        .bind(person.to_owned())
        .fetch_all(self.connection())
        .await?;
        let mut released = Vec::new();
        for row in &rows {
            let id: String = row.try_get("id")?;
            self.release(&id).await?;
            released.push(id);
        }
        Ok(released)
    }

    async fn release(&mut self, id: &str) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE assignments SET state = 'released' WHERE id = $1 AND state = 'leased'")
            .bind(id.to_owned())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Notes that an assignment was rated or skipped.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_said(
        &mut self,
        id: &str,
        standing: Standing,
        revisions: u32,
    ) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE assignments SET state = $1, revisions = $2 WHERE id = $3")
            .bind(standing.word())
            .bind(i64::from(revisions))
            .bind(id.to_owned())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
