//! Opens pages of the run that the example `huge` wrote, and prints how long each took and how much
//! memory the server holds: `cargo run --release -p sayself-server --example huge_pages -- FOLDER`.
//!
//! First at once, while the files are being indexed, then when they are, each page three times and at
//! addresses that were not asked for before, so that none is one that was kept.

use clap::Parser;
use sayself_server::Listening;
use sayself_server::settings::{Arguments, Settings};
use std::time::{Duration, Instant};

const QUESTIONS: u64 = 20_000;
/// Pages opened in the end, to see whether memory stays.
const MANY: u64 = 2_000;

fn main() -> anyhow::Result<()> {
    let Some(folder) = std::env::args().nth(1) else {
        anyhow::bail!("name the folder that holds the run `huge`")
    };
    let arguments = [
        "sayself-server",
        "--runs",
        &folder,
        "--database",
        "sqlite::memory:",
        "--listen",
        "127.0.0.1:0",
    ];
    let settings = Settings::from_arguments(Arguments::parse_from(arguments))
        .map_err(|wrong| anyhow::anyhow!(wrong))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let listening = runtime.block_on(Listening::start(settings))?;
    let address = format!("http://{}", listening.address);
    runtime.spawn(listening.serve(std::future::pending()));
    println!("{:7} {:>8} {:>9}  page", "", "ms", "MiB");
    tell("start", Duration::ZERO, "");

    for path in [
        "/runs/huge/answers",
        "/runs/huge",
        "/runs/huge/questions/wf-0000001",
    ] {
        open(&address, "at once", path)?;
    }
    let started = Instant::now();
    loop {
        let page =
            get(&address, "/runs/huge/questions/wf-0019999?threshold=0.5").unwrap_or_default();
        if page.contains("100 samples in") && !page.contains("being indexed") {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    tell("indexed", started.elapsed(), "all files");

    for round in 0..3_u64 {
        for path in [
            format!("/runs/huge?label=sayself&again={round}"),
            format!("/runs/huge/answers?again={round}"),
            format!("/runs/huge/answers?sort=surest&again={round}"),
            format!(
                "/runs/huge/answers?bin=7&outcome=wrong&template=template-{round}&sort=least-sure"
            ),
            format!(
                "/runs/huge/answers?sort=surest&after=0.5_{}",
                200_000_000 + round
            ),
            format!("/runs/huge/answers?before={}", 400_000_000 + round),
            format!("/runs/huge/answers?q=number%2099999{round}"),
            format!("/runs/huge/answers?q=nothing-like-it&sort=surest&again={round}"),
            format!("/runs/huge/questions/wf-{:07}", 9_999 + round),
            format!(
                "/runs/huge/questions/wf-{:07}?threshold=0.9",
                19_000 + round
            ),
            format!("/runs/huge/questions/wf-{:07}", 999_990 + round),
            format!("/api/runs/huge/answers?limit=200&again={round}"),
        ] {
            open(&address, "indexed", &path)?;
        }
    }
    let started = Instant::now();
    for at in 0..MANY {
        get(
            &address,
            &format!("/runs/huge/questions/wf-{:07}", at * 7 % QUESTIONS),
        )?;
    }
    tell(
        "many",
        started.elapsed() / MANY as u32,
        "mean of 2,000 Question pages, each another",
    );
    std::process::exit(0)
}

fn open(address: &str, when: &str, path: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    let page = get(address, path)?;
    tell(
        when,
        started.elapsed(),
        &format!("{path} ({} kB)", page.len() / 1_000),
    );
    Ok(())
}

fn get(address: &str, path: &str) -> anyhow::Result<String> {
    // What is not indexed yet is told by a status of its own.
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent.get(format!("{address}{path}")).call()?;
    Ok(answer
        .body_mut()
        .with_config()
        .limit(200 << 20)
        .read_to_string()?)
}

fn tell(when: &str, took: Duration, what: &str) {
    let milliseconds = took.as_secs_f64() * 1e3;
    println!(
        "{when:7} {milliseconds:8.1} {:9.1}  {what}",
        resident_kib() as f64 / 1024.0
    );
}

/// Memory of this process, which is the server, in KiB; 0 where the system does not tell.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
