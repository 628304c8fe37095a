//! `sayself-server` as a child process on a free port of this machine.

use crate::process::{program, shown, succeeds};
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ports tried after the wanted one.
const PORTS_TRIED: u16 = 100;
/// A server that does not answer by then has failed to start.
const START_SECONDS_MAX: u64 = 60;
/// A server that has not ended by then, after being asked to, is killed.
const STOP_SECONDS_MAX: u64 = 10;

/// A running server; it is stopped when this value goes out of scope.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub address: String,
}

/// What the server serves.
pub struct Served {
    /// Folders of run directories; jobs write into the last.
    pub runs: Vec<PathBuf>,
    /// Its database file; made where missing.
    pub database: PathBuf,
}

impl Server {
    /// Starts the release build and waits until it answers.
    pub fn start(root: &Path, served: &Served, port: u16) -> Result<Self> {
        Server::start_with(root, served, port, &[])
    }

    /// The same with further arguments.
    pub fn start_with(
        root: &Path,
        served: &Served,
        port: u16,
        arguments: &[&OsStr],
    ) -> Result<Self> {
        let port = free_port(port)?;
        let address = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(program(root, "sayself-server")?);
        command.current_dir(root).arg("--runs").args(&served.runs);
        command.arg("--database").arg(&served.database);
        command.arg("--listen").arg(format!("127.0.0.1:{port}"));
        command.args(arguments);
        eprintln!("  $ {}", shown(&command));
        // Its address is known; on stdout stands only what the chore has to say.
        command.stdout(Stdio::null());
        let child = command.spawn().context("cannot start sayself-server")?;
        let mut server = Server { child, address };
        let started = Instant::now();
        while ureq::get(format!("{}/healthz", server.address))
            .call()
            .is_err()
        {
            if let Some(status) = server.child.try_wait()? {
                bail!("sayself-server ended with {status} before it answered");
            }
            if started.elapsed() > Duration::from_secs(START_SECONDS_MAX) {
                bail!("sayself-server did not answer within {START_SECONDS_MAX} s");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the server ends, as it does on ctrl-c.
    pub fn wait(mut self) -> Result<()> {
        self.child
            .wait()
            .context("cannot wait for sayself-server")?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
        if ended(&mut self.child) {
            return;
        }
        // A word first, so that the server can end its jobs and close its database.
        succeeds(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
        let asked = Instant::now();
        while !ended(&mut self.child) {
            if asked.elapsed() > Duration::from_secs(STOP_SECONDS_MAX) {
                // Already gone is as good as killed.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The wanted port, or the next free one.
fn free_port(wanted: u16) -> Result<u16> {
    let last = wanted.saturating_add(PORTS_TRIED);
    for port in wanted..=last {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            if port != wanted {
                eprintln!("  port {wanted} is taken, so {port}");
            }
            return Ok(port);
        }
    }
    bail!("no port from {wanted} to {last} is free; give one by --port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_gives_way_to_the_next_free_one() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let free = free_port(port).unwrap();
        assert!(free > port && free <= port + PORTS_TRIED);
    }
}
