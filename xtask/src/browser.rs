//! The browser's tools and tests: playwright-core and axe-core from the committed lock file, with
//! the system's Chromium.

use crate::process::run;
use crate::setup::{self, Tool};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What drives a browser.
pub struct Browser {
    folder: PathBuf,
    chromium: PathBuf,
}

/// Sets the browser up; `None`, after a loud word, where it cannot be had.
pub fn set_up(root: &Path) -> Result<Option<Browser>> {
    let folder = root.join("tests/browser");
    match (setup::chromium()?, setup::node()?) {
        (Tool::At(chromium), Tool::At(_)) => {
            setup::npm_packages(&folder)?;
            Ok(Some(Browser { folder, chromium }))
        }
        (Tool::Missing { install }, _) | (_, Tool::Missing { install }) => {
            setup::leave_out("the tests of the pages in a real browser", &install)?;
            Ok(None)
        }
    }
}

impl Browser {
    /// node with one of the scripts of `tests/browser`.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new("node");
        command
            .current_dir(&self.folder)
            .env("SAYSELF_CHROMIUM", &self.chromium)
            .arg(name);
        command
    }

    /// The tests of the pages, by node's own test runner.
    pub fn test(&self) -> Result<()> {
        let mut command = Command::new("node");
        command
            .current_dir(&self.folder)
            .env("SAYSELF_CHROMIUM", &self.chromium);
        // One at a time: each starts a server and a browser on few cores.
        run(command.args([
            "--test",
            "--test-concurrency=1",
            "pages.test.mjs",
            "recorded.test.mjs",
            "your-file.test.mjs",
        ]))
    }
}
