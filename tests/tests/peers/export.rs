//! Exported models give the answers of transformers with PEFT, and of llama.cpp.
//!
//! The golden files are those of `golden/transformers/make.py`, and `llama_greedy.jsonl` by
//! `golden/transformers/llama_greedy.py`; that other programs load what is exported is shown by
//! `golden/transformers/export_loads.py`.

use super::{TOLERANCE, assert_close, golden, lines, model_file, numbers};
use sayself_tests::programs::run_sayself;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// `sayself score` of the golden texts by an exported folder.
fn assert_scores(folder: &Path, name: &str) {
    let golden = lines(name);
    let texts: String = golden
        .iter()
        .map(|line| format!("{}\n", serde_json::json!({"text": line["text"]})))
        .collect();
    let file = folder.join("texts.jsonl");
    fs::write(&file, texts).unwrap();
    let (model, file) = (text(folder), text(&file));
    let ours = run_sayself(&["score", "--model", &model, &file, "--json"])
        .ends_with(0)
        .json_lines();
    assert_eq!(ours.len(), golden.len());
    for (ours, theirs) in ours.iter().zip(&golden) {
        assert_eq!(ours["token_ids"], theirs["token_ids"], "{}", theirs["text"]);
        let (ours, what) = (numbers(&ours["logprobs"]), theirs["text"].to_string());
        assert_close(&ours, &numbers(&theirs["logprobs"]), TOLERANCE, &what);
    }
}

#[test]
fn a_merged_folder_scores_as_transformers_with_peft() {
    let folder = tempfile::tempdir().unwrap();
    let (model, adapter) = (text(&model_file()), text(&golden("adapter")));
    let (base, merged) = (folder.path().join("base"), folder.path().join("merged"));
    let export = ["export", "--merged", "--model", &model, "--quiet"];
    let with = |more: &[&str]| run_sayself(&[&export, more].concat()).ends_with(0);
    with(&["--out", &text(&base)]);
    assert_scores(&base, "scores.jsonl");
    with(&["--adapter", &adapter, "--out", &text(&merged)]);
    assert_scores(&merged, "adapter.jsonl");

    // A folder is exported as GGUF with the same weights as the file that it came from.
    let (of_file, of_folder) = (
        folder.path().join("of-file.gguf"),
        folder.path().join("of-folder.gguf"),
    );
    let gguf = |model: &str, out: &Path| {
        let out = text(out);
        let line = [
            "export", "--gguf", "q8_0", "--model", model, "--out", &out, "--quiet",
        ];
        run_sayself(&line).ends_with(0);
    };
    gguf(&model, &of_file);
    gguf(&text(&base), &of_folder);
    let answers = |path: &Path| greedy(&text(path), folder.path(), &lines("greedy.jsonl"));
    assert_eq!(answers(&of_file), answers(&of_folder));
}

/// Greedy responses of 24 tokens to the questions of `records`.
fn greedy(model: &str, folder: &Path, records: &[Value]) -> Vec<String> {
    let questions: String = records
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let question = serde_json::json!({"id": format!("q{index}"), "question": line["question"], "answers": ["x"]});
            format!("{question}\n")
        })
        .collect();
    let file = folder.join("questions.jsonl");
    fs::write(&file, questions).unwrap();
    let name = Path::new(model).file_stem().unwrap();
    let out = folder.join(format!("answers-{}", name.display()));
    let (file, out_name) = (text(&file), text(&out));
    let sample = ["sample", "--model", model, "--questions", &file, "--greedy"];
    let more = ["--max-tokens", "24", "--out", &out_name, "--quiet"];
    run_sayself(&[&sample[..], &more[..]].concat()).ends_with(0);
    let written = fs::read_to_string(out.join("greedy.jsonl")).unwrap();
    written
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["response"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn gguf_files_answer_as_in_llama_cpp() {
    let folder = tempfile::tempdir().unwrap();
    let (model, adapter) = (text(&model_file()), text(&golden("adapter")));
    let golden = lines("llama_greedy.jsonl");
    for format in ["q4_0", "q4_1", "q8_0", "f16"] {
        let out = text(&folder.path().join(format!("{format}.gguf")));
        let export = [
            "export",
            "--model",
            &model,
            "--adapter",
            &adapter,
            "--gguf",
            format,
        ];
        run_sayself(&[&export[..], &["--out", &out, "--quiet"]].concat()).ends_with(0);
        let theirs: Vec<Value> = golden
            .iter()
            .filter(|line| line["format"] == format)
            .cloned()
            .collect();
        let ours = greedy(&out, folder.path(), &theirs);
        let (mut compared, mut same) = (0, 0);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            // Both round activations to 8 bits, each in its own way: close logits may swap places.
            let sure = theirs["until_a_tie"].as_str().unwrap();
            assert!(
                ours.starts_with(sure.trim_end()),
                "{format}, {}: {ours:?} in place of {sure:?}",
                theirs["question"]
            );
            compared += sure.split_whitespace().count();
            same += usize::from(theirs["response"] == *ours);
        }
        let count = ours.len();
        eprintln!("{format}: {compared} words before ties, {same} of {count} whole");
        assert!(
            compared >= 20,
            "{format}: only {compared} words before ties"
        );
    }
}
