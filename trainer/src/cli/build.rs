//! `sayself build`.

use crate::cli::stage_run::StageArguments;
use crate::cli::{Globals, output};
use crate::embed::encoder;
use crate::question_source;
use crate::run_dir::Provenance;
use crate::stages::build::{BuildInputs, STAGE_ONE, build, needs_embedder};
use clap::{Args, ValueEnum};
use datasets::config;
use std::path::PathBuf;

/// Make the stage-1 training files.
///
/// All five files of the reference, for SaySelf, its two ablations, R-Tuning and GCE, each in the
/// reference's form (DIR/stage_1/*.jsonl) and as chat messages (DIR/stage_1/messages/*.jsonl), and
/// the map from shares to confidence (DIR/isotonic.json). Only train questions are used.
#[derive(Args)]
#[command(
    after_help = "Example:\n  sayself build --samples samples/samples.jsonl --clusters clusters/clusters.jsonl \\\n    --rationales rationales/rationales.jsonl --questions world-facts --out stage-1"
)]
pub struct Arguments {
    /// Samples, as `sayself sample` writes them
    #[arg(long, value_name = "FILE")]
    samples: PathBuf,
    /// Greedy responses, as `sayself sample --greedy` writes them: the model's own answers; without
    /// them that is what the samples say most often
    #[arg(long, value_name = "FILE")]
    greedy: Option<PathBuf>,
    /// Clusters, as `sayself cluster` writes them
    #[arg(long, value_name = "FILE")]
    clusters: PathBuf,
    /// Rationales, as `sayself rationalize` writes them
    #[arg(long, value_name = "FILE")]
    rationales: PathBuf,
    /// `world-facts`, a file of questions in any known form, or a folder of them
    #[arg(long, value_name = "FILE")]
    questions: String,
    /// Which answers are taught
    #[arg(long, value_enum)]
    selection: Option<Selection>,
    /// The order of the parts of a response
    #[arg(long, value_enum)]
    order: Option<Order>,
    #[command(flatten)]
    stage: StageArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Selection {
    /// The model's own answers, right or wrong, with the confidence that they deserve
    OwnAnswers,
    /// The paper's rule: only questions that some sample answers right
    CorrectOnly,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    /// Answer, confidence, self-reflection
    ConfidenceFirst,
    /// Answer, self-reflection, confidence
    Paper,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let stage = &arguments.stage;
    let mut config = stage.config()?;
    match arguments.selection {
        None => {}
        Some(Selection::OwnAnswers) => config.build.selection = config::Selection::OwnAnswers,
        Some(Selection::CorrectOnly) => config.build.selection = config::Selection::CorrectOnly,
    }
    match arguments.order {
        None => {}
        Some(Order::ConfidenceFirst) => config.build.order = config::Order::ConfidenceFirst,
        Some(Order::Paper) => config.build.order = config::Order::Paper,
    }
    config.questions.source = arguments.questions;

    let questions = question_source::load(&config.questions.source, stage.skip_invalid)?;
    let mut provenance = Provenance::of("build")
        .with_input("samples", &arguments.samples)?
        .with_input("clusters", &arguments.clusters)?
        .with_input("rationales", &arguments.rationales)?;
    if let Some(greedy) = &arguments.greedy {
        provenance = provenance.with_input("greedy", greedy)?;
    }
    provenance.questions_sha256 = questions.sha256.clone();
    let embedder = match needs_embedder(&questions.questions) {
        false => None,
        true => {
            let (encoder, sha256) = encoder(&config, globals.quiet)?;
            provenance.model_sha256 = sha256;
            Some(encoder)
        }
    };
    let inputs = BuildInputs {
        questions: &questions.questions,
        samples: &arguments.samples,
        clusters: &arguments.clusters,
        rationales: &arguments.rationales,
        greedy: arguments.greedy.as_deref(),
    };
    let built = stage.run_stage(globals, config, provenance, |context, config| {
        build(context, &config.build, &inputs, embedder.as_deref())
    })?;
    if stage.json {
        return output::json(&built);
    }
    let folder = stage.out.join(STAGE_ONE);
    output::line(&format!(
        "{} train questions: {}",
        built.questions,
        folder.display()
    ))?;
    for (name, records) in &built.records {
        output::line(&format!("{records:>8} {name}"))?;
    }
    Ok(())
}
