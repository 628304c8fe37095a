//! Choosing the next token.

use crate::softmax::{log_sum_exp, row_max, sum_of_exp_scaled};

/// A chosen token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampled {
    /// The token.
    pub token: u32,
    /// Its natural log-probability under the model itself: temperature 1, no cut.
    pub logprob: f32,
}

/// Logits summed at a time: the draw first finds the block, then the token in it.
const BLOCK: usize = 256;

/// Chooses a token of `logits` by the uniform draw `u` in [0, 1), without sorting them all.
///
/// - `temperature` 0, or below all normal numbers, takes the greatest logit (the first of equals).
/// - `top_k` keeps that many of the greatest logits (0: all; of equals the first).
/// - `top_p` keeps the least set of most probable tokens, at the temperature and after `top_k`,
///   whose probability reaches it (1 or more: all).
///
/// Tokens are laid on [0, 1) in the order of their numbers, in proportion to their probability.
/// NaN and -∞ are never chosen; if all logits are such, or there are none, the answer is token 0
/// with log-probability -∞.
pub fn sample_token(logits: &[f32], temperature: f32, top_k: usize, top_p: f32, u: f64) -> Sampled {
    let max = row_max(logits);
    if max == f32::NEG_INFINITY {
        return Sampled {
            token: 0,
            logprob: f32::NEG_INFINITY,
        };
    }
    let cut_k = top_k > 0 && top_k < logits.len();
    let token = if temperature < f32::MIN_POSITIVE || top_k == 1 || max == f32::INFINITY {
        first_of(logits, max)
    } else if cut_k || top_p < 1.0 {
        let mut kept = if cut_k {
            weighted(&greatest(logits, top_k), logits, max, temperature)
        } else {
            most_probable(logits, max, temperature, f64::from(top_p))
        };
        if top_p < 1.0 {
            let all = if cut_k {
                kept.iter().map(|kept| kept.weight).sum()
            } else {
                total(logits, max, temperature)
            };
            keep_mass(&mut kept, f64::from(top_p) * all);
        }
        kept.sort_unstable_by_key(|kept| kept.token);
        let mut left = u * kept.iter().map(|kept| kept.weight).sum::<f64>();
        draw(kept.iter().map(|kept| (kept.token, kept.weight)), &mut left)
    } else {
        draw_from_all(logits, max, temperature, u)
    };
    Sampled {
        token,
        logprob: logits[token as usize] - log_sum_exp(logits),
    }
}

/// The `k` most probable tokens of `logits`, the most probable first (of equals the first), each with its
/// natural log-probability under the model itself. Fewer where there are no more; NaN and -∞ are left out.
pub fn most_probable_tokens(logits: &[f32], k: usize) -> Vec<Sampled> {
    if k == 0 || logits.is_empty() {
        return Vec::new();
    }
    let mut tokens = greatest(logits, k);
    tokens.sort_unstable_by(|a, b| descending(logits, *a, *b));
    let total = log_sum_exp(logits);
    let sampled = |token: u32| Sampled {
        token,
        logprob: logits[token as usize] - total,
    };
    tokens.into_iter().map(sampled).collect()
}

/// The natural log-probability of a token of `logits`.
pub fn token_logprob(logits: &[f32], token: u32) -> f32 {
    logits[token as usize] - log_sum_exp(logits)
}

fn first_of(logits: &[f32], max: f32) -> u32 {
    logits.iter().position(|&x| x == max).unwrap_or(0) as u32
}

/// The unnormalised probability of a logit; 0 for NaN.
fn weight(logit: f32, max: f32, temperature: f32) -> f64 {
    let weight = f64::from((logit - max) / temperature).exp();
    if weight.is_nan() { 0.0 } else { weight }
}

/// A token that is kept, with its logit and unnormalised probability.
#[derive(Clone, Copy)]
struct Kept {
    token: u32,
    logit: f32,
    weight: f64,
}

fn weighted(tokens: &[u32], logits: &[f32], max: f32, temperature: f32) -> Vec<Kept> {
    tokens
        .iter()
        .map(|&token| {
            let logit = logits[token as usize];
            Kept {
                token,
                logit,
                weight: weight(logit, max, temperature),
            }
        })
        .collect()
}

