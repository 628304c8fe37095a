//! Writes a run of 1,000,000 answers and 2 GB of samples, to see how the pages do:
//! `cargo run --release -p sayself-server --example huge -- FOLDER`, some 3.5 GB in all; then
//! `cargo run --release -p sayself-server --example huge_pages -- FOLDER`. Remove the folder after.

use calibration::Confidence;
use calibration::heights::Step;
use datasets::config::EvaluateConfig;
use datasets::record::FinishReason;
use datasets::{
    Answer, Cluster, Clustering, MergeHeights, Question, Rationale, RunConfig, Sample, jsonl,
};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Questions, and answers of the one evaluation.
const ANSWERS: u64 = 1_000_000;
/// Questions that were sampled, each so many times.
const SAMPLED: u64 = 20_000;
const SAMPLES: u32 = 100;
/// Bytes of a response, so that all samples are 2 GB.
const RESPONSE_BYTES: usize = 840;
const TEMPLATES: u64 = 20;
const CITIES: [&str; 5] = ["Canberra", "Sydney", "Melbourne", "Perth", "Brisbane"];

fn main() -> anyhow::Result<()> {
    let Some(folder) = std::env::args().nth(1) else {
        anyhow::bail!("name the folder to write the run `huge` to")
    };
    let run = Path::new(&folder).join("huge");
    std::fs::create_dir_all(run.join("evaluate/sayself"))?;
    for stage in ["sample", "cluster", "rationalize"] {
        std::fs::create_dir_all(run.join(stage))?;
    }
    let config = RunConfig {
        title: "A million answers".into(),
        evaluate: vec![EvaluateConfig {
            method: "sayself".into(),
            ..EvaluateConfig::default()
        }],
        ..RunConfig::default()
    };
    std::fs::write(run.join("run.toml"), toml::to_string(&config)?)?;
    records(&run.join("questions.jsonl"), (0..ANSWERS).map(question))?;
    records(
        &run.join("evaluate/sayself/answers.jsonl"),
        (0..ANSWERS).map(answer),
    )?;
    let measures = serde_json::json!({
        "n": ANSWERS, "method": "sayself", "model": "smollm2-135m", "questions": "world-facts",
        "parse_failures": 0, "mode": "levels", "accuracy": 0.5, "ece_10": 0.1, "brier": 0.2, "auroc": 0.75,
    });
    std::fs::write(
        run.join("evaluate/sayself/metrics.json"),
        measures.to_string(),
    )?;
    let samples = (0..SAMPLED).flat_map(|at| (0..SAMPLES).map(move |index| sample(at, index)));
    records(&run.join("sample/samples.jsonl"), samples)?;
    records(
        &run.join("cluster/clusters.jsonl"),
        (0..SAMPLED).map(clustering),
    )?;
    records(
        &run.join("cluster/heights.jsonl"),
        (0..SAMPLED).map(heights),
    )?;
    records(
        &run.join("rationalize/rationales.jsonl"),
        (0..SAMPLED).map(rationale),
    )?;
    Ok(())
}

fn records<T: Serialize>(path: &Path, records: impl Iterator<Item = T>) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for record in records {
        jsonl::write_record(&mut file, &record)?;
    }
    file.flush()?;
    println!(
        "{}: {} MB",
        path.display(),
        path.metadata()?.len() / 1_000_000
    );
    Ok(())
}

/// The same on every machine.
fn draw(at: u64, what: u64) -> u64 {
    let mut state = (at << 8 | what).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state ^= state >> 29;
    state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state ^ (state >> 32)
}

fn id(at: u64) -> String {
    format!("wf-{at:07}")
}

fn text(at: u64) -> String {
    format!("What is the capital of country number {at}?")
}

fn template(at: u64) -> Option<String> {
    Some(format!("template-{}", at % TEMPLATES))
}

fn question(at: u64) -> Question {
    Question {
        id: id(at),
        question: text(at),
        answers: vec![
            CITIES[draw(at, 1) as usize % 5].to_owned(),
            format!("City {at}"),
        ],
        negative_answers: Vec::new(),
        template: template(at),
        entity: None,
        split: None,
        judge: Default::default(),
    }
}

fn answer(at: u64) -> Answer {
    let level = (draw(at, 2) % 10 + 1) as u8;
    let said = CITIES[draw(at, 3) as usize % 5];
    let failed = draw(at, 4).is_multiple_of(50);
    Answer {
        id: id(at),
        question_id: id(at),
        template: template(at),
        entity: None,
        question: text(at),
        response: format!(
            "Answer: {said}\nConfidence: {level}\nSelf-reflection: I waver between {said} and Perth."
        ),
        answer: Some(said.to_owned()),
        rationale: Some(format!("I waver between {said} and Perth.")),
        confidence: Confidence::new(level).filter(|_| !failed),
        probability: if failed { 0.0 } else { f64::from(level) / 10.0 },
        correct: draw(at, 5) % 10 < u64::from(level),
        failure: failed.then(|| "no confidence".to_owned()),
        gold: Some(CITIES[draw(at, 1) as usize % 5].to_owned()),
        levels: None,
    }
}

/// Of a question's samples 60 say one city, 30 the next, 10 a third.
fn city(at: u64, index: u32) -> &'static str {
    let place = match index {
        0..60 => 0,
        60..90 => 1,
        _ => 2,
    };
    CITIES[(at as usize + place) % 5]
}

fn sample(at: u64, index: u32) -> Sample {
    let mut response = format!("{}, number {index}. ", city(at, index));
    while response.len() < RESPONSE_BYTES {
        response.push_str("I have thought about it for a while. ");
    }
    Sample {
        id: format!("{}/{index}", id(at)),
        question_id: id(at),
        question: text(at),
        index,
        response,
        finish_reason: FinishReason::EndOfTurn,
        tokens: 200,
        logprob: None,
    }
}

fn clustering(at: u64) -> Clustering {
    let cluster = |members: std::ops::Range<u32>| Cluster {
        answer: city(at, members.start).to_owned(),
        share: f64::from(members.end - members.start) / f64::from(SAMPLES),
        correct: members.start == 0,
        members: members.collect(),
    };
    Clustering {
        id: id(at),
        question: text(at),
        template: template(at),
        method: "embedding: all-MiniLM-L6-v2, cosine above 0.84".into(),
        clusters: vec![cluster(0..60), cluster(60..90), cluster(90..100)],
    }
}

fn heights(at: u64) -> MergeHeights {
    let steps = |index: u32| {
        let first = match index {
            0..60 => 0,
            60..90 => 60,
            _ => 90,
        };
        let near = 0.85 + f64::from(index) / 1_000.0;
        match index {
            0 => Vec::new(),
            _ if index == first => vec![Step {
                height: 0.5,
                leader: 0,
            }],
            _ if first == 0 => vec![Step {
                height: near,
                leader: 0,
            }],
            _ => vec![
                Step {
                    height: near,
                    leader: first,
                },
                Step {
                    height: 0.5,
                    leader: 0,
                },
            ],
        }
    };
    MergeHeights {
        id: id(at),
        samples: (0..SAMPLES).collect(),
        heights: (0..SAMPLES).map(steps).collect(),
    }
}

fn rationale(at: u64) -> Rationale {
    Rationale {
        id: id(at),
        question: text(at),
        rationale: format!(
            "Most of my answers say {} (60%), some say {} (30%).",
            city(at, 0),
            city(at, 60)
        ),
        teacher: "extractive".into(),
        prompt_sha256: None,
    }
}
