//! `sayself faithfulness`.

use crate::cli::subject::{DecodingArguments, LoadedSubject, ModelArguments};
use crate::cli::{Globals, output};
use crate::embed::encoder;
use crate::error::{Error, bad_input, bad_use};
use crate::events::EventLog;
use crate::learn::optimize::ADAPTER;
use crate::run_dir::{Provenance, RunDir, RunFile};
use crate::sampler::local::limits;
use crate::stages::StageContext;
use crate::stages::evaluate::{ANSWERS, Method};
use crate::stages::faithfulness::{
    Input, JudgeServer, LocalWordReader, ROWS, Subject, WordReader, faithfulness, read_ratings,
};
use crate::stages::run::prompt;
use clap::{Args, ValueEnum};
use datasets::RunConfig;
use datasets::config::{
    ClusterBy, EndpointConfig, EvaluateConfig, FaithfulnessBy, FaithfulnessConfig, SummaryBy,
    WordsOf,
};
use datasets::prompts::Prompt;
use std::path::{Path, PathBuf};

/// Measure whether rationales tell what the model really wavers between.
///
/// INPUT is a run directory with an evaluation whose answers have rationales, the folder of such an
/// evaluation, or a file of the reference: JSONL with `question`, `reason` and `responses`. For a run,
/// the model that gave the answers is asked each question again, many times; the rationale is then
/// compared with the clusters of these samples. Beside every figure stand two controls: rationales of
/// other questions, and one constant rationale. Questions on which all samples agree are reported apart.
/// Writes scores.jsonl, metrics.json and skipped.jsonl into RUN/faithfulness/LABEL, or into --out.
/// The judge's key comes from the environment (SAYSELF_API_KEY, else OPENAI_API_KEY).
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself faithfulness runs/demo --label sayself --limit 100\n  sayself faithfulness runs/demo --by names,judge --judge-endpoint http://127.0.0.1:8000 --judge-model judge\n  sayself faithfulness responses.jsonl --by names --out faithful --json\n  sayself faithfulness runs/demo --by names,people --ratings ratings/ratings.jsonl"
)]
pub struct Arguments {
    /// A run directory, the folder of an evaluation, or a faithfulness file
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// The evaluation of the run, by its label
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// Measures, by commas; without it names and self-reflect
    #[arg(long, value_enum, value_delimiter = ',', value_name = "MEASURE,…")]
    by: Vec<By>,
    #[command(flatten)]
    model: ModelArguments,
    /// Samples of each question, drawn of the model that is measured
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    #[command(flatten)]
    decoding: DecodingArguments,
    /// At most this many questions with a rationale, drawn at random with the seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Judge a summary of the sampled rationales, in place of the answer's own one
    #[arg(long, value_enum)]
    summary: Option<Summary>,
    /// An OpenAI-compatible server that judges
    #[arg(long, value_name = "URL")]
    judge_endpoint: Option<String>,
    /// The name that the judge's server gives its model
    #[arg(long, value_name = "NAME")]
    judge_model: Option<String>,
    /// The judge's prompt: a shipped prompt's name, or a file
    #[arg(long, value_name = "FILE")]
    judge_prompt: Option<String>,
    /// People's ratings, as `sayself annotate export` writes them, or any JSONL or CSV with `id` (the
    /// question's), `annotator` and `score` from 0 to 10
    #[arg(long, value_name = "FILE")]
    ratings: Option<PathBuf>,
    /// Where the records go; without it RUN/faithfulness/LABEL
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Every random choice follows from it; without it the run's
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Count malformed rows of ratings in skipped.jsonl and go on, in place of failing
    #[arg(long)]
    skip_invalid: bool,
    /// Print the measures as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// The answers that it names, and their shares
    Names,
    /// The masked words that it tells (SelfReflect), by a model on this machine
    SelfReflect,
    /// A language model behind --judge-endpoint
    Judge,
    /// Ratings of people, --ratings
    People,
}

#[derive(Clone, Copy, ValueEnum)]
enum Summary {
    /// The rationale itself
    None,
    /// By the model on this machine
    Model,
    /// By the judge's endpoint
    Judge,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let source = Source::find(&arguments.input, arguments.label.as_deref())?;
    let mut run = source.config()?;
    let mut config = run.faithfulness.clone().unwrap_or_default();
    arguments.apply(&mut config);
    run.seed = arguments.seed.unwrap_or(run.seed);
    arguments.model.apply(&mut run);
    run.faithfulness = Some(config.clone());
    run.check().map_err(|error| bad_use(error.to_string()))?;
    check_needs(&config)?;

