//! `sayself import`.

use crate::cli::{Globals, output};
use crate::import::{Options, Summary, Tool, import};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Make a run of logs that another evaluation tool wrote, sample by sample.
///
/// `lm-eval`: samples_TASK_DATE.jsonl, as lm-evaluation-harness writes with --log_samples. `inspect`:
/// logs of Inspect, .json or .eval. Taken are samples that hold a confidence: the share of the chosen
/// answer among the choices' likelihoods, a `Confidence: N` in the response, or a number from 0 to 1
/// recorded with the score. Whatever holds none is counted in DIR/skipped.jsonl with the reason. The
/// pages, `compare` and `report` read DIR; `metrics` reads DIR/evaluate/TASK/answers.jsonl.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself import lm-eval results/my__model/samples_arc_easy_*.jsonl --out runs/arc-easy\n  sayself import inspect logs/2026-01-31T10-20-30_arc-easy.eval --out runs/arc-easy"
)]
pub struct Arguments {
    /// Whose logs they are
    #[arg(value_enum)]
    tool: ToolName,
    /// Logs; several of one task and model become one evaluation
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The run directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The model's name, in place of what the logs or their folder say
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// lm-eval: lines of this filter; that of the first line without it
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// lm-eval: the metric that says right (1) or wrong (0); acc, exact_match, … without it
    #[arg(long, value_name = "NAME", conflicts_with = "score")]
    metric: Option<String>,
    /// Inspect: the scorer that says right or wrong; the first that says either without it
    #[arg(long, value_name = "NAME")]
    score: Option<String>,
    /// Inspect: the epoch that is taken
    #[arg(long, value_name = "N", default_value_t = 1)]
    epoch: u64,
    /// Seed of the bootstraps
    #[arg(long, value_name = "S", default_value_t = 42)]
    seed: u64,
    /// Count malformed samples in DIR/skipped.jsonl and go on, in place of failing
    #[arg(long)]
    skip_invalid: bool,
    /// Print what came of it as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ToolName {
    LmEval,
    Inspect,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let tool = match arguments.tool {
        ToolName::LmEval => Tool::LmEval,
        ToolName::Inspect => Tool::Inspect,
    };
    let options = Options {
        model: arguments.model,
        filter: arguments.filter,
        verdict: arguments.metric.or(arguments.score),
        epoch: arguments.epoch,
        seed: arguments.seed,
        skip_invalid: arguments.skip_invalid,
        quiet: globals.quiet || arguments.json,
    };
    let summary = import(tool, &arguments.files, &arguments.out, &options)?;
    if arguments.json {
        return output::json(&summary);
    }
    print(&summary)
}

fn print(summary: &Summary) -> anyhow::Result<()> {
    let mut lines = output::Lines::open();
    for one in &summary.evaluations {
        let sources: Vec<String> = one
            .confidences
            .iter()
            .map(|(source, count)| format!("{count} {}", in_words(*source)))
            .collect();
        lines.text(&format!(
            "{}: {} answers of {} ({})",
            one.label,
            one.n,
            one.model,
            sources.join(", ")
        ))?;
    }
    lines.text(&format!("{} samples left out", summary.skipped))?;
    lines.finish()
}

fn in_words(source: datasets::import::Source) -> &'static str {
    use datasets::import::Source;
    match source {
        Source::Likelihood => "by likelihood",
        Source::Stated => "stated",
        Source::Recorded => "recorded",
    }
}
