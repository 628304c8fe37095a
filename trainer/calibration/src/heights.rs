//! The greedy clusters of a question's responses at every threshold at once.
//!
//! The greedy rule ([`cluster::greedy_cosine`](crate::cluster::greedy_cosine)) visits responses in a
//! seeded order; each joins the first leader whose similarity with it is above the threshold, or leads a
//! cluster of its own. Which leader that is changes only at some of the similarities: between two of
//! them the clusters are the same. So for each response the [`Step`]s suffice at which its leader
//! changes. Of a hundred responses that is some hundreds of steps, where their pairwise similarities
//! would be 4,950, and it is exact: [`clusters_at`] gives the greedy rule's clusters at any threshold,
//! without the embeddings and in time that is linear in the steps. (A tree of merges, as hierarchical
//! clustering has it, would not do: with a lower threshold a response may leave its cluster for that of
//! an earlier leader.)

use crate::cluster::{similarity, visiting_order, with_leaders};
use serde::{Deserialize, Serialize};

/// Below `height`, down to the height of the next step, a response is in the cluster of `leader`.
///
/// Serialises to `[height, leader]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(f64, u32)", into = "(f64, u32)")]
pub struct Step {
    /// A cosine similarity, −1..=1, in millionths: at this threshold itself the step does not hold, since
    /// the rule asks for more than the threshold.
    pub height: f64,
    /// The place of the response that leads; its own, where it leads.
    pub leader: u32,
}

impl From<(f64, u32)> for Step {
    fn from((height, leader): (f64, u32)) -> Self {
        Step { height, leader }
    }
}

impl From<Step> for (f64, u32) {
    fn from(step: Step) -> Self {
        (step.height, step.leader)
    }
}

/// The steps of each response, highest first; above its first step each leads. `seed` as for the greedy
/// rule.
///
/// ```
/// use calibration::heights::{Step, clusters_at, merge_heights};
/// let embeddings = [vec![1.0, 0.0], vec![1.0, 0.0], vec![0.0, 1.0]];
/// let heights = merge_heights(&embeddings, 1);
/// assert_eq!(clusters_at(&heights, 0.5), [vec![0, 1], vec![2]]);
/// assert_eq!(clusters_at(&heights, -0.5), [vec![0, 1, 2]]);
/// ```
pub fn merge_heights(embeddings: &[Vec<f32>], seed: u64) -> Vec<Vec<Step>> {
    let order = visiting_order(embeddings.len(), seed);
    let mut heights = vec![Vec::new(); embeddings.len()];
    // For each response that was visited, the thresholds at which it leads.
    let mut leads: Vec<(usize, Spans)> = Vec::with_capacity(order.len());
    for &response in &order {
        let mut left = Spans::all();
        let mut joined: Vec<(f64, f64, usize)> = Vec::new();
        for (leader, at) in &leads {
            if left.0.is_empty() {
                break;
            }
            let height = similarity(&embeddings[*leader], &embeddings[response]);
            // The first leader that is near enough takes it: what it takes is not left for others.
            let taken = left.take_below(height, at);
            joined.extend(taken.0.iter().map(|(low, high)| (*low, *high, *leader)));
        }
        joined.extend(left.0.iter().map(|(low, high)| (*low, *high, response)));
        heights[response] = steps(joined);
        if !left.0.is_empty() {
            leads.push((response, left));
        }
    }
    heights
}

/// The greedy rule's clusters at a threshold, as
/// [`greedy_cosine`](crate::cluster::greedy_cosine) orders them: largest first, members ascending.
pub fn clusters_at(heights: &[Vec<Step>], threshold: f64) -> Vec<Vec<usize>> {
    let leader_of = |(place, steps): (usize, &Vec<Step>)| {
        let step = steps.iter().rev().find(|step| threshold < step.height);
        // A leader that is no response, in a damaged file, is one of its own.
        step.map_or(place, |step| step.leader as usize)
    };
    with_leaders(heights.iter().enumerate().map(leader_of))
}

