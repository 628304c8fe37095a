//! Attention of a flat batch over itself.

use super::Attend;
use crate::ops;
use crate::{Decoder, ModelError, Segments};
use candle_core::{Device, Tensor};
use kernels::{AttentionShape, KeyValues, Span, Spans};

/// Each row sees its ancestors' rows and those of its own segment up to itself.
pub(super) struct FlatAttention {
    shape: AttentionShape,
    spans: Spans,
    /// (n, n), once plain compositions have asked for it.
    mask: Option<Tensor>,
}

impl FlatAttention {
    pub(super) fn new(decoder: &Decoder, batch: &Segments) -> Self {
        Self {
            shape: decoder.attention_shape(),
            spans: spans_of(batch),
            mask: None,
        }
    }
}

impl Attend for FlatAttention {
    fn attend_plain(
        &mut self,
        _layer: usize,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Tensor, ModelError> {
        let AttentionShape {
            heads,
            kv_heads,
            head_dim,
            ..
        } = self.shape;
        let mask = match &self.mask {
            Some(mask) => mask,
            None => self
                .mask
                .insert(mask_of(&self.spans, &[0], self.spans.len(), q.device())?),
        };
        Ok(ops::plain::attention(
            (heads, kv_heads, head_dim),
            q,
            k,
            v,
            mask,
        )?)
    }

    fn attend_host(
        &mut self,
        _layer: usize,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), ModelError> {
        let source = KeyValues { keys: k, values: v };
        kernels::attention(self.shape, q, &[source], &self.spans, out, None);
        Ok(())
    }
}

pub(crate) fn spans_of(batch: &Segments) -> Spans {
    let mut spans = Spans::new();
    for segment in batch.ids() {
        let ancestors = batch.ancestors(segment);
        let own = batch.range(segment);
        for row in own.clone() {
            let rows = ancestors
                .iter()
                .cloned()
                .chain(std::iter::once(own.start..row + 1));
            spans.push(rows.map(|rows| Span { source: 0, rows }));
        }
    }
    spans
}

/// 0 where a row sees a key, -∞ where not: (n, keys). Source `s` starts at key `starts[s]`.
pub(crate) fn mask_of(
    spans: &Spans,
    starts: &[usize],
    keys: usize,
    device: &Device,
) -> Result<Tensor, ModelError> {
    let mut mask = vec![f32::NEG_INFINITY; spans.len() * keys];
    for (row, mask) in mask.chunks_exact_mut(keys.max(1)).enumerate() {
        for span in spans.of(row) {
            let start = starts[span.source];
            mask[start + span.rows.start..start + span.rows.end].fill(0.0);
        }
    }
    Ok(Tensor::from_vec(mask, (spans.len(), keys), device)?)
}
