//! The process of a job: a child of this server, or one that an earlier server left running.

use crate::limits::ADOPTED_EVERY_MS;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Exited(i32),
    /// By a signal.
    Killed,
    /// It is gone, and only its parent could have known how.
    Unknown,
}

/// A running process.
#[derive(Debug)]
pub enum Process {
    Child { child: Child, pid: i32 },
    Adopted { pid: i32, start: String },
}

impl Process {
    /// Starts a command line in a process group of its own, so that it and its
    /// children can be stopped together and a Ctrl-C at the server's terminal does not reach it twice.
    ///
    /// # Errors
    /// Where the log cannot be opened or the program not started.
    pub fn start(program: &Path, arguments: &[OsString], log: &Path) -> io::Result<Self> {
        let out = OpenOptions::new().create(true).append(true).open(log)?;
        let child = Command::new(program)
            .args(arguments)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .kill_on_drop(false)
            .spawn()?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .ok_or_else(|| io::Error::other("it ended before its process id was known"))?;
        Ok(Process::Child { child, pid })
    }

    /// The process that an earlier server started, if it still lives; `start` tells it from another
    /// one that was given its id since.
    pub fn adopt(pid: i64, start: Option<&str>) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        let now = start_of(pid)?;
        (Some(now.as_str()) == start).then_some(Process::Adopted { pid, start: now })
    }

    pub fn pid(&self) -> i32 {
        match self {
            Process::Child { pid, .. } | Process::Adopted { pid, .. } => *pid,
        }
    }

    /// Waits for its end. May be dropped and called again.
    ///
    /// # Errors
    /// Those of waiting for a child.
    pub async fn wait(&mut self) -> io::Result<Ending> {
        match self {
            Process::Child { child, .. } => {
                let status = child.wait().await?;
                Ok(status.code().map_or(Ending::Killed, Ending::Exited))
            }
            Process::Adopted { pid, start } => {
                while start_of(*pid).as_ref() == Some(start) {
                    tokio::time::sleep(Duration::from_millis(ADOPTED_EVERY_MS)).await;
                }
                Ok(Ending::Unknown)
            }
        }
    }

    /// Asks the whole group to stop.
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops the whole group at once. What it has written stays: a stage goes on from there.
    pub fn stop_at_once(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.pid())
            && let Err(error) = kill_process_group(group, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = self.pid(), %error, "the job's process {} cannot be signalled", self.pid());
        }
    }
}

/// When a process started, in the system's own words; `None` where there is none, or only its
/// remains.
pub fn start_of(pid: i32) -> Option<String> {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            // The second field, the name, may hold spaces and brackets: count from its end.
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            let state = fields.first()?;
            (!matches!(*state, "Z" | "X"))
                .then(|| fields.get(19).map(|start| (*start).to_owned()))?
        }
        Err(_) if Path::new("/proc/self/stat").exists() => None,
        // Systems without /proc.
        Err(_) => {
            let output = std::process::Command::new("ps")
                .args(["-o", "lstart=", "-p", &pid.to_string()])
                .output()
                .ok()?;
            let start = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            (!start.is_empty()).then_some(start)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start() {
        let own = std::process::id() as i64;
        let start = start_of(own as i32).unwrap();
        assert!(Process::adopt(own, Some(&start)).is_some());
        assert!(Process::adopt(own, Some("another time")).is_none());
        assert!(Process::adopt(own, None).is_none());
        assert!(Process::adopt(i64::MAX, Some(&start)).is_none());
    }
}
