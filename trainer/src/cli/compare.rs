//! `sayself compare`.

use crate::cli::{Globals, output};
use crate::comparison::{Comparison, Corrected, compare, read};
use crate::error::bad_use;
use calibration::metrics::{Binning, MEASURES, Options};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Bootstraps at most.
const BOOTSTRAPS_MAX: usize = 100_000;
const DEFAULT_MEASURES: [&str; 5] = ["accuracy", "ece_15", "smece", "brier", "auroc"];

/// Compare evaluations question by question.
///
/// RUN is a run directory, all of whose evaluations take part, or the folder of one evaluation. Each
/// is compared with one of them on the questions that both answered: what makes a question hard for
/// both falls out, so differences are seen that separate intervals hide. Intervals are of 95%, by
/// bootstraps of whole entities; p-values are corrected for their number by Holm's method.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself compare runs/demo\n  sayself compare runs/demo --against self-consistency --measure auroc --format markdown\n  sayself compare runs/a/evaluate/sayself runs/b/evaluate/without-rl --json"
)]
pub struct Arguments {
    /// Run directories, or folders of evaluations
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The evaluation that the others are compared with; the first without it
    #[arg(long, value_name = "LABEL")]
    against: Option<String>,
    /// A measure to show, as `sayself metrics` calls it; may be given several times
    #[arg(long = "measure", value_name = "NAME")]
    measures: Vec<String>,
    /// Resamples for intervals and p-values, which are at least 2 / (N + 1) before they are corrected
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    bootstrap: usize,
    /// Seed of the bootstraps
    #[arg(long, value_name = "S", default_value_t = 42)]
    seed: u64,
    /// Form of the table
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "json")]
    format: Format,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns for the terminal
    Text,
    Markdown,
    Csv,
    Latex,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
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
    let evaluated = read(&arguments.runs)?;
    let first = evaluated.first().map(|first| first.name.clone());
    let against = arguments.against.or(first);
    let against = against.ok_or_else(|| bad_use("no evaluation has answers to compare"))?;
    let options = Options {
        binning: Binning::Auto,
        bootstraps: arguments.bootstrap,
        seed: arguments.seed,
    };
    let comparison = compare(&evaluated, &against, &measures, options)?;
    if !globals.quiet {
        for left_out in &comparison.left_out {
            eprintln!("{} is left out: {}", left_out.name, left_out.reason);
        }
    }
    if arguments.json {
        return output::json(&comparison);
    }
    let mut lines = output::Lines::open();
    for line in table(&comparison, arguments.format) {
        lines.text(&line)?;
    }
    lines.finish()
}

/// The lines of the table, a row for each evaluation and measure.
fn table(comparison: &Comparison, format: Format) -> Vec<String> {
    let head = [
        "evaluation".to_owned(),
        "n".to_owned(),
        "measure".to_owned(),
        "value".to_owned(),
        comparison.against.clone(),
        "difference".to_owned(),
        "95% interval".to_owned(),
        "p (Holm)".to_owned(),
    ];
    let mut rows = vec![head];
    for compared in &comparison.compared {
        for corrected in &compared.differences {
            rows.push(row(&compared.name, compared.n, corrected));
        }
    }
    match format {
        Format::Text => output::aligned(&rows),
        Format::Csv => rows
            .iter()
            .map(|row| row.each_ref().map(|cell| csv(cell)).join(","))
            .collect(),
        Format::Markdown => {
            let mut lines: Vec<String> = rows
                .iter()
                .map(|row| {
                    format!(
                        "| {} |",
                        row.each_ref()
                            .map(|cell| cell.replace('|', "\\|"))
                            .join(" | ")
                    )
                })
                .collect();
            lines.insert(1, format!("|{}", "---|".repeat(rows[0].len())));
            lines
        }
        Format::Latex => {
            let mut lines: Vec<String> = rows
                .iter()
                .map(|row| {
                    format!(
                        "{} \\\\",
                        row.each_ref().map(|cell| latex(cell)).join(" & ")
                    )
                })
                .collect();
            lines.insert(0, "\\begin{tabular}{lrlrrrrr}".into());
            lines.insert(2, "\\hline".into());
            lines.push("\\end{tabular}".into());
            lines
        }
    }
}

fn row(name: &str, n: usize, corrected: &Corrected) -> [String; 8] {
    let difference = &corrected.difference;
    let none = || "–".to_owned();
    [
        name.to_owned(),
        n.to_string(),
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
    ]
}

fn csv(cell: &str) -> String {
    match cell.contains([',', '"', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

fn latex(cell: &str) -> String {
    let mut escaped = String::new();
    for character in cell.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("$<$"),
            '–' => escaped.push_str("--"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_escaped_for_their_form() {
        assert_eq!(csv("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(latex("ece_15 < 5%"), "ece\\_15 $<$ 5\\%");
    }
}
