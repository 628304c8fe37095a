//! The browser's tools and tests: playwright-core and axe-core from the committed lock file, with
//! the system's Chromium.

use crate::process::{run, target_folder};
use crate::setup::{self, Tool};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What drives a browser.
pub struct Browser {
    folder: PathBuf,
    chromium: PathBuf,
    /// Where cargo builds to.
    target: &'static Path,
}

/// Sets the browser up; `None`, after a loud word, where it cannot be had.
pub fn set_up(root: &Path) -> Result<Option<Browser>> {
    let folder = root.join("tests/browser");
    let left_out = |install: &str| {
        setup::leave_out("the tests of the pages in a real browser", install).map(|()| None)
    };
    match (setup::chromium()?, setup::node()?) {
        (Tool::At(chromium), Tool::At(_)) => match setup::npm_packages(&folder) {
            Ok(()) => Ok(Some(Browser {
                folder,
                chromium,
                target: target_folder(root)?,
            })),
            Err(error) => left_out(&format!("the same again, with the network ({error:#})")),
        },
        (Tool::Missing { install }, _) | (_, Tool::Missing { install }) => left_out(&install),
    }
}

impl Browser {
    /// node with one of the scripts of `tests/browser`.
    pub fn script(&self, name: &str) -> Command {
        let mut command = self.node();
        command.arg(name);
        command
    }

    /// The tests of the pages, by node's own test runner.
    pub fn test(&self) -> Result<()> {
        let mut command = self.node();
        // One at a time: each starts a server and a browser on few cores.
        command.args(["--test", "--test-concurrency=1"]);
        run(command.args(test_files(&self.folder)?))
    }

    fn node(&self) -> Command {
        let mut command = Command::new("node");
        command
            .current_dir(&self.folder)
            .env("SAYSELF_CHROMIUM", &self.chromium)
            .env("CARGO_TARGET_DIR", self.target);
        command
    }
}

/// All `*.test.mjs` of a folder by their names, in order.
fn test_files(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot list the tests in {}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".test.mjs"))
        .collect();
    names.sort();
    if names.is_empty() {
        bail!("no *.test.mjs in {}", folder.display());
    }
    Ok(names)
}
