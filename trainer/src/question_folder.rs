//! Questions from a folder as the Hugging Face hub lays data sets out.
//!
//! ```text
//! FOLDER/data/train-00000-of-00001.parquet     files of splits, in `data/` or in the folder itself
//! FOLDER/validation.jsonl
//! FOLDER/test/0000.parquet                     or a folder for each split
//! FOLDER/data/CONFIGURATION/train-….parquet    several configurations: name one, FOLDER/data/CONFIGURATION
//! ```

use crate::error::{Error, bad_input, bad_use};
use crate::pull::checksum;
use crate::question_source::{QuestionSet, load_file};
use datasets::hub::{split_name, split_named, split_of_file};
use datasets::{Question, Split};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Endings of files that may hold questions.
const ENDINGS: [&str; 4] = ["parquet", "jsonl", "json", "csv"];
/// Files beside them that hold none.
const NOT_QUESTIONS: [&str; 4] = [
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
];
/// Files of one folder at most.
const FILES_MAX: usize = 10_000;

/// Reads all files of a folder; each question gets the split of its file, where it has none of its own.
///
/// # Errors
/// Exit code 2 where the folder holds no such file or several configurations, and of the first file
/// that is wrong.
pub fn load(folder: &Path, skip_invalid: bool) -> anyhow::Result<QuestionSet> {
    let files = files_of(folder)?;
    let (mut questions, mut skipped, mut sums) = (Vec::new(), Vec::new(), Vec::new());
    for (path, split) in &files {
        let set = load_file(path, skip_invalid)?;
        let name = path.strip_prefix(folder).unwrap_or(path);
        sums.push(format!("{} {}", name.display(), set.sha256));
        skipped.extend(set.skipped);
        questions.push((*split, set.questions));
    }
    Ok(QuestionSet {
        questions: together(questions),
        sha256: checksum::of_bytes(sums.join("\n").as_bytes()),
        skipped,
    })
}

/// The questions of all files. Ids that come again in another file (those that only count the rows
/// do) get the split's name before them.
fn together(files: Vec<(Option<Split>, Vec<Question>)>) -> Vec<Question> {
    let mut seen = HashSet::new();
    let are_distinct = files
        .iter()
        .flat_map(|(_, questions)| questions)
        .all(|question| seen.insert(question.id.clone()));
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for (number, (split, questions)) in files.into_iter().enumerate() {
        for mut question in questions {
            question.split = question.split.or(split);
            if !are_distinct {
                if let Some(split) = split {
                    question.id = format!("{}-{}", split_name(split), question.id);
                }
                if seen.contains(&question.id) {
                    question.id = format!("{number}-{}", question.id);
                }
                seen.insert(question.id.clone());
            }
            all.push(question);
        }
    }
    all
}

/// The files with their splits, in the order of their names.
fn files_of(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Option<Split>)>> {
    let data = folder.join("data");
    let found = if data.is_dir() {
        Found::in_folder(&data)?
    } else {
        Found::in_folder(folder)?
    };
    let mut files = found.files;
    let (of_splits, configurations): (Vec<PathBuf>, Vec<PathBuf>) = found
        .folders
        .into_iter()
        .partition(|path| split_named(&name_of(path)).is_some());
    for inner in &of_splits {
        let split = split_named(&name_of(inner));
        let inside = Found::in_folder(inner)?.files;
        files.extend(inside.into_iter().map(|(path, _)| (path, split)));
    }
    if !files.is_empty() {
        // Where some files are named for splits, the others are something else.
        if files.iter().any(|(_, split)| split.is_some()) {
            files.retain(|(_, split)| split.is_some());
        }
        return Ok(files);
    }
    let mut with_files = Vec::new();
    for configuration in configurations {
        let inside = Found::in_folder(&configuration)?;
        let has_splits = inside
            .folders
            .iter()
            .any(|path| split_named(&name_of(path)).is_some());
        if !inside.files.is_empty() || has_splits {
            with_files.push(configuration);
        }
    }
    match with_files.as_slice() {
        [] => Err(bad_input(format!(
            "{}: no questions; expected files such as data/train-00000-of-00001.parquet or test.jsonl \
             ({}) in it",
            folder.display(),
            ENDINGS.join(", ")
        ))),
        [one] => files_of(one),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            Err(bad_use(format!(
                "{}: several configurations; name one of them: {}",
                folder.display(),
                names.join(", ")
            )))
        }
    }
}

