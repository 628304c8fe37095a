//! People, as the database keeps them.

use super::sessions::begin;
use super::{Database, DatabaseError};
use crate::people::{LOCAL, Person, Session, name};
use app::view::Role;
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};
use std::collections::HashMap;
use uuid::Uuid;

/// Short pseudonyms tried before a long one is taken.
const PSEUDONYMS_TRIED_MAX: usize = 8;

/// Who was made, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added<T> {
    Done(T),
    /// Somebody has that name.
    NameTaken,
    /// There are as many as a server may know.
    Full,
}

/// What is to become of a person; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonChange {
    pub role: Option<Role>,
    pub is_disabled: Option<bool>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// As he was, and as he is.
    Done(Box<(Person, Person)>),
    Unknown,
    /// Nobody else is an admin who may sign in.
    LastAdmin,
}

/// He has a password, by which he needs nobody to let him in, and nobody has disabled or deleted him.
const MAY_SIGN_IN: &str = "password IS NOT NULL AND disabled_ms IS NULL AND deleted_ms IS NULL";

pub(super) fn role_from_word(word: &str) -> Result<Role, DatabaseError> {
    Role::from_word(word).ok_or_else(|| DatabaseError::Foreign(format!("role {word:?}")))
}

pub(super) fn person_from_row(row: &AnyRow) -> Result<Person, DatabaseError> {
    let role: String = row.try_get("role")?;
    Ok(Person {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        pseudonym: row.try_get("pseudonym")?,
        role: role_from_word(&role)?,
        password: row.try_get("password")?,
        created_ms: row.try_get("created_ms")?,
        disabled_ms: row.try_get("disabled_ms")?,
        deleted_ms: row.try_get("deleted_ms")?,
    })
}

impl Database {
    /// Makes the row of the person at a machine without accounts, where it is not there yet. It is no
    /// account: nobody can sign in as him.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn add_local_person(&self, now_ms: i64) -> Result<(), DatabaseError> {
        sqlx::query(
            "INSERT INTO people (id, name, pseudonym, role, created_ms) VALUES ($1, $1, $1, 'admin', $2) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(LOCAL)
        .bind(now_ms)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The person of an id, gone or not.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn person(&self, id: &str) -> Result<Option<Person>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM people WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(person_from_row).transpose()
    }

    /// The person of a name, as [`name::checked`] gives it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn person_named(&self, name: &str) -> Result<Option<Person>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM people WHERE name = $1 AND id <> $2")
            .bind(name.to_owned())
            .bind(LOCAL)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(person_from_row).transpose()
    }

    /// All accounts that are not gone, by name, each with when it was seen last.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn people(&self) -> Result<Vec<(Person, Option<i64>)>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT people.*, (SELECT MAX(seen_ms) FROM sessions WHERE sessions.person = people.id) AS seen_ms \
             FROM people WHERE id <> $1 AND deleted_ms IS NULL ORDER BY name",
        )
        .bind(LOCAL)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| Ok((person_from_row(row)?, row.try_get("seen_ms")?)))
            .collect()
    }

    /// The pseudonyms of all, by id; of those who are gone too, as what they did may stay.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn pseudonyms(&self) -> Result<HashMap<String, String>, DatabaseError> {
        let rows = sqlx::query("SELECT id, pseudonym FROM people")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("id")?, row.try_get("pseudonym")?)))
            .collect()
    }

    /// The names of all who are not gone, by id: for admins alone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn names(&self) -> Result<HashMap<String, String>, DatabaseError> {
        let rows = sqlx::query("SELECT id, name FROM people WHERE deleted_ms IS NULL")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("id")?, row.try_get("name")?)))
            .collect()
    }

    /// Whether somebody belongs to a project: was invited to it, and not gone from it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_member(&self, project: &str, person: &str) -> Result<bool, DatabaseError> {
        let row = sqlx::query("SELECT 1 AS one FROM members WHERE project = $1 AND person = $2")
            .bind(project.to_owned())
            .bind(person.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Sets a password's hash. All sessions of the person end, and the one given begins.
    ///
    /// # Errors
    /// Those of the database; then nothing is changed.
    pub async fn set_password(&self, hash: String, session: &Session) -> Result<(), DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE people SET password = $1 WHERE id = $2")
            .bind(hash)
            .bind(session.person.clone())
            .execute(&mut *transaction)
            .await?;
        end_sessions(&mut transaction, &session.person).await?;
        begin(&mut transaction, session, None).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Changes what a person may do. His sessions end, and so do the links that were made for him: what he
    /// holds was given to whom he was. There is always an admin left who may sign in.
    ///
    /// # Errors
    /// Those of the database; then nothing is changed.
    pub async fn change_person(
        &self,
        id: &str,
        change: PersonChange,
        now_ms: i64,
    ) -> Result<Changed, DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        lock_admins(&mut transaction).await?;
        let Some(before) = person_in(&mut transaction, id).await? else {
            return Ok(Changed::Unknown);
        };
        let mut after = before.clone();
        after.role = change.role.unwrap_or(before.role);
        after.disabled_ms = match change.is_disabled {
            None => before.disabled_ms,
            Some(true) => before.disabled_ms.or(Some(now_ms)),
            Some(false) => None,
        };
        if after == before {
            return Ok(Changed::Done(Box::new((before, after))));
        }
        if (after.role != Role::Admin || after.disabled_ms.is_some())
            && is_last_admin(&mut transaction, &before).await?
        {
            return Ok(Changed::LastAdmin);
        }
        sqlx::query("UPDATE people SET role = $1, disabled_ms = $2 WHERE id = $3")
            .bind(after.role.word())
            .bind(after.disabled_ms)
            .bind(id.to_owned())
            .execute(&mut *transaction)
            .await?;
        end_sessions(&mut transaction, id).await?;
        end_links(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(Changed::Done(Box::new((before, after))))
    }

    /// Whether somebody is the only admin who may sign in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_only_admin(&self, id: &str) -> Result<bool, DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        match person_in(&mut transaction, id).await? {
            Some(person) => is_last_admin(&mut transaction, &person).await,
            None => Ok(false),
        }
    }

    /// Empties what is known of a person but for his pseudonym, ends his sessions, and takes back the
    /// links that were made for him. What he rated is not touched here.
    ///
    /// # Errors
    /// Those of the database; then nothing is changed.
    pub async fn delete_person(&self, id: &str, now_ms: i64) -> Result<Changed, DatabaseError> {
        let mut transaction = self.pool.begin().await?;
        lock_admins(&mut transaction).await?;
        let Some(before) = person_in(&mut transaction, id).await? else {
            return Ok(Changed::Unknown);
        };
        if is_last_admin(&mut transaction, &before).await? {
            return Ok(Changed::LastAdmin);
        }
        sqlx::query("UPDATE people SET name = $1, password = NULL, deleted_ms = $2 WHERE id = $3")
            .bind(name::of_deleted(id))
            .bind(now_ms)
            .bind(id.to_owned())
            .execute(&mut *transaction)
            .await?;
        end_sessions(&mut transaction, id).await?;
        end_links(&mut transaction, id).await?;
        transaction.commit().await?;
        let mut after = before.clone();
        after.name = name::of_deleted(id);
        after.password = None;
        after.deleted_ms = Some(now_ms);
        Ok(Changed::Done(Box::new((before, after))))
    }
}

