//! The browser's part of the pages, copied: scripts as they are, modules packed, of the demo's one flavour.

use super::SiteError;
use super::folder::{Folder, files_below};
use crate::limits::SITE_PACKING_TRIES;
use app::medium::{FLAVOUR, PACKED};
use std::fs;
use std::io;
use std::path::Path;

/// What each file has a packed copy with, for servers that send those.
const PACKED_FOR_SERVERS: &str = ".br";
const DEMO: &str = "demo/";
const MODULE: &str = ".wasm";

/// Copies a folder of assets, that of the demo where there is a model to run; the addresses of what was
/// copied.
///
/// # Errors
/// Those of reading and writing.
pub async fn copy(
    assets: &Path,
    folder: &Folder,
    has_model: bool,
) -> Result<Vec<String>, SiteError> {
    let files = files_below(assets).map_err(|source| SiteError::read(assets, source))?;
    let mut addresses = Vec::new();
    for (name, _) in files.iter().filter(|(name, _)| is_wanted(name, has_model)) {
        let path = assets.join(name);
        let bytes = fs::read(&path).map_err(|source| SiteError::read(&path, source))?;
        let is_module = name.ends_with(MODULE);
        let ending = if is_module { PACKED } else { "" };
        let address = [&address_of(name), ending].concat();
        let file = address.trim_start_matches('/');
        let bytes = match is_module {
            true => packed(bytes, &folder.path(file)).await?,
            false => bytes,
        };
        folder.write(file, &bytes)?;
        addresses.push(address);
    }
    Ok(addresses)
}

fn is_wanted(name: &str, has_model: bool) -> bool {
    if name.ends_with(PACKED_FOR_SERVERS) {
        return false;
    }
    let Some(of_demo) = name.strip_prefix(DEMO) else {
        return true;
    };
    let is_of_other_flavour = of_demo
        .split_once('/')
        .is_some_and(|(flavour, _)| flavour != FLAVOUR);
    has_model && !is_of_other_flavour
}

/// Where the server has a file of its assets.
fn address_of(name: &str) -> String {
    match name.strip_prefix(DEMO) {
        Some("offline.js") => "/demo/offline.js".into(),
        Some(name) => ["/demo/web/", name].concat(),
        None => ["/assets/", name].concat(),
    }
}

/// What is to lie at a path, packed by gzip, without a date. It takes seconds, on a thread of its own.
///
/// # Errors
/// Those of writing, though it writes to memory.
pub async fn packed(bytes: Vec<u8>, path: &Path) -> Result<Vec<u8>, SiteError> {
    let packing = tokio::task::spawn_blocking(move || {
        let options = zopfli::Options {
            iteration_count: SITE_PACKING_TRIES,
            ..zopfli::Options::default()
        };
        let mut packed = Vec::new();
        zopfli::compress(options, zopfli::Format::Gzip, &bytes[..], &mut packed)?;
        Ok(packed)
    });
    let packed = packing.await.map_err(io::Error::other).flatten();
    packed.map_err(|source: io::Error| SiteError::write(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_site_has_one_flavour_and_nothing_twice() {
        for name in ["app.js", "your-file/your_file_bg.wasm"] {
            assert!(is_wanted(name, false), "{name}");
        }
        for name in ["demo/page.js", "demo/simd/sayself_worker_bg.wasm"] {
            assert!(is_wanted(name, true) && !is_wanted(name, false), "{name}");
        }
        for name in ["app.js.br", "demo/relaxed/sayself_worker.js"] {
            assert!(!is_wanted(name, true), "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_packed_is_unpacked_by_any_gzip_and_has_no_date() {
        let bytes = b"a module, as far as this test knows ".repeat(1_000);
        let packed = packed(bytes.clone(), Path::new("x")).await.unwrap();
        assert!(packed.len() < bytes.len() / 10);
        // The date stands after the mark, the way of packing and the flags.
        assert_eq!(packed[4..8], [0; 4]);
        let mut unpacked = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(&packed[..]);
        reader.read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, bytes);
    }
}
