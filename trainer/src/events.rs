//! What a run tells while it runs: `events.jsonl` for the pages, a bar on stderr for the person.

use crate::error::Error;
use crate::stages::StageContext;
use datasets::event::{Event, EventKind};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Progress events are at least this far apart.
const PROGRESS_INTERVAL_MIN: Duration = Duration::from_millis(500);

/// `events.jsonl`, append-only, shared by all stages of a run.
#[derive(Debug)]
pub struct EventLog {
    file: Option<(PathBuf, Mutex<File>)>,
}

impl EventLog {
    /// Opens the log of a run, or makes it. A torn last line is ended, so that the next event
    /// stands on its own line.
    pub fn open(path: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let path = path.into();
        let attempt = || -> std::io::Result<File> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new()
                .create(true)
                .read(true)
                .append(true)
                .open(&path)?;
            drop_torn_line(&mut file)?;
            Ok(file)
        };
        match attempt() {
            Ok(file) => Ok(EventLog {
                file: Some((path, Mutex::new(file))),
            }),
            Err(source) => Err(Error::Write { path, source }.into()),
        }
    }

    /// A log that keeps nothing, for what is run outside a run directory.
    pub fn none() -> Self {
        EventLog { file: None }
    }

    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// Appends one event, stamped now.
    ///
    /// # Errors
    /// [`Error::Write`] names the file.
    pub fn write(&self, stage: &str, kind: EventKind) -> anyhow::Result<()> {
        let Some((path, file)) = &self.file else {
            return Ok(());
        };
        let event = Event {
            time_ms: now_ms(),
            stage: stage.into(),
            kind,
        };
        let mut line = serde_json::to_vec(&event)?;
        line.push(b'\n');
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).map_err(|source| Error::Write {
            path: path.clone(),
            source,
        })?;
        Ok(())
    }

    /// A word worth a person's notice.
    pub fn note(&self, stage: &str, message: impl Into<String>) -> anyhow::Result<()> {
        self.write(
            stage,
            EventKind::Note {
                message: message.into(),
            },
        )
    }

    /// Values at a step, e.g. `loss`.
    pub fn metrics(
        &self,
        stage: &str,
        step: u64,
        values: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> anyhow::Result<()> {
        let values: BTreeMap<String, f64> = values
            .into_iter()
            // JSON knows no NaN and no infinity.
            .filter(|(_, value)| value.is_finite())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        self.write(stage, EventKind::Metrics { step, values })
    }
}

fn drop_torn_line(file: &mut File) -> std::io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Ok(());
    }
    let mut end = length;
    let mut byte = [0_u8];
    while end > 0 {
        file.seek(SeekFrom::Start(end - 1))?;
        file.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        end -= 1;
    }
    if end < length {
        file.set_len(end)?;
    }
    file.seek(SeekFrom::End(0))?;
    Ok(())
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A bar for `total` units, with the time left; hidden with `--quiet` and where stderr is no
/// terminal. `total` 0 gives a spinner.
pub fn bar(label: &str, total: u64, unit: &str, quiet: bool) -> ProgressBar {
    let visible = !quiet && std::io::stderr().is_terminal();
    let target = if visible {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let colour = if colours { ".cyan/dim" } else { "" };
    let counts = match unit {
        "bytes" => "{bytes}/{total_bytes} ({binary_bytes_per_sec})".to_owned(),
        _ => format!("{{human_pos}}/{{human_len}} {unit}"),
    };
    let template = format!("{{prefix}} {{bar:30{colour}}} {counts}, {{eta}} left {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.set_prefix(label.to_owned());
    bar
}

/// The progress of one stage: a bar, and events at most two a second.
///
/// Dropped without [`Progress::finish`], the bar goes away and no `finished` event is written.
pub struct Progress<'a> {
    context: &'a StageContext<'a>,
    bar: ProgressBar,
    done: u64,
    total: u64,
    started_at: Instant,
    told_at: Instant,
}

impl<'a> Progress<'a> {
    /// Starts a stage in which `done` of `total` units are there already.
    pub fn start(
        context: &'a StageContext<'a>,
        done: u64,
        total: u64,
        unit: &str,
    ) -> anyhow::Result<Self> {
        context.events.write(
            &context.stage,
            EventKind::Started {
                done,
                total,
                unit: unit.into(),
            },
        )?;
        let bar = bar(&context.stage, total, unit, context.quiet);
        bar.set_position(done);
        // What was done by an earlier process must not count in the estimate of the time left.
        bar.reset_eta();
        let now = Instant::now();
        Ok(Progress {
            context,
            bar,
            done,
            total,
            started_at: now,
            told_at: now,
        })
    }

    pub fn done(&self) -> u64 {
        self.done
    }

    /// `units` more are done.
    pub fn advance(&mut self, units: u64) -> anyhow::Result<()> {
        self.set(self.done + units)
    }

    /// `done` units are done in all.
    pub fn set(&mut self, done: u64) -> anyhow::Result<()> {
        self.done = done;
        self.bar.set_position(done);
        if self.told_at.elapsed() >= PROGRESS_INTERVAL_MIN {
            self.told_at = Instant::now();
            let kind = EventKind::Progress {
                done,
                total: self.total,
            };
            self.context.events.write(&self.context.stage, kind)?;
        }
        Ok(())
    }

    /// A short word behind the bar, e.g. `loss 0.41`.
    pub fn message(&self, message: impl Into<String>) {
        self.bar.set_message(message.into());
    }

    /// Values at a step, to `events.jsonl`.
    pub fn metrics(
        &self,
        step: u64,
        values: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> anyhow::Result<()> {
        self.context
            .events
            .metrics(&self.context.stage, step, values)
    }

    /// A line on stderr above the bar, and a note in `events.jsonl`.
    pub fn note(&self, message: &str) -> anyhow::Result<()> {
        if !self.context.quiet {
            self.bar
                .suspend(|| eprintln!("{}: {message}", self.context.stage));
        }
        self.context.events.note(&self.context.stage, message)
    }

    /// The stage is done.
    pub fn finish(self) -> anyhow::Result<()> {
        let seconds = self.started_at.elapsed().as_secs_f64();
        let events = self.context.events;
        events.write(
            &self.context.stage,
            EventKind::Progress {
                done: self.done,
                total: self.total,
            },
        )?;
        events.write(&self.context.stage, EventKind::Finished { seconds })
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_and_a_torn_one_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        EventLog::open(&path)
            .unwrap()
            .note("sample", "first")
            .unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"time_ms\":1,\"sta");
        fs::write(&path, text).unwrap();
        let events = EventLog::open(&path).unwrap();
        events
            .metrics("sft", 3, [("loss", 0.5), ("broken", f64::NAN)])
            .unwrap();
        let lines: Vec<Event> = crate::run_dir::read_records(&path).unwrap();
        assert_eq!(lines.len(), 2);
        let EventKind::Metrics { step, values } = &lines[1].kind else {
            panic!("{lines:?}")
        };
        assert_eq!((*step, values.len(), values["loss"]), (3, 1, 0.5));
    }
}
