//! What went wrong, and which exit code tells it: 1 for what failed, 2 for bad use.

use std::path::PathBuf;

/// The errors that the command line tells apart. Everything else is an [`anyhow::Error`] with
/// context, and ends with exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option that is unknown, out of its range, or at odds with another.
    #[error("{0}")]
    BadUse(String),
    /// A file that is empty, torn, foreign or of the wrong shape. The text names file, line and
    /// record, what was found and what was expected.
    #[error("{0}")]
    BadInput(String),
    /// A file could not be written, e.g. because the disk is full. What was written before is
    /// whole: the same command goes on from there.
    #[error(
        "cannot write {} (what was written before is whole; the same command goes on from there)",
        path.display()
    )]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A file or folder that is named does not exist or cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Another process writes to this run directory.
    #[error("{} is being written by another process; wait for it, or choose another --out", .0.display())]
    Busy(PathBuf),
}

/// An [`Error::BadUse`] as an [`anyhow::Error`]: exit code 2.
pub fn bad_use(message: impl Into<String>) -> anyhow::Error {
    Error::BadUse(message.into()).into()
}

/// An [`Error::BadInput`] as an [`anyhow::Error`]: exit code 2.
pub fn bad_input(message: impl Into<String>) -> anyhow::Error {
    Error::BadInput(message.into()).into()
}

/// 2 where the cause is bad use or a file of the wrong shape, else 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let is_bad_use = error.chain().any(|cause| {
        matches!(
            cause.downcast_ref::<Error>(),
            Some(Error::BadUse(_) | Error::BadInput(_))
        ) || cause.is::<datasets::ReadError>()
            || cause.is::<datasets::ConfigError>()
            || cause.is::<comparison::pairs::NotComparable>()
    });
    if is_bad_use { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn exit_code_is_found_beneath_context() {
        let error = Err::<(), _>(bad_use("--samples must be 1..=1,000, not 0")).context("sample");
        assert_eq!(exit_code(&error.unwrap_err()), 2);
        assert_eq!(exit_code(&anyhow::anyhow!("the endpoint is down")), 1);
    }
}
