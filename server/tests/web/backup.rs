//! Backup and restore: nothing that people gave is lost on the way.

use crate::chores::{ask, block_on, chore, content, done, fill, refused, say, url, within};
use crate::made_run::MadeRun;
use crate::served::{Served, folder};
use crate::simulated::cluster::Cluster;
use crate::small_disk::SmallDisk;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn a_backup_gives_all_back_and_says_what_it_did() {
    let place = folder();
    let (one, two) = (
        within(place.path(), "one.db"),
        within(place.path(), "two.db"),
    );
    let (file, again) = (
        within(place.path(), "a.backup"),
        within(place.path(), "b.backup"),
    );
    refused(
        &["backup", &file, "--database", &one],
        2,
        &["no such file", "--database"],
    );
    assert!(!Path::new(&one).exists());
    done(&["migrate", "--database", &one]);
    fill(&one);
    let told = done(&["backup", &file, "--database", &one]);
    assert!(told.contains("rows in 15 tables"), "{told}");
    let told: Value =
        serde_json::from_str(&done(&["restore", &file, "--database", &two, "--json"])).unwrap();
    assert_eq!(told["tables"]["ratings"], 330);
    done(&["backup", &again, "--database", &two]);
    assert_eq!(content(&file), content(&again));
    assert!(content(&file).len() > 1_000);
    for database in [&one, &two] {
        assert!(done(&["check", "--database", database]).contains("is sound"));
    }
    assert!(done(&["check", &file]).contains("is whole"));
    // Only its owner may read it.
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // The server works on what was restored.
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::with(&["--runs", runs.path().to_str().unwrap(), "--database", &two]);
    assert_eq!(server.get("/readyz").json()["status"], "ready");
}

#[test]
fn a_backup_goes_from_sqlite_to_postgresql_and_back_unchanged() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let place = folder();
    let (one, two) = (
        within(place.path(), "one.db"),
        within(place.path(), "two.db"),
    );
    let other = cluster.new_database();
    let files = ["a", "b", "c"].map(|name| within(place.path(), name));
    done(&["migrate", "--database", &one]);
    fill(&one);
    done(&["backup", &files[0], "--database", &one]);
    done(&["restore", &files[0], "--database", &other]);
    assert!(done(&["check", "--database", &other]).contains("is sound"));
    done(&["backup", &files[1], "--database", &other]);
    done(&["restore", &files[1], "--database", &two]);
    done(&["backup", &files[2], "--database", &two]);
    assert_eq!(content(&files[0]), content(&files[1]));
    assert_eq!(content(&files[0]), content(&files[2]));
    // Neither is filled a second time.
    for database in [&other, &two] {
        refused(
            &["restore", &files[0], "--database", database],
            1,
            &["not empty", "330 rows in ratings", "Nothing was changed"],
        );
    }
    done(&["backup", &files[1], "--replace", "--database", &other]);
    assert_eq!(content(&files[0]), content(&files[1]));
    // A text that PostgreSQL cannot hold: nothing of the backup is.
    say(
        &one,
        &[("UPDATE audit SET detail = 'a' || char(0) || 'b'", &[])],
    );
    done(&["backup", &files[0], "--replace", "--database", &one]);
    let third = cluster.new_database();
    refused(
        &["restore", &files[0], "--database", &third],
        1,
        &["audit", "Nothing of it was kept"],
    );
    assert_eq!(ask(&third, "SELECT COUNT(*) FROM people"), 0);
}

/// Ends the writer where the test breaks off.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// People rate, by a writer whose transactions each keep two rows: a backup has both or neither.
#[test]
fn a_backup_is_of_one_moment_while_people_rate() {
    let place = folder();
    let database = within(place.path(), "one.db");
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::with(&[
        "--runs",
        runs.path().to_str().unwrap(),
        "--database",
        &database,
    ]);
    fill(&database);
    let stop = AtomicBool::new(false);
    let mut grown = 0;
    std::thread::scope(|scope| {
        let _stopping = Stopping(&stop);
        let writer = scope.spawn(|| {
            block_on(async {
                let mut connection = sqlx::AnyConnection::connect(&url(&database)).await.unwrap();
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    written += 1;
                    let mut both = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
                    for (table, columns) in [
                        ("audit", "(id, at_ms, person, act, object, detail)"),
                        ("annotation_events", "(id, at_ms, person, kind, project, detail)"),
                    ] {
                        sqlx::query(AssertSqlSafe(format!(
                            "INSERT INTO {table} {columns} VALUES ('w-{written:08}', 1, NULL, 'twice', 'o1', '')"
                        )))
                        .execute(&mut *both)
                        .await
                        .unwrap();
                    }
                    both.commit().await.unwrap();
                    // SQLite's lock is no queue: without a pause nobody else would get it.
                    std::thread::sleep(Duration::from_millis(2));
                }
                connection.close().await.unwrap();
                written
            })
        });
        for round in 0..8 {
            let file = within(place.path(), &format!("{round}.backup"));
            let note = json!({"note": format!("while a backup is made: {round}")});
            assert_eq!(server.patch("/api/runs/made/labels", &note).status, 200);
            done(&["backup", &file, "--database", &database]);
            let (mut in_audit, mut in_events) = (0, 0);
            let mut table = String::new();
            for line in content(&file) {
                if let Value::Object(head) = serde_json::from_str(&line).unwrap() {
                    table = head["table"].as_str().unwrap().to_owned();
                } else if line.starts_with("[\"w-") {
                    in_audit += u32::from(table == "audit");
                    in_events += u32::from(table == "annotation_events");
                }
            }
            assert_eq!(in_audit, in_events, "{round}");
            assert!(in_audit >= grown, "{round}: a later backup has no less");
            assert!(
                content(&file)
                    .iter()
                    .any(|line| line.contains(&format!("is made: {round}")))
            );
            grown = in_audit;
            std::thread::sleep(Duration::from_millis(30));
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() >= grown);
    });
    assert!(grown > 0);
}

