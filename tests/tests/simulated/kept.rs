//! What the database holds, read from a backup of it, and held against the outside log.

use super::ledger::Acknowledged;
use datasets::annotation::{ProjectSpec, RatingRequest};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

/// A row of the table of ratings.
#[derive(Clone, Debug)]
pub struct KeptRating {
    pub key: String,
    pub assignment: String,
    pub item: String,
    pub revision: u32,
    pub said: RatingRequest,
    pub saved_ms: i64,
    pub was_late: bool,
}

/// A row of the table of assignments.
#[derive(Clone, Debug)]
pub struct KeptAssignment {
    pub id: String,
    pub item: String,
    pub person: String,
    pub is_repeat: bool,
    pub state: String,
    pub revisions: u32,
}

/// What a backup says of annotation.
#[derive(Default)]
pub struct Kept {
    pub ratings: Vec<KeptRating>,
    pub assignments: Vec<KeptAssignment>,
    /// Ratings that count, by the main items' ids.
    pub main_items: HashMap<String, i64>,
    pub overlap: i64,
}

impl Kept {
    /// Reads a backup, with its rows as objects by the names of the columns.
    pub fn read(backup: &Path) -> Self {
        let text = std::fs::read_to_string(backup).unwrap();
        let mut kept = Kept::default();
        let (mut table, mut columns) = (String::new(), Vec::new());
        for line in text.lines() {
            match serde_json::from_str(line).unwrap() {
                Value::Array(cells) => {
                    let row = columns.iter().cloned().zip(cells).collect();
                    kept.add(&table, &Row(row));
                }
                Value::Object(head) if head.contains_key("table") => {
                    table = head["table"].as_str().unwrap().to_owned();
                    columns = head["columns"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|name| name.as_str().unwrap().to_owned())
                        .collect();
                }
                _ => {}
            }
        }
        kept
    }

    fn add(&mut self, table: &str, row: &Row) {
        match table {
            "projects" => {
                let spec: ProjectSpec = serde_json::from_str(&row.text("spec")).unwrap();
                self.overlap = spec.overlap.into();
            }
            "items" if row.text("kind") == "main" => {
                self.main_items.insert(row.text("id"), row.number("rated"));
            }
            "assignments" => self.assignments.push(KeptAssignment {
                id: row.text("id"),
                item: row.text("item"),
                person: row.text("person"),
                is_repeat: row.number("is_repeat") != 0,
                state: row.text("state"),
                revisions: row.number("revisions") as u32,
            }),
            "ratings" => self.ratings.push(KeptRating {
                key: row.text("id"),
                assignment: row.text("assignment"),
                item: row.text("item"),
                revision: row.number("revision") as u32,
                said: serde_json::from_str(&row.text("said")).unwrap(),
                saved_ms: row.number("saved_ms"),
                was_late: row.number("was_late") != 0,
            }),
            _ => {}
        }
    }
}

struct Row(HashMap<String, Value>);

impl Row {
    fn text(&self, column: &str) -> String {
        self.0[column].as_str().unwrap().to_owned()
    }

    fn number(&self, column: &str) -> i64 {
        self.0[column].as_i64().unwrap()
    }
}

/// How the two compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub acknowledged: usize,
    pub kept: usize,
    /// Acknowledged, and not there or not as it was said.
    pub lost: usize,
    /// The same word twice: rows of one key, one revision, or one person and item.
    pub doubled: usize,
    /// Rows that nobody sent.
    pub unsent: usize,
    /// Items with more ratings that count than were wanted, late ones and corrected skips apart.
    pub over_target: usize,
    /// Items whose own count is another than their ratings'.
    pub miscounted: usize,
    pub late: usize,
    /// Main items that have as many ratings as were wanted.
    pub satisfied: usize,
    pub items: usize,
    /// The first of what is wrong, in words.
    pub examples: Vec<String>,
}

impl Tally {
    pub fn is_clean(&self) -> bool {
        [
            self.lost,
            self.doubled,
            self.unsent,
            self.over_target,
            self.miscounted,
        ] == [0; 5]
    }

    fn note(&mut self, words: String) {
        if self.examples.len() < 5 {
            self.examples.push(words);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} acknowledged, {} kept: {} lost, {} doubled, {} that nobody sent, {} items over their target, \
             {} miscounted; {} late; {} of {} items have all their ratings",
            self.acknowledged,
            self.kept,
            self.lost,
            self.doubled,
            self.unsent,
            self.over_target,
            self.miscounted,
            self.late,
            self.satisfied,
            self.items
        )?;
        for example in &self.examples {
            write!(out, "\n  {example}")?;
        }
        Ok(())
    }
}

/// Holds the log, as it was before the backup was made, against the backup.
pub fn compare(log: &[Acknowledged], sent: &HashSet<String>, kept: &Kept) -> Tally {
    let mut tally = Tally {
        kept: kept.ratings.len(),
        items: kept.main_items.len(),
        late: kept.ratings.iter().filter(|row| row.was_late).count(),
        ..Tally::default()
    };
    let mut by_key: HashMap<&str, Vec<&KeptRating>> = HashMap::new();
    for row in &kept.ratings {
        by_key.entry(&row.key).or_default().push(row);
    }
    // A replay is acknowledged again: one word all the same.
    let mut seen = HashSet::new();
    for one in log {
        if !seen.insert(&one.key) {
            continue;
        }
        tally.acknowledged += 1;
        let rows = by_key.get(one.key.as_str()).map_or(&[][..], Vec::as_slice);
        let is_there = rows.iter().any(|row| {
            row.said == one.said
                && row.saved_ms == one.saved_ms
                && row.revision == one.said.revision
        });
        if !is_there {
            tally.lost += 1;
            tally.note(format!("lost: {one:?}, there is {rows:?}"));
        }
    }
    let unsent = by_key.keys().filter(|key| !sent.contains(**key)).count();
    tally.unsent = unsent;
    count_doubles(kept, &by_key, &mut tally);
    count_targets(kept, &mut tally);
    tally
}

