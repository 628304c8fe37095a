//! Token ids from text and back.

mod bytes;

use crate::chat::Template;
use crate::export::folder::to_bytes;
use crate::gguf::{Gguf, Value};
use crate::{Message, ModelError};
use bytes::ByteForm;
use serde_json::{Value as Json, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Most bytes of a text to encode.
pub const TEXT_BYTES_MAX: usize = 64 << 20;

/// Llama 3's split of a text into words.
const LLAMA_3_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen2's split of a text into words: Llama 3's with digits one by one.
const QWEN_2_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Texts of tokens that end a turn or a text, in any of the families.
const END_TOKENS: [&str; 8] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "</s>",
    "<end_of_turn>",
    "<eos>",
];

/// Gemma's form of chats: its base models know the tokens of turns, but their files hold no template.
const GEMMA_TEMPLATE: &str = include_str!("gemma_template.jinja");
/// The tokens that it writes.
const GEMMA_TURN_TOKENS: [&str; 2] = ["<start_of_turn>", "<end_of_turn>"];

/// A tokenizer with its special tokens and chat template. Cheap to clone.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Arc<Inner>,
}

struct Inner {
    tokenizer: tokenizers::Tokenizer,
    template: Option<Template>,
    end_tokens: Vec<u32>,
    /// Put before a text where `tokenizer` itself adds nothing.
    first_token: Option<u32>,
    marks: Marks,
    byte_form: ByteForm,
}

/// The special tokens that a model's files name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Starts a text.
    pub first: Option<u32>,
    /// Ends a text or a turn.
    pub last: Option<u32>,
    /// Fills rows of a batch.
    pub padding: Option<u32>,
    /// Stands for what no token can.
    pub unknown: Option<u32>,
}

impl Tokenizer {
    /// Builds the tokenizer from a GGUF file's metadata.
    ///
    /// # Errors
    /// If the file is torn or foreign, or of a tokenizer that this does not know.
    pub fn from_gguf(bytes: &[u8]) -> Result<Self, ModelError> {
        let file = Gguf::parse(bytes)?;
        let vocabulary = Vocabulary::read(&file)?;
        let model = file
            .optional_text("tokenizer.ggml.model")?
            .unwrap_or("none");
        let document = match model {
            "gpt2" => byte_level_document(&file, &vocabulary)?,
            "llama" => sentence_piece_document(&file, &vocabulary)?,
            other => {
                return Err(ModelError::unsupported(
                    "GGUF metadata, tokenizer.ggml.model",
                    "gpt2 or llama",
                    other,
                ));
            }
        };
        let bytes = serde_json::to_vec(&document).map_err(|source| ModelError::Json {
            file: "tokenizer",
            source,
        })?;
        let tokenizer = tokenizer_from_bytes(&bytes)?;

        let token = |key: &str| named_token(&file, &vocabulary, &format!("tokenizer.ggml.{key}"));
        let text = |id: Option<u32>| {
            id.map_or("", |id| vocabulary.tokens[id as usize])
                .to_owned()
        };
        let first = token("bos_token_id")?;
        let last = token("eos_token_id")?;
        let template = file
            .optional_text("tokenizer.chat_template")?
            .or_else(|| template_of_tokens(&tokenizer))
            .map(|source| Template {
                source: source.to_owned(),
                bos_token: text(first),
                eos_token: text(last),
            });
        let adds_first = file
            .optional_bool("tokenizer.ggml.add_bos_token")?
            .unwrap_or(model == "llama");
        let mut end_tokens = end_tokens(&tokenizer);
        end_tokens.extend(last);
        end_tokens.extend(token("eot_token_id")?);
        let marks = Marks {
            first,
            last,
            padding: token("padding_token_id")?,
            unknown: token("unknown_token_id")?,
        };
        let first_token = first.filter(|_| adds_first);
        Ok(Self::new(
            tokenizer,
            template,
            end_tokens,
            first_token,
            marks,
        ))
    }

