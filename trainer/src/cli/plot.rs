//! `sayself plot`.

use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::plot::{Options, plot};
use chart::file::Chart;
use chart::{Binning, Diagram};
use clap::{Args, ValueEnum};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Bins of equal width that can be asked for.
const BINS: RangeInclusive<u32> = 2..=100;

/// Write one chart of a run as an SVG or CSV file.
///
/// The charts of the Run page: the reliability diagram in three kinds, the confidence histogram, the
/// risk-coverage curve, and the learning curves. An SVG stands alone, in light colours; a CSV has the
/// numbers that are drawn.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself plot runs/demo --out reliability.svg\n  sayself plot runs/demo --label sayself --diagram smooth --out smooth.svg\n  sayself plot runs/demo --chart risk-coverage --above 0.7 --out sure.svg\n  sayself plot runs/demo --chart events --out curves.csv"
)]
pub struct Arguments {
    /// A run directory, or an evaluation's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The file; its ending, .svg or .csv, says the form
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The evaluation to draw, once or twice; the model before and after teaching without it
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// The chart
    #[arg(long, value_enum, default_value_t = ChartName::Reliability)]
    chart: ChartName,
    /// The kind of reliability diagram
    #[arg(long, value_enum, default_value_t = DiagramName::Corp)]
    diagram: DiagramName,
    /// So many dots of equal width in the reliability diagram; as stated without it
    #[arg(long, value_name = "N")]
    bins: Option<u32>,
    /// Marks the risk-coverage curve where only confidences from C up are answered, 0 to 1
    #[arg(long, value_name = "C")]
    above: Option<f64>,
    /// Print what was written as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ChartName {
    Reliability,
    Histogram,
    RiskCoverage,
    /// Learning curves
    Events,
}

#[derive(Clone, Copy, ValueEnum)]
enum DiagramName {
    /// The CORP curve over its consistency band
    Corp,
    /// Dots with intervals and counts
    Levels,
    /// The curve that smECE smooths
    Smooth,
}

pub fn run(arguments: Arguments, _globals: &Globals) -> anyhow::Result<()> {
    if let Some(bins) = arguments.bins.filter(|bins| !BINS.contains(bins)) {
        return Err(bad_use(format!(
            "--bins must be {} to {}, not {bins}",
            BINS.start(),
            BINS.end()
        )));
    }
    if let Some(above) = arguments.above.filter(|above| !(0.0..=1.0).contains(above)) {
        return Err(bad_use(format!("--above must be 0 to 1, not {above}")));
    }
    let options = Options {
        chart: match arguments.chart {
            ChartName::Reliability => Chart::Reliability,
            ChartName::Histogram => Chart::Histogram,
            ChartName::RiskCoverage => Chart::RiskCoverage,
            ChartName::Events => Chart::Events,
        },
        diagram: match arguments.diagram {
            DiagramName::Corp => Diagram::Corp,
            DiagramName::Levels => Diagram::Levels,
            DiagramName::Smooth => Diagram::Smooth,
        },
        binning: arguments.bins.map_or(Binning::Stated, Binning::Width),
        above: arguments.above,
        labels: arguments.label,
    };
    let written = plot(&arguments.run, &arguments.out, &options)?;
    if arguments.json {
        return output::json(&written);
    }
    output::line(&format!(
        "{}: {} of {}, {} kB",
        written.out.display(),
        written.chart,
        written.drawn.join(", "),
        written.bytes.div_ceil(1000)
    ))
}
