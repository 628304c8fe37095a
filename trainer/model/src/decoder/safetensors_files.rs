//! Weights and configuration out of a Hugging Face model folder.

use super::{Layer, LoadOptions, Weights};
use crate::ops::{Linear, Norm};
use crate::{Architecture, Config, ModelError, Projection};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value as Json;

pub(super) fn load(
    config_json: &[u8],
    shards: &[&[u8]],
    options: &LoadOptions,
) -> Result<Weights, ModelError> {
    let files = shards
        .iter()
        .enumerate()
        .map(|(index, bytes)| {
            SafeTensors::deserialize(bytes).map_err(|error| {
                ModelError::unsupported(format!("safetensors file {index}"), "a whole file", error)
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let config = config(config_json)?;
    let loader = Loader {
        files,
        config: &config,
        options,
    };
    let embedding = loader.linear("model.embed_tokens", config.vocab, config.hidden, false)?;
    let output = match config.tied_embeddings {
        true => embedding.clone(),
        false => loader.linear("lm_head", config.vocab, config.hidden, false)?,
    };
    let layers = (0..config.layers)
        .map(|layer| loader.layer(layer))
        .collect::<Result<_, _>>()?;
    let norm = loader.norm("model.norm")?;
    let (device, plain) = (options.device.clone(), options.is_plain());
    Ok(Weights {
        device,
        plain,
        embedding,
        layers,
        norm,
        output,
        config,
    })
}

fn config(bytes: &[u8]) -> Result<Config, ModelError> {
    let json: Json = serde_json::from_slice(bytes).map_err(|source| ModelError::Json {
        file: "config.json",
        source,
    })?;
    let what = |key: &str| format!("config.json, {key}");
    let kind = json["model_type"].as_str().unwrap_or("none");
    let architecture = match kind {
        "llama" => Architecture::Llama,
        "mistral" => Architecture::Mistral,
        "qwen2" => Architecture::Qwen2,
        other => {
            let expected = "llama, mistral or qwen2";
            return Err(ModelError::unsupported(what("model_type"), expected, other));
        }
    };
    // Newer files gather the rotary embedding's numbers under `rope_parameters`.
    for key in ["rope_scaling", "rope_parameters"] {
        let kind = ["rope_type", "type"]
            .iter()
            .find_map(|name| json[key][name].as_str());
        if kind.is_some_and(|kind| kind != "default") {
            return Err(ModelError::unsupported(what(key), "no scaling", &json[key]));
        }
    }
    if let Some(act) = json["hidden_act"].as_str().filter(|&act| act != "silu") {
        return Err(ModelError::unsupported(what("hidden_act"), "silu", act));
    }
    for key in ["mlp_bias"] {
        if json[key] == true {
            return Err(ModelError::unsupported(what(key), "false", true));
        }
    }
    let optional = |key: &str| json[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let integer = |key: &str| {
        optional(key).ok_or_else(|| ModelError::unsupported(what(key), "an integer", &json[key]))
    };
    let (hidden, heads) = (integer("hidden_size")?, integer("num_attention_heads")?);
    let theta = json["rope_theta"]
        .as_f64()
        .or_else(|| json["rope_parameters"]["rope_theta"].as_f64());
    let uses_window = match architecture {
        Architecture::Mistral => true,
        Architecture::Qwen2 => json["use_sliding_window"] == true,
        Architecture::Llama => false,
    };
    Config {
        architecture,
        hidden,
        intermediate: integer("intermediate_size")?,
        layers: integer("num_hidden_layers")?,
        heads,
        kv_heads: optional("num_key_value_heads").unwrap_or(heads),
        head_dim: optional("head_dim").unwrap_or_else(|| hidden.checked_div(heads).unwrap_or(0)),
        vocab: integer("vocab_size")?,
        rope_theta: theta.unwrap_or(10_000.0) as f32,
        rms_eps: json["rms_norm_eps"].as_f64().unwrap_or(1e-6) as f32,
        context: integer("max_position_embeddings")?,
        tied_embeddings: json["tie_word_embeddings"] == true,
        attention_bias: architecture == Architecture::Qwen2 || json["attention_bias"] == true,
        sliding_window: optional("sliding_window").filter(|_| uses_window),
    }
    .check()
}

struct Loader<'a> {
    files: Vec<SafeTensors<'a>>,
    config: &'a Config,
    options: &'a LoadOptions,
}

impl Loader<'_> {
    fn layer(&self, layer: usize) -> Result<Layer, ModelError> {
        let prefix = format!("model.layers.{layer}");
        let projection = |projection: Projection| {
            let (rows, columns) = projection.shape(self.config);
            let name = format!("{prefix}.{}", projection.module());
            let has_bias = match projection {
                Projection::Q | Projection::K | Projection::V => self.config.attention_bias,
                // Llama's `attention_bias` means all four, Qwen2 has none on the output.
                Projection::O => {
                    self.config.attention_bias && self.config.architecture != Architecture::Qwen2
                }
                Projection::Gate | Projection::Up | Projection::Down => false,
            };
            self.linear(&name, rows, columns, has_bias)
        };
        let [q, k, v, o, gate, up, down] = Projection::ALL.map(projection);
        Ok(Layer {
            attention_norm: self.norm(&format!("{prefix}.input_layernorm"))?,
            feed_forward_norm: self.norm(&format!("{prefix}.post_attention_layernorm"))?,
            projections: [q?, k?, v?, o?, gate?, up?, down?],
        })
    }

    fn norm(&self, name: &str) -> Result<Norm, ModelError> {
        let weight = self.values(&format!("{name}.weight"), &[self.config.hidden])?;
        self.options.norm(weight, self.config.rms_eps)
    }

    fn linear(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
        has_bias: bool,
    ) -> Result<Linear, ModelError> {
        let weight = self.values(&format!("{name}.weight"), &[rows, columns])?;
        let bias = has_bias
            .then(|| self.values(&format!("{name}.bias"), &[rows]))
            .transpose()?;
        Ok(Linear::new(
            self.options.dense(weight, (rows, columns))?,
            bias,
            (rows, columns),
        )?)
    }

    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let tensor = self
            .files
            .iter()
            .find_map(|file| file.tensor(name).ok())
            .ok_or_else(|| {
                ModelError::unsupported(
                    "safetensors",
                    format!("a tensor {name}"),
                    "none of that name",
                )
            })?;
        if tensor.shape() != shape {
            return Err(ModelError::unsupported(
                format!("safetensors, tensor {name}"),
                format!("the shape {shape:?}"),
                format!("{:?}", tensor.shape()),
            ));
        }
        values_f32(name, &tensor)
    }
}

/// The values of a tensor of floats.
pub(crate) fn values_f32(name: &str, tensor: &TensorView<'_>) -> Result<Vec<f32>, ModelError> {
    let data = tensor.data();
    let pairs = || data.chunks_exact(2).map(|bytes| [bytes[0], bytes[1]]);
    Ok(match tensor.dtype() {
        Dtype::F32 => {
            let quads = data.chunks_exact(4);
            quads
                .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
                .collect()
        }
        Dtype::F16 => pairs()
            .map(|bytes| f16::from_le_bytes(bytes).to_f32())
            .collect(),
        Dtype::BF16 => pairs()
            .map(|bytes| bf16::from_le_bytes(bytes).to_f32())
            .collect(),
        other => {
            return Err(ModelError::unsupported(
                format!("safetensors, tensor {name}"),
                "F32, F16 or BF16",
                format!("{other:?}"),
            ));
        }
    })
}