    let input = match &source {
        Source::File(path) => Input::of_file(path, config.limit, run.seed)?,
        Source::Evaluation {
            run: of,
            folder,
            label,
        } => Input::of_evaluation(label, folder, of, config.limit, run.seed)?,
    };
    let asked_as = source.asked_as(&run)?;
    let server = JudgeServer::connect(&config)?;
    let ratings = match config
        .ratings
        .as_ref()
        .filter(|_| config.by.contains(&FaithfulnessBy::People))
    {
        Some(path) => Some(read_ratings(
            Path::new(path),
            "faithfulness",
            arguments.skip_invalid,
        )?),
        None => None,
    };
    let needs_model = input.given.is_none()
        || config.by.contains(&FaithfulnessBy::SelfReflect)
        || config.summary == SummaryBy::Model;
    let loaded = match needs_model {
        true => Some(arguments.load(&run, asked_as.adapter.clone(), globals)?),
        false => None,
    };
    if let Some(loaded) = loaded.as_ref().filter(|_| input.given.is_none()) {
        arguments.check_asked(&source, &loaded.provenance("faithfulness"))?;
    }
    let words = words_of(loaded.as_ref(), &config)?;
    let embedder = match run.cluster.by {
        ClusterBy::Answer => None,
        ClusterBy::Embedding => Some(encoder(&run, globals.quiet)?.0),
    };
    let subject = Subject {
        sampler: loaded
            .as_ref()
            .filter(|_| input.given.is_none())
            .map(LoadedSubject::sampler),
        prompt: asked_as.prompt,
        model: loaded
            .as_ref()
            .map_or_else(String::new, |loaded| loaded.name.clone()),
        model_sha256: loaded.as_ref().map_or_else(String::new, |loaded| {
            loaded.provenance("faithfulness").model_sha256
        }),
        adapter_sha256: loaded.as_ref().map_or_else(String::new, |loaded| {
            loaded.provenance("faithfulness").adapter_sha256
        }),
        cluster: run.cluster.clone(),
        embedder: embedder.as_deref(),
        words: words.as_ref().map(|words| words as &dyn WordReader),
        summariser: loaded.as_ref().map(LoadedSubject::sampler),
        judge: server.as_ref().map(JudgeServer::judge),
        ratings,
    };
    let label = input.label.clone();
    let stage = format!("faithfulness/{label}");
    let (dir, records) = match (&arguments.out, &source) {
        (Some(out), _) => (RunDir::open(out)?, String::new()),
        (None, Source::Evaluation { run, .. }) if is_run(run) => {
            (RunDir::open(run)?, stage.clone())
        }
        (None, _) => {
            return Err(bad_use(
                "--out DIR is needed where INPUT is no run directory",
            ));
        }
    };
    let events = EventLog::open(dir.path().join("events.jsonl"))?;
    let context = StageContext {
        records: dir.folder(&records)?,
        events: &events,
        stage,
        seed: run.seed,
        skip_invalid: arguments.skip_invalid,
        quiet: globals.quiet,
    };
    let measured = context.told(faithfulness(&context, &config, &subject, input))?;
    match arguments.json {
        true => output::json(&measured),
        false => output::line(output::faithfulness_table(&label, &measured).trim_end()),
    }
}

