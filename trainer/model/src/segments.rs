//! Flat batches: many sequences that share prompts and branch, computed in one pass.

use std::ops::Range;

/// Which segment of a [`Segments`]; the number of segments pushed before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(usize);

#[derive(Clone, Debug)]
struct Segment {
    parent: Option<SegmentId>,
    rows: Range<usize>,
    position: usize,
}

/// A flat batch of token segments. A segment may continue an earlier one (a shared prompt, answers
/// that branch from it): its tokens attend to all tokens of its ancestors and causally to their
/// own, and its positions go on where its parent's end.
///
/// ```
/// use model::Segments;
/// let mut batch = Segments::new();
/// let prompt = batch.push(None, &[1, 2, 3]);
/// let first = batch.push(Some(prompt), &[4, 5]);
/// let second = batch.push(Some(prompt), &[6]);
/// assert_eq!(batch.range(first), 3..5);
/// assert_eq!(batch.range(second), 5..6);
/// assert_eq!(batch.positions(), [0, 1, 2, 3, 4, 3]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Segments {
    tokens: Vec<u32>,
    segments: Vec<Segment>,
}

impl Segments {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A batch of one sequence.
    #[must_use]
    pub fn single(tokens: &[u32]) -> Self {
        let mut batch = Self::new();
        batch.push(None, tokens);
        batch
    }

    /// Appends a segment and returns its name. `parent` must come from this batch.
    ///
    /// # Panics
    /// If `parent` belongs to a longer batch than this.
    pub fn push(&mut self, parent: Option<SegmentId>, tokens: &[u32]) -> SegmentId {
        let position = parent.map_or(0, |SegmentId(parent)| {
            let parent = &self.segments[parent];
            parent.position + parent.rows.len()
        });
        let start = self.tokens.len();
        self.tokens.extend_from_slice(tokens);
        self.segments.push(Segment {
            parent,
            rows: start..self.tokens.len(),
            position,
        });
        SegmentId(self.segments.len() - 1)
    }

    /// The rows of the flat batch that hold the segment's tokens.
    #[must_use]
    pub fn range(&self, SegmentId(segment): SegmentId) -> Range<usize> {
        self.segments[segment].rows.clone()
    }

    /// The segment that `segment` continues.
    #[must_use]
    pub fn parent(&self, SegmentId(segment): SegmentId) -> Option<SegmentId> {
        self.segments[segment].parent
    }

    /// All tokens, one a row.
    #[must_use]
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The position of each row within its own sequence, from 0.
    #[must_use]
    pub fn positions(&self) -> Vec<u32> {
        let mut positions = Vec::with_capacity(self.tokens.len());
        for segment in &self.segments {
            let end = segment.position + segment.rows.len();
            positions.extend((segment.position..end).map(|position| position as u32));
        }
        positions
    }

    /// The longest sequence in tokens, ancestors included.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.position + segment.rows.len())
            .max()
            .unwrap_or(0)
    }

    /// The rows of a segment's ancestors, the first ancestor first.
    pub(crate) fn ancestors(&self, SegmentId(segment): SegmentId) -> Vec<Range<usize>> {
        let mut rows = Vec::new();
        let mut parent = self.segments[segment].parent;
        while let Some(SegmentId(at)) = parent {
            rows.push(self.segments[at].rows.clone());
            parent = self.segments[at].parent;
        }
        rows.reverse();
        rows
    }

    /// The segments that are wanted, with their ancestors, and which rows of this batch they are.
    #[must_use]
    pub fn subtree(&self, wanted: impl Fn(SegmentId) -> bool) -> (Self, Vec<usize>) {
        let mut kept = vec![false; self.segments.len()];
        for id in self.ids().filter(|id| wanted(*id)) {
            let mut next = Some(id);
            while let Some(SegmentId(at)) = next.filter(|&SegmentId(at)| !kept[at]) {
                kept[at] = true;
                next = self.segments[at].parent;
            }
        }
        let (mut part, mut rows) = (Self::new(), Vec::new());
        let mut names = vec![None; self.segments.len()];
        for SegmentId(at) in self.ids().filter(|&SegmentId(at)| kept[at]) {
            let segment = &self.segments[at];
            let parent = segment.parent.and_then(|SegmentId(parent)| names[parent]);
            names[at] = Some(part.push(parent, &self.tokens[segment.rows.clone()]));
            rows.extend(segment.rows.clone());
        }
        (part, rows)
    }

    /// The segments in order.
    pub fn ids(&self) -> impl Iterator<Item = SegmentId> {
        (0..self.segments.len()).map(SegmentId)
    }
}
