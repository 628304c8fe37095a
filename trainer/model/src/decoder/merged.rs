//! The weights of a decoder with its adapter added in, a tensor at a time.

use super::gguf_file::{PROJECTIONS, source_row};
use super::{Decoder, InnerNorms};
use crate::ops::{Linear, Norm, with_slice};
use crate::{Architecture, Config, LoraPair, ModelError, Projection};
use kernels::{Factor, Precision, multiply_add};

/// One tensor of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// (vocab, hidden)
    Embedding,
    /// A layer's norm before attention, (hidden).
    AttentionNorm(usize),
    /// A layer's norm before the feed-forward part, (hidden).
    FeedForwardNorm(usize),
    /// A layer's projection, (out, in).
    Weight(usize, Projection),
    /// Its bias, (out).
    Bias(usize, Projection),
    /// A norm within a layer, where the family has them.
    Inner(usize, InnerNorm),
    /// The last norm, (hidden).
    Norm,
    /// The output layer where it is not the embedding, (vocab, hidden).
    Output,
}

/// The norms within a layer of Gemma 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InnerNorm {
    /// Of each head of queries, (head_dim).
    Queries,
    /// Of each head of keys, (head_dim).
    Keys,
    /// Of what attention adds, (hidden).
    AttentionOutput,
    /// Of what the feed-forward part adds, (hidden).
    FeedForwardOutput,
}

impl InnerNorm {
    const ALL: [Self; 4] = [
        Self::Queries,
        Self::Keys,
        Self::AttentionOutput,
        Self::FeedForwardOutput,
    ];

    /// In a model folder, and in a GGUF file.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Queries => ["self_attn.q_norm", "attn_q_norm"],
            Self::Keys => ["self_attn.k_norm", "attn_k_norm"],
            Self::AttentionOutput => ["post_attention_layernorm", "post_attention_norm"],
            Self::FeedForwardOutput => ["post_feedforward_layernorm", "post_ffw_norm"],
        }
    }

    fn of(self, norms: &InnerNorms) -> &Norm {
        match self {
            Self::Queries => &norms.queries,
            Self::Keys => &norms.keys,
            Self::AttentionOutput => &norms.attention_output,
            Self::FeedForwardOutput => &norms.feed_forward_output,
        }
    }
}

impl Part {
    /// Its name in a model folder of transformers.
    #[must_use]
    pub fn folder_name(self, architecture: Architecture) -> String {
        let in_layer = |layer: usize, rest: &str| format!("model.layers.{layer}.{rest}");
        match self {
            Self::Embedding => "model.embed_tokens.weight".to_owned(),
            Self::AttentionNorm(layer) => in_layer(layer, "input_layernorm.weight"),
            // Where attention's output has a norm too, that one has the name.
            Self::FeedForwardNorm(layer) if architecture.has_inner_norms() => {
                in_layer(layer, "pre_feedforward_layernorm.weight")
            }
            Self::FeedForwardNorm(layer) => in_layer(layer, "post_attention_layernorm.weight"),
            Self::Inner(layer, norm) => in_layer(layer, &format!("{}.weight", norm.names()[0])),
            Self::Weight(layer, projection) => {
                in_layer(layer, &format!("{}.weight", projection.module()))
            }
            Self::Bias(layer, projection) => {
                in_layer(layer, &format!("{}.bias", projection.module()))
            }
            Self::Norm => "model.norm.weight".to_owned(),
            Self::Output => "lm_head.weight".to_owned(),
        }
    }

    /// Its name in a GGUF file.
    #[must_use]
    pub fn gguf_name(self) -> String {
        match self {
            Self::Embedding => "token_embd.weight".to_owned(),
            Self::AttentionNorm(layer) => format!("blk.{layer}.attn_norm.weight"),
            Self::FeedForwardNorm(layer) => format!("blk.{layer}.ffn_norm.weight"),
            Self::Inner(layer, norm) => format!("blk.{layer}.{}.weight", norm.names()[1]),
            Self::Weight(layer, projection) => {
                format!("blk.{layer}.{}.weight", PROJECTIONS[projection as usize])
            }
            Self::Bias(layer, projection) => {
                format!("blk.{layer}.{}.bias", PROJECTIONS[projection as usize])
            }
            Self::Norm => "output_norm.weight".to_owned(),
            Self::Output => "output.weight".to_owned(),
        }
    }

    /// (rows, columns); a vector is one row.
    #[must_use]
    pub fn shape(self, config: &Config) -> (usize, usize) {
        match self {
            Self::Embedding | Self::Output => (config.vocab, config.hidden),
            Self::Inner(_, InnerNorm::Queries | InnerNorm::Keys) => (1, config.head_dim),
            Self::AttentionNorm(_) | Self::FeedForwardNorm(_) | Self::Inner(..) | Self::Norm => {
                (1, config.hidden)
            }
            Self::Weight(_, projection) => projection.shape(config),
            Self::Bias(_, projection) => (1, projection.shape(config).0),
        }
    }

    /// Whether it is a norm's weight or a bias.
    #[must_use]
    pub fn is_vector(self) -> bool {
        !matches!(self, Self::Embedding | Self::Weight(..) | Self::Output)
    }
}

