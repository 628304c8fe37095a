//! The stages over an OpenAI-compatible endpoint that is away, slow or lies: nothing is lost, all is
//! counted, and what was answered is not asked for again.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use calibration::heights::clusters_at;
use datasets::{Answer, Clustering, MergeHeights, Rationale, Sample, Skipped};
use sayself::run_dir::read_records;
use sayself::stages::evaluate::Judgement;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{Reply, Request, Server, files_in, run, sayself};
use tempfile::TempDir;

const KEY: &str = "sesame-3141-open";

/// A folder with questions `q0`, `q1`, …, each of which is answered by its own number.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(questions: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (0..questions)
            .map(|index| format!("q{index},Question {index}?,{index}\n"))
            .collect();
        let text = format!("id,question,answer\n{lines}");
        std::fs::write(folder.path().join("questions.csv"), text).unwrap();
        Bench { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A configuration whose `table` is the server, asked in haste.
    fn config(&self, table: &str, url: &str) -> String {
        let text = format!(
            "[{table}]\nurl = \"{url}\"\nfirst_pause_seconds = 0.01\nattempts = 3\ntimeout_seconds = 2\n\
             concurrency = 4\n"
        );
        std::fs::write(self.path("config.toml"), text).unwrap();
        self.text("config.toml")
    }

    fn command(&self, stage: &str, out: &str, more: &[&str]) -> Command {
        let mut command = sayself();
        command
            .args([stage, "--out", &self.text(out), "--json", "--quiet"])
            .args(more)
            .env("SAYSELF_API_KEY", KEY);
        command
    }

    fn sample(&self, url: &str) -> Command {
        let questions = self.text("questions.csv");
        let config = self.config("endpoint", url);
        self.command(
            "sample",
            "out",
            &[
                "--config",
                &config,
                "--model",
                "small",
                "--questions",
                &questions,
                "--samples",
                "2",
                "--max-tokens",
                "8",
            ],
        )
    }

    /// No file and no word holds the key.
    #[track_caller]
    fn assert_keeps_the_key(&self, said: &str) {
        assert!(!said.contains(KEY), "{said}");
        for (name, bytes) in files_in(self.folder.path()) {
            assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "{name}");
        }
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// The last message of a chat.
fn asked(request: &Request) -> String {
    let body = body(request);
    let messages = body["messages"].as_array().unwrap();
    messages.last().unwrap()["content"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// As many choices of one text as were asked for.
fn says(request: &Request, text: &str) -> Reply {
    let count = body(request)["n"].as_u64().unwrap_or(1);
    let choices: Vec<Value> = (0..count)
        .map(|_| json!({ "message": { "content": text }, "finish_reason": "stop" }))
        .collect();
    let usage = json!({ "prompt_tokens": 7, "completion_tokens": 3 * count });
    Reply::new(
        200,
        json!({ "choices": choices, "usage": usage }).to_string(),
    )
}

fn skipped(path: &Path) -> Vec<Skipped> {
    match path.exists() {
        true => read_records(path).unwrap(),
        false => Vec::new(),
    }
}

/// The latest value that `events.jsonl` gives to a measure.
fn event_value(path: &Path, name: &str) -> f64 {
    let text = std::fs::read_to_string(path).unwrap();
    let values = text.lines().rev().find_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["values"][name].as_f64()
    });
    values.unwrap()
}

#[test]
fn every_fault_that_passes_costs_a_try_and_no_answer() {
    let bench = Bench::new(7);
    let seen: Mutex<BTreeSet<String>> = Mutex::default();
    let server = Server::start(move |request| {
        let question = asked(request);
        if !seen.lock().unwrap().insert(question.clone()) {
            return says(request, "fine");
        }
        match question.as_str() {
            "Question 0?" => Reply::new(200, "not JSON"),
            "Question 1?" => Reply::new(200, r#"{"choices":[]}"#),
            "Question 2?" => says(request, &"on and on ".repeat(2500)),
            "Question 3?" => Reply::new(429, "slow down").header("Retry-After", "0"),
            "Question 4?" => Reply::new(500, format!("panic at {KEY}")),
            "Question 5?" => Reply {
                drip: Some(Duration::from_millis(200)),
                ..says(request, "slow")
            },
            _ => Reply {
                cut_after: Some(5),
                ..says(request, "cut")
            },
        }
    });
    let (code, stdout, stderr) = run(&mut bench.sample(&server.url));
    assert_eq!(code, 0, "{stderr}");
    let samples: Vec<Sample> = read_records(&bench.path("out/samples.jsonl")).unwrap();
    assert_eq!(samples.len(), 14);
    assert!(
        samples
            .iter()
            .all(|sample| sample.response == "fine" && sample.tokens == 3)
    );
    assert_eq!(server.requests().len(), 14);
    assert!(skipped(&bench.path("out/skipped.jsonl")).is_empty());
    let events = bench.path("out/events.jsonl");
    assert_eq!(event_value(&events, "endpoint_calls"), 14.0);
    assert_eq!(event_value(&events, "endpoint_retries"), 7.0);
    // The answer that was too long was paid for, too.
    assert_eq!(event_value(&events, "completion_tokens"), 48.0);
    bench.assert_keeps_the_key(&(stdout + &stderr));
}

#[test]
fn what_fails_all_tries_is_counted_and_asked_for_again() {
    let bench = Bench::new(6);
    let is_ill = Arc::new(AtomicBool::new(true));
    let ill = is_ill.clone();
    let server = Server::start(move |request| match asked(request).as_str() {
        "Question 2?" if ill.load(Ordering::Relaxed) => Reply::new(500, format!("{KEY} is ill")),
        _ => says(request, &format!("I heard {KEY}")),
    });
    let (code, stdout, stderr) = run(&mut bench.sample(&server.url));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("2 responses could not be had"), "{stderr}");
    let left_out = skipped(&bench.path("out/skipped.jsonl"));
    let records: Vec<&str> = left_out.iter().map(|one| one.record.as_str()).collect();
    assert_eq!(records, ["q2/0", "q2/1"]);
    assert!(
        left_out[0].reason.contains("500: [key] is ill (3 tries)"),
        "{left_out:?}"
    );
    let samples: Vec<Sample> = read_records(&bench.path("out/samples.jsonl")).unwrap();
    assert_eq!(samples.len(), 10);
    assert_eq!(samples[0].response, "I heard [key]");
    assert_eq!(server.requests().len(), 5 + 3);
    bench.assert_keeps_the_key(&stderr);

    // With --skip-invalid it is left out.
    let (code, _, stderr) = run(bench.sample(&server.url).arg("--skip-invalid"));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(skipped(&bench.path("out/skipped.jsonl")).len(), 2);
    assert_eq!(server.requests().len(), 5 + 3 + 3);

    // Well again, it is asked that alone, wherever it is now.
    is_ill.store(false, Ordering::Relaxed);
    let moved = Server::start(|request| says(request, "well"));
    let (code, _, stderr) = run(&mut bench.sample(&moved.url));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(moved.requests().len(), 1);
    assert!(skipped(&bench.path("out/skipped.jsonl")).is_empty());
    let samples: Vec<Sample> = read_records(&bench.path("out/samples.jsonl")).unwrap();
    assert_eq!(samples.len(), 12);
    assert_eq!(samples[5].response, "well");
}

#[test]
fn a_wrong_key_ends_all_at_once_and_is_not_told() {
    let bench = Bench::new(50);
    let server = Server::start(|_| {
        let message = format!("Incorrect API key provided: {KEY}");
        Reply::new(401, json!({ "error": { "message": message } }).to_string())
    });
    let (code, stdout, stderr) = run(&mut bench.sample(&server.url));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(
        stderr.contains("401: Incorrect API key provided: [key]"),
        "{stderr}"
    );
    assert!(server.requests().len() <= 8, "{}", server.requests().len());
    for request in server.requests() {
        assert_eq!(
            request.header("authorization"),
            Some(format!("Bearer {KEY}").as_str())
        );
    }
    bench.assert_keeps_the_key(&stderr);

    let named = bench
        .sample(&server.url)
        .arg("--key-variable")
        .arg("NOBODY_SET_THIS")
        .output();
    assert_eq!(named.unwrap().status.code(), Some(2));
}

#[test]
fn a_killed_stage_asks_for_nothing_twice() {
    let bench = Bench::new(12);
    let server = Server::start(|request| {
        let question = asked(request);
        // The later ones hang until the program is killed.
        let number: usize = question[9..question.len() - 1].parse().unwrap();
        if number >= 6 {
            std::thread::sleep(Duration::from_secs(60));
        }
        says(request, "first")
    });
    let mut child = bench
        .sample(&server.url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let path = bench.path("out/samples.jsonl");
    let started = Instant::now();
    loop {
        let lines = std::fs::read(&path).map_or(0, |bytes| {
            bytes.iter().filter(|byte| **byte == b'\n').count()
        });
        if lines == 12 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{lines} lines");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let again = Server::start(|request| says(request, "second"));
    let (code, _, stderr) = run(&mut bench.sample(&again.url));
    assert_eq!(code, 0, "{stderr}");
    let questions: BTreeSet<String> = again.requests().iter().map(asked).collect();
    assert_eq!((again.requests().len(), questions.len()), (6, 6));
    assert!(!questions.contains("Question 5?"));
    let samples: Vec<Sample> = read_records(&path).unwrap();
    let firsts = samples.iter().filter(|sample| sample.response == "first");
    assert_eq!((samples.len(), firsts.count()), (24, 12));
}

/// Samples and clusters of a bench's questions: half say the right number, half another.
fn clustered(bench: &Bench) -> (String, String) {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let question = asked(request);
        let number = &question[9..question.len() - 1];
        let even = calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        let choices = ["Let me think.", "Hm."].map(|thought| {
            let answer = if thought == "Hm." { "99" } else { number };
            let text = format!("{thought} {even}\nAnswer: {answer}");
            json!({ "message": { "content": text }, "finish_reason": "stop" })
        });
        Reply::new(200, json!({ "choices": choices }).to_string())
    });
    let questions = bench.text("questions.csv");
    let config = bench.config("endpoint", &server.url);
    let sample = [
        "--config",
        &config,
        "--model",
        "small",
        "--questions",
        &questions,
        "--samples",
        "2",
        "--max-tokens",
        "20",
    ];
    let (code, _, stderr) = run(&mut bench.command("sample", "samples", &sample));
    assert_eq!(code, 0, "{stderr}");
    let samples = bench.text("samples/samples.jsonl");
    let cluster = ["--samples", &samples, "--questions", &questions];
    let (code, _, stderr) = run(&mut bench.command("cluster", "clusters", &cluster));
    assert_eq!(code, 0, "{stderr}");
    (samples, bench.text("clusters/clusters.jsonl"))
}

#[test]
fn a_teacher_writes_rationales_and_what_are_none_are_counted() {
    let bench = Bench::new(5);
    let (samples, clusters) = clustered(&bench);
    let answers: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let is_wordy = Arc::new(AtomicBool::new(true));
    let wordy = is_wordy.clone();
    let good = "I am not sure which number it is: I waver between it and 99.";
    let server = Server::start(move |request| {
        let text = asked(request);
        let number = (0..5).find(|number| text.contains(&format!("Question {number}?")));
        let mut answers = answers.lock().unwrap();
        let tries = answers.entry(format!("{number:?}")).or_default();
        *tries += 1;
        match (number.unwrap(), *tries) {
            // A number for the confidence, then none.
            (1, 1) => says(request, "I am 80% sure."),
            (1, _) => says(request, &format!("\"{good}\"")),
            (2, _) if wordy.load(Ordering::Relaxed) => says(request, &"I doubt. ".repeat(50)),
            (3, 1) => says(request, "Answer: 3\nConfidence: 9"),
            _ => says(request, good),
        }
    });
    let questions = bench.text("questions.csv");
    let config = bench.config("rationalize.endpoint", &server.url);
    let teach = [
        "--config",
        &config,
        "--teacher",
        "large",
        "--endpoint",
        &server.url,
        "--clusters",
        &clusters,
        "--samples",
        &samples,
        "--questions",
        &questions,
    ];
    let (code, _, stderr) = run(&mut bench.command("rationalize", "taught", &teach));
    assert_eq!(code, 1);
    assert!(stderr.contains("1 rationales could not be had"), "{stderr}");
    assert!(stderr.contains("sentences"), "{stderr}");
    let path = bench.path("taught/rationales.jsonl");
    let records: Vec<Rationale> = read_records(&path).unwrap();
    assert_eq!(records.len(), 4);
    let prompt = datasets::prompts::builtin("rationale-teacher")
        .unwrap()
        .sha256();
    for record in &records {
        assert_eq!(
            (record.rationale.as_str(), record.teacher.as_str()),
            (good, "large")
        );
        assert_eq!(record.prompt_sha256.as_deref(), Some(prompt.as_str()));
    }
    let left_out = skipped(&bench.path("taught/skipped.jsonl"));
    assert_eq!((left_out.len(), left_out[0].record.as_str()), (1, "q2"));
    // Three that needed one answer, one that needed two, two for the label, three for the wordy one.
    let before = server.requests();
    assert_eq!(before.len(), 2 + 2 + 2 + 3);
    let about = before
        .iter()
        .map(asked)
        .find(|text| text.contains("Question 4?"))
        .unwrap();
    for shown in ["(50%) Let me think.", "(50%) Hm.", "Correct answer: 4"] {
        assert!(about.contains(shown), "{shown}: {about}");
    }
    // The first answer is the most probable one, others are drawn.
    let temperatures: BTreeSet<String> = before
        .iter()
        .map(|request| body(request)["temperature"].to_string())
        .collect();
    assert_eq!(temperatures.len(), 2);

    is_wordy.store(false, Ordering::Relaxed);
    let (code, _, stderr) = run(&mut bench.command("rationalize", "taught", &teach));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(server.requests().len(), before.len() + 1);
    let records: Vec<Rationale> = read_records(&path).unwrap();
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids, ["q0", "q1", "q2", "q3", "q4"]);
    bench.assert_keeps_the_key(&stderr);

    // A teacher that is a model has an endpoint.
    let (code, _, _) = run(&mut bench.command(
        "rationalize",
        "nowhere",
        &["--teacher", "large", "--clusters", &clusters],
    ));
    assert_eq!(code, 2);
}

