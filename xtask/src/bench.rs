//! `cargo xtask bench`: sayself beside what a user would pick instead, both timed in one run.
//!
//! Each row names a piece of work, the peers that do it, and the ratio that is aimed at. Both sides
//! are processes that load once ([`side`]); what they compute is compared before anything is timed;
//! then they work in turn. A peer with several variants (a file format, a number type) is taken in
//! its best one.

mod annotate;
mod growth;
mod kept;
mod pages;
mod rows;
mod side;
mod wllama;
mod your_file;

use crate::process::{build_programs, output, program, target_folder};
use crate::python;
use anyhow::{Context, Result, bail};
use clap::Args;
use kept::Kept;
use rows::{Against, Peer, ROWS, Row, Work};
use serde_json::{Value, json};
use side::Side;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const MODEL: &str = "smollm2-135m";
/// Times that each side works, in turn with the other.
const ROUNDS: usize = 5;
const ROUNDS_QUICK: usize = 3;
/// Rows of the files of `measures` and `start`.
const MEASURED_ROWS: usize = 1_000_000;
const STARTED_ROWS: usize = 1_000;
/// A process that has not loaded and worked once in this time hangs.
const HANGS: Duration = Duration::from_secs(1_800);
/// The time that a variant is given at least.
const LIMIT_MIN: Duration = Duration::from_secs(60);
/// Work that takes so long needs no warming up.
const LONG: Duration = Duration::from_secs(20);

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cargo xtask bench --json               all rows, as JSON\n  cargo xtask bench decode-1 sample-50   these rows\n  cargo xtask bench --json --resume      the same, going on after the rows of a run that was ended\n  cargo xtask bench --quick              three rows for daily use\n  cargo xtask bench server page          the pages and their server, which have no peer\n  cargo xtask bench browser              the demo's worker beside wllama, both in Chromium\n  cargo xtask bench server --minutes 10  the same load for longer: does the memory stay flat?\n  cargo xtask bench annotate             50 people who rate at once\n  cargo xtask bench kill                 the server killed 1,000 times under them: is a rating lost?\n  cargo xtask bench --growth docs/growth how time and memory grow, as plots"
)]
pub struct Arguments {
    /// Rows; all, where none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Print the rows as one JSON list on stdout
    #[arg(long)]
    json: bool,
    /// Only the quick rows, with fewer rounds and each peer in its usually fastest variant alone: under
    /// 5 minutes once the peers are there
    #[arg(long)]
    quick: bool,
    /// Take over the rows that the same program measured before on this machine, e.g. by a run that was
    /// ended
    #[arg(long, conflicts_with = "growth")]
    resume: bool,
    /// How long the server is under load
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    minutes: u32,
    /// Measure how time and memory grow with the work, and write plots and figures into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["names", "json", "quick"])]
    growth: Option<PathBuf>,
}

/// What is no row, as nothing is timed: `annotate::kill`.
const KILL: &str = "kill";

