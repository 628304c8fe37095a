//! Small run directories in each state, and a stand-in for `sayself`: what chores serve that need no model.

use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The id of the run that goes on.
pub const RUNNING: &str = "running";

/// A run that has just begun; its log.
pub fn running(runs: &Path) -> Result<PathBuf> {
    let folder = runs.join(RUNNING);
    begin(&folder)
}

/// One that failed, and one that cannot be read.
pub fn broken(runs: &Path) -> Result<()> {
    let events = begin(&runs.join("failed"))?;
    let failed = format!(
        "{{\"time_ms\":{},\"stage\":\"sample\",\"kind\":\"failed\",\"error\":\"the disk is full\"}}\n",
        now_ms()?
    );
    let log = std::fs::read_to_string(&events)? + &failed;
    std::fs::write(events, log)?;
    let damaged = runs.join("damaged");
    std::fs::create_dir_all(damaged.join("evaluate/sayself"))?;
    std::fs::write(damaged.join("run.toml"), "title = \u{1}")?;
    std::fs::write(damaged.join("evaluate/sayself/metrics.json"), "{\"n\": 4")?;
    Ok(())
}

fn begin(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(
        folder.join("run.toml"),
        "title = \"Made\"\n[[evaluate]]\nmethod = \"sayself\"\n",
    )?;
    let events = folder.join("events.jsonl");
    std::fs::write(
        &events,
        format!(
            "{{\"time_ms\":{},\"stage\":\"sample\",\"kind\":\"started\",\"done\":0,\"total\":1000000,\"unit\":\"questions\"}}\n",
            now_ms()?
        ),
    )?;
    Ok(events)
}

/// A program that takes a job as `sayself run CONFIG --out DIR` does, and is done at once.
pub fn stand_in(folder: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;

    let script = folder.join("stand-in");
    std::fs::write(
        &script,
        "#!/bin/sh\nset -e\nmkdir -p \"$4\"\ncp \"$2\" \"$4/run.toml\"\n",
    )?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

fn now_ms() -> Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())
}

/// A folder that goes when it is no longer needed.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("sayself-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
