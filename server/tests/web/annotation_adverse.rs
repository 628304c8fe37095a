//! What goes wrong while people rate: a full disk, a locked database, a clock that jumps, leases that end,
//! words that come twice. Nothing that was acknowledged is lost; what could not be kept is told, and is
//! kept when it is sent again.

use crate::annotators_small::server;
use crate::chores::{block_on, say, url};
use crate::served::folder;
use crate::simulated::client::{Client, Cut, Reply};
use crate::simulated::cluster::Cluster;
use crate::simulated::draws::Draws;
use crate::simulated::kept::{Kept, compare};
use crate::simulated::ledger::Acknowledged;
use crate::simulated::served::Served;
use crate::simulated::{made, people};
use crate::small_disk::SmallDisk;
use datasets::annotation::{ProjectSpec, RatingRequest, RatingSaved, WorkItem};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::HashSet;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server, an open project without training, and people who agreed to rate in it.
struct Desk {
    folder: TempDir,
    served: Served,
    project: String,
    people: Vec<Client>,
    draws: RefCell<Draws>,
    /// What was acknowledged, and every key that was sent.
    log: RefCell<Vec<Acknowledged>>,
    sent: RefCell<HashSet<String>>,
}

impl Desk {
    fn new(annotators: usize, overlap: u8) -> Self {
        let folder = folder();
        let database = folder.path().join("ratings.db");
        Desk::over(folder, database.to_str().unwrap(), annotators, overlap)
    }

    fn over(folder: TempDir, database: &str, annotators: usize, overlap: u8) -> Self {
        let runs = folder.path().join("runs");
        made::run(&runs, 40);
        let mut served = Served::new(server, &runs, database, &folder.path().join("server.log"));
        served.start();
        let admin = Client::new(&served.place);
        let spec = ProjectSpec {
            training_size: 0,
            gold_share: 0.0,
            attention_share: 0.0,
            repeat_share: 0.0,
            ..made::project(12, overlap)
        };
        let project = people::open_project(&admin, &spec);
        let people = people::join(&admin, &served.place, &project, annotators);
        let desk = Desk {
            folder,
            served,
            project,
            people,
            draws: RefCell::new(Draws::new(11, 0)),
            log: RefCell::default(),
            sent: RefCell::default(),
        };
        for person in &desk.people {
            let path = format!("/api/work/{}/consent", desk.project);
            person
                .send("POST", &path, &json!({"agreed": true}))
                .unwrap()
                .ok();
        }
        desk
    }

    fn database(&self) -> &str {
        &self.served.database
    }

    fn lease(&self, person: usize, want: usize) -> Vec<WorkItem> {
        let path = format!("/api/work/{}/leases", self.project);
        let batch = self.people[person]
            .send("POST", &path, &json!({"want": want}))
            .unwrap()
            .ok();
        serde_json::from_value(batch["items"].clone()).unwrap()
    }

    fn key(&self) -> String {
        let key = self.draws.borrow_mut().uuid();
        self.sent.borrow_mut().insert(key.clone());
        key
    }

    fn path(&self, key: &str) -> String {
        format!("/api/work/{}/ratings/{key}", self.project)
    }

    fn put(&self, person: usize, key: &str, said: &RatingRequest) -> Reply {
        let body = serde_json::to_value(said).unwrap();
        self.people[person]
            .send("PUT", &self.path(key), &body)
            .unwrap()
    }

    /// Sends what must be acknowledged now, and notes it.
    #[track_caller]
    fn save(&self, person: usize, key: &str, said: &RatingRequest) -> RatingSaved {
        let reply = self.put(person, key, said);
        let saved: RatingSaved = serde_json::from_value(reply.ok()).unwrap();
        self.log.borrow_mut().push(Acknowledged {
            key: key.into(),
            annotator: person,
            saved_ms: saved.saved_ms,
            said: said.clone(),
        });
        saved
    }

    /// Kills the server, and asserts that all that was acknowledged is kept, once. Gives what is kept.
    #[track_caller]
    fn end(mut self) -> Kept {
        self.served.kill();
        let backup = self.folder.path().join("end.backup");
        let made = self.served.chore(&["backup", backup.to_str().unwrap()]);
        assert!(made.status.success(), "{made:?}");
        let kept = Kept::read(&backup);
        let tally = compare(&self.log.borrow(), &self.sent.borrow(), &kept);
        assert!(tally.is_clean(), "{tally}");
        let check = self.served.chore(&["check"]);
        assert!(check.status.success(), "{check:?}");
        kept
    }
}

fn score(item: &WorkItem, score: u8) -> RatingRequest {
    RatingRequest {
        assignment: item.assignment.clone(),
        revision: item.revisions + 1,
        score: Some(score),
        note: "ünï \u{1f600}".into(),
        active_ms: 1_234,
        ..RatingRequest::default()
    }
}

