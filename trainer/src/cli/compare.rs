//! `sayself compare`.

use crate::cli::form::Form;
use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::evaluations;
use crate::run_dir::write_atomically;
use calibration::metrics::{Binning, MEASURES, Options};
use clap::{Args, ValueEnum};
use comparison::form::{self, table};
use comparison::pairs::{Compared, Comparison, Corrected, DEFAULT_MEASURES, compare, methods};
use comparison::tables::{self, Measured};
use comparison::values::{self, values};
use datasets::paper::Paper;
use std::path::PathBuf;

/// Bootstraps at most.
const BOOTSTRAPS_MAX: usize = 100_000;

/// Compare evaluations question by question, or set them into the paper's tables.
///
/// RUN is a run directory, all of whose evaluations take part, or the folder of one evaluation. Every
/// two, or each and the one named by --against, are compared on the questions that both answered:
/// what makes a question hard for both falls out, so differences are seen that separate intervals
/// hide. Evaluations that differ in their training seed alone (sayself, sayself-seed-2) are one
/// method, the mean of them. Intervals are of 95%, by bootstraps of whole entities; p-values are
/// corrected for their number by Holm's method.
///
/// With --values each method's own figures are shown in place of that, a row a method: of several seeds
/// their mean, and the mean of their intervals' ends.
///
/// With --tables the paper's Tables 1 to 4 (ECE, AUROC, accuracy, faithfulness) are filled in place of
/// that: our figures with their intervals next to the paper's, with marks where the two are not
/// comparable, and "not run" where there is no figure of ours.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself compare runs/demo\n  sayself compare runs/demo --against self-consistency --measure auroc --format markdown\n  sayself compare runs/a/evaluate/sayself runs/b/evaluate/without-rl --json\n  sayself compare runs/comparison/* --values --format markdown\n  sayself compare runs/* --tables markdown --out tables.md"
)]
pub struct Arguments {
    /// Run directories, or folders of evaluations
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The evaluation that the others are compared with; every pair without it
    #[arg(long, value_name = "LABEL", conflicts_with = "tables")]
    against: Option<String>,
    /// A measure to show, as `sayself metrics` calls it; may be given several times
    #[arg(long = "measure", value_name = "NAME", conflicts_with = "tables")]
    measures: Vec<String>,
    /// Do not average training seeds: each is compared on its own
    #[arg(long, conflicts_with = "tables")]
    each_seed: bool,
    /// Resamples for intervals and p-values, which are at least 2 / (N + 1) before they are corrected
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    bootstrap: usize,
    /// Seed of the bootstraps
    #[arg(long, value_name = "S", default_value_t = 42)]
    seed: u64,
    /// Form of the table
    #[arg(long, value_enum, default_value_t = Form::Text, conflicts_with_all = ["json", "tables"])]
    format: Form,
    /// Each method's own figures with their intervals, in place of differences
    #[arg(long, conflicts_with_all = ["against", "measures", "tables"])]
    values: bool,
    /// The paper's Tables 1 to 4 in this form, in place of differences
    #[arg(long, value_enum, value_name = "FORM")]
    tables: Option<TablesForm>,
    /// Write it to a file in place of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TablesForm {
    Markdown,
    Csv,
    Latex,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    if arguments.values {
        let measured = measured(&arguments)?;
        if measured.is_empty() {
            return Err(bad_use("no evaluation has figures yet"));
        }
        let values = values(&measured, arguments.each_seed);
        let lines = match arguments.json {
            true => vec![serde_json::to_string(&values)?],
            false => {
                let rows = values::rows(&values);
                let columns = format!("l{}", "r".repeat(rows[0].len() - 1));
                table(&rows, arguments.format.into(), &columns)
            }
        };
        return told(&lines, &arguments, globals);
    }
    if let Some(form) = arguments.tables {
        let measured = measured(&arguments)?;
        let made = tables::tables(&measured, &Paper::shipped());
        let lines = match (arguments.json, form) {
            (true, _) => vec![serde_json::to_string(&made)?],
            (false, TablesForm::Markdown) => tables::lines(&made, form::Form::Markdown),
            (false, TablesForm::Csv) => tables::lines(&made, form::Form::Csv),
            (false, TablesForm::Latex) => tables::lines(&made, form::Form::Latex),
        };
        return told(&lines, &arguments, globals);
    }
    let known = MEASURES.map(|(name, _)| name);
    if let Some(unknown) = arguments
        .measures
        .iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        let known = known.join(", ");
        return Err(bad_use(format!(
            "no measure is called {unknown}; there are {known}"
        )));
    }
    if arguments.bootstrap > BOOTSTRAPS_MAX {
        return Err(bad_use(format!(
            "--bootstrap must be at most {BOOTSTRAPS_MAX}"
        )));
    }
    let measures: Vec<&str> = match arguments.measures.is_empty() {
        true => DEFAULT_MEASURES.to_vec(),
        false => arguments.measures.iter().map(String::as_str).collect(),
    };
    let evaluated = evaluations::answered(&arguments.runs)?;
    if evaluated.is_empty() {
        return Err(bad_use("no evaluation has answers to compare"));
    }
    let options = Options {
        binning: Binning::Auto,
        bootstraps: arguments.bootstrap,
        seed: arguments.seed,
    };
    let comparison = compare(
        &methods(&evaluated, arguments.each_seed),
        arguments.against.as_deref(),
        &measures,
        options,
    )?;
    if !globals.quiet {
        for left_out in &comparison.left_out {
            eprintln!("{} is left out: {}", left_out.name, left_out.reason);
        }
    }
    let lines = match arguments.json {
        true => vec![serde_json::to_string(&comparison)?],
        false => {
            let columns = if comparison.against.is_some() {
                "lrlrrrrr"
            } else {
                "llrlrrrrr"
            };
            table(&rows(&comparison), arguments.format.into(), columns)
        }
    };
    told(&lines, &arguments, globals)
}

