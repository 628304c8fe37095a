//! A tokenizer as the metadata of a GGUF file: what [`Tokenizer::from_gguf`] reads, written.

use super::gguf_writer::Entry;
use crate::tokenizer::{BYTE_LEVEL_KINDS, byte_level_split};
use crate::{ModelError, Tokenizer};
use serde_json::Value as Json;

const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;

/// The entries of a byte-level tokenizer (GPT-2 and its heirs) with its chat template.
///
/// # Errors
/// If it is of another kind, such as SentencePiece, or splits words in a way that GGUF files have no
/// name for here.
pub fn metadata(tokenizer: &Tokenizer) -> Result<Vec<(&'static str, Entry)>, ModelError> {
    let document = tokenizer.document()?;
    let kind = split_kind(&document)?;
    let (tokens, kinds) = tokens(&document)?;
    let mut entries = vec![
        ("tokenizer.ggml.model", Entry::Text("gpt2".to_owned())),
        ("tokenizer.ggml.pre", Entry::Text(kind.to_owned())),
        ("tokenizer.ggml.tokens", Entry::Texts(tokens)),
        ("tokenizer.ggml.token_type", Entry::Integers(kinds)),
        ("tokenizer.ggml.merges", Entry::Texts(merges(&document)?)),
        (
            "tokenizer.ggml.add_bos_token",
            Entry::Truth(tokenizer.adds_first_token()?),
        ),
        ("tokenizer.ggml.add_space_prefix", Entry::Truth(false)),
    ];
    let marks = tokenizer.marks();
    for (key, token) in [
        ("tokenizer.ggml.bos_token_id", marks.first),
        ("tokenizer.ggml.eos_token_id", marks.last),
        ("tokenizer.ggml.unknown_token_id", marks.unknown),
        ("tokenizer.ggml.padding_token_id", marks.padding),
    ] {
        entries.extend(token.map(|token| (key, Entry::Integer(token))));
    }
    if let Some(template) = tokenizer.chat_template() {
        entries.push(("tokenizer.chat_template", Entry::Text(template.to_owned())));
    }
    Ok(entries)
}

/// The name that GGUF files have for how a tokenizer splits a text into words.
fn split_kind(document: &Json) -> Result<&'static str, ModelError> {
    let is_byte_level = document["model"]["type"] == "BPE"
        && document["model"]["byte_fallback"] != true
        && document["decoder"]["type"] == "ByteLevel";
    if !is_byte_level {
        return Err(ModelError::unsupported(
            "a tokenizer to write as GGUF",
            "byte-level byte-pair encoding",
            format!(
                "{} with the decoder {}: export from a GGUF file of this model, which has the scores",
                document["model"]["type"], document["decoder"]["type"]
            ),
        ));
    }
    let ignores_merges = document["model"]["ignore_merges"] == true;
    BYTE_LEVEL_KINDS
        .into_iter()
        .find(|kind| {
            byte_level_split(kind).is_some_and(|split| {
                essence(&split.pre_tokenizer) == essence(&document["pre_tokenizer"])
                    && split.normalizer == document["normalizer"]
                    && split.ignores_merges == ignores_merges
            })
        })
        .ok_or_else(|| {
            ModelError::unsupported(
                "tokenizer.json, pre_tokenizer",
                format!("the split of one of {}", BYTE_LEVEL_KINDS.join(", ")),
                &document["pre_tokenizer"],
            )
        })
}

/// A pre-tokenizer without what changes no token id.
fn essence(pre_tokenizer: &Json) -> Json {
    match pre_tokenizer {
        Json::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(key, _)| *key != "trim_offsets")
                .map(|(key, value)| (key.clone(), essence(value)));
            Json::Object(kept.collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(essence).collect()),
        other => other.clone(),
    }
}

/// The tokens in the order of their ids, and their types. Ids that are not used get a token that no
/// text has.
fn tokens(document: &Json) -> Result<(Vec<String>, Vec<i32>), ModelError> {
    let wrong = |found: &Json| {
        ModelError::unsupported("tokenizer.json, model.vocab", "an id for each token", found)
    };
    let id_of = |value: &Json| {
        value
            .as_u64()
            .and_then(|id| usize::try_from(id).ok())
            .filter(|id| *id <= VOCAB_MAX)
            .ok_or_else(|| wrong(value))
    };
    let vocab = document["model"]["vocab"]
        .as_object()
        .ok_or_else(|| wrong(&document["model"]["vocab"]))?;
    let mut named: Vec<(usize, &str, i32)> = Vec::with_capacity(vocab.len());
    for (token, id) in vocab {
        named.push((id_of(id)?, token, NORMAL));
    }
    for added in document["added_tokens"].as_array().into_iter().flatten() {
        let kind = match added["special"] == true {
            true => CONTROL,
            false => USER_DEFINED,
        };
        let content = added["content"].as_str().ok_or_else(|| wrong(added))?;
        named.push((id_of(&added["id"])?, content, kind));
    }
    let count = named.iter().map(|(id, ..)| id + 1).max().unwrap_or(0);
    let mut tokens: Vec<String> = (0..count).map(|id| format!("[PAD{id}]")).collect();
    let mut kinds = vec![UNUSED; count];
    // An added token comes after the vocabulary's own of the same id.
    for (id, token, kind) in named {
        token.clone_into(&mut tokens[id]);
        kinds[id] = kind;
    }
    Ok((tokens, kinds))
}

/// Greatest id of a token.
const VOCAB_MAX: usize = 1 << 24;

/// Each merge as its two parts with a space between.
fn merges(document: &Json) -> Result<Vec<String>, ModelError> {
    let list = document["model"]["merges"].as_array();
    list.into_iter()
        .flatten()
        .map(|merge| {
            let pair = || Some(format!("{} {}", merge[0].as_str()?, merge[1].as_str()?));
            merge
                .as_str()
                .map(str::to_owned)
                .or_else(pair)
                .ok_or_else(|| {
                    ModelError::unsupported(
                        "tokenizer.json, model.merges",
                        "pairs of tokens",
                        merge,
                    )
                })
        })
        .collect()
}