/// Asserts a refusal that says what to do next.
#[track_caller]
fn problem(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text);
    let problem = reply.json();
    assert!(!problem["next"].as_str().unwrap().is_empty(), "{problem}");
    problem
}

#[test]
fn a_full_disk_is_told_and_the_word_is_kept_when_it_comes_again() {
    // Unmounted before its place is removed.
    let place = folder();
    let Some(disk) = SmallDisk::mount(&place.path().join("disk"), 4_096) else {
        return;
    };
    let database = disk.0.join("ratings.db");
    let desk = Desk::over(folder(), database.to_str().unwrap(), 2, 2);
    let items = desk.lease(0, 3);
    desk.save(0, &desk.key(), &score(&items[0], 8));
    // Somebody else fills the disk to its last byte.
    let filler = disk.0.join("filler");
    let mut bytes = 1 << 20;
    let mut held = Vec::new();
    while bytes > 0 {
        held.resize(held.len() + bytes, 7);
        if std::fs::write(&filler, &held).is_err() {
            held.truncate(held.len() - bytes);
            let _ = std::fs::write(&filler, &held);
            bytes /= 2;
        }
    }
    // Corrections until one does not fit; each that is acknowledged counts.
    let mut said = score(&items[0], 1);
    let refused = (0..2_000).find_map(|round| {
        said = RatingRequest {
            revision: 2 + round,
            note: "x".repeat(3_000),
            ..score(&items[0], (round % 11) as u8)
        };
        let key = desk.key();
        let reply = desk.put(0, &key, &said);
        if reply.status >= 500 {
            return Some((key, reply));
        }
        desk.log.borrow_mut().push(Acknowledged {
            key,
            annotator: 0,
            saved_ms: reply.ok()["saved_ms"].as_i64().unwrap(),
            said: said.clone(),
        });
        None
    });
    let (key, reply) = refused.expect("the disk is full");
    problem(&reply, 503);
    // Pages are served all the same, and what was not kept is not there.
    assert_eq!(desk.people[0].get("/").unwrap().status, 200);
    std::fs::remove_file(&filler).unwrap();
    disk.grow(64);
    assert!(desk.save(0, &key, &said).fresh);
    desk.save(0, &desk.key(), &score(&items[1], 5));
    let acknowledged = desk.log.borrow().len();
    assert_eq!(desk.end().ratings.len(), acknowledged);
}

/// Holds the write lock of an SQLite database, or a project's row in PostgreSQL, until told to let go.
fn hold(database: &str, project: &str, held: &mpsc::Sender<()>, let_go: mpsc::Receiver<()>) {
    use sqlx::Connection;

    let begin = match database.contains("://") {
        true => "BEGIN",
        false => "BEGIN IMMEDIATE",
    };
    block_on(async {
        let mut connection = sqlx::AnyConnection::connect(&url(database)).await.unwrap();
        let mut holding = connection.begin_with(begin).await.unwrap();
        sqlx::query("UPDATE projects SET touched = touched + 1 WHERE id = $1")
            .bind(project.to_owned())
            .execute(&mut *holding)
            .await
            .unwrap();
        held.send(()).unwrap();
        let_go.recv().unwrap();
        holding.rollback().await.unwrap();
        connection.close().await.unwrap();
    });
}

fn another_program_locks_it(desk: Desk) {
    let items = desk.lease(0, 3);
    // For a while: the word waits for its turn.
    let (first, second) = (score(&items[0], 3), score(&items[1], 4));
    let (key, late) = (desk.key(), desk.key());
    let (database, project) = (desk.database().to_owned(), desk.project.clone());
    let locked = |work: &dyn Fn(&mpsc::Sender<()>)| {
        let (held, is_held) = mpsc::channel();
        let (let_go, go) = mpsc::channel();
        std::thread::scope(|scope| {
            let (database, project) = (&database, &project);
            scope.spawn(move || hold(database, project, &held, go));
            is_held.recv().unwrap();
            work(&let_go);
        });
    };
    locked(&|let_go| {
        let asked = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(1_500));
                let_go.send(()).unwrap();
            });
            assert!(desk.save(0, &key, &first).fresh);
        });
        assert!(asked.elapsed() >= Duration::from_millis(1_400));
    });
    // For longer than anybody waits: that is told, and pages are served meanwhile.
    locked(&|let_go| {
        let reply = desk.put(0, &late, &second);
        problem(&reply, 503);
        assert_eq!(desk.people[1].get("/").unwrap().status, 200);
        let_go.send(()).unwrap();
    });
    assert!(desk.save(0, &late, &second).fresh);
    assert!(!desk.save(0, &late, &second).fresh);
    assert_eq!(desk.end().ratings.len(), 2);
}

