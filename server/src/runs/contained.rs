//! Files of a run directory, opened so that nothing outside it can be read through it.

use crate::limits::SMALL_FILE_BYTES_MAX;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// Opens `path`, which must be a regular file that lies in `folder` once all links are followed.
///
/// `folder` must be canonical.
///
/// # Errors
/// `NotFound` where there is no such file; `PermissionDenied` where it leads out of `folder`;
/// `InvalidInput` where it is no regular file (a pipe would block for ever).
pub fn open(folder: &Path, path: &Path) -> io::Result<(File, Metadata)> {
    let real = path.canonicalize()?;
    if !real.starts_with(folder) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "is a link that leads out of the folder of runs: copy the file instead",
        ));
    }
    if !real.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "is not a regular file",
        ));
    }
    let file = File::open(&real)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// The text of a small file (`run.toml`, `metrics.json`).
///
/// # Errors
/// As [`open`]; `InvalidData` where it is larger than [`SMALL_FILE_BYTES_MAX`] or not UTF-8.
pub fn small_text(folder: &Path, path: &Path) -> io::Result<String> {
    let (file, _) = open(folder, path)?;
    let mut bytes = Vec::new();
    file.take(SMALL_FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SMALL_FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("is larger than {SMALL_FILE_BYTES_MAX} bytes"),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("is not UTF-8: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_parents_that_lead_out_are_refused() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().canonicalize().unwrap().join("runs");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(base.path().join("secret"), "s").unwrap();
        std::fs::write(folder.join("inside"), "i").unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("out")).unwrap();
        std::os::unix::fs::symlink("inside", folder.join("in")).unwrap();
        assert_eq!(small_text(&folder, &folder.join("in")).unwrap(), "i");
        let refused = |name: &str| open(&folder, &folder.join(name)).unwrap_err().kind();
        assert_eq!(refused("out"), io::ErrorKind::PermissionDenied);
        assert_eq!(refused("../secret"), io::ErrorKind::PermissionDenied);
        assert_eq!(refused("absent"), io::ErrorKind::NotFound);
        assert_eq!(refused("."), io::ErrorKind::InvalidInput);
    }
}
