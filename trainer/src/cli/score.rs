//! `sayself score`.

use crate::cli::subject::ModelArguments;
use crate::cli::{Globals, output};
use crate::error::{Error, bad_input};
use crate::events::EventLog;
use crate::sampler::local::limits;
use crate::stages::StageContext;
use crate::stages::score::{Text, score};
use clap::Args;
use datasets::RunConfig;
use std::path::PathBuf;

/// Print the log-probability of each token of texts.
///
/// FILE is JSONL with `text`. A line each: {"token_ids":[…],"logprobs":[…]}, natural log of each
/// token after the first given those before it; no special token is added.
#[derive(Args)]
#[command(
    after_help = "Example:\n  echo '{\"text\":\"The capital of France is Paris.\"}' > texts.jsonl\n  sayself score --model smollm2-135m texts.jsonl --json"
)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// JSONL with `text`
    file: PathBuf,
    /// Print a line of JSON for each text; without it, the mean log-probability of each
    #[arg(long)]
    json: bool,
    /// Leave malformed lines out, in place of failing; their number is told
    #[arg(long)]
    skip_invalid: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let texts = read_texts(&arguments.file, arguments.skip_invalid)?;
    let mut config = RunConfig::default();
    arguments.model.apply(&mut config);
    let loaded = arguments
        .model
        .load(&config.model, limits(1, config.memory_mb), globals)?;
    let local = loaded.local("score")?;
    let events = EventLog::none();
    let context = StageContext {
        records: PathBuf::new(),
        events: &events,
        stage: "score".into(),
        seed: config.seed,
        skip_invalid: arguments.skip_invalid,
        quiet: globals.quiet,
    };
    let mut lines = output::Lines::open();
    score(
        &context,
        &local.sampler.decoder,
        &local.sampler.tokenizer,
        &texts,
        &mut |scored| {
            if arguments.json {
                return lines.json(&scored);
            }
            let sum: f64 = scored
                .logprobs
                .iter()
                .map(|logprob| f64::from(*logprob))
                .sum();
            let mean = sum / scored.logprobs.len().max(1) as f64;
            lines.text(&format!(
                "{} tokens, mean log-probability {mean:.4}",
                scored.token_ids.len()
            ))
        },
    )?;
    lines.finish()
}

fn read_texts(path: &std::path::Path, skip_invalid: bool) -> anyhow::Result<Vec<Text>> {
    let file = std::fs::File::open(path).map_err(|source| Error::Read {
        path: path.to_path_buf(),
        source,
    })?;
    let name = path.display().to_string();
    let (mut texts, mut skipped) = (Vec::new(), 0_usize);
    for record in datasets::jsonl::Reader::<_, Text>::new(std::io::BufReader::new(file), name) {
        match record {
            Ok(record) => texts.push(record.value),
            Err(error) if skip_invalid && error.is_of_a_record() => skipped += 1,
            Err(error) => return Err(bad_input(error.to_string())),
        }
    }
    if skipped > 0 {
        eprintln!("{skipped} malformed lines left out");
    }
    if texts.is_empty() {
        return Err(bad_input(format!(
            "{}: no text; expected JSONL with `text`",
            path.display()
        )));
    }
    Ok(texts)
}
