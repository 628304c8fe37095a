//! A decoder as a model folder of transformers: weights and configuration.

use crate::safetensors_bytes;
use crate::{Architecture, Config, Decoder, ModelError, Rotation, Tokenizer, Window};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Writes `model.safetensors`: all weights in `f32` with the adapter added in. Memory: one tensor.
///
/// # Errors
/// Of `out`; a tensor that cannot be fetched from its device, as [`io::Error::other`].
pub fn write_safetensors(decoder: &Decoder, out: &mut impl Write) -> io::Result<()> {
    let parts = decoder.parts();
    let shapes = parts.iter().map(|part| {
        let (rows, columns) = part.shape(decoder.config());
        let shape = match part.is_vector() {
            true => vec![columns],
            false => vec![rows, columns],
        };
        (part.folder_name(decoder.config().architecture), shape)
    });
    // transformers asks which framework wrote the file.
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    out.write_all(&safetensors_bytes::head(shapes, &metadata))?;
    for part in parts {
        for value in decoder.merged_for_folder(part).map_err(io::Error::other)? {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}

/// `config.json` of a decoder that comes from a GGUF file.
///
/// # Errors
/// None that a checked configuration has.
pub fn config_json(config: &Config, tokenizer: &Tokenizer) -> Result<Vec<u8>, ModelError> {
    let (kind, class) = match config.architecture {
        Architecture::Llama => ("llama", "LlamaForCausalLM"),
        Architecture::Mistral => ("mistral", "MistralForCausalLM"),
        Architecture::Qwen2 => ("qwen2", "Qwen2ForCausalLM"),
        Architecture::Gemma3 => ("gemma3_text", "Gemma3ForCausalLM"),
    };
    let marks = tokenizer.marks();
    let activation = config.architecture.activation().folder_name();
    let rope = rope_parameters(config.rotation);
    let window = config.window.as_ref();
    let window_tokens = window.map(|window| window.tokens);
    let mut json = json!({
        "architectures": [class],
        "model_type": kind,
        "vocab_size": config.vocab,
        "hidden_size": config.hidden,
        "intermediate_size": config.intermediate,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": activation,
        "max_position_embeddings": config.context,
        "rms_norm_eps": decimal(config.rms_eps),
        // Older versions read the first (and `rope_scaling`), newer ones the second.
        "rope_theta": decimal(config.rotation.theta),
        "rope_parameters": rope,
        "tie_word_embeddings": config.tied_embeddings,
        "attention_dropout": 0.0,
        "bos_token_id": marks.first,
        "eos_token_id": marks.last,
        "pad_token_id": marks.padding,
        "torch_dtype": "float32",
        "use_cache": true,
    });
    let mut set = |key: &str, value: Json| json[key] = value;
    let factor = config.rotation.factor;
    if factor != 1.0 {
        let scaling = json!({ "rope_type": "linear", "factor": decimal(factor) });
        set("rope_scaling", scaling);
    }
    match config.architecture {
        Architecture::Llama => {
            set("attention_bias", config.attention_bias.into());
            set("mlp_bias", false.into());
        }
        Architecture::Mistral => set("sliding_window", window_tokens.into()),
        Architecture::Qwen2 => {
            set("use_sliding_window", window.is_some().into());
            let first = window.and_then(|window| window.layers.iter().position(|has| *has));
            set("max_window_layers", first.unwrap_or(config.layers).into());
            set("sliding_window", window_tokens.into());
        }
        Architecture::Gemma3 => {
            set("hidden_activation", activation.into());
            let scale = f64::from(config.attention_scale);
            set(
                "query_pre_attn_scalar",
                (1.0 / (scale * scale)).round().into(),
            );
            if let Some(window) = window {
                set("sliding_window", window.tokens.into());
                set("layer_types", layer_types(window));
                set(
                    "rope_local_base_freq",
                    decimal(window.rotation.theta).into(),
                );
                let of_layers = json!({
                    "full_attention": rope,
                    "sliding_attention": rope_parameters(window.rotation),
                });
                set("rope_parameters", of_layers);
            }
        }
    }
    to_bytes("config.json", &json)
}

fn rope_parameters(rotation: Rotation) -> Json {
    let theta = decimal(rotation.theta);
    match rotation.factor == 1.0 {
        true => json!({ "rope_type": "default", "rope_theta": theta }),
        false => json!({
            "rope_type": "linear",
            "rope_theta": theta,
            "factor": decimal(rotation.factor),
        }),
    }
}

/// Which layers have the window, in the words of transformers.
fn layer_types(window: &Window) -> Json {
    let kind = |has_window: &bool| match has_window {
        true => "sliding_attention",
        false => "full_attention",
    };
    window.layers.iter().map(kind).collect()
}

/// `generation_config.json`: which tokens end a response.
///
/// # Errors
/// None that a tokenizer has.
pub fn generation_config_json(tokenizer: &Tokenizer) -> Result<Vec<u8>, ModelError> {
    let marks = tokenizer.marks();
    let json = json!({
        "bos_token_id": marks.first,
        "eos_token_id": tokenizer.end_tokens(),
        "pad_token_id": marks.padding.or(marks.last),
    });
    to_bytes("generation_config.json", &json)
}

pub(crate) fn to_bytes(file: &'static str, json: &Json) -> Result<Vec<u8>, ModelError> {
    let mut bytes =
        serde_json::to_vec_pretty(json).map_err(|source| ModelError::Json { file, source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The shortest decimal number that is the same `f32`: 1e-5, not 9.999999747378752e-6.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
