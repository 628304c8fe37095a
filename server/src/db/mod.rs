//! The database: an index of the run directories that can be rebuilt, the jobs, and what people note
//! of runs. Nothing outside this folder knows SQL.
//!
//! One set of migrations and queries serves SQLite and PostgreSQL; they keep to the common subset:
//! TEXT ids (UUIDv7), BIGINT milliseconds, `$n` parameters.

pub mod annotation;
mod audit;
mod backup;
mod check;
mod index;
mod invitations;
mod jobs;
mod labels;
mod own;
mod people;
mod restore;
mod rules;
mod sessions;
mod tables;

pub use backup::{Applied, Part, newest_migration};
pub use check::Finding;
pub use invitations::{Accepted, Comer};
pub use jobs::{JobRow, JobState};
pub use labels::LabelRow;
pub use people::{Added, Changed, PersonChange};

use crate::limits::{DATABASE_CONNECTIONS_MAX, DATABASE_SECONDS_MAX};
use crate::runs::library::now_ms;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, Connection, Executor};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("src/db/migrations");

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file, made at the first start.
    Sqlite(PathBuf),
    /// A URL of either kind.
    Url(String),
}

impl Location {
    /// A URL (`postgres://…`, `sqlite://…`) or the path of an SQLite file.
    pub fn parse(text: &str) -> Self {
        if text.contains("://") || text.starts_with("sqlite:") {
            Location::Url(text.to_owned())
        } else {
            Location::Sqlite(PathBuf::from(text))
        }
    }

    /// With the mode in which an SQLite file is opened, unless its URL says another.
    fn url(&self, purpose: Purpose) -> String {
        let mode = match purpose {
            Purpose::Work => "rwc",
            // Not `ro`: without its side files, which a reader must be able to make, a database in WAL
            // mode cannot be read. That nothing is written is asked for once it is open.
            Purpose::Look => "rw",
        };
        match self {
            Location::Sqlite(path) => {
                let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                format!(
                    "sqlite://{}?mode={mode}",
                    app::link::encoded(&absolute.to_string_lossy()).replace("%2F", "/")
                )
            }
            // An SQLite database is made where it is missing, unless its URL says otherwise.
            Location::Url(url)
                if url.starts_with("sqlite:")
                    && !url.contains("mode=")
                    && !url.contains(":memory:") =>
            {
                format!(
                    "{url}{}mode={mode}",
                    if url.contains('?') { '&' } else { '?' }
                )
            }
            Location::Url(url) => url.clone(),
        }
    }
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To write; made where it is missing.
    Work,
    /// To read what is there; nothing is made or changed.
    Look,
}

/// What each connection to an SQLite file begins with.
fn pragmas(purpose: Purpose) -> &'static [&'static str] {
    match purpose {
        // An acknowledged write survives a power cut; readers do not wait for writers.
        Purpose::Work => &[
            "PRAGMA busy_timeout = 5000",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
        ],
        Purpose::Look => &["PRAGMA busy_timeout = 5000", "PRAGMA query_only = ON"],
    }
}

/// The same of PostgreSQL: whatever its settings say, a commit waits for the disk; and a lock that
/// somebody holds is waited for as long as SQLite's.
const POSTGRES_SETTINGS: [&str; 2] = ["SET synchronous_commit = on", "SET lock_timeout = '5s'"];

impl std::fmt::Display for Location {
    /// Without password.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Location::Sqlite(path) => write!(out, "{}", path.display()),
            Location::Url(url) => match (url.split_once("://"), url.rsplit_once('@')) {
                (Some((scheme, _)), Some((_, place))) => write!(out, "{scheme}://{place}"),
                _ => out.write_str(url),
            },
        }
    }
}

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("the database cannot be opened: {0}")]
    Open(#[source] sqlx::Error),
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database cannot be written: {0}")]
    ReadOnly(#[source] sqlx::Error),
    #[error("the database failed: {0}")]
    Query(#[from] sqlx::Error),
    #[error("the database has a {0} that this version does not know")]
    Foreign(String),
    #[error("there is no such file")]
    Missing,
    #[error("it is no database of sayself-server: its tables are missing")]
    NotOurs,
    #[error("it cannot be filled: {0}")]
    NotEmpty(String),
    #[error("the backup does not fit the database: it has {0}")]
    Shape(String),
    #[error("the rows of {0} cannot be kept: {1}")]
    Refused(String, #[source] sqlx::Error),
}

/// An open database, migrated and writable.
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
}

impl Database {
    /// Opens the database, makes it where it is missing, brings its tables up to date and writes to
    /// it once, so that one that cannot be written is known at the start.
    ///
    /// # Errors
    /// Where any of that fails; the server then goes on without.
    pub async fn open(location: &Location) -> Result<Self, DatabaseError> {
        let database = Database::connect(location, Purpose::Work).await?;
        MIGRATIONS.run(&database.pool).await?;
        database.write_once().await?;
        Ok(database)
    }

    async fn connect(location: &Location, purpose: Purpose) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        if purpose == Purpose::Work
            && let Location::Sqlite(path) = location
            && let Some(folder) = path.parent().filter(|folder| *folder != Path::new(""))
        {
            std::fs::create_dir_all(folder).map_err(|error| DatabaseError::Open(error.into()))?;
        }
        let url = location.url(purpose);
        let options = AnyConnectOptions::from_str(&url).map_err(DatabaseError::Open)?;
        let pool = AnyPoolOptions::new()
            .max_connections(if url.contains(":memory:") {
                1
            } else {
                DATABASE_CONNECTIONS_MAX
            })
            .acquire_timeout(Duration::from_secs(DATABASE_SECONDS_MAX))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    let settings = if connection.backend_name() == "SQLite" {
                        pragmas(purpose)
                    } else {
                        &POSTGRES_SETTINGS
                    };
                    for setting in settings {
                        connection.execute(*setting).await?;
                    }
                    Ok(())
                })
            })
            // SQLite ends a transaction by itself where the disk is full. The connection is then taken to be
            // in one for ever, and could begin no other: it is closed instead.
            .before_acquire(|connection, _| {
                Box::pin(async move { Ok(!connection.is_in_transaction()) })
            })
            .connect_with(options)
            .await
            .map_err(DatabaseError::Open)?;
        Ok(Database { pool })
    }

    async fn write_once(&self) -> Result<(), DatabaseError> {
        sqlx::query(
            "INSERT INTO meta (name, content) VALUES ('last_start_ms', $1) \
             ON CONFLICT (name) DO UPDATE SET content = excluded.content",
        )
        .bind(now_ms().to_string())
        .execute(&self.pool)
        .await
        .map_err(DatabaseError::ReadOnly)?;
        Ok(())
    }

    /// Whether it answers now.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn check(&self) -> Result<(), DatabaseError> {
        sqlx::query("SELECT content FROM meta WHERE name = 'last_start_ms'")
            .fetch_optional(&self.pool)
            .await?;
        Ok(())
    }

    /// Closes all connections once their work is done.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(
            Location::parse("postgres://me:secret@host/db").to_string(),
            "postgres://host/db"
        );
        assert_eq!(Location::parse("runs/x.db").to_string(), "runs/x.db");
        assert!(
            Location::parse("/a b?.db")
                .url(Purpose::Work)
                .starts_with("sqlite:///a%20b%3F.db?mode=rwc")
        );
    }
}