#[test]
fn samples_are_clustered_by_an_embeddings_endpoint_at_any_threshold() {
    let bench = Bench::new(3);
    let (samples, _) = clustered(&bench);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let server = Server::start(move |request| {
        assert_eq!(request.path, "/v1/embeddings");
        let call = counted.fetch_add(1, Ordering::Relaxed);
        let body = body(request);
        assert_eq!(body["model"], "encoder");
        let texts = body["input"].as_array().unwrap();
        let data: Vec<Value> = texts
            .iter()
            .enumerate()
            .rev()
            .map(|(index, text)| {
                let text = text.as_str().unwrap();
                assert!(text.starts_with("About Question "), "{text}");
                // 60 degrees between the two answers.
                let embedding = if text.ends_with(": 99") {
                    [1.0, 0.0]
                } else {
                    [0.5, 0.866_025_4]
                };
                json!({ "index": index, "embedding": embedding })
            })
            .collect();
        match call {
            0 => Reply::new(200, json!({ "data": data[..1] }).to_string()),
            1 => Reply::new(503, "busy"),
            _ => Reply::new(200, json!({ "data": data }).to_string()),
        }
    });
    let questions = bench.text("questions.csv");
    let config = bench.config("cluster.endpoint", &server.url);
    let cluster = [
        "--config",
        &config,
        "--samples",
        &samples,
        "--questions",
        &questions,
        "--by",
        "embedding",
        "--embed",
        "answer",
        "--embedder",
        "encoder",
        "--threshold",
        "0.9",
        "--instruction",
        "About {question} ",
    ];
    let (code, _, stderr) = run(&mut bench.command("cluster", "embedded", &cluster));
    assert_eq!(code, 0, "{stderr}");
    let path = bench.path("embedded/clusters.jsonl");
    let clusters: Vec<Clustering> = read_records(&path).unwrap();
    assert_eq!(clusters[0].method, "embedding: encoder, cosine above 0.9");
    assert!(clusters.iter().all(|record| record.clusters.len() == 2));
    let heights: Vec<MergeHeights> = read_records(&bench.path("embedded/heights.jsonl")).unwrap();
    assert_eq!(heights.len(), 3);
    assert_eq!(clusters_at(&heights[0].heights, 0.9), [vec![0], vec![1]]);
    assert_eq!(clusters_at(&heights[0].heights, 0.499), [vec![0, 1]]);
    assert_eq!(calls.load(Ordering::Relaxed), 5);

    // Killed between the two files, a question's clusters follow from its heights.
    let whole = std::fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    std::fs::write(&path, lines[..2].concat()).unwrap();
    let (code, _, stderr) = run(&mut bench.command("cluster", "embedded", &cluster));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(calls.load(Ordering::Relaxed), 5);
    bench.assert_keeps_the_key(&stderr);
}

