//! The types that all parts share — [`Question`], [`Sample`], [`Cluster`], [`Rationale`],
//! [`Answer`], [`RunConfig`], [`Event`] — with their parsers and writers, on bytes.
//!
//! Nothing here touches a file or the network, so that it runs in the browser too.

pub mod annotation;
#[cfg(feature = "archive")]
pub mod archive;
pub mod comparison;
pub mod config;
mod config_check;
#[cfg(feature = "schema")]
pub mod config_schema;
#[cfg(feature = "shipped")]
pub mod configs;
pub mod demo;
pub mod event;
pub mod hash;
pub mod hub;
pub mod import;
pub mod jsonl;
pub mod paper;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod prompts;
pub mod question;
mod read_error;
pub mod record;
pub mod reference;
#[cfg(feature = "shipped")]
pub mod world_facts;

pub use comparison::Comparison;
pub use config::RunConfig;
pub use config_check::ConfigError;
pub use event::Event;
pub use question::{Judge, Question, Split};
pub use read_error::ReadError;
pub use record::{
    Answer, Cluster, Clustering, MergeHeights, OwnAnswer, Rationale, Sample, Skipped,
    StageOneRecord,
};
