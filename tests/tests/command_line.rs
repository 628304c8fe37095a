//! The contract of the command line that others' scripts rely on: names, exit codes, clean stdout.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use sayself_tests::folders::{self, model};
use sayself_tests::programs::{run_sayself, sayself};
use std::fs;
use std::path::{Path, PathBuf};

const COMMANDS: [&str; 16] = [
    "pull",
    "sample",
    "cluster",
    "rationalize",
    "build",
    "sft",
    "rl",
    "evaluate",
    "metrics",
    "parse",
    "score",
    "run",
    "plan",
    "status",
    "compare",
    "site",
];

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn questions(folder: &Path) -> String {
    write(
        folder,
        "questions.json",
        r#"[{"question":"What is the capital of France?","answer":"Paris","negative_answer":""}]"#,
    )
}

#[test]
fn each_command_has_help_with_an_example() {
    run_sayself(&["--help"]).ends_with(0);
    for command in COMMANDS {
        let outcome = run_sayself(&[command, "--help"]).ends_with(0);
        let help = outcome.stdout.to_lowercase();
        assert!(help.contains("example"), "no example: {}", outcome.told());
        assert!(
            help.contains(&format!("sayself {command}")),
            "{}",
            outcome.told()
        );
    }
}

#[test]
fn the_version_is_told() {
    let outcome = run_sayself(&["--version"]).ends_with(0);
    assert!(
        outcome.stdout.contains(env!("CARGO_PKG_VERSION")),
        "{}",
        outcome.told()
    );
}

#[test]
fn bad_use_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let questions = questions(folder.path());
    let out = folder.path().join("out").display().to_string();
    run_sayself(&["no-such-command"]).ends_with(2);
    run_sayself(&["metrics"]).ends_with(2);
    run_sayself(&["metrics", "--no-such-flag", &questions]).ends_with(2);
    let evaluate = [
        "evaluate",
        "--method",
        "no-such-method",
        "--questions",
        &questions,
        "--out",
        &out,
    ];
    run_sayself(&evaluate)
        .ends_with(2)
        .says(&["no-such-method"]);
    let sample = [
        "sample",
        "--questions",
        &questions,
        "--samples",
        "0",
        "--out",
        &out,
    ];
    run_sayself(&sample).ends_with(2).says(&["samples"]);
    for temperature in ["-1", "NaN"] {
        let sample = [
            "sample",
            "--questions",
            &questions,
            "--out",
            &out,
            &format!("--temperature={temperature}"),
        ];
        run_sayself(&sample).ends_with(2).says(&["temperature"]);
    }
    let sample = [
        "sample",
        "--questions",
        &questions,
        "--out",
        &out,
        "--top-p",
        "1.5",
    ];
    run_sayself(&sample).ends_with(2);
    assert!(
        !Path::new(&out).join("samples.jsonl").exists(),
        "bad use has left something written"
    );
}

#[test]
fn a_method_of_the_paper_needs_its_adapter() {
    let folder = tempfile::tempdir().unwrap();
    let questions = questions(folder.path());
    let out = folder.path().join("out").display().to_string();
    for method in ["gce", "sayself", "without-rl", "linear-reward"] {
        let arguments = [
            "evaluate",
            "--method",
            method,
            "--questions",
            &questions,
            "--out",
            &out,
        ];
        run_sayself(&arguments).ends_with(2).says(&[method]);
    }
    let arguments = [
        "evaluate",
        "--method",
        "sayself",
        "--questions",
        &questions,
        "--out",
        &out,
    ];
    run_sayself(&arguments).ends_with(2).says(&["adapter"]);
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.jsonl").display().to_string();
    for command in ["metrics", "parse"] {
        let outcome = run_sayself(&[command, &absent]);
        assert_ne!(outcome.code, 0, "{}", outcome.told());
        outcome.says(&["absent.jsonl"]);
    }
}

/// REFERENCE 6's fixture: discrete confidences.
fn golden_rows(discrete: bool) -> Vec<(f64, bool)> {
    let mut state: u64 = 42;
    let mut draw = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..1000)
        .map(|_| {
            let (u, v) = (draw(), draw());
            let confidence = if discrete {
                (11.0 * u).floor() / 10.0
            } else {
                u
            };
            (confidence, v < 0.2 + 0.6 * confidence)
        })
        .collect()
}

