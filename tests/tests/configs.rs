//! Every shipped configuration runs to its end, on a few questions.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use sayself_tests::folders;
use sayself_tests::programs::run_sayself;
use serde_json::Value;
use std::path::Path;

/// Questions of each split.
const LIMIT: &str = "8";

/// Each evaluation has measures of some questions.
fn check(name: &str, evaluations: &Value) {
    let evaluations = evaluations.as_object().unwrap();
    assert!(!evaluations.is_empty(), "{name}");
    for (label, measures) in evaluations {
        let n = measures["n"].as_u64().unwrap();
        assert!((1..=8).contains(&n), "{name} {label}: {n} questions");
    }
}

fn run(config: &str) -> Value {
    if folders::model().is_none() {
        panic!("pull the model: `sayself pull smollm2-135m`");
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run").display().to_string();
    run_sayself(&[
        "run",
        config,
        "--limit",
        LIMIT,
        "--training-seeds",
        "1",
        "--out",
        &out,
        "--json",
    ])
    .ends_with(0)
    .json()
}

fn comparison() -> String {
    let path = folders::root().join("datasets/configs/comparison.toml");
    path.display().to_string()
}

#[test]
fn the_comparison_runs_every_method() {
    let told = run(&comparison());
    for (name, outcome) in told["runs"].as_object().unwrap() {
        check(name, &outcome["evaluations"]);
    }
}

#[test]
fn every_other_configuration_runs() {
    let compared = std::fs::read_to_string(comparison()).unwrap();
    let compared = datasets::Comparison::from_toml(&compared).unwrap().unwrap();
    // What is in `paper/` asks for a model of 7 billion parameters, and for questions that are not shipped.
    let is_other = |name: &&str| {
        !name.starts_with("paper/") && !compared.configs.iter().any(|other| other == name)
    };
    let names = datasets::configs::names();
    assert!(
        compared
            .configs
            .iter()
            .all(|name| names.contains(&name.as_str()))
    );
    let folder = tempfile::tempdir().unwrap();
    for name in names.into_iter().filter(is_other) {
        let config = some_answers_are_taught(name, folder.path());
        check(name, &run(&config)["evaluations"]);
    }
}

/// At the paper's temperature the small model answers about one question in forty rightly, so of a few
/// questions its rule, the right answers alone, may leave none to teach: here all are.
fn some_answers_are_taught(name: &str, folder: &Path) -> String {
    if name != "methods/paper-sampling" {
        return name.to_owned();
    }
    let text = datasets::configs::builtin(name).unwrap();
    let all = text.replace(
        "selection = \"correct-only\"",
        "selection = \"own-answers\"",
    );
    assert_ne!(all, text, "{name}");
    let file = folder.join("paper-sampling.toml");
    std::fs::write(&file, all).unwrap();
    file.display().to_string()
}

#[test]
fn a_run_stops_after_a_stage_and_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let until = |stage: &str| {
        let out = out.display().to_string();
        let words = ["run", "world-facts/demo", "--limit", LIMIT, "--out", &out];
        run_sayself(&[&words[..], &["--until", stage, "--json"]].concat())
    };
    for (stage, made, later) in [
        ("sample", "sample/samples.jsonl", "cluster"),
        ("cluster", "cluster/clusters.jsonl", "rationalize"),
        ("build", "build/stage_1", "sft"),
    ] {
        let told = until(stage).ends_with(0).json();
        assert_eq!(told["evaluations"], serde_json::json!({}), "{stage}");
        assert!(
            out.join(made).exists() && !out.join(later).exists(),
            "{stage}"
        );
        let events = std::fs::read_to_string(out.join("events.jsonl")).unwrap();
        let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
        assert_eq!(last["stage"], format!("until/{stage}"));
        assert_eq!(last["kind"], "finished");
    }
    until("faithfulness")
        .ends_with(2)
        .says(&["--until", "[faithfulness]"]);
}