#[test]
fn a_full_disk_is_told_and_an_older_backup_stays() {
    let place = folder();
    let database = within(place.path(), "one.db");
    done(&["migrate", "--database", &database]);
    fill(&database);
    let Some(disk) = SmallDisk::mount(&place.path().join("disk"), 128) else {
        return;
    };
    let file = within(&disk.0, "a.backup");
    let empty = within(place.path(), "empty.db");
    done(&["migrate", "--database", &empty]);
    done(&["backup", &file, "--database", &empty]);
    let older = std::fs::read(&file).unwrap();
    refused(
        &["backup", &file, "--replace", "--database", &database],
        1,
        &["No space left on device", "No backup was made", "make room"],
    );
    assert_eq!(std::fs::read(&file).unwrap(), older);
    assert_eq!(std::fs::read_dir(&disk.0).unwrap().count(), 1);
    // Nor is a database half filled.
    let whole = within(place.path(), "whole.backup");
    done(&["backup", &whole, "--database", &database]);
    let filled = within(&disk.0, "filled.db");
    let told = chore(&["restore", &whole, "--database", &filled]);
    assert_eq!(told.code, Some(1), "{}", told.err);
    assert!(told.err.contains("full"), "{}", told.err);
    disk.grow(64);
    done(&["restore", &whole, "--database", &filled]);
    done(&["backup", &file, "--replace", "--database", &filled]);
    assert_eq!(content(&file), content(&whole));
}

/// Takes a database back to its third migration, before there were accounts.
fn age(database: &str) {
    for table in [
        "ratings",
        "assignments",
        "items",
        "members",
        "project_runs",
        "projects",
        "annotation_events",
        "invitations",
        "sessions",
        "audit",
        "published",
        "people",
    ] {
        say(database, &[(&format!("DROP TABLE {table}"), &[])]);
    }
    say(
        database,
        &[("DELETE FROM _sqlx_migrations WHERE version > 3", &[])],
    );
}

#[test]
fn what_an_older_version_left_is_backed_up_restored_and_migrated() {
    let place = folder();
    let database = within(place.path(), "old.db");
    let (file, again) = (
        within(place.path(), "old.backup"),
        within(place.path(), "again"),
    );
    let told = done(&["migrate", "--database", &database]);
    assert!(told.contains("was at migration 0, and is now at"), "{told}");
    let newest = ask(&database, "SELECT MAX(version) FROM _sqlx_migrations");
    fill(&database);
    age(&database);
    let told = done(&["check", "--database", &database]);
    assert!(
        told.contains(&format!("at migration 3 of {newest}")),
        "{told}"
    );
    done(&["backup", &file, "--database", &database]);
    assert_eq!(
        ask(&database, "SELECT MAX(version) FROM _sqlx_migrations"),
        3
    );
    // Into a new one, which is then brought up to date.
    let restored = within(place.path(), "restored.db");
    done(&["restore", &file, "--database", &restored]);
    assert_eq!(
        ask(&restored, "SELECT MAX(version) FROM _sqlx_migrations"),
        newest
    );
    // Not into one that is ahead of it, empty as it may be.
    let ahead = within(place.path(), "ahead.db");
    done(&["migrate", "--database", &ahead]);
    refused(
        &["restore", &file, "--database", &ahead],
        1,
        &["those of the backup at 3"],
    );
    let told = done(&["migrate", "--database", &database]);
    assert!(told.contains("was at migration 3"), "{told}");
    assert!(done(&["migrate", "--database", &database]).contains("the newest"));
    done(&["backup", &again, "--database", &database]);
    let first = content(&again);
    done(&["backup", &again, "--replace", "--database", &restored]);
    assert_eq!(first, content(&again));
    assert!(
        first
            .iter()
            .any(|line| line.contains("9223372036854775807"))
    );
    // One that a newer version made is left alone.
    let checksum = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                    VALUES (99, 'to come', 1, x'00', 1)";
    say(&database, &[(checksum, &[])]);
    for arguments in [&["backup", "x"][..], &["check"], &["migrate"]] {
        let arguments = [arguments, &["--database", &database]].concat();
        refused(&arguments, 1, &["99"]);
    }
}

#[test]
fn what_a_server_made_by_itself_is_no_obstacle_to_a_restore() {
    let place = folder();
    let database = within(place.path(), "one.db");
    let file = within(place.path(), "a.backup");
    done(&["migrate", "--database", &database]);
    fill(&database);
    done(&["backup", &file, "--database", &database]);
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let begun = within(place.path(), "begun.db");
    let server = Served::with(&[
        "--runs",
        runs.path().to_str().unwrap(),
        "--database",
        &begun,
    ]);
    assert_eq!(server.get("/").status, 200);
    assert!(server.stop().success());
    done(&["restore", &file, "--database", &begun]);
    let again = within(place.path(), "b.backup");
    done(&["backup", &again, "--database", &begun]);
    assert_eq!(content(&file), content(&again));
}
