//! What kind of document a file is, and its records as JSON values with their places.

use super::RECORDS_MAX;
use crate::jsonl::{BYTE_ORDER_MARK, Reader};
use crate::read_error::{ReadError, json_found, quoted};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub(super) type Object = Map<String, Value>;

/// One record of a file, before its keys are looked at.
#[derive(Debug)]
pub(super) struct Row {
    /// From 0: what a record's id is made of.
    pub row: u64,
    /// From 1; absent in columnar files.
    pub line: Option<u64>,
    pub object: Object,
}

impl Row {
    pub fn error(
        &self,
        file: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> ReadError {
        ReadError::of_record(file, self.line, self.row + 1, found, expected)
    }
}

/// Records one after the other, so that a file of many needs no memory for all of them at once.
pub(super) type Rows<'a> = Box<dyn Iterator<Item = Result<Row, ReadError>> + 'a>;

/// The records of a file in any form, in its order; at least one, or an error.
///
/// # Errors
/// Where the file as a whole is no such document; a wrong record is an error of its own inside.
pub(super) fn rows<'a>(bytes: &'a [u8], file: &'a str) -> Result<Rows<'a>, ReadError> {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let rows = match text.trim_ascii_start().first() {
        None => return Err(ReadError::of_file(file, "an empty file", "questions")),
        Some(b'[') => list_rows(text, file)?,
        Some(b'{') => object_rows(text, file)?,
        Some(_) if bytes.starts_with(PARQUET_MAGIC) => parquet_rows(bytes, file)?,
        Some(_) => csv_rows(text, file)?,
    };
    Ok(Box::new(Counted {
        rows,
        file,
        count: 0,
    }))
}

/// What a Parquet file starts with, and ends with.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// The columns that a record of any form can have; a Parquet file's others are not read.
#[cfg(feature = "parquet")]
const COLUMNS: [&str; 17] = [
    "id",
    "question",
    "answer",
    "answers",
    "negative_answer",
    "negative_answers",
    "template",
    "entity",
    "split",
    "judge",
    "messages",
    "response",
    "responses",
    "reason",
    "confidence",
    "correct",
    "own_answers",
];

#[cfg(feature = "parquet")]
fn parquet_rows<'a>(bytes: &'a [u8], file: &'a str) -> Result<Rows<'a>, ReadError> {
    let rows = crate::parquet::read(bytes, file, &COLUMNS)?;
    Ok(Box::new(rows.zip(0..).map(|(object, row)| {
        object.map(|object| Row {
            row,
            line: None,
            object,
        })
    })))
}

#[cfg(not(feature = "parquet"))]
fn parquet_rows<'a>(_: &'a [u8], file: &'a str) -> Result<Rows<'a>, ReadError> {
    Err(ReadError::of_file(
        file,
        "a Parquet file",
        "JSON or CSV: this build reads no Parquet",
    ))
}

/// Turns no records, and too many of them, into errors.
struct Counted<'a> {
    rows: Rows<'a>,
    file: &'a str,
    count: usize,
}

impl Iterator for Counted<'_> {
    type Item = Result<Row, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next();
        let wrong = match (&row, self.count) {
            (None, 0) => Some(("no records".to_owned(), "at least one".to_owned())),
            (Some(_), RECORDS_MAX) => Some((
                format!("more than {RECORDS_MAX} records"),
                format!("at most {RECORDS_MAX}"),
            )),
            _ => None,
        };
        self.count += 1;
        match wrong {
            None => row,
            Some((found, expected)) => {
                self.rows = Box::new(std::iter::empty());
                self.count = 1;
                Some(Err(ReadError::of_file(self.file, found, expected)))
            }
        }
    }
}

