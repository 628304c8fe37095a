//! A few people rate while the server is killed under them: a small part of `tests/tests/annotators.rs`,
//! on both databases.

use crate::served::folder;
use crate::simulated::cluster::Cluster;
use crate::simulated::round::{Plan, round};
use crate::simulated::served::Served;
use crate::simulated::work::Habits;
use std::path::Path;
use std::process::Command;

const PLAN: Plan = Plan {
    annotators: 8,
    walkers: 0,
    items: 12,
    overlap: 4,
    kills: 2,
    lives_ms: 800,
    seed: 3,
    habits: Habits {
        think_ms: 60,
        ..Habits::TROUBLED
    },
};

pub fn server() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sayself-server"))
}

fn rate_and_kill(folder: &Path, database: &str) {
    let (runs, log) = (folder.join("runs"), folder.join("server.log"));
    let mut served = Served::new(server, &runs, database, &log);
    let outcome = round(&mut served, &runs, folder, &PLAN);
    println!("{outcome}");
    if !outcome.wrongs.is_empty() || !outcome.tally.is_clean() {
        eprintln!("{}", served.told());
    }
    outcome.assert_clean();
}

#[test]
fn eight_people_lose_nothing_when_the_server_is_killed() {
    let folder = folder();
    let database = folder.path().join("ratings.db");
    rate_and_kill(folder.path(), database.to_str().unwrap());
}

#[test]
fn nor_with_postgresql() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let folder = folder();
    rate_and_kill(folder.path(), &cluster.new_database());
}
