//! `run`: the whole pipeline from one configuration.
//!
//! ```text
//! questions ─ sample, greedy ─ cluster ─ rationalize ─ build ─┬─ sft/seed-1 ─ rl/seed-1 ─┐
//!                                                             └─ sft/seed-2 ─ rl/seed-2 ─┴─ evaluate/LABEL …
//!                                                                                          │
//!                                                      with [faithfulness]: faithfulness/LABEL …
//! ```
//!
//! A stage that is done is not done again; one that was cut short goes on where it stood.

use crate::embed::{self, SentenceEncoder};
use crate::error::bad_use;
use crate::events::EventLog;
use crate::learn::Student;
use crate::learn::optimize::ADAPTER;
use crate::model_source::{self, ModelSource, adapter_sha256, load_adapter};
use crate::question_source::{self, QuestionSet};
use crate::run_dir::{Provenance, RunDir, RunFile, read_records, write_records};
use crate::sampler::Sampler;
use crate::sampler::http::HttpSampler;
use crate::sampler::local::{LocalSampler, level_reading, limits};
use crate::stages::build::BuildInputs;
use crate::stages::evaluate::{
    ANSWERS, Fitted, LevelReader, METRICS, Method, RECALIBRATION, Subject, evaluate, read_metrics,
};
use crate::stages::faithfulness::{JudgeServer, LocalWordReader};
use crate::stages::questions;
use crate::stages::rationalize::TeacherInputs;
use crate::stages::reuse::reuse;
use crate::stages::{StageContext, build, cluster, faithfulness, rationalize, rl, sample, sft};
use anyhow::Context;
use clap::ValueEnum;
use datasets::config::{
    ClusterBy, EvaluateConfig, Evaluation, FaithfulnessBy, FaithfulnessConfig, SampleConfig,
    Selection, SummaryBy, WordsOf,
};
use datasets::event::EventKind;
use datasets::prompts::Prompt;
use datasets::reference::StageOneSet;
use datasets::{Answer, Question, RunConfig};
use model::Decoder;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the events call the end of a run that was to stop after a stage, before the stage's name.
pub const STOPPED_AFTER: &str = "until/";
/// Rows decoded at once while evaluating.
const EVALUATION_ROWS: usize = 64;

/// How a run behaves beside its configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    pub skip_invalid: bool,
    pub quiet: bool,
    /// The last stage that is done; absent: all that the configuration asks for.
    pub until: Option<Stage>,
}

/// The stages of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    Sample,
    Cluster,
    Rationalize,
    Build,
    Sft,
    Rl,
    Evaluate,
    Faithfulness,
}

impl Stage {
    /// As the command line and the events call it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Sample => "sample",
            Stage::Cluster => "cluster",
            Stage::Rationalize => "rationalize",
            Stage::Build => "build",
            Stage::Sft => "sft",
            Stage::Rl => "rl",
            Stage::Evaluate => "evaluate",
            Stage::Faithfulness => "faithfulness",
        }
    }
}

/// One evaluation of a finished run: its label and measures.
pub type Measured = (String, serde_json::Value);

/// What a finished run measured, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub evaluations: Vec<Measured>,
    /// Of the evaluations whose rationales were measured.
    pub faithfulness: Vec<Measured>,
}

