//! Virtual environments of Python in the user's cache folder, each made once.

use crate::process::run;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of the environment `name`, made where it is missing.
pub fn environment(name: &str) -> Result<PathBuf> {
    let folder = cache_folder()?.join(name);
    let python = folder.join("bin/python");
    if !python.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .context("a Python 3 with venv is needed")?;
    }
    Ok(python)
}

/// Installs packages into an environment.
pub fn install(python: &Path, packages: &[&str], variables: &[(&str, &str)]) -> Result<()> {
    run(Command::new(python)
        .args(["-m", "pip", "install", "--quiet"])
        .args(packages)
        .envs(variables.iter().copied()))
}

/// The user's cache folder, as `sayself pull` has it.
fn cache_folder() -> Result<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = given("SAYSELF_CACHE") {
        return Ok(folder.into());
    }
    if let Some(folder) = given("XDG_CACHE_HOME") {
        return Ok(Path::new(&folder).join("sayself"));
    }
    let home = given("HOME").context("neither SAYSELF_CACHE, XDG_CACHE_HOME nor HOME is set")?;
    Ok(Path::new(&home).join(".cache/sayself"))
}
