//! Probabilities of the ten confidence levels.

use crate::{Decoder, ModelError, SegmentId, Segments, Tokenizer, ops};

/// The tokens with which a confidence level starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelTokens {
    /// Token of the digit `d` at index `d`, 0..=9.
    pub digits: [u32; 10],
    /// Token of "10" where the tokenizer writes it so; else it is the digits 1 and 0.
    pub ten: Option<u32>,
}

impl LevelTokens {
    /// Finds the tokens. A vocabulary may hold a "10" that texts never come to, where digits are split
    /// singly: what counts is how a text with a 10 ends.
    ///
    /// # Errors
    /// If a digit is not one token.
    pub fn find(tokenizer: &Tokenizer) -> Result<Self, ModelError> {
        let mut digits = [0; 10];
        for (digit, token) in (0..).zip(&mut digits) {
            let text = char::from(b'0' + digit).to_string();
            *token = tokenizer.token_id(&text).ok_or_else(|| {
                ModelError::unsupported(
                    "the tokenizer",
                    format!("a token for the digit {text}"),
                    "none",
                )
            })?;
        }
        let written = tokenizer.encode("Confidence: 10", false)?;
        let ten = tokenizer.token_id("10");
        Ok(Self {
            digits,
            ten: ten.filter(|ten| written.last() == Some(ten)),
        })
    }

    /// A tokenizer may know more tokens than its model.
    ///
    /// # Errors
    /// If one of these is not below `vocab`, the number that the model knows.
    pub(crate) fn check(&self, vocab: usize) -> Result<(), ModelError> {
        let mut tokens = self.digits.iter().chain(&self.ten);
        match tokens.find(|&&token| token as usize >= vocab) {
            None => Ok(()),
            Some(token) => Err(ModelError::unsupported(
                "the token of a confidence level",
                format!("a number below {vocab}"),
                token,
            )),
        }
    }
}

/// Tokens of a batch; a context with more is a batch of its own.
const BATCH_TOKENS: usize = 2_048;
/// Most contexts of a batch: each has two rows of logits.
const BATCH_CONTEXTS: usize = 64;

/// P(level 1..=10) after each context (which ends just before the first digit), renormalised over
/// the ten levels; level k at index k − 1.
///
/// Where "10" is two tokens, P(1) = p(1)·(1 − p(0 | 1)) and P(10) = p(1)·p(0 | 1). What contexts
/// have in common is computed once.
///
/// # Errors
/// If a context is empty, longer than the model allows, or has an unknown token, or a level's token is
/// unknown.
pub fn level_probabilities(
    decoder: &Decoder,
    levels: &LevelTokens,
    contexts: &[Vec<u32>],
) -> Result<Vec<[f64; 10]>, ModelError> {
    levels.check(decoder.config().vocab)?;
    if contexts.iter().any(Vec::is_empty) {
        return Err(ModelError::unsupported(
            "a context",
            "at least one token",
            "none",
        ));
    }
    // Neighbours in this order have the most in common.
    let mut order: Vec<usize> = (0..contexts.len()).collect();
    order.sort_by(|&a, &b| contexts[a].cmp(&contexts[b]));
    let mut probabilities = vec![[0.0; 10]; contexts.len()];
    let mut batch = Batch::default();
    for &index in &order {
        if !batch.leaves.is_empty() && batch.is_full_with(&contexts[index]) {
            batch.read(decoder, levels, &mut probabilities)?;
            batch = Batch::default();
        }
        batch.add(index, &contexts[index]);
    }
    if !batch.leaves.is_empty() {
        batch.read(decoder, levels, &mut probabilities)?;
    }
    Ok(probabilities)
}

/// A tree of contexts, built from contexts in sorted order.
#[derive(Default)]
struct Batch {
    /// Tokens and parent of each node; parents come before children.
    nodes: Vec<(Vec<u32>, Option<usize>)>,
    /// The nodes from the root to the last context's end.
    path: Vec<usize>,
    /// The context's index and its last node.
    leaves: Vec<(usize, usize)>,
    tokens: usize,
}

impl Batch {
    fn shared_with(&self, context: &[u32]) -> usize {
        let last = self.path.iter().flat_map(|&node| &self.nodes[node].0);
        last.zip(context).take_while(|(a, b)| a == b).count()
    }

    fn is_full_with(&self, context: &[u32]) -> bool {
        let added = context.len() - self.shared_with(context) + 1;
        self.tokens + added > BATCH_TOKENS || self.leaves.len() == BATCH_CONTEXTS
    }