    /// Reads `tokenizer.json` and, where there is one, `tokenizer_config.json` (special tokens,
    /// chat template).
    ///
    /// # Errors
    /// If either is not what its name says.
    pub fn from_json(
        tokenizer_json: &[u8],
        tokenizer_config_json: Option<&[u8]>,
    ) -> Result<Self, ModelError> {
        let tokenizer = tokenizer_from_bytes(tokenizer_json)?;
        let config: Json = match tokenizer_config_json {
            None => Json::Null,
            Some(bytes) => serde_json::from_slice(bytes).map_err(|source| ModelError::Json {
                file: "tokenizer_config.json",
                source,
            })?,
        };
        // A special token is written as its text or as an object with its text in `content`.
        let special = |key: &str| {
            let value = &config[key];
            value
                .as_str()
                .or_else(|| value["content"].as_str())
                .unwrap_or("")
                .to_owned()
        };
        let template = template_source(&config["chat_template"])
            .or_else(|| template_of_tokens(&tokenizer))
            .map(|source| Template {
                source: source.to_owned(),
                bos_token: special("bos_token"),
                eos_token: special("eos_token"),
            });
        let mut end_tokens = end_tokens(&tokenizer);
        end_tokens.extend(tokenizer.token_to_id(&special("eos_token")));
        let mark = |key: &str| tokenizer.token_to_id(&special(key));
        let marks = Marks {
            first: mark("bos_token"),
            last: mark("eos_token"),
            padding: mark("pad_token"),
            unknown: mark("unk_token"),
        };
        Ok(Self::new(tokenizer, template, end_tokens, None, marks))
    }

    fn new(
        tokenizer: tokenizers::Tokenizer,
        template: Option<Template>,
        end_tokens: BTreeSet<u32>,
        first_token: Option<u32>,
        marks: Marks,
    ) -> Self {
        let end_tokens = end_tokens.into_iter().collect();
        Self {
            inner: Arc::new(Inner {
                byte_form: ByteForm::of(&tokenizer),
                tokenizer,
                template,
                end_tokens,
                first_token,
                marks,
            }),
        }
    }

    /// The same tokenizer with another chat template (a model folder may keep it in a file
    /// `chat_template.jinja`).
    #[must_use]
    pub fn with_template(&self, source: &str) -> Self {
        let mut template = self.inner.template.clone().unwrap_or_default();
        template.source = source.to_owned();
        Self {
            inner: Arc::new(Inner {
                tokenizer: self.inner.tokenizer.clone(),
                template: Some(template),
                end_tokens: self.inner.end_tokens.clone(),
                first_token: self.inner.first_token,
                marks: self.inner.marks,
                byte_form: self.inner.byte_form,
            }),
        }
    }

