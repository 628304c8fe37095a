//! `evaluate`: asks a model each question once and measures whether its confidence can be trusted.
//!
//! A method is a prompt with a readout:
//!
//! | method | prompt | probability |
//! |---|---|---|
//! | `direct-prompting` | asks for an answer and a confidence | the stated level / 10 |
//! | `self-consistency` | bare answers | share of the majority among N samples |
//! | `sequence-likelihood` | bare answers | exp of the answer's log-probability, its end included |
//! | `sayself`, `without-rl` | the bare question, to a taught model | stated, mode or expected level / 10 |

use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records, write_atomically};
use crate::sampler::{SampleRequest, SampledResponse, Sampler};
use crate::stages::StageContext;
use crate::stages::sample::seed_of;
use crate::stages::sft::split_at_level;
use calibration::metrics::{self, Options};
use calibration::parse::ParseFailure;
use calibration::{Confidence, Row, baseline, cluster, judge, parse};
use datasets::config::{Decoding, EvaluateConfig, Readout};
use datasets::prompts::Prompt;
use datasets::record::FinishReason;
use datasets::{Answer, Question};
use model::{Decoder, LevelTokens, Tokenizer};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// The records of an evaluation.
pub const ANSWERS: &str = "answers.jsonl";
/// Its measures.
pub const METRICS: &str = "metrics.json";

/// Bootstrap resamples behind each interval.
pub const BOOTSTRAPS: usize = 1_000;
/// Questions that are asked together; between two such parts the records reach the disk.
const QUESTIONS_AT_ONCE: usize = 512;
/// A response without a confidence is continued this often, then `Confidence:` is appended and it
/// is continued once more (REFERENCE 1).
const CONTINUATIONS_MAX: usize = 3;

/// A prompt with a readout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    DirectPrompting,
    SelfConsistency,
    SequenceLikelihood,
    /// `sayself` and the ablations: they differ in how the adapter was trained.
    Taught,
}

impl Method {
    pub const NAMES: [(&'static str, Method); 5] = [
        ("direct-prompting", Method::DirectPrompting),
        ("self-consistency", Method::SelfConsistency),
        ("sequence-likelihood", Method::SequenceLikelihood),
        ("sayself", Method::Taught),
        ("without-rl", Method::Taught),
    ];

    /// # Errors
    /// [`crate::error::Error::BadUse`] names the methods there are.
    pub fn named(name: &str) -> anyhow::Result<Method> {
        Self::NAMES
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, method)| *method)
            .ok_or_else(|| {
                let names = Self::NAMES.map(|(name, _)| name).join(", ");
                crate::error::bad_use(format!("unknown method {name:?}; expected one of {names}"))
            })
    }

    /// The prompt that the method asks with where none is given.
    pub fn prompt_name(self) -> Option<&'static str> {
        match self {
            Method::DirectPrompting => Some("direct-prompting"),
            Method::SelfConsistency | Method::SequenceLikelihood => Some("few-shot"),
            Method::Taught => None,
        }
    }

    /// How the method draws where nothing else is asked for.
    pub fn decoding(self) -> Decoding {
        match self {
            Method::DirectPrompting => Decoding {
                temperature: 0.0,
                max_tokens: 64,
                ..Decoding::default()
            },
            Method::Taught => Decoding {
                temperature: 0.0,
                max_tokens: 96,
                ..Decoding::default()
            },
            Method::SelfConsistency => Decoding {
                stop: vec!["\n".into()],
                ..Decoding::default()
            },
            Method::SequenceLikelihood => Decoding {
                temperature: 0.0,
                stop: vec!["\n".into()],
                ..Decoding::default()
            },
        }
    }

    fn states_a_level(self) -> bool {
        matches!(self, Method::DirectPrompting | Method::Taught)
    }
}

/// The model that is evaluated.
pub struct Subject<'a> {
    pub sampler: &'a dyn Sampler,
    /// Reads the distribution over the ten levels; absent for an endpoint, which states its level
    /// and no more.
    pub levels: Option<LevelReader<'a>>,
    pub prompt: Prompt,
    /// As `--model` gave it, for the record.
    pub model: String,
    /// The question set's name, for the record.
    pub questions: String,
}

/// What is needed to read P(level) before the level that was written.
pub struct LevelReader<'a> {
    pub decoder: &'a Decoder,
    pub tokenizer: &'a Tokenizer,
    pub tokens: &'a LevelTokens,
}

