//! The decoder with kernels against its plain twin, and what training needs of it.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

mod tiny;

use model::{
    AdamW, AdamWConfig, Architecture, Decoder, Device, Gradients, Lora, LoraConfig, Precision,
    Projection, Segments, Tensor,
};
use std::sync::Arc;

const FAMILIES: [Architecture; 4] = [
    Architecture::Llama,
    Architecture::Mistral,
    Architecture::Qwen2,
    Architecture::Gemma3,
];

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[track_caller]
fn assert_close(ours: &Tensor, theirs: &Tensor, tolerance: f32) {
    let (ours, theirs) = (values(ours), values(theirs));
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(&theirs) {
        assert!(
            (a - b).abs() <= tolerance * b.abs().max(1.0),
            "{a} against {b}"
        );
    }
}

fn batch() -> Segments {
    let mut batch = Segments::new();
    let prompt = batch.push(None, &[5, 6, 7, 8, 9]);
    let first = batch.push(Some(prompt), &[10, 11, 12]);
    batch.push(Some(prompt), &[13]);
    batch.push(Some(first), &[14, 15]);
    batch.push(None, &[16, 17]);
    batch
}

fn logits(decoder: &Decoder, batch: &Segments) -> Tensor {
    let x = decoder.embed(batch.tokens()).unwrap();
    let x = decoder
        .layers(&x, batch, 0..decoder.config().layers)
        .unwrap();
    decoder.logits(&x).unwrap()
}

fn adapter(decoder: &Decoder, first_layer: usize) -> Arc<Lora> {
    let config = LoraConfig {
        rank: 3,
        alpha: 6.0,
        targets: Projection::ALL.to_vec(),
        first_layer,
        dropout: 0.0,
    };
    let lora = Lora::init(decoder.config(), config, 4, &Device::Cpu).unwrap();
    for (at, (name, var)) in lora.vars().into_iter().enumerate() {
        if name.contains("lora_B") {
            let count = var.elem_count();
            let b: Vec<f32> = (0..count)
                .map(|i| ((i * 7 + at) % 11) as f32 * 0.02 - 0.1)
                .collect();
            var.set(&Tensor::from_vec(b, var.shape(), &Device::Cpu).unwrap())
                .unwrap();
        }
    }
    Arc::new(lora)
}

#[test]
fn kernels_and_plain_compositions_agree() {
    for family in FAMILIES {
        let (ours, twin) = (tiny::decoder(family, false), tiny::decoder(family, true));
        assert_close(&logits(&ours, &batch()), &logits(&twin, &batch()), 1e-4);
        let lora = adapter(&ours, 0);
        let (ours, twin) = (ours.with_adapter(lora.clone()), twin.with_adapter(lora));
        assert_close(&logits(&ours, &batch()), &logits(&twin, &batch()), 1e-3);
    }
}

#[test]
fn branches_are_what_whole_sequences_are() {
    for family in [Architecture::Llama, Architecture::Gemma3] {
        let decoder = tiny::decoder(family, false);
        let together = logits(&decoder, &batch());
        let alone = logits(
            &decoder,
            &Segments::single(&[5, 6, 7, 8, 9, 10, 11, 12, 14, 15]),
        );
        // Results of a row do not depend on the others, so not a bit differs.
        assert_eq!(
            values(&together.narrow(0, 9, 2).unwrap()),
            values(&alone.narrow(0, 8, 2).unwrap())
        );
        let alone = logits(&decoder, &Segments::single(&[16, 17]));
        assert_eq!(values(&together.narrow(0, 11, 2).unwrap()), values(&alone));
    }
}

