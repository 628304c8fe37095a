//! The outside log: what the server has acknowledged, kept where it cannot reach.

use datasets::annotation::RatingRequest;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// One acknowledged rating, a line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acknowledged {
    pub key: String,
    pub annotator: usize,
    pub saved_ms: i64,
    pub said: RatingRequest,
}

pub struct Ledger {
    path: PathBuf,
    file: Mutex<File>,
    /// Every key that was ever sent, acknowledged or not.
    sent: Mutex<HashSet<String>>,
    /// Things that must not happen and did.
    wrongs: Mutex<Vec<String>>,
}

impl Ledger {
    pub fn begin(path: &Path) -> Self {
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(path)
            .unwrap();
        Ledger {
            path: path.into(),
            file: Mutex::new(file),
            sent: Mutex::default(),
            wrongs: Mutex::default(),
        }
    }

    /// Before a key is sent for the first time.
    pub fn will_send(&self, key: &str) {
        self.sent.lock().unwrap().insert(key.to_owned());
    }

    /// After the answer has come whole. It counts once the line is written.
    pub fn acknowledge(&self, acknowledged: &Acknowledged) {
        let mut line = serde_json::to_string(acknowledged).unwrap();
        line.push('\n');
        let mut file = self.file.lock().unwrap();
        file.write_all(line.as_bytes()).unwrap();
        file.flush().unwrap();
    }

    pub fn note_wrong(&self, wrong: String) {
        eprintln!("WRONG: {wrong}");
        self.wrongs.lock().unwrap().push(wrong);
    }

    /// All that was acknowledged until now, as the file says.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        let text = {
            // No line is half written meanwhile.
            let _file = self.file.lock().unwrap();
            std::fs::read_to_string(&self.path).unwrap()
        };
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn sent(&self) -> HashSet<String> {
        self.sent.lock().unwrap().clone()
    }

    pub fn wrongs(&self) -> Vec<String> {
        self.wrongs.lock().unwrap().clone()
    }
}
