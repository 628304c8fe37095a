//! Where a run stands, read off its event log.

use crate::error::{Error, bad_input};
use crate::run_dir::{RunFile, for_each_line};
use crate::stages::evaluate::METRICS;
use crate::stages::run::STOPPED_AFTER;
use datasets::Event;
use datasets::event::EventKind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;

/// The log of a run directory.
const EVENTS: &str = "events.jsonl";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A process works on it.
    Running,
    /// No process works on it: it goes on where it stood when it is started again.
    Stopped,
    Failed,
    Finished,
}

/// A run and its stages, in the order in which they first started.
#[derive(Debug, Serialize)]
pub struct Status {
    pub state: State,
    pub stages: Vec<StageStatus>,
    /// Lines of the log that are no events.
    pub bad_lines: usize,
}

#[derive(Debug, Serialize)]
pub struct StageStatus {
    pub stage: String,
    pub state: State,
    pub done: u64,
    pub total: u64,
    /// What is counted, e.g. `steps`.
    pub unit: String,
    /// Seconds since it last started, or that it took since then.
    pub seconds: f64,
    /// Units a second since it last started.
    pub rate: Option<f64>,
    pub seconds_left: Option<f64>,
    /// The latest value of each measure, e.g. `loss`, `reward`, `mean_confidence`.
    pub values: BTreeMap<String, f64>,
    pub error: Option<String>,
    #[serde(skip)]
    started_ms: u64,
    #[serde(skip)]
    done_before: u64,
}

/// Reads a run directory's log.
///
/// # Errors
/// Exit code 2 where the folder holds no log.
pub fn status(folder: &Path) -> anyhow::Result<Status> {
    let log = folder.join(EVENTS);
    if !log.is_file() {
        return Err(match folder.is_dir() {
            true => bad_input(format!(
                "{}: expected a run directory, found no {EVENTS} in it",
                folder.display()
            )),
            false => Error::Read {
                path: folder.to_path_buf(),
                source: std::io::ErrorKind::NotFound.into(),
            }
            .into(),
        });
    }
    let (mut stages, mut bad_lines) = (Vec::new(), 0);
    for_each_line(&log, |line| {
        match serde_json::from_slice(line.bytes) {
            Ok(event) => hear(&mut stages, event),
            // The last line may be under way.
            Err(_) => bad_lines += usize::from(line.is_ended),
        }
        Ok(())
    })?;
    let state = state(folder, &stages);
    if state != State::Running {
        for stage in stages
            .iter_mut()
            .filter(|stage| stage.state == State::Running)
        {
            stage.state = State::Stopped;
            stage.seconds_left = None;
        }
    }
    Ok(Status {
        state,
        stages,
        bad_lines,
    })
}

fn hear(stages: &mut Vec<StageStatus>, event: Event) {
    let known = stages.iter().position(|stage| stage.stage == event.stage);
    // What is said of the questions before any stage begins is no stage.
    if known.is_none() && matches!(event.kind, EventKind::Note { .. }) {
        return;
    }
    let at = known.unwrap_or_else(|| {
        stages.push(StageStatus {
            stage: event.stage.clone(),
            state: State::Running,
            done: 0,
            total: 0,
            unit: String::new(),
            seconds: 0.0,
            rate: None,
            seconds_left: None,
            values: BTreeMap::new(),
            error: None,
            started_ms: event.time_ms,
            done_before: 0,
        });
        stages.len() - 1
    });
    let stage = &mut stages[at];
    stage.seconds = event.time_ms.saturating_sub(stage.started_ms) as f64 / 1e3;
    match event.kind {
        EventKind::Started { done, total, unit } => {
            (stage.done, stage.done_before, stage.total, stage.unit) = (done, done, total, unit);
            (stage.started_ms, stage.seconds) = (event.time_ms, 0.0);
            (stage.state, stage.error) = (State::Running, None);
        }
        EventKind::Progress { done, total } => (stage.done, stage.total) = (done, total),
        EventKind::Metrics { values, .. } => stage.values.extend(values),
        EventKind::Note { .. } => {}
        EventKind::Finished { seconds } => {
            (stage.state, stage.seconds) = (State::Finished, seconds);
        }
        EventKind::Failed { error } => {
            (stage.state, stage.error) = (State::Failed, Some(error));
        }
    }
    let fresh = stage.done.saturating_sub(stage.done_before) as f64;
    stage.rate = (fresh > 0.0 && stage.seconds > 0.0).then(|| fresh / stage.seconds);
    let missing = stage.total.saturating_sub(stage.done) as f64;
    let is_running = stage.state == State::Running;
    stage.seconds_left = stage.rate.filter(|_| is_running).map(|rate| missing / rate);
}

fn state(folder: &Path, stages: &[StageStatus]) -> State {
    if is_held(folder) {
        return State::Running;
    }
    let is_finished = stages.iter().all(|stage| stage.state == State::Finished);
    if is_finished && is_complete(folder, stages) {
        State::Finished
    } else if stages.iter().any(|stage| stage.state == State::Failed) {
        State::Failed
    } else {
        State::Stopped
    }
}