/// Spans of thresholds `low..high` with the leader in each, over all thresholds, as steps.
fn steps(mut joined: Vec<(f64, f64, usize)>) -> Vec<Step> {
    joined.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut steps: Vec<Step> = Vec::new();
    for (_, high, leader) in joined {
        let leader = u32::try_from(leader).unwrap_or(u32::MAX);
        // Where the same leader goes on, nothing changes.
        if steps.last().is_some_and(|last| last.leader == leader) {
            continue;
        }
        steps.push(Step {
            height: high,
            leader,
        });
    }
    // Above all similarities everyone leads.
    if steps
        .first()
        .is_some_and(|first| first.height == f64::INFINITY)
    {
        steps.remove(0);
    }
    steps
}

/// Disjoint spans `low..high` of thresholds, ascending.
#[derive(Clone, Debug)]
struct Spans(Vec<(f64, f64)>);

impl Spans {
    fn all() -> Self {
        Spans(vec![(f64::NEG_INFINITY, f64::INFINITY)])
    }

    /// Takes out what lies below `height` and within `at`.
    fn take_below(&mut self, height: f64, at: &Spans) -> Spans {
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        for &(low, high) in &self.0 {
            // What is still to be placed of this span.
            let mut from = low;
            for &(at_low, at_high) in &at.0 {
                let (start, end) = (from.max(at_low), high.min(at_high).min(height));
                if start < end {
                    if from < start {
                        kept.push((from, start));
                    }
                    taken.push((start, end));
                    from = end;
                }
            }
            if from < high {
                kept.push((from, high));
            }
        }
        self.0 = kept;
        Spans(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::greedy_cosine;
    use proptest::prelude::*;

    fn at(degrees: f32) -> Vec<f32> {
        vec![degrees.to_radians().cos(), degrees.to_radians().sin()]
    }

    #[test]
    fn a_chain_has_few_steps_and_a_file_of_them_is_short() {
        let embeddings: Vec<Vec<f32>> = (0..100).map(|step| at(1.7 * step as f32)).collect();
        let heights = merge_heights(&embeddings, 7);
        let steps: usize = heights.iter().map(Vec::len).sum();
        assert!(steps < 1000, "{steps}");
        let text = serde_json::to_string(&heights).unwrap();
        assert!(text.len() < 20_000, "{} bytes", text.len());
        let back: Vec<Vec<Step>> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, heights);
    }

    #[test]
    fn nothing_and_a_damaged_file_have_clusters_too() {
        assert!(clusters_at(&[], 0.5).is_empty());
        let stray = Step {
            height: 0.9,
            leader: u32::MAX,
        };
        assert_eq!(clusters_at(&[vec![stray], Vec::new()], 0.5).len(), 2);
        // A vector of zeros is like nothing, and not like itself.
        let heights = merge_heights(&[vec![0.0, 0.0], vec![0.0, 0.0]], 1);
        assert_eq!(clusters_at(&heights, 0.0), [vec![0], vec![1]]);
    }

    proptest! {
        #[test]
        fn clusters_from_heights_are_those_of_the_greedy_rule(
            // On a coarse grid, so that similarities tie and responses repeat.
            embeddings in prop::collection::vec(prop::collection::vec(-3i8..=3, 3), 0..24),
            thresholds in prop::collection::vec(-1.0f64..=1.0, 1..8),
            seed: u64,
        ) {
            let embeddings: Vec<Vec<f32>> = embeddings
                .iter()
                .map(|embedding| embedding.iter().map(|&x| f32::from(x)).collect())
                .collect();
            let heights = merge_heights(&embeddings, seed);
            // Exactly at a similarity, too.
            let at_steps = heights.iter().flatten().map(|step| step.height);
            for threshold in thresholds.into_iter().chain(at_steps.clone()).chain([-1.0, 0.0, 1.0]) {
                prop_assert_eq!(
                    clusters_at(&heights, threshold),
                    greedy_cosine(&embeddings, threshold, seed),
                    "at {}", threshold
                );
            }
        }
    }
}
