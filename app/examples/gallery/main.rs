//! Renders every page in every state with made-up data, to look at:
//! `cargo run --release -p app --example gallery -- FOLDER`.

mod agreement;

mod annotate;

mod api;

mod runs;

mod run;

mod compare;

mod question;

mod demo;

mod your_file;

use app::Medium;
use app::page::{Page, RenderContext};
use app::view::*;
use std::path::Path;

mod jobs;

mod people;

fn main() -> std::io::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/gallery".into());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let more = [
        agreement::pages(),
        annotate::pages(),
        api::pages(),
        runs::pages(),
        run::pages(),
        compare::pages(),
        question::pages(),
        jobs::pages(),
        people::pages(),
        your_file::pages(),
        demo::pages(),
    ];
    for (name, page) in pages().into_iter().chain(more.into_iter().flatten()) {
        let warnings = match name {
            "runs-empty" => vec![
                "The database cannot be written: disk full. Pages work without it; jobs do not."
                    .into(),
            ],
            _ => Vec::new(),
        };
        let context = RenderContext {
            nonce: "gallery".into(),
            assets_present: false,
            path: run::address(name).map_or_else(|| format!("/{name}"), str::to_owned),
            warnings,
            viewer: Viewer::at_the_machine(),
            medium: Medium::Server,
        };
        let html = app::render(page, context);
        std::fs::write(folder.join(format!("{name}.html")), &html)?;
        let dark = html.replace("<html lang=\"en\"", "<html lang=\"en\" data-theme=\"dark\"");
        std::fs::write(folder.join(format!("{name}-dark.html")), dark)?;
        println!("{name}: {} bytes", html.len());
    }
    Ok(())
}

fn pages() -> Vec<(&'static str, Page)> {
    let taught = calibrated(4000);
    let base = overconfident(4000);
    let all_wrong: Vec<_> = (0..60).map(|_| (0.9, false)).collect();
    vec![
        (
            "run",
            run(
                summary("world-facts", RunState::Finished),
                &[
                    ("direct-prompting", base.clone()),
                    ("self-consistency", continuous(4000)),
                    ("sayself", taught.clone()),
                    ("sayself-seed-2", calibrated(3990)),
                ],
                vec![0, 2],
            ),
        ),
        (
            "run-single",
            run(
                summary("one", RunState::Finished),
                &[("sequence-likelihood", continuous(4000))],
                vec![0],
            ),
        ),
        (
            "run-running",
            run(
                summary("demo", running()),
                &[("direct-prompting", base)],
                vec![0],
            ),
        ),
        (
            "run-waiting",
            run(summary("demo", RunState::Waiting), &[], vec![]),
        ),
        (
            "run-small",
            run(
                summary("tiny", RunState::Finished),
                &[("sayself", calibrated(40))],
                vec![0],
            ),
        ),
        (
            "run-one-class",
            run(
                summary("wrong", RunState::Finished),
                &[("direct-prompting", all_wrong)],
                vec![0],
            ),
        ),
        (
            "run-failed",
            run(
                summary(
                    "demo",
                    RunState::Failed {
                        stage: "sft".into(),
                        error: "writing runs/demo/sft/seed-1/checkpoint: No space left on device"
                            .into(),
                    },
                ),
                &[],
                vec![],
            ),
        ),
        (
            "run-damaged",
            run(
                summary(
                    "demo",
                    RunState::Damaged {
                        error: "runs/demo/run.toml, line 12: found `lr = abc`, expected a number"
                            .into(),
                    },
                ),
                &[],
                vec![],
            ),
        ),
        (
            "problem",
            Page::Problem(Problem {
                status: 404,
                title: "No such run".into(),
                detail: "No folder under --runs holds a run named “demo-7”.".into(),
                next: "Check the address, or look at the list of runs.".into(),
            }),
        ),
    ]
}

/// Numbers 0..1 that look random and are the same each time (REFERENCE 6's generator).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn calibrated(n: usize) -> Vec<(f64, bool)> {
    let mut draws = Draws(n as u64);
    (0..n)
        .map(|_| {
            let spread = draws.next();
            let level = if draws.next() < 0.55 {
                (1.0 + spread * spread * 4.0).floor()
            } else {
                (10.4 - spread * spread * 6.0).floor().min(10.0)
            };
            let confidence = level / 10.0;
            (
                confidence,
                draws.next() < (confidence * 0.98).clamp(0.03, 0.95),
            )
        })
        .collect()
}

