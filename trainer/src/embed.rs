//! Sentence embeddings: all-MiniLM-L6-v2, or any BERT of that form, as sentence-transformers
//! computes them (mean of the last layer over all tokens, scaled to length 1).

use crate::error::bad_input;
use crate::model_source::{ModelFiles, ModelSource};
use anyhow::Context;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use std::collections::BTreeMap;
use std::path::Path;
use tokenizers::{Tokenizer, TruncationParams};

/// Tokens of a text that are read; the rest is cut, as sentence-transformers does for this model.
const TOKENS_MAX: usize = 256;
/// Texts computed at once.
const BATCH_MAX: usize = 64;

/// A sentence encoder.
pub struct Embedder {
    name: String,
    bert: BertModel,
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
        let config: Config =
            serde_json::from_slice(&read("config.json")?).context("config.json")?;
        let mut tokenizer = Tokenizer::from_bytes(read("tokenizer.json")?)
            .map_err(|error| anyhow::anyhow!("tokenizer.json: {error}"))?;
        tokenizer.with_padding(None);
        let truncation = TruncationParams {
            max_length: TOKENS_MAX.min(config.max_position_embeddings),
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
        let mean = hidden.mean(1)?; // (texts, dimensions)
        let norm = mean
            .sqr()?
            .sum_keepdim(1)?
            .sqrt()?
            .clamp(1e-12_f32, f32::MAX)?;
        Ok(mean.broadcast_div(&norm)?.to_vec2()?)
    }
}
