//! SHA-256 of large files, computed once for each state of a file.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;
/// Files whose sums are remembered.
const REMEMBERED_MAX: usize = 256;

/// What tells one state of a file from another: its size in bytes, and when it was changed.
pub type Stamp = (u64, Option<SystemTime>);

/// The sums that were computed.
#[derive(Debug, Default)]
pub struct Sums(Mutex<HashMap<PathBuf, (Stamp, String)>>);

impl Sums {
    /// The size and the sum, in hex, of a file.
    ///
    /// # Errors
    /// Those of reading, and where it is no regular file of at most `bytes_max`.
    pub fn of(&self, path: &Path, bytes_max: u64) -> io::Result<(u64, String)> {
        let metadata = path.metadata()?;
        if !metadata.is_file() || metadata.len() > bytes_max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("is no file of at most {bytes_max} bytes"),
            ));
        }
        let stamp = (metadata.len(), metadata.modified().ok());
        // A cache: after a panic elsewhere nothing in it is half done.
        let known = |sums: &HashMap<PathBuf, (Stamp, String)>| {
            sums.get(path)
                .filter(|(known, _)| *known == stamp)
                .map(|(_, sum)| sum.clone())
        };
        if let Some(sum) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok((stamp.0, sum));
        }
        let sum = sum_of(File::open(path)?)?;
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sums.len() >= REMEMBERED_MAX {
            sums.clear();
        }
        sums.insert(path.to_owned(), (stamp, sum.clone()));
        Ok((stamp.0, sum))
    }
}

fn sum_of(mut file: File) -> io::Result<String> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => sum.update(&buffer[..count]),
        }
    }
    let mut text = String::new();
    for byte in sum.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_follows_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let sums = Sums::default();
        assert!(sums.of(&path, 10).is_err() && sums.of(folder.path(), 10).is_err());
        std::fs::write(&path, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sums.of(&path, 10).unwrap(), (3, abc.to_owned()));
        assert_eq!(sums.of(&path, 10).unwrap(), (3, abc.to_owned()));
        std::fs::write(&path, "abcd").unwrap();
        assert_ne!(sums.of(&path, 10).unwrap().1, abc);
        assert!(sums.of(&path, 3).is_err());
    }
}