#[test]
fn a_window_hides_what_lies_before_it() {
    // With a window in every layer, a row's sight grows by three tokens a layer: nine before it.
    let config = tiny::config(Architecture::Gemma3);
    let json = String::from_utf8(tiny::config_json(&config)).unwrap();
    let json = json.replace(
        "\"sliding_window_pattern\":2",
        "\"sliding_window_pattern\":9",
    );
    let file = tiny::safetensors(&tiny::tensors(&config));
    let load = |plain| {
        let options = model::LoadOptions {
            plain,
            ..model::LoadOptions::default()
        };
        Decoder::from_safetensors(json.as_bytes(), &[&file], &options).unwrap()
    };
    for decoder in [load(false), load(true)] {
        let last = |first: u32| {
            let tokens: Vec<u32> = [first].into_iter().chain(20..30).collect();
            logits(&decoder, &Segments::single(&tokens))
        };
        let (one, other) = (last(1), last(2));
        let row = |logits: &Tensor, at: usize| values(&logits.narrow(0, at, 1).unwrap());
        assert_eq!(row(&one, 10), row(&other, 10));
        assert_ne!(row(&one, 9), row(&other, 9));
    }
}

#[test]
fn a_decoder_beside_what_sees_images_is_found() {
    let config = tiny::config(Architecture::Gemma3);
    let expected = logits(&tiny::decoder(Architecture::Gemma3, false), &batch());
    let text: serde_json::Value = serde_json::from_slice(&tiny::config_json(&config)).unwrap();
    let json =
        serde_json::json!({"model_type": "gemma3", "text_config": text, "vision_config": {}});
    for prefix in ["language_model.model.", "model.language_model."] {
        let tensors = tiny::tensors(&config)
            .into_iter()
            .map(|(name, tensor)| (name.replacen("model.", prefix, 1), tensor))
            .collect();
        let file = tiny::safetensors(&tensors);
        let json = serde_json::to_vec(&json).unwrap();
        let options = model::LoadOptions::default();
        let decoder = Decoder::from_safetensors(&json, &[&file], &options).unwrap();
        assert_eq!(decoder.config(), &config);
        assert_eq!(values(&logits(&decoder, &batch())), values(&expected));
    }
}

