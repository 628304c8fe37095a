//! Tokens whose first keys are the same, computed together: what they share is read once for all.

use std::ops::Range;

use super::kernel::{self, View};
use super::spans::Spans;
use super::{AttentionShape, KeyValues};

/// Query heads of a block that share a key and value head at most, and keys that its tokens share at
/// least.
const HEADS_MAX: usize = 24;
const SHARED_MIN: usize = 16;
/// Tokens from which on keys are turned: fewer take less time than that.
const TURNED_TOKENS: usize = 32;
/// Scores of a query head are a multiple of so many apart.
pub(super) const LANES: usize = 16;

/// Goes through the blocks of some tokens.
pub(super) struct Blocks<'a> {
    shape: AttentionShape,
    sources: &'a [KeyValues<'a>],
    spans: &'a Spans,
    tokens: Range<usize>,
    /// Whether keys are turned, and values as well.
    turned: [bool; 2],
    block: Block<'a>,
}

/// What the tokens of a block attend to: first the keys that they share, then each token's own.
#[derive(Default)]
pub(super) struct Block<'a> {
    pub(super) tokens: Range<usize>,
    pub(super) keys: Rows<'a>,
    pub(super) values: Rows<'a>,
    /// Where each row starts in its source.
    pub(super) places: Vec<usize>,
    /// The end of the shared rows, then that of each token's own.
    ends: Vec<usize>,
}

/// Rows of keys or of values.
#[derive(Default)]
pub(super) struct Rows<'a> {
    rows: Vec<&'a [f32]>,
    /// For each key and value head the rows that are shared, once more: [`LANES`] of them side by side.
    /// Empty where nothing is turned.
    turned: Vec<Vec<f32>>,
}

/// Query heads of a token that share a key and value head.
#[derive(Clone, Copy)]
pub(super) struct Group {
    /// The first of them.
    pub(super) head: usize,
    pub(super) heads: usize,
    /// The key and value head.
    pub(super) kv_head: usize,
    pub(super) head_dim: usize,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(
        shape: AttentionShape,
        sources: &'a [KeyValues<'a>],
        spans: &'a Spans,
        tokens: Range<usize>,
        backward: bool,
    ) -> Self {
        let turn = tokens.len() >= TURNED_TOKENS && kernel::turns(shape.head_dim);
        let block = Block {
            tokens: tokens.start..tokens.start,
            ..Block::default()
        };
        Self {
            shape,
            sources,
            spans,
            tokens,
            turned: [turn, turn && backward],
            block,
        }
    }

    /// The next tokens and what they attend to.
    pub(super) fn next(&mut self) -> Option<&Block<'a>> {
        let (before, first) = (self.block.tokens.start, self.block.tokens.end);
        if first == self.tokens.end {
            return None;
        }
        let per_kv = self.shape.heads / self.shape.kv_heads;
        let most = HEADS_MAX / per_kv.clamp(1, super::GROUP_MAX);
        let mut shared = self.spans.keys(first);
        let mut end = first + 1;
        while end < self.tokens.end.min(first + most) {
            let common = self.spans.common_keys(first, end);
            // Samples of a prompt share only the prompt; after the second token nothing is given up.
            if common < SHARED_MIN || (common < shared && end > first + 1) {
                break;
            }
            shared = shared.min(common);
            end += 1;
        }
        // Of what the block before shared, that which this one shares too has been turned.
        let known = match self.block.ends.first() {
            Some(&known) if !self.block.keys.turned.is_empty() => {
                known.min(self.spans.common_keys(before, first))
            }
            _ => 0,
        };
        // One token alone is sooner done than its keys are turned.
        let worth = end - first > 1 || known > 0;
        self.block.tokens = first..end;
        self.gather(shared);
        let Block { keys, values, .. } = &mut self.block;
        for (rows, wanted) in [keys, values].into_iter().zip(self.turned) {
            match wanted && worth {
                true => rows.turn(self.shape, shared, known.min(shared)),
                false => rows.turned.clear(),
            }
        }
        Some(&self.block)
    }

    fn gather(&mut self, shared: usize) {
        let width = self.shape.kv_heads * self.shape.head_dim;
        let Block {
            tokens,
            keys,
            values,
            places,
            ends,
        } = &mut self.block;
        keys.rows.clear();
        values.rows.clear();
        places.clear();
        ends.clear();
        let own = tokens.clone().map(|token| (token, shared..usize::MAX));
        for (token, part) in std::iter::once((tokens.start, 0..shared)).chain(own) {
            for span in self.spans.part(token, part) {
                let source = self.sources[span.source];
                let range = span.rows.start * width..span.rows.end * width;
                keys.rows
                    .extend(source.keys[range.clone()].chunks_exact(width));
                values.rows.extend(source.values[range].chunks_exact(width));
                places.extend(span.rows.map(|row| row * width));
            }
            ends.push(places.len());
        }
    }
}