#[test]
fn a_database_that_another_program_locks_loses_nothing() {
    another_program_locks_it(Desk::new(2, 2));
}

#[test]
fn nor_does_a_locked_row_of_postgresql() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    another_program_locks_it(Desk::over(folder(), &cluster.new_database(), 2, 2));
}

#[test]
fn a_word_is_kept_once_however_often_it_comes() {
    let desk = Desk::new(2, 2);
    let items = desk.lease(0, 3);
    let (said, key) = (score(&items[0], 7), desk.key());
    // A double click: both are told the same, one of them that it was saved just now.
    let both = std::thread::scope(|scope| {
        let ask = || {
            let tab = desk.people[0].tab();
            let (path, body) = (desk.path(&key), serde_json::to_value(&said).unwrap());
            scope.spawn(move || tab.send("PUT", &path, &body).unwrap().ok())
        };
        [ask(), ask()].map(|thread| thread.join().unwrap())
    });
    let fresh = both.iter().filter(|saved| saved["fresh"] == true).count();
    assert_eq!(fresh, 1, "{both:?}");
    assert_eq!(both[0]["saved_ms"], both[1]["saved_ms"]);
    // A replay, also after a correction and after a new start of the server.
    let first = desk.save(0, &key, &said);
    assert!(!first.fresh);
    let corrected = RatingRequest {
        revision: 2,
        ..score(&items[0], 2)
    };
    desk.save(0, &desk.key(), &corrected);
    let mut desk = desk;
    desk.served.kill();
    desk.served.start();
    let again = desk.save(0, &key, &said);
    assert_eq!((again.fresh, again.saved_ms), (false, first.saved_ms));
    // The same key with other words, of somebody else, or of another item: refused.
    let altered = score(&items[0], 8);
    problem(&desk.put(0, &key, &altered), 409);
    problem(&desk.put(0, &key, &score(&items[1], 7)), 409);
    let others = desk.put(1, &key, &said);
    assert!((400..500).contains(&others.status), "{}", others.text);
    assert!(!others.text.contains("\"score\""), "{}", others.text);
    assert_eq!(desk.end().ratings.len(), 2);
}

#[test]
fn of_two_tabs_one_is_kept_and_the_other_told() {
    let desk = Desk::new(1, 1);
    let items = desk.lease(0, 2);
    let keys = [desk.key(), desk.key()];
    let words = [score(&items[0], 2), score(&items[0], 9)];
    desk.save(0, &keys[0], &words[0]);
    let told = problem(&desk.put(0, &keys[1], &words[1]), 409);
    let kept: RatingRequest = serde_json::from_value(told["kept"].clone()).unwrap();
    assert_eq!(kept, words[0]);
    // He wants the other after all: a correction.
    let instead = RatingRequest {
        revision: kept.revision + 1,
        ..words[1].clone()
    };
    assert!(desk.save(0, &desk.key(), &instead).fresh);
    // Both tabs hold the same items.
    let (one, two) = (desk.lease(0, 2), desk.lease(0, 2));
    let ids = |items: &[WorkItem]| {
        items
            .iter()
            .map(|item| item.assignment.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&one), ids(&two));
    assert_eq!(desk.end().ratings.len(), 2);
}

/// Two minutes without a network, and everybody's leases end: the outbox's words are kept, late and once.
#[test]
fn a_cut_of_two_minutes_loses_nothing_though_the_leases_end() {
    let desk = Desk::new(2, 1);
    let items = desk.lease(0, 3);
    assert_eq!(items.len(), 3);
    let words: Vec<(String, RatingRequest)> = (5..)
        .zip(&items)
        .map(|(number, item)| (desk.key(), score(item, number)))
        .collect();
    // The first word was under way when the network went.
    let body = serde_json::to_value(&words[0].1).unwrap();
    desk.people[0].put_cut(&desk.path(&words[0].0), &body, Cut::Unheard);
    std::thread::sleep(Duration::from_millis(300));
    say(
        desk.database(),
        &[(
            "UPDATE assignments SET handed_ms = handed_ms - 120000, lease_ends_ms = lease_ends_ms - 120000 \
             WHERE state = 'leased'",
            &[],
        )],
    );
    // Others get the items, and rate them.
    let mut met = HashSet::new();
    while let [item, ..] = &desk.lease(1, 1)[..] {
        assert!(
            met.insert(item.assignment.clone()),
            "nobody gets an item twice"
        );
        desk.save(1, &desk.key(), &score(item, 1));
    }
    // The network is back: the outbox sends each, in doubt twice.
    for (key, said) in &words {
        desk.save(0, key, said);
        assert!(!desk.save(0, key, said).fresh);
    }
    assert!(desk.lease(0, 3).is_empty());
    let kept = desk.end();
    let late = kept.ratings.iter().filter(|row| row.was_late).count();
    assert_eq!(
        late,
        kept.ratings.len() - kept.main_items.len(),
        "one for each item that has two"
    );
    assert!((2..=3).contains(&late), "{late}");
    let most = kept.main_items.values().max();
    assert_eq!(most, Some(&2));
}