fn count_doubles(kept: &Kept, by_key: &HashMap<&str, Vec<&KeptRating>>, tally: &mut Tally) {
    for (key, rows) in by_key {
        if rows.len() > 1 {
            tally.doubled += rows.len() - 1;
            tally.note(format!("doubled: key {key}"));
        }
    }
    let mut revisions = HashSet::new();
    for row in &kept.ratings {
        if !revisions.insert((&row.assignment, row.revision)) {
            tally.doubled += 1;
            tally.note(format!("doubled: {row:?}"));
        }
    }
    let mut handed = HashSet::new();
    for row in &kept.assignments {
        if !handed.insert((&row.item, &row.person, row.is_repeat)) {
            tally.doubled += 1;
            tally.note(format!("handed out twice: {row:?}"));
        }
    }
}

fn count_targets(kept: &Kept, tally: &mut Tally) {
    // What excuses a rating beyond the target: it came after its lease, or was a skip at first.
    let mut excused: HashSet<&str> = HashSet::new();
    let mut last: HashMap<&str, &KeptRating> = HashMap::new();
    for row in &kept.ratings {
        if row.was_late || row.said.skip.is_some() {
            excused.insert(&row.assignment);
        }
        let newest = last.entry(&row.assignment).or_insert(row);
        if newest.revision < row.revision {
            *newest = row;
        }
    }
    let mut counted: HashMap<&str, (i64, i64)> = HashMap::new();
    for assignment in kept.assignments.iter().filter(|row| !row.is_repeat) {
        let Some(rating) = last.get(assignment.id.as_str()) else {
            continue;
        };
        if rating.said.skip.is_some() {
            continue;
        }
        let (rated, beyond) = counted.entry(&assignment.item).or_default();
        *rated += 1;
        *beyond += i64::from(excused.contains(assignment.id.as_str()));
    }
    for (item, own) in &kept.main_items {
        let (rated, beyond) = counted.get(item.as_str()).copied().unwrap_or_default();
        if rated > kept.overlap + beyond {
            tally.over_target += 1;
            tally.note(format!(
                "over its target: {item} has {rated}, {beyond} of them late"
            ));
        }
        if rated != *own {
            tally.miscounted += 1;
            tally.note(format!("miscounted: {item} says {own} and has {rated}"));
        }
        if rated >= kept.overlap {
            tally.satisfied += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(assignment: &str, revision: u32, score: u8) -> RatingRequest {
        RatingRequest {
            assignment: assignment.into(),
            revision,
            score: Some(score),
            ..RatingRequest::default()
        }
    }

    /// Two people rated one item, of which one rating was wanted; the second came late.
    fn kept() -> Kept {
        let rating = |key: &str, assignment: &str, was_late| KeptRating {
            key: key.into(),
            assignment: assignment.into(),
            item: "item".into(),
            revision: 1,
            said: said(assignment, 1, 7),
            saved_ms: 5,
            was_late,
        };
        let assignment = |id: &str, person: &str| KeptAssignment {
            id: id.into(),
            item: "item".into(),
            person: person.into(),
            is_repeat: false,
            state: "rated".into(),
            revisions: 1,
        };
        Kept {
            ratings: vec![rating("k1", "a1", false), rating("k2", "a2", true)],
            assignments: vec![assignment("a1", "p1"), assignment("a2", "p2")],
            main_items: HashMap::from([("item".into(), 2)]),
            overlap: 1,
        }
    }

    fn log() -> Vec<Acknowledged> {
        [("k1", "a1"), ("k2", "a2"), ("k2", "a2")]
            .map(|(key, assignment)| Acknowledged {
                key: key.into(),
                annotator: 0,
                saved_ms: 5,
                said: said(assignment, 1, 7),
            })
            .into()
    }

    fn told(change: impl Fn(&mut Kept)) -> Tally {
        let mut kept = kept();
        change(&mut kept);
        compare(&log(), &["k1", "k2", "k3"].map(String::from).into(), &kept)
    }

    #[test]
    fn each_way_of_being_wrong_is_counted() {
        let clean = told(|_| {});
        assert!(clean.is_clean(), "{clean}");
        assert_eq!((clean.acknowledged, clean.satisfied, clean.late), (2, 1, 1));
        assert_eq!(told(|kept| drop(kept.ratings.pop())).lost, 1);
        let altered = |kept: &mut Kept| kept.ratings[0].said.score = Some(8);
        assert_eq!(told(altered).lost, 1);
        assert_eq!(told(|kept| kept.ratings[0].saved_ms = 6).lost, 1);
        let by_another_key = |kept: &mut Kept| {
            let mut again = kept.ratings[0].clone();
            again.key = "k3".into();
            kept.ratings.push(again);
        };
        assert_eq!(told(by_another_key).doubled, 1);
        let twice = |kept: &mut Kept| kept.assignments[1].person = "p1".into();
        assert_eq!(told(twice).doubled, 1);
        let unsent = |kept: &mut Kept| kept.ratings[0].key = "k9".into();
        assert_eq!((told(unsent).unsent, told(unsent).lost), (1, 1));
        assert_eq!(told(|kept| kept.ratings[1].was_late = false).over_target, 1);
        let miscounted = |kept: &mut Kept| kept.main_items = HashMap::from([("item".into(), 1)]);
        assert_eq!(told(miscounted).miscounted, 1);
    }
}
