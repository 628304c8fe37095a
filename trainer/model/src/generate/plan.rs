//! Which parts of waiting prompts a pass computes.
//!
//! Half of what a pass may compute goes to the prompt that has waited longest, so that each is finished
//! some day; the rest to those with the least to do, so that a short prompt does not wait for a long one.
//! A prompt whose beginning another one brings waits until that is there, or comes in the same pass.

use super::cache::{ChunkId, ChunkRows};
use std::collections::HashMap;

/// A prompt that is not computed to its end.
pub(super) struct Waiting {
    /// Numbers rise with the time of coming.
    pub job: usize,
    /// Tokens that are still to be computed, at least 1.
    pub left: usize,
    /// The rows that must be there before any of them.
    pub needs: Vec<ChunkRows>,
    /// The chunk that others may need, and how many of the tokens left go there.
    pub brings: Option<(ChunkId, usize)>,
}

/// Tokens of each waiting prompt that a pass computes, by its place in `waiting`; `budget` in all.
/// `rows` are those of a chunk that are there.
pub(super) fn plan(
    waiting: &[Waiting],
    budget: usize,
    rows: impl Fn(ChunkId) -> usize,
) -> Vec<usize> {
    let mut plan = Plan {
        waiting,
        given: vec![0; waiting.len()],
        coming: HashMap::new(),
        left: budget,
        rows,
    };
    let Some(oldest) = (0..waiting.len()).min_by_key(|at| waiting[*at].job) else {
        return plan.given;
    };
    plan.give(oldest, budget.div_ceil(2));
    let mut others: Vec<usize> = (0..waiting.len()).filter(|at| *at != oldest).collect();
    others.sort_by_key(|at| (waiting[*at].left, waiting[*at].job));
    // What one brings another may need, whatever their order is.
    loop {
        let before = plan.left;
        for at in &others {
            plan.give(*at, budget);
        }
        plan.give(oldest, budget);
        if plan.left == before || plan.left == 0 {
            return plan.given;
        }
    }
}

struct Plan<'a, F> {
    waiting: &'a [Waiting],
    given: Vec<usize>,
    /// Rows of chunks that this pass brings.
    coming: HashMap<ChunkId, usize>,
    left: usize,
    rows: F,
}

impl<F: Fn(ChunkId) -> usize> Plan<'_, F> {
    fn give(&mut self, at: usize, most: usize) {
        let one = &self.waiting[at];
        let count = (one.left - self.given[at]).min(most).min(self.left);
        if count == 0 || (self.given[at] == 0 && !self.is_ready(one)) {
            return;
        }
        self.given[at] += count;
        self.left -= count;
        if let Some((chunk, tokens)) = one.brings {
            self.coming.insert(chunk, self.given[at].min(tokens));
        }
    }

    fn is_ready(&self, one: &Waiting) -> bool {
        one.needs.iter().all(|(chunk, rows)| {
            let coming = self.coming.get(chunk).copied().unwrap_or(0);
            rows.end <= (self.rows)(*chunk) + coming
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::cache::ChunkId;
    use super::*;

    fn waiting(job: usize, left: usize) -> Waiting {
        Waiting {
            job,
            left,
            needs: Vec::new(),
            brings: None,
        }
    }

    #[test]
    fn a_short_prompt_does_not_wait_for_a_long_one_nor_the_long_one_for_ever() {
        let prompts = [waiting(0, 1_000), waiting(1, 900), waiting(2, 10)];
        assert_eq!(plan(&prompts, 100, |_| 0), [50, 40, 10]);
        assert_eq!(plan(&prompts[..1], 100, |_| 0), [100]);
        assert_eq!(plan(&prompts[1..], 2_000, |_| 0), [900, 10]);
        assert!(plan(&[], 100, |_| 0).is_empty());
    }

    #[test]
    fn a_prompt_waits_for_what_another_brings() {
        let chunk = ChunkId::numbered(3);
        let first = Waiting {
            brings: Some((chunk, 79)),
            ..waiting(0, 80)
        };
        let second = Waiting {
            needs: vec![(chunk, 0..60)],
            ..waiting(1, 5)
        };
        let prompts = [first, second];
        assert_eq!(plan(&prompts, 40, |_| 0), [40, 0]);
        assert_eq!(plan(&prompts, 100, |_| 0), [80, 5]);
        assert_eq!(plan(&prompts, 64, |_| 0), [64, 0]);
        assert_eq!(plan(&prompts, 20, |_| 60), [15, 5]);
    }
}