    /// The special tokens that the model's files name.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.inner.marks
    }

    /// The source of the chat template, where there is one.
    #[must_use]
    pub fn chat_template(&self) -> Option<&str> {
        let template = self.inner.template.as_ref();
        template.map(|template| template.source.as_str())
    }

    /// Whether a first token is put before a text.
    ///
    /// # Errors
    /// If the tokenizer fails on a text of one letter.
    pub fn adds_first_token(&self) -> Result<bool, ModelError> {
        let Some(first) = self.inner.marks.first else {
            return Ok(false);
        };
        let starts = |add_special| -> Result<bool, ModelError> {
            Ok(self.encode("a", add_special)?.first() == Some(&first))
        };
        Ok(starts(true)? && !starts(false)?)
    }

    /// The tokenizer in the form of a `tokenizer.json`.
    pub(crate) fn document(&self) -> Result<Json, ModelError> {
        let text = self
            .inner
            .tokenizer
            .to_string(false)
            .map_err(tokenizer_error)?;
        serde_json::from_str(&text).map_err(|source| ModelError::Json {
            file: "tokenizer.json",
            source,
        })
    }

    /// `tokenizer.json` and `tokenizer_config.json` (special tokens, chat template) as transformers
    /// reads them; `context` is the model's context length in tokens.
    ///
    /// # Errors
    /// If the tokenizer cannot be written.
    pub fn to_files(&self, context: usize) -> Result<(Vec<u8>, Vec<u8>), ModelError> {
        let mut document = self.document()?;
        if let Some(first) = self.inner.first_token {
            document["post_processor"] = self.with_first(first);
        }
        let marks = self.inner.marks;
        let text = |token: Option<u32>| token.and_then(|token| self.token_str(token));
        let config = json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": context,
            "clean_up_tokenization_spaces": false,
            "bos_token": text(marks.first),
            "eos_token": text(marks.last),
            "unk_token": text(marks.unknown),
            "pad_token": text(marks.padding.or(marks.last)),
            "chat_template": self.chat_template(),
        });
        Ok((
            to_bytes("tokenizer.json", &document)?,
            to_bytes("tokenizer_config.json", &config)?,
        ))
    }

    /// The post-processor that puts `first` before a text.
    fn with_first(&self, first: u32) -> Json {
        let name = self.token_str(first).unwrap_or_default();
        let mark = json!({"SpecialToken": {"id": name, "type_id": 0}});
        let text = |id: &str, kind: u32| json!({"Sequence": {"id": id, "type_id": kind}});
        let mut special = serde_json::Map::new();
        special.insert(
            name.clone(),
            json!({"id": name, "ids": [first], "tokens": [name]}),
        );
        json!({
            "type": "TemplateProcessing",
            "single": [mark, text("A", 0)],
            "pair": [mark, text("A", 0), mark, text("B", 1)],
            "special_tokens": special,
        })
    }

    /// Token ids of `text`. Special tokens written out in the text are recognised. With
    /// `add_special` the tokens that the model wants around a text (such as a first token) are
    /// added.
    ///
    /// # Errors
    /// If the text is over [`TEXT_BYTES_MAX`].
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, ModelError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ModelError::Limit {
                what: "a text in bytes",
                limit: TEXT_BYTES_MAX,
                found: text.len(),
            });
        }
        let encoding = self
            .inner
            .tokenizer
            .encode_fast(text, add_special)
            .map_err(tokenizer_error)?;
        let first = self.inner.first_token.filter(|_| add_special);
        Ok(first
            .into_iter()
            .chain(encoding.get_ids().iter().copied())
            .collect())
    }

    /// The text of `tokens`, special tokens left out. Bytes that make no character are replaced;
    /// unknown ids are left out.
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        self.inner
            .tokenizer
            .decode(tokens, true)
            .unwrap_or_default()
    }

    /// The text of `tokens`, special tokens written out.
    #[must_use]
    pub fn decode_with_special(&self, tokens: &[u32]) -> String {
        self.inner
            .tokenizer
            .decode(tokens, false)
            .unwrap_or_default()
    }

    /// The vocabulary's form of a token.
    #[must_use]
    pub fn token_str(&self, token: u32) -> Option<String> {
        self.inner.tokenizer.id_to_token(token)
    }

    /// The bytes that a token adds to a text; a special token's are those of its name. `None` for an
    /// unknown id. A character may take the bytes of several tokens.
    #[must_use]
    pub fn token_bytes(&self, token: u32) -> Option<Vec<u8>> {
        let text = self.token_str(token)?;
        let added = self.inner.tokenizer.get_added_vocabulary();
        Some(match added.is_special_token(&text) {
            true => text.into_bytes(),
            false => self.inner.byte_form.bytes(&text),
        })
    }

    /// The id of a token in the vocabulary's form.
    #[must_use]
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.inner.tokenizer.token_to_id(token)
    }

    /// The tokens that end a turn or a text, ascending.
    #[must_use]
    pub fn end_tokens(&self) -> &[u32] {
        &self.inner.end_tokens
    }

    /// Number of tokens, added ones included.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.inner.tokenizer.get_vocab_size(true)
    }

    /// Renders the model's chat template.
    ///
    /// # Errors
    /// If the model has no template or the template refuses the messages.
    pub fn chat(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, ModelError> {
        let template = self.inner.template.as_ref().ok_or_else(|| {
            ModelError::Template("the model has none, so it cannot be asked in chat form".into())
        })?;
        template.render(messages, add_generation_prompt)
    }

    /// [`Tokenizer::chat`] and then [`Tokenizer::encode`] without added tokens (the template
    /// writes them).
    ///
    /// # Errors
    /// As those.
    pub fn chat_tokens(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<Vec<u32>, ModelError> {
        self.encode(&self.chat(messages, add_generation_prompt)?, false)
    }

    /// Decodes token by token.
    #[must_use]
    pub fn stream(&self) -> StreamDecoder {
        StreamDecoder {
            tokenizer: self.clone(),
            tokens: Vec::new(),
            shown_from: 0,
            shown_to: 0,
            text: String::new(),
        }
    }
}

/// Turns tokens into text as they come; holds back bytes that do not yet make a character.
#[derive(Clone)]
pub struct StreamDecoder {
    tokenizer: Tokenizer,
    tokens: Vec<u32>,
    /// The tokens from here to `shown_to` made the last piece of text. They are decoded again with
    /// what follows, because a token's text can depend on the one before it.
    shown_from: usize,
    shown_to: usize,
    text: String,
}

impl StreamDecoder {
    /// The text that this token completes; empty while a character is incomplete.
    pub fn push(&mut self, token: u32) -> &str {
        self.tokens.push(token);
        let before = self
            .tokenizer
            .decode(&self.tokens[self.shown_from..self.shown_to]);
        let after = self.tokenizer.decode(&self.tokens[self.shown_from..]);
        let start = self.text.len();
        if after.ends_with(char::REPLACEMENT_CHARACTER) {
            return "";
        }
        match after.strip_prefix(before.as_str()) {
            Some(new) => self.text.push_str(new),
            // In SentencePiece's form, bytes that make no character spoil the whole run of bytes that they
            // end, shown ones too. What is new begins with such a byte, so no space is stripped off it.
            None => {
                let new = self.tokenizer.decode(&self.tokens[self.shown_to..]);
                self.text.push_str(&new);
            }
        }
        if self.text.len() > start {
            self.shown_from = self.shown_to;
            self.shown_to = self.tokens.len();
        }
        &self.text[start..]
    }

    /// The text so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn tokenizer_from_bytes(bytes: &[u8]) -> Result<tokenizers::Tokenizer, ModelError> {
    let mut tokenizer = tokenizers::Tokenizer::from_bytes(bytes).map_err(tokenizer_error)?;
    // A file may carry the padding and truncation of its training; a text is taken as it is.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(tokenizer_error)?;
    Ok(tokenizer)
}

fn tokenizer_error(error: impl std::fmt::Display) -> ModelError {
    ModelError::Tokenizer(error.to_string())
}

fn end_tokens(tokenizer: &tokenizers::Tokenizer) -> BTreeSet<u32> {
    let added = tokenizer.get_added_vocabulary();
    END_TOKENS
        .iter()
        .filter(|text| added.is_special_token(text))
        .filter_map(|text| tokenizer.token_to_id(text))
        .collect()
}

/// The template that a family's tokens were made for.
fn template_of_tokens(tokenizer: &tokenizers::Tokenizer) -> Option<&'static str> {
    let added = tokenizer.get_added_vocabulary();
    GEMMA_TURN_TOKENS
        .iter()
        .all(|text| added.is_special_token(text))
        .then_some(GEMMA_TEMPLATE)
}

