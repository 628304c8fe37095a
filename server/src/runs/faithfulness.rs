//! What `sayself faithfulness` measured of an evaluation's rationales, question by question.

use super::contained;
use super::facts::METRICS;
use super::lines::Lines;
use crate::limits::{FAITHFULNESS_RECORDS_MAX, RECORD_BYTES_MAX};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// The folder of what was measured of rationales; each evaluation has one in it, by its label.
pub const FAITHFULNESS: &str = "faithfulness";
/// A record a question.
const SCORES: &str = "scores.jsonl";

/// What each measure says of one rationale; absent where it was not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Groups among the samples that it was measured by.
    pub clusters: u64,
    /// By the names in it, 0..=10.
    pub names: Option<f64>,
    /// SelfReflect, 0..=1; lower is better.
    pub self_reflect: Option<f64>,
    /// By a model that judges, 0..=10.
    pub judge: Option<f64>,
}

/// The scores of one evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// By the question's id.
    pub by_question: HashMap<String, Score>,
    /// Whether summaries of sampled rationales were measured in place of the answers' own ones.
    pub of_summaries: bool,
    /// Lines that are no scores, or beyond the limit of lines.
    pub left_out: u64,
}

/// Where the measures of an evaluation's rationales lie.
pub fn folder(directory: &Path, label: &str) -> PathBuf {
    directory.join(FAITHFULNESS).join(label)
}

/// The scores of the evaluation `label` of a run, whose directory is canonical; `None` where it was not
/// measured. Blocks on the file system.
///
/// # Errors
/// As [`contained::open`], and those of reading.
pub fn scores(directory: &Path, label: &str) -> io::Result<Option<Scores>> {
    let folder = folder(directory, label);
    let file = match contained::open(directory, &folder.join(SCORES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?.0,
    };
    let mut scores = Scores {
        of_summaries: is_of_summaries(directory, &folder),
        ..Scores::default()
    };
    let mut lines = Lines::new(BufReader::new(file), 0, RECORD_BYTES_MAX);
    while let Some(line) = lines.next_line()? {
        if line
            .bytes
            .is_some_and(|bytes| bytes.trim_ascii().is_empty())
        {
            continue;
        }
        let record = line
            .bytes
            .and_then(|bytes| serde_json::from_slice::<Record>(bytes).ok());
        match record {
            Some(record) if scores.by_question.len() < FAITHFULNESS_RECORDS_MAX => {
                let (id, score) = record.score();
                scores.by_question.insert(id, score);
            }
            _ => scores.left_out += 1,
        }
    }
    Ok(Some(scores))
}

/// Changes whenever what [`scores`] reads does; of an evaluation that was not measured all are one. Blocks
/// on the file system.
pub fn stamp(directory: &Path, label: &str) -> u64 {
    let folder = folder(directory, label);
    let mut hasher = DefaultHasher::new();
    for name in [SCORES, METRICS] {
        if let Ok(metadata) = folder.join(name).metadata() {
            metadata.len().hash(&mut hasher);
            metadata.modified().ok().hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// A run whose `metrics.json` cannot be read, or is not there yet, is taken to measure rationales.
fn is_of_summaries(directory: &Path, folder: &Path) -> bool {
    let text = contained::small_text(directory, &folder.join(METRICS)).unwrap_or_default();
    let metrics: Value = serde_json::from_str(&text).unwrap_or_default();
    let summary = metrics.get("summary").and_then(Value::as_str);
    summary.is_some_and(|summary| summary != "none")
}

/// What is read of a line; more keys are ignored.
#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    clusters: u64,
    #[serde(default)]
    names: Of<Named>,
    #[serde(default)]
    self_reflect: Of<f64>,
    #[serde(default)]
    judge: Of<f64>,
}

/// A measure of the rationale itself; those of the controls are not read.
#[derive(Deserialize)]
struct Of<T> {
    own: Option<T>,
}

impl<T> Default for Of<T> {
    fn default() -> Self {
        Of { own: None }
    }
}

#[derive(Deserialize)]
struct Named {
    score: f64,
}

impl Record {
    fn score(self) -> (String, Score) {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let score = Score {
            clusters: self.clusters,
            names: finite(self.names.own.map(|named| named.score)),
            self_reflect: finite(self.self_reflect.own),
            judge: finite(self.judge.own),
        };
        (self.id, score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_as_the_stage_writes_them() {
        let base = tempfile::tempdir().unwrap();
        let run = base.path().canonicalize().unwrap();
        assert_eq!(scores(&run, "sayself").unwrap(), None);
        let before = stamp(&run, "sayself");
        let folder = folder(&run, "sayself");
        std::fs::create_dir_all(&folder).unwrap();
        let lines = concat!(
            r#"{"id":"a","template":null,"clusters":3,"names":{"own":{"score":7.5,"recall":1.0,"named":[]},"shuffled":null,"constant":{"score":0.0}},"self_reflect":{"own":0.25,"shuffled":0.5,"constant":null},"judge":{"own":null,"shuffled":3.0,"constant":1.0}}"#,
            "\n\n",
            r#"{"id":"b","clusters":1}"#,
            "\nnot JSON\n",
        );
        std::fs::write(folder.join(SCORES), lines).unwrap();
        assert!(stamp(&run, "sayself") != before);
        let found = scores(&run, "sayself").unwrap().unwrap();
        assert_eq!((found.left_out, found.of_summaries), (1, false));
        let expected = Score {
            clusters: 3,
            names: Some(7.5),
            self_reflect: Some(0.25),
            judge: None,
        };
        assert_eq!(found.by_question["a"], expected);
        assert_eq!(found.by_question["b"].names, None);
        std::fs::write(folder.join(METRICS), r#"{"summary":"judge"}"#).unwrap();
        assert!(scores(&run, "sayself").unwrap().unwrap().of_summaries);
    }
}
