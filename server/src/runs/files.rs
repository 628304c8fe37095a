//! The files of a run directory that can be downloaded.

use super::contained;
use crate::limits::{FILE_DEPTH_MAX, FILES_LISTED_MAX, FILES_LOOKED_AT_MAX};
use app::view::RunFile;
use std::io;
use std::path::{Path, PathBuf};

/// What stages and people put there to be read by others.
const KINDS: [&str; 10] = [
    "csv",
    "html",
    "json",
    "jsonl",
    "md",
    "parquet",
    "safetensors",
    "svg",
    "toml",
    "txt",
];
/// The state of training under way: large, and of use to the program alone.
const CHECKPOINT: &str = "checkpoint";

/// The known files by path, and whether there are more.
///
/// What cannot be read, or is a link that leads out, is left out.
pub fn list(directory: &Path) -> (Vec<RunFile>, bool) {
    let mut files = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    let mut looked_at = 0;
    while let Some((below, depth)) = folders.pop() {
        let Ok(entries) = directory.join(&below).read_dir() else {
            continue;
        };
        for entry in entries.flatten() {
            looked_at += 1;
            if looked_at > FILES_LOOKED_AT_MAX || files.len() == FILES_LISTED_MAX {
                files.sort_unstable_by(by_path);
                return (files, true);
            }
            let path = below.join(entry.file_name());
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                if depth + 1 < FILE_DEPTH_MAX && is_open(&path) {
                    folders.push((path, depth + 1));
                }
                continue;
            }
            let Some(name) = path.to_str().filter(|name| known(name).is_some()) else {
                continue;
            };
            if let Ok((_, metadata)) = contained::open(directory, &directory.join(&path)) {
                files.push(RunFile {
                    path: name.to_owned(),
                    bytes: metadata.len(),
                });
            }
        }
    }
    files.sort_unstable_by(by_path);
    (files, false)
}

/// Files of the run itself first, then folder by folder.
fn by_path(left: &RunFile, right: &RunFile) -> std::cmp::Ordering {
    let is_below = |file: &RunFile| file.path.contains('/');
    is_below(left)
        .cmp(&is_below(right))
        .then_with(|| left.path.cmp(&right.path))
}

/// Whether a folder's last part is one that is shown.
fn is_open(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| !name.starts_with('.') && name != CHECKPOINT)
}

/// A path below a run directory that [`list`] would list: plain names of a known kind, none of them
/// hidden.
fn known(path: &str) -> Option<PathBuf> {
    let parts: Vec<&str> = path.split('/').collect();
    let (name, folders) = parts.split_last()?;
    let plain =
        |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']);
    let is_known = parts.len() <= FILE_DEPTH_MAX
        && parts.iter().all(plain)
        && folders.iter().all(|folder| *folder != CHECKPOINT)
        && name
            .rsplit_once('.')
            .is_some_and(|(_, kind)| KINDS.contains(&kind));
    is_known.then(|| parts.iter().collect())
}

/// The place of a known file on the disk, all links followed.
///
/// # Errors
/// `NotFound` for a path that is not known or not there; else as [`contained::open`].
pub fn find(directory: &Path, path: &str) -> io::Result<PathBuf> {
    let known = known(path).ok_or(io::ErrorKind::NotFound)?;
    let place = directory.join(known);
    contained::open(directory, &place)?;
    place.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_files_are_listed_and_nothing_else_can_be_had() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().canonicalize().unwrap().join("run");
        for path in [
            "run.toml",
            "evaluate/sayself/answers.jsonl",
            ".lock",
            ".cache/a.json",
            "sft/seed-1/checkpoint/state.safetensors",
            "sft/seed-1/adapter/adapter_model.safetensors",
            "program.sh",
        ] {
            let place = folder.join(path);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, "x").unwrap();
        }
        std::fs::write(base.path().join("secret.json"), "s").unwrap();
        std::os::unix::fs::symlink("../secret.json", folder.join("out.json")).unwrap();
        let (files, cut) = list(&folder);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert!(!cut);
        assert_eq!(
            paths,
            [
                "run.toml",
                "evaluate/sayself/answers.jsonl",
                "sft/seed-1/adapter/adapter_model.safetensors"
            ]
        );
        for file in &files {
            assert!(find(&folder, &file.path).is_ok());
        }
        for path in [
            "",
            ".lock",
            "program.sh",
            "../secret.json",
            "evaluate/../../secret.json",
            "/etc/passwd",
            "sft/seed-1/checkpoint/state.safetensors",
            "evaluate//sayself/answers.jsonl",
            ".cache/a.json",
        ] {
            assert_eq!(
                find(&folder, path).unwrap_err().kind(),
                io::ErrorKind::NotFound,
                "{path}"
            );
        }
        let error = find(&folder, "out.json").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
