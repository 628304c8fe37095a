//! What the small files of a run directory say: enough for a row of the Runs page. Kept in the index
//! until one of the files changes.

use super::contained;
use super::evaluation::{evaluation, text_of};
use super::progress::Progress;
use crate::limits::EVALUATIONS_MAX;
use app::view::Evaluation;
use datasets::RunConfig;
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The configuration of a run.
pub const CONFIG: &str = "run.toml";
/// Its progress.
pub const EVENTS: &str = "events.jsonl";
/// The folder of its evaluations.
pub const EVALUATE: &str = "evaluate";
/// The measures of one evaluation.
pub const METRICS: &str = "metrics.json";
/// The answers of one evaluation.
pub const ANSWERS: &str = "answers.jsonl";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub title: String,
    pub model: String,
    pub questions: String,
    /// The evaluations that have measures: the configuration's order, then by name.
    pub labels: Vec<String>,
    pub headline: Option<Evaluation>,
    /// Whether every evaluation that was configured is there.
    pub complete: bool,
    pub progress: Progress,
    /// What cannot be read, and why.
    pub trouble: Option<String>,
}

/// One evaluation's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationFolder {
    pub label: String,
    pub path: PathBuf,
}

/// The folders of a run's evaluations by name: `evaluate/LABEL`, or the directory itself where a
/// single `sayself evaluate --out` wrote it.
///
/// # Errors
/// Those of reading the folder; a missing one is no error.
pub fn evaluation_folders(directory: &Path) -> io::Result<Vec<EvaluationFolder>> {
    let mut folders = Vec::new();
    match directory.join(EVALUATE).read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(entries) => {
            for entry in entries {
                let entry = entry?;
                let Ok(label) = entry.file_name().into_string() else {
                    continue;
                };
                let path = entry.path();
                if !label.starts_with('.') && path.is_dir() {
                    folders.push(EvaluationFolder { label, path });
                }
            }
        }
    }
    folders.sort_unstable_by(|left, right| left.label.cmp(&right.label));
    folders.truncate(EVALUATIONS_MAX);
    if folders.is_empty() && (directory.join(METRICS).exists() || directory.join(ANSWERS).exists())
    {
        folders.push(EvaluationFolder {
            label: own_label(directory),
            path: directory.to_owned(),
        });
    }
    Ok(folders)
}

/// A bare evaluation is named by its method, which its directory is not.
fn own_label(directory: &Path) -> String {
    contained::small_text(directory, &directory.join(METRICS))
        .ok()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .and_then(|metrics| text_of(&metrics, "method").map(str::to_owned))
        .unwrap_or_else(|| "evaluation".into())
}

/// Changes whenever a file that [`Facts`] come from does, or the program that reads them.
pub fn fingerprint(directory: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    let mut look = |path: &Path| {
        path.hash(&mut hasher);
        if let Ok(metadata) = path.metadata() {
            metadata.len().hash(&mut hasher);
            let changed = metadata
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            changed
                .map(|duration| duration.as_nanos())
                .hash(&mut hasher);
        }
    };
    for name in [CONFIG, EVENTS, METRICS, ANSWERS] {
        look(&directory.join(name));
    }
    for folder in evaluation_folders(directory).unwrap_or_default() {
        look(&folder.path.join(METRICS));
        look(&folder.path.join(ANSWERS));
    }
    format!("{:016x}", hasher.finish())
}

