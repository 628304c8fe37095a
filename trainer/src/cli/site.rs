//! `sayself site`: done by `sayself-server`, as this program knows no pages.

use crate::cli::Globals;
use anyhow::{Context, bail};
use clap::Args;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

/// The program that draws pages.
const SERVER: &str = "sayself-server";
/// Its chore.
const CHORE: &str = "site";

/// Write the pages of runs, Your file and the demo as plain files for any static host.
///
/// All arguments are those of `sayself-server site`, which `sayself-server site --help` tells; that program
/// is looked for beside this one, then on the PATH.
#[derive(Args)]
#[command(
    after_help = "Example:\n  sayself site --runs datasets/results --out public --without-model && python3 -m http.server -d public"
)]
pub struct Arguments {
    /// --runs DIR… --out DIR, and what else `sayself-server site` takes
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    arguments: Vec<OsString>,
}

pub fn run(arguments: Arguments, _: &Globals) -> anyhow::Result<()> {
    let name = format!("{SERVER}{}", std::env::consts::EXE_SUFFIX);
    let own = std::env::current_exe().context("where this program lies is not known")?;
    let beside = own.with_file_name(&name);
    let program = if beside.is_file() {
        beside
    } else {
        PathBuf::from(&name)
    };
    let status = Command::new(&program)
        .arg(CHORE)
        .args(arguments.arguments)
        .status();
    match status {
        // It has said what there is to say.
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "{name} writes sites, and is neither beside {} nor on the PATH: build it by `cargo build --release --locked -p {SERVER}`",
            own.display()
        ),
        Err(error) => {
            Err(error).with_context(|| format!("{} cannot be started", program.display()))
        }
    }
}
