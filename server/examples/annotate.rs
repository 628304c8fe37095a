//! Lets people rate over HTTP, all at once, and prints as JSON how long their ratings took to be
//! acknowledged. `cargo xtask bench annotate` runs it.
//!
//! Each rates as people do: he asks for items, thinks, sends a rating and waits until it is acknowledged.
//! The server keeps each on the disk before it says so.

#[path = "../../tests/tests/simulated/mod.rs"]
mod simulated;

use clap::Parser;
use serde_json::json;
use simulated::round::{Plan, round};
use simulated::served::Served;
use simulated::work::Habits;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

#[derive(Parser)]
#[command(about = "Lets people rate all at once, and tells how long it took them")]
struct Arguments {
    /// People who rate
    #[arg(long, default_value_t = 50)]
    annotators: usize,
    /// Items that are rated
    #[arg(long, default_value_t = 100)]
    items: u32,
    /// Ratings of each
    #[arg(long, default_value_t = 25)]
    overlap: u8,
    /// Milliseconds of thought before each rating, at most; uniform
    #[arg(long, default_value_t = Habits::PLAIN.think_ms)]
    think_ms: usize,
    /// An empty database: its URL [default: a new SQLite file in the working directory's file system]
    #[arg(long)]
    database: Option<String>,
}

/// The release build beside this program.
fn server() -> Command {
    let own = std::env::current_exe().unwrap_or_default();
    let folder = own
        .ancestors()
        .nth(2)
        .map(PathBuf::from)
        .unwrap_or_default();
    Command::new(folder.join("sayself-server"))
}

/// The value that a share of all values does not exceed (nearest rank).
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Not in memory: a rating waits for a disk.
    let folder = match tempfile::tempdir_in(".") {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("error: no folder can be made here: {error}");
            return ExitCode::FAILURE;
        }
    };
    let place = folder
        .path()
        .canonicalize()
        .unwrap_or_else(|_| folder.path().into());
    let plan = Plan {
        annotators: arguments.annotators,
        walkers: 0,
        items: arguments.items,
        overlap: arguments.overlap,
        kills: 0,
        lives_ms: 0,
        seed: 5,
        habits: Habits {
            think_ms: arguments.think_ms,
            ..Habits::PLAIN
        },
    };
    let file = place.join("ratings.db").to_string_lossy().into_owned();
    let database = arguments.database.unwrap_or(file);
    let runs = place.join("runs");
    let mut served = Served::new(server, &runs, &database, &place.join("server.log"));
    let outcome = round(&mut served, &runs, &place, &plan);
    if !outcome.is_clean() {
        eprintln!("error: {outcome}\n{}", outcome.wrongs.join("\n"));
        return ExitCode::FAILURE;
    }
    let submits = sorted(outcome.counts.submit_ms.into_inner().unwrap_or_default());
    let leases = sorted(outcome.counts.lease_ms.into_inner().unwrap_or_default());
    let report = json!({
        "annotators": plan.annotators,
        "ratings": submits.len(),
        "seconds": outcome.rating_seconds,
        "rate": submits.len() as f64 / outcome.rating_seconds,
        "submit_p50_ms": quantile(&submits, 0.5),
        "submit_p99_ms": quantile(&submits, 0.99),
        "submit_max_ms": submits.last(),
        "lease_p50_ms": quantile(&leases, 0.5),
        "lease_p99_ms": quantile(&leases, 0.99),
        "resends": outcome.counts.resends.into_inner(),
    });
    println!("{report}");
    ExitCode::SUCCESS
}
