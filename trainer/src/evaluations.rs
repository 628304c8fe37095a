//! Where evaluations lie: in the folder `evaluate` of a run directory, or in a folder of their own; and
//! what of them is compared.

use crate::error::{Error, bad_input, bad_use};
use crate::run_dir::read_records;
use crate::stages::evaluate::{ANSWERS, METRICS};
use comparison::label::split_of;
use comparison::pairs::{Answered, Evaluated};
use comparison::tables::Measured;
use datasets::{Answer, RunConfig};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Evaluations that are read at once.
pub const EVALUATIONS_MAX: usize = 500;
/// Bytes of a `metrics.json` or a `run.toml`.
const SMALL_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// One evaluation's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationFolder {
    /// The name of the run's directory.
    pub run: String,
    /// The name of the evaluation's folder, e.g. `sayself-seed-2`.
    pub label: String,
    /// With `answers.jsonl`, `metrics.json` or both.
    pub path: PathBuf,
    /// The directory with `run.toml`.
    pub root: PathBuf,
}

/// The evaluations of run directories, and evaluation folders of their own; by name within each.
///
/// # Errors
/// Exit code 2 where a folder is neither, or holds more than [`EVALUATIONS_MAX`].
pub fn find(folders: &[impl AsRef<Path>]) -> anyhow::Result<Vec<EvaluationFolder>> {
    let mut found = Vec::new();
    for folder in folders.iter().map(AsRef::as_ref) {
        if holds_evaluation(folder) {
            // `evaluate/LABEL` of a run is part of that run.
            let of_run = folder
                .parent()
                .filter(|parent| name_of(parent) == "evaluate")
                .and_then(Path::parent)
                .filter(|run| run.join("run.toml").is_file());
            let root = of_run.unwrap_or(folder);
            found.push(EvaluationFolder {
                run: name_of(root),
                label: name_of(folder),
                path: folder.to_path_buf(),
                root: root.to_path_buf(),
            });
        } else {
            let subfolders = subfolders(&folder.join("evaluate")).map_err(|source| {
                let is_run = folder.join("run.toml").is_file();
                let path = folder.display();
                match source.kind() == std::io::ErrorKind::NotFound && folder.is_dir() {
                    true if is_run => bad_input(format!("{path}: the run has no evaluations yet")),
                    true => bad_input(format!(
                        "{path}: expected a run directory, or an evaluation's folder with {ANSWERS}"
                    )),
                    false => Error::Read {
                        path: folder.to_path_buf(),
                        source,
                    }
                    .into(),
                }
            })?;
            let of_run = subfolders.into_iter().filter(|path| holds_evaluation(path));
            found.extend(of_run.map(|path| EvaluationFolder {
                run: name_of(folder),
                label: name_of(&path),
                path,
                root: folder.to_path_buf(),
            }));
        }
        if found.len() > EVALUATIONS_MAX {
            return Err(bad_use(format!(
                "{}: more than {EVALUATIONS_MAX} evaluations in all; name fewer runs",
                folder.display()
            )));
        }
    }
    Ok(found)
}

/// The answers of evaluations that are to be compared. Those without answers (figures alone were kept)
/// are left out.
///
/// # Errors
/// As [`find`]; exit code 2 where two bear one name, or where answers are malformed.
pub fn answered(folders: &[impl AsRef<Path>]) -> anyhow::Result<Vec<Evaluated>> {
    let mut names = BTreeSet::new();
    let mut evaluated = Vec::new();
    let mut all = find(folders)?;
    all.retain(|found| found.path.join(ANSWERS).is_file());
    for found in &all {
        let path = found.path.join(ANSWERS);
        let is_named = folders.iter().any(|folder| folder.as_ref() == found.path);
        let is_only = all.iter().filter(|one| one.label == found.label).count() == 1;
        let name = match folders.len() == 1 || (is_named && is_only) {
            true => found.label.clone(),
            false => format!("{}/{}", found.run, found.label),
        };
        if !names.insert(name.clone()) {
            return Err(bad_use(format!(
                "two evaluations are called {name}; give runs whose folders have different names"
            )));
        }
        let answers: Vec<Answer> = read_records(&path)?;
        evaluated.push(Evaluated {
            name,
            answers: answers.iter().map(Answered::from).collect(),
        });
    }
    Ok(evaluated)
}

impl EvaluationFolder {
    /// Its figures for the paper's tables; `None` where it has none yet.
    ///
    /// # Errors
    /// Exit code 2 for a file that is no JSON object.
    pub fn measured(&self) -> anyhow::Result<Option<Measured>> {
        let Some(metrics) = self.metrics()? else {
            return Ok(None);
        };
        Ok(Some(Measured::new(
            &self.run,
            &self.label,
            self.path == self.root,
            metrics,
            self.faithfulness()?,
            self.config().as_ref(),
        )))
    }

