//! `sayself report`.

use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::report::{Options, QUESTIONS_MAX, report};
use clap::Args;
use std::path::PathBuf;

/// Bootstraps at most.
const BOOTSTRAPS_MAX: usize = 100_000;

/// Write what runs found as one HTML file.
///
/// Figures with intervals and baselines, reliability diagrams, histograms and risk-coverage curves,
/// differences question by question, the paper's Tables 1 to 4, the most telling questions, and
/// method, configuration, hashes and limits in plain words. The file needs nothing else: no script, no
/// link to elsewhere; it follows the light or dark of the reader's system, and prints.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself report runs/mine --out report.html\n  sayself report runs/rloo runs/grpo --title \"RLOO beside GRPO\" --out report.html"
)]
pub struct Arguments {
    /// Run directories, or folders of evaluations
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The file
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
    /// The heading; named after the runs without it
    #[arg(long, value_name = "TEXT", default_value = "")]
    title: String,
    /// The evaluation that the others are compared with; every pair of few, or the first, without it
    #[arg(long, value_name = "LABEL")]
    against: Option<String>,
    /// Telling questions of each kind
    #[arg(long, value_name = "N", default_value_t = 10)]
    questions: usize,
    /// Resamples behind the differences
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    bootstrap: usize,
    /// Seed of the bootstraps, and of which questions are told among equals
    #[arg(long, value_name = "S", default_value_t = 42)]
    seed: u64,
    /// Print what was written as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, _globals: &Globals) -> anyhow::Result<()> {
    if arguments.bootstrap > BOOTSTRAPS_MAX {
        return Err(bad_use(format!(
            "--bootstrap must be at most {BOOTSTRAPS_MAX}"
        )));
    }
    if arguments.questions > QUESTIONS_MAX {
        return Err(bad_use(format!(
            "--questions must be at most {QUESTIONS_MAX}"
        )));
    }
    let options = Options {
        title: arguments.title,
        bootstraps: arguments.bootstrap,
        seed: arguments.seed,
        questions: arguments.questions,
        against: arguments.against,
    };
    let written = report(&arguments.runs, &arguments.out, &options)?;
    if arguments.json {
        return output::json(&written);
    }
    output::line(&format!(
        "{}: {} evaluations, {} pairs compared, {} drawings, {} questions, {} kB",
        written.out.display(),
        written.evaluations.len(),
        written.compared,
        written.drawings,
        written.questions,
        written.bytes.div_ceil(1000)
    ))
}
