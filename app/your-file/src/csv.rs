//! The records of a CSV file as its bytes come in, slice by slice.

use crate::limits::{COLUMNS_MAX, LINE_BYTES_MAX};
use crate::trouble::Trouble;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Cuts bytes into records; what is kept is the record that has not ended yet.
pub struct Records {
    reader: Reader,
    /// The fields of the record under way, one after the other.
    fields: Vec<u8>,
    ends: Vec<usize>,
    filled: usize,
    ended: usize,
    /// The line on which the record under way begins, from 1.
    line: u64,
}

/// One record.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// On which it begins, from 1.
    pub line: u64,
    fields: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    /// Fields.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of a field; empty where the record has fewer.
    pub fn field(&self, at: usize) -> &'a [u8] {
        let start = match at {
            0 => Some(0),
            _ => self.ends.get(at - 1).copied(),
        };
        match (start, self.ends.get(at)) {
            (Some(start), Some(end)) => &self.fields[start..*end],
            _ => &[],
        }
    }
}

impl Records {
    pub fn new(delimiter: u8) -> Records {
        Records {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            fields: vec![0; 1024],
            ends: vec![0; 64],
            filled: 0,
            ended: 0,
            line: 1,
        }
    }

    /// Hands each record that ends within `bytes` to `take`. The last record of a file ends with an
    /// empty slice.
    ///
    /// # Errors
    /// Those of `take`; a record beyond a limit.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        take: &mut dyn FnMut(Record<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let at_end = bytes.is_empty();
        while at_end || !bytes.is_empty() {
            let (outcome, read, filled, ended) = self.reader.read_record(
                bytes,
                &mut self.fields[self.filled..],
                &mut self.ends[self.ended..],
            );
            bytes = &bytes[read..];
            self.filled += filled;
            self.ended += ended;
            match outcome {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.grow_fields()?,
                ReadRecordResult::OutputEndsFull => self.grow_ends()?,
                ReadRecordResult::Record => {
                    take(Record {
                        line: self.line,
                        fields: &self.fields[..self.filled],
                        ends: &self.ends[..self.ended],
                    })?;
                    (self.filled, self.ended) = (0, 0);
                    self.line = self.reader.line();
                }
                ReadRecordResult::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn grow_fields(&mut self) -> Result<(), Trouble> {
        if self.fields.len() >= LINE_BYTES_MAX {
            return Err(Trouble::new(
                "A row does not end.",
                format!(
                    "Line {}: a row longer than {LINE_BYTES_MAX} bytes; a quotation mark may have been left open.",
                    self.line
                ),
                "Close it, and choose the file again.",
            ));
        }
        let room = (2 * self.fields.len()).min(LINE_BYTES_MAX);
        self.fields.resize(room, 0);
        Ok(())
    }

    fn grow_ends(&mut self) -> Result<(), Trouble> {
        if self.ends.len() >= COLUMNS_MAX {
            return Err(Trouble::new(
                "There are too many columns.",
                format!(
                    "Line {}: more than {COLUMNS_MAX}, expected at most that many.",
                    self.line
                ),
                "Write confidence and correct into a file of their own.",
            ));
        }
        let room = (2 * self.ends.len()).min(COLUMNS_MAX);
        self.ends.resize(room, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(parts: &[&[u8]]) -> Result<Vec<(u64, Vec<String>)>, Trouble> {
        let mut records = Records::new(b',');
        let mut read = Vec::new();
        let mut take = |record: Record<'_>| {
            let fields = (0..record.len())
                .map(|at| String::from_utf8_lossy(record.field(at)).into_owned())
                .collect();
            read.push((record.line, fields));
            Ok(())
        };
        for part in parts.iter().filter(|part| !part.is_empty()) {
            records.push(part, &mut take)?;
        }
        records.push(&[], &mut take)?;
        Ok(read)
    }

    #[test]
    fn quotes_lines_and_a_last_line_without_end() {
        let found = read(&[b"a,b\r\n\"x\ny\",1\n", b"2,", b"\"3\"\"\""]).unwrap();
        let fields = |fields: [&str; 2]| fields.map(String::from).to_vec();
        assert_eq!(
            found,
            [
                (1, fields(["a", "b"])),
                (2, fields(["x\ny", "1"])),
                (4, fields(["2", "3\""]))
            ]
        );
    }

    #[test]
    fn an_open_quote_does_not_fill_the_memory() {
        let mut text = b"a,b\n\"".to_vec();
        text.resize(LINE_BYTES_MAX + 100, b'x');
        let trouble = read(&[&text]).unwrap_err();
        assert!(trouble.text.contains("Line 2"), "{}", trouble.text);
        let wide = vec![b','; COLUMNS_MAX + 1];
        assert!(read(&[&wide]).unwrap_err().title.contains("columns"));
    }

    proptest! {
        #[test]
        fn however_the_bytes_come(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(read(&[&bytes[..cut], &bytes[cut..]]).unwrap(), read(&[&bytes]).unwrap());
        }
    }
}
