//! `sayself sample`.

use crate::cli::stage_run::StageArguments;
use crate::cli::subject::{DecodingArguments, ModelArguments};
use crate::cli::{Globals, output};
use crate::question_source;
use crate::run_dir::Provenance;
use crate::sampler::local::limits;
use crate::stages::questions::choose;
use crate::stages::run::prompt;
use crate::stages::sample::{GREEDY, SAMPLES, sample};
use clap::Args;
use serde_json::json;

/// Draw responses to questions.
///
/// The prompt is the model's chat template over one user message equal to the question. A prompt's
/// keys and values are computed once and shared by its samples. Writes DIR/samples.jsonl
/// (DIR/greedy.jsonl with --greedy).
#[derive(Args)]
#[command(
    after_help = "Example:\n  sayself sample --model smollm2-135m --questions world-facts --samples 10 --prompt few-shot \\\n    --max-tokens 24 --stop '\\n' --out samples"
)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// `world-facts`, a file of questions in any known form, or a folder of them
    #[arg(long, value_name = "FILE")]
    questions: String,
    /// Only questions of this split: train, dev, test or held-out
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// At most this many questions, drawn at random with the seed
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Responses a question
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// One response a question, the most probable token each time
    #[arg(long, conflicts_with_all = ["samples", "temperature"])]
    greedy: bool,
    #[command(flatten)]
    decoding: DecodingArguments,
    /// A shipped prompt's name, or a file; without it the bare question
    #[arg(long, value_name = "FILE")]
    prompt: Option<String>,
    #[command(flatten)]
    stage: StageArguments,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let stage = &arguments.stage;
    let mut config = stage.config()?;
    arguments.model.apply(&mut config);
    config.questions.source = arguments.questions;
    config.sample.prompt = arguments.prompt.or(config.sample.prompt);
    config.sample.samples = arguments.samples.unwrap_or(config.sample.samples);
    arguments.decoding.apply(&mut config.sample.decoding);
    if arguments.greedy {
        config.sample = config.sample.greedy();
    }
    config
        .check()
        .map_err(|error| crate::error::bad_use(error.to_string()))?;
    let asked_prompt = prompt(config.sample.prompt.as_deref())?;
    let questions = question_source::load(&config.questions.source, stage.skip_invalid)?;
    let asked = choose(
        &questions.questions,
        arguments.split.as_deref(),
        arguments.limit,
        config.seed,
    )?;
    let limits = limits(config.sample.batch, config.memory_mb);
    let subject = arguments.model.load_configured(&config, limits, globals)?;
    let provenance = Provenance {
        questions_sha256: questions.sha256.clone(),
        ..subject.provenance("sample")
    }
    .with_prompts(config.sample.prompt.as_deref())?;
    let file = if arguments.greedy { GREEDY } else { SAMPLES };
    let samples = stage.run_stage(globals, config, provenance, |context, config| {
        question_source::write_skipped(context, &questions)?;
        sample(
            context,
            &config.sample,
            &asked_prompt,
            &asked,
            subject.sampler(),
            file,
        )
    })?;
    let path = stage.out.join(file);
    if stage.json {
        let tokens: u64 = samples.iter().map(|sample| u64::from(sample.tokens)).sum();
        return output::json(
            &json!({ "stage": "sample", "records": samples.len(), "tokens": tokens, "file": path }),
        );
    }
    output::line(&format!(
        "{} responses to {} questions: {}",
        samples.len(),
        asked.len(),
        path.display()
    ))
}
