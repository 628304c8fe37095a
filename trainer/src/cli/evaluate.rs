//! `sayself evaluate`.

use crate::cli::stage_run::StageArguments;
use crate::cli::subject::{DecodingArguments, ModelArguments};
use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::question_source;
use crate::run_dir::Provenance;
use crate::sampler::local::limits;
use crate::stages::evaluate::{Fitted, LevelReader, Method, Subject, evaluate};
use crate::stages::questions::{choose, draw, name_of, of_split};
use crate::stages::run::{prompt, prompts_of};
use calibration::recalibrate;
use clap::{Args, ValueEnum};
use datasets::config::{EvaluateConfig, Readout};
use std::path::PathBuf;

/// Rows decoded at once.
const ROWS: usize = 64;

/// Ask a model each question and measure whether its confidence can be trusted.
///
/// Methods for any model: direct-prompting, verbalized, answer-only, self-consistency,
/// sequence-likelihood, dinco, r-tuning; for one that was taught (--adapter): sayself, without-rl,
/// without-rationale, without-rationale-and-confidence, linear-reward, gce, r-tuning. Writes
/// DIR/answers.jsonl and DIR/metrics.json.
#[derive(Args)]
#[command(
    after_help = "Example:\n  sayself evaluate --method sayself --model smollm2-135m --adapter runs/demo/rl/seed-1/adapter \\\n    --questions world-facts --split test --limit 200 --out evaluation --json"
)]
pub struct Arguments {
    /// How the confidence is asked for and read
    #[arg(long, value_name = "METHOD")]
    method: String,
    #[command(flatten)]
    model: ModelArguments,
    /// Which number is read from a model that states one of ten levels
    #[arg(long, value_enum)]
    confidence: Option<Confidence>,
    /// `world-facts`, a file of questions in any known form, or a folder of them
    #[arg(long, value_name = "FILE")]
    questions: String,
    /// Only questions of this split: train, dev, test or held-out; test where the file has splits
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// At most this many questions, drawn at random with the seed
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Samples a question for self-consistency
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    #[command(flatten)]
    decoding: DecodingArguments,
    /// A shipped prompt's name, or a file; without it the method's own
    #[arg(long, value_name = "FILE")]
    prompt: Option<String>,
    /// Other wordings of the prompt: the measures' spread over all is told
    #[arg(long, value_name = "FILE,…", value_delimiter = ',')]
    prompt_variants: Vec<String>,
    /// Fit a map from confidence to probability on the dev questions, keep it in
    /// DIR/recalibration.json, and measure what it makes of these answers
    #[arg(
        long,
        value_enum,
        value_name = "FAMILY",
        conflicts_with = "recalibration"
    )]
    recalibrate: Option<Family>,
    /// Apply a map that was fitted before
    #[arg(long, value_name = "FILE")]
    recalibration: Option<PathBuf>,
    /// Draw so many answers more to each question, and tell how well their agreement does as a
    /// confidence
    #[arg(long, value_name = "N", default_value_t = 0)]
    agreement: usize,
    /// An OpenAI-compatible server whose model judges correctness, by similarity with the gold answer
    /// alone; without it strings are compared
    #[arg(long, value_name = "URL", requires = "judge_model")]
    judge_endpoint: Option<String>,
    /// The name that the judge's server gives its model
    #[arg(long, value_name = "NAME", requires = "judge_endpoint")]
    judge_model: Option<String>,
    #[command(flatten)]
    stage: StageArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Family {
    /// One temperature for all
    Temperature,
    /// A logistic curve
    Platt,
    /// Rising steps
    Isotonic,
}