/// Runs the rows and prints them; a row that cannot be run says why and counts as missed.
pub fn bench(root: &Path, arguments: &Arguments) -> Result<()> {
    let (kills, names): (Vec<&String>, Vec<&String>) =
        arguments.names.iter().partition(|name| *name == KILL);
    if !kills.is_empty() {
        annotate::kill(root)?;
        if names.is_empty() {
            return Ok(());
        }
    }
    if let Some(unknown) = names
        .iter()
        .find(|name| !ROWS.iter().any(|row| row.is_named(name)))
    {
        let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        bail!(
            "no row {unknown}; the rows are {}, and besides there is {KILL}",
            known.join(", ")
        );
    }
    let wanted = |row: &&Row| match names.is_empty() {
        true => row.quick || !arguments.quick,
        false => names.iter().any(|name| row.is_named(name)),
    };
    let (rounds, variants) = match arguments.quick {
        true => (ROUNDS_QUICK, 1),
        false => (ROUNDS, usize::MAX),
    };
    if let Some(folder) = &arguments.growth {
        return growth::growth(&Bench::prepare(root, rounds, variants)?, root, folder);
    }
    let wanted: Vec<&Row> = ROWS.iter().filter(wanted).collect();
    // Pages and their server have no peer: nothing is set up for one.
    let has_peers = |row: &&Row| {
        !matches!(
            row.against,
            Against::Limit(..) | Against::Browser(_) | Against::Wllama(_)
        )
    };
    let bench = wanted
        .iter()
        .any(has_peers)
        .then(|| Bench::prepare(root, rounds, variants))
        .transpose()?;
    let mut pages = pages::Pages::new(root, arguments.minutes);
    let mut worker = wllama::Worker::new(root, rounds);
    let mut kept = bench
        .as_ref()
        .map(|bench| {
            let path = target_folder(root)?.join("bench-rows.json");
            Kept::open(path, &bench.worker, &machine(), rounds, arguments.resume)
        })
        .transpose()?;
    let mut done: Vec<(Row, Outcome)> = Vec::new();
    for row in wanted {
        eprintln!("{}: {}", row.name, row.work);
        let outcome = match (row.against, &bench, &mut kept) {
            (Against::Limit(measured, limit), ..) => pages.outcome(measured, limit),
            (Against::Wllama(work), ..) => worker.outcome(work),
            (Against::Browser(limit_s), ..) => your_file::your_file(root, rounds, limit_s),
            (_, Some(bench), Some(kept)) => match kept.outcome(row.name) {
                Some(outcome) => {
                    eprintln!("  measured before");
                    Ok(outcome)
                }
                None => bench
                    .run(row, &done)
                    .and_then(|outcome| kept.keep(row.name, &outcome).map(|()| outcome)),
            },
            _ => Err(anyhow::anyhow!("nothing was set up for it")),
        };
        let outcome = outcome.unwrap_or_else(|error| Outcome::failed(&error));
        eprintln!("  {}", outcome.line(row));
        done.push((*row, outcome));
    }
    if arguments.json {
        let list: Vec<Value> = done
            .iter()
            .map(|(row, outcome)| outcome.json(row))
            .collect();
        println!("{}", serde_json::to_string_pretty(&list)?);
    } else {
        println!("{}", machine());
        println!("{}", table(&done));
    }
    Ok(())
}

/// What a side is told to do.
struct Task<'a> {
    /// What the sides call it.
    side: &'a str,
    inputs: Work,
    threads: usize,
}

impl Row {
    fn task(&self) -> Task<'static> {
        Task {
            side: self.side,
            inputs: self.inputs,
            threads: self.threads,
        }
    }
}

