//! Causal attention of a flat batch over itself.

use super::slices::{slice, tensor_from_vec, with_slice};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use kernels::{AttentionShape, KeyValues, Spans};
use std::sync::{Arc, OnceLock};

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
        log_sum_exp: OnceLock::new(),
    };
    q.contiguous()?
        .apply_op3(&k.contiguous()?, &v.contiguous()?, op)
}

struct AttentionOp {
    shape: AttentionShape,
    spans: Arc<Spans>,
    /// (n, heads), kept from the forward pass for the backward pass.
    log_sum_exp: OnceLock<Vec<f32>>,
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
        let mut log_sum_exp = vec![0.0; self.spans.len() * self.shape.heads];
        kernels::attention(
            self.shape,
            q,
            &[source],
            &self.spans,
            &mut out,
            Some(&mut log_sum_exp),
        );
        // The operation is made for one forward pass, so nothing is there yet.
        self.log_sum_exp.get_or_init(|| log_sum_exp);
        Ok((CpuStorage::F32(out), q_layout.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        out: &Tensor,
        d_out: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(log_sum_exp) = self.log_sum_exp.get() else {
            bail!("attention: the backward pass needs the forward pass first");
        };
        let mut dq = vec![0.0; q.elem_count()];
        let mut dk = vec![0.0; k.elem_count()];
        let mut dv = vec![0.0; v.elem_count()];
        let (q_shape, k_shape) = (q.dims2()?, k.dims2()?);
        let (k, v, out, d_out) = (
            k.contiguous()?,
            v.contiguous()?,
            out.contiguous()?,
            d_out.contiguous()?,
        );
        with_slice(q, |q| {
            with_slice(&k, |keys| {
                with_slice(&v, |values| {
                    with_slice(&out, |out| {
                        with_slice(&d_out, |d_out| {
                            kernels::attention_backward(
                                self.shape,
                                q,
                                KeyValues { keys, values },
                                &self.spans,
                                out,
                                log_sum_exp,
                                d_out,
                                &mut dq,
                                &mut dk,
                                &mut dv,
                            );
                        })
                    })
                })
            })
        })?????;
        Ok((
            Some(tensor_from_vec(dq, q_shape)?),
            Some(tensor_from_vec(dk, k_shape)?),
            Some(tensor_from_vec(dv, k_shape)?),
        ))
    }
}
