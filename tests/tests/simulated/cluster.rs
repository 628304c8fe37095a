//! A PostgreSQL server of a test's own, gone with its data afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A server that answers, and the folder of its programs.
pub struct Cluster {
    programs: PathBuf,
    /// `None`: somebody else's, e.g. the one that `cargo xtask test` starts for all tests.
    folder: Option<TempDir>,
    /// `postgres://sayself@127.0.0.1:PORT/postgres`
    pub url: String,
}

impl Cluster {
    /// The one that `SAYSELF_TEST_POSTGRES` names, else a new one. Where there is no PostgreSQL, `None`
    /// with a word, as `cargo xtask test` says before; in CI, a panic.
    pub fn find() -> Option<Self> {
        match (std::env::var("SAYSELF_TEST_POSTGRES"), programs()) {
            (Ok(url), programs) => Some(Cluster {
                // Without a folder of its own, `psql` is looked for on the PATH.
                programs: programs.unwrap_or_default(),
                folder: None,
                url,
            }),
            (Err(_), Some(programs)) => Some(Cluster::start(programs)),
            (Err(_), None) => {
                assert!(
                    !super::in_ci(),
                    "no PostgreSQL: install Debian's package `postgresql`"
                );
                eprintln!(
                    "SKIPPED: no PostgreSQL under /usr/lib/postgresql: install Debian's package `postgresql`"
                );
                None
            }
        }
    }

    fn start(programs: PathBuf) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL does not run as root; its own user must own its folder.
        if is_root() {
            let owned = Command::new("chown")
                .arg("postgres")
                .arg(folder.path())
                .status();
            assert!(owned.unwrap().success());
        }
        let data = data(folder.path());
        let cluster = Cluster {
            programs,
            url: format!("postgres://sayself@127.0.0.1:{port}/postgres"),
            folder: Some(folder),
        };
        cluster.program(
            "initdb",
            &format!("-D {data} -A trust -U sayself -E UTF8 --no-sync"),
        );
        cluster.program(
            "pg_ctl",
            &format!("-D {data} -l {data}/log -w -o '-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off' start"),
        );
        cluster
    }

    /// A new, empty database; its URL.
    pub fn new_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "sayself_{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        self.say(&self.url, &format!("CREATE DATABASE {name}"));
        let (server, _) = self.url.rsplit_once('/').unwrap();
        format!("{server}/{name}")
    }

    /// What a database answers to a statement: one row a line, its columns divided by `|`.
    pub fn say(&self, url: &str, statement: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args([url, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1", "--command", statement])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{statement}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn program(&self, name: &str, arguments: &str) {
        let line = format!("{} {arguments}", self.programs.join(name).display());
        let mut command = if is_root() {
            let mut command = Command::new("su");
            command.args(["postgres", "-s", "/bin/sh"]);
            command
        } else {
            Command::new("sh")
        };
        let status = command
            .args(["-c", &line])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{line}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let data = data(folder.path());
            self.program("pg_ctl", &format!("-D {data} -m immediate stop"));
        }
    }
}

fn data(folder: &Path) -> String {
    folder.join("data").display().to_string()
}

fn is_root() -> bool {
    let told = Command::new("id").arg("-u").output().unwrap();
    told.stdout.trim_ascii() == b"0"
}

/// The newest version's programs, where Debian puts them.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop()
}
