//! Causal attention of a flat batch over itself.

use super::slices::slice;
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use kernels::{AttentionShape, KeyValues, Spans};
use std::sync::Arc;

/// Queries (n, heads · head_dim), keys and values (n, kv_heads · head_dim) of a flat batch, already
/// rotated → (n, heads · head_dim). `spans` names for each row the rows that it attends to.
pub(crate) fn attention(
    shape: AttentionShape,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    spans: &Arc<Spans>,
) -> Result<Tensor> {
    let op = AttentionOp {
        shape,
        spans: Arc::clone(spans),
    };
    q.contiguous()?
        .apply_op3(&k.contiguous()?, &v.contiguous()?, op)
}

struct AttentionOp {
    shape: AttentionShape,
    spans: Arc<Spans>,
}

impl CustomOp3 for AttentionOp {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let q = slice(q, q_layout)?;
        let source = KeyValues {
            keys: slice(k, k_layout)?,
            values: slice(v, v_layout)?,
        };
        let mut out = vec![0.0; q.len()];
        kernels::attention(self.shape, q, &[source], &self.spans, &mut out, None);
        Ok((CpuStorage::F32(out), q_layout.shape().clone()))
    }
}
