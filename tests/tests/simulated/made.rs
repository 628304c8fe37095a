//! A run whose questions were sampled, clustered and answered with rationales, and a project over it.

use calibration::Confidence;
use datasets::annotation::{ProjectKind, ProjectSpec, RatedRun};
use datasets::record::FinishReason;
use datasets::{Answer, Cluster, Clustering, Judge, Question, Sample};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// The run's id, and the labels of its evaluations.
pub const RUN: &str = "rated";
pub const LABELS: [&str; 2] = ["sayself", "verbalized"];

/// Samples of each question.
const SAMPLES: u32 = 5;

fn line(record: &impl Serialize) -> String {
    format!("{}\n", serde_json::to_string(record).unwrap())
}

/// Makes it in a folder of runs.
pub fn run(runs: &Path, questions: usize) {
    let directory = runs.join(RUN);
    let write = |path: &str, text: &str| {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let evaluations: String = LABELS
        .iter()
        .map(|label| format!("\n[[evaluate]]\nmethod = \"{label}\"\n"))
        .collect();
    write(
        "run.toml",
        &format!("title = \"Rated by people\"\nmodel = \"smollm2-135m\"\n{evaluations}"),
    );
    let each = |record: &dyn Fn(usize) -> String| (0..questions).map(record).collect::<String>();
    write("questions.jsonl", &each(&|index| line(&question(index))));
    write("sample/samples.jsonl", &each(&|index| samples(index)));
    write(
        "cluster/clusters.jsonl",
        &each(&|index| line(&clusters(index))),
    );
    for label in LABELS {
        write(
            &format!("evaluate/{label}/answers.jsonl"),
            &each(&|index| line(&answer(index, label))),
        );
        let metrics = serde_json::json!({
            "n": questions, "method": label, "model": "smollm2-135m", "questions": "world-facts",
            "parse_failures": 0, "accuracy": 0.5,
        });
        write(
            &format!("evaluate/{label}/metrics.json"),
            &metrics.to_string(),
        );
    }
}

/// A project over it: everything that a project can have, with leases as short as they may be.
pub fn project(items: u32, overlap: u8) -> ProjectSpec {
    ProjectSpec {
        title: "Do the rationales tell the truth?".into(),
        kind: ProjectKind::Single,
        runs: vec![RatedRun {
            run: RUN.into(),
            label: Some(LABELS[0].into()),
        }],
        sample_size: items,
        seed: Some(7),
        overlap,
        contact: "researcher@example.org".into(),
        training_size: 2,
        // Everybody is admitted: these annotators rate at random.
        qualification: 0.0,
        lease_minutes: 1,
        ahead: 3,
        ..ProjectSpec::default()
    }
}

fn text(index: usize) -> String {
    format!("What is the capital of country {index}?")
}

fn said(index: usize, sample: u32) -> String {
    // One question in four is answered alike each time, the others in two or three ways.
    match index % 4 {
        0 => format!("City {index}"),
        1 if sample >= 3 => format!("Town {index}"),
        2 if sample >= 2 => format!("Town {index}"),
        3 if sample >= 2 => format!("Village {index}-{}", sample / 4),
        _ => format!("City {index}"),
    }
}

fn question(index: usize) -> Question {
    Question {
        id: format!("q{index}"),
        question: text(index),
        answers: vec![format!("City {index}")],
        negative_answers: Vec::new(),
        template: Some("capital-of-country".into()),
        entity: None,
        split: None,
        judge: Judge::default(),
    }
}

fn samples(index: usize) -> String {
    (0..SAMPLES)
        .map(|sample| {
            line(&Sample {
                id: format!("q{index}/{sample}"),
                question_id: format!("q{index}"),
                question: text(index),
                index: sample,
                response: said(index, sample),
                finish_reason: FinishReason::EndOfTurn,
                tokens: 4,
                logprob: None,
            })
        })
        .collect()
}

fn clusters(index: usize) -> Clustering {
    let mut clusters: Vec<Cluster> = Vec::new();
    for sample in 0..SAMPLES {
        let answer = said(index, sample);
        match clusters.iter_mut().find(|cluster| cluster.answer == answer) {
            Some(cluster) => cluster.members.push(sample),
            None => clusters.push(Cluster {
                correct: answer == format!("City {index}"),
                answer,
                members: vec![sample],
                share: 0.0,
            }),
        }
    }
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.members.len()));
    for cluster in &mut clusters {
        cluster.share = cluster.members.len() as f64 / f64::from(SAMPLES);
    }
    Clustering {
        id: format!("q{index}"),
        question: text(index),
        template: Some("capital-of-country".into()),
        method: "answer".into(),
        clusters,
    }
}

fn answer(index: usize, label: &str) -> Answer {
    let level = (index % 10 + 1) as u8;
    let rationale = format!(
        "I may be confusing City {index} with Town {index}, which is also large ({label}, \u{fc}n\u{ef})."
    );
    Answer {
        id: format!("q{index}"),
        question_id: format!("q{index}"),
        template: Some("capital-of-country".into()),
        entity: None,
        question: text(index),
        response: format!(
            "Answer: City {index}\nConfidence: {level}\nSelf-reflection: {rationale}"
        ),
        answer: Some(format!("City {index}")),
        rationale: Some(rationale),
        confidence: Confidence::new(level),
        probability: f64::from(level) / 10.0,
        correct: index.is_multiple_of(2),
        failure: None,
        gold: Some(format!("City {index}")),
        levels: None,
    }
}
