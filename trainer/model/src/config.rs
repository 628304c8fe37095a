//! The shape of a decoder, read from GGUF metadata or from a `config.json`.

use crate::ModelError;

use kernels::RopeTable;

/// The families of decoders that this crate computes. They differ in the bias of the attention
/// projections, in the window of attention, in their norms and activation, and in the names of their
/// metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Llama 2 and 3, SmolLM2 and others of that form.
    Llama,
    /// Mistral 7B.
    Mistral,
    /// Qwen2 and Qwen2.5.
    Qwen2,
    /// Gemma 3: its text, where it also sees images.
    Gemma3,
}

impl Architecture {
    /// The activation of the feed-forward gate.
    #[must_use]
    pub fn activation(self) -> Activation {
        match self {
            Self::Llama | Self::Mistral | Self::Qwen2 => Activation::Silu,
            Self::Gemma3 => Activation::Gelu,
        }
    }

    /// Whether each head of queries and of keys is normed, and so is what attention and feed-forward
    /// add to the residual stream (Gemma Team 2025, section 2).
    pub(crate) fn has_inner_norms(self) -> bool {
        self == Self::Gemma3
    }
}

/// The activation of a feed-forward gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x / (1 + exp(-x))`
    Silu,
    /// GELU in its form with tanh.
    Gelu,
}

impl Activation {
    /// Its name in a `config.json`.
    pub(crate) fn folder_name(self) -> &'static str {
        match self {
            Self::Silu => "silu",
            Self::Gelu => "gelu_pytorch_tanh",
        }
    }

    /// `y = activation(gate) · up`, element by element.
    pub(crate) fn mul(self, gate: &[f32], up: &[f32], y: &mut [f32]) {
        match self {
            Self::Silu => kernels::silu_mul(gate, up, y),
            Self::Gelu => kernels::gelu_mul(gate, up, y),
        }
    }

    /// The gradients of [`Activation::mul`], overwritten.
    pub(crate) fn mul_backward(
        self,
        (gate, up): (&[f32], &[f32]),
        dy: &[f32],
        d_gate: &mut [f32],
        d_up: &mut [f32],
    ) {
        match self {
            Self::Silu => kernels::silu_mul_backward(gate, up, dy, d_gate, d_up),
            Self::Gelu => kernels::gelu_mul_backward(gate, up, dy, d_gate, d_up),
        }
    }
}

/// How queries and keys are rotated by their positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotation {
    /// Base of the frequencies; above 0.
    pub theta: f32,
    /// What positions are divided by; 1 as a rule.
    pub factor: f32,
}

impl Rotation {
    /// With this base, positions as they are.
    #[must_use]
    pub fn new(theta: f32) -> Self {
        Self { theta, factor: 1.0 }
    }

    pub(crate) fn table(self, positions: &[u32], head_dim: usize) -> RopeTable {
        RopeTable::stretched(positions, head_dim, self.theta.into(), self.factor)
    }

    fn check(self) -> Result<(), ModelError> {
        for (name, value) in [("theta", self.theta), ("factor", self.factor)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(ModelError::unsupported(
                    format!("model configuration, rope {name}"),
                    "a positive number",
                    value,
                ));
            }
        }
        Ok(())
    }
}

/// The layers whose tokens see only those just before them.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Tokens that a token can see there, itself among them; at least 1.
    pub tokens: usize,
    /// Whether each layer is one of them.
    pub layers: Vec<bool>,
    /// How they rotate.
    pub rotation: Rotation,
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
    /// How layers rotate whose tokens see everything before them.
    pub rotation: Rotation,
    /// Added to the mean square in RMSNorm.
    pub rms_eps: f32,
    /// Most tokens that a sequence may have.
    pub context: usize,
    /// The output layer is the embedding.
    pub tied_embeddings: bool,
    /// Query, key and value projections have a bias.
    pub attention_bias: bool,
    /// Factor of the attention's scores: as a rule 1 / √head_dim.
    pub attention_scale: f32,
    /// The layers with a window, if there are any.
    pub window: Option<Window>,
}

/// Bounds of each field, so that a foreign file cannot ask for absurd amounts of memory.
pub(crate) const LAYERS_MAX: usize = 1_024;
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
        self.rotation.check()?;
        if !(self.attention_scale.is_finite() && self.attention_scale > 0.0) {
            return Err(ModelError::unsupported(
                "model configuration, scale of attention",
                "a positive number",
                self.attention_scale,
            ));
        }
        if let Some(window) = &self.window {
            window.rotation.check()?;
            field("attention window", window.tokens, usize::MAX)?;
            if window.layers.len() != self.layers {
                return Err(ModelError::unsupported(
                    "model configuration, kinds of layers",
                    format!("{}, one a layer", self.layers),
                    window.layers.len(),
                ));
            }
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

    /// What embeddings are multiplied by, where that is not 1.
    pub(crate) fn embedding_scale(&self) -> Option<f32> {
        (self.architecture == Architecture::Gemma3).then(|| (self.hidden as f32).sqrt())
    }

    /// Whether a layer's tokens see only those in the window.
    pub(crate) fn is_local(&self, layer: usize) -> bool {
        self.window
            .as_ref()
            .is_some_and(|window| window.layers[layer])
    }
}

/// 1 / √head_dim: what attention's scores are multiplied by as a rule.
pub(crate) fn usual_attention_scale(head_dim: usize) -> f32 {
    (head_dim as f32).powf(-0.5)
}

/// Gemma 3: of so many layers the last sees everything.
pub(crate) const GLOBAL_EVERY: usize = 6;

/// Gemma 3's order of layers: every `global_every`th sees everything, those between have a window.
pub(crate) fn local_but_every(global_every: usize, layers: usize) -> Vec<bool> {
    (1..=layers)
        .map(|layer| !layer.is_multiple_of(global_every))
        .collect()
}
