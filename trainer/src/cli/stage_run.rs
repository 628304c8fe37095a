//! What all commands that run one stage into `--out DIR` share.

use crate::cli::Globals;
use crate::error::{Error, bad_input};
use crate::events::EventLog;
use crate::run_dir::{Provenance, RunDir, RunFile};
use crate::stages::StageContext;
use clap::Args;
use datasets::RunConfig;
use std::path::{Path, PathBuf};

/// Flags of every such command.
#[derive(Args, Clone, Debug)]
pub struct StageArguments {
    /// Where the records go; started again with the same options, the command does only the rest
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// A configuration as `sayself run` takes it; options given here go before it
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// Every random choice follows from it
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Count malformed rows in DIR/skipped.jsonl and go on, in place of failing
    #[arg(long)]
    pub skip_invalid: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

impl StageArguments {
    /// The configuration file, or the defaults, with the seed.
    pub fn config(&self) -> anyhow::Result<RunConfig> {
        let mut config = match &self.config {
            Some(path) => read_config(path)?,
            None => RunConfig::default(),
        };
        config.seed = self.seed.unwrap_or(config.seed);
        Ok(config)
    }

    /// Opens the directory, settles `run.toml`, and runs the stage there; a failure is told in
    /// `events.jsonl` too.
    pub fn run_stage<T>(
        &self,
        globals: &Globals,
        config: RunConfig,
        provenance: Provenance,
        stage: impl FnOnce(&StageContext<'_>, &RunConfig) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        config.check()?;
        let run = RunDir::open(&self.out)?;
        let name = provenance.stage.clone();
        let file = RunFile { provenance, config };
        run.settle_config(&file)?;
        let events = EventLog::open(run.path().join("events.jsonl"))?;
        let context = StageContext {
            records: run.path().to_path_buf(),
            events: &events,
            stage: name,
            seed: file.config.seed,
            skip_invalid: self.skip_invalid,
            quiet: globals.quiet,
        };
        context.told(stage(&context, &file.config))
    }
}

/// Reads a configuration; unknown keys are ignored.
///
/// # Errors
/// Exit code 2, with the line, where it is no TOML or a value has the wrong type.
pub fn read_config(path: &Path) -> anyhow::Result<RunConfig> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_path_buf(),
        source,
    })?;
    RunConfig::from_toml(&text).map_err(|error| bad_input(format!("{}: {error}", path.display())))
}
