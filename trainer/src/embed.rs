//! Sentence embeddings, from a model in this process or over HTTP ([`http`]).
//!
//! Here: all-MiniLM-L6-v2, or any other BERT (BGE, E5, GTE, …), as sentence-transformers computes them:
//! the last layer, pooled over the tokens as the model's `1_Pooling/config.json` says (their mean where
//! there is none), scaled to length 1.

pub mod http;

use crate::endpoint::Spent;
use crate::error::bad_input;
use crate::model_source::{self, ModelFiles, ModelSource};
use anyhow::Context;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use datasets::RunConfig;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use tokenizers::{Tokenizer, TruncationParams};

/// Tokens of a text that are read where the model does not say (`sentence_bert_config.json`); the rest
/// is cut.
const TOKENS_MAX: usize = 256;
/// Texts computed at once.
const BATCH_MAX: usize = 64;

/// What a group of texts became: an embedding each, or why there is none.
pub type Embedded = Result<Vec<Vec<f32>>, String>;

/// Something that embeds texts.
pub trait SentenceEncoder {
    /// What it was asked for as, for the record.
    fn name(&self) -> &str;

    /// Embeds groups of texts; `on_done(group, embedded)` is called once for each, in any order, and may
    /// end the whole by [`ControlFlow::Break`]. All embeddings have one length, and none is 0.
    ///
    /// # Errors
    /// Where no group can be embedded any more.
    fn embed_groups(
        &self,
        groups: &[Vec<String>],
        on_done: &mut dyn FnMut(usize, Embedded) -> ControlFlow<()>,
    ) -> anyhow::Result<()>;

    /// What was asked of an endpoint so far, where there is one.
    fn spent(&self) -> Option<Spent> {
        None
    }
}

/// The encoder that a configuration clusters by, behind its endpoint or here, and the SHA-256 of its
/// weights in hex, empty for an endpoint.
///
/// # Errors
/// Exit code 2 for a model that is not known, or is no encoder; of the disk.
pub fn encoder(
    config: &RunConfig,
    quiet: bool,
) -> anyhow::Result<(Box<dyn SentenceEncoder>, String)> {
    if let Some(endpoint) = &config.cluster.endpoint {
        let encoder = http::HttpEmbedder::new(endpoint, &config.embedder)?;
        return Ok((Box::new(encoder), String::new()));
    }
    let source = model_source::resolve(&config.embedder, quiet)?;
    Ok((Box::new(Embedder::load(&source)?), source.sha256()?))
}

/// Embeds texts as one group.
///
/// # Errors
/// Of the encoder, and where it gave none.
pub fn embed_all(encoder: &dyn SentenceEncoder, texts: &[&str]) -> anyhow::Result<Vec<Vec<f32>>> {
    let group = texts.iter().map(|text| (*text).to_owned()).collect();
    let mut embedded = Err("nothing came".to_owned());
    encoder.embed_groups(&[group], &mut |_, came| {
        embedded = came;
        ControlFlow::Continue(())
    })?;
    embedded.map_err(|reason| anyhow::anyhow!("{}: {reason}", encoder.name()))
}

/// How the tokens' vectors become one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pooling {
    Mean,
    FirstToken,
    Max,
}

/// `1_Pooling/config.json` of sentence-transformers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingFile {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

impl PoolingFile {
    fn pooling(&self) -> anyhow::Result<Pooling> {
        let others = self.pooling_mode_mean_sqrt_len_tokens
            || self.pooling_mode_weightedmean_tokens
            || self.pooling_mode_lasttoken;
        let modes = [
            (self.pooling_mode_mean_tokens, Pooling::Mean),
            (self.pooling_mode_cls_token, Pooling::FirstToken),
            (self.pooling_mode_max_tokens, Pooling::Max),
        ];
        let chosen: Vec<Pooling> = modes
            .into_iter()
            .filter_map(|(is_chosen, pooling)| is_chosen.then_some(pooling))
            .collect();
        match (chosen.as_slice(), others) {
            ([pooling], false) => Ok(*pooling),
            _ => anyhow::bail!(
                "expected one way of pooling: the mean, the first token or the greatest value"
            ),
        }
    }
}

/// `sentence_bert_config.json` of sentence-transformers.
#[derive(Deserialize)]
struct LengthFile {
    max_seq_length: Option<usize>,
}

/// A sentence encoder in this process.
pub struct Embedder {
    name: String,
    bert: BertModel,
    pooling: Pooling,
    tokenizer: Tokenizer,
    dimensions: usize,
}

impl Embedder {
    /// Loads `config.json`, `tokenizer.json` and `model.safetensors` of a folder.
    ///
    /// # Errors
    /// Exit code 2 where the folder holds another kind of model.
    pub fn load(source: &ModelSource) -> anyhow::Result<Self> {
        let ModelFiles::Folder(folder) = &source.files else {
            return Err(bad_input(format!(
                "{} is a GGUF file; a sentence encoder is a folder with config.json, tokenizer.json \
                 and model.safetensors",
                source.name
            )));
        };
        Self::load_folder(&source.name, folder).map_err(|error| {
            bad_input(format!(
                "{}: no sentence encoder: {error:#}",
                folder.display()
            ))
        })
    }

