//! Files of one JSON object a line, read and written a line at a time: a file of 1 GB does not need
//! 1 GB of memory.

use crate::read_error::{ReadError, json_found};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, Write};
use std::marker::PhantomData;

/// Bytes of one line at most, its end not counted.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A record, and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<T> {
    /// From 1, blank lines counted.
    pub line: u64,
    /// From 0, blank lines not counted.
    pub row: u64,
    pub value: T,
}

/// Reads records of type `T` from lines. Blank lines are passed over, unknown keys are ignored.
///
/// A wrong line is an error of its own ([`ReadError::is_of_a_record`]): a strict caller stops at the
/// first one, a lenient one counts it and goes on, or builds the reader with [`Reader::skip_invalid`].
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Text { text: String }
/// let file = b"{\"text\":\"a\"}\n\n{\"txt\":\"b\"}\n{\"text\":\"c\"}\n";
/// let mut reader = datasets::jsonl::Reader::<_, Text>::new(&file[..], "texts.jsonl").skip_invalid();
/// let texts: Vec<String> = reader.by_ref().map(|record| record.unwrap().value.text).collect();
/// assert_eq!(texts, ["a", "c"]);
/// assert_eq!(reader.skipped(), 1);
/// ```
pub struct Reader<R, T> {
    lines: Lines<R>,
    row: u64,
    expected: String,
    skip_invalid: bool,
    skipped: u64,
    ended: bool,
    record: PhantomData<fn() -> T>,
}

impl<R: BufRead, T: DeserializeOwned> Reader<R, T> {
    /// `name` stands in errors.
    pub fn new(reader: R, name: impl Into<String>) -> Reader<R, T> {
        Reader {
            lines: Lines::new(reader, name.into()),
            row: 0,
            expected: "one JSON object a line".into(),
            skip_invalid: false,
            skipped: 0,
            ended: false,
            record: PhantomData,
        }
    }

    /// Says in errors what a line should be, e.g. ``an object with `text` ``.
    pub fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// Wrong lines are counted and passed over.
    pub fn skip_invalid(mut self) -> Self {
        self.skip_invalid = true;
        self
    }

    /// Lines passed over so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn parse(&self, line: &Line<'_>) -> Result<T, ReadError> {
        let error = |found| {
            ReadError::of_record(
                &self.lines.name,
                Some(line.number),
                self.row + 1,
                found,
                &self.expected,
            )
        };
        let Some(bytes) = line.bytes else {
            return Err(error(format!("more than {LINE_BYTES_MAX} bytes")));
        };
        if !bytes.trim_ascii_start().starts_with(b"{") {
            let start = &bytes[..bytes.len().min(100)];
            return Err(error(crate::read_error::quoted(&String::from_utf8_lossy(
                start,
            ))));
        }
        serde_json::from_slice(bytes).map_err(|source| error(json_found(&source)))
    }
}

impl<R: BufRead, T: DeserializeOwned> Iterator for Reader<R, T> {
    type Item = Result<Record<T>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let mut buffer = std::mem::take(&mut self.lines.buffer);
            let read = self.lines.read_into(&mut buffer);
            let outcome = match read {
                Ok(None) => {
                    self.ended = true;
                    None
                }
                Err(source) => {
                    self.ended = true;
                    Some(Err(ReadError::of_file(
                        &self.lines.name,
                        source.to_string(),
                        "a file that can be read",
                    )))
                }
                Ok(Some(is_whole)) => {
                    let line = Line {
                        number: self.lines.number,
                        bytes: is_whole.then_some(&buffer[..]),
                    };
                    if line
                        .bytes
                        .is_some_and(|bytes| bytes.trim_ascii().is_empty())
                    {
                        None
                    } else {
                        let parsed = self.parse(&line);
                        let row = self.row;
                        self.row += 1;
                        Some(parsed.map(|value| Record {
                            line: line.number,
                            row,
                            value,
                        }))
                    }
                }
            };
            self.lines.buffer = buffer;
            match outcome {
                Some(Err(error)) if self.skip_invalid && error.is_of_a_record() => {
                    self.skipped += 1;
                }
                Some(outcome) => return Some(outcome),
                None => {}
            }
        }
        None
    }
}

struct Line<'a> {
    number: u64,
    /// `None`: longer than [`LINE_BYTES_MAX`].
    bytes: Option<&'a [u8]>,
}

