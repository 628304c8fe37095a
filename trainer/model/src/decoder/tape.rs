//! The layers of a training pass on the CPU: forward, and backward written out.
//!
//! A layer's gradients, as they follow from its forward pass (`decoder.rs`), with `d` the gradient
//! towards the layer's output, then towards the middle, then towards its input:
//!
//! ```text
//! d_gated = Downᵀ d            d_gate, d_up = silu_mul'(d_gated)
//! d      += h'(Gateᵀ d_gate + Upᵀ d_up)
//! d_q, d_k, d_v = attention'(Oᵀ d), turned back
//! d      += h'(Qᵀ d_q + Kᵀ d_k + Vᵀ d_v)
//! ```
//!
//! Where the family norms what is added, `Downᵀ` and `Oᵀ` take `h'(d)` in place of `d`; where it norms
//! heads, d_q and d_k go through h' once they are turned back.
//!
//! Each projection's W is W + scale · B A, and hands on the gradients of A and B. What is cheap (the
//! norms, the gated activation) is made again and not kept: a token costs 4 · (4 hidden + 2 kv +
//! 2 intermediate + 7 rank) bytes a layer, and 8 hidden more where what is added is normed. Where
//! products are of `bf16`, what only they and element-wise functions read again is kept in 16 bits:
//! 4 · (hidden + kv) + 2 · (3 hidden + kv + 2 intermediate + 7 rank) bytes.

use super::sight::{Rotations, Sight};
use super::{Decoder, Layer};
use crate::ops::{Norm, TrainInput};
use crate::{Activation, Gradients, Lora, ModelError, Projection, Segments};
use candle_core::{Device, Tensor, Var};
use half::bf16;
use kernels::{AttentionShape, KeyValues, Precision, RopeTable};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The output of some layers, and what takes a loss of it to the adapter's gradients.
pub struct Tape {
    output: Var,
    kind: Kind,
}

enum Kind {
    /// The layers' activations.
    Kernels(Box<Pass>),
    /// The output with the graph that candle keeps, and the adapter.
    Candle(Tensor, Arc<Lora>),
}

struct Pass {
    decoder: Decoder,
    first_layer: usize,
    sight: Sight,
    rotations: Rotations<RopeTable>,
    layers: Vec<Activations>,
}

/// Of one layer; all (n, width).
struct Activations {
    x: Kept,
    /// As attention reads it; where heads are normed, as it is projected. Exact, as `k` is: the scores
    /// of the backward pass must be those whose sums were kept.
    q: Vec<f32>,
    /// As `q`.
    k: Vec<f32>,
    v: Kept,
    attended: Kept,
    /// Of the attention's scores, (n, heads).
    log_sum_exp: Vec<f32>,
    /// What attention adds, before its norm, where it has one.
    attention_output: Option<Kept>,
    /// Between attention and feed-forward.
    middle: Kept,
    gate: Kept,
    up: Kept,
    /// What the feed-forward layer adds, before its norm, where it has one.
    feed_forward_output: Option<Kept>,
    /// Of each projection with a pair: scale · x Aᵀ.
    xa: [Option<Kept>; 7],
}

/// Values that wait for the backward pass, as exact as its products.
enum Kept {
    Exact(Vec<f32>),
    Rounded(Vec<bf16>),
}

impl Kept {
    fn new(values: Vec<f32>, precision: Precision) -> Self {
        match precision {
            Precision::F32 => Kept::Exact(values),
            Precision::Bf16 | Precision::Int8 => Kept::Rounded(kernels::to_bf16(&values)),
        }
    }

    fn values(self) -> Vec<f32> {
        match self {
            Kept::Exact(values) => values,
            Kept::Rounded(values) => kernels::from_bf16(&values),
        }
    }
}

