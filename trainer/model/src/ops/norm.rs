//! RMSNorm with a frozen weight.

use super::plain;
use super::slices::{slice, tensor_from_vec, with_slice};
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// RMSNorm: `x / sqrt(mean(x²) + eps) * weight` over each row.
#[derive(Clone, Debug)]
pub(crate) struct Norm {
    weight: Arc<Vec<f32>>,
    /// Set where the plain composition computes.
    plain: Option<Tensor>,
    eps: f32,
}

impl Norm {
    pub(crate) fn new(weight: Vec<f32>, eps: f32, plain: Option<&Device>) -> Result<Self> {
        let weight = Arc::new(weight);
        let plain = plain
            .map(|device| Tensor::from_slice(&weight, weight.len(), device))
            .transpose()?;
        Ok(Self { weight, plain, eps })
    }

    pub(crate) fn weight(&self) -> &[f32] {
        &self.weight
    }

    /// (n, d) → (n, d)
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.plain {
            Some(weight) => plain::rms_norm(x, weight, self.eps),
            None => x.contiguous()?.apply_op1(self.clone()),
        }
    }

    /// `x += added`, and `y` the norm of that.
    pub(crate) fn of_sum(&self, x: &mut [f32], added: &[f32], y: &mut [f32]) {
        kernels::add_rms_norm(x, added, &self.weight, self.eps, y);
    }

    /// Of each head of `x` (n, heads · d) by itself: (n, heads · d).
    pub(crate) fn forward_heads(&self, x: &Tensor) -> Result<Tensor> {
        match &self.plain {
            Some(weight) => plain::rms_norm_of_heads(x, weight, self.eps),
            None => bail!("norm: expected a weight for plain compositions"),
        }
    }

    /// [`Norm::forward`] of values, in place; of rows, or of each head of rows.
    pub(crate) fn in_place(&self, x: &mut [f32]) {
        kernels::rms_norm_in_place(x, &self.weight, self.eps);
    }

    /// [`Norm::forward`] of values, into a buffer of the caller's.
    pub(crate) fn of_into(&self, x: &[f32], y: &mut [f32]) {
        kernels::rms_norm(x, &self.weight, self.eps, y);
    }

    /// [`Norm::forward`] of values.
    pub(crate) fn of(&self, x: &[f32]) -> Vec<f32> {
        let mut y = kernels::zeros(x.len());
        self.of_into(x, &mut y);
        y
    }

    /// The gradient towards `x`.
    pub(crate) fn backward(&self, x: &[f32], dy: &[f32]) -> Vec<f32> {
        let mut dx = kernels::zeros(x.len());
        kernels::rms_norm_backward(x, &self.weight, self.eps, dy, &mut dx);
        dx
    }

    /// Adds the gradient towards `x` to `dx`.
    pub(crate) fn add_backward(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let own = self.backward(x, dy);
        kernels::add(dx, &own, self.weight.len());
    }
}

impl CustomOp1 for Norm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = self.of(slice(x, layout)?);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let shape = x.dims2()?;
        let dx = with_slice(x, |x| with_slice(dy, |dy| self.backward(x, dy)))??;
        tensor_from_vec(dx, shape).map(Some)
    }
}
