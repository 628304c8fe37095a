//! Weights and configuration out of a Hugging Face model folder.

use super::{InnerNorms, Layer, LoadOptions, Norms, Weights};
use crate::config::{GLOBAL_EVERY, LAYERS_MAX, local_but_every, usual_attention_scale};
use crate::ops::{Linear, Norm};
use crate::{Architecture, Config, ModelError, Projection, Rotation, Window};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value as Json;

/// Where the decoder's tensors may be: by themselves, or beside what sees images (old and new files).
const PREFIXES: [&str; 3] = ["model", "language_model.model", "model.language_model"];

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
    let prefix = PREFIXES.into_iter().find(|prefix| {
        let name = format!("{prefix}.embed_tokens.weight");
        files.iter().any(|file| file.tensor(&name).is_ok())
    });
    let loader = Loader {
        files,
        prefix: prefix.unwrap_or(PREFIXES[0]),
        config: &config,
        options,
    };
    let embedding = loader.linear(
        &format!("{}.embed_tokens", loader.prefix),
        config.vocab,
        config.hidden,
        false,
    )?;
    let output = match config.tied_embeddings {
        true => embedding.clone(),
        false => loader.linear("lm_head", config.vocab, config.hidden, false)?,
    };
    let layers = (0..config.layers)
        .map(|layer| loader.layer(layer))
        .collect::<Result<_, _>>()?;
    let norm = loader.norm(&format!("{}.norm", loader.prefix), config.hidden)?;
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
    // What also sees images has its decoder's configuration apart.
    let json = match json.get("text_config") {
        Some(text) if json["model_type"] == "gemma3" => text,
        _ => &json,
    };
    let kind = json["model_type"].as_str().unwrap_or("none");
    let architecture = match kind {
        "llama" => Architecture::Llama,
        "mistral" => Architecture::Mistral,
        "qwen2" => Architecture::Qwen2,
        "gemma3_text" => Architecture::Gemma3,
        other => {
            let expected = "llama, mistral, qwen2, gemma3_text or gemma3";
            return Err(ModelError::unsupported(what("model_type"), expected, other));
        }
    };
    let fields = Fields(json);
    fields.refuse_what_is_not_computed(architecture)?;
    // Gemma's files leave out what is as transformers has it by default.
    let default = |number: usize| (architecture == Architecture::Gemma3).then_some(number);
    let (hidden, heads) = (
        fields.integer("hidden_size", default(2_304))?,
        fields.integer("num_attention_heads", default(8))?,
    );
    let head_dim = fields.optional("head_dim").or(default(256));
    let head_dim = head_dim.unwrap_or_else(|| hidden.checked_div(heads).unwrap_or(0));
    let layers = fields.integer("num_hidden_layers", default(26))?;
    let (rotation, rotation_in_window) = fields.rotations(architecture)?;
    let scalar = json["query_pre_attn_scalar"].as_f64();
    let attention_scale = match (architecture, scalar) {
        (Architecture::Gemma3, Some(scalar)) => scalar.powf(-0.5) as f32,
        (Architecture::Gemma3, None) => usual_attention_scale(256),
        _ => usual_attention_scale(head_dim),
    };
    let window_tokens = match architecture {
        Architecture::Llama => None,
        Architecture::Qwen2 if json["use_sliding_window"] != true => None,
        Architecture::Gemma3 => fields.optional("sliding_window").or(default(4_096)),
        Architecture::Mistral | Architecture::Qwen2 => fields.optional("sliding_window"),
    };
    let window = match window_tokens {
        None => None,
        Some(tokens) => Some(Window {
            tokens,
            layers: fields.local_layers(architecture, layers.min(LAYERS_MAX))?,
            rotation: rotation_in_window,
        }),
    };
    Config {
        architecture,
        hidden,
        intermediate: fields.integer("intermediate_size", default(9_216))?,
        layers,
        heads,
        kv_heads: fields
            .optional("num_key_value_heads")
            .or(default(4))
            .unwrap_or(heads),
        head_dim,
        vocab: fields.integer("vocab_size", default(262_208))?,
        rotation,
        rms_eps: json["rms_norm_eps"].as_f64().unwrap_or(1e-6) as f32,
        context: fields.integer("max_position_embeddings", default(131_072))?,
        tied_embeddings: json["tie_word_embeddings"]
            .as_bool()
            .unwrap_or(architecture == Architecture::Gemma3),
        attention_bias: architecture == Architecture::Qwen2 || json["attention_bias"] == true,
        attention_scale,
        window,
    }
    .check()
}

fn what(key: &str) -> String {
    format!("config.json, {key}")
}

/// The decoder's part of a `config.json`.
struct Fields<'a>(&'a Json);

