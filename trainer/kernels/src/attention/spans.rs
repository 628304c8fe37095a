//! Which keys each token attends to.

use std::ops::Range;

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

    /// The spans of all tokens.
    pub(super) fn all(&self) -> &[Span] {
        &self.spans
    }

    /// The same, but each token attends to at most the last `keys` of its keys; `None` where none has
    /// more.
    pub fn last(&self, keys: usize) -> Option<Self> {
        if (0..self.len()).all(|token| self.keys(token) <= keys) {
            return None;
        }
        let mut last = Self::new();
        for token in 0..self.len() {
            let all = self.keys(token);
            last.push(self.part(token, all.saturating_sub(keys)..all));
        }
        Some(last)
    }

    /// Keys that a token attends to.
    pub fn keys(&self, token: usize) -> usize {
        self.of(token).iter().map(|span| span.rows.len()).sum()
    }

    /// Some of a token's keys, counted from its first.
    pub(super) fn part(&self, token: usize, keys: Range<usize>) -> impl Iterator<Item = Span> {
        let mut before = 0;
        self.of(token).iter().map(move |span| {
            let within = |key: usize| key.saturating_sub(before).min(span.rows.len());
            let (from, to) = (within(keys.start), within(keys.end));
            before += span.rows.len();
            Span {
                source: span.source,
                rows: span.rows.start + from..span.rows.start + to,
            }
        })
    }

    /// How many of the first keys of two tokens are the same; fewer where these come in other spans.
    pub(super) fn common_keys(&self, token: usize, other: usize) -> usize {
        let mut common = 0;
        for (one, other) in self.of(token).iter().zip(self.of(other)) {
            if one.source != other.source || one.rows.start != other.rows.start {
                break;
            }
            common += one.rows.len().min(other.rows.len());
            if one.rows.end != other.rows.end {
                break;
            }
        }
        common
    }

    /// Cuts the tokens into at most `parts` runs of about the same number of keys: the runs' bounds.
    pub(super) fn equal_cuts(&self, parts: usize) -> Vec<usize> {
        // A token costs something even without keys.
        const TOKEN_COST: usize = 4;
        let n = self.len();
        let all: usize = (0..n).map(|token| self.keys(token) + TOKEN_COST).sum();
        let mut cuts = vec![0];
        let mut seen = 0;
        for token in 0..n {
            seen += self.keys(token) + TOKEN_COST;
            if seen * parts >= all * cuts.len() && token + 1 < n {
                cuts.push(token + 1);
            }
        }
        cuts.push(n);
        cuts
    }
}
