//! `cargo xtask bench --growth FOLDER`: seconds and peak memory of work that grows, as figures and
//! plots.

use super::rows::{FORMATS_APART, LLAMA_BEST, PEFT, Peer, THREADS, Work};
use super::side::{Side, agree};
use super::{Bench, HANGS, NO_PEAK_MEMORY, Task, machine};
use crate::process::{run, target_folder};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A work is done again while all its rounds took less than this, and at most [`ROUNDS`] times.
const ENOUGH: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;

/// A way in which work grows.
struct Axis {
    /// Names the files.
    name: &'static str,
    title: &'static str,
    /// What a size counts.
    unit: &'static str,
    sizes: &'static [usize],
    /// What the sides call the work of a size, before it.
    work: &'static str,
    peer: Peer,
    tolerance: f64,
}

const AXES: [Axis; 4] = [
    Axis {
        name: "questions",
        title: "10 samples of each question, to the end of the line",
        unit: "questions",
        sizes: &[10, 30, 100, 300, 1_000],
        work: "growth-questions-",
        peer: LLAMA_BEST,
        tolerance: FORMATS_APART,
    },
    Axis {
        name: "samples",
        title: "samples of one question of 64 tokens, 64 new tokens each",
        unit: "samples",
        sizes: &[1, 3, 10, 30, 100],
        work: "growth-samples-",
        peer: LLAMA_BEST,
        tolerance: FORMATS_APART,
    },
    Axis {
        name: "prompt",
        title: "10 samples of 64 new tokens after a prompt that grows",
        unit: "tokens of the prompt",
        sizes: &[64, 128, 256, 512, 1_024, 2_048],
        work: "growth-prompt-",
        peer: LLAMA_BEST,
        tolerance: FORMATS_APART,
    },
    Axis {
        name: "training",
        title: "one optimizer step on one text that grows, LoRA of rank 64 on seven projections",
        unit: "tokens of the text",
        sizes: &[64, 128, 256, 512, 1_024, 2_048],
        work: "lora-1x",
        peer: PEFT,
        tolerance: 0.05,
    },
];

/// Measures all axes, writes `growth.json` into the folder and draws it there.
pub fn growth(bench: &Bench, root: &Path, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut axes = Map::new();
    for axis in &AXES {
        eprintln!("{}: {}", axis.name, axis.title);
        axes.insert(axis.name.to_owned(), measure(bench, axis)?);
    }
    let measured = json!({ "machine": machine(), "axes": axes });
    let path = folder.join("growth.json");
    std::fs::write(&path, format!("{measured:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let charts = target_folder(root)?.join("release/examples/growth_charts");
    run(Command::new(charts).arg(folder))
}

/// Our costs and the peer's, in its fastest variant, by size.
fn measure(bench: &Bench, axis: &Axis) -> Result<Value> {
    bench.install(axis.peer.packages)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for size in axis.sizes {
        let work = format!("{}{size}", axis.work);
        let task = Task {
            side: &work,
            inputs: Work::Model,
            threads: THREADS,
        };
        let mut side = bench.ours(&task)?;
        let cost = Cost::of(&mut side)?;
        eprintln!("  {size}: ours {cost:?}");
        let mut best: Option<Cost> = None;
        for variant in axis.peer.variants {
            let name = format!("{} {variant}", axis.peer.name);
            let tried = bench.peer(&task, &axis.peer, variant, HANGS);
            let tried = tried.and_then(|mut peer| {
                agree(&side.check, &peer.check, axis.tolerance)?;
                Cost::of(&mut peer)
            });
            match tried {
                Ok(cost) => {
                    eprintln!("  {size}: {name} {cost:?}");
                    if best.as_ref().is_none_or(|best| cost.seconds < best.seconds) {
                        best = Some(cost);
                    }
                }
                Err(error) => eprintln!("  {size}: {name}: left out, {error:#}"),
            }
        }
        ours.push(cost.json(*size));
        theirs.extend(best.map(|cost| cost.json(*size)));
    }
    Ok(json!({
        "title": axis.title,
        "unit": axis.unit,
        "lines": [
            { "label": "sayself", "points": ours },
            { "label": axis.peer.name, "points": theirs },
        ],
    }))
}

#[derive(Debug)]
struct Cost {
    /// Of the fastest round.
    seconds: f64,
    /// Of the process, at its peak.
    memory_mb: f64,
}

impl Cost {
    fn of(side: &mut Side) -> Result<Cost> {
        let started = Instant::now();
        let mut seconds = side.work()?;
        for _ in 1..ROUNDS {
            if started.elapsed() >= ENOUGH {
                break;
            }
            seconds = seconds.min(side.work()?);
        }
        let memory_mb = side.peak_memory().context(NO_PEAK_MEMORY)?;
        Ok(Cost { seconds, memory_mb })
    }

    fn json(&self, size: usize) -> Value {
        json!({ "size": size, "seconds": self.seconds, "memory_mb": self.memory_mb })
    }
}
