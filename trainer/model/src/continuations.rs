//! What a model expects along given continuations of contexts that mostly share their beginning.

use crate::{Decoder, ModelError, Segments, ops};

/// Tokens of a batch beside what its contexts share; a longer continuation is a batch of its own.
const BATCH_TOKENS: usize = 2_048;
/// Most rows of logits of a batch.
const BATCH_ROWS: usize = 128;

/// Tokens that follow a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// At least one token.
    pub context: Vec<u32>,
    pub tokens: Vec<u32>,
}

/// The logits (vocabulary) before each token of each continuation, given its context and the tokens
/// before it. What all contexts begin with is computed once for each batch. The same continuations give
/// the same bits.
///
/// # Errors
/// If a context is empty, a text is longer than the model allows, or has an unknown token.
pub fn continuation_logits(
    decoder: &Decoder,
    continuations: &[Continuation],
) -> Result<Vec<Vec<Vec<f32>>>, ModelError> {
    let mut logits = Vec::with_capacity(continuations.len());
    let shared = shared_length(continuations);
    let mut rest = continuations;
    while !rest.is_empty() {
        let (mut tokens, mut rows) = (0, 0);
        let fits = |continuation: &&Continuation| {
            tokens += continuation.context.len() + continuation.tokens.len() - shared;
            rows += continuation.tokens.len();
            tokens <= BATCH_TOKENS && rows <= BATCH_ROWS
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (batch, after) = rest.split_at(count);
        read(decoder, batch, shared, &mut logits)?;
        rest = after;
    }
    Ok(logits)
}

/// Tokens that all contexts begin with.
fn shared_length(continuations: &[Continuation]) -> usize {
    let Some((first, others)) = continuations.split_first() else {
        return 0;
    };
    others.iter().fold(first.context.len(), |length, other| {
        let pairs = first.context[..length].iter().zip(&other.context);
        pairs.take_while(|(a, b)| a == b).count()
    })
}

fn read(
    decoder: &Decoder,
    batch: &[Continuation],
    shared: usize,
    logits: &mut Vec<Vec<Vec<f32>>>,
) -> Result<(), ModelError> {
    let mut segments = Segments::new();
    let mut prefix = None;
    let mut wanted: Vec<u32> = Vec::new();
    for continuation in batch {
        let Continuation { context, tokens } = continuation;
        if context.is_empty() {
            return Err(ModelError::unsupported(
                "a context",
                "at least one token",
                "none",
            ));
        }
        decoder.check_length(context.len() + tokens.len())?;
        if prefix.is_none() && shared > 0 {
            prefix = Some(segments.push(None, &context[..shared]));
        }
        // The last token predicts nothing that is wanted.
        let before_last = tokens.len().saturating_sub(1);
        let own: Vec<u32> = context[shared..]
            .iter()
            .chain(&tokens[..before_last])
            .copied()
            .collect();
        let start = match own.is_empty() {
            true => 0,
            false => {
                let segment = segments.push(prefix, &own);
                segments.range(segment).start
            }
        };
        for place in 0..tokens.len() {
            // The token whose row tells of the one at `place`.
            let at = context.len() - 1 + place;
            let row = if at < shared { at } else { start + at - shared };
            wanted.push(row as u32);
        }
    }
    let mut rows = Vec::new();
    if !wanted.is_empty() {
        let x = decoder.embed(segments.tokens())?;
        let x = decoder.layers(&x, &segments, 0..decoder.config().layers)?;
        rows = decoder.logits(&ops::rows(&x, &wanted)?)?.to_vec2::<f32>()?;
    }
    let mut rows = rows.into_iter();
    for continuation in batch {
        logits.push(rows.by_ref().take(continuation.tokens.len()).collect());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contexts_share_is_found() {
        let of = |context: &[u32]| Continuation {
            context: context.to_vec(),
            tokens: vec![1],
        };
        assert_eq!(shared_length(&[]), 0);
        assert_eq!(shared_length(&[of(&[1, 2, 3])]), 3);
        assert_eq!(
            shared_length(&[of(&[1, 2, 3]), of(&[1, 2]), of(&[1, 2, 4])]),
            2
        );
        assert_eq!(shared_length(&[of(&[1]), of(&[2])]), 0);
    }
}
