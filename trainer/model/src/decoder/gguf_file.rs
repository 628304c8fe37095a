//! Weights and configuration out of a GGUF file.

use super::{Layer, LoadOptions, Weights};
use crate::gguf::{Gguf, Matrix};
use crate::ops::{Linear, Weight};
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
    let norm = loader.norm("output_norm")?;
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
        other => {
            return Err(ModelError::unsupported(
                "GGUF metadata, general.architecture",
                "llama, mistral or qwen2",
                other,
            ));
        }
    };
    let key = |suffix: &str| format!("{name}.{suffix}");
    let scaling = file
        .optional_text(&key("rope.scaling.type"))?
        .unwrap_or("none");
    if scaling != "none" || file.has_tensor("rope_freqs.weight") {
        return Err(ModelError::unsupported(
            "GGUF, rotary embedding",
            "no scaling",
            scaling,
        ));
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
    let theta_key = key("rope.freq_base");
    let rope_theta = if file.get(&theta_key).is_some() {
        file.float(&theta_key)?
    } else {
        10_000.0
    };
    Config {
        architecture,
        hidden,
        intermediate: file.integer(&key("feed_forward_length"))?,
        layers: file.integer(&key("block_count"))?,
        heads,
        kv_heads,
        head_dim,
        vocab,
        rope_theta: rope_theta as f32,
        rms_eps: file.float(&key("attention.layer_norm_rms_epsilon"))? as f32,
        context: file.integer(&key("context_length"))?,
        tied_embeddings: !file.has_tensor("output.weight"),
        attention_bias: file.has_tensor("blk.0.attn_q.bias"),
        sliding_window: file
            .optional_integer(&key("attention.sliding_window"))?
            .filter(|&window| window > 0),
    }
    .check()
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
            let interleaved = self.config.architecture != Architecture::Qwen2 && index < 2;
            self.linear(&name, rows, columns, interleaved.then_some(head_dim))
        };
        Ok(Layer {
            attention_norm: self.norm(&format!("blk.{layer}.attn_norm"))?,
            feed_forward_norm: self.norm(&format!("blk.{layer}.ffn_norm"))?,
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

    fn norm(&self, name: &str) -> Result<crate::ops::Norm, ModelError> {
        let weight = self.vector(&format!("{name}.weight"), self.config.hidden)?;
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
