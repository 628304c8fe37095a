//! A comparison: each configuration's run, one after another, from the same samples.

use crate::error::bad_use;
use crate::stages::run::{Outcome, RunOptions, run};
use datasets::RunConfig;
use std::path::{Path, PathBuf};

/// One configuration of a comparison.
pub struct Compared {
    /// Of its run directory within the comparison's.
    pub name: String,
    pub config: RunConfig,
}

/// Runs what is not done yet of each configuration, in `out`/NAME, taking over what `samples` and the runs
/// before it have made; returns each one's measures.
///
/// # Errors
/// Of the first run that fails, with its name; the same command goes on from there.
pub fn compare_methods(
    compared: &[Compared],
    out: &Path,
    samples: Option<&Path>,
    options: RunOptions,
) -> anyhow::Result<Vec<(String, Outcome)>> {
    if let Some(one) = compared.iter().find(|one| one.name.starts_with('.')) {
        return Err(bad_use(format!("{:?} is no name of a folder", one.name)));
    }
    let mut donors: Vec<PathBuf> = samples.map(Path::to_path_buf).into_iter().collect();
    let mut all = Vec::new();
    for (index, one) in compared.iter().enumerate() {
        if !options.quiet {
            eprintln!("{} of {}: {}", index + 1, compared.len(), one.name);
        }
        let folder = out.join(&one.name);
        let outcome = run(&one.config, &folder, &donors, options)
            .map_err(|error| error.context(format!("run {}", one.name)))?;
        donors.push(folder);
        all.push((one.name.clone(), outcome));
    }
    Ok(all)
}