    /// `metrics.json`; `None` where there is none yet.
    ///
    /// # Errors
    /// Exit code 2 where it is no JSON object.
    pub fn metrics(&self) -> anyhow::Result<Option<Value>> {
        small_json(&self.path.join(METRICS))
    }

    /// What was measured of its rationales, as `sayself faithfulness` writes it; `None` where it was
    /// not.
    ///
    /// # Errors
    /// Exit code 2 where it is no JSON object.
    pub fn faithfulness(&self) -> anyhow::Result<Option<Value>> {
        small_json(
            &self
                .root
                .join("faithfulness")
                .join(&self.label)
                .join(METRICS),
        )
    }

    /// `run.toml`; `None` where there is none, or it is of another program.
    pub fn config(&self) -> Option<RunConfig> {
        let text = small_text(&self.root.join("run.toml")).ok()??;
        RunConfig::from_toml(&text).ok()
    }

    /// Which questions were asked: `test`, `dev` or `held-out`; `None` where the run does not say.
    pub fn split(&self, config: Option<&RunConfig>) -> Option<String> {
        split_of(config?, &self.label, self.path == self.root)
    }
}

fn holds_evaluation(folder: &Path) -> bool {
    [ANSWERS, METRICS]
        .iter()
        .any(|file| folder.join(file).is_file())
}

/// The last part of a path; of `.` the folder that it is.
fn name_of(path: &Path) -> String {
    let named = path.file_name().map(ToOwned::to_owned).or_else(|| {
        let real = path.canonicalize().ok()?;
        real.file_name().map(ToOwned::to_owned)
    });
    let named = named.unwrap_or_else(|| path.as_os_str().to_owned());
    named.to_string_lossy().into_owned()
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

/// A small text file; `None` where there is none.
///
/// # Errors
/// Where it cannot be read, or is too long.
pub fn small_text(path: &Path) -> anyhow::Result<Option<String>> {
    let read_error = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let bytes = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(error).into()),
    };
    if bytes > SMALL_FILE_BYTES_MAX {
        return Err(bad_input(format!(
            "{}: {bytes} bytes, expected at most {SMALL_FILE_BYTES_MAX}",
            path.display()
        )));
    }
    Ok(Some(std::fs::read_to_string(path).map_err(read_error)?))
}

fn small_json(path: &Path) -> anyhow::Result<Option<Value>> {
    let Some(text) = small_text(path)? else {
        return Ok(None);
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(Some(Value::Object(object))),
        Ok(_) => Err(bad_input(format!(
            "{}: expected a JSON object of measures",
            path.display()
        ))),
        Err(error) => Err(bad_input(format!("{}: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_evaluations_of_their_own_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a");
        for label in ["sayself", "sayself-seed-2", "empty"] {
            std::fs::create_dir_all(run.join("evaluate").join(label)).unwrap();
        }
        let toml = "[[evaluate]]\nmethod = \"sayself\"\nsplit = \"held-out\"\n";
        std::fs::write(run.join("run.toml"), toml).unwrap();
        std::fs::write(run.join("evaluate/sayself/metrics.json"), "{\"n\":1}").unwrap();
        std::fs::write(run.join("evaluate/sayself-seed-2/answers.jsonl"), "").unwrap();
        let found = find(&[&run]).unwrap();
        let labels: Vec<&str> = found.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(labels, ["sayself", "sayself-seed-2"]);
        assert_eq!(found[0].metrics().unwrap().unwrap()["n"], 1);
        assert_eq!(found[1].metrics().unwrap(), None);
        let config = found[0].config();
        assert_eq!(found[0].split(config.as_ref()).as_deref(), Some("held-out"));
        let alone = find(&[run.join("evaluate/sayself")]).unwrap();
        assert_eq!(alone, found[..1]);
        let error = find(&[folder.path()]).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 2);
    }

    #[test]
    fn evaluations_of_one_label_are_called_by_their_runs() {
        let folder = tempfile::tempdir().unwrap();
        let evaluation = |run: &str, label: &str| {
            let path = folder.path().join(run).join("evaluate").join(label);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join(ANSWERS), "").unwrap();
            std::fs::write(folder.path().join(run).join("run.toml"), "").unwrap();
            path
        };
        let names = |folders: &[PathBuf]| -> Vec<String> {
            let found = answered(folders).unwrap();
            found.into_iter().map(|one| one.name).collect()
        };
        let (a, b) = (evaluation("a", "sayself"), evaluation("b", "sayself"));
        let other = evaluation("b", "without-rl");
        assert_eq!(
            names(&[a.clone(), other.clone()]),
            ["sayself", "without-rl"]
        );
        assert_eq!(
            names(&[a, b, other]),
            ["a/sayself", "b/sayself", "without-rl"]
        );
    }
}
