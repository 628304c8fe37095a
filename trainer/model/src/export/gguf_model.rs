//! A decoder and its tokenizer as a GGUF file.

use super::blocks::quantize;
use super::gguf_writer::{Entry, GgufWriter};
use super::vocabulary;
use crate::config::local_but_every;
use crate::gguf::Gguf;
use crate::{Architecture, Config, Decoder, ModelError, Part, Tokenizer, Window};
use kernels::Format;
use std::io::{self, Write};

/// Where the metadata comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// The GGUF file that the decoder was loaded from: what it says is carried over, and tensors that
    /// the adapter does not change and that are in the wanted format already keep their bytes.
    File(&'a Gguf<'a>),
    /// A model folder of this name.
    Folder(&'a str),
}

/// A GGUF file that can be written.
#[derive(Clone, Debug)]
pub struct GgufModel<'a> {
    decoder: &'a Decoder,
    origin: Origin<'a>,
    parts: Vec<(Part, Format)>,
    writer: GgufWriter,
}

/// Entries that hold for the file that they stand in alone.
const OF_ONE_FILE: [&str; 3] = [
    "general.alignment",
    "general.file_type",
    "general.quantization_version",
];
/// The same, by the start of their key.
const OF_ONE_FILE_PREFIXES: [&str; 2] = ["split.", "quantize."];

/// The version of ggml's block formats.
const QUANTIZATION_VERSION: u32 = 2;
/// Token type of GGUF for a row of the embedding that no token uses.
const UNUSED: i32 = 5;

impl<'a> GgufModel<'a> {
    /// Plans the file with weights in `format`: F16, Q4_0, Q4_1 or Q8_0.
    ///
    /// As llama.cpp has it: norms and biases stay F32; a matrix whose rows are no whole blocks of 32
    /// becomes F16; with Q4_0 and Q4_1 the output layer (the embedding where the two are tied), which
    /// loses most, becomes Q8_0.
    ///
    /// # Errors
    /// If the format is another, the tokenizer is of a kind that a GGUF file has no name for, or the window
    /// of attention is.
    pub fn plan(
        decoder: &'a Decoder,
        tokenizer: &Tokenizer,
        origin: Origin<'a>,
        format: Format,
    ) -> Result<Self, ModelError> {
        let mut writer = GgufWriter::default();
        match origin {
            Origin::File(file) => carry_over(file, &mut writer),
            Origin::Folder(name) => describe(decoder.config(), tokenizer, name, &mut writer)?,
        }
        writer.set("general.file_type", Entry::Integer(file_type(format)?));
        writer.set(
            "general.quantization_version",
            Entry::Integer(QUANTIZATION_VERSION),
        );
        let parts = decoder.parts();
        let output = match parts.contains(&Part::Output) {
            true => Part::Output,
            false => Part::Embedding,
        };
        let parts: Vec<(Part, Format)> = parts
            .into_iter()
            .map(|part| {
                let (_, columns) = part.shape(decoder.config());
                (part, format_of(part, columns, format, part == output))
            })
            .collect();
        for &(part, format) in &parts {
            writer.add(part.gguf_name(), part.shape(decoder.config()), format)?;
        }
        Ok(Self {
            decoder,
            origin,
            parts,
            writer,
        })
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.writer.file_bytes()
    }

    /// Writes it. Memory: one tensor.
    ///
    /// # Errors
    /// As [`GgufWriter::write`].
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.writer.write(out, |index| {
            let (part, format) = self.parts[index];
            match self.kept(part, format) {
                Some(bytes) => Ok(bytes.to_vec()),
                None => quantize(format, &self.decoder.merged_for_gguf(part)?),
            }
        })
    }

    /// The bytes of a tensor that stays as it is.
    fn kept(&self, part: Part, format: Format) -> Option<&'a [u8]> {
        let Origin::File(file) = self.origin else {
            return None;
        };
        let (rows, columns) = part.shape(self.decoder.config());
        let matrix = file.matrix(&part.gguf_name(), rows, columns).ok()?;
        let is_same = matrix.format == format && !self.decoder.is_adapted(part);
        is_same.then_some(matrix.bytes)
    }
}

/// ggml's number of the format that most tensors of a file have.
fn file_type(format: Format) -> Result<u32, ModelError> {
    Ok(match format {
        Format::F16 => 1,
        Format::Q4_0 => 2,
        Format::Q4_1 => 3,
        Format::Q8_0 => 7,
        Format::F32 | Format::Q5_0 | Format::Q4K | Format::Q6K => {
            return Err(ModelError::unsupported(
                "a format to write",
                "F16, Q4_0, Q4_1 or Q8_0",
                format!("{format:?}"),
            ));
        }
    })
}

fn format_of(part: Part, columns: usize, wanted: Format, is_output: bool) -> Format {
    let wanted = match wanted {
        Format::Q4_0 | Format::Q4_1 if is_output => Format::Q8_0,
        other => other,
    };
    if part.is_vector() {
        Format::F32
    } else if !columns.is_multiple_of(wanted.block_len()) {
        Format::F16
    } else {
        wanted
    }
}

