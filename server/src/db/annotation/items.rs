//! Items: what is rated, how often, and how researchers settled it.

use super::{Turn, from_json, natural, retried};
use crate::annotation::settled::Settled;
use crate::db::{Database, DatabaseError};
use datasets::annotation::Item;
use sqlx::Row;
use std::collections::{BTreeMap, HashMap};

/// An adjudicated rating, about to be kept.
#[derive(Clone, Debug)]
pub struct SettledRow<'a> {
    pub project: &'a str,
    pub item: &'a str,
    pub settled: &'a Settled,
    /// `people.id` of who settled it.
    pub person: Option<&'a str>,
}

impl Database {
    /// A project's items, in its order.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn items(&self, project: &str) -> Result<Vec<Item>, DatabaseError> {
        let rows = sqlx::query("SELECT content FROM items WHERE project = $1 ORDER BY position")
            .bind(project.to_owned())
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                let content: String = row.try_get("content")?;
                from_json(&content, "item")
            })
            .collect()
    }

    /// The settled items of a project, by id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn settled(&self, project: &str) -> Result<BTreeMap<String, Settled>, DatabaseError> {
        let rows =
            sqlx::query("SELECT id, settled FROM items WHERE project = $1 AND settled IS NOT NULL")
                .bind(project.to_owned())
                .fetch_all(&self.pool)
                .await?;
        rows.iter()
            .map(|row| {
                let settled: String = row.try_get("settled")?;
                Ok((row.try_get("id")?, from_json(&settled, "settled item")?))
            })
            .collect()
    }

    /// Settles an item in place of what was settled before.
    ///
    /// # Errors
    /// Those of the database; then nothing is changed.
    pub async fn settle(&self, row: &SettledRow<'_>) -> Result<(), DatabaseError> {
        retried(|| self.settle_once(row)).await
    }

    async fn settle_once(&self, row: &SettledRow<'_>) -> Result<(), DatabaseError> {
        let mut turn = self.turn(&[row.project]).await?;
        let text = super::to_json(row.settled);
        sqlx::query("UPDATE items SET settled = $1 WHERE id = $2 AND project = $3")
            .bind(text.clone())
            .bind(row.item.to_owned())
            .bind(row.project.to_owned())
            .execute(turn.connection())
            .await?;
        turn.note(super::NewEvent {
            project: row.project,
            person: row.person,
            kind: "settled",
            detail: format!("{{\"item\":{:?},\"settled\":{text}}}", row.item),
            at_ms: row.settled.at_ms,
        })
        .await?;
        turn.commit().await
    }

    /// Ratings that count of each item of a project, of all kinds, by id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rated_items(&self, project: &str) -> Result<HashMap<String, u64>, DatabaseError> {
        let rows = sqlx::query("SELECT id, rated FROM items WHERE project = $1")
            .bind(project.to_owned())
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                let rated: i64 = row.try_get("rated")?;
                Ok((row.try_get("id")?, natural(rated)))
            })
            .collect()
    }
}

impl Turn {
    /// Of each main item that anybody has or rated: ratings that count, and leases that live: that end
    /// after `now_ms`, and not after `latest_ms`, as a clock that was ahead gave them.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn taken(
        &mut self,
        project: &str,
        now_ms: i64,
        latest_ms: i64,
    ) -> Result<HashMap<String, u32>, DatabaseError> {
        let mut taken: HashMap<String, u32> = HashMap::new();
        let rated = sqlx::query(
            "SELECT id AS item, rated AS times FROM items WHERE project = $1 AND kind = 'main' AND rated > 0",
        )
        .bind(project.to_owned())
        .fetch_all(self.connection())
        .await?;
        let leased = sqlx::query(
            "SELECT item, COUNT(*) AS times FROM assignments WHERE project = $1 AND state = 'leased' \
             AND lease_ends_ms > $2 AND lease_ends_ms <= $3 AND is_repeat = 0 GROUP BY item",
        )
        .bind(project.to_owned())
        .bind(now_ms)
        .bind(latest_ms)
        .fetch_all(self.connection())
        .await?;
        for row in rated.iter().chain(&leased) {
            let times: i64 = row.try_get("times")?;
            *taken.entry(row.try_get("item")?).or_default() += natural(times) as u32;
        }
        Ok(taken)
    }

    /// Counts an item's ratings anew.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn recount(&mut self, item: &str) -> Result<(), DatabaseError> {
        sqlx::query(
            "UPDATE items SET rated = (SELECT COUNT(*) FROM assignments WHERE assignments.item = items.id \
             AND assignments.state = 'rated' AND assignments.is_repeat = 0) WHERE id = $1",
        )
        .bind(item.to_owned())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
