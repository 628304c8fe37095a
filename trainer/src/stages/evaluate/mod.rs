//! `evaluate`: asks a model each question once and measures whether its confidence can be trusted.
//!
//! A method is a prompt with a readout:
//!
//! | method | prompt | probability |
//! |---|---|---|
//! | `direct-prompting` | asks for an answer and a confidence | the stated level / 10 |
//! | `verbalized` | the same | expected level / 10 |
//! | `answer-only` | bare answers | 1: no doubt was said |
//! | `self-consistency` | bare answers | share of the majority among N samples |
//! | `sequence-likelihood` | bare answers | exp of the answer's log-probability, its end included |
//! | `dinco` | bare answers, then a confidence in each | shared among distractors, and self-consistency |
//! | `r-tuning` | the bare question | 1 for "I am sure.", 0 for "I am unsure." |
//! | `sayself`, `without-rl`, `gce`, … | the bare question, to a taught model | stated, mode or expected level / 10 |

mod agreement;
mod ask;
mod measures;
mod method;
mod readout;
mod recalibrated;
mod variants;

pub use measures::{measure, read_metrics, rows};
pub use method::Method;
pub use recalibrated::{Fitted, RECALIBRATION};

use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records, write_atomically};
use crate::sampler::Sampler;
use crate::stages::StageContext;
use ask::Asking;
use calibration::recalibrate::Recalibration;
use datasets::config::{EvaluateConfig, Readout};
use datasets::prompts::Prompt;
use datasets::{Answer, Question};
use model::{Decoder, LevelTokens, Tokenizer};
use serde_json::json;
use std::collections::BTreeMap;

/// The records of an evaluation.
pub const ANSWERS: &str = "answers.jsonl";
/// Its measures.
pub const METRICS: &str = "metrics.json";

/// Bootstrap resamples behind each interval.
pub const BOOTSTRAPS: usize = 1_000;
/// Questions that are asked together; between two such parts the records reach the disk.
const QUESTIONS_AT_ONCE: usize = 512;

/// The model that is evaluated.
pub struct Subject<'a> {
    pub sampler: &'a dyn Sampler,
    /// Reads the distribution over the ten levels; absent for an endpoint, which states its level
    /// and no more.
    pub levels: Option<LevelReader<'a>>,
    pub prompt: Prompt,
    /// Other wordings of it, by name ([`EvaluateConfig::prompt_variants`]).
    pub variants: Vec<(String, Prompt)>,
    /// What makes a probability of each confidence ([`EvaluateConfig::recalibration`]).
    pub recalibration: Option<Recalibration>,
    /// As `--model` gave it, for the record.
    pub model: String,
    /// The question set's name, for the record.
    pub questions: String,
}

/// What is needed to read P(level) before the level that was written.
#[derive(Clone, Copy)]
pub struct LevelReader<'a> {
    pub decoder: &'a Decoder,
    pub tokenizer: &'a Tokenizer,
    pub tokens: &'a LevelTokens,
}

