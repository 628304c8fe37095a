//! One side of a row: a process that loads once and works each time it is told to.

use crate::process::shown;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Tokens of a greedy answer that are compared; one that is shorter is filled up.
const ANSWER_TOKENS: usize = 8;

pub struct Side {
    name: String,
    child: Arc<Mutex<Child>>,
    /// While it is there, the process is ended when its time is over.
    limit: Option<Sender<()>>,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Numbers that the other side must give too.
    pub check: Vec<f64>,
}

impl Side {
    /// Starts the process and waits until all is loaded. It is ended after `limit`, unless it was
    /// [kept](Side::keep) before.
    pub fn start(mut command: Command, limit: Duration) -> Result<Side> {
        let name = shown(&command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{name}`"))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.context("a process without pipes")?;
        let child = Arc::new(Mutex::new(child));
        let mut side = Side {
            name,
            limit: Some(end_after(&child, limit)),
            child,
            stdin,
            stdout: BufReader::new(stdout),
            check: Vec::new(),
        };
        let check = side.answer("check")?;
        let numbers = check.as_array().context("the check is no list")?;
        side.check = numbers
            .iter()
            .map(|number| number.as_f64().unwrap_or(f64::NAN))
            .collect();
        Ok(side)
    }

    /// It may take the time that it takes.
    pub fn keep(&mut self) {
        self.limit = None;
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the work once: seconds, or a rate.
    pub fn work(&mut self) -> Result<f64> {
        self.stdin.write_all(b"\n")?;
        self.stdin.flush()?;
        let value = self.answer("value")?.as_f64();
        value.with_context(|| format!("`{}` gave no number", self.name))
    }

    /// The next line that is a JSON object with this key; what else a library prints is passed over.
    fn answer(&mut self, key: &str) -> Result<Value> {
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line)? == 0 {
                let status = self.child().wait()?;
                bail!("`{}` ended with {status}", self.name);
            }
            if let Ok(object) = serde_json::from_str::<Value>(&line)
                && let Some(value) = object.get(key)
            {
                return Ok(value.clone());
            }
        }
    }

    /// Peak resident memory in MB, where the system tells.
    pub fn peak_memory(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child().id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024.0 / 1e6)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Ends `child` when `limit` is over, unless what is returned is dropped before.
fn end_after(child: &Arc<Mutex<Child>>, limit: Duration) -> Sender<()> {
    let (sender, receiver) = channel();
    let child = child.clone();
    std::thread::spawn(move || {
        if receiver.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
    });
    sender
}

/// Whether both sides computed the same.
pub fn agree(ours: &[f64], peer: &[f64], tolerance: f64) -> Result<()> {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance;
    if ours.len() != peer.len() || !ours.iter().zip(peer).all(near) {
        bail!(
            "it does not compute the same: ours {ours:?}, the peer's {peer:?}, expected within {tolerance}"
        );
    }
    Ok(())
}

/// The share of answers, of [`ANSWER_TOKENS`] each, that both sides gave alike.
pub fn share_equal(ours: &[f64], peer: &[f64]) -> Result<f64> {
    if ours.len() != peer.len() || ours.is_empty() {
        let (ours, peer) = (ours.len(), peer.len());
        bail!("we gave {ours} tokens of answers, the peer {peer}: expected as many");
    }
    let pairs = ours.chunks(ANSWER_TOKENS).zip(peer.chunks(ANSWER_TOKENS));
    let equal = pairs.clone().filter(|(ours, peer)| ours == peer).count();
    Ok(equal as f64 / pairs.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDLESS: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_side_that_is_too_slow_is_ended() {
        let slow = |seconds: &str| {
            let mut shell = Command::new("sh");
            let script = "echo '{\"check\": []}'; read _; exec sleep $0";
            shell.args(["-c", script, seconds]);
            shell
        };
        // A busy machine takes its time to start a shell.
        let limit = Duration::from_secs(3);
        let mut side = Side::start(slow("60"), limit).unwrap();
        let error = side.work().unwrap_err().to_string();
        assert!(error.contains("signal: 9"), "{error}");
        let mut side = Side::start(slow("5"), limit).unwrap();
        side.keep();
        let error = side.work().unwrap_err().to_string();
        assert!(error.contains("exit status: 0"), "{error}");
    }

    #[test]
    fn a_side_answers_once_a_line() {
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            "echo noise; echo '{\"check\": [1, 2.5]}'; while read _; do echo '{\"value\": 3}'; done",
        ]);
        let mut side = Side::start(shell, ENDLESS).unwrap();
        assert_eq!(side.check, [1.0, 2.5]);
        assert_eq!(side.work().unwrap(), 3.0);
        assert_eq!(side.work().unwrap(), 3.0);
    }

    #[test]
    fn a_side_that_dies_says_so() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "exit 3"]);
        let error = Side::start(shell, ENDLESS).err().unwrap().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn answers_are_equal_as_a_whole() {
        let ours: Vec<f64> = (0..16).map(f64::from).collect();
        let mut peer = ours.clone();
        assert_eq!(share_equal(&ours, &peer).unwrap(), 1.0);
        peer[9] = -1.0;
        assert_eq!(share_equal(&ours, &peer).unwrap(), 0.5);
        assert!(share_equal(&ours, &peer[..8]).is_err());
        assert!(share_equal(&[], &[]).is_err());
    }

    #[test]
    fn what_is_not_a_number_does_not_agree() {
        assert!(agree(&[1.0], &[1.01], 0.02).is_ok());
        assert!(agree(&[1.0], &[1.1], 0.02).is_err());
        assert!(agree(&[1.0], &[f64::NAN], 0.02).is_err());
        assert!(agree(&[1.0], &[], 0.02).is_err());
    }
}