/// Runs what is not done yet; returns the measures of every evaluation, and of the rationales where they
/// are wanted. What one of the `donors` made with the same configuration is taken from there ([`reuse()`]).
///
/// # Errors
/// Of the first stage that fails; it is named, an event says so, and the same command goes on from
/// there.
pub fn run(
    config: &RunConfig,
    out: &Path,
    donors: &[PathBuf],
    options: RunOptions,
) -> anyhow::Result<Outcome> {
    let plan = plan(config)?;
    has_stage(config, options.until)?;
    // Said before hours are spent, not after.
    let judge = match &config.faithfulness {
        Some(of) => judge_of(of)?,
        None => None,
    };
    // A model that is only asked, elsewhere, is not needed here.
    let is_taught = matches!(options.until, Some(Stage::Sft | Stage::Rl));
    let is_needed =
        config.endpoint.is_none() || is_taught || plan.iter().any(|one| one.adapter.is_some());
    let source = is_needed
        .then(|| model_source::resolve(&config.model, options.quiet))
        .transpose()?;
    let http = config
        .endpoint
        .as_ref()
        .map(|endpoint| HttpSampler::new(endpoint, &config.model))
        .transpose()?;
    let set = question_source::load(&config.questions.source, options.skip_invalid)?;
    let dir = RunDir::open(out)?;
    let provenance = Provenance {
        model_sha256: match &source {
            Some(source) => source.sha256()?,
            None => String::new(),
        },
        questions_sha256: set.sha256.clone(),
        ..Provenance::of("run")
    }
    .with_prompts(prompts_of(config))?;
    let file = RunFile {
        provenance,
        config: config.clone(),
    };
    dir.settle_config(&file)?;
    let events = EventLog::open(dir.path().join("events.jsonl"))?;
    take_over(&dir, &file, donors, &events)?;
    let pipeline = Pipeline {
        config,
        options,
        dir,
        events,
        source,
        http,
        set,
        student: OnceCell::new(),
        judge,
    };
    let begun = std::time::Instant::now();
    let outcome = pipeline.run(&plan)?;
    if let Some(until) = options.until {
        // So that who looks knows that it ended as it should.
        let seconds = begun.elapsed().as_secs_f64();
        let stage = format!("{STOPPED_AFTER}{}", until.name());
        pipeline
            .events
            .write(&stage, EventKind::Finished { seconds })?;
    }
    Ok(outcome)
}

/// Takes from the donors what they have made, and says so.
fn take_over(
    dir: &RunDir,
    file: &RunFile,
    donors: &[PathBuf],
    events: &EventLog,
) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    let taken = reuse(dir, file, donors)?;
    if taken.is_empty() {
        return Ok(());
    }
    let total = taken.len() as u64;
    let started = EventKind::Started {
        done: 0,
        total,
        unit: "parts".into(),
    };
    events.write("reuse", started)?;
    for (part, donor) in taken {
        events.note("reuse", format!("{part}: taken from {}", donor.display()))?;
    }
    events.write("reuse", EventKind::Progress { done: total, total })?;
    let seconds = begun.elapsed().as_secs_f64();
    events.write("reuse", EventKind::Finished { seconds })
}

/// Whether the configuration has the stage that was asked for.
fn has_stage(config: &RunConfig, until: Option<Stage>) -> anyhow::Result<()> {
    let (is_there, table) = match until {
        Some(Stage::Evaluate) => (!config.evaluate.is_empty(), "[[evaluate]]"),
        Some(Stage::Faithfulness) => (config.faithfulness.is_some(), "[faithfulness]"),
        _ => return Ok(()),
    };
    if is_there {
        return Ok(());
    }
    Err(bad_use(format!(
        "--until: the configuration has no {table}; add one, or choose an earlier stage"
    )))
}

