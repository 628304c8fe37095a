//! The invariants of ARCHITECTURE.md, kept by reading the dependency tree and the sources.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use sayself_tests::folders::root;
use sayself_tests::sources::sources;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages that a package's own code and all of its dependencies' code is made of.
fn dependencies(package: &str, more: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root());
    command.args([
        "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}",
    ]);
    let output = command
        .args(["--package", package])
        .args(more)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| Some(line.split(' ').next()?.to_owned()))
        .collect()
}

#[track_caller]
fn assert_absent(package: &str, more: &[&str], unwanted: &[&str]) {
    let found: Vec<String> = dependencies(package, more)
        .into_iter()
        .filter(|name| {
            unwanted
                .iter()
                .any(|word| name == word || name.starts_with(&format!("{word}-")))
        })
        .collect();
    assert!(found.is_empty(), "{package} depends on {found:?}");
}

#[test]
fn pages_and_server_know_no_model() {
    let unwanted = ["candle", "sayself", "model", "kernels", "tokenizers"];
    for package in ["app", "chart", "sayself-server"] {
        // The package itself is in its tree.
        let found: Vec<String> = dependencies(package, &[])
            .into_iter()
            .filter(|name| name != package)
            .filter(|name| {
                unwanted
                    .iter()
                    .any(|word| name == word || name.starts_with(&format!("{word}-")))
            })
            .collect();
        assert!(found.is_empty(), "{package} depends on {found:?}");
    }
}

#[test]
fn the_browser_gets_no_server_and_no_model() {
    let browser = [
        "--no-default-features",
        "--features",
        "browser",
        "--target",
        "wasm32-unknown-unknown",
    ];
    assert_absent(
        "app",
        &browser,
        &[
            "candle",
            "leptos",
            "axum",
            "hyper",
            "sqlx",
            "mio",
            "tokenizers",
        ],
    );
}

/// It has neither the pages nor a model in it.
#[test]
fn the_module_that_measures_files_is_its_own() {
    assert_absent(
        "your-file",
        &["--target", "wasm32-unknown-unknown"],
        &["app", "leptos", "candle", "sayself", "tokenizers"],
    );
}

/// It has a model, and neither the pages nor a way to the network.
#[test]
fn the_demos_module_is_its_own() {
    assert_absent(
        "sayself-worker",
        &["--target", "wasm32-unknown-unknown"],
        &[
            "app",
            "leptos",
            "sayself-server",
            "tokio",
            "mio",
            "hyper",
            "reqwest",
            "ureq",
            "rustls",
            "sqlx",
            "axum",
        ],
    );
}

/// It draws with the pages' charts, and with nothing else of theirs; what it serves over HTTP is a model
/// alone (`infer`).
#[test]
fn the_command_line_knows_no_pages_and_no_server() {
    assert_absent(
        "sayself",
        &[],
        &["app", "leptos", "wasm-bindgen", "sqlx", "sayself-server"],
    );
}

#[test]
fn pure_crates_have_no_way_to_files_or_the_network() {
    let unwanted = [
        "tokio",
        "mio",
        "socket2",
        "hyper",
        "reqwest",
        "ureq",
        "rustls",
        "hf-hub",
        "sqlx",
        "axum",
        "tempfile",
        "memmap2",
        "walkdir",
        "indicatif",
        "clap",
    ];
    // As they are built for the browser; `model`'s own code is held to it by the next test, but
    // its tokenizer and tensors bring crates that could read files elsewhere.
    let browser = ["--target", "wasm32-unknown-unknown"];
    let packages = [
        "asking",
        "calibration",
        "chart",
        "comparison",
        "kernels",
        "datasets",
        "your-file",
    ];
    for package in packages {
        assert_absent(package, &browser, &unwanted);
    }
    assert_absent(
        "model",
        &[],
        &[
            "tokio", "mio", "socket2", "hyper", "reqwest", "ureq", "rustls", "sqlx",
        ],
    );
}

#[test]
fn pure_crates_do_not_touch_files_network_or_processes() {
    let ways = [
        "std::fs",
        "std::net",
        "std::process",
        "File::open",
        "File::create",
        "fs::read",
        "fs::write",
        "from_mmaped",
        "from_file(",
        "VarBuilder::from_pth",
    ];
    let root = root();
    for folder in [
        "trainer/calibration/src",
        "trainer/comparison/src",
        "trainer/kernels/src",
        "trainer/model/src",
        "datasets/src",
        "app/src",
        "app/asking/src",
        "app/chart/src",
        "app/your-file/src",
        "app/worker/src",
    ] {
        for source in sources(&root, folder) {
            // A map is unsafe, so it stands in `kernels`, for the command line's use alone.
            // Tests read their golden files.
            if source.path.ends_with("kernels/src/map_file.rs") || source.path.ends_with("tests.rs")
            {
                continue;
            }
            // What it reads is open already.
            let code = source.code.replace("RowIter::from_file(", "");
            for way in ways {
                assert!(!code.contains(way), "{}: {way}", source.path.display());
            }
        }
    }
}

