//! Drawing a token for each row.

use super::row::Row;
use super::{Decoding, ScoredToken};
use kernels::Sampled;
use std::sync::Mutex;

/// A token that was drawn, and the most probable ones beside it, where they are told.
pub(super) struct Drawn {
    pub sampled: Sampled,
    pub top: Vec<(u32, f32)>,
}

/// Draws a token for each row, by its decoding, with so many of the most probable ones. Each takes one
/// number of its own generator (none when greedy).
pub(super) fn draw<'a>(
    rows: &mut [Row],
    logits: &[&[f32]],
    how: impl Fn(&Row) -> (&'a Decoding, usize),
) -> Vec<Drawn> {
    let draws: Vec<(&Decoding, usize, f64)> = rows
        .iter_mut()
        .map(|row| {
            let (decoding, top) = how(row);
            let uniform = match decoding.temperature > 0.0 {
                true => row.uniform(),
                false => 0.0,
            };
            (decoding, top, uniform)
        })
        .collect();
    in_parallel(draws.len(), |at| {
        let (decoding, top, uniform) = draws[at];
        let &Decoding {
            temperature,
            top_k,
            top_p,
            ..
        } = decoding;
        let sampled =
            kernels::sample_token(logits[at], temperature as f32, top_k, top_p as f32, uniform);
        Drawn {
            sampled,
            top: most_probable(logits[at], top),
        }
    })
}

/// What the model thought of tokens that are given, each by the logits in its place.
pub(super) fn score(places: &[(u32, &[f32], usize)]) -> Vec<ScoredToken> {
    in_parallel(places.len(), |at| {
        let (token, logits, top) = places[at];
        ScoredToken {
            token,
            logprob: kernels::token_logprob(logits, token),
            top: most_probable(logits, top),
        }
    })
}

fn most_probable(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    let tokens = kernels::most_probable_tokens(logits, count);
    let pairs = tokens.into_iter().map(|one| (one.token, one.logprob));
    pairs.collect()
}

/// `make` of each of `0..count`, in their order, on the kernels' threads.
fn in_parallel<T: Send>(count: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let made: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    kernels::in_parallel(count, |at| {
        if let Ok(mut made) = made[at].lock() {
            *made = Some(make(at));
        }
    });
    made.into_iter()
        .enumerate()
        .map(|(at, made)| {
            // Each is made once; a panic on another thread has come through to this one.
            made.into_inner().ok().flatten().unwrap_or_else(|| make(at))
        })
        .collect()
}
