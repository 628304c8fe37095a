//! Where the model of the server's demo is: an OpenAI-compatible server that the operator names, or a child
//! `sayself infer` over the files that are handed out, started when it is first asked and ended when nobody
//! has asked for a while. The web server itself never runs a model: should it die, pages go on.

use super::Dead;
use crate::demo::chosen::Chosen;
use crate::limits::{DEMO_IDLE_SECONDS_MAX, DEMO_START_AGAIN_SECONDS, DEMO_START_SECONDS_MAX};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What the child calls its models.
const BEFORE: &str = "before";
const AFTER: &str = "after";
const IDLE_MAX: Duration = Duration::from_secs(DEMO_IDLE_SECONDS_MAX);

/// Where the server's demo asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Location {
    /// Nowhere: visitors ask in their own browsers alone.
    #[default]
    Off,
    /// A child, by this program (`sayself`).
    Child(PathBuf),
    Elsewhere(Endpoint),
}

/// An OpenAI-compatible server.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Up to and with `/v1`.
    pub root: String,
    /// What it calls the model as it is.
    pub before: String,
    /// What it calls the taught one.
    pub after: Option<String>,
    pub key: Option<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // No key in a log.
        formatter
            .debug_struct("Endpoint")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// A model server that can be asked now. The child lives at least as long as this.
#[derive(Clone, Debug)]
pub struct Ready {
    pub endpoint: Endpoint,
    /// Whether it has the files that are handed out, so that their record is its own.
    pub has_same_files: bool,
    _running: Option<Arc<Running>>,
}

/// The model server of a demo.
#[derive(Debug, Default)]
pub struct ModelServer {
    location: Location,
    slot: tokio::sync::Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    running: Option<Arc<Running>>,
    /// When the last start failed, and why.
    failed: Option<(Instant, String)>,
}

/// A child that has said its address.
#[derive(Debug)]
struct Running {
    /// Killed when it is dropped.
    child: Mutex<Child>,
    files: Files,
    root: String,
    asked: Mutex<Instant>,
}

/// What a child was started over.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Files {
    model: PathBuf,
    adapter: Option<PathBuf>,
    /// Changes with what is in them.
    version: String,
}

impl Files {
    fn of(chosen: &Chosen) -> Option<Files> {
        Some(Files {
            model: chosen.model.as_ref()?.path.clone(),
            adapter: chosen
                .adapter
                .as_ref()
                .map(|adapter| adapter.folder.clone()),
            version: chosen.version(),
        })
    }
}

impl ModelServer {
    pub fn at(location: Location) -> Arc<Self> {
        Arc::new(ModelServer {
            location,
            slot: tokio::sync::Mutex::default(),
        })
    }

    /// Whether there is one to ask, if these files are handed out.
    pub fn is_there(&self, chosen: &Chosen) -> bool {
        match &self.location {
            Location::Off => false,
            Location::Child(_) => chosen.model.is_some(),
            Location::Elsewhere(_) => true,
        }
    }

    /// Whether a taught model can be asked.
    pub fn is_taught(&self, chosen: &Chosen) -> bool {
        match &self.location {
            Location::Off => false,
            Location::Child(_) => chosen.adapter.is_some(),
            Location::Elsewhere(endpoint) => endpoint.after.is_some(),
        }
    }