fn list_rows<'a>(text: &'a [u8], file: &'a str) -> Result<Rows<'a>, ReadError> {
    let records: Vec<&RawValue> =
        serde_json::from_slice(text).map_err(|error| not_json(&error, file, "a JSON list"))?;
    let (mut line, mut from) = (1, 0);
    Ok(Box::new(records.into_iter().zip(0..).map(
        move |(record, row)| {
            let record = record.get();
            // `record` is a part of `text`, so the difference of the addresses is its place in it.
            let place = (record.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            let place = place.clamp(from, text.len());
            line += text[from..place]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count() as u64;
            from = place;
            match serde_json::from_str::<Object>(record) {
                Ok(object) => Ok(Row {
                    row,
                    line: Some(line),
                    object,
                }),
                Err(_) => Err(ReadError::of_record(
                    file,
                    Some(line),
                    row + 1,
                    quoted(record),
                    "a JSON object",
                )),
            }
        },
    )))
}

fn object_rows<'a>(text: &'a [u8], file: &'a str) -> Result<Rows<'a>, ReadError> {
    let first_line = text
        .trim_ascii_start()
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    let document = match serde_json::from_slice::<Object>(first_line) {
        Ok(object) if is_columnar(&object) => object,
        // An object that goes on over the lines is one document; a line that is whole, or is wrong
        // before its end, belongs to a file of lines.
        Err(error) if error.is_eof() => {
            serde_json::from_slice(text).map_err(|error| not_json(&error, file, "a JSON object"))?
        }
        _ => {
            let records = Reader::<_, Object>::new(text, file);
            return Ok(Box::new(records.map(|record| {
                record.map(|record| Row {
                    row: record.row,
                    line: Some(record.line),
                    object: record.value,
                })
            })));
        }
    };
    if is_columnar(&document) {
        Ok(columnar_rows(document))
    } else {
        Ok(Box::new(std::iter::once(Ok(Row {
            row: 0,
            line: Some(1),
            object: document,
        }))))
    }
}

fn is_columnar(object: &Object) -> bool {
    object
        .get("messages")
        .and_then(Value::as_array)
        .is_some_and(|list| list.iter().all(Value::is_array))
}

/// Stage 2: `{"messages": [[…], …]}`, each inner list a conversation.
fn columnar_rows(mut object: Object) -> Rows<'static> {
    let Some(Value::Array(conversations)) = object.remove("messages") else {
        return Box::new(std::iter::empty());
    };
    Box::new(conversations.into_iter().zip(0..).map(|(messages, row)| {
        Ok(Row {
            row,
            line: None,
            object: Object::from_iter([("messages".to_owned(), messages)]),
        })
    }))
}

fn csv_rows<'a>(text: &'a [u8], file: &'a str) -> Result<Rows<'a>, ReadError> {
    let expected = "JSON, or a CSV header with `question` and `answer`, or Parquet";
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let headers = reader
        .headers()
        .map_err(|error| ReadError::of_file(file, error.to_string(), expected))?;
    let names: Vec<String> = headers
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if !(has("question") && (has("answer") || has("answers"))) {
        return Err(ReadError::of_file(file, quoted(&names.join(",")), expected));
    }
    Ok(Box::new(reader.into_records().zip(0..).map(
        move |(record, row)| {
            let record = record.map_err(|error| {
                let line = error.position().map(csv::Position::line);
                ReadError::of_record(
                    file,
                    line,
                    row + 1,
                    error.to_string(),
                    "a row as the header says",
                )
            })?;
            let fields = names
                .iter()
                .zip(record.iter())
                .filter(|(_, value)| !value.is_empty());
            let object = fields
                .map(|(name, value)| (name.clone(), csv_value(name, value)))
                .collect();
            Ok(Row {
                row,
                line: record.position().map(csv::Position::line),
                object,
            })
        },
    )))
}

/// A cell is a text; lists of answers may be written as JSON lists.
fn csv_value(name: &str, cell: &str) -> Value {
    let may_be_a_list = name.contains("answer") && cell.trim_start().starts_with('[');
    let list = may_be_a_list.then(|| serde_json::from_str::<Vec<String>>(cell));
    match list {
        Some(Ok(list)) => Value::from(list),
        _ => Value::from(cell),
    }
}

fn not_json(error: &serde_json::Error, file: &str, expected: &str) -> ReadError {
    let mut found = ReadError::of_file(file, json_found(error), expected);
    found.line = (error.line() > 0).then_some(error.line() as u64);
    found
}