impl Block<'_> {
    /// Rows that all tokens share: they come first.
    fn shared(&self) -> usize {
        self.ends[0]
    }

    /// The tokens, counted from the first, with the rows of their own.
    fn own(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let bounds = self.ends.windows(2).enumerate();
        bounds.map(|(token, bounds)| (token, bounds[0]..bounds[1]))
    }

    /// Puts the values (n, heads, head_dim) of its tokens and of a group's heads one after the other.
    pub(super) fn gather(
        &self,
        shape: AttentionShape,
        group: Group,
        values: &[f32],
        gathered: &mut Vec<f32>,
    ) {
        gathered.clear();
        for token in self.tokens.clone() {
            gathered.extend_from_slice(&values[group.of_token(shape, token)]);
        }
    }

    /// How far the scores of two query heads lie apart.
    pub(super) fn stride(&self) -> usize {
        let own = self.own().map(|(_, own)| own.len()).max().unwrap_or(0);
        (self.shared() + own).max(1).next_multiple_of(LANES)
    }

    /// Each row of `scores`, (tokens, heads of a group, stride), with its token, counted from the
    /// first, and its head: as many as the token has keys, and -∞ up to a multiple of [`LANES`],
    /// which nothing else reads.
    pub(super) fn rows<'s>(
        &self,
        group: Group,
        scores: &'s mut [f32],
    ) -> impl Iterator<Item = (usize, usize, &'s mut [f32])> {
        let shared = self.shared();
        let strides = scores.chunks_exact_mut(self.stride());
        let counts = self.own().flat_map(move |(token, own)| {
            (0..group.heads).map(move |head| (token, head, shared + own.len()))
        });
        counts.zip(strides).map(|((token, head, count), scores)| {
            let scores = &mut scores[..count.next_multiple_of(LANES)];
            scores[count..].fill(f32::NEG_INFINITY);
            (token, head, scores)
        })
    }

    /// `scores = scale * queries · rows`: (tokens, heads of a group, stride), of queries (tokens,
    /// heads of a group, head_dim).
    pub(super) fn dots(
        &self,
        group: Group,
        queries: &[f32],
        rows: &Rows<'_>,
        scale: f32,
        scores: &mut [f32],
    ) {
        let (stride, shared) = (self.stride(), self.shared());
        let turned = rows.turned.get(group.kv_head);
        if let Some(turned) = turned {
            kernel::dots_of_turned(
                queries,
                turned,
                group.head_dim,
                scale,
                scores,
                stride,
                shared,
            );
        }
        let (size, width) = (group.heads * group.head_dim, group.heads * stride);
        for (token, own) in self.own() {
            let queries = &queries[token * size..][..size];
            let scores = &mut scores[token * width..][..width];
            if turned.is_none() {
                let view = group.view(&rows.rows[..shared]);
                kernel::dots(queries, view, scale, scores, stride);
            }
            if !own.is_empty() {
                let view = group.view(&rows.rows[own]);
                kernel::dots(queries, view, scale, &mut scores[shared..], stride);
            }
        }
    }

    /// `out += weights · rows`: (tokens, heads of a group, head_dim).
    pub(super) fn add_weighted(
        &self,
        group: Group,
        weights: &[f32],
        rows: &Rows<'_>,
        out: &mut [f32],
    ) {
        let (stride, shared) = (self.stride(), self.shared());
        let view = group.view(&rows.rows[..shared]);
        kernel::add_weighted(weights, stride, view, out);
        let (size, width) = (group.heads * group.head_dim, group.heads * stride);
        for (token, own) in self.own().filter(|(_, own)| !own.is_empty()) {
            let weights = &weights[token * width..][..width];
            let view = group.view(&rows.rows[own]);
            let out = &mut out[token * size..][..size];
            kernel::add_weighted(&weights[shared..], stride, view, out);
        }
    }

    /// `sums[place of row i..] += factors[.., i] · vectors`, for vectors (tokens, heads of a group,
    /// head_dim).
    pub(super) fn scatter(&self, group: Group, factors: &[f32], vectors: &[f32], sums: &mut [f32]) {
        let (stride, shared) = (self.stride(), self.shared());
        let sums = &mut sums[group.offset()..];
        let places = &self.places[..shared];
        kernel::scatter(factors, stride, vectors, places, group.head_dim, sums);
        let (size, width) = (group.heads * group.head_dim, group.heads * stride);
        for (token, own) in self.own().filter(|(_, own)| !own.is_empty()) {
            let factors = &factors[token * width..][..width];
            let vectors = &vectors[token * size..][..size];
            let places = &self.places[own];
            kernel::scatter(
                &factors[shared..],
                stride,
                vectors,
                places,
                group.head_dim,
                sums,
            );
        }
    }
}

