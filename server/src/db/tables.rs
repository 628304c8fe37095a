//! The tables whose rows a backup holds.

/// A table of a backup.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    /// The migration that made it.
    pub since: i64,
    /// The columns of its primary key: rows stand in their order, byte by byte, so that two databases
    /// with the same rows give the same bytes.
    pub key: &'static [&'static str],
    /// A condition that leaves out rows which belong to one server, not to its people.
    pub only: Option<&'static str>,
    /// Rows that a server makes by itself at a start: a database that holds no others counts as empty.
    pub own: Option<&'static str>,
}

const fn table(name: &'static str, since: i64, key: &'static [&'static str]) -> Table {
    Table {
        name,
        since,
        key,
        only: None,
        own: None,
    }
}

/// Everything that stands nowhere else; what a row refers to stands in a table before its own.
pub const TABLES: &[Table] = &[
    Table {
        only: Some("name <> 'last_start_ms'"),
        ..table("meta", 1, &["name"])
    },
    table("jobs", 1, &["id"]),
    table("run_labels", 2, &["directory"]),
    Table {
        // The person at a machine without accounts.
        own: Some("id = 'local'"),
        ..table("people", 4, &["id"])
    },
    table("sessions", 4, &["token_hash"]),
    Table {
        // The first admin's link, made anew at each start until it was used.
        own: Some("made_by IS NULL"),
        ..table("invitations", 4, &["token_hash"])
    },
    table("audit", 4, &["id"]),
    table("published", 4, &["directory"]),
    table("projects", 5, &["id"]),
    table("project_runs", 5, &["project", "run_id"]),
    table("items", 5, &["id"]),
    table("members", 5, &["project", "person"]),
    table("assignments", 5, &["id"]),
    table("ratings", 5, &["id"]),
    table("annotation_events", 5, &["id"]),
];

/// Tables that a backup leaves out: they can be made again.
#[cfg(test)]
pub const LEFT_OUT: &[&str] = &["run_index", "_sqlx_migrations"];

impl Table {
    /// The table of this name.
    pub fn named(name: &str) -> Option<&'static Table> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// The tables that a database has after this migration.
    pub fn at(migration: i64) -> impl Iterator<Item = &'static Table> {
        TABLES.iter().filter(move |table| table.since <= migration)
    }
}

/// References from one table's column to another's key, for `check`.
pub const REFERENCES: &[(&str, &str, &str, &str)] = &[
    ("sessions", "person", "people", "id"),
    ("invitations", "person", "people", "id"),
    ("project_runs", "project", "projects", "id"),
    ("items", "project", "projects", "id"),
    ("members", "project", "projects", "id"),
    ("members", "person", "people", "id"),
    ("assignments", "project", "projects", "id"),
    ("assignments", "item", "items", "id"),
    ("assignments", "person", "people", "id"),
    ("ratings", "project", "projects", "id"),
    ("ratings", "assignment", "assignments", "id"),
    ("ratings", "item", "items", "id"),
    ("ratings", "person", "people", "id"),
];