#[test]
fn metrics_equal_the_golden_table() {
    let names = [
        "ece_10",
        "ece_15",
        "ece_equal_mass_15",
        "debiased_l2_equal_mass_15",
        "ece_sweep",
        "smece",
        "smece_sigma",
        "brier",
        "mcb",
        "dsc",
        "unc",
        "auroc",
        "aurc",
        "augrc",
        "log_score",
        "mae_sayself",
    ];
    let golden = [
        (
            true,
            "levels",
            [
                0.1127,
                0.1127,
                0.1127,
                0.111963559623,
                0.1127,
                0.100171009624,
                0.1005859375,
                0.21983,
                0.0148223541862,
                0.0448233541862,
                0.249831,
                0.737532572019,
                0.306918435769,
                0.1844005,
                0.678005384529,
                0.3687,
            ],
        ),
        (
            false,
            "continuous",
            [
                0.104942575658,
                0.109611635383,
                0.111863493246,
                0.11163239843,
                0.106452937756,
                0.0986192627062,
                0.099609375,
                0.228491712263,
                0.0173859447231,
                0.0387252324601,
                0.249831,
                0.710200095264,
                0.325711881719,
                0.191229,
                0.675194540870,
                0.394504298017,
            ],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (discrete, mode, values) in golden {
        let rows = golden_rows(discrete);
        let jsonl: String = rows
            .iter()
            .map(|(confidence, correct)| {
                format!("{{\"confidence\":{confidence},\"correct\":{correct}}}\n")
            })
            .collect();
        let csv: String = rows
            .iter()
            .map(|(confidence, correct)| format!("{confidence},{}\n", u8::from(*correct)))
            .collect();
        let jsonl = write(folder.path(), "rows.jsonl", &jsonl);
        let csv = write(
            folder.path(),
            "rows.csv",
            &format!("confidence,correct\n{csv}"),
        );
        let metrics = run_sayself(&["metrics", &jsonl, "--json"])
            .ends_with(0)
            .json();
        let from_csv = run_sayself(&["metrics", &csv, "--json"])
            .ends_with(0)
            .json();
        assert_eq!(
            metrics.as_object().unwrap().len(),
            from_csv.as_object().unwrap().len()
        );
        assert_eq!(metrics["n"], 1000);
        assert_eq!(metrics["mode"], mode);
        for (name, golden) in names.iter().zip(values) {
            let ours = metrics[*name]
                .as_f64()
                .unwrap_or_else(|| panic!("no {name} in {metrics}"));
            let csv = from_csv[*name].as_f64().unwrap();
            assert!(
                (ours - csv).abs() <= 1e-12,
                "{mode} {name}: {csv} from CSV, {ours} from JSONL"
            );
            let tolerance = if name.starts_with("smece") {
                1e-6
            } else {
                1e-9
            };
            assert!(
                (ours - golden).abs() <= tolerance,
                "{mode} {name}: {ours}, not {golden}"
            );
        }
    }
}

#[test]
fn bootstraps_bring_intervals_and_their_method() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = golden_rows(true)
        .iter()
        .map(|(confidence, correct)| {
            format!(
                "{{\"confidence\":{},\"correct\":{}}}\n",
                (confidence * 10.0).max(1.0),
                u8::from(*correct)
            )
        })
        .collect();
    let file = write(folder.path(), "rows.jsonl", &rows);
    let arguments = [
        "metrics",
        &file,
        "--scale",
        "10",
        "--bootstrap",
        "200",
        "--json",
    ];
    let metrics = run_sayself(&arguments).ends_with(0).json();
    for name in ["accuracy", "ece_10", "brier", "auroc", "smece"] {
        let ends = metrics[format!("{name}_ci")]
            .as_array()
            .unwrap_or_else(|| panic!("{metrics}"));
        let (low, high) = (ends[0].as_f64().unwrap(), ends[1].as_f64().unwrap());
        assert!(low <= high && high - low < 0.2, "{name}: {low}..{high}");
    }
    assert!(!metrics["ci_method"].is_null());
    assert_eq!(
        metrics,
        run_sayself(&arguments).ends_with(0).json(),
        "the same seed, the same intervals"
    );
}

#[test]
fn one_class_gives_null_and_not_nan() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "rows.jsonl",
        "{\"confidence\":0.5,\"correct\":true}\n{\"confidence\":0.7,\"correct\":1}\n",
    );
    let metrics = run_sayself(&["metrics", &file, "--json"])
        .ends_with(0)
        .json();
    assert!(metrics["auroc"].is_null(), "{metrics}");
    assert_eq!(metrics["accuracy"], 1.0);
}

#[test]
fn parse_writes_one_line_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "responses.jsonl",
        concat!(
            "{\"response\":\"Answer: Paris\\nConfidence: 8/10\\nSelf-reflection: I am nearly sure.\"}\n",
            "{\"response\":\"Answer: Lyon\\nSelf-reflection: I doubt it.\\nConfidence: 8.5\"}\n",
            "{\"response\":\"\"}\n",
        ),
    );
    let lines = run_sayself(&["parse", &file, "--json"])
        .ends_with(0)
        .json_lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["answer"], "Paris");
    assert_eq!(lines[0]["confidence"], 8);
    assert_eq!(lines[0]["rationale"], "I am nearly sure.");
    assert!(lines[0]["failure"].is_null());
    assert_eq!(lines[1]["answer"], "Lyon");
    assert!(lines[1]["confidence"].is_null() && lines[1]["failure"].is_string());
    assert!(lines[2]["answer"].is_null() && lines[2]["failure"].is_string());
}