/// A template is a text, or a list of named ones of which `default` is meant.
fn template_source(value: &Json) -> Option<&str> {
    value.as_str().or_else(|| {
        let named = value
            .as_array()?
            .iter()
            .find(|named| named["name"] == "default")?;
        named["template"].as_str()
    })
}

struct Vocabulary<'a> {
    tokens: Vec<&'a str>,
    kinds: Vec<u64>,
}

/// Token types of GGUF: control, user-defined and unused tokens are matched whole in a text.
const WHOLE_KINDS: std::ops::RangeInclusive<u64> = 3..=5;
const CONTROL_KIND: u64 = 3;
/// Unknown, control and byte tokens: no neighbours are joined to one.
const UNJOINED_KINDS: [u64; 3] = [2, CONTROL_KIND, 6];

impl<'a> Vocabulary<'a> {
    fn read(file: &'a Gguf<'_>) -> Result<Self, ModelError> {
        let tokens = texts(file, "tokenizer.ggml.tokens")?;
        if tokens.is_empty() || u32::try_from(tokens.len()).is_err() {
            return Err(ModelError::unsupported(
                "GGUF metadata, tokenizer.ggml.tokens",
                "at least one token",
                tokens.len(),
            ));
        }
        let kinds = file
            .optional_list("tokenizer.ggml.token_type")?
            .unwrap_or(&[]);
        let kinds = kinds
            .iter()
            .map(|kind| match kind {
                Value::Signed(kind) => *kind as u64,
                Value::Unsigned(kind) => *kind,
                _ => 1,
            })
            .chain(std::iter::repeat(1))
            .take(tokens.len())
            .collect();
        Ok(Self { tokens, kinds })
    }

    fn ids(&self) -> serde_json::Map<String, Json> {
        let numbered = self.tokens.iter().enumerate();
        numbered
            .map(|(id, token)| ((*token).to_owned(), json!(id)))
            .collect()
    }

