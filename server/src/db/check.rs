//! Whether the database still says what it must: the file itself, references, and our own rules.

use super::tables::{REFERENCES, Table};
use super::{Database, DatabaseError};
use app::view::{ProjectState, Role};
use datasets::annotation::{Item, ItemKind, ProjectSpec, RatingRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::HashMap;
use tokio_stream::StreamExt;

/// Rows named of each finding.
const EXAMPLES_MAX: usize = 3;
/// Lines of SQLite's own check that are told.
const DAMAGES_MAX: usize = 20;
/// The migration that brought accounts, and the one that brought annotation.
const PEOPLE: i64 = 4;
const ANNOTATION: i64 = 5;

/// What SQLite says of a file that is damaged, or that is no database.
const DAMAGED: [&str; 5] = ["11", "26", "267", "523", "779"];

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// In words.
    pub what: String,
    /// How many rows it is true of.
    pub rows: u64,
    /// The keys of some of them.
    pub examples: Vec<String>,
}

/// A rule, as a query for the ids of the rows that break it.
struct Rule {
    what: &'static str,
    since: i64,
    query: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        what: "an assignment counts other revisions than it has ratings",
        since: ANNOTATION,
        query: "SELECT a.id AS id FROM assignments a WHERE a.revisions <> \
                (SELECT COUNT(*) FROM ratings r WHERE r.assignment = a.id)",
    },
    Rule {
        what: "an assignment's ratings are not numbered from 1 without a gap",
        since: ANNOTATION,
        query: "SELECT r.assignment AS id FROM ratings r GROUP BY r.assignment \
                HAVING MIN(r.revision) <> 1 OR MAX(r.revision) <> COUNT(*)",
    },
    Rule {
        what: "an assignment is in a state that is none",
        since: ANNOTATION,
        query: "SELECT a.id AS id FROM assignments a \
                WHERE a.state NOT IN ('leased', 'rated', 'skipped', 'released')",
    },
    Rule {
        what: "an assignment is rated or skipped without a rating",
        since: ANNOTATION,
        query: "SELECT a.id AS id FROM assignments a \
                WHERE a.state IN ('rated', 'skipped') AND a.revisions = 0",
    },
    Rule {
        what: "an assignment has ratings, and is neither rated nor skipped",
        since: ANNOTATION,
        query: "SELECT a.id AS id FROM assignments a \
                WHERE a.state NOT IN ('rated', 'skipped') AND a.revisions > 0",
    },
    Rule {
        what: "a rating is of another item, person or project than its assignment",
        since: ANNOTATION,
        query: "SELECT r.id AS id FROM ratings r JOIN assignments a ON a.id = r.assignment \
                WHERE r.item <> a.item OR r.person <> a.person OR r.project <> a.project",
    },
    Rule {
        what: "an assignment is of another project than its item",
        since: ANNOTATION,
        query: "SELECT a.id AS id FROM assignments a JOIN items i ON i.id = a.item \
                WHERE i.project <> a.project",
    },
    Rule {
        what: "an assignment is of somebody who is no member of its project",
        since: ANNOTATION,
        query: "SELECT a.id AS id FROM assignments a WHERE NOT EXISTS \
                (SELECT 1 FROM members m WHERE m.project = a.project AND m.person = a.person)",
    },
    Rule {
        what: "an item counts other ratings than it has",
        since: ANNOTATION,
        query: "SELECT i.id AS id FROM items i WHERE i.rated <> (SELECT COUNT(*) FROM assignments a \
                WHERE a.item = i.id AND a.state = 'rated' AND a.is_repeat = 0)",
    },
];

impl Database {
    /// Looks at everything; an empty list: all is well. Reads at one moment, and changes nothing.
    ///
    /// # Errors
    /// Where the database cannot be read at all.
    pub async fn find_faults(&self) -> Result<Vec<Finding>, DatabaseError> {
        match self.look_for_faults().await {
            Err(error) if is_damage(&error) => Ok(vec![Finding {
                what: "the file is damaged".into(),
                rows: 1,
                examples: vec![error.to_string()],
            }]),
            looked => looked,
        }
    }

