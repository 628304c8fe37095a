//! Grouping the responses to one question by what they say.
//!
//! Clusters are lists of indices: the largest first, among equals the one whose first member comes
//! first; members ascending. Singletons are kept.

use crate::judge;
use crate::random::Random;
use std::collections::HashMap;

/// Answers that normalise alike say the same ([`judge::normalise`]). The right way for short answers.
///
/// ```
/// let clusters = calibration::cluster::by_answer(&["Rome", "Paris", "paris.", "the Rome", "Paris"]);
/// assert_eq!(clusters, [vec![1, 2, 4], vec![0, 3]]);
/// ```
pub fn by_answer<S: AsRef<str>>(answers: &[S]) -> Vec<Vec<usize>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    for (index, answer) in answers.iter().enumerate() {
        let place = *places
            .entry(judge::normalise(answer.as_ref()))
            .or_insert(clusters.len());
        if place == clusters.len() {
            clusters.push(Vec::new());
        }
        clusters[place].push(index);
    }
    largest_first(clusters)
}

/// The paper's greedy rule (arXiv 2405.20974, 2.1): take the first response left, gather all whose
/// cosine similarity with it ([`similarity`]) is above `threshold`, repeat. Responses are visited in an
/// order that follows from `seed`. The threshold belongs to the embedding model ([`fit_threshold`]).
/// [`crate::heights`] keeps the clusters at every threshold.
pub fn greedy_cosine(embeddings: &[Vec<f32>], threshold: f64, seed: u64) -> Vec<Vec<usize>> {
    let mut left = visiting_order(embeddings.len(), seed);
    let mut leaders = vec![0; embeddings.len()];
    while let Some(&leader) = left.first() {
        left.retain(|&other| {
            let is_near =
                other == leader || similarity(&embeddings[leader], &embeddings[other]) > threshold;
            if is_near {
                leaders[other] = leader;
            }
            !is_near
        });
    }
    with_leaders(leaders)
}

/// The order in which the greedy rule visits responses.
pub(crate) fn visiting_order(responses: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..responses).collect();
    Random::new(seed).shuffle(&mut order);
    order
}

/// Clusters from the leader of each response.
pub(crate) fn with_leaders(leaders: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    // In the order of the responses, so that members ascend and the first to appear comes first.
    for (response, leader) in leaders.into_iter().enumerate() {
        let place = *places.entry(leader).or_insert(clusters.len());
        if place == clusters.len() {
            clusters.push(Vec::new());
        }
        clusters[place].push(response);
    }
    largest_first(clusters)
}

/// Cosine similarity in millionths, so that it can be kept in few digits, and what is kept decides as
/// what was computed.
pub fn similarity(a: &[f32], b: &[f32]) -> f64 {
    // Without −0, which is written otherwise than 0.
    (cosine(a, b) * 1e6).round() / 1e6 + 0.0
}

fn largest_first(mut clusters: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    // Stable: among equals the first to appear stays first.
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.len()));
    clusters
}

/// Cosine similarity, −1..=1; 0 where one vector is 0, not finite, or of another length.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum::<f64>()
    };
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    if cosine.is_finite() {
        cosine.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// The threshold that tells most of the labelled pairs right: (cosine, whether both say the same).
/// The lowest among equals, halfway between two cosines; `None` without pairs.
///
/// ```
/// let pairs = [(0.9, true), (0.8, true), (0.5, false)];
/// assert_eq!(calibration::cluster::fit_threshold(&pairs), Some(0.65));
/// ```
pub fn fit_threshold(pairs: &[(f64, bool)]) -> Option<f64> {
    let mut pairs = pairs.to_vec();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (lowest, highest) = (pairs.first()?.0, pairs.last()?.0);
    // Below the lowest cosine all pairs are said to be the same.
    let mut right = pairs.iter().filter(|pair| pair.1).count();
    let mut best = (right, lowest - 1.0);
    let mut at = 0;
    while at < pairs.len() {
        let cosine = pairs[at].0;
        while at < pairs.len() && pairs[at].0 == cosine {
            // From here on this pair is said to differ.
            if pairs[at].1 {
                right -= 1;
            } else {
                right += 1;
            }
            at += 1;
        }
        let next = pairs.get(at).map_or(highest, |pair| pair.0);
        if right > best.0 {
            best = (right, (cosine + next) / 2.0);
        }
        // NaN equals nothing, not even itself.
        if cosine.is_nan() {
            at += 1;
        }
    }
    Some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn greedy_clusters_depend_on_the_seed_alone() {
        let at = |degrees: f32| vec![degrees.to_radians().cos(), degrees.to_radians().sin()];
        let embeddings = [
            at(0.0),
            at(1.0),
            at(90.0),
            at(2.0),
            at(91.0),
            vec![0.0, 0.0],
        ];
        let clusters = greedy_cosine(&embeddings, 0.9, 1);
        assert_eq!(clusters, [vec![0, 1, 3], vec![2, 4], vec![5]]);
        assert_eq!(clusters, greedy_cosine(&embeddings, 0.9, 1));

        // A chain, in which who leads decides.
        let chain: Vec<Vec<f32>> = (0..20).map(|step| at(15.0 * step as f32)).collect();
        let of = |seed| greedy_cosine(&chain, 0.95, seed);
        assert_eq!(of(3), of(3));
        assert!((0..10).any(|seed| of(seed) != of(3)));
    }

    #[test]
    fn cosines_of_no_vectors() {
        assert_eq!(cosine(&[0.0], &[1.0]), 0.0);
        assert_eq!(cosine(&[1.0], &[1.0, 1.0]), 0.0);
        assert_eq!(cosine(&[f32::NAN], &[1.0]), 0.0);
        assert_eq!(cosine(&[], &[]), 0.0);
    }

    #[test]
    fn thresholds() {
        assert_eq!(fit_threshold(&[]), None);
        let all_same = fit_threshold(&[(0.4, true), (0.6, true)]).unwrap();
        assert!(all_same < 0.4);
        let all_differ = fit_threshold(&[(0.4, false), (0.6, false)]).unwrap();
        assert!(all_differ >= 0.6);
    }

    proptest! {
        #[test]
        fn every_response_is_in_one_cluster(
            embeddings in prop::collection::vec(prop::collection::vec(-1.0f32..1.0, 3), 0..30),
            threshold in -1.0f64..1.0,
            seed: u64,
        ) {
            let clusters = greedy_cosine(&embeddings, threshold, seed);
            let mut all: Vec<usize> = clusters.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..embeddings.len()).collect::<Vec<_>>());
            prop_assert!(clusters.windows(2).all(|pair| pair[0].len() >= pair[1].len()));
        }
    }
}
