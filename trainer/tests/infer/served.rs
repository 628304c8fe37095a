//! The program while it serves.

use crate::models::Files;
use crate::support::sayself;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that ends with the test.
pub struct Served {
    child: Child,
    stderr: Option<ChildStderr>,
    /// `127.0.0.1:PORT`
    pub address: String,
}

impl Served {
    /// Over the small model and its two adapters.
    pub fn start(files: &Files, more: &[&str]) -> Self {
        let mut command = sayself();
        command
            .args(["infer", "--quiet", "--model"])
            .arg(&files.model);
        for (name, path) in &files.adapters {
            command.arg("--adapter");
            command.arg(format!("{name}={}", path.display()));
        }
        command.args(more);
        Served::of(command)
    }

    /// Of a command that listens at a free port.
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let mut stderr = child.stderr.take();
        let Some(address) = line
            .trim()
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/v1"))
        else {
            let mut told = String::new();
            if let Some(stderr) = &mut stderr {
                stderr.read_to_string(&mut told).unwrap();
            }
            panic!("the server said {line:?} and {told}");
        };
        Served {
            child,
            stderr,
            address: address.to_owned(),
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Ends its standard input, as the death of the program that started it does.
    pub fn end_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end: the exit code, and how long it took.
    pub fn ended(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let status = self.child.wait().unwrap();
        (status.code(), begun.elapsed())
    }

    /// What it said on stderr, once it has ended.
    pub fn stderr(&mut self) -> String {
        let mut told = String::new();
        if let Some(mut stderr) = self.stderr.take() {
            stderr.read_to_string(&mut told).unwrap();
        }
        told
    }

    /// A number of `/metrics`.
    pub fn metric(&self, name: &str) -> f64 {
        let reply = crate::client::get(&self.address, "/metrics");
        let text = String::from_utf8(reply.body).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .unwrap_or_else(|| panic!("no {name} in\n{text}"));
        line.parse().unwrap()
    }

    /// Waits until a number of `/metrics` is as wanted, at most ten seconds.
    #[track_caller]
    pub fn wait_for(&self, name: &str, wanted: f64) {
        let begun = Instant::now();
        while self.metric(name) != wanted {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "{name} is {}, not {wanted}",
                self.metric(name)
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Resident memory in MB (Linux).
    pub fn memory_mb(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kb: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kb / 1024.0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
