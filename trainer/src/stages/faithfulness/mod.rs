//! `faithfulness`: does a rationale tell what the model's samples really waver between (Table 4)?
//!
//! ```text
//! answers with rationales ─┬─ sample ─ cluster ─┬─ names ──────────┐
//!                          └──── (summary) ─────┼─ self-reflect ───┼─ scores, metrics
//!                                               ├─ judge, people ──┘
//!                                               └─ the same with the controls' texts
//! ```
//!
//! | by | what is compared | needs |
//! |---|---|---|
//! | `names` | the answers that it names, with the clusters and their shares | nothing |
//! | `self-reflect` | the masked words that it lets a model guess, with those that the samples do | a local model |
//! | `judge` | what a language model says of it, 0..10 | an endpoint |
//! | `people` | what people say of it, 0..10 | a file of ratings |
//!
//! The samples of a run are drawn of the very model whose rationales are measured.

mod ask;
mod controls;
mod input;
mod judge;
mod measures;
mod ratings;
mod summary;
#[cfg(test)]
mod tests;
mod words;

pub use ask::{Endpoint, Outcome, REPLIES};
pub use controls::Controlled;
pub use input::{Given, Input, Stated};
pub use judge::{Judge, JudgeServer};
pub use measures::BOOTSTRAPS;
pub use ratings::{Ratings, read as read_ratings};
pub use summary::Writer;
pub use words::{Asked, LocalWordReader, Prompts, WordReader};

use crate::embed::SentenceEncoder;
use crate::error::bad_use;
use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records, settle, write_atomically, write_records};
use crate::sampler::Sampler;
use crate::stages::cluster::{CLUSTERS, answer_of, cluster};
use crate::stages::sample::{SAMPLES, sample};
use crate::stages::sample_file::SampleFile;
use crate::stages::{StageContext, write_skipped};
use calibration::faithfulness::names::{self, Candidates, Group, Named};
use calibration::{judge as strings, parse};
use controls::others;
use datasets::config::{
    ClusterConfig, Decoding, FaithfulnessBy, FaithfulnessConfig, SampleConfig, SummaryBy, WordsOf,
};
use datasets::event::EventKind;
use datasets::prompts::Prompt;
use datasets::{Cluster, Clustering, Question, Sample, Skipped};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// One record a question: its text and what every measure says of it.
pub const SCORES: &str = "scores.jsonl";
/// The figures over all questions.
pub const METRICS: &str = "metrics.json";
/// What was left out, and why.
pub const SKIPPED: &str = "skipped.jsonl";
/// SelfReflect's scores, kept as they come.
const SELF_REFLECT: &str = "self-reflect.jsonl";
/// What the kept records depend on.
const SETTINGS: &str = "settings.toml";
/// Rows decoded at once while samples are drawn.
pub const ROWS: usize = 64;

/// The model whose rationales are measured, and what measures them.
pub struct Subject<'a> {
    /// Draws the samples; absent where the input holds them.
    pub sampler: Option<&'a dyn Sampler>,
    /// What the answers were asked by.
    pub prompt: Prompt,
    /// As `--model` gave it, for the record.
    pub model: String,
    /// SHA-256 of the weights and of the adapter's, in hex; empty where there is none.
    pub model_sha256: String,
    pub adapter_sha256: String,
    pub cluster: ClusterConfig,
    /// For clustering by embedding.
    pub embedder: Option<&'a dyn SentenceEncoder>,
    /// SelfReflect's model.
    pub words: Option<&'a dyn WordReader>,
    /// Writes the summaries by the local model.
    pub summariser: Option<&'a dyn Sampler>,
    pub judge: Option<Judge<'a>>,
    pub ratings: Option<Ratings>,
}

/// A question with everything that is said about it.
#[derive(Clone, Debug)]
pub struct Scored {
    pub stated: Stated,
    pub clustering: Clustering,
    pub samples: Vec<Sample>,
    /// The text that is judged.
    pub text: String,
}

