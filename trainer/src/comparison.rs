//! Evaluations of the same questions, compared question by question.

use crate::error::{Error, bad_input, bad_use};
use crate::run_dir::read_records;
use crate::stages::evaluate::{ANSWERS, rows};
use calibration::Row;
use calibration::compare::{Difference, holm, paired};
use calibration::metrics::Options;
use datasets::Answer;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The answers of one evaluation.
pub struct Evaluated {
    /// `LABEL`, or `RUN/LABEL` where several runs are compared.
    pub name: String,
    pub answers: Vec<Answer>,
}

/// The evaluations of run directories, and of evaluation folders of their own; in the order of
/// their names within each. Those without answers (figures alone were kept) are left out.
///
/// # Errors
/// Exit code 2 where a folder is neither, where two bear one name, or where answers are malformed.
pub fn read(folders: &[impl AsRef<Path>]) -> anyhow::Result<Vec<Evaluated>> {
    let mut names = BTreeSet::new();
    let mut evaluated = Vec::new();
    for folder in folders.iter().map(AsRef::as_ref) {
        let base = |path: &Path| {
            let name = path.file_name().unwrap_or(path.as_os_str());
            name.to_string_lossy().into_owned()
        };
        let labelled: Vec<(String, PathBuf)> = if folder.join(ANSWERS).is_file() {
            vec![(base(folder), folder.join(ANSWERS))]
        } else {
            let prefix = match folders.len() {
                1 => String::new(),
                _ => base(folder) + "/",
            };
            subfolders(&folder.join("evaluate"))
                .map_err(|source| {
                    let is_run = folder.join("run.toml").is_file();
                    let path = folder.display();
                    match source.kind() == std::io::ErrorKind::NotFound && folder.is_dir() {
                        true if is_run => bad_input(format!("{path}: the run has no evaluations yet")),
                        true => bad_input(format!(
                            "{path}: expected a run directory, or an evaluation's folder with {ANSWERS}"
                        )),
                        false => Error::Read { path: folder.to_path_buf(), source }.into(),
                    }
                })?
                .into_iter()
                .map(|path| (prefix.clone() + &base(&path), path.join(ANSWERS)))
                .filter(|(_, path)| path.is_file())
                .collect()
        };
        for (name, path) in labelled {
            if !names.insert(name.clone()) {
                return Err(bad_use(format!(
                    "two evaluations are called {name}; give the run directories that hold them"
                )));
            }
            let answers = read_records(&path)?;
            evaluated.push(Evaluated { name, answers });
        }
    }
    Ok(evaluated)
}

fn subfolders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Evaluations beside one of them.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// What the others are compared with.
    pub against: String,
    pub compared: Vec<Compared>,
    pub left_out: Vec<LeftOut>,
}

#[derive(Debug, Serialize)]
pub struct Compared {
    pub name: String,
    /// Questions that both answered.
    pub n: usize,
    pub differences: Vec<Corrected>,
}

/// A difference, and its p-value corrected for all that are shown.
#[derive(Debug, Serialize)]
pub struct Corrected {
    #[serde(flatten)]
    pub difference: Difference,
    /// By Holm's method, over all evaluations and measures of the comparison.
    pub p_holm: Option<f64>,
}

#[derive(Debug, Serialize)]
pub struct LeftOut {
    pub name: String,
    pub reason: String,
}

