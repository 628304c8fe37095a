//! `sayself sft`.

use crate::cli::stage_run::StageArguments;
use crate::cli::{Globals, output};
use crate::error::{Error, bad_use};
use crate::learn::Student;
use crate::learn::optimize::ADAPTER;
use crate::model_source;
use crate::pull::checksum;
use crate::run_dir::Provenance;
use crate::stages::sft::{read_examples, sft};
use clap::Args;
use datasets::reference::StageOneSet;
use serde_json::json;
use std::path::PathBuf;

/// Stage 1: supervised fine-tuning on stage-1 records.
///
/// Trains a LoRA adapter on the response (answer, confidence, self-reflection), with the exact
/// tokenized Brier loss on the confidence. Writes DIR/adapter in PEFT's form.
#[derive(Args)]
#[command(
    after_help = "Example:\n  sayself sft --model smollm2-135m --data stage-1/stage_1/sft_reason_conf.jsonl --epochs 3 --out sft"
)]
pub struct Arguments {
    /// A pulled name, a folder, a GGUF file or a hub id
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// Stage-1 records, in the reference's form or as chat messages
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Questions a step
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    #[arg(long, value_name = "R")]
    lora_rank: Option<usize>,
    #[command(flatten)]
    stage: StageArguments,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let stage = &arguments.stage;
    let mut config = stage.config()?;
    config.model = arguments.model.unwrap_or(config.model);
    // The adapter's label follows from what it is taught.
    let name = arguments.data.file_name().and_then(|name| name.to_str());
    config.sft.data = name
        .and_then(StageOneSet::of_file)
        .unwrap_or(config.sft.data);
    let training = &mut config.sft.training;
    training.epochs = arguments.epochs.unwrap_or(training.epochs);
    training.batch = arguments.batch.unwrap_or(training.batch);
    training.learning_rate = arguments.learning_rate.unwrap_or(training.learning_rate);
    training.lora_rank = arguments.lora_rank.unwrap_or(training.lora_rank);
    config.check().map_err(|error| bad_use(error.to_string()))?;

    let bytes = std::fs::read(&arguments.data).map_err(|source| Error::Read {
        path: arguments.data.clone(),
        source,
    })?;
    let records = read_examples(&bytes, &arguments.data.to_string_lossy())?;
    let source = model_source::resolve(&config.model, globals.quiet)?;
    let provenance = Provenance {
        model_sha256: source.sha256()?,
        questions_sha256: checksum::of_bytes(&bytes),
        ..Provenance::of("sft")
    };
    let adapter = stage.out.join(ADAPTER);
    if !adapter.join("adapter_config.json").exists() {
        stage.run_stage(globals, config, provenance, |context, config| {
            sft(
                context,
                &config.sft,
                config.build.order,
                &Student::load(&source, config.memory_mb)?,
                &records,
            )
        })?;
    }
    if stage.json {
        return output::json(
            &json!({ "stage": "sft", "records": records.len(), "adapter": adapter }),
        );
    }
    output::line(&format!(
        "trained on {} records: {}",
        records.len(),
        adapter.display()
    ))
}
