//! Weights and configuration out of a GGUF file.

use super::{InnerNorms, Layer, LoadOptions, Norms, Weights};
use crate::config::{
    GLOBAL_EVERY, LAYERS_MAX, Rotation, Window, local_but_every, usual_attention_scale,
};
use crate::gguf::{Gguf, Matrix, Value};
use crate::ops::{Linear, Norm, Weight};
use crate::{Architecture, Config, ModelError};
use kernels::QuantMatrix;
use std::borrow::Cow;
use std::sync::Arc;

/// By `Projection as usize`.
pub(super) const PROJECTIONS: [&str; 7] = [
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
];

pub(super) fn load(bytes: &[u8], options: &LoadOptions) -> Result<Weights, ModelError> {
    let file = Gguf::parse(bytes)?;
    let config = config(&file)?;
    let loader = Loader {
        file: &file,
        config: &config,
        options,
    };
    let embedding = loader.linear("token_embd", config.vocab, config.hidden, None)?;
    let output = match config.tied_embeddings {
        true => embedding.clone(),
        false => loader.linear("output", config.vocab, config.hidden, None)?,
    };
    let layers = (0..config.layers)
        .map(|layer| loader.layer(layer))
        .collect::<Result<_, _>>()?;
    let norm = loader.norm("output_norm", config.hidden)?;
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

fn config(file: &Gguf<'_>) -> Result<Config, ModelError> {
    let name = file
        .optional_text("general.architecture")?
        .unwrap_or("none");
    let architecture = match name {
        // Mistral's files carry the name of Llama, whose form they share.
        "llama" => Architecture::Llama,
        "mistral" => Architecture::Mistral,
        "qwen2" => Architecture::Qwen2,
        "gemma3" => Architecture::Gemma3,
        other => {
            return Err(ModelError::unsupported(
                "GGUF metadata, general.architecture",
                "llama, mistral, qwen2 or gemma3",
                other,
            ));
        }
    };
    let key = |suffix: &str| format!("{name}.{suffix}");
    let optional_float = |suffix: &str| match file.get(&key(suffix)) {
        Some(_) => file.float(&key(suffix)).map(Some),
        None => Ok(None),
    };
    for cap in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if let Some(found) = optional_float(cap)?.filter(|&cap| cap != 0.0) {
            return Err(ModelError::unsupported(
                format!("GGUF metadata, {cap}"),
                "none",
                found,
            ));
        }
    }
    let hidden = file.integer(&key("embedding_length"))?;
    let heads = file.integer(&key("attention.head_count"))?;
    let kv_heads = file
        .optional_integer(&key("attention.head_count_kv"))?
        .unwrap_or(heads);
    let head_dim = match file.optional_integer(&key("attention.key_length"))? {
        Some(width) => width,
        None => hidden.checked_div(heads).unwrap_or(0),
    };
    let rope_width = file
        .optional_integer(&key("rope.dimension_count"))?
        .unwrap_or(head_dim);
    if rope_width != head_dim {
        return Err(ModelError::unsupported(
            "GGUF metadata, rope.dimension_count",
            format!("the whole head, {head_dim}"),
            rope_width,
        ));
    }
    let vocab = match file.optional_list("tokenizer.ggml.tokens")? {
        Some(tokens) => tokens.len(),
        None => file.integer(&key("vocab_size"))?,
    };
    let theta = optional_float("rope.freq_base")?.unwrap_or(10_000.0) as f32;
    let scaling = file
        .optional_text(&key("rope.scaling.type"))?
        .unwrap_or("none");
    let factor = match scaling {
        _ if file.has_tensor("rope_freqs.weight") => None,
        "none" => Some(1.0),
        "linear" => optional_float("rope.scaling.factor")?,
        _ => None,
    };
    let rotation = match factor {
        Some(factor) => Rotation {
            theta,
            factor: factor as f32,
        },
        None => {
            return Err(ModelError::unsupported(
                "GGUF, rotary embedding",
                "no scaling, or linear with a factor",
                scaling,
            ));
        }
    };
    let layers = file.integer(&key("block_count"))?;
    let attention_scale = match (optional_float("attention.scale")?, architecture) {
        (Some(scale), _) => scale as f32,
        // The file does not tell 27B's from the others'.
        (None, Architecture::Gemma3) if layers == GEMMA_3_27B_LAYERS => {
            usual_attention_scale(hidden.checked_div(heads).unwrap_or(0))
        }
        (None, _) => usual_attention_scale(head_dim),
    };
    let window_tokens = file
        .optional_integer(&key("attention.sliding_window"))?
        .filter(|&tokens| tokens > 0);
    let window = match window_tokens {
        None => None,
        Some(tokens) if architecture == Architecture::Gemma3 => Some(Window {
            tokens,
            layers: local_layers(file, &key("attention.sliding_window_pattern"), layers)?,
            rotation: Rotation::new(
                optional_float("rope.freq_base_swa")?.unwrap_or(10_000.0) as f32
            ),
        }),
        Some(tokens) => Some(Window {
            tokens,
            layers: vec![true; layers.min(LAYERS_MAX)],
            rotation,
        }),
    };
    Config {
        architecture,
        hidden,
        intermediate: file.integer(&key("feed_forward_length"))?,
        layers,
        heads,
        kv_heads,
        head_dim,
        vocab,
        rotation,
        rms_eps: file.float(&key("attention.layer_norm_rms_epsilon"))? as f32,
        context: file.integer(&key("context_length"))?,
        tied_embeddings: !file.has_tensor("output.weight"),
        attention_bias: file.has_tensor("blk.0.attn_q.bias"),
        attention_scale,
        window,
    }
    .check()
}

