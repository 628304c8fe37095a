//! `--model M`: a name that was pulled, a folder, a GGUF file, or a hub id.

use crate::error::{Error, bad_input, bad_use};
use crate::pull::{self, Consent, checksum, hub};
use anyhow::Context;
use kernels::MappedFile;
use model::{Decoder, Device, LoadOptions, Lora, Tokenizer};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Bytes of a configuration or tokenizer file.
const TEXT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of an adapter.
const ADAPTER_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// A model's files on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSource {
    /// As it was asked for.
    pub name: String,
    pub files: ModelFiles,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ModelFiles {
    /// One file with weights, tokenizer and chat template.
    Gguf(PathBuf),
    /// `config.json`, `tokenizer.json`, `*.safetensors`.
    Folder(PathBuf),
}

/// Finds the model, and pulls it where it is a known name or a hub id that is not there yet.
///
/// # Errors
/// Bad use (exit code 2) where the text is none of the four forms, or a folder holds no model.
pub fn resolve(name: &str, quiet: bool) -> anyhow::Result<ModelSource> {
    let path = Path::new(name);
    let files = if let Some(known) = pull::known(name) {
        // Where there are terms, they come first.
        if !quiet && known.terms.is_none() && !known.is_there()? {
            eprintln!(
                "{name} is not here yet: pulling {} MB, once.",
                known.bytes() / 1_000_000
            );
        }
        files_in(&pull::pull(known, Consent::Asked, quiet)?)?
    } else if path.is_dir() {
        files_in(path)?
    } else if path.is_file() {
        ModelFiles::Gguf(path.to_path_buf())
    } else if hub::is_id(name) {
        files_in(&hub::pull(name, quiet)?)?
    } else {
        let names: Vec<&str> = pull::KNOWN_MODELS.iter().map(|model| model.name).collect();
        return Err(bad_use(format!(
            "no model {name}: expected a name ({}), a folder, a GGUF file, or a hub id such as \
             HuggingFaceTB/SmolLM2-135M-Instruct",
            names.join(", ")
        )));
    };
    Ok(ModelSource {
        name: name.to_owned(),
        files,
    })
}

fn files_in(folder: &Path) -> anyhow::Result<ModelFiles> {
    if folder.join("config.json").is_file() {
        return Ok(ModelFiles::Folder(folder.to_path_buf()));
    }
    let mut gguf_files = files_ending(folder, ".gguf")?;
    match (gguf_files.pop(), gguf_files.is_empty()) {
        (Some(path), true) => Ok(ModelFiles::Gguf(path)),
        (Some(_), false) => Err(bad_use(format!(
            "{}: several GGUF files; name one of them",
            folder.display()
        ))),
        (None, _) => Err(bad_input(format!(
            "{}: neither config.json nor a GGUF file",
            folder.display()
        ))),
    }
}