/// A model that says `Answer: N` to question N, and a judge that knows better of some.
fn answered_and_judged(request: &Request, malformed: &dyn Fn(&str) -> bool) -> Reply {
    let text = asked(request);
    let number = (0..20)
        .rfind(|number| text.contains(&format!("Question {number}?")))
        .unwrap();
    if body(request)["model"] == "small" {
        let answer = if number < 6 {
            number.to_string()
        } else {
            format!("it is not {number}0")
        };
        return says(
            request,
            &format!("Answer: {answer}\nConfidence: {}", number % 10 + 1),
        );
    }
    assert!(!text.contains("onfidence"), "{text}");
    assert!(
        text.contains(&format!("Reference answer: {number}\n")),
        "{text}"
    );
    if malformed(&format!("Question {number}?")) {
        return says(request, "They are quite similar.");
    }
    // Right of 0 to 5 by strings; the judge doubts 5 and takes 9.
    let score = match number {
        0..=4 => 10,
        9 => 7,
        _ => 2,
    };
    says(request, &format!("score: {score}"))
}

#[test]
fn a_judge_scores_once_and_its_agreement_is_told() {
    let bench = Bench::new(10);
    let is_vague = Arc::new(AtomicBool::new(true));
    let vague = is_vague.clone();
    let seen: Mutex<BTreeSet<String>> = Mutex::default();
    let server = Server::start(move |request| {
        answered_and_judged(request, &|question| match question {
            // Once, and always.
            "Question 1?" => seen.lock().unwrap().insert(question.to_owned()),
            "Question 7?" => vague.load(Ordering::Relaxed),
            _ => false,
        })
    });
    let questions = bench.text("questions.csv");
    let evaluate = [
        "--method",
        "direct-prompting",
        "--model",
        "small",
        "--endpoint",
        &server.url,
        "--questions",
        &questions,
        "--judge-endpoint",
        &server.url,
        "--judge-model",
        "large",
    ];
    let judge_calls = || {
        let requests = server.requests();
        requests
            .iter()
            .filter(|request| body(request)["model"] == "large")
            .count()
    };
    let (code, _, stderr) = run(&mut bench.command("evaluate", "judged", &evaluate));
    assert_eq!(code, 1);
    assert!(stderr.contains("1 scores could not be had"), "{stderr}");
    let left_out = skipped(&bench.path("judged/skipped.jsonl"));
    assert_eq!((left_out.len(), left_out[0].record.as_str()), (1, "q7"));
    assert!(!bench.path("judged/metrics.json").exists());
    // Ten, one of them twice, one of them three times.
    assert_eq!(judge_calls(), 10 + 1 + 2);
    let asked_once = server.requests().len();

    // The one without a score goes by strings, if that is wished.
    let (code, stdout, stderr) = run(bench
        .command("evaluate", "judged", &evaluate)
        .arg("--skip-invalid"));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(server.requests().len(), asked_once + 3);
    let metrics: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(metrics["judge"]["failures"], 1);
    assert_eq!(metrics["judge"]["n"], 9);

    is_vague.store(false, Ordering::Relaxed);
    std::fs::remove_file(bench.path("judged/metrics.json")).unwrap();
    let (code, stdout, stderr) = run(&mut bench.command("evaluate", "judged", &evaluate));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(server.requests().len(), asked_once + 4);
    let metrics: Value = serde_json::from_str(&stdout).unwrap();
    let judge = &metrics["judge"];
    assert_eq!(
        (judge["model"].as_str(), judge["n"].as_u64()),
        (Some("large"), Some(10))
    );
    assert_eq!(judge["failures"], 0);
    // Equal on 8 of 10; by chance .6 · .6 + .4 · .4 = .52.
    assert_eq!(judge["agreement"]["share_equal"], 0.8);
    let kappa = judge["agreement"]["kappa"].as_f64().unwrap();
    assert!((kappa - (0.8 - 0.52) / 0.48).abs() < 1e-9, "{kappa}");
    assert!((judge["score_mean"].as_f64().unwrap() - 0.65).abs() < 1e-9);
    assert_eq!(metrics["accuracy"], 0.6);
    let answers: Vec<Answer> = read_records(&bench.path("judged/answers.jsonl")).unwrap();
    assert_eq!((answers[5].correct, answers[9].correct), (false, true));
    let judgements: Vec<Judgement> = read_records(&bench.path("judged/judgements.jsonl")).unwrap();
    assert!(judgements[5].correct_by_strings && !judgements[5].correct);

    // All is there: nothing is asked.
    let (code, _, stderr) = run(&mut bench.command("evaluate", "judged", &evaluate));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(server.requests().len(), asked_once + 4);
    bench.assert_keeps_the_key(&stderr);
}

