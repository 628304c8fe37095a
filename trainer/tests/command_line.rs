//! The command line as people and scripts see it: help, errors, exit codes, clean stdout.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use std::path::Path;
use support::{files_in, run, sayself};

fn snapshot(name: &str, arguments: &[&str]) {
    let (code, stdout, stderr) = run(sayself().args(arguments));
    let told = format!("exit code {code}\n--- stdout\n{stdout}--- stderr\n{stderr}");
    insta::assert_snapshot!(name, told);
}

#[test]
fn help() {
    snapshot("help", &["--help"]);
    for command in [
        "pull",
        "cluster",
        "rationalize",
        "build",
        "compare",
        "import",
        "faithfulness",
        "export",
        "metrics",
        "parse",
        "report",
        "status",
        "annotate",
    ] {
        snapshot(&format!("help-{command}"), &[command, "--help"]);
    }
}

#[test]
fn bad_use_is_told_with_exit_code_2() {
    for (name, arguments) in [
        ("no-command", &[][..]),
        ("unknown-command", &["shout"]),
        ("unknown-option", &["metrics", "x.csv", "--colour"]),
        ("pull-nothing", &["pull"]),
        ("pull-unknown", &["pull", "gpt-5"]),
        ("compare-nothing", &["compare"]),
        (
            "compare-unknown-measure",
            &["compare", "runs", "--measure", "fame"],
        ),
        ("metrics-wrong-scale", &["metrics", "x.csv", "--scale", "5"]),
        (
            "metrics-wrong-binning",
            &["metrics", "x.csv", "--binning", "some"],
        ),
        (
            "cluster-without-out",
            &["cluster", "--samples", "s", "--questions", "q"],
        ),
    ] {
        let (code, stdout, _) = run(sayself().args(arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        snapshot(name, arguments);
    }
}

#[test]
fn a_missing_file_fails_with_exit_code_1() {
    let (code, stdout, stderr) = run(sayself().args(["metrics", "/no/such/file", "--json"]));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("cannot read /no/such/file"), "{stderr}");
}

#[test]
fn the_recorded_run_is_compared_with_itself() {
    let run_dir = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../datasets/results/world-facts-smollm2-135m"
    );
    let asked = ["compare", run_dir, "--against", "self-consistency"];
    let few = ["--measure", "auroc", "--bootstrap", "40"];
    let (code, stdout, stderr) = run(sayself().args(asked).args(few).arg("--json"));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("sayself-held-out is left out"), "{stderr}");
    let comparison: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let compared = comparison["compared"].as_array().unwrap();
    let taught = compared
        .iter()
        .find(|one| one["name"] == "sayself")
        .unwrap();
    assert_eq!(taught["n"], 4753);
    let auroc = &taught["differences"][0];
    assert_eq!(auroc["measure"], "auroc");
    // As README has them: .867 and .789.
    assert!((auroc["difference"].as_f64().unwrap() - 0.078).abs() < 0.002);
    assert!(auroc["ci"][0].as_f64().unwrap() > 0.0);

    let (code, stdout, _) = run(sayself()
        .args(asked)
        .args(few)
        .args(["--format", "markdown"]));
    assert_eq!(code, 0);
    assert!(stdout.starts_with("| evaluation | n | measure | value | self-consistency |"));
    for folder in ["/no/such/run", env!("CARGO_MANIFEST_DIR")] {
        let (code, stdout, stderr) = run(sayself().args(["compare", folder]));
        let wanted = if folder.starts_with("/no") { 1 } else { 2 };
        assert_eq!((code, stdout.as_str()), (wanted, ""), "{stderr}");
        assert!(stderr.contains(folder), "{stderr}");
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The fixture of REFERENCE 6: discrete confidences of a fixed sequence.
fn golden_csv() -> String {
    let mut state = 42_u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut text = "id,confidence,correct\n".to_owned();
    for id in 0..1000 {
        let (u, v) = (draw(), draw());
        let confidence = (11.0 * u).floor() / 10.0;
        let correct = u8::from(v < 0.2 + 0.6 * confidence);
        text.push_str(&format!("{id},{confidence},{correct}\n"));
    }
    text
}

#[test]
fn metrics_prints_the_object_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "golden.csv", &golden_csv());
    let (code, stdout, stderr) = run(sayself().args(["metrics", &file, "--json"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let metrics: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    for (name, wanted) in [
        ("ece_10", 0.1127),
        ("ece_15", 0.1127),
        ("ece_equal_mass_15", 0.1127),
        ("debiased_l2_equal_mass_15", 0.111963559623),
        ("ece_sweep", 0.1127),
        ("smece", 0.100171009624),
        ("smece_sigma", 0.1005859375),
        ("brier", 0.21983),
        ("mcb", 0.0148223541862),
        ("dsc", 0.0448233541862),
        ("unc", 0.249831),
        ("auroc", 0.737532572019),
        ("aurc", 0.306918435769),
        ("augrc", 0.1844005),
        ("log_score", 0.678005384529),
        ("mae_sayself", 0.3687),
    ] {
        let found = metrics[name].as_f64().unwrap();
        assert!(
            (found - wanted).abs() < 1e-9,
            "{name}: {found}, expected {wanted}"
        );
    }
    assert_eq!(metrics["n"], 1000);
    assert_eq!(metrics["mode"], "levels");
    assert!(metrics["accuracy"].is_f64());
    assert_eq!(metrics["log_score_clip"], serde_json::json!([0.01, 0.99]));
    assert!(metrics.get("ece_10_ci").is_none());

    let with_bootstraps = [
        "metrics",
        &file,
        "--bootstrap",
        "200",
        "--binning",
        "continuous",
        "--json",
    ];
    let (code, stdout, _) = run(sayself().args(with_bootstraps));
    let metrics: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &metrics["mode"]), (0, &"continuous".into()));
    let interval = |name: &str| metrics[format!("{name}_ci")].as_array().unwrap().clone();
    assert!(interval("auroc")[0].as_f64() < metrics["auroc"].as_f64());
    assert!(interval("auroc")[1].as_f64() > metrics["auroc"].as_f64());
    assert!(metrics.get("ci_method").is_some());
    // The same seed, the same bytes.
    assert_eq!(run(sayself().args(with_bootstraps)).1, stdout);
}