impl Fields<'_> {
    fn optional(&self, key: &str) -> Option<usize> {
        self.0[key].as_u64().and_then(|n| usize::try_from(n).ok())
    }

    /// `default` stands in for a key that is absent.
    fn integer(&self, key: &str, default: Option<usize>) -> Result<usize, ModelError> {
        let default = default.filter(|_| self.0[key].is_null());
        self.optional(key)
            .or(default)
            .ok_or_else(|| ModelError::unsupported(what(key), "an integer", &self.0[key]))
    }

    fn refuse_what_is_not_computed(&self, architecture: Architecture) -> Result<(), ModelError> {
        let json = self.0;
        let expected = architecture.activation().folder_name();
        for key in ["hidden_act", "hidden_activation"] {
            if let Some(act) = json[key].as_str().filter(|&act| act != expected) {
                return Err(ModelError::unsupported(what(key), expected, act));
            }
        }
        for key in ["mlp_bias", "use_bidirectional_attention"] {
            if json[key] == true {
                return Err(ModelError::unsupported(what(key), "false", true));
            }
        }
        for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
            if !json[key].is_null() {
                return Err(ModelError::unsupported(what(key), "null", &json[key]));
            }
        }
        Ok(())
    }

    /// The rotation of layers that see everything, and of those with a window.
    fn rotations(&self, architecture: Architecture) -> Result<(Rotation, Rotation), ModelError> {
        let json = self.0;
        let gathered = &json["rope_parameters"];
        if architecture != Architecture::Gemma3 {
            // Newer files gather the rotary embedding's numbers under `rope_parameters`.
            let theta = json["rope_theta"].as_f64();
            let rotation = Rotation {
                theta: theta
                    .or_else(|| gathered["rope_theta"].as_f64())
                    .unwrap_or(10_000.0) as f32,
                factor: factor(["rope_scaling", "rope_parameters"].map(|key| (key, &json[key])))?,
            };
            return Ok((rotation, rotation));
        }
        let of = |kind: &str, key: &str, default: f64| {
            let theta = gathered[kind]["rope_theta"].as_f64();
            theta.or_else(|| json[key].as_f64()).unwrap_or(default) as f32
        };
        let (everything, window) = ("full_attention", "sliding_attention");
        Ok((
            Rotation {
                theta: of(everything, "rope_theta", 1e6),
                factor: factor([
                    ("rope_scaling", &json["rope_scaling"]),
                    ("rope_parameters", &gathered[everything]),
                ])?,
            },
            Rotation {
                theta: of(window, "rope_local_base_freq", 1e4),
                factor: factor([("rope_parameters", &gathered[window])])?,
            },
        ))
    }

    /// Whether each layer has a window: listed in newer files, else as the family has it.
    fn local_layers(
        &self,
        architecture: Architecture,
        layers: usize,
    ) -> Result<Vec<bool>, ModelError> {
        if let Some(kinds) = self.0["layer_types"].as_array() {
            let is_local = |kind: &Json| match kind.as_str() {
                Some("sliding_attention") => Ok(true),
                Some("full_attention") => Ok(false),
                _ => Err(ModelError::unsupported(
                    what("layer_types"),
                    "sliding_attention or full_attention",
                    kind,
                )),
            };
            return kinds.iter().map(is_local).collect();
        }
        Ok(match architecture {
            Architecture::Llama | Architecture::Mistral => vec![true; layers],
            Architecture::Qwen2 => {
                let first = self.optional("max_window_layers").unwrap_or(0);
                (0..layers).map(|layer| layer >= first).collect()
            }
            Architecture::Gemma3 => {
                let every = ["sliding_window_pattern", "_sliding_window_pattern"];
                let every = every.iter().find_map(|key| self.optional(key));
                local_but_every(every.unwrap_or(GLOBAL_EVERY), layers)
            }
        })
    }
}

/// What the first of these that scales the rotary embedding divides positions by.
fn factor<const N: usize>(places: [(&str, &Json); N]) -> Result<f32, ModelError> {
    for (key, place) in places {
        let kind = ["rope_type", "type"]
            .iter()
            .find_map(|name| place[name].as_str());
        match (kind, place["factor"].as_f64()) {
            (None | Some("default"), _) => {}
            (Some("linear"), Some(factor)) => return Ok(factor as f32),
            _ => {
                let expected = "no scaling, or linear with a factor";
                return Err(ModelError::unsupported(what(key), expected, place));
            }
        }
    }
    Ok(1.0)
}

struct Loader<'a> {
    files: Vec<SafeTensors<'a>>,
    /// Of the decoder's tensors.
    prefix: &'a str,
    config: &'a Config,
    options: &'a LoadOptions,
}

impl Loader<'_> {
    fn layer(&self, layer: usize) -> Result<Layer, ModelError> {
        let prefix = format!("{}.layers.{layer}", self.prefix);
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
        let Config {
            hidden, head_dim, ..
        } = *self.config;
        let norm = |name: &str, width: usize| self.norm(&format!("{prefix}.{name}"), width);
        let norms = match self.config.architecture.has_inner_norms() {
            false => Norms {
                attention: norm("input_layernorm", hidden)?,
                feed_forward: norm("post_attention_layernorm", hidden)?,
                inner: None,
            },
            true => Norms {
                attention: norm("input_layernorm", hidden)?,
                feed_forward: norm("pre_feedforward_layernorm", hidden)?,
                inner: Some(InnerNorms {
                    queries: norm("self_attn.q_norm", head_dim)?,
                    keys: norm("self_attn.k_norm", head_dim)?,
                    attention_output: norm("post_attention_layernorm", hidden)?,
                    feed_forward_output: norm("post_feedforward_layernorm", hidden)?,
                }),
            },
        };
        Ok(Layer {
            norms,
            projections: [q?, k?, v?, o?, gate?, up?, down?],
        })
    }

    /// A norm over `width` values.
    fn norm(&self, name: &str, width: usize) -> Result<Norm, ModelError> {
        let mut weight = self.values(&format!("{name}.weight"), &[width])?;
        if self.config.architecture == Architecture::Gemma3 {
            // Gemma's files hold what is added to one.
            weight.iter_mut().for_each(|weight| *weight += 1.0);
        }
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