/// What every measure says of one question (`scores.jsonl`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The question's id; what ratings of people name it by.
    pub id: String,
    pub template: Option<String>,
    pub entity: Option<String>,
    pub question: String,
    /// What is judged.
    pub rationale: String,
    pub answer: Option<String>,
    /// The level that was stated, 1..=10.
    pub confidence: Option<u8>,
    /// Share of the samples that say what the answer says, 0..=1.
    pub share: f64,
    /// Groups among the samples.
    pub clusters: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Controlled<Option<Named>>>,
    /// 0..=1, lower is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_reflect: Option<Controlled<Option<f64>>>,
    /// 0..=10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge: Option<Controlled<Option<f64>>>,
    /// Why the judge's scores that lack could not be had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub judge_failures: Vec<String>,
    /// What people gave, 0..=10 each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<f64>,
}

impl Score {
    fn people_mean(&self) -> Option<f64> {
        let sum: f64 = self.people.iter().sum();
        (!self.people.is_empty()).then(|| sum / self.people.len() as f64)
    }
}

/// SelfReflect's scores of one question (`self-reflect.jsonl`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reflected {
    id: String,
    scores: Controlled<Option<f64>>,
    /// Different masked words.
    words: usize,
    failure: Option<String>,
}

/// What must be the same when the stage goes on.
#[derive(Serialize)]
struct Settings<'a> {
    input_sha256: &'a str,
    model: &'a str,
    model_sha256: &'a str,
    adapter_sha256: &'a str,
    seed: u64,
    /// 0: all.
    limit: usize,
    samples: usize,
    summary: SummaryBy,
    self_reflect_answers: usize,
    self_reflect_model: WordsOf,
    constant: &'a str,
    decoding: &'a Decoding,
    cluster: &'a ClusterConfig,
    /// SHA-256 in hex, by what it is for.
    prompts: BTreeMap<&'static str, String>,
}

