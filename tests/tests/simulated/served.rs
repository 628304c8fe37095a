//! A server that is killed and started again, and the chores on its database.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// Where the server answers now: `http://HOST:PORT`. It moves with every start.
#[derive(Clone, Default)]
pub struct Place(Arc<RwLock<String>>);

impl Place {
    pub fn address(&self) -> String {
        self.0.read().unwrap().clone()
    }

    fn move_to(&self, address: &str) {
        address.clone_into(&mut self.0.write().unwrap());
    }
}

/// Makes the command `sayself-server`, without arguments.
pub type Program = fn() -> Command;

/// A server over a folder of runs and a database.
pub struct Served {
    program: Program,
    runs: PathBuf,
    pub database: String,
    pub place: Place,
    log: PathBuf,
    child: Option<Child>,
}

impl Served {
    /// `log` gets what it writes to standard error.
    pub fn new(program: Program, runs: &Path, database: &str, log: &Path) -> Self {
        Served {
            program,
            runs: runs.into(),
            database: database.into(),
            place: Place::default(),
            log: log.into(),
            child: None,
        }
    }

    /// Starts it and waits until it says its address.
    pub fn start(&mut self) {
        let mut child = self.spawn();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().trim_end_matches('/').to_owned();
        if !address.starts_with("http://") {
            let status = child.wait();
            panic!("the server did not start: {status:?}\n{}", self.told());
        }
        self.place.move_to(&address);
        self.child = Some(child);
    }

    /// Starts it and kills it in the middle of its start.
    pub fn begin_and_kill(&mut self, after: Duration) {
        let mut child = self.spawn();
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn spawn(&self) -> Child {
        assert!(self.child.is_none(), "it runs already");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        (self.program)()
            .arg("--runs")
            .arg(&self.runs)
            .args(["--database", &self.database, "--listen", "127.0.0.1:0"])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// The server's process.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// A chore of `sayself-server` on this database.
    pub fn chore(&self, arguments: &[&str]) -> Output {
        (self.program)()
            .args(arguments)
            .args(["--database", &self.database])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The end of what the server wrote to standard error.
    pub fn told(&self) -> String {
        const BYTES_MAX: u64 = 20_000;
        let mut text = Vec::new();
        if let Ok(mut file) = File::open(&self.log) {
            let length = file.metadata().map_or(0, |data| data.len());
            let _ = file.seek(SeekFrom::Start(length.saturating_sub(BYTES_MAX)));
            let _ = file.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
