//! What is wrong with a file: where, what was found, what was expected.

use std::fmt;

/// Characters of a found text that are quoted in an error.
const QUOTED_CHARS_MAX: usize = 80;

/// A file, or a record of it, that cannot be read.
///
/// Displays as `FILE:LINE: record R: found X, expected Y`, with the parts that are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ReadError {
    /// As the caller named it.
    pub file: String,
    /// From 1.
    pub line: Option<u64>,
    /// From 1, counted without blank lines; for a columnar file the conversation.
    pub record: Option<u64>,
    pub found: String,
    pub expected: String,
    /// Whether the rest of the file can still be read.
    scope: Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    File,
    Record,
}

impl ReadError {
    /// An error of the file as a whole: nothing more can be read.
    pub fn of_file(file: &str, found: impl Into<String>, expected: impl Into<String>) -> ReadError {
        ReadError {
            file: file.into(),
            line: None,
            record: None,
            found: found.into(),
            expected: expected.into(),
            scope: Scope::File,
        }
    }

    /// An error of one record: the others can still be read.
    pub fn of_record(
        file: &str,
        line: Option<u64>,
        record: u64,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> ReadError {
        ReadError {
            file: file.into(),
            line,
            record: Some(record),
            found: found.into(),
            expected: expected.into(),
            scope: Scope::Record,
        }
    }

    /// Whether only one record is wrong, so that it may be skipped.
    pub fn is_of_a_record(&self) -> bool {
        self.scope == Scope::Record
    }

    /// `FILE:LINE`, or the file and the record, for `skipped.jsonl`.
    pub fn place(&self) -> String {
        match (self.line, self.record) {
            (Some(line), _) => format!("{}:{line}", self.file),
            (None, Some(record)) => format!("{}: record {record}", self.file),
            (None, None) => self.file.clone(),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        if let Some(record) = self.record {
            write!(formatter, ": record {record}")?;
        }
        write!(
            formatter,
            ": found {}, expected {}",
            self.found, self.expected
        )
    }
}

/// `text` in quotes, cut to a readable length, control characters escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// What serde_json found, without the place that it counts from the start of the record.
pub(crate) fn json_found(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = match text.rfind(" at line ") {
        Some(end) => &text[..end],
        None => &text,
    };
    match error.column() {
        0 => message.into(),
        column if error.line() <= 1 => format!("{message} (column {column})"),
        column => format!("{message} (line {}, column {column} of it)", error.line()),
    }
}