/// Measures rationales: writes `scores.jsonl`, `metrics.json` and `skipped.jsonl` beside what it keeps to
/// go on with, and returns the measures.
///
/// # Errors
/// Exit code 2 where a measure lacks what it needs, or the folder holds records of another configuration;
/// of models, endpoints and the disk. What was done before is kept.
pub fn faithfulness(
    context: &StageContext<'_>,
    config: &FaithfulnessConfig,
    subject: &Subject<'_>,
    mut input: Input,
) -> anyhow::Result<serde_json::Value> {
    check(config, subject)?;
    let started_at = Instant::now();
    let total = input.stated.len() as u64;
    // The parts have bars; the whole has none beside them.
    context.events.write(
        &context.stage,
        EventKind::Started {
            done: 0,
            total,
            unit: "questions".into(),
        },
    )?;
    let prompts = Prompts {
        answers: shipped("self-reflect-answers")?,
        word: shipped("self-reflect")?,
    };
    let summary_prompt = shipped("summary")?;
    settle(
        &context.records.join(SETTINGS),
        &Settings {
            input_sha256: &input.sha256,
            model: &subject.model,
            model_sha256: &subject.model_sha256,
            adapter_sha256: &subject.adapter_sha256,
            seed: context.seed,
            limit: config.limit.unwrap_or(0),
            samples: config.samples,
            summary: config.summary,
            self_reflect_answers: config.self_reflect_answers,
            self_reflect_model: config.self_reflect_model,
            constant: &config.constant,
            decoding: &config.decoding,
            cluster: &subject.cluster,
            prompts: BTreeMap::from([
                ("asked", subject.prompt.sha256()),
                ("self-reflect", prompts.word.sha256()),
                ("self-reflect-answers", prompts.answers.sha256()),
                ("summary", summary_prompt.sha256()),
            ]),
        },
    )?;

    let mut skipped = std::mem::take(&mut input.skipped);
    let mut scored = sampled_and_clustered(context, config, subject, &mut input)?;
    summaries(
        context,
        config,
        subject,
        &summary_prompt,
        &input,
        &mut scored,
        &mut skipped,
    )?;
    for one in &scored {
        let said = one
            .clustering
            .clusters
            .iter()
            .map(|cluster| &cluster.answer);
        input.add_to_pool(one.stated.question.template.as_ref(), said);
    }
    let templates: Vec<Option<&str>> = scored
        .iter()
        .map(|one| one.stated.question.template.as_deref())
        .collect();
    let others = others(&templates, context.seed);
    let texts: Vec<Controlled<Option<&str>>> = scored
        .iter()
        .enumerate()
        .map(|(index, one)| Controlled {
            own: Some(one.text.as_str()),
            shuffled: (others[index] != index).then(|| scored[others[index]].text.as_str()),
            constant: Some(config.constant.as_str()),
        })
        .collect();

    let mut scores: Vec<Score> = scored.iter().map(score_of).collect();
    if config.by.contains(&FaithfulnessBy::Names) {
        by_names(&input, &scored, &texts, &mut scores);
    }
    if let (Some(words), true) = (
        subject.words,
        config.by.contains(&FaithfulnessBy::SelfReflect),
    ) {
        let reflected = by_self_reflect(
            context,
            config,
            words,
            &prompts,
            &scored,
            &texts,
            &mut skipped,
        )?;
        for score in &mut scores {
            score.self_reflect = reflected.get(&score.id).copied();
        }
    }
    if let (Some(judge), true) = (&subject.judge, config.by.contains(&FaithfulnessBy::Judge)) {
        by_judge(context, judge, &scored, &texts, &mut scores, &mut skipped)?;
    }
    if let (Some(ratings), true) = (
        &subject.ratings,
        config.by.contains(&FaithfulnessBy::People),
    ) {
        by_people(ratings, &mut scores, &mut skipped);
    }

    write_records(&context.records.join(SCORES), &scores)?;
    for one in &mut skipped {
        one.stage.clone_from(&context.stage);
    }
    write_skipped(&context.records.join(SKIPPED), &context.stage, &skipped)?;
    let counts = measures::Counts {
        answers: input.answers,
        without_rationale: input.without_rationale,
        skipped: skipped.len(),
    };
    let measured = measures::measure(
        config,
        subject,
        &input.label,
        context.seed,
        &scores,
        &counts,
    )?;
    let mut bytes = serde_json::to_vec_pretty(&measured)?;
    bytes.push(b'\n');
    write_atomically(&context.records.join(METRICS), &bytes)?;
    tell(context, &measured, skipped.len())?;
    let events = [
        EventKind::Progress { done: total, total },
        EventKind::Finished {
            seconds: started_at.elapsed().as_secs_f64(),
        },
    ];
    for event in events {
        context.events.write(&context.stage, event)?;
    }
    Ok(measured)
}

fn check(config: &FaithfulnessConfig, subject: &Subject<'_>) -> anyhow::Result<()> {
    let needs = |by: FaithfulnessBy, is_there: bool, what: &str| match config.by.contains(&by) {
        true if !is_there => Err(bad_use(format!(
            "faithfulness by {} needs {what}",
            by.name()
        ))),
        _ => Ok(()),
    };
    needs(
        FaithfulnessBy::SelfReflect,
        subject.words.is_some(),
        "a model on this machine",
    )?;
    needs(
        FaithfulnessBy::Judge,
        subject.judge.is_some(),
        "an endpoint: --judge-endpoint URL --judge-model NAME",
    )?;
    needs(
        FaithfulnessBy::People,
        subject.ratings.is_some(),
        "people's ratings: --ratings FILE",
    )?;
    match config.summary {
        SummaryBy::Model if subject.summariser.is_none() => Err(bad_use(
            "a summary by the model needs a model on this machine, or one to ask",
        )),
        SummaryBy::Judge if subject.judge.is_none() => Err(bad_use(
            "a summary by the judge needs an endpoint: --judge-endpoint URL --judge-model NAME",
        )),
        _ => Ok(()),
    }
}

fn shipped(name: &str) -> anyhow::Result<Prompt> {
    datasets::prompts::builtin(name).ok_or_else(|| anyhow::anyhow!("no prompt {name}"))
}

