//! Adapters as PEFT saves them: read with the same effect, beside the weights and merged into them, or
//! refused with the reason.
//!
//! The golden files are made by `tests/golden/peft/make.py`.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

use model::export::write_safetensors;
use model::{Decoder, Device, LoadOptions, Lora, Segments};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// Greatest difference of a logit.
const TOLERANCE: f64 = 1e-4;
const REFUSED: [(&str, &str); 6] = [
    ("rank-pattern", "rank_pattern"),
    ("alpha-pattern", "alpha_pattern"),
    ("dora", "use_dora"),
    ("bias", "bias"),
    ("modules-to-save", "modules_to_save"),
    ("output-layer", "lm_head"),
];

fn golden(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/peft");
    std::fs::read(PathBuf::from(folder).join(name)).unwrap()
}

fn base(weights: &[u8]) -> Decoder {
    let config = golden("model/config.json");
    Decoder::from_safetensors(&config, &[weights], &LoadOptions::default()).unwrap()
}

fn adapter(name: &str, decoder: &Decoder) -> Result<Lora, model::ModelError> {
    Lora::from_safetensors(
        &golden(&format!("{name}/adapter_config.json")),
        &golden(&format!("{name}/adapter_model.safetensors")),
        decoder.config(),
        &Device::Cpu,
    )
}

fn last_logits(decoder: &Decoder, tokens: &[u32]) -> Vec<f32> {
    let x = decoder.embed(tokens).unwrap();
    let layers = 0..decoder.config().layers;
    let x = decoder
        .layers(&x, &Segments::single(tokens), layers)
        .unwrap();
    let logits = decoder.logits(&x).unwrap();
    logits.to_vec2::<f32>().unwrap().pop().unwrap()
}

#[track_caller]
fn assert_close(ours: &[f32], theirs: &Value, what: &str) {
    let theirs = theirs.as_array().unwrap();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let apart = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| (f64::from(*ours) - theirs.as_f64().unwrap()).abs())
        .fold(0.0, f64::max);
    assert!(apart <= TOLERANCE, "{what}: differs by {apart:e}");
}

#[test]
fn adapters_have_the_same_effect_whatever_names_their_modules() {
    let told: Value = serde_json::from_slice(&golden("logits.json")).unwrap();
    let tokens: Vec<u32> = serde_json::from_value(told["tokens"].clone()).unwrap();
    let decoder = base(&golden("model/model.safetensors"));
    assert_close(&last_logits(&decoder, &tokens), &told["base"], "base");
    let adapters = told["adapters"].as_object().unwrap();
    assert_eq!(adapters.len(), 5);
    for (name, theirs) in adapters {
        let lora = adapter(name, &decoder).unwrap();
        let adapted = decoder.with_adapter(Arc::new(lora));
        assert_close(&last_logits(&adapted, &tokens), &theirs["beside"], name);

        let mut merged = Vec::new();
        write_safetensors(&adapted, &mut merged).unwrap();
        let merged = base(&merged);
        assert_close(&last_logits(&merged, &tokens), &theirs["merged"], name);
    }
}

#[test]
fn an_adapter_that_is_written_again_is_the_same() {
    let decoder = base(&golden("model/model.safetensors"));
    for name in ["list", "regex", "all-linear", "one-layer", "rslora"] {
        let lora = adapter(name, &decoder).unwrap();
        let (config, weights) = lora.to_bytes().unwrap();
        let again =
            Lora::from_safetensors(&config, &weights, decoder.config(), &Device::Cpu).unwrap();
        let logits = |lora: Lora| last_logits(&decoder.with_adapter(Arc::new(lora)), &[1, 2, 3]);
        assert_eq!(logits(again), logits(lora), "{name}");
    }
}

#[test]
fn what_is_more_than_plain_lora_is_refused_by_its_name() {
    let decoder = base(&golden("model/model.safetensors"));
    for (name, reason) in REFUSED {
        let error = adapter(name, &decoder).unwrap_err().to_string();
        assert!(error.contains(reason), "{name}: {error}");
    }
}
