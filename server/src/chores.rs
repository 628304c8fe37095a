//! What `sayself-server` does besides serving: backup, restore, migrate, check, site.

use crate::backup::{self, BackupError, Summary};
use crate::db::{Database, DatabaseError, Finding, Location, newest_migration};
use crate::settings::Arguments;
use crate::site::chore::SiteArguments;
use crate::site::{self, SiteError};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Work on the database; without one of these the server serves.
#[derive(Clone, Debug, Subcommand)]
pub enum Chore {
    /// Write all that stands in the database alone into one file; people may go on rating meanwhile
    ///
    /// The file is the same for SQLite and PostgreSQL. It holds names, and hashes of passwords and
    /// tokens: keep it where only you can read it. Run directories are no part of it: copy them too.
    #[command(
        after_help = "Examples:\n  sayself-server backup sayself-2026-01-31.backup\n  sayself-server backup nightly.backup --replace --database postgres://sayself@db/sayself"
    )]
    Backup(BackupArguments),
    /// Fill an empty database with a backup: everything or nothing
    #[command(
        after_help = "Examples:\n  sayself-server restore sayself.backup --database new.db\n  sayself-server restore sayself.backup --database postgres://sayself@db/sayself"
    )]
    Restore(FileArguments),
    /// Bring the database's tables up to date, as a start of the server does
    Migrate(JsonArguments),
    /// Look whether the database is sound, or a backup whole; changes nothing
    #[command(
        after_help = "Examples:\n  sayself-server check\n  sayself-server check sayself.backup"
    )]
    Check(CheckArguments),
    /// Write the pages of all runs, Your file and the demo as plain files for any static host
    ///
    /// The same runs make the same bytes. What needs a server (jobs, annotation, accounts, the API, forms) is
    /// left out; of questions and lists of answers the first ones are kept.
    #[command(
        after_help = "Examples:\n  sayself-server site --runs runs --out public\n  sayself-server site --runs datasets/results --without-model --out public && python3 -m http.server -d public"
    )]
    Site(SiteArguments),
}

