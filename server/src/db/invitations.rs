//! Links by which people come.

use super::people::{Added, add_person, end_links, end_sessions, person_in, role_from_word};
use super::sessions::begin;
use super::{Database, DatabaseError};
use crate::limits::PEOPLE_MAX;
use crate::people::{Invitation, Person, Session};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Who comes by a link.
#[derive(Clone, Debug)]
pub enum Comer {
    /// Somebody new.
    New(Person),
    /// Somebody who is signed in: he joins the project, and his role becomes the link's where that may
    /// do more.
    Known(String),
    /// Whoever the link was made for.
    Named,
}

/// What became of a link that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub invitation: Invitation,
    pub person: Person,
    /// Whether he was made by it.
    pub is_new: bool,
}

fn invitation_from_row(row: &AnyRow) -> Result<Invitation, DatabaseError> {
    let role: String = row.try_get("role")?;
    Ok(Invitation {
        token_hash: row.try_get("token_hash")?,
        id: row.try_get("id")?,
        role: role_from_word(&role)?,
        person: row.try_get("person")?,
        project: row.try_get("project")?,
        note: row.try_get("note")?,
        uses_left: row.try_get("uses_left")?,
        made_by: row.try_get("made_by")?,
        created_ms: row.try_get("created_ms")?,
        expires_ms: row.try_get("expires_ms")?,
    })
}

impl Database {
    /// Adds an invitation; false where `most` of them work already. Those that are over go.
    ///
    /// # Errors
    /// Those of the database; then none is added.
    pub async fn add_invitation(
        &self,
        invitation: &Invitation,
        most: i64,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM invitations WHERE expires_ms <= $1 OR uses_left <= 0")
            .bind(invitation.created_ms)
            .execute(&mut *transaction)
            .await?;
        let there = sqlx::query("SELECT COUNT(*) AS invitations FROM invitations")
            .fetch_one(&mut *transaction)
            .await?;
        if there.try_get::<i64, _>("invitations")? >= most {
            return Ok(false);
        }
        insert(&mut transaction, invitation).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Puts the first admin's link in the place of the one that an earlier start made.
    ///
    /// # Errors
    /// Those of the database; then the earlier one stays.
    pub async fn set_first_link(&self, invitation: &Invitation) -> Result<(), DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM invitations WHERE made_by IS NULL")
            .execute(&mut *transaction)
            .await?;
        insert(&mut transaction, invitation).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Takes the first admin's link back, once there is an admin.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_first_link(&self) -> Result<(), DatabaseError> {
        sqlx::query("DELETE FROM invitations WHERE made_by IS NULL")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The invitation of a token's hash, if it still works.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn invitation(
        &self,
        token_hash: &str,
        now_ms: i64,
    ) -> Result<Option<Invitation>, DatabaseError> {
        let row = sqlx::query(
            "SELECT * FROM invitations WHERE token_hash = $1 AND expires_ms > $2 AND uses_left > 0",
        )
        .bind(token_hash.to_owned())
        .bind(now_ms)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(invitation_from_row).transpose()
    }

    /// The invitations that still work, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn invitations(&self, now_ms: i64) -> Result<Vec<Invitation>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM invitations WHERE expires_ms > $1 AND uses_left > 0 \
             ORDER BY created_ms DESC, id",
        )
        .bind(now_ms)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(invitation_from_row).collect()
    }

    /// Takes an invitation back; false where there is none of that id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_invitation(&self, id: &str) -> Result<bool, DatabaseError> {
        let done = sqlx::query("DELETE FROM invitations WHERE id = $1")
            .bind(id.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Follows a link: takes one use of it, makes or finds the person, lets him join its project, and
    /// begins his session in the place of the one that the browser had. All of it or nothing. `None`:
    /// the link no longer works, or is not for this comer.
    ///
    /// # Errors
    /// Those of the database; then nothing is changed.
    pub async fn accept(
        &self,
        token_hash: &str,
        comer: Comer,
        mut session: Session,
        in_place_of: Option<&str>,
    ) -> Result<Option<Added<Accepted>>, DatabaseError> {
        let now_ms = session.created_ms;
        let mut transaction = self.pool.begin().await?;
        // Written first: of two who follow the last use of a link, one comes second and finds none.
        let used = sqlx::query(
            "UPDATE invitations SET uses_left = uses_left - 1 \
             WHERE token_hash = $1 AND expires_ms > $2 AND uses_left > 0",
        )
        .bind(token_hash.to_owned())
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
        if used.rows_affected() != 1 {
            return Ok(None);
        }
        let row = sqlx::query("SELECT * FROM invitations WHERE token_hash = $1")
            .bind(token_hash.to_owned())
            .fetch_one(&mut *transaction)
            .await?;
        let invitation = invitation_from_row(&row)?;
        let mut is_new = false;
        let person = match (comer, &invitation.person) {
            (Comer::Named, Some(person)) => {
                let person = person_in(&mut transaction, person).await?;
                match person.filter(|person| person.disabled_ms.is_none()) {
                    Some(person) => person,
                    None => return Ok(None),
                }
            }
            (Comer::New(mut person), None) => {
                person.role = invitation.role;
                is_new = true;
                match add_person(&mut transaction, person, PEOPLE_MAX).await? {
                    Added::Done(person) => person,
                    Added::NameTaken => return Ok(Some(Added::NameTaken)),
                    Added::Full => return Ok(Some(Added::Full)),
                }
            }
            (Comer::Known(person), None) => {
                let Some(mut person) = person_in(&mut transaction, &person).await? else {
                    return Ok(None);
                };
                if invitation.role > person.role {
                    person.role = invitation.role;
                    sqlx::query("UPDATE people SET role = $1 WHERE id = $2")
                        .bind(person.role.word())
                        .bind(person.id.clone())
                        .execute(&mut *transaction)
                        .await?;
                    // What he holds was given to whom he was.
                    end_sessions(&mut transaction, &person.id).await?;
                    end_links(&mut transaction, &person.id).await?;
                }
                person
            }
            _ => return Ok(None),
        };
        if let Some(project) = &invitation.project {
            sqlx::query(
                "INSERT INTO members (project, person, joined_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(project.clone())
            .bind(person.id.clone())
            .bind(now_ms)
            .execute(&mut *transaction)
            .await?;
        }
        session.person.clone_from(&person.id);
        begin(&mut transaction, &session, in_place_of).await?;
        transaction.commit().await?;
        Ok(Some(Added::Done(Accepted {
            invitation,
            person,
            is_new,
        })))
    }
}

async fn insert(
    transaction: &mut sqlx::Transaction<'_, sqlx::Any>,
    invitation: &Invitation,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO invitations (token_hash, id, role, person, project, note, uses_left, made_by, \
         created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(invitation.token_hash.clone())
    .bind(invitation.id.clone())
    .bind(invitation.role.word())
    .bind(invitation.person.clone())
    .bind(invitation.project.clone())
    .bind(invitation.note.clone())
    .bind(invitation.uses_left)
    .bind(invitation.made_by.clone())
    .bind(invitation.created_ms)
    .bind(invitation.expires_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
