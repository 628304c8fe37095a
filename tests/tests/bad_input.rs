//! What comes from outside may be torn, empty, huge, foreign, of the wrong type or not a number:
//! exit code 2 with the file, the line and what was expected; nothing half-written.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use sayself_tests::programs::{Outcome, run_sayself};
use std::fs;
use std::path::{Path, PathBuf};

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Bench {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn sample(&self, questions: &str) -> Outcome {
        let out = self.out().display().to_string();
        run_sayself(&[
            "sample",
            "--questions",
            questions,
            "--samples",
            "1",
            "--max-tokens",
            "2",
            "--out",
            &out,
        ])
    }

    #[track_caller]
    fn assert_nothing_written(&self) {
        let left: Vec<PathBuf> = match self.out().is_dir() {
            true => sayself_tests::folders::files(&self.out())
                .into_keys()
                .collect(),
            false => Vec::new(),
        };
        let records: Vec<&PathBuf> = left.iter().filter(|path| is_record(path)).collect();
        assert!(records.is_empty(), "half-written: {records:?}");
    }
}

/// What a reader would take for a result, or a temporary file left behind.
fn is_record(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == "samples.jsonl"
        || name == "metrics.json"
        || name == "answers.jsonl"
        || name.contains("tmp")
}

/// Rows that must be refused, each with what the message must name.
const BAD_ROWS: [(&str, &str, &str); 12] = [
    ("empty", "", "empty"),
    ("only white space", " \n\n", "empty"),
    (
        "torn",
        "{\"confidence\":0.5,\"correct\":true}\n{\"confidence\":0.5,\"cor",
        "rows.jsonl, line 2:",
    ),
    (
        "a wrong type",
        "{\"confidence\":\"high\",\"correct\":true}\n",
        "confidence",
    ),
    (
        "a number for a bool",
        "{\"confidence\":0.5,\"correct\":7}\n",
        "correct",
    ),
    (
        "not a number",
        "{\"confidence\":NaN,\"correct\":true}\n",
        "rows.jsonl, line 1:",
    ),
    (
        "null",
        "{\"confidence\":null,\"correct\":true}\n",
        "confidence",
    ),
    (
        "out of range",
        "{\"confidence\":0.5,\"correct\":true}\n{\"confidence\":1.5,\"correct\":true}\n",
        "rows.jsonl, line 2:",
    ),
    (
        "negative",
        "{\"confidence\":-0.1,\"correct\":true}\n",
        "rows.jsonl, line 1:",
    ),
    (
        "infinite",
        "{\"confidence\":1e999,\"correct\":true}\n",
        "rows.jsonl, line 1:",
    ),
    ("no correct", "{\"confidence\":0.5}\n", "correct"),
    (
        "a list for an object",
        "[0.5, true]\n",
        "rows.jsonl, line 1:",
    ),
];

#[test]
fn bad_rows_are_refused_with_their_place() {
    let bench = Bench::new();
    for (what, text, word) in BAD_ROWS {
        let file = bench.file("rows.jsonl", text);
        let outcome = run_sayself(&["metrics", &file, "--json"]);
        assert_eq!(outcome.code, 2, "{what}: {}", outcome.told());
        assert!(outcome.stdout.is_empty(), "{what}: {}", outcome.told());
        outcome.says(&["rows.jsonl", word]);
    }
}

#[test]
fn bad_csv_is_refused_with_its_place() {
    let bench = Bench::new();
    for (text, word) in [
        ("confidence,correct\n", "no rows"),
        ("confidence,correct\n0.5,1\nhigh,1\n", "rows.csv, line 3:"),
        ("confidence,correct\n0.5,NaN\n", "correct"),
        ("confidence,correct\nNaN,1\n", "confidence"),
        ("confidence,correct\n0.5\n", "rows.csv, line 2:"),
        ("a,b\n0.5,1\n", "confidence"),
    ] {
        let file = bench.file("rows.csv", text);
        run_sayself(&["metrics", &file, "--json"])
            .ends_with(2)
            .says(&["rows.csv", word]);
    }
}

