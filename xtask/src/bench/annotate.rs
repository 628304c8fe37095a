//! People who rate: how long a rating takes to be acknowledged with 50 of them at once, and what is lost
//! when the server is killed under them.

use crate::postgres::Postgres;
use crate::process::{build_programs, cargo, output, run, target_folder};
use crate::setup::{self, Tool};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// People who rate at once.
const ANNOTATORS: u32 = 50;
/// Times that the server is killed by `cargo xtask bench kill`, with each database.
const KILLS: u32 = 1_000;

/// The times of a project that 50 people rate, as `server/examples/annotate.rs` tells them.
pub fn annotate(root: &Path) -> Result<Value> {
    build_programs(root)?;
    let target = target_folder(root)?;
    let text = output(
        Command::new(target.join("release/examples/annotate"))
            .current_dir(target)
            .args(["--annotators", &ANNOTATORS.to_string()]),
    )?;
    let report: Value = serde_json::from_str(&text).context("the annotators told no JSON")?;
    eprintln!("  {report}");
    let resends = report["resends"]
        .as_u64()
        .context("resends are no number")?;
    if resends > 0 {
        bail!("{resends} ratings had to be sent again, expected none");
    }
    Ok(report)
}

/// Kills the server so often under 50 people, with SQLite and, where it is there, with PostgreSQL; fails
/// where an acknowledged rating was lost or doubled.
pub fn kill(root: &Path) -> Result<()> {
    build_programs(root)?;
    let postgres = match setup::postgres()? {
        Tool::At(programs) => Some(Postgres::start(&programs)?),
        Tool::Missing { install } => {
            setup::leave_out("the kills with PostgreSQL", &install)?;
            None
        }
    };
    let mut command = cargo(root);
    command.args([
        "test",
        "--release",
        "--locked",
        "--workspace",
        "--test",
        "annotators",
    ]);
    command.args(["--", "--nocapture", "--test-threads", "1"]);
    command.env("SAYSELF_KILLS", KILLS.to_string());
    if let Some(postgres) = &postgres {
        command.env("SAYSELF_TEST_POSTGRES", &postgres.url);
    }
    run(&mut command)
}
