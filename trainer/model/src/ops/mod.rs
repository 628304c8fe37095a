//! The decoder's operations.
//!
//! Each comes twice: by `kernels` on values (CPU, `f32`), and in [`plain`] as a composition of candle's
//! differentiable operations, which computes everywhere and is what the tests compare the first with.
//! Of the first, what comes after the layers (norm, log-probabilities) are candle operations with a
//! backward pass; that of the layers is `decoder/tape.rs`.

mod dropout;
mod linear;
mod logprobs;
mod norm;
pub mod plain;
mod slices;

pub use dropout::Dropout;
pub(crate) use dropout::mixed;
pub(crate) use linear::{DenseWeight, Linear, Products, Scratch, TrainInput, Weight, project};
pub(crate) use logprobs::logprobs_at;
pub use logprobs::rows;
pub(crate) use norm::Norm;
pub use plain::log_sum_exp;
pub(crate) use slices::{tensor_from_vec, with_slice};

#[cfg(test)]
mod tests;
