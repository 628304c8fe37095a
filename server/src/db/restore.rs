//! All rows into an empty database, in one transaction.

use super::backup::{Column, Part, columns};
use super::tables::{TABLES, Table};
use super::{Database, DatabaseError, Location, MIGRATIONS, Purpose};
use serde_json::Value;
use sqlx::AnyConnection;
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeMap;

/// Rows that one statement inserts.
const ROWS_AT_ONCE: usize = 100;

impl Database {
    /// Fills an empty database, made where it is missing, with what a backup of `migration` holds, and
    /// brings its tables up to date. `counted` is how many rows each table must have in the end.
    ///
    /// # Errors
    /// Where the database holds anything, or a part does not fit; then nothing of it is kept.
    pub async fn fill<E: From<DatabaseError>>(
        location: &Location,
        migration: i64,
        counted: &BTreeMap<String, u64>,
        parts: impl Iterator<Item = Result<Part, E>>,
    ) -> Result<(), E> {
        let database = Database::connect(location, Purpose::Work).await?;
        let filled = database.fill_this(migration, counted, parts).await;
        database.close().await;
        filled
    }

    async fn fill_this<E: From<DatabaseError>>(
        &self,
        migration: i64,
        counted: &BTreeMap<String, u64>,
        parts: impl Iterator<Item = Result<Part, E>>,
    ) -> Result<(), E> {
        MIGRATIONS
            .run_to(migration, &self.pool)
            .await
            .map_err(DatabaseError::from)?;
        let now = self.applied().await?.migration;
        if now != migration {
            return Err(DatabaseError::NotEmpty(format!(
                "its tables are at migration {now}, and those of the backup at {migration}"
            ))
            .into());
        }
        let begin = match self.kind().await?.as_str() {
            "SQLite" => "BEGIN IMMEDIATE",
            _ => "BEGIN",
        };
        let mut transaction = self
            .pool
            .begin_with(begin)
            .await
            .map_err(DatabaseError::from)?;
        empty(&mut transaction, migration).await?;
        let mut filling = None;
        for part in parts {
            match part? {
                Part::Table { name, columns } => {
                    if let Some(filling) = filling.take() {
                        finish(filling, &mut transaction).await?;
                    }
                    filling =
                        Some(Filling::begin(&mut transaction, migration, &name, &columns).await?);
                }
                Part::Row(cells) => {
                    let Some(filling) = &mut filling else {
                        return Err(DatabaseError::Shape("a row before any table".into()).into());
                    };
                    filling.add(&mut transaction, cells).await?;
                }
            }
        }
        if let Some(filling) = filling.take() {
            finish(filling, &mut transaction).await?;
        }
        for table in Table::at(migration) {
            let wanted = counted.get(table.name).copied().unwrap_or(0);
            let found = count(&mut transaction, table.name, table.only).await?;
            if found != wanted {
                return Err(DatabaseError::Shape(format!(
                    "{found} rows in {}, where the backup counts {wanted}",
                    table.name
                ))
                .into());
            }
        }
        transaction.commit().await.map_err(DatabaseError::from)?;
        MIGRATIONS
            .run(&self.pool)
            .await
            .map_err(DatabaseError::from)?;
        self.write_once().await?;
        Ok(())
    }
}

async fn count(
    connection: &mut AnyConnection,
    table: &str,
    only: Option<&str>,
) -> Result<u64, DatabaseError> {
    let query = format!(
        "SELECT COUNT(*) AS found FROM {table} WHERE {}",
        only.unwrap_or("1 = 1")
    );
    let row = sqlx::query(AssertSqlSafe(query))
        .fetch_one(connection)
        .await?;
    Ok(row.try_get::<i64, _>("found")?.max(0) as u64)
}

/// Removes what the server made by itself; fails where anything else is there.
async fn empty(connection: &mut AnyConnection, migration: i64) -> Result<(), DatabaseError> {
    let mut there = Vec::new();
    for table in Table::at(migration) {
        let own = table
            .own
            .map_or_else(|| "1 = 1".to_owned(), |own| format!("NOT ({own})"));
        let only = format!("{} AND {own}", table.only.unwrap_or("1 = 1"));
        let rows = count(connection, table.name, Some(&only)).await?;
        if rows > 0 {
            there.push(format!("{rows} rows in {}", table.name));
        }
    }
    if !there.is_empty() {
        return Err(DatabaseError::NotEmpty(format!(
            "it is not empty, there are {}",
            there.join(", ")
        )));
    }
    for table in TABLES.iter().rev() {
        if let Some(own) = table.own.filter(|_| table.since <= migration) {
            let query = format!("DELETE FROM {} WHERE {own}", table.name);
            sqlx::query(AssertSqlSafe(query))
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// A table that is being filled, and rows that wait for their statement.
struct Filling {
    table: &'static Table,
    columns: Vec<Column>,
    waiting: Vec<Vec<Value>>,
}

impl Filling {
    async fn begin(
        connection: &mut AnyConnection,
        migration: i64,
        name: &str,
        names: &[String],
    ) -> Result<Self, DatabaseError> {
        let table = Table::named(name)
            .filter(|table| table.since <= migration)
            .ok_or_else(|| DatabaseError::Shape(format!("a table {name}")))?;
        let columns = columns(connection, table).await?;
        let wanted: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        if wanted != names {
            return Err(DatabaseError::Shape(format!(
                "the columns {} of {name}, where {} are expected",
                names.join(", "),
                wanted.join(", ")
            )));
        }
        Ok(Filling {
            table,
            columns,
            waiting: Vec::new(),
        })
    }

    async fn add(
        &mut self,
        connection: &mut AnyConnection,
        cells: Vec<Value>,
    ) -> Result<(), DatabaseError> {
        if cells.len() != self.columns.len() {
            return Err(DatabaseError::Shape(format!(
                "a row of {} values in {}, which has {} columns",
                cells.len(),
                self.table.name,
                self.columns.len()
            )));
        }
        self.waiting.push(cells);
        if self.waiting.len() >= ROWS_AT_ONCE {
            self.insert(connection).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, connection: &mut AnyConnection) -> Result<(), DatabaseError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let width = names.len();
        let rows: Vec<String> = (0..self.waiting.len())
            .map(|row| {
                let places: Vec<String> = (1..=width)
                    .map(|column| format!("${}", row * width + column))
                    .collect();
                format!("({})", places.join(", "))
            })
            .collect();
        let statement = format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.table.name,
            names.join(", "),
            rows.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for row in self.waiting.drain(..) {
            for (value, column) in row.into_iter().zip(&self.columns) {
                query = match (value, column.is_text) {
                    (Value::Null, true) => query.bind(None::<String>),
                    (Value::Null, false) => query.bind(None::<i64>),
                    (Value::String(text), true) => query.bind(text),
                    (Value::Number(number), false) if number.is_i64() => {
                        query.bind(number.as_i64())
                    }
                    (value, _) => {
                        return Err(DatabaseError::Shape(format!(
                            "{value} as {} of {}",
                            column.name, self.table.name
                        )));
                    }
                };
            }
        }
        query
            .execute(connection)
            .await
            .map_err(|error| DatabaseError::Refused(self.table.name.to_owned(), error))?;
        Ok(())
    }
}

async fn finish(mut filling: Filling, connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    filling.insert(connection).await
}