/// The evaluations in order, checked.
fn plan(config: &RunConfig) -> anyhow::Result<Vec<Evaluation<'_>>> {
    let planned = config.evaluations();
    for one in &planned {
        let method = &one.config.method;
        Method::named(method)?;
        let taught = one.adapter.map(|(stage, _)| config.label_of(stage));
        let is_read = Method::needs_adapter(method) || method == "r-tuning";
        match taught {
            Some(taught) if is_read && taught != method => {
                return Err(bad_use(format!(
                    "evaluate.method: found {method:?}, expected {taught:?}: that is what [sft] and [rl] of \
                     this configuration teach"
                )));
            }
            None if Method::needs_adapter(method) => {
                return Err(bad_use(format!(
                    "evaluate.adapter: found \"none\", expected \"sft\" or \"rl\": {method} reads a taught \
                     model"
                )));
            }
            _ => {}
        }
    }
    let labels = config.faithfulness.iter().flat_map(|of| &of.labels);
    for label in labels {
        if planned.iter().all(|one| one.label != *label) {
            return Err(bad_use(format!(
                "faithfulness.labels: found {label:?}, which is no evaluation's label"
            )));
        }
    }
    let reflected = config
        .faithfulness
        .as_ref()
        .filter(|of| config.endpoint.is_some() && of.by.contains(&FaithfulnessBy::SelfReflect));
    if let Some(of) = reflected {
        // Without labels those are measured that have rationales, which is not known yet.
        let is_named =
            |one: &&Evaluation<'_>| of.labels.is_empty() || of.labels.contains(&one.label);
        let mut named = planned.iter().filter(is_named).peekable();
        let is_elsewhere = |one: &Evaluation<'_>| one.adapter.is_none();
        let none_is_here = match of.labels.is_empty() {
            true => named.peek().is_some() && named.all(is_elsewhere),
            false => named.any(is_elsewhere),
        };
        if none_is_here {
            return Err(bad_use(
                "faithfulness.by: found \"self-reflect\" and answers of an endpoint, expected other measures: \
                 it needs the model on this machine",
            ));
        }
    }
    for (index, one) in planned.iter().enumerate() {
        if planned[..index]
            .iter()
            .any(|other| other.label == one.label)
        {
            return Err(bad_use(format!(
                "two evaluations have the label {:?}; give one of them another `label`",
                one.label
            )));
        }
        if one.label.is_empty() || one.label.contains(['/', '\\']) || one.label.starts_with('.') {
            return Err(bad_use(format!(
                "evaluate.label: {:?} is no name of a folder",
                one.label
            )));
        }
    }
    Ok(planned)
}

struct Pipeline<'a> {
    config: &'a RunConfig,
    options: RunOptions,
    dir: RunDir,
    events: EventLog,
    /// The model here; absent where it is only asked elsewhere.
    source: Option<ModelSource>,
    /// The model elsewhere.
    http: Option<HttpSampler>,
    set: QuestionSet,
    /// Loaded once, when the first stage needs it.
    student: OnceCell<Student>,
    judge: Option<JudgeServer>,
}

