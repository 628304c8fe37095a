//! The layers below the first trained one. What they compute of a text never changes while the
//! adapter learns, so it is kept and computed once a run, not once an epoch.

use anyhow::Context;
use candle_core::{Device, Tensor};
use model::{Decoder, Segments};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes of activations that are kept; what comes after is computed anew each time.
const KEPT_BYTES_MAX: usize = 3 << 29;

/// The embedding and the first layers of a decoder, without an adapter.
pub struct FrozenLayers {
    decoder: Decoder,
    layers: Range<usize>,
    kept: Mutex<Kept>,
}

/// Rows of activations by the tokens that lead to them: a trie whose nodes are the rows.
struct Kept {
    /// Floats a row.
    width: usize,
    rows_max: usize,
    /// (node, next token) → node.
    children: HashMap<(u32, u32), u32>,
    /// The rows, `BLOCK_ROWS` a block, so that growing moves nothing.
    blocks: Vec<Vec<f32>>,
}

/// The node that every text begins from; it has no row.
const ROOT: u32 = u32::MAX;
const BLOCK_ROWS: usize = 4_096;

impl FrozenLayers {
    /// The layers below `first_layer` of `decoder`, whose weights may be quantized.
    pub fn new(decoder: &Decoder, first_layer: usize) -> Self {
        FrozenLayers {
            decoder: decoder.without_adapter(),
            layers: 0..first_layer.min(decoder.config().layers),
            kept: Mutex::new(Kept::new(decoder.config().hidden, KEPT_BYTES_MAX)),
        }
    }

    /// Number of these layers: the first one that is trained.
    pub fn end(&self) -> usize {
        self.layers.end
    }

    /// The activations of `batch`, (rows, hidden), detached. The same bytes whether they were kept
    /// or not: a row's activations do not depend on the other texts of its batch.
    pub fn forward(&self, batch: &Segments) -> anyhow::Result<Tensor> {
        if self.layers.is_empty() || !self.decoder.device().is_cpu() {
            return self.compute(batch);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = kept.nodes(batch);
        let mut activations = vec![0.0; batch.len() * kept.width];
        let width = kept.width;
        for (row, node) in activations.chunks_exact_mut(width).zip(&nodes) {
            if let Some(node) = node {
                row.copy_from_slice(kept.row(*node));
            }
        }
        let (missing, rows) = batch.subtree(|id| nodes[batch.range(id)].contains(&None));
        if !missing.is_empty() {
            let computed = self.compute(&missing)?.flatten_all()?.to_vec1::<f32>()?;
            for (row, computed) in rows.into_iter().zip(computed.chunks_exact(width)) {
                activations[row * width..][..width].copy_from_slice(computed);
            }
            kept.insert(&missing, &computed);
        }
        Ok(Tensor::from_vec(
            activations,
            (batch.len(), width),
            &Device::Cpu,
        )?)
    }

    fn compute(&self, batch: &Segments) -> anyhow::Result<Tensor> {
        let embedded = self.decoder.embed(batch.tokens())?;
        let hidden = self
            .decoder
            .layers(&embedded, batch, self.layers.clone())
            .context("the frozen layers")?;
        Ok(hidden.detach())
    }
}

impl Kept {
    fn new(width: usize, bytes_max: usize) -> Self {
        Kept {
            width,
            rows_max: bytes_max / (width * size_of::<f32>()),
            children: HashMap::new(),
            blocks: Vec::new(),
        }
    }

    fn row(&self, node: u32) -> &[f32] {
        let (block, at) = (node as usize / BLOCK_ROWS, node as usize % BLOCK_ROWS);
        &self.blocks[block][at * self.width..][..self.width]
    }

    /// The node of each row, where it is known.
    fn nodes(&self, batch: &Segments) -> Vec<Option<u32>> {
        let mut nodes = vec![None; batch.len()];
        for id in batch.ids() {
            let mut node = last_of_parent(batch, id, &nodes);
            for row in batch.range(id) {
                node = node.and_then(|node| {
                    let child = (node, batch.tokens()[row]);
                    self.children.get(&child).copied()
                });
                nodes[row] = node;
            }
        }
        nodes
    }

