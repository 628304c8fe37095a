//! What visitors asked, where the operator wants it kept and the page says so: a line of JSON each, without
//! who asked.

use super::client::{Answered, Question};
use crate::limits::DEMO_KEPT_BYTES_MAX;
use asking::question::{Side, Times};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file that questions are appended to.
#[derive(Clone, Debug)]
pub struct Keeping {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

#[derive(Serialize)]
struct Kept<'a> {
    /// Milliseconds since 1970.
    asked_ms: u64,
    side: Side,
    times: Times,
    question: &'a str,
    answers: Vec<&'a str>,
}

impl Keeping {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Keeping {
            path: path.to_owned(),
            file: Arc::new(Mutex::new(file)),
        })
    }

    /// Appends a question with its answers; where that fails, the log says so and the visitor is answered
    /// all the same.
    pub fn keep(&self, asked: &Question, answered: &Answered) {
        if let Err(error) = self.append(asked, answered) {
            tracing::error!(
                "{}: a question could not be kept: {error}",
                self.path.display()
            );
        }
    }

    fn append(&self, asked: &Question, answered: &Answered) -> io::Result<()> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let kept = Kept {
            asked_ms: since.map_or(0, |since| since.as_millis() as u64),
            side: asked.side,
            times: asked.times,
            question: &asked.question,
            answers: answered
                .texts
                .iter()
                .map(|text| text.text.as_str())
                .collect(),
        };
        let mut line = serde_json::to_vec(&kept)?;
        line.push(b'\n');
        // Appended at once or not at all; after a panic elsewhere the file is as it was.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = file.metadata()?.len();
        if bytes + line.len() as u64 > DEMO_KEPT_BYTES_MAX {
            return Err(io::Error::other(format!(
                "it would have more than {DEMO_KEPT_BYTES_MAX} bytes; put it away and start the server again"
            )));
        }
        file.write_all(&line)
    }
}
