//! The Your file page in a real browser: how long a visitor waits for the figures of a large file.

use super::{MEASURED_ROWS, Outcome, scored_rows};
use crate::process::{cargo, output, run};
use crate::{browser, setup, web};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;

/// Chooses the file `rounds` times, each in a new page; `limit_s` is what it is set against.
pub fn your_file(root: &Path, rounds: usize, limit_s: f64) -> Result<Outcome> {
    setup::wasm_target(root)?;
    let browser = browser::set_up(root)?.context("there is no Chromium, or no node")?;
    run(cargo(root)
        .args(["build", "--release", "--locked", "--workspace"])
        .args(["--bin", "sayself-server"]))?;
    web::build_web(root)?;
    let file = std::env::temp_dir().join(format!("sayself-your-file-{}.csv", std::process::id()));
    std::fs::write(&file, scored_rows(MEASURED_ROWS))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let told = output(
        browser
            .script("your-file.bench.mjs")
            .arg(&file)
            .arg(rounds.to_string()),
    );
    let _ = std::fs::remove_file(&file);
    let rounds: Vec<Value> = serde_json::from_str(&told?).context("the browser's times")?;
    let mut seconds = Vec::new();
    for round in &rounds {
        let at = |name: &str| round[name].as_f64().context("a time is missing");
        eprintln!(
            "  figures {:.2} s, with intervals {:.2} s, of 1,000 resamples {:.2} s",
            at("figures")?,
            at("intervals")?,
            at("refined")?
        );
        seconds.push((at("intervals")?, limit_s));
    }
    Ok(Outcome::of(seconds, "the limit".into(), (None, None)))
}