/// A part of the stage, with its own name in the events.
fn part<'a>(context: &StageContext<'a>, name: &str) -> StageContext<'a> {
    StageContext {
        records: context.records.clone(),
        events: context.events,
        stage: format!("{}/{name}", context.stage),
        seed: context.seed,
        skip_invalid: context.skip_invalid,
        quiet: context.quiet,
    }
}

/// The samples of every question, drawn or given, in clusters.
fn sampled_and_clustered(
    context: &StageContext<'_>,
    config: &FaithfulnessConfig,
    subject: &Subject<'_>,
    input: &mut Input,
) -> anyhow::Result<Vec<Scored>> {
    let questions: Vec<Question> = input
        .stated
        .iter()
        .map(|stated| stated.question.clone())
        .collect();
    let path = context.records.join(SAMPLES);
    match (&input.given, subject.sampler) {
        (Some(given), _) => {
            if !path.exists() {
                write_records(&path, &given.samples)?;
            }
        }
        (None, Some(sampler)) => {
            let wanted = SampleConfig {
                samples: config.samples,
                decoding: config.decoding.clone(),
                prompt: None,
                batch: ROWS,
            };
            let context = part(context, "sample");
            sample(
                &context,
                &wanted,
                &subject.prompt,
                &questions,
                sampler,
                SAMPLES,
            )?;
        }
        (None, None) => {
            return Err(bad_use("the samples of a run need a model that draws them"));
        }
    }
    cluster(
        &part(context, "cluster"),
        &subject.cluster,
        &questions,
        &path,
        subject.embedder,
    )?;
    let mut clusterings: HashMap<String, Clustering> =
        read_records::<Clustering>(&context.records.join(CLUSTERS))?
            .into_iter()
            .map(|record| (record.id.clone(), record))
            .collect();
    let mut file = SampleFile::open(&path, &context.stage, false, &mut Vec::new())?;
    std::mem::take(&mut input.stated)
        .into_iter()
        .map(|stated| {
            let id = &stated.question.id;
            let clustering = clusterings
                .remove(id)
                .ok_or_else(|| anyhow::anyhow!("the question {id} has no clusters"))?;
            Ok(Scored {
                samples: file.samples_of(id)?,
                text: stated.rationale.clone(),
                clustering,
                stated,
            })
        })
        .collect()
}

/// Puts summaries in the place of the rationales, where they are asked for; questions without one are
/// left out.
fn summaries(
    context: &StageContext<'_>,
    config: &FaithfulnessConfig,
    subject: &Subject<'_>,
    prompt: &Prompt,
    input: &Input,
    scored: &mut Vec<Scored>,
    skipped: &mut Vec<Skipped>,
) -> anyhow::Result<()> {
    let writer = match (config.summary, subject.summariser, &subject.judge) {
        (SummaryBy::Model, Some(sampler), _) => Writer::Model {
            sampler,
            name: &subject.model,
        },
        (SummaryBy::Judge, _, Some(judge)) => Writer::Judge(judge.endpoint.clone()),
        _ => return Ok(()),
    };
    let sampled: Vec<summary::Sampled> = scored
        .iter()
        .map(|one| {
            let id = &one.stated.question.id;
            let given = input
                .given
                .as_ref()
                .and_then(|given| given.rationales.get(id));
            let of_samples = || {
                let responses = one.samples.iter().map(|sample| &sample.response);
                responses
                    .filter_map(|response| parse::response(response).rationale)
                    .map(|text| parse::without_confidence(&text))
                    .collect()
            };
            summary::Sampled {
                id: id.clone(),
                rationales: given.map_or_else(of_samples, Clone::clone),
            }
        })
        .collect();
    let mut outcomes = summary::summarise(&part(context, "summary"), prompt, &writer, &sampled)?;
    scored.retain_mut(|one| {
        let id = &one.stated.question.id;
        match outcomes.remove(id) {
            Some(Ok(text)) => {
                one.text = text;
                true
            }
            failed => {
                let reason = failed.and_then(Result::err).unwrap_or_default();
                skipped.push(left_out(id, format!("no summary: {reason}")));
                false
            }
        }
    });
    Ok(())
}