/// Compares all with the one called `against` in `measures` (names of
/// [`MEASURES`](calibration::metrics::MEASURES)), on the questions that both answered.
///
/// # Errors
/// Exit code 2 where none has that name, or none of the others shares questions with it.
pub fn compare(
    evaluated: &[Evaluated],
    against: &str,
    measures: &[&str],
    options: Options,
) -> anyhow::Result<Comparison> {
    let names = || {
        let names: Vec<&str> = evaluated.iter().map(|one| one.name.as_str()).collect();
        names.join(", ")
    };
    let baseline = evaluated.iter().find(|one| one.name == against);
    let baseline = baseline.ok_or_else(|| {
        bad_use(format!(
            "no evaluation is called {against}; there are {}",
            names()
        ))
    })?;
    let (mut compared, mut left_out) = (Vec::new(), Vec::new());
    for other in evaluated.iter().filter(|other| other.name != against) {
        let (a, b) = common_rows(&baseline.answers, &other.answers);
        if a.is_empty() {
            left_out.push(LeftOut {
                name: other.name.clone(),
                reason: format!("it answered none of the questions of {against}"),
            });
            continue;
        }
        let differences = paired(&a, &b, options)
            .map_err(|error| bad_input(format!("{against} and {}: {error}", other.name)))?;
        let wanted = differences
            .into_iter()
            .filter(|found| measures.contains(&found.measure));
        compared.push(Compared {
            name: other.name.clone(),
            n: a.len(),
            differences: wanted
                .map(|difference| Corrected {
                    difference,
                    p_holm: None,
                })
                .collect(),
        });
    }
    if compared.is_empty() {
        return Err(bad_use(format!(
            "nothing to compare with {against}: of {}, no other answered its questions",
            names()
        )));
    }
    correct(&mut compared);
    Ok(Comparison {
        against: against.to_owned(),
        compared,
        left_out,
    })
}

/// The rows of the questions that both answered, in the order of the first.
fn common_rows(a: &[Answer], b: &[Answer]) -> (Vec<Row>, Vec<Row>) {
    let by_question: HashMap<&str, &Answer> = b
        .iter()
        .map(|answer| (answer.question_id.as_str(), answer))
        .collect();
    let (of_a, of_b): (Vec<Answer>, Vec<Answer>) = a
        .iter()
        .filter_map(|answer| {
            let other = by_question.get(answer.question_id.as_str())?;
            Some((answer.clone(), (*other).clone()))
        })
        .unzip();
    (
        rows(&of_a, |answer| answer.probability),
        rows(&of_b, |answer| answer.probability),
    )
}

fn correct(compared: &mut [Compared]) {
    let all = || compared.iter().flat_map(|one| &one.differences);
    let p_values: Vec<f64> = all().filter_map(|one| one.difference.p_value).collect();
    let mut corrected = holm(&p_values).into_iter();
    for one in compared.iter_mut().flat_map(|one| &mut one.differences) {
        if one.difference.p_value.is_some() {
            one.p_holm = corrected.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(name: &str, first: usize, probability: f64) -> Evaluated {
        let answers = (first..first + 40).map(|index| Answer {
            id: format!("q{index}"),
            question_id: format!("q{index}"),
            template: None,
            entity: None,
            question: String::new(),
            response: String::new(),
            answer: None,
            rationale: None,
            confidence: None,
            probability,
            correct: index % 2 == 0,
            failure: None,
            gold: None,
            levels: None,
        });
        Evaluated {
            name: name.into(),
            answers: answers.collect(),
        }
    }

    fn options() -> Options {
        Options {
            bootstraps: 100,
            ..Options::default()
        }
    }

    #[test]
    fn questions_that_both_answered_are_compared() {
        let all = [
            evaluated("sure", 0, 1.0),
            evaluated("honest", 10, 0.5),
            evaluated("elsewhere", 90, 0.5),
        ];
        let comparison = compare(&all, "sure", &["brier", "accuracy"], options()).unwrap();
        let [honest] = &comparison.compared[..] else {
            panic!("{comparison:?}")
        };
        assert_eq!((honest.name.as_str(), honest.n), ("honest", 30));
        let [accuracy, brier] = &honest.differences[..] else {
            panic!("{honest:?}")
        };
        assert_eq!(accuracy.difference.difference, 0.0);
        assert!((brier.difference.difference + 0.25).abs() < 1e-12);
        assert!(brier.p_holm >= brier.difference.p_value);
        assert_eq!(comparison.left_out[0].name, "elsewhere");
    }

    #[test]
    fn what_cannot_be_compared_is_told() {
        let all = [evaluated("a", 0, 1.0), evaluated("b", 90, 0.5)];
        for (against, wanted) in [("c", "there are a, b"), ("a", "no other answered")] {
            let error = compare(&all, against, &["brier"], options()).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
            assert_eq!(crate::error::exit_code(&error), 2);
        }
    }
}