impl Arguments {
    /// What the flags say goes before the run's configuration.
    fn apply(&self, config: &mut FaithfulnessConfig) {
        if !self.by.is_empty() {
            config.by = self
                .by
                .iter()
                .map(|by| match by {
                    By::Names => FaithfulnessBy::Names,
                    By::SelfReflect => FaithfulnessBy::SelfReflect,
                    By::Judge => FaithfulnessBy::Judge,
                    By::People => FaithfulnessBy::People,
                })
                .collect();
            config.by.sort_unstable();
            config.by.dedup();
        }
        config.samples = self.samples.unwrap_or(config.samples);
        self.decoding.apply(&mut config.decoding);
        config.limit = self.limit.map(|limit| limit as usize).or(config.limit);
        config.summary = self
            .summary
            .map_or(config.summary, |summary| match summary {
                Summary::None => SummaryBy::None,
                Summary::Model => SummaryBy::Model,
                Summary::Judge => SummaryBy::Judge,
            });
        let how = self.model.how();
        how.apply(&mut config.judge, self.judge_endpoint.as_deref());
        if let (Some(judge), Some(model)) = (&mut config.judge, &self.judge_model) {
            judge.model = Some(model.clone());
        }
        if let Some(prompt) = &self.judge_prompt {
            config.judge_prompt.clone_from(prompt);
        }
        if let Some(ratings) = &self.ratings {
            config.ratings = Some(ratings.to_string_lossy().into_owned());
        }
    }

    /// The model that is measured, with the adapter that the run taught.
    fn load(
        &self,
        run: &RunConfig,
        adapter: Option<PathBuf>,
        globals: &Globals,
    ) -> anyhow::Result<LoadedSubject> {
        let model = self.model.or_adapter(adapter.clone());
        if let Some(missing) = adapter.filter(|folder| !folder.is_dir()) {
            let is_named = self.model.has_endpoint() || self.model.has_adapter();
            if !is_named {
                return Err(bad_use(format!(
                    "the run does not keep its adapter ({} is missing); name it by --adapter",
                    missing.display()
                )));
            }
        }
        let limits = limits(ROWS, run.memory_mb);
        match model.has_adapter() {
            true => model.load(&run.model, limits, globals),
            // The base model is asked where the answers came from.
            false => model.load_configured(run, limits, globals),
        }
    }

    /// Whether the model that is sampled gave the answers; one that was named is taken at its word.
    fn check_asked(&self, source: &Source, loaded: &Provenance) -> anyhow::Result<()> {
        let is_named =
            self.model.has_endpoint() || self.model.has_adapter() || self.model.has_model();
        let Some(asked) = source.provenance()?.filter(|_| !is_named) else {
            return Ok(());
        };
        for (what, asked, loaded, flag) in [
            (
                "model",
                &asked.model_sha256,
                &loaded.model_sha256,
                "--model",
            ),
            (
                "adapter",
                &asked.adapter_sha256,
                &loaded.adapter_sha256,
                "--adapter",
            ),
        ] {
            if asked != loaded {
                let told = |sha256: &str| match sha256 {
                    "" => "none".to_owned(),
                    sha256 => format!("SHA-256 {sha256}"),
                };
                return Err(bad_use(format!(
                    "the answers are of another {what} than would be sampled ({} there, {} here): name it by {flag}",
                    told(asked),
                    told(loaded)
                )));
            }
        }
        Ok(())
    }
}

/// What is said at once of a measure that cannot be taken.
fn check_needs(config: &FaithfulnessConfig) -> anyhow::Result<()> {
    let asks_judge =
        config.by.contains(&FaithfulnessBy::Judge) || config.summary == SummaryBy::Judge;
    let is_named = |judge: &EndpointConfig| judge.model.is_some();
    if asks_judge && !config.judge.as_ref().is_some_and(is_named) {
        return Err(bad_use(
            "a judge needs --judge-endpoint URL and --judge-model NAME",
        ));
    }
    if config.by.contains(&FaithfulnessBy::People) && config.ratings.is_none() {
        return Err(bad_use("--by people needs --ratings FILE"));
    }
    Ok(())
}

/// The model that SelfReflect asks, in this process.
fn words_of(
    loaded: Option<&LoadedSubject>,
    config: &FaithfulnessConfig,
) -> anyhow::Result<Option<LocalWordReader>> {
    let Some(loaded) = loaded.filter(|_| config.by.contains(&FaithfulnessBy::SelfReflect)) else {
        return Ok(None);
    };
    let local = &loaded.local("--by self-reflect")?.sampler;
    Ok(Some(LocalWordReader {
        decoder: match config.self_reflect_model {
            WordsOf::Base => local.decoder.without_adapter(),
            WordsOf::Taught => local.decoder.clone(),
        },
        tokenizer: local.tokenizer.clone(),
    }))
}