    fn added(&self) -> Vec<Json> {
        let numbered = self.tokens.iter().zip(&self.kinds).enumerate();
        numbered
            .filter(|(_, (_, kind))| WHOLE_KINDS.contains(kind))
            .map(|(id, (token, kind))| {
                json!({
                    "id": id, "content": token, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": *kind == CONTROL_KIND,
                })
            })
            .collect()
    }
}

/// The token that a file names. Files write -1 or a number past the end for "none".
fn named_token(
    file: &Gguf<'_>,
    vocabulary: &Vocabulary<'_>,
    key: &str,
) -> Result<Option<u32>, ModelError> {
    if let Some(Value::Signed(..=-1)) = file.get(key) {
        return Ok(None);
    }
    let id = file.optional_integer(key)?;
    Ok(id
        .filter(|&id| id < vocabulary.tokens.len())
        .map(|id| id as u32))
}

fn texts<'a>(file: &'a Gguf<'_>, key: &str) -> Result<Vec<&'a str>, ModelError> {
    let list = file.optional_list(key)?.unwrap_or(&[]);
    list.iter()
        .map(|item| match item {
            Value::Text(text) => Ok(text.as_ref()),
            _ => Err(ModelError::unsupported(
                format!("GGUF metadata, {key}"),
                "a list of texts",
                "something else",
            )),
        })
        .collect()
}

/// Byte-pair encoding over bytes (GPT-2 and its heirs), in the form of a `tokenizer.json`.
fn byte_level_document(file: &Gguf<'_>, vocabulary: &Vocabulary<'_>) -> Result<Json, ModelError> {
    let merges = texts(file, "tokenizer.ggml.merges")?;
    let kind = file
        .optional_text("tokenizer.ggml.pre")?
        .unwrap_or("default");
    let split = byte_level_split(kind).ok_or_else(|| {
        ModelError::unsupported(
            "GGUF metadata, tokenizer.ggml.pre",
            BYTE_LEVEL_KINDS.join(", "),
            kind,
        )
    })?;
    Ok(json!({
        "version": "1.0",
        "added_tokens": vocabulary.added(),
        "normalizer": split.normalizer,
        "pre_tokenizer": split.pre_tokenizer,
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": split.ignores_merges, "vocab": vocabulary.ids(), "merges": merges,
        },
    }))
}

/// How a byte-level tokenizer splits a text into words.
pub(crate) struct ByteLevelSplit {
    pub normalizer: Json,
    pub pre_tokenizer: Json,
    /// A word that is a token stays whole.
    pub ignores_merges: bool,
}

/// The names of the known splits, as GGUF files have them.
pub(crate) const BYTE_LEVEL_KINDS: [&str; 4] = ["smollm", "llama-bpe", "qwen2", "gpt-2"];

/// The split of that name.
pub(crate) fn byte_level_split(kind: &str) -> Option<ByteLevelSplit> {
    let byte_level = |split_words: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": split_words});
    let split = |pattern: &str| {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            byte_level(false),
        ]})
    };
    let plain = |pre_tokenizer: Json| ByteLevelSplit {
        normalizer: Json::Null,
        pre_tokenizer,
        ignores_merges: false,
    };
    Some(match kind {
        "smollm" => plain(json!({"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": true},
            byte_level(true),
        ]})),
        "llama-bpe" | "llama3" | "llama-v3" => ByteLevelSplit {
            ignores_merges: true,
            ..plain(split(LLAMA_3_PATTERN))
        },
        "qwen2" => ByteLevelSplit {
            normalizer: json!({"type": "NFC"}),
            ..plain(split(QWEN_2_PATTERN))
        },
        "gpt-2" | "gpt2" | "default" => plain(byte_level(true)),
        _ => return None,
    })
}