impl Pipeline<'_> {
    fn run(&self, plan: &[Evaluation<'_>]) -> anyhow::Result<Outcome> {
        let questions = self.questions()?;
        let train = questions::of_split(&questions, "train")?;
        let last = self.options.until.unwrap_or(Stage::Faithfulness);
        let mut needs: Vec<(&'static str, u64)> = Vec::new();
        for planned in plan {
            if !self.is_measured(planned, last)? {
                needs.extend(planned.adapter);
            }
        }
        let mut outcome = Outcome::default();
        // A stage of the teaching that is asked for by name is done even where no evaluation needs it.
        if !needs.is_empty() || last <= Stage::Rl {
            let Some(stage_one) = self.stage_one(&questions, &train, last)? else {
                return Ok(outcome);
            };
            for seed in &self.config.training_seeds {
                let (needs_sft, needs_rl) = match last > Stage::Rl {
                    true => (
                        needs.contains(&("sft", *seed)),
                        needs.contains(&("rl", *seed)),
                    ),
                    false => (true, last == Stage::Rl),
                };
                if needs_sft || needs_rl {
                    self.sft(*seed, &stage_one)?;
                }
                if needs_rl {
                    self.rl(*seed, &train)?;
                }
            }
        }
        if last < Stage::Evaluate {
            return Ok(outcome);
        }
        for planned in plan {
            outcome
                .evaluations
                .push(self.evaluate(planned, &questions)?);
        }
        let wanted = self.config.faithfulness.as_ref();
        if let Some(config) = wanted.filter(|_| last == Stage::Faithfulness) {
            for planned in plan {
                outcome
                    .faithfulness
                    .extend(self.faithfulness(config, planned)?);
            }
        }
        Ok(outcome)
    }

    /// Whether all that is wanted of an evaluation stands in its run directory: then nothing is taught
    /// for it, even where the adapter is gone, as in a recorded run.
    fn is_measured(&self, planned: &Evaluation<'_>, last: Stage) -> anyhow::Result<bool> {
        let folder = |of: &str| self.dir.path().join(of).join(&planned.label);
        if !folder("evaluate").join(METRICS).exists() {
            return Ok(false);
        }
        let config = self.config.faithfulness.as_ref();
        match config.filter(|_| last == Stage::Faithfulness) {
            Some(config) if !folder("faithfulness").join(faithfulness::METRICS).exists() => {
                Ok(!self.has_faithfulness(config, planned)?)
            }
            _ => Ok(true),
        }
    }

    /// Whether the rationales of a finished evaluation are to be measured: where they are wanted, and
    /// there are any.
    fn has_faithfulness(
        &self,
        config: &FaithfulnessConfig,
        planned: &Evaluation<'_>,
    ) -> anyhow::Result<bool> {
        match config.labels.is_empty() {
            true => has_rationales(&self.dir.path().join("evaluate").join(&planned.label)),
            false => Ok(config.labels.contains(&planned.label)),
        }
    }

    /// `questions.jsonl`: written once, so that a run keeps its questions.
    fn questions(&self) -> anyhow::Result<Vec<Question>> {
        let path = self.dir.path().join("questions.jsonl");
        if path.exists() {
            return read_records(&path);
        }
        let questions = questions::settle(
            &self.set.questions,
            &self.config.questions,
            self.config.seed,
        );
        write_records(&path, &questions)?;
        Ok(questions)
    }

    fn student(&self) -> anyhow::Result<&Student> {
        if let Some(student) = self.student.get() {
            return Ok(student);
        }
        let source = self
            .source
            .as_ref()
            .context("the model is behind an endpoint, and not here")?;
        let student = Student::load(source, self.config.memory_mb)?;
        Ok(self.student.get_or_init(|| student))
    }

    fn context(&self, stage: &str, folder: &str, seed: u64) -> anyhow::Result<StageContext<'_>> {
        Ok(StageContext {
            records: self.dir.folder(folder)?,
            events: &self.events,
            stage: stage.to_owned(),
            seed,
            skip_invalid: self.options.skip_invalid,
            quiet: self.options.quiet,
        })
    }

    /// Runs a stage in its folder; a failure is told to who watches.
    fn stage<T>(
        &self,
        stage: &str,
        seed: u64,
        work: impl FnOnce(&StageContext<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let context = self.context(stage, stage, seed)?;
        let outcome = work(&context);
        context
            .told(outcome)
            .with_context(|| format!("stage {stage}"))
    }

    /// `sample`, `greedy`, `cluster`, `rationalize` and `build`: the file that `sft` reads; nothing where
    /// `last` comes before `sft`.
    fn stage_one(
        &self,
        questions: &[Question],
        train: &[Question],
        last: Stage,
    ) -> anyhow::Result<Option<PathBuf>> {
        let config = self.config;
        let file_of = |folder: &str, name: &str| self.dir.path().join(folder).join(name);
        let folder = file_of("build", build::STAGE_ONE);
        let file = folder.join(config.sft.data.file_name());
        // Written last: where it stands, the others do too.
        if folder.join(StageOneSet::Sayself.file_name()).exists() {
            return Ok((last >= Stage::Sft).then_some(file));
        }
        let draw = |stage: &str, sample: &SampleConfig, file: &str| {
            self.stage(stage, config.seed, |context| {
                question_source::write_skipped(context, &self.set)?;
                let prompt = prompt(sample.prompt.as_deref())?;
                if let Some(http) = &self.http {
                    return sample::sample(context, sample, &prompt, train, http, file);
                }
                let student = self.student()?;
                let sampler = LocalSampler {
                    decoder: student.decoder.clone(),
                    tokenizer: student.tokenizer.clone(),
                    limits: limits(sample.batch, config.memory_mb),
                    reading: None,
                };
                sample::sample(context, sample, &prompt, train, &sampler, file)
            })?;
            Ok::<PathBuf, anyhow::Error>(file_of(stage, file))
        };
        let samples = draw("sample", &config.sample, sample::SAMPLES)?;
        // The answer that the model gives when it is asked once: what it is taught on.
        let greedy = match config.build.selection {
            Selection::OwnAnswers => Some(draw("greedy", &config.sample.greedy(), sample::GREEDY)?),
            Selection::CorrectOnly => None,
        };
        if last == Stage::Sample {
            return Ok(None);
        }
        self.stage("cluster", config.seed, |context| {
            cluster::cluster(
                context,
                &config.cluster,
                questions,
                &samples,
                self.encoder(config.cluster.by == ClusterBy::Embedding)?
                    .as_deref(),
            )
        })?;
        if last == Stage::Cluster {
            return Ok(None);
        }
        let clusters = file_of("cluster", cluster::CLUSTERS);
        self.stage("rationalize", config.seed, |context| {
            let inputs = TeacherInputs {
                questions,
                samples: &samples,
            };
            rationalize::rationalize(context, &config.rationalize, &clusters, Some(inputs))
        })?;
        if last == Stage::Rationalize {
            return Ok(None);
        }
        let rationales = file_of("rationalize", rationalize::RATIONALES);
        self.stage("build", config.seed, |context| {
            let inputs = BuildInputs {
                questions,
                samples: &samples,
                clusters: &clusters,
                rationales: &rationales,
                greedy: greedy.as_deref(),
            };
            build::build(
                context,
                &config.build,
                &inputs,
                self.encoder(build::needs_embedder(questions))?.as_deref(),
            )
        })?;
        Ok((last >= Stage::Sft).then_some(file))
    }

    fn sft(&self, seed: u64, stage_one: &Path) -> anyhow::Result<()> {
        let stage = format!("sft/seed-{seed}");
        if self.has_adapter(&stage) {
            return Ok(());
        }
        self.stage(&stage, seed, |context| {
            let bytes = std::fs::read(stage_one)?;
            let records = sft::read_examples(&bytes, &stage_one.to_string_lossy())?;
            sft::sft(
                context,
                &self.config.sft,
                self.config.build.order,
                self.student()?,
                &records,
            )
        })
    }

    fn rl(&self, seed: u64, train: &[Question]) -> anyhow::Result<()> {
        let stage = format!("rl/seed-{seed}");
        if self.has_adapter(&stage) {
            return Ok(());
        }
        let warm_start = self
            .dir
            .path()
            .join(format!("sft/seed-{seed}"))
            .join(ADAPTER);
        let config = &self.config.rl;
        let asked = questions::draw(train.to_vec(), config.questions, self.config.seed);
        self.stage(&stage, seed, |context| {
            rl::rl(
                context,
                config,
                self.config.build.order,
                self.student()?,
                &warm_start,
                &asked,
            )
        })
    }

    fn has_adapter(&self, stage: &str) -> bool {
        self.dir
            .path()
            .join(stage)
            .join(ADAPTER)
            .join("adapter_config.json")
            .exists()
    }

    /// The model behind `sampler`, asked as an evaluation wants it.
    fn subject<'s>(
        &self,
        sampler: &'s dyn Sampler,
        config: &EvaluateConfig,
    ) -> anyhow::Result<Subject<'s>> {
        let method = Method::named(&config.method)?;
        let variants = config.prompt_variants.iter();
        let recalibration = config.recalibration.as_ref();
        Ok(Subject {
            sampler,
            levels: None,
            prompt: prompt(config.prompt.as_deref().or(method.prompt_name()))?,
            variants: variants
                .map(|name| Ok((name.clone(), prompt(Some(name))?)))
                .collect::<anyhow::Result<_>>()?,
            recalibration: recalibration
                .map(|path| Ok::<_, anyhow::Error>(Fitted::read(Path::new(path))?.map))
                .transpose()?,
            model: self.config.model.clone(),
            questions: questions::name_of(&self.config.questions.source),
        })
    }

    fn evaluate(
        &self,
        planned: &Evaluation<'_>,
        questions: &[Question],
    ) -> anyhow::Result<Measured> {
        let stage = format!("evaluate/{}", planned.label);
        let folder = self.dir.path().join(&stage);
        if folder.join(METRICS).exists() {
            return Ok((planned.label.clone(), read_metrics(&folder)?));
        }
        let metrics = self.stage(&stage, self.config.seed, |context| {
            let config = planned.config;
            let asked = questions::draw(
                questions::of_split(questions, &config.split)?,
                config.limit,
                self.config.seed,
            );
            let dev = questions::of_split(questions, "dev")?;
            if let (Some(endpoint), None) = (&self.config.endpoint, planned.adapter) {
                let mut http = HttpSampler::new(endpoint, &self.config.model)?;
                if Method::named(&config.method)? == Method::SequenceLikelihood {
                    http = http.with_logprobs();
                }
                let subject = self.subject(&http, config)?;
                return evaluate(context, config, &subject, &asked, &dev);
            }
            let student = self.student()?;
            let decoder = self.decoder_of(planned)?;
            let sampler = LocalSampler {
                decoder: decoder.clone(),
                tokenizer: student.tokenizer.clone(),
                limits: limits(EVALUATION_ROWS, self.config.memory_mb),
                reading: Some(level_reading(&student.levels)),
            };
            let subject = Subject {
                levels: Some(LevelReader {
                    decoder: &decoder,
                    tokenizer: &student.tokenizer,
                    tokens: &student.levels,
                }),
                ..self.subject(&sampler, config)?
            };
            let metrics = evaluate(context, config, &subject, &asked, &dev)?;
            if let Some((of_stage, seed)) = planned.adapter.filter(|_| config.recalibrate.is_some())
            {
                let adapter = self.dir.path().join(format!("{of_stage}/seed-{seed}"));
                let fitted = Fitted::read(&context.records.join(RECALIBRATION))?;
                fitted.write(&adapter.join(ADAPTER).join(RECALIBRATION))?;
            }
            Ok(metrics)
        })?;
        Ok((planned.label.clone(), metrics))
    }

    /// The model that an evaluation asks, with its adapter.
    fn decoder_of(&self, planned: &Evaluation<'_>) -> anyhow::Result<Decoder> {
        let student = self.student()?;
        let Some((stage, seed)) = planned.adapter else {
            return Ok(student.decoder.clone());
        };
        let lora = load_adapter(
            &self.adapter_of(stage, seed),
            student.decoder.config(),
            student.decoder.device(),
        )?;
        Ok(student.decoder.with_adapter(Arc::new(lora)))
    }

    fn adapter_of(&self, stage: &str, seed: u64) -> PathBuf {
        let folder = self.dir.path().join(format!("{stage}/seed-{seed}"));
        folder.join(ADAPTER)
    }

    /// Whether the rationales of an evaluation are true; nothing where they are not wanted, or there are
    /// none.
    fn faithfulness(
        &self,
        config: &FaithfulnessConfig,
        planned: &Evaluation<'_>,
    ) -> anyhow::Result<Option<Measured>> {
        let label = &planned.label;
        let stage = format!("faithfulness/{label}");
        let folder = self.dir.path().join(&stage);
        if folder.join(faithfulness::METRICS).exists() {
            return Ok(Some((label.clone(), read_metrics(&folder)?)));
        }
        if !self.has_faithfulness(config, planned)? {
            return Ok(None);
        }
        let evaluation = self.dir.path().join("evaluate").join(label);
        let seed = self.config.seed;
        let measured = self.stage(&stage, seed, |context| {
            let input = faithfulness::Input::of_evaluation(
                label,
                &evaluation,
                self.dir.path(),
                config.limit,
                seed,
            )?;
            // What answered elsewhere is asked there again.
            let http = self.http.as_ref().filter(|_| planned.adapter.is_none());
            let local = match http {
                None => Some(self.asked_here(config, planned)?),
                Some(_) => None,
            };
            let sampler = match (http, &local) {
                (Some(http), _) => Some(http as &dyn Sampler),
                (None, local) => local.as_ref().map(|(sampler, _)| sampler as _),
            };
            let adapter_sha256 = match planned.adapter {
                Some((stage, seed)) => adapter_sha256(&self.adapter_of(stage, seed))?,
                None => String::new(),
            };
            let encoder = self.encoder(self.config.cluster.by == ClusterBy::Embedding)?;
            let wants_people = config.by.contains(&FaithfulnessBy::People);
            let ratings = match config.ratings.as_ref().filter(|_| wants_people) {
                Some(path) => Some(faithfulness::read_ratings(
                    Path::new(path),
                    &stage,
                    self.options.skip_invalid,
                )?),
                None => None,
            };
            let method = Method::named(&planned.config.method)?;
            let asked_by = planned.config.prompt.as_deref().or(method.prompt_name());
            let subject = faithfulness::Subject {
                sampler,
                prompt: prompt(asked_by)?,
                model: self.config.model.clone(),
                model_sha256: match http {
                    Some(_) => String::new(),
                    None => self.model_sha256()?,
                },
                adapter_sha256,
                cluster: self.config.cluster.clone(),
                embedder: encoder.as_deref(),
                words: local.as_ref().map(|(_, words)| words as _),
                summariser: sampler,
                judge: self.judge.as_ref().map(JudgeServer::judge),
                ratings,
            };
            faithfulness::faithfulness(context, config, &subject, input)
        })?;
        Ok(Some((label.clone(), measured)))
    }

    /// The model in this process that an evaluation asked, and what SelfReflect asks of it.
    fn asked_here(
        &self,
        config: &FaithfulnessConfig,
        planned: &Evaluation<'_>,
    ) -> anyhow::Result<(LocalSampler, LocalWordReader)> {
        let tokenizer = &self.student()?.tokenizer;
        let decoder = self.decoder_of(planned)?;
        let words = LocalWordReader {
            decoder: match config.self_reflect_model {
                WordsOf::Base => decoder.without_adapter(),
                WordsOf::Taught => decoder.clone(),
            },
            tokenizer: tokenizer.clone(),
        };
        let sampler = LocalSampler {
            decoder,
            tokenizer: tokenizer.clone(),
            limits: limits(faithfulness::ROWS, self.config.memory_mb),
            reading: None,
        };
        Ok((sampler, words))
    }

    /// Of the model in this process; empty for one that is only asked elsewhere.
    fn model_sha256(&self) -> anyhow::Result<String> {
        self.source
            .as_ref()
            .map_or(Ok(String::new()), ModelSource::sha256)
    }

    fn encoder(&self, wanted: bool) -> anyhow::Result<Option<Box<dyn SentenceEncoder>>> {
        let load = || embed::encoder(self.config, self.options.quiet);
        Ok(wanted.then(load).transpose()?.map(|(encoder, _)| encoder))
    }
}

