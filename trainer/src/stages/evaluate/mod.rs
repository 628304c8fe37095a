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
mod judge;
mod measures;
mod method;
mod readout;
mod recalibrated;
mod variants;

pub use judge::{JUDGEMENTS, JudgeReport, Judgement};
pub use measures::{measure, read_metrics, rows};
pub use method::Method;
pub use readout::{read_out, to_millionths};
pub use recalibrated::{Fitted, RECALIBRATION};

use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records, write_atomically};
use crate::sampler::Sampler;
use crate::stages::StageContext;
use crate::stages::unanswered::Unanswered;
use ask::Asking;
use calibration::recalibrate::Recalibration;
use datasets::config::{EvaluateConfig, Readout};
use datasets::prompts::Prompt;
use datasets::{Answer, Question};
use model::{Decoder, LevelTokens, Tokenizer};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The records of an evaluation.
pub const ANSWERS: &str = "answers.jsonl";
/// Its measures.
pub const METRICS: &str = "metrics.json";

/// Bootstrap resamples behind each interval.
pub const BOOTSTRAPS: usize = 1_000;
/// Questions that are asked together at most; between two such parts the records reach the disk.
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

/// Asks what is not answered yet, settles `answers.jsonl` in the order of the questions, has the answers
/// judged by a model where one is configured, and writes `metrics.json`, which it returns. `dev` is what a
/// recalibration is fitted on, where one is asked for.
///
/// # Errors
/// Exit code 2 where the method cannot do what the configuration asks for; else of the model and of the
/// disk. What an endpoint did not answer, or did not judge, is counted in `skipped.jsonl` and asked for
/// again by the next call; without `skip_invalid` it fails the stage in the end, with it the measures are
/// of the others.
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
    let answered = answer(context, config, subject, questions)?;
    let answers = &answered.answers;
    let mut measured = measure(answers, context.seed)?;
    let is_judged = |judged: &JudgeReport| judged.failures == 0;
    let is_valid = answered.judged.as_ref().is_some_and(is_judged)
        || questions
            .iter()
            .all(|question| question.judge.is_valid_for_strings());
    let mut values = vec![
        ("method", json!(config.method)),
        ("model", json!(subject.model)),
        ("questions", json!(subject.questions)),
        ("confidence", serde_json::to_value(readout)?),
        ("judge_valid", json!(is_valid)),
        ("continuations", json!(answered.continuations)),
    ];
    if answered.unanswered > 0 {
        values.push(("unanswered", json!(answered.unanswered)));
    }
    if let Some(judged) = &answered.judged {
        values.push(("judge", serde_json::to_value(judged)?));
    }
    if let Some(map) = &subject.recalibration {
        values.push(("recalibration", serde_json::to_value(map)?));
    }
    if let Some(family) = config.recalibrate {
        let fitted = recalibrated::fit(context, family, config, subject, dev)?;
        values.push(("recalibrated", fitted.measures(answers, context.seed)?));
    }
    if !subject.variants.is_empty() {
        let spread = variants::spread(context, config, subject, questions, answers)?;
        values.push(("prompt_spread", spread));
    }
    if config.agreement > 0 {
        let agreement = agreement::agreement(context, config, subject, questions, answers)?;
        values.push(("sample_agreement", agreement));
    }
    if let Some(object) = measured.as_object_mut() {
        let values = values.into_iter();
        object.extend(values.map(|(name, value)| (name.to_owned(), value)));
    }
    let mut bytes = serde_json::to_vec_pretty(&measured)?;
    bytes.push(b'\n');
    write_atomically(&context.records.join(METRICS), &bytes)?;
    Ok(measured)
}

/// What came of some questions.
struct Answered {
    /// In the questions' order; without those that an endpoint did not answer.
    answers: Vec<Answer>,
    /// How often responses were continued, in all.
    continuations: u32,
    unanswered: usize,
    /// What a model that judged them says.
    judged: Option<JudgeReport>,
}

/// Asks the questions, each once: what is in `answers.jsonl` is not asked again.
fn answer(
    context: &StageContext<'_>,
    config: &EvaluateConfig,
    subject: &Subject<'_>,
    questions: &[Question],
) -> anyhow::Result<Answered> {
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
    let at_once = subject
        .sampler
        .requests_at_once()
        .map_or(QUESTIONS_AT_ONCE, |requests| {
            requests.min(QUESTIONS_AT_ONCE)
        });
    let mut unanswered = Unanswered::default();
    for part in missing.chunks(at_once.max(1)) {
        let asked = Asking {
            context,
            config,
            subject,
            readout,
            first_sample: 0,
            missing: RefCell::default(),
        };
        let outcome = asked.part(method, part, &mut progress);
        let missing = asked.missing.into_inner();
        let outcome = outcome.and_then(|(answers, continued)| {
            if !continued.is_empty() {
                continuations.extend(continued);
                write_atomically(&continuations_path, &serde_json::to_vec(&continuations)?)?;
            }
            // What came of a question whose answer was cut short is no answer.
            for mut answer in answers {
                if !missing.spares(&answer.id) {
                    continue;
                }
                if let Some(map) = subject
                    .recalibration
                    .as_ref()
                    .filter(|_| answer.failure.is_none())
                {
                    answer.probability = to_millionths(map.apply(answer.probability));
                }
                log.append(&answer)?;
            }
            progress.set(log.len() as u64)
        });
        for (question, reason) in missing.unanswered {
            unanswered.add(question, reason);
        }
        let outcome = outcome.and(missing.error.map_or(Ok(()), Err));
        if let Err(error) = outcome {
            unanswered.write(context)?;
            context.write_spent(subject.sampler.spent(), log.len())?;
            return Err(error);
        }
    }
    unanswered.write(context)?;
    context.write_spent(subject.sampler.spent(), log.len())?;
    log.finish_in_order(questions.iter().map(|question| question.id.as_str()))?;
    unanswered.settle(context, "answers")?;
    progress.finish()?;

    let mut answers: Vec<Answer> = read_records(&path)?;
    let judged = match &config.judge {
        None => None,
        Some(judge) => Some(judge::judge_answers(
            context,
            judge,
            questions,
            &mut answers,
        )?),
    };
    Ok(Answered {
        answers,
        continuations: continuations.values().sum(),
        unanswered: unanswered.len(),
        judged,
    })
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
