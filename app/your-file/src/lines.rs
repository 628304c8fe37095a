//! The lines of a file as its bytes come in, slice by slice.

use crate::limits::LINE_BYTES_MAX;
use crate::trouble::Trouble;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Cuts bytes into lines; what is kept is the line that has not ended yet.
#[derive(Default)]
pub struct Lines {
    /// The start of the line under way.
    begun: Vec<u8>,
    /// Whether that line is longer than may be kept.
    too_long: bool,
    /// Lines that have ended.
    number: u64,
}

/// One line.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// From 1.
    pub number: u64,
    /// Without its end; `None`: longer than [`LINE_BYTES_MAX`].
    pub bytes: Option<&'a [u8]>,
}

impl Lines {
    /// Hands each line that ends within `bytes` to `take`.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        take: &mut dyn FnMut(Line<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.begun.is_empty() && !self.too_long {
                self.end_with(Some(line), take)?;
            } else {
                self.keep(line);
                self.end_kept(take)?;
            }
        }
        self.keep(bytes);
        Ok(())
    }

    /// Hands on the last line, where it has no end.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn finish(
        &mut self,
        take: &mut dyn FnMut(Line<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        match self.begun.is_empty() && !self.too_long {
            true => Ok(()),
            false => self.end_kept(take),
        }
    }

    fn keep(&mut self, part: &[u8]) {
        if self.begun.len() + part.len() > LINE_BYTES_MAX {
            self.too_long = true;
            self.begun.clear();
        }
        if !self.too_long {
            self.begun.extend_from_slice(part);
        }
    }

    fn end_kept(
        &mut self,
        take: &mut dyn FnMut(Line<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let begun = std::mem::take(&mut self.begun);
        let too_long = std::mem::take(&mut self.too_long);
        let outcome = self.end_with((!too_long).then_some(&begun[..]), take);
        self.begun = begun;
        self.begun.clear();
        outcome
    }

    fn end_with(
        &mut self,
        bytes: Option<&[u8]>,
        take: &mut dyn FnMut(Line<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        self.number += 1;
        let bytes = bytes.filter(|bytes| bytes.len() <= LINE_BYTES_MAX);
        let bytes = match self.number {
            1 => bytes.map(|bytes| bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)),
            _ => bytes,
        };
        take(Line {
            number: self.number,
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(parts: &[&[u8]]) -> Vec<(u64, Option<usize>)> {
        let mut lines = Lines::default();
        let mut read = Vec::new();
        let mut take = |line: Line<'_>| {
            read.push((line.number, line.bytes.map(<[u8]>::len)));
            Ok(())
        };
        for part in parts {
            lines.push(part, &mut take).unwrap();
        }
        lines.finish(&mut take).unwrap();
        read
    }

    #[test]
    fn lines_and_a_last_one_without_end() {
        let wanted = [(1, Some(2)), (2, Some(0)), (3, Some(1))];
        assert_eq!(read(&[b"\xEF\xBB", b"\xBFab", b"\n\nc"]), wanted);
        assert_eq!(read(&[b"ab\n\nc\n"]), wanted);
    }

    #[test]
    fn a_line_over_the_limit_is_told_and_the_next_is_read() {
        let long = vec![b'x'; LINE_BYTES_MAX / 2 + 1];
        assert_eq!(read(&[&long, &long, b"\nc"]), [(1, None), (2, Some(1))]);
    }

    proptest! {
        #[test]
        fn however_the_bytes_come(bytes in proptest::collection::vec(0u8..20, 0..100), cut in 0usize..100) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(read(&[&bytes[..cut], &bytes[cut..]]), read(&[&bytes]));
        }
    }
}
