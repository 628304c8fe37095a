//! A tree of prompts' tokens, so that what prompts have in common is computed once.
//!
//! A node holds tokens and the rows of a chunk where their keys and values lie. Prompts that part
//! within a node split it; no rows move. Nodes that no prompt uses stay until memory is wanted, the
//! longest unused going first.

use super::cache::{Cache, ChunkId, ChunkRows};
use std::collections::HashMap;

/// Which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NodeId(usize);

struct Node {
    tokens: Vec<u32>,
    chunk: ChunkId,
    /// The first of the chunk's rows that are this node's; as many as tokens.
    start: usize,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    users: usize,
    used_at: u64,
}

/// The tree.
#[derive(Default)]
pub(super) struct Prefixes {
    nodes: HashMap<NodeId, Node>,
    roots: Vec<NodeId>,
    /// Nodes that lie in a chunk.
    chunk_nodes: HashMap<ChunkId, usize>,
    next: usize,
    clock: u64,
    tokens: usize,
}

/// A prompt's place in the tree.
pub(super) struct Entered {
    /// The node of the last token; `None` for no tokens at all.
    pub(super) leaf: Option<NodeId>,
    /// Tokens that were there already (computed, or about to be by a prompt that came before).
    pub(super) known: usize,
    /// Where the others' keys and values are to be put.
    pub(super) fresh: Option<ChunkId>,
}

impl Prefixes {
    /// Finds or makes the place of `tokens`. To be left by [`Prefixes::leave`].
    pub(super) fn enter(&mut self, tokens: &[u32], cache: &mut Cache) -> Entered {
        self.clock += 1;
        let mut at: Option<NodeId> = None;
        let mut known = 0;
        while known < tokens.len() {
            let children = at.map_or(&self.roots, |at| &self.nodes[&at].children);
            let next = children
                .iter()
                .copied()
                .find(|child| self.nodes[child].tokens[0] == tokens[known]);
            let Some(child) = next else { break };
            let node = &self.nodes[&child];
            let rest = &tokens[known..];
            let same = node
                .tokens
                .iter()
                .zip(rest)
                .take_while(|(a, b)| a == b)
                .count();
            known += same;
            at = Some(if same < node.tokens.len() {
                self.split(child, same)
            } else {
                child
            });
            if let Some(at) = at {
                self.touch(at);
            }
        }
        let mut fresh = None;
        if known < tokens.len() {
            let chunk = cache.chunk();
            fresh = Some(chunk);
            at = Some(self.insert(tokens[known..].to_vec(), chunk, 0, at));
        }
        if let Some(leaf) = at.and_then(|leaf| self.nodes.get_mut(&leaf)) {
            leaf.users += 1;
        }
        Entered {
            leaf: at,
            known,
            fresh,
        }
    }

    /// The first `count` tokens' rows, from the first token on.
    pub(super) fn rows(&self, leaf: Option<NodeId>, count: usize) -> Vec<ChunkRows> {
        let mut path = Vec::new();
        let mut at = leaf;
        while let Some(id) = at {
            let node = &self.nodes[&id];
            path.push((node.chunk, node.start..node.start + node.tokens.len()));
            at = node.parent;
        }
        path.reverse();
        let mut left = count;
        for (_, rows) in &mut path {
            rows.end = rows.end.min(rows.start + left);
            left -= rows.len();
        }
        path.retain(|(_, rows)| !rows.is_empty());
        path
    }

    /// Ends a use of [`Prefixes::enter`]'s leaf.
    pub(super) fn leave(&mut self, leaf: Option<NodeId>) {
        self.clock += 1;
        if let Some(leaf) = leaf {
            self.touch(leaf);
            if let Some(node) = self.nodes.get_mut(&leaf) {
                node.users -= 1;
            }
        }
    }

