//! The files inside a ZIP archive of somebody else's, read within limits.
//!
//! Packed with deflate, or with Zstandard (method 93), as Inspect packs its logs. What a file unpacks to
//! is not believed but counted as it comes, and ends at a limit. A file that unpacks to far more than
//! records do is refused sooner; for that its packed size is taken as the archive says it, so that one
//! that lies there still ends at the limit.

use ruzstd::decoding::StreamingDecoder;
use std::io::{Read, Seek};
use zip::{CompressionMethod, ZipArchive};

/// Files inside an archive.
const ENTRIES_MAX: usize = 200_000;
/// Unpacked bytes of one file.
const ENTRY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Unpacked bytes of all files that are read.
const ARCHIVE_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// Unpacked bytes for each packed one, by deflate. JSON of real logs packs some 5 to 60 times; the
/// method's limit, 1,032, is reached by filler alone.
const DEFLATE_MAX: u64 = 400;
/// The same by Zstandard, which finds what was said once again over megabytes.
const ZSTANDARD_MAX: u64 = 4_000;
/// A file that unpacks to less is not looked at for its packing.
const SMALL_BYTES: u64 = 1024 * 1024;
/// Bytes that a Zstandard frame may ask to keep at hand.
const WINDOW_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// An archive that is read, from a file or from bytes.
pub struct Archive<R> {
    archive: ZipArchive<R>,
    /// Bytes that may still be unpacked.
    left: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads its list of files.
    ///
    /// # Errors
    /// In words, where it is no ZIP archive, or has too many files.
    pub fn new(reader: R) -> Result<Archive<R>, String> {
        let archive =
            ZipArchive::new(reader).map_err(|error| format!("not a ZIP archive: {error}"))?;
        if archive.len() > ENTRIES_MAX {
            return Err(format!(
                "{} files, expected at most {ENTRIES_MAX}",
                archive.len()
            ));
        }
        Ok(Archive {
            archive,
            left: ARCHIVE_BYTES_MAX,
        })
    }

    /// The files' names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.archive.file_names()
    }

    /// A file, unpacked. Memory: its bytes, at most 256 MiB.
    ///
    /// # Errors
    /// In words, where there is none, it is torn, packed in another way, or beyond a limit.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let index = self
            .archive
            .index_for_name(name)
            .ok_or("there is no such file in the archive")?;
        // As it lies there: which method it is packed by is seen first.
        let (method, packed) = {
            let raw = self
                .archive
                .by_index_raw(index)
                .map_err(|error| error.to_string())?;
            (raw.compression(), raw.compressed_size().max(1))
        };
        let most_for_each = match method {
            CompressionMethod::ZSTD => ZSTANDARD_MAX,
            _ => DEFLATE_MAX,
        };
        let most = ENTRY_BYTES_MAX.min(self.left);
        let most_packed = packed.saturating_mul(most_for_each).max(SMALL_BYTES);
        let limit = most.min(most_packed);
        let mut bytes = Vec::new();
        // One byte more is enough to tell that it is too long.
        match method {
            CompressionMethod::ZSTD => {
                let raw = self
                    .archive
                    .by_index_raw(index)
                    .map_err(|error| error.to_string())?;
                StreamingDecoder::new_with_max_window_size(raw, WINDOW_BYTES_MAX)
                    .map_err(|error| error.to_string())?
                    .take(limit + 1)
                    .read_to_end(&mut bytes)
            }
            CompressionMethod::Deflated | CompressionMethod::Stored => self
                .archive
                .by_index(index)
                .map_err(|error| error.to_string())?
                .take(limit + 1)
                .read_to_end(&mut bytes),
            other => return Err(format!("packed by {other}, expected deflate or Zstandard")),
        }
        .map_err(|error| error.to_string())?;
        if bytes.len() as u64 > limit {
            return Err(match most_packed < most {
                true => format!(
                    "{packed} bytes unpack to more than {limit}, {most_for_each} times as many: refused"
                ),
                false => format!(
                    "unpacks to more than {limit} bytes, expected at most {ENTRY_BYTES_MAX} a file and {ARCHIVE_BYTES_MAX} in all: refused"
                ),
            });
        }
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    #[test]
    fn files_come_back_and_bombs_do_not() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated);
        writer.start_file("a.json", options).unwrap();
        writer.write_all(b"{}").unwrap();
        writer.start_file("bomb", options).unwrap();
        writer.write_all(&vec![b' '; 8 * 1024 * 1024]).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        let mut archive = Archive::new(Cursor::new(&bytes)).unwrap();
        assert_eq!(archive.read("a.json").unwrap(), b"{}");
        assert!(archive.read("bomb").unwrap_err().contains("refused"));
        assert!(archive.read("b").unwrap_err().contains("no such file"));
        let torn = Archive::new(Cursor::new(&bytes[..bytes.len() / 2]));
        assert!(torn.is_err_and(|reason| reason.contains("not a ZIP archive")));
    }
}