#[test]
fn what_a_configuration_leaves_out_is_as_transformers_has_it() {
    // As the 4B model's: most of it is left to defaults. The shapes do not fit these tensors, so that
    // the first that is asked for is named.
    let json =
        br#"{"model_type":"gemma3","text_config":{"hidden_size":2560,"model_type":"gemma3_text"}}"#;
    let file = tiny::safetensors(&tiny::tensors(&tiny::config(Architecture::Gemma3)));
    let refused = |json: &[u8]| {
        Decoder::from_safetensors(json, &[&file], &model::LoadOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert!(
        refused(json).contains("[262208, 2560]"),
        "{}",
        refused(json)
    );
    for (key, value) in [
        ("attn_logit_softcapping", "50.0"),
        ("use_bidirectional_attention", "true"),
        ("hidden_activation", "\"gelu\""),
        ("rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":8.0}"),
        ("layer_types", "[\"chunked_attention\"]"),
    ] {
        let json = format!("{{\"model_type\":\"gemma3_text\",\"{key}\":{value}}}");
        assert!(refused(json.as_bytes()).contains(key), "{key}");
    }
}

/// A loss, and its gradients.
fn train(decoder: &Decoder) -> (Tensor, Gradients) {
    let batch = batch();
    let x = decoder.embed(batch.tokens()).unwrap();
    let first_layer = decoder.adapter().unwrap().config().first_layer;
    let x = decoder.layers(&x, &batch, 0..first_layer).unwrap();
    let layers = first_layer..decoder.config().layers;
    let tape = decoder.train_layers(&x, &batch, layers).unwrap();
    let targets: Vec<u32> = (0..batch.len() as u32).map(|row| row * 19 % 250).collect();
    let loss = decoder
        .token_logprobs(tape.output(), &targets)
        .unwrap()
        .mean_all()
        .unwrap()
        .neg()
        .unwrap();
    let gradients = tape.backward(&loss).unwrap();
    (loss, gradients)
}

#[test]
fn every_variable_gets_the_gradient_of_the_plain_twin() {
    for family in FAMILIES {
        for first_layer in [0, 1] {
            let (ours, twin) = (tiny::decoder(family, false), tiny::decoder(family, true));
            let lora = adapter(&ours, first_layer);
            let (loss, of_ours) = train(&ours.with_adapter(lora.clone()));
            let (of_plain, of_twin) = train(&twin.with_adapter(lora.clone()));
            assert_close(&loss, &of_plain, 1e-4);
            assert_eq!(lora.vars().len(), 2 * 7 * (3 - first_layer));
            for (name, _) in lora.vars() {
                let gradient = of_ours
                    .get(&name)
                    .unwrap_or_else(|| panic!("{name} gets no gradient"));
                assert!(
                    values(gradient).iter().any(|&value| value != 0.0),
                    "{name}: all zero"
                );
                assert_close(gradient, of_twin.get(&name).unwrap(), 1e-3);
            }
        }
    }
}

#[test]
fn rounded_gradients_are_near_those_of_f32() {
    for (family, precision) in FAMILIES.into_iter().flat_map(|family| {
        let precisions = [Precision::Bf16, Precision::Int8];
        precisions.map(|precision| (family, precision))
    }) {
        let decoder = tiny::decoder(family, false);
        let lora = adapter(&decoder, 0);
        let exact = decoder.with_adapter(lora.clone());
        let (_, exact_gradients) = train(&exact);
        let (_, rounded_gradients) = train(&exact.with_precision(precision));
        for (name, _) in lora.vars() {
            let [exact, rounded] = [&exact_gradients, &rounded_gradients]
                .map(|gradients| values(gradients.get(&name).unwrap()));
            let length = |of: &mut dyn Iterator<Item = f32>| of.map(|x| x * x).sum::<f32>().sqrt();
            let apart = length(&mut exact.iter().zip(&rounded).map(|(a, b)| a - b));
            let whole = length(&mut exact.iter().copied());
            let limit = match precision {
                Precision::Int8 => 0.15,
                _ => 0.1,
            };
            assert!(
                apart <= limit * whole,
                "{precision:?} {name}: {apart} of {whole}"
            );
        }
    }
}

#[test]
fn a_loss_of_something_else_is_refused() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let batch = batch();
    let x = decoder.embed(batch.tokens()).unwrap();
    assert!(decoder.train_layers(&x, &batch, 0..1).is_err());
    let decoder = decoder.with_adapter(adapter(&decoder, 0));
    let tape = decoder.train_layers(&x, &batch, 0..1).unwrap();
    assert!(tape.backward(&x.sum_all().unwrap()).is_err());
}

#[test]
fn training_lowers_the_loss_and_resumes_bit_for_bit() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let config = AdamWConfig::default();
    let step = |lora: &Arc<Lora>, optimizer: &mut AdamW| {
        let (loss, mut gradients) = train(&decoder.with_adapter(lora.clone()));
        gradients.clip(1.0).unwrap();
        optimizer.step(&lora.vars(), &gradients, 1e-2).unwrap();
        loss.to_scalar::<f32>().unwrap()
    };
    let whole = adapter(&decoder, 1);
    let mut optimizer = AdamW::new(config);
    let losses: Vec<f32> = (0..8).map(|_| step(&whole, &mut optimizer)).collect();
    assert!(losses[7] < losses[0] - 0.1, "{losses:?}");

    let first = adapter(&decoder, 1);
    let mut optimizer_1 = AdamW::new(config);
    for _ in 0..3 {
        step(&first, &mut optimizer_1);
    }
    let (config_json, weights) = first.to_bytes().unwrap();
    let second =
        Lora::from_safetensors(&config_json, &weights, decoder.config(), &Device::Cpu).unwrap();
    let second = Arc::new(second);
    let mut optimizer_2 = AdamW::from_bytes(config, &optimizer_1.to_bytes().unwrap()).unwrap();
    assert_eq!(optimizer_2.steps(), 3);
    for _ in 3..8 {
        step(&second, &mut optimizer_2);
    }
    assert_eq!(second.to_bytes().unwrap(), whole.to_bytes().unwrap());
    assert_eq!(
        optimizer_2.to_bytes().unwrap(),
        optimizer.to_bytes().unwrap()
    );
}

