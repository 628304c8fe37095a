//! `sayself run`.

use crate::cli::stage_run::read_config;
use crate::cli::{Globals, output};
use crate::error::{bad_input, bad_use};
use crate::stages::run::{RunOptions, run as run_pipeline};
use clap::Args;
use datasets::RunConfig;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Run the whole pipeline from one configuration.
///
/// sample, cluster, rationalize, build, then sft, rl and the evaluations, and with [faithfulness] in the
/// configuration whether rationales are true, each in its folder of DIR. Killed at any moment and started again with the same words, it goes on where it stood.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself run world-facts/demo --out runs/demo\n  sayself run world-facts/full --out runs/full --training-seeds 1,2,3"
)]
pub struct Arguments {
    /// A file as `run.toml`, or a shipped configuration's name, such as world-facts/demo
    #[arg(value_name = "CONFIG.toml")]
    config: String,
    /// The run directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Teach once with each of these seeds, in place of the configuration's. A run that is done may be
    /// given more: only those are taught
    #[arg(long, value_name = "SEED,…", value_delimiter = ',')]
    training_seeds: Option<Vec<u64>>,
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

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let mut config = find_config(&arguments.config)?;
    config.training_seeds = arguments.training_seeds.unwrap_or(config.training_seeds);
    if let Some(limit) = arguments.limit {
        config.limit(limit as usize);
    }
    config.check().map_err(|error| bad_use(error.to_string()))?;
    let options = RunOptions {
        skip_invalid: arguments.skip_invalid,
        quiet: globals.quiet,
    };
    let outcome = run_pipeline(&config, &arguments.out, options)?;
    if arguments.json {
        let evaluations: serde_json::Map<_, _> = outcome.evaluations.into_iter().collect();
        let mut object = json!({ "run": arguments.out, "evaluations": evaluations });
        if config.faithfulness.is_some() {
            let measured: serde_json::Map<_, _> = outcome.faithfulness.into_iter().collect();
            object["faithfulness"] = measured.into();
        }
        return output::json(&object);
    }
    let mut text = output::table(&outcome.evaluations);
    for (label, measured) in &outcome.faithfulness {
        text.push('\n');
        text.push_str(&output::faithfulness_table(label, measured));
    }
    output::line(text.trim_end())
}

fn find_config(name: &str) -> anyhow::Result<RunConfig> {
    if Path::new(name).is_file() {
        return read_config(Path::new(name));
    }
    let Some(text) = datasets::configs::builtin(name) else {
        let names = datasets::configs::names().join(", ");
        return Err(bad_use(format!(
            "{name}: no such file, and no shipped configuration ({names})"
        )));
    };
    RunConfig::from_toml(text).map_err(|error| bad_input(format!("{name}: {error}")))
}