/// Keeps the least number of most probable tokens whose weights reach `mass`: the middle one is
/// found, and then the half in which the limit lies is looked at.
fn keep_mass(kept: &mut Vec<Kept>, mut mass: f64) {
    let (mut start, mut end) = (0, kept.len());
    while end - start > 1 {
        let middle = (end - start) / 2;
        kept[start..end].select_nth_unstable_by(middle - 1, |a, b| {
            b.logit.total_cmp(&a.logit).then(a.token.cmp(&b.token))
        });
        let upper: f64 = kept[start..start + middle]
            .iter()
            .map(|kept| kept.weight)
            .sum();
        if upper >= mass {
            end = start + middle;
        } else {
            mass -= upper;
            start += middle;
        }
    }
    kept.truncate(end);
}

/// The sum of all unnormalised probabilities.
fn total(logits: &[f32], max: f32, temperature: f32) -> f64 {
    logits
        .chunks(BLOCK)
        .map(|block| f64::from(sum_of_exp_scaled(block, max, 1.0 / temperature)))
        .sum()
}

fn descending(logits: &[f32], a: u32, b: u32) -> std::cmp::Ordering {
    logits[b as usize]
        .total_cmp(&logits[a as usize])
        .then(a.cmp(&b))
}

/// The first token at which the running sum of weights passes `left`; else the last of any weight.
fn draw(tokens: impl Iterator<Item = (u32, f64)>, left: &mut f64) -> u32 {
    let mut last = 0;
    for (token, weight) in tokens {
        if weight > 0.0 {
            last = token;
            if *left < weight {
                return token;
            }
            *left -= weight;
        }
    }
    last
}

fn draw_from_all(logits: &[f32], max: f32, temperature: f32, u: f64) -> u32 {
    let sums: Vec<f64> = logits
        .chunks(BLOCK)
        .map(|block| f64::from(sum_of_exp_scaled(block, max, 1.0 / temperature)))
        .collect();
    let mut left = u * sums.iter().sum::<f64>();
    let blocks = sums
        .iter()
        .enumerate()
        .map(|(block, &sum)| (block as u32, sum));
    let block = draw(blocks, &mut left) as usize;
    let start = block * BLOCK;
    let end = (start + BLOCK).min(logits.len());
    let tokens = (start..end).map(|i| (i as u32, weight(logits[i], max, temperature)));
    draw(tokens, &mut left)
}

/// The `k` greatest logits' tokens, in any order.
fn greatest(logits: &[f32], k: usize) -> Vec<u32> {
    const STRIP: usize = 64;
    // The k-th greatest of the strips' maxima is no more than the k-th greatest logit.
    let mut maxima: Vec<f32> = logits.chunks(STRIP).map(row_max).collect();
    let floor = if k <= maxima.len() {
        let (_, floor, _) = maxima.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        *floor
    } else {
        f32::NEG_INFINITY
    };
    let mut tokens = at_least(logits, floor);
    if tokens.len() > k {
        tokens.select_nth_unstable_by(k - 1, |a, b| descending(logits, *a, *b));
        tokens.truncate(k);
    }
    tokens
}

/// Tokens with a logit of at least `floor`, never NaN or -∞.
fn at_least(logits: &[f32], floor: f32) -> Vec<u32> {
    let mut tokens = Vec::new();
    for (block, values) in logits.chunks(BLOCK).enumerate() {
        if row_max(values) < floor {
            continue;
        }
        for (i, &x) in values.iter().enumerate() {
            if x >= floor && x > f32::NEG_INFINITY {
                tokens.push((block * BLOCK + i) as u32);
            }
        }
    }
    tokens
}

/// Tokens that hold the most probable ones up to `top_p`: those above a floor that is lowered
/// until they are enough.
fn most_probable(logits: &[f32], max: f32, temperature: f32, top_p: f64) -> Vec<Kept> {
    let reach = top_p * total(logits, max, temperature);
    let mut depth = 4.0;
    loop {
        let tokens = at_least(logits, max - depth * temperature);
        let kept = weighted(&tokens, logits, max, temperature);
        // Beyond 88, weights are nothing.
        if depth > 100.0 || kept.iter().map(|kept| kept.weight).sum::<f64>() >= reach {
            return kept;
        }
        depth *= 1.5;
    }
}
