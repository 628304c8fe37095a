//! A job's progress in the terminal, from the run directory's event log.
//!
//! The chores depend on no crate of the workspace, so that they run while one of those does not
//! build: events are read as plain JSON here.

use anyhow::{Context, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads what was appended to an event log since the last look.
pub struct Log {
    path: PathBuf,
    /// Bytes read so far, up to the end of a whole line.
    offset: u64,
}

impl Log {
    /// Starts at the log's beginning; the file may not be there yet.
    pub fn of_run(run: &Path) -> Self {
        Log {
            path: run.join("events.jsonl"),
            offset: 0,
        }
    }

    /// The events whose lines were completed since the last call.
    pub fn read(&mut self) -> Result<Vec<Value>> {
        let Ok(mut file) = File::open(&self.path) else {
            return Ok(Vec::new());
        };
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        self.offset += whole as u64;
        let lines = bytes[..whole]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| {
                serde_json::from_slice(line)
                    .with_context(|| format!("{}: not an event", self.path.display()))
            })
            .collect()
    }
}

/// One bar a stage; plain lines where the output is not a terminal.
pub struct Bars {
    bars: MultiProgress,
    stages: BTreeMap<String, ProgressBar>,
    plain: bool,
}

impl Bars {
    pub fn new() -> Self {
        Bars {
            bars: MultiProgress::new(),
            stages: BTreeMap::new(),
            plain: !std::io::stderr().is_terminal(),
        }
    }

    /// Draws an event; a stage's failure is the error. Kinds that are not known are passed over.
    pub fn draw(&mut self, event: &Value) -> Result<()> {
        let stage = event["stage"].as_str().unwrap_or("?");
        let number = |name: &str| event[name].as_u64().unwrap_or(0);
        let word = |name: &str| event[name].as_str().unwrap_or("");
        match word("kind") {
            "started" => self.start(stage, number("done"), number("total"), word("unit")),
            "progress" => self.update(stage, |bar| {
                bar.set_length(number("total"));
                bar.set_position(number("done"));
            }),
            "metrics" => self.update(stage, |bar| bar.set_message(figures(&event["values"]))),
            "note" => self.say(&format!("{stage}: {}", word("message"))),
            "finished" => {
                self.update(stage, ProgressBar::finish);
                if self.plain {
                    let minutes = event["seconds"].as_f64().unwrap_or(0.0) / 60.0;
                    self.say(&format!("{stage}: done in {minutes:.1} min"));
                }
            }
            "failed" => {
                self.update(stage, ProgressBar::abandon);
                bail!("the stage {stage} failed: {}", word("error"));
            }
            _ => {}
        }
        Ok(())
    }

    fn update(&self, stage: &str, draw: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.stages.get(stage) {
            draw(bar);
        }
    }

    fn start(&mut self, stage: &str, done: u64, total: u64, unit: &str) {
        if self.plain {
            self.say(&format!("{stage}: {done} of {total} {unit}"));
        }
        let bar = self.bars.add(ProgressBar::new(total));
        let template =
            "{prefix:28} {bar:30} {pos}/{len} {elapsed_precise} left {eta_precise} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(stage.to_owned());
        // What an earlier start has done must not count as speed.
        bar.set_position(done);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_secs(1));
        self.stages.insert(stage.to_owned(), bar);
    }

    fn say(&self, line: &str) {
        if self.plain {
            println!("  {line}");
        } else {
            // A terminal that went away is no reason to end the job.
            let _ = self.bars.println(format!("  {line}"));
        }
    }
}

/// The first three figures of a step.
fn figures(values: &Value) -> String {
    let figures = values.as_object().into_iter().flatten().take(3);
    let words: Vec<String> = figures
        .filter_map(|(name, value)| Some(format!("{name} {:.3}", value.as_f64()?)))
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_torn_last_line_waits_until_it_is_whole() {
        let run = tempfile::tempdir().unwrap();
        let mut log = Log::of_run(run.path());
        assert!(log.read().unwrap().is_empty());
        let mut file = File::create(run.path().join("events.jsonl")).unwrap();
        write!(file, "{{\"time_ms\":1,\"stage\":\"sample\",\"kind\":\"progress\",\"done\":1,\"total\":2}}\n{{\"time_ms\":2,").unwrap();
        assert_eq!(log.read().unwrap().len(), 1);
        assert!(log.read().unwrap().is_empty());
        writeln!(
            file,
            "\"stage\":\"sample\",\"kind\":\"finished\",\"seconds\":3.0}}"
        )
        .unwrap();
        let events = log.read().unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["seconds"], 3.0);
    }

    #[test]
    fn a_failed_stage_is_an_error_with_its_reason() {
        let event = serde_json::json!({"stage": "sft", "kind": "failed", "error": "disk full"});
        let error = Bars::new().draw(&event).unwrap_err().to_string();
        assert!(
            error.contains("sft") && error.contains("disk full"),
            "{error}"
        );
    }
}
