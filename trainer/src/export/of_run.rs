//! What a run tells about the model that it taught.

use crate::cli::stage_run::read_config;
use crate::error::{Error, bad_input};
use crate::learn::optimize::ADAPTER;
use crate::stages::evaluate::{ANSWERS, METRICS, read_metrics};
use datasets::{RunConfig, Split};
use std::path::{Path, PathBuf};

/// A run directory, or that of one stage.
#[derive(Clone, Debug)]
pub struct OfRun {
    pub folder: PathBuf,
    pub config: RunConfig,
    /// The command that wrote it: `run`, or one stage.
    stage: String,
}

/// One evaluation of a run.
#[derive(Clone, Debug)]
pub struct OfEvaluation {
    pub label: String,
    pub folder: PathBuf,
    /// Of the questions that were asked.
    pub split: Split,
    /// `sft` or `rl` and the training seed of the adapter that was asked; none for the base model.
    pub adapter: Option<(&'static str, u64)>,
}

impl OfRun {
    /// Reads `run.toml`.
    ///
    /// # Errors
    /// Exit code 2 where the folder is no run.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("run.toml");
        if !path.is_file() && folder.is_dir() {
            return Err(bad_input(format!(
                "{}: expected a run directory, found no run.toml in it",
                folder.display()
            )));
        }
        let config = read_config(&path)?;
        let text = String::from_utf8(bytes_of(&path)?).unwrap_or_default();
        let file: toml::Table = text.parse().unwrap_or_default();
        let stage = file
            .get("provenance")
            .and_then(|provenance| provenance.get("stage"))
            .and_then(toml::Value::as_str);
        Ok(OfRun {
            folder: folder.to_path_buf(),
            config,
            stage: stage.unwrap_or("run").to_owned(),
        })
    }

    /// The adapter that the run ended with: that of `rl`, else of `sft`, of the first training seed.
    #[must_use]
    pub fn adapter(&self) -> Option<PathBuf> {
        let of_stage = |stage: &str| {
            let seeds = self.config.training_seeds.iter();
            let mut folders = seeds.map(|seed| self.adapter_of(stage, *seed));
            folders.find(|folder| is_adapter(folder))
        };
        let own = self.folder.join(ADAPTER);
        of_stage("rl")
            .or_else(|| of_stage("sft"))
            .or_else(|| is_adapter(&own).then_some(own))
    }

    fn adapter_of(&self, stage: &str, seed: u64) -> PathBuf {
        self.folder
            .join(format!("{stage}/seed-{seed}"))
            .join(ADAPTER)
    }

    /// The stage and training seed whose adapter lies in that folder.
    #[must_use]
    pub fn stage_of(&self, adapter: &Path) -> Option<(&'static str, u64)> {
        let wanted = adapter.canonicalize().ok()?;
        let own = self.folder.join(ADAPTER).canonicalize();
        if own.is_ok_and(|own| own == wanted) {
            // A run of one stage keeps its adapter at its top.
            let stage = ["sft", "rl"].into_iter().find(|stage| *stage == self.stage);
            return stage.map(|stage| (stage, self.config.seed));
        }
        ["rl", "sft"]
            .into_iter()
            .flat_map(|stage| {
                let seeds = self.config.training_seeds.iter();
                seeds.map(move |seed| (stage, *seed))
            })
            .find(|(stage, seed)| {
                let folder = self.adapter_of(stage, *seed).canonicalize();
                folder.is_ok_and(|folder| folder == wanted)
            })
    }

    /// The evaluations that have measures, in the order of the configuration.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn evaluations(&self) -> anyhow::Result<Vec<OfEvaluation>> {
        let mut found = Vec::new();
        if self.folder.join(METRICS).is_file() {
            let first = self.config.evaluate.first();
            found.push(OfEvaluation {
                label: first.map_or("evaluation", |one| &one.method).to_owned(),
                folder: self.folder.clone(),
                split: first.map_or(Split::Test, |one| split_of(&one.split)),
                adapter: None,
            });
        }
        for planned in self.config.evaluations() {
            let folder = self.folder.join("evaluate").join(&planned.label);
            if folder.join(METRICS).is_file() {
                found.push(OfEvaluation {
                    split: split_of(&planned.config.split),
                    label: planned.label,
                    folder,
                    adapter: planned.adapter,
                });
            }
        }
        Ok(found)
    }
}

impl OfEvaluation {
    /// Its measures.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn metrics(&self) -> anyhow::Result<serde_json::Value> {
        read_metrics(&self.folder)
    }

    /// Its answers; none where the figures alone were kept.
    #[must_use]
    pub fn answers(&self) -> Option<PathBuf> {
        let path = self.folder.join(ANSWERS);
        path.is_file().then_some(path)
    }
}

fn split_of(name: &str) -> Split {
    datasets::hub::split_named(name).unwrap_or(Split::Test)
}

fn is_adapter(folder: &Path) -> bool {
    folder.join("adapter_config.json").is_file()
}

/// The bytes of a file that a stage wrote.
pub(super) fn bytes_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| {
        Error::Read {
            path: path.to_path_buf(),
            source,
        }
        .into()
    })
}
