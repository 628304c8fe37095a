//! The shipped model against transformers and PEFT, in `f32`, and against itself as quantized.
//!
//! The golden files are made by `tests/golden/transformers/make.py`. The model is found in the cache
//! folder, where `sayself pull smollm2-135m` lays it; without it these tests are skipped, and say
//! so, but fail where `CI` is set.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

use model::{
    Completion, Decoder, Decoding, Device, LoadOptions, Lora, LoraConfig, Message, Projection,
    Request, Segments, Tensor, Tokenizer, ops,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// Greatest difference of a logit, a log-probability, a loss or a gradient.
const TOLERANCE: f64 = 1e-4;
/// Logits that are closer than this may swap places.
const TIE: f64 = 1e-3;
/// The logits that `make.py` keeps: every 96th.
const STRIDE: usize = 96;
const FILE: &str = "models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf";

fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    variable("SAYSELF_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("sayself")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/sayself")))
}

fn model_bytes() -> Option<Vec<u8>> {
    let bytes = cache_folder().and_then(|folder| std::fs::read(folder.join(FILE)).ok());
    if bytes.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "no {FILE}: run `sayself pull smollm2-135m`"
        );
        eprintln!("SKIPPED: no {FILE} in the cache folder; run `sayself pull smollm2-135m`");
    }
    bytes
}

fn golden(name: &str) -> Vec<u8> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/transformers"
    );
    std::fs::read(PathBuf::from(folder).join(name)).unwrap()
}

fn lines(name: &str) -> Vec<Value> {
    let bytes = golden(name);
    let lines = bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn tokens(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap() as u32)
        .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

fn dense(bytes: &[u8]) -> Decoder {
    let options = LoadOptions {
        dequantize: true,
        ..LoadOptions::default()
    };
    Decoder::from_gguf(bytes, &options).unwrap()
}

fn peft_adapter(decoder: &Decoder) -> Arc<Lora> {
    let (json, weights) = (
        golden("adapter/adapter_config.json"),
        golden("adapter/adapter_model.safetensors"),
    );
    Arc::new(Lora::from_safetensors(&json, &weights, decoder.config(), &Device::Cpu).unwrap())
}

#[track_caller]
fn assert_close(what: &str, ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    let greatest = differences.fold(0.0, f64::max);
    assert!(greatest <= TOLERANCE, "{what}: differs by {greatest:e}");
    greatest
}

#[test]
fn token_ids_and_chats_are_those_of_transformers() {
    let Some(bytes) = model_bytes() else { return };
    let tokenizer = Tokenizer::from_gguf(&bytes).unwrap();
    let texts = lines("tokens.jsonl");
    assert_eq!(texts.len(), 200);
    for line in texts {
        let (text, ids) = (line["text"].as_str().unwrap(), tokens(&line["token_ids"]));
        assert_eq!(tokenizer.encode(text, false).unwrap(), ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids), text);
        let mut stream = tokenizer.stream();
        let parts: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
        assert_eq!(parts, text);
    }
    for line in lines("chats.jsonl") {
        let messages: Vec<Message> = serde_json::from_value(line["messages"].clone()).unwrap();
        let generate = line["add_generation_prompt"].as_bool().unwrap();
        assert_eq!(
            tokenizer.chat(&messages, generate).unwrap(),
            line["text"].as_str().unwrap()
        );
        let ids = tokenizer.chat_tokens(&messages, generate).unwrap();
        assert_eq!(ids, tokens(&line["token_ids"]));
    }
}