#[test]
fn unsafe_code_is_in_kernels_alone() {
    for source in sources(&root(), ".") {
        if source.path.starts_with("trainer/kernels") {
            continue;
        }
        for (number, line) in source.code.lines().enumerate() {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let place = format!("{}:{}", source.path.display(), number + 1);
            for word in words {
                assert!(word != "unsafe", "{place}: unsafe code outside kernels");
                assert!(
                    word != "unsafe_code",
                    "{place}: the lint is switched off outside kernels"
                );
            }
        }
    }
}

#[test]
fn only_the_database_module_knows_sql() {
    let root = root();
    let folders = [
        "app/src",
        "server/src",
        "trainer/src",
        "trainer/calibration/src",
        "trainer/comparison/src",
        "datasets/src",
    ];
    for source in folders
        .into_iter()
        .flat_map(|folder| sources(&root, folder))
    {
        if source.path.starts_with("server/src/db") || source.path.ends_with("server/src/db.rs") {
            continue;
        }
        assert!(
            !source.code.contains("sqlx::query"),
            "{}",
            source.path.display()
        );
        for word in [
            "INSERT INTO ",
            "DELETE FROM ",
            "CREATE TABLE ",
            "SELECT * ",
            " FROM runs ",
        ] {
            assert!(
                !source.text.contains(word),
                "{}: {word}",
                source.path.display()
            );
        }
    }
}

#[test]
fn there_is_one_sampler_trait() {
    let definitions: Vec<String> = sources(&root(), ".")
        .into_iter()
        .filter(|source| source.code.contains("trait Sampler"))
        .map(|source| source.path.display().to_string())
        .collect();
    assert_eq!(definitions.len(), 1, "{definitions:?}");
}

#[test]
fn what_the_user_named_is_called() {
    let root = root();
    let calls = [
        ("app/src", "leptos::"),
        ("app/src", "wasm_bindgen::"),
        ("app/chart/src", "plotters::"),
        ("trainer/model/src", "candle_core::"),
        ("trainer", "candle_nn::"),
        ("trainer/src", "candle_transformers::"),
        ("trainer", "tokenizers::"),
        ("server/src", "axum::"),
        ("server/src", "tokio::"),
        ("datasets/src", "serde::"),
        ("datasets/src", "serde_json::"),
    ];
    for (folder, call) in calls {
        let is_called = sources(&root, folder)
            .iter()
            .any(|source| source.code.contains(call));
        assert!(is_called, "nothing in {folder} calls {call}");
    }
}

#[test]
fn a_thing_is_found_by_its_name() {
    for source in sources(&root(), ".") {
        let stem = source
            .path
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let named = [
            "utils", "util", "common", "helpers", "helper", "manager", "misc",
        ];
        assert!(!named.contains(&stem.as_str()), "{}", source.path.display());
    }
}

#[test]
fn ci_is_one_local_command() {
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let lines: Vec<&str> = script
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(lines, ["set -euo pipefail", "cargo xtask test"]);
}

#[test]
fn the_npm_lock_file_names_no_host() {
    let lock = std::fs::read_to_string(root().join("tests/browser/package-lock.json")).unwrap();
    assert!(
        !lock.contains("\"resolved\""),
        "use `npm install --omit-lockfile-registry-resolved`"
    );
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir()).collect()
}

/// A recorded run is committed: small, without weights but the adapter, without checkpoints. Those of a
/// comparison lie in its folder.
#[test]
fn recorded_runs_are_small() {
    let results = root().join("datasets/results");
    let runs: Vec<PathBuf> = folders_in(&results)
        .into_iter()
        .flat_map(|folder| match folder.join("run.toml").is_file() {
            true => vec![folder],
            false => folders_in(&folder),
        })
        .collect();
    assert!(!runs.is_empty());
    for run in runs {
        let files = sayself_tests::folders::files(&run);
        let bytes: usize = files.values().map(Vec::len).sum();
        assert!(bytes <= 20_000_000, "{}: {bytes} bytes", run.display());
        for path in files.keys() {
            let is_checkpoint = path
                .components()
                .any(|part| part.as_os_str() == "checkpoint");
            assert!(!is_checkpoint, "{}: {}", run.display(), path.display());
        }
    }
}