fn files_ending(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let read_error = |source| Error::Read {
        path: folder.to_path_buf(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read_error)? {
        let path = entry.map_err(read_error)?.path();
        if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The shards that `model.safetensors.index.json` names, else `model.safetensors`, else all.
fn shards_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let index_path = folder.join("model.safetensors.index.json");
    if index_path.is_file() {
        let index: Index = serde_json::from_slice(&read(&index_path, TEXT_BYTES_MAX)?)
            .map_err(|error| bad_input(format!("{}: {error}", index_path.display())))?;
        let names: BTreeSet<String> = index.weight_map.into_values().collect();
        if let Some(name) = names.iter().find(|name| name.contains(['/', '\\'])) {
            return Err(bad_input(format!(
                "{}: the shard {name} lies outside the folder",
                index_path.display()
            )));
        }
        return Ok(names.into_iter().map(|name| folder.join(name)).collect());
    }
    let single = folder.join("model.safetensors");
    if single.is_file() {
        return Ok(vec![single]);
    }
    let shards = files_ending(folder, ".safetensors")?;
    if shards.is_empty() {
        return Err(bad_input(format!("{}: no *.safetensors", folder.display())));
    }
    Ok(shards)
}

/// Reads a file of limited size.
fn read(path: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let read_error = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let bytes = path.metadata().map_err(read_error)?.len();
    if bytes > bytes_max {
        return Err(bad_input(format!(
            "{}: {bytes} bytes, expected at most {bytes_max}",
            path.display()
        )));
    }
    Ok(std::fs::read(path).map_err(read_error)?)
}

fn map(path: &Path) -> anyhow::Result<MappedFile> {
    MappedFile::open(path).map_err(|source| {
        Error::Read {
            path: path.to_path_buf(),
            source,
        }
        .into()
    })
}

impl ModelSource {
    /// The files that hold the weights.
    pub fn weights(&self) -> anyhow::Result<Vec<PathBuf>> {
        match &self.files {
            ModelFiles::Gguf(path) => Ok(vec![path.clone()]),
            ModelFiles::Folder(folder) => shards_in(folder),
        }
    }

    /// SHA-256 of the weights in hex; of several shards, of their sums in order.
    pub fn sha256(&self) -> anyhow::Result<String> {
        let sums: Vec<String> = self
            .weights()?
            .iter()
            .map(|path| checksum::of_file(path))
            .collect::<anyhow::Result<_>>()?;
        Ok(match sums.as_slice() {
            [sum] => sum.clone(),
            sums => checksum::of_bytes(sums.join("\n").as_bytes()),
        })
    }

    /// Loads the decoder and its tokenizer.
    ///
    /// # Errors
    /// A torn or foreign file gives exit code 2, with its name.
    pub fn load(&self, options: &LoadOptions) -> anyhow::Result<(Decoder, Tokenizer)> {
        match &self.files {
            ModelFiles::Gguf(path) => {
                let bytes = map(path)?;
                let wrong = |error| bad_input(format!("{}: {error}", path.display()));
                let decoder = Decoder::from_gguf(&bytes, options).map_err(wrong)?;
                let tokenizer = Tokenizer::from_gguf(&bytes).map_err(wrong)?;
                Ok((decoder, tokenizer))
            }
            ModelFiles::Folder(folder) => {
                let wrong = |error| bad_input(format!("{}: {error}", folder.display()));
                let config = read(&folder.join("config.json"), TEXT_BYTES_MAX)?;
                let tokenizer = load_tokenizer(folder)?;
                let shards: Vec<MappedFile> = shards_in(folder)?
                    .iter()
                    .map(|path| map(path))
                    .collect::<anyhow::Result<_>>()?;
                let shards: Vec<&[u8]> = shards.iter().map(|shard| &**shard).collect();
                let decoder =
                    Decoder::from_safetensors(&config, &shards, options).map_err(wrong)?;
                Ok((decoder, tokenizer))
            }
        }
    }
}

fn load_tokenizer(folder: &Path) -> anyhow::Result<Tokenizer> {
    if !folder.join("tokenizer.json").is_file() {
        return Err(bad_input(format!(
            "{}: no tokenizer.json",
            folder.display()
        )));
    }
    let optional = |name: &str| -> anyhow::Result<Option<Vec<u8>>> {
        let path = folder.join(name);
        path.is_file()
            .then(|| read(&path, TEXT_BYTES_MAX))
            .transpose()
    };
    let tokenizer_json = read(&folder.join("tokenizer.json"), TEXT_BYTES_MAX)?;
    let tokenizer_config = optional("tokenizer_config.json")?;
    let tokenizer = Tokenizer::from_json(&tokenizer_json, tokenizer_config.as_deref())
        .map_err(|error| bad_input(format!("{}: {error}", folder.display())))?;
    match optional("chat_template.jinja")? {
        None => Ok(tokenizer),
        Some(template) => {
            let template = String::from_utf8(template).map_err(|_| {
                bad_input(format!(
                    "{}: chat_template.jinja is not UTF-8",
                    folder.display()
                ))
            })?;
            Ok(tokenizer.with_template(&template))
        }
    }
}

/// Loads an adapter in PEFT form from its folder.
///
/// # Errors
/// A torn or foreign file, or one for another model, gives exit code 2.
pub fn load_adapter(
    folder: &Path,
    config: &model::Config,
    device: &Device,
) -> anyhow::Result<Lora> {
    let adapter_config = read(&folder.join("adapter_config.json"), TEXT_BYTES_MAX)?;
    let weights = read(&folder.join("adapter_model.safetensors"), ADAPTER_BYTES_MAX)?;
    Lora::from_safetensors(&adapter_config, &weights, config, device)
        .map_err(|error| bad_input(format!("{}: {error}", folder.display())))
}

/// SHA-256 of an adapter's weights, in hex.
pub fn adapter_sha256(folder: &Path) -> anyhow::Result<String> {
    checksum::of_file(&folder.join("adapter_model.safetensors"))
}

/// Writes an adapter in PEFT form: the weights first, since a folder with a configuration is taken
/// for whole.
pub fn save_adapter(folder: &Path, adapter: &Lora) -> anyhow::Result<()> {
    let (config, weights) = adapter
        .to_bytes()
        .context("the adapter cannot be written")?;
    crate::run_dir::write_atomically(&folder.join(ADAPTER_FILES[0]), &weights)?;
    crate::run_dir::write_atomically(&folder.join(ADAPTER_FILES[1]), &config)
}

/// PEFT's two files; the second stands last, so that an adapter with it is whole.
const ADAPTER_FILES: [&str; 2] = ["adapter_model.safetensors", "adapter_config.json"];

/// The adapter of one folder in another.
///
/// # Errors
/// Of the disk.
pub fn copy_adapter(from: &Path, to: &Path) -> anyhow::Result<()> {
    for name in ADAPTER_FILES {
        let path = from.join(name);
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        crate::run_dir::write_atomically(&to.join(name), &bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let name = |path: &Path| path.to_string_lossy().into_owned();
        let error = resolve(&name(folder.path()), true).unwrap_err();
        assert!(
            error.to_string().contains("neither config.json nor a GGUF"),
            "{error}"
        );
        let gguf = folder.path().join("a.gguf");
        std::fs::write(&gguf, b"GGUF").unwrap();
        for text in [name(folder.path()), name(&gguf)] {
            assert_eq!(
                resolve(&text, true).unwrap().files,
                ModelFiles::Gguf(gguf.clone())
            );
        }
        std::fs::write(folder.path().join("config.json"), b"{}").unwrap();
        let source = resolve(&name(folder.path()), true).unwrap();
        assert_eq!(
            source.files,
            ModelFiles::Folder(folder.path().to_path_buf())
        );
        let error = resolve("no such model", true).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 2);
        assert!(error.to_string().contains("smollm2-135m"), "{error}");
    }

    #[test]
    fn shards_outside_the_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let index = r#"{"weight_map":{"a":"../secret.safetensors"}}"#;
        std::fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
        assert!(
            shards_in(folder.path())
                .unwrap_err()
                .to_string()
                .contains("outside")
        );
    }
}