/// Whether any answer of an evaluation states a rationale.
fn has_rationales(evaluation: &Path) -> anyhow::Result<bool> {
    let answers: Vec<Answer> = read_records(&evaluation.join(ANSWERS))?;
    Ok(answers.iter().any(|answer| answer.rationale.is_some()))
}

/// The judge of a configuration, and whether each measure has what it needs.
fn judge_of(config: &FaithfulnessConfig) -> anyhow::Result<Option<JudgeServer>> {
    let asks_judge =
        config.by.contains(&FaithfulnessBy::Judge) || config.summary == SummaryBy::Judge;
    let judge = JudgeServer::connect(config)?;
    if asks_judge && judge.is_none() {
        return Err(bad_use(
            "faithfulness.judge: absent, expected a table with the url of an OpenAI-compatible server and its model",
        ));
    }
    match &config.ratings {
        None if config.by.contains(&FaithfulnessBy::People) => Err(bad_use(
            "faithfulness.ratings: absent, expected a file of people's ratings",
        )),
        _ => Ok(judge),
    }
}

/// The prompts that questions are asked by, as the configuration names them.
pub fn prompts_of(config: &RunConfig) -> impl Iterator<Item = &str> {
    let evaluations = config.evaluate.iter();
    let asked = evaluations.flat_map(|one| one.prompt.iter().chain(&one.prompt_variants));
    asked.chain(&config.sample.prompt).map(String::as_str)
}

