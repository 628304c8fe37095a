//! How far two annotators agree beyond chance: Cohen's kappa (Cohen 1960, "A coefficient of agreement for
//! nominal scales"), and with weights for near misses (Cohen 1968, "Weighted kappa").

/// What two ratings that differ count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// All that differ count the same: categories without an order.
    Unweighted,
    /// |a − b|.
    Linear,
    /// (a − b)²: then kappa is close to the intraclass correlation (Fleiss and Cohen 1973).
    Quadratic,
}

impl Weighting {
    /// All weightings, with their names.
    pub const ALL: [(&'static str, Weighting); 3] = [
        ("unweighted", Weighting::Unweighted),
        ("linear", Weighting::Linear),
        ("quadratic", Weighting::Quadratic),
    ];

    /// What the categories `a` and `b` differ by, from 0.
    fn difference(self, a: usize, b: usize) -> f64 {
        let apart = a.abs_diff(b) as f64;
        match self {
            Weighting::Unweighted => f64::from(u8::from(a != b)),
            Weighting::Linear => apart,
            Weighting::Quadratic => apart * apart,
        }
    }
}

/// κ = 1 − Σ d·observed / Σ d·expected, over the table of the first annotator's categories by the
/// second's; expected is what two would make that give each category as often as these, by chance. 1 where
/// both always say the same, 0 where they agree as by chance, below where less. `pairs` holds the two
/// ratings of each item, as numbers of categories: with weights the numbers' distance counts, so a scale of
/// which some steps were never used keeps its distances. `None` without items, and where chance alone makes
/// them agree always.
///
/// ```
/// use calibration::faithfulness::cohen::{Weighting, kappa};
/// let pairs = [(1, 1), (1, 0), (0, 0), (0, 0)];
/// assert_eq!(kappa(&pairs, Weighting::Unweighted), Some(0.5));
/// ```
pub fn kappa(pairs: &[(u8, u8)], weighting: Weighting) -> Option<f64> {
    kappa_weighted(pairs, &vec![1; pairs.len()], weighting)
}

/// The same, as if item i stood there `weights[i]` times: for resamples.
///
/// # Panics
/// If there are not as many weights as items.
pub fn kappa_weighted(pairs: &[(u8, u8)], weights: &[u32], weighting: Weighting) -> Option<f64> {
    assert_eq!(pairs.len(), weights.len(), "a weight for each item");
    let largest = pairs.iter().map(|(a, b)| *a.max(b)).max()?;
    let count = usize::from(largest) + 1;
    let (mut of_first, mut of_second) = (vec![0.0; count], vec![0.0; count]);
    let (mut n, mut observed) = (0.0, 0.0);
    for ((a, b), weight) in pairs.iter().zip(weights) {
        let (a, b, weight) = (usize::from(*a), usize::from(*b), f64::from(*weight));
        of_first[a] += weight;
        of_second[b] += weight;
        observed += weight * weighting.difference(a, b);
        n += weight;
    }
    let mut expected = 0.0;
    for (a, first) in of_first
        .iter()
        .enumerate()
        .filter(|(_, first)| **first > 0.0)
    {
        for (b, second) in of_second.iter().enumerate() {
            expected += first * second * weighting.difference(a, b);
        }
    }
    (expected > 0.0).then(|| 1.0 - n * observed / expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights_make_near_misses_small() {
        // Margins (1, 1, 1) each: by chance a mean of 2/3 unweighted, 8/9 linear, 4/3 quadratic.
        let near = [(0, 1), (1, 2), (2, 0)];
        let found = Weighting::ALL.map(|(_, weighting)| kappa(&near, weighting).unwrap());
        for (found, expected) in found.into_iter().zip([-0.5, -0.5, -0.5]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        let nearer = [(0, 0), (1, 2), (2, 1)];
        assert!((kappa(&nearer, Weighting::Unweighted).unwrap() - 0.0).abs() < 1e-12);
        assert!((kappa(&nearer, Weighting::Linear).unwrap() - 0.25).abs() < 1e-12);
        assert!((kappa(&nearer, Weighting::Quadratic).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn without_doubt_there_is_no_kappa() {
        for (_, weighting) in Weighting::ALL {
            assert_eq!(kappa(&[], weighting), None);
            assert_eq!(kappa(&[(3, 3), (3, 3)], weighting), None);
            assert_eq!(kappa_weighted(&[(1, 2)], &[0], weighting), None);
        }
    }

    #[test]
    fn right_or_wrong_is_a_case_of_it() {
        let verdicts = [
            (true, true),
            (true, false),
            (false, false),
            (true, true),
            (false, true),
        ];
        let pairs = verdicts.map(|(a, b)| (u8::from(a), u8::from(b)));
        let of_judges = crate::kappa::agreement(&verdicts).unwrap().kappa.unwrap();
        for (_, weighting) in Weighting::ALL {
            assert!((kappa(&pairs, weighting).unwrap() - of_judges).abs() < 1e-12);
        }
    }

    fn pairs() -> impl Strategy<Value = Vec<(u8, u8)>> {
        prop::collection::vec((0u8..5, 0u8..5), 1..20)
    }

    fn same(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            (a, b) => a == b,
        }
    }

    proptest! {
        #[test]
        fn weights_are_repetitions(pairs in pairs(), weights in prop::collection::vec(0u32..3, 20)) {
            let weights = &weights[..pairs.len()];
            let repeated: Vec<(u8, u8)> = pairs.iter().zip(weights)
                .flat_map(|(pair, weight)| std::iter::repeat_n(*pair, *weight as usize))
                .collect();
            for (_, weighting) in Weighting::ALL {
                prop_assert!(same(kappa_weighted(&pairs, weights, weighting), kappa(&repeated, weighting)));
            }
        }

        #[test]
        fn neither_is_the_first(pairs in pairs()) {
            let turned: Vec<(u8, u8)> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
            for (_, weighting) in Weighting::ALL {
                prop_assert!(same(kappa(&pairs, weighting), kappa(&turned, weighting)));
            }
        }

        /// A scale that is moved, or read from its other end, tells the same.
        #[test]
        fn only_distances_count(pairs in pairs(), up in 0u8..9) {
            let moved: Vec<(u8, u8)> = pairs.iter().map(|(a, b)| (a + up, b + up)).collect();
            let turned: Vec<(u8, u8)> = pairs.iter().map(|(a, b)| (9 - a, 9 - b)).collect();
            for (_, weighting) in Weighting::ALL {
                prop_assert!(same(kappa(&pairs, weighting), kappa(&moved, weighting)));
                prop_assert!(same(kappa(&pairs, weighting), kappa(&turned, weighting)));
            }
        }

        #[test]
        fn it_is_one_only_where_all_agree(pairs in pairs()) {
            for (_, weighting) in Weighting::ALL {
                if let Some(found) = kappa(&pairs, weighting) {
                    prop_assert!(found <= 1.0);
                    prop_assert_eq!(found == 1.0, pairs.iter().all(|(a, b)| a == b));
                }
            }
        }
    }
}
