//! The shipped model against transformers and PEFT, in `f32`, and against itself as quantized.
//!
//! The golden files are made by `tests/golden/transformers/make.py`. The model is found in the cache
//! folder, where `sayself pull smollm2-135m` lays it; without it these tests are skipped, and say
//! so, but fail where `CI` is set.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

mod oracle;

use model::{Decoder, LoadOptions, Message, Tokenizer};
use oracle::{Golden, TIE, TOLERANCE, greedy, tokens};

const GOLDEN: Golden = Golden("transformers");
/// The logits that `make.py` keeps: every 96th.
const STRIDE: usize = 96;
const FILE: &str = "models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf";

fn model_bytes() -> Option<Vec<u8>> {
    let bytes = oracle::cached(FILE);
    if bytes.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "no {FILE}: run `sayself pull smollm2-135m`"
        );
        eprintln!("SKIPPED: no {FILE} in the cache folder; run `sayself pull smollm2-135m`");
    }
    bytes
}

fn dense(bytes: &[u8]) -> Decoder {
    let options = LoadOptions {
        dequantize: true,
        ..LoadOptions::default()
    };
    Decoder::from_gguf(bytes, &options).unwrap()
}

#[test]
fn token_ids_and_chats_are_those_of_transformers() {
    let Some(bytes) = model_bytes() else { return };
    let tokenizer = Tokenizer::from_gguf(&bytes).unwrap();
    let texts = GOLDEN.lines("tokens.jsonl");
    assert_eq!(texts.len(), 200);
    for line in texts {
        let (text, ids) = (line["text"].as_str().unwrap(), tokens(&line["token_ids"]));
        assert_eq!(tokenizer.encode(text, false).unwrap(), ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids), text);
        let mut stream = tokenizer.stream();
        let parts: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
        assert_eq!(parts, text);
    }
    for line in GOLDEN.lines("chats.jsonl") {
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
    GOLDEN.assert_scores(&base, "scores.jsonl", STRIDE, TOLERANCE);
    let adapted = base.with_adapter(GOLDEN.adapter(&base));
    GOLDEN.assert_scores(&adapted, "adapter.jsonl", STRIDE, TOLERANCE);
}

#[test]
fn greedy_responses_are_those_of_transformers() {
    let Some(bytes) = model_bytes() else { return };
    let (tokenizer, decoder) = (Tokenizer::from_gguf(&bytes).unwrap(), dense(&bytes));
    let golden = GOLDEN.lines("greedy.jsonl");
    let text = |at: usize, key: &str| golden[at][key].as_str().unwrap();
    let questions: Vec<&str> = (0..golden.len()).map(|at| text(at, "question")).collect();
    let done = greedy(&decoder, &tokenizer, &questions, 8);
    let mut compared = 0;
    for (at, question) in questions.iter().enumerate() {
        if golden[at]["smallest_gap"].as_f64().unwrap() > TIE {
            assert_eq!(done[&at].text, text(at, "response"), "{question}");
            compared += 1;
        }
    }
    assert!(compared >= 15, "only {compared} without a tie");
}

#[test]
fn loss_and_gradients_are_those_of_peft() {
    let Some(bytes) = model_bytes() else { return };
    GOLDEN.assert_gradients(&dense(&bytes));
}

#[test]
fn every_variable_of_a_fresh_adapter_gets_a_gradient() {
    let Some(bytes) = model_bytes() else { return };
    let tokens = [1, 4093, 198, 1780, 314, 260, 3575, 30];
    oracle::assert_all_are_taught(&dense(&bytes), 0, &tokens);
}

#[test]
fn the_quantized_model_is_close_and_does_not_depend_on_the_batch() {
    let Some(bytes) = model_bytes() else { return };
    let tokenizer = Tokenizer::from_gguf(&bytes).unwrap();
    let decoder = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
    let golden = GOLDEN.lines("greedy.jsonl");
    let questions: Vec<&str> = golden
        .iter()
        .map(|line| line["question"].as_str().unwrap())
        .collect();
    let alone = greedy(&decoder, &tokenizer, &questions, 1);
    assert_eq!(alone, greedy(&decoder, &tokenizer, &questions, 7));
    assert_eq!(alone, greedy(&decoder, &tokenizer, &questions, 50));
    oracle::assert_about_as_likely(&decoder, &dense(&bytes), &GOLDEN.texts("scores.jsonl"));
}
