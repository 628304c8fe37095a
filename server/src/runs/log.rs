//! The end of a log, in words.

use super::contained;
use crate::limits::{LOG_BYTES_MAX, LOG_LINE_CHARACTERS_MAX, LOG_LINES_MAX};
use datasets::Event;
use datasets::event::EventKind;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The last lines of an event log, newest last; empty where there is none.
///
/// # Errors
/// As [`contained::open`], and those of reading.
pub fn event_words(folder: &Path, path: &Path) -> io::Result<Vec<String>> {
    let lines = tail(folder, path)?;
    Ok(lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|event| words(&event))
        .collect())
}

/// The last lines of a text log, newest last, each cut to [`LOG_LINE_CHARACTERS_MAX`] by its reader.
///
/// # Errors
/// As [`contained::open`], and those of reading; a missing file has no lines.
pub fn tail(folder: &Path, path: &Path) -> io::Result<Vec<String>> {
    let (mut file, metadata) = match contained::open(folder, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result?,
    };
    let start = metadata.len().saturating_sub(LOG_BYTES_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<&str> = text
        .split(['\n', '\r'])
        .filter(|line| !line.trim().is_empty())
        .collect();
    if start > 0 && lines.len() > 1 {
        // The first line began before what was read.
        lines.remove(0);
    }
    let skipped = lines.len().saturating_sub(LOG_LINES_MAX);
    Ok(lines[skipped..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect())
}

/// A line cut to what a page can bear.
pub fn cut(line: &str) -> String {
    match line.char_indices().nth(LOG_LINE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn words(event: &Event) -> String {
    let what = match &event.kind {
        EventKind::Started {
            done: 0,
            total,
            unit,
        } => format!("starts: {total} {unit}"),
        EventKind::Started { done, total, unit } => format!("goes on at {done} of {total} {unit}"),
        EventKind::Progress { done, total } => format!("{done} of {total}"),
        EventKind::Metrics { step, values } => {
            let values: Vec<String> = values
                .iter()
                .map(|(name, value)| format!("{name} {value:.4}"))
                .collect();
            format!("step {step}: {}", values.join(", "))
        }
        EventKind::Note { message } => message.clone(),
        EventKind::Finished { seconds } => format!("done in {seconds:.1} s"),
        EventKind::Failed { error } => format!("failed: {error}"),
    };
    let seconds = event.time_ms / 1_000;
    let clock = format!(
        "{:02}:{:02}:{:02} UTC",
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60
    );
    cut(&format!("{clock} {}: {what}", event.stage))
}
