//! The shape of a decoder, read from GGUF metadata or from a `config.json`.

use crate::ModelError;

/// The families of decoders that this crate computes. They differ in the bias of the attention
/// projections, in the window of attention, and in the names of their metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Llama 2 and 3, SmolLM2 and others of that form.
    Llama,
    /// Mistral 7B.
    Mistral,
    /// Qwen2 and Qwen2.5.
    Qwen2,
}

/// The shape of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The family.
    pub architecture: Architecture,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width of the feed-forward layer.
    pub intermediate: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Number of tokens.
    pub vocab: usize,
    /// Base of the rotary embedding's frequencies.
    pub rope_theta: f32,
    /// Added to the mean square in RMSNorm.
    pub rms_eps: f32,
    /// Most tokens that a sequence may have.
    pub context: usize,
    /// The output layer is the embedding.
    pub tied_embeddings: bool,
    /// Query, key and value projections have a bias.
    pub attention_bias: bool,
    /// Tokens that a token can see, itself among them, where the family limits it. Sequences longer
    /// than that are refused.
    pub sliding_window: Option<usize>,
}

/// Bounds of each field, so that a foreign file cannot ask for absurd amounts of memory.
const LAYERS_MAX: usize = 1_024;
const WIDTH_MAX: usize = 1 << 20;
const VOCAB_MAX: usize = 1 << 24;

impl Config {
    /// Checks that the fields fit together.
    ///
    /// # Errors
    /// Names the first field that does not.
    pub fn check(self) -> Result<Self, ModelError> {
        let field = |name: &str, value: usize, max: usize| {
            if value == 0 || value > max {
                return Err(ModelError::unsupported(
                    format!("model configuration, {name}"),
                    format!("1 to {max}"),
                    value,
                ));
            }
            Ok(())
        };
        field("hidden width", self.hidden, WIDTH_MAX)?;
        field("feed-forward width", self.intermediate, WIDTH_MAX)?;
        field("layers", self.layers, LAYERS_MAX)?;
        field("heads", self.heads, WIDTH_MAX)?;
        field("key/value heads", self.kv_heads, self.heads)?;
        field("head width", self.head_dim, WIDTH_MAX)?;
        field("vocabulary", self.vocab, VOCAB_MAX)?;
        field("context length", self.context, 1 << 26)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(ModelError::unsupported(
                "model configuration, key/value heads",
                format!("a divisor of {} heads", self.heads),
                self.kv_heads,
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(ModelError::unsupported(
                "model configuration, head width",
                "an even number",
                self.head_dim,
            ));
        }
        if !(self.rope_theta.is_finite() && self.rope_theta > 0.0) {
            return Err(ModelError::unsupported(
                "model configuration, rope theta",
                "a positive number",
                self.rope_theta,
            ));
        }
        if !(self.rms_eps.is_finite() && self.rms_eps > 0.0) {
            return Err(ModelError::unsupported(
                "model configuration, RMSNorm epsilon",
                "a positive number",
                self.rms_eps,
            ));
        }
        Ok(self)
    }

    /// Tokens that a sequence may have: the context length, or the attention window where that is
    /// shorter.
    #[must_use]
    pub fn tokens_max(&self) -> usize {
        self.sliding_window
            .map_or(self.context, |window| window.min(self.context))
    }
}
