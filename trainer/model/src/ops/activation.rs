//! The gated activation of the feed-forward layer.

use super::plain;
use super::slices::{on_host, slice};
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
}
