//! What losses are made of: log-probabilities of tokens, and the rows of a batch.

use super::plain;
use super::slices::{on_host, slice, tensor_from_vec, with_slice};
use crate::ModelError;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::sync::OnceLock;

/// Natural log of the probability of `targets[i]` in row `i`: (p, v) → (p,). Differentiable.
///
/// # Errors
/// If there is not one target a row, or one is not below v.
pub fn token_logprobs(logits: &Tensor, targets: &[u32]) -> std::result::Result<Tensor, ModelError> {
    let p = logits.dims2()?.0;
    if targets.len() != p {
        return Err(ModelError::unsupported(
            "target tokens",
            format!("{p}, one a row"),
            targets.len(),
        ));
    }
    let places: Vec<(u32, u32)> = (0..).zip(targets.iter().copied()).collect();
    logprobs_at(logits, &places)
}

/// Natural log of the probability of a token in a row, for each (row, token) of `places`:
/// (p, v) → (places,). Differentiable. A row may be asked for many tokens, or for none.
///
/// # Errors
/// If a row is not below p, or a token not below v.
pub fn logprobs_at(
    logits: &Tensor,
    places: &[(u32, u32)],
) -> std::result::Result<Tensor, ModelError> {
    let (p, v) = logits.dims2()?;
    let is_there = |&(row, token): &(u32, u32)| (row as usize) < p && (token as usize) < v;
    if let Some(place) = places.iter().find(|place| !is_there(place)) {
        return Err(ModelError::unsupported(
            "a target token",
            format!("a row below {p} and a token below {v}"),
            format!("{place:?}"),
        ));
    }
    if !on_host(logits) {
        return Ok(plain::logprobs_at(logits, places)?);
    }
    let op = LogprobsOp {
        places: places.to_vec(),
        log_sum_exp: OnceLock::new(),
    };
    Ok(logits.contiguous()?.apply_op1(op)?)
}

/// The rows `rows`: (n, d) → (rows, d). Differentiable.
///
/// # Errors
/// If a row is not below n.
pub fn rows(x: &Tensor, rows: &[u32]) -> std::result::Result<Tensor, ModelError> {
    let index = Tensor::from_slice(rows, rows.len(), x.device())?;
    Ok(x.index_select(&index, 0)?)
}

/// A vocabulary is wide, and few of its columns are asked for: so all places are one operation,
/// whose gradient is written once.
struct LogprobsOp {
    /// (row, token)
    places: Vec<(u32, u32)>,
    /// Of each row, kept from the forward pass.
    log_sum_exp: OnceLock<Vec<f32>>,
}

impl CustomOp1 for LogprobsOp {
    fn name(&self) -> &'static str {
        "token-logprobs"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let v = layout.shape().dims2()?.1;
        let logits = slice(logits, layout)?;
        let sums = self
            .log_sum_exp
            .get_or_init(|| kernels::log_sum_exp_rows(logits, v));
        let logprobs: Vec<f32> = self
            .places
            .iter()
            .map(|&(row, token)| logits[row as usize * v + token as usize] - sums[row as usize])
            .collect();
        Ok((CpuStorage::F32(logprobs), self.places.len().into()))
    }

    /// d logits = onehot · dy − softmax · Σ dy of the row.
    fn bwd(&self, logits: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (p, v) = logits.dims2()?;
        let Some(sums) = self.log_sum_exp.get() else {
            bail!("token-logprobs: the backward pass needs the forward pass first");
        };
        let mut d = vec![0.0; p * v];
        with_slice(logits, |logits| {
            with_slice(dy, |dy| {
                let mut factors = vec![0.0; p];
                for (&(row, _), dy) in self.places.iter().zip(dy) {
                    factors[row as usize] -= dy;
                }
                kernels::scaled_softmax(logits, v, sums, &factors, &mut d);
                for (&(row, token), dy) in self.places.iter().zip(dy) {
                    d[row as usize * v + token as usize] += dy;
                }
            })
        })??;
        tensor_from_vec(d, (p, v)).map(Some)
    }
}
