//! Which files are handed out: a model, the adapter that was taught on it, and the run that measured both.

use super::Wanted;
use super::sums::Sums;
use crate::limits::{DEMO_ADAPTER_BYTES_MAX, DEMO_MODEL_BYTES_MAX, DEMO_RUNS_LOOKED_AT_MAX};
use crate::runs::Run;
use crate::runs::contained::small_text;
use crate::runs::facts::CONFIG;
use datasets::RunConfig;
use std::path::{Path, PathBuf};

/// The model that is handed out where none is named, in the user's cache.
const PULLED: &str = "models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf";
/// What people call it.
const PULLED_NAME: &str = "SmolLM2-135M-Instruct";
const WEIGHTS: &str = "adapter_model.safetensors";
const ADAPTER_CONFIG: &str = "adapter_config.json";
/// The folder of an adapter within `STAGE/seed-N`.
const ADAPTER: &str = "adapter";

/// A file with its sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: PathBuf,
    pub file_name: String,
    /// As people call it.
    pub name: String,
    pub bytes: u64,
    /// In hex.
    pub sha256: String,
}

/// An adapter in PEFT form.
#[derive(Clone, Debug)]
pub struct Adapter {
    pub folder: PathBuf,
    pub weights: File,
    /// The text of `adapter_config.json`.
    pub config: String,
}

/// What was chosen.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    pub model: Option<File>,
    pub adapter: Option<Adapter>,
    /// Of this adapter, or where there is none of this model.
    pub run: Option<Run>,
}

impl Chosen {
    /// Changes whenever something else is offered.
    pub fn version(&self) -> String {
        let file = |file: Option<&File>| {
            file.map_or_else(String::new, |file| {
                format!("{} {}", file.sha256, file.path.display())
            })
        };
        let run = self.run.as_ref();
        let run = run.map_or_else(String::new, |run| {
            format!("{} {}", run.found.id, run.fingerprint)
        });
        let adapter = self.adapter.as_ref().map(|adapter| &adapter.weights);
        [file(self.model.as_ref()), file(adapter), run].join("|")
    }
}

/// Chooses among the runs, the newest first; what cannot be read is told in the log, and left out.
pub fn choose(
    wanted: &Wanted,
    sums: &Sums,
    runs: &[Run],
    is_finished: impl Fn(&Run) -> bool,
) -> Chosen {
    let model = model(wanted, sums);
    let finished: Vec<&Run> = runs
        .iter()
        .filter(|run| run.found.trouble.is_none() && is_finished(run))
        .take(DEMO_RUNS_LOOKED_AT_MAX)
        .collect();
    let of_model = |run: &Run| {
        model
            .as_ref()
            .is_none_or(|model| model_sum(run).is_some_and(|sum| sum == model.sha256))
    };
    if let Some(folder) = &wanted.adapter {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let adapter = adapter(&folder, sums);
        let run = finished
            .into_iter()
            .find(|run| folder.starts_with(&run.found.directory));
        return Chosen {
            adapter: adapter.filter(|_| model.is_some()),
            run: run.filter(|run| of_model(run)).cloned(),
            model,
        };
    }
    let mut without = None;
    for run in finished.into_iter().filter(|run| of_model(run)) {
        let found = model.as_ref().and_then(|_| adapter_of(run, sums));
        if found.is_some() {
            return Chosen {
                model: model.clone(),
                adapter: found,
                run: Some(run.clone()),
            };
        }
        // The newest one that has an evaluation to show.
        if without.is_none() && !run.facts.labels.is_empty() {
            without = Some(run.clone());
        }
    }
    Chosen {
        model,
        adapter: None,
        run: without,
    }
}

fn model(wanted: &Wanted, sums: &Sums) -> Option<File> {
    if wanted.without_model {
        return None;
    }
    let (path, name) = match &wanted.model {
        Some(path) => (path.clone(), None),
        None => (cache_folder()?.join(PULLED), Some(PULLED_NAME)),
    };
    if wanted.model.is_none() && !path.is_file() {
        return None;
    }
    file(&path, name, DEMO_MODEL_BYTES_MAX, sums)
}

fn file(path: &Path, name: Option<&str>, bytes_max: u64, sums: &Sums) -> Option<File> {
    let (bytes, sha256) = match sums.of(path, bytes_max) {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!("the demo cannot hand out {}: {error}", path.display());
            return None;
        }
    };
    let file_name = path.file_name()?.to_str()?.to_owned();
    let stem = file_name
        .rsplit_once('.')
        .map_or(file_name.as_str(), |(stem, _)| stem);
    Some(File {
        name: name.unwrap_or(stem).to_owned(),
        path: path.to_owned(),
        file_name,
        bytes,
        sha256,
    })
}

fn adapter(folder: &Path, sums: &Sums) -> Option<Adapter> {
    let config = small_text(folder, &folder.join(ADAPTER_CONFIG))
        .map_err(|error| {
            tracing::warn!(
                "the demo cannot hand out the adapter {}: {error}",
                folder.display()
            )
        })
        .ok()?;
    Some(Adapter {
        weights: file(
            &folder.join(WEIGHTS),
            Some("what it was taught"),
            DEMO_ADAPTER_BYTES_MAX,
            sums,
        )?,
        folder: folder.to_owned(),
        config,
    })
}

/// The adapter of a run's first taught evaluation, where it lies in the run's directory.
fn adapter_of(run: &Run, sums: &Sums) -> Option<Adapter> {
    let config = config_of(run)?;
    let folders = config.evaluations().into_iter().filter_map(|evaluation| {
        let (stage, seed) = evaluation.adapter?;
        Some(folder_of(run, stage, seed))
    });
    let mut whole = folders
        .filter(|folder| folder.join(ADAPTER_CONFIG).is_file() && folder.join(WEIGHTS).is_file());
    adapter(&whole.next()?, sums)
}

/// Where a run keeps an adapter.
pub fn folder_of(run: &Run, stage: &str, seed: u64) -> PathBuf {
    run.found
        .directory
        .join(stage)
        .join(format!("seed-{seed}"))
        .join(ADAPTER)
}

/// A run's configuration.
pub fn config_of(run: &Run) -> Option<RunConfig> {
    toml::from_str(&config_text(run)?).ok()
}

fn config_text(run: &Run) -> Option<String> {
    let directory = &run.found.directory;
    small_text(directory, &directory.join(CONFIG)).ok()
}

/// SHA-256 of the model that a run says it ran.
fn model_sum(run: &Run) -> Option<String> {
    let table: toml::Table = toml::from_str(&config_text(run)?).ok()?;
    let sum = table.get("provenance")?.get("model_sha256")?.as_str()?;
    Some(sum.to_owned())
}

/// The user's cache folder, as `sayself pull` finds it.
fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = variable("SAYSELF_CACHE") {
        return Some(folder.into());
    }
    if let Some(folder) = variable("XDG_CACHE_HOME") {
        return Some(Path::new(&folder).join("sayself"));
    }
    let home = PathBuf::from(variable("HOME")?);
    let below = match cfg!(target_os = "macos") {
        true => "Library/Caches/sayself",
        false => ".cache/sayself",
    };
    Some(home.join(below))
}
