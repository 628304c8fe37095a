//! The figures of runs for the paper's tables.

use super::contained;
use super::facts::{self, CONFIG, METRICS};
use super::faithfulness::{self, FAITHFULNESS};
use super::library::Run;
use app::view::LeftOut;
use comparison::tables::Measured;
use datasets::RunConfig;
use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// The figures of all evaluations of a run that have some, and what cannot be read. Blocks on the file
/// system.
pub fn measured(run: &Run) -> (Vec<Measured>, Vec<LeftOut>) {
    let directory = &run.found.directory;
    let left = |label: &str, reason: String| LeftOut {
        name: format!("{}:{label}", run.found.id),
        reason,
    };
    let folders = match facts::evaluation_folders(directory) {
        Ok(folders) if run.found.trouble.is_none() => folders,
        Ok(_) => Vec::new(),
        Err(error) => {
            let reason = format!("Its evaluations cannot be read: {error}.");
            return (Vec::new(), vec![left("", reason)]);
        }
    };
    let config = contained::small_text(directory, &directory.join(CONFIG))
        .ok()
        .and_then(|text| toml::from_str::<RunConfig>(&text).ok());
    let (mut measured, mut left_out) = (Vec::new(), Vec::new());
    for folder in folders {
        let figures = object(directory, &folder.path.join(METRICS));
        let faithfulness = object(directory, &of_rationales(directory, &folder.label));
        match (figures, faithfulness) {
            (Ok(Some(metrics)), Ok(faithfulness)) => measured.push(Measured::new(
                &run.found.id,
                &folder.label,
                folder.path == *directory,
                metrics,
                faithfulness,
                config.as_ref(),
            )),
            (Ok(None), Ok(_)) => {}
            (Err(error), _) => left_out.push(left(
                &folder.label,
                format!("Its {METRICS} cannot be read: {error}."),
            )),
            (_, Err(error)) => left_out.push(left(
                &folder.label,
                format!("Its {FAITHFULNESS} cannot be read: {error}."),
            )),
        }
    }
    (measured, left_out)
}

fn of_rationales(directory: &Path, label: &str) -> PathBuf {
    faithfulness::folder(directory, label).join(METRICS)
}

/// A small file's JSON object; `None` where there is none.
fn object(directory: &Path, path: &Path) -> io::Result<Option<Value>> {
    let text = match contained::small_text(directory, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(Some(Value::Object(object))),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "found no JSON object, expected measures",
        )),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// Changes whenever a figure in the tables may have.
pub fn version<'a>(runs: impl Iterator<Item = &'a Run>) -> String {
    let mut hasher = DefaultHasher::new();
    for run in runs {
        run.found.id.hash(&mut hasher);
        run.fingerprint.hash(&mut hasher);
        for label in &run.facts.labels {
            if let Ok(metadata) = of_rationales(&run.found.directory, label).metadata() {
                metadata.len().hash(&mut hasher);
                metadata.modified().ok().hash(&mut hasher);
            }
        }
    }
    format!("{:016x}", hasher.finish())
}
