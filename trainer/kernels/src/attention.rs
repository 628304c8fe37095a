//! Attention over spans of keys and values, grouped-query, with its gradient.
//!
//! A token's keys are one sequence, whatever spans they come in: results do not depend on how the
//! sequence is cut into spans, so a prompt may be shared or not.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::features::for_each_instruction_set;
use crate::norm::dot;
use crate::parallel::{self, Shared};
use crate::softmax::{exp_of_difference, row_max, row_scale};

/// The sizes of attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionShape {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Values a head.
    pub head_dim: usize,
    /// Factor of the scores: as a rule `1 / sqrt(head_dim)`.
    pub scale: f32,
}

/// Keys and values of one source, each (rows, kv_heads, head_dim).
#[derive(Clone, Copy, Debug)]
pub struct KeyValues<'a> {
    /// Keys, already rotated.
    pub keys: &'a [f32],
    /// Values.
    pub values: &'a [f32],
}

/// Contiguous rows of one source that a token attends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which of the sources.
    pub source: usize,
    /// Its rows.
    pub rows: Range<usize>,
}

/// For each query token the spans that it attends to, in order.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    spans: Vec<Span>,
    ends: Vec<usize>,
}

impl Spans {
    /// No tokens yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next token with its spans; empty ones are dropped.
    pub fn push(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.spans
            .extend(spans.into_iter().filter(|span| !span.rows.is_empty()));
        self.ends.push(self.spans.len());
    }

    /// Number of query tokens.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The spans of a token.
    pub fn of(&self, token: usize) -> &[Span] {
        let start = if token == 0 { 0 } else { self.ends[token - 1] };
        &self.spans[start..self.ends[token]]
    }

    /// The same, but each token attends to at most the last `keys` of its keys; `None` where none has
    /// more.
    pub fn last(&self, keys: usize) -> Option<Self> {
        if (0..self.len()).all(|token| self.keys(token) <= keys) {
            return None;
        }
        let mut last = Self::new();
        for token in 0..self.len() {
            let mut left_out = self.keys(token).saturating_sub(keys);
            last.push(self.of(token).iter().map(|span| {
                let out = left_out.min(span.rows.len());
                left_out -= out;
                Span {
                    source: span.source,
                    rows: span.rows.start + out..span.rows.end,
                }
            }));
        }
        Some(last)
    }

    /// Keys that a token attends to.
    pub fn keys(&self, token: usize) -> usize {
        self.of(token).iter().map(|span| span.rows.len()).sum()
    }
}

/// Keys times heads below which one thread is faster than two.
const SERIAL_SCORES: usize = 1 << 10;

/// Attention: `out` (n, heads, head_dim) of queries `q` (n, heads, head_dim), one entry of `spans`
/// a query token. `lse` (n, heads), if given, gets the log-sum-exp of the scaled scores, which
/// [`attention_backward`] needs. A token without keys gives zeros, and -∞ in `lse`.
pub fn attention(
    shape: AttentionShape,
    q: &[f32],
    sources: &[KeyValues<'_>],
    spans: &Spans,
    out: &mut [f32],
    lse: Option<&mut [f32]>,
) {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        ..
    } = shape;
    let n = spans.len();
    check(shape, kv_heads > 0 && heads.is_multiple_of(kv_heads));
    check(
        shape,
        q.len() == n * heads * head_dim && out.len() == q.len(),
    );
    check(shape, lse.as_ref().is_none_or(|lse| lse.len() == n * heads));
    check_spans(shape, sources, spans);
    let width = kv_heads * head_dim;
    let mut unused = Vec::new();
    let keep = lse.is_some();
    let lse = Shared::new(lse.unwrap_or(&mut unused));
    let out = Shared::new(out);
    let cuts = equal_cuts(spans, parts(spans, heads));
    parallel::run(parallel::threads(), cuts.len() - 1, |part| {
        let mut keys = Vec::new();
        let mut values = Vec::new();
        let mut scores = Vec::new();
        for token in cuts[part]..cuts[part + 1] {
            keys.clear();
            values.clear();
            for span in spans.of(token) {
                let source = sources[span.source];
                let range = span.rows.start * width..span.rows.end * width;
                keys.extend(source.keys[range.clone()].chunks_exact(width));
                values.extend(source.values[range].chunks_exact(width));
            }
            let count = keys.len();
            scores.resize(GROUP_MAX * count, 0.0);
            for (head, group) in head_groups(shape) {
                let at = (token * heads + head) * head_dim;
                let range = at..at + group * head_dim;
                // SAFETY: each (token, head) belongs to one task.
                let out = unsafe { out.part(at, group * head_dim) };
                let offset = head / (heads / kv_heads) * head_dim;
                let scores = &mut scores[..group * count];
                let view = View {
                    rows: &keys,
                    offset,
                    head_dim,
                };
                dots(&q[range], view, shape.scale, scores);
                for i in 0..group {
                    let mut total = f32::NEG_INFINITY;
                    if count > 0 {
                        let scores = &mut scores[i * count..][..count];
                        let max = row_max(scores);
                        let sum = exp_of_difference(scores, max);
                        row_scale(scores, 1.0 / sum);
                        total = max + sum.ln();
                    }
                    if keep {
                        // SAFETY: as above.
                        let slot = unsafe { lse.part(token * heads + head + i, 1) };
                        slot[0] = total;
                    }
                }
                let view = View {
                    rows: &values,
                    ..view
                };
                weighted_sum(scores, view, out);
            }
        }
    });
}

