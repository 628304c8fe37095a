//! Questions out of a file in any form.

use super::document::{Row, rows};
use super::faithfulness::without_instruction;
use super::{QUESTION_BYTES_MAX, gold};
use crate::hash::sha256_hex;
use crate::hub::split_named;
use crate::read_error::{ReadError, quoted};
use crate::{Judge, Question};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Distinct golds of one question at most, over all rows that ask it.
const GOLDS_MAX: usize = 1_000;
/// Golds in all at most, of the rows of a file that share theirs with others.
const SHARED_GOLDS_MAX: usize = 20_000_000;

/// Questions, and the records that were left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Questions {
    pub questions: Vec<Question>,
    pub skipped: Vec<ReadError>,
}

/// Reads questions from a file in any of this module's forms; `name` stands in errors, and tells
/// TruthfulQA.
///
/// A record's id is the file's own, or a hash of (file SHA-256, row). Rows with the same question
/// keep their ids, and their golds count as aliases of one another. Where the file does not say how
/// answers are judged, its golds do: labels, sentences, else short answers. Faithfulness input has
/// no gold: there, and there alone, `answers` is empty.
///
/// # Errors
/// The first record that is wrong, with file, line, record, what was found and what was expected; a
/// question that records give more than 1,000 golds.
///
/// ```
/// let file = br#"[{"question":"What field does Hopf work in?","answer":"topology","negative_answer":"art/law"}]"#;
/// let questions = datasets::reference::read_questions(file, "pararel.json")?;
/// assert_eq!(questions[0].answers, ["topology"]);
/// assert_eq!(questions[0].negative_answers, ["art", "law"]);
/// # Ok::<(), datasets::ReadError>(())
/// ```
pub fn read_questions(bytes: &[u8], name: &str) -> Result<Vec<Question>, ReadError> {
    read(bytes, name, Err).map(|questions| questions.questions)
}

/// As [`read_questions`]; records that are wrong are left out and listed.
///
/// # Errors
/// Where the file as a whole cannot be read, no record of it is right, or records give a question more
/// than 1,000 golds.
pub fn read_questions_leniently(bytes: &[u8], name: &str) -> Result<Questions, ReadError> {
    let mut skipped = Vec::new();
    let mut read = read(bytes, name, |error| {
        skipped.push(error);
        Ok(())
    })?;
    read.skipped = skipped;
    match (read.questions.is_empty(), read.skipped.first()) {
        (true, Some(first)) => Err(first.clone()),
        _ => Ok(read),
    }
}

fn read(
    bytes: &[u8],
    file: &str,
    mut on_wrong: impl FnMut(ReadError) -> Result<(), ReadError>,
) -> Result<Questions, ReadError> {
    let file_sha256 = sha256_hex(bytes);
    let mut found = Vec::new();
    let mut ids = HashMap::new();
    for row in rows(bytes, file)? {
        let outcome = row.and_then(|row| {
            let (question, says_judge) = question(&row, file, &file_sha256)?;
            match ids.insert(question.id.clone(), row.row + 1) {
                None => Ok((question, says_judge)),
                Some(first) => Err(row.error(
                    file,
                    format!("id {} again, first in record {first}", quoted(&question.id)),
                    "ids that differ",
                )),
            }
        });
        match outcome {
            Ok(outcome) => found.push(outcome),
            Err(error) if error.is_of_a_record() => on_wrong(error)?,
            Err(error) => return Err(error),
        }
    }
    let golds = found
        .iter()
        .filter(|(_, says_judge)| !says_judge)
        .flat_map(|(question, _)| question.answers.first());
    let judge = if golds.clone().next().is_none() {
        Judge::default()
    } else {
        gold::judge(file, golds.map(String::as_str))
    };
    let mut questions: Vec<Question> = found
        .into_iter()
        .map(|(mut question, says_judge)| {
            if !says_judge {
                question.judge = judge;
            }
            question
        })
        .collect();
    share_golds(&mut questions, file)?;
    Ok(Questions {
        questions,
        skipped: Vec::new(),
    })
}

/// One question, and whether its record says how it is judged.
fn question(row: &Row, file: &str, file_sha256: &str) -> Result<(Question, bool), ReadError> {
    let object = &row.object;
    let is_ours = object
        .get("answers")
        .is_some_and(|answers| !matches!(answers, Value::Object(_) | Value::String(_)));
    let says_judge = is_ours || object.contains_key("judge");
    let mut question = if is_ours {
        ours(row, file)?
    } else if let Some(messages) = object.get("messages") {
        of_messages(row, file, messages)?
    } else {
        of_pair(row, file)?
    };
    if question.id.is_empty() {
        question.id = sha256_hex(format!("{file_sha256}/{}", row.row).as_bytes())[..16].to_owned();
    }
    question.question = question.question.trim().to_owned();
    if question.question.is_empty() || question.question.len() > QUESTION_BYTES_MAX {
        let found = format!("`question` of {} bytes", question.question.len());
        return Err(row.error(file, found, format!("1 to {QUESTION_BYTES_MAX}")));
    }
    Ok((question, says_judge))
}

