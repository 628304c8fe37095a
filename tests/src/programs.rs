//! The real programs.

use crate::folders;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A program of the workspace, from the build folder that this test runs from.
///
/// Panics, with what to type, where it has not been built.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the system tells a program its own path");
    let built = test
        .ancestors()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    built.unwrap_or_else(|| {
        panic!(
            "{name} has not been built: `cargo build --release --workspace`, or `cargo xtask test`"
        )
    })
}

/// `sayself`, in the workspace's root, without colour and without input.
pub fn sayself() -> Command {
    let mut command = Command::new(program("sayself"));
    command
        .current_dir(folders::root())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

/// What `sayself` with these arguments prints and ends with.
pub fn run_sayself(arguments: &[&str]) -> Outcome {
    let output = sayself()
        .args(arguments)
        .output()
        .expect("a built program can be started");
    Outcome::of(arguments, output)
}

/// How a program ended.
pub struct Outcome {
    pub line: String,
    /// The exit code; −1 where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    fn of(arguments: &[&str], output: Output) -> Self {
        Outcome {
            line: format!("sayself {}", arguments.join(" ")),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Everything that was printed, for a failed assertion's message.
    pub fn told(&self) -> String {
        format!(
            "`{}` ended with {}\nstdout: {}\nstderr: {}",
            self.line, self.code, self.stdout, self.stderr
        )
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.told());
        self
    }

    /// Asserts that the reason on stderr has each of these words, and that nothing panicked.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let stderr = self.stderr.to_lowercase();
        for word in words {
            assert!(
                stderr.contains(&word.to_lowercase()),
                "no `{word}` on stderr: {}",
                self.told()
            );
        }
        assert!(!stderr.contains("panicked"), "{}", self.told());
        self
    }

    /// The one JSON value on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("stdout is not one JSON value ({error}): {}", self.told())
        })
    }

    /// The JSON values on stdout, one a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("not JSON ({error}): {line}\n{}", self.told()))
            })
            .collect()
    }
}

/// `sayself-server` over a folder of runs, on a free port; stopped when dropped.
pub struct Served {
    child: Child,
    /// `http://HOST:PORT`, without a slash at its end.
    pub address: String,
}

impl Served {
    /// Starts it and waits until it says its address.
    pub fn start(runs: &Path) -> Self {
        let mut child = Command::new(program("sayself-server"))
            .current_dir(folders::root())
            .arg("--runs")
            .arg(runs)
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a built program can be started");
        let stdout = child.stdout.take().expect("its output is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the server says its address");
        let address = line.trim().trim_end_matches('/').to_owned();
        assert!(address.starts_with("http"), "the server ended at once");
        Served { child, address }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
