//! The Hugging Face hub: addresses, and whole models by their id.

use super::{cache, checksum, download};
use crate::error::Error;
use anyhow::{Context, bail};
use serde::Deserialize;
use std::path::PathBuf;

/// Bytes of a model's description.
const DESCRIPTION_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Files of one model.
const FILES_MAX: usize = 512;

/// `$HF_ENDPOINT`, else the hub itself.
fn endpoint() -> String {
    match std::env::var("HF_ENDPOINT") {
        Ok(endpoint) if !endpoint.is_empty() => endpoint.trim_end_matches('/').to_owned(),
        _ => "https://huggingface.co".to_owned(),
    }
}

/// Where a file of a model lies.
pub fn file_url(id: &str, file: &str) -> String {
    format!("{}/{id}/resolve/main/{file}", endpoint())
}

/// The hub's own header for models that ask for it: `$HF_TOKEN`.
pub fn headers() -> Vec<(String, String)> {
    match std::env::var("HF_TOKEN") {
        Ok(token) if !token.is_empty() => vec![("Authorization".into(), format!("Bearer {token}"))],
        _ => Vec::new(),
    }
}

/// Whether a text has the form of a hub id, `OWNER/NAME`.
pub fn is_id(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.len() <= 96
            && !part.starts_with(['.', '-'])
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    matches!(text.split_once('/'), Some((owner, name)) if is_part(owner) && is_part(name))
}

#[derive(Deserialize)]
struct Description {
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    sha256: Option<String>,
}

/// Says how a sentence encoder pools its tokens.
const POOLING: &str = "1_Pooling/config.json";

/// The files that a model needs: safetensors, configuration and tokenizer; where there are no
/// safetensors, the one GGUF file.
fn files_needed(siblings: Vec<Sibling>) -> anyhow::Result<Vec<Sibling>> {
    let has_safetensors = siblings
        .iter()
        .any(|file| file.rfilename.ends_with(".safetensors"));
    let is_needed = |name: &str| match has_safetensors {
        true => {
            !name.contains('/') && (name.ends_with(".safetensors") || name.ends_with(".json"))
                || name == "chat_template.jinja"
                || name == POOLING
        }
        false => !name.contains('/') && name.ends_with(".gguf"),
    };
    let needed: Vec<Sibling> = siblings
        .into_iter()
        .filter(|file| is_needed(&file.rfilename))
        .collect();
    match (has_safetensors, needed.len()) {
        (_, 0) => bail!("neither safetensors nor a GGUF file"),
        (false, 2..) => {
            let names: Vec<&str> = needed.iter().map(|file| file.rfilename.as_str()).collect();
            bail!(
                "several GGUF files: fetch one and give its path ({})",
                names.join(", ")
            )
        }
        (_, FILES_MAX..) => bail!("more than {FILES_MAX} files"),
        _ => Ok(needed),
    }
}

/// Makes sure that a model of the hub is in the cache; returns its folder. What is there already
/// is not asked for again.
pub fn pull(id: &str, quiet: bool) -> anyhow::Result<PathBuf> {
    let folder = cache::folder()?
        .join("models/hub")
        .join(id.replace('/', "--"));
    let done_path = folder.join(".whole");
    if done_path.exists() {
        return Ok(folder);
    }
    let _lock = cache::lock(&folder, quiet)?;
    let url = format!("{}/api/models/{id}?blobs=true", endpoint());
    let (text, _) = download::text(&url, &headers(), DESCRIPTION_BYTES_MAX)
        .with_context(|| format!("{id} is no file here, and the hub cannot be asked for it"))?;
    let description: Description =
        serde_json::from_str(&text).with_context(|| format!("{url}: not a model's description"))?;
    for file in files_needed(description.siblings).with_context(|| id.to_owned())? {
        let path = folder.join(&file.rfilename);
        let sha256 = file.lfs.and_then(|large| large.sha256);
        let is_there = path.exists()
            && sha256
                .as_ref()
                .is_none_or(|wanted| checksum::of_file(&path).is_ok_and(|found| &found == wanted));
        if is_there {
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|source| Error::Write {
                path: parent.to_path_buf(),
                source,
            })?;
        }
        let wanted = download::Download {
            url: file_url(id, &file.rfilename),
            label: file.rfilename,
            sha256,
            bytes: file.size,
            headers: headers(),
        };
        download::fetch(&wanted, &path, quiet)?;
    }
    crate::run_dir::write_atomically(&done_path, b"")?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_paths() {
        assert!(is_id("HuggingFaceTB/SmolLM2-135M-Instruct"));
        for text in [
            "smollm2-135m",
            "../model",
            "./model",
            "a/b/c",
            "/model",
            "a/",
            "C:\\a/b c",
        ] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn safetensors_are_preferred_and_folders_left_out() {
        let sibling = |name: &str| Sibling {
            rfilename: name.into(),
            size: None,
            lfs: None,
        };
        let names = |files: Vec<Sibling>| -> Vec<String> {
            files.into_iter().map(|file| file.rfilename).collect()
        };
        let all = [
            "README.md",
            "config.json",
            "model.safetensors",
            "onnx/a.json",
            "1_Pooling/config.json",
            "m.gguf",
        ];
        let needed = files_needed(all.map(sibling).into()).unwrap();
        assert_eq!(
            names(needed),
            ["config.json", "model.safetensors", "1_Pooling/config.json"]
        );
        let needed = files_needed(["a.gguf", "config.json"].map(sibling).into()).unwrap();
        assert_eq!(names(needed), ["a.gguf"]);
        assert!(files_needed(["a.gguf", "b.gguf"].map(sibling).into()).is_err());
    }
}