/// Takes the write lock of SQLite at once, and locks the rows of all admins in PostgreSQL: of two who
/// take the role from each other, one comes second and sees it.
async fn lock_admins(transaction: &mut Transaction<'_, Any>) -> Result<(), DatabaseError> {
    sqlx::query("UPDATE people SET role = role WHERE role = 'admin'")
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

async fn is_last_admin(
    transaction: &mut Transaction<'_, Any>,
    person: &Person,
) -> Result<bool, DatabaseError> {
    if person.role != Role::Admin || person.disabled_ms.is_some() || person.deleted_ms.is_some() {
        return Ok(false);
    }
    let others = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT COUNT(*) AS others FROM people WHERE role = 'admin' AND {MAY_SIGN_IN} AND id <> $1 AND id <> $2"
    )))
    .bind(person.id.clone())
    .bind(LOCAL)
    .fetch_one(&mut **transaction)
    .await?;
    Ok(others.try_get::<i64, _>("others")? == 0)
}

pub(super) async fn person_in(
    transaction: &mut Transaction<'_, Any>,
    id: &str,
) -> Result<Option<Person>, DatabaseError> {
    let row = sqlx::query("SELECT * FROM people WHERE id = $1 AND id <> $2 AND deleted_ms IS NULL")
        .bind(id.to_owned())
        .bind(LOCAL)
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(person_from_row).transpose()
}

/// Ends all sessions of a person, programs' tokens among them.
pub(super) async fn end_sessions(
    transaction: &mut Transaction<'_, Any>,
    person: &str,
) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM sessions WHERE person = $1")
        .bind(person.to_owned())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Takes back the links that sign a person in.
pub(super) async fn end_links(
    transaction: &mut Transaction<'_, Any>,
    person: &str,
) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM invitations WHERE person = $1")
        .bind(person.to_owned())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Adds a person under a pseudonym that nobody has had.
pub(super) async fn add_person(
    transaction: &mut Transaction<'_, Any>,
    mut person: Person,
    people_max: i64,
) -> Result<Added<Person>, DatabaseError> {
    let all = sqlx::query("SELECT COUNT(*) AS people FROM people WHERE deleted_ms IS NULL")
        .fetch_one(&mut **transaction)
        .await?;
    if all.try_get::<i64, _>("people")? >= people_max {
        return Ok(Added::Full);
    }
    for attempt in 0..2 * PSEUDONYMS_TRIED_MAX {
        person.pseudonym =
            name::pseudonym(Uuid::new_v4().as_u128(), attempt >= PSEUDONYMS_TRIED_MAX);
        let done = sqlx::query(
            "INSERT INTO people (id, name, pseudonym, role, password, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(person.id.clone())
        .bind(person.name.clone())
        .bind(person.pseudonym.clone())
        .bind(person.role.word())
        .bind(person.password.clone())
        .bind(person.created_ms)
        .execute(&mut **transaction)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(Added::Done(person));
        }
        let named = sqlx::query("SELECT 1 AS one FROM people WHERE name = $1")
            .bind(person.name.clone())
            .fetch_optional(&mut **transaction)
            .await?;
        if named.is_some() {
            return Ok(Added::NameTaken);
        }
    }
    Ok(Added::Full)
}