/// Lines of bytes, none longer in memory than the limit.
struct Lines<R> {
    reader: R,
    name: String,
    buffer: Vec<u8>,
    /// Of the line that was read last, from 1.
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R, name: String) -> Lines<R> {
        Lines {
            reader,
            name,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// The next line without its end, and whether it is whole: one over the limit is passed over.
    /// `None` at the end of the file.
    fn read_into(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<bool>> {
        buffer.clear();
        let (mut is_whole, mut has_ended, mut any) = (true, false, false);
        while !has_ended {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            any = true;
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            if is_whole && buffer.len() + part.len() > LINE_BYTES_MAX {
                is_whole = false;
                buffer.clear();
            }
            if is_whole {
                buffer.extend_from_slice(part);
            }
            let consumed = part.len() + usize::from(end.is_some());
            has_ended = end.is_some();
            self.reader.consume(consumed);
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        if self.number == 1 && buffer.starts_with(BYTE_ORDER_MARK) {
            buffer.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(is_whole))
    }
}

/// Appends one record and its line end.
///
/// # Errors
/// Of the writer, and of values that JSON cannot hold.
pub fn write_record<W: Write, T: Serialize>(mut writer: W, record: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
    debug_assert!(!line.contains(&b'\n'), "JSON on one line");
    line.push(b'\n');
    writer.write_all(&line)
}

/// All records as the text of a file.
///
/// # Errors
/// Of values that JSON cannot hold.
pub fn to_string<T: Serialize>(records: &[T]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for record in records {
        text.push_str(&serde_json::to_string(record)?);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use std::io::{BufReader, Read};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pair {
        a: u32,
        #[serde(default)]
        b: String,
    }

    fn read(text: &[u8]) -> Vec<Result<Record<Pair>, ReadError>> {
        Reader::new(text, "f.jsonl")
            .expecting("an object with `a`")
            .collect()
    }

    #[test]
    fn wrong_lines_are_told_and_the_rest_is_read() {
        let text =
            b"\xEF\xBB\xBF{\"a\":1}\r\n\n[1]\n{\"a\":\"x\"}\n{\"a\":4,\"more\":null}\n{\"a\":";
        let records = read(text);
        let told: Vec<String> = records
            .iter()
            .filter_map(|record| record.as_ref().err())
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told[0],
            "f.jsonl:3: record 2: found \"[1]\", expected an object with `a`"
        );
        assert!(
            told[1].starts_with(
                "f.jsonl:4: record 3: found invalid type: string \"x\", expected u32 (column 8)"
            ),
            "{}",
            told[1]
        );
        assert!(
            told[2].contains("f.jsonl:6: record 5: found EOF"),
            "{}",
            told[2]
        );
        assert_eq!(
            records
                .iter()
                .flatten()
                .map(|record| (record.line, record.row, record.value.a))
                .collect::<Vec<_>>(),
            [(1, 0, 1), (5, 3, 4)]
        );
    }

    #[test]
    fn a_line_over_the_limit_is_told_without_being_held() {
        let long = io::repeat(b'x').take(LINE_BYTES_MAX as u64 + 1);
        let file = BufReader::new(b"{\"a\":1}\n".chain(long).chain(&b"\n{\"a\":3}\n"[..]));
        let mut reader = Reader::<_, Pair>::new(file, "f");
        let read: Vec<Result<u32, String>> = reader
            .by_ref()
            .map(|record| record.map(|record| record.value.a))
            .map(|read| read.map_err(|error| error.to_string()))
            .collect();
        assert_eq!((&read[0], &read[2]), (&Ok(1), &Ok(3)));
        assert!(
            read[1].as_ref().is_err_and(
                |told| told.starts_with("f:2: record 2: found more than 16777216 bytes")
            )
        );
        assert!(reader.lines.buffer.capacity() <= 2 * LINE_BYTES_MAX);
    }

    #[test]
    fn a_reader_that_fails_ends_with_an_error_of_the_file() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let file = BufReader::new(b"{\"a\":1}\n".chain(Broken));
        let mut reader = Reader::<_, Pair>::new(file, "f").skip_invalid();
        assert!(reader.next().is_some_and(|record| record.is_ok()));
        let error = reader.next().and_then(Result::err).unwrap();
        assert!(!error.is_of_a_record() && error.to_string().contains("the disk is gone"));
        assert!(reader.next().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_give_records_or_errors(bytes in proptest::collection::vec(any::<u8>(), 0..300), chunk in 1..50_usize) {
            let all = Reader::<_, Pair>::new(&bytes[..], "f").count();
            // However the bytes come in.
            prop_assert_eq!(Reader::<_, Pair>::new(BufReader::with_capacity(chunk, &bytes[..]), "f").count(), all);
            let mut reader = Reader::<_, Pair>::new(&bytes[..], "f").skip_invalid();
            let read = reader.by_ref().filter(|record| record.is_ok()).count();
            prop_assert_eq!(read + reader.skipped() as usize, all);
        }

        #[test]
        fn records_come_back(pairs in proptest::collection::vec((any::<u32>(), any::<String>()), 0..20)) {
            let written: Vec<Pair> = pairs.into_iter().map(|(a, b)| Pair { a, b }).collect();
            let mut text = Vec::new();
            for record in &written {
                write_record(&mut text, record).unwrap();
            }
            prop_assert_eq!(String::from_utf8(text.clone()).unwrap(), to_string(&written).unwrap());
            let again: Vec<Pair> = read(&text).into_iter().map(|record| record.unwrap().value).collect();
            prop_assert_eq!(again, written);
        }
    }
}
