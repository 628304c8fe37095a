//! What losses are made of: log-sum-exp, log-probabilities of tokens, rows and columns.

use super::plain;
use super::slices::{on_host, slice, tensor_from_vec, with_slice};
use crate::ModelError;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

/// `ln Σ exp` over each row: (p, v) → (p,). Differentiable.
///
/// The log-probability of token `t` in row `i` is `logits[i, t] - log_sum_exp(logits)[i]`.
///
/// # Errors
/// If `logits` is not a matrix.
pub fn log_sum_exp(logits: &Tensor) -> std::result::Result<Tensor, ModelError> {
    if !on_host(logits) {
        return Ok(plain::log_sum_exp(logits)?);
    }
    Ok(logits.contiguous()?.apply_op1(LogSumExpOp)?)
}

/// Natural log of the probability of `targets[i]` in row `i`: (p, v) → (p,). Differentiable.
///
/// # Errors
/// If there is not one target a row, or one is not below v.
pub fn token_logprobs(logits: &Tensor, targets: &[u32]) -> std::result::Result<Tensor, ModelError> {
    let (p, v) = logits.dims2()?;
    if targets.len() != p || targets.iter().any(|&target| target as usize >= v) {
        return Err(ModelError::unsupported(
            "target tokens",
            format!("{p} tokens below {v}"),
            format!(
                "{} tokens, the greatest {:?}",
                targets.len(),
                targets.iter().max()
            ),
        ));
    }
    if !on_host(logits) {
        return Ok(plain::token_logprobs(logits, targets)?);
    }
    let op = TokenLogprobsOp {
        targets: targets.to_vec(),
    };
    Ok(logits.contiguous()?.apply_op1(op)?)
}

/// The columns `columns` of each row: (p, v) → (p, columns). Differentiable.
///
/// # Errors
/// If a column is not below v.
pub fn columns(logits: &Tensor, columns: &[u32]) -> std::result::Result<Tensor, ModelError> {
    let index = Tensor::from_slice(columns, columns.len(), logits.device())?;
    Ok(logits.index_select(&index, 1)?)
}

/// The rows `rows`: (n, d) → (rows, d). Differentiable.
///
/// # Errors
/// If a row is not below n.
pub fn rows(x: &Tensor, rows: &[u32]) -> std::result::Result<Tensor, ModelError> {
    let index = Tensor::from_slice(rows, rows.len(), x.device())?;
    Ok(x.index_select(&index, 0)?)
}

struct LogSumExpOp;

impl CustomOp1 for LogSumExpOp {
    fn name(&self) -> &'static str {
        "log-sum-exp"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (p, v) = layout.shape().dims2()?;
        let sums = slice(logits, layout)?
            .chunks_exact(v)
            .map(kernels::log_sum_exp)
            .collect();
        Ok((CpuStorage::F32(sums), p.into()))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let shape = logits.dims2()?;
        let mut d = with_slice(logits, <[f32]>::to_vec)?;
        kernels::softmax(&mut d, shape.1);
        with_slice(dy, |dy| scale_rows(&mut d, shape.1, dy))?;
        tensor_from_vec(d, shape).map(Some)
    }
}

struct TokenLogprobsOp {
    targets: Vec<u32>,
}

impl CustomOp1 for TokenLogprobsOp {
    fn name(&self) -> &'static str {
        "token-logprobs"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (p, v) = layout.shape().dims2()?;
        let rows = slice(logits, layout)?.chunks_exact(v);
        let logprobs = rows
            .zip(&self.targets)
            .map(|(row, &target)| row[target as usize] - kernels::log_sum_exp(row))
            .collect();
        Ok((CpuStorage::F32(logprobs), p.into()))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let shape = logits.dims2()?;
        let mut d = with_slice(logits, <[f32]>::to_vec)?;
        kernels::softmax(&mut d, shape.1);
        with_slice(dy, |dy| {
            for (row, &target) in d.chunks_exact_mut(shape.1).zip(&self.targets) {
                row[target as usize] -= 1.0;
            }
            let negated: Vec<f32> = dy.iter().map(|dy| -dy).collect();
            scale_rows(&mut d, shape.1, &negated);
        })?;
        tensor_from_vec(d, shape).map(Some)
    }
}

fn scale_rows(values: &mut [f32], width: usize, factors: &[f32]) {
    for (row, &factor) in values.chunks_exact_mut(width).zip(factors) {
        row.iter_mut().for_each(|value| *value *= factor);
    }
}
