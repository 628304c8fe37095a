//! `sayself export` of a recorded run, and what it refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use datasets::reference::read_questions;
use sayself::question_source;
use std::fs;
use std::path::Path;
use support::{run, sayself};

const RECORDED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../datasets/results/world-facts-smollm2-135m"
);

#[test]
fn a_run_becomes_a_data_set_that_is_read_again() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("set");
    let folder_name = folder.to_str().unwrap();
    let arguments = [
        "export",
        "--dataset",
        "--run",
        RECORDED,
        "--out",
        folder_name,
    ];
    let (code, stdout, stderr) = run(sayself().args(arguments).args(["--json"]));
    assert_eq!(code, 0, "{stderr}");
    let told: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    for file in told["written"].as_array().unwrap() {
        let path = Path::new(file["path"].as_str().unwrap());
        assert_eq!(file["bytes"], path.metadata().unwrap().len());
    }
    let card = fs::read_to_string(folder.join("README.md")).unwrap();
    for wanted in [
        "---\npretty_name: \"SmolLM2-135M on world-facts\"\nlicense: other\n",
        "- config_name: questions\n  features:\n  - name: id\n    dtype: string\n",
        "  - name: answers\n    list: string\n",
        "- config_name: questions\n  default: true\n  data_files:\n  - split: train\n    path: data/questions/train-00000-of-00001.parquet\n",
        "- config_name: answers-sayself\n  data_files:\n  - split: test\n",
        "- config_name: answers-sayself-held-out\n  data_files:\n  - split: held_out\n",
        "GeoNames",
    ] {
        assert!(card.contains(wanted), "no {wanted:?} in\n{card}");
    }

    let questions = folder.join("data/questions");
    let read = question_source::load(questions.to_str().unwrap(), false).unwrap();
    let source = fs::read(Path::new(RECORDED).join("questions.jsonl")).unwrap();
    let mut source = read_questions(&source, "questions.jsonl").unwrap();
    let mut read = read.questions;
    for list in [&mut source, &mut read] {
        list.sort_by(|one, other| one.id.cmp(&other.id));
    }
    assert_eq!(read.len(), source.len());
    for (read, source) in read.iter().zip(&source) {
        assert_eq!(read, source);
    }

    // The whole folder has several configurations.
    let error = question_source::load(folder_name, false).unwrap_err();
    assert!(error.to_string().contains("answers-sayself"), "{error}");
    // And nothing is written over without a word.
    let (code, _, stderr) = run(sayself().args(arguments));
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--force"), "{stderr}");
    let (code, _, stderr) = run(sayself().args(arguments).arg("--force"));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn bad_use_is_told() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("there");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, wanted) in [
        (&["--model", "m", "--out", "o"][..], "nothing to export"),
        (&["--dataset", "--out", "o"], "--run"),
        (
            &["--dataset", "--run", RECORDED, "--model", "m", "--out", "o"],
            "no model",
        ),
        (&["--merged", "--out", "o"], "which model"),
        (&["--gguf", "q2_k", "--model", "m", "--out", "o"], "q2_k"),
        (
            &["--merged", "--model", "m", "--out", file],
            "expected a folder",
        ),
        (
            &[
                "--dataset",
                "--run",
                env!("CARGO_MANIFEST_DIR"),
                "--out",
                "o",
            ],
            "run.toml",
        ),
    ] {
        let (code, stdout, stderr) = run(sayself().arg("export").args(arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(wanted), "{arguments:?}: {stderr}");
    }
}
