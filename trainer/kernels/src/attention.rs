//! Attention over spans of keys and values, grouped-query, with its gradient.
//!
//! A token's keys are one sequence, whatever spans they come in: results do not depend on how the
//! sequence is cut into spans, so a prompt may be shared or not.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod kernel;
mod portable;
mod spans;

pub use spans::{Span, Spans};

use crate::features::for_each_instruction_set;
use crate::norm::dot;
use crate::parallel::{self, Shared};
use crate::softmax::{exp_of_difference, row_max, row_scale};
use block::{Blocks, Group};

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
    let mut unused = Vec::new();
    let keep = lse.is_some();
    let lse = Shared::new(lse.unwrap_or(&mut unused));
    let out = Shared::new(out);
    let cuts = spans.equal_cuts(parts(spans, heads));
    parallel::run(parallel::threads(), cuts.len() - 1, |part| {
        let (mut queries, mut scores, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        let mut blocks = Blocks::new(shape, sources, spans, cuts[part]..cuts[part + 1], false);
        while let Some(block) = blocks.next() {
            for group in Group::all(shape) {
                block.gather(shape, group, q, &mut queries);
                let count = block.tokens.len() * group.heads;
                scores.resize(count * block.stride(), 0.0);
                block.dots(group, &queries, &block.keys, shape.scale, &mut scores);
                for (token, head, scores) in block.rows(group, &mut scores) {
                    let mut total = f32::NEG_INFINITY;
                    if !scores.is_empty() {
                        let max = row_max(scores);
                        let sum = exp_of_difference(scores, max);
                        row_scale(scores, 1.0 / sum);
                        total = max + sum.ln();
                    }
                    if keep {
                        let at = (block.tokens.start + token) * heads + group.head + head;
                        // SAFETY: each (token, head) belongs to one task.
                        let slot = unsafe { lse.part(at, 1) };
                        slot[0] = total;
                    }
                }
                sums.clear();
                sums.resize(queries.len(), 0.0);
                block.add_weighted(group, &scores, &block.values, &mut sums);
                let of_tokens = sums.chunks_exact(group.heads * head_dim);
                for (token, sums) in block.tokens.clone().zip(of_tokens) {
                    let range = group.of_token(shape, token);
                    // SAFETY: as above.
                    let out = unsafe { out.part(range.start, range.len()) };
                    out.copy_from_slice(sums);
                }
            }
        }
    });
}

/// Query heads at a time that share a key and value head: their dot products are taken together.
const GROUP_MAX: usize = 3;

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
    for span in spans.all() {
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
        .all()
        .iter()
        .map(|span| span.rows.len())
        .sum::<usize>()
        * heads;
    match parallel::threads() {
        1 => 1,
        threads => (scores / SERIAL_SCORES).clamp(1, threads * 4),
    }
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
    let cuts = spans.equal_cuts(parts);
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
            head_dim,
            scale,
            ..
        } = self.shape;
        let (mut q, mut d_out, mut d_q) = (Vec::new(), Vec::new(), Vec::new());
        let (mut p, mut ds) = (Vec::new(), Vec::new());
        let start = tokens.start * heads * head_dim;
        let sources = [self.source];
        let mut blocks = Blocks::new(self.shape, &sources, self.spans, tokens, true);
        while let Some(block) = blocks.next() {
            for group in Group::all(self.shape) {
                block.gather(self.shape, group, self.q, &mut q);
                block.gather(self.shape, group, self.d_out, &mut d_out);
                let count = block.tokens.len() * group.heads;
                p.resize(count * block.stride(), 0.0);
                ds.resize(count * block.stride(), 0.0);
                block.dots(group, &q, &block.keys, scale, &mut p);
                block.dots(group, &d_out, &block.values, 1.0, &mut ds);
                let rows = block.rows(group, &mut p).zip(block.rows(group, &mut ds));
                for ((token, head, p), (_, _, ds)) in rows {
                    let at = (block.tokens.start + token) * heads + group.head + head;
                    let own = at * head_dim..(at + 1) * head_dim;
                    let delta = inner(&self.out[own.clone()], &self.d_out[own]);
                    exp_of_difference(p, self.lse[at]);
                    score_gradient(p, scale, delta, ds);
                }
                d_q.clear();
                d_q.resize(q.len(), 0.0);
                block.add_weighted(group, &ds, &block.keys, &mut d_q);
                block.scatter(group, &ds, &q, dk);
                block.scatter(group, &p, &d_out, dv);
                let of_tokens = d_q.chunks_exact(group.heads * head_dim);
                for (token, d_q) in block.tokens.clone().zip(of_tokens) {
                    let range = group.of_token(self.shape, token);
                    dq[range.start - start..range.end - start].copy_from_slice(d_q);
                }
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