#[test]
fn metrics_of_one_class_has_null_where_nothing_is_defined() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "one.jsonl",
        "{\"confidence\":7,\"correct\":1}\n",
    );
    let (code, stdout, _) = run(sayself().args(["metrics", &file, "--scale", "10", "--json"]));
    let metrics: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &metrics["auroc"]), (0, &serde_json::Value::Null));
    assert!((metrics["brier"].as_f64().unwrap() - 0.09).abs() < 1e-12);
    assert!(!stdout.contains("NaN"));
}

#[test]
fn malformed_rows_fail_with_their_place_or_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{\"confidence\":0.7,\"correct\":true}\n{\"confidence\":1.7,\"correct\":true}\n";
    let file = write(folder.path(), "rows.jsonl", text);
    let (code, stdout, stderr) = run(sayself().args(["metrics", &file, "--json"]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(
        stderr.contains("rows.jsonl, line 2: confidence: found 1.7"),
        "{stderr}"
    );

    let mut skipping = sayself();
    skipping
        .current_dir(folder.path())
        .args(["metrics", &file, "--json", "--skip-invalid"]);
    let (code, stdout, stderr) = run(&mut skipping);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with('{') && stdout.lines().count() == 1);
    let skipped = std::fs::read_to_string(folder.path().join("skipped.jsonl")).unwrap();
    assert!(
        skipped.contains("rows.jsonl:2") && skipped.lines().count() == 1,
        "{skipped}"
    );

    for (name, bytes) in [
        ("empty", ""),
        ("foreign", "\u{7f}ELF\0\0"),
        ("blank", "\n \n"),
    ] {
        let file = write(folder.path(), name, bytes);
        for command in ["metrics", "parse"] {
            let (code, stdout, stderr) = run(sayself().args([command, &file, "--json"]));
            assert_eq!(
                (code, stdout.as_str()),
                (2, ""),
                "{command} {name}: {stderr}"
            );
            assert!(stderr.contains(name), "{stderr}");
        }
    }
}

#[test]
fn parse_prints_a_line_for_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = [
        r#"{"response":"Answer: Paris\nConfidence: 8/10\nSelf-reflection: I am not certain.","id":1}"#,
        r#"{"response":"Confidence: 85%"}"#,
        r#"{"response":""}"#,
    ]
    .join("\n");
    let file = write(folder.path(), "responses.jsonl", &text);
    let (code, stdout, stderr) = run(sayself().args(["parse", &file, "--json"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let lines: Vec<serde_json::Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        serde_json::json!({"answer":"Paris","rationale":"I am not certain.","confidence":8,"failure":null})
    );
    assert_eq!(lines[1]["confidence"], serde_json::Value::Null);
    assert!(lines[1]["failure"].is_string() && lines[2]["failure"].is_string());
    assert_eq!(lines.len(), 3);

    let file = write(
        folder.path(),
        "wrong.jsonl",
        "{\"response\":\"a\"}\n{\"response\":7}\n",
    );
    let (code, _, stderr) = run(sayself().args(["parse", &file, "--json"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("wrong.jsonl, line 2, record 2"), "{stderr}");
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{\"response\":\"Answer: Paris\"}\n".repeat(20_000);
    let file = write(folder.path(), "many.jsonl", &text);
    let script = format!(
        "'{}' parse '{file}' --json | head -n 1; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_sayself")
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(stdout.ends_with("\n0\n"), "{stdout}{stderr}");
    assert_eq!(stderr, "");
}

#[test]
fn a_large_file_does_not_need_as_much_memory() {
    let folder = tempfile::tempdir().unwrap();
    let line = r#"{"response":"Answer: Paris\nConfidence: 8","confidence":0.8,"correct":true,"more":"MORE"}"#;
    let line = format!("{}\n", line.replace("MORE", &"x".repeat(2000)));
    let file = write(folder.path(), "large.jsonl", &line.repeat(100_000));
    let program = env!("CARGO_BIN_EXE_sayself");
    for command in ["metrics", "parse"] {
        // 200 MB of file, 120 MB of addresses, the program's own 40 among them.
        let script = format!("ulimit -v 120000; '{program}' {command} '{file}' --json | tail -n 1");
        let output = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(text.starts_with('{'), "{command}: {text}{error}");
    }
}

/// Questions and samples of a small set.
fn inputs(folder: &Path) -> (String, String) {
    let (mut questions, mut samples) = (String::new(), String::new());
    for (id, gold, responses) in [
        ("fr", "Paris", ["Paris", "Paris", "paris.", "Lyon"]),
        ("au", "Canberra", ["Sydney", "Canberra", "Sydney", "Perth"]),
        ("xx", "Nowhere", ["A", "B", "C", "D"]),
    ] {
        let question = format!("What is the capital of {id}?");
        let line = serde_json::json!({
            "id": id, "question": question, "answers": [gold], "template": "capital", "split": "train",
        });
        questions.push_str(&format!("{line}\n"));
        for (index, response) in responses.iter().enumerate() {
            let line = serde_json::json!({
                "id": format!("{id}/{index}"), "question_id": id, "question": question, "index": index,
                "response": response, "finish_reason": "stop", "tokens": 2,
            });
            samples.push_str(&format!("{line}\n"));
        }
    }
    (
        write(folder, "questions.jsonl", &questions),
        write(folder, "samples.jsonl", &samples),
    )
}

/// cluster, rationalize and build, in `folder`.
fn pipeline(folder: &Path, questions: &str, samples: &str) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let steps: [&[&str]; 3] = [
        &[
            "cluster",
            "--samples",
            samples,
            "--questions",
            questions,
            "--out",
            &path("cluster"),
        ],
        &[
            "rationalize",
            "--clusters",
            &path("cluster/clusters.jsonl"),
            "--out",
            &path("rationalize"),
        ],
        &[
            "build",
            "--samples",
            samples,
            "--questions",
            questions,
            "--clusters",
            &path("cluster/clusters.jsonl"),
            "--rationales",
            &path("rationalize/rationales.jsonl"),
            "--out",
            &path("build"),
        ],
    ];
    for arguments in steps {
        let (code, _, stderr) = run(sayself().args(arguments).args(["--json", "--quiet"]));
        assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

fn without_events(files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    files
        .into_iter()
        .filter(|(name, _)| !name.ends_with("events.jsonl"))
        .collect()
}

#[test]
fn samples_become_stage_one_files_and_a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (questions, samples) = inputs(folder.path());
    let (first, second) = (folder.path().join("a"), folder.path().join("b"));
    pipeline(&first, &questions, &samples);
    let whole = files_in(&first);
    let names: Vec<&str> = whole.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "cluster/clusters.jsonl",
        "cluster/events.jsonl",
        "cluster/run.toml",
        "rationalize/rationales.jsonl",
        "build/isotonic.json",
        "build/stage_1/sft_reason_conf.jsonl",
        "build/stage_1/sft_without_reason_conf.jsonl",
        "build/stage_1/sft_without_reason_with_conf.jsonl",
        "build/stage_1/sft_reason_rtuning.jsonl",
        "build/stage_1/sft_reason_calimath.jsonl",
        "build/stage_1/messages/sft_reason_conf.jsonl",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let text = std::fs::read_to_string(first.join("build/stage_1/sft_reason_conf.jsonl")).unwrap();
    insta::assert_snapshot!("stage-one", text);

    // Cut where a killed process may have stopped, and started again: the same bytes.
    pipeline(&second, &questions, &samples);
    for (file, kept) in [
        ("cluster/clusters.jsonl", 100),
        ("rationalize/rationales.jsonl", 0),
    ] {
        let bytes = std::fs::read(second.join(file)).unwrap();
        std::fs::write(second.join(file), &bytes[..kept]).unwrap();
    }
    std::fs::remove_file(second.join("build/stage_1/sft_reason_conf.jsonl")).unwrap();
    pipeline(&second, &questions, &samples);
    assert_eq!(without_events(files_in(&second)), without_events(whole));
}

#[test]
fn another_configuration_in_the_same_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (questions, samples) = inputs(folder.path());
    let out = folder.path().join("out");
    let cluster = |more: &[&str]| {
        let mut command = sayself();
        command.args([
            "cluster",
            "--samples",
            &samples,
            "--questions",
            &questions,
            "--quiet",
        ]);
        run(command.args(["--out", out.to_str().unwrap()]).args(more))
    };
    assert_eq!(cluster(&[]).0, 0);
    let (code, _, stderr) = cluster(&["--threshold", "0.5"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("cluster.threshold: 0.92 there, 0.5 here"),
        "{stderr}"
    );
    std::fs::write(
        &samples,
        std::fs::read_to_string(&samples)
            .unwrap()
            .replace("Lyon", "Nice"),
    )
    .unwrap();
    let (code, _, stderr) = cluster(&[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("provenance.inputs.samples"), "{stderr}");
    let (code, _, stderr) = cluster(&["--threshold", "1.5"]);
    assert_eq!(code, 2, "{stderr}");
}

#[test]
fn a_full_disk_is_told_and_leaves_the_run_resumable() {
    let folder = tempfile::tempdir().unwrap();
    let (one_question, one_sample) = (
        r#"{"id":"ID","question":"Which?","answers":["A"],"split":"train"}"#,
        r#"{"id":"ID/0","question_id":"ID","question":"Which?","index":0,"response":"A","finish_reason":"stop","tokens":1}"#,
    );
    let repeated = |line: &str| -> String {
        (0..200)
            .map(|id| format!("{}\n", line.replace("ID", &format!("q{id}"))))
            .collect()
    };
    let questions = write(folder.path(), "questions.jsonl", &repeated(one_question));
    let samples = write(folder.path(), "samples.jsonl", &repeated(one_sample));
    let program = env!("CARGO_BIN_EXE_sayself");
    // No file may grow beyond so many KiB. SIGXFSZ is ignored, so that writing fails as it does on
    // a full disk.
    let limited = |out: &str, kibibytes: u32| {
        let out = folder.path().join(out);
        let script = format!(
            "trap '' XFSZ; ulimit -f {kibibytes}; exec '{program}' cluster --samples '{samples}' \
             --questions '{questions}' --out '{}' --quiet",
            out.display()
        );
        let output = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code(),
            stderr,
            std::fs::read(out.join("clusters.jsonl")).unwrap_or_default(),
        )
    };
    let (code, stderr, _) = limited("full", 1);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("cannot write") && stderr.contains("run.toml"),
        "{stderr}"
    );
    let (code, stderr, part) = limited("full", 8);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("cannot write") && stderr.contains("clusters.jsonl"),
        "{stderr}"
    );
    assert!(!part.is_empty());
    let (code, stderr, resumed) = limited("full", 10_000);
    assert_eq!(code, Some(0), "{stderr}");
    let (_, _, undisturbed) = limited("undisturbed", 10_000);
    assert_eq!(resumed, undisturbed);
}