    async fn look_for_faults(&self) -> Result<Vec<Finding>, DatabaseError> {
        let mut findings = Vec::new();
        let begin = if self.kind().await? == "SQLite" {
            let mut connection = self.pool.acquire().await?;
            findings.extend(damage(&mut connection).await?);
            if !findings.is_empty() {
                // What a damaged file says of its rows is worth nothing.
                return Ok(findings);
            }
            "BEGIN"
        } else {
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        };
        let migration = self.applied().await?.migration;
        let mut transaction = self.pool.begin_with(begin).await?;
        for (child, column, parent, key) in REFERENCES {
            if Table::named(child).is_some_and(|table| table.since <= migration) {
                let query = format!(
                    "SELECT c.{column} AS id FROM {child} c WHERE c.{column} IS NOT NULL \
                     AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.{key} = c.{column})"
                );
                let what = format!("{child}.{column} names no row of {parent}");
                findings.extend(broken(&mut transaction, &what, &query).await?);
            }
        }
        for rule in RULES.iter().filter(|rule| rule.since <= migration) {
            findings.extend(broken(&mut transaction, rule.what, rule.query).await?);
        }
        if migration >= PEOPLE {
            findings.extend(people(&mut transaction).await?);
        }
        if migration >= ANNOTATION {
            findings.extend(contents(&mut transaction).await?);
        }
        transaction.rollback().await?;
        Ok(findings)
    }
}

fn is_damage(error: &DatabaseError) -> bool {
    let DatabaseError::Query(error) = error else {
        return false;
    };
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| DAMAGED.contains(&code.as_ref()))
}

/// What SQLite finds wrong with its own file.
async fn damage(connection: &mut AnyConnection) -> Result<Option<Finding>, DatabaseError> {
    let rows = sqlx::query("PRAGMA integrity_check(20)")
        .fetch_all(connection)
        .await?;
    let told: Vec<String> = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    if told == ["ok"] {
        return Ok(None);
    }
    Ok(Some(Finding {
        what: "the file is damaged".into(),
        rows: told.len() as u64,
        examples: told.into_iter().take(DAMAGES_MAX).collect(),
    }))
}

async fn broken(
    connection: &mut AnyConnection,
    what: &str,
    query: &str,
) -> Result<Option<Finding>, DatabaseError> {
    let rows = sqlx::query(AssertSqlSafe(query.to_owned()))
        .fetch_all(connection)
        .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let ids = rows.iter().take(EXAMPLES_MAX).map(|row| row.try_get("id"));
    Ok(Some(Finding {
        what: what.into(),
        rows: rows.len() as u64,
        examples: ids.collect::<Result<_, _>>()?,
    }))
}

async fn people(connection: &mut AnyConnection) -> Result<Vec<Finding>, DatabaseError> {
    let mut faults = Faults::default();
    let mut rows = sqlx::query("SELECT id, name, role FROM people").fetch(connection);
    while let Some(row) = rows.next().await {
        let row = row?;
        let (id, name): (String, String) = (row.try_get("id")?, row.try_get("name")?);
        let role: String = row.try_get("role")?;
        if Role::from_word(&role).is_none() {
            faults.add("a person's role is none", &id);
        }
        // Nobody could sign in by it.
        if name != name.to_lowercase() {
            faults.add("a name is not in lower case", &id);
        }
    }
    Ok(faults.findings())
}

/// What is kept as JSON, and what follows from it.
async fn contents(connection: &mut AnyConnection) -> Result<Vec<Finding>, DatabaseError> {
    let mut faults = Faults::default();
    let overlaps = specs(&mut *connection, &mut faults).await?;
    items(&mut *connection, &mut faults).await?;
    let excused = said(&mut *connection, &mut faults).await?;
    over_target(&mut *connection, &overlaps, &excused, &mut faults).await?;
    Ok(faults.findings())
}

/// The overlap of each project.
async fn specs(
    connection: &mut AnyConnection,
    faults: &mut Faults,
) -> Result<HashMap<String, i64>, DatabaseError> {
    let mut overlaps = HashMap::new();
    let mut rows = sqlx::query("SELECT id, state, spec FROM projects").fetch(connection);
    while let Some(row) = rows.next().await {
        let row = row?;
        let id: String = row.try_get("id")?;
        let state: String = row.try_get("state")?;
        if ProjectState::from_word(&state).is_none() {
            faults.add("a project is in a state that is none", &id);
        }
        match json::<ProjectSpec>(&row, "spec")? {
            Some(spec) => {
                overlaps.insert(id, spec.overlap.into());
            }
            None => faults.add("a project's specification cannot be read", &id),
        }
    }
    Ok(overlaps)
}

