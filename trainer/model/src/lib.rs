//! The language model: a decoder (Llama, Mistral, Qwen2, Gemma 3) dense or quantized, its tokenizer and
//! chat template, LoRA with its optimizer, and the sampler.
//!
//! This crate works on bytes: it opens no file and no socket, and it builds for wasm32. The
//! decoder's layers stand thrice. On the CPU they compute on slices, by the crate `kernels`: once for
//! inference (`decoder/host.rs`), once for training, with the backward pass written out
//! ([`decoder::Tape`]). On other devices they are plain compositions of candle's differentiable
//! operations (`decoder.rs`): the twin to whose values and gradients the tests hold the others. What
//! comes after the layers are candle operations of our own. candle's `softmax_last_dim`, `rms_norm`,
//! `rope`, `sdpa` and `QMatMul` have no backward pass and cut gradients without a word, so they
//! are not used anywhere here.
//!
//! | module | what it holds |
//! |---|---|
//! | [`gguf`] | a bounds-checked reader of GGUF files |
//! | [`config`] | the shape of a decoder |
//! | [`decoder`] | the decoder: `embed`, `layers`, `logits`; `train_layers` and its tape |
//! | [`segments`] | flat batches whose segments share prompts and branch |
//! | [`ops`] | the operations |
//! | [`lora`] | LoRA adapters in PEFT form |
//! | [`optimizer`] | gradients, clipping, AdamW |
//! | [`export`] | models written as folders of safetensors and as GGUF files |
//! | [`tokenizer`], [`chat`] | token ids and chat templates |
//! | [`mod@generate`] | sampling with continuous batching |
//! | [`mod@score`], [`levels`] | log-probabilities of texts and of the ten confidence levels |
//! | [`continuations`] | logits along given continuations of contexts that share their beginning |

pub mod chat;
pub mod config;
pub mod continuations;
pub mod decoder;
mod error;
pub mod export;
pub mod generate;
pub mod gguf;
pub mod levels;
pub mod lora;
pub mod ops;
pub mod optimizer;
mod safetensors_bytes;
pub mod score;
pub mod segments;
pub mod tokenizer;

pub use candle_core::{DType, Device, Tensor, Var};
pub use chat::Message;
pub use config::{Activation, Architecture, Config, Rotation, Window};
pub use continuations::{Continuation, continuation_logits};
pub use decoder::{Decoder, InnerNorm, LoadOptions, Part, Tape};
pub use error::ModelError;
pub use generate::{
    Completion, Decoding, Finish, Generator, Job, LevelReading, Limits, Request, ScoredToken,
    StatedLevels, Told, generate, generate_reading,
};
pub use kernels::Precision;
pub use levels::{LevelTokens, level_probabilities};
pub use lora::{Lora, LoraConfig, LoraPair, Projection};
pub use optimizer::{AdamW, AdamWConfig, Gradients};
pub use score::score;
pub use segments::{SegmentId, Segments};
pub use tokenizer::{StreamDecoder, Tokenizer};
