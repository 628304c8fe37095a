//! The demo's worker beside wllama (llama.cpp as WebAssembly), both in one Chromium, each on one thread.

use super::rows::BrowserWork;
use super::{MODEL, Outcome};
use crate::process::{build_programs, output, program, succeeds, target_folder};
use crate::{browser, setup, web};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The npm package, in the version that was tried.
const WLLAMA: &str = "@wllama/wllama@3.13.0";
/// Formats that it is tried in, beside the shipped one.
const FORMATS: [&str; 2] = ["q8_0", "q4_0"];
/// The shipped file, and the format that it is in.
const SHIPPED: (&str, &str) = ("SmolLM2-135M-Instruct.Q4_1.gguf", "q4_1");

/// Both kinds of work, measured once: they give two rows.
pub struct Worker {
    root: PathBuf,
    rounds: usize,
    measured: Option<Result<Value, String>>,
}

impl Worker {
    pub fn new(root: &Path, rounds: usize) -> Self {
        Worker {
            root: root.to_owned(),
            rounds,
            measured: None,
        }
    }

    /// One of them, as rates in tokens a second.
    pub fn outcome(&mut self, work: BrowserWork) -> Result<Outcome> {
        let (root, rounds) = (&self.root, self.rounds);
        let measured = self
            .measured
            .get_or_insert_with(|| measure(root, rounds).map_err(|error| format!("{error:#}")));
        let measured = measured.as_ref().map_err(|error| anyhow!("{error}"))?;
        let told = &measured[match work {
            BrowserWork::Decode => "decode",
            BrowserWork::Prefill => "prefill",
        }];
        let pair = |round: &Value| Some((round[0].as_f64()?, round[1].as_f64()?));
        let told_rounds = told["rounds"]
            .as_array()
            .context("the browser told no rounds")?;
        let rounds: Option<Vec<(f64, f64)>> = told_rounds.iter().map(pair).collect();
        let name = told["peer_name"].as_str().unwrap_or("wllama").to_owned();
        let rounds = rounds.context("a rate is no number")?;
        Ok(Outcome::of(rounds, name, (None, None)))
    }
}

fn measure(root: &Path, rounds: usize) -> Result<Value> {
    setup::wasm_target(root)?;
    let browser = browser::set_up(root)?.context("there is no Chromium, or no node")?;
    build_programs(root)?;
    let site = web::build_web(root)?;
    let wllama = install(root)?;
    let sayself = program(root, "sayself")?;
    let pulled = output(Command::new(&sayself).args(["pull", MODEL, "--json"]))?;
    let folder: Value = serde_json::from_str(&pulled).context("what pull prints")?;
    let folder = folder["folder"].as_str().context("pull names no folder")?;
    let model = Path::new(folder).join(SHIPPED.0);
    let made = target_folder(root)?.join("bench-wllama");
    let mut variants = json!({ SHIPPED.1: model });
    for format in FORMATS {
        let path = made.join(format).with_extension("gguf");
        if !path.exists() {
            let mut export = Command::new(&sayself);
            export
                .args(["export", "--model", MODEL, "--gguf", format, "--out"])
                .arg(&path);
            output(&mut export)?;
        }
        variants[format] = json!(path);
    }
    let plan = json!({
        "site": site,
        "wllama": wllama,
        "model": model,
        "variants": variants,
        "rounds": rounds,
    });
    let path = made.join("plan.json");
    std::fs::write(&path, plan.to_string())
        .with_context(|| format!("cannot write {}", path.display()))?;
    let mut script = browser.script("worker.bench.mjs");
    let told = output(script.arg(&path))?;
    serde_json::from_str(&told).context("the browser's rates")
}

/// wllama's folder, installed once.
fn install(root: &Path) -> Result<PathBuf> {
    let folder = target_folder(root)?.join("bench-wllama");
    let package = folder.join("node_modules/@wllama/wllama");
    if package.join("esm/index.js").exists() {
        return Ok(package);
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    // npm installs beside the nearest package.json above; this one keeps it here.
    std::fs::write(folder.join("package.json"), "{\"private\":true}")?;
    eprintln!(
        "  wllama: missing, installing {WLLAMA} into {}",
        folder.display()
    );
    let mut npm = Command::new("npm");
    npm.current_dir(&folder);
    npm.args(["install", "--no-audit", "--no-fund", "--no-save", WLLAMA]);
    if !succeeds(&mut npm) {
        bail!("npm cannot install {WLLAMA}: is it there, and is the network?");
    }
    Ok(package)
}