    fn load_folder(name: &str, folder: &Path) -> anyhow::Result<Self> {
        let read = |file: &str| std::fs::read(folder.join(file)).with_context(|| file.to_owned());
        let optional = |file: &str| match folder.join(file).is_file() {
            true => read(file).map(Some),
            false => Ok(None),
        };
        let config: Config =
            serde_json::from_slice(&read("config.json")?).context("config.json")?;
        if let Some(kind) = config.model_type.as_deref().filter(|kind| *kind != "bert") {
            anyhow::bail!(
                "config.json: found a model of type {kind}, expected bert; others can be served by an \
                 embeddings endpoint"
            );
        }
        const POOLING: &str = "1_Pooling/config.json";
        let pooling = match optional(POOLING)? {
            None => Pooling::Mean,
            Some(bytes) => serde_json::from_slice::<PoolingFile>(&bytes)
                .map_err(anyhow::Error::from)
                .and_then(|file| file.pooling())
                .context(POOLING)?,
        };
        const LENGTH: &str = "sentence_bert_config.json";
        let tokens_max = match optional(LENGTH)? {
            None => None,
            Some(bytes) => {
                serde_json::from_slice::<LengthFile>(&bytes)
                    .context(LENGTH)?
                    .max_seq_length
            }
        };
        let mut tokenizer = Tokenizer::from_bytes(read("tokenizer.json")?)
            .map_err(|error| anyhow::anyhow!("tokenizer.json: {error}"))?;
        tokenizer.with_padding(None);
        let truncation = TruncationParams {
            max_length: tokens_max
                .unwrap_or(TOKENS_MAX)
                .clamp(1, config.max_position_embeddings.max(1)),
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| anyhow::anyhow!("tokenizer.json: {error}"))?;
        let weights = VarBuilder::from_buffered_safetensors(
            read("model.safetensors")?,
            DType::F32,
            &Device::Cpu,
        )
        .context("model.safetensors")?;
        let dimensions = config.hidden_size;
        let bert = BertModel::load(weights, &config).context("model.safetensors")?;
        Ok(Embedder {
            name: name.to_owned(),
            bert,
            pooling,
            tokenizer,
            dimensions,
        })
    }

    /// What it was asked for as.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Length of an embedding.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// One embedding of length 1 a text.
    ///
    /// Texts of the same number of tokens are computed together, so that nothing is padded.
    pub fn embed<S: AsRef<str>>(&self, texts: &[S]) -> anyhow::Result<Vec<Vec<f32>>> {
        let mut by_length: BTreeMap<usize, Vec<(usize, Vec<u32>)>> = BTreeMap::new();
        for (index, text) in texts.iter().enumerate() {
            let encoding = self
                .tokenizer
                .encode(text.as_ref(), true)
                .map_err(|error| anyhow::anyhow!("the text {:?}: {error}", text.as_ref()))?;
            let ids = encoding.get_ids().to_vec();
            by_length.entry(ids.len()).or_default().push((index, ids));
        }
        let mut embeddings = vec![Vec::new(); texts.len()];
        for (length, rows) in by_length {
            for batch in rows.chunks(BATCH_MAX) {
                let ids: Vec<u32> = batch
                    .iter()
                    .flat_map(|(_, ids)| ids.iter().copied())
                    .collect();
                let pooled = self.pool(ids, batch.len(), length)?;
                for ((index, _), embedding) in batch.iter().zip(pooled) {
                    embeddings[*index] = embedding;
                }
            }
        }
        Ok(embeddings)
    }

    fn pool(&self, ids: Vec<u32>, texts: usize, length: usize) -> anyhow::Result<Vec<Vec<f32>>> {
        let ids = Tensor::from_vec(ids, (texts, length), &Device::Cpu)?;
        let token_types = ids.zeros_like()?;
        let hidden = self.bert.forward(&ids, &token_types, None)?; // (texts, tokens, dimensions)
        // (texts, dimensions)
        let pooled = match self.pooling {
            Pooling::Mean => hidden.mean(1)?,
            Pooling::FirstToken => hidden.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Max => hidden.max(1)?,
        };
        let norm = pooled
            .sqr()?
            .sum_keepdim(1)?
            .sqrt()?
            .clamp(1e-12_f32, f32::MAX)?;
        Ok(pooled.broadcast_div(&norm)?.to_vec2()?)
    }
}

impl SentenceEncoder for Embedder {
    fn name(&self) -> &str {
        Embedder::name(self)
    }

    /// A group's texts are computed together, and with no other's, so that the result does not depend
    /// on where an interrupted run went on.
    fn embed_groups(
        &self,
        groups: &[Vec<String>],
        on_done: &mut dyn FnMut(usize, Embedded) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        for (group, texts) in groups.iter().enumerate() {
            if on_done(group, Ok(self.embed(texts)?)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_of_pooling_is_read() {
        let pooling = |text: &str| {
            serde_json::from_str::<PoolingFile>(text)
                .unwrap()
                .pooling()
                .ok()
        };
        let mean = r#"{"word_embedding_dimension":384,"pooling_mode_mean_tokens":true}"#;
        assert_eq!(pooling(mean), Some(Pooling::Mean));
        let first = r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#;
        assert_eq!(pooling(first), Some(Pooling::FirstToken));
        let both = r#"{"pooling_mode_cls_token":true,"pooling_mode_max_tokens":true}"#;
        assert_eq!(pooling(both), None);
        assert_eq!(pooling(r#"{"pooling_mode_lasttoken":true}"#), None);
    }
}
