//! `sayself metrics`.

use crate::cli::{Globals, output};
use crate::error::{bad_input, bad_use};
use crate::scored_rows::{self, Scale};
use crate::stages::write_skipped;
use calibration::metrics::{Binning, Options, evaluate};
use calibration::selective::{Coverage, coverage_at, coverage_by_halves};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::path::PathBuf;

/// Bootstraps at most.
const BOOTSTRAPS_MAX: usize = 1_000_000;

/// Measure a file of confidences and correctness.
///
/// FILE is JSONL or CSV with `confidence` (a probability 0..1, or with --scale 10 a level 1..10) and
/// `correct` (true/false or 1/0); optional `id` and `group` (rows that share one are drawn together
/// in bootstraps). The mode, `levels` or `continuous`, is decided once on the whole file, and shown.
/// A run's own answers.jsonl is read too.
///
/// With --at-accuracy: how many questions can be answered at that accuracy, by answering only where
/// the confidence reaches a threshold. It is chosen on --dev FILE; without one the rows are cut in two
/// halves, and each is checked with the threshold of the other.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself metrics answers.csv --scale 10 --bootstrap 1000 --json\n  sayself metrics test.csv --dev dev.csv --at-accuracy 0.9 --bootstrap 1000"
)]
pub struct Arguments {
    /// JSONL or CSV
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Add 95% intervals from N bootstraps; 1,000 is usual
    #[arg(long, value_name = "N", default_value_t = 0)]
    bootstrap: usize,
    /// Whether confidences are levels or a continuum
    #[arg(long, value_enum, default_value_t = BinningChoice::Auto)]
    binning: BinningChoice,
    /// 1: confidence is a probability 0..1; 10: a level 1..10
    #[arg(long, value_name = "1|10", default_value_t = 1)]
    scale: u32,
    /// Seed of the bootstraps, and of the halves
    #[arg(long, value_name = "S", default_value_t = 42)]
    seed: u64,
    /// Add the coverage at this accuracy, above 0 to 1; may be given several times
    #[arg(long, value_name = "A")]
    at_accuracy: Vec<f64>,
    /// Choose the thresholds of --at-accuracy on this file, of the same form
    #[arg(long, value_name = "FILE", requires = "at_accuracy")]
    dev: Option<PathBuf>,
    /// Count malformed rows in skipped.jsonl and go on, in place of failing
    #[arg(long)]
    skip_invalid: bool,
    /// Where skipped.jsonl goes
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum BinningChoice {
    /// Levels where there are at most 20 distinct values, and 5 rows for each
    Auto,
    Levels,
    Continuous,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let scale = match arguments.scale {
        1 => Scale::Probability,
        10 => Scale::Ten,
        other => return Err(bad_use(format!("--scale must be 1 or 10, not {other}"))),
    };
    if arguments.bootstrap > BOOTSTRAPS_MAX {
        return Err(bad_use(format!(
            "--bootstrap must be at most {BOOTSTRAPS_MAX}"
        )));
    }
    if let Some(wrong) = arguments
        .at_accuracy
        .iter()
        .find(|wished| !(**wished > 0.0 && **wished <= 1.0))
    {
        return Err(bad_use(format!(
            "--at-accuracy must be above 0 and at most 1, not {wrong}"
        )));
    }
    let read = scored_rows::read(&arguments.file, scale, arguments.skip_invalid)?;
    if arguments.skip_invalid {
        let path = arguments.out.join("skipped.jsonl");
        write_skipped(&path, "metrics", &read.skipped)?;
        if !read.skipped.is_empty() && !globals.quiet {
            eprintln!(
                "{} rows left out, see {}",
                read.skipped.len(),
                path.display()
            );
        }
    }
    let options = Options {
        binning: match arguments.binning {
            BinningChoice::Auto => Binning::Auto,
            BinningChoice::Levels => Binning::Levels,
            BinningChoice::Continuous => Binning::Continuous,
        },
        bootstraps: arguments.bootstrap,
        seed: arguments.seed,
    };
    let metrics = evaluate(&read.rows, options)
        .map_err(|error| bad_input(format!("{}: {error}", arguments.file.display())))?;
    if arguments.at_accuracy.is_empty() {
        return match arguments.json {
            true => output::json(&metrics),
            false => print_table(&serde_json::to_value(&metrics)?),
        };
    }
    let dev = match &arguments.dev {
        Some(path) => Some(scored_rows::read(path, scale, arguments.skip_invalid)?),
        None => None,
    };
    let coverages: Vec<Coverage> = arguments
        .at_accuracy
        .iter()
        .map(|&wished| match &dev {
            Some(dev) => coverage_at(&dev.rows, &read.rows, wished, options),
            None => coverage_by_halves(&read.rows, wished, options),
        })
        .collect::<Result<_, _>>()?;
    let mut measured = serde_json::to_value(&metrics)?;
    if arguments.json {
        if let Some(object) = measured.as_object_mut() {
            object.insert("at_accuracy".into(), serde_json::to_value(&coverages)?);
        }
        return output::json(&measured);
    }
    print_table(&measured)?;
    let mut lines = output::Lines::open();
    for coverage in &coverages {
        lines.text(&coverage_in_words(coverage))?;
    }
    lines.finish()
}

/// `coverage at accuracy 0.9       0.4120  [0.39, 0.43], right among answered 0.8950`.
fn coverage_in_words(coverage: &Coverage) -> String {
    let interval = |ends: Option<[f64; 2]>| match ends {
        Some([low, high]) => format!("  [{low:.4}, {high:.4}]"),
        None => String::new(),
    };
    let name = format!("coverage at accuracy {}", coverage.wished);
    let came = match coverage.accuracy {
        Some(accuracy) => format!(
            ", right among answered {accuracy:.4}{}",
            interval(coverage.accuracy_ci)
        ),
        None => ", no confidence reached it where the threshold was chosen".to_owned(),
    };
    format!(
        "{name:26} {:.4}{}{came}",
        coverage.coverage,
        interval(coverage.coverage_ci)
    )
}

/// A line a measure: its name, its value, its interval.
pub fn print_table(metrics: &Value) -> anyhow::Result<()> {
    let Value::Object(entries) = metrics else {
        anyhow::bail!("the measures are no JSON object")
    };
    let mut lines = output::Lines::open();
    for (name, value) in entries {
        if name.ends_with("_ci") || value.is_object() {
            continue;
        }
        let value = match value {
            Value::Null => "not defined".to_owned(),
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_f64() => {
                format!("{:.4}", number.as_f64().unwrap_or_default())
            }
            other => other.to_string(),
        };
        let interval = match entries.get(&format!("{name}_ci")).and_then(Value::as_array) {
            Some(ends) => {
                let ends: Vec<String> = ends
                    .iter()
                    .filter_map(Value::as_f64)
                    .map(|end| format!("{end:.4}"))
                    .collect();
                format!("  [{}]", ends.join(", "))
            }
            None => String::new(),
        };
        lines.text(&format!("{name:26} {value}{interval}"))?;
    }
    lines.finish()
}
