//! `sayself status`.

use crate::cli::{Globals, output};
use crate::status::{StageStatus, State, status};
use clap::Args;
use indicatif::{HumanCount, HumanDuration};
use std::path::PathBuf;
use std::time::Duration;

/// Where a run stands: its stages, their rate, the time left, and the latest figures.
///
/// Reads the run directory's events and touches nothing; the run may go on meanwhile.
#[derive(Args)]
#[command(after_help = "Example:\n  sayself status runs/demo")]
pub struct Arguments {
    /// A run directory
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let status = status(&arguments.run)?;
    if status.bad_lines > 0 && !globals.quiet {
        let (path, lines) = (arguments.run.display(), status.bad_lines);
        eprintln!("{path}: {lines} lines of events.jsonl are no events and were passed over");
    }
    if arguments.json {
        return output::json(&status);
    }
    let mut lines = output::Lines::open();
    lines.text(&format!(
        "{}: {}",
        arguments.run.display(),
        word(status.state)
    ))?;
    let widest = status
        .stages
        .iter()
        .map(|stage| stage.stage.chars().count());
    let width = widest.max().unwrap_or(0);
    for stage in &status.stages {
        lines.text(&format!("  {:width$}  {}", stage.stage, told(stage)))?;
    }
    lines.finish()
}

fn word(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Stopped => "stopped; the same command goes on from here",
        State::Failed => "failed; the same command goes on from here",
        State::Finished => "finished",
    }
}

/// A stage in words.
fn told(stage: &StageStatus) -> String {
    let mut parts = Vec::new();
    if stage.total > 0 {
        let (done, total) = (HumanCount(stage.done), HumanCount(stage.total));
        parts.push(format!("{done} of {total} {}", stage.unit));
    }
    match stage.state {
        State::Finished => parts.push(format!("done in {}", duration(stage.seconds))),
        State::Failed => parts.push(format!("failed: {}", stage.error.as_deref().unwrap_or("?"))),
        State::Stopped => parts.push("stopped".to_owned()),
        State::Running => {
            if let Some(rate) = stage.rate {
                parts.push(match rate >= 1.0 {
                    true => format!("{rate:.1} a second"),
                    false => format!("{:.1} s each", 1.0 / rate),
                });
            }
            if let Some(left) = stage.seconds_left {
                parts.push(format!("{} left", duration(left)));
            }
        }
    }
    let values = stage.values.iter();
    parts.extend(values.map(|(name, value)| format!("{name} {value:.4}")));
    parts.join(", ")
}

fn duration(seconds: f64) -> String {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    HumanDuration(span).to_string()
}
