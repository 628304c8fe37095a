//! Every shipped configuration runs to its end, on a few questions.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use sayself_tests::folders;
use sayself_tests::programs::run_sayself;

/// Questions of each split.
const LIMIT: &str = "8";

/// Runs each `of`th configuration from the `first` on: the tests share them.
fn run_each(first: usize, of: usize) {
    if folders::model().is_none() {
        panic!("pull the model: `sayself pull smollm2-135m`");
    }
    for name in datasets::configs::names()
        .into_iter()
        .skip(first)
        .step_by(of)
    {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run").display().to_string();
        let told = run_sayself(&["run", name, "--limit", LIMIT, "--out", &out, "--json"]);
        let told = told.ends_with(0).json();
        let evaluations = told["evaluations"].as_object().unwrap();
        assert!(!evaluations.is_empty(), "{name}");
        for (label, measures) in evaluations {
            let n = measures["n"].as_u64().unwrap();
            assert!((1..=8).contains(&n), "{name} {label}: {n} questions");
        }
    }
}

#[test]
fn first_quarter() {
    run_each(0, 4);
}

#[test]
fn second_quarter() {
    run_each(1, 4);
}

#[test]
fn third_quarter() {
    run_each(2, 4);
}

#[test]
fn last_quarter() {
    run_each(3, 4);
}
