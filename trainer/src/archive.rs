//! The files inside a ZIP archive of somebody else's, read within limits.
//!
//! Packed with deflate, or with Zstandard (method 93), as Inspect packs its logs. What an archive says
//! of its sizes is not believed: bytes are counted as they come, and a file that unpacks to far more
//! than records do is refused.

use crate::error::{Error, bad_input};
use ruzstd::decoding::StreamingDecoder;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
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

/// An archive that is read.
pub struct Archive {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    /// Bytes that may still be unpacked.
    left: u64,
}

impl Archive {
    /// Opens it and reads its list of files.
    ///
    /// # Errors
    /// Exit code 2 where it is no ZIP archive, or has too many files.
    pub fn open(path: &Path) -> anyhow::Result<Archive> {
        let file = File::open(path).map_err(|source| Error::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| {
            bad_input(format!("{}: not a ZIP archive: {error}", path.display()))
        })?;
        if archive.len() > ENTRIES_MAX {
            return Err(bad_input(format!(
                "{}: {} files, expected at most {ENTRIES_MAX}",
                path.display(),
                archive.len()
            )));
        }
        Ok(Archive {
            path: path.to_path_buf(),
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
    /// Exit code 2 where there is none, it is torn, packed in another way, or beyond a limit.
    pub fn read(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        let place = format!("{}: {name}", self.path.display());
        let wrong = |reason: &dyn std::fmt::Display| bad_input(format!("{place}: {reason}"));
        let index = self
            .archive
            .index_for_name(name)
            .ok_or_else(|| wrong(&"there is no such file in the archive"))?;
        // As it lies there: which method it is packed by is seen first.
        let (method, packed) = {
            let raw = self
                .archive
                .by_index_raw(index)
                .map_err(|error| wrong(&error))?;
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
                    .map_err(|error| wrong(&error))?;
                StreamingDecoder::new_with_max_window_size(raw, WINDOW_BYTES_MAX)
                    .map_err(|error| wrong(&error))?
                    .take(limit + 1)
                    .read_to_end(&mut bytes)
            }
            CompressionMethod::Deflated | CompressionMethod::Stored => self
                .archive
                .by_index(index)
                .map_err(|error| wrong(&error))?
                .take(limit + 1)
                .read_to_end(&mut bytes),
            other => {
                return Err(wrong(&format!(
                    "packed by {other}, expected deflate or Zstandard"
                )));
            }
        }
        .map_err(|error| wrong(&error))?;
        if bytes.len() as u64 > limit {
            return Err(wrong(&match most_packed < most {
                true => format!(
                    "{packed} bytes unpack to more than {limit}, {most_for_each} times as many: refused"
                ),
                false => format!(
                    "unpacks to more than {limit} bytes, expected at most {ENTRY_BYTES_MAX} a file and {ARCHIVE_BYTES_MAX} in all: refused"
                ),
            }));
        }
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}
