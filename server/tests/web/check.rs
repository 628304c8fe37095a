//! `sayself-server check` finds what is wrong with a database.

use crate::chores::{chore, done, fill, refused, say, within};
use crate::served::folder;
use serde_json::Value;

#[test]
fn a_check_finds_what_is_wrong() {
    let place = folder();
    let sound = within(place.path(), "sound.db");
    done(&["migrate", "--database", &sound]);
    fill(&sound);
    let database = within(place.path(), "one.db");
    let finds = |statement: &str, words: &str| {
        std::fs::copy(&sound, &database).unwrap();
        say(
            &database,
            &[("PRAGMA foreign_keys = OFF", &[]), (statement, &[])],
        );
        let told = chore(&["check", "--database", &database]);
        assert_eq!(told.code, Some(1), "{statement}: {}{}", told.out, told.err);
        assert!(told.out.contains(words), "{statement}: {}", told.out);
        assert!(
            told.err.contains("restore your last backup"),
            "{}",
            told.err
        );
        std::fs::remove_file(&database).unwrap();
    };
    for (statement, words) in [
        (
            "UPDATE assignments SET revisions = 2 WHERE id = 'a-0'",
            "other revisions",
        ),
        (
            "UPDATE ratings SET revision = 2 WHERE id = 'k-a-0'",
            "without a gap",
        ),
        (
            "UPDATE assignments SET state = 'lost' WHERE id = 'a-0'",
            "a state that is none",
        ),
        (
            "UPDATE assignments SET state = 'leased' WHERE id = 'a-0'",
            "neither rated nor skipped",
        ),
        (
            "UPDATE ratings SET person = 'p2' WHERE id = 'k-a-0'",
            "another item, person or project",
        ),
        (
            "UPDATE ratings SET said = '{' WHERE id = 'k-a-0'",
            "a rating cannot be read",
        ),
        ("DELETE FROM ratings WHERE id = 'k-a-0'", "other revisions"),
        (
            "DELETE FROM assignments WHERE id = 'a-0'",
            "ratings.assignment names no row",
        ),
        ("DELETE FROM members", "no member"),
        (
            "UPDATE items SET rated = 3 WHERE id = 'a-item-0'",
            "more ratings than were wanted",
        ),
        (
            "UPDATE items SET rated = 0 WHERE id = 'a-item-0'",
            "counts other ratings",
        ),
        (
            "UPDATE items SET content = '' WHERE id = 'a-item-0'",
            "content cannot be read",
        ),
        (
            "UPDATE projects SET spec = '{'",
            "specification cannot be read",
        ),
        ("UPDATE projects SET state = 'lost'", "a state that is none"),
        (
            "UPDATE people SET role = 'king' WHERE id = 'p1'",
            "role is none",
        ),
        (
            "UPDATE people SET name = 'Two' WHERE id = 'p2'",
            "lower case",
        ),
        (
            "DELETE FROM people WHERE id = 'p1'",
            "names no row of people",
        ),
    ] {
        finds(statement, words);
    }
    // A torn page, as a failing disk leaves it.
    let mut bytes = std::fs::read(&sound).unwrap();
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 4_096].fill(0xa5);
    std::fs::write(&database, &bytes).unwrap();
    let told = chore(&["check", "--database", &database, "--json"]);
    assert_eq!(told.code, Some(1), "{}{}", told.out, told.err);
    let found: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(found["sound"], false);
    assert_eq!(found["findings"][0]["what"], "the file is damaged");
    // What is no database at all.
    std::fs::write(&database, "no database, whatever its name says".repeat(200)).unwrap();
    refused(&["check", "--database", &database], 1, &["one.db"]);
    std::fs::write(&database, "").unwrap();
    refused(
        &["check", "--database", &database],
        1,
        &["no database of sayself-server"],
    );
}
