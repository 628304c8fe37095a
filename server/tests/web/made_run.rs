//! Small run directories, written through the types that the trainer writes with.

use calibration::Confidence;
use datasets::config::EvaluateConfig;
use datasets::event::EventKind;
use datasets::record::FinishReason;
use datasets::{Answer, Cluster, Clustering, Event, Judge, Question, Rationale, RunConfig, Sample};
use serde::Serialize;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Text that would run, hide or break out if it were not shown as text.
pub const HOSTILE: &str =
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</title>&amp; \u{202e}\u{1b}[31m";

pub struct MadeRun {
    pub directory: PathBuf,
}

/// What a model responded to question `q1`.
pub fn samples(responses: &[&str]) -> String {
    let sample = |(response, index): (&&str, u32)| {
        line(&Sample {
            id: format!("q1/{index}"),
            question_id: "q1".into(),
            question: "What is the capital of France?".into(),
            index,
            response: (*response).into(),
            finish_reason: FinishReason::Stop,
            tokens: 2,
            logprob: None,
        })
    };
    responses.iter().zip(0..).map(sample).collect()
}

pub fn line(record: &impl Serialize) -> String {
    format!("{}\n", serde_json::to_string(record).unwrap())
}

/// Answer `index` of a fixed pattern: ten levels, the higher the more often right.
pub fn answer(index: u64, text: &str) -> Answer {
    let level = (index % 10 + 1) as u8;
    Answer {
        id: format!("q{index}"),
        question_id: format!("q{index}"),
        template: Some("capital".into()),
        entity: None,
        question: format!("Question {index}? {text}"),
        response: format!("Response {index} {text}"),
        answer: Some(format!("Answer {index} {text}")),
        rationale: Some(format!("Rationale {index} {text}")),
        confidence: Confidence::new(level),
        probability: f64::from(level) / 10.0,
        correct: (index / 10 + u64::from(level)).is_multiple_of(2),
        failure: None,
        gold: Some("gold".into()),
        levels: None,
    }
}

impl MadeRun {
    /// A finished run of 200 questions, evaluated before and after.
    pub fn finished(folder: &Path, id: &str, text: &str) -> Self {
        let run = MadeRun {
            directory: folder.join(id),
        };
        fs::create_dir_all(&run.directory).unwrap();
        let evaluate = |method: &str| EvaluateConfig {
            method: method.into(),
            ..EvaluateConfig::default()
        };
        let config = RunConfig {
            title: format!("Title of {id} {text}"),
            evaluate: vec![evaluate("direct-prompting"), evaluate("sayself")],
            ..RunConfig::default()
        };
        run.write("run.toml", &toml::to_string(&config).unwrap());
        for stage in ["sample", "evaluate/sayself"] {
            run.event(
                1_000,
                stage,
                EventKind::Started {
                    done: 0,
                    total: 200,
                    unit: "questions".into(),
                },
            );
            run.event(2_000, stage, EventKind::Finished { seconds: 1.0 });
        }
        let questions: String = (0..200)
            .map(|index| {
                line(&Question {
                    id: format!("q{index}"),
                    question: format!("Question {index}? {text}"),
                    answers: vec!["gold".into(), format!("other gold {text}")],
                    negative_answers: Vec::new(),
                    template: Some("capital".into()),
                    entity: None,
                    split: None,
                    judge: Judge::default(),
                })
            })
            .collect();
        run.write("questions.jsonl", &questions);
        run.write(
            "cluster/clusters.jsonl",
            &line(&Clustering {
                id: "q7".into(),
                question: "Question 7?".into(),
                template: None,
                method: "answer".into(),
                clusters: vec![Cluster {
                    answer: format!("Cluster {text}"),
                    members: vec![0, 1, 2],
                    share: 0.75,
                    correct: true,
                }],
            }),
        );
        run.write(
            "rationalize/rationales.jsonl",
            &line(&Rationale {
                id: "q7".into(),
                question: "Question 7?".into(),
                rationale: format!("The teacher says {text}"),
                teacher: "extractive".into(),
                prompt_sha256: None,
            }),
        );
        for label in ["direct-prompting", "sayself"] {
            let answers: String = (0..200).map(|index| line(&answer(index, text))).collect();
            run.write(&format!("evaluate/{label}/answers.jsonl"), &answers);
            run.metrics(label, 200);
        }
        run
    }

    pub fn metrics(&self, label: &str, n: u64) {
        let metrics = json!({
            "n": n, "method": label, "model": "smollm2-135m", "questions": "world-facts", "parse_failures": 0,
            "mode": "levels", "accuracy": 0.5, "accuracy_ci": [0.4, 0.6], "ece_10": 0.1, "ece_10_ci": [0.05, 0.15],
            "smece": 0.09, "brier": 0.25, "auroc": 0.7, "auroc_ci": [0.6, 0.8],
        });
        self.write(
            &format!("evaluate/{label}/metrics.json"),
            &metrics.to_string(),
        );
    }

    /// One sampled but not clustered question, as `sayself sample --out` leaves it.
    pub fn bare_sample(folder: &Path, id: &str) -> Self {
        let run = MadeRun {
            directory: folder.join(id),
        };
        run.write("samples.jsonl", &samples(&["Paris", "Lyon", "paris."]));
        run
    }

    /// A run whose evaluated questions were sampled: two evaluations with rationales of their own, which
    /// state a confidence now and then. One question in three has one answer, the others two or three.
    pub fn rated(folder: &Path, id: &str, questions: u32, labels: [&str; 2]) -> Self {
        let run = MadeRun {
            directory: folder.join(id),
        };
        fs::create_dir_all(&run.directory).unwrap();
        let evaluate = |label: &str| EvaluateConfig {
            method: "sayself".into(),
            label: Some(label.into()),
            ..EvaluateConfig::default()
        };
        let config = RunConfig {
            title: format!("Title of {id}"),
            evaluate: labels.map(evaluate).into(),
            ..RunConfig::default()
        };
        run.write("run.toml", &toml::to_string(&config).unwrap());
        let said = |question: u32, sample: u32| match (question % 3, sample) {
            (1, 3..) => format!("Village {question}"),
            (2, 2..) => format!("Hamlet {question}-{}", sample % 2),
            _ => format!("Town {question}"),
        };
        let samples = (0..questions).flat_map(|question| {
            (0..5).map(move |index| {
                line(&Sample {
                    id: format!("q{question}/{index}"),
                    question_id: format!("q{question}"),
                    question: format!("What is the capital of land {question}?"),
                    index,
                    response: said(question, index),
                    finish_reason: FinishReason::Stop,
                    tokens: 2,
                    logprob: None,
                })
            })
        });
        run.write("sample/samples.jsonl", &samples.collect::<String>());
        for (label, words) in labels.into_iter().zip([
            "Most say so, and some do not. I am 80% sure.",
            "Nothing else came to mind. Confidence: 7",
        ]) {
            let answers = (0..questions).map(|question| {
                line(&Answer {
                    question: format!("What is the capital of land {question}?"),
                    rationale: Some(format!("Town {question} it is. {words}")),
                    ..answer(u64::from(question), "")
                })
            });
            run.write(
                &format!("evaluate/{label}/answers.jsonl"),
                &answers.collect::<String>(),
            );
            run.metrics(label, questions.into());
        }
        run
    }

    /// What `sayself evaluate --out` leaves.
    pub fn bare_evaluation(folder: &Path, id: &str) -> Self {
        let run = MadeRun {
            directory: folder.join(id),
        };
        let answers: String = (0..20).map(|index| line(&answer(index, ""))).collect();
        run.write("answers.jsonl", &answers);
        run.write(
            "metrics.json",
            &json!({"n": 20, "method": "verbalized", "model": "m", "accuracy": 0.5}).to_string(),
        );
        run
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn append(&self, path: &str, text: &str) {
        fs::create_dir_all(&self.directory).unwrap();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.join(path))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub fn event(&self, time_ms: u64, stage: &str, kind: EventKind) {
        self.append(
            "events.jsonl",
            &line(&Event {
                time_ms,
                stage: stage.into(),
                kind,
            }),
        );
    }
}

pub fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}