fn overconfident(n: usize) -> Vec<(f64, bool)> {
    let mut draws = Draws(7);
    (0..n)
        .map(|_| {
            let confidence =
                [0.5, 0.7, 0.8, 0.8, 0.9, 0.9, 0.9, 1.0][(draws.next() * 8.0) as usize];
            (confidence, draws.next() < 0.15 + 0.25 * confidence)
        })
        .collect()
}

fn continuous(n: usize) -> Vec<(f64, bool)> {
    let mut draws = Draws(99);
    (0..n)
        .map(|_| {
            let confidence = draws.next().powf(1.7);
            (confidence, draws.next() < 0.08 + 0.7 * confidence)
        })
        .collect()
}

fn running() -> RunState {
    RunState::Running {
        stage: "sample".into(),
        done: 1240,
        total: 3000,
        unit: "samples".into(),
        seconds_left: Some(263.0),
    }
}

fn summary(id: &str, state: RunState) -> RunSummary {
    let finished = matches!(state, RunState::Finished);
    let n = 4000;
    RunSummary {
        id: id.into(),
        title: format!("{id}, SmolLM2-135M taught to say how sure it is"),
        model: "smollm2-135m".into(),
        method: "sayself".into(),
        questions: "world-facts".into(),
        n,
        metrics: finished.then(|| evaluation("sayself", &calibrated(n as usize))),
        state,
        started_ms: Some(1_795_564_260_000),
        recorded: id == "world-facts",
    }
}

fn evaluation(label: &str, points: &[(f64, bool)]) -> Evaluation {
    let rows: Vec<calibration::Row> = points.iter().map(|&point| point.into()).collect();
    let options = calibration::metrics::Options {
        bootstraps: 200,
        ..Default::default()
    };
    let metrics = calibration::metrics::evaluate(&rows, options).expect("made-up rows are valid");
    let mut metrics = serde_json::to_value(metrics).expect("metrics are plain data");
    let accuracy = metrics["accuracy"].as_f64().unwrap_or_default();
    metrics["constant_brier"] = (accuracy * (1.0 - accuracy)).into();
    metrics["template_rate_brier"] = (accuracy * (1.0 - accuracy) * 0.8).into();
    let figure = |key: &str| {
        let interval = &metrics[format!("{key}_ci")];
        Figure {
            value: metrics[key].as_f64(),
            low: interval[0].as_f64(),
            high: interval[1].as_f64(),
        }
    };
    Evaluation {
        label: label.into(),
        method: label.trim_end_matches("-seed-2").into(),
        n: points.len() as u64,
        parse_failures: if label == "direct-prompting" { 31 } else { 0 },
        accuracy: figure("accuracy"),
        ece: figure("ece_10"),
        smece: figure("smece"),
        brier: figure("brier"),
        auroc: figure("auroc"),
        within_template_auroc: Figure {
            value: Some(0.881),
            low: Some(0.868),
            high: Some(0.893),
        },
        brier_skill: Figure {
            value: Some(0.42),
            low: Some(0.38),
            high: Some(0.45),
        },
        metrics,
    }
}

fn run(summary: RunSummary, evaluations: &[(&str, Vec<(f64, bool)>)], shown: Vec<usize>) -> Page {
    Page::Run(Box::new(RunDetail {
        summary,
        evaluations: evaluations
            .iter()
            .map(|(label, points)| evaluation(label, points))
            .collect(),
        points: evaluations
            .iter()
            .map(|(_, points)| points.clone())
            .collect(),
        shown,
        config:
            "seed = 42\nmodel = \"smollm2-135m\"\n\n[sample]\nsamples = 10\ntemperature = 1.0\n"
                .into(),
        log: vec![
            "23:51:02 sample: 1,200 of 3,000 samples".into(),
            "23:51:09 sample: 1,240 of 3,000 samples".into(),
        ],
        skipped: 3,
        directory: RunDirectory::default(),
        published: None,
    }))
}
