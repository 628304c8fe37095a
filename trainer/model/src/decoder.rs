//! The decoder: embedding, layers, output.
//!
//! A layer, as in the papers (`h` is RMSNorm, no biases but Qwen2's on q, k and v):
//!
//! ```text
//! x ← x + O · attention(rope(Q · h(x)), rope(K · h(x)), V · h(x))
//! x ← x + Down · (silu(Gate · h(x)) ⊙ Up · h(x))
//! ```
//!
//! Gemma 3's has more norms, of each head and of what is added, and gelu in place of silu; its tokens
//! see only a window but in every sixth layer, and its embeddings are multiplied by √hidden:
//!
//! ```text
//! x ← x + h(O · attention(rope(h(Q · h(x))), rope(h(K · h(x))), V · h(x)))
//! x ← x + h(Down · (gelu(Gate · h(x)) ⊙ Up · h(x)))
//! ```
//!
//! Everything is flat over tokens: (n, width), with no batch axis. Which row sees which is the
//! business of [`Attend`].

pub(crate) mod adapted;
pub(crate) mod flat;
mod gguf_file;
mod host;
mod merged;
pub(crate) mod safetensors_files;
pub(crate) mod sight;
mod tape;

pub(crate) use host::Buffers;
pub use merged::{InnerNorm, Part};
pub use tape::Tape;

use crate::ops::{
    DenseWeight, Linear, Norm, Products, Weight, logprobs_at, plain, tensor_from_vec, with_slice,
};
use crate::{Config, Lora, ModelError, Projection, Segments};
use adapted::AdapterRows;
use candle_core::{DType, Device, Tensor};
use flat::FlatAttention;
use kernels::{AttentionShape, Precision};
use sight::Rotations;
use std::ops::Range;
use std::sync::Arc;

/// How to load a decoder.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where to compute.
    pub device: Device,
    /// Dense weights (`f32` on the CPU, `bf16` on CUDA) where the file holds quantized ones.
    /// Training needs it; CUDA implies it.
    pub dequantize: bool,
    /// Compute by plain compositions of candle operations even on the CPU: the twin that tests
    /// compare the kernels with. Implies `dequantize`.
    pub plain: bool,
}

impl Default for LoadOptions {
    /// As the file has it, on the CPU.
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            dequantize: false,
            plain: false,
        }
    }
}

/// A decoder with its weights and, perhaps, an adapter. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Decoder {
    weights: Arc<Weights>,
    adapter: Option<Arc<Lora>>,
    /// Of the products while the adapter learns.
    precision: Precision,
}

#[derive(Debug)]
struct Weights {
    config: Config,
    device: Device,
    /// Whether plain compositions compute.
    plain: bool,
    /// (vocab, hidden)
    embedding: Linear,
    layers: Vec<Layer>,
    norm: Norm,
    /// (vocab, hidden); the embedding where the two are tied.
    output: Linear,
}

#[derive(Debug)]
struct Layer {
    norms: Norms,
    /// By `Projection as usize`.
    projections: [Linear; 7],
}

/// The norms of a layer.
#[derive(Clone, Debug)]
struct Norms {
    attention: Norm,
    feed_forward: Norm,
    /// Where the family has them.
    inner: Option<InnerNorms>,
}

#[derive(Clone, Debug)]
struct InnerNorms {
    /// Of each head of queries, before it is rotated.
    queries: Norm,
    keys: Norm,
    /// Of what attention adds.
    attention_output: Norm,
    /// Of what the feed-forward layer adds.
    feed_forward_output: Norm,
}

impl Weights {
    fn dequantized(&self) -> Self {
        let embedding = self.embedding.dequantized();
        let output = match self.output.is(&self.embedding) {
            true => embedding.clone(),
            false => self.output.dequantized(),
        };
        let layers = self.layers.iter().map(|layer| Layer {
            norms: layer.norms.clone(),
            projections: layer.projections.each_ref().map(Linear::dequantized),
        });
        Self {
            config: self.config.clone(),
            device: self.device.clone(),
            plain: self.plain,
            embedding,
            layers: layers.collect(),
            norm: self.norm.clone(),
            output,
        }
    }
}

