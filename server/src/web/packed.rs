//! A page packed once, with gaps for what differs from answer to answer (gzip, RFC 1952).
//!
//! Deflate's blocks (RFC 1951) may be set beside one another where each part ends on a whole byte and
//! looks back to none before it. So the parts between gaps are packed once, and what fills a gap goes in
//! as a stored block. To pack a page anew for each answer is what would cost most of serving it.

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::{self, Write};

/// Magic number, deflate, no flags, no time, no extra flags, any system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// A stored block, the last one, of no bytes.
const END: [u8; 5] = [1, 0, 0, 0xff, 0xff];
/// Bytes of a stored block.
const STORED_BYTES_MAX: usize = 0xffff;
/// Pages are packed once and sent often.
const LEVEL: u32 = 9;

pub struct Packed {
    parts: Vec<Part>,
    bytes: usize,
}

struct Part {
    deflated: Vec<u8>,
    /// Of the bytes before they were packed.
    check: Crc,
}

impl Packed {
    /// Packs the parts of `text` between each `gap`.
    ///
    /// # Errors
    /// None that memory does not give.
    pub fn new(text: &str, gap: &str) -> io::Result<Self> {
        let parts = text
            .split(gap)
            .map(Part::new)
            .collect::<io::Result<Vec<Part>>>()?;
        let bytes = parts.iter().map(|part| part.deflated.len()).sum();
        Ok(Packed { parts, bytes })
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The whole as gzip, `filling` in each gap.
    pub fn filled(&self, filling: &str) -> Vec<u8> {
        let stored = stored(filling.as_bytes());
        let mut check_of_filling = Crc::new();
        check_of_filling.update(filling.as_bytes());
        let mut out = Vec::with_capacity(
            HEADER.len() + self.bytes + self.parts.len() * stored.len() + END.len() + 8,
        );
        out.extend_from_slice(&HEADER);
        let mut check = Crc::new();
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(&stored);
                check.combine(&check_of_filling);
            }
            out.extend_from_slice(&part.deflated);
            check.combine(&part.check);
        }
        out.extend_from_slice(&END);
        out.extend_from_slice(&check.sum().to_le_bytes());
        out.extend_from_slice(&check.amount().to_le_bytes());
        out
    }
}

impl Part {
    fn new(text: &str) -> io::Result<Self> {
        let mut check = Crc::new();
        check.update(text.as_bytes());
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(LEVEL));
        encoder.write_all(text.as_bytes())?;
        // Ends on a whole byte, and not the stream.
        encoder.flush()?;
        Ok(Part {
            deflated: encoder.get_ref().clone(),
            check,
        })
    }
}

/// Bytes as they are, in deflate's form: no last block, its length, the complement of that.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 5);
    for block in bytes.chunks(STORED_BYTES_MAX) {
        // No block is longer than STORED_BYTES_MAX.
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn unpacked(bytes: &[u8]) -> String {
        let mut text = String::new();
        // Checks length and check sum too.
        GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_filled_page_unpacks_to_the_page() {
        let page = "<p>aaaa</p>".repeat(2_000);
        for text in [
            format!("<script nonce=\"GAP\">1</script>{page}<script nonce=\"GAP\">2</script>"),
            format!("GAP{page}GAP"),
            "GAPGAP".into(),
            "no gap".into(),
            String::new(),
        ] {
            let packed = Packed::new(&text, "GAP").unwrap();
            for filling in ["", "0123456789abcdef", "ß"] {
                assert_eq!(
                    unpacked(&packed.filled(filling)),
                    text.replace("GAP", filling)
                );
            }
            assert!(packed.bytes() < 1_000);
        }
    }

    #[test]
    fn a_filling_may_be_longer_than_a_stored_block() {
        let filling = "0123456789".repeat(20_000);
        let packed = Packed::new("[GAP]", "GAP").unwrap();
        assert_eq!(unpacked(&packed.filled(&filling)), format!("[{filling}]"));
    }
}
