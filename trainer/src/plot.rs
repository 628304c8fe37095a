//! `plot`: one chart of a run as a file, drawn by the pages' own code.

use crate::error::{bad_input, bad_use};
use crate::evaluations::{self, EvaluationFolder};
use crate::run_dir::{for_each_line, read_records, write_atomically};
use crate::stages::evaluate::ANSWERS;
use calibration::recalibrate::Recalibration;
use chart::curves::{Curves, panels};
use chart::file::{Chart, Form, Source};
use chart::measured::{measured, recalibrated};
use chart::{Binning, Diagram, Outcomes};
use datasets::event::EventKind;
use datasets::{Answer, Event};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Evaluations drawn over one another.
pub const LABELS_MAX: usize = 2;

/// What is drawn, and how.
#[derive(Clone, Debug)]
pub struct Options {
    pub chart: Chart,
    pub diagram: Diagram,
    pub binning: Binning,
    /// Where the risk-coverage curve is marked, 0..=1; `None`: nowhere.
    pub above: Option<f64>,
    /// Evaluations by label, at most [`LABELS_MAX`]; empty: the model before and after teaching, as
    /// the Run page shows them.
    pub labels: Vec<String>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    pub out: PathBuf,
    pub bytes: usize,
    pub chart: &'static str,
    /// The evaluations that are drawn, or the curves.
    pub drawn: Vec<String>,
}

/// Reads a run and writes the chart to `out`, whole or not at all; the ending says the form.
///
/// # Errors
/// Exit code 2 for another ending, a folder that is no run, a label that is not there, and for a run
/// that has nothing to draw.
pub fn plot(run: &Path, out: &Path, options: &Options) -> anyhow::Result<Written> {
    let ending = out.extension().and_then(|ending| ending.to_str());
    let form = ending.and_then(Form::of_ending).ok_or_else(|| {
        bad_use(format!(
            "--out {}: expected a name that ends in .svg or .csv",
            out.display()
        ))
    })?;
    if options.labels.len() > LABELS_MAX {
        return Err(bad_use(format!(
            "--label: {} evaluations, expected at most {LABELS_MAX} in one chart",
            options.labels.len()
        )));
    }
    let (mut outcomes, mut curves) = (Vec::new(), Curves::default());
    let drawn: Vec<String> = match options.chart {
        Chart::Events => {
            curves = read_curves(run)?;
            let panels = panels(curves.all());
            panels
                .iter()
                .map(|panel| format!("{}: {}", panel.stage, panel.name))
                .collect()
        }
        _ => {
            outcomes = read_outcomes(run, options)?;
            outcomes.iter().map(|one| one.label.clone()).collect()
        }
    };
    let source = Source {
        outcomes: &outcomes,
        curves: curves.all(),
        diagram: options.diagram,
        binning: options.binning,
        threshold: options
            .above
            .map(|above| (above.clamp(0.0, 1.0) * 10_000.0).round() as u32),
    };
    let text = options.chart.file(form, &source);
    write_atomically(out, text.as_bytes())?;
    Ok(Written {
        out: out.to_path_buf(),
        bytes: text.len(),
        chart: options.chart.name(),
        drawn,
    })
}

fn read_outcomes(run: &Path, options: &Options) -> anyhow::Result<Vec<Outcomes>> {
    let folders = evaluations::find(&[run])?;
    let with_answers: Vec<&EvaluationFolder> = folders
        .iter()
        .filter(|folder| folder.path.join(ANSWERS).is_file())
        .collect();
    let chosen = chosen(&with_answers, &options.labels, run)?;
    chosen.into_iter().map(outcomes_of).collect()
}

/// The evaluations that were asked for; else the model before teaching (`direct-prompting`, or the
/// first that is not the taught one) and after (`sayself`, or the last).
fn chosen<'a>(
    folders: &[&'a EvaluationFolder],
    labels: &[String],
    run: &Path,
) -> anyhow::Result<Vec<&'a EvaluationFolder>> {
    let named = |label: &str| folders.iter().copied().find(|folder| folder.label == label);
    if !labels.is_empty() {
        let known: Vec<&str> = folders.iter().map(|folder| folder.label.as_str()).collect();
        let find = |label: &String| {
            named(label).ok_or_else(|| {
                bad_use(format!(
                    "--label {label}: {} has no answers of that label; it has: {}",
                    run.display(),
                    known.join(", ")
                ))
            })
        };
        return labels.iter().map(find).collect();
    }
    let Some(taught) = named("sayself").or(folders.last().copied()) else {
        return Err(bad_input(format!(
            "{}: no evaluation has its answers ({ANSWERS}): there is nothing to draw",
            run.display()
        )));
    };
    let base = named("direct-prompting").or_else(|| {
        let mut others = folders.iter().copied();
        others.find(|folder| !folder.label.starts_with("sayself"))
    });
    Ok(match base {
        Some(base) if base.label != taught.label => vec![base, taught],
        _ => vec![taught],
    })
}