/// The figures of all evaluations that have some.
fn measured(arguments: &Arguments) -> anyhow::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for folder in evaluations::find(&arguments.runs)? {
        measured.extend(folder.measured()?);
    }
    Ok(measured)
}

/// Prints the lines, or writes them to `--out`.
fn told(lines: &[String], arguments: &Arguments, globals: &Globals) -> anyhow::Result<()> {
    let Some(path) = &arguments.out else {
        let mut output = output::Lines::open();
        for line in lines {
            output.text(line)?;
        }
        return output.finish();
    };
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    write_atomically(path, text.as_bytes())?;
    if !globals.quiet {
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

/// The head, and a row for each pair and measure.
pub fn rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut head = vec!["evaluation".to_owned()];
    let other = match &comparison.against {
        Some(against) => against.clone(),
        None => {
            head.push("against".to_owned());
            "its value".to_owned()
        }
    };
    head.extend(["n", "measure", "value"].map(String::from));
    head.push(other);
    head.extend(["difference", "95% interval", "p (Holm)"].map(String::from));
    let mut rows = vec![head];
    for compared in &comparison.compared {
        for corrected in &compared.differences {
            rows.push(row(compared, corrected, comparison.against.is_none()));
        }
    }
    rows
}

fn row(compared: &Compared, corrected: &Corrected, is_of_pairs: bool) -> Vec<String> {
    let difference = &corrected.difference;
    let none = || "–".to_owned();
    let named = |name: &str, seeds: usize| match seeds {
        1 => name.to_owned(),
        seeds => format!("{name} (mean of {seeds} seeds)"),
    };
    let mut row = vec![named(&compared.name, compared.seeds)];
    if is_of_pairs {
        row.push(named(&compared.against, compared.seeds_against));
    }
    row.extend([
        compared.n.to_string(),
        difference.measure.to_owned(),
        format!("{:.3}", difference.b),
        format!("{:.3}", difference.a),
        format!("{:+.3}", difference.difference),
        difference
            .ci
            .map_or_else(none, |[low, high]| format!("[{low:+.3}, {high:+.3}]")),
        corrected.p_holm.map_or_else(none, |p| match p < 0.001 {
            true => "< .001".to_owned(),
            false => format!("{p:.3}"),
        }),
    ]);
    row
}
