//! Files of (confidence, correct) pairs: JSONL or CSV, read row by row.

use crate::error::{Error, bad_input};
use crate::run_dir::{LINE_BYTES_MAX, for_each_line};
use calibration::metrics::Row;
use datasets::Skipped;
use serde::Deserialize;
use serde_json::Value;
use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::rc::Rc;

/// How confidences are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A probability, 0..1.
    Probability,
    /// A level, 1..10.
    Ten,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoredRows {
    pub rows: Vec<Row>,
    /// Rows that were left out.
    pub skipped: Vec<Skipped>,
}

/// Reads a file with `confidence` (a number on `scale`), `correct` (a boolean or 0/1) and,
/// optionally, `group` (rows of one group are drawn together in bootstraps); more keys are ignored.
/// A file whose first mark is `{` is JSONL, any other CSV with a header. A line of a run's own
/// `answers.jsonl` (with `question_id` and `probability`) is read by its `probability`, and its
/// `entity` is its group.
///
/// # Errors
/// Exit code 2 for an empty file and for a row of the wrong shape, with file, line, what was found
/// and what was expected; with `skip_invalid` such rows are counted in `skipped`.
pub fn read(path: &Path, scale: Scale, skip_invalid: bool) -> anyhow::Result<ScoredRows> {
    let mut collector = Collector {
        path,
        scale,
        skip_invalid,
        groups: HashMap::new(),
        read: ScoredRows::default(),
    };
    match is_jsonl(path)? {
        true => collector.read_jsonl()?,
        false => collector.read_csv()?,
    }
    let read = collector.read;
    if read.rows.is_empty() {
        return Err(bad_input(match read.skipped.len() {
            0 => format!("{}: no rows", path.display()),
            skipped => format!(
                "{}: no row of the right shape among {skipped}",
                path.display()
            ),
        }));
    }
    Ok(read)
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

fn is_jsonl(path: &Path) -> anyhow::Result<bool> {
    let read_error = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(4096).read_to_end(&mut start))
        .map_err(read_error)?;
    let start = start
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(&start)
        .trim_ascii_start();
    if start.is_empty() {
        return Err(bad_input(format!("{}: the file is empty", path.display())));
    }
    Ok(start[0] == b'{')
}

/// A row's fields, before they are checked.
struct Fields<'a> {
    confidence: Option<f64>,
    correct: Option<bool>,
    group: Option<&'a str>,
    /// As they stand in the file, for the message.
    confidence_found: String,
    correct_found: String,
}

struct Collector<'a> {
    path: &'a Path,
    scale: Scale,
    skip_invalid: bool,
    groups: HashMap<String, u32>,
    read: ScoredRows,
}

