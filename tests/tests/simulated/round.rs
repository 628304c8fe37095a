//! People work on a project while the server is killed under them, again and again.

use super::annotator::Annotator;
use super::client::Client;
use super::draws::Draws;
use super::kept::{Kept, Tally, compare};
use super::ledger::Ledger;
use super::made;
use super::people;
use super::served::Served;
use super::work::{Counts, Habits, Work};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The share of kills after which the next start is killed too, and milliseconds of it, at most.
const EARLY: f64 = 0.2;
const EARLY_MS: usize = 100;

/// What is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub annotators: usize,
    /// Of them, those who take items, go away until their leases have ended (a minute), and then rate.
    pub walkers: usize,
    pub items: u32,
    pub overlap: u8,
    pub kills: usize,
    /// Milliseconds that the server lives between two kills, at most; uniform.
    pub lives_ms: usize,
    pub seed: u64,
    pub habits: Habits,
}

/// How it ended.
pub struct Outcome {
    pub kills: usize,
    /// Looks at the database after kills that found something wrong.
    pub unclean_looks: usize,
    /// At the end, after one more kill.
    pub tally: Tally,
    /// What annotators were told that must not be.
    pub wrongs: Vec<String>,
    /// Of `sayself-server check`.
    pub check: String,
    pub is_sound: bool,
    pub counts: Counts,
    pub seconds: f64,
    /// Of them, those in which people rated.
    pub rating_seconds: f64,
}

impl Outcome {
    /// Whether nothing was lost, doubled or handed out too often, and all was rated.
    pub fn is_clean(&self) -> bool {
        let tally = &self.tally;
        self.wrongs.is_empty()
            && self.unclean_looks == 0
            && tally.is_clean()
            && tally.satisfied == tally.items
            && tally.items > 0
            && tally.acknowledged > 0
            && self.is_sound
    }

    /// Panics unless nothing was lost, doubled or handed out too often, and all was rated.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.is_clean(), "{self}\n{}", self.wrongs.join("\n"));
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        write!(
            out,
            "{} kills in {:.0} s; {}; {} resends, {} double clicks, {} in two tabs, {} cut off, {} replays, \
             {} corrections, {} walked away; {} looks found faults; check: {}",
            self.kills,
            self.seconds,
            self.tally,
            of(&counts.resends),
            of(&counts.double_clicks),
            of(&counts.two_tabs),
            of(&counts.cuts),
            of(&counts.replays),
            of(&counts.corrections),
            of(&counts.walked_away),
            self.unclean_looks,
            self.check.trim()
        )
    }
}

/// Sends everybody home where the round itself breaks off.
struct Ending<'a>(&'a Work);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// A folder's files of one round.
struct Files {
    ledger: PathBuf,
    backup: PathBuf,
}

/// Makes a run, a project and its annotators in `folder`, lets them work while the server is killed, and
/// looks at what is kept after each kill and at the end. The server is left killed.
pub fn round(served: &mut Served, runs: &Path, folder: &Path, plan: &Plan) -> Outcome {
    let began = Instant::now();
    let files = Files {
        ledger: folder.join("ledger.jsonl"),
        backup: folder.join("look.backup"),
    };
    // Besides those drawn: for gold, attention and training.
    made::run(runs, plan.items as usize * 2 + 20);
    served.start();
    let admin = Client::new(&served.place);
    let project = people::open_project(&admin, &made::project(plan.items, plan.overlap));
    let clients = people::join(&admin, &served.place, &project, plan.annotators);
    let work = Work {
        project,
        ledger: Ledger::begin(&files.ledger),
        habits: plan.habits,
        is_last_part: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
        counts: Counts::default(),
    };
    let mut unclean_looks = 0;
    let rating = Instant::now();
    std::thread::scope(|scope| {
        let _ending = Ending(&work);
        let threads: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(number, client)| {
                let mut annotator = Annotator::new(number, client, plan.seed, &work);
                if number < plan.walkers {
                    annotator = annotator.walking_away();
                }
                scope.spawn(move || annotator.work())
            })
            .collect();
        let mut draws = Draws::new(plan.seed, 0);
        for kill in 1..=plan.kills {
            sleep(Duration::from_millis(
                draws.below(plan.lives_ms.max(1)) as u64
            ));
            served.kill();
            if draws.chance(EARLY) {
                served.begin_and_kill(Duration::from_millis(draws.below(EARLY_MS) as u64));
            }
            // Before and after the server mends what the kill left; the second time people rate meanwhile.
            if draws.chance(0.5) {
                served.start();
            }
            let tally = look(served, &work.ledger, &files);
            if !tally.is_clean() {
                unclean_looks += 1;
                eprintln!("after kill {kill}: {tally}");
            }
            if !served.is_running() {
                served.start();
            }
        }
        work.is_last_part.store(true, Ordering::Relaxed);
        for (number, thread) in threads.into_iter().enumerate() {
            if let Err(panic) = thread.join() {
                let words = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("no words");
                work.ledger
                    .note_wrong(format!("annotator {number} gave up: {words}"));
            }
        }
    });
    let rating_seconds = rating.elapsed().as_secs_f64();
    if served.is_running() {
        served.kill();
    }
    let tally = look(served, &work.ledger, &files);
    let check = served.chore(&["check"]);
    Outcome {
        kills: plan.kills + 1,
        unclean_looks,
        tally,
        wrongs: work.ledger.wrongs(),
        check: String::from_utf8_lossy(&[check.stdout, check.stderr].concat()).into_owned(),
        is_sound: check.status.success(),
        counts: work.counts,
        seconds: began.elapsed().as_secs_f64(),
        rating_seconds,
    }
}

/// Makes a backup, and holds what was acknowledged before it against what is in it.
fn look(served: &Served, ledger: &Ledger, files: &Files) -> Tally {
    let acknowledged = ledger.acknowledged();
    let path = files.backup.to_str().expect("a test's folder is UTF-8");
    let made = served.chore(&["backup", path, "--replace"]);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let kept = Kept::read(&files.backup);
    // After the backup: what was sent meanwhile may be in it.
    compare(&acknowledged, &ledger.sent(), &kept)
}
