//! The layers of an inference pass on the CPU, by the kernels, on values and in buffers that are used
//! again: a pass of one token is some 300 kernels of a few microseconds each, so that memory that is
//! fetched or cleared for each would cost as much as they do.

use super::adapted::AdapterRows;
use super::sight::Rotations;
use super::{Attend, Decoder, Layer};
use crate::ops::{Scratch, project, with_slice};
use crate::{LoraPair, ModelError, Projection};
use std::ops::Range;

/// What a layer computes with, kept for the next layer and the next pass.
#[derive(Default)]
pub(crate) struct Buffers {
    normed: Vec<f32>,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    attended: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    gated: Vec<f32>,
    /// Of a projection back to the hidden width.
    out: Vec<f32>,
    scratch: Scratch,
}

/// The first `len` values, whatever they are.
fn room(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

impl Decoder {
    /// Applies the layers `range` to `x` (n, hidden) in place, token i at `positions[i]`, each row with its
    /// own of the `adapters`.
    pub(super) fn host_layers(
        &self,
        x: &mut [f32],
        positions: &[u32],
        adapters: &[AdapterRows<'_>],
        attention: &mut dyn Attend,
        range: Range<usize>,
        buffers: &mut Buffers,
    ) -> Result<(), ModelError> {
        let config = self.config();
        let (n, hidden) = (positions.len(), config.hidden);
        let rotations = Rotations::host(config, positions);
        let activation = config.architecture.activation();
        let layers = &self.weights.layers[range.clone()];
        let Buffers {
            normed,
            q,
            k,
            v,
            attended,
            gate,
            up,
            gated,
            out,
            scratch,
        } = buffers;
        let width = |heads: usize| n * heads * config.head_dim;
        let normed = room(normed, n * hidden);
        let q = room(q, width(config.heads));
        let k = room(k, width(config.kv_heads));
        let v = room(v, width(config.kv_heads));
        let attended = room(attended, width(config.heads));
        let gate = room(gate, n * config.intermediate);
        let up = room(up, n * config.intermediate);
        let gated = room(gated, n * config.intermediate);
        let out = room(out, n * hidden);

        if let Some(first) = layers.first() {
            first.norms.attention.of_into(x, normed);
        }
        for (at, Layer { norms, projections }) in layers.iter().enumerate() {
            let index = range.start + at;
            let of = |projection: Projection| &projections[projection as usize];
            let adapt = |projection: Projection,
                         x: &[f32],
                         y: &mut [f32],
                         scratch: &mut Scratch| {
                super::adapted::add(adapters, index, projection, of(projection), (x, y), scratch)
            };
            let qkv = [Projection::Q, Projection::K, Projection::V].map(of);
            project(qkv, normed, [&mut *q, &mut *k, &mut *v], scratch)?;
            adapt(Projection::Q, normed, q, scratch)?;
            adapt(Projection::K, normed, k, scratch)?;
            adapt(Projection::V, normed, v, scratch)?;
            if let Some(inner) = &norms.inner {
                inner.queries.in_place(q);
                inner.keys.in_place(k);
            }
            let rotation = rotations.of(config, index);
            kernels::rope(q, config.heads, rotation);
            kernels::rope(k, config.kv_heads, rotation);
            attention.attend_host(index, q, k, v, attended)?;
            project([of(Projection::O)], attended, [&mut *out], scratch)?;
            adapt(Projection::O, attended, out, scratch)?;
            if let Some(inner) = &norms.inner {
                inner.attention_output.in_place(out);
            }
            norms.feed_forward.of_sum(x, out, normed);
            let gate_up = [Projection::Gate, Projection::Up].map(of);
            project(gate_up, normed, [&mut *gate, &mut *up], scratch)?;
            adapt(Projection::Gate, normed, gate, scratch)?;
            adapt(Projection::Up, normed, up, scratch)?;
            activation.mul(gate, up, gated);
            project([of(Projection::Down)], gated, [&mut *out], scratch)?;
            adapt(Projection::Down, gated, out, scratch)?;
            if let Some(inner) = &norms.inner {
                inner.feed_forward_output.in_place(out);
            }
            match layers.get(at + 1) {
                Some(next) => next.norms.attention.of_sum(x, out, normed),
                None => kernels::add(x, out, hidden),
            }
        }
        Ok(())
    }

    /// A projection's pair.
    pub(super) fn pair(&self, layer: usize, projection: Projection) -> Option<&LoraPair> {
        let lora = self.adapter.as_ref()?;
        lora.pair(layer, projection)
    }

    /// One pass over `tokens`, at their `positions`, each with its own of the `adapters` (the decoder's is
    /// not looked at): the logits after the rows `wanted`, (wanted, vocab), in a buffer that is used again.
    pub(crate) fn next_logits(
        &self,
        (tokens, positions): (&[u32], &[u32]),
        adapters: &[AdapterRows<'_>],
        attention: &mut dyn Attend,
        wanted: &[u32],
        buffers: &mut Buffers,
        logits: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        let layers = 0..self.config().layers;
        let x = self.embed(tokens)?;
        if self.is_plain() {
            let pass = super::Pass::Inference;
            let x = self.plain_layers(&x, positions, adapters, attention, layers, pass)?;
            *logits = match wanted {
                [] => Vec::new(),
                _ => self
                    .logits(&crate::ops::rows(&x, wanted)?)?
                    .flatten_all()?
                    .to_vec1()?,
            };
            return Ok(());
        }
        let mut x = with_slice(&x, <[f32]>::to_vec)?;
        self.host_layers(&mut x, positions, adapters, attention, layers, buffers)?;
        let hidden = self.config().hidden;
        let chosen: Vec<f32> = wanted
            .iter()
            .flat_map(|&row| &x[row as usize * hidden..][..hidden])
            .copied()
            .collect();
        let normed = room(&mut buffers.normed, chosen.len());
        self.weights.norm.of_into(&chosen, normed);
        let products = crate::ops::Products::Exact;
        Ok(self.weights.output.product(normed, products, logits)?)
    }
}