    /// Keeps the rows of `batch` that are new, while there is room.
    fn insert(&mut self, batch: &Segments, activations: &[f32]) {
        let mut nodes = vec![None; batch.len()];
        for id in batch.ids() {
            let mut node = last_of_parent(batch, id, &nodes);
            for row in batch.range(id) {
                node = node.and_then(|node| {
                    let activations = &activations[row * self.width..][..self.width];
                    self.child(node, batch.tokens()[row], activations)
                });
                nodes[row] = node;
            }
        }
    }

    /// The node of `token` after `node`, made if it is new; none where there is no room.
    fn child(&mut self, node: u32, token: u32, activations: &[f32]) -> Option<u32> {
        if let Some(child) = self.children.get(&(node, token)) {
            return Some(*child);
        }
        let count = self.children.len();
        if count >= self.rows_max {
            return None;
        }
        if count.is_multiple_of(BLOCK_ROWS) {
            self.blocks
                .push(Vec::with_capacity(BLOCK_ROWS * self.width));
        }
        self.blocks.last_mut()?.extend_from_slice(activations);
        let child = u32::try_from(count).ok()?;
        self.children.insert((node, token), child);
        Some(child)
    }
}

/// The node that a segment goes on from; none where its parent's last row is not known.
fn last_of_parent(batch: &Segments, id: model::SegmentId, nodes: &[Option<u32>]) -> Option<u32> {
    let mut parent = batch.parent(id);
    // A segment may be empty: its parent goes on.
    while let Some(at) = parent {
        match batch.range(at).last() {
            Some(row) => return nodes[row],
            None => parent = batch.parent(at),
        }
    }
    Some(ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two questions on one root, one with two answers.
    fn batch(rationale: bool) -> Segments {
        let mut batch = Segments::new();
        let root = batch.push(None, &[1, 2]);
        let first = batch.push(Some(root), &[3, 4]);
        let answer = batch.push(Some(first), &[5]);
        batch.push(Some(first), &[6, 7]);
        let second = batch.push(Some(root), &[8]);
        batch.push(Some(second), &[5]);
        if rationale {
            batch.push(Some(answer), &[9, 9]);
        }
        batch
    }

    /// A row is the sum of its sequence's tokens.
    fn sums(batch: &Segments) -> Vec<f32> {
        let mut sums = vec![0.0; batch.len()];
        for id in batch.ids() {
            let mut sum = batch
                .parent(id)
                .and_then(|parent| batch.range(parent).last())
                .map_or(0.0, |row| sums[row]);
            for row in batch.range(id) {
                sum += batch.tokens()[row] as f32;
                sums[row] = sum;
            }
        }
        sums
    }

    #[test]
    fn a_row_is_found_by_the_tokens_that_lead_to_it() {
        let mut kept = Kept::new(1, 1 << 10);
        kept.insert(&batch(false), &sums(&batch(false)));
        let nodes = kept.nodes(&batch(true));
        let found: Vec<Option<f32>> = nodes
            .iter()
            .map(|node| node.map(|node| kept.row(node)[0]))
            .collect();
        let expected = sums(&batch(true));
        let known = batch(false).len();
        assert_eq!(
            found[..known],
            expected[..known]
                .iter()
                .map(|sum| Some(*sum))
                .collect::<Vec<_>>()
        );
        assert_eq!(found[known..], [None, None]);
        let (missing, rows) =
            batch(true).subtree(|id| nodes[batch(true).range(id)].contains(&None));
        assert_eq!(missing.tokens(), [1, 2, 3, 4, 5, 9, 9]);
        assert_eq!(rows, [0, 1, 2, 3, 4, 9, 10]);
        assert_eq!(missing.positions(), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut kept = Kept::new(1, 4 * size_of::<f32>());
        kept.insert(&batch(false), &sums(&batch(false)));
        let nodes = kept.nodes(&batch(false));
        assert_eq!(nodes.iter().flatten().count(), 4);
        assert!(nodes[..4].iter().all(Option::is_some));
    }
}