/// Reads a run directory; `progress` is what was read of its log before.
///
/// Never fails: what cannot be read is told in `trouble`, the rest is there.
pub fn read(directory: &Path, mut progress: Progress) -> Facts {
    let name = directory
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut troubles = Vec::new();
    let config = match read_config(directory) {
        Ok(config) => config,
        Err(trouble) => {
            troubles.push(trouble);
            None
        }
    };
    let (evaluations, mut evaluation_troubles) = evaluations(directory, config.as_ref());
    troubles.append(&mut evaluation_troubles);
    if let Err(error) = progress.read_on(directory, &directory.join(EVENTS)) {
        troubles.push(format!("{EVENTS} cannot be read: {error}"));
    }
    if let Some((offset, reason)) = &progress.first_bad {
        troubles.push(format!(
            "{EVENTS} has {} lines that are no events, the first at byte {offset}: {reason}",
            progress.bad_lines
        ));
    }
    let labels: Vec<String> = evaluations
        .iter()
        .map(|evaluation| evaluation.label.clone())
        .collect();
    let headline = headline(&evaluations).cloned();
    let metrics_text = |field: &str| {
        headline
            .as_ref()
            .and_then(|evaluation| text_of(&evaluation.metrics, field))
            .unwrap_or("")
            .to_owned()
    };
    let mut facts = Facts {
        title: config
            .as_ref()
            .map(|config| config.title.clone())
            .filter(|title| !title.is_empty())
            .unwrap_or(name),
        model: config
            .as_ref()
            .map_or_else(|| metrics_text("model"), |config| config.model.clone()),
        questions: config.as_ref().map_or_else(
            || metrics_text("questions"),
            |config| config.questions.source.clone(),
        ),
        complete: config.as_ref().is_none_or(|config| {
            let mut wanted = config.evaluations().into_iter();
            wanted.all(|evaluation| labels.contains(&evaluation.label))
        }) && !(labels.is_empty() && config.is_some() && progress.last_ms.is_none()),
        labels,
        headline,
        progress,
        trouble: (!troubles.is_empty()).then(|| troubles.join("; ")),
    };
    facts.drop_details();
    facts
}

impl Facts {
    /// Leaves out what only the Run page shows: thousands of runs are held in memory and in the index.
    pub fn drop_details(&mut self) {
        if let Some(headline) = &mut self.headline {
            headline.metrics = serde_json::Value::Null;
        }
    }
}

fn read_config(directory: &Path) -> Result<Option<RunConfig>, String> {
    match contained::small_text(directory, &directory.join(CONFIG)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{CONFIG} cannot be read: {error}")),
        Ok(text) => toml::from_str(&text)
            .map(Some)
            .map_err(|error| format!("{CONFIG} is not a configuration: {}", error.message())),
    }
}

/// All evaluations with measures, in the order of the Run page, and what could not be read. A run's
/// evaluation without `metrics.json` is under way.
pub fn evaluations(directory: &Path, config: Option<&RunConfig>) -> (Vec<Evaluation>, Vec<String>) {
    let mut troubles = Vec::new();
    let folders = evaluation_folders(directory).unwrap_or_else(|error| {
        troubles.push(format!("{EVALUATE} cannot be read: {error}"));
        Vec::new()
    });
    let mut evaluations = Vec::new();
    for folder in folders {
        let path = folder.path.join(METRICS);
        let shown = path
            .strip_prefix(directory)
            .unwrap_or(&path)
            .display()
            .to_string();
        match contained::small_text(directory, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => troubles.push(format!("{shown} cannot be read: {error}")),
            Ok(text) => match evaluation(&folder.label, &text) {
                Ok(evaluation) => evaluations.push(evaluation),
                Err(error) => troubles.push(format!("{shown} is damaged: {error}")),
            },
        }
    }
    let order = config.map(RunConfig::evaluations).unwrap_or_default();
    evaluations.sort_by_key(|evaluation| {
        order
            .iter()
            .position(|wanted| wanted.label == evaluation.label)
            .unwrap_or(usize::MAX)
    });
    (evaluations, troubles)
}

/// As [`evaluations`], in the configuration's order where it can be read.
pub fn ordered_evaluations(directory: &Path) -> Vec<Evaluation> {
    let config = read_config(directory).ok().flatten();
    evaluations(directory, config.as_ref()).0
}

/// `sayself` where there is one, else the last.
fn headline(evaluations: &[Evaluation]) -> Option<&Evaluation> {
    evaluations
        .iter()
        .find(|evaluation| evaluation.label == "sayself")
        .or(evaluations.last())
}
