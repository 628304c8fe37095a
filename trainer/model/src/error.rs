use std::fmt::Display;

/// What can go wrong in this crate. Every message says what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file's bytes are torn, foreign, or of a wrong shape.
    #[error("{file}, byte {offset}: expected {expected}, found {found}")]
    Format {
        /// The kind of file, and the tensor or key where one is at hand.
        file: String,
        /// Offset in bytes from the start of the file.
        offset: u64,
        /// What should have stood there.
        expected: String,
        /// What stood there.
        found: String,
    },
    /// A file is well formed and says something that this crate does not do or that contradicts
    /// itself.
    #[error("{what}: expected {expected}, found {found}")]
    Unsupported {
        /// The key, tensor or file in question.
        what: String,
        /// What would have been understood.
        expected: String,
        /// What was there.
        found: String,
    },
    /// A caller asked for more than a named limit allows.
    #[error("{what}: {found} is over the limit of {limit}")]
    Limit {
        /// The quantity with its unit.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What was asked for.
        found: usize,
    },
    /// The tokenizer failed.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// The chat template failed.
    #[error("chat template: {0}")]
    Template(String),
    /// A JSON document could not be read.
    #[error("{file}: {source}")]
    Json {
        /// Which document.
        file: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A kernel was called with slices of a wrong length.
    #[error(transparent)]
    Kernel(#[from] kernels::KernelError),
}

impl ModelError {
    pub(crate) fn unsupported(
        what: impl Display,
        expected: impl Display,
        found: impl Display,
    ) -> Self {
        Self::Unsupported {
            what: what.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}
