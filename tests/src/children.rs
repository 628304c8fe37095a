//! Child processes that are watched, and killed at chosen moments.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a child's files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// A child that does not outlive the test.
pub struct Watched(Child);

impl Watched {
    /// Starts the command; its stderr goes to the file, so that a failure can be told.
    pub fn start(command: &mut Command, stderr: &Path) -> Self {
        let stderr = fs::File::create(stderr).expect("a test's folder can be written");
        let child = command.stdout(Stdio::null()).stderr(stderr).spawn();
        Watched(child.expect("a built program can be started"))
    }

    /// Waits until `is_so` or the child's end; its exit status in the second case.
    pub fn wait_until(&mut self, is_so: impl Fn() -> bool) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if is_so() {
                return None;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits for a time or the child's end; its exit status in the second case.
    pub fn wait_for(&mut self, time: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        self.wait_until(|| started.elapsed() >= time)
    }

    /// Waits for the child's end.
    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().expect("a child can be waited for")
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(mut self) {
        // It may have ended a moment ago.
        let _ = self.0.kill();
        self.wait();
    }

    /// The most memory that the child has held so far, in bytes (Linux).
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(
            line.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<u64>()
                .ok()?
                * 1024,
        )
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child can be waited for")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The whole lines of a run's event log, as JSON.
pub fn events(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// How often each stage was started, in order of the first start, with the milliseconds that it
/// took from its first start to its end.
pub fn stages(run: &Path) -> Vec<(String, u64)> {
    let mut stages: Vec<(String, u64, u64)> = Vec::new();
    for event in events(run) {
        let (Some(stage), Some(time)) = (event["stage"].as_str(), event["time_ms"].as_u64()) else {
            continue;
        };
        match stages.iter_mut().find(|(name, _, _)| name == stage) {
            Some((_, _, end)) => *end = time,
            None => stages.push((stage.into(), time, time)),
        }
    }
    stages
        .into_iter()
        .map(|(name, start, end)| (name, end - start))
        .collect()
}

/// How often any of these stages was started.
pub fn starts(run: &Path, stages: &[&str]) -> usize {
    let is_start = |event: &Value| {
        let stage = event["stage"].as_str().unwrap_or_default();
        event["kind"] == "started" && stages.contains(&stage)
    };
    events(run).iter().filter(|event| is_start(event)).count()
}