fn outcomes_of(folder: &EvaluationFolder) -> anyhow::Result<Outcomes> {
    let path = folder.path.join(ANSWERS);
    let answers: Vec<Answer> = read_records(&path)?;
    if answers.is_empty() {
        return Err(bad_input(format!(
            "{}: no answers, expected at least one",
            path.display()
        )));
    }
    let mut points: Vec<(f64, bool)> = answers
        .iter()
        .map(|answer| (answer.probability, answer.correct))
        .collect();
    // A stable order for equal probabilities: the same points draw the same bytes.
    points.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    let mut outcomes = measured(&folder.label, &points).outcomes.clone();
    let metrics = folder.metrics()?;
    let map = metrics
        .as_ref()
        .and_then(|metrics| metrics.get("recalibrated")?.get("map"));
    // A map of another program is not drawn; all else is.
    if let Some(map) = map.and_then(|map| Recalibration::deserialize(map).ok()) {
        outcomes.recalibrated = recalibrated(&map, &points);
    }
    Ok(outcomes)
}

fn read_curves(run: &Path) -> anyhow::Result<Curves> {
    let path = run.join("events.jsonl");
    let mut curves = Curves::default();
    for_each_line(&path, |line| {
        // A torn last line, and one that is no event, have no value to draw.
        if let Ok(Event {
            stage,
            kind: EventKind::Metrics { step, values },
            ..
        }) = serde_json::from_slice(line.bytes)
        {
            let values = values.iter().map(|(name, value)| (name.as_str(), *value));
            curves.hear(&stage, step, values);
        }
        Ok(())
    })?;
    if panels(curves.all()).is_empty() {
        return Err(bad_input(format!(
            "{}: no training step has been told, expected values of sft or rl",
            path.display()
        )));
    }
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_code;

    fn options(chart: Chart) -> Options {
        Options {
            chart,
            diagram: Diagram::Corp,
            binning: Binning::Stated,
            above: None,
            labels: Vec::new(),
        }
    }

    #[test]
    fn every_chart_is_written_and_bad_use_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        for label in ["direct-prompting", "sayself"] {
            let place = run.join("evaluate").join(label);
            std::fs::create_dir_all(&place).unwrap();
            let answers: String = (0..40)
                .map(|index| {
                    let (level, correct) = (index % 10 + 1, index % 3 == 0);
                    format!(
                        "{{\"id\":\"q{index}\",\"question_id\":\"q{index}\",\"question\":\"?\",\"response\":\"\",\"answer\":null,\"rationale\":null,\"confidence\":{level},\"probability\":{},\"correct\":{correct},\"failure\":null}}\n",
                        f64::from(level) / 10.0
                    )
                })
                .collect();
            std::fs::write(place.join(ANSWERS), answers).unwrap();
        }
        let event = "{\"time_ms\":1,\"stage\":\"sft/seed-1\",\"kind\":\"metrics\",\"step\":0,\"values\":{\"loss\":1.5}}\n";
        std::fs::write(run.join("run.toml"), "seed = 1\n").unwrap();
        std::fs::write(run.join("events.jsonl"), event).unwrap();
        for chart in Chart::ALL {
            for ending in ["svg", "csv"] {
                let out = folder.path().join(format!("{}.{ending}", chart.name()));
                let written = plot(&run, &out, &options(chart)).unwrap();
                assert_eq!(std::fs::read(&out).unwrap().len(), written.bytes);
                let drawn: &[&str] = match chart {
                    Chart::Events => &["sft: loss"],
                    _ => &["direct-prompting", "sayself"],
                };
                assert_eq!(written.drawn, drawn);
            }
        }
        let fails = |run: &Path, out: &str, options: &Options| {
            let error = plot(run, &folder.path().join(out), options).unwrap_err();
            assert_eq!(exit_code(&error), 2, "{error:#}");
            error.to_string()
        };
        let chart = options(Chart::Reliability);
        assert!(fails(&run, "a.png", &chart).contains(".svg or .csv"));
        let absent = Options {
            labels: vec!["absent".into()],
            ..chart.clone()
        };
        assert!(fails(&run, "a.svg", &absent).contains("it has: direct-prompting, sayself"));
        assert!(fails(folder.path(), "a.svg", &chart).contains("expected a run directory"));
    }
}
