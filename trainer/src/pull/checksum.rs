//! SHA-256 of files and bytes, in lower-case hex.

use crate::error::Error;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Of a file, read in pieces.
pub fn of_file(path: &Path) -> anyhow::Result<String> {
    let read_error = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut file = File::open(path).map_err(read_error)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let bytes = file.read(&mut buffer).map_err(read_error)?;
        if bytes == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..bytes]);
    }
}

/// Of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn of_bytes_equals_the_standard_example() {
        assert_eq!(
            super::of_bytes(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