    /// What a visitor can ask; starts the child where there is none.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub async fn ready(self: &Arc<Self>, chosen: &Chosen) -> Result<Ready, Dead> {
        match &self.location {
            Location::Off => Err(Dead("This server has no model to ask.".to_owned())),
            Location::Elsewhere(endpoint) => Ok(Ready {
                endpoint: endpoint.clone(),
                has_same_files: false,
                _running: None,
            }),
            Location::Child(program) => {
                let files = Files::of(chosen)
                    .ok_or_else(|| Dead("This server has no model to ask.".to_owned()))?;
                let running = self.running(program, files).await?;
                Ok(Ready {
                    endpoint: Endpoint {
                        root: running.root.clone(),
                        before: BEFORE.to_owned(),
                        after: running.files.adapter.is_some().then(|| AFTER.to_owned()),
                        key: None,
                    },
                    has_same_files: true,
                    _running: Some(running),
                })
            }
        }
    }

    async fn running(self: &Arc<Self>, program: &Path, files: Files) -> Result<Arc<Running>, Dead> {
        let mut slot = self.slot.lock().await;
        if let Some(running) = &slot.running
            && running.files == files
            && running.lives()
        {
            running.note_use();
            return Ok(Arc::clone(running));
        }
        // Whoever is still answered by the old one holds it.
        slot.running = None;
        if let Some((when, why)) = &slot.failed
            && when.elapsed() < Duration::from_secs(DEMO_START_AGAIN_SECONDS)
        {
            return Err(Dead(why.clone()));
        }
        match start(program, files).await {
            Ok(running) => {
                let running = Arc::new(running);
                slot.running = Some(Arc::clone(&running));
                slot.failed = None;
                tokio::spawn(end_when_idle(Arc::downgrade(self)));
                Ok(running)
            }
            Err(why) => {
                tracing::warn!("the demo's model server: {why}");
                slot.failed = Some((Instant::now(), why.clone()));
                Err(Dead(why))
            }
        }
    }
}

impl Running {
    fn lives(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(child.try_wait(), Ok(None))
    }

    fn note_use(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_idle(&self) -> bool {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            >= IDLE_MAX
    }
}

/// Ends the child when nobody has asked it for a while.
async fn end_when_idle(server: Weak<ModelServer>) {
    loop {
        tokio::time::sleep(IDLE_MAX / 10).await;
        let Some(server) = server.upgrade() else {
            return;
        };
        let mut slot = server.slot.lock().await;
        let Some(running) = &slot.running else {
            return;
        };
        // Nobody is answered by it now, and nobody was lately.
        if Arc::strong_count(running) == 1 && running.is_idle() {
            tracing::info!("the demo's model server is ended: nobody asks it");
            slot.running = None;
            return;
        }
    }
}

/// Starts a child and waits until it has said its address.
async fn start(program: &Path, files: Files) -> Result<Running, String> {
    let mut command = Command::new(program);
    command.arg("infer").arg("--model").arg(&files.model);
    command.args([
        "--name",
        BEFORE,
        "--listen",
        "127.0.0.1:0",
        "--end-with-stdin",
    ]);
    if let Some(folder) = &files.adapter {
        let mut named = std::ffi::OsString::from(AFTER);
        named.push("=");
        named.push(folder);
        command.arg("--adapter").arg(named);
    }
    let mut child = command
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{} cannot be started: {error}.", program.display()))?;
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("The system gave the model's process no pipes.".to_owned());
    };
    let words = tokio::spawn(last_words(err));
    let mut lines = BufReader::new(out).lines();
    let limit = Duration::from_secs(DEMO_START_SECONDS_MAX);
    match timeout(limit, lines.next_line()).await {
        Ok(Ok(Some(root))) => Ok(Running {
            child: Mutex::new(child),
            files,
            root: root.trim().to_owned(),
            asked: Mutex::new(Instant::now()),
        }),
        Ok(_) => {
            let words = timeout(limit, words).await.ok().and_then(Result::ok);
            let words = words.unwrap_or_default();
            Err(format!(
                "The model's process ended at once. It said: {words}"
            ))
        }
        Err(_) => Err(format!(
            "The model's process did not say its address within {DEMO_START_SECONDS_MAX} seconds."
        )),
    }
}

/// Puts what a child says into the log; its last line.
async fn last_words(from: impl AsyncRead + Unpin) -> String {
    let mut last = String::new();
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::info!("the demo's model server: {line}");
        last = line;
    }
    last
}
