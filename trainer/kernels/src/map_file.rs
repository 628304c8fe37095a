//! Files as slices, without reading them into memory first.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

/// A file's bytes, read by the system as they are touched.
///
/// It is meant for weights, which nobody writes to while they are read: the caller must hold that
/// the file is neither written to nor cut while the map lives. (It stands in this crate because a
/// map is `unsafe`, and `unsafe` stands in this crate alone.)
#[derive(Debug)]
pub struct MappedFile {
    /// Absent for an empty file, which cannot be mapped.
    map: Option<memmap2::Mmap>,
}

impl MappedFile {
    /// # Errors
    /// Where the file cannot be opened or mapped.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(MappedFile { map: None });
        }
        // SAFETY: the map is read-only; that nobody changes the file is the caller's promise, see
        // above. Files of the cache are written under another name and renamed, never changed.
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        Ok(MappedFile { map: Some(map) })
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}
