//! The decoder's operations.
//!
//! Each comes twice: a candle custom operation that calls `kernels` (CPU, `f32`), and in
//! [`plain`] a composition of candle's differentiable operations, which computes everywhere and is
//! what the tests compare the first with. Of the first, what comes after the layers (norm,
//! log-probabilities) has a backward pass; that of the layers is `decoder/tape.rs`.

mod activation;
mod attention;
mod linear;
mod logprobs;
mod norm;
pub mod plain;
mod rotation;
mod slices;

pub(crate) use activation::silu_mul;
pub(crate) use attention::attention;
pub(crate) use linear::{DenseWeight, Input, Linear, Products, TrainInput, Weight};
pub(crate) use logprobs::logprobs_at;
pub use logprobs::rows;
pub(crate) use norm::Norm;
pub use plain::log_sum_exp;
pub(crate) use rotation::Rotation;
pub(crate) use slices::{tensor_from_vec, with_slice};

#[cfg(test)]
mod tests;
