//! Where a run stands, from its event log; read on from where the last look ended.

use super::contained;
use super::indexing::probe_of;
use super::lines::Lines;
use crate::limits::{RECORD_BYTES_MAX, SILENT_MS_MAX, STAGES_MAX};
use app::view::RunState;
use datasets::Event;
use datasets::event::EventKind;
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::Path;

/// The whole pipeline's own stage: its end is the run's end.
const WHOLE_RUN: &str = "run";

/// What a run that was to stop after a stage says last, before that stage's name.
const STOPPED_AFTER: &str = "until/";

/// What the events read so far say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes of the log that have been read, whole lines only.
    pub offset: u64,
    /// Hash of the first and the last of them, by which the log is known again. What an earlier version
    /// stored has none, and is read anew.
    #[serde(default)]
    probe: u64,
    pub first_ms: Option<u64>,
    pub last_ms: Option<u64>,
    /// In order of their last start, the latest last.
    stages: Vec<StageProgress>,
    /// Lines that are no events.
    pub bad_lines: u64,
    /// Byte offset and reason of the first of them.
    pub first_bad: Option<(u64, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StageProgress {
    name: String,
    started_ms: u64,
    last_ms: u64,
    /// Units that were there when it started: they took no time.
    done_before: u64,
    done: u64,
    total: u64,
    unit: String,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Outcome {
    Open,
    Finished,
    Failed(String),
}

impl Progress {
    /// Reads what has been appended since. A log that has become shorter, or is another, is read anew.
    ///
    /// # Errors
    /// As [`contained::open`], and those of reading; a missing log is no error.
    pub fn read_on(&mut self, folder: &Path, log: &Path) -> io::Result<()> {
        let (file, metadata) = match contained::open(folder, log) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *self = Progress::default();
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if metadata.len() < self.offset || probe_of(&file, self.offset)? != self.probe {
            *self = Progress::default();
        }
        let mut reader = BufReader::new(&file);
        reader.seek(SeekFrom::Start(self.offset))?;
        let mut lines = Lines::new(reader, self.offset, RECORD_BYTES_MAX);
        while let Some(line) = lines.next_line()? {
            // The last line may still be under way: it is read once its end is there.
            if !line.whole {
                break;
            }
            let (offset, end) = (line.offset, line.end);
            match line.bytes.map(serde_json::from_slice::<Event>) {
                Some(Ok(event)) => self.hear(event),
                Some(Err(_)) if line.bytes.is_some_and(<[u8]>::is_empty) => {}
                Some(Err(error)) => self.hear_noise(offset, error.to_string()),
                None => {
                    self.hear_noise(offset, format!("is longer than {RECORD_BYTES_MAX} bytes"));
                }
            }
            self.offset = end;
        }
        self.probe = probe_of(&file, self.offset)?;
        Ok(())
    }

    fn hear_noise(&mut self, offset: u64, reason: String) {
        self.bad_lines += 1;
        self.first_bad.get_or_insert((offset, reason));
    }

    /// Takes one event in.
    pub fn hear(&mut self, event: Event) {
        self.first_ms.get_or_insert(event.time_ms);
        self.last_ms = Some(event.time_ms);
        if let EventKind::Started { done, total, unit } = event.kind {
            self.stages.retain(|stage| stage.name != event.stage);
            if self.stages.len() == STAGES_MAX {
                self.stages.remove(0);
            }
            self.stages.push(StageProgress {
                name: event.stage,
                started_ms: event.time_ms,
                last_ms: event.time_ms,
                done_before: done,
                done,
                total,
                unit,
                outcome: Outcome::Open,
            });
            return;
        }
        let known = self
            .stages
            .iter()
            .position(|stage| stage.name == event.stage);
        // What is said of the questions before any stage begins is no stage.
        if known.is_none() && matches!(event.kind, EventKind::Note { .. }) {
            return;
        }
        let index = known.unwrap_or_else(|| {
            if self.stages.len() == STAGES_MAX {
                self.stages.remove(0);
            }
            self.stages.push(StageProgress {
                name: event.stage.clone(),
                started_ms: event.time_ms,
                last_ms: event.time_ms,
                done_before: 0,
                done: 0,
                total: 0,
                unit: String::new(),
                outcome: Outcome::Open,
            });
            self.stages.len() - 1
        });
        let stage = &mut self.stages[index];
        stage.last_ms = event.time_ms;
        match event.kind {
            EventKind::Progress { done, total } => {
                stage.done = done;
                stage.total = total;
            }
            EventKind::Finished { .. } => stage.outcome = Outcome::Finished,
            EventKind::Failed { error } => stage.outcome = Outcome::Failed(error),
            _ => {}
        }
    }

    /// The state of the run at `now_ms`; `complete` where every evaluation that was asked for is
    /// there. `watched` where its process is known to live, so that silence is no sign of its end.
    pub fn state(&self, complete: bool, watched: bool, now_ms: u64) -> RunState {
        let Some(last_ms) = self.last_ms else {
            return if complete {
                RunState::Finished
            } else {
                RunState::Waiting
            };
        };
        let whole_run = self.stages.iter().find(|stage| stage.name == WHOLE_RUN);
        if whole_run.is_some_and(|stage| stage.outcome == Outcome::Finished) {
            return RunState::Finished;
        }
        // The stage that spoke last speaks for the run; the pipeline's own words come second.
        let open = self
            .stages
            .iter()
            .rev()
            .find(|stage| stage.outcome == Outcome::Open && stage.name != WHOLE_RUN);
        let failed = self
            .stages
            .iter()
            .rev()
            .find_map(|stage| match &stage.outcome {
                Outcome::Failed(error) => Some((stage, error)),
                _ => None,
            });
        if let Some((stage, error)) = failed
            && open.is_none_or(|open| open.last_ms <= stage.last_ms)
        {
            return RunState::Failed {
                stage: stage.name.clone(),
                error: error.clone(),
            };
        }
        if open.is_none() && whole_run.is_none() && complete {
            return RunState::Finished;
        }
        // It was to stop there (`sayself run --until`), and nothing has begun since.
        let newest = self.stages.iter().max_by_key(|stage| stage.last_ms);
        if open.is_none()
            && newest.is_some_and(|stage| {
                stage.name.starts_with(STOPPED_AFTER) && stage.outcome == Outcome::Finished
            })
        {
            return RunState::Finished;
        }
        let Some(current) = open.or(whole_run).or(self.stages.last()) else {
            return RunState::Waiting;
        };
        if !watched && now_ms.saturating_sub(last_ms) > SILENT_MS_MAX {
            return RunState::Failed {
                stage: current.name.clone(),
                error: format!(
                    "it has not said a word for {} minutes, so its process has probably gone; start it again, and it goes on where it stopped",
                    now_ms.saturating_sub(last_ms) / 60_000
                ),
            };
        }
        RunState::Running {
            stage: current.name.clone(),
            done: current.done,
            total: current.total,
            unit: current.unit.clone(),
            seconds_left: current.seconds_left(),
        }
    }

    /// Whether a run that was to stop after `stage` has done so since `since_ms`.
    pub fn has_stopped_after(&self, stage: &str, since_ms: u64) -> bool {
        let name = [STOPPED_AFTER, stage].concat();
        self.stages.iter().any(|known| {
            known.name == name
                && known.outcome == Outcome::Finished
                && known.last_ms >= since_ms / 1_000 * 1_000
        })
    }

    /// The stage that a stopped process was at.
    pub fn last_stage(&self) -> &str {
        self.stages
            .last()
            .map_or(WHOLE_RUN, |stage| stage.name.as_str())
    }
}

impl StageProgress {
    /// At the pace so far; `None` before the first unit.
    fn seconds_left(&self) -> Option<f64> {
        let units = self
            .done
            .checked_sub(self.done_before)
            .filter(|units| *units > 0)?;
        let seconds = self.last_ms.saturating_sub(self.started_ms) as f64 / 1_000.0;
        (seconds > 0.0)
            .then(|| seconds / units as f64 * self.total.saturating_sub(self.done) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time_ms: u64, stage: &str, kind: EventKind) -> Event {
        Event {
            time_ms,
            stage: stage.into(),
            kind,
        }
    }

    fn started(done: u64, total: u64) -> EventKind {
        EventKind::Started {
            done,
            total,
            unit: "questions".into(),
        }
    }

    #[test]
    fn a_run_goes_from_waiting_to_finished() {
        let mut progress = Progress::default();
        assert_eq!(progress.state(false, false, 0), RunState::Waiting);
        progress.hear(event(1_000, "run", started(0, 2)));
        progress.hear(event(1_000, "sample", started(10, 30)));
        progress.hear(event(
            11_000,
            "sample",
            EventKind::Progress {
                done: 20,
                total: 30,
            },
        ));
        assert_eq!(
            progress.state(false, false, 12_000),
            RunState::Running {
                stage: "sample".into(),
                done: 20,
                total: 30,
                unit: "questions".into(),
                seconds_left: Some(10.0)
            }
        );
        progress.hear(event(
            12_000,
            "sample",
            EventKind::Finished { seconds: 11.0 },
        ));
        assert!(
            matches!(progress.state(true, false, 12_000), RunState::Running { stage, .. } if stage == "run")
        );
        progress.hear(event(13_000, "run", EventKind::Finished { seconds: 12.0 }));
        assert_eq!(progress.state(false, false, 13_000), RunState::Finished);
    }

    #[test]
    fn a_silent_run_has_lost_its_process_and_a_restart_mends_a_failure() {
        let mut progress = Progress::default();
        progress.hear(event(0, "sft", started(0, 10)));
        let late = SILENT_MS_MAX + 60_000;
        assert!(
            matches!(progress.state(false, false, late), RunState::Failed { stage, .. } if stage == "sft")
        );
        assert!(matches!(
            progress.state(false, true, late),
            RunState::Running { .. }
        ));
        progress.hear(event(
            10,
            "sft",
            EventKind::Failed {
                error: "disk full".into(),
            },
        ));
        assert_eq!(
            progress.state(false, false, 11),
            RunState::Failed {
                stage: "sft".into(),
                error: "disk full".into()
            }
        );
        progress.hear(event(20, "sft", started(5, 10)));
        assert!(matches!(
            progress.state(false, false, 21),
            RunState::Running { done: 5, .. }
        ));
    }

    #[test]
    fn a_run_that_was_to_stop_after_a_stage_is_done() {
        let mut progress = Progress::default();
        let finished = || EventKind::Finished { seconds: 1.0 };
        progress.hear(event(1_000, "sample", started(0, 2)));
        progress.hear(event(2_000, "sample", finished()));
        assert!(!progress.has_stopped_after("sample", 0));
        progress.hear(event(2_000, "until/sample", finished()));
        assert_eq!(progress.state(false, true, 2_000), RunState::Finished);
        assert!(progress.has_stopped_after("sample", 2_000));
        assert!(!progress.has_stopped_after("sample", 3_000));
        assert!(!progress.has_stopped_after("sft", 0));
        progress.hear(event(4_000, "cluster", started(0, 2)));
        assert!(matches!(
            progress.state(false, true, 4_000),
            RunState::Running { .. }
        ));
    }

    #[test]
    fn a_torn_last_line_is_left_for_later() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap();
        let log = folder.join("events.jsonl");
        let whole = r#"{"time_ms":1,"stage":"sample","kind":"started","done":0,"total":2,"unit":"questions"}"#;
        std::fs::write(&log, format!("{whole}\nnoise\n{{\"time_ms\":2,\"sta")).unwrap();
        let mut progress = Progress::default();
        progress.read_on(&folder, &log).unwrap();
        assert_eq!(
            (progress.bad_lines, progress.offset),
            (1, whole.len() as u64 + 7)
        );
        std::fs::write(&log, format!("{whole}\nnoise\n{{\"time_ms\":2,\"stage\":\"sample\",\"kind\":\"finished\",\"seconds\":1.0}}\n"))
            .unwrap();
        progress.read_on(&folder, &log).unwrap();
        assert_eq!(progress.state(true, false, 2), RunState::Finished);
        assert_eq!(progress.bad_lines, 1);
    }

    #[test]
    fn a_log_that_was_made_anew_is_read_anew() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap();
        let log = folder.join("events.jsonl");
        let mut progress = Progress::default();
        std::fs::write(&log, "noise\n").unwrap();
        progress.read_on(&folder, &log).unwrap();
        assert_eq!(progress.bad_lines, 1);
        // Longer than what was read, and the same file to the system.
        let line = r#"{"time_ms":1,"stage":"sample","kind":"started","done":0,"total":2,"unit":"questions"}"#;
        std::fs::write(&log, format!("{line}\n")).unwrap();
        progress.read_on(&folder, &log).unwrap();
        assert_eq!(
            (progress.bad_lines, progress.offset),
            (0, line.len() as u64 + 1)
        );
        // As an earlier version stored it.
        let mut stored = serde_json::to_value(&progress).unwrap();
        stored.as_object_mut().unwrap().remove("probe");
        let mut stored: Progress = serde_json::from_value(stored).unwrap();
        stored.read_on(&folder, &log).unwrap();
        assert_eq!(stored, progress);
    }
}
