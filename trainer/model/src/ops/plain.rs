//! The decoder's operations as compositions of candle's differentiable operations. They compute on
//! every device and in every type; on the CPU they are the twin that tests compare the kernels
//! with.

use crate::LoraPair;
use crate::config::{Activation, Rotation};
use candle_core::{D, DType, Device, Result, Tensor};
use kernels::AttentionShape;

/// RMSNorm in `f32`, back in the type of `x`: (n, d), (d) → (n, d).
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let x32 = x.to_dtype(DType::F32)?;
    let mean_square = x32.sqr()?.mean_keepdim(D::Minus1)?;
    let normed = x32.broadcast_div(&(mean_square + f64::from(eps))?.sqrt()?)?;
    normed
        .broadcast_mul(&weight.to_dtype(DType::F32)?)?
        .to_dtype(x.dtype())
}

/// Cosines and sines of positions, each (n, head_dim / 2), `f32`.
pub fn rope_table(
    positions: &[u32],
    head_dim: usize,
    rotation: Rotation,
    device: &Device,
) -> Result<(Tensor, Tensor)> {
    let half = head_dim / 2;
    let mut cos = Vec::with_capacity(positions.len() * half);
    let mut sin = Vec::with_capacity(positions.len() * half);
    for &position in positions {
        for i in 0..half {
            let exponent = -(2.0 * i as f64) / head_dim as f64;
            let frequency = f64::from(rotation.theta).powf(exponent) as f32 / rotation.factor;
            // The angle is rounded to f32, as transformers has it.
            let angle = f64::from(position as f32 * frequency);
            cos.push(angle.cos() as f32);
            sin.push(angle.sin() as f32);
        }
    }
    let shape = (positions.len(), half);
    Ok((
        Tensor::from_vec(cos, shape, device)?,
        Tensor::from_vec(sin, shape, device)?,
    ))
}

/// Rotates each head of `x` (n, heads · head_dim), its first half with its second.
pub fn rope(x: &Tensor, heads: usize, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    let half = width / heads / 2;
    let x4 = x.reshape((n, heads, 2, half))?.to_dtype(DType::F32)?;
    let (first, second) = (x4.narrow(2, 0, 1)?, x4.narrow(2, 1, 1)?);
    let (cos, sin) = (cos.reshape((n, 1, 1, half))?, sin.reshape((n, 1, 1, half))?);
    let rotated_first = (first.broadcast_mul(&cos)? - second.broadcast_mul(&sin)?)?;
    let rotated_second = (second.broadcast_mul(&cos)? + first.broadcast_mul(&sin)?)?;
    Tensor::cat(&[rotated_first, rotated_second], 2)?
        .reshape((n, width))?
        .to_dtype(x.dtype())
}

/// RMSNorm of each head of `x` (n, heads · head_dim) by itself, with one weight (head_dim) for all.
pub fn rms_norm_of_heads(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let ((n, width), head_dim) = (x.dims2()?, weight.elem_count());
    let heads = x.reshape((n * width / head_dim, head_dim))?;
    rms_norm(&heads, weight, eps)?.reshape((n, width))
}

/// `activation(gate) · up`, element by element.
pub fn gated(activation: Activation, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    let gate = match activation {
        Activation::Silu => candle_nn::ops::silu(gate)?,
        Activation::Gelu => gate.gelu()?,
    };
    gate * up
}

/// Attention of queries (n, heads · head_dim) over keys and values (m, kv_heads · head_dim);
/// `mask` (n, m) is added to the scaled scores: 0 where a query sees a key, -∞ where not.
pub fn attention(
    shape: AttentionShape,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    mask: &Tensor,
) -> Result<Tensor> {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        scale,
    } = shape;
    let (n, m) = mask.dims2()?;
    let group = heads / kv_heads;
    // (kv_heads, group · n, head_dim)
    let q = q
        .reshape((n, kv_heads, group, head_dim))?
        .permute((1, 2, 0, 3))?
        .reshape((kv_heads, group * n, head_dim))?;
    // (kv_heads, head_dim, m) and (kv_heads, m, head_dim)
    let k = k
        .reshape((m, kv_heads, head_dim))?
        .permute((1, 2, 0))?
        .contiguous()?;
    let v = v
        .reshape((m, kv_heads, head_dim))?
        .transpose(0, 1)?
        .contiguous()?;
    let scores = (q.matmul(&k)?.to_dtype(DType::F32)? * f64::from(scale))?
        .reshape((kv_heads, group, n, m))?
        .broadcast_add(mask)?;
    let weights = candle_nn::ops::softmax(&scores, D::Minus1)?
        .to_dtype(v.dtype())?
        .reshape((kv_heads, group * n, m))?;
    weights
        .matmul(&v)?
        .reshape((kv_heads, group, n, head_dim))?
        .permute((2, 0, 1, 3))?
        .reshape((n, heads * head_dim))
}

/// `ln Σ exp` over each row: (p, v) → (p,).
pub fn log_sum_exp(x: &Tensor) -> Result<Tensor> {
    let x = x.to_dtype(DType::F32)?;
    let max = x.max_keepdim(D::Minus1)?.detach();
    let sum = x.broadcast_sub(&max)?.exp()?.sum_keepdim(D::Minus1)?;
    (sum.log()? + max)?.squeeze(D::Minus1)
}

/// Natural log of the probability of a token in a row, for each (row, token): (p, v) → (places,).
pub fn logprobs_at(logits: &Tensor, places: &[(u32, u32)]) -> Result<Tensor> {
    let logits = logits.to_dtype(DType::F32)?;
    let (rows, tokens): (Vec<u32>, Vec<u32>) = places.iter().copied().unzip();
    let rows = Tensor::from_vec(rows, places.len(), logits.device())?;
    let tokens = Tensor::from_vec(tokens, (places.len(), 1), logits.device())?;
    let sums = log_sum_exp(&logits)?.index_select(&rows, 0)?;
    let chosen = logits.index_select(&rows, 0)?.gather(&tokens, 1)?;
    chosen.squeeze(1)? - sums
}

/// `x Wᵀ + bias + scale · (x Aᵀ) Bᵀ`: (n, in) → (n, out).
pub fn linear(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    lora: Option<&LoraPair>,
) -> Result<Tensor> {
    let mut y = x.matmul(&weight.t()?)?;
    if let Some(bias) = bias {
        y = y.broadcast_add(bias)?;
    }
    if let Some(pair) = lora {
        let (a, b) = pair.tensors();
        let mut read = x.to_dtype(DType::F32)?;
        if let Some(dropout) = pair.dropout {
            let mut factors = vec![1.0; x.elem_count()];
            dropout.apply(&mut factors);
            read = (read * Tensor::from_vec(factors, x.shape(), x.device())?)?;
        }
        let update = read.matmul(&a.t()?)?.matmul(&b.t()?)?;
        y = (y + (update * pair.scale)?.to_dtype(x.dtype())?)?;
    }
    Ok(y)
}
