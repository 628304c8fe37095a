//! The program's chores, and a database with something in every table.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Row};
use std::path::Path;
use std::process::{Command, Output};

/// A text with what breaks careless readers of either database, and of JSON.
pub const HARD: &str =
    "\u{fc}n\u{ef} \u{1f600} \"quoted\" \\ back\nline\ttab 'single' \u{7f} {\"end\"";

pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

pub fn chore(arguments: &[&str]) -> Told {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_sayself-server"))
        .args(arguments)
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    Told {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

#[track_caller]
pub fn done(arguments: &[&str]) -> String {
    let told = chore(arguments);
    assert_eq!(
        told.code,
        Some(0),
        "{arguments:?}: {}{}",
        told.out,
        told.err
    );
    told.out
}

/// Asserts how it ended, and that the reason has these words.
#[track_caller]
pub fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let told = chore(arguments);
    assert_eq!(
        told.code,
        Some(code),
        "{arguments:?}: {}{}",
        told.out,
        told.err
    );
    for word in words {
        assert!(told.err.contains(word), "no {word:?} in {}", told.err);
    }
    assert!(!told.err.contains("panicked"), "{}", told.err);
}

pub fn within(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    sqlx::any::install_default_drivers();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

pub fn url(database: &str) -> String {
    if database.contains("://") {
        database.to_owned()
    } else {
        format!("sqlite://{database}")
    }
}

/// Runs statements on a database, each with the texts that it asks for.
pub fn say(database: &str, statements: &[(&str, &[&str])]) {
    block_on(async {
        let mut connection = sqlx::AnyConnection::connect(&url(database)).await.unwrap();
        for (statement, texts) in statements {
            let mut query = sqlx::query(AssertSqlSafe((*statement).to_owned()));
            for text in *texts {
                query = query.bind((*text).to_owned());
            }
            query
                .execute(&mut connection)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        connection.close().await.unwrap();
    });
}

pub fn ask(database: &str, question: &str) -> i64 {
    block_on(async {
        let mut connection = sqlx::AnyConnection::connect(&url(database)).await.unwrap();
        let row = sqlx::query(AssertSqlSafe(question.to_owned()))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let number = row.try_get(0).unwrap();
        connection.close().await.unwrap();
        number
    })
}

/// A rating as it is kept.
pub fn said(assignment: &str, revision: u32, score: u8) -> String {
    json!({
        "assignment": assignment, "revision": revision, "score": score, "spans": [], "note": HARD,
        "active_ms": 12, "made_ms": 34,
    })
    .to_string()
}

/// Puts something into every table: many rows, hard texts, nulls, the largest and smallest numbers.
pub fn fill(database: &str) {
    let spec = json!({"title": HARD, "overlap": 2, "seed": u64::MAX}).to_string();
    say(
        database,
        &[
            (
                "INSERT INTO meta (name, content) VALUES ('something', $1)",
                &[HARD],
            ),
            (
                "INSERT INTO jobs (id, run_id, directory, config, state, attempt, host, exit_code, created_ms) \
                 VALUES ('j1', $1, '/d', '', 'failed', 1, '', 9223372036854775807, -9223372036854775808)",
                &[HARD],
            ),
            (
                "INSERT INTO run_labels (directory, run_id, tags, note, changed_ms) \
                 VALUES ('/r', 'r', '[\"a\"]', $1, 1)",
                &[HARD],
            ),
            (
                "INSERT INTO people (id, name, pseudonym, role, password, created_ms) \
                 VALUES ('p1', $1, 'annotator-0001', 'annotator', NULL, 1), \
                 ('p2', 'two', 'annotator-0002', 'researcher', '$argon2id$x', 2)",
                &["\u{fc}n\u{ef} \u{1f600}"],
            ),
            (
                "INSERT INTO sessions (token_hash, person, kind, label, created_ms, seen_ms, expires_ms) \
                 VALUES ('h', 'p1', 'browser', $1, 1, 2, 3)",
                &[HARD],
            ),
            (
                "INSERT INTO invitations (token_hash, id, role, person, project, note, uses_left, made_by, \
                 created_ms, expires_ms) VALUES ('i', 'i1', 'annotator', NULL, 'o1', $1, 0, 'p2', 1, 2)",
                &[HARD],
            ),
            (
                "INSERT INTO audit (id, at_ms, person, act, object, detail) VALUES ('a1', 1, NULL, 'x', 'y', $1)",
                &[HARD],
            ),
            (
                "INSERT INTO published (directory, run_id, published_by, published_ms) VALUES ('/r', $1, NULL, 1)",
                &[HARD],
            ),
            (
                "INSERT INTO projects (id, title, kind, state, spec, hashes, made_by, created_ms, changed_ms, touched) \
                 VALUES ('o1', $1, 'single', 'open', $2, '{}', 'p2', 1, 2, 3)",
                &[HARD, &spec],
            ),
            (
                "INSERT INTO project_runs (project, run_id) VALUES ('o1', $1), ('o1', 'B'), ('o1', 'a')",
                &[HARD],
            ),
            (
                "INSERT INTO members (project, person, joined_ms, consent_hash) VALUES ('o1', 'p1', 1, $1)",
                &[HARD],
            ),
            (
                "INSERT INTO annotation_events (id, project, person, kind, detail, at_ms) \
                 VALUES ('e1', 'o1', NULL, 'opened', $1, 1)",
                &[HARD],
            ),
        ],
    );
    // More than are inserted at once; ids whose order differs between languages and bytes.
    let mut items =
        String::from("INSERT INTO items (id, project, position, kind, content, rated) VALUES ");
    let mut assignments = String::from(
        "INSERT INTO assignments (id, project, item, person, is_repeat, first_left, turn, handed_ms, \
         lease_ends_ms, revisions, state) VALUES ",
    );
    let mut ratings = String::from(
        "INSERT INTO ratings (id, project, assignment, item, person, revision, said, saved_ms, was_late) VALUES ",
    );
    let (mut contents, mut words) = (Vec::new(), Vec::new());
    for index in 0..330 {
        let letter = ["a", "B", "\u{e4}", "_", "Z"][index % 5];
        let comma = if index == 0 { "" } else { ", " };
        let (item, assignment) = (
            format!("{letter}-item-{index}"),
            format!("{letter}-{index}"),
        );
        contents.push(
            json!({
                "id": item, "position": index, "kind": "main", "question_id": "q", "question": HARD,
                "samples": 2, "evidence": [], "rationales": [], "stratum": "",
            })
            .to_string(),
        );
        words.push(said(&assignment, 1, (index % 11) as u8));
        let place = index + 1;
        items += &format!("{comma}('{item}', 'o1', {index}, 'main', ${place}, 1)");
        assignments += &format!(
            "{comma}('{assignment}', 'o1', '{item}', 'p1', 0, 1, {index}, 1, 2, 1, 'rated')"
        );
        ratings += &format!(
            "{comma}('k-{letter}-{index}', 'o1', '{assignment}', '{item}', 'p1', 1, ${place}, {index}, 0)"
        );
    }
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    say(
        database,
        &[(&items, &contents), (&assignments, &[]), (&ratings, &words)],
    );
}

/// All but the first and the last line: what the database holds.
pub fn content(backup: &str) -> Vec<String> {
    let text = std::fs::read_to_string(backup).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1..lines.len() - 1].to_vec()
}