/// The stage's name is filled in when it is written.
fn left_out(record: &str, reason: impl Into<String>) -> Skipped {
    Skipped {
        stage: String::new(),
        record: record.to_owned(),
        reason: reason.into(),
    }
}

fn score_of(one: &Scored) -> Score {
    let Stated {
        question,
        answer,
        level,
        ..
    } = &one.stated;
    let said = strings::normalise(answer.as_deref().unwrap_or_default());
    // Clusters by embedding hold other wordings than their most frequent one.
    let saying: Vec<u32> = one
        .samples
        .iter()
        .filter(|sample| strings::normalise(&answer_of(sample)) == said)
        .map(|sample| sample.index)
        .collect();
    let says = |cluster: &&Cluster| {
        strings::normalise(&cluster.answer) == said
            || cluster.members.iter().any(|index| saying.contains(index))
    };
    let clusters = one.clustering.clusters.iter();
    let same = clusters.filter(|cluster| !said.is_empty() && says(cluster));
    Score {
        id: question.id.clone(),
        template: question.template.clone(),
        entity: question.entity.clone(),
        question: question.question.clone(),
        rationale: one.text.clone(),
        answer: answer.clone(),
        confidence: *level,
        share: same.map(|cluster| cluster.share).sum::<f64>().min(1.0),
        clusters: one.clustering.clusters.len(),
        names: None,
        self_reflect: None,
        judge: None,
        judge_failures: Vec::new(),
        people: Vec::new(),
    }
}

fn by_names(
    input: &Input,
    scored: &[Scored],
    texts: &[Controlled<Option<&str>>],
    scores: &mut [Score],
) {
    let candidates: BTreeMap<&Option<String>, Candidates> = input
        .pool
        .iter()
        .map(|(template, answers)| (template, Candidates::of(answers)))
        .collect();
    let none = Candidates::default();
    for ((one, texts), score) in scored.iter().zip(texts).zip(scores) {
        let question = &one.stated.question;
        let candidates = candidates.get(&question.template).unwrap_or(&none);
        let groups: Vec<Group<'_>> = one
            .clustering
            .clusters
            .iter()
            .map(|cluster| Group {
                answer: &cluster.answer,
                share: cluster.share,
            })
            .collect();
        score.names = Some(texts.map(|text| {
            let text = text?;
            Some(names::score(
                text,
                candidates,
                &groups,
                &question.answers,
                &question.question,
            ))
        }));
    }
}

/// SelfReflect's scores by question, of those with more than one cluster.
fn by_self_reflect(
    context: &StageContext<'_>,
    config: &FaithfulnessConfig,
    reader: &dyn WordReader,
    prompts: &Prompts,
    scored: &[Scored],
    texts: &[Controlled<Option<&str>>],
    skipped: &mut Vec<Skipped>,
) -> anyhow::Result<HashMap<String, Controlled<Option<f64>>>> {
    let context = part(context, "self-reflect");
    let path = context.records.join(SELF_REFLECT);
    let mut log = RecordLog::open(&path, |record: &Reflected| record.id.clone())?;
    let wanted: Vec<(&Scored, &Controlled<Option<&str>>)> = scored
        .iter()
        .zip(texts)
        .filter(|(one, _)| one.clustering.clusters.len() > 1)
        .collect();
    let mut progress =
        Progress::start(&context, log.len() as u64, wanted.len() as u64, "questions")?;
    for (one, texts) in &wanted {
        let id = &one.stated.question.id;
        if log.contains(id) {
            continue;
        }
        let mut said: Vec<String> = one
            .samples
            .iter()
            .map(answer_of)
            .filter(|answer| !answer.is_empty())
            .collect();
        let held = config
            .self_reflect_answers
            .min(said.len().saturating_sub(1));
        let held_out = said.split_off(said.len() - held);
        let answers = words::Answers {
            question: &one.stated.question.question,
            held_out: &held_out,
            others: &said,
        };
        let asked: Vec<&str> = [texts.own, texts.shuffled, texts.constant]
            .into_iter()
            .flatten()
            .collect();
        let record = match words::self_reflect(reader, prompts, answers, &asked)? {
            Ok((found, words)) => {
                let mut found = found.into_iter();
                let scores = texts.map(|text| text.and_then(|_| found.next()));
                Reflected {
                    id: id.clone(),
                    scores,
                    words,
                    failure: None,
                }
            }
            Err(reason) => Reflected {
                id: id.clone(),
                scores: Controlled::default(),
                words: 0,
                failure: Some(reason),
            },
        };
        log.append(&record)?;
        progress.advance(1)?;
    }
    log.finish_in_order(
        wanted
            .iter()
            .map(|(one, _)| one.stated.question.id.as_str()),
    )?;
    progress.finish()?;
    let records: Vec<Reflected> = read_records(&path)?;
    for record in &records {
        if let Some(reason) = &record.failure {
            skipped.push(left_out(
                &record.id,
                format!("no SelfReflect score: {reason}"),
            ));
        }
    }
    Ok(records
        .into_iter()
        .map(|record| (record.id, record.scores))
        .collect())
}

