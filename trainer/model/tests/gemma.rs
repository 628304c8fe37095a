//! Gemma 3 against transformers and PEFT (a tiny model with random weights), and the model that
//! `sayself pull gemma3-270m` brings against transformers and llama.cpp.
//!
//! The golden files are made by `make.py` and `make_pulled.py` in `tests/golden/gemma`. Without the
//! model in the cache folder the tests that need it are skipped, and say so.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

mod tiny;

use model::{
    Completion, Decoder, Decoding, Device, LevelTokens, Limits, LoadOptions, Lora, LoraConfig,
    Message, Projection, Request, Segments, Tensor, Tokenizer, ops,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use tiny::gguf::{Meta, write};

/// Greatest difference of a logit, a log-probability, a loss or a gradient from transformers.
const TOLERANCE: f64 = 1e-4;
/// The same of the pulled model, whose logits are sums of more and whose longest text has 698 tokens.
const TOLERANCE_PULLED: f64 = 3e-4;
/// Greatest difference of a log-probability of the pulled model from llama.cpp, whose GELU is read from a
/// table of 16-bit floats: so much it differs from transformers, too.
const TOLERANCE_LLAMA_CPP: f64 = 2e-2;
/// Logits that are closer than this may swap places.
const TIE: f64 = 1e-3;
/// The logits that `make.py` keeps.
const STRIDE: usize = 4;
/// The logits that `make_pulled.py` keeps.
const STRIDE_PULLED: usize = 512;
const FILE: &str = "models/gemma3-270m/gemma-3-270m-q4_k_m.gguf";

fn golden(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/gemma");
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
    let ids = value.as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap() as u32).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap().iter();
    list.map(|number| number.as_f64().unwrap()).collect()
}

#[track_caller]
fn assert_close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    let greatest = differences.fold(0.0, f64::max);
    assert!(greatest <= tolerance, "{what}: differs by {greatest:e}");
    greatest
}

fn tiny_decoder(plain: bool) -> Decoder {
    let options = LoadOptions {
        plain,
        ..LoadOptions::default()
    };
    let weights = golden("tiny/model.safetensors");
    Decoder::from_safetensors(&golden("tiny/config.json"), &[&weights], &options).unwrap()
}

fn with_peft_adapter(decoder: &Decoder) -> (Decoder, Arc<Lora>) {
    let (json, weights) = (
        golden("adapter/adapter_config.json"),
        golden("adapter/adapter_model.safetensors"),
    );
    let lora = Lora::from_safetensors(&json, &weights, decoder.config(), &Device::Cpu).unwrap();
    let lora = Arc::new(lora);
    (decoder.with_adapter(lora.clone()), lora)
}