impl Collector<'_> {
    fn read_jsonl(&mut self) -> anyhow::Result<()> {
        #[derive(Deserialize)]
        struct Line {
            #[serde(default)]
            confidence: Value,
            #[serde(default)]
            correct: Value,
            #[serde(default)]
            group: Value,
            // Of a run's own answers, whose `confidence` is a level or nothing.
            #[serde(default)]
            question_id: Value,
            #[serde(default)]
            probability: Value,
            #[serde(default)]
            entity: Value,
        }
        for_each_line(self.path, |line| {
            let bytes = match line.number {
                1 => line
                    .bytes
                    .strip_prefix(BYTE_ORDER_MARK)
                    .unwrap_or(line.bytes),
                _ => line.bytes,
            };
            if bytes.trim_ascii().is_empty() {
                return Ok(());
            }
            let row: Line = match serde_json::from_slice(bytes) {
                Ok(row) => row,
                Err(error) => {
                    return self.reject(line.number, format!("not a JSON object: {error}"));
                }
            };
            let is_answer = row.question_id.is_string() && row.probability.is_number();
            let (confidence, group) = match is_answer && self.scale == Scale::Probability {
                true => (&row.probability, &row.entity),
                false => (&row.confidence, &row.group),
            };
            let group = match group {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            let fields = Fields {
                confidence: confidence.as_f64(),
                correct: match &row.correct {
                    Value::Bool(correct) => Some(*correct),
                    Value::Number(number) => correct_from_number(number.as_f64()),
                    _ => None,
                },
                group: group.as_deref(),
                confidence_found: found_in_json(confidence),
                correct_found: found_in_json(&row.correct),
            };
            self.accept(line.number, &fields)
        })
    }

    fn read_csv(&mut self) -> anyhow::Result<()> {
        let read_error = |source| Error::Read {
            path: self.path.to_path_buf(),
            source,
        };
        let budget = Rc::new(Cell::new(LINE_BYTES_MAX));
        let file = File::open(self.path).map_err(read_error)?;
        let bounded = Bounded {
            file: BufReader::new(file),
            budget: budget.clone(),
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(bounded);
        let path = self.path.display();
        let header = reader
            .byte_headers()
            .map_err(|error| bad_input(format!("{path}: {error}")))?
            .iter()
            .map(|name| {
                let name = name.strip_prefix(BYTE_ORDER_MARK).unwrap_or(name);
                String::from_utf8_lossy(name).trim().to_lowercase()
            })
            .collect::<Vec<_>>();
        let column = |name: &str| header.iter().position(|column| column == name);
        let (Some(confidence), Some(correct)) = (column("confidence"), column("correct")) else {
            let found: String = header.join(",").chars().take(100).collect();
            return Err(bad_input(format!(
                "{path}, line 1: found {found:?}, expected JSON objects, or a CSV header with the \
                 columns confidence and correct"
            )));
        };
        let group = column("group");
        let mut record = csv::ByteRecord::new();
        loop {
            // One record, and what the reader has taken ahead of it.
            budget.set(LINE_BYTES_MAX);
            match reader.read_byte_record(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(error) => return Err(bad_input(format!("{}: {error}", self.path.display()))),
            }
            let line = record.position().map_or(0, csv::Position::line) as usize;
            let text = |column: usize| {
                let bytes = record.get(column).unwrap_or_default();
                String::from_utf8_lossy(bytes).trim().to_owned()
            };
            let (confidence_found, correct_found) = (text(confidence), text(correct));
            let group = group.map(text).filter(|group| !group.is_empty());
            let fields = Fields {
                confidence: confidence_found.parse().ok(),
                correct: match correct_found.to_lowercase().as_str() {
                    "true" => Some(true),
                    "false" => Some(false),
                    other => correct_from_number(other.parse().ok()),
                },
                group: group.as_deref(),
                confidence_found,
                correct_found,
            };
            self.accept(line, &fields)?;
        }
    }

    fn accept(&mut self, line: usize, fields: &Fields<'_>) -> anyhow::Result<()> {
        let (low, high, wanted) = match self.scale {
            Scale::Probability => (0.0, 1.0, "a probability from 0 to 1"),
            Scale::Ten => (1.0, 10.0, "a level from 1 to 10"),
        };
        let Some(confidence) = fields
            .confidence
            .filter(|value| (low..=high).contains(value))
        else {
            let found = &fields.confidence_found;
            let hint = match (self.scale, fields.confidence) {
                (Scale::Probability, Some(value)) if value > 1.0 && value <= 10.0 => {
                    " (--scale 10 for levels)"
                }
                _ => "",
            };
            return self.reject(
                line,
                format!("confidence: found {found}, expected {wanted}{hint}"),
            );
        };
        let Some(correct) = fields.correct else {
            let found = &fields.correct_found;
            return self.reject(
                line,
                format!("correct: found {found}, expected true, false, 1 or 0"),
            );
        };
        let confidence = match self.scale {
            Scale::Probability => confidence,
            Scale::Ten => confidence / 10.0,
        };
        let group = match fields.group {
            None => None,
            Some(name) => {
                let next = u32::try_from(self.groups.len())?;
                Some(*self.groups.entry(name.to_owned()).or_insert(next))
            }
        };
        self.read.rows.push(Row {
            confidence,
            correct,
            group,
            ..Row::default()
        });
        Ok(())
    }

    fn reject(&mut self, line: usize, reason: String) -> anyhow::Result<()> {
        let path = self.path.display();
        if !self.skip_invalid {
            return Err(bad_input(format!("{path}, line {line}: {reason}")));
        }
        let record = format!("{path}:{line}");
        self.read.skipped.push(Skipped {
            stage: "metrics".into(),
            record,
            reason,
        });
        Ok(())
    }
}

fn correct_from_number(number: Option<f64>) -> Option<bool> {
    match number {
        Some(1.0) => Some(true),
        Some(0.0) => Some(false),
        _ => None,
    }
}

fn found_in_json(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        other => other.to_string().chars().take(60).collect(),
    }
}

