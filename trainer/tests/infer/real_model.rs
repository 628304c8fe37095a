//! With the model of the other tests: what an answer says of itself is what an evaluation reads.

use crate::client::chat;
use crate::served::Served;
use crate::support::{run, sayself};
use datasets::{Answer, Question};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const PROMPT: &str = "few-shot-confidence";
const QUESTIONS: &str = "24";
const TOKENS: usize = 24;

/// The pulled file; `None`, after a loud word, where it is not there.
fn model() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = given("SAYSELF_CACHE")
        .map(PathBuf::from)
        .or_else(|| given("XDG_CACHE_HOME").map(|folder| Path::new(&folder).join("sayself")))
        .or_else(|| given("HOME").map(|folder| Path::new(&folder).join(".cache/sayself")))?;
    let file = cache.join("models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf");
    if !file.is_file() {
        eprintln!("!! SKIPPED: no smollm2-135m here. To have it, type: sayself pull smollm2-135m");
        return None;
    }
    Some(file)
}

fn messages(answer: &Answer) -> Value {
    let question = Question {
        id: answer.id.clone(),
        question: answer.question.clone(),
        answers: Vec::new(),
        negative_answers: Vec::new(),
        template: answer.template.clone(),
        entity: None,
        split: None,
        judge: Default::default(),
    };
    let prompt = datasets::prompts::builtin(PROMPT).unwrap();
    json!(prompt.messages_for(&question))
}

#[test]
fn an_answer_tells_what_an_evaluation_reads() {
    let Some(model) = model() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("evaluation");
    let tokens = TOKENS.to_string();
    let mut command = sayself();
    command.args([
        "evaluate",
        "--quiet",
        "--method",
        "direct-prompting",
        "--prompt",
        PROMPT,
    ]);
    command.args([
        "--questions",
        "world-facts",
        "--split",
        "test",
        "--limit",
        QUESTIONS,
    ]);
    command
        .args(["--max-tokens", &tokens, "--model"])
        .arg(&model);
    let (code, _, stderr) = run(command.arg("--out").arg(&out));
    assert_eq!(code, 0, "{stderr}");
    let text = std::fs::read_to_string(out.join("answers.jsonl")).unwrap();
    let answers: Vec<Answer> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let fitted = json!({
        "family": "temperature", "temperature": 2.0, "n": 10, "method": "direct-prompting",
        "model": "small", "questions": "world-facts",
    });
    let map = folder.path().join("recalibration.json");
    std::fs::write(&map, fitted.to_string()).unwrap();

    let mut command = sayself();
    command
        .args(["infer", "--quiet", "--name", "small", "--model"])
        .arg(&model);
    command.arg("--record").arg(&out);
    command
        .arg("--recalibration")
        .arg(format!("small={}", map.display()));
    let served = Served::of(command);
    let ask = |answer: &Answer, more: Value| {
        let mut body = json!({
            "model": "small", "temperature": 0, "max_tokens": TOKENS, "messages": messages(answer),
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        chat(&served.address, &body)
    };
    let told: Vec<Value> = std::thread::scope(|scope| {
        let asked: Vec<_> = answers
            .iter()
            .map(|answer| scope.spawn(|| ask(answer, json!({}))))
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut stated = 0;
    for (answer, told) in answers.iter().zip(&told) {
        let content = told["choices"][0]["message"]["content"].as_str().unwrap();
        // An evaluation lets an answer that states nothing go on.
        assert!(
            answer.response.starts_with(content),
            "{content:?} {:?}",
            answer.response
        );
        let (Some(level), true) = (answer.confidence, answer.response == content) else {
            continue;
        };
        stated += 1;
        let own = &told["choices"][0]["sayself"];
        assert_eq!(own["confidence"], level.level());
        assert_eq!(own["answer"].as_str(), answer.answer.as_deref());
        assert_eq!(own["rationale"].as_str(), answer.rationale.as_deref());
        assert_eq!(own["confidence_distribution"], json!(answer.levels));
        let same: Vec<&Answer> = answers
            .iter()
            .filter(|other| other.confidence == Some(level))
            .collect();
        let right = same.iter().filter(|other| other.correct).count();
        let record = &own["record"];
        assert_eq!(record["n"], same.len());
        assert_eq!(record["accuracy"], right as f64 / same.len() as f64);
        assert_eq!(
            (&record["questions"], &record["split"]),
            (&json!("world-facts"), &json!("test"))
        );
        assert_eq!(told["sayself"], *own);
    }
    assert!(stated > answers.len() / 2, "{stated} of {}", answers.len());

    let answer = answers
        .iter()
        .find(|answer| answer.confidence.is_some())
        .unwrap();
    let level = f64::from(answer.confidence.unwrap().level()) / 10.0;
    let told = ask(answer, json!({ "sayself": { "recalibrate": true } }));
    let recalibrated = told["sayself"]["recalibrated"]["probability"]
        .as_f64()
        .unwrap();
    let logit = (level.clamp(0.01, 0.99) / (1.0 - level.clamp(0.01, 0.99))).ln();
    assert!((recalibrated - 1.0 / (1.0 + (-logit / 2.0).exp())).abs() < 1e-5);
    // Another sampling has no record here.
    let warm = ask(answer, json!({ "temperature": 0.3, "seed": 1 }));
    assert!(warm["sayself"].get("record").is_none());
}

#[test]
fn a_record_of_other_weights_is_refused() {
    let Some(model) = model() else {
        return;
    };
    let recorded = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../datasets/results/world-facts-smollm2-135m/evaluate/sayself"
    );
    let mut command = sayself();
    command.args(["infer", "--quiet", "--model"]).arg(&model);
    // The recorded run is kept without its adapter: only its owner can say whose record it is.
    let (code, _, stderr) = run(command.args(["--record", recorded]));
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("no longer holds the adapter"), "{stderr}");
}
