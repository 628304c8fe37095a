//! `sayself run`.

use crate::cli::{Globals, output};
use crate::error::{Error, bad_input, bad_use};
use crate::stages::compare_methods::{Compared, compare_methods};
use crate::stages::run::{Measured, Outcome, RunOptions, Stage, run as run_pipeline};
use clap::Args;
use datasets::{Comparison, RunConfig};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Run the whole pipeline from one configuration, or a comparison of several.
///
/// sample, cluster, rationalize, build, then sft, rl and the evaluations, and with [faithfulness] in the
/// configuration whether rationales are true, each in its folder of DIR. Killed at any moment and started
/// again with the same words, it goes on where it stood. A comparison (a file with `configs`) runs each
/// configuration in DIR/NAME, all from the same samples.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself run world-facts/demo --out runs/demo\n  sayself run world-facts/full --out runs/full --training-seeds 1,2,3\n  sayself run world-facts/demo --out runs/demo --until cluster\n  sayself run datasets/configs/comparison.toml --out runs/comparison"
)]
pub struct Arguments {
    /// A file as `run.toml`, or a shipped configuration's name, such as world-facts/demo
    #[arg(value_name = "CONFIG.toml")]
    config: String,
    /// The run directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Take what this run made, as far as the two configurations agree, in place of making it again
    #[arg(long, value_name = "RUN")]
    reuse: Option<PathBuf>,
    /// Teach once with each of these seeds, in place of the configuration's. A run that is done may be
    /// given more: only those are taught
    #[arg(long, value_name = "SEED,…", value_delimiter = ',')]
    training_seeds: Option<Vec<u64>>,
    /// Stop after this stage. What is missing before it is made first; what is there is not made again
    #[arg(long, value_enum, value_name = "STAGE")]
    until: Option<Stage>,
    /// At most this many questions of each split: to see that all works before it takes hours
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Count malformed rows in DIR/skipped.jsonl and go on, in place of failing
    #[arg(long)]
    skip_invalid: bool,
    /// Print the measures of every evaluation as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// A configuration with what the flags say.
    fn config(&self, name: &str, text: &str) -> anyhow::Result<RunConfig> {
        let mut config =
            RunConfig::from_toml(text).map_err(|error| bad_input(format!("{name}: {error}")))?;
        if let Some(seeds) = &self.training_seeds {
            config.training_seeds.clone_from(seeds);
        }
        if let Some(limit) = self.limit {
            config.limit(limit as usize);
        }
        config.check().map_err(|error| bad_use(error.to_string()))?;
        Ok(config)
    }
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let options = RunOptions {
        skip_invalid: arguments.skip_invalid,
        quiet: globals.quiet,
        until: arguments.until,
    };
    let (name, out) = (&arguments.config, &arguments.out);
    let text = config_text(name)?;
    let comparison =
        Comparison::from_toml(&text).map_err(|error| bad_input(format!("{name}: {error}")))?;
    let Some(comparison) = comparison else {
        let donors: Vec<PathBuf> = arguments.reuse.iter().cloned().collect();
        let outcome = run_pipeline(&arguments.config(name, &text)?, out, &donors, options)?;
        if arguments.json {
            let mut object = as_object(outcome);
            object["run"] = json!(out);
            return output::json(&object);
        }
        return output::line(told(&outcome).trim_end());
    };
    let compared = compared(&arguments, &comparison)?;
    let beside = Path::new(name).parent().unwrap_or(Path::new(""));
    let samples = match &arguments.reuse {
        Some(run) => Some(run.clone()),
        None => comparison.samples.as_ref().map(|path| beside.join(path)),
    };
    let measured = compare_methods(&compared, out, samples.as_deref(), options)?;
    if arguments.json {
        let runs: Map<String, Value> = measured
            .into_iter()
            .map(|(name, outcome)| (name, as_object(outcome)))
            .collect();
        return output::json(&json!({ "comparison": out, "runs": runs }));
    }
    let named = |of: fn(Outcome) -> Vec<Measured>| -> Vec<Measured> {
        let of_run = |(name, outcome): &(String, Outcome)| {
            let measured = of(outcome.clone()).into_iter();
            let name = name.clone();
            measured.map(move |(label, measures)| (format!("{name}: {label}"), measures))
        };
        measured.iter().flat_map(of_run).collect()
    };
    let all = Outcome {
        evaluations: named(|outcome| outcome.evaluations),
        faithfulness: named(|outcome| outcome.faithfulness),
    };
    output::line(told(&all).trim_end())
}

/// The tables, and what judges by endpoint say beside them.
fn told(outcome: &Outcome) -> String {
    let judged = outcome.evaluations.iter();
    let mut text = output::table(&outcome.evaluations);
    text.extend(judged.map(|(_, metrics)| output::judge(metrics)));
    for (label, measured) in &outcome.faithfulness {
        text.push('\n');
        text.push_str(&output::faithfulness_table(label, measured));
    }
    text
}

fn as_object(outcome: Outcome) -> Value {
    let map = |measured: Vec<Measured>| Value::Object(measured.into_iter().collect());
    let mut object = json!({ "evaluations": map(outcome.evaluations) });
    if !outcome.faithfulness.is_empty() {
        object["faithfulness"] = map(outcome.faithfulness);
    }
    object
}

/// The comparison's configurations, with its training seeds.
fn compared(arguments: &Arguments, comparison: &Comparison) -> anyhow::Result<Vec<Compared>> {
    let names = comparison.configs.iter().zip(comparison.folders());
    names
        .map(|(config, folder)| {
            let name = config.strip_suffix(".toml").unwrap_or(config);
            let beside = Path::new(&arguments.config).with_file_name(format!("{name}.toml"));
            let text = match beside.is_file() {
                true => config_text(&beside.to_string_lossy())?,
                false => config_text(config)?,
            };
            let mut config = arguments.config(config, &text)?;
            if arguments.training_seeds.is_none() && !comparison.training_seeds.is_empty() {
                config.training_seeds.clone_from(&comparison.training_seeds);
            }
            Ok(Compared {
                name: folder.to_owned(),
                config,
            })
        })
        .collect()
}

/// A configuration by its file or its shipped name.
///
/// # Errors
/// Exit code 2 where it is neither, or makes no sense.
pub fn find_config(name: &str) -> anyhow::Result<RunConfig> {
    RunConfig::from_toml(&config_text(name)?).map_err(|error| bad_input(format!("{name}: {error}")))
}

fn config_text(name: &str) -> anyhow::Result<String> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok(std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_path_buf(),
            source,
        })?);
    }
    let Some(text) = datasets::configs::builtin(name) else {
        let names = datasets::configs::names().join(", ");
        return Err(bad_use(format!(
            "{name}: no such file, and no shipped configuration ({names})"
        )));
    };
    Ok(text.to_owned())
}