async fn items(connection: &mut AnyConnection, faults: &mut Faults) -> Result<(), DatabaseError> {
    let mut rows = sqlx::query("SELECT id, position, kind, content FROM items").fetch(connection);
    while let Some(row) = rows.next().await {
        let row = row?;
        let id: String = row.try_get("id")?;
        let (position, kind): (i64, String) = (row.try_get("position")?, row.try_get("kind")?);
        match json::<Item>(&row, "content")? {
            None => faults.add("an item's content cannot be read", &id),
            Some(item)
                if item.id != id
                    || i64::from(item.position) != position
                    || item.kind.word() != kind =>
            {
                faults.add("an item's content is of another id, place or kind", &id);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Reads every rating. Gives how many assignments of each item may go beyond its overlap: those rated
/// after the lease had ended, and those that were skipped before they were rated.
async fn said(
    connection: &mut AnyConnection,
    faults: &mut Faults,
) -> Result<HashMap<String, i64>, DatabaseError> {
    let mut excused: HashMap<String, i64> = HashMap::new();
    let mut last = String::new();
    let mut rows = sqlx::query(
        "SELECT id, assignment, item, revision, said, was_late FROM ratings ORDER BY assignment, revision",
    )
    .fetch(connection);
    while let Some(row) = rows.next().await {
        let row = row?;
        let id: String = row.try_get("id")?;
        let assignment: String = row.try_get("assignment")?;
        let (revision, late): (i64, i64) = (row.try_get("revision")?, row.try_get("was_late")?);
        let mut is_skip = false;
        match json::<RatingRequest>(&row, "said")? {
            None => faults.add("a rating cannot be read", &id),
            Some(said) => {
                if said.assignment != assignment || i64::from(said.revision) != revision {
                    faults.add(
                        "a rating says another assignment or revision than its row",
                        &id,
                    );
                }
                let ways = [
                    said.score.is_some(),
                    said.choice.is_some(),
                    said.skip.is_some(),
                ];
                if ways.into_iter().filter(|way| *way).count() != 1 {
                    faults.add("a rating is not exactly one of score, choice and skip", &id);
                }
                is_skip = said.skip.is_some();
            }
        }
        if (late != 0 || is_skip) && last != assignment {
            *excused.entry(row.try_get("item")?).or_default() += 1;
            last = assignment;
        }
    }
    Ok(excused)
}

async fn over_target(
    connection: &mut AnyConnection,
    overlaps: &HashMap<String, i64>,
    excused: &HashMap<String, i64>,
    faults: &mut Faults,
) -> Result<(), DatabaseError> {
    let mut rows = sqlx::query("SELECT id, project, rated FROM items WHERE kind = $1")
        .bind(ItemKind::Main.word())
        .fetch(connection);
    while let Some(row) = rows.next().await {
        let row = row?;
        let (id, project): (String, String) = (row.try_get("id")?, row.try_get("project")?);
        let most = overlaps.get(&project).copied().unwrap_or(i64::MAX);
        let most = most.saturating_add(excused.get(&id).copied().unwrap_or(0));
        if row.try_get::<i64, _>("rated")? > most {
            faults.add("an item has more ratings than were wanted of it", &id);
        }
    }
    Ok(())
}

fn json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> Result<Option<T>, DatabaseError> {
    let text: String = row.try_get(column)?;
    Ok(serde_json::from_str(&text).ok())
}

/// Findings as they gather, in the order in which each was first met.
#[derive(Default)]
struct Faults(Vec<Finding>);

impl Faults {
    fn add(&mut self, what: &str, id: &str) {
        let found = self.0.iter().position(|finding| finding.what == what);
        let index = found.unwrap_or_else(|| {
            self.0.push(Finding {
                what: what.into(),
                rows: 0,
                examples: Vec::new(),
            });
            self.0.len() - 1
        });
        let finding = &mut self.0[index];
        finding.rows += 1;
        if finding.examples.len() < EXAMPLES_MAX {
            finding.examples.push(id.into());
        }
    }

    fn findings(self) -> Vec<Finding> {
        self.0
    }
}
