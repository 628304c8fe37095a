//! `sayself rationalize`.

use crate::cli::stage_run::StageArguments;
use crate::cli::{Globals, output};
use crate::run_dir::Provenance;
use crate::stages::rationalize::{RATIONALES, rationalize};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Write why the model is unsure, from its clusters.
///
/// One rationale a question, in the first person, naming the answers on which the samples disagree,
/// without the confidence itself. Writes DIR/rationales.jsonl.
#[derive(Args)]
#[command(
    after_help = "Example:\n  sayself rationalize --clusters clusters/clusters.jsonl --out rationales"
)]
pub struct Arguments {
    /// Clusters, as `sayself cluster` writes them
    #[arg(long, value_name = "FILE")]
    clusters: PathBuf,
    /// Who writes them: `extractive`, which needs no model
    #[arg(long, value_name = "TEACHER")]
    teacher: Option<String>,
    #[command(flatten)]
    stage: StageArguments,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let stage = &arguments.stage;
    let mut config = stage.config()?;
    config.rationalize.teacher = arguments.teacher.unwrap_or(config.rationalize.teacher);
    let provenance = Provenance::of("rationalize").with_input("clusters", &arguments.clusters)?;
    let records = stage.run_stage(globals, config, provenance, |context, config| {
        rationalize(context, &config.rationalize, &arguments.clusters)
    })?;
    let path = stage.out.join(RATIONALES);
    match stage.json {
        true => output::json(&json!({ "stage": "rationalize", "records": records, "file": path })),
        false => output::line(&format!("{records} rationales: {}", path.display())),
    }
}
