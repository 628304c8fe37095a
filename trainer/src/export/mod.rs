//! Models and data sets written for others' programs: transformers, llama.cpp, the `datasets` library.
//!
//! Each file is whole or not there ([`write_atomically`]); nothing that is there is written over
//! without being told to.

mod card;
mod dataset;
mod model_files;
mod of_run;

pub use dataset::write_dataset;
pub use model_files::{LoadedModel, write_gguf, write_merged};
pub use of_run::OfRun;

use crate::error::bad_use;
use crate::run_dir::write_atomically;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The name of a card.
const CARD: &str = "README.md";

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    pub path: PathBuf,
    pub bytes: u64,
}

impl Written {
    fn of(path: PathBuf) -> anyhow::Result<Self> {
        let bytes = path
            .metadata()
            .map_err(|source| crate::error::Error::Read {
                path: path.clone(),
                source,
            })?
            .len();
        Ok(Written { path, bytes })
    }
}

/// Writes small files, in order.
fn write_all(files: &[(PathBuf, Vec<u8>)]) -> anyhow::Result<Vec<Written>> {
    files
        .iter()
        .map(|(path, bytes)| {
            write_atomically(path, bytes)?;
            Written::of(path.clone())
        })
        .collect()
}

/// Whether these files may be written.
///
/// # Errors
/// Bad use where one of them is there already and `force` is not given.
fn check_absent<'a>(paths: impl IntoIterator<Item = &'a Path>, force: bool) -> anyhow::Result<()> {
    let there = paths.into_iter().find(|path| path.exists());
    match there.filter(|_| !force) {
        None => Ok(()),
        Some(path) => Err(bad_use(format!(
            "{} is there already: choose another --out, or give --force to write over it",
            path.display()
        ))),
    }
}
