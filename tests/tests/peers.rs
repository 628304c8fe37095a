//! The command line gives the same answers as transformers and PEFT on the same file, in f32.
//!
//! The golden files are made by `golden/transformers/make.py`; `trainer/model` compares token ids,
//! chat template, logits, loss and gradients with them.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "peers/export.rs"]
mod export;
#[path = "peers/trl.rs"]
mod trl;

use sayself_tests::folders;
use sayself_tests::programs::run_sayself;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// Greatest difference of a log-probability.
const TOLERANCE: f64 = 1e-4;
/// Logits that are closer than this may swap places.
const TIE: f64 = 1e-3;

fn golden(name: &str) -> PathBuf {
    folders::root().join("tests/golden/transformers").join(name)
}

fn lines(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(golden(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn model_file() -> PathBuf {
    folders::model().unwrap_or_else(|| panic!("pull the model: `sayself pull smollm2-135m`"))
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"));
    list.iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The greatest difference, for a message that tells how close it was.
#[track_caller]
fn assert_close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let greatest = ours
        .iter()
        .zip(theirs)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(greatest <= tolerance, "{what}: differs by {greatest:e}");
}

/// `sayself score --dequantize` of the golden texts, compared with a golden file.
fn assert_scores(more: &[&str], name: &str) {
    let golden = lines(name);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.jsonl");
    let texts: String = golden
        .iter()
        .map(|line| format!("{}\n", serde_json::json!({"text": line["text"]})))
        .collect();
    fs::write(&file, texts).unwrap();
    let (model, file) = (
        model_file().display().to_string(),
        file.display().to_string(),
    );
    let mut arguments = vec!["score", "--model", &model, "--dequantize"];
    arguments.extend(more);
    arguments.extend([file.as_str(), "--json"]);
    let ours = run_sayself(&arguments).ends_with(0).json_lines();
    assert_eq!(ours.len(), golden.len());
    for (ours, theirs) in ours.iter().zip(&golden) {
        assert_eq!(ours["token_ids"], theirs["token_ids"], "{}", theirs["text"]);
        let (ours, text) = (numbers(&ours["logprobs"]), theirs["text"].to_string());
        assert_close(&ours, &numbers(&theirs["logprobs"]), TOLERANCE, &text);
    }
}

#[test]
fn log_probabilities_are_those_of_transformers() {
    assert_scores(&[], "scores.jsonl");
}

#[test]
fn an_adapter_of_peft_gives_the_same_log_probabilities() {
    let adapter = golden("adapter").display().to_string();
    assert_scores(&["--adapter", &adapter], "adapter.jsonl");
}

#[test]
fn greedy_responses_are_those_of_transformers() {
    let golden = lines("greedy.jsonl");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("questions.jsonl");
    let questions: String = golden
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let question = serde_json::json!({"id": format!("q{index}"), "question": line["question"], "answers": ["x"]});
            format!("{question}\n")
        })
        .collect();
    fs::write(&file, questions).unwrap();
    let out = folder.path().join("out");
    let (model, file) = (
        model_file().display().to_string(),
        file.display().to_string(),
    );
    run_sayself(&[
        "sample",
        "--model",
        &model,
        "--dequantize",
        "--questions",
        &file,
        "--greedy",
        "--max-tokens",
        "24",
        "--out",
        &out.display().to_string(),
    ])
    .ends_with(0);
    let written = ["samples.jsonl", "greedy.jsonl"]
        .iter()
        .find_map(|name| fs::read_to_string(out.join(name)).ok());
    let ours: Vec<Value> = written
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut compared = 0;
    for line in golden
        .iter()
        .filter(|line| line["smallest_gap"].as_f64().unwrap() > TIE)
    {
        let record = ours
            .iter()
            .find(|record| record["question"] == line["question"])
            .unwrap();
        assert_eq!(record["response"], line["response"], "{}", line["question"]);
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} without a tie");
}
