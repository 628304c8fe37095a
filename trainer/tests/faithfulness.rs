//! `sayself faithfulness` on the reference's file with a judge behind HTTP: no model is needed.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Reply, Request, Server, files_in, run, sayself};

const QUESTIONS: usize = 6;
/// Own text, that of another question, and the constant one.
const TEXTS: usize = 3;

fn city(number: usize) -> String {
    format!("Town{}", number % QUESTIONS)
}

/// A faithfulness file whose every question is answered in two ways.
fn file(folder: &Path) -> PathBuf {
    let lines: Vec<String> = (0..QUESTIONS)
        .map(|number| {
            let doubt = format!("It may be {} or {}.", city(number), city(number + 1));
            let answer = |city: String| format!("Answer: {city}\nConfidence: 7");
            json!({
                "question": format!("Which town is number {number}?"),
                "reason": [doubt, "N/A", "N/A"],
                "responses": [answer(city(number)), answer(city(number)), answer(city(number + 1))],
            })
            .to_string()
        })
        .collect();
    let path = folder.join("responses.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn judged(file: &Path, out: &Path, endpoint: &str) -> Command {
    let mut command = sayself();
    command
        .arg("faithfulness")
        .arg(file)
        .args(["--by", "names,judge", "--judge-endpoint", endpoint])
        .args(["--judge-model", "judge", "--json", "--quiet", "--out"])
        .arg(out)
        .env("OPENAI_API_KEY", "sesame-2718")
        .env_remove("SAYSELF_API_KEY");
    command
}

fn reply(text: &str) -> Reply {
    let choice =
        json!({ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" });
    Reply::new(200, json!({ "choices": [choice] }).to_string())
}

fn asked(request: &Request) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

#[test]
fn the_references_file_is_scored_by_names_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (code, stdout, stderr) = run(sayself()
        .arg("faithfulness")
        .arg(file(folder.path()))
        .args(["--by", "names", "--json", "--quiet", "--out"])
        .arg(&out));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let measured: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(measured["n"], QUESTIONS);
    assert!(
        (measured["names"]["mean"].as_f64().unwrap() - 10.0).abs() < 1e-9,
        "{measured:#}"
    );
    assert_eq!(measured["names"]["falls_under_controls"], true);
    let metrics = std::fs::read_to_string(out.join("metrics.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&metrics).unwrap(), measured);
    let (_, table, _) = run(sayself()
        .arg("faithfulness")
        .arg(file(folder.path()))
        .args(["--by", "names", "--quiet", "--out"])
        .arg(&out));
    assert!(
        table.contains("falls under controls") && table.contains("names, 0..10"),
        "{table}"
    );
}

#[test]
fn the_key_is_sent_and_written_nowhere_and_confidence_is_hidden() {
    let server = Server::start(|_| reply("reason: good. score: 8"));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (code, stdout, stderr) = run(&mut judged(&file(folder.path()), &out, &server.url));
    assert_eq!(code, 0, "{stderr}");
    let measured: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(measured["judge"]["mean"], 8.0);
    // A judge that likes everything says nothing.
    assert_eq!(measured["judge"]["falls_under_controls"], false);
    assert_eq!(server.requests().len(), TEXTS * QUESTIONS);
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer sesame-2718"));
        assert!(!asked(&request).contains("Confidence"));
    }
    for (name, bytes) in files_in(&out) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("sesame"), "{name}");
        assert!(!text.contains(&server.url), "{name}");
    }
}

#[test]
fn an_endpoint_that_lies_or_stumbles_is_asked_again_and_counted() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        // One question's judge never gives a score; the first calls stumble.
        if asked(request)
            .split("Now judge this one.")
            .last()
            .unwrap()
            .contains("number 3?")
        {
            return reply("I would rather not say.");
        }
        match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::new(429, "slow down").header("Retry-After", "0"),
            1 => Reply::new(500, "oh").header("Retry-After", "0"),
            2 => reply(""),
            3 => reply(&"word ".repeat(5_000)),
            4 => Reply::new(400, "no"),
            _ => reply("reason: good. score: 6"),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (code, stdout, stderr) = run(&mut judged(&file(folder.path()), &out, &server.url));
    assert_eq!(code, 0, "{stderr}");
    let measured: Value = serde_json::from_str(&stdout).unwrap();
    // Three texts of the one question, and the call that was refused for good.
    assert_eq!(measured["judge"]["failures"], 4, "{measured:#}");
    let skipped = std::fs::read_to_string(out.join("skipped.jsonl")).unwrap();
    assert_eq!(skipped.lines().count(), 4);
    assert!(
        skipped.contains("no `score:` in the reply (6 tries)"),
        "{skipped}"
    );
    assert!(skipped.contains("HTTP status 400"), "{skipped}");

    // What was refused is asked once more, what was answered is not.
    let before = server.requests().len();
    let (code, stdout, _) = run(&mut judged(&file(folder.path()), &out, &server.url));
    assert_eq!(code, 0);
    let measured: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(measured["judge"]["failures"], 3);
    assert_eq!(server.requests().len(), before + 1);
}