/// A record of ours; a missing `id` is made.
fn ours(row: &Row, file: &str) -> Result<Question, ReadError> {
    let expected = "`question` and `answers`, and optionally `id`, `negative_answers`, `template`, `entity`, `split`, `judge`";
    let mut object = row.object.clone();
    // Columns of a table that are empty in this row.
    object.retain(|_, value| !value.is_null());
    object.entry("id").or_insert_with(|| Value::from(""));
    for key in ["id", "template", "entity"] {
        if let Some(Value::Number(number)) = object.get(key) {
            let text = number.to_string();
            object.insert(key.to_owned(), Value::from(text));
        }
    }
    if let Some(split) = object.get("split").and_then(split_of) {
        object.insert("split".to_owned(), split);
    }
    if let Some(negative) = object.remove("negative_answer")
        && !object.contains_key("negative_answers")
    {
        let negatives = gold::negatives(Some(&negative)).ok_or_else(|| {
            let found = format!("`negative_answer`: {}", quoted(&negative.to_string()));
            row.error(file, found, expected)
        })?;
        object.insert("negative_answers".to_owned(), Value::from(negatives));
    }
    let question: Question = serde_json::from_value(Value::Object(object))
        .map_err(|error| row.error(file, error.to_string(), expected))?;
    if question.answers.is_empty()
        || question
            .answers
            .iter()
            .any(|answer| answer.trim().is_empty())
    {
        return Err(row.error(
            file,
            "`answers` without an answer, or with an empty one",
            "at least one answer",
        ));
    }
    Ok(question)
}

/// A conversation: the last assistant message is the gold answer, the last user message before it
/// the question.
fn of_messages(row: &Row, file: &str, messages: &Value) -> Result<Question, ReadError> {
    let (question, response) = conversation(messages).ok_or_else(|| {
        let found = quoted(&messages.to_string());
        row.error(
            file,
            found,
            "`messages` with `role` and `content`, a user's and after it an assistant's",
        )
    })?;
    let answer = gold::of_response(response);
    if answer.is_empty() {
        return Err(row.error(
            file,
            quoted(response),
            "an assistant message with an answer",
        ));
    }
    plain(row, file, question, vec![answer], Vec::new())
}

/// Question and response: the last assistant message, and the last user message before it.
pub(super) fn conversation(messages: &Value) -> Option<(&str, &str)> {
    let list = messages.as_array()?;
    let role =
        |message: &Value, role: &str| message.get("role").and_then(Value::as_str) == Some(role);
    let answer = list
        .iter()
        .rposition(|message| role(message, "assistant"))?;
    let question = list[..answer]
        .iter()
        .rposition(|message| role(message, "user"))?;
    let content =
        |message: &'_ Value| -> Option<()> { message.get("content")?.as_str().map(|_| ()) };
    content(&list[question]).and(content(&list[answer]))?;
    Some((
        list[question]["content"].as_str()?,
        list[answer]["content"].as_str()?,
    ))
}

/// `question` with `answer`, `response`, or `reason` and `responses`.
fn of_pair(row: &Row, file: &str) -> Result<Question, ReadError> {
    let expected = "a text `question` with `answer`, `answers`, `response`, or `reason` and `responses`; or `messages`";
    let object = &row.object;
    let wrong = |found: String| row.error(file, found, expected);
    let question = match object.get("question") {
        Some(Value::String(question)) => question.as_str(),
        Some(other) => return Err(wrong(format!("`question`: {}", quoted(&other.to_string())))),
        None => {
            let keys: Vec<&str> = object.keys().take(10).map(String::as_str).collect();
            return Err(wrong(format!("keys {}", quoted(&keys.join(", ")))));
        }
    };
    let answer = ["answer", "answers"]
        .into_iter()
        .find_map(|key| Some((key, object.get(key)?)));
    if let Some((key, answer)) = answer {
        let golds = gold::texts(answer)
            .ok_or_else(|| wrong(format!("`{key}`: {}", quoted(&answer.to_string()))))?;
        let negative = object
            .get("negative_answer")
            .or_else(|| object.get("negative_answers"));
        let negatives = gold::negatives(negative).ok_or_else(|| {
            wrong(format!(
                "`negative_answer`: {}",
                quoted(&Value::from(negative.cloned()).to_string())
            ))
        })?;
        return plain(row, file, question, golds, negatives);
    }
    match object.get("response") {
        Some(Value::String(response)) => {
            let answer = gold::of_response(response);
            match answer.is_empty() {
                true => Err(wrong(format!("`response`: {}", quoted(response)))),
                false => plain(row, file, question, vec![answer], Vec::new()),
            }
        }
        Some(other) => Err(wrong(format!("`response`: {}", quoted(&other.to_string())))),
        None if object.contains_key("responses") && object.contains_key("reason") => plain(
            row,
            file,
            without_instruction(question),
            Vec::new(),
            Vec::new(),
        ),
        None => Err(wrong("`question` alone".into())),
    }
}

