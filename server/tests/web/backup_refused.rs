//! What is no backup, or is not as it was made, is refused; and no backup takes the place of anything else.

use crate::chores::{done, fill, refused, within};
use crate::served::folder;
use std::path::Path;

#[test]
fn a_file_that_is_not_as_it_was_made_is_refused() {
    let place = folder();
    let database = within(place.path(), "one.db");
    let (file, copy) = (
        within(place.path(), "a.backup"),
        within(place.path(), "copy"),
    );
    done(&["migrate", "--database", &database]);
    fill(&database);
    done(&["backup", &file, "--database", &database]);
    let bytes = std::fs::read(&file).unwrap();
    let target = within(place.path(), "target.db");
    let refuse = |bytes: &[u8], words: &[&str]| {
        std::fs::write(&copy, bytes).unwrap();
        refused(&["restore", &copy, "--database", &target], 2, words);
        refused(&["check", &copy], 2, words);
        // Not even begun with.
        assert!(!Path::new(&target).exists());
    };
    refuse(b"", &["no backup"]);
    refuse(&std::fs::read(&database).unwrap(), &["no backup"]);
    for part in [1, 2, 3] {
        refuse(&bytes[..bytes.len() * part / 4], &["cut off"]);
    }
    refuse(&bytes[..bytes.len() - 1], &["cut off"]);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    refuse(&lines[..lines.len() - 1].concat(), &["cut off"]);
    // One byte of a text; one row less; two rows exchanged.
    let place_of = |text: &[u8]| {
        let found = bytes.windows(text.len()).position(|part| part == text);
        found.unwrap()
    };
    let mut altered = bytes.clone();
    altered[place_of(b"annotator-0002") + 13] = b'3';
    refuse(&altered, &["altered", "SHA-256"]);
    let without = [&lines[..700].concat()[..], &lines[701..].concat()].concat();
    refuse(&without, &["altered"]);
    let mut exchanged = lines.clone();
    exchanged.swap(700, 701);
    refuse(&exchanged.concat(), &["altered", "SHA-256"]);
    // Of a version that is to come.
    let newer = String::from_utf8(bytes.clone()).unwrap();
    refuse(
        newer
            .replacen("\"version\":1", "\"version\":2", 1)
            .as_bytes(),
        &["newer version", "form 2"],
    );
    refuse(
        newer
            .replacen("\"migration\":", "\"migration\":9", 1)
            .as_bytes(),
        &["newer version"],
    );
    refused(
        &["restore", "/nonexistent", "--database", &target],
        2,
        &["/nonexistent"],
    );
}

#[test]
fn a_backup_replaces_nothing_by_mistake() {
    let place = folder();
    let database = within(place.path(), "one.db");
    let file = within(place.path(), "a.backup");
    done(&["migrate", "--database", &database]);
    done(&["backup", &file, "--database", &database]);
    refused(
        &["backup", &file, "--database", &database],
        2,
        &["--replace"],
    );
    done(&["backup", &file, "--replace", "--database", &database]);
    for what in [&[][..], &["--replace"]] {
        let before = std::fs::read(&database).unwrap();
        refused(
            &[&["backup", &database, "--database", &database], what].concat(),
            2,
            &["Nothing was written"],
        );
        assert_eq!(std::fs::read(&database).unwrap(), before);
    }
    refused(
        &[
            "backup",
            &within(place.path(), "no/such/a.backup"),
            "--database",
            &database,
        ],
        1,
        &["cannot be written"],
    );
    refused(&["backup"], 2, &["FILE"]);
    refused(
        &["backup", "x", "--runs", "/a/datasets/results"],
        2,
        &["--database"],
    );
    // Nothing half done is left.
    let names: Vec<_> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().contains("part"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
}
