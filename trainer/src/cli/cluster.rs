//! `sayself cluster`.

use crate::cli::endpoint::EndpointArguments;
use crate::cli::stage_run::StageArguments;
use crate::cli::{Globals, output};
use crate::embed::encoder;
use crate::question_source;
use crate::run_dir::Provenance;
use crate::stages::cluster::{CLUSTERS, cluster};
use clap::{Args, ValueEnum};
use datasets::config::{ClusterBy, Embedded};
use serde_json::json;
use std::path::PathBuf;

/// Group the samples that say the same.
///
/// Short answers are grouped by their normalised text; whole responses by the paper's greedy rule
/// on the cosine similarity of their embeddings. Groups of one are kept. Writes DIR/clusters.jsonl and,
/// by embedding, DIR/heights.jsonl, from which the clusters at any other threshold follow.
#[derive(Args)]
#[command(
    after_help = "Example:\n  sayself cluster --samples samples/samples.jsonl --questions world-facts --out clusters"
)]
pub struct Arguments {
    /// Samples, as `sayself sample` writes them
    #[arg(long, value_name = "FILE")]
    samples: PathBuf,
    /// `world-facts`, a file of questions in any known form, or a folder of them
    #[arg(long, value_name = "FILE")]
    questions: String,
    /// What makes two samples the same
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Cosine similarity above which two samples are the same, 0..1; for `--by embedding`
    #[arg(long, value_name = "T")]
    threshold: Option<f64>,
    /// The embedding model: a name, a folder or a hub id; with --embeddings-endpoint the name that it
    /// knows; for `--by embedding`
    #[arg(long, value_name = "M")]
    embedder: Option<String>,
    /// What is embedded of a sample, after its question; for `--by embedding`
    #[arg(long, value_enum)]
    embed: Option<Embed>,
    /// Put before each text that is embedded, for models that want it; {question} in it stands for the
    /// question
    #[arg(long, value_name = "TEXT")]
    instruction: Option<String>,
    /// An OpenAI-compatible server with /v1/embeddings, in place of a model here
    #[arg(long, value_name = "URL")]
    embeddings_endpoint: Option<String>,
    #[command(flatten)]
    how: EndpointArguments,
    #[command(flatten)]
    stage: StageArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    Answer,
    Embedding,
}

#[derive(Clone, Copy, ValueEnum)]
enum Embed {
    /// The whole response
    Response,
    /// Its answer alone
    Answer,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let stage = &arguments.stage;
    let mut config = stage.config()?;
    if let Some(by) = arguments.by {
        config.cluster.by = match by {
            By::Answer => ClusterBy::Answer,
            By::Embedding => ClusterBy::Embedding,
        };
    }
    config.cluster.threshold = arguments.threshold.unwrap_or(config.cluster.threshold);
    config.embedder = arguments.embedder.unwrap_or(config.embedder);
    if let Some(embed) = arguments.embed {
        config.cluster.embed = match embed {
            Embed::Response => Embedded::Response,
            Embed::Answer => Embedded::Answer,
        };
    }
    config.cluster.instruction = arguments.instruction.or(config.cluster.instruction);
    arguments.how.apply(
        &mut config.cluster.endpoint,
        arguments.embeddings_endpoint.as_deref(),
    );
    config.questions.source = arguments.questions;

    let questions = question_source::load(&config.questions.source, stage.skip_invalid)?;
    let mut provenance = Provenance::of("cluster").with_input("samples", &arguments.samples)?;
    provenance.questions_sha256 = questions.sha256.clone();
    let embedder = match config.cluster.by {
        ClusterBy::Answer => None,
        ClusterBy::Embedding => {
            let (encoder, sha256) = encoder(&config, globals.quiet)?;
            provenance.model_sha256 = sha256;
            Some(encoder)
        }
    };
    let records = stage.run_stage(globals, config, provenance, |context, config| {
        question_source::write_skipped(context, &questions)?;
        cluster(
            context,
            &config.cluster,
            &questions.questions,
            &arguments.samples,
            embedder.as_deref(),
        )
    })?;
    let path = stage.out.join(CLUSTERS);
    match stage.json {
        true => output::json(&json!({ "stage": "cluster", "records": records, "file": path })),
        false => output::line(&format!(
            "{records} questions clustered: {}",
            path.display()
        )),
    }
}