impl Decoder {
    /// Applies the layers `range` to `x` (n, hidden), whose rows are those of `batch`, for training
    /// the adapter. Nothing is followed towards `x`.
    ///
    /// On the CPU products may be those of `kernels`' `multiply`: with [`Precision::F32`] a
    /// loss and its gradients agree with `f32` to 1e-5, single logits to 1e-3.
    ///
    /// [`Precision::F32`]: kernels::Precision::F32
    ///
    /// # Errors
    /// If there is no adapter, the shapes differ, a sequence is longer than the model allows, or
    /// the weights are quantized.
    pub fn train_layers(
        &self,
        x: &Tensor,
        batch: &Segments,
        range: Range<usize>,
    ) -> Result<Tape, ModelError> {
        self.check_batch(x, batch)?;
        let Some(lora) = &self.adapter else {
            return Err(ModelError::unsupported("training", "an adapter", "none"));
        };
        if self.is_plain() {
            let output = self.flat_layers(x, batch, range, super::Pass::Training)?;
            return Ok(Tape {
                output: Var::from_tensor(&output.detach())?,
                kind: Kind::Candle(output, lora.clone()),
            });
        }
        self.check_layers(&range)?;
        let config = self.config();
        let mut pass = Pass {
            decoder: self.clone(),
            first_layer: range.start,
            sight: Sight::new(super::flat::spans_of(batch), config.window.as_ref()),
            rotations: Rotations::host(config, &batch.positions()),
            layers: Vec::with_capacity(range.len()),
        };
        let mut x = x.flatten_all()?.to_vec1::<f32>()?;
        for layer in range {
            x = pass.forward(layer, x)?;
        }
        Ok(Tape {
            output: Var::from_vec(x, (batch.len(), config.hidden), &Device::Cpu)?,
            kind: Kind::Kernels(Box::new(pass)),
        })
    }
}

impl Tape {
    /// The layers' output, (n, hidden), which a loss is made of.
    #[must_use]
    pub fn output(&self) -> &Tensor {
        &self.output
    }

    /// The gradients of the adapter's variables towards `loss`, a scalar made of the output.
    ///
    /// # Errors
    /// If the loss does not depend on the output.
    pub fn backward(self, loss: &Tensor) -> Result<Gradients, ModelError> {
        self.backward_with(loss, &[])
    }

    /// The same, with the gradients of `others`: variables that the loss is made of besides.
    ///
    /// # Errors
    /// As [`Tape::backward`].
    pub fn backward_with(
        self,
        loss: &Tensor,
        others: &[(String, Var)],
    ) -> Result<Gradients, ModelError> {
        let mut store = loss.backward()?;
        let mut gradients = Gradients::collect(others, &store);
        let Some(d_output) = store.remove(&self.output) else {
            return Err(ModelError::unsupported(
                "a loss",
                "one made of the layers' output",
                "another",
            ));
        };
        gradients.add(&match self.kind {
            Kind::Kernels(pass) => pass.backward(d_output.flatten_all()?.to_vec1()?)?,
            Kind::Candle(output, lora) => {
                let store = (output * d_output)?.sum_all()?.backward()?;
                Gradients::collect(&lora.vars(), &store)
            }
        })?;
        Ok(gradients)
    }
}

impl Pass {
    fn layer(&self, index: usize) -> &Layer {
        &self.decoder.weights.layers[index]
    }

    /// `y = W x` where `y` is empty, else `y += W x`.
    fn project(
        &self,
        layer: usize,
        projection: Projection,
        x: &TrainInput<'_>,
        y: &mut Vec<f32>,
        xa: &mut [Option<Kept>; 7],
    ) -> Result<(), ModelError> {
        let linear = &self.layer(layer).projections[projection as usize];
        let of_pair = linear.train_forward(x, self.decoder.pair(layer, projection), y)?;
        xa[projection as usize] = of_pair.map(|values| self.keep(values));
        Ok(())
    }

    fn keep(&self, values: Vec<f32>) -> Kept {
        Kept::new(values, self.decoder.precision)
    }

