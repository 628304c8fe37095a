//! A PostgreSQL server for the tests: a fresh cluster in a temporary folder, on a free port of
//! this machine, gone with its data when the tests are done.
//!
//! It is a child in this chore's process group: ctrl-c at a terminal ends both.

use crate::process::{is_root, output, run, shown, succeeds};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that takes no connections by then has failed to start.
const START_SECONDS_MAX: u64 = 60;

/// A running server; it is stopped and its data removed when this value goes out of scope.
pub struct Postgres {
    server: Child,
    data: Data,
    /// `postgres://sayself@127.0.0.1:PORT/postgres`
    pub url: String,
}

impl Postgres {
    /// `programs` is the folder of `initdb` and `postgres`.
    pub fn start(programs: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let data =
            Data(std::env::temp_dir().join(format!("sayself-postgres-{}", std::process::id())));
        run(program(programs, "initdb")?.arg("-D").arg(&data.0).args([
            "-A",
            "trust",
            "-U",
            "sayself",
            "-E",
            "UTF8",
            "--no-sync",
        ]))
        .context("cannot make a PostgreSQL cluster")?;
        // Only loopback, sockets beside the data, and no waiting for the disk: the data is thrown
        // away.
        let mut command = program(programs, "postgres")?;
        command
            .args(["-p", &port.to_string()])
            .arg("-D")
            .arg(&data.0)
            .arg("-k")
            .arg(&data.0)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .stderr(File::create(data.log())?);
        eprintln!("  $ {}", shown(&command));
        let mut postgres = Postgres {
            server: command.spawn().context("cannot start PostgreSQL")?,
            data,
            url: format!("postgres://sayself@127.0.0.1:{port}/postgres"),
        };
        postgres.wait_until_ready()?;
        println!("  PostgreSQL answers at {}", postgres.url);
        Ok(postgres)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while !self.data.is_ready() {
            if let Some(status) = self.server.try_wait()? {
                bail!("PostgreSQL ended with {status}: {}", self.data.told());
            }
            if started.elapsed() > Duration::from_secs(START_SECONDS_MAX) {
                let told = self.data.told();
                bail!("PostgreSQL took no connections within {START_SECONDS_MAX} s: {told}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if !matches!(self.server.try_wait(), Ok(None)) {
            return;
        }
        // SIGQUIT ends it at once, and its own children with it.
        let process = self.server.id().to_string();
        if !succeeds(Command::new("kill").args(["-QUIT", &process])) {
            // Already gone is as good as killed.
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// The folder of a cluster, removed when this value goes out of scope.
struct Data(PathBuf);

impl Data {
    fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    fn told(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Whether the server takes connections: the eighth line of its lock file says so, as to `pg_ctl -w`.
    fn is_ready(&self) -> bool {
        let lock = fs::read_to_string(self.0.join("postmaster.pid")).unwrap_or_default();
        lock.lines()
            .nth(7)
            .is_some_and(|state| state.trim() == "ready")
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // Root may remove what belongs to `postgres`; what is left of a temporary folder is no
        // failure.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One of the server's programs. They refuse to run as root, so then as `postgres`.
fn program(programs: &Path, name: &str) -> Result<Command> {
    let mut command = Command::new(programs.join(name));
    command
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if is_root() {
        command.uid(id_of_postgres("-u")?);
        command.gid(id_of_postgres("-g")?);
    }
    Ok(command)
}

/// By `id`'s flag: `-u` the user's number, `-g` that of its group.
fn id_of_postgres(flag: &str) -> Result<u32> {
    let id = output(Command::new("id").args([flag, "postgres"]))
        .context("PostgreSQL does not run as root but as the user postgres")?;
    id.trim().parse().context("`id` gave no number")
}