/// Whether a run has all evaluations that its configuration asks for, or was to stop before them: it may
/// have been killed between two stages.
fn is_complete(folder: &Path, stages: &[StageStatus]) -> bool {
    let file = RunFile::read(folder).ok();
    let Some(run) = file.filter(|file| file.provenance.stage == "run") else {
        return true;
    };
    let is_stopped = |stage: &StageStatus| stage.stage.starts_with(STOPPED_AFTER);
    let evaluated = folder.join("evaluate");
    let is_there = |label: &str| evaluated.join(label).join(METRICS).exists();
    stages.iter().any(is_stopped)
        || run
            .config
            .evaluations()
            .iter()
            .all(|one| is_there(&one.label))
}

/// Whether a process holds the directory's lock.
fn is_held(folder: &Path) -> bool {
    let Ok(lock) = File::open(folder.join(".lock")) else {
        return false;
    };
    // Let go of again at once, as the file is closed.
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_dir::{Provenance, RunDir};
    use datasets::RunConfig;
    use datasets::config::EvaluateConfig;

    fn log(folder: &Path, lines: &[&str]) {
        std::fs::write(folder.join(EVENTS), lines.join("\n")).unwrap();
    }

    const STARTED: &str = r#"{"time_ms":1000,"stage":"sft/seed-1","kind":"started","done":10,"total":50,"unit":"steps"}"#;
    const PROGRESS: &str =
        r#"{"time_ms":11000,"stage":"sft/seed-1","kind":"progress","done":30,"total":50}"#;
    const LOSS: &str = r#"{"time_ms":11000,"stage":"sft/seed-1","kind":"metrics","step":30,"values":{"loss":0.5}}"#;

    #[test]
    fn a_running_stage_has_a_rate_and_a_time_left() {
        let folder = tempfile::tempdir().unwrap();
        let held = RunDir::open(folder.path()).unwrap();
        log(folder.path(), &[STARTED, PROGRESS, LOSS, "{\"time_ms\":12"]);
        let running = status(folder.path()).unwrap();
        assert_eq!((running.state, running.bad_lines), (State::Running, 0));
        let stage = &running.stages[0];
        assert_eq!(
            (stage.done, stage.rate, stage.seconds_left),
            (30, Some(2.0), Some(10.0))
        );
        assert_eq!(stage.values["loss"], 0.5);
        drop(held);
        let stopped = status(folder.path()).unwrap();
        assert_eq!(stopped.state, State::Stopped);
        assert_eq!(stopped.stages[0].state, State::Stopped);
    }

    #[test]
    fn a_run_is_finished_or_failed_as_its_stages_are() {
        let folder = tempfile::tempdir().unwrap();
        let failed = r#"{"time_ms":2000,"stage":"sft/seed-1","kind":"failed","error":"disk full"}"#;
        log(folder.path(), &[STARTED, failed]);
        let status_of_failed = status(folder.path()).unwrap();
        assert_eq!(status_of_failed.state, State::Failed);
        assert_eq!(
            status_of_failed.stages[0].error.as_deref(),
            Some("disk full")
        );
        let finished = r#"{"time_ms":9000,"stage":"sft/seed-1","kind":"finished","seconds":8.0}"#;
        log(
            folder.path(),
            &[STARTED, failed, STARTED, PROGRESS, finished, ""],
        );
        let status_of_finished = status(folder.path()).unwrap();
        assert_eq!(status_of_finished.state, State::Finished);
        assert_eq!(status_of_finished.stages[0].seconds, 8.0);
    }

    #[test]
    fn a_run_that_lacks_an_evaluation_is_stopped_and_a_note_is_no_stage() {
        let folder = tempfile::tempdir().unwrap();
        let note = r#"{"time_ms":500,"stage":"questions","kind":"note","message":"1 left out"}"#;
        let finished = r#"{"time_ms":9000,"stage":"sft/seed-1","kind":"finished","seconds":8.0}"#;
        log(folder.path(), &[note, STARTED, finished, ""]);
        let file = RunFile {
            provenance: Provenance::of("run"),
            config: RunConfig {
                evaluate: vec![EvaluateConfig::default()],
                ..RunConfig::default()
            },
        };
        let text = toml::to_string_pretty(&file).unwrap();
        std::fs::write(folder.path().join("run.toml"), text).unwrap();
        let found = status(folder.path()).unwrap();
        assert_eq!((found.state, found.stages.len()), (State::Stopped, 1));
        let evaluated = folder.path().join("evaluate/sayself");
        std::fs::create_dir_all(&evaluated).unwrap();
        std::fs::write(evaluated.join(METRICS), "{}").unwrap();
        assert_eq!(status(folder.path()).unwrap().state, State::Finished);
    }

    #[test]
    fn a_folder_without_a_log_is_no_run() {
        let folder = tempfile::tempdir().unwrap();
        let error = status(folder.path()).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 2);
        let error = status(&folder.path().join("missing")).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 1);
    }
}
