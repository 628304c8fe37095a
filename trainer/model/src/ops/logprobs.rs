//! What losses are made of: log-probabilities of tokens, and the rows of a batch.

use super::linear::{Linear, Products};
use super::slices::{slice, tensor_from_vec, with_slice};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::sync::OnceLock;

/// Rows whose logits exist at once.
const ROWS: usize = 256;

/// The rows `rows`: (n, d) → (rows, d). Differentiable.
///
/// # Errors
/// If a row is not below n.
pub fn rows(x: &Tensor, rows: &[u32]) -> std::result::Result<Tensor, crate::ModelError> {
    let index = Tensor::from_slice(rows, rows.len(), x.device())?;
    Ok(x.index_select(&index, 0)?)
}

/// The output layer and the log-probabilities of (row, token) `places` in one, on the CPU:
/// (n, hidden) → (places,). The logits of all rows never exist at once, and none are kept: what the
/// backward pass needs of a row is the mean of the output layer's rows under its softmax.
pub(crate) fn logprobs_at(
    output: &Linear,
    x: &Tensor,
    places: &[(u32, u32)],
    products: Products,
) -> Result<Tensor> {
    x.contiguous()?.apply_op1(LogprobsOp {
        output: output.clone(),
        places: places.to_vec(),
        products,
        followed: x.track_op(),
        mean_rows: OnceLock::new(),
    })
}

struct LogprobsOp {
    output: Linear,
    /// (row, token)
    places: Vec<(u32, u32)>,
    products: Products,
    /// Whether gradients are wanted.
    followed: bool,
    /// Σ softmax · W of each row, (n, hidden), kept from the forward pass.
    mean_rows: OnceLock<Vec<f32>>,
}

impl CustomOp1 for LogprobsOp {
    fn name(&self) -> &'static str {
        "logprobs"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, width) = layout.shape().dims2()?;
        let x = slice(x, layout)?;
        if !self.followed
            && let Some(logprobs) = self.output.logprobs_at(x, &self.places)
        {
            return Ok((CpuStorage::F32(logprobs), self.places.len().into()));
        }
        let vocab = self.output.rows();
        let mut logprobs = vec![0.0; self.places.len()];
        let mut means = Vec::with_capacity(if self.followed { n * width } else { 0 });
        let mut logits = Vec::new();
        for (part, x) in x.chunks(ROWS * width).enumerate() {
            self.output.product(x, self.products, &mut logits)?;
            let sums = kernels::log_sum_exp_rows(&logits, vocab);
            for (&(row, token), logprob) in self.places.iter().zip(&mut logprobs) {
                let row = (row as usize).wrapping_sub(part * ROWS);
                if let Some(sum) = sums.get(row) {
                    *logprob = logits[row * vocab + token as usize] - sum;
                }
            }
            if self.followed {
                kernels::softmax_in_place(&mut logits, vocab, &sums);
                means.extend(self.output.backward_product(&logits, self.products)?);
            }
        }
        // Set once: the operation is applied once.
        let _ = self.mean_rows.set(means);
        Ok((CpuStorage::F32(logprobs), self.places.len().into()))
    }

    /// Of a row: Σ dy · (the row of W of the place's token − the mean of W's rows).
    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (n, width) = x.dims2()?;
        let Some(means) = self.mean_rows.get().filter(|_| self.followed) else {
            bail!("logprobs: the backward pass needs the forward pass first");
        };
        let weight = self.output.dense_weight()?;
        let (mut dx, mut of_token) = (vec![0.0; n * width], vec![0.0; width]);
        with_slice(dy, |dy| {
            for (&(row, token), dy) in self.places.iter().zip(dy) {
                weight.row(token as usize, &mut of_token);
                let own = row as usize * width..(row as usize + 1) * width;
                let pairs = of_token.iter().zip(&means[own.clone()]);
                for (dx, (of_token, mean)) in dx[own].iter_mut().zip(pairs) {
                    *dx += dy * (of_token - mean);
                }
            }
        })?;
        tensor_from_vec(dx, (n, width)).map(Some)
    }
}
