//! `report`: what runs found, as one HTML file that needs nothing else: no script, no link to
//! elsewhere, the style within. Drawn by the pages' own charts.

mod compared;
mod figures;
mod html;
mod method;
mod numbers;
mod telling;

use crate::error::{bad_input, bad_use};
use crate::evaluations::{self, EvaluationFolder};
use crate::run_dir::{read_records, write_atomically};
use crate::stages::evaluate::{ANSWERS, measure};
use calibration::metrics::{Binning, Options as MeasureOptions};
use comparison::pairs::{Answered, Comparison, DEFAULT_MEASURES, Evaluated, compare, methods};
use comparison::tables::{self, Measured, Tables};
use datasets::Answer;
use datasets::paper::Paper;
use html::Html;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The pages' style: colours, type and tables, light, dark and print.
const STYLE: &str = concat!(
    include_str!("../../../style/tokens.css"),
    include_str!("../../../style/base.css"),
    include_str!("../../../style/frame.css"),
    include_str!("../../../style/tables.css"),
    include_str!("../../../style/charts.css"),
    include_str!("../../../style/pages.css"),
    include_str!("../../../style/print.css"),
);
/// Methods of which every pair is compared; of more, each is compared with the first.
const PAIRED_MAX: usize = 6;
/// Evaluations in one report.
const EVALUATIONS_MAX: usize = 60;
/// Questions of a kind that are told at most.
pub const QUESTIONS_MAX: usize = 200;

/// How the report is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Empty: named after the runs.
    pub title: String,
    /// Resamples behind the differences.
    pub bootstraps: usize,
    /// Of the bootstraps, and of which questions are told among equals.
    pub seed: u64,
    /// Questions of each kind that are told.
    pub questions: usize,
    /// What all others are compared with; `None`: every pair of few, or the first of many.
    pub against: Option<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            title: String::new(),
            bootstraps: 1_000,
            seed: 42,
            questions: 10,
            against: None,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    pub out: PathBuf,
    pub bytes: usize,
    pub runs: Vec<String>,
    pub evaluations: Vec<String>,
    /// Pairs of methods that were compared.
    pub compared: usize,
    /// Diagrams drawn.
    pub drawings: usize,
    /// Questions told.
    pub questions: usize,
}

/// One evaluation, with all that the report needs.
struct Evaluation {
    folder: EvaluationFolder,
    /// `LABEL`, or `RUN/LABEL` where several runs are told of.
    name: String,
    measured: Measured,
    /// `None` where figures alone were kept.
    answers: Option<Vec<Answer>>,
}

/// Reads the runs and writes the report to `out`, whole or not at all.
///
/// # Errors
/// Exit code 2 for a folder that is no run, a run without evaluations, or a record of the wrong shape.
pub fn report(runs: &[impl AsRef<Path>], out: &Path, options: &Options) -> anyhow::Result<Written> {
    let evaluations = read(runs, options)?;
    let comparison = comparison(&evaluations, options)?;
    let of_all: Vec<Measured> = evaluations.iter().map(|one| one.measured.clone()).collect();
    let tables = tables::tables(&of_all, &Paper::shipped());
    let report = Report {
        evaluations: &evaluations,
        comparison: comparison.as_ref().map_err(String::as_str),
        tables: &tables,
        options,
    };
    let (text, drawings, questions) = report.html();
    write_atomically(out, text.as_bytes())?;
    Ok(Written {
        out: out.to_path_buf(),
        bytes: text.len(),
        runs: report.runs().into_iter().map(ToOwned::to_owned).collect(),
        evaluations: evaluations.iter().map(|one| one.name.clone()).collect(),
        compared: comparison.as_ref().map_or(0, |found| found.compared.len()),
        drawings,
        questions,
    })
}

fn read(runs: &[impl AsRef<Path>], options: &Options) -> anyhow::Result<Vec<Evaluation>> {
    let folders = evaluations::find(runs)?;
    if folders.len() > EVALUATIONS_MAX {
        return Err(bad_use(format!(
            "{} evaluations, expected at most {EVALUATIONS_MAX} in one report; name fewer runs, or folders of evaluations",
            folders.len()
        )));
    }
    let several: BTreeSet<&Path> = folders.iter().map(|one| one.root.as_path()).collect();
    let is_of_several = several.len() > 1;
    let mut names = BTreeSet::new();
    let mut evaluations = Vec::new();
    for folder in folders {
        let name = match is_of_several {
            true => format!("{}/{}", folder.run, folder.label),
            false => folder.label.clone(),
        };
        if !names.insert(name.clone()) {
            return Err(bad_use(format!(
                "two evaluations are called {name}; give runs whose folders have different names"
            )));
        }
        let path = folder.path.join(ANSWERS);
        let answers: Option<Vec<Answer>> = match path.is_file() {
            true => Some(read_records(&path)?),
            false => None,
        };
        let measured = match (folder.measured()?, &answers) {
            (Some(measured), _) => measured,
            // Cut short before its measures were written: they are taken here.
            (None, Some(answers)) if !answers.is_empty() => Measured {
                run: folder.run.clone(),
                label: folder.label.clone(),
                method: folder.label.clone(),
                model: String::new(),
                questions: String::new(),
                split: None,
                metrics: measure(answers, options.seed)?,
                faithfulness: None,
                is_papers_recipe: None,
            },
            (None, _) => continue,
        };
        evaluations.push(Evaluation {
            folder,
            name,
            measured,
            answers,
        });
    }
    if evaluations.is_empty() {
        return Err(bad_input("no evaluation of these runs has figures yet"));
    }
    Ok(evaluations)
}