#[test]
fn an_evaluation_keeps_what_was_answered_before_the_endpoint_died() {
    let bench = Bench::new(40);
    let is_dead = Arc::new(AtomicBool::new(true));
    let dead = is_dead.clone();
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        if dead.load(Ordering::Relaxed) && call >= 25 {
            return Reply::new(500, "out of memory");
        }
        says(request, "Answer: 1\nConfidence: 3")
    });
    let questions = bench.text("questions.csv");
    let config = bench.config("endpoint", &server.url);
    let evaluate = [
        "--config",
        &config,
        "--method",
        "direct-prompting",
        "--model",
        "small",
        "--questions",
        &questions,
    ];
    let (code, _, stderr) = run(&mut bench.command("evaluate", "out", &evaluate));
    assert_eq!(code, 1);
    assert!(stderr.contains("failed one after the other"), "{stderr}");
    let answers: Vec<Answer> = read_records(&bench.path("out/answers.jsonl")).unwrap();
    assert_eq!(answers.len(), 25);
    let failed = skipped(&bench.path("out/skipped.jsonl")).len();
    assert!((8..=15).contains(&failed), "{failed}");
    is_dead.store(false, Ordering::Relaxed);
    let before = server.requests().len();
    let (code, stdout, stderr) = run(&mut bench.command("evaluate", "out", &evaluate));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(server.requests().len(), before + 15);
    let metrics: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(metrics["n"], 40);
    assert!(skipped(&bench.path("out/skipped.jsonl")).is_empty());
}