#[test]
fn a_killed_judging_asks_nothing_twice() {
    let server = Server::start(|_| {
        std::thread::sleep(Duration::from_millis(40));
        reply("reason: good. score: 7")
    });
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = file(folder.path());
    let replies = out.join("replies.jsonl");
    let lines = || std::fs::read_to_string(&replies).map_or(0, |text| text.lines().count());
    let mut child = judged(&file, &out, &server.url)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while lines() < 4 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Let what is in flight arrive at the server.
    std::thread::sleep(Duration::from_millis(100));
    let kept: HashSet<String> = read_lines(&replies);
    let before = server.requests().len();
    assert!(
        kept.len() >= 4 && kept.len() < TEXTS * QUESTIONS,
        "{}",
        kept.len()
    );

    let (code, stdout, stderr) = run(&mut judged(&file, &out, &server.url));
    assert_eq!(code, 0, "{stderr}");
    let measured: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(measured["judge"]["n"], QUESTIONS);
    assert_eq!(
        server.requests().len() - before,
        TEXTS * QUESTIONS - kept.len()
    );
    let all = read_lines(&replies);
    assert!(kept.is_subset(&all) && all.len() == TEXTS * QUESTIONS);

    // The bytes are those of a run that nobody disturbed.
    let undisturbed = folder.path().join("undisturbed");
    let (code, _, _) = run(&mut judged(&file, &undisturbed, &server.url));
    assert_eq!(code, 0);
    for name in [
        "scores.jsonl",
        "metrics.json",
        "replies.jsonl",
        "clusters.jsonl",
    ] {
        let bytes = |out: &Path| std::fs::read(out.join(name)).unwrap();
        assert!(bytes(&out) == bytes(&undisturbed), "{name} differs");
    }
}

/// The whole lines of a record file.
fn read_lines(path: &Path) -> HashSet<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |parts| parts.0);
    whole.lines().map(str::to_owned).collect()
}

#[test]
fn people_agree_and_correct_the_judge() {
    let server = Server::start(|_| reply("reason: good. score: 8"));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = file(folder.path());
    let (code, _, stderr) = run(&mut judged(&file, &out, &server.url));
    assert_eq!(code, 0, "{stderr}");
    let scores = std::fs::read_to_string(out.join("scores.jsonl")).unwrap();
    let ids: Vec<String> = scores
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let mut rows = "id,annotator,score\n".to_owned();
    for (id, score) in ids.iter().take(3).zip([5, 6, 7]) {
        rows.push_str(&format!("{id},ann,{score}\n{id},bea,{score}\n"));
    }
    let ratings = folder.path().join("ratings.csv");
    std::fs::write(&ratings, &rows).unwrap();
    let with_people = |ratings: &Path| {
        let mut command = judged(&file, &out, &server.url);
        command.args(["--by", "people", "--ratings"]).arg(ratings);
        command
    };
    let (code, stdout, stderr) = run(&mut with_people(&ratings));
    assert_eq!(code, 0, "{stderr}");
    let measured: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(measured["people"]["alpha_interval"], 1.0);
    assert_eq!(measured["people"]["ratings"], 6);
    // The judge says 8 where people say 6.
    assert_eq!(measured["judge"]["corrected"]["mean"], 6.0);
    assert_eq!(measured["judge"]["corrected"]["correction"], -2.0);

    std::fs::write(&ratings, rows + "x,ann,high\n").unwrap();
    let (code, stdout, stderr) = run(&mut with_people(&ratings));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("ratings.csv:8"), "{stderr}");
}

#[test]
fn bad_use_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let file = file.to_str().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    let password = "http://me:secret@localhost:1";
    for (arguments, reason) in [
        (
            vec![file, "--by", "judge", "--out", out],
            "--judge-endpoint URL",
        ),
        (vec![file, "--by", "people", "--out", out], "--ratings FILE"),
        (vec![file, "--by", "names"], "--out DIR"),
        (vec![file, "--by", "guess", "--out", out], "invalid value"),
        (
            vec![empty, "--by", "names"],
            "expected a run directory with evaluations",
        ),
        (
            vec![
                file,
                "--by",
                "judge",
                "--out",
                out,
                "--judge-endpoint",
                password,
                "--judge-model",
                "m",
            ],
            "no name and password",
        ),
    ] {
        let (code, stdout, stderr) = run(sayself().arg("faithfulness").args(&arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(reason), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("secret"), "{stderr}");
    }
    let (code, _, stderr) = run(sayself().args(["faithfulness", "/no/such/run"]));
    assert_eq!(code, 1, "{stderr}");
}