/// Ends a CSV record that does not end: an open quote would take the whole file into memory.
struct Bounded<R> {
    file: R,
    budget: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let budget = self.budget.get();
        if budget == 0 {
            let message = format!("a record longer than {LINE_BYTES_MAX} bytes");
            return Err(std::io::Error::other(message));
        }
        let length = buffer.len().min(budget);
        let bytes = self.file.read(&mut buffer[..length])?;
        self.budget.set(budget - bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &[u8], scale: Scale, skip_invalid: bool) -> anyhow::Result<ScoredRows> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores");
        std::fs::write(&path, text).unwrap();
        read(&path, scale, skip_invalid)
    }

    #[test]
    fn both_forms_give_the_same_rows() {
        let json = br#"{"confidence":0.9,"correct":true,"group":"a","id":1}
{"confidence":0,"correct":0,"group":"b"}

{"confidence":1,"correct":1,"group":"a"}"#;
        let csv = b"\xEF\xBB\xBFid,Confidence,correct,group\r\n1,0.9,TRUE,a\r\n2,0,0,b\r\n\"3\nx\",1.0,1,a\n";
        let from_json = read_text(json, Scale::Probability, false).unwrap();
        assert_eq!(
            from_json,
            read_text(csv, Scale::Probability, false).unwrap()
        );
        let groups: Vec<Option<u32>> = from_json.rows.iter().map(|row| row.group).collect();
        assert_eq!(groups, [Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn a_runs_own_answers_are_read_by_their_probability() {
        let answers = br#"{"id":"a","question_id":"a","entity":"x","confidence":1,"probability":0.1,"correct":false}
{"id":"b","question_id":"b","entity":"x","confidence":null,"probability":0.83,"correct":true}"#;
        let read = read_text(answers, Scale::Probability, false).unwrap();
        let rows: Vec<(f64, Option<u32>)> = read
            .rows
            .iter()
            .map(|row| (row.confidence, row.group))
            .collect();
        assert_eq!(rows, [(0.1, Some(0)), (0.83, Some(0))]);
    }

    #[test]
    fn wrong_rows_are_told_with_their_line() {
        for (text, wanted) in [
            ("", "empty"),
            (" \n\n", "empty"),
            ("confidence,correct\n", "no rows"),
            ("a,b\n1,2\n", "expected JSON objects, or a CSV header"),
            (
                "{\"confidence\":0.5,\"correct\":true}\n{\"confidence\":",
                "line 2: not a JSON object",
            ),
            (
                "{\"confidence\":null,\"correct\":true}",
                "line 1: confidence: found nothing",
            ),
            (
                "{\"confidence\":7,\"correct\":true}",
                "expected a probability from 0 to 1 (--scale 10",
            ),
            ("{\"confidence\":0.5,\"correct\":2}", "correct: found 2"),
            (
                "confidence,correct\n0.5,1\nNaN,1\n",
                "line 3: confidence: found NaN",
            ),
            ("confidence,correct\n0.5\n", "line 2: correct: found"),
        ] {
            let error = read_text(text.as_bytes(), Scale::Probability, false).unwrap_err();
            assert!(error.to_string().contains(wanted), "{text:?}: {error}");
            assert_eq!(crate::error::exit_code(&error), 2);
        }
    }

    #[test]
    fn wrong_rows_can_be_left_out_and_levels_read() {
        let read = read_text(b"confidence,correct\n10,1\n11,0\n3,0\n", Scale::Ten, true).unwrap();
        let confidences: Vec<f64> = read.rows.iter().map(|row| row.confidence).collect();
        assert_eq!(confidences, [1.0, 0.3]);
        assert_eq!(read.skipped.len(), 1);
        assert!(read_text(b"confidence,correct\n11,1\n", Scale::Ten, true).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_rows_or_an_error(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = read_text(&bytes, Scale::Probability, false);
            let mut text = b"confidence,correct\n".to_vec();
            text.extend_from_slice(&bytes);
            if let Ok(read) = read_text(&text, Scale::Probability, true) {
                proptest::prop_assert!(read.rows.iter().all(|row| (0.0..=1.0).contains(&row.confidence)));
            }
        }
    }
}
