//! The browser's part of the pages, copied: scripts as they are, the larger modules packed.

use super::SiteError;
use super::folder::{Folder, files_below};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// What each file has a packed copy with, for servers that send those.
const PACKED: &str = ".br";
/// The modules whose scripts unpack them: most hosts of plain files pack nothing themselves.
const PACKED_MODULES: [&str; 2] = ["your-file/", DEMO];
const DEMO: &str = "demo/";
const MODULE: &str = ".wasm";

/// Copies a folder of assets, that of the demo where there is a model to run; the addresses of what was
/// copied.
///
/// # Errors
/// Those of reading and writing.
pub fn copy(assets: &Path, folder: &Folder, has_model: bool) -> Result<Vec<String>, SiteError> {
    let files = files_below(assets).map_err(|source| SiteError::read(assets, source))?;
    let mut addresses = Vec::new();
    let is_wanted = |name: &str| !name.ends_with(PACKED) && (has_model || !name.starts_with(DEMO));
    for (name, _) in files.iter().filter(|(name, _)| is_wanted(name)) {
        let path = assets.join(name);
        let bytes = fs::read(&path).map_err(|source| SiteError::read(&path, source))?;
        let address = address_of(name);
        let file = address.trim_start_matches('/');
        let is_packed =
            name.ends_with(MODULE) && PACKED_MODULES.iter().any(|folder| name.starts_with(folder));
        let bytes = match is_packed {
            true => {
                packed(&bytes).map_err(|source| SiteError::write(&folder.path(file), source))?
            }
            false => bytes,
        };
        folder.write(file, &bytes)?;
        addresses.push(address);
    }
    Ok(addresses)
}

/// Where the server has a file of its assets.
fn address_of(name: &str) -> String {
    match name.strip_prefix(DEMO) {
        Some("offline.js") => "/demo/offline.js".into(),
        Some(name) => ["/demo/web/", name].concat(),
        None => ["/assets/", name].concat(),
    }
}

/// By gzip, without a date.
fn packed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    packer.finish()
}
