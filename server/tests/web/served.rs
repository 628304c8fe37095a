//! `sayself-server` as a child process, and a plain client.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What takes longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Served {
    child: Child,
    // Held open: the server may write to it.
    _out: BufReader<ChildStdout>,
    /// What it has said on standard error so far.
    said: Arc<Mutex<String>>,
    pub address: String,
}

pub struct Answer {
    pub status: u16,
    pub text: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

impl Served {
    /// Serves one folder of runs, with its database in it.
    pub fn over(runs: &Path) -> Self {
        Served::with(&["--runs", runs.to_str().unwrap()])
    }

    pub fn with(arguments: &[&str]) -> Self {
        Served::within(arguments, &[])
    }

    /// With variables in its environment.
    pub fn within(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sayself-server"));
        command.args(arguments);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        // Nothing of the folder that the tests happen to run in.
        command
            .envs(environment.iter().copied())
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let mut error = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn({
            let said = Arc::clone(&said);
            move || {
                let mut line = String::new();
                while error.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                    eprint!("{line}");
                    said.lock().unwrap().push_str(&line);
                    line.clear();
                }
            }
        });
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        out.read_line(&mut address).unwrap();
        let address = address.trim().trim_end_matches('/').to_owned();
        assert!(
            address.starts_with("http://"),
            "the server did not start: {:?}",
            child.wait()
        );
        Served {
            child,
            _out: out,
            said,
            address,
        }
    }

    /// What it has said on standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Asks for anything: a body is a kind and a text.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, String)>,
    ) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(match body {
            Some((kind, text)) => {
                agent().run(request.header("content-type", kind).body(text).unwrap())
            }
            None if ["POST", "PUT", "PATCH"].contains(&method) => {
                agent().run(request.body(String::new()).unwrap())
            }
            None => agent().run(request.body(()).unwrap()),
        })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = agent().get(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.call())
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[])
    }

    pub fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = agent().post(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send_json(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = agent().patch(format!("{}{path}", self.address));
        read(request.send_json(body))
    }

    /// Sends a form as a browser does from one of the server's own pages.
    pub fn send_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = agent()
            .post(format!("{}{path}", self.address))
            .header("Origin", "null")
            .header("Sec-Fetch-Site", "same-origin");
        read(request.send_form(fields.iter().copied()))
    }

    /// Sends bytes as they are; what clients would tidy up arrives untidied.
    pub fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A line-by-line reader of a stream of events.
    pub fn follow(&self, path: &str, last_event_id: Option<&str>) -> impl BufRead + use<> {
        let mut request = agent().get(format!("{}{path}", self.address));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let answer = request.call().unwrap();
        assert_eq!(answer.status(), 200);
        BufReader::new(answer.into_body().into_reader())
    }

    /// The same as somebody with a cookie.
    pub fn follow_as(&self, path: &str, cookie: &str) -> impl BufRead + use<> {
        let request = agent().get(format!("{}{path}", self.address));
        let answer = request.header("Cookie", cookie).call().unwrap();
        assert_eq!(answer.status(), 200);
        BufReader::new(answer.into_body().into_reader())
    }

    /// SIGTERM; then waits.
    pub fn stop(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < PATIENCE, "the server did not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut answer = answer.unwrap();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    Answer {
        status: answer.status().as_u16(),
        text: answer.body_mut().read_to_string().unwrap(),
        headers,
    }
}

/// Waits until `ready` gives something.
pub fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(target_os = "linux")]
impl Served {
    /// The most memory that the server has had, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}
