//! Small models with random weights, as the files that a loader takes.

#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

pub mod gguf;

use model::{Architecture, Config, Decoder, LoadOptions, Projection, Rotation, Tokenizer, Window};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;
use std::collections::BTreeMap;

/// Byte tokens and the special ones.
pub const VOCAB: usize = 256 + 3;
pub const END: u32 = 258;

/// What Gemma's configuration makes its scale of attention of.
pub const QUERY_SCALAR: f32 = 25.0;
/// Of Gemma's layers every so manieth sees everything.
pub const GLOBAL_EVERY: usize = 2;

pub fn config(architecture: Architecture) -> Config {
    let is_gemma = architecture == Architecture::Gemma3;
    let of_gemma = Window {
        tokens: 4,
        layers: vec![true, false, true],
        rotation: Rotation::new(10_000.0),
    };
    let head_dim: usize = if is_gemma { 12 } else { 8 };
    Config {
        architecture,
        hidden: 32,
        intermediate: 64,
        layers: 3,
        heads: 4,
        kv_heads: 2,
        head_dim,
        vocab: VOCAB,
        rotation: match is_gemma {
            true => Rotation {
                theta: 1e6,
                factor: 4.0,
            },
            false => Rotation::new(10_000.0),
        },
        rms_eps: 1e-5,
        context: 256,
        tied_embeddings: is_gemma || architecture == Architecture::Llama,
        attention_bias: architecture == Architecture::Qwen2,
        attention_scale: match is_gemma {
            true => QUERY_SCALAR.powf(-0.5),
            false => (head_dim as f32).powf(-0.5),
        },
        window: is_gemma.then_some(of_gemma),
    }
}

/// Tensors by their names in a model folder, each with its shape.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

pub fn tensors(config: &Config) -> Tensors {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut tensors = Tensors::new();
    let mut add = |name: String, shape: &[usize], middle: f32, width: f32| {
        let count = shape.iter().product();
        let value = |rng: &mut ChaCha8Rng| rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0;
        let values = (0..count)
            .map(|_| middle + width * value(&mut rng))
            .collect();
        tensors.insert(name, (shape.to_vec(), values));
    };
    add(
        "model.embed_tokens.weight".into(),
        &[config.vocab, config.hidden],
        0.0,
        1.0,
    );
    let is_gemma = config.architecture == Architecture::Gemma3;
    // Gemma's norms are written without the one that is added to them.
    let norm = if is_gemma { 0.0 } else { 1.0 };
    add("model.norm.weight".into(), &[config.hidden], norm, 0.3);
    if !config.tied_embeddings {
        add(
            "lm_head.weight".into(),
            &[config.vocab, config.hidden],
            0.0,
            1.0,
        );
    }
    for layer in 0..config.layers {
        let prefix = format!("model.layers.{layer}");
        let mut norms = vec![
            ("input_layernorm", config.hidden),
            ("post_attention_layernorm", config.hidden),
        ];
        if is_gemma {
            norms.extend([
                ("pre_feedforward_layernorm", config.hidden),
                ("post_feedforward_layernorm", config.hidden),
                ("self_attn.q_norm", config.head_dim),
                ("self_attn.k_norm", config.head_dim),
            ]);
        }
        for (name, width) in norms {
            add(format!("{prefix}.{name}.weight"), &[width], norm, 0.3);
        }
        for projection in Projection::ALL {
            let (rows, columns) = projection.shape(config);
            let attention = (projection as usize) < 4;
            let block = if attention { "self_attn" } else { "mlp" };
            let name = format!("{prefix}.{block}.{}", projection.name());
            add(format!("{name}.weight"), &[rows, columns], 0.0, 0.4);
            if config.attention_bias && (projection as usize) < 3 {
                add(format!("{name}.bias"), &[rows], 0.0, 0.4);
            }
        }
    }
    tensors
}

pub fn config_json(config: &Config) -> Vec<u8> {
    let kind = match config.architecture {
        Architecture::Llama => "llama",
        Architecture::Mistral => "mistral",
        Architecture::Qwen2 => "qwen2",
        Architecture::Gemma3 => "gemma3_text",
    };
    let mut json = json!({
        "model_type": kind, "hidden_size": config.hidden, "intermediate_size": config.intermediate,
        "num_hidden_layers": config.layers, "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads, "vocab_size": config.vocab,
        "rope_theta": config.rotation.theta, "rms_norm_eps": 1e-5, "head_dim": config.head_dim,
        "max_position_embeddings": config.context, "tie_word_embeddings": config.tied_embeddings,
    });
    let more = match &config.window {
        Some(window) => json!({
            "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": QUERY_SCALAR,
            "sliding_window": window.tokens, "sliding_window_pattern": GLOBAL_EVERY,
            "rope_local_base_freq": window.rotation.theta,
            "rope_scaling": {"rope_type": "linear", "factor": config.rotation.factor},
        }),
        None => json!({"hidden_act": "silu"}),
    };
    json.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::to_vec(&json).unwrap()
}

pub fn safetensors(tensors: &Tensors) -> Vec<u8> {
    let bytes: BTreeMap<&String, (&Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            (
                name,
                (
                    shape,
                    values
                        .iter()
                        .flat_map(|value| value.to_le_bytes())
                        .collect(),
                ),
            )
        })
        .collect();
    let views = bytes.iter().map(|(name, (shape, data))| {
        (
            name.as_str(),
            TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

pub fn decoder(architecture: Architecture, plain: bool) -> Decoder {
    let config = config(architecture);
    let options = LoadOptions {
        plain,
        ..LoadOptions::default()
    };
    let file = safetensors(&tensors(&config));
    Decoder::from_safetensors(&config_json(&config), &[&file], &options).unwrap()
}

/// GPT-2's table: the printable character that stands for each byte.
pub fn byte_characters() -> Vec<char> {
    let printable = |byte: &u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut next = 256;
    (0..256)
        .map(|byte| {
            let code = if printable(&byte) {
                byte
            } else {
                next += 1;
                next - 1
            };
            char::from_u32(code).unwrap()
        })
        .collect()
}

/// Tokens of single bytes, and `<|im_start|>`, `<|pad|>` and `<|im_end|>`.
pub fn tokenizer() -> Tokenizer {
    let mut vocab: BTreeMap<String, usize> = byte_characters()
        .iter()
        .enumerate()
        .map(|(id, text)| (text.to_string(), id))
        .collect();
    let mut added = Vec::new();
    for (id, text) in (256..).zip(["<|im_start|>", "<|pad|>", "<|im_end|>"]) {
        vocab.insert(text.to_owned(), id);
        added.push(json!({
            "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        }));
    }
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let json = json!({
        "version": "1.0", "added_tokens": added, "normalizer": null, "pre_tokenizer": byte_level,
        "post_processor": null, "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": [],
        },
    });
    Tokenizer::from_json(&serde_json::to_vec(&json).unwrap(), None).unwrap()
}
