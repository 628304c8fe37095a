//! Where things are, and what a folder of records holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the package stands in the workspace")
        .to_path_buf()
}

/// The model that the tests run on, as `sayself pull` lays it; `None` where it was not pulled.
pub fn model() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = given("SAYSELF_CACHE")
        .map(PathBuf::from)
        .or_else(|| given("XDG_CACHE_HOME").map(|folder| Path::new(&folder).join("sayself")))
        .or_else(|| given("HOME").map(|folder| Path::new(&folder).join(".cache/sayself")))?;
    let file = cache.join("models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf");
    file.is_file().then_some(file)
}

/// Every file under a folder with its bytes, by its path from there.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        let entries = fs::read_dir(&next).expect("a folder that a test made can be read");
        for entry in entries {
            let path = entry.expect("its entries too").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("it was found under it")
                    .to_path_buf();
                found.insert(name, fs::read(&path).expect("its files too"));
            }
        }
    }
    found
}

/// What a run must end with, however often it was killed: records, measures and adapters, but no
/// events (they tell of each start) and no checkpoints (they are for resuming).
pub fn lasting_files(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files(run);
    files.retain(|path, _| {
        let is_event_log = path.file_name().is_some_and(|name| name == "events.jsonl");
        let is_checkpoint = path
            .components()
            .any(|part| part.as_os_str() == "checkpoint");
        !is_event_log && !is_checkpoint
    });
    files
}

/// Asserts that two folders hold the same files with the same bytes, naming those that differ.
#[track_caller]
pub fn assert_same(left: &BTreeMap<PathBuf, Vec<u8>>, right: &BTreeMap<PathBuf, Vec<u8>>) {
    let mut differences = Vec::new();
    for path in left.keys().chain(right.keys()) {
        match (left.get(path), right.get(path)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => {
                let place = a
                    .iter()
                    .zip(b)
                    .position(|(a, b)| a != b)
                    .unwrap_or(a.len().min(b.len()));
                differences.push(format!(
                    "{}: {} and {} bytes, first difference at byte {place}",
                    path.display(),
                    a.len(),
                    b.len()
                ));
            }
            (Some(_), None) => differences.push(format!("{}: only left", path.display())),
            (None, _) => differences.push(format!("{}: only right", path.display())),
        }
    }
    differences.sort();
    differences.dedup();
    assert!(
        differences.is_empty(),
        "files differ:\n{}",
        differences.join("\n")
    );
}
