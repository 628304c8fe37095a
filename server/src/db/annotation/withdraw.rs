//! Leaving a project, with or without what was rated there.

use super::{NewEvent, retried};
use crate::db::{Database, DatabaseError};
use sqlx::Row;

impl Database {
    /// Takes a person out of a project for good; his leases end. With `deletes`, what he rated there and
    /// what is known of it goes too. False where he is not in it.
    ///
    /// # Errors
    /// Those of the database; then nothing is changed.
    pub async fn withdraw(
        &self,
        project: &str,
        person: &str,
        deletes: bool,
        now_ms: i64,
    ) -> Result<bool, DatabaseError> {
        retried(|| self.withdraw_once(project, person, deletes, now_ms)).await
    }

    async fn withdraw_once(
        &self,
        project: &str,
        person: &str,
        deletes: bool,
        now_ms: i64,
    ) -> Result<bool, DatabaseError> {
        let mut turn = self.turn(&[project]).await?;
        let Some(member) = turn.member(project, person).await? else {
            return Ok(false);
        };
        turn.release_own(project, person).await?;
        if deletes {
            let items = sqlx::query(
                "SELECT DISTINCT item FROM assignments WHERE project = $1 AND person = $2",
            )
            .bind(project.to_owned())
            .bind(person.to_owned())
            .fetch_all(turn.connection())
            .await?;
            for query in [
                "DELETE FROM ratings WHERE project = $1 AND person = $2",
                "DELETE FROM assignments WHERE project = $1 AND person = $2",
                // What he did as an annotator; that he made or opened the project is another matter.
                "DELETE FROM annotation_events WHERE project = $1 AND person = $2 AND kind IN \
                 ('consented', 'handed', 'expired', 'released', 'paused', 'resumed', 'qualified', 'refused')",
            ] {
                sqlx::query(query)
                    .bind(project.to_owned())
                    .bind(person.to_owned())
                    .execute(turn.connection())
                    .await?;
            }
            for row in &items {
                let item: String = row.try_get("item")?;
                turn.recount(&item).await?;
            }
        }
        if member.withdrawn_ms.is_none() {
            turn.set_withdrawn(&member, now_ms).await?;
        }
        turn.note(NewEvent {
            project,
            // That somebody left stays; of who wanted to be forgotten, not who.
            person: (!deletes).then_some(person),
            kind: "withdrawn",
            detail: match deletes {
                true => "with the ratings".into(),
                false => "the ratings stay".into(),
            },
            at_ms: now_ms,
        })
        .await?;
        turn.commit().await?;
        Ok(true)
    }
}
