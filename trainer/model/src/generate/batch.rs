//! The tokens of one pass, flat over all rows.

use super::cache::{ChunkId, ChunkRows, Step};
use crate::Lora;
use crate::decoder::adapted::AdapterRows;
use std::ops::Range;
use std::sync::Arc;

/// What the logits after a token are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// The first token of a job's samples.
    Prompt(usize),
    /// The token of a job's prompt that stands at this place.
    Score { job: usize, at: usize },
    /// The next token of the row at this place.
    Row(usize),
    /// The level of that row, in place of its last token; its keys and values lie in the chunk.
    Probe(usize, ChunkId),
}

/// The tokens of one pass.
#[derive(Default)]
pub(super) struct Batch {
    pub tokens: Vec<u32>,
    pub positions: Vec<u32>,
    pub step: Step,
    /// Tokens whose logits are wanted, ascending, and what for.
    pub wanted: Vec<u32>,
    pub what_for: Vec<Wanted>,
    /// The adapter of each range of tokens, by its place.
    adapters: Vec<(Range<usize>, usize)>,
}

impl Batch {
    /// Tokens so far.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Adds a token at a position, which sees these rows, its own among them.
    pub(super) fn add(&mut self, token: u32, position: usize, sees: Vec<ChunkRows>) {
        self.tokens.push(token);
        self.positions.push(position as u32);
        self.step.see(sees);
    }

    /// The last token's keys and values go into a chunk.
    pub(super) fn keep_last(&mut self, chunk: ChunkId) {
        let end = self.tokens.len();
        self.step.write(chunk, end - 1..end);
    }

    /// The logits after the last token are wanted.
    pub(super) fn want(&mut self, what_for: Wanted) {
        self.wanted.push(self.tokens.len() as u32 - 1);
        self.what_for.push(what_for);
    }

    /// The tokens since the last call are of this adapter.
    pub(super) fn end_adapter(&mut self, adapter: usize) {
        let start = self.adapters.last().map_or(0, |(rows, _)| rows.end);
        if start < self.tokens.len() {
            self.adapters.push((start..self.tokens.len(), adapter));
        }
    }

    /// Which rows of the pass have which of the adapters.
    pub(super) fn adapters<'a>(&self, all: &'a [Option<Arc<Lora>>]) -> Vec<AdapterRows<'a>> {
        let of = |(rows, adapter): &(Range<usize>, usize)| AdapterRows {
            rows: rows.clone(),
            adapter: all[*adapter].as_deref(),
        };
        self.adapters.iter().map(of).collect()
    }
}