#[test]
fn adamw_is_that_of_pytorch() {
    // torch.optim.AdamW([tensor([1., -2.])], lr=.1, weight_decay=.01), gradients (.5, -1), (.25, 2).
    let var = model::Var::new(&[1.0f32, -2.0], &Device::Cpu).unwrap();
    let vars = vec![("x".to_owned(), var.clone())];
    let mut optimizer = AdamW::new(AdamWConfig::default());
    for gradient in [[0.5f32, -1.0], [0.25, 2.0]] {
        let weights = Tensor::new(&gradient, &Device::Cpu).unwrap();
        let loss = (var.as_tensor() * weights).unwrap().sum_all().unwrap();
        let gradients = Gradients::collect(&vars, &loss.backward().unwrap());
        optimizer.step(&vars, &gradients, 0.1).unwrap();
    }
    let values = var.to_vec1::<f32>().unwrap();
    for (ours, theirs) in values.iter().zip(ADAMW_OF_PYTORCH) {
        assert!((ours - theirs).abs() < 1e-6, "{values:?}");
    }
}

const ADAMW_OF_PYTORCH: [f32; 2] = [0.8048831, -1.9327124];

#[test]
fn bad_input_is_refused_with_a_reason() {
    let config = tiny::config(Architecture::Llama);
    let file = tiny::safetensors(&tiny::tensors(&config));
    let json = tiny::config_json(&config);
    let load = |json: &[u8], file: &[u8]| {
        Decoder::from_safetensors(json, &[file], &model::LoadOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert!(load(&json, &file[..file.len() - 1]).contains("safetensors"));
    assert!(load(&json, b"").contains("safetensors"));
    assert!(load(b"{", &file).contains("config.json"));
    let other = String::from_utf8(json.clone())
        .unwrap()
        .replace("llama", "gpt_neox");
    assert!(load(other.as_bytes(), &file).contains("gpt_neox"));
    let more_layers = String::from_utf8(json)
        .unwrap()
        .replace("\"num_hidden_layers\":3", "\"num_hidden_layers\":4");
    assert!(load(more_layers.as_bytes(), &file).contains("model.layers.3"));

    let decoder = tiny::decoder(Architecture::Llama, false);
    assert!(decoder.embed(&[tiny::VOCAB as u32]).is_err());
    let long = Segments::single(&[1; 257]);
    let x = decoder.embed(long.tokens()).unwrap();
    assert!(
        decoder
            .layers(&x, &long, 0..1)
            .unwrap_err()
            .to_string()
            .contains("256")
    );
    let lora = adapter(&decoder, 0);
    let (adapter_json, weights) = lora.to_bytes().unwrap();
    let read = |json: &[u8], weights: &[u8]| {
        Lora::from_safetensors(json, weights, decoder.config(), &Device::Cpu)
            .unwrap_err()
            .to_string()
    };
    assert!(read(&adapter_json, &weights[..100]).contains("adapter_model"));
    assert!(read(b"{}", &weights).contains("peft_type"));
    let dora = String::from_utf8(adapter_json)
        .unwrap()
        .replace("\"use_dora\": false", "\"use_dora\": true");
    assert!(read(dora.as_bytes(), &weights).contains("use_dora"));
}

#[test]
fn logits_of_continuations_are_those_of_the_whole_texts() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let continuation = |context: &[u32], tokens: &[u32]| model::Continuation {
        context: context.to_vec(),
        tokens: tokens.to_vec(),
    };
    let asked = [
        continuation(&[5, 6, 7, 8], &[9, 10]),
        continuation(&[5, 6, 7], &[8]),
        continuation(&[5, 6, 11, 12, 13], &[]),
        continuation(&[5, 6], &[7, 8, 9]),
    ];
    let together = model::continuation_logits(&decoder, &asked).unwrap();
    for (one, found) in asked.iter().zip(&together) {
        assert_eq!(found.len(), one.tokens.len());
        let whole = Segments::single(&[&one.context[..], &one.tokens].concat());
        let rows = logits(&decoder, &whole).to_vec2::<f32>().unwrap();
        for (place, found) in found.iter().enumerate() {
            let expected = &rows[one.context.len() - 1 + place];
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{a} against {b}");
            }
        }
    }
    let alone = model::continuation_logits(&decoder, &asked[..1]).unwrap();
    for (a, b) in alone[0].concat().iter().zip(together[0].concat()) {
        assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{a} against {b}");
    }
    assert!(model::continuation_logits(&decoder, &[continuation(&[], &[1])]).is_err());
}