#[test]
fn foreign_files_are_refused() {
    let bench = Bench::new();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".repeat(50);
    let zip = b"PK\x03\x04\x14\0\0\0\x08\0".repeat(50);
    let zeros = vec![0u8; 4096];
    let utf16: Vec<u8> = "{\"question\":\"a\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, bytes) in [
        ("picture.jsonl", png),
        ("packed.jsonl", zip),
        ("zeros.jsonl", zeros),
        ("wide.jsonl", utf16),
    ] {
        let file = bench.file(name, bytes);
        run_sayself(&["metrics", &file]).ends_with(2).says(&[name]);
        run_sayself(&["parse", &file, "--json"])
            .ends_with(2)
            .says(&[name]);
        bench.sample(&file).ends_with(2).says(&[name]);
        bench.assert_nothing_written();
    }
}

#[test]
fn bad_questions_are_refused_before_anything_is_written() {
    let bench = Bench::new();
    for (name, text) in [
        ("empty.json", ""),
        ("none.json", "[]"),
        (
            "torn.json",
            "[{\"question\":\"Who?\",\"answer\":\"I\",\"negative_answer\":\"\"},{\"quest",
        ),
        (
            "typed.json",
            "[{\"question\":7,\"answer\":\"I\",\"negative_answer\":\"\"}]",
        ),
        (
            "torn.jsonl",
            "{\"question\":\"Who?\",\"response\":\"Answer: I\"}\n{\"question\":",
        ),
        ("foreign.json", "{\"a\":1}"),
        ("deep.json", &"[".repeat(100_000)),
        ("messages.json", "{\"messages\":[[{\"role\":\"user\"}]]}"),
    ] {
        let file = bench.file(name, text);
        bench.sample(&file).ends_with(2).says(&[name]);
        bench.assert_nothing_written();
    }
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let bench = Bench::new();
    // 32 MiB without a newline, above the limit of a line.
    let file = bench.file(
        "long.jsonl",
        format!("{{\"response\":\"{}\"}}", "a".repeat(32 << 20)),
    );
    run_sayself(&["parse", &file, "--json"])
        .ends_with(2)
        .says(&["long.jsonl, line 1:"]);
}

#[test]
fn responses_of_a_wrong_type_are_refused() {
    let bench = Bench::new();
    for (text, word) in [
        (
            "{\"response\":\"Confidence: 8\"}\n{\"response\":7}\n",
            "responses.jsonl, line 2,",
        ),
        ("{\"answer\":\"x\"}\n", "response"),
        ("{\"response\":\"torn", "responses.jsonl, line 1,"),
    ] {
        let file = bench.file("responses.jsonl", text);
        run_sayself(&["parse", &file, "--json"])
            .ends_with(2)
            .says(&["responses.jsonl", word]);
    }
}

#[test]
fn torn_and_foreign_models_are_refused() {
    let bench = Bench::new();
    let texts = bench.file("texts.jsonl", "{\"text\":\"a\"}\n");
    let mut torn = b"GGUF\x03\0\0\0".to_vec();
    // Billions of tensors and keys, which must not be believed.
    torn.extend([0xff; 16]);
    for (name, bytes) in [
        ("empty.gguf", Vec::new()),
        ("torn.gguf", torn),
        ("foreign.gguf", b"\x89PNG\r\n\x1a\n".repeat(100)),
    ] {
        let model = bench.file(name, bytes);
        let outcome = run_sayself(&["score", "--model", &model, &texts, "--json"]);
        assert!(outcome.code == 1 || outcome.code == 2, "{}", outcome.told());
        assert!(outcome.stdout.is_empty(), "{}", outcome.told());
        outcome.says(&[name]);
    }
    let folder = bench.folder.path().join("model");
    fs::create_dir(&folder).unwrap();
    let outcome = run_sayself(&["score", "--model", &folder.display().to_string(), &texts]);
    assert!(outcome.code == 1 || outcome.code == 2, "{}", outcome.told());
}

#[test]
fn a_bad_configuration_is_refused() {
    let bench = Bench::new();
    let out = bench.out().display().to_string();
    for (text, word) in [
        ("title = ", "toml"),
        ("[sample]\nsamples = 0\n", "samples"),
        ("[sample]\nsamples = \"ten\"\n", "samples"),
        (
            "[[evaluate]]\nmethod = \"no-such-method\"\n",
            "no-such-method",
        ),
        ("[rl]\nreward = \"no-such-reward\"\n", "no-such-reward"),
    ] {
        let file = bench.file("bad.toml", text);
        run_sayself(&["run", &file, "--out", &out])
            .ends_with(2)
            .says(&[word]);
        bench.assert_nothing_written();
    }
}
