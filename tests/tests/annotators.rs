//! 50 people rate over HTTP while the server is killed and started again at random: nothing that was
//! acknowledged is lost, nothing doubled, and no item is rated more often than was wanted.
//!
//! Each database is killed under 20 times; as often as `SAYSELF_KILLS` says (`cargo xtask bench kill`: 1,000).

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod simulated;

use sayself_tests::programs::program;
use simulated::cluster::Cluster;
use simulated::round::{Outcome, Plan, round};
use simulated::served::Served;
use simulated::work::Habits;
use std::path::Path;
use std::process::Command;

/// Kills, where nothing is said.
const KILLS: usize = 20;
/// Kills of one project; more are done in rounds, each with a project and people of its own.
const KILLS_A_ROUND_MAX: usize = 100;

const PLAN: Plan = Plan {
    annotators: 50,
    walkers: 5,
    items: 120,
    overlap: 12,
    kills: KILLS,
    lives_ms: 1_200,
    seed: 1,
    habits: Habits::TROUBLED,
};

fn server() -> Command {
    Command::new(program("sayself-server"))
}

/// Rounds until all kills are done, each over a new database; prints what each came to.
fn kill_under_them(kind: &str, new_database: impl Fn(&Path) -> String) {
    let mut left = match std::env::var("SAYSELF_KILLS") {
        Ok(kills) => kills.parse().unwrap(),
        Err(_) => KILLS,
    };
    let mut total = Total::default();
    while left > 0 {
        let kills = left.min(KILLS_A_ROUND_MAX);
        left -= kills;
        let plan = Plan {
            // One more kill comes at the end of each round.
            kills: kills - 1,
            seed: PLAN.seed + total.rounds,
            ..PLAN
        };
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        let database = new_database(folder.path());
        let log = folder.path().join("server.log");
        let mut served = Served::new(server, &runs, &database, &log);
        let outcome = round(&mut served, &runs, folder.path(), &plan);
        println!("{kind}, round {}: {outcome}", total.rounds + 1);
        total.add(&outcome);
        if !outcome.wrongs.is_empty() || !outcome.tally.is_clean() {
            eprintln!("the end of the server's log:\n{}", served.told());
        }
        outcome.assert_clean();
    }
    println!(
        "{kind}: {} kills in {} rounds, {} ratings acknowledged, {} lost, {} doubled, {} items over their target",
        total.kills, total.rounds, total.acknowledged, total.lost, total.doubled, total.over_target
    );
}

#[derive(Default)]
struct Total {
    rounds: u64,
    kills: usize,
    acknowledged: usize,
    lost: usize,
    doubled: usize,
    over_target: usize,
}

impl Total {
    fn add(&mut self, outcome: &Outcome) {
        self.rounds += 1;
        self.kills += outcome.kills;
        self.acknowledged += outcome.tally.acknowledged;
        self.lost += outcome.tally.lost;
        self.doubled += outcome.tally.doubled;
        self.over_target += outcome.tally.over_target;
    }
}

#[test]
fn nothing_is_lost_when_the_server_is_killed_under_fifty_people() {
    kill_under_them("SQLite", |folder| {
        folder.join("ratings.db").to_str().unwrap().to_owned()
    });
}

#[test]
fn nor_with_postgresql() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    kill_under_them("PostgreSQL", |_| cluster.new_database());
}
