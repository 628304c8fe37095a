//! A job's log: what its process wrote, a page of lines at a time from its end backwards.

use crate::limits::{LOG_BYTES_MAX, LOG_LINES_MAX};
use crate::runs::{contained, log};
use app::view::JobLog;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The lines that end before the byte `before`, or the last ones; empty where there is no log.
/// While it grows, a last line without its end is left for later.
///
/// # Errors
/// As [`contained::open`], and those of reading.
pub fn before(folder: &Path, path: &Path, before: Option<u64>, grows: bool) -> io::Result<JobLog> {
    let (mut file, metadata) = match contained::open(folder, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(JobLog::default()),
        result => result?,
    };
    let end = before.unwrap_or(u64::MAX).min(metadata.len());
    let start = end.saturating_sub(LOG_BYTES_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(end - start).read_to_end(&mut bytes)?;
    let whole = match bytes.iter().rposition(is_break) {
        Some(last) if grows && before.is_none() => last + 1,
        None if grows && before.is_none() && start == 0 => 0,
        _ => bytes.len(),
    };
    bytes.truncate(whole);
    let mut lines = split(&bytes);
    if start > 0 && lines.len() > 1 {
        // The first line began before what was read.
        lines.remove(0);
    }
    lines.retain(|(_, line)| !line.trim().is_empty());
    let surplus = lines.len().saturating_sub(LOG_LINES_MAX);
    lines.drain(..surplus);
    let first = lines
        .first()
        .map_or(start, |(offset, _)| start + *offset as u64);
    Ok(JobLog {
        older: (first > 0 && first < end).then_some(first),
        end: start + whole as u64,
        lines: lines.into_iter().map(|(_, line)| log::cut(&line)).collect(),
    })
}

/// The whole lines from the byte `from` on, at most [`LOG_BYTES_MAX`] at a time, and the byte after
/// them.
///
/// # Errors
/// As [`contained::open`], and those of reading; a missing file has no lines.
pub fn after(folder: &Path, path: &Path, from: u64) -> io::Result<(Vec<String>, u64)> {
    let (mut file, metadata) = match contained::open(folder, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), from)),
        result => result?,
    };
    // Shorter than what was heard: another log.
    let from = if metadata.len() < from { 0 } else { from };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
    let whole = match bytes.iter().rposition(is_break) {
        Some(last) => last + 1,
        // One line that is longer than may be read at once is told in pieces.
        None if bytes.len() as u64 == LOG_BYTES_MAX => bytes.len(),
        None => 0,
    };
    bytes.truncate(whole);
    let lines = split(&bytes)
        .into_iter()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(_, line)| log::cut(&line))
        .collect();
    Ok((lines, from + whole as u64))
}

/// A line ends by either: a bar that draws over itself is many lines.
fn is_break(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Lines with the place of their first byte.
fn split(bytes: &[u8]) -> Vec<(usize, String)> {
    let mut offset = 0;
    let mut lines = Vec::new();
    for line in bytes.split(is_break) {
        lines.push((offset, String::from_utf8_lossy(line).into_owned()));
        offset += line.len() + 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(text: &str) -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap();
        let path = folder.join("a.log");
        std::fs::write(&path, text).unwrap();
        (directory, folder, path)
    }

    #[test]
    fn a_long_log_is_read_backwards_without_a_gap_or_a_repeat() {
        let text: String = (0..5_000).map(|line| format!("line {line}\n")).collect();
        let (_directory, folder, path) = log_of(&text);
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = before(&folder, &path, cursor, true).unwrap();
            assert!(page.lines.len() <= LOG_LINES_MAX);
            seen.extend(page.lines.into_iter().rev());
            cursor = page.older;
            if cursor.is_none() {
                break;
            }
        }
        seen.reverse();
        let wanted: Vec<String> = (0..5_000).map(|line| format!("line {line}")).collect();
        assert_eq!(seen, wanted);
    }

    #[test]
    fn a_line_without_its_end_waits_while_the_log_grows() {
        let (_directory, folder, path) = log_of("one\ntw");
        let page = before(&folder, &path, None, true).unwrap();
        assert_eq!((page.lines, page.end), (vec!["one".to_owned()], 4));
        let page = before(&folder, &path, None, false).unwrap();
        assert_eq!(page.lines, ["one", "tw"]);
        assert_eq!(after(&folder, &path, 4).unwrap(), (Vec::new(), 4));
        std::fs::write(&path, "one\ntwo\rthree\n").unwrap();
        let (lines, end) = after(&folder, &path, 4).unwrap();
        assert_eq!(
            (lines, end),
            (vec!["two".to_owned(), "three".to_owned()], 14)
        );
    }

    #[test]
    fn a_line_longer_than_a_page_ends() {
        let (_directory, folder, path) = log_of(&"x".repeat(LOG_BYTES_MAX as usize * 3));
        let mut cursor = None;
        for page in 0..3 {
            let log = before(&folder, &path, cursor, false).unwrap();
            assert_eq!(log.lines.len(), 1);
            assert_eq!(log.older.is_some(), page < 2);
            cursor = log.older;
        }
        let absent = before(&folder, &folder.join("b.log"), None, false).unwrap();
        assert_eq!(absent, JobLog::default());
    }
}
