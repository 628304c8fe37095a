//! Models written for others: folders as transformers loads them, GGUF files as llama.cpp does.
//!
//! Nothing here opens a file: what is written goes to a [`std::io::Write`], one tensor at a time, so
//! that no more than one tensor stands in memory in full precision.
//!
//! | module | what it holds |
//! |---|---|
//! | [`blocks`] | values to blocks of Q4_0, Q4_1 and Q8_0, as ggml's reference does it |
//! | [`gguf_writer`] | the form of GGUF files |
//! | [`gguf_model`] | a decoder and its tokenizer as a GGUF file |
//! | [`folder`] | a decoder and its tokenizer as `model.safetensors`, `config.json`, `tokenizer.json` |
//! | [`vocabulary`] | a `tokenizer.json` as the metadata of a GGUF file |

pub mod blocks;
pub mod folder;
pub mod gguf_model;
pub mod gguf_writer;
pub mod vocabulary;

pub use blocks::quantize;
pub use folder::{config_json, generation_config_json, write_safetensors};
pub use gguf_model::{GgufModel, Origin};
