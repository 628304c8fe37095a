//! The pages and their server: how fast they are under load and on a slow phone, beside what is aimed at.

use super::Outcome;
use super::annotate;
use super::rows::Measured;
use crate::made_runs::{self, Scratch};
use crate::process::{build_programs, output, target_folder};
use crate::screenshot::RECORDED;
use crate::serve::{Served, Server};
use crate::setup::wasm_target;
use crate::{browser, web};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Requests a second, and those that follow a run meanwhile.
const RATE: u32 = 500;
const WATCHERS: u32 = 200;
/// The share of the rate that must be kept up.
const RATE_KEPT_MIN: f64 = 0.99;
const PORT: u16 = 7690;

/// Each measurement, made once: it gives several rows.
pub struct Pages {
    root: PathBuf,
    minutes: u32,
    load: Option<Result<Value, String>>,
    paint: Option<Result<Value, String>>,
}

impl Pages {
    pub fn new(root: &Path, minutes: u32) -> Self {
        Pages {
            root: root.to_owned(),
            minutes,
            load: None,
            paint: None,
        }
    }

    /// A figure beside its limit.
    pub fn outcome(&mut self, measured: Measured, limit: f64) -> Result<Outcome> {
        match measured {
            Measured::ServerTime => {
                let time = number(self.load()?, "p99_ms")?;
                Ok(Outcome::once(time, limit, "the limit".into()))
            }
            Measured::ServerMemory => {
                let resident = self.load()?["resident_mb"].as_array().cloned();
                let resident = resident.context("the load told no memory")?;
                let at = |index: usize| resident.get(index).and_then(Value::as_f64);
                // A tenth into the load all is warm.
                let early = at(resident.len() / 10).context("too few looks at the memory")?;
                let late = at(resident.len() - 1).context("too few looks at the memory")?;
                Ok(Outcome::once(late, early * limit, "a tenth into it".into()))
            }
            Measured::FirstPaint => {
                let paint = self.paint()?;
                let shift = number(paint, "layout_shift")?;
                if shift > 0.0 {
                    bail!(
                        "the page moves as it loads: a cumulative layout shift of {shift}, expected 0"
                    );
                }
                let time = number(paint, "first_paint_ms")?;
                Ok(Outcome::once(time, limit, "the limit".into()))
            }
            Measured::SubmitTime => {
                let report = annotate::annotate(&self.root)?;
                let time = number(&report, "submit_p99_ms")?;
                Ok(Outcome::once(time, limit, "the limit".into()))
            }
            Measured::Bundle => {
                let kilobytes = number(self.paint()?, "bundle_bytes")? / 1_000.0;
                Ok(Outcome::once(kilobytes, limit, "the limit".into()))
            }
        }
    }

    fn load(&mut self) -> Result<&Value> {
        let (root, minutes) = (&self.root, self.minutes);
        let load = self
            .load
            .get_or_insert_with(|| load(root, minutes).map_err(|error| format!("{error:#}")));
        load.as_ref().map_err(|error| anyhow!("{error}"))
    }

    fn paint(&mut self) -> Result<&Value> {
        let root = &self.root;
        let paint = self
            .paint
            .get_or_insert_with(|| paint(root).map_err(|error| format!("{error:#}")));
        paint.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

fn number(report: &Value, key: &str) -> Result<f64> {
    report[key]
        .as_f64()
        .with_context(|| format!("{key} is no number in {report}"))
}

/// The server under load, as `server/examples/load.rs` tells it.
fn load(root: &Path, minutes: u32) -> Result<Value> {
    build_programs(root)?;
    let scratch = Scratch::new("pages")?;
    let runs = scratch.0.join("runs");
    let events = made_runs::running(&runs)?;
    let served = Served {
        runs: vec![root.join("datasets/results"), runs],
        database: scratch.0.join("bench.db"),
    };
    let server = Server::start(root, &served, PORT)?;
    let text = output(
        Command::new(target_folder(root)?.join("release/examples/load"))
            .args(["--address", server.address.trim_start_matches("http://")])
            .args(["--page", &format!("/runs/{RECORDED}")])
            .args(["--rate", &RATE.to_string()])
            .args(["--seconds", &(minutes * 60).to_string()])
            .args(["--watchers", &WATCHERS.to_string()])
            .args(["--run", made_runs::RUNNING])
            .args(["--process", &server.id().to_string()])
            .arg("--events")
            .arg(events),
    )?;
    let report: Value = serde_json::from_str(&text).context("the load told no JSON")?;
    eprintln!("  {report}");
    for counter in ["errors", "watchers_lost"] {
        let count = number(&report, counter)?;
        if count > 0.0 {
            bail!("{counter}: {count}, expected none");
        }
    }
    let rate = number(&report, "rate")?;
    if rate < RATE_KEPT_MIN * f64::from(RATE) {
        bail!("{rate:.1} requests a second were answered, expected {RATE}");
    }
    Ok(report)
}

/// The Run page in Chromium on a slow phone and line, as `tests/browser/first_paint.mjs` tells it.
fn paint(root: &Path) -> Result<Value> {
    let Some(browser) = browser::set_up(root)? else {
        bail!("the paint is timed in Chromium, which is missing");
    };
    wasm_target(root)?;
    build_programs(root)?;
    let site = web::build_web(root)?;
    let scratch = Scratch::new("pages")?;
    let served = Served {
        runs: vec![root.join("datasets/results")],
        database: scratch.0.join("bench.db"),
    };
    let server = Server::start(root, &served, PORT)?;
    let page = format!("{}/runs/{RECORDED}", server.address);
    let text = output(browser.script("first_paint.mjs").arg(page))?;
    let mut report: Value = serde_json::from_str(&text).context("first_paint.mjs told no JSON")?;
    let mut bundle = 0;
    for name in ["app.js.br", "app_bg.wasm.br"] {
        bundle += std::fs::metadata(site.join(name))?.len();
    }
    report["bundle_bytes"] = bundle.into();
    eprintln!("  {report}");
    Ok(report)
}