/// As transformers saved it, and as a GGUF file has it.
fn tiny_tokenizers() -> [Tokenizer; 2] {
    let saved = Tokenizer::from_json(
        &golden("tiny/tokenizer.json"),
        Some(&golden("tiny/tokenizer_config.json")),
    )
    .unwrap();
    let template = String::from_utf8(golden("tiny/chat_template.jinja")).unwrap();
    let vocabulary: Value = serde_json::from_slice(&golden("vocabulary.json")).unwrap();
    let texts = vocabulary["tokens"].as_array().unwrap().iter();
    let metadata = [
        ("tokenizer.ggml.model", Meta::Text("llama")),
        (
            "tokenizer.ggml.tokens",
            Meta::Texts(texts.map(|text| text.as_str().unwrap().into()).collect()),
        ),
        (
            "tokenizer.ggml.scores",
            Meta::Floats(
                numbers(&vocabulary["scores"])
                    .iter()
                    .map(|&score| score as f32)
                    .collect(),
            ),
        ),
        (
            "tokenizer.ggml.token_type",
            Meta::Ints(
                numbers(&vocabulary["kinds"])
                    .iter()
                    .map(|&kind| kind as i32)
                    .collect(),
            ),
        ),
        ("tokenizer.ggml.eos_token_id", Meta::U32(1)),
        ("tokenizer.ggml.bos_token_id", Meta::U32(2)),
        ("tokenizer.ggml.unknown_token_id", Meta::U32(3)),
        ("tokenizer.ggml.add_bos_token", Meta::Bool(true)),
        ("tokenizer.ggml.add_space_prefix", Meta::Bool(false)),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    let of_gguf = Tokenizer::from_gguf(&write(&metadata, &[])).unwrap();
    [saved.with_template(&template), of_gguf]
}

#[test]
fn token_ids_and_chats_are_those_of_transformers() {
    for tokenizer in tiny_tokenizers() {
        for line in lines("tokens.jsonl") {
            let (text, ids) = (line["text"].as_str().unwrap(), tokens(&line["token_ids"]));
            assert_eq!(tokenizer.encode(text, false).unwrap(), ids, "{text:?}");
            let mut stream = tokenizer.stream();
            let parts: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
            assert_eq!(parts, tokenizer.decode(&ids));
            if !text.contains("<bos>") {
                assert_eq!(tokenizer.decode(&ids), text);
            }
        }
        // The second has Gemma's template from its tokens alone.
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
        let two_questions = [Message::new("user", "a"), Message::new("user", "b")];
        let error = tokenizer.chat(&two_questions, true).unwrap_err();
        assert!(error.to_string().contains("alternate"), "{error}");
        // <eos> and <end_of_turn>
        assert_eq!(tokenizer.end_tokens(), [1, 6]);
        assert_eq!(LevelTokens::find(&tokenizer).unwrap().ten, None);
    }
}

fn logits(decoder: &Decoder, ids: &[u32]) -> Vec<f64> {
    let x = decoder.embed(ids).unwrap();
    let layers = 0..decoder.config().layers;
    let x = decoder.layers(&x, &Segments::single(ids), layers).unwrap();
    let last = x.narrow(0, ids.len() - 1, 1).unwrap();
    let logits = decoder.logits(&last).unwrap().flatten_all().unwrap();
    let logits = logits.to_vec1::<f32>().unwrap();
    logits.into_iter().map(f64::from).collect()
}

/// The greatest differences of log-probabilities and of logits from those of a golden file.
fn compare(decoder: &Decoder, name: &str, stride: usize, tolerance: f64) {
    let golden = lines(name);
    let texts: Vec<Vec<u32>> = golden
        .iter()
        .map(|line| tokens(&line["token_ids"]))
        .collect();
    let scores = model::score(decoder, &texts).unwrap();
    let (mut of_scores, mut of_logits, mut of_llama_cpp) = (0.0f64, 0.0f64, 0.0f64);
    for ((line, ids), scores) in golden.iter().zip(&texts).zip(&scores) {
        let text = line["text"].as_str().unwrap();
        let ours: Vec<f64> = scores.iter().map(|&log| f64::from(log)).collect();
        let theirs = numbers(&line["logprobs"]);
        of_scores = of_scores.max(assert_close(text, &ours, &theirs, tolerance));
        if !line["llama_cpp_logprobs"].is_null() {
            let theirs = numbers(&line["llama_cpp_logprobs"]);
            let close = assert_close(text, &ours, &theirs, TOLERANCE_LLAMA_CPP);
            of_llama_cpp = of_llama_cpp.max(close);
        }
        let ours: Vec<f64> = logits(decoder, ids).into_iter().step_by(stride).collect();
        let theirs = numbers(&line["last_logits"]);
        of_logits = of_logits.max(assert_close(text, &ours, &theirs, tolerance));
    }
    eprintln!(
        "{name}: log-probabilities within {of_scores:.1e} (llama.cpp {of_llama_cpp:.1e}), logits within {of_logits:.1e}"
    );
}

#[test]
fn logits_and_log_probabilities_are_those_of_transformers_and_peft() {
    for plain in [false, true] {
        let base = tiny_decoder(plain);
        compare(&base, "scores.jsonl", STRIDE, TOLERANCE);
        let (adapted, _) = with_peft_adapter(&base);
        compare(&adapted, "adapter.jsonl", STRIDE, TOLERANCE);
    }
}

fn greedy(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    questions: &[&str],
    rows: usize,
) -> BTreeMap<usize, Completion> {
    let requests = questions.iter().map(|question| {
        let messages = [Message::new("user", *question)];
        Request {
            prompt: tokenizer.chat_tokens(&messages, true).unwrap(),
            samples: vec![0],
            decoding: Decoding {
                temperature: 0.0,
                top_p: 1.0,
                top_k: 0,
                max_tokens: 24,
                stop: Vec::new(),
            },
        }
    });
    let mut done = BTreeMap::new();
    let mut on_done = |request, _, completion| {
        done.insert(request, completion);
        ControlFlow::Continue(())
    };
    let limits = Limits::rows(rows);
    model::generate(decoder, tokenizer, requests, limits, &mut on_done).unwrap();
    done
}

#[test]
fn greedy_responses_are_those_of_transformers() {
    let [tokenizer, _] = tiny_tokenizers();
    let golden = lines("greedy.jsonl");
    let questions: Vec<&str> = golden
        .iter()
        .map(|line| line["question"].as_str().unwrap())
        .collect();
    for plain in [false, true] {
        let done = greedy(&tiny_decoder(plain), &tokenizer, &questions, 2);
        for (at, line) in golden.iter().enumerate() {
            assert!(line["smallest_gap"].as_f64().unwrap() > TIE);
            assert_eq!(done[&at].tokens, tokens(&line["token_ids"]));
        }
    }
}

#[test]
fn loss_and_gradients_are_those_of_peft() {
    for plain in [false, true] {
        let (decoder, adapter) = with_peft_adapter(&tiny_decoder(plain));
        let told: Value = serde_json::from_slice(&golden("loss.json")).unwrap();
        let mut batch = Segments::new();
        let (mut rows, mut targets) = (Vec::new(), Vec::new());
        for chat in told["batch"].as_array().unwrap() {
            let (prompt, response) = (tokens(&chat["prompt"]), tokens(&chat["response"]));
            let start = batch.len() + prompt.len() - 1;
            // The response branches off the prompt: what it sees must not change by that.
            let prompt = batch.push(None, &prompt);
            batch.push(Some(prompt), &response);
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
        let theirs = told["loss"].as_f64().unwrap();
        assert_close("loss", &[value], &[theirs], TOLERANCE);

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
            let ours = flat(gradients.get(&name).unwrap());
            assert!(ours.iter().any(|&value| value != 0.0), "{name}: all zero");
            let close = assert_close(&name, &ours, &flat(&theirs[&name]), TOLERANCE);
            greatest = greatest.max(close);
        }
        eprintln!("gradients within {greatest:.1e}");
    }
}

/// The pulled model, where it is.
fn pulled() -> Option<Vec<u8>> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let folder = variable("SAYSELF_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("sayself")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/sayself")));
    let bytes = folder.and_then(|folder| std::fs::read(folder.join(FILE)).ok());
    if bytes.is_none() {
        // Its terms are to be accepted by a person, so that this is no fault even in CI.
        eprintln!(
            "SKIPPED: no {FILE} in the cache folder; run `sayself pull gemma3-270m` if you accept its terms"
        );
    }
    bytes
}

