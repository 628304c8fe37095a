//! A model with its adapter merged in, as a folder of safetensors or as a GGUF file.

use super::card::{Form, ModelCard};
use super::of_run::bytes_of;
use super::{CARD, OfRun, Written, check_absent, write_all};
use crate::error::{Error, bad_input, bad_use};
use crate::learn::optimize::label;
use crate::model_source::{ModelFiles, ModelSource, load_adapter};
use crate::run_dir::write_atomically_with;
use kernels::{Format, MappedFile};
use model::export::{GgufModel, Origin, config_json, generation_config_json, write_safetensors};
use model::gguf::{Gguf, Value};
use model::{Decoder, LoadOptions, Tokenizer};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of a model folder that go with the weights as they are.
const COPIED: [&str; 9] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
];
const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";

/// A model with the adapter that is to be merged.
pub struct LoadedModel {
    pub source: ModelSource,
    pub adapter: Option<PathBuf>,
    decoder: Decoder,
    tokenizer: Tokenizer,
    /// How the adapter was trained, where it says so.
    label: Option<String>,
}

impl LoadedModel {
    /// Loads both on the CPU, quantized weights as they are.
    ///
    /// # Errors
    /// A torn or foreign file, or an adapter for another model, gives exit code 2.
    pub fn load(source: ModelSource, adapter: Option<PathBuf>) -> anyhow::Result<Self> {
        let (mut decoder, tokenizer) = source.load(&LoadOptions::default())?;
        let mut of_adapter = None;
        if let Some(folder) = &adapter {
            let lora = load_adapter(folder, decoder.config(), decoder.device())?;
            of_adapter = label(&lora).map(str::to_owned);
            decoder = decoder.with_adapter(Arc::new(lora));
        }
        Ok(LoadedModel {
            source,
            adapter,
            decoder,
            tokenizer,
            label: of_adapter,
        })
    }

    /// What its files are called: the model, and how it was taught.
    #[must_use]
    pub fn file_stem(&self) -> String {
        let name = Path::new(&self.source.name);
        // The dot of `SmolLM2-1.7B` is no ending.
        let name = match name.extension() {
            Some(ending) if ending == "gguf" => name.file_stem(),
            _ => name.file_name(),
        };
        let mut stem = name
            .map_or_else(|| "model".into(), |name| name.to_string_lossy())
            .into_owned();
        if self.adapter.is_some() {
            stem.push('-');
            stem.push_str(self.label.as_deref().unwrap_or("merged"));
        }
        stem
    }