impl Decoder {
    /// All tensors, in the order of the layers.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::Embedding];
        for (index, layer) in self.weights.layers.iter().enumerate() {
            parts.push(Part::AttentionNorm(index));
            for projection in Projection::ALL {
                parts.push(Part::Weight(index, projection));
                if layer.projections[projection as usize].bias().is_some() {
                    parts.push(Part::Bias(index, projection));
                }
            }
            parts.push(Part::FeedForwardNorm(index));
            if layer.norms.inner.is_some() {
                parts.extend(InnerNorm::ALL.map(|norm| Part::Inner(index, norm)));
            }
        }
        parts.push(Part::Norm);
        if !self.weights.output.is(&self.weights.embedding) {
            parts.push(Part::Output);
        }
        parts
    }

    /// Whether the adapter changes this tensor.
    #[must_use]
    pub fn is_adapted(&self, part: Part) -> bool {
        match part {
            Part::Weight(layer, projection) => self.pair_of(layer, projection).is_some(),
            _ => false,
        }
    }

    fn pair_of(&self, layer: usize, projection: Projection) -> Option<&LoraPair> {
        self.adapter.as_ref()?.pair(layer, projection)
    }

    /// The values of a tensor in `f32`, quantized ones dequantized, with the adapter's
    /// `scale · B · A` added. Rows are in the order of transformers.
    ///
    /// # Errors
    /// If the decoder has no such tensor, or its values cannot be fetched from their device.
    pub fn merged(&self, part: Part) -> Result<Vec<f32>, ModelError> {
        let none =
            || ModelError::unsupported("a decoder's tensor", "one that it has", part.gguf_name());
        let layer = |index: usize| self.weights.layers.get(index).ok_or_else(none);
        match part {
            Part::Embedding => Ok(self.weights.embedding.values()?),
            Part::Output => Ok(self.weights.output.values()?),
            Part::Norm => Ok(self.weights.norm.weight().to_vec()),
            Part::AttentionNorm(index) => Ok(layer(index)?.norms.attention.weight().to_vec()),
            Part::FeedForwardNorm(index) => Ok(layer(index)?.norms.feed_forward.weight().to_vec()),
            Part::Inner(index, norm) => {
                let inner = layer(index)?.norms.inner.as_ref().ok_or_else(none)?;
                Ok(norm.of(inner).weight().to_vec())
            }
            Part::Bias(index, projection) => {
                let bias = layer(index)?.projections[projection as usize].bias();
                bias.map(<[f32]>::to_vec).ok_or_else(none)
            }
            Part::Weight(index, projection) => {
                let linear = &layer(index)?.projections[projection as usize];
                merge(linear, self.pair_of(index, projection))
            }
        }
    }

    /// [`Decoder::merged`] as a model folder of transformers has it: Gemma's norms less the one that is
    /// added to them.
    ///
    /// # Errors
    /// As there.
    pub fn merged_for_folder(&self, part: Part) -> Result<Vec<f32>, ModelError> {
        let mut values = self.merged(part)?;
        let is_norm = part.is_vector() && !matches!(part, Part::Bias(..));
        if is_norm && self.config().architecture == Architecture::Gemma3 {
            values.iter_mut().for_each(|value| *value -= 1.0);
        }
        Ok(values)
    }

    /// [`Decoder::merged`] with the rows in the order of GGUF files: those of q and k in Llama's
    /// files lie as their interleaved rotation wants them.
    ///
    /// # Errors
    /// As there.
    pub fn merged_for_gguf(&self, part: Part) -> Result<Vec<f32>, ModelError> {
        let values = self.merged(part)?;
        let is_rotated = matches!(
            part,
            Part::Weight(_, Projection::Q | Projection::K)
                | Part::Bias(_, Projection::Q | Projection::K)
        );
        let interleaves = match self.config().architecture {
            Architecture::Llama | Architecture::Mistral => true,
            Architecture::Qwen2 | Architecture::Gemma3 => false,
        };
        if !(is_rotated && interleaves) {
            return Ok(values);
        }
        let width = match part.is_vector() {
            true => 1,
            false => part.shape(self.config()).1,
        };
        let mut ordered = vec![0.0; values.len()];
        for (at, row) in values.chunks_exact(width).enumerate() {
            let to = source_row(at, self.config().head_dim);
            ordered[to * width..][..width].copy_from_slice(row);
        }
        Ok(ordered)
    }
}

/// `W + scale · B · A`
fn merge(linear: &Linear, pair: Option<&LoraPair>) -> Result<Vec<f32>, ModelError> {
    let mut weight = linear.values()?;
    let Some(pair) = pair else {
        return Ok(weight);
    };
    let (a, b) = pair.detached().tensors();
    let (rank, columns) = a.dims2()?;
    with_slice(&a, |a| {
        with_slice(&b, |b| {
            let scaled: Vec<f32> = b.iter().map(|b| b * pair.scale as f32).collect();
            let (b, a) = (Factor::new(&scaled, rank), Factor::new(a, columns));
            multiply_add(b, a, &mut weight, Precision::F32);
        })
    })??;
    Ok(weight)
}