/// How the tokens of a batch see each other, and those before them.
pub(crate) trait Attend {
    /// Queries (n, heads · head_dim), keys and values (n, kv_heads · head_dim) of a layer, rotated
    /// → (n, heads · head_dim); where plain compositions compute.
    fn attend_plain(
        &mut self,
        layer: usize,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Tensor, ModelError>;

    /// The same of values, by the kernels; `out` is overwritten.
    fn attend_host(
        &mut self,
        layer: usize,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), ModelError>;
}

/// Whether gradients towards the adapter are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// The adapter's variables are followed, by candle's own graph: where plain compositions compute.
    Training,
    /// Nothing is followed.
    Inference,
}

impl Decoder {
    /// Loads a GGUF file.
    ///
    /// # Errors
    /// If the file is torn or foreign, of another family, or in a format that is not known.
    pub fn from_gguf(bytes: &[u8], options: &LoadOptions) -> Result<Self, ModelError> {
        let mut weights = gguf_file::load(bytes, options)?;
        if options.dequantize {
            weights = weights.dequantized();
        }
        Ok(Self {
            weights: Arc::new(weights),
            adapter: None,
            precision: Precision::default(),
        })
    }

    /// Loads `config.json` and the safetensors files of a model folder.
    ///
    /// # Errors
    /// If a file is torn or foreign, a tensor is missing or of another shape, or the configuration
    /// asks for what this crate does not compute.
    pub fn from_safetensors(
        config_json: &[u8],
        shards: &[&[u8]],
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        let weights = safetensors_files::load(config_json, shards, options)?;
        Ok(Self {
            weights: Arc::new(weights),
            adapter: None,
            precision: Precision::default(),
        })
    }

