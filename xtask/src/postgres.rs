//! A PostgreSQL server for the tests: a fresh cluster in a temporary folder, on a free port of
//! this machine, gone with its data when the tests are done.

use crate::process::{is_root, output, shown};
use anyhow::{Context, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running server; it is stopped and its data removed when this value goes out of scope.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    /// `postgres://sayself@127.0.0.1:PORT/postgres`
    pub url: String,
}

impl Postgres {
    /// `programs` is the folder of `initdb` and `pg_ctl`.
    pub fn start(programs: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let folder = std::env::temp_dir().join(format!("sayself-postgres-{}", std::process::id()));
        let postgres = Postgres {
            programs: programs.into(),
            url: format!("postgres://sayself@127.0.0.1:{port}/postgres"),
            folder,
        };
        let data = postgres.folder.display();
        postgres
            .program(
                "initdb",
                &format!("-D {data} -A trust -U sayself -E UTF8 --no-sync"),
            )
            .context("cannot make a PostgreSQL cluster")?;
        // Only loopback, sockets beside the data, and no waiting for the disk: the data is thrown
        // away.
        let options = format!("-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off");
        postgres
            .program(
                "pg_ctl",
                &format!("-D {data} -l {data}/log -w -o '{options}' start"),
            )
            .context("cannot start PostgreSQL")?;
        println!("  PostgreSQL answers at {}", postgres.url);
        Ok(postgres)
    }

    /// Runs one of the server's programs; it refuses to run as root, so then as `postgres`.
    fn program(&self, name: &str, arguments: &str) -> Result<()> {
        let line = format!("{} {arguments}", self.programs.join(name).display());
        let mut command = if is_root() {
            let mut command = Command::new("su");
            command.args(["postgres", "-s", "/bin/sh", "-c", &line]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", &line]);
            command
        };
        command.current_dir(std::env::temp_dir());
        // pg_ctl's server inherits the pipes and would hold them open, so nothing is piped.
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null());
        println!("  $ {}", shown(&command));
        let status = command.status()?;
        anyhow::ensure!(status.success(), "{name} ended with {status}");
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.display();
        if let Err(error) = self.program("pg_ctl", &format!("-D {data} -m immediate stop")) {
            println!("  PostgreSQL was not stopped: {error:#}");
        }
        // Root may remove what belongs to `postgres`; what is left of a temporary folder is no
        // failure.
        let _ = output(Command::new("rm").arg("-rf").arg(&self.folder));
    }
}