fn plain(
    row: &Row,
    file: &str,
    question: &str,
    answers: Vec<String>,
    mut negatives: Vec<String>,
) -> Result<Question, ReadError> {
    negatives.retain(|negative| !answers.contains(negative));
    let given = |key: &str| {
        row.object
            .get(key)
            .and_then(gold::text)
            .filter(|text| !text.is_empty())
    };
    let judge_named = |name: &str| serde_json::from_value::<Judge>(Value::from(name)).ok();
    Ok(Question {
        id: given("id").unwrap_or_default(),
        question: question.into(),
        answers,
        negative_answers: negatives,
        template: given("template"),
        entity: given("entity"),
        split: named(row, file, "split", SPLITS, split_named)?,
        judge: named(row, file, "judge", JUDGES, judge_named)?.unwrap_or_default(),
    })
}

const SPLITS: &str = "`train`, `dev`, `test` or `held-out`";
const JUDGES: &str = "`short-answer`, `exact`, `number`, `label` or `sentence`";

/// What a record names at `key`; none where nothing stands there.
///
/// # Errors
/// Of the record, where it is none of the names in `expected`.
fn named<T>(
    row: &Row,
    file: &str,
    key: &str,
    expected: &str,
    of_name: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ReadError> {
    let name = match row.object.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => gold::text(value).unwrap_or_else(|| value.to_string()),
    };
    if name.is_empty() {
        return Ok(None);
    }
    match of_name(&name) {
        Some(value) => Ok(Some(value)),
        None => Err(row.error(file, format!("`{key}`: {}", quoted(&name)), expected)),
    }
}

/// A split by any of the names that others have for it (`validation`, `eval`, …), as ours.
fn split_of(name: &Value) -> Option<Value> {
    let split = split_named(name.as_str()?)?;
    serde_json::to_value(split).ok()
}

/// Rows with the same question take one another's golds as aliases, and no gold stays a negative.
///
/// # Errors
/// Where one question has more than [`GOLDS_MAX`] golds, or all that are shared are more than
/// [`SHARED_GOLDS_MAX`].
fn share_golds(questions: &mut [Question], file: &str) -> Result<(), ReadError> {
    let mut rows_of: HashMap<&str, Vec<usize>> = HashMap::new();
    for (row, question) in questions.iter().enumerate() {
        rows_of.entry(&question.question).or_default().push(row);
    }
    let mut shared: Vec<Vec<usize>> = rows_of
        .into_values()
        .filter(|rows| rows.len() > 1)
        .collect();
    shared.sort_unstable();
    let mut total = 0;
    for rows in shared {
        let golds = distinct_golds(questions, &rows);
        total += golds.len() * rows.len();
        if golds.len() > GOLDS_MAX || total > SHARED_GOLDS_MAX {
            let found = format!(
                "question {} with {} golds in {} records",
                quoted(&questions[rows[0]].question),
                golds.len(),
                rows.len()
            );
            let expected = format!(
                "at most {GOLDS_MAX} golds a question, and {SHARED_GOLDS_MAX} once records that ask the same have shared theirs"
            );
            return Err(ReadError::of_file(file, found, expected));
        }
        for row in rows {
            take_golds(&mut questions[row], &golds);
        }
    }
    Ok(())
}

/// The golds of these rows, each once, in the order of the rows.
fn distinct_golds(questions: &[Question], rows: &[usize]) -> Vec<String> {
    let mut seen = HashSet::new();
    rows.iter()
        .flat_map(|&row| &questions[row].answers)
        .filter(|gold| seen.insert(gold.as_str()))
        .cloned()
        .collect()
}

/// Appends those of `golds` that are not there, and takes all of them out of the negatives.
fn take_golds(question: &mut Question, golds: &[String]) {
    let own: HashSet<String> = question.answers.iter().cloned().collect();
    let others = golds.iter().filter(|gold| !own.contains(*gold));
    question.answers.extend(others.cloned());
    if !question.negative_answers.is_empty() {
        let golds: HashSet<&str> = golds.iter().map(String::as_str).collect();
        question
            .negative_answers
            .retain(|negative| !golds.contains(negative.as_str()));
    }
}
