//! The stage with a canned model: what it writes, that it goes on where it was cut, and what it refuses.

use super::*;
use crate::events::EventLog;
use crate::sampler::{SampleRequest, SampledResponse};
use calibration::faithfulness::self_reflect::distribution;
use datasets::record::FinishReason;
use serde_json::{Value, json};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

const QUESTIONS: usize = 12;
const SAMPLES_EACH: usize = 10;

/// Samples city `i` for question i six times of ten, and the next city else; question 0 always alike.
/// Gives up after some responses.
struct Cities {
    until_break: Cell<usize>,
}

impl Sampler for Cities {
    fn sample(
        &self,
        requests: &[SampleRequest],
        on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        for (request, wanted) in requests.iter().enumerate() {
            let asked = &wanted.messages[0].content;
            let number: usize = asked.split(' ').nth(1).unwrap().parse().unwrap();
            for (sample, seed) in wanted.seeds.iter().enumerate() {
                if self.until_break.get() == 0 {
                    anyhow::bail!("the model went away");
                }
                self.until_break.set(self.until_break.get() - 1);
                let city = match seed % 10 < 6 || number == 0 {
                    true => city(number),
                    false => city(number + 1),
                };
                let text = format!(
                    "Answer: {city}\nConfidence: 6\nSelf-reflection: {}",
                    doubt(number)
                );
                let response = SampledResponse {
                    levels: None,
                    text,
                    finish_reason: FinishReason::EndOfTurn,
                    tokens: 1,
                    logprob: None,
                };
                if on_done(request, sample, response).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn city(number: usize) -> String {
    format!("Town{}", number % QUESTIONS)
}

fn doubt(number: usize) -> String {
    format!("It is {} or {}.", city(number), city(number + 1))
}

/// Expects the words that were said before, as often as they were.
struct Parrot;

impl WordReader for Parrot {
    fn read(&self, asked: &[Asked]) -> anyhow::Result<Result<Vec<Vec<Vec<f64>>>, String>> {
        let vocabulary: Vec<String> = (0..QUESTIONS).map(city).collect();
        let of_one = |one: &Asked| {
            let said = &one.messages[1].content;
            let logits: Vec<f32> = vocabulary
                .iter()
                .map(|word| {
                    let hits = said
                        .split(|c: char| !c.is_alphanumeric())
                        .filter(|said| said == word);
                    if hits.count() > 0 { 20.0 } else { 0.0 }
                })
                .collect();
            vec![distribution(&logits)]
        };
        Ok(Ok(asked.iter().map(of_one).collect()))
    }
}

/// A judge that scores by whether the text names the first cluster, keeping what it was asked.
#[derive(Default)]
struct Scores {
    asked: Mutex<Vec<String>>,
    replies: Vec<&'static str>,
}

impl Sampler for Scores {
    fn sample(
        &self,
        requests: &[SampleRequest],
        on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        for (request, wanted) in requests.iter().enumerate() {
            let content = wanted.messages.last().unwrap().content.clone();
            // Behind the worked example.
            let own = content.split("Now judge this one.").last().unwrap();
            let first = own
                .split("Answer: ")
                .nth(1)
                .unwrap()
                .split('\n')
                .next()
                .unwrap();
            let summary = own.split("Summary:").last().unwrap();
            let mut asked = self.asked.lock().unwrap();
            let reply = match self.replies.get(asked.len()) {
                Some(reply) => (*reply).to_owned(),
                None if summary.contains(first) => "reason: it is named. score: 9".to_owned(),
                None => "reason: it is not. score: 1".to_owned(),
            };
            asked.push(content.clone());
            if reply == "gone" {
                anyhow::bail!("connection refused");
            }
            let _ = on_done(
                request,
                0,
                SampledResponse {
                    levels: None,
                    text: reply,
                    finish_reason: FinishReason::EndOfTurn,
                    tokens: 1,
                    logprob: None,
                },
            );
        }
        Ok(())
    }
}

fn input(run: &Path) -> Input {
    let folder = run.join("evaluate/sayself");
    let answers: Vec<Value> = (0..QUESTIONS)
        .map(|number| {
            json!({
                "id": format!("q{number}"), "question_id": format!("q{number}"), "template": "town",
                "question": format!("Which {number} is it?"), "response": "…", "answer": city(number),
                "rationale": doubt(number), "confidence": 6, "probability": 0.6, "correct": true,
                "failure": null, "gold": city(number),
            })
        })
        .collect();
    write_records(&folder.join(crate::stages::evaluate::ANSWERS), &answers).unwrap();
    Input::of_evaluation("sayself", &folder, run, None, 1).unwrap()
}

fn config(by: &[FaithfulnessBy]) -> FaithfulnessConfig {
    FaithfulnessConfig {
        by: by.to_vec(),
        samples: SAMPLES_EACH,
        ..FaithfulnessConfig::default()
    }
}

fn measured(
    out: &Path,
    config: &FaithfulnessConfig,
    sampler: &Cities,
    judge: Option<&Scores>,
    ratings: Option<Ratings>,
) -> anyhow::Result<Value> {
    let run = tempfile::tempdir().unwrap();
    let events = EventLog::open(out.join("events.jsonl")).unwrap();
    let context = StageContext {
        records: out.to_path_buf(),
        events: &events,
        stage: "faithfulness/sayself".into(),
        seed: 1,
        skip_invalid: false,
        quiet: true,
    };
    let subject = Subject {
        sampler: Some(sampler),
        prompt: Prompt::default(),
        model: "canned".into(),
        model_sha256: String::new(),
        adapter_sha256: String::new(),
        cluster: ClusterConfig::default(),
        embedder: None,
        words: Some(&Parrot),
        summariser: Some(sampler),
        judge: judge.map(|judge| Judge {
            endpoint: Endpoint {
                sampler: judge,
                model: "scores".into(),
                concurrency: 1,
                attempts: 3,
            },
            prompt: shipped("judge-faithfulness").unwrap(),
        }),
        ratings,
    };
    faithfulness(&context, config, &subject, input(run.path()))
}

fn whole() -> Cities {
    Cities {
        until_break: Cell::new(usize::MAX),
    }
}

fn bytes_of(out: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "events.jsonl"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .map(|(name, bytes)| (name.rsplit('/').next().unwrap().to_owned(), bytes))
        .collect();
    files.sort();
    files
}

fn number(measured: &Value, pointer: &str) -> f64 {
    let found = measured.pointer(pointer).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("{pointer}: {measured:#}"))
}

#[test]
fn true_rationales_score_high_and_fall_under_both_controls() {
    let out = tempfile::tempdir().unwrap();
    let by = [FaithfulnessBy::Names, FaithfulnessBy::SelfReflect];
    let found = measured(out.path(), &config(&by), &whole(), None, None).unwrap();
    // Question 0 has one cluster, and stands apart.
    assert_eq!(found["single_cluster"]["n"], 1);
    assert_eq!(found["n"], QUESTIONS - 1);
    assert!((number(&found, "/names/mean") - 10.0).abs() < 1e-9);
    assert_eq!(found["names"]["falls_under_controls"], true);
    assert_eq!(number(&found, "/names/constant/mean"), 0.0);
    assert!(number(&found, "/names/shuffled/mean") < 5.0);
    // Where the samples that were not held out are all alike, the rationale tells more than they.
    assert!(number(&found, "/self_reflect/mean") < 0.1);
    assert_eq!(found["self_reflect"]["falls_under_controls"], true);
    assert!(number(&found, "/self_reflect/shuffled/fall") > 0.1);
    // All state 6 of 10; the share of question 0 is 1.
    assert!((number(&found, "/cmfg/mfg")) > 0.6);
    assert_eq!(found["cmfg"]["n"], QUESTIONS);
    assert_eq!(found["by_level"][0]["level"], 6);
    let scores: Vec<Value> = read_records(&out.path().join(SCORES)).unwrap();
    assert_eq!(scores.len(), QUESTIONS);
    assert_eq!(
        scores[3]["names"]["own"]["names"],
        json!(["town3", "town4"])
    );
    assert!(scores[0].get("self_reflect").is_none());
}

#[test]
fn what_is_interrupted_ends_with_the_same_bytes() {
    let (undisturbed, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = config(&[FaithfulnessBy::Names, FaithfulnessBy::SelfReflect]);
    measured(undisturbed.path(), &config, &whole(), None, None).unwrap();
    for _ in 0..3 {
        let sampler = Cities {
            until_break: Cell::new(17),
        };
        measured(cut.path(), &config, &sampler, None, None).unwrap_err();
    }
    measured(cut.path(), &config, &whole(), None, None).unwrap();
    let wanted = bytes_of(undisturbed.path());
    assert_eq!(wanted, bytes_of(cut.path()));
    // Cut between two SelfReflect scores, with the results of before thrown away.
    let path = cut.path().join(SELF_REFLECT);
    let kept = std::fs::read(&path).unwrap();
    std::fs::write(&path, &kept[..kept.len() / 2]).unwrap();
    std::fs::remove_file(cut.path().join(METRICS)).unwrap();
    let nobody = Cities {
        until_break: Cell::new(0),
    };
    measured(cut.path(), &config, &nobody, None, None).unwrap();
    assert_eq!(wanted, bytes_of(cut.path()));

    let other = FaithfulnessConfig {
        samples: SAMPLES_EACH + 1,
        ..config
    };
    let error = measured(cut.path(), &other, &whole(), None, None).unwrap_err();
    assert!(
        error.to_string().contains("samples: 10 there, 11 here"),
        "{error}"
    );
    assert_eq!(crate::error::exit_code(&error), 2);
}

#[test]
fn the_judge_is_blind_asked_once_and_corrected_by_people() {
    let out = tempfile::tempdir().unwrap();
    let by = [
        FaithfulnessBy::Names,
        FaithfulnessBy::Judge,
        FaithfulnessBy::People,
    ];
    let ratings = Ratings {
        by_item: (1..5)
            .map(|number| {
                let given = vec![("ann".to_owned(), 7.0), ("bea".to_owned(), 8.0)];
                (format!("q{number}"), given)
            })
            .chain([("elsewhere".to_owned(), vec![("ann".to_owned(), 1.0)])])
            .collect(),
        skipped: Vec::new(),
    };
    let judge = Scores::default();
    let found = measured(
        out.path(),
        &config(&by),
        &whole(),
        Some(&judge),
        Some(ratings.clone()),
    )
    .unwrap();
    assert_eq!(number(&found, "/judge/mean"), 9.0);
    assert_eq!(number(&found, "/judge/constant/mean"), 1.0);
    assert_eq!(found["judge"]["failures"], 0);
    assert_eq!(number(&found, "/judge/corrected/mean"), 7.5);
    assert_eq!(found["people"]["n"], 4);
    assert_eq!(number(&found, "/people/mean"), 7.5);
    let asked = judge.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3 * (QUESTIONS - 1));
    for text in &asked {
        let own = text.split("Now judge this one.").last().unwrap();
        assert!(
            !own.contains("Confidence") && !own.contains("sayself"),
            "{own}"
        );
        assert!(!own.contains("Self-reflection"), "{own}");
    }
    let skipped: Vec<Skipped> = read_records(&out.path().join(SKIPPED)).unwrap();
    assert_eq!(skipped.len(), 1);
    assert!(skipped[0].reason.contains("1 rated items"));

    // Started again, it asks nothing.
    let again = Scores::default();
    let twice = measured(
        out.path(),
        &config(&by),
        &whole(),
        Some(&again),
        Some(ratings),
    )
    .unwrap();
    assert!(again.asked.lock().unwrap().is_empty());
    assert_eq!(found, twice);
}

#[test]
fn a_judge_that_lies_is_counted_and_one_that_dies_loses_nothing() {
    let out = tempfile::tempdir().unwrap();
    let config = config(&[FaithfulnessBy::Judge]);
    // Three malformed tries of the first text, one empty reply of the second, then it is gone.
    let mut replies = vec!["garbage", "score: 12", "", ""];
    replies.extend([
        "reason: late. score: 5",
        "gone",
        "gone",
        "gone",
        "gone",
        "gone",
    ]);
    let dying = Scores {
        replies,
        ..Scores::default()
    };
    let error = measured(out.path(), &config, &whole(), Some(&dying), None).unwrap_err();
    assert!(
        format!("{error:#}").contains("5 times in a row"),
        "{error:#}"
    );
    let kept = std::fs::read_to_string(out.path().join(REPLIES)).unwrap();
    assert_eq!(kept.lines().count(), 5);

    let recovered = Scores::default();
    let found = measured(out.path(), &config, &whole(), Some(&recovered), None).unwrap();
    assert_eq!(found["judge"]["failures"], 1);
    assert_eq!(found["judge"]["n"], QUESTIONS - 2);
    assert_eq!(
        recovered.asked.lock().unwrap().len(),
        3 * (QUESTIONS - 1) - 2
    );
    let skipped: Vec<Skipped> = read_records(&out.path().join(SKIPPED)).unwrap();
    assert!(
        skipped[0].reason.contains("the reply is empty (3 tries)"),
        "{skipped:?}"
    );
    let scores: Vec<Value> = read_records(&out.path().join(SCORES)).unwrap();
    assert_eq!(scores[1]["judge"]["own"], Value::Null);
    assert_eq!(scores[1]["judge"]["shuffled"], 5.0);
}

#[test]
fn a_summary_takes_the_rationales_place() {
    let out = tempfile::tempdir().unwrap();
    let config = FaithfulnessConfig {
        summary: SummaryBy::Judge,
        ..config(&[FaithfulnessBy::Names])
    };
    struct Writes;
    impl Sampler for Writes {
        fn sample(
            &self,
            requests: &[SampleRequest],
            on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
        ) -> anyhow::Result<()> {
            let content = &requests[0].messages[0].content;
            let line = content
                .lines()
                .find(|line| line.starts_with("It is"))
                .unwrap();
            let _ = on_done(
                0,
                0,
                SampledResponse {
                    levels: None,
                    text: format!("Reason: In short: {line}"),
                    finish_reason: FinishReason::EndOfTurn,
                    tokens: 1,
                    logprob: None,
                },
            );
            Ok(())
        }
    }
    let run = tempfile::tempdir().unwrap();
    let events = EventLog::none();
    let context = StageContext {
        records: out.path().to_path_buf(),
        events: &events,
        stage: "faithfulness/sayself".into(),
        seed: 1,
        skip_invalid: false,
        quiet: true,
    };
    let sampler = whole();
    let subject = Subject {
        sampler: Some(&sampler),
        prompt: Prompt::default(),
        model: "canned".into(),
        model_sha256: String::new(),
        adapter_sha256: String::new(),
        cluster: ClusterConfig::default(),
        embedder: None,
        words: None,
        summariser: None,
        judge: Some(Judge {
            endpoint: Endpoint {
                sampler: &Writes,
                model: "writes".into(),
                concurrency: 4,
                attempts: 1,
            },
            prompt: Prompt::default(),
        }),
        ratings: None,
    };
    let found = faithfulness(&context, &config, &subject, input(run.path())).unwrap();
    assert!((number(&found, "/names/mean") - 10.0).abs() < 1e-9);
    let scores: Vec<Value> = read_records(&out.path().join(SCORES)).unwrap();
    assert_eq!(scores[2]["rationale"], "In short: It is Town2 or Town3.");
}

#[test]
fn a_measure_without_what_it_needs_is_refused() {
    let out = tempfile::tempdir().unwrap();
    for by in [FaithfulnessBy::Judge, FaithfulnessBy::People] {
        let error = measured(out.path(), &config(&[by]), &whole(), None, None).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 2, "{error}");
    }
}
