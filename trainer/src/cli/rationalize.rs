//! `sayself rationalize`.

use crate::cli::endpoint::EndpointArguments;
use crate::cli::stage_run::StageArguments;
use crate::cli::{Globals, output};
use crate::question_source;
use crate::run_dir::Provenance;
use crate::stages::rationalize::{RATIONALES, TeacherInputs, rationalize};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Write why the model is unsure, from its clusters.
///
/// One rationale a question, in the first person, naming the answers on which the samples disagree,
/// without the confidence itself. Writes DIR/rationales.jsonl.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself rationalize --clusters clusters/clusters.jsonl --out rationales\n  sayself rationalize --clusters clusters/clusters.jsonl --samples samples/samples.jsonl \\\n    --questions world-facts --teacher NAME --endpoint http://127.0.0.1:8000 --out rationales"
)]
pub struct Arguments {
    /// Clusters, as `sayself cluster` writes them
    #[arg(long, value_name = "FILE")]
    clusters: PathBuf,
    /// Who writes them: `extractive`, which needs no model, or the name of a model at --endpoint
    #[arg(long, value_name = "TEACHER")]
    teacher: Option<String>,
    /// An OpenAI-compatible server with the teacher, e.g. http://127.0.0.1:8000/v1; its key comes from
    /// the environment
    #[arg(long, value_name = "URL", requires_all = ["teacher", "samples", "questions"])]
    endpoint: Option<String>,
    /// The samples that were clustered, of which a model reads one a cluster
    #[arg(long, value_name = "FILE", requires = "questions")]
    samples: Option<PathBuf>,
    /// `world-facts`, or a file of questions, where a model reads the gold answer
    #[arg(long, value_name = "FILE", requires = "samples")]
    questions: Option<String>,
    #[command(flatten)]
    how: EndpointArguments,
    #[command(flatten)]
    stage: StageArguments,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let stage = &arguments.stage;
    let mut config = stage.config()?;
    config.rationalize.teacher = arguments.teacher.unwrap_or(config.rationalize.teacher);
    arguments.how.apply(
        &mut config.rationalize.endpoint,
        arguments.endpoint.as_deref(),
    );
    let mut provenance =
        Provenance::of("rationalize").with_input("clusters", &arguments.clusters)?;
    let questions = match &arguments.questions {
        None => None,
        Some(source) => {
            config.questions.source.clone_from(source);
            Some(question_source::load(source, stage.skip_invalid)?)
        }
    };
    if let Some(questions) = &questions {
        provenance.questions_sha256.clone_from(&questions.sha256);
    }
    if let Some(samples) = &arguments.samples {
        provenance = provenance.with_input("samples", samples)?;
    }
    let records = stage.run_stage(globals, config, provenance, |context, config| {
        let inputs = match (&questions, &arguments.samples) {
            (Some(questions), Some(samples)) => {
                question_source::write_skipped(context, questions)?;
                Some(TeacherInputs {
                    questions: &questions.questions,
                    samples,
                })
            }
            _ => None,
        };
        rationalize(context, &config.rationalize, &arguments.clusters, inputs)
    })?;
    let path = stage.out.join(RATIONALES);
    match stage.json {
        true => output::json(&json!({ "stage": "rationalize", "records": records, "file": path })),
        false => output::line(&format!("{records} rationales: {}", path.display())),
    }
}
