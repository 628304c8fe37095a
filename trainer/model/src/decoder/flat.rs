//! Attention of a flat batch over itself.

use super::Attend;
use super::sight::Sight;
use crate::ops;
use crate::{Decoder, ModelError, Segments};
use candle_core::Tensor;
use kernels::{AttentionShape, KeyValues, Span, Spans};

/// Each row sees its ancestors' rows and those of its own segment up to itself, as far as the layer's
/// window reaches.
pub(super) struct FlatAttention {
    shape: AttentionShape,
    sight: Sight,
}

impl FlatAttention {
    pub(super) fn new(decoder: &Decoder, batch: &Segments) -> Self {
        Self {
            shape: decoder.attention_shape(),
            sight: Sight::new(spans_of(batch), decoder.config().window.as_ref()),
        }
    }
}

impl Attend for FlatAttention {
    fn attend_plain(
        &mut self,
        layer: usize,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Tensor, ModelError> {
        let keys = self.sight.len();
        let mask = self.sight.mask(layer, &[0], keys, q.device())?;
        Ok(ops::plain::attention(self.shape, q, k, v, mask)?)
    }

    fn attend_host(
        &mut self,
        layer: usize,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), ModelError> {
        let source = KeyValues { keys: k, values: v };
        kernels::attention(self.shape, q, &[source], self.sight.of(layer), out, None);
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
