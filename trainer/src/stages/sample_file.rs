//! A file of samples, read question by question.

use crate::error::{Error, bad_input};
use crate::run_dir::for_each_line;
use anyhow::Context;
use datasets::{Sample, Skipped};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// An index of a file of samples: memory holds where each sample stands, not the samples.
pub struct SampleFile {
    path: PathBuf,
    file: File,
    /// Question id → (offset, bytes, line) of its samples.
    lines: HashMap<String, Vec<Place>>,
    samples: usize,
}

#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    bytes: usize,
    line: usize,
}

/// What the index needs of a sample.
#[derive(Deserialize)]
struct Key {
    question_id: String,
}

impl SampleFile {
    /// Reads through the file once. With `skip_invalid`, rows that are no samples are counted in
    /// `skipped`, in place of failing.
    ///
    /// # Errors
    /// Exit code 2, with file and line, for a row that is no sample and for a file without any.
    pub fn open(
        path: &Path,
        stage: &str,
        skip_invalid: bool,
        skipped: &mut Vec<Skipped>,
    ) -> anyhow::Result<Self> {
        let mut lines: HashMap<String, Vec<Place>> = HashMap::new();
        let mut samples = 0;
        for_each_line(path, |line| {
            if line.bytes.trim_ascii().is_empty() {
                return Ok(());
            }
            // The whole is read here too, so that what is wrong is told before any work is done.
            let key = serde_json::from_slice::<Sample>(line.bytes)
                .and_then(|_| serde_json::from_slice::<Key>(line.bytes));
            match key {
                Ok(key) => {
                    let place = Place {
                        offset: line.offset,
                        bytes: line.bytes.len(),
                        line: line.number,
                    };
                    lines.entry(key.question_id).or_default().push(place);
                    samples += 1;
                    Ok(())
                }
                Err(error) => {
                    let record = format!("{}:{}", path.display(), line.number);
                    let reason = format!("not a sample: {error}");
                    if !skip_invalid {
                        return Err(bad_input(format!("{record}: {reason}")));
                    }
                    skipped.push(Skipped {
                        stage: stage.to_owned(),
                        record,
                        reason,
                    });
                    Ok(())
                }
            }
        })?;
        if samples == 0 {
            return Err(bad_input(format!("{}: no samples", path.display())));
        }
        let file = File::open(path).map_err(|source| Error::Read {
            path: path.to_path_buf(),
            source,
        })?;
        Ok(SampleFile {
            path: path.to_path_buf(),
            file,
            lines,
            samples,
        })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples
    }

    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// Ids of the questions that have samples.
    pub fn question_ids(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    pub fn contains(&self, question_id: &str) -> bool {
        self.lines.contains_key(question_id)
    }

    /// The samples of a question by ascending index; none where it was not sampled.
    ///
    /// # Errors
    /// Exit code 2 where two of them have one index.
    pub fn samples_of(&mut self, question_id: &str) -> anyhow::Result<Vec<Sample>> {
        let Some(places) = self.lines.get(question_id) else {
            return Ok(Vec::new());
        };
        let read_error = |source| Error::Read {
            path: self.path.clone(),
            source,
        };
        let mut samples = Vec::with_capacity(places.len());
        let mut line = Vec::new();
        for place in places {
            line.resize(place.bytes, 0);
            self.file
                .seek(SeekFrom::Start(place.offset))
                .map_err(read_error)?;
            self.file.read_exact(&mut line).map_err(read_error)?;
            let sample: Sample = serde_json::from_slice(&line)
                .with_context(|| format!("{}:{} has changed", self.path.display(), place.line))?;
            samples.push(sample);
        }
        samples.sort_by_key(|sample| sample.index);
        if let Some(pair) = samples
            .windows(2)
            .find(|pair| pair[0].index == pair[1].index)
        {
            return Err(bad_input(format!(
                "{}: two samples of the question {question_id} have the index {}",
                self.path.display(),
                pair[0].index
            )));
        }
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(question: &str, index: u32) -> String {
        format!(
            r#"{{"id":"{question}/{index}","question_id":"{question}","question":"?","index":{index},"response":"r{index}","finish_reason":"stop","tokens":1,"more":true}}"#
        )
    }

    #[test]
    fn samples_are_found_in_any_order_and_bad_rows_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let text = [line("b", 1), line("a", 0), line("b", 0)].join("\n");
        std::fs::write(&path, &text).unwrap();
        let mut file = SampleFile::open(&path, "cluster", false, &mut Vec::new()).unwrap();
        let responses: Vec<String> = file
            .samples_of("b")
            .unwrap()
            .into_iter()
            .map(|sample| sample.response)
            .collect();
        assert_eq!(responses, ["r0", "r1"]);
        assert!(file.samples_of("c").unwrap().is_empty());

        std::fs::write(&path, format!("{text}\n{{\"index\":NaN}}\n")).unwrap();
        let error = SampleFile::open(&path, "cluster", false, &mut Vec::new())
            .err()
            .unwrap();
        assert!(error.to_string().contains("samples.jsonl:4"), "{error}");
        let mut skipped = Vec::new();
        let file = SampleFile::open(&path, "cluster", true, &mut skipped).unwrap();
        assert_eq!((file.len(), skipped.len()), (3, 1));

        std::fs::write(&path, "").unwrap();
        let error = SampleFile::open(&path, "cluster", true, &mut Vec::new())
            .err()
            .unwrap();
        assert_eq!(crate::error::exit_code(&error), 2);

        std::fs::write(&path, [line("b", 1), line("b", 1)].join("\n")).unwrap();
        let mut file = SampleFile::open(&path, "cluster", false, &mut Vec::new()).unwrap();
        assert!(file.samples_of("b").is_err());
    }
}
