//! The gated activation of the feed-forward layer.

use super::plain;
use super::slices::{on_host, slice, tensor_from_vec, with_slice};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

/// `gate / (1 + exp(-gate)) · up`, element by element: (n, d), (n, d) → (n, d).
pub(crate) fn silu_mul(gate: &Tensor, up: &Tensor, plain: bool) -> Result<Tensor> {
    if plain || !on_host(gate) {
        return plain::silu_mul(gate, up);
    }
    gate.contiguous()?.apply_op2(&up.contiguous()?, SiluMulOp)
}

struct SiluMulOp;

impl CustomOp2 for SiluMulOp {
    fn name(&self) -> &'static str {
        "silu-mul"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (slice(gate, gate_layout)?, slice(up, up_layout)?);
        let mut y = vec![0.0; gate.len()];
        kernels::silu_mul(gate, up, &mut y);
        Ok((CpuStorage::F32(y), gate_layout.shape().clone()))
    }

    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let shape = gate.dims2()?;
        let mut d_gate = vec![0.0; gate.elem_count()];
        let mut d_up = vec![0.0; gate.elem_count()];
        with_slice(gate, |gate| {
            with_slice(up, |up| {
                with_slice(dy, |dy| {
                    kernels::silu_mul_backward(gate, up, dy, &mut d_gate, &mut d_up);
                })
            })
        })???;
        Ok((
            Some(tensor_from_vec(d_gate, shape)?),
            Some(tensor_from_vec(d_up, shape)?),
        ))
    }
}
