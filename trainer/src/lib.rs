//! The pipeline that teaches a language model to say honestly how sure it is, and its command
//! line, `sayself`.
//!
//! Data flows one way: files → pure functions → files. Each of the [`stages`] is one command
//! ([`cli`]) and one function, and writes to a [`run_dir`] and nothing else.

pub mod annotate;
pub mod archive;
pub mod cli;
pub mod device;
pub mod embed;
pub mod endpoint;
pub mod error;
pub mod evaluations;
pub mod events;
pub mod export;
pub mod import;
pub mod infer;
pub mod learn;
pub mod model_source;
pub mod plan;
pub mod plot;
pub mod pull;
pub mod question_folder;
pub mod question_source;
pub mod report;
pub mod run_dir;
pub mod sampler;
pub mod scored_rows;
pub mod stages;
pub mod status;