#[derive(Clone, Debug, Args)]
pub struct BackupArguments {
    /// The file to write; it gets its name once it is whole and on the disk
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Put it in place of an older backup of that name
    #[arg(long)]
    pub replace: bool,

    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct FileArguments {
    /// A backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct JsonArguments {
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct CheckArguments {
    /// A backup to look at in place of the database
    #[arg(value_name = "BACKUP")]
    pub backup: Option<PathBuf>,

    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

/// Why a chore was not done.
#[derive(Debug, thiserror::Error)]
pub enum ChoreError {
    #[error("there is no database: all folders of runs are recorded ones. Name one by --database")]
    NoDatabase,
    #[error("{0}")]
    Backup(#[from] BackupError),
    #[error("{place}: {error}. {next}")]
    Database {
        place: String,
        error: DatabaseError,
        next: &'static str,
    },
    #[error("{0}")]
    Site(#[from] SiteError),
    #[error(
        "{place} has {faults}: make a copy of it as it is, and restore your last backup into a new database"
    )]
    Faults { place: String, faults: String },
}

impl ChoreError {
    /// Whether it was asked for wrongly; else it failed.
    pub fn is_bad_use(&self) -> bool {
        match self {
            ChoreError::NoDatabase => true,
            ChoreError::Backup(error) => error.is_bad_use(),
            ChoreError::Site(error) => error.is_bad_use(),
            ChoreError::Database { error, .. } => matches!(error, DatabaseError::Missing),
            ChoreError::Faults { .. } => false,
        }
    }

    fn of(location: &Location, error: DatabaseError) -> Self {
        let next = match &error {
            DatabaseError::Missing => "Name the database by --database, or its folder by --runs",
            DatabaseError::NotOurs => "Name another by --database",
            DatabaseError::NotEmpty(_) => {
                "Nothing was changed. Name by --database one that is empty; an SQLite file is made where it is missing"
            }
            DatabaseError::Migrate(_) => {
                "Nothing was changed. Use the version of sayself-server that it was made by, or a newer one"
            }
            DatabaseError::Shape(_) | DatabaseError::Refused(..) => "Nothing of it was kept",
            _ => "Nothing was changed. Mend that, and try again",
        };
        ChoreError::Database {
            place: location.to_string(),
            error,
            next,
        }
    }
}

/// Does a chore, and returns what stdout shall say.
///
/// # Errors
/// Where it could not be done, or a check found faults; those are told by `tell` first.
pub async fn run(
    chore: &Chore,
    arguments: &Arguments,
    tell: &mut impl FnMut(String),
) -> Result<(), ChoreError> {
    let location = || arguments.location().ok_or(ChoreError::NoDatabase);
    match chore {
        Chore::Backup(asked) => back_up(&location()?, asked, tell).await,
        Chore::Restore(asked) => restore(&location()?, asked, tell).await,
        Chore::Migrate(asked) => migrate(&location()?, asked.json, tell).await,
        Chore::Check(CheckArguments {
            backup: Some(file),
            json,
        }) => {
            let summary = backup::inspect(file)?;
            tell(said(*json, &summary, || {
                format!("{} is whole: {}", file.display(), counted(&summary))
            }));
            Ok(())
        }
        Chore::Check(asked) => check(&location()?, asked.json, tell).await,
        Chore::Site(asked) => Ok(site::chore::run(asked, arguments, tell).await?),
    }
}

async fn back_up(
    location: &Location,
    asked: &BackupArguments,
    tell: &mut impl FnMut(String),
) -> Result<(), ChoreError> {
    let database = Database::open_to_look(location)
        .await
        .map_err(|error| ChoreError::of(location, error))?;
    let written = backup::write(&database, &asked.file, asked.replace).await;
    database.close().await;
    let summary = written.map_err(|error| named(location, error))?;
    tell(said(asked.json, &summary, || {
        let file = asked.file.display();
        format!("{file} holds {location}: {}", counted(&summary))
    }));
    Ok(())
}

async fn restore(
    location: &Location,
    asked: &FileArguments,
    tell: &mut impl FnMut(String),
) -> Result<(), ChoreError> {
    let restored = backup::restore(&asked.file, location).await;
    let summary = restored.map_err(|error| named(location, error))?;
    tell(said(asked.json, &summary, || {
        let file = asked.file.display();
        format!("{location} holds {file}: {}", counted(&summary))
    }));
    Ok(())
}

async fn migrate(
    location: &Location,
    json: bool,
    tell: &mut impl FnMut(String),
) -> Result<(), ChoreError> {
    let before = Database::migrate(location)
        .await
        .map_err(|error| ChoreError::of(location, error))?;
    let done = json!({
        "database": location.to_string(),
        "migration_before": before.migration,
        "migration": before.newest,
    });
    tell(said(json, &done, || {
        if before.migration == before.newest {
            format!("{location} is at migration {}, the newest.", before.newest)
        } else {
            format!(
                "{location} was at migration {}, and is now at {}.",
                before.migration, before.newest
            )
        }
    }));
    Ok(())
}

async fn check(
    location: &Location,
    json: bool,
    tell: &mut impl FnMut(String),
) -> Result<(), ChoreError> {
    let failed = |error| ChoreError::of(location, error);
    let database = Database::open_to_look(location).await.map_err(failed)?;
    let looked = async {
        let findings = database.find_faults().await?;
        // Of a damaged file not even that can be told.
        let migration = match findings.is_empty() {
            true => Some(database.applied().await?.migration),
            false => database
                .applied()
                .await
                .ok()
                .map(|applied| applied.migration),
        };
        Ok((findings, migration))
    };
    let looked = looked.await;
    database.close().await;
    let (findings, migration) = looked.map_err(failed)?;
    let newest = newest_migration();
    if json {
        let told = json!({
            "database": location.to_string(),
            "sound": findings.is_empty(),
            "migration": migration,
            "newest_migration": newest,
            "findings": findings,
        });
        tell(told.to_string());
    } else {
        for finding in &findings {
            tell(in_words(finding));
        }
        if findings.is_empty() {
            tell(format!("{location} is sound."));
        }
        if let Some(old) = migration.filter(|migration| *migration < newest) {
            tell(format!(
                "Its tables are at migration {old} of {newest}: the next start of the server brings them up to date."
            ));
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(ChoreError::Faults {
        place: location.to_string(),
        faults: match findings.len() {
            1 => "a fault".into(),
            more => format!("{more} faults"),
        },
    })
}

fn named(location: &Location, error: BackupError) -> ChoreError {
    match error {
        BackupError::Database(error) => ChoreError::of(location, error),
        error => error.into(),
    }
}

fn said(json: bool, value: &impl Serialize, words: impl FnOnce() -> String) -> String {
    if json {
        // Plain data with text keys: it always has a JSON form.
        serde_json::to_value(value)
            .unwrap_or(Value::Null)
            .to_string()
    } else {
        words()
    }
}

fn counted(summary: &Summary) -> String {
    let filled = summary.tables.values().filter(|rows| **rows > 0).count();
    format!(
        "{} rows in {filled} tables, {} bytes, migration {}, SHA-256 {}.",
        summary.rows, summary.bytes, summary.header.migration, summary.sha256
    )
}

fn in_words(finding: &Finding) -> String {
    let rows = match finding.rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    format!(
        "FAULT: {} ({rows}: {})",
        finding.what,
        finding.examples.join(", ")
    )
}
