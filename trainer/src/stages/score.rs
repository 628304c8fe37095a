//! `score`: the log-probability of each token of a text, given those before it.

use crate::stages::StageContext;
use model::{Decoder, Tokenizer};
use serde::{Deserialize, Serialize};

/// Texts whose tokens are scored together.
const TEXTS_AT_ONCE: usize = 64;

/// A line of the input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Text {
    pub text: String,
}

/// A line of the output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The tokens of the text; no special token is added.
    pub token_ids: Vec<u32>,
    /// ln P(token | those before it) of each token after the first.
    pub logprobs: Vec<f32>,
}

/// Scores texts in order; `each` is given each result as soon as it is there.
///
/// # Errors
/// Names the text, by its number from 1, that is longer than the model reads.
pub fn score(
    context: &StageContext<'_>,
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    texts: &[Text],
    each: &mut dyn FnMut(Scored) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let tokens_max = decoder.config().context;
    let mut progress = crate::events::Progress::start(context, 0, texts.len() as u64, "texts")?;
    for (part, of_part) in texts.chunks(TEXTS_AT_ONCE).enumerate() {
        let tokens = of_part
            .iter()
            .enumerate()
            .map(|(index, text)| {
                let tokens = tokenizer.encode(&text.text, false)?;
                if tokens.len() > tokens_max {
                    return Err(crate::error::bad_input(format!(
                        "text {}: {} tokens, the model reads {tokens_max}",
                        part * TEXTS_AT_ONCE + index + 1,
                        tokens.len()
                    )));
                }
                Ok(tokens)
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let logprobs = model::score(decoder, &tokens)?;
        for (token_ids, logprobs) in tokens.into_iter().zip(logprobs) {
            each(Scored {
                token_ids,
                logprobs,
            })?;
        }
        progress.advance(of_part.len() as u64)?;
    }
    progress.finish()
}