/// Layers of Gemma 3 27B.
const GEMMA_3_27B_LAYERS: usize = 62;

/// Which of Gemma's layers have a window: listed, or all but every so manieth, or but every sixth.
fn local_layers(file: &Gguf<'_>, key: &str, layers: usize) -> Result<Vec<bool>, ModelError> {
    if let Some(Value::List(kinds)) = file.get(key) {
        let is_local = |kind: &Value<'_>| match kind {
            Value::Bool(is_local) => Ok(*is_local),
            _ => Err(ModelError::unsupported(
                format!("GGUF metadata, {key}"),
                "a list of truth values",
                "something else",
            )),
        };
        return kinds.iter().map(is_local).collect();
    }
    let global_every = file.optional_integer(key)?.unwrap_or(GLOBAL_EVERY);
    Ok(local_but_every(global_every, layers.min(LAYERS_MAX)))
}

struct Loader<'a> {
    file: &'a Gguf<'a>,
    config: &'a Config,
    options: &'a LoadOptions,
}

impl Loader<'_> {
    fn layer(&self, layer: usize) -> Result<Layer, ModelError> {
        let Config {
            hidden,
            intermediate,
            heads,
            kv_heads,
            head_dim,
            ..
        } = *self.config;
        let (queries, keys) = (heads * head_dim, kv_heads * head_dim);
        let projection = |index: usize, rows: usize, columns: usize| {
            let name = format!("blk.{layer}.{}", PROJECTIONS[index]);
            // Llama's files have the rows of q and k in the order of interleaved rotation.
            let interleaved = index < 2
                && matches!(
                    self.config.architecture,
                    Architecture::Llama | Architecture::Mistral
                );
            self.linear(&name, rows, columns, interleaved.then_some(head_dim))
        };
        let norm = |name: &str, width: usize| self.norm(&format!("blk.{layer}.{name}"), width);
        let inner = || {
            Ok::<_, ModelError>(InnerNorms {
                queries: norm("attn_q_norm", head_dim)?,
                keys: norm("attn_k_norm", head_dim)?,
                attention_output: norm("post_attention_norm", hidden)?,
                feed_forward_output: norm("post_ffw_norm", hidden)?,
            })
        };
        let has_inner = self.config.architecture.has_inner_norms();
        Ok(Layer {
            norms: Norms {
                attention: norm("attn_norm", hidden)?,
                feed_forward: norm("ffn_norm", hidden)?,
                inner: has_inner.then(inner).transpose()?,
            },
            projections: [
                projection(0, queries, hidden)?,
                projection(1, keys, hidden)?,
                projection(2, keys, hidden)?,
                projection(3, hidden, queries)?,
                projection(4, intermediate, hidden)?,
                projection(5, intermediate, hidden)?,
                projection(6, hidden, intermediate)?,
            ],
        })
    }

    /// A norm over `width` values. Gemma's files hold what is multiplied by, one added already.
    fn norm(&self, name: &str, width: usize) -> Result<Norm, ModelError> {
        let weight = self.vector(&format!("{name}.weight"), width)?;
        self.options.norm(weight, self.config.rms_eps)
    }

    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        let tensor = self.file.matrix(name, 1, length)?;
        let mut values = vec![0.0; length];
        kernels::dequantize(tensor.format, tensor.bytes, &mut values)?;
        Ok(values)
    }

    /// A linear layer. With `interleaved`, heads of that many rows are put into the order of Hugging
    /// Face: rows `2 j` first, then rows `2 j + 1`.
    fn linear(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
        interleaved: Option<usize>,
    ) -> Result<Linear, ModelError> {
        let matrix = self.file.matrix(&format!("{name}.weight"), rows, columns)?;
        let order = |at: usize| interleaved.map_or(at, |head_dim| source_row(at, head_dim));
        let bytes = match interleaved {
            None => Cow::Borrowed(matrix.bytes),
            Some(_) => Cow::Owned(reordered(&matrix, order)),
        };
        let quantized = QuantMatrix::from_bytes(matrix.format, rows, columns, &bytes)?;
        let weight = match self.options.is_plain() {
            true => self
                .options
                .dense(quantized.dequantize(), (rows, columns))?,
            false => Weight::Quantized(Arc::new(quantized)),
        };
        let bias_name = format!("{name}.bias");
        let bias = match self.file.has_tensor(&bias_name) {
            true => {
                let values = self.vector(&bias_name, rows)?;
                Some((0..rows).map(|row| values[order(row)]).collect())
            }
            false => None,
        };
        Ok(Linear::new(weight, bias, (rows, columns))?)
    }
}

/// The file's row of interleaved rotation that is row `at` in the order of Hugging Face.
pub(super) fn source_row(at: usize, head_dim: usize) -> usize {
    let (head, within) = (at / head_dim, at % head_dim);
    let (half, j) = (within / (head_dim / 2), within % (head_dim / 2));
    head * head_dim + 2 * j + half
}

fn reordered(matrix: &Matrix<'_>, order: impl Fn(usize) -> usize) -> Vec<u8> {
    let row_bytes = matrix.bytes.len() / matrix.rows;
    let rows = (0..matrix.rows).map(order);
    rows.flat_map(|row| &matrix.bytes[row * row_bytes..][..row_bytes])
        .copied()
        .collect()
}
