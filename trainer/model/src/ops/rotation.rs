//! Rotary position embedding in the layout of Hugging Face (a head's first half with its second).

use super::plain;
use super::slices::slice;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};
use kernels::{RopeLayout, RopeTable};
use std::sync::Arc;

/// The rotations of a batch's positions, made once for all layers.
#[derive(Clone, Debug)]
pub(crate) enum Rotation {
    Kernel(Arc<RopeTable>),
    /// Cosines and sines, each (n, head_dim / 2).
    Plain(Tensor, Tensor),
}

impl Rotation {
    pub(crate) fn new(
        positions: &[u32],
        head_dim: usize,
        theta: f32,
        plain: Option<&Device>,
    ) -> Result<Self> {
        match plain {
            None => Ok(Self::Kernel(Arc::new(RopeTable::new(
                positions,
                head_dim,
                theta.into(),
            )))),
            Some(device) => {
                let (cos, sin) = plain::rope_table(positions, head_dim, theta, device)?;
                Ok(Self::Plain(cos, sin))
            }
        }
    }

    /// (n, heads · head_dim) → the same, each head rotated.
    pub(crate) fn apply(&self, x: &Tensor, heads: usize) -> Result<Tensor> {
        match self {
            Self::Kernel(table) => x.contiguous()?.apply_op1(RotateOp {
                table: Arc::clone(table),
                heads,
            }),
            Self::Plain(cos, sin) => plain::rope(x, heads, cos, sin),
        }
    }
}

struct RotateOp {
    table: Arc<RopeTable>,
    heads: usize,
}

impl CustomOp1 for RotateOp {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = slice(x, layout)?.to_vec();
        kernels::rope(&mut y, self.heads, &self.table, RopeLayout::Halves);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }
}