/// Asks what is not answered yet, settles `answers.jsonl` in the order of the questions and writes
/// `metrics.json`, which it returns.
pub fn evaluate(
    context: &StageContext<'_>,
    config: &EvaluateConfig,
    subject: &Subject<'_>,
    questions: &[Question],
) -> anyhow::Result<serde_json::Value> {
    let method = Method::named(&config.method)?;
    check(method, config, subject, questions)?;
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
        };
        let answers = match method {
            Method::SelfConsistency => asked.by_consistency(part, &mut progress)?,
            Method::SequenceLikelihood => asked.by_likelihood(part, &mut progress)?,
            Method::DirectPrompting | Method::Taught => {
                let (answers, continued) = asked.by_statement(part, &mut progress)?;
                if !continued.is_empty() {
                    continuations.extend(continued);
                    write_atomically(&continuations_path, &serde_json::to_vec(&continuations)?)?;
                }
                answers
            }
        };
        for answer in &answers {
            log.append(answer)?;
        }
        progress.set(log.len() as u64)?;
    }
    log.finish_in_order(questions.iter().map(|question| question.id.as_str()))?;
    progress.finish()?;

    let answers: Vec<Answer> = read_records(&path)?;
    let mut measured = measure(&answers, context.seed)?;
    let values = [
        ("method", serde_json::json!(config.method)),
        ("model", serde_json::json!(subject.model)),
        ("questions", serde_json::json!(subject.questions)),
        ("confidence", serde_json::to_value(config.confidence)?),
        (
            "judge_valid",
            serde_json::json!(
                questions
                    .iter()
                    .all(|question| question.judge.is_valid_for_strings())
            ),
        ),
        (
            "continuations",
            serde_json::json!(continuations.values().sum::<u32>()),
        ),
    ];
    if let Some(object) = measured.as_object_mut() {
        object.extend(values.map(|(name, value)| (name.to_owned(), value)));
    }
    let mut bytes = serde_json::to_vec_pretty(&measured)?;
    bytes.push(b'\n');
    write_atomically(&context.records.join(METRICS), &bytes)?;
    Ok(measured)
}

fn check(
    method: Method,
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
    if method == Method::SelfConsistency && config.decoding.temperature == 0.0 {
        return bad(
            "self-consistency needs a temperature above 0: greedy samples are all the same".into(),
        );
    }
    if method == Method::SelfConsistency && config.samples < 2 {
        return bad(format!(
            "self-consistency needs at least 2 samples a question, not {}",
            config.samples
        ));
    }
    if config.confidence != Readout::Stated
        && (subject.levels.is_none() || !method.states_a_level())
    {
        return bad(format!(
            "--confidence {} needs a local model that states a level",
            serde_json::to_value(config.confidence)?
                .as_str()
                .unwrap_or_default()
        ));
    }
    Ok(())
}

struct Asking<'a> {
    context: &'a StageContext<'a>,
    config: &'a EvaluateConfig,
    subject: &'a Subject<'a>,
}