#[test]
fn logits_and_log_probabilities_are_those_of_transformers_and_peft() {
    let Some(bytes) = model_bytes() else { return };
    let base = dense(&bytes);
    let adapted = base.with_adapter(peft_adapter(&base));
    for (decoder, name) in [(base, "scores.jsonl"), (adapted, "adapter.jsonl")] {
        let golden = lines(name);
        let texts: Vec<Vec<u32>> = golden
            .iter()
            .map(|line| tokens(&line["token_ids"]))
            .collect();
        let scores = model::score(&decoder, &texts).unwrap();
        let (mut of_scores, mut of_logits) = (0.0f64, 0.0f64);
        for ((line, ids), scores) in golden.iter().zip(&texts).zip(&scores) {
            let text = line["text"].as_str().unwrap();
            let ours: Vec<f64> = scores.iter().map(|&log| f64::from(log)).collect();
            of_scores = of_scores.max(assert_close(text, &ours, &numbers(&line["logprobs"])));
            let x = decoder.embed(ids).unwrap();
            let layers = 0..decoder.config().layers;
            let x = decoder.layers(&x, &Segments::single(ids), layers).unwrap();
            let logits = decoder
                .logits(&x.narrow(0, ids.len() - 1, 1).unwrap())
                .unwrap();
            let logits: Vec<f32> = logits.flatten_all().unwrap().to_vec1().unwrap();
            let ours: Vec<f64> = logits
                .iter()
                .step_by(STRIDE)
                .map(|&logit| logit.into())
                .collect();
            of_logits = of_logits.max(assert_close(text, &ours, &numbers(&line["last_logits"])));
        }
        eprintln!(
            "{name}: log-probabilities within {of_scores:.1e}, logits within {of_logits:.1e}"
        );
    }
}