    fn add(&mut self, index: usize, context: &[u32]) {
        let shared = self.shared_with(context);
        self.cut_path(shared);
        if shared < context.len() {
            self.nodes
                .push((context[shared..].to_vec(), self.path.last().copied()));
            self.path.push(self.nodes.len() - 1);
            self.tokens += context.len() - shared;
        }
        if let Some(&leaf) = self.path.last() {
            self.leaves.push((index, leaf));
        }
        self.tokens += 1;
    }

    /// Makes the path end after `count` tokens, splitting a node where they end within it.
    fn cut_path(&mut self, count: usize) {
        let mut depth = 0;
        for at in 0..self.path.len() {
            let node = self.path[at];
            let length = self.nodes[node].0.len();
            if depth + length <= count {
                depth += length;
                continue;
            }
            self.path.truncate(at);
            if depth < count {
                let upper = self.split(node, count - depth);
                self.path.push(upper);
            }
            return;
        }
    }

    /// Puts a node with the first `count` tokens of `node` above it.
    fn split(&mut self, node: usize, count: usize) -> usize {
        let rest = self.nodes[node].0.split_off(count);
        let upper_tokens = std::mem::replace(&mut self.nodes[node].0, rest);
        let parent = self.nodes[node].1;
        self.nodes.push((upper_tokens, parent));
        let upper = self.nodes.len() - 1;
        self.nodes[node].1 = Some(upper);
        upper
    }

    /// The tree as segments; the segment of each node.
    fn segments(&self) -> (Segments, Vec<Option<SegmentId>>) {
        let mut segments = Segments::new();
        let mut ids: Vec<Option<SegmentId>> = vec![None; self.nodes.len()];
        for node in 0..self.nodes.len() {
            // A split puts a parent after its child, so parents are pushed on the way.
            let mut open = vec![node];
            while let Some(&at) = open.last() {
                let (tokens, parent) = &self.nodes[at];
                match parent {
                    _ if ids[at].is_some() => {
                        open.pop();
                    }
                    Some(parent) if ids[*parent].is_none() => open.push(*parent),
                    _ => {
                        let parent = parent.and_then(|parent| ids[parent]);
                        ids[at] = Some(segments.push(parent, tokens));
                        open.pop();
                    }
                }
            }
        }
        (segments, ids)
    }

    fn read(
        &self,
        decoder: &Decoder,
        levels: &LevelTokens,
        probabilities: &mut [[f64; 10]],
    ) -> Result<(), ModelError> {
        let (mut segments, ids) = self.segments();
        let mut wanted = Vec::new();
        for &(_, leaf) in &self.leaves {
            let leaf = ids[leaf];
            let one = segments.push(leaf, &levels.digits[1..2]);
            let last = leaf.map_or(0, |leaf| segments.range(leaf).end - 1);
            wanted.extend([last as u32, segments.range(one).start as u32]);
        }
        let x = decoder.embed(segments.tokens())?;
        let x = decoder.layers(&x, &segments, 0..decoder.config().layers)?;
        let logits = decoder.logits(&ops::rows(&x, &wanted)?)?;
        let logits = logits.to_vec2::<f32>()?;
        for (&(index, _), rows) in self.leaves.iter().zip(logits.chunks_exact(2)) {
            probabilities[index] = LevelLogits::of(levels, &rows[0]).probabilities(&rows[1]);
        }
        Ok(())
    }
}

/// What decides the level, of the logits just before it.
#[derive(Clone, Debug)]
pub(crate) struct LevelLogits {
    /// Of level k, but where "10" is two tokens: there the first and the last are both that of "1".
    logs: [f64; 10],
    /// The digit 0, where "10" is two tokens.
    zero: Option<u32>,
}

impl LevelLogits {
    pub(crate) fn of(levels: &LevelTokens, logits: &[f32]) -> Self {
        let logit = |token: u32| f64::from(logits[token as usize]);
        Self {
            logs: std::array::from_fn(|at| match (at, levels.ten) {
                (9, Some(ten)) => logit(ten),
                (9, None) => logit(levels.digits[1]),
                _ => logit(levels.digits[at + 1]),
            }),
            zero: levels.ten.is_none().then_some(levels.digits[0]),
        }
    }

    /// The levels' probabilities; `after_one` are the logits after a further "1".
    pub(crate) fn probabilities(&self, after_one: &[f32]) -> [f64; 10] {
        let mut logs = self.logs;
        if let Some(zero) = self.zero {
            let zero = f64::from(after_one[zero as usize]);
            let zero = (zero - f64::from(kernels::log_sum_exp(after_one))).min(0.0);
            logs[0] += (-zero.exp()).ln_1p();
            logs[9] += zero;
        }
        let max = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = logs.map(|log| (log - max).exp());
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    }
}