#[test]
fn the_pulled_model_is_that_of_transformers_and_llama_cpp() {
    let Some(bytes) = pulled() else { return };
    let tokenizer = Tokenizer::from_gguf(&bytes).unwrap();
    for line in lines("pulled.jsonl") {
        let text = line["text"].as_str().unwrap();
        let plain = tokens(&line["plain_token_ids"]);
        assert_eq!(tokenizer.encode(text, false).unwrap(), plain, "{text:?}");
        let whole = tokens(&line["token_ids"]);
        assert_eq!(tokenizer.encode(text, true).unwrap(), whole, "{text:?}");
    }
    // Digits stand alone, and the template is that of the family.
    assert_eq!(LevelTokens::find(&tokenizer).unwrap().ten, None);
    assert_eq!(
        tokenizer.chat(&[Message::new("user", "Hi")], true).unwrap(),
        "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n"
    );
    let decoder = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
    let dense = decoder.dequantized();
    compare(&dense, "pulled.jsonl", STRIDE_PULLED, TOLERANCE_PULLED);

    // Quantized it is about as likely, and does not depend on the batch.
    let texts: Vec<Vec<u32>> = lines("pulled.jsonl")
        .iter()
        .map(|line| tokens(&line["token_ids"]))
        .collect();
    let mean = |decoder: &Decoder| -> f64 {
        let scores = model::score(decoder, &texts).unwrap().concat();
        scores.iter().map(|&log| f64::from(log)).sum::<f64>() / scores.len() as f64
    };
    let (quantized, exact) = (mean(&decoder), mean(&dense));
    eprintln!("mean log-probability: quantized {quantized:.4}, in f32 {exact:.4}");
    assert!(
        (quantized - exact).abs() < 0.05,
        "{quantized} against {exact}"
    );
    let questions = ["What is the capital of Italy?", "What is 2 + 2?", "Hello"];
    let alone = greedy(&decoder, &tokenizer, &questions, 1);
    assert_eq!(alone, greedy(&decoder, &tokenizer, &questions, 3));
}

#[test]
fn every_variable_of_the_pulled_model_gets_a_gradient() {
    let Some(bytes) = pulled() else { return };
    let decoder = Decoder::from_gguf(&bytes, &LoadOptions::default())
        .unwrap()
        .dequantized();
    let config = LoraConfig {
        rank: 2,
        alpha: 4.0,
        targets: Projection::ALL.to_vec(),
        first_layer: 12,
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
    let tokens = [2, 818, 5279, 529, 7001, 563, 9079, 236761];
    let x = decoder.embed(&tokens).unwrap();
    let batch = Segments::single(&tokens);
    let x = decoder.layers(&x, &batch, 0..12).unwrap();
    let tape = decoder.train_layers(&x, &batch, 12..18).unwrap();
    let logprobs = decoder.token_logprobs(tape.output(), &tokens).unwrap();
    let gradients = tape.backward(&logprobs.sum_all().unwrap()).unwrap();
    assert_eq!(lora.vars().len(), 6 * 7 * 2);
    for (name, _) in lora.vars() {
        let gradient = gradients.get(&name).unwrap().flatten_all().unwrap();
        let values = gradient.to_vec1::<f32>().unwrap();
        assert!(values.iter().all(|value| value.is_finite()), "{name}");
        assert!(values.iter().any(|&value| value != 0.0), "{name}: all zero");
    }
}
