//! Which directories are runs.

use crate::limits::RUNS_MAX;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A folder of runs, or one run directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub path: PathBuf,
    /// Recorded runs are read-only: no job writes there.
    pub recorded: bool,
}

/// A run directory that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The directory's name; a second one of the same name gets `~2`, and so on.
    pub id: String,
    /// Where it was found.
    pub path: PathBuf,
    /// The same, canonical.
    pub directory: PathBuf,
    pub recorded: bool,
    /// Why it cannot be read at all.
    pub trouble: Option<String>,
    pub changed_ms: u64,
}

/// What one look at all folders showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    pub found: Vec<Found>,
    /// Folders that could not be read, in words.
    pub warnings: Vec<String>,
}

/// Any of these makes a directory a run.
const MARKS: [&str; 6] = [
    "run.toml",
    "events.jsonl",
    "metrics.json",
    "answers.jsonl",
    "samples.jsonl",
    "evaluate",
];

/// Looks at every folder; a folder that cannot be read is a warning, never an error, so that the
/// others are still served. What `known` gives for a path is taken as it is, but for its id.
pub fn scan(roots: &[Root], known: impl Fn(&Path) -> Option<Found>) -> Scan {
    let mut scan = Scan::default();
    let mut taken = HashSet::new();
    for root in roots {
        if let Err(error) = scan_root(root, &known, &mut scan, &mut taken) {
            scan.warnings.push(format!(
                "The folder of runs {} cannot be read: {error}. Runs in it are not shown.",
                root.path.display()
            ));
        }
    }
    scan
}

fn scan_root(
    root: &Root,
    known: impl Fn(&Path) -> Option<Found>,
    scan: &mut Scan,
    taken: &mut HashSet<String>,
) -> io::Result<()> {
    let folder = root.path.canonicalize()?;
    if is_one_run(&folder) {
        if let Some(name) = folder.file_name().and_then(|name| name.to_str()) {
            let id = free_id(name, taken);
            scan.found
                .push(found(id, folder.clone(), root.recorded, None));
        }
        return Ok(());
    }
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    // The order in which a folder lists its files is no order: ids must not depend on it.
    names.sort_unstable();
    for name in names {
        if scan.found.len() == RUNS_MAX {
            scan.warnings
                .push(format!("More than {RUNS_MAX} runs: the rest is not shown."));
            break;
        }
        let path = folder.join(&name);
        if let Some(known) = known(&path) {
            let id = free_id(&name, taken);
            scan.found.push(Found { id, ..known });
            continue;
        }
        let trouble = match path.canonicalize() {
            Err(error) => Some(error.to_string()),
            Ok(real) if !real.starts_with(&folder) => {
                Some("is a link that leads out of the folder of runs: copy the run instead".into())
            }
            Ok(real) if !real.is_dir() => continue,
            Ok(real) => match real.read_dir() {
                Err(error) => Some(error.to_string()),
                Ok(_) if !is_run(&real) => continue,
                Ok(_) => None,
            },
        };
        let id = free_id(&name, taken);
        scan.found.push(found(id, path, root.recorded, trouble));
    }
    Ok(())
}

/// Whether a name is that of a mark: a run that has it could be taken for one.
pub fn is_mark(name: &str) -> bool {
    MARKS.iter().any(|mark| mark.eq_ignore_ascii_case(name))
}

/// Whether a folder of runs is one run itself. A run in it that is called as a mark makes it none.
fn is_one_run(folder: &Path) -> bool {
    marks(folder).any(|mark| !is_run(&mark))
}

fn is_run(directory: &Path) -> bool {
    marks(directory).next().is_some()
}

/// The marks that a directory has.
fn marks(directory: &Path) -> impl Iterator<Item = PathBuf> {
    MARKS
        .iter()
        .map(|mark| directory.join(mark))
        .filter(|path| path.symlink_metadata().is_ok())
}

fn free_id(name: &str, taken: &mut HashSet<String>) -> String {
    let mut id = name.to_owned();
    let mut number = 2;
    while !taken.insert(id.clone()) {
        id = format!("{name}~{number}");
        number += 1;
    }
    id
}

fn found(id: String, path: PathBuf, recorded: bool, trouble: Option<String>) -> Found {
    // A run in trouble keeps its path unresolved: it is named, never opened.
    let directory = match &trouble {
        None => path.canonicalize().unwrap_or_else(|_| path.clone()),
        Some(_) => path.clone(),
    };
    let changed_ms = directory
        .symlink_metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |duration| duration.as_millis() as u64);
    Found {
        id,
        path,
        directory,
        recorded,
        trouble,
        changed_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_run_that_is_called_as_a_mark_hides_no_others() {
        let runs = tempfile::tempdir().unwrap();
        for name in ["demo", "evaluate"] {
            fs::create_dir(runs.path().join(name)).unwrap();
            fs::write(runs.path().join(name).join("run.toml"), "").unwrap();
        }
        let root = Root {
            path: runs.path().to_owned(),
            recorded: false,
        };
        let ids = || -> Vec<String> {
            let found = scan(std::slice::from_ref(&root), |_| None).found;
            found.into_iter().map(|found| found.id).collect()
        };
        assert_eq!(ids(), ["demo", "evaluate"]);
        // A folder of evaluations is no run, and makes one of what it lies in.
        fs::remove_file(runs.path().join("evaluate/run.toml")).unwrap();
        fs::create_dir(runs.path().join("evaluate/sayself")).unwrap();
        let own = runs.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(ids(), [own]);
    }
}
