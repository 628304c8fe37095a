//! All rows out of the database, as they stand at one moment.

use super::tables::Table;
use super::{Database, DatabaseError, Location, MIGRATIONS, Purpose};
use serde_json::Value;
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::migrate::{Migrate, MigrateError};
use sqlx::{AnyConnection, AssertSqlSafe, Row, ValueRef};
use tokio_stream::StreamExt;

/// Where the migrations that were applied are noted.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

/// A piece of what the database holds: a table's head, then its rows, then the next table's.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Table {
        name: String,
        columns: Vec<String>,
    },
    /// Texts, whole numbers and nulls, in the order of the columns.
    Row(Vec<Value>),
}

/// How far a database's tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The last migration of the database; 0: none yet.
    pub migration: i64,
    /// The last that this program knows.
    pub newest: i64,
}

/// The last migration that this program knows.
pub fn newest_migration() -> i64 {
    MIGRATIONS.iter().map(|one| one.version).max().unwrap_or(0)
}

/// A column, and whether it holds text; else whole numbers.
pub struct Column {
    pub name: String,
    pub is_text: bool,
}

impl Database {
    /// Opens a database that is there, to be read alone: nothing is made, migrated or written.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub async fn open_to_look(location: &Location) -> Result<Self, DatabaseError> {
        if let Location::Sqlite(path) = location
            && !path.is_file()
        {
            return Err(DatabaseError::Missing);
        }
        Database::connect(location, Purpose::Look).await
    }

    /// Opens a database, makes it where it is missing, and brings its tables up to date; tells how far
    /// they were before.
    ///
    /// # Errors
    /// Where it cannot be written, or was made by a newer version.
    pub async fn migrate(location: &Location) -> Result<Applied, DatabaseError> {
        let database = Database::connect(location, Purpose::Work).await?;
        let migrated = async {
            let before = match database.applied().await {
                Err(DatabaseError::NotOurs) => Applied {
                    migration: 0,
                    newest: newest_migration(),
                },
                told => told?,
            };
            MIGRATIONS.run(&database.pool).await?;
            Ok(before)
        };
        let migrated = migrated.await;
        database.close().await;
        migrated
    }

    /// How far the tables are.
    ///
    /// # Errors
    /// Where the database is none of ours, or has migrations that this program does not know.
    pub async fn applied(&self) -> Result<Applied, DatabaseError> {
        applied(&mut *self.pool.acquire().await?).await
    }

    /// `SQLite` or `PostgreSQL`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn kind(&self) -> Result<String, DatabaseError> {
        Ok(self.pool.acquire().await?.backend_name().to_owned())
    }

    /// Gives all that a backup holds, as it stands at one moment: writers go on meanwhile and change
    /// nothing of it. Returns the database's last migration.
    ///
    /// # Errors
    /// Those of the database and of `take`.
    pub async fn read_all<E: From<DatabaseError>>(
        &self,
        mut take: impl FnMut(Part) -> Result<(), E>,
    ) -> Result<i64, E> {
        let begin = match self.kind().await?.as_str() {
            // The first read fixes what is seen.
            "SQLite" => "BEGIN",
            _ => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        };
        let mut transaction = self
            .pool
            .begin_with(begin)
            .await
            .map_err(DatabaseError::from)?;
        let migration = applied(&mut transaction).await?.migration;
        for table in Table::at(migration) {
            let columns = columns(&mut transaction, table).await?;
            take(Part::Table {
                name: table.name.into(),
                columns: columns.iter().map(|column| column.name.clone()).collect(),
            })?;
            let query = select(&mut transaction, table, &columns);
            let mut rows = sqlx::query(AssertSqlSafe(query)).fetch(&mut *transaction);
            while let Some(row) = rows.next().await {
                let row = row.map_err(DatabaseError::from)?;
                take(Part::Row(cells(table, &row)?))?;
            }
        }
        transaction.rollback().await.map_err(DatabaseError::from)?;
        Ok(migration)
    }
}

async fn applied(connection: &mut AnyConnection) -> Result<Applied, DatabaseError> {
    let listed = connection.list_applied_migrations(MIGRATIONS_TABLE).await;
    let listed = listed.map_err(|error| {
        // The words of both databases for a table that is not there name it.
        if error.to_string().contains(MIGRATIONS_TABLE) {
            DatabaseError::NotOurs
        } else {
            error.into()
        }
    })?;
    for one in &listed {
        let known = MIGRATIONS.iter().find(|known| known.version == one.version);
        match known {
            None => return Err(MigrateError::VersionMissing(one.version).into()),
            Some(known) if known.checksum != one.checksum => {
                return Err(MigrateError::VersionMismatch(one.version).into());
            }
            Some(_) => {}
        }
    }
    Ok(Applied {
        migration: listed.iter().map(|one| one.version).max().unwrap_or(0),
        newest: newest_migration(),
    })
}