/// The differences, or why there are none.
fn comparison(
    evaluations: &[Evaluation],
    options: &Options,
) -> anyhow::Result<Result<Comparison, String>> {
    let evaluated: Vec<Evaluated> = evaluations
        .iter()
        .filter_map(|one| {
            Some(Evaluated {
                name: one.name.clone(),
                answers: one.answers.as_ref()?.iter().map(Answered::from).collect(),
            })
        })
        .collect();
    let methods = methods(&evaluated, false);
    let first = methods.first().map(|method| method.name.as_str());
    let against = match (&options.against, methods.len() > PAIRED_MAX) {
        (Some(against), _) => Some(against.as_str()),
        (None, true) => first,
        (None, false) => None,
    };
    if methods.len() < 2 {
        return Ok(Err(
            "There is one evaluation with answers: nothing to compare it with.".into(),
        ));
    }
    let measured = MeasureOptions {
        binning: Binning::Auto,
        bootstraps: options.bootstraps,
        seed: options.seed,
    };
    match compare(&methods, against, &DEFAULT_MEASURES, measured) {
        Ok(comparison) => Ok(Ok(comparison)),
        // A name that was asked for and is not there is bad use; no common questions are a finding.
        Err(error) if options.against.is_none() => Ok(Err(format!("{error}."))),
        Err(error) => Err(error.into()),
    }
}

struct Report<'a> {
    evaluations: &'a [Evaluation],
    comparison: Result<&'a Comparison, &'a str>,
    tables: &'a Tables,
    options: &'a Options,
}

impl Report<'_> {
    fn runs(&self) -> Vec<&str> {
        let mut runs: Vec<&str> = Vec::new();
        for one in self.evaluations {
            if !runs.contains(&one.folder.run.as_str()) {
                runs.push(&one.folder.run);
            }
        }
        runs
    }

    fn title(&self) -> String {
        match self.options.title.as_str() {
            "" => format!("Can its confidence be trusted? {}", self.runs().join(", ")),
            title => title.to_owned(),
        }
    }

    /// The document, the number of its drawings, and of questions told.
    fn html(&self) -> (String, usize, usize) {
        let title = self.title();
        let mut html = Html::new();
        html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        // Nothing is fetched and nothing runs, whatever a model wrote.
        html.markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
        html.element("title", &title);
        html.markup("<style>")
            .markup(STYLE)
            .markup("</style>\n</head>\n<body>\n");
        html.markup("<main id=\"main\">\n");
        html.element("h1", &title);
        self.contents(&mut html);
        numbers::section(&mut html, self.evaluations);
        let drawings = figures::section(&mut html, self.evaluations);
        numbers::selective_section(&mut html, self.evaluations, self.options.seed);
        compared::section(&mut html, self.comparison);
        compared::tables_section(&mut html, self.tables);
        let questions = telling::section(&mut html, self.evaluations, self.options);
        method::section(&mut html, self.evaluations, self.options);
        html.markup("</main>\n</body>\n</html>\n");
        (html.finish(), drawings, questions)
    }

    fn contents(&self, html: &mut Html) {
        html.open("nav aria-label=\"Contents\"");
        html.open("p");
        for (place, (id, words)) in [
            ("numbers", "The numbers"),
            ("diagrams", "Diagrams"),
            ("selective", "Answering only what is sure"),
            ("differences", "Differences"),
            ("tables", "Tables 1 to 4"),
            ("telling", "Telling questions"),
            ("method", "Method, configuration, limits"),
        ]
        .into_iter()
        .enumerate()
        {
            if place > 0 {
                html.markup(" · ");
            }
            html.markup(&format!("<a href=\"#{id}\">"))
                .text(words)
                .markup("</a>");
        }
        html.close("p");
        html.close("nav");
    }
}

/// Opens a section with its heading.
fn open_section(html: &mut Html, id: &str, heading: &str) {
    html.open(&format!("section aria-labelledby=\"{id}\""));
    html.element(&format!("h2 id=\"{id}\""), heading);
}
