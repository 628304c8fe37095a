//! What a configuration will cost, measured on a few of its questions before anything starts.
//!
//! The whole pipeline is run with at most some questions of each split and one training seed, in a
//! temporary folder; what each stage took is scaled to the whole.

use crate::learn::optimize::ADAPTER;
use crate::model_source::{self, ModelSource};
use crate::question_source;
use crate::run_dir::{for_each_line, read_records};
use crate::stages::evaluate::{ANSWERS, Method};
use crate::stages::run::{RunOptions, run};
use crate::stages::sample::{GREEDY, SAMPLES};
use crate::stages::{build, questions};
use crate::status::status;
use anyhow::Context;
use datasets::{Answer, Question, RunConfig, Sample};
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// What a run will cost.
#[derive(Debug, Serialize)]
pub struct Plan {
    pub stages: Vec<StagePlan>,
    /// Of all stages.
    pub seconds: f64,
    /// Tokens that the model writes while it is asked and evaluated.
    pub tokens: u64,
    /// Most resident memory, MB; absent where the system does not tell.
    pub memory_mb: Option<f64>,
    /// What the run directory will hold, MB.
    pub disk_mb: f64,
    pub probe: Probe,
}

/// What the figures were scaled from.
#[derive(Debug, Serialize)]
pub struct Probe {
    /// Questions of each split at most.
    pub questions: usize,
    pub seconds: f64,
}

#[derive(Debug, Serialize)]
pub struct StagePlan {
    /// Of all training seeds, where it is done once for each: `sft`, `rl`.
    pub stage: String,
    /// Questions, or records, times the epochs that it goes over them.
    pub questions: u64,
    pub seconds: f64,
    /// Tokens that the model writes, where they are counted.
    pub tokens: Option<u64>,
}

/// How many a stage handles, in the probe and in the whole.
#[derive(Clone, Copy)]
struct Scale {
    probe: usize,
    whole: usize,
    /// Passes over them in the whole, in which the probe has one for each training seed.
    seeds: usize,
    /// How many times as much each of them is in the whole, as where it is sampled more often.
    each: f64,
}

impl Scale {
    fn factor(self) -> f64 {
        (self.whole * self.seeds) as f64 / self.probe.max(1) as f64 * self.each
    }
}

/// How many times as often a question is sampled in the whole.
fn sampled_more(config: &RunConfig, small: &RunConfig) -> f64 {
    config.sample.samples as f64 / small.sample.samples.max(1) as f64
}

/// Measures what `config` costs on at most `probe` questions of each split.
///
/// # Errors
/// What the run itself would fail with, in the first stage that does.
pub fn plan(config: &RunConfig, probe: usize, options: RunOptions) -> anyhow::Result<Plan> {
    let begun = Instant::now();
    let folder = tempfile::tempdir().context("no temporary folder for the probe")?;
    let mut small = config.clone();
    small.limit(probe);
    small.training_seeds.truncate(1);
    run(&small, folder.path(), &[], options)?;
    let probed = begun.elapsed().as_secs_f64();

    let set = question_source::load(&config.questions.source, options.skip_invalid)?;
    let counts =
        |config: &RunConfig| questions::settle(&set.questions, &config.questions, config.seed);
    let (whole, small_set) = (counts(config), counts(&small));
    let records = records(folder.path(), config)?;
    // For its tokenizer: a model that is only asked elsewhere is not here.
    let is_taught = config.evaluations().iter().any(|one| one.adapter.is_some());
    let source = (config.endpoint.is_none() || is_taught)
        .then(|| model_source::resolve(&config.model, options.quiet))
        .transpose()?;
    let mut stages: Vec<StagePlan> = Vec::new();
    for stage in status(folder.path())?.stages {
        let Some(scale) = scale(&stage.stage, config, &small, &whole, &small_set, records)? else {
            continue;
        };
        let tokens = tokens(&stage.stage, folder.path(), source.as_ref())?
            .map(|tokens| tokens * responses_kept(&stage.stage, config));
        stages.push(StagePlan {
            questions: (scale.whole * scale.seeds) as u64,
            seconds: stage.seconds * scale.factor(),
            tokens: tokens.map(|tokens| (tokens as f64 * scale.factor()).round() as u64),
            stage: match stage.stage.split_once("/seed-") {
                Some((name, _)) => name.to_owned(),
                None => stage.stage,
            },
        });
    }
    let train = |questions: &[Question]| questions.len().max(1) as f64;
    Ok(Plan {
        seconds: stages.iter().map(|stage| stage.seconds).sum(),
        tokens: stages.iter().filter_map(|stage| stage.tokens).sum(),
        stages,
        memory_mb: peak_memory_mb(),
        disk_mb: disk_mb(
            folder.path(),
            train(&whole) / train(&small_set),
            sampled_more(config, &small),
            config.training_seeds.len(),
        )?,
        probe: Probe {
            questions: probe,
            seconds: probed,
        },
    })
}

