//! Gemma 3 against transformers and PEFT (a tiny model with random weights), and the model that
//! `sayself pull gemma3-270m` brings against transformers and llama.cpp.
//!
//! The golden files are made by `make.py` and `make_pulled.py` in `tests/golden/gemma`. Without the
//! model in the cache folder the tests that need it are skipped, and say so.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

mod oracle;
mod tiny;

use model::{Decoder, LevelTokens, LoadOptions, Message, Tokenizer};
use oracle::{Golden, TIE, TOLERANCE, greedy, numbers, tokens};
use serde_json::Value;
use tiny::gguf::{Meta, write};

const GOLDEN: Golden = Golden("gemma");
/// Greatest difference of a figure of the pulled model from transformers: its logits are sums of more, and its
/// longest text has 698 tokens.
const TOLERANCE_PULLED: f64 = 3e-4;
/// The logits that `make.py` keeps.
const STRIDE: usize = 4;
/// The logits that `make_pulled.py` keeps.
const STRIDE_PULLED: usize = 512;
const FILE: &str = "models/gemma3-270m/gemma-3-270m-q4_k_m.gguf";

fn tiny_decoder(plain: bool) -> Decoder {
    let options = LoadOptions {
        plain,
        ..LoadOptions::default()
    };
    let weights = GOLDEN.read("tiny/model.safetensors");
    Decoder::from_safetensors(&GOLDEN.read("tiny/config.json"), &[&weights], &options).unwrap()
}

/// As transformers saved it, and as a GGUF file has it.
fn tiny_tokenizers() -> [Tokenizer; 2] {
    let saved = Tokenizer::from_json(
        &GOLDEN.read("tiny/tokenizer.json"),
        Some(&GOLDEN.read("tiny/tokenizer_config.json")),
    )
    .unwrap();
    let template = String::from_utf8(GOLDEN.read("tiny/chat_template.jinja")).unwrap();
    let vocabulary: Value = serde_json::from_slice(&GOLDEN.read("vocabulary.json")).unwrap();
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
        for line in GOLDEN.lines("tokens.jsonl") {
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
        let two_questions = [Message::new("user", "a"), Message::new("user", "b")];
        let error = tokenizer.chat(&two_questions, true).unwrap_err();
        assert!(error.to_string().contains("alternate"), "{error}");
        // <eos> and <end_of_turn>
        assert_eq!(tokenizer.end_tokens(), [1, 6]);
        assert_eq!(LevelTokens::find(&tokenizer).unwrap().ten, None);
    }
}

#[test]
fn logits_and_log_probabilities_are_those_of_transformers_and_peft() {
    for plain in [false, true] {
        let base = tiny_decoder(plain);
        GOLDEN.assert_scores(&base, "scores.jsonl", STRIDE, TOLERANCE);
        let adapted = base.with_adapter(GOLDEN.adapter(&base));
        GOLDEN.assert_scores(&adapted, "adapter.jsonl", STRIDE, TOLERANCE);
    }
}

#[test]
fn greedy_responses_are_those_of_transformers() {
    let [tokenizer, _] = tiny_tokenizers();
    let golden = GOLDEN.lines("greedy.jsonl");
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
        GOLDEN.assert_gradients(&tiny_decoder(plain));
    }
}

/// The pulled model, where it is.
fn pulled() -> Option<Vec<u8>> {
    let bytes = oracle::cached(FILE);
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
    for line in GOLDEN.lines("pulled.jsonl") {
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
    GOLDEN.assert_scores(&dense, "pulled.jsonl", STRIDE_PULLED, TOLERANCE_PULLED);

    // Quantized it does not depend on the batch.
    oracle::assert_about_as_likely(&decoder, &dense, &GOLDEN.texts("pulled.jsonl"));
    let questions = ["What is the capital of Italy?", "What is 2 + 2?", "Hello"];
    let alone = greedy(&decoder, &tokenizer, &questions, 1);
    assert_eq!(alone, greedy(&decoder, &tokenizer, &questions, 3));
}

#[test]
fn every_variable_of_the_pulled_model_gets_a_gradient() {
    let Some(bytes) = pulled() else { return };
    let decoder = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
    let tokens = [2, 818, 5279, 529, 7001, 563, 9079, 236761];
    oracle::assert_all_are_taught(&decoder.dequantized(), 12, &tokens);
}