    /// The decoder's shape.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.weights.config
    }

    /// Where it computes.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.weights.device
    }

    /// The same decoder with its weights in full precision, as training needs them. Those that are
    /// quantized stay shared with this decoder, and what products read instead is made when it is
    /// first needed.
    #[must_use]
    pub fn dequantized(&self) -> Self {
        Self {
            weights: Arc::new(self.weights.dequantized()),
            ..self.clone()
        }
    }

    /// The same decoder with this adapter in place of any other.
    #[must_use]
    pub fn with_adapter(&self, adapter: Arc<Lora>) -> Self {
        Self {
            adapter: Some(adapter),
            ..self.clone()
        }
    }

    /// The same decoder without an adapter.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        Self {
            adapter: None,
            ..self.clone()
        }
    }

    /// The same decoder, whose adapter learns by products of this precision.
    /// Inference is not touched.
    #[must_use]
    pub fn with_precision(&self, precision: Precision) -> Self {
        Self {
            precision,
            ..self.clone()
        }
    }

    /// The adapter.
    #[must_use]
    pub fn adapter(&self) -> Option<&Arc<Lora>> {
        self.adapter.as_ref()
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.weights.plain
    }

    pub(crate) fn attention_shape(&self) -> AttentionShape {
        let Config {
            heads,
            kv_heads,
            head_dim,
            attention_scale: scale,
            ..
        } = self.weights.config;
        AttentionShape {
            heads,
            kv_heads,
            head_dim,
            scale,
        }
    }

    /// Embeddings of `tokens` as the first layer reads them, (n, hidden).
    ///
    /// # Errors
    /// If a token is not below the vocabulary's size.
    pub fn embed(&self, tokens: &[u32]) -> Result<Tensor, ModelError> {
        let Config { vocab, hidden, .. } = self.weights.config;
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= vocab) {
            return Err(ModelError::unsupported(
                "a token",
                format!("a number below {vocab}"),
                token,
            ));
        }
        let rows = tokens.iter().map(|&token| token as usize);
        let mut x = vec![0.0; tokens.len() * hidden];
        let into = x.chunks_exact_mut(hidden);
        match self.weights.embedding.weight() {
            Weight::Quantized(matrix) => {
                into.zip(rows)
                    .for_each(|(x, row)| matrix.dequantize_row(row, x));
            }
            Weight::Dense(weight) => into.zip(rows).for_each(|(x, row)| weight.row(row, x)),
            Weight::Plain(weight) => {
                let x = crate::ops::rows(weight, tokens)?;
                return match self.config().embedding_scale() {
                    Some(scale) => Ok((x * f64::from(scale))?),
                    None => Ok(x),
                };
            }
        }
        if let Some(scale) = self.config().embedding_scale() {
            x.iter_mut().for_each(|x| *x *= scale);
        }
        Ok(tensor_from_vec(x, (tokens.len(), hidden))?)
    }

    /// Applies the layers `range` to `x` (n, hidden), whose rows are those of `batch`; no cache, no
    /// gradients, in full `f32` on the CPU. For gradients see [`Decoder::train_layers`].
    ///
    /// # Errors
    /// If the shapes differ, or a sequence is longer than the model allows.
    pub fn layers(
        &self,
        x: &Tensor,
        batch: &Segments,
        range: Range<usize>,
    ) -> Result<Tensor, ModelError> {
        self.flat_layers(x, batch, range, Pass::Inference)
    }

    fn flat_layers(
        &self,
        x: &Tensor,
        batch: &Segments,
        range: Range<usize>,
        pass: Pass,
    ) -> Result<Tensor, ModelError> {
        self.check_batch(x, batch)?;
        self.check_layers(&range)?;
        let mut attention = FlatAttention::new(self, batch);
        let positions = batch.positions();
        let adapters = [AdapterRows {
            rows: 0..positions.len(),
            adapter: self.adapter.as_deref(),
        }];
        if self.is_plain() {
            return self.plain_layers(x, &positions, &adapters, &mut attention, range, pass);
        }
        let shape = x.dims2()?;
        let mut x = with_slice(x, <[f32]>::to_vec)?;
        let mut buffers = Buffers::default();
        self.host_layers(
            &mut x,
            &positions,
            &adapters,
            &mut attention,
            range,
            &mut buffers,
        )?;
        Ok(tensor_from_vec(x, shape)?)
    }

    /// Whether the rows of `x` can be those of `batch`.
    fn check_batch(&self, x: &Tensor, batch: &Segments) -> Result<(), ModelError> {
        let rows = x.dims2()?.0;
        if rows != batch.len() {
            return Err(ModelError::unsupported(
                "a batch",
                format!("{} rows", batch.len()),
                rows,
            ));
        }
        self.check_length(batch.longest())
    }

    fn check_layers(&self, range: &Range<usize>) -> Result<(), ModelError> {
        let layers = self.weights.config.layers;
        if range.end > layers {
            return Err(ModelError::unsupported(
                "a layer",
                format!("below {layers}"),
                range.end - 1,
            ));
        }
        Ok(())
    }

    /// Whether a sequence of `tokens` tokens can be computed.
    pub(crate) fn check_length(&self, tokens: usize) -> Result<(), ModelError> {
        let limit = self.weights.config.context;
        if tokens > limit {
            let what = "a sequence in tokens";
            return Err(ModelError::Limit {
                what,
                limit,
                found: tokens,
            });
        }
        Ok(())
    }

    /// The layers by plain compositions.
    fn plain_layers(
        &self,
        x: &Tensor,
        positions: &[u32],
        adapters: &[AdapterRows<'_>],
        attention: &mut dyn Attend,
        range: Range<usize>,
        pass: Pass,
    ) -> Result<Tensor, ModelError> {
        let config = self.config();
        let rotations = Rotations::plain(config, positions, &self.weights.device)?;
        let mut x = x.clone();
        for index in range {
            let Layer { norms, projections } = &self.weights.layers[index];
            let inner = norms.inner.as_ref();
            let (cos, sin) = rotations.of(config, index);
            let project = |projection: Projection, input: &Tensor| {
                adapted::by_adapter(adapters, input, |adapter, input| {
                    let pair = adapter.and_then(|adapter| adapter.pair(index, projection));
                    let pair = pair.map(|pair| match pass {
                        Pass::Training => pair.clone(),
                        Pass::Inference => pair.detached(),
                    });
                    projections[projection as usize].forward(input, pair.as_ref())
                })
            };
            let turned = |x: Tensor, heads: usize, norm: Option<&Norm>| match norm {
                Some(norm) => plain::rope(&norm.forward_heads(&x)?, heads, cos, sin),
                None => plain::rope(&x, heads, cos, sin),
            };
            let output = |x: Tensor, norm: Option<&Norm>| match norm {
                Some(norm) => norm.forward(&x),
                None => Ok(x),
            };
            let normed = norms.attention.forward(&x)?;
            let q = project(Projection::Q, &normed)?;
            let q = turned(q, config.heads, inner.map(|inner| &inner.queries))?;
            let k = project(Projection::K, &normed)?;
            let k = turned(k, config.kv_heads, inner.map(|inner| &inner.keys))?;
            let v = project(Projection::V, &normed)?;
            let attended = attention.attend_plain(index, &q, &k, &v)?;
            let added = project(Projection::O, &attended)?;
            x = (x + output(added, inner.map(|inner| &inner.attention_output))?)?;

            let normed = norms.feed_forward.forward(&x)?;
            let gate = project(Projection::Gate, &normed)?;
            let up = project(Projection::Up, &normed)?;
            let gated = plain::gated(config.architecture.activation(), &gate, &up)?;
            let added = project(Projection::Down, &gated)?;
            x = (x + output(added, inner.map(|inner| &inner.feed_forward_output))?)?;
        }
        Ok(x)
    }

    /// The final norm of the rows `x` (p, hidden): what the output layer, or a value head, reads.
    /// Differentiable towards `x`.
    ///
    /// # Errors
    /// If `x` is of another width.
    pub fn normed(&self, x: &Tensor) -> Result<Tensor, ModelError> {
        Ok(self.weights.norm.forward(x)?)
    }

    /// Final norm and output layer of the rows `x` (p, hidden) that the caller chose: (p, vocab),
    /// `f32`. Gradients are followed by [`Decoder::logprobs_at`].
    ///
    /// # Errors
    /// If `x` is of another width.
    pub fn logits(&self, x: &Tensor) -> Result<Tensor, ModelError> {
        let normed = self.weights.norm.forward(x)?;
        let output = &self.weights.output;
        let logits = output.forward(&normed, None)?;
        Ok(logits.to_dtype(DType::F32)?)
    }

    /// Natural log of the probability of a token after a row of `x` (p, hidden), for each (row,
    /// token) of `places`: (places,). A row may be asked for many tokens, or for none. Differentiable
    /// towards `x` where the weights are dense; on the CPU the logits of all rows never exist at
    /// once.
    ///
    /// # Errors
    /// If a row is not below p or a token not in the vocabulary, `x` is of another width, or
    /// gradients are asked of quantized weights.
    pub fn logprobs_at(&self, x: &Tensor, places: &[(u32, u32)]) -> Result<Tensor, ModelError> {
        let (p, vocab) = (x.dims2()?.0, self.config().vocab);
        let is_there = |&(row, token): &(u32, u32)| (row as usize) < p && (token as usize) < vocab;
        if let Some(place) = places.iter().find(|place| !is_there(place)) {
            return Err(ModelError::unsupported(
                "a target token",
                format!("a row below {p} and a token below {vocab}"),
                format!("{place:?}"),
            ));
        }
        if self.is_plain() {
            return Ok(plain::logprobs_at(&self.logits(x)?, places)?);
        }
        let products = match x.track_op() {
            true => Products::Training(self.precision),
            false => Products::Exact,
        };
        let normed = self.weights.norm.forward(x)?;
        Ok(logprobs_at(
            &self.weights.output,
            &normed,
            places,
            products,
        )?)
    }

    /// [`Decoder::logprobs_at`] of one token a row: (p,).
    ///
    /// # Errors
    /// As there, and if there is not one token a row.
    pub fn token_logprobs(&self, x: &Tensor, tokens: &[u32]) -> Result<Tensor, ModelError> {
        let p = x.dims2()?.0;
        if tokens.len() != p {
            return Err(ModelError::unsupported(
                "target tokens",
                format!("{p}, one a row"),
                tokens.len(),
            ));
        }
        let places: Vec<(u32, u32)> = (0..).zip(tokens.iter().copied()).collect();
        self.logprobs_at(x, &places)
    }
}

impl LoadOptions {
    /// Whether plain compositions compute.
    fn is_plain(&self) -> bool {
        self.plain || !self.device.is_cpu()
    }

    /// The type of dense weights.
    fn dtype(&self) -> DType {
        if self.device.is_cpu() {
            DType::F32
        } else {
            DType::BF16
        }
    }

    /// A frozen weight of dense values.
    fn dense(&self, values: Vec<f32>, shape: (usize, usize)) -> Result<Weight, ModelError> {
        if !self.is_plain() {
            return Ok(Weight::Dense(DenseWeight::new(values, shape.1)));
        }
        let tensor = Tensor::from_vec(values, shape, &self.device)?.to_dtype(self.dtype())?;
        Ok(Weight::Plain(tensor))
    }

    fn norm(&self, weight: Vec<f32>, eps: f32) -> Result<Norm, ModelError> {
        Ok(Norm::new(
            weight,
            eps,
            self.is_plain().then_some(&self.device),
        )?)
    }
}
