//! A model beside what transformers, PEFT and llama.cpp computed: golden files, and what is compared
//! with them.

use model::{
    Completion, Decoder, Decoding, Device, Limits, Lora, LoraConfig, Message, Projection, Request,
    Segments, Tensor, Tokenizer, ops,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// Greatest difference of a logit, a log-probability, a loss or a gradient.
pub const TOLERANCE: f64 = 1e-4;
/// The same of a log-probability from llama.cpp, whose GELU is read from a table of 16-bit floats: so much
/// it differs from transformers, too.
const TOLERANCE_LLAMA_CPP: f64 = 2e-2;
/// Logits that are closer than this may swap places.
pub const TIE: f64 = 1e-3;

/// A folder of `tests/golden`.
pub struct Golden(pub &'static str);

impl Golden {
    pub fn read(&self, name: &str) -> Vec<u8> {
        let folders = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");
        std::fs::read(PathBuf::from(folders).join(self.0).join(name)).unwrap()
    }

    pub fn lines(&self, name: &str) -> Vec<Value> {
        let bytes = self.read(name);
        let lines = bytes
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    /// The texts of a file, as tokens.
    pub fn texts(&self, name: &str) -> Vec<Vec<u32>> {
        let lines = self.lines(name);
        lines
            .iter()
            .map(|line| tokens(&line["token_ids"]))
            .collect()
    }

    /// The adapter that PEFT saved.
    pub fn adapter(&self, decoder: &Decoder) -> Arc<Lora> {
        let (json, weights) = (
            self.read("adapter/adapter_config.json"),
            self.read("adapter/adapter_model.safetensors"),
        );
        Arc::new(Lora::from_safetensors(&json, &weights, decoder.config(), &Device::Cpu).unwrap())
    }

    /// Log-probabilities of all tokens, and every `stride`th logit of the last.
    pub fn assert_scores(&self, decoder: &Decoder, name: &str, stride: usize, tolerance: f64) {
        let texts = self.texts(name);
        let scores = model::score(decoder, &texts).unwrap();
        let (mut of_scores, mut of_logits, mut of_llama_cpp) = (0.0f64, 0.0f64, 0.0f64);
        for ((line, ids), scores) in self.lines(name).iter().zip(&texts).zip(&scores) {
            let text = line["text"].as_str().unwrap();
            let ours: Vec<f64> = scores.iter().map(|&log| f64::from(log)).collect();
            let theirs = numbers(&line["logprobs"]);
            of_scores = of_scores.max(assert_close(text, &ours, &theirs, tolerance));
            if !line["llama_cpp_logprobs"].is_null() {
                let theirs = numbers(&line["llama_cpp_logprobs"]);
                let close = assert_close(text, &ours, &theirs, TOLERANCE_LLAMA_CPP);
                of_llama_cpp = of_llama_cpp.max(close);
            }
            let logits = last_logits(decoder, ids);
            let ours: Vec<f64> = logits.into_iter().step_by(stride).collect();
            let theirs = numbers(&line["last_logits"]);
            of_logits = of_logits.max(assert_close(text, &ours, &theirs, tolerance));
        }
        eprintln!(
            "{name}: log-probabilities within {of_scores:.1e} (llama.cpp {of_llama_cpp:.1e}), logits within {of_logits:.1e}"
        );
    }

    /// The loss of a batch, and its gradients by PEFT's adapter, of `decoder` without one. A response may
    /// stand behind its prompt or branch off it: what it sees must not change by that.
    pub fn assert_gradients(&self, decoder: &Decoder) {
        let adapter = self.adapter(decoder);
        let decoder = decoder.with_adapter(adapter.clone());
        let told: Value = serde_json::from_slice(&self.read("loss.json")).unwrap();
        let theirs = self.read("gradients.safetensors");
        let theirs = candle_core::safetensors::load_buffer(&theirs, &Device::Cpu).unwrap();
        assert_eq!(adapter.vars().len(), theirs.len());
        for branches in [false, true] {
            let mut batch = Segments::new();
            let (mut rows, mut targets) = (Vec::new(), Vec::new());
            for chat in told["batch"].as_array().unwrap() {
                let (prompt, response) = (tokens(&chat["prompt"]), tokens(&chat["response"]));
                let start = batch.len() + prompt.len() - 1;
                if branches {
                    let prompt = batch.push(None, &prompt);
                    batch.push(Some(prompt), &response);
                } else {
                    batch.push(None, &[&prompt[..], &response].concat());
                }
                rows.extend((start..start + response.len()).map(|row| row as u32));
                targets.extend(response);
            }
            let x = decoder.embed(batch.tokens()).unwrap();
            let layers = 0..decoder.config().layers;
            let tape = decoder.train_layers(&x, &batch, layers).unwrap();
            let of_responses = ops::rows(tape.output(), &rows).unwrap();
            let logprobs = decoder.token_logprobs(&of_responses, &targets).unwrap();
            let loss = logprobs.mean_all().unwrap().neg().unwrap();
            let value = f64::from(loss.to_scalar::<f32>().unwrap());
            let told = told["loss"].as_f64().unwrap();
            assert_close("loss", &[value], &[told], TOLERANCE);

            let gradients = tape.backward(&loss).unwrap();
            let mut greatest = 0.0f64;
            for (name, _) in adapter.vars() {
                let ours = flat(gradients.get(&name).unwrap());
                assert!(ours.iter().any(|&value| value != 0.0), "{name}: all zero");
                let close = assert_close(&name, &ours, &flat(&theirs[&name]), TOLERANCE);
                greatest = greatest.max(close);
            }
            eprintln!("gradients within {greatest:.1e} (branches: {branches})");
        }
    }
}

pub fn tokens(value: &Value) -> Vec<u32> {
    let ids = value.as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap() as u32).collect()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap().iter();
    list.map(|number| number.as_f64().unwrap()).collect()
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f64::from).collect()
}

/// The greatest difference.
#[track_caller]
fn assert_close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    let greatest = differences.fold(0.0, f64::max);
    assert!(greatest <= tolerance, "{what}: differs by {greatest:e}");
    greatest
}