/// Asks what is not answered yet, settles `answers.jsonl` in the order of the questions and writes
/// `metrics.json`, which it returns. `dev` is what a recalibration is fitted on, where one is asked for.
///
/// # Errors
/// Exit code 2 where the method cannot do what the configuration asks for; else of the model, the
/// endpoint or the disk.
pub fn evaluate(
    context: &StageContext<'_>,
    config: &EvaluateConfig,
    subject: &Subject<'_>,
    questions: &[Question],
    dev: &[Question],
) -> anyhow::Result<serde_json::Value> {
    let method = Method::named(&config.method)?;
    let readout = config.confidence.unwrap_or(method.readout());
    check(method, readout, config, subject, questions)?;
    let (answers, continuations) = answers(context, config, subject, questions)?;
    let mut measured = measure(&answers, context.seed)?;
    let is_valid = |question: &Question| question.judge.is_valid_for_strings();
    let mut values = vec![
        ("method", json!(config.method)),
        ("model", json!(subject.model)),
        ("questions", json!(subject.questions)),
        ("confidence", serde_json::to_value(readout)?),
        ("judge_valid", json!(questions.iter().all(is_valid))),
        ("continuations", json!(continuations)),
    ];
    if let Some(map) = &subject.recalibration {
        values.push(("recalibration", serde_json::to_value(map)?));
    }
    if let Some(family) = config.recalibrate {
        let fitted = recalibrated::fit(context, family, config, subject, dev)?;
        values.push(("recalibrated", fitted.measures(&answers, context.seed)?));
    }
    if !subject.variants.is_empty() {
        let spread = variants::spread(context, config, subject, questions, &answers)?;
        values.push(("prompt_spread", spread));
    }
    if config.agreement > 0 {
        let agreement = agreement::agreement(context, config, subject, questions, &answers)?;
        values.push(("sample_agreement", agreement));
    }
    if let Some(object) = measured.as_object_mut() {
        object.extend(
            values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
    }
    let mut bytes = serde_json::to_vec_pretty(&measured)?;
    bytes.push(b'\n');
    write_atomically(&context.records.join(METRICS), &bytes)?;
    Ok(measured)
}

/// The answers to all questions, in their order, and how often responses were continued: what is in
/// `answers.jsonl` is not asked again.
fn answers(
    context: &StageContext<'_>,
    config: &EvaluateConfig,
    subject: &Subject<'_>,
    questions: &[Question],
) -> anyhow::Result<(Vec<Answer>, u32)> {
    let method = Method::named(&config.method)?;
    let readout = config.confidence.unwrap_or(method.readout());
    let path = context.records.join(ANSWERS);
    let mut log = RecordLog::open(&path, |answer: &Answer| answer.id.clone())?;
    let mut progress = Progress::start(
        context,
        log.len() as u64,
        questions.len() as u64,
        "questions",
    )?;
    let continuations_path = context.records.join("continuations.json");
    let mut continuations: BTreeMap<String, u32> = match std::fs::read(&continuations_path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => BTreeMap::new(),
    };
    let missing: Vec<&Question> = questions
        .iter()
        .filter(|question| !log.contains(&question.id))
        .collect();
    for part in missing.chunks(QUESTIONS_AT_ONCE) {
        let asked = Asking {
            context,
            config,
            subject,
            readout,
        };
        let (answers, continued) = match method {
            Method::SelfConsistency => (asked.by_consistency(part, &mut progress)?, None),
            Method::SequenceLikelihood => (asked.by_likelihood(part, &mut progress)?, None),
            Method::AnswerOnly => (asked.by_answer(part, &mut progress)?, None),
            Method::Dinco => (asked.by_distractors(part, &mut progress)?, None),
            Method::RTuning => {
                let (answers, continued) = asked.by_surety(part, &mut progress)?;
                (answers, Some(continued))
            }
            Method::DirectPrompting | Method::Verbalized | Method::Taught => {
                let (answers, continued) = asked.by_statement(part, &mut progress)?;
                (answers, Some(continued))
            }
        };
        if let Some(continued) = continued.filter(|continued| !continued.is_empty()) {
            continuations.extend(continued);
            write_atomically(&continuations_path, &serde_json::to_vec(&continuations)?)?;
        }
        for mut answer in answers {
            if let Some(map) = subject
                .recalibration
                .as_ref()
                .filter(|_| answer.failure.is_none())
            {
                answer.probability = readout::to_millionths(map.apply(answer.probability));
            }
            log.append(&answer)?;
        }
        progress.set(log.len() as u64)?;
    }
    log.finish_in_order(questions.iter().map(|question| question.id.as_str()))?;
    progress.finish()?;

    Ok((read_records(&path)?, continuations.values().sum()))
}

fn check(
    method: Method,
    readout: Readout,
    config: &EvaluateConfig,
    subject: &Subject<'_>,
    questions: &[Question],
) -> anyhow::Result<()> {
    let bad = |message: String| Err(crate::error::bad_use(message));
    if questions.is_empty() {
        return bad(format!(
            "no question of split {:?} to evaluate on",
            config.split
        ));
    }
    if method.samples_many() && config.decoding.temperature == 0.0 {
        return bad(format!(
            "{} needs a temperature above 0: greedy samples are all the same",
            config.method
        ));
    }
    let states = method.states_a_level() && method != Method::Dinco;
    if !states && config.agreement > 0 {
        return bad(format!(
            "agreement is told of methods whose answer and confidence are one response; {} has none",
            config.method
        ));
    }
    if method.samples_many() && config.samples < 2 {
        return bad(format!(
            "{} needs at least 2 samples a question, not {}",
            config.method, config.samples
        ));
    }
    // Without a distribution DiNCo takes the levels that are written.
    let reads_levels = subject.levels.is_some() || method == Method::Dinco;
    if readout != Readout::Stated && !(reads_levels && method.states_a_level()) {
        return bad(format!(
            "--confidence {} needs a local model that states a level",
            serde_json::to_value(readout)?.as_str().unwrap_or_default()
        ));
    }
    Ok(())
}
