//! The answers of one evaluation as comparisons need them: each question once, with the place of its
//! record.

use super::contained;
use super::lines::Lines;
use crate::limits::{COMPARED_ANSWERS_MAX, COMPARED_CHARACTERS_MAX, RECORD_BYTES_MAX};
use comparison::pairs::Answered;
use datasets::Answer;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// What was read of `answers.jsonl`.
#[derive(Clone, Debug, Default)]
pub struct AnsweredQuestions {
    /// In the file's order.
    pub answers: Vec<Answered>,
    /// Of each: byte offset and length of its record.
    places: Vec<(u64, u32)>,
    /// Answers whose confidence could not be read.
    pub failures: u64,
    /// Lines that are no answers.
    pub bad_lines: u64,
    /// Whether the file has more answers than are read.
    pub is_cut: bool,
}

/// The texts of one answer, cut where they are very long.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    pub question: String,
    pub gold: Option<String>,
    pub answer: Option<String>,
    pub rationale: Option<String>,
    pub failure: Option<String>,
}

/// The fields that a comparison needs; all others are skipped without being stored.
#[derive(Deserialize)]
struct Key<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    question_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    entity: Option<Cow<'a, str>>,
    probability: f64,
    correct: bool,
    #[serde(default)]
    failure: Option<IgnoredAny>,
}

impl AnsweredQuestions {
    /// Reads a file of answers, at most [`COMPARED_ANSWERS_MAX`] of them. A question that is there twice
    /// counts as it stands last.
    ///
    /// # Errors
    /// As [`contained::open`], and those of reading.
    pub fn read(folder: &Path, path: &Path) -> io::Result<Self> {
        let (file, _) = contained::open(folder, path)?;
        let mut lines = Lines::new(
            BufReader::with_capacity(256 * 1024, file),
            0,
            RECORD_BYTES_MAX,
        );
        let mut read = AnsweredQuestions::default();
        let mut known: HashMap<String, usize> = HashMap::new();
        while let Some(line) = lines.next_line()? {
            let Some(bytes) = line.bytes else {
                read.bad_lines += 1;
                continue;
            };
            if bytes.is_empty() {
                continue;
            }
            let key = match serde_json::from_slice::<Key>(bytes) {
                Ok(key) if (0.0..=1.0).contains(&key.probability) => key,
                // A torn last line is under way.
                Err(_) if !line.whole => break,
                _ => {
                    read.bad_lines += 1;
                    continue;
                }
            };
            let Some(id) = key.question_id.or(key.id) else {
                read.bad_lines += 1;
                continue;
            };
            let answered = Answered {
                question_id: id.into_owned(),
                entity: key.entity.map(Cow::into_owned),
                probability: key.probability,
                correct: key.correct,
            };
            // A record is at most RECORD_BYTES_MAX long, which fits.
            let place = (line.offset, bytes.len() as u32);
            if let Some(&at) = known.get(&answered.question_id) {
                read.answers[at] = answered;
                read.places[at] = place;
                continue;
            }
            if read.answers.len() == COMPARED_ANSWERS_MAX {
                read.is_cut = true;
                break;
            }
            read.failures += u64::from(key.failure.is_some());
            known.insert(answered.question_id.clone(), read.answers.len());
            read.answers.push(answered);
            read.places.push(place);
        }
        Ok(read)
    }

    /// The texts of the answers at these places among `answers`; `None` where a record cannot be read any
    /// more.
    ///
    /// # Errors
    /// As [`contained::open`], and those of reading.
    pub fn texts(
        &self,
        folder: &Path,
        path: &Path,
        wanted: &[usize],
    ) -> io::Result<Vec<Option<Texts>>> {
        let (mut file, _) = contained::open(folder, path)?;
        let mut bytes = Vec::new();
        let mut texts = Vec::with_capacity(wanted.len());
        for at in wanted {
            let Some(&(offset, length)) = self.places.get(*at) else {
                texts.push(None);
                continue;
            };
            file.seek(SeekFrom::Start(offset))?;
            bytes.resize(length as usize, 0);
            let answer = match file.read_exact(&mut bytes) {
                // The file was replaced by a shorter one since it was read.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
                Err(error) => return Err(error),
                Ok(()) => serde_json::from_slice::<Answer>(&bytes).ok(),
            };
            texts.push(answer.map(Texts::from));
        }
        Ok(texts)
    }
}

impl From<Answer> for Texts {
    fn from(answer: Answer) -> Texts {
        Texts {
            question: cut(answer.question),
            gold: answer.gold.map(cut),
            answer: answer.answer.map(cut),
            rationale: answer
                .rationale
                .filter(|rationale| !rationale.trim().is_empty())
                .map(cut),
            failure: answer.failure.map(cut),
        }
    }
}

/// At most [`COMPARED_CHARACTERS_MAX`] characters; what is cut is told.
fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(COMPARED_CHARACTERS_MAX) {
        let rest = text[end..].chars().count();
        text.truncate(end);
        text.push_str(&format!("… ({rest} characters more)"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_is_read_once_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap();
        let path = folder.join("answers.jsonl");
        let record = |id: &str, probability: f64, rationale: &str| {
            serde_json::json!({
                "id": id, "question_id": id, "question": "Q?", "response": "", "answer": "A", "rationale": rationale,
                "confidence": null, "probability": probability, "correct": true, "failure": null,
            })
            .to_string()
        };
        let lines = [
            record("a", 0.5, "first"),
            "noise".into(),
            record("b", 1.5, "no probability"),
            record("a", 0.25, &"long ".repeat(COMPARED_CHARACTERS_MAX)),
            record("c", 1.0, " "),
        ];
        std::fs::write(&path, lines.join("\n") + "\n{\"id\":\"to").unwrap();
        let read = AnsweredQuestions::read(&folder, &path).unwrap();
        let ids: Vec<&str> = read
            .answers
            .iter()
            .map(|one| one.question_id.as_str())
            .collect();
        assert_eq!((ids, read.bad_lines), (vec!["a", "c"], 2));
        assert_eq!(read.answers[0].probability, 0.25);
        let texts = read.texts(&folder, &path, &[1, 0, 9]).unwrap();
        assert_eq!(texts[0].as_ref().unwrap().rationale, None);
        let long = texts[1].as_ref().unwrap().rationale.as_ref().unwrap();
        assert!(long.ends_with("characters more)") && long.len() < 2 * COMPARED_CHARACTERS_MAX);
        assert_eq!(texts[2], None);
    }
}