impl Asking<'_> {
    /// All samples of each question, in order.
    fn ask(
        &self,
        questions: &[&Question],
        samples: usize,
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Vec<Vec<SampledResponse>>> {
        let requests: Vec<SampleRequest> = questions
            .iter()
            .map(|question| SampleRequest {
                messages: self.subject.prompt.messages_for(question),
                seeds: (0..samples as u32)
                    .map(|index| seed_of(self.context.seed, &question.id, index))
                    .collect(),
                decoding: self.config.decoding.clone(),
                forced_prefix: None,
            })
            .collect();
        let mut done = progress.done() * samples as u64;
        let mut failure = None;
        let responses = collect(self.subject.sampler, &requests, &mut || {
            done += 1;
            if let Err(error) = progress.set(done / samples as u64) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        failure.map_or(Ok(responses), Err)
    }

    fn by_statement(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<(Vec<Answer>, BTreeMap<String, u32>)> {
        let mut responses: Vec<SampledResponse> = self
            .ask(questions, 1, progress)?
            .into_iter()
            .flatten()
            .collect();
        let continuations = self.continue_until_stated(questions, &mut responses)?;
        let parsed: Vec<parse::Parsed> = responses
            .iter()
            .map(|response| parse::response(&response.text))
            .collect();
        let levels = self.read_levels(questions, &responses, &parsed)?;
        let answers = questions
            .iter()
            .zip(responses)
            .zip(parsed)
            .zip(levels)
            .map(|(((question, response), parsed), levels)| {
                let probability =
                    read_out(self.config.confidence, parsed.confidence, levels.as_ref());
                Answer {
                    confidence: parsed.confidence,
                    rationale: parsed.rationale,
                    failure: parsed.failure.map(|failure| failure.to_string()),
                    levels,
                    ..answer_of(question, response.text, parsed.answer, probability)
                }
            })
            .collect();
        Ok((answers, continuations))
    }

    /// Lets responses without a confidence go on; returns how often each question's was continued.
    fn continue_until_stated(
        &self,
        questions: &[&Question],
        responses: &mut [SampledResponse],
    ) -> anyhow::Result<BTreeMap<String, u32>> {
        let mut continued = BTreeMap::new();
        for attempt in 0..=CONTINUATIONS_MAX {
            let failure_of = |response: &SampledResponse| parse::response(&response.text).failure;
            let silent: Vec<usize> = (0..responses.len())
                .filter(|index| {
                    matches!(
                        failure_of(&responses[*index]),
                        Some(ParseFailure::Missing | ParseFailure::Empty)
                    )
                })
                .collect();
            let is_last = attempt == CONTINUATIONS_MAX;
            // A turn that the model has ended has nothing to be continued with but the last word.
            let going: Vec<usize> = silent
                .into_iter()
                .filter(|index| is_last || responses[*index].finish_reason == FinishReason::Length)
                .collect();
            if going.is_empty() {
                continue;
            }
            let requests: Vec<SampleRequest> = going
                .iter()
                .map(|index| {
                    let question = questions[*index];
                    if is_last && failure_of(&responses[*index]) == Some(ParseFailure::Missing) {
                        let text = responses[*index]
                            .text
                            .trim_end()
                            .trim_end_matches('.')
                            .to_owned();
                        responses[*index].text = format!("{text}.\nConfidence: ");
                    }
                    SampleRequest {
                        messages: self.subject.prompt.messages_for(question),
                        seeds: vec![seed_of(
                            self.context.seed,
                            &question.id,
                            1_000 + attempt as u32,
                        )],
                        decoding: self.config.decoding.clone(),
                        forced_prefix: Some(responses[*index].text.clone()),
                    }
                })
                .collect();
            let more = collect(self.subject.sampler, &requests, &mut || {
                ControlFlow::Continue(())
            })?;
            for (index, more) in going.into_iter().zip(more.into_iter().flatten()) {
                responses[index].text.push_str(&more.text);
                responses[index].finish_reason = more.finish_reason;
                *continued.entry(questions[index].id.clone()).or_insert(0) += 1;
            }
        }
        Ok(continued)
    }

    /// P(level) just before the level that each response states.
    fn read_levels(
        &self,
        questions: &[&Question],
        responses: &[SampledResponse],
        parsed: &[parse::Parsed],
    ) -> anyhow::Result<Vec<Option<[f64; 10]>>> {
        let mut levels = vec![None; responses.len()];
        let Some(reader) = &self.subject.levels else {
            return Ok(levels);
        };
        let (mut contexts, mut owners) = (Vec::new(), Vec::new());
        for (index, response) in responses.iter().enumerate() {
            let (Some(_), Some((before, _, _))) =
                (parsed[index].confidence, split_at_level(&response.text))
            else {
                continue;
            };
            if let Some(read) = response
                .levels
                .as_ref()
                .filter(|read| read.before == before)
            {
                levels[index] = Some(read.probabilities.map(to_millionths));
                continue;
            }
            let mut tokens = crate::learn::prompt_tokens(
                reader.tokenizer,
                &self.subject.prompt.messages_for(questions[index]),
            )?;
            tokens.extend(reader.tokenizer.encode(before, false)?);
            contexts.push(tokens);
            owners.push(index);
        }
        let read = model::level_probabilities(reader.decoder, reader.tokens, &contexts)?;
        for (index, of_response) in owners.into_iter().zip(read) {
            levels[index] = Some(of_response.map(to_millionths));
        }
        Ok(levels)
    }

    fn by_likelihood(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Vec<Answer>> {
        let responses = self.ask(questions, 1, progress)?;
        questions
            .iter()
            .zip(responses.into_iter().flatten())
            .map(|(question, response)| {
                let logprob = response.logprob.ok_or_else(|| {
                    anyhow::anyhow!(
                        "the endpoint tells no log-probabilities, which sequence-likelihood needs"
                    )
                })?;
                let answer = parse::bare_answer(&response.text);
                Ok(answer_of(
                    question,
                    response.text,
                    answer,
                    logprob.exp().clamp(0.0, 1.0),
                ))
            })
            .collect()
    }

    fn by_consistency(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Vec<Answer>> {
        let responses = self.ask(questions, self.config.samples, progress)?;
        Ok(questions
            .iter()
            .zip(responses)
            .map(|(question, responses)| {
                let answers: Vec<String> = responses
                    .iter()
                    .map(|response| parse::bare_answer(&response.text).unwrap_or_default())
                    .collect();
                let clusters = cluster::by_answer(&answers);
                // Responses without an answer are a group of their own, which is no answer.
                let majority = clusters.iter().find(|members| {
                    members
                        .first()
                        .is_some_and(|first| !judge::normalise(&answers[*first]).is_empty())
                });
                let (first, share) = majority.map_or((0, 0.0), |members| {
                    (members[0], members.len() as f64 / answers.len() as f64)
                });
                let answer = majority.map(|_| answers[first].clone());
                answer_of(question, responses[first].text.clone(), answer, share)
            })
            .collect())
    }
}

/// What is written down of a probability: more digits would be most of the file.
fn to_millionths(probability: f64) -> f64 {
    (probability * 1e6).round() / 1e6
}

/// Samples all requests and puts the responses in their order.
fn collect(
    sampler: &dyn Sampler,
    requests: &[SampleRequest],
    on_each: &mut dyn FnMut() -> ControlFlow<()>,
) -> anyhow::Result<Vec<Vec<SampledResponse>>> {
    let mut responses: Vec<Vec<Option<SampledResponse>>> = requests
        .iter()
        .map(|request| vec![None; request.seeds.len()])
        .collect();
    sampler.sample(requests, &mut |request, sample, response| {
        responses[request][sample] = Some(response);
        on_each()
    })?;
    responses
        .into_iter()
        .map(|of_request| of_request.into_iter().collect::<Option<Vec<_>>>())
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| anyhow::anyhow!("sampling ended before every question had its responses"))
}

/// The confidence as a probability: 0 where no level could be read; the stated level where the
/// distribution is not known.
fn read_out(readout: Readout, stated: Option<Confidence>, levels: Option<&[f64; 10]>) -> f64 {
    match (readout, stated, levels) {
        (_, None, _) => 0.0,
        (Readout::Mode, Some(_), Some(levels)) => mode(levels),
        (Readout::Expected, Some(_), Some(levels)) => expected(levels),
        (_, Some(level), _) => level.probability().get(),
    }
}

/// The level with the greatest probability, / 10; the lower one of equals.
fn mode(levels: &[f64; 10]) -> f64 {
    let mut best = 0;
    for (index, probability) in levels.iter().enumerate() {
        if *probability > levels[best] {
            best = index;
        }
    }
    (best + 1) as f64 / 10.0
}

/// Σ k/10 · P(k).
fn expected(levels: &[f64; 10]) -> f64 {
    let sum: f64 = levels
        .iter()
        .zip(1..)
        .map(|(probability, level)| probability * f64::from(level) / 10.0)
        .sum();
    sum.clamp(0.0, 1.0)
}

fn answer_of(
    question: &Question,
    response: String,
    answer: Option<String>,
    probability: f64,
) -> Answer {
    let correct = answer.as_deref().is_some_and(|answer| {
        judge::is_correct(
            question.judge,
            answer,
            &question.answers,
            &question.negative_answers,
        )
    });
    Answer {
        id: question.id.clone(),
        question_id: question.id.clone(),
        template: question.template.clone(),
        entity: question.entity.clone(),
        question: question.question.clone(),
        response,
        answer,
        rationale: None,
        confidence: None,
        probability,
        correct,
        failure: None,
        gold: question.answers.first().cloned(),
        levels: None,
    }
}

/// The measures of answers as rows, with the honest baselines beside them, as one JSON object.
///
/// # Errors
/// Where there is no answer.
pub fn measure(answers: &[Answer], seed: u64) -> anyhow::Result<serde_json::Value> {
    let rows = rows(answers, |answer| answer.probability);
    let options = Options {
        bootstraps: BOOTSTRAPS,
        seed,
        ..Options::default()
    };
    let mut object = object_of(&metrics::evaluate(&rows, options)?)?;
    object.extend(object_of(&baseline::evaluate(&rows, None, options)?)?);
    let parsed: Vec<Answer> = answers
        .iter()
        .filter(|answer| answer.failure.is_none())
        .cloned()
        .collect();
    object.insert("n_parsed".into(), parsed.len().into());
    object.insert(
        "parse_failures".into(),
        (answers.len() - parsed.len()).into(),
    );
    let plain = Options {
        bootstraps: 0,
        ..options
    };
    if !parsed.is_empty() && parsed.len() < answers.len() {
        let of_parsed =
            metrics::evaluate(&self::rows(&parsed, |answer| answer.probability), plain)?;
        object.insert("parsed_only".into(), serde_json::to_value(of_parsed)?);
    }
    if answers.iter().any(|answer| answer.levels.is_some()) {
        let mut by_readout = serde_json::Map::new();
        for (name, readout) in [
            ("stated", Readout::Stated),
            ("mode", Readout::Mode),
            ("expected", Readout::Expected),
        ] {
            let rows = self::rows(answers, |answer| {
                read_out(readout, answer.confidence, answer.levels.as_ref())
            });
            let mut of_readout = object_of(&metrics::evaluate(&rows, options)?)?;
            of_readout.extend(object_of(&baseline::evaluate(&rows, None, options)?)?);
            by_readout.insert(name.into(), of_readout.into());
        }
        object.insert("readouts".into(), by_readout.into());
    }
    let by_template = by_template(answers);
    if !by_template.is_empty() {
        object.insert("by_template".into(), serde_json::to_value(by_template)?);
    }
    Ok(object.into())
}

/// What one template contributes.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
struct OfTemplate {
    n: usize,
    accuracy: f64,
    mean_confidence: f64,
}

fn by_template(answers: &[Answer]) -> BTreeMap<String, OfTemplate> {
    let mut templates: BTreeMap<String, OfTemplate> = BTreeMap::new();
    for answer in answers {
        let Some(name) = &answer.template else {
            continue;
        };
        let of_template = templates.entry(name.clone()).or_default();
        of_template.n += 1;
        of_template.accuracy += f64::from(u8::from(answer.correct));
        of_template.mean_confidence += answer.probability;
    }
    for of_template in templates.values_mut() {
        of_template.accuracy /= of_template.n as f64;
        of_template.mean_confidence /= of_template.n as f64;
    }
    templates
}

fn object_of<T: serde::Serialize>(
    value: &T,
) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    match serde_json::to_value(value)? {
        serde_json::Value::Object(object) => Ok(object),
        other => anyhow::bail!("expected an object, found {other}"),
    }
}

/// Answers as rows: bootstraps are clustered by entity, base rates are by template.
pub fn rows(answers: &[Answer], probability: impl Fn(&Answer) -> f64) -> Vec<Row> {
    let mut entities: BTreeMap<&str, u32> = BTreeMap::new();
    let mut templates: BTreeMap<&str, u32> = BTreeMap::new();
    let number = |names: &mut BTreeMap<_, u32>, name| {
        let next = names.len() as u32;
        *names.entry(name).or_insert(next)
    };
    answers
        .iter()
        .map(|answer| Row {
            confidence: probability(answer),
            correct: answer.correct,
            group: answer
                .entity
                .as_deref()
                .map(|entity| number(&mut entities, entity)),
            template: answer
                .template
                .as_deref()
                .map(|template| number(&mut templates, template)),
        })
        .collect()
}

/// The measures that a stage wrote.
pub fn read_metrics(folder: &Path) -> anyhow::Result<serde_json::Value> {
    let path = folder.join(METRICS);
    let bytes =
        std::fs::read(&path).map_err(|source| crate::error::Error::Read { path, source })?;
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readouts_of_a_distribution() {
        let mut levels = [0.0; 10];
        levels[1] = 0.4;
        levels[8] = 0.6;
        assert!((mode(&levels) - 0.9).abs() < 1e-12);
        assert!((expected(&levels) - 0.62).abs() < 1e-12);
        assert!((mode(&[0.1; 10]) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn an_unknown_method_is_told_the_known_ones() {
        let error = Method::named("guess").unwrap_err();
        assert!(error.to_string().contains("self-consistency"), "{error}");
        assert_eq!(crate::error::exit_code(&error), 2);
    }
}
