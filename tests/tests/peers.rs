//! The same answers as transformers and PEFT give on the same file, in f32.
//!
//! The golden files are made by `golden/transformers/make.py`.

use candle_core::{D, Device, Tensor};
use model::{Decoder, LoadOptions, Lora, Message, Segments, Tokenizer};
use sayself_tests::folders;
use sayself_tests::programs::run_sayself;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Greatest difference of a logit, a log-probability, a loss or a gradient.
const TOLERANCE: f64 = 1e-4;
/// Logits that are closer than this may swap places.
const TIE: f64 = 1e-3;
/// The logits that `make.py` keeps: every 96th.
const STRIDE: usize = 96;

fn golden(name: &str) -> PathBuf {
    folders::root().join("tests/golden/transformers").join(name)
}

fn lines(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(golden(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn model_file() -> PathBuf {
    folders::model().unwrap_or_else(|| panic!("pull the model: `sayself pull smollm2-135m`"))
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_gguf(&fs::read(model_file()).unwrap()).unwrap()
}

fn decoder() -> Decoder {
    let options = LoadOptions {
        dequantize: true,
        ..LoadOptions::default()
    };
    Decoder::from_gguf(&fs::read(model_file()).unwrap(), &options).unwrap()
}

fn adapter(decoder: &Decoder) -> Lora {
    let config = fs::read(golden("adapter/adapter_config.json")).unwrap();
    let weights = fs::read(golden("adapter/adapter_model.safetensors")).unwrap();
    Lora::from_safetensors(&config, &weights, decoder.config(), &Device::Cpu).unwrap()
}

fn tokens(value: &Value) -> Vec<u32> {
    let ids = value
        .as_array()
        .unwrap_or_else(|| panic!("no token ids in {value}"));
    ids.iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"));
    list.iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The greatest difference, for a message that tells how close it was.
#[track_caller]
fn assert_close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let greatest = ours
        .iter()
        .zip(theirs)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(greatest <= tolerance, "{what}: differs by {greatest:e}");
}

#[test]
fn token_ids_are_those_of_transformers() {
    let tokenizer = tokenizer();
    let golden = lines("tokens.jsonl");
    assert_eq!(golden.len(), 200);
    for line in golden {
        let text = line["text"].as_str().unwrap();
        let ids = tokenizer.encode(text, false).unwrap();
        assert_eq!(ids, tokens(&line["token_ids"]), "{text:?}");
        assert_eq!(tokenizer.decode(&ids), text);
    }
}

#[test]
fn the_chat_template_renders_as_in_transformers() {
    let tokenizer = tokenizer();
    for line in lines("chats.jsonl") {
        let messages: Vec<Message> = serde_json::from_value(line["messages"].clone()).unwrap();
        let generate = line["add_generation_prompt"].as_bool().unwrap();
        assert_eq!(
            tokenizer.chat(&messages, generate).unwrap(),
            line["text"].as_str().unwrap()
        );
        let ids = tokenizer.chat_tokens(&messages, generate).unwrap();
        assert_eq!(ids, tokens(&line["token_ids"]), "{}", line["text"]);
    }
}

/// `sayself score --dequantize` of the golden texts, compared with a golden file.
fn assert_scores(more: &[&str], name: &str) {
    let golden = lines(name);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.jsonl");
    let texts: String = golden
        .iter()
        .map(|line| format!("{}\n", serde_json::json!({"text": line["text"]})))
        .collect();
    fs::write(&file, texts).unwrap();
    let (model, file) = (
        model_file().display().to_string(),
        file.display().to_string(),
    );
    let mut arguments = vec!["score", "--model", &model, "--dequantize"];
    arguments.extend(more);
    arguments.extend([file.as_str(), "--json"]);
    let ours = run_sayself(&arguments).ends_with(0).json_lines();
    assert_eq!(ours.len(), golden.len());
    for (ours, theirs) in ours.iter().zip(&golden) {
        assert_eq!(ours["token_ids"], theirs["token_ids"], "{}", theirs["text"]);
        let (ours, text) = (numbers(&ours["logprobs"]), theirs["text"].to_string());
        assert_close(&ours, &numbers(&theirs["logprobs"]), TOLERANCE, &text);
    }
}

#[test]
fn log_probabilities_are_those_of_transformers() {
    assert_scores(&[], "scores.jsonl");
}

#[test]
fn an_adapter_of_peft_gives_the_same_log_probabilities() {
    let adapter = golden("adapter").display().to_string();
    assert_scores(&["--adapter", &adapter], "adapter.jsonl");
}

fn assert_logits(decoder: &Decoder, name: &str) {
    for line in lines(name) {
        let ids = tokens(&line["token_ids"]);
        let batch = Segments::single(&ids);
        let x = decoder.embed(&ids).unwrap();
        let x = decoder
            .layers(&x, &batch, 0..decoder.config().layers)
            .unwrap();
        let last = x.narrow(0, ids.len() - 1, 1).unwrap();
        let logits = decoder
            .logits(&last)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        let kept: Vec<f64> = logits
            .iter()
            .step_by(STRIDE)
            .map(|logit| f64::from(*logit))
            .collect();
        assert_close(
            &kept,
            &numbers(&line["last_logits"]),
            TOLERANCE,
            line["text"].as_str().unwrap(),
        );
    }
}

#[test]
fn logits_are_those_of_transformers_and_peft() {
    let decoder = decoder();
    assert_logits(&decoder, "scores.jsonl");
    let adapter = Arc::new(adapter(&decoder));
    assert_logits(&decoder.with_adapter(adapter), "adapter.jsonl");
}

#[test]
fn greedy_responses_are_those_of_transformers() {
    let golden = lines("greedy.jsonl");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("questions.jsonl");
    let questions: String = golden
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let question = serde_json::json!({"id": format!("q{index}"), "question": line["question"], "answers": ["x"]});
            format!("{question}\n")
        })
        .collect();
    fs::write(&file, questions).unwrap();
    let out = folder.path().join("out");
    let (model, file) = (
        model_file().display().to_string(),
        file.display().to_string(),
    );
    run_sayself(&[
        "sample",
        "--model",
        &model,
        "--dequantize",
        "--questions",
        &file,
        "--greedy",
        "--max-tokens",
        "24",
        "--out",
        &out.display().to_string(),
    ])
    .ends_with(0);
    let written = ["samples.jsonl", "greedy.jsonl"]
        .iter()
        .find_map(|name| fs::read_to_string(out.join(name)).ok());
    let ours: Vec<Value> = written
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut compared = 0;
    for line in golden
        .iter()
        .filter(|line| line["smallest_gap"].as_f64().unwrap() > TIE)
    {
        let record = ours
            .iter()
            .find(|record| record["question"] == line["question"])
            .unwrap();
        assert_eq!(record["response"], line["response"], "{}", line["question"]);
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} without a tie");
}

/// The mean cross-entropy of the responses' tokens, as `make.py` has it.
fn golden_loss(decoder: &Decoder, batch: &[Value]) -> Tensor {
    let mut segments = Segments::new();
    let (mut rows, mut wanted) = (Vec::new(), Vec::new());
    for chat in batch {
        let (prompt, response) = (tokens(&chat["prompt"]), tokens(&chat["response"]));
        let whole: Vec<u32> = prompt.iter().chain(&response).copied().collect();
        let id = segments.push(None, &whole);
        let start = segments.range(id).start + prompt.len() - 1;
        rows.extend((start..start + response.len()).map(|row| row as u32));
        wanted.extend(response);
    }
    let count = wanted.len();
    let x = decoder.embed(segments.tokens()).unwrap();
    let x = decoder
        .layers(&x, &segments, 0..decoder.config().layers)
        .unwrap();
    let rows = Tensor::from_vec(rows, count, &Device::Cpu).unwrap();
    let logits = decoder.logits(&x.index_select(&rows, 0).unwrap()).unwrap();
    let wanted = Tensor::from_vec(wanted, (count, 1), &Device::Cpu).unwrap();
    let chosen = logits.gather(&wanted, 1).unwrap().squeeze(1).unwrap();
    let total = logits.log_sum_exp(D::Minus1).unwrap();
    (total - chosen).unwrap().mean_all().unwrap()
}

#[test]
fn loss_and_gradients_are_those_of_peft() {
    let decoder = decoder();
    let adapter = Arc::new(adapter(&decoder));
    let golden_text = fs::read_to_string(golden("loss.json")).unwrap();
    let told: Value = serde_json::from_str(&golden_text).unwrap();
    let loss = golden_loss(
        &decoder.with_adapter(adapter.clone()),
        told["batch"].as_array().unwrap(),
    );
    let value = f64::from(loss.to_scalar::<f32>().unwrap());
    assert_close(
        &[value],
        &[told["loss"].as_f64().unwrap()],
        TOLERANCE,
        "loss",
    );

    let store = loss.backward().unwrap();
    let theirs =
        candle_core::safetensors::load(golden("gradients.safetensors"), &Device::Cpu).unwrap();
    let vars = adapter.vars();
    assert_eq!(vars.len(), theirs.len());
    for (name, var) in vars {
        let gradient = store
            .get(var.as_tensor())
            .unwrap_or_else(|| panic!("{name} gets no gradient"));
        let theirs = theirs
            .get(&name)
            .unwrap_or_else(|| panic!("PEFT has no {name}"));
        assert_eq!(gradient.dims(), theirs.dims(), "{name}");
        let flat = |tensor: &Tensor| -> Vec<f64> {
            let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            values.into_iter().map(f64::from).collect()
        };
        assert!(
            flat(gradient).iter().any(|value| *value != 0.0),
            "{name}: all zero"
        );
        assert_close(&flat(gradient), &flat(theirs), TOLERANCE, &name);
    }
}

/// What PEFT wrote is read, written and read again without a change.
#[test]
fn an_adapter_survives_writing() {
    let decoder = decoder();
    let first = adapter(&decoder);
    let (config, weights) = first.to_bytes().unwrap();
    let second = Lora::from_safetensors(&config, &weights, decoder.config(), &Device::Cpu).unwrap();
    assert_eq!(first.config(), second.config());
    assert_eq!(second.to_bytes().unwrap(), (config, weights));
}
