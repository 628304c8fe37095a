//! SIMD kernels on slices of `f32`: the arithmetic that language models spend their time in.
//!
//! All matrices are row-major and contiguous; shapes are written `(rows, columns)`. Everything is
//! chosen at run time by [`features`] (AVX-512 with VNNI, AVX2, or portable code that the compiler
//! vectorises: NEON on aarch64, simd128 on wasm32 when compiled with it).
//!
//! Results of a row never depend on how many rows a call has, nor on the number of threads: the
//! order of accumulation is fixed for each output value. Nor do they depend on the processor, as far as
//! it has fused multiply-add: all instruction sets sum in the same 16 lanes. What is rounded twice for
//! want of it differs in the last bit. Work is shared among as many threads as
//! the rayon pool of the caller has (`RAYON_NUM_THREADS`, or `ThreadPool::install`), but by a team
//! of this crate's own, whose threads spin for a short while between kernels: one token takes some
//! 200 kernels, and waking a sleeping thread costs as much as one of them.
//!
//! ```
//! use kernels::{Format, QuantMatrix, Shape, matmul_nt};
//!
//! // Two rows of weights against one of activations.
//! let mut y = [0.0; 2];
//! let (n, k, m) = (1, 3, 2);
//! matmul_nt(Shape { n, k, m }, &[1.0, 2.0, 3.0], &[1.0, 0.0, 0.0, 0.0, 1.0, 1.0], &mut y);
//! assert_eq!(y, [1.0, 5.0]);
//!
//! // A row of Q8_0: a scale (1.0 in 16 bits) and 32 numbers.
//! let mut bytes = vec![0x00, 0x3C];
//! bytes.extend([2u8; 32]);
//! let weights = QuantMatrix::from_bytes(Format::Q8_0, 1, 32, &bytes)?;
//! let mut y = [0.0];
//! weights.matmul(&[1.0; 32], &mut y);
//! assert!((y[0] - 64.0).abs() < 1e-4);
//! # Ok::<(), kernels::KernelError>(())
//! ```
//!
//! Functions panic if slices do not have the lengths that their shapes need: that is a fault of
//! the program, not of its input. What comes from files is checked with [`KernelError`].

mod activation;
mod allocator;
mod attention;
mod features;
mod format;
#[cfg(not(target_arch = "wasm32"))]
mod map_file;
mod matmul;
mod norm;
mod parallel;
mod quantized;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed;
mod rope;
mod rounded;
mod sample;
mod softmax;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
mod team;

pub use activation::{gelu_mul, gelu_mul_backward, silu_mul, silu_mul_backward};
pub use allocator::{keep_freed_memory, zeros};
pub use attention::{AttentionShape, KeyValues, Span, Spans, attention, attention_backward};
pub use features::{Features, features};
pub use format::{Format, KernelError, dequantize};
#[cfg(not(target_arch = "wasm32"))]
pub use map_file::MappedFile;
pub use matmul::training::{Factor, Packed, Precision, multiply, multiply_add};
pub use matmul::{Shape, matmul_nn, matmul_nn_add, matmul_nt, matmul_nt_add};
pub use norm::{add, add_rms_norm, rms_norm, rms_norm_backward, rms_norm_in_place};
pub use parallel::in_parallel;
pub use quantized::{Activations, QuantMatrix};
pub use quantized::{logprobs_of_product, matmul_add, matmul_all, matmul_new};
pub use rope::{RopeTable, rope, rope_inverse};
pub use rounded::{from_bf16, to_bf16};
pub use sample::{Sampled, most_probable_tokens, sample_token, token_logprob};
pub use softmax::{log_sum_exp, log_sum_exp_rows, softmax_in_place};
#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
pub use team::{expect_helpers, help};