#[test]
fn unknown_keys_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "rows.jsonl",
        "{\"confidence\":0.5,\"correct\":true,\"x\":[1]}\n{\"correct\":false,\"confidence\":0.2,\"note\":\"y\"}\n",
    );
    assert_eq!(
        run_sayself(&["metrics", &file, "--json"])
            .ends_with(0)
            .json()["n"],
        2
    );
}

#[test]
fn pulled_models_are_listed() {
    let outcome = run_sayself(&["pull", "--list"]).ends_with(0);
    for name in ["smollm2-135m", "minilm", "gemma3-270m"] {
        assert!(outcome.stdout.contains(name), "{}", outcome.told());
    }
}

/// A pulled name, the file itself and its folder mean the same model.
#[test]
fn scores_come_for_each_token_after_the_first() {
    let Some(file) = model() else {
        panic!("pull the model: `sayself pull smollm2-135m`")
    };
    let folder = tempfile::tempdir().unwrap();
    let texts = write(
        folder.path(),
        "texts.jsonl",
        "{\"text\":\"The capital of France is Paris.\"}\n{\"text\":\"1999\"}\n",
    );
    let file: PathBuf = file;
    let mut all = Vec::new();
    for model in ["smollm2-135m".to_owned(), file.display().to_string()] {
        let lines = run_sayself(&["score", "--model", &model, &texts, "--json"])
            .ends_with(0)
            .json_lines();
        assert_eq!(lines.len(), 2);
        for line in &lines {
            let tokens = line["token_ids"].as_array().unwrap();
            let logprobs = line["logprobs"].as_array().unwrap();
            assert_eq!(logprobs.len(), tokens.len() - 1, "{line}");
            assert!(
                logprobs.iter().all(|value| value.as_f64().unwrap() <= 0.0),
                "{line}"
            );
        }
        assert_eq!(
            lines[1]["token_ids"].as_array().unwrap().len(),
            4,
            "digits are single tokens"
        );
        all.push(lines);
    }
    assert_eq!(all[0], all[1]);
}

#[test]
fn samples_depend_on_the_seed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let questions = questions(folder.path());
    let sample = |name: &str, seed: &str, samples: &str| {
        let out = folder.path().join(name);
        let outcome = run_sayself(&[
            "sample",
            "--model",
            "smollm2-135m",
            "--questions",
            &questions,
            "--samples",
            samples,
            "--temperature",
            "1.0",
            "--max-tokens",
            "8",
            "--seed",
            seed,
            "--out",
            &out.display().to_string(),
        ]);
        outcome.ends_with(0);
        let text = fs::read_to_string(out.join("samples.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .collect::<Vec<_>>()
    };
    let three = sample("three", "7", "3");
    assert_eq!(three.len(), 3);
    for (index, record) in three.iter().enumerate() {
        assert_eq!(record["index"], index);
        for key in [
            "id",
            "question_id",
            "question",
            "response",
            "finish_reason",
            "tokens",
        ] {
            assert!(!record[key].is_null(), "no {key} in {record}");
        }
    }
    assert_eq!(three, sample("again", "7", "3"));
    assert_eq!(
        three[..2],
        sample("two", "7", "2")[..],
        "an index's sample does not depend on N"
    );
    assert_ne!(three, sample("other", "8", "3"));
}

/// On a processor with AVX-512, that of those with AVX2 alone; on others the same kernels twice.
#[test]
fn every_processor_draws_the_same_samples() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = folders::root().join("datasets/world-facts/questions.jsonl");
    let shipped = fs::read_to_string(shipped).unwrap();
    let some: Vec<&str> = shipped.lines().step_by(900).collect();
    let questions = write(folder.path(), "questions.jsonl", &some.join("\n"));
    let samples = |name: &str, kernels: &str| {
        let out = folder.path().join(name);
        let sample = ["sample", "--model", "smollm2-135m", "--samples", "4"];
        let output = sayself()
            .args(sample)
            .args(["--temperature", "1.0", "--max-tokens", "16"])
            .args(["--questions", &questions, "--out"])
            .arg(&out)
            .env("SAYSELF_SIMD", kernels)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        fs::read_to_string(out.join("samples.jsonl")).unwrap()
    };
    assert_eq!(samples("best", ""), samples("avx2", "avx2"));
}

