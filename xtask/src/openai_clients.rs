//! `sayself infer` asked by OpenAI's own clients, in Python and in JavaScript.

use crate::process::{build_programs, program, run};
use crate::python;
use crate::setup::{self, Tool};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const PACKAGE: &str = "openai==3.57.0";
const MODEL: &str = "smollm2-135m";
/// What the served model must be told to answer; nobody else is there to be kept out.
const KEY: &str = "only-for-this-test";

/// Builds what it starts, then checks.
pub fn build_and_check(root: &Path) -> Result<()> {
    build_programs(root)?;
    setup::models(root)?;
    check(root)
}

/// Runs each client's script against a served model; one that cannot be installed is left out, after a
/// loud word.
pub fn check(root: &Path) -> Result<()> {
    let folder = root.join("tests/infer");
    let served = Served::start(root)?;
    match installed_python() {
        Ok(python) => served.ask(Command::new(python).arg(folder.join("openai_client.py")))?,
        Err(error) => setup::leave_out(
            "OpenAI's Python client",
            &format!("a Python 3.10 or newer with venv and pip, and the network once ({error:#})"),
        )?,
    }
    match installed_node(&folder) {
        Ok(()) => served.ask(Command::new("node").arg(folder.join("openai_client.mjs")))?,
        Err(error) => setup::leave_out(
            "OpenAI's JavaScript client",
            &format!("node and npm, and the network once ({error:#})"),
        )?,
    }
    Ok(())
}

/// The Python of an environment that has the client.
fn installed_python() -> Result<PathBuf> {
    let python = python::environment("openai-client")?;
    let mark = python.with_file_name(".installed");
    if std::fs::read_to_string(&mark).is_ok_and(|there| there == PACKAGE) {
        return Ok(python);
    }
    eprintln!("  OpenAI's Python client: missing, installing it");
    python::install(&python, &[PACKAGE], &[])?;
    std::fs::write(&mark, PACKAGE)?;
    Ok(python)
}

fn installed_node(folder: &Path) -> Result<()> {
    match setup::node()? {
        Tool::At(_) => setup::npm_packages(folder),
        Tool::Missing { install } => bail!("{install}"),
    }
}

/// `sayself infer` on a free port, until this value goes out of scope.
struct Served {
    child: Child,
    /// With `/v1` at its end.
    url: String,
}

impl Served {
    fn start(root: &Path) -> Result<Self> {
        let mut child = Command::new(program(root, "sayself")?)
            .current_dir(root)
            .args([
                "infer",
                "--quiet",
                "--model",
                MODEL,
                "--listen",
                "127.0.0.1:0",
            ])
            .args(["--api-key-env", "SAYSELF_TEST_KEY"])
            .env("SAYSELF_TEST_KEY", KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start sayself infer")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut served = Served {
            child,
            url: String::new(),
        };
        BufReader::new(stdout).read_line(&mut served.url)?;
        served.url = served.url.trim().to_owned();
        match served.url.starts_with("http://") {
            true => Ok(served),
            false => bail!("sayself infer ended at once"),
        }
    }

    fn ask(&self, script: &mut Command) -> Result<()> {
        let script = script
            .env("SAYSELF_INFER", &self.url)
            .env("SAYSELF_KEY", KEY)
            .env("SAYSELF_MODEL", MODEL)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        run(script).context("a client of OpenAI's did not get what it expects")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