fn greedy(decoder: &Decoder, tokenizer: &Tokenizer, rows: usize) -> BTreeMap<usize, Completion> {
    let decoding = Decoding {
        temperature: 0.0,
        top_p: 1.0,
        top_k: 0,
        max_tokens: 24,
        stop: Vec::new(),
    };
    let golden = lines("greedy.jsonl");
    let requests = golden.iter().map(|line| {
        let messages = [Message::new("user", line["question"].as_str().unwrap())];
        let prompt = tokenizer.chat_tokens(&messages, true).unwrap();
        Request {
            prompt,
            samples: vec![0],
            decoding: decoding.clone(),
        }
    });
    let mut done = BTreeMap::new();
    model::generate(
        decoder,
        tokenizer,
        requests,
        model::Limits::rows(rows),
        &mut |request, _, completion| {
            done.insert(request, completion);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    done
}

#[test]
fn greedy_responses_are_those_of_transformers() {
    let Some(bytes) = model_bytes() else { return };
    let (tokenizer, decoder) = (Tokenizer::from_gguf(&bytes).unwrap(), dense(&bytes));
    let done = greedy(&decoder, &tokenizer, 8);
    let mut compared = 0;
    for (at, line) in lines("greedy.jsonl").iter().enumerate() {
        if line["smallest_gap"].as_f64().unwrap() > TIE {
            assert_eq!(
                done[&at].text,
                line["response"].as_str().unwrap(),
                "{}",
                line["question"]
            );
            compared += 1;
        }
    }
    assert!(compared >= 15, "only {compared} without a tie");
}

#[test]
fn loss_and_gradients_are_those_of_peft() {
    let Some(bytes) = model_bytes() else { return };
    let decoder = dense(&bytes);
    let adapter = peft_adapter(&decoder);
    let decoder = decoder.with_adapter(adapter.clone());
    let told: Value = serde_json::from_slice(&golden("loss.json")).unwrap();
    let mut batch = Segments::new();
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for chat in told["batch"].as_array().unwrap() {
        let (prompt, response) = (tokens(&chat["prompt"]), tokens(&chat["response"]));
        let whole: Vec<u32> = prompt.iter().chain(&response).copied().collect();
        let start = batch.len() + prompt.len() - 1;
        batch.push(None, &whole);
        rows.extend((start..start + response.len()).map(|row| row as u32));
        targets.extend(response);
    }
    let x = decoder.embed(batch.tokens()).unwrap();
    let tape = decoder
        .train_layers(&x, &batch, 0..decoder.config().layers)
        .unwrap();
    let loss = decoder
        .token_logprobs(&ops::rows(tape.output(), &rows).unwrap(), &targets)
        .unwrap()
        .mean_all()
        .unwrap()
        .neg()
        .unwrap();
    let value = f64::from(loss.to_scalar::<f32>().unwrap());
    assert_close("loss", &[value], &[told["loss"].as_f64().unwrap()]);

    let gradients = tape.backward(&loss).unwrap();
    let theirs =
        candle_core::safetensors::load_buffer(&golden("gradients.safetensors"), &Device::Cpu)
            .unwrap();
    assert_eq!(adapter.vars().len(), theirs.len());
    let flat = |tensor: &Tensor| -> Vec<f64> {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f64::from).collect()
    };
    let mut greatest = 0.0f64;
    for (name, _) in adapter.vars() {
        let ours = gradients
            .get(&name)
            .unwrap_or_else(|| panic!("{name} gets no gradient"));
        assert!(
            flat(ours).iter().any(|&value| value != 0.0),
            "{name}: all zero"
        );
        greatest = greatest.max(assert_close(&name, &flat(ours), &flat(&theirs[&name])));
    }
    eprintln!("gradients within {greatest:.1e}");
}

#[test]
fn every_variable_of_a_fresh_adapter_gets_a_gradient() {
    let Some(bytes) = model_bytes() else { return };
    let decoder = dense(&bytes);
    let config = LoraConfig {
        rank: 2,
        alpha: 4.0,
        targets: Projection::ALL.to_vec(),
        first_layer: 0,
        dropout: 0.0,
    };
    let lora = Arc::new(Lora::init(decoder.config(), config, 1, &Device::Cpu).unwrap());
    for (name, var) in lora.vars() {
        // B starts at zero, where A's gradient is zero too.
        if name.contains("lora_B") {
            var.set(&(var.ones_like().unwrap() * 0.01).unwrap())
                .unwrap();
        }
    }
    let decoder = decoder.with_adapter(lora.clone());
    let tokens = [1, 4093, 198, 1780, 314, 260, 3575, 30];
    let x = decoder.embed(&tokens).unwrap();
    let tape = decoder
        .train_layers(&x, &Segments::single(&tokens), 0..30)
        .unwrap();
    let loss = decoder
        .token_logprobs(tape.output(), &tokens)
        .unwrap()
        .sum_all()
        .unwrap();
    let gradients = tape.backward(&loss).unwrap();
    assert_eq!(lora.vars().len(), 30 * 7 * 2);
    for (name, _) in lora.vars() {
        let gradient = gradients
            .get(&name)
            .unwrap_or_else(|| panic!("{name} gets no gradient"));
        let values = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values.iter().any(|&value| value != 0.0), "{name}: all zero");
    }
}

#[test]
fn the_quantized_model_is_close_and_does_not_depend_on_the_batch() {
    let Some(bytes) = model_bytes() else { return };
    let tokenizer = Tokenizer::from_gguf(&bytes).unwrap();
    let decoder = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
    let alone = greedy(&decoder, &tokenizer, 1);
    assert_eq!(alone, greedy(&decoder, &tokenizer, 7));
    assert_eq!(alone, greedy(&decoder, &tokenizer, 50));
    // As likely as in f32, to within what activations of 8 bits cost.
    let texts: Vec<Vec<u32>> = lines("scores.jsonl")
        .iter()
        .map(|line| tokens(&line["token_ids"]))
        .collect();
    let mean = |decoder: &Decoder| -> f64 {
        let scores = model::score(decoder, &texts).unwrap().concat();
        scores.iter().map(|&log| f64::from(log)).sum::<f64>() / scores.len() as f64
    };
    let (quantized, exact) = (mean(&decoder), mean(&dense(&bytes)));
    eprintln!("mean log-probability: quantized {quantized:.4}, in f32 {exact:.4}");
    assert!(
        (quantized - exact).abs() < 0.05,
        "{quantized} against {exact}"
    );
}