#[test]
fn sets_that_strings_cannot_judge_are_marked() {
    let bench = Bench::new(1);
    let row = |question: &str| {
        json!({ "question": question, "answer": "Nothing in particular happens if you do that, so far as anybody knows",
                "negative_answer": "You die" })
    };
    let rows = json!([row("Question 0?"), row("Question 1?")]);
    let path = bench.path("truthful_qa.json");
    std::fs::write(&path, rows.to_string()).unwrap();
    let server = Server::start(|request| match body(request)["model"] == "small" {
        true => says(request, "Nothing happens.\nConfidence: 8"),
        false => says(request, "score: 9"),
    });
    let mut evaluate = vec![
        "--method",
        "direct-prompting",
        "--model",
        "small",
        "--endpoint",
        &server.url,
        "--questions",
        path.to_str().unwrap(),
    ];
    let (code, stdout, stderr) = run(&mut bench.command("evaluate", "strings", &evaluate));
    assert_eq!(code, 0, "{stderr}");
    let metrics: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(metrics["judge_valid"], false);
    evaluate.extend(["--judge-endpoint", &server.url, "--judge-model", "large"]);
    let (code, stdout, stderr) = run(&mut bench.command("evaluate", "model", &evaluate));
    assert_eq!(code, 0, "{stderr}");
    let metrics: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&metrics["judge_valid"], &metrics["accuracy"]),
        (&json!(true), &json!(1.0))
    );
}