/// How a stage of the probe is to the whole; none for what is no stage of its own.
fn scale(
    stage: &str,
    config: &RunConfig,
    small: &RunConfig,
    whole: &[Question],
    small_set: &[Question],
    records: Option<usize>,
) -> anyhow::Result<Option<Scale>> {
    let of_split = |questions: &[Question], name: &str| {
        Ok::<usize, anyhow::Error>(questions::of_split(questions, name)?.len())
    };
    let (train, train_small) = (of_split(whole, "train")?, of_split(small_set, "train")?);
    let seeds = config.training_seeds.len();
    let (name, rest) = stage.split_once('/').unwrap_or((stage, ""));
    Ok(match name {
        "sample" | "greedy" | "cluster" | "rationalize" | "build" => Some(Scale {
            probe: train_small,
            whole: train,
            seeds: 1,
            each: match name {
                "sample" | "cluster" => sampled_more(config, small),
                _ => 1.0,
            },
        }),
        "sft" => records.map(|records| Scale {
            probe: records,
            whole: (records as f64 * train as f64 / train_small.max(1) as f64).round() as usize,
            seeds,
            each: 1.0,
        }),
        "rl" => {
            let asked = |train: usize, config: &RunConfig| {
                config.rl.questions.map_or(train, |most| most.min(train))
            };
            Some(Scale {
                probe: asked(train_small, small),
                whole: asked(train, config),
                seeds,
                each: 1.0,
            })
        }
        // Its parts are within its own time.
        "faithfulness" if rest.contains('/') => None,
        "evaluate" | "faithfulness" => {
            let (label, part) = rest.split_once('/').unwrap_or((rest, ""));
            let asked = |config: &RunConfig, questions: &[Question]| {
                let mut planned = config.evaluations().into_iter();
                let Some(planned) = planned.find(|planned| planned.label == label) else {
                    return Ok(None);
                };
                let (split, most) = match part {
                    "dev" => ("dev", usize::MAX),
                    _ => (
                        planned.config.split.as_str(),
                        planned.config.limit.unwrap_or(usize::MAX),
                    ),
                };
                let measured = config.faithfulness.as_ref().and_then(|of| of.limit);
                let most = match name {
                    "faithfulness" => most.min(measured.unwrap_or(usize::MAX)),
                    _ => most,
                };
                let asked = of_split(questions, split)?.min(most);
                Ok::<_, anyhow::Error>(Some((asked, planned.adapter.is_some())))
            };
            let both = asked(small, small_set)?.zip(asked(config, whole)?);
            both.map(|((probe, _), (whole, is_taught))| Scale {
                probe,
                whole,
                seeds: if is_taught { seeds } else { 1 },
                each: 1.0,
            })
        }
        _ => None,
    })
}

/// How many responses of a question an evaluation drew for each one that it keeps.
fn responses_kept(stage: &str, config: &RunConfig) -> u64 {
    let label = stage.split('/').nth(1);
    let mut planned = config.evaluations().into_iter();
    let of_stage = planned.find(|planned| Some(planned.label.as_str()) == label);
    match of_stage.map(|planned| {
        (
            Method::named(&planned.config.method),
            planned.config.samples,
        )
    }) {
        Some((Ok(method), samples)) if method.samples_many() => samples as u64,
        _ => 1,
    }
}

/// Stage-1 records of the probe; none where nothing is taught.
fn records(folder: &Path, config: &RunConfig) -> anyhow::Result<Option<usize>> {
    let file = folder
        .join("build")
        .join(build::STAGE_ONE)
        .join(config.sft.data.file_name());
    if !file.exists() {
        return Ok(None);
    }
    let mut count = 0;
    for_each_line(&file, |_| {
        count += 1;
        Ok(())
    })?;
    Ok(Some(count))
}

/// Tokens that the model wrote in a stage of the probe.
fn tokens(stage: &str, folder: &Path, source: Option<&ModelSource>) -> anyhow::Result<Option<u64>> {
    let records = folder.join(stage);
    let drawn = |file: &str| -> anyhow::Result<Option<u64>> {
        let samples: Vec<Sample> = read_records(&records.join(file))?;
        Ok(Some(
            samples.iter().map(|sample| u64::from(sample.tokens)).sum(),
        ))
    };
    match stage.split('/').next() {
        Some("sample") => drawn(SAMPLES),
        Some("greedy") => drawn(GREEDY),
        Some("evaluate") if records.join(ANSWERS).exists() => {
            let Some(source) = source else {
                return Ok(None);
            };
            let (_, tokenizer) = source.load(&crate::device::load_options(false)?)?;
            let answers: Vec<Answer> = read_records(&records.join(ANSWERS))?;
            let mut tokens = 0;
            for answer in &answers {
                // And the end of the turn.
                tokens += 1 + tokenizer.encode(&answer.response, false)?.len() as u64;
            }
            Ok(Some(tokens))
        }
        _ => Ok(None),
    }
}

/// MB of a run directory, whose records grow with the questions, its samples with their number as well,
/// and whose adapters with the seeds.
fn disk_mb(root: &Path, questions: f64, samples: f64, seeds: usize) -> anyhow::Result<f64> {
    let mut bytes = 0.0;
    let sampled = root.join("sample");
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_adapter = path
                .parent()
                .is_some_and(|parent| parent.ends_with(ADAPTER));
            let factor = match is_adapter {
                true => seeds as f64,
                false if folder == sampled => questions * samples,
                false => questions,
            };
            bytes += entry.metadata()?.len() as f64 * factor;
        }
    }
    Ok(bytes / 1e6)
}

/// The most memory that this process had at once.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1e3)
}