/// The clock was a day ahead when items were handed out and rated, and the server was started again when it
/// had been set right: nothing is lost, and no item waits a day.
#[test]
fn a_clock_that_was_ahead_and_is_set_back_loses_nothing() {
    let mut desk = Desk::new(2, 1);
    let items = desk.lease(0, 3);
    let (key, said) = (desk.key(), score(&items[0], 6));
    desk.save(0, &key, &said);
    desk.served.kill();
    const DAY: &str = "86400000";
    let ahead = |column: &str, table: &str| {
        say(
            desk.database(),
            &[(
                &format!("UPDATE {table} SET {column} = {column} + {DAY}"),
                &[],
            )],
        );
    };
    ahead("handed_ms", "assignments");
    ahead("lease_ends_ms", "assignments");
    ahead("saved_ms", "ratings");
    ahead("at_ms", "annotation_events");
    for one in desk.log.borrow_mut().iter_mut() {
        one.saved_ms += DAY.parse::<i64>().unwrap();
    }
    desk.served.start();
    // A replay is answered as before; a correction and a first word are kept.
    let again = desk.put(0, &key, &said).ok();
    assert_eq!(again["fresh"], false);
    let corrected = RatingRequest {
        revision: 2,
        ..score(&items[0], 1)
    };
    assert!(desk.save(0, &desk.key(), &corrected).fresh);
    assert!(desk.save(0, &desk.key(), &score(&items[1], 2)).fresh);
    // The last word is the last revision, whatever the times say.
    let path = format!("/api/work/{}/last?n=10", desk.project);
    let last = desk.people[0].get(&path).unwrap().ok();
    let first = last
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["assignment"] == items[0].assignment.as_str())
        .unwrap();
    assert_eq!(first["said"]["score"], 1);
    // What nobody rated goes to the other: a lease cannot have more to go than a whole one.
    let mut rated = HashSet::new();
    while let [item, ..] = &desk.lease(1, 1)[..] {
        assert!(rated.insert(item.question.clone()));
        desk.save(1, &desk.key(), &score(item, 3));
    }
    assert!(rated.contains(&items[2].question), "{rated:?}");
    assert_eq!(rated.len(), 10);
    desk.end();
}

#[test]
fn a_half_sent_word_is_no_word() {
    let desk = Desk::new(1, 1);
    let items = desk.lease(0, 1);
    let (key, said) = (desk.key(), score(&items[0], 4));
    let body = serde_json::to_value(&said).unwrap();
    for _ in 0..5 {
        desk.people[0].put_cut(&desk.path(&key), &body, Cut::Halfway);
    }
    std::thread::sleep(Duration::from_millis(200));
    assert!(desk.save(0, &key, &said).fresh);
    assert_eq!(desk.end().ratings.len(), 1);
}

/// Nobody is handed an item that was rated as often as was wanted, and an item that was given back goes on.
#[test]
fn what_is_given_back_goes_to_others_and_is_kept_if_it_comes_late() {
    let desk = Desk::new(2, 1);
    let items = desk.lease(0, 3);
    let path = format!("/api/work/{}/pause", desk.project);
    desk.people[0]
        .send("POST", &path, &json!({"paused": true}))
        .unwrap()
        .ok();
    let mut rated = HashSet::new();
    while let [item, ..] = &desk.lease(1, 1)[..] {
        assert!(rated.insert(item.question.clone()));
        desk.save(1, &desk.key(), &score(item, 3));
    }
    for item in &items {
        assert!(rated.contains(&item.question));
        desk.save(0, &desk.key(), &score(item, 9));
    }
    let kept = desk.end();
    assert_eq!(kept.ratings.iter().filter(|row| row.was_late).count(), 3);
}

#[test]
fn a_backup_knows_what_is_rated_while_it_is_made() {
    let desk = Desk::new(2, 2);
    let backup = desk.folder.path().join("live.backup");
    let backup = backup.to_str().unwrap();
    for _ in 0..4 {
        for item in desk.lease(0, 3) {
            desk.save(0, &desk.key(), &score(&item, 5));
        }
        let log = desk.log.borrow().clone();
        let made = desk.served.chore(&["backup", backup, "--replace"]);
        assert!(made.status.success(), "{made:?}");
        let tally = compare(&log, &desk.sent.borrow(), &Kept::read(Path::new(backup)));
        assert!(
            tally.is_clean() && tally.acknowledged == log.len(),
            "{tally}"
        );
    }
    desk.end();
}