    /// Ends a use of a leaf whose tokens are computed but from the first `computed` on, and forgets those,
    /// so that nobody waits for them; unless another prompt needs them: then nothing is done, and the
    /// answer is false.
    pub(super) fn withdraw(
        &mut self,
        leaf: Option<NodeId>,
        computed: usize,
        cache: &mut Cache,
    ) -> bool {
        let path = self.path(leaf);
        let mut from = 0;
        let mut missing: Vec<(NodeId, usize)> = Vec::new();
        for (place, id) in path.iter().enumerate() {
            let node = &self.nodes[id];
            let end = from + node.tokens.len();
            if end > computed {
                let next = path.get(place + 1);
                let own = usize::from(next.is_none());
                let is_needed = node.users > own || node.children.iter().any(|id| Some(id) != next);
                if is_needed {
                    return false;
                }
                missing.push((*id, computed.saturating_sub(from)));
            }
            from = end;
        }
        self.leave(leaf);
        for (id, kept) in missing.into_iter().rev() {
            if kept == 0 {
                self.remove(id, cache);
            } else if let Some(node) = self.nodes.get_mut(&id) {
                self.tokens -= node.tokens.len() - kept;
                node.tokens.truncate(kept);
            }
        }
        true
    }

    /// The nodes from the root to a leaf.
    fn path(&self, leaf: Option<NodeId>) -> Vec<NodeId> {
        let mut path = Vec::new();
        let mut at = leaf;
        while let Some(id) = at {
            path.push(id);
            at = self.nodes[&id].parent;
        }
        path.reverse();
        path
    }

    /// Drops unused nodes until at most `tokens_max` tokens are held, or none is unused.
    pub(super) fn evict(&mut self, tokens_max: usize, cache: &mut Cache) {
        while self.tokens > tokens_max {
            let unused = self
                .nodes
                .iter()
                .filter(|(_, node)| node.users == 0 && node.children.is_empty());
            let Some(oldest) = unused
                .min_by_key(|(id, node)| (node.used_at, id.0))
                .map(|(id, _)| *id)
            else {
                return;
            };
            self.remove(oldest, cache);
        }
    }

    fn touch(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.used_at = self.clock;
        }
    }

    fn insert(
        &mut self,
        tokens: Vec<u32>,
        chunk: ChunkId,
        start: usize,
        parent: Option<NodeId>,
    ) -> NodeId {
        let id = NodeId(self.next);
        self.next += 1;
        self.tokens += tokens.len();
        *self.chunk_nodes.entry(chunk).or_default() += 1;
        self.siblings(parent).push(id);
        let used_at = self.clock;
        let node = Node {
            tokens,
            chunk,
            start,
            parent,
            children: Vec::new(),
            users: 0,
            used_at,
        };
        self.nodes.insert(id, node);
        id
    }

    fn siblings(&mut self, parent: Option<NodeId>) -> &mut Vec<NodeId> {
        match parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            Some(parent) => &mut parent.children,
            None => &mut self.roots,
        }
    }

    /// Makes the first `count` tokens of a node a node of their own above it, and returns that. The
    /// old name stays with the rest, which prompts may be using.
    fn split(&mut self, id: NodeId, count: usize) -> NodeId {
        let node = &self.nodes[&id];
        let (chunk, start, parent) = (node.chunk, node.start, node.parent);
        let upper_tokens = node.tokens[..count].to_vec();
        self.siblings(parent).retain(|&sibling| sibling != id);
        let upper = self.insert(upper_tokens, chunk, start, parent);
        self.siblings(Some(upper)).push(id);
        self.tokens -= count;
        if let Some(node) = self.nodes.get_mut(&id) {
            node.tokens.drain(..count);
            node.start += count;
            node.parent = Some(upper);
        }
        upper
    }

    fn remove(&mut self, id: NodeId, cache: &mut Cache) {
        let Some(node) = self.nodes.remove(&id) else {
            return;
        };
        self.tokens -= node.tokens.len();
        self.siblings(node.parent).retain(|&sibling| sibling != id);
        if let Some(count) = self.chunk_nodes.get_mut(&node.chunk) {
            *count -= 1;
            if *count == 0 {
                self.chunk_nodes.remove(&node.chunk);
                cache.drop_chunk(node.chunk);
            }
        }
    }
}
