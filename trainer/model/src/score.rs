//! Log-probabilities of texts.

use crate::{Decoder, ModelError, Segments};

/// Tokens of a batch; a longer text is a batch of its own.
const BATCH_TOKENS: usize = 2_048;

/// Natural log of the probability of each token after the first, given those before it; each text
/// on its own. A text of one token or none gives an empty list. Results do not depend on what else
/// is scored.
///
/// # Errors
/// If a text is longer than the model allows, or has an unknown token.
pub fn score(decoder: &Decoder, texts: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, ModelError> {
    let mut scores = vec![Vec::new(); texts.len()];
    let mut batch = Vec::new();
    let mut tokens = 0;
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| text.len() > 1) {
        // The last token predicts nothing that is wanted.
        let length = text.len() - 1;
        if tokens > 0 && tokens + length > BATCH_TOKENS {
            score_batch(decoder, texts, &batch, &mut scores)?;
            batch.clear();
            tokens = 0;
        }
        batch.push(index);
        tokens += length;
    }
    if !batch.is_empty() {
        score_batch(decoder, texts, &batch, &mut scores)?;
    }
    Ok(scores)
}

fn score_batch(
    decoder: &Decoder,
    texts: &[Vec<u32>],
    batch: &[usize],
    scores: &mut [Vec<f32>],
) -> Result<(), ModelError> {
    let mut segments = Segments::new();
    let mut targets = Vec::new();
    for &index in batch {
        let text = &texts[index];
        decoder.check_length(text.len())?;
        segments.push(None, &text[..text.len() - 1]);
        targets.extend_from_slice(&text[1..]);
    }
    let x = decoder.embed(segments.tokens())?;
    let x = decoder.layers(&x, &segments, 0..decoder.config().layers)?;
    let logprobs = decoder.token_logprobs(&x, &targets)?.to_vec1::<f32>()?;
    let mut logprobs = logprobs.into_iter();
    for &index in batch {
        scores[index] = logprobs.by_ref().take(texts[index].len() - 1).collect();
    }
    Ok(())
}