fn last_logits(decoder: &Decoder, ids: &[u32]) -> Vec<f64> {
    let x = decoder.embed(ids).unwrap();
    let layers = 0..decoder.config().layers;
    let x = decoder.layers(&x, &Segments::single(ids), layers).unwrap();
    let last = x.narrow(0, ids.len() - 1, 1).unwrap();
    flat(&decoder.logits(&last).unwrap())
}

/// A file of the cache folder, where `sayself pull` lays it.
pub fn cached(file: &str) -> Option<Vec<u8>> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let folder = variable("SAYSELF_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("sayself")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/sayself")));
    folder.and_then(|folder| std::fs::read(folder.join(file)).ok())
}

/// Greedy responses of 24 tokens, `rows` at once, by the question's place.
pub fn greedy(
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

/// Texts are as likely by quantized weights as in `f32`, to within what activations of 8 bits cost.
pub fn assert_about_as_likely(quantized: &Decoder, exact: &Decoder, texts: &[Vec<u32>]) {
    let mean = |decoder: &Decoder| -> f64 {
        let scores = model::score(decoder, texts).unwrap().concat();
        scores.iter().map(|&log| f64::from(log)).sum::<f64>() / scores.len() as f64
    };
    let (quantized, exact) = (mean(quantized), mean(exact));
    eprintln!("mean log-probability: quantized {quantized:.4}, in f32 {exact:.4}");
    let difference = (quantized - exact).abs();
    assert!(difference < 0.05, "{quantized} against {exact}");
}

/// Every variable of a fresh adapter on the layers from `first_layer` on gets a gradient.
pub fn assert_all_are_taught(decoder: &Decoder, first_layer: usize, tokens: &[u32]) {
    let layers = decoder.config().layers;
    let config = LoraConfig {
        rank: 2,
        alpha: 4.0,
        targets: Projection::ALL.to_vec(),
        first_layer,
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
    let batch = Segments::single(tokens);
    let x = decoder.embed(tokens).unwrap();
    let x = decoder.layers(&x, &batch, 0..first_layer).unwrap();
    let tape = decoder
        .train_layers(&x, &batch, first_layer..layers)
        .unwrap();
    let logprobs = decoder.token_logprobs(tape.output(), tokens).unwrap();
    let gradients = tape.backward(&logprobs.sum_all().unwrap()).unwrap();
    assert_eq!(lora.vars().len(), (layers - first_layer) * 7 * 2);
    for (name, _) in lora.vars() {
        let gradient = gradients.get(&name);
        let values = flat(gradient.unwrap_or_else(|| panic!("{name} gets no gradient")));
        assert!(values.iter().all(|value| value.is_finite()), "{name}");
        assert!(values.iter().any(|&value| value != 0.0), "{name}: all zero");
    }
}
