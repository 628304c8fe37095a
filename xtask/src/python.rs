//! Virtual environments of Python in the user's cache folder, each made once.

use crate::process::{run, succeeds};
use crate::setup::{self, Tool};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of the environment `name`, made where it is missing, or has no pip: an attempt that broke
/// off leaves one like that.
pub fn environment(name: &str) -> Result<PathBuf> {
    let folder = cache_folder()?.join(name);
    let python = folder.join("bin/python");
    if !succeeds(Command::new(&python).args(["-m", "pip", "--version"])) {
        make(&folder)?;
    }
    Ok(python)
}

/// Makes an environment in a folder, in place of what is there; where that fails, no folder is left.
fn make(folder: &Path) -> Result<()> {
    let python = match setup::python()? {
        Tool::At(python) => python,
        Tool::Missing { install } => bail!("a Python 3 with venv is needed: {install}"),
    };
    remove(folder)?;
    let made = run(Command::new(python).args(["-m", "venv"]).arg(folder));
    if made.is_err() {
        remove(folder)?;
    }
    made.with_context(|| format!("cannot make a Python environment in {}", folder.display()))
}

fn remove(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
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