/// The columns of a table, in their order.
pub async fn columns(
    connection: &mut AnyConnection,
    table: &Table,
) -> Result<Vec<Column>, DatabaseError> {
    let query = match connection.backend_name() {
        "SQLite" => "SELECT name, type AS kind FROM pragma_table_info($1) ORDER BY cid",
        _ => {
            "SELECT CAST(column_name AS TEXT) AS name, CAST(data_type AS TEXT) AS kind \
             FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        }
    };
    let rows = sqlx::query(query)
        .bind(table.name)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let kind: String = row.try_get("kind")?;
            let is_text = match kind.to_ascii_lowercase().as_str() {
                "text" => true,
                "bigint" => false,
                _ => {
                    return Err(DatabaseError::Foreign(format!(
                        "column of kind {kind} in {}",
                        table.name
                    )));
                }
            };
            Ok(Column {
                name: row.try_get("name")?,
                is_text,
            })
        })
        .collect()
}

fn select(connection: &mut AnyConnection, table: &Table, columns: &[Column]) -> String {
    // By bytes in both, whatever language the database was made for.
    let collation = match connection.backend_name() {
        "SQLite" => "BINARY",
        _ => "\"C\"",
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let order: Vec<String> = table
        .key
        .iter()
        .map(|column| format!("{column} COLLATE {collation}"))
        .collect();
    format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {}",
        names.join(", "),
        table.name,
        table.only.unwrap_or("1 = 1"),
        order.join(", ")
    )
}

fn cells(table: &Table, row: &AnyRow) -> Result<Vec<Value>, DatabaseError> {
    (0..row.len())
        .map(|index| {
            let raw = row.try_get_raw(index)?;
            if raw.is_null() {
                return Ok(Value::Null);
            }
            match raw.type_info().kind() {
                AnyTypeInfoKind::Text => Ok(row.try_get::<String, _>(index)?.into()),
                AnyTypeInfoKind::BigInt => Ok(row.try_get::<i64, _>(index)?.into()),
                kind => Err(DatabaseError::Foreign(format!(
                    "value of kind {kind:?} in {}",
                    table.name
                ))),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::tables::{LEFT_OUT, REFERENCES, TABLES};

    /// Whoever adds a table must say here whether backups hold it.
    #[tokio::test]
    async fn every_table_and_reference_is_known_to_backup_and_check() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("a.db"));
        let database = Database::open(&location).await.unwrap();
        let names = sqlx::query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        )
        .fetch_all(&database.pool)
        .await
        .unwrap();
        for row in &names {
            let name: String = row.try_get("name").unwrap();
            assert!(
                Table::named(&name).is_some() || LEFT_OUT.contains(&name.as_str()),
                "{name} is in no list of db/tables.rs"
            );
            let references = sqlx::query(AssertSqlSafe(format!(
                "SELECT \"from\" AS child, \"table\" AS parent, \"to\" AS key FROM pragma_foreign_key_list('{name}')"
            )))
            .fetch_all(&database.pool)
            .await
            .unwrap();
            for reference in &references {
                let text = |column: &str| reference.try_get::<String, _>(column).unwrap();
                let (child, parent, key) = (text("child"), text("parent"), text("key"));
                assert!(
                    REFERENCES.contains(&(
                        name.as_str(),
                        child.as_str(),
                        parent.as_str(),
                        key.as_str()
                    )),
                    "{name}.{child} → {parent}.{key} is not in db/tables.rs"
                );
                // Parents are filled first.
                let place = |wanted: &str| TABLES.iter().position(|table| table.name == wanted);
                assert!(place(&parent) < place(&name), "{parent} before {name}");
            }
        }
        for table in TABLES {
            let mut connection = database.pool.acquire().await.unwrap();
            let columns = columns(&mut connection, table).await.unwrap();
            for key in table.key {
                assert!(
                    columns.iter().any(|column| column.name == *key),
                    "{table:?}"
                );
            }
        }
        assert_eq!(
            database.applied().await.unwrap().migration,
            newest_migration()
        );
    }
}
