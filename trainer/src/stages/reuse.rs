//! Taking over what another run's stages made, where its configuration is the same up to there: runs
//! that are compared start from the same samples, and those that differ in `rl` alone from the same
//! stage-1 adapter.

use crate::error::{Error, bad_use};
use crate::learn::optimize::ADAPTER;
use crate::run_dir::{RunDir, RunFile, write_atomically};
use crate::stages::build::STAGE_ONE;
use crate::stages::cluster::CLUSTERS;
use crate::stages::rationalize::RATIONALES;
use crate::stages::sample::{GREEDY, SAMPLES};
use datasets::RunConfig;
use std::path::{Path, PathBuf};

/// The questions of a run.
const QUESTIONS: &str = "questions.jsonl";

/// A stage as it can be taken over.
struct Part {
    /// What is copied, under the run directory: a folder, or one file.
    name: String,
    /// A file that is there once the stage is done.
    done: String,
    /// The sections of the configuration that it depends on.
    sections: &'static [&'static str],
}

fn parts(config: &RunConfig) -> Vec<Part> {
    const BEFORE: [&str; 10] = [
        "model",
        "seed",
        "questions",
        "endpoint",
        "sample",
        "cluster",
        "embedder",
        "rationalize",
        "build",
        "sft",
    ];
    let part = |name: &str, done: &str, sections: usize| Part {
        name: name.to_owned(),
        done: done.to_owned(),
        sections: &BEFORE[..sections],
    };
    let mut parts = vec![
        part(QUESTIONS, QUESTIONS, 3),
        part("sample", &format!("sample/{SAMPLES}"), 5),
        part("greedy", &format!("greedy/{GREEDY}"), 5),
        part("cluster", &format!("cluster/{CLUSTERS}"), 7),
        part("rationalize", &format!("rationalize/{RATIONALES}"), 8),
        part("build", &format!("build/{STAGE_ONE}"), 9),
    ];
    parts.extend(config.training_seeds.iter().map(|seed| {
        let name = format!("sft/seed-{seed}");
        let done = format!("{name}/{ADAPTER}/adapter_config.json");
        part(&name, &done, 10)
    }));
    parts
}

/// Copies into `dir` what is not there yet and one of `donors`, each a finished run, has made with the
/// same configuration up to that stage; returns what was taken and from where.
///
/// # Errors
/// Of the disk, and where a donor is no run directory, or one of another model or other questions.
pub fn reuse(
    dir: &RunDir,
    file: &RunFile,
    donors: &[PathBuf],
) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let config = &file.config;
    let own = toml::Table::try_from(config)?;
    let known: Vec<(&PathBuf, toml::Table)> = donors
        .iter()
        .map(|donor| Ok((donor, sections_of(donor, file)?)))
        .collect::<anyhow::Result<_>>()?;
    let mut taken = Vec::new();
    for part in parts(config) {
        let target = dir.path().join(&part.name);
        if target.exists() {
            continue;
        }
        let agrees = |theirs: &toml::Table| {
            let same = |section: &&str| own.get(*section) == theirs.get(*section);
            part.sections.iter().all(same)
        };
        let donor = known
            .iter()
            .find(|(donor, theirs)| agrees(theirs) && donor.join(&part.done).exists());
        if let Some((donor, _)) = donor {
            copy(&donor.join(&part.name), &target)?;
            taken.push((part.name, (*donor).clone()));
        }
    }
    Ok(taken)
}

/// The configuration of a run with the same model and questions.
fn sections_of(donor: &Path, own: &RunFile) -> anyhow::Result<toml::Table> {
    let theirs = RunFile::read(donor)?;
    let hashes = |file: &RunFile| {
        let provenance = &file.provenance;
        [
            ("model", provenance.model_sha256.clone()),
            ("questions", provenance.questions_sha256.clone()),
        ]
    };
    for ((what, theirs), (_, ours)) in hashes(&theirs).into_iter().zip(hashes(own)) {
        if theirs != ours {
            return Err(bad_use(format!(
                "{}: a run with other {what} (SHA-256 {theirs}, here {ours}): nothing of it can be taken",
                donor.display()
            )));
        }
    }
    Ok(toml::Table::try_from(theirs.config)?)
}

/// A file, or a folder with all that is in it; a folder stands under its name once it is whole.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let read = |source| Error::Read {
        path: from.to_path_buf(),
        source,
    };
    if from.is_file() {
        return write_atomically(to, &std::fs::read(from).map_err(read)?);
    }
    let write = |source| Error::Write {
        path: to.to_path_buf(),
        source,
    };
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let begun = to.with_file_name(format!("{name}.taken"));
    std::fs::create_dir_all(&begun).map_err(write)?;
    for entry in std::fs::read_dir(from).map_err(read)? {
        let entry = entry.map_err(read)?;
        copy(&entry.path(), &begun.join(entry.file_name()))?;
    }
    Ok(std::fs::rename(&begun, to).map_err(write)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_dir::Provenance;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn what_agrees_is_taken_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let donor = folder.path().join("donor");
        let config = RunConfig::default();
        let file = |config: &RunConfig| RunFile {
            provenance: Provenance::of("run"),
            config: config.clone(),
        };
        write(
            &donor,
            "run.toml",
            &toml::to_string(&file(&config)).unwrap(),
        );
        write(&donor, QUESTIONS, "q");
        write(&donor, "sample/samples.jsonl", "s");
        write(&donor, "build/stage_1/a.jsonl", "a");
        write(&donor, "build/stage_1/messages/a.jsonl", "m");
        write(&donor, "sft/seed-1/adapter/adapter_config.json", "{}");
        let taken = |name: &str, config: &RunConfig| -> Vec<String> {
            let dir = RunDir::open(folder.path().join(name)).unwrap();
            let taken = reuse(&dir, &file(config), std::slice::from_ref(&donor)).unwrap();
            taken.into_iter().map(|(part, _)| part).collect()
        };
        let all = [QUESTIONS, "sample", "build", "sft/seed-1"];
        assert_eq!(taken("same", &config), all);
        let message = folder.path().join("same/build/stage_1/messages/a.jsonl");
        assert_eq!(std::fs::read_to_string(message).unwrap(), "m");
        assert!(taken("same", &config).is_empty(), "it is there already");

        let mut other = config.clone();
        other.rl.rollouts = 3;
        assert_eq!(taken("other-rl", &other), all);
        other.build.shuffle_targets = true;
        assert_eq!(taken("other-build", &other), all[..2]);
        other.sample.samples = 3;
        assert_eq!(taken("other-samples", &other), all[..1]);
        other.seed = 1;
        assert!(taken("other-seed", &other).is_empty());
    }
}
