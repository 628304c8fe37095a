//! The user's cache folder.

use crate::error::Error;
use anyhow::bail;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// `$SAYSELF_CACHE`, else `$XDG_CACHE_HOME/sayself`, else the system's place for caches
/// (`~/.cache/sayself`; on macOS `~/Library/Caches/sayself`, on Windows `%LOCALAPPDATA%\sayself`).
///
/// # Errors
/// Where none of the variables is set.
pub fn folder() -> anyhow::Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = variable("SAYSELF_CACHE") {
        return Ok(folder.into());
    }
    if let Some(folder) = variable("XDG_CACHE_HOME") {
        return Ok(Path::new(&folder).join("sayself"));
    }
    if cfg!(windows)
        && let Some(folder) = variable("LOCALAPPDATA")
    {
        return Ok(Path::new(&folder).join("sayself"));
    }
    match variable("HOME") {
        Some(home) if cfg!(target_os = "macos") => {
            Ok(Path::new(&home).join("Library/Caches/sayself"))
        }
        Some(home) => Ok(Path::new(&home).join(".cache/sayself")),
        None => bail!("no cache folder: set SAYSELF_CACHE to a folder"),
    }
}

/// Makes a folder of the cache, and waits until this process alone writes to it.
pub fn lock(folder: &Path, quiet: bool) -> anyhow::Result<File> {
    let path = folder.join(".lock");
    let write_error = |source| Error::Write {
        path: path.clone(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(write_error)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(write_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            if !quiet {
                eprintln!(
                    "Waiting for another process that fetches to {}.",
                    folder.display()
                );
            }
            file.lock().map_err(write_error)?;
        }
        Err(TryLockError::Error(source)) => return Err(write_error(source).into()),
    }
    Ok(file)
}
