//! The REST API under made-up requests: schemathesis draws them from the OpenAPI document and looks for
//! answers that break it.

use crate::made_runs::{self, Scratch};
use crate::process::{build_programs, run};
use crate::serve::{Served, Server};
use crate::{python, setup};
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "schemathesis==4.32.5";
/// Seconds for all requests.
const SECONDS_MAX: u32 = 120;
/// Seconds for one answer.
const ANSWER_SECONDS_MAX: u32 = 20;
/// What every answer must be: no fault of the server's own, and as the document says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method,allow_header_conformance";
/// Streams without an end: followed by tests of their own.
const STREAMS: &str = "/(events|states)$|/demo/ask$";
const PORT: u16 = 7790;

/// Builds what it starts, then checks.
pub fn build_and_check(root: &Path) -> Result<()> {
    build_programs(root)?;
    check(root)
}

/// Runs it against a server over made runs; left out, after a loud word, where it cannot be installed.
pub fn check(root: &Path) -> Result<()> {
    let python = match installed() {
        Ok(python) => python,
        Err(error) => {
            return setup::leave_out(
                "made-up requests to the REST API",
                &format!(
                    "a Python 3.11 or newer with venv and pip, and the network once ({error:#})"
                ),
            );
        }
    };
    let scratch = Scratch::new("schemathesis")?;
    let runs = scratch.0.join("runs");
    made_runs::running(&runs)?;
    made_runs::broken(&runs)?;
    let stand_in = made_runs::stand_in(&scratch.0)?;
    let served = Served {
        runs: vec![root.join("datasets/results"), runs],
        database: scratch.0.join("made.db"),
    };
    let arguments = [OsStr::new("--sayself"), stand_in.as_os_str()];
    let server = Server::start_with(root, &served, PORT, &arguments)?;
    run(Command::new(python.with_file_name("schemathesis"))
        // It leaves files where it stands.
        .current_dir(&scratch.0)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", root.join("tests/api"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SAYSELF_SERVER", &server.address)
        .args(["--no-color", "run"])
        .arg(format!("{}/api/openapi.json", server.address))
        .args(["--checks", CHECKS, "--exclude-path-regex", STREAMS])
        .args(["--max-time", &SECONDS_MAX.to_string()])
        .args(["--request-timeout", &ANSWER_SECONDS_MAX.to_string()])
        .args(["--max-examples", "40", "--seed", "7"])
        .args(["--generation-database", "none"])
        .args(["--continue-on-failure", "--warnings", "off"]))
    .context("the API broke its description; each failure above has a curl line that shows it")
}

/// The Python of an environment that has it.
fn installed() -> Result<PathBuf> {
    let python = python::environment("schemathesis")?;
    let mark = python.with_file_name(".installed");
    if std::fs::read_to_string(&mark).is_ok_and(|there| there == PACKAGE) {
        return Ok(python);
    }
    println!("  schemathesis: missing, installing it");
    python::install(&python, &[PACKAGE], &[])?;
    std::fs::write(&mark, PACKAGE)?;
    Ok(python)
}
