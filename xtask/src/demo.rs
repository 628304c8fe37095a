//! `cargo xtask demo`: from a fresh clone to the pages, the recorded run, and a run of one's own.

use crate::follow::{Bars, Log};
use crate::process::{build_programs, find, output, program};
use crate::screenshot::RECORDED;
use crate::serve::{Served, Server};
use crate::steps::Steps;
use crate::{setup, web};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The database as `sayself-server` over the same folder calls it, so that a later start goes on with it.
const DATABASE: &str = ".sayself.db";

#[derive(clap::Args)]
pub struct Arguments {
    /// The run that counts (full.toml, some 100 minutes) in place of the short one
    #[arg(long)]
    full: bool,
    /// Exit when the run is done, with 0 or the error, in place of serving on
    #[arg(long)]
    once: bool,
    /// Port of the pages; the next free one if it is taken
    #[arg(long, default_value_t = 7590)]
    port: u16,
}

pub fn demo(root: &Path, arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::new();
    steps.need("look for the tools", || setup::wasm_target(root))?;
    steps.need("build the two programs", || build_programs(root))?;
    steps.need("build the pages' browser part", || {
        web::build_web(root).map(drop)
    })?;

    let runs = root.join("runs");
    std::fs::create_dir_all(&runs)?;
    let served = Served {
        runs: vec![root.join("datasets/results"), runs.clone()],
        database: runs.join(DATABASE),
    };
    let server = steps.need("open the pages", || {
        Server::start(root, &served, arguments.port)
    })?;
    let recorded = format!("{}/runs/{RECORDED}", server.address);
    println!(
        "\n  The recorded run:  {recorded}\n  All runs:          {}/",
        server.address
    );
    open(&recorded);

    let config = if arguments.full { "full" } else { "demo" };
    let pulled = steps.need("pull the models", || setup::models(root));
    let taught = pulled.and_then(|()| {
        steps.need(&format!("run {config}.toml"), || {
            let job = start_job(&server, config)?;
            println!("  Its page:  {}/runs/{}", server.address, job.run);
            follow_job(&server, &job, &runs)
        })
    });
    let outcome = taught.and_then(|run| {
        let mut compare = Command::new(program(root, "sayself")?);
        let table = output(compare.arg("compare").arg(&run).arg("--values"))?;
        println!("\nBefore and after, with 95% intervals:\n{table}");
        println!("The run directory is {}", run.display());
        steps.print();
        Ok(())
    });
    if arguments.once {
        return outcome;
    }
    if let Err(error) = &outcome {
        eprintln!("error: {error:#}");
    }
    println!("\nThe pages stay open at {} until ctrl-c.", server.address);
    server.wait()?;
    outcome
}

/// A job that the server has started.
struct Job {
    id: String,
    /// The run's id, which is its directory's name.
    run: String,
}

fn start_job(server: &Server, config: &str) -> Result<Job> {
    let answer: Value = ureq::post(format!("{}/api/jobs", server.address))
        .send_json(json!({"stage": "run", "config": format!("world-facts/{config}")}))
        .context("the server did not take the job")?
        .body_mut()
        .read_json()
        .context("the server's answer is not JSON")?;
    let word = |name: &str| {
        answer[name]
            .as_str()
            .map(String::from)
            .with_context(|| format!("no `{name}` in {answer}"))
    };
    Ok(Job {
        id: word("id")?,
        run: word("run")?,
    })
}

/// Draws the job's progress until it is done; its run directory, or why it failed.
fn follow_job(server: &Server, job: &Job, runs: &Path) -> Result<PathBuf> {
    let run = runs.join(&job.run);
    let mut log = Log::of_run(&run);
    let mut bars = Bars::new();
    loop {
        // The state first, so that the events read after it include the job's last.
        let state = job_state(server, job)?;
        for event in log.read()? {
            bars.draw(&event)?;
        }
        match state["state"].as_str() {
            Some("finished") => return Ok(run),
            Some("failed" | "cancelled" | "interrupted") => {
                let reason = state["error"].as_str().unwrap_or("its log tells why");
                bail!("the job was not finished: {reason}");
            }
            _ => std::thread::sleep(Duration::from_millis(500)),
        }
    }
}

fn job_state(server: &Server, job: &Job) -> Result<Value> {
    ureq::get(format!("{}/api/jobs/{}", server.address, job.id))
        .call()
        .context("the server does not know the job")?
        .body_mut()
        .read_json()
        .context("the server's answer is not JSON")
}

/// Opens a page where there is a display; a browser that does not start is no failure.
fn open(page: &str) {
    let opener = if cfg!(target_os = "macos") {
        find("open")
    } else if ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        find("xdg-open")
    } else {
        None
    };
    let Some(opener) = opener else { return };
    let mut command = Command::new(opener);
    command
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if command.spawn().is_err() {
        println!("  No browser was opened: open the address yourself.");
    }
}
