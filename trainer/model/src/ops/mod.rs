//! The decoder's operations.
//!
//! Each comes twice: a candle custom operation that calls `kernels` (CPU, `f32`), and in
//! [`plain`] a composition of candle's differentiable operations, which computes everywhere and is
//! what the tests compare the first with. Of the first, what comes after the layers (norm, output,
//! log-probabilities) has a backward pass; that of the layers is `decoder/tape.rs`.

mod activation;
mod attention;
mod linear;
mod norm;
pub mod plain;
mod rotation;
mod slices;
mod softmax;

pub(crate) use activation::silu_mul;
pub(crate) use attention::attention;
pub(crate) use linear::{Input, Linear, Weight};
pub(crate) use norm::Norm;
pub use plain::log_sum_exp;
pub(crate) use rotation::Rotation;
pub(crate) use slices::{tensor_from_vec, with_slice};
pub use softmax::{logprobs_at, rows, token_logprobs};

#[cfg(test)]
mod tests;
