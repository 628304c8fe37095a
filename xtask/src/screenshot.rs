//! The README's picture, made from the recorded run.

use crate::process::{build_programs, run, target_folder};
use crate::serve::{Served, Server};
use crate::{browser, setup, web};
use anyhow::{Result, bail};
use std::path::Path;

/// The recorded run that the pages open on.
pub const RECORDED: &str = "world-facts-smollm2-135m";

pub fn screenshot(root: &Path) -> Result<()> {
    let Some(browser) = browser::set_up(root)? else {
        bail!("the picture is taken by Chromium, which is missing");
    };
    setup::wasm_target(root)?;
    build_programs(root)?;
    web::build_web(root)?;
    let scratch = target_folder(root)?.join("screenshots");
    std::fs::create_dir_all(&scratch)?;
    let served = Served {
        runs: vec![root.join("datasets/results")],
        database: scratch.join("screenshot.db"),
    };
    let server = Server::start(root, &served, 7590)?;
    let picture = root.join("docs/run-page.png");
    std::fs::create_dir_all(root.join("docs"))?;
    let page = format!("{}/runs/{RECORDED}", server.address);
    run(browser.script("screenshot.mjs").arg(page).arg(&picture))?;
    println!("The picture is in {}", picture.display());
    Ok(())
}