/// Query heads at a time that share a key and value head: their sums fit in registers.
const GROUP_MAX: usize = 3;

/// The query heads by groups (first, number) that share a key and value head.
fn head_groups(shape: AttentionShape) -> impl Iterator<Item = (usize, usize)> {
    let per_kv = shape.heads / shape.kv_heads;
    // 12 vectors of 16 values of sums, 12 of queries, and some to spare.
    let most = (12 * 16 / shape.head_dim.max(1)).clamp(1, GROUP_MAX);
    (0..shape.kv_heads).flat_map(move |kv| {
        (0..per_kv)
            .step_by(most)
            .map(move |first| (kv * per_kv + first, most.min(per_kv - first)))
    })
}

/// One head of some rows of keys or values.
#[derive(Clone, Copy)]
struct View<'a> {
    rows: &'a [&'a [f32]],
    offset: usize,
    head_dim: usize,
}

impl View<'_> {
    /// That every row has the head.
    fn check(self) {
        let end = self.offset + self.head_dim;
        assert!(self.rows.iter().all(|row| row.len() >= end));
    }
}

fn check(shape: AttentionShape, fits: bool) {
    assert!(
        fits,
        "attention: the slices do not have the lengths of {shape:?}"
    );
}

fn check_spans(shape: AttentionShape, sources: &[KeyValues<'_>], spans: &Spans) {
    let width = shape.kv_heads * shape.head_dim;
    for source in sources {
        check(shape, source.keys.len() == source.values.len());
    }
    for span in &spans.spans {
        let source = sources[span.source];
        check(
            shape,
            span.rows.end.saturating_mul(width) <= source.keys.len(),
        );
    }
}

/// Tasks for this much work, on the threads that there are.
fn parts(spans: &Spans, heads: usize) -> usize {
    let scores: usize = spans
        .spans
        .iter()
        .map(|span| span.rows.len())
        .sum::<usize>()
        * heads;
    match parallel::threads() {
        1 => 1,
        threads => (scores / SERIAL_SCORES).clamp(1, threads * 4),
    }
}

/// Cuts the tokens into at most `parts` runs of about the same number of keys: the runs' bounds.
fn equal_cuts(spans: &Spans, parts: usize) -> Vec<usize> {
    // A token costs something even without keys.
    const TOKEN_COST: usize = 4;
    let n = spans.len();
    let all: usize = (0..n).map(|token| spans.keys(token) + TOKEN_COST).sum();
    let mut cuts = vec![0];
    let mut seen = 0;
    for token in 0..n {
        seen += spans.keys(token) + TOKEN_COST;
        if seen * parts >= all * cuts.len() && token + 1 < n {
            cuts.push(token + 1);
        }
    }
    cuts.push(n);
    cuts
}

/// Calls a kernel of the best instruction set that serves a head of this many values.
macro_rules! best {
    ($head_dim:expr, $kernel:ident($($arg:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        if avx512::fits($head_dim) {
            // SAFETY: `fits` found AVX-512 and a head of whole vectors; the lengths were checked.
            return unsafe { avx512::$kernel($($arg),*) };
        }
        #[cfg(target_arch = "x86_64")]
        if avx2::fits($head_dim) {
            // SAFETY: `fits` found AVX2 and a head of whole vectors; the lengths were checked.
            return unsafe { avx2::$kernel($($arg),*) };
        }
        portable::$kernel($($arg),*)
    }};
}

/// Of a kernel's slices: one factor for each vector (vectors, head_dim) and row.
fn check_factors(factors: &[f32], vectors: &[f32], rows: usize, head_dim: usize) {
    let heads = vectors.len() / head_dim;
    assert!(vectors.len() == heads * head_dim && factors.len() == heads * rows);
}

/// `scores[g, i] = scale * queries[g] · row i`.
fn dots(queries: &[f32], keys: View<'_>, scale: f32, scores: &mut [f32]) {
    check_factors(scores, queries, keys.rows.len(), keys.head_dim);
    keys.check();
    best!(keys.head_dim, dots(queries, keys, scale, scores))
}

/// `out[g] = Σ weights[g, i] * row i`.
fn weighted_sum(weights: &[f32], values: View<'_>, out: &mut [f32]) {
    check_factors(weights, out, values.rows.len(), values.head_dim);
    values.check();
    best!(values.head_dim, weighted_sum(weights, values, out))
}

/// `sums[places[i]..] += Σ factors[g, i] * vectors[g]`.
fn scatter(factors: &[f32], vectors: &[f32], places: &[usize], head_dim: usize, sums: &mut [f32]) {
    check_factors(factors, vectors, places.len(), head_dim);
    assert!(places.iter().all(|&place| place + head_dim <= sums.len()));
    best!(head_dim, scatter(factors, vectors, places, head_dim, sums))
}

/// Scores that a part of the backward pass should have at least, and parts at most: each part has
/// its own sums of `dk` and `dv`, added up at the end, so their number must not depend on threads.
const BACKWARD_SCORES: usize = 1 << 14;
const BACKWARD_PARTS_MAX: usize = 4;

/// The gradients of [`attention`] over one source: `dq` like `q`; `dk` and `dv` like the source's
/// keys and values; all three are overwritten. `out` and `lse` are what the forward pass gave.
#[allow(
    clippy::too_many_arguments,
    reason = "they are all arrays of one operation"
)]
pub fn attention_backward(
    shape: AttentionShape,
    q: &[f32],
    source: KeyValues<'_>,
    spans: &Spans,
    out: &[f32],
    lse: &[f32],
    d_out: &[f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
) {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        ..
    } = shape;
    let n = spans.len();
    let len = n * heads * head_dim;
    check(shape, kv_heads > 0 && heads.is_multiple_of(kv_heads));
    check(
        shape,
        q.len() == len && out.len() == len && d_out.len() == len && dq.len() == len,
    );
    check(shape, lse.len() == n * heads);
    check(
        shape,
        dk.len() == source.keys.len() && dv.len() == source.values.len(),
    );
    check_spans(shape, &[source], spans);
    let scores: usize = (0..n).map(|token| spans.keys(token)).sum::<usize>() * heads;
    let parts = (scores / BACKWARD_SCORES).clamp(1, BACKWARD_PARTS_MAX);
    let cuts = equal_cuts(spans, parts);
    let parts = cuts.len() - 1;
    let size = dk.len();
    // The first part adds into the results themselves.
    dk.fill(0.0);
    dv.fill(0.0);
    let mut others = vec![0.0; (parts - 1) * 2 * size];
    {
        let (dk, dv, dq) = (Shared::new(dk), Shared::new(dv), Shared::new(dq));
        let others = Shared::new(&mut others);
        parallel::run(parallel::threads(), parts, |part| {
            // SAFETY: each part has sums of its own.
            let (dk, dv) = unsafe {
                if part == 0 {
                    (dk.part(0, size), dv.part(0, size))
                } else {
                    let start = (part - 1) * 2 * size;
                    (others.part(start, size), others.part(start + size, size))
                }
            };
            let tokens = cuts[part]..cuts[part + 1];
            let start = tokens.start * heads * head_dim;
            // SAFETY: parts have different tokens.
            let dq = unsafe { dq.part(start, tokens.len() * heads * head_dim) };
            let given = Given {
                shape,
                q,
                source,
                spans,
                out,
                lse,
                d_out,
            };
            given.backward(tokens, dq, dk, dv);
        });
    }
    for part in others.chunks_exact(2 * size.max(1)) {
        let (first, second) = part.split_at(size);
        add(dk, first);
        add(dv, second);
    }
}