fn carry_over(file: &Gguf<'_>, writer: &mut GgufWriter) {
    for (key, bytes) in file.entries() {
        let is_of_one_file = OF_ONE_FILE.contains(&key)
            || OF_ONE_FILE_PREFIXES
                .iter()
                .any(|prefix| key.starts_with(prefix));
        if !is_of_one_file {
            writer.set(key, Entry::Coded(bytes.to_vec()));
        }
    }
}

/// The metadata of a model that comes from a folder.
fn describe(
    config: &Config,
    tokenizer: &Tokenizer,
    name: &str,
    writer: &mut GgufWriter,
) -> Result<(), ModelError> {
    let architecture = match config.architecture {
        // Mistral's files carry the name of Llama, whose form they share.
        Architecture::Llama | Architecture::Mistral => "llama",
        Architecture::Qwen2 => "qwen2",
        Architecture::Gemma3 => "gemma3",
    };
    writer.set("general.architecture", Entry::Text(architecture.to_owned()));
    writer.set("general.type", Entry::Text("model".to_owned()));
    writer.set("general.name", Entry::Text(name.to_owned()));
    let integers = [
        ("block_count", config.layers),
        ("context_length", config.context),
        ("embedding_length", config.hidden),
        ("feed_forward_length", config.intermediate),
        ("attention.head_count", config.heads),
        ("attention.head_count_kv", config.kv_heads),
        ("attention.key_length", config.head_dim),
        ("attention.value_length", config.head_dim),
        ("rope.dimension_count", config.head_dim),
        ("vocab_size", config.vocab),
    ];
    let mut entries = Vec::new();
    for (key, value) in integers {
        entries.push((key, integer(key, value)?));
    }
    entries.extend([
        ("rope.freq_base", Entry::Float(config.rotation.theta)),
        (
            "attention.layer_norm_rms_epsilon",
            Entry::Float(config.rms_eps),
        ),
    ]);
    if config.rotation.factor != 1.0 {
        entries.extend([
            ("rope.scaling.type", Entry::Text("linear".to_owned())),
            ("rope.scaling.factor", Entry::Float(config.rotation.factor)),
        ]);
    }
    if config.architecture == Architecture::Gemma3 {
        entries.push(("attention.scale", Entry::Float(config.attention_scale)));
    }
    entries.extend(window_entries(config)?);
    for (key, entry) in entries {
        writer.set(format!("{architecture}.{key}"), entry);
    }
    for (key, mut entry) in vocabulary::metadata(tokenizer)? {
        match (key, &mut entry) {
            // An embedding may have more rows than there are tokens.
            ("tokenizer.ggml.tokens", Entry::Texts(tokens)) => {
                if tokens.len() > config.vocab {
                    return Err(ModelError::unsupported(
                        "the tokenizer",
                        format!(
                            "at most {} tokens, one a row of the embedding",
                            config.vocab
                        ),
                        tokens.len(),
                    ));
                }
                let missing = tokens.len()..config.vocab;
                tokens.extend(missing.map(|id| format!("[PAD{id}]")));
            }
            ("tokenizer.ggml.token_type", Entry::Integers(kinds)) => {
                kinds.resize(config.vocab, UNUSED);
            }
            _ => {}
        }
        writer.set(key, entry);
    }
    Ok(())
}

fn integer(key: &str, value: usize) -> Result<Entry, ModelError> {
    let value = u32::try_from(value)
        .map_err(|_| ModelError::unsupported(key, "a number of 32 bits", value))?;
    Ok(Entry::Integer(value))
}

/// The entries of the layers with a window; none where no layer has one.
///
/// # Errors
/// If the family's files cannot say which layers those are, or how they rotate.
fn window_entries(config: &Config) -> Result<Vec<(&'static str, Entry)>, ModelError> {
    let Some(window) = &config.window else {
        return Ok(Vec::new());
    };
    if !window.layers.contains(&true) {
        return Ok(Vec::new());
    }
    let tokens_key = "attention.sliding_window";
    let mut entries = vec![(tokens_key, integer(tokens_key, window.tokens)?)];
    if config.architecture == Architecture::Gemma3 {
        if window.rotation.factor != 1.0 {
            return Err(ModelError::unsupported(
                "a rotation to write as GGUF, of layers with a window",
                "no scaling",
                window.rotation.factor,
            ));
        }
        let pattern_key = "attention.sliding_window_pattern";
        entries.extend([
            (pattern_key, integer(pattern_key, global_every(window)?)?),
            ("rope.freq_base_swa", Entry::Float(window.rotation.theta)),
        ]);
    } else if window.layers.contains(&false) {
        return Err(ModelError::unsupported(
            "a window of attention to write as GGUF",
            "one of all layers, since files of this family cannot say which have it",
            "one of some",
        ));
    }
    Ok(entries)
}

/// Of Gemma's layers every so manieth sees everything.
fn global_every(window: &Window) -> Result<usize, ModelError> {
    let layers = window.layers.len();
    // With one more than there are layers, all have the window.
    (1..=layers + 1)
        .find(|&every| local_but_every(every, layers) == window.layers)
        .ok_or_else(|| {
            ModelError::unsupported(
                "a window of attention to write as GGUF",
                "one of all layers but every so manieth",
                format!("{:?}", window.layers),
            )
        })
}