/// Where the answers are.
enum Source {
    File(PathBuf),
    Evaluation {
        /// The run directory; of an evaluation that stands alone, its own folder.
        run: PathBuf,
        folder: PathBuf,
        label: String,
    },
}

/// How the answers were asked for.
struct AskedAs {
    prompt: Prompt,
    adapter: Option<PathBuf>,
}

fn is_run(folder: &Path) -> bool {
    folder.join("evaluate").is_dir()
}

impl Source {
    fn find(input: &Path, label: Option<&str>) -> anyhow::Result<Source> {
        if input.is_file() {
            return Ok(Source::File(input.to_path_buf()));
        }
        let metadata = input.metadata();
        metadata.map_err(|source| Error::Read {
            path: input.to_path_buf(),
            source,
        })?;
        if input.join(ANSWERS).is_file() {
            let folder = input.canonicalize().unwrap_or_else(|_| input.to_path_buf());
            let above = folder.ancestors().nth(2).filter(|above| is_run(above));
            return Ok(Source::Evaluation {
                run: above.unwrap_or(&folder).to_path_buf(),
                label: folder.file_name().map_or_else(
                    || "evaluation".to_owned(),
                    |name| name.to_string_lossy().into_owned(),
                ),
                folder,
            });
        }
        let evaluations = evaluations_of(input)?;
        let label = match label {
            Some(label) => evaluations.iter().find(|known| *known == label),
            None => evaluations
                .iter()
                .find(|known| *known == "sayself")
                .or_else(|| evaluations.first().filter(|_| evaluations.len() == 1)),
        };
        let label = label.ok_or_else(|| {
            bad_use(format!(
                "{}: which evaluation? --label is one of {}",
                input.display(),
                evaluations.join(", ")
            ))
        })?;
        Ok(Source::Evaluation {
            run: input.to_path_buf(),
            folder: input.join("evaluate").join(label),
            label: label.clone(),
        })
    }

    /// The configuration that the answers came of; the defaults for a file.
    fn config(&self) -> anyhow::Result<RunConfig> {
        let Source::Evaluation { run, .. } = self else {
            return Ok(RunConfig::default());
        };
        let path = run.join("run.toml");
        match path.is_file() {
            true => crate::cli::stage_run::read_config(&path),
            false => Ok(RunConfig::default()),
        }
    }

    /// What gave the answers of an evaluation that stands alone; a run's is the run's own model.
    fn provenance(&self) -> anyhow::Result<Option<Provenance>> {
        let Source::Evaluation { run, .. } = self else {
            return Ok(None);
        };
        if is_run(run) || !run.join("run.toml").is_file() {
            return Ok(None);
        }
        Ok(Some(RunFile::read(run)?.provenance))
    }

    fn asked_as(&self, config: &RunConfig) -> anyhow::Result<AskedAs> {
        let Source::Evaluation { run, label, .. } = self else {
            return Ok(AskedAs {
                prompt: Prompt::default(),
                adapter: None,
            });
        };
        let evaluations = config.evaluations();
        let planned = evaluations.iter().find(|one| one.label == *label);
        // An evaluation that stands alone has its method in its own configuration.
        let only = config
            .evaluate
            .first()
            .filter(|_| config.evaluate.len() == 1);
        let default = EvaluateConfig::default();
        let evaluation = planned.map_or(only.unwrap_or(&default), |one| one.config);
        let method = Method::named(&evaluation.method)?;
        let adapter = planned.and_then(|one| one.adapter).filter(|_| is_run(run));
        Ok(AskedAs {
            prompt: prompt(evaluation.prompt.as_deref().or(method.prompt_name()))?,
            adapter: adapter
                .map(|(stage, seed)| run.join(format!("{stage}/seed-{seed}")).join(ADAPTER)),
        })
    }
}

fn evaluations_of(run: &Path) -> anyhow::Result<Vec<String>> {
    let folder = run.join("evaluate");
    let read_error = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => bad_input(format!(
            "{}: expected a run directory with evaluations, or an evaluation's folder with {ANSWERS}",
            run.display()
        )),
        _ => Error::Read {
            path: folder.clone(),
            source,
        }
        .into(),
    };
    let mut labels = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(read_error)? {
        let entry = entry.map_err(read_error)?;
        if entry.path().join(ANSWERS).is_file() {
            labels.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    labels.sort();
    Ok(labels)
}