#[test]
fn an_evaluation_is_recalibrated_and_asked_by_other_wordings_and_again() {
    if model().is_none() {
        panic!("pull the model: `sayself pull smollm2-135m`");
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("evaluation").display().to_string();
    let evaluate = |out: &str, more: &[&str]| {
        let asked = [
            "evaluate",
            "--method",
            "direct-prompting",
            "--prompt",
            "few-shot-confidence",
            "--model",
            "smollm2-135m",
            "--questions",
            "world-facts",
            "--limit",
            "12",
            "--max-tokens",
            "24",
            "--json",
            "--out",
            out,
        ];
        run_sayself(&[&asked[..], more].concat())
    };
    let more = [
        "--recalibrate",
        "platt",
        "--agreement",
        "3",
        "--prompt-variants",
        "direct-prompting-2,direct-prompting-3",
        "--config",
    ];
    let config = write(folder.path(), "few.toml", "[questions]\ndev = 20\n");
    let told = evaluate(&out, &[&more[..], &[&config]].concat())
        .ends_with(0)
        .json();
    assert_eq!(told["recalibrated"]["map"]["family"], "platt");
    assert_eq!(told["recalibrated"]["n"], 12);
    assert_eq!(
        told["prompt_spread"]["prompts"].as_array().unwrap().len(),
        3
    );
    assert_eq!(told["sample_agreement"]["samples"], 3);

    // The map as it was saved gives the same measures to the same answers.
    let map = folder
        .path()
        .join("evaluation/recalibration.json")
        .display()
        .to_string();
    let again = folder.path().join("again").display().to_string();
    let applied = evaluate(&again, &["--recalibration", &map])
        .ends_with(0)
        .json();
    let brier = |told: &serde_json::Value| told["brier"].as_f64().unwrap();
    assert!((brier(&applied) - brier(&told["recalibrated"])).abs() < 1e-5);
    let refused = evaluate(&again, &["--recalibration", &config]).ends_with(2);
    assert!(
        refused.stderr.contains("recalibration.json"),
        "{}",
        refused.told()
    );
}

#[test]
fn a_plan_is_made_and_a_run_takes_over_what_another_made() {
    if model().is_none() {
        panic!("pull the model: `sayself pull smollm2-135m`");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = write(
        folder.path(),
        "small.toml",
        "title = \"small\"\n[questions]\ntrain = 12\ndev = 4\ntest = 6\n[sample]\nsamples = 3\nmax_tokens = 8\n\
         stop = [\"\\n\"]\nprompt = \"few-shot-confidence\"\n[sft]\nepochs = 2\nheld_out = 0.2\nkeep = \"best\"\n\
         lora_dropout = 0.1\nschedule = \"linear\"\nwarmup_share = 0.1\nconfidence_loss = \"soft-levels\"\n\
         target = \"group\"\n[[evaluate]]\nmethod = \"without-rl\"\nmax_tokens = 24\n",
    );
    let plan = run_sayself(&["plan", &config, "--probe", "6", "--json"])
        .ends_with(0)
        .json();
    let stages: Vec<&str> = plan["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["stage"].as_str().unwrap())
        .collect();
    let expected = [
        "sample",
        "greedy",
        "cluster",
        "rationalize",
        "build",
        "sft",
        "evaluate/without-rl",
    ];
    assert_eq!(stages, expected);
    assert!(plan["seconds"].as_f64().unwrap() > 0.0 && plan["tokens"].as_u64().unwrap() > 0);

    let path = |name: &str| folder.path().join(name);
    let run = |name: &str, more: &[&str]| {
        let out = path(name).display().to_string();
        run_sayself(&[&["run", &config, "--out", &out], more].concat()).ends_with(0);
    };
    run("first", &[]);
    for name in ["adapter", "adapter-best", "adapter-last"] {
        let adapter = path("first/sft/seed-1").join(name);
        assert!(adapter.join("adapter_config.json").is_file(), "{name}");
    }
    let first = path("first").display().to_string();
    run("second", &["--reuse", &first, "--training-seeds", "1,2"]);
    let events = fs::read_to_string(path("second/events.jsonl")).unwrap();
    for part in ["sample", "cluster", "build", "sft/seed-1"] {
        assert!(events.contains(&format!("{part}: taken from")), "{part}");
    }
    assert!(!events.contains("sft/seed-2: taken from"));
    let answers =
        |run: &str| fs::read(path(run).join("evaluate/without-rl/answers.jsonl")).unwrap();
    assert!(answers("first") == answers("second"));

    // A recorded run has neither samples nor weights: what it measured is not taught again for it.
    for part in ["sample", "greedy", "build", "sft"] {
        fs::remove_dir_all(path("first").join(part)).unwrap();
    }
    run("first", &[]);
    assert!(!path("first/sft").exists() && !path("first/build").exists());
}