/// What a folder holds.
struct Found {
    files: Vec<(PathBuf, Option<Split>)>,
    folders: Vec<PathBuf>,
}

impl Found {
    fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let read_error = |source| Error::Read {
            path: folder.to_path_buf(),
            source,
        };
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(folder).map_err(read_error)? {
            let path = entry.map_err(read_error)?.path();
            let name = name_of(&path);
            if name.starts_with('.') {
                continue;
            }
            let ending = path.extension().map(|ending| ending.to_string_lossy());
            let may_hold = ending.is_some_and(|ending| ENDINGS.contains(&&*ending))
                && !NOT_QUESTIONS.contains(&name.as_str());
            if path.is_dir() {
                folders.push(path);
            } else if may_hold {
                let split = split_of_file(&name);
                files.push((path, split));
            }
            if files.len() + folders.len() > FILES_MAX {
                return Err(bad_input(format!(
                    "{}: more than {FILES_MAX} files",
                    folder.display()
                )));
            }
        }
        files.sort_by(|one: &(PathBuf, _), other| one.0.cmp(&other.0));
        folders.sort();
        Ok(Found { files, folders })
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_code;
    use crate::question_source;
    use std::fs;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn line(id: &str) -> String {
        format!("{{\"id\":\"{id}\",\"question\":\"Which {id}?\",\"answers\":[\"A\"]}}\n")
    }

    fn read(folder: &Path) -> Vec<(String, Option<Split>)> {
        let set = question_source::load(folder.to_str().unwrap(), false).unwrap();
        let questions = set.questions.into_iter();
        questions
            .map(|question| (question.id, question.split))
            .collect()
    }

    #[test]
    fn files_of_splits_are_read_together() {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path();
        write(folder, "data/train-00000-of-00001.jsonl", &line("a"));
        write(folder, "data/validation-00000-of-00001.jsonl", &line("b"));
        let table = datasets::hub::questions(&[Question {
            id: "c".into(),
            question: "Which?".into(),
            answers: vec!["C".into(), "c".into()],
            negative_answers: Vec::new(),
            template: None,
            entity: None,
            split: None,
            judge: Default::default(),
        }]);
        let bytes = datasets::parquet::write(&table).unwrap();
        fs::write(folder.join("data/test-00000-of-00001.parquet"), bytes).unwrap();
        write(folder, "data/notes.json", "{}");
        write(folder, "README.md", "---\n---\n");
        assert_eq!(
            read(folder),
            [
                ("c".to_owned(), Some(Split::Test)),
                ("a".to_owned(), Some(Split::Train)),
                ("b".to_owned(), Some(Split::Dev)),
            ]
        );
    }

    #[test]
    fn ids_that_only_count_the_rows_are_told_apart() {
        let out = tempfile::tempdir().unwrap();
        write(out.path(), "train.jsonl", &line("0"));
        write(out.path(), "test/0000.jsonl", &line("0"));
        assert_eq!(
            read(out.path()),
            [
                ("train-0".to_owned(), Some(Split::Train)),
                ("test-0".to_owned(), Some(Split::Test)),
            ]
        );
    }

    #[test]
    fn a_folder_without_splits_is_read_whole_and_a_configuration_is_named() {
        let out = tempfile::tempdir().unwrap();
        write(out.path(), "one/questions.jsonl", &line("a"));
        assert_eq!(read(out.path()), [("a".to_owned(), None)]);
        write(out.path(), "two/train.csv", "question,answer\nWhich?,A\n");
        let source = out.path().to_str().unwrap();
        let error = question_source::load(source, false).unwrap_err();
        assert_eq!(exit_code(&error), 2);
        assert!(error.to_string().contains("two"), "{error}");
        assert_eq!(read(&out.path().join("two")).len(), 1);
        let empty = tempfile::tempdir().unwrap();
        let error = question_source::load(empty.path().to_str().unwrap(), false).unwrap_err();
        assert!(error.to_string().contains("no questions"), "{error}");
    }
}
