//! Lines of a file, one at a time, with their places and a bound on memory.

use std::io::{self, BufRead};

/// One line, without its line break.
#[derive(Debug, PartialEq)]
pub struct Line<'a> {
    /// Byte offset of its first byte.
    pub offset: u64,
    /// Byte offset after its line break.
    pub end: u64,
    /// `None` where the line is longer than the limit; it is skipped.
    pub bytes: Option<&'a [u8]>,
    /// Whether it ends in a line break; only the last line may not (a write that is under way, or
    /// one that was cut off).
    pub whole: bool,
}

/// Reads lines from `reader`, whose first byte stands at `offset` of its file.
pub struct Lines<R> {
    reader: R,
    offset: u64,
    bytes_max: usize,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub fn new(reader: R, offset: u64, bytes_max: usize) -> Self {
        Lines {
            reader,
            offset,
            bytes_max,
            buffer: Vec::new(),
        }
    }

    /// The next line; `None` at the end. Memory stays below `bytes_max` and one read.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let offset = self.offset;
        let mut length = 0_u64;
        let mut whole = false;
        loop {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            let line_break = chunk.iter().position(|byte| *byte == b'\n');
            let text = &chunk[..line_break.unwrap_or(chunk.len())];
            if length + text.len() as u64 <= self.bytes_max as u64 {
                self.buffer.extend_from_slice(text);
            }
            length += text.len() as u64;
            let used = text.len() + usize::from(line_break.is_some());
            self.reader.consume(used);
            self.offset += used as u64;
            if line_break.is_some() {
                whole = true;
                break;
            }
        }
        if length == 0 && !whole {
            return Ok(None);
        }
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        let bytes = (length <= self.bytes_max as u64).then_some(self.buffer.as_slice());
        Ok(Some(Line {
            offset,
            end: self.offset,
            bytes,
            whole,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_their_places_and_their_limit() {
        let mut lines = Lines::new(&b"ab\r\n\nlonger\nend"[..], 10, 4);
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            seen.push((
                line.offset,
                line.end,
                line.bytes.map(<[u8]>::to_vec),
                line.whole,
            ));
        }
        assert_eq!(
            seen,
            [
                (10, 14, Some(b"ab".to_vec()), true),
                (14, 15, Some(b"".to_vec()), true),
                (15, 22, None, true),
                (22, 25, Some(b"end".to_vec()), false),
            ]
        );
    }
}