impl Rows<'_> {
    /// Turns the first `shared` rows, of which the first `known` were turned before.
    fn turn(&mut self, shape: AttentionShape, shared: usize, known: usize) {
        self.turned.resize_with(shape.kv_heads, Vec::new);
        // Lanes that were filled up with other rows are turned again.
        let known = known / LANES * LANES;
        for (kv_head, turned) in self.turned.iter_mut().enumerate() {
            let view = View {
                rows: &self.rows[known..shared],
                offset: kv_head * shape.head_dim,
                head_dim: shape.head_dim,
            };
            turned.resize(shared.next_multiple_of(LANES) * shape.head_dim, 0.0);
            kernel::turn(view, &mut turned[known * shape.head_dim..]);
        }
    }
}

impl Group {
    /// Of the groups of a token, in order.
    pub(super) fn all(shape: AttentionShape) -> impl Iterator<Item = Group> {
        let AttentionShape {
            heads,
            kv_heads,
            head_dim,
            ..
        } = shape;
        let per_kv = heads / kv_heads;
        // 12 vectors of 16 values of sums, 12 of queries, and some to spare.
        let most = (12 * LANES / head_dim.max(1)).clamp(1, super::GROUP_MAX);
        (0..kv_heads).flat_map(move |kv_head| {
            (0..per_kv).step_by(most).map(move |first| Group {
                head: kv_head * per_kv + first,
                heads: most.min(per_kv - first),
                kv_head,
                head_dim,
            })
        })
    }

    /// Where its key and value head starts in a row.
    fn offset(self) -> usize {
        self.kv_head * self.head_dim
    }

    fn view<'a>(self, rows: &'a [&'a [f32]]) -> View<'a> {
        View {
            rows,
            offset: self.offset(),
            head_dim: self.head_dim,
        }
    }

    /// Its values in the row of a token, of as many heads as `shape` has.
    pub(super) fn of_token(self, shape: AttentionShape, token: usize) -> Range<usize> {
        let start = (token * shape.heads + self.head) * self.head_dim;
        start..start + self.heads * self.head_dim
    }
}