/// The judge's scores of questions with more than one cluster.
fn by_judge(
    context: &StageContext<'_>,
    judge: &Judge<'_>,
    scored: &[Scored],
    texts: &[Controlled<Option<&str>>],
    scores: &mut [Score],
    skipped: &mut Vec<Skipped>,
) -> anyhow::Result<()> {
    let wanted: Vec<usize> = (0..scored.len())
        .filter(|index| scored[*index].clustering.clusters.len() > 1)
        .collect();
    let asked: Vec<(&Scored, &str)> = wanted
        .iter()
        .flat_map(|&index| {
            let Controlled {
                own,
                shuffled,
                constant,
            } = texts[index];
            let of = &scored[index];
            [own, shuffled, constant]
                .into_iter()
                .flatten()
                .map(move |text| (of, text))
        })
        .collect();
    let mut outcomes = judge.scores(&part(context, "judge"), &asked)?.into_iter();
    for index in wanted {
        let mut failures = Vec::new();
        let judged = texts[index].map(|text| {
            text?;
            match outcomes.next()? {
                Ok(score) => Some(score),
                Err(reason) => {
                    failures.push(reason);
                    None
                }
            }
        });
        let score = &mut scores[index];
        let reasons = failures
            .iter()
            .map(|reason| left_out(&score.id, format!("no score of the judge: {reason}")));
        skipped.extend(reasons);
        score.judge = Some(judged);
        score.judge_failures = failures;
    }
    Ok(())
}

fn by_people(ratings: &Ratings, scores: &mut [Score], skipped: &mut Vec<Skipped>) {
    skipped.extend(ratings.skipped.iter().cloned());
    let mut known = 0;
    for score in scores {
        if let Some(given) = ratings.by_item.get(&score.id) {
            score.people = given.iter().map(|(_, rating)| *rating).collect();
            known += 1;
        }
    }
    let strange = ratings.by_item.len() - known;
    if strange > 0 {
        skipped.push(left_out(
            "ratings",
            format!("{strange} rated items are none of the questions that are measured"),
        ));
    }
}

fn tell(
    context: &StageContext<'_>,
    measured: &serde_json::Value,
    skipped: usize,
) -> anyhow::Result<()> {
    let means = ["names", "self_reflect", "judge", "people"]
        .into_iter()
        .filter_map(|name| Some((name, measured.get(name)?.get("mean")?.as_f64()?)));
    context.events.metrics(&context.stage, 0, means)?;
    if skipped > 0 {
        let path = context.records.join(SKIPPED);
        let message = format!("{skipped} records left out, see {}", path.display());
        context.events.note(&context.stage, &message)?;
        if !context.quiet {
            eprintln!("{}: {message}", context.stage);
        }
    }
    Ok(())
}
