//! The Run page in its further states: every kind of diagram, a saved recalibration, training with
//! alarms, records left out, many files.

use super::{calibrated, continuous, overconfident, run, summary};
use app::page::Page;
use app::view::*;

/// The address that a page is drawn for: its query says which diagram.
pub fn address(name: &str) -> Option<&'static str> {
    match name {
        "run-levels" => Some("/runs/world-facts?diagram=levels"),
        "run-smooth" => Some("/runs/world-facts?diagram=smooth&above=70"),
        "run-smooth-continuous" => Some("/runs/world-facts?diagram=smooth"),
        "run-bins" => Some("/runs/world-facts?diagram=levels&bins=15"),
        _ => None,
    }
}

pub fn pages() -> Vec<(&'static str, Page)> {
    let two = || {
        vec![
            ("direct-prompting", overconfident(4000)),
            ("sayself", calibrated(4000)),
        ]
    };
    let page = |evaluations: &[(&str, Vec<(f64, bool)>)]| {
        let shown = (0..evaluations.len()).collect();
        run(
            summary("world-facts", RunState::Finished),
            evaluations,
            shown,
        )
    };
    vec![
        ("run-levels", with_directory(page(&two()))),
        ("run-smooth", with_directory(page(&two()))),
        (
            "run-smooth-continuous",
            with_directory(page(&[("sequence-likelihood", continuous(4000))])),
        ),
        (
            "run-bins",
            with_directory(page(&[("sequence-likelihood", continuous(4000))])),
        ),
        (
            "run-recalibrated",
            recalibrated(with_directory(page(&[(
                "direct-prompting",
                overconfident(4000),
            )]))),
        ),
        ("run-training", training()),
    ]
}

fn with_directory(page: Page) -> Page {
    let Page::Run(mut detail) = page else {
        return page;
    };
    let labels: Vec<String> = detail
        .shown
        .iter()
        .map(|index| detail.evaluations[*index].label.clone())
        .collect();
    detail.directory = directory(&labels);
    Page::Run(detail)
}

/// With a map that was fitted on dev questions.
fn recalibrated(page: Page) -> Page {
    let Page::Run(mut detail) = page else {
        return page;
    };
    for evaluation in &mut detail.evaluations {
        evaluation.metrics["recalibrated"] = serde_json::json!({
            "ece_10": 0.021, "brier": 0.231,
            "map": {"family": "platt", "slope": 0.24, "intercept": -1.05, "n": 812},
        });
    }
    Page::Run(detail)
}

/// Still in its second seed, without an evaluation.
fn training() -> Page {
    let state = RunState::Running {
        stage: "rl/seed-2".into(),
        done: 240,
        total: 640,
        unit: "questions".into(),
        seconds_left: Some(1_900.0),
    };
    let Page::Run(mut detail) = run(summary("demo", state), &[], vec![]) else {
        unreachable!("it is a run")
    };
    detail.directory = directory(&[]);
    detail.directory.notes = vec![
        RunNote {
            time_ms: 1_795_564_260_000,
            stage: "sft/seed-1".into(),
            message: "ended after step 900 of 1240: the loss on held-out records has not fallen"
                .into(),
            alarm: false,
        },
        RunNote {
            time_ms: 1_795_564_860_000,
            stage: "rl/seed-1".into(),
            message: "round 14: the stated confidence has collapsed to one value (spread 0.013)"
                .into(),
            alarm: true,
        },
    ];
    Page::Run(detail)
}

fn directory(labels: &[String]) -> RunDirectory {
    let group = |name: &str, n: u64, right: u64, mean_confidence: f64| AnswerGroup {
        name: name.into(),
        n,
        right,
        mean_confidence,
    };
    let breakdown = |label: &String| Breakdown {
        label: label.clone(),
        templates: vec![
            group("country-of-city", 1260, 446, 0.394),
            group("continent-of-city", 804, 536, 0.691),
            group("currency-of-city", 169, 61, 0.402),
            group("capital-of-country", 73, 28, 0.642),
            group("atomic-number-of-element", 15, 1, 0.113),
        ],
        question_lengths: vec![
            group("1 to 5 words", 310, 120, 0.41),
            group("6 to 8 words", 2905, 1404, 0.49),
            group("9 to 12 words", 785, 402, 0.52),
        ],
        answer_lengths: vec![
            group("1 word", 3120, 1610, 0.53),
            group("2 words", 702, 281, 0.41),
            group("3 words", 178, 35, 0.33),
        ],
        read: 4000,
        whole: true,
    };
    let curve = |stage: &str, name: &str, from: f64, to: f64, shift: u64| LearningCurve {
        stage: stage.into(),
        name: name.into(),
        steps: 8,
        places: (0..150_u64)
            .map(|place| {
                let share = place as f64 / 150.0;
                let wave = 0.04 * (((place + shift) * 7 % 13) as f64 - 6.0) / 6.0;
                let mean = to + (from - to) * (-5.0 * share).exp() + wave;
                CurvePlace {
                    step: place * 8,
                    n: 8,
                    mean,
                    low: mean - 0.1,
                    high: mean + 0.12,
                }
            })
            .collect(),
    };
    let mut curves = Vec::new();
    for seed in 1..=3_u64 {
        let (sft, rl) = (format!("sft/seed-{seed}"), format!("rl/seed-{seed}"));
        let more = 0.06 * seed as f64;
        curves.push(curve(&sft, "loss", 2.3, 0.3 + more, seed));
        curves.push(curve(
            &sft,
            "tokenized_brier",
            0.37,
            0.12 + more / 2.0,
            seed,
        ));
        curves.push(curve(&rl, "reward", 0.4, 0.52 - more / 2.0, seed));
        curves.push(curve(&rl, "mean_confidence", 0.9, 0.48 + more / 2.0, seed));
    }
    let file = |path: &str, bytes: u64| RunFile {
        path: path.into(),
        bytes,
    };
    RunDirectory {
        breakdowns: labels.iter().map(breakdown).collect(),
        curves,
        notes: Vec::new(),
        provenance: Some(Provenance {
            sayself_version: "0.1.0".into(),
            stage: "run".into(),
            hashes: vec![FileHash {
                of: "model's weights".into(),
                sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53".into(),
            }],
        }),
        skipped: vec![
            SkippedReason {
                stage: "sample".into(),
                reason: "the endpoint gave no answer after 5 tries".into(),
                n: 2,
                examples: vec!["wf-14231e55c6e2".into(), "wf-c4260077774c".into()],
            },
            SkippedReason {
                stage: "build".into(),
                reason: "no cluster is right".into(),
                n: 1,
                examples: vec!["wf-0102030405".into()],
            },
        ],
        files: vec![
            file("events.jsonl", 1_794_036),
            file("run.toml", 2_846),
            file("evaluate/sayself/answers.jsonl", 3_444_866),
            file("evaluate/sayself/metrics.json", 17_342),
        ],
        files_cut: false,
    }
}