/// A shipped prompt by its name, or one from a file; the bare question where there is none.
///
/// # Errors
/// Exit code 2 where it is neither.
pub fn prompt(name: Option<&str>) -> anyhow::Result<Prompt> {
    let Some(name) = name else {
        return Ok(Prompt::default());
    };
    if let Some(prompt) = datasets::prompts::builtin(name) {
        return Ok(prompt);
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        bad_use(format!(
            "prompt {name:?} is neither a shipped one nor a file that can be read: {error}"
        ))
    })?;
    Prompt::from_toml(&text).map_err(|error| crate::error::bad_input(format!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_training_seed_has_its_evaluation() {
        let config = RunConfig {
            training_seeds: vec![1, 2],
            evaluate: vec![
                EvaluateConfig {
                    method: "direct-prompting".into(),
                    ..EvaluateConfig::default()
                },
                EvaluateConfig::default(),
            ],
            ..RunConfig::default()
        };
        let labels: Vec<String> = plan(&config)
            .unwrap()
            .into_iter()
            .map(|planned| planned.label)
            .collect();
        assert_eq!(labels, ["direct-prompting", "sayself", "sayself-seed-2"]);
    }

    #[test]
    fn a_stage_that_the_configuration_does_not_have_is_refused() {
        let config = RunConfig::default();
        for until in [None, Some(Stage::Sample), Some(Stage::Rl)] {
            assert!(has_stage(&config, until).is_ok());
        }
        for (until, table) in [
            (Stage::Evaluate, "[[evaluate]]"),
            (Stage::Faithfulness, "[faithfulness]"),
        ] {
            let error = has_stage(&config, Some(until)).unwrap_err().to_string();
            assert!(error.contains(table), "{error}");
        }
    }

    #[test]
    fn stages_are_in_the_order_of_the_pipeline_and_named_as_typed() {
        for pair in Stage::value_variants().windows(2) {
            assert!(pair[0] < pair[1]);
        }
        for stage in Stage::value_variants() {
            let value = stage.to_possible_value().unwrap();
            assert_eq!(value.get_name(), stage.name());
        }
    }

    #[test]
    fn labels_that_collide_or_escape_are_refused() {
        let with = |labels: &[&str]| RunConfig {
            evaluate: labels
                .iter()
                .map(|label| EvaluateConfig {
                    method: "direct-prompting".into(),
                    label: Some((*label).into()),
                    ..EvaluateConfig::default()
                })
                .collect(),
            ..RunConfig::default()
        };
        assert!(plan(&with(&["a", "b"])).is_ok());
        assert!(plan(&with(&["a", "a"])).is_err());
        assert!(plan(&with(&["../a"])).is_err());
    }
}