#[derive(Clone, Copy, ValueEnum)]
enum Confidence {
    /// The level that was written
    Stated,
    /// The most probable level
    Mode,
    /// The expected value over the ten levels
    Expected,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let method = Method::named(&arguments.method)?;
    let stage = &arguments.stage;
    let mut config = stage.config()?;
    arguments.model.apply(&mut config);
    config.questions.source = arguments.questions;
    let mut evaluation = EvaluateConfig {
        decoding: method.decoding(),
        ..EvaluateConfig::default()
    };
    evaluation.method = arguments.method;
    evaluation.confidence = arguments.confidence.map(|readout| match readout {
        Confidence::Stated => Readout::Stated,
        Confidence::Mode => Readout::Mode,
        Confidence::Expected => Readout::Expected,
    });
    evaluation.limit = arguments.limit;
    evaluation.samples = arguments.samples.unwrap_or(evaluation.samples);
    evaluation.prompt = arguments.prompt;
    evaluation.prompt_variants = arguments.prompt_variants;
    evaluation.agreement = arguments.agreement;
    evaluation.recalibrate = arguments.recalibrate.map(|family| match family {
        Family::Temperature => recalibrate::Family::Temperature,
        Family::Platt => recalibrate::Family::Platt,
        Family::Isotonic => recalibrate::Family::Isotonic,
    });
    let recalibration = match &arguments.recalibration {
        Some(path) => Some(Fitted::read(path)?.map),
        None => None,
    };
    evaluation.recalibration = arguments
        .recalibration
        .map(|path| path.to_string_lossy().into_owned());
    arguments.decoding.apply(&mut evaluation.decoding);
    if let Some(url) = &arguments.judge_endpoint {
        arguments
            .model
            .how()
            .apply(&mut evaluation.judge, Some(url));
        if let Some(judge) = &mut evaluation.judge {
            judge.model.clone_from(&arguments.judge_model);
        }
    }

    let questions = question_source::load(&config.questions.source, stage.skip_invalid)?;
    let has_test = questions
        .questions
        .iter()
        .any(|question| question.split == Some(datasets::Split::Test));
    let split = arguments
        .split
        .or_else(|| has_test.then(|| "test".to_owned()));
    // A file without splits is asked whole; the configuration knows no word for that.
    if let Some(split) = &split {
        evaluation.split.clone_from(split);
    }
    let asked = choose(
        &questions.questions,
        split.as_deref(),
        evaluation.limit,
        config.seed,
    )?;
    let dev = match evaluation.recalibrate {
        Some(_) => draw(
            of_split(&questions.questions, "dev")?,
            config.questions.dev,
            config.seed,
        ),
        None => Vec::new(),
    };
    let variants = evaluation.prompt_variants.iter();
    let variants = variants
        .map(|name| Ok((name.clone(), prompt(Some(name))?)))
        .collect::<anyhow::Result<_>>()?;
    let asked_prompt = prompt(evaluation.prompt.as_deref().or(method.prompt_name()))?;
    config.evaluate = vec![evaluation.clone()];
    config.check().map_err(|error| bad_use(error.to_string()))?;

    let mut loaded =
        arguments
            .model
            .load_configured(&config, limits(ROWS, config.memory_mb), globals)?;
    if method == Method::SequenceLikelihood {
        loaded = loaded.with_logprobs();
    }
    check_adapter(
        &evaluation.method,
        loaded.has_adapter,
        loaded.label.as_deref(),
    )?;
    let levels = loaded.local_if_any().and_then(|local| {
        Some(LevelReader {
            decoder: &local.sampler.decoder,
            tokenizer: &local.sampler.tokenizer,
            tokens: local.levels.as_ref()?,
        })
    });
    let subject = Subject {
        sampler: loaded.sampler(),
        levels,
        prompt: asked_prompt,
        variants,
        recalibration,
        model: loaded.name.clone(),
        questions: name_of(&config.questions.source),
    };
    let provenance = Provenance {
        questions_sha256: questions.sha256.clone(),
        ..loaded.provenance("evaluate")
    }
    .with_prompts(prompts_of(&config))?;
    let metrics = stage.run_stage(globals, config, provenance, |context, _| {
        question_source::write_skipped(context, &questions)?;
        evaluate(context, &evaluation, &subject, &asked, &dev)
    })?;
    if stage.json {
        return output::json(&metrics);
    }
    let judged = output::judge(&metrics);
    let table = output::table(&[(evaluation.method, metrics)]);
    output::line((table + &judged).trim_end())
}

/// The paper's names are methods of teaching: they need an adapter that was taught so.
fn check_adapter(method: &str, has_adapter: bool, label: Option<&str>) -> anyhow::Result<()> {
    // A prompt can be put to any model, but what R-Tuning says only to one that was taught so.
    let is_asked = !Method::needs_adapter(method);
    if is_asked && (method != "r-tuning" || !has_adapter) {
        return Ok(());
    }
    if !has_adapter {
        return Err(bad_use(format!(
            "method {method} reads a taught model: name its --adapter, or use direct-prompting"
        )));
    }
    match label {
        Some(label) if label != method => Err(bad_use(format!(
            "the adapter was taught as {label:?}: use --method {label}, or an adapter taught as {method}"
        ))),
        _ => Ok(()),
    }
}