/// What all rows share.
struct Bench {
    worker: PathBuf,
    python: PathBuf,
    peers: PathBuf,
    /// Holds the inputs; removed at the end.
    folder: PathBuf,
    rounds: usize,
    /// Of a peer, at most.
    variants: usize,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Bench {
    /// Builds our side and makes the inputs.
    fn prepare(root: &Path, rounds: usize, variants: usize) -> Result<Self> {
        build_programs(root)?;
        let sayself = program(root, "sayself")?;
        for model in [MODEL, "minilm"] {
            output(Command::new(&sayself).args(["pull", model]))?;
        }
        let folder = std::env::temp_dir().join(format!("sayself-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let bench = Bench {
            worker: target_folder(root)?.join("release/examples/bench_side"),
            python: python::environment("bench-peers")?,
            peers: root.join("xtask/peers"),
            folder,
            rounds,
            variants,
        };
        let inputs = output(Command::new(&bench.worker).args(["inputs", MODEL]))?;
        std::fs::write(bench.folder.join("inputs.json"), inputs)?;
        for (name, rows) in [("measures", MEASURED_ROWS), ("start", STARTED_ROWS)] {
            let path = bench.folder.join(name).with_extension("csv");
            std::fs::write(path, scored_rows(rows))?;
        }
        Ok(bench)
    }

    fn inputs(&self, work: Work) -> PathBuf {
        self.folder.join(match work {
            Work::Model => "inputs.json",
            Work::Measures => "measures.csv",
            Work::Start => "start.csv",
        })
    }

    /// Our side of a piece of work.
    fn ours(&self, task: &Task<'_>) -> Result<Side> {
        let mut command = Command::new(&self.worker);
        command
            .args([task.side, MODEL])
            .arg(self.inputs(task.inputs))
            .env("RAYON_NUM_THREADS", task.threads.to_string());
        let mut side = Side::start(command, HANGS)?;
        side.keep();
        Ok(side)
    }

    /// A peer's side of it, in one variant, which is ended after `limit` unless it is kept.
    fn peer(&self, task: &Task<'_>, peer: &Peer, variant: &str, limit: Duration) -> Result<Side> {
        let mut command = Command::new(&self.python);
        command
            .arg(self.peers.join(peer.script))
            .args([task.side, variant])
            .arg(self.inputs(task.inputs))
            .env("OMP_NUM_THREADS", task.threads.to_string())
            .envs(rows::PEER_VARIABLES);
        Side::start(command, limit)
    }

    fn run(&self, row: &Row, done: &[(Row, Outcome)]) -> Result<Outcome> {
        match row.against {
            Against::Peers(peers) => self.beside_peers(row, peers),
            Against::OneThread => {
                let ours = self.ours(&row.task())?;
                let mut alone = self.ours(&Task {
                    threads: 1,
                    ..row.task()
                })?;
                // Warm as the other will be, as a peer is once the best was found.
                alone.work()?;
                self.in_turn(ours, alone, "one thread".into())
            }
            Against::Limit(..) => bail!("it has no peer"),
            Against::MemoryOf(name) => {
                let before = done.iter().find(|(before, _)| before.name == name);
                let (_, outcome) = before.with_context(|| format!("it needs the row {name}"))?;
                outcome.memory()
            }
            Against::Memory(most) => {
                let mut ours = self.ours(&row.task())?;
                ours.work()?;
                let peak = ours.peak_memory().context(NO_PEAK_MEMORY)?;
                Ok(Outcome::once(peak, most, "the limit".into()))
            }
            Against::Browser(_) | Against::Wllama(_) => {
                bail!("it runs in a browser, not beside a process")
            }
            Against::Answers(peer) => {
                self.install(peer.packages)?;
                let variant = peer.variants[0];
                let ours = self.ours(&row.task())?;
                let theirs = self.peer(&row.task(), &peer, variant, HANGS)?;
                let share = side::share_equal(&ours.check, &theirs.check)?;
                // How much rounding alone decides: the peer beside itself.
                for variant in &peer.variants[1..] {
                    let other = self.peer(&row.task(), &peer, variant, HANGS)?;
                    let share = side::share_equal(&other.check, &theirs.check)?;
                    eprintln!("  {} beside itself as {variant}: {share:.4}", peer.name);
                }
                Ok(Outcome::once(
                    share,
                    1.0,
                    format!("{} {variant}", peer.name),
                ))
            }
        }
    }

    fn beside_peers(&self, row: &Row, peers: &[Peer]) -> Result<Outcome> {
        for peer in peers {
            self.install(peer.packages)?;
        }
        let ours = self.ours(&row.task())?;
        let (peer, name) = self.best_peer(row, peers, &ours)?;
        self.in_turn(ours, peer, name)
    }

    /// Both work in turn, once ours has warmed up.
    fn in_turn(&self, mut ours: Side, mut peer: Side, peer_name: String) -> Result<Outcome> {
        ours.work()?;
        let mut rounds = Vec::new();
        for _ in 0..self.rounds {
            rounds.push((ours.work()?, peer.work()?));
        }
        Ok(Outcome::of(
            rounds,
            peer_name,
            (ours.peak_memory(), peer.peak_memory()),
        ))
    }

    /// Each variant works twice, once where that takes long; the better last time wins. Only that one
    /// is left running. One that has not loaded and worked once in twice the time of one before it,
    /// is not the best.
    fn best_peer(&self, row: &Row, peers: &[Peer], ours: &Side) -> Result<(Side, String)> {
        let mut best: Option<(f64, Side, String)> = None;
        let mut failed = Vec::new();
        let mut limit = HANGS;
        let variants = peers.iter().flat_map(|peer| {
            let variants = peer.variants.iter().take(self.variants);
            variants.map(move |variant| (peer, variant))
        });
        for (peer, variant) in variants {
            let name = format!("{} {variant}", peer.name);
            let begun = Instant::now();
            let tried = self
                .peer(&row.task(), peer, variant, limit)
                .and_then(|mut side| {
                    side::agree(&ours.check, &side.check, row.tolerance)?;
                    let loaded = Instant::now();
                    let mut value = side.work()?;
                    side.keep();
                    limit = limit.min((begun.elapsed() * 2).max(LIMIT_MIN));
                    if loaded.elapsed() < LONG {
                        value = side.work()?;
                    }
                    Ok((value, side))
                });
            match tried {
                Ok((value, side)) => {
                    eprintln!("  {name}: {value:.4} {}", row.unit);
                    if best
                        .as_ref()
                        .is_none_or(|(other, ..)| row.target.is_better(value, *other))
                    {
                        best = Some((value, side, name));
                    }
                }
                Err(_) if best.is_some() && begun.elapsed() >= limit => {
                    eprintln!("  {name}: left out, it takes more than twice as long");
                }
                Err(error) => {
                    eprintln!("  {name}: left out, {error:#}");
                    failed.push(format!("{name}: {error:#}"));
                }
            }
        }
        match best {
            Some((_, side, name)) => Ok((side, name)),
            None => bail!("no peer could be run: {}", failed.join("; ")),
        }
    }

    /// Installs what a peer needs, once.
    fn install(&self, packages: &rows::Packages) -> Result<()> {
        let mark = self.python.with_file_name(format!(".{}", packages.name));
        let wanted = packages.packages.join(" ");
        if std::fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        eprintln!("  {}: missing, installing {wanted}", packages.name);
        python::install(&self.python, packages.packages, packages.variables)?;
        Ok(std::fs::write(&mark, wanted)?)
    }
}

/// Confidences and correctness of a made-up model that is a little overconfident.
fn scored_rows(count: usize) -> String {
    let mut state: u64 = 7;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut text = String::from("confidence,correct\n");
    for _ in 0..count {
        let confidence = uniform();
        let correct = u8::from(uniform() < confidence * 0.9);
        text.push_str(&format!("{confidence:.6},{correct}\n"));
    }
    text
}

const NO_PEAK_MEMORY: &str = "this system does not tell a process's peak memory";

/// A row's figures, or why there are none.
struct Outcome {
    figures: std::result::Result<Figures, String>,
}

#[derive(Debug, PartialEq)]
struct Figures {
    /// Medians.
    ours: f64,
    peer: f64,
    peer_name: String,
    /// Least and greatest ratio of a round.
    spread: (f64, f64),
    /// Peak resident memory of the two processes in MB.
    memory: Option<(f64, f64)>,
}

impl Figures {
    fn ratio(&self) -> f64 {
        self.ours / self.peer
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Outcome {
    fn of(
        rounds: Vec<(f64, f64)>,
        peer_name: String,
        memory: (Option<f64>, Option<f64>),
    ) -> Outcome {
        let ratios: Vec<f64> = rounds.iter().map(|(ours, peer)| ours / peer).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = ratios.iter().copied().fold(0.0, f64::max);
        let (ours, peer) = rounds.into_iter().unzip();
        Outcome {
            figures: Ok(Figures {
                ours: median(ours),
                peer: median(peer),
                peer_name,
                spread: (least, greatest),
                memory: memory.0.zip(memory.1),
            }),
        }
    }

    /// What is no matter of chance, and so measured once.
    fn once(ours: f64, peer: f64, peer_name: String) -> Outcome {
        Outcome::of(vec![(ours, peer)], peer_name, (None, None))
    }

    fn failed(error: &anyhow::Error) -> Outcome {
        Outcome {
            figures: Err(format!("{error:#}")),
        }
    }

    /// The row of the same run's peak memory.
    fn memory(&self) -> Result<Outcome> {
        match &self.figures {
            Err(reason) => bail!("{reason}"),
            Ok(figures) => {
                let (ours, peer) = figures.memory.context(NO_PEAK_MEMORY)?;
                Ok(Outcome::once(ours, peer, figures.peer_name.clone()))
            }
        }
    }

    fn line(&self, row: &Row) -> String {
        match &self.figures {
            Ok(figures) => format!(
                "ours {:.4}, {} {:.4} {}: ratio {:.3} [{:.3}, {:.3}], target {}: {}",
                figures.ours,
                figures.peer_name,
                figures.peer,
                row.unit,
                figures.ratio(),
                figures.spread.0,
                figures.spread.1,
                row.target,
                self.verdict(row)
            ),
            Err(reason) => format!("could not be run, counts as missed: {reason}"),
        }
    }

    fn verdict(&self, row: &Row) -> &'static str {
        match &self.figures {
            Ok(figures) if row.target.is_met(figures.ratio()) => "met",
            _ => "missed",
        }
    }

    fn json(&self, row: &Row) -> Value {
        let mut object = json!({
            "name": row.name,
            "target": row.target.to_string(),
            "unit": row.unit,
            "verdict": self.verdict(row),
            "threads": row.threads,
            "machine": machine(),
        });
        match &self.figures {
            Ok(figures) => {
                object["ours"] = json!(figures.ours);
                object["peer"] = json!(figures.peer);
                object["peer_name"] = json!(figures.peer_name);
                object["ratio"] = json!(figures.ratio());
                object["spread"] = json!([figures.spread.0, figures.spread.1]);
            }
            Err(reason) => {
                for key in ["ours", "peer", "peer_name", "ratio", "spread"] {
                    object[key] = Value::Null;
                }
                object["reason"] = json!(reason);
            }
        }
        object
    }
}

/// The rows as a Markdown table.
fn table(done: &[(Row, Outcome)]) -> String {
    let mut text = String::from(
        "| name | ours | peer | peer's name | unit | ratio | spread | target | |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for (row, outcome) in done {
        let cells = match &outcome.figures {
            Ok(figures) => format!(
                "{} | {} | {} | {} | {:.2} | {:.2}–{:.2}",
                short(figures.ours),
                short(figures.peer),
                figures.peer_name,
                row.unit,
                figures.ratio(),
                figures.spread.0,
                figures.spread.1
            ),
            Err(reason) => format!("– | – | {reason} | {} | – | –", row.unit),
        };
        let verdict = outcome.verdict(row);
        text.push_str(&format!(
            "| {} | {cells} | {} | {verdict} |\n",
            row.name, row.target
        ));
    }
    text
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// The CPU and those of its features that the kernels look for.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map_or("", |(_, value)| value.trim())
    };
    let flags: Vec<&str> = field("flags").split(' ').collect();
    let known = [
        "avx2",
        "avx_vnni",
        "avx512f",
        "avx512_vnni",
        "avx512_bf16",
        "amx_int8",
        "amx_bf16",
    ];
    let features: Vec<&str> = known
        .into_iter()
        .filter(|name| flags.contains(name))
        .collect();
    format!(
        "{} ({} processors; {})",
        field("model name"),
        std::thread::available_parallelism().map_or(0, usize::from),
        features.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_judged_by_their_target() {
        let row = ROWS.iter().find(|row| row.name == "decode-1").unwrap();
        let rounds = vec![(120.0, 100.0), (150.0, 100.0), (130.0, 100.0)];
        let outcome = Outcome::of(rounds, "llama.cpp q4_0".into(), (Some(10.0), Some(40.0)));
        let json = outcome.json(row);
        assert_eq!(
            (json["ratio"].as_f64(), json["verdict"].as_str()),
            (Some(1.3), Some("met"))
        );
        assert_eq!(json["spread"], json!([1.2, 1.5]));
        assert_eq!(json["target"], ">= 1.2");
        assert_eq!(outcome.memory().unwrap().json(row)["ratio"], 0.25);
        let failed = Outcome::failed(&anyhow::anyhow!("no compiler"));
        assert_eq!(failed.json(row)["verdict"], "missed");
        assert_eq!(failed.json(row)["reason"], "no compiler");
        assert!(failed.memory().is_err());
    }

    #[test]
    fn names_are_unique_and_memory_follows_its_row() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..index].iter().all(|other| other.name != row.name));
            if let Against::MemoryOf(name) = row.against {
                assert!(ROWS[..index].iter().any(|other| other.name == name));
            }
        }
    }
}