fn add(sums: &mut [f32], part: &[f32]) {
    for (sum, part) in sums.iter_mut().zip(part) {
        *sum += part;
    }
}

/// What the backward pass reads.
struct Given<'a> {
    shape: AttentionShape,
    q: &'a [f32],
    source: KeyValues<'a>,
    spans: &'a Spans,
    out: &'a [f32],
    lse: &'a [f32],
    d_out: &'a [f32],
}

impl Given<'_> {
    /// The gradients of some tokens: `dq` of theirs, `dk` and `dv` added to.
    ///
    /// With p = softmax(s), s = scale q·k: dv = p do; ds = p (do·v - do·o); dq = scale ds k;
    /// dk = scale ds q.
    fn backward(&self, tokens: Range<usize>, dq: &mut [f32], dk: &mut [f32], dv: &mut [f32]) {
        let AttentionShape {
            heads,
            kv_heads,
            head_dim,
            scale,
        } = self.shape;
        let width = kv_heads * head_dim;
        let (mut keys, mut values, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let (mut p, mut ds) = (Vec::new(), Vec::new());
        let first = tokens.start;
        for token in tokens {
            keys.clear();
            values.clear();
            places.clear();
            for span in self.spans.of(token) {
                let range = span.rows.start * width..span.rows.end * width;
                keys.extend(self.source.keys[range.clone()].chunks_exact(width));
                values.extend(self.source.values[range].chunks_exact(width));
                places.extend(span.rows.clone().map(|row| row * width));
            }
            let count = keys.len();
            p.resize(GROUP_MAX * count, 0.0);
            ds.resize(GROUP_MAX * count, 0.0);
            for (head, group) in head_groups(self.shape) {
                let at = (token * heads + head) * head_dim;
                let range = at..at + group * head_dim;
                let (q, d_out) = (&self.q[range.clone()], &self.d_out[range.clone()]);
                let out = &self.out[range];
                let offset = head / (heads / kv_heads) * head_dim;
                let dq_at = ((token - first) * heads + head) * head_dim;
                let dq = &mut dq[dq_at..][..group * head_dim];
                if count == 0 {
                    dq.fill(0.0);
                    continue;
                }
                let (p, ds) = (&mut p[..group * count], &mut ds[..group * count]);
                let keys = View {
                    rows: &keys,
                    offset,
                    head_dim,
                };
                let values = View {
                    rows: &values,
                    ..keys
                };
                dots(q, keys, scale, p);
                dots(d_out, values, 1.0, ds);
                for i in 0..group {
                    let own = i * head_dim..(i + 1) * head_dim;
                    let delta = inner(&out[own.clone()], &d_out[own]);
                    let (p, ds) = (&mut p[i * count..][..count], &mut ds[i * count..][..count]);
                    exp_of_difference(p, self.lse[token * heads + head + i]);
                    score_gradient(p, scale, delta, ds);
                }
                weighted_sum(ds, keys, dq);
                scatter(ds, q, &places, head_dim, &mut dk[offset..]);
                scatter(p, d_out, &places, head_dim, &mut dv[offset..]);
            }
        }
    }
}

