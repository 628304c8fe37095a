//! `sayself rl`.

use crate::cli::stage_run::StageArguments;
use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::learn::Student;
use crate::learn::optimize::ADAPTER;
use crate::run_dir::Provenance;
use crate::stages::questions::choose;
use crate::stages::rl::rl;
use crate::{model_source, question_source};
use clap::{Args, ValueEnum};
use datasets::config;
use serde_json::json;
use std::path::PathBuf;

/// Stage 2: reinforcement learning of the stated confidence.
///
/// From a stage-1 adapter; by default by RLOO, the reward is brier-1 with the group's accuracy as its
/// target, and only the confidence's tokens are trained. Writes DIR/adapter in PEFT's form.
#[derive(Args)]
#[command(
    after_help = "Example:\n  sayself rl --model smollm2-135m --adapter sft/adapter --questions world-facts --limit 1000 --out rl"
)]
pub struct Arguments {
    /// A pulled name, a folder, a GGUF file or a hub id
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// The stage-1 adapter to start from
    #[arg(long, value_name = "A")]
    adapter: PathBuf,
    /// `world-facts`, a file of questions in any known form, or a folder of them; of its splits, train is used
    #[arg(long, value_name = "FILE")]
    questions: String,
    /// At most this many questions, drawn at random with the seed
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// How rewards become an update; its settings stand in a configuration's [rl]
    #[arg(long)]
    algorithm: Option<Algorithm>,
    /// brier-1, sayself, rlcr, linear or log
    #[arg(long, value_name = "REWARD")]
    reward: Option<String>,
    /// own, group or mixed
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Rollouts a question
    #[arg(long, value_name = "N")]
    rollouts: Option<usize>,
    /// Keep near to a reference, by this weight of the KL divergence from it
    #[arg(long, value_name = "WEIGHT")]
    kl_weight: Option<f64>,
    /// RLOO: take the expectation over the ten levels exactly
    #[arg(long)]
    exact: bool,
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Allow a reward that is gained by answering wrongly on purpose
    #[arg(long)]
    allow_hackable: bool,
    #[command(flatten)]
    stage: StageArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Algorithm {
    /// REINFORCE leave-one-out
    Rloo,
    /// Group-relative policy optimization
    Grpo,
    /// Proximal policy optimization with a value head, as the paper has it
    Ppo,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let stage = &arguments.stage;
    let mut config = stage.config()?;
    config.model = arguments.model.unwrap_or(config.model);
    config.questions.source = arguments.questions;
    let of_stage = &mut config.rl;
    of_stage.questions = arguments.limit.or(of_stage.questions);
    of_stage.algorithm = match arguments.algorithm {
        Some(Algorithm::Rloo) => config::Algorithm::Rloo,
        Some(Algorithm::Grpo) => config::Algorithm::Grpo,
        Some(Algorithm::Ppo) => config::Algorithm::Ppo,
        None => of_stage.algorithm,
    };
    of_stage.kl_weight = arguments.kl_weight.unwrap_or(of_stage.kl_weight);
    of_stage.reward = arguments.reward.unwrap_or(of_stage.reward.clone());
    of_stage.target = arguments.target.unwrap_or(of_stage.target.clone());
    of_stage.rollouts = arguments.rollouts.unwrap_or(of_stage.rollouts);
    of_stage.exact |= arguments.exact;
    of_stage.allow_hackable |= arguments.allow_hackable;
    let training = &mut of_stage.training;
    training.epochs = arguments.epochs.unwrap_or(training.epochs);
    training.learning_rate = arguments.learning_rate.unwrap_or(training.learning_rate);
    config.check().map_err(|error| bad_use(error.to_string()))?;

    let questions = question_source::load(&config.questions.source, stage.skip_invalid)?;
    let has_train = questions
        .questions
        .iter()
        .any(|question| question.split == Some(datasets::Split::Train));
    let asked = choose(
        &questions.questions,
        has_train.then_some("train"),
        config.rl.questions,
        config.seed,
    )?;
    let source = model_source::resolve(&config.model, globals.quiet)?;
    let provenance = Provenance {
        model_sha256: source.sha256()?,
        questions_sha256: questions.sha256.clone(),
        adapter_sha256: model_source::adapter_sha256(&arguments.adapter)?,
        ..Provenance::of("rl")
    };
    let adapter = stage.out.join(ADAPTER);
    if !adapter.join("adapter_config.json").exists() {
        stage.run_stage(globals, config, provenance, |context, config| {
            question_source::write_skipped(context, &questions)?;
            rl(
                context,
                &config.rl,
                config.build.order,
                &Student::load(&source, config.memory_mb)?,
                &arguments.adapter,
                &asked,
            )
        })?;
    }
    if stage.json {
        return output::json(
            &json!({ "stage": "rl", "questions": asked.len(), "adapter": adapter }),
        );
    }
    output::line(&format!(
        "trained on {} questions: {}",
        asked.len(),
        adapter.display()
    ))
}