    fn gguf_file(&self) -> anyhow::Result<Option<MappedFile>> {
        let ModelFiles::Gguf(path) = &self.source.files else {
            return Ok(None);
        };
        let file = MappedFile::open(path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        Ok(Some(file))
    }

    fn told(&self, error: model::ModelError) -> anyhow::Error {
        bad_input(format!("{}: {error}", self.source.name))
    }

    fn card(&self, run: &OfRun, form: Form<'_>, licence: Option<&str>) -> anyhow::Result<String> {
        let of_file = match licence {
            Some(licence) => Some(licence.to_owned()),
            None => self.licence()?,
        };
        ModelCard {
            run,
            source: &self.source,
            adapter: self.adapter.as_deref(),
            form,
            licence: of_file,
            context: self.decoder.config().context,
        }
        .markdown()
    }

    /// The licence that the file names.
    fn licence(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = self.gguf_file()? else {
            return Ok(None);
        };
        let file = Gguf::parse(&file).map_err(|error| self.told(error))?;
        Ok(match file.get("general.license") {
            Some(Value::Text(licence)) => Some(licence.to_string()),
            _ => None,
        })
    }
}

/// Writes a folder that transformers loads, in `f32`; with `run`, a card too.
///
/// # Errors
/// Bad use where a file is there already; [`Error::Write`].
pub fn write_merged(
    model: &LoadedModel,
    folder: &Path,
    run: Option<&OfRun>,
    licence: Option<&str>,
    force: bool,
) -> anyhow::Result<Vec<Written>> {
    let (mut files, config) = match &model.source.files {
        ModelFiles::Gguf(_) => of_gguf(model)?,
        ModelFiles::Folder(from) => of_folder(from)?,
    };
    if let Some(run) = run {
        let card = model.card(run, Form::Merged, licence)?;
        files.push((CARD.to_owned(), card.into_bytes()));
    }
    // Written last: a folder with a configuration is taken for whole.
    files.push((CONFIG.to_owned(), config));
    let files: Vec<(PathBuf, Vec<u8>)> = files
        .into_iter()
        .map(|(name, bytes)| (folder.join(name), bytes))
        .collect();
    let weights = folder.join(WEIGHTS);
    let paths = files.iter().map(|(path, _)| path.as_path());
    check_absent(paths.chain([weights.as_path()]), force)?;
    write_atomically_with(&weights, |out| write_safetensors(&model.decoder, out))?;
    let mut written = vec![Written::of(weights)?];
    written.extend(write_all(&files)?);
    Ok(written)
}

/// The files beside the weights, and `config.json`.
type Beside = (Vec<(String, Vec<u8>)>, Vec<u8>);

fn of_gguf(model: &LoadedModel) -> anyhow::Result<Beside> {
    let config = model.decoder.config();
    let told = |error| model.told(error);
    let (tokenizer, tokenizer_config) = model.tokenizer.to_files(config.context).map_err(told)?;
    let generation = generation_config_json(&model.tokenizer).map_err(told)?;
    let files = [
        ("tokenizer.json", tokenizer),
        ("tokenizer_config.json", tokenizer_config),
        ("generation_config.json", generation),
    ];
    Ok((
        files.map(|(name, bytes)| (name.to_owned(), bytes)).into(),
        config_json(config, &model.tokenizer).map_err(told)?,
    ))
}

fn of_folder(from: &Path) -> anyhow::Result<Beside> {
    let mut files = Vec::new();
    for name in COPIED {
        let path = from.join(name);
        if path.is_file() {
            files.push((name.to_owned(), bytes_of(&path)?));
        }
    }
    let path = from.join(CONFIG);
    let wrong = |error: serde_json::Error| bad_input(format!("{}: {error}", path.display()));
    let mut config: Json = serde_json::from_slice(&bytes_of(&path)?).map_err(wrong)?;
    // Newer versions have `dtype`, older ones `torch_dtype`.
    let is_new = config.get("dtype").is_some();
    let key = if is_new { "dtype" } else { "torch_dtype" };
    config[key] = "float32".into();
    let mut bytes = serde_json::to_vec_pretty(&config)?;
    bytes.push(b'\n');
    Ok((files, bytes))
}

/// Writes a GGUF file with weights in `format`; with `run`, a card beside it, which is called
/// `README.md` in a folder of its own and else after the file.
///
/// # Errors
/// Bad use where a file is there already, or the tokenizer cannot be written as GGUF;
/// [`Error::Write`].
pub fn write_gguf(
    model: &LoadedModel,
    format: Format,
    path: &Path,
    card: Option<(&OfRun, PathBuf)>,
    licence: Option<&str>,
    force: bool,
) -> anyhow::Result<Vec<Written>> {
    let bytes = model.gguf_file()?;
    let file = bytes
        .as_deref()
        .map(Gguf::parse)
        .transpose()
        .map_err(|error| model.told(error))?;
    let name = model.file_stem();
    let origin = match &file {
        Some(file) => Origin::File(file),
        None => Origin::Folder(&name),
    };
    let planned = GgufModel::plan(&model.decoder, &model.tokenizer, origin, format)
        .map_err(|error| bad_use(format!("{}: {error}", model.source.name)))?;
    let card_path = card.as_ref().map(|(_, path)| path.as_path());
    check_absent([path].into_iter().chain(card_path), force)?;
    write_atomically_with(path, |out| planned.write(out))?;
    let mut written = vec![Written::of(path.to_path_buf())?];
    if let Some((run, card_path)) = card {
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let form = Form::Gguf {
            format,
            file: &file_name,
        };
        let text = model.card(run, form, licence)?;
        written.extend(write_all(&[(card_path, text.into_bytes())])?);
    }
    Ok(written)
}
