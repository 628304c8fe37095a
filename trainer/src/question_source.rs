//! `--questions FILE`: the shipped set by its name, a file in any known form, or a folder of files as
//! the Hugging Face hub lays them out.

use crate::error::{Error, bad_input};
use crate::pull::checksum;
use crate::question_folder;
use crate::stages::StageContext;
use datasets::reference::{Questions, read_questions, read_questions_leniently};
use datasets::{Question, Skipped, world_facts};
use kernels::MappedFile;
use std::path::Path;

/// What `skipped.jsonl` says left them out.
const STAGE: &str = "questions";
/// Bytes of a file of questions.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Questions, and what they came from.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionSet {
    pub questions: Vec<Question>,
    /// SHA-256 of the file, in hex; of a folder, of its files' names and sums.
    pub sha256: String,
    /// Rows that were left out with `skip_invalid`.
    pub skipped: Vec<Skipped>,
}

/// Loads the shipped set by its name, a file in any form of
/// [`reference`](mod@datasets::reference), or a folder of such files
/// ([`question_folder`]).
///
/// # Errors
/// Exit code 2, with file, line and record, for a file of the wrong shape; with `skip_invalid` such
/// rows are left out.
pub fn load(source: &str, skip_invalid: bool) -> anyhow::Result<QuestionSet> {
    if source == world_facts::NAME {
        return Ok(QuestionSet {
            questions: world_facts::questions(),
            sha256: world_facts::sha256(),
            skipped: Vec::new(),
        });
    }
    if source == world_facts::NAME_MORE {
        return Ok(QuestionSet {
            questions: [world_facts::questions(), world_facts::more_train()].concat(),
            sha256: world_facts::sha256_more(),
            skipped: Vec::new(),
        });
    }
    let path = Path::new(source);
    match path.is_dir() {
        true => question_folder::load(path, skip_invalid),
        false => load_file(path, skip_invalid),
    }
}

/// The questions of one file.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_file(path: &Path, skip_invalid: bool) -> anyhow::Result<QuestionSet> {
    let source = &*path.to_string_lossy();
    let bytes = path
        .metadata()
        .map_err(|error| Error::Read {
            path: path.to_path_buf(),
            source: error,
        })?
        .len();
    if bytes > FILE_BYTES_MAX {
        return Err(bad_input(format!(
            "{source}: {bytes} bytes, expected at most {FILE_BYTES_MAX}"
        )));
    }
    let bytes = MappedFile::open(path).map_err(|error| Error::Read {
        path: path.to_path_buf(),
        source: error,
    })?;
    let read = match skip_invalid {
        false => Questions {
            questions: read_questions(&bytes, source)?,
            skipped: Vec::new(),
        },
        true => read_questions_leniently(&bytes, source)?,
    };
    if read.questions.is_empty() {
        return Err(bad_input(format!("{source}: no question that can be read")));
    }
    let skipped = read
        .skipped
        .iter()
        .map(|error| Skipped {
            stage: STAGE.into(),
            record: error.place(),
            reason: format!("found {}, expected {}", error.found, error.expected),
        })
        .collect();
    Ok(QuestionSet {
        questions: read.questions,
        sha256: checksum::of_bytes(&bytes),
        skipped,
    })
}

/// Says in the run's `skipped.jsonl` which rows of the question file were left out.
pub fn write_skipped(context: &StageContext<'_>, questions: &QuestionSet) -> anyhow::Result<()> {
    context.write_skipped_of(STAGE, &questions.skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_file_are_read_strictly_or_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("questions.jsonl");
        let good = r#"{"id":"a","question":"Which?","answers":["A"]}"#;
        std::fs::write(
            &path,
            format!("{good}\n{{\"question\":7,\"answers\":[\"B\"]}}\n"),
        )
        .unwrap();
        let source = path.to_str().unwrap();
        let error = load(source, false).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 2);
        assert!(error.to_string().contains("questions.jsonl:2"), "{error}");
        let set = load(source, true).unwrap();
        assert_eq!((set.questions.len(), set.skipped.len()), (1, 1));

        std::fs::write(&path, "").unwrap();
        assert_eq!(crate::error::exit_code(&load(source, true).unwrap_err()), 2);
        assert_eq!(
            crate::error::exit_code(&load("/no/such/file", false).unwrap_err()),
            1
        );
        assert!(load(world_facts::NAME, false).unwrap().questions.len() >= 10_000);
    }
}
