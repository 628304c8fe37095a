//! The programs in `examples/`, each run against a served run.

use crate::made_run::{MadeRun, now_ms};
use crate::served::{Served, folder};
use crate::simulated::in_ci;
use datasets::event::EventKind;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What runs them, their folder, their ending.
type Language = (&'static str, &'static str, &'static str);

const LANGUAGES: [Language; 2] = [("bash", "curl", "sh"), ("python3", "python", "py")];

/// Those that can run here. Of the others there is a word, as `cargo xtask test` says before; in CI, a panic.
fn languages() -> impl Iterator<Item = Language> {
    let is_there = |program: &str| {
        let asked = Command::new(program).arg("--version").output();
        let is_there = asked.is_ok_and(|output| output.status.success());
        assert!(is_there || !in_ci(), "{program} must be there in CI");
        if !is_there {
            eprintln!("\n!! SKIPPED: the examples that need {program}\n");
        }
        is_there
    };
    // Those in bash read JSON by Python.
    let (has_python, has_curl) = (is_there("python3"), is_there("curl"));
    LANGUAGES
        .into_iter()
        .filter(move |(program, ..)| has_python && (has_curl || *program == "python3"))
}

fn command(server: &Served, language: Language, name: &str, arguments: &[&str]) -> Command {
    let (program, folder, ending) = language;
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(folder)
        .join(name)
        .with_extension(ending);
    let mut command = Command::new(program);
    command
        .arg(file)
        .args(arguments)
        .env("SAYSELF_SERVER", &server.address)
        // No folder of compiled files beside the examples.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    command
}

fn told(output: Output, what: &str) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{what}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_there_is_listed() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    MadeRun::bare_evaluation(runs.path(), "bare");
    let server = Served::over(runs.path());
    for language in languages() {
        let run = |name: &str, arguments: &[&str]| {
            let output = command(&server, language, name, arguments)
                .output()
                .unwrap();
            told(output, &format!("{name} in {}", language.1))
        };
        let list = run("list_runs", &[]);
        assert_eq!(list.lines().count(), 2, "{list}");
        assert!(list.contains("made\tsayself\t200\t0.5"), "{list}");
        assert_eq!(run("list_runs", &["Title of made"]).lines().count(), 1);

        let measures = run("measures", &["made"]);
        assert_eq!(measures.lines().count(), 3, "{measures}");
        assert!(measures.contains("0.500 [0.400, 0.600]"), "{measures}");

        let answers = run("all_answers", &["made", "sayself"]);
        let ids: std::collections::HashSet<String> = answers
            .lines()
            .map(|line| {
                let answer: serde_json::Value = serde_json::from_str(line).unwrap();
                answer["id"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!((answers.lines().count(), ids.len()), (200, 200));
    }
}

#[test]
fn a_failure_is_told_by_its_words() {
    let runs = folder();
    let server = Served::over(runs.path());
    for language in languages() {
        let output = command(&server, language, "measures", &["none"])
            .output()
            .unwrap();
        assert!(!output.status.success());
        let words = [output.stdout, output.stderr].concat();
        let words = String::from_utf8_lossy(&words);
        assert!(words.contains("no such run"), "{words}");
    }
}

#[test]
fn a_run_is_followed_to_its_end() {
    for language in languages() {
        let runs = folder();
        let run = MadeRun {
            directory: runs.path().join("live"),
        };
        run.write(
            "run.toml",
            "title = 'live'\n[[evaluate]]\nmethod = 'sayself'\n",
        );
        let event = |kind| run.event(now_ms(), "sample", kind);
        event(EventKind::Started {
            done: 0,
            total: 10,
            unit: "questions".into(),
        });
        let server = Served::over(runs.path());
        let following = command(&server, language, "follow_run", &["live"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        event(EventKind::Progress { done: 5, total: 10 });
        std::thread::sleep(std::time::Duration::from_millis(1_000));
        event(EventKind::Finished { seconds: 2.0 });
        run.metrics("sayself", 10);
        let text = told(following.wait_with_output().unwrap(), language.1);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().any(|line| line.contains('5')), "{text}");
        assert!(lines.last().unwrap().contains("finished"), "{text}");
    }
}

#[test]
fn a_job_is_started_and_waited_for() {
    let folder = folder();
    let script = folder.path().join("stand-in");
    fs::write(
        &script,
        "#!/bin/sh\nmkdir -p \"$4\"\ncp \"$2\" \"$4/run.toml\"\nexit $(grep -c fail \"$2\")\n",
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let runs = folder.path().join("runs");
    let server = Served::with(&[
        "--runs",
        runs.to_str().unwrap(),
        "--sayself",
        script.to_str().unwrap(),
    ]);
    let (good, bad) = (
        folder.path().join("good.toml"),
        folder.path().join("bad.toml"),
    );
    fs::write(&good, "title = \"it's 'quoted'\"\n").unwrap();
    fs::write(&bad, "title = 'to fail'\n").unwrap();
    for language in languages() {
        let name = format!("of-{}", language.1);
        let start = |file: &PathBuf| {
            command(
                &server,
                language,
                "start_job",
                &[file.to_str().unwrap(), &name],
            )
            .output()
            .unwrap()
        };
        assert_eq!(told(start(&good), language.1).trim(), "finished");
        let failed = start(&bad);
        assert!(!failed.status.success());
        assert_eq!(String::from_utf8_lossy(&failed.stdout).trim(), "failed");
    }
    assert!(server.stop().success());
}
