//! What all annotators of a project share: their habits, the log, what happened.

use super::ledger::Ledger;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The shares of what annotators do otherwise than plainly rate once.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    pub skips: f64,
    pub double_clicks: f64,
    pub two_tabs: f64,
    pub cuts: f64,
    pub replays: f64,
    pub corrections: f64,
    pub pauses: f64,
    /// Milliseconds of thought before a rating, at most; uniform.
    pub think_ms: usize,
}

impl Habits {
    /// Everything that can happen, often.
    pub const TROUBLED: Habits = Habits {
        skips: 0.05,
        double_clicks: 0.08,
        two_tabs: 0.08,
        cuts: 0.12,
        replays: 0.1,
        corrections: 0.15,
        pauses: 0.03,
        think_ms: 400,
    };

    /// One rating after the other.
    pub const PLAIN: Habits = Habits {
        skips: 0.0,
        double_clicks: 0.0,
        two_tabs: 0.0,
        cuts: 0.0,
        replays: 0.0,
        corrections: 0.0,
        pauses: 0.0,
        think_ms: 2_000,
    };
}

/// What is shared by all who work on a project.
pub struct Work {
    pub project: String,
    pub ledger: Ledger,
    pub habits: Habits,
    /// Set when no more kills come: then who finds nothing left and all rated, goes home.
    pub is_last_part: AtomicBool,
    /// Set when nobody waits for the end any more.
    pub is_over: AtomicBool,
    pub counts: Counts,
}

/// What happened, all annotators together.
#[derive(Default)]
pub struct Counts {
    pub resends: AtomicU64,
    pub double_clicks: AtomicU64,
    pub two_tabs: AtomicU64,
    pub cuts: AtomicU64,
    pub replays: AtomicU64,
    pub corrections: AtomicU64,
    pub walked_away: AtomicU64,
    /// Milliseconds from sending a rating to its acknowledgement, of those answered at the first try.
    pub submit_ms: Mutex<Vec<f64>>,
    pub lease_ms: Mutex<Vec<f64>>,
}

/// One more.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
