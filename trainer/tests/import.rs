//! Logs in the form of other evaluation tools (datasets/fixtures/import/make.py) become runs that every
//! command reads.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use serde_json::Value;
use std::path::Path;
use support::{files_in, run, sayself};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/fixtures/import");
const DATE: &str = "2026-01-31T10-20-30.123456";

fn lm_eval(task: &str) -> String {
    format!("{FIXTURES}/lm-eval/made__model/samples_{task}_{DATE}.jsonl")
}

#[track_caller]
fn json(arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = run(sayself().args(arguments));
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn lm_eval_logs_become_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let out = out.to_str().unwrap();
    let (letters, capitals) = (lm_eval("letters"), lm_eval("capitals"));
    let asked = [
        "import", "lm-eval", &letters, &capitals, "--out", out, "--json",
    ];
    let summary = json(&asked);
    let evaluations = summary["evaluations"].as_array().unwrap();
    assert_eq!(evaluations.len(), 2);
    assert_eq!(evaluations[0]["label"], "letters");
    assert_eq!(evaluations[0]["model"], "made/model");
    assert_eq!(evaluations[0]["confidences"]["likelihood"], 60);
    // 40 questions, of which 4 state nothing; the other filter's 40 lines.
    assert_eq!(evaluations[1]["n"], 36);
    assert_eq!(summary["skipped"], 44);
    let skipped = records(&Path::new(out).join("skipped.jsonl"));
    let with = |words: &str| {
        let found = skipped
            .iter()
            .filter(|one| one["reason"].as_str().unwrap().contains(words));
        found.count()
    };
    assert_eq!((with("of the filter"), with("no `Confidence:`")), (40, 4));

    let answers = records(&Path::new(out).join("evaluate/letters/answers.jsonl"));
    for answer in &answers {
        let probability = answer["probability"].as_f64().unwrap();
        // The likeliest of four has at least a quarter.
        assert!((0.25..=1.0).contains(&probability), "{answer}");
        let is_gold = answer["answer"] == answer["gold"];
        assert_eq!(answer["correct"], is_gold, "{answer}");
        assert!(answer["template"] == "east" || answer["template"] == "west");
    }
    let capitals = records(&Path::new(out).join("evaluate/capitals/answers.jsonl"));
    let failed: Vec<&Value> = capitals
        .iter()
        .filter(|answer| !answer["failure"].is_null())
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["probability"], 0.0);

    // Done again, the same files give the same bytes; only the events grow.
    let before = files_in(Path::new(out));
    json(&asked);
    for ((name, before), (_, after)) in before.iter().zip(files_in(Path::new(out))) {
        assert!(name == "events.jsonl" || *before == after, "{name}");
    }
}

#[test]
fn inspect_logs_become_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let out = out.to_str().unwrap();
    let (cities, letters) = (
        format!("{FIXTURES}/inspect/cities.json"),
        format!("{FIXTURES}/inspect/letters.eval"),
    );
    let summary = json(&[
        "import", "inspect", &cities, &letters, "--out", out, "--json",
    ]);
    let evaluations = summary["evaluations"].as_array().unwrap();
    // 30 questions, of which one was partly right and one failed; a second epoch of 30.
    assert_eq!(evaluations[0]["label"], "cities");
    assert_eq!(evaluations[0]["confidences"]["stated"], 28);
    // Of 30, each sixth without log-probabilities, each twelfth with a recorded confidence.
    assert_eq!(evaluations[1]["label"], "letters");
    assert_eq!(evaluations[1]["confidences"]["likelihood"], 25);
    assert_eq!(evaluations[1]["confidences"]["recorded"], 2);
    assert_eq!(summary["skipped"], 2 + 30 + 3);
    let answers = records(&Path::new(out).join("evaluate/letters/answers.jsonl"));
    let first = &answers[0];
    assert!(
        first["gold"].as_str().unwrap().starts_with("A) "),
        "{first}"
    );
    assert_eq!(records(&Path::new(out).join("questions.jsonl")).len(), 55);
}

#[test]
fn zstandard_and_deflate_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let answers = |name: &str| {
        let out = folder.path().join(name);
        let log = format!("{FIXTURES}/inspect/{name}.eval");
        json(&[
            "import",
            "inspect",
            &log,
            "--out",
            out.to_str().unwrap(),
            "--json",
        ]);
        std::fs::read(out.join("evaluate/letters/answers.jsonl")).unwrap()
    };
    assert_eq!(answers("letters"), answers("letters-zstandard"));
}

#[test]
fn an_imported_run_is_measured_compared_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (out("first"), out("second"));
    let letters = lm_eval("letters");
    json(&["import", "lm-eval", &letters, "--out", &first, "--json"]);
    // Another model on the same questions.
    let text = std::fs::read_to_string(&letters).unwrap();
    let other = folder.path().join(format!("samples_letters_{DATE}.jsonl"));
    std::fs::write(&other, text.replace("\"-1.", "\"-2.")).unwrap();
    let other = other.to_str().unwrap();
    let model = ["--model", "other/model", "--json"];
    let asked = ["import", "lm-eval", other, "--out", &second];
    json(&[&asked[..], &model[..]].concat());

    let answers = format!("{first}/evaluate/letters/answers.jsonl");
    let metrics = json(&["metrics", &answers, "--at-accuracy", "0.8", "--json"]);
    let written: Value = serde_json::from_slice(
        &std::fs::read(format!("{first}/evaluate/letters/metrics.json")).unwrap(),
    )
    .unwrap();
    assert_eq!(metrics["brier"], written["brier"]);
    assert_eq!(metrics["at_accuracy"][0]["chosen_on"], "other-half");
    assert_eq!(
        written["imported_from"][0],
        format!("samples_letters_{DATE}.jsonl")
    );

    let compared = json(&["compare", &first, &second, "--bootstrap", "50", "--json"]);
    assert_eq!(compared["compared"][0]["n"], 60);
    let page = folder.path().join("report.html");
    let page = page.to_str().unwrap();
    let report = json(&[
        "report",
        &first,
        &second,
        "--out",
        page,
        "--bootstrap",
        "50",
        "--json",
    ]);
    assert_eq!(report["compared"], 1);
    let html = std::fs::read_to_string(page).unwrap();
    assert!(
        html.contains("Imported from another tool"),
        "{}",
        &html[..2000]
    );
}

#[test]
fn bad_logs_end_with_exit_code_2_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let torn = folder.path().join("samples_torn.jsonl");
    let good = std::fs::read_to_string(lm_eval("letters")).unwrap();
    let good = good.lines().take(20).collect::<Vec<_>>().join("\n");
    std::fs::write(&torn, format!("{good}\n{{\"doc_id\": 1, \"re")).unwrap();
    let (torn, out) = (torn.to_str().unwrap(), out.to_str().unwrap());
    let asked = ["import", "lm-eval", torn, "--out", out];
    let (code, stdout, stderr) = run(sayself().args(asked));
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("samples_torn.jsonl:21"), "{stderr}");
    assert!(!Path::new(out).exists());
    let summary = json(&[&asked[..], &["--skip-invalid", "--json"][..]].concat());
    assert_eq!(
        (&summary["evaluations"][0]["n"], &summary["skipped"]),
        (&20.into(), &1.into())
    );

    // Another log into the same run is refused.
    let letters = lm_eval("letters");
    let (code, _, stderr) = run(sayself().args(["import", "lm-eval", &letters, "--out", out]));
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("another configuration"), "{stderr}");
}