for_each_instruction_set! {
    fn inner(a: &[f32], b: &[f32]) -> f32 {
        dot::<FUSED>(a, b)
    }
}

for_each_instruction_set! {
    /// `ds = scale * p * (ds - delta)`.
    fn score_gradient(p: &[f32], scale: f32, delta: f32, ds: &mut [f32]) {
        for (ds, p) in ds.iter_mut().zip(p) {
            *ds = scale * p * (*ds - delta);
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::features::{Features, features};

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        if features() == Features::Scalar {
            return; // What is portable is not fused then, and the others are.
        }
        let values = |count: usize, step: usize| -> Vec<f32> {
            (0..count)
                .map(|i| (i * step % 1009) as f32 / 331.0 - 1.5)
                .collect()
        };
        for (head_dim, group, count) in [(16, 1, 1), (64, 3, 7), (64, 2, 4), (128, 1, 9)] {
            let width = head_dim + 16;
            let (keys, queries) = (values(count * width, 37), values(group * head_dim, 71));
            let rows: Vec<&[f32]> = keys.chunks_exact(width).collect();
            let view = View {
                rows: &rows,
                offset: 16,
                head_dim,
            };
            let size = group * count;
            let (mut scores, mut out) = (vec![0.0; size], vec![0.0; group * head_dim]);
            portable::dots(&queries, view, 0.125, &mut scores);
            portable::weighted_sum(&scores, view, &mut out);
            let (mut others, mut other_out) = (vec![0.0; size], out.clone());
            // SAFETY: AVX2 and FMA are there; the slices have the shapes.
            unsafe {
                avx2::dots(&queries, view, 0.125, &mut others);
                avx2::weighted_sum(&scores, view, &mut other_out);
            }
            assert_eq!((&scores, &out), (&others, &other_out));
            if features() == Features::Avx512 {
                // SAFETY: AVX-512 is there; the slices have the shapes.
                unsafe {
                    avx512::dots(&queries, view, 0.125, &mut others);
                    avx512::weighted_sum(&scores, view, &mut other_out);
                }
                assert_eq!((&scores, &out), (&others, &other_out));
            }
        }
    }
}