    /// An input of projections: (n, width).
    fn input<'a>(&self, x: &'a [f32]) -> TrainInput<'a> {
        TrainInput::new(x, x.len() / self.sight.len(), self.decoder.precision)
    }

    fn shape(&self) -> AttentionShape {
        self.decoder.attention_shape()
    }

    fn activation(&self) -> Activation {
        self.decoder.config().architecture.activation()
    }

    fn rotation(&self, layer: usize) -> &RopeTable {
        self.rotations.of(self.decoder.config(), layer)
    }

    /// Projected queries and keys as attention reads them: rotated, their heads normed before where
    /// the family does that. Returns then what they were.
    fn turn(&self, layer: usize, q: &mut [f32], k: &mut [f32]) -> Option<(Vec<f32>, Vec<f32>)> {
        let projected = self.layer(layer).norms.inner.as_ref().map(|inner| {
            let projected = (q.to_vec(), k.to_vec());
            inner.queries.in_place(q);
            inner.keys.in_place(k);
            projected
        });
        let rotation = self.rotation(layer);
        kernels::rope(q, self.heads(), rotation);
        kernels::rope(k, self.kv_heads(), rotation);
        projected
    }

    /// `sum += W x`, or what its norm makes of it, where there is one: then `W x` is returned.
    fn project_onto(
        &self,
        layer: usize,
        projection: Projection,
        x: &TrainInput<'_>,
        sum: &mut Vec<f32>,
        xa: &mut [Option<Kept>; 7],
    ) -> Result<Option<Kept>, ModelError> {
        let Some(inner) = &self.layer(layer).norms.inner else {
            self.project(layer, projection, x, sum, xa)?;
            return Ok(None);
        };
        let norm = match projection {
            Projection::Down => &inner.feed_forward_output,
            _ => &inner.attention_output,
        };
        let mut output = Vec::new();
        self.project(layer, projection, x, &mut output, xa)?;
        let normed = norm.of(&output);
        sum.iter_mut().zip(normed).for_each(|(sum, y)| *sum += y);
        Ok(Some(self.keep(output)))
    }

    fn kv_heads(&self) -> usize {
        self.decoder.config().kv_heads
    }

    fn heads(&self) -> usize {
        self.decoder.config().heads
    }

    /// Keeps the layer's activations and returns its output.
    fn forward(&mut self, layer: usize, x: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        let n = self.sight.len();
        let mut xa: [Option<Kept>; 7] = Default::default();
        let normed = self.layer(layer).norms.attention.of(&x);
        let input = self.input(&normed);
        let (mut q, mut k, mut v) = (Vec::new(), Vec::new(), Vec::new());
        for (projection, y) in [
            (Projection::Q, &mut q),
            (Projection::K, &mut k),
            (Projection::V, &mut v),
        ] {
            self.project(layer, projection, &input, y, &mut xa)?;
        }
        let projected = self.turn(layer, &mut q, &mut k);
        let mut attended = kernels::zeros(q.len());
        let mut log_sum_exp = vec![0.0; n * self.heads()];
        let source = KeyValues {
            keys: &k,
            values: &v,
        };
        kernels::attention(
            self.shape(),
            &q,
            &[source],
            self.sight.of(layer),
            &mut attended,
            Some(&mut log_sum_exp),
        );
        let (q, k) = projected.unwrap_or((q, k));
        let (mut middle, input) = (x.clone(), self.input(&attended));
        let attention_output =
            self.project_onto(layer, Projection::O, &input, &mut middle, &mut xa)?;

        let normed = self.layer(layer).norms.feed_forward.of(&middle);
        let input = self.input(&normed);
        let (mut gate, mut up) = (Vec::new(), Vec::new());
        self.project(layer, Projection::Gate, &input, &mut gate, &mut xa)?;
        self.project(layer, Projection::Up, &input, &mut up, &mut xa)?;
        let mut gated = kernels::zeros(gate.len());
        self.activation().mul(&gate, &up, &mut gated);
        let (mut output, input) = (middle.clone(), self.input(&gated));
        let feed_forward_output =
            self.project_onto(layer, Projection::Down, &input, &mut output, &mut xa)?;
        self.layers.push(Activations {
            x: self.keep(x),
            q,
            k,
            v: self.keep(v),
            attended: self.keep(attended),
            log_sum_exp,
            attention_output,
            middle: self.keep(middle),
            gate: self.keep(gate),
            up: self.keep(up),
            feed_forward_output,
            xa,
        });
        Ok(output)
    }

    fn backward(mut self, mut d: Vec<f32>) -> Result<Gradients, ModelError> {
        let mut gradients = BTreeMap::new();
        while let Some(activations) = self.layers.pop() {
            let layer = self.first_layer + self.layers.len();
            self.layer_backward(layer, activations, &mut d, &mut gradients)?;
        }
        Ok(Gradients::from_tensors(gradients))
    }

    /// Turns `d` from the gradient of the layer's output into that of its input (for the first of
    /// the layers, which needs none, it is left at the middle).
    fn layer_backward(
        &self,
        index: usize,
        activations: Activations,
        d: &mut [f32],
        gradients: &mut BTreeMap<String, Tensor>,
    ) -> Result<(), ModelError> {
        let Activations {
            x,
            mut q,
            mut k,
            v,
            attended,
            log_sum_exp,
            attention_output,
            middle,
            gate,
            up,
            feed_forward_output,
            mut xa,
        } = activations;
        let layer = self.layer(index);
        let inner = layer.norms.inner.as_ref();
        let mut back =
            |projection: Projection, x: &TrainInput<'_>, dy: &[f32], dx: Option<&mut Vec<f32>>| {
                let linear = &layer.projections[projection as usize];
                let xa = xa[projection as usize].take().map(Kept::values);
                let pair = self.decoder.pair(index, projection).zip(xa.as_deref());
                let of_pair = linear.train_backward(x, pair, dy, dx)?;
                if let Some((d_a, d_b)) = of_pair {
                    let [name_a, name_b] = projection.variables(index);
                    gradients.insert(name_a, d_a);
                    gradients.insert(name_b, d_b);
                }
                Ok::<(), ModelError>(())
            };

        // Each buffer is the sum of what the projections that read from it hand back.
        let (gate, up) = (gate.values(), up.values());
        let mut gated = kernels::zeros(gate.len());
        self.activation().mul(&gate, &up, &mut gated);
        let mut d_gated = Vec::new();
        let d_output = before_norm(
            inner.map(|inner| &inner.feed_forward_output),
            feed_forward_output,
            d,
        );
        back(
            Projection::Down,
            &self.input(&gated),
            &d_output,
            Some(&mut d_gated),
        )?;
        let (mut d_gate, mut d_up) = (gated, kernels::zeros(up.len()));
        self.activation()
            .mul_backward((&gate, &up), &d_gated, &mut d_gate, &mut d_up);
        let middle = middle.values();
        let normed = layer.norms.feed_forward.of(&middle);
        let input = self.input(&normed);
        let mut d_normed = Vec::new();
        back(Projection::Gate, &input, &d_gate, Some(&mut d_normed))?;
        back(Projection::Up, &input, &d_up, Some(&mut d_normed))?;
        layer.norms.feed_forward.add_backward(&middle, &d_normed, d);

        let (attended, v) = (attended.values(), v.values());
        let mut d_attended = Vec::new();
        let d_output = before_norm(
            inner.map(|inner| &inner.attention_output),
            attention_output,
            d,
        );
        back(
            Projection::O,
            &self.input(&attended),
            &d_output,
            Some(&mut d_attended),
        )?;
        let projected = match inner {
            Some(_) => self.turn(index, &mut q, &mut k),
            None => None,
        };
        let (mut d_q, mut d_k) = (kernels::zeros(q.len()), kernels::zeros(k.len()));
        let mut d_v = kernels::zeros(v.len());
        kernels::attention_backward(
            self.shape(),
            &q,
            KeyValues {
                keys: &k,
                values: &v,
            },
            self.sight.of(index),
            &attended,
            &log_sum_exp,
            &d_attended,
            &mut d_q,
            &mut d_k,
            &mut d_v,
        );
        let rotation = self.rotation(index);
        kernels::rope_inverse(&mut d_q, self.heads(), rotation);
        kernels::rope_inverse(&mut d_k, self.kv_heads(), rotation);
        if let Some((inner, (q, k))) = inner.zip(projected) {
            d_q = inner.queries.backward(&q, &d_q);
            d_k = inner.keys.backward(&k, &d_k);
        }
        let x = x.values();
        let normed = layer.norms.attention.of(&x);
        let is_first = index == self.first_layer;
        let input = self.input(&normed);
        let mut d_normed = (!is_first).then(Vec::new);
        back(Projection::Q, &input, &d_q, d_normed.as_mut())?;
        back(Projection::K, &input, &d_k, d_normed.as_mut())?;
        back(Projection::V, &input, &d_v, d_normed.as_mut())?;
        if let Some(d_normed) = d_normed {
            layer.norms.attention.add_backward(&x, &d_normed, d);
        }
        Ok(())
    }
}

/// The gradient towards what a norm read, of `d` towards what it gave; `d` itself where there is none.
fn before_norm<'a>(norm: Option<&Norm>, read: Option<Kept>, d: &'a [f32]) -> Cow<'a, [f32]> {
    match norm.zip(read) {
        Some((norm, read)) => Cow::Owned(norm.backward(&read.values(), d)),
        None => Cow::Borrowed(d),
    }
}
