//! The model that is taught: its weights twice (fast, and dense for gradients), its tokenizer and
//! the tokens of the ten levels.

use crate::device::load_options;
use crate::learn::frozen::FrozenLayers;
use crate::model_source::ModelSource;
use datasets::prompts::{Message, Prompt};
use model::{Decoder, LevelTokens, Tokenizer};
use std::sync::{Arc, Mutex, PoisonError};

pub struct Student {
    /// The weights as the file holds them; samples and evaluates.
    pub decoder: Decoder,
    /// Dense weights; learns.
    pub dense: Decoder,
    pub tokenizer: Tokenizer,
    pub levels: LevelTokens,
    /// Most MB of keys and values while it samples.
    pub memory_mb: usize,
    /// Shared by all that learn from the same layer on.
    frozen: Mutex<Option<Arc<FrozenLayers>>>,
}

impl Student {
    /// Loads a model for teaching.
    pub fn load(source: &ModelSource, memory_mb: usize) -> anyhow::Result<Self> {
        let (decoder, tokenizer) = source.load(&load_options(false)?)?;
        Self::new(decoder, tokenizer, memory_mb)
    }

    /// A decoder that is to be taught.
    pub fn new(decoder: Decoder, tokenizer: Tokenizer, memory_mb: usize) -> anyhow::Result<Self> {
        let dense = decoder.dequantized();
        let levels = LevelTokens::find(&tokenizer)?;
        Ok(Student {
            decoder,
            dense,
            tokenizer,
            levels,
            memory_mb,
            frozen: Mutex::default(),
        })
    }

    /// The layers below `first_layer`.
    pub fn frozen(&self, first_layer: usize) -> Arc<FrozenLayers> {
        let mut frozen = self.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = frozen.take().filter(|known| known.end() == first_layer);
        let layers =
            known.unwrap_or_else(|| Arc::new(FrozenLayers::new(&self.decoder, first_layer)));
        *frozen = Some(layers.clone());
        layers
    }

    /// The prompt of a bare question, as the taught model is asked everywhere: the chat template
    /// over one user message, and the start of the assistant's turn.
    pub fn prompt(&self, question: &str) -> anyhow::Result<Vec<u32>> {
        prompt_tokens(&self.tokenizer, &Prompt::default().messages(question))
    }
}

/// A conversation as tokens that the assistant's turn goes on from.
pub fn prompt_tokens(tokenizer: &Tokenizer, messages: &[Message]) -> anyhow::Result<Vec<u32>> {
    let messages: Vec<model::Message> = messages
        .iter()
        .map(|message| model::Message::new(&message.role, &message.content))
        .collect();
    Ok(tokenizer.chat_tokens(&messages, true)?)
}