/// SentencePiece's byte-pair encoding (Llama 2, Mistral), in the form of a `tokenizer.json`.
fn sentence_piece_document(
    file: &Gguf<'_>,
    vocabulary: &Vocabulary<'_>,
) -> Result<Json, ModelError> {
    let scores = file.optional_list("tokenizer.ggml.scores")?.unwrap_or(&[]);
    let merges = merges_from_scores(vocabulary, scores)?;
    let unknown_key = "tokenizer.ggml.unknown_token_id";
    let unknown = match file.get(unknown_key) {
        None => Some(0),
        Some(_) => named_token(file, vocabulary, unknown_key)?,
    };
    let unknown = unknown.map(|id| vocabulary.tokens[id as usize]);
    let prefix = file
        .optional_bool("tokenizer.ggml.add_space_prefix")?
        .unwrap_or(true);
    let mut normalizers =
        vec![json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})];
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        normalizers.insert(0, json!({"type": "Prepend", "prepend": "▁"}));
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    Ok(json!({
        "version": "1.0",
        "added_tokens": vocabulary.added(),
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true,
            "ignore_merges": false, "vocab": vocabulary.ids(), "merges": merges,
        },
    }))
}

/// Most bytes of a token that is joined of two: there are as many ways to do that as it has characters.
const JOINED_BYTES_MAX: usize = 512;
/// Most memory of all merges in bytes.
const MERGES_BYTES_MAX: usize = 256 << 20;

/// SentencePiece joins the two neighbours whose joint token has the best score. The same as a list
/// of merges: every way to make a token of two tokens, the best tokens first; ways to make one
/// token in the order of their parts' ids. Tokens over [`JOINED_BYTES_MAX`] are not joined.
///
/// # Errors
/// If there is not one score a token, or the merges would take over [`MERGES_BYTES_MAX`].
fn merges_from_scores(
    vocabulary: &Vocabulary<'_>,
    scores: &[Value<'_>],
) -> Result<Vec<[String; 2]>, ModelError> {
    let Vocabulary { tokens, kinds } = vocabulary;
    if scores.len() != tokens.len() {
        return Err(ModelError::unsupported(
            "GGUF metadata, tokenizer.ggml.scores",
            format!("{} scores, one a token", tokens.len()),
            scores.len(),
        ));
    }
    let ids: HashMap<&str, usize> = tokens
        .iter()
        .enumerate()
        .map(|(id, &text)| (text, id))
        .collect();
    let mut merges = Vec::new();
    let mut merges_bytes = 0;
    for ((&token, kind), score) in tokens.iter().zip(kinds).zip(scores) {
        let Value::Float(score) = score else {
            return Err(ModelError::unsupported(
                "GGUF metadata, tokenizer.ggml.scores",
                "numbers",
                "something else",
            ));
        };
        if UNJOINED_KINDS.contains(kind) || token.len() > JOINED_BYTES_MAX {
            continue;
        }
        let mut ways: Vec<_> = token
            .char_indices()
            .skip(1)
            .filter_map(|(at, _)| {
                let (left, right) = token.split_at(at);
                Some((*ids.get(left)?, *ids.get(right)?, left, right))
            })
            .collect();
        merges_bytes += ways.len() * (size_of::<[String; 2]>() + token.len());
        if merges_bytes > MERGES_BYTES_MAX {
            return Err(ModelError::Limit {
                what: "merges of a tokenizer in bytes",
                limit: MERGES_BYTES_MAX,
                found: merges_bytes,
            });
        }
        ways.sort_unstable_by_key(|&(left, right, ..)| (left, right));
        merges.extend(
            ways.into_iter()
                .map(|(_, _, left, right)| (*score, left, right)),
        );
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0));
    let pairs = merges.into_iter();
    Ok(pairs
        .map(|(_, left, right)| [left.to_owned(), right.to_owned()])
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merges of each of `letters` alone and up to 4,000 times.
    fn merges_of_repeated(letters: &str) -> Result<Vec<[String; 2]>, ModelError> {
        let repeated =
            |letter: char| (1..=4_000).map(move |count| letter.to_string().repeat(count));
        let texts: Vec<String> = letters.chars().flat_map(repeated).collect();
        let vocabulary = Vocabulary {
            tokens: texts.iter().map(String::as_str).collect(),
            kinds: vec![1; texts.len()],
        };
        merges_from_scores(&vocabulary, &vec![Value::Float(0.0); texts.len()])
    }

    #[test]
    fn long_tokens_make_no_more_merges_than_there_is_room_for() {
        let merges = merges_of_repeated("a").unwrap();
        let longest = merges.iter().map(|[left, right]| left.len() + right.len());
        assert_eq!(longest.max(), Some(JOINED_BYTES_MAX));
        let error = merges_of_repeated("abcdef").unwrap_err().to_string();
        assert!(error.contains("merges"), "{error}");
    }
}
