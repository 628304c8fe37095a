//! A file as it comes in, piece by piece: held, counted and summed.

use crate::limits::MODEL_BYTES_MAX;
use crate::trouble::Trouble;
use sha2::{Digest, Sha256};

/// A file under way.
pub struct Loading {
    bytes: Vec<u8>,
    wanted: usize,
    sum: Sha256,
}

impl Loading {
    /// Makes room for a file of so many bytes.
    ///
    /// # Errors
    /// Where it is larger than [`MODEL_BYTES_MAX`], or there is no memory for it.
    pub fn begin(bytes: u64) -> Result<Loading, Trouble> {
        let wanted = usize::try_from(bytes)
            .ok()
            .filter(|_| bytes <= MODEL_BYTES_MAX);
        let wanted = wanted.ok_or_else(|| {
            Trouble::new(
                "The model is too large for a browser.",
                format!(
                    "It has {} MB, at most {} can be held.",
                    megabytes(bytes),
                    megabytes(MODEL_BYTES_MAX)
                ),
                "Tell whoever serves this page.",
            )
        })?;
        let mut held = Vec::new();
        held.try_reserve_exact(wanted).map_err(|_| {
            Trouble::new(
                "The browser has no memory for the model.",
                format!(
                    "It needs {} MB, and some more to work in.",
                    megabytes(bytes)
                ),
                "Close other pages, or open this one on a larger device.",
            )
        })?;
        Ok(Loading {
            bytes: held,
            wanted,
            sum: Sha256::new(),
        })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Where there is more than was said.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        if piece.len() > self.wanted - self.bytes.len() {
            return Err(Trouble::broken("It is longer than the server's file."));
        }
        self.sum.update(piece);
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// The whole file.
    ///
    /// # Errors
    /// Where it is not the one with this SHA-256 (in hex).
    pub fn finish(self, sha256: &str) -> Result<Vec<u8>, Trouble> {
        if self.bytes.len() != self.wanted {
            return Err(Trouble::broken(format!(
                "It has {} bytes, the server's file {}.",
                self.bytes.len(),
                self.wanted
            )));
        }
        if hex(&self.sum.finalize()) != sha256 {
            return Err(Trouble::broken(
                "Its SHA-256 is not that of the server's file.",
            ));
        }
        Ok(self.bytes)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let pairs = bytes
        .iter()
        .map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    pairs.flatten().collect()
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trouble::Remedy;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn loaded(pieces: &[&[u8]], sha256: &str) -> Result<Vec<u8>, Trouble> {
        let mut loading = Loading::begin(3)?;
        pieces.iter().try_for_each(|piece| loading.push(piece))?;
        loading.finish(sha256)
    }

    #[test]
    fn a_file_in_pieces_is_the_file() {
        assert_eq!(loaded(&[b"a", b"", b"bc"], ABC).unwrap(), b"abc");
    }

    #[test]
    fn a_broken_copy_is_told_and_is_to_be_fetched_again() {
        for pieces in [&[&b"ab"[..]][..], &[b"abd"], &[b"abc", b"d"], &[]] {
            let trouble = loaded(pieces, ABC).unwrap_err();
            assert_eq!(trouble.remedy, Remedy::FetchAgain, "{trouble:?}");
        }
        assert_eq!(
            loaded(&[b"abc"], "").unwrap_err().remedy,
            Remedy::FetchAgain
        );
    }

    #[test]
    fn what_is_too_large_is_refused_beforehand() {
        let trouble = Loading::begin(MODEL_BYTES_MAX + 1).map(drop).unwrap_err();
        assert_eq!(trouble.remedy, Remedy::None);
    }
}
