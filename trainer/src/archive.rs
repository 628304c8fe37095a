//! A ZIP archive on disk, read within the limits of [`datasets::archive`].

use crate::error::{Error, bad_input};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// An archive that is read.
pub struct Archive {
    path: PathBuf,
    archive: datasets::archive::Archive<BufReader<File>>,
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
        let archive = datasets::archive::Archive::new(BufReader::new(file))
            .map_err(|reason| bad_input(format!("{}: {reason}", path.display())))?;
        Ok(Archive {
            path: path.to_path_buf(),
            archive,
        })
    }

    /// The files' names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.archive.names()
    }

    /// A file, unpacked. Memory: its bytes, at most 256 MiB.
    ///
    /// # Errors
    /// Exit code 2 where there is none, it is torn, packed in another way, or beyond a limit.
    pub fn read(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        self.archive
            .read(name)
            .map_err(|reason| bad_input(format!("{}: {name}: {reason}", self.path.display())))
    }
}
