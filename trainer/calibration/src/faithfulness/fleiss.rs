//! How far many annotators agree beyond chance: Fleiss' kappa (Fleiss 1971, "Measuring nominal scale
//! agreement among many raters"), in the form that allows items to have different numbers of ratings
//! (Gwet 2014, "Handbook of inter-rater reliability", 4th edition, 2.4); where all have as many, it is
//! Fleiss' own.

/// κ = (p_a − p_e) / (1 − p_e). p_a is the mean over items, of those with two ratings or more, of the
/// share of pairs of ratings that are equal; p_e = Σ p_k², p_k the mean share of category k over all items.
/// `items` holds the categories that each item was given, by whomever. Categories have no order here: 7 and
/// 8 differ as 0 and 10 do. `None` where no item has two ratings, and where all ratings are one category.
///
/// ```
/// use calibration::faithfulness::fleiss::kappa;
/// assert_eq!(kappa(&[vec![0, 0, 0], vec![1, 1, 1]]), Some(1.0));
/// assert_eq!(kappa(&[vec![0, 1], vec![1, 0]]), Some(-1.0));
/// ```
pub fn kappa<I: AsRef<[u8]>>(items: &[I]) -> Option<f64> {
    kappa_weighted(items, &vec![1; items.len()])
}

/// The same, as if item i stood there `weights[i]` times: for resamples.
///
/// # Panics
/// If there are not as many weights as items.
pub fn kappa_weighted<I: AsRef<[u8]>>(items: &[I], weights: &[u32]) -> Option<f64> {
    assert_eq!(items.len(), weights.len(), "a weight for each item");
    const CATEGORIES: usize = u8::MAX as usize + 1;
    let mut shares = [0.0; CATEGORIES];
    let (mut rated, mut rated_twice, mut agreed) = (0.0, 0.0, 0.0);
    let weighted = items.iter().map(AsRef::as_ref).zip(weights);
    for (ratings, weight) in
        weighted.filter(|(ratings, weight)| !ratings.is_empty() && **weight > 0)
    {
        let (n, weight) = (ratings.len() as f64, f64::from(*weight));
        let mut equal_pairs = 0_usize;
        for (at, rating) in ratings.iter().enumerate() {
            shares[usize::from(*rating)] += weight / n;
            equal_pairs += ratings[..at]
                .iter()
                .filter(|before| *before == rating)
                .count();
        }
        rated += weight;
        if ratings.len() > 1 {
            rated_twice += weight;
            agreed += weight * 2.0 * equal_pairs as f64 / (n * (n - 1.0));
        }
    }
    let by_chance: f64 = shares.iter().map(|share| (share / rated).powi(2)).sum();
    let is_one_category = shares.iter().filter(|share| **share > 0.0).count() < 2;
    let kappa = (agreed / rated_twice - by_chance) / (1.0 - by_chance);
    (!is_one_category && kappa.is_finite()).then_some(kappa)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Fourteen raters, ten items, five categories: the example that is commonly worked for this measure.
    #[test]
    fn the_worked_example() {
        let counts: [[usize; 5]; 10] = [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ];
        let items: Vec<Vec<u8>> = counts
            .iter()
            .map(|counts| {
                (0..)
                    .zip(counts)
                    .flat_map(|(category, count)| std::iter::repeat_n(category, *count))
                    .collect()
            })
            .collect();
        // P̄ = .378, P̄e = .213.
        assert!((kappa(&items).unwrap() - 0.209_930_704_422_195).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_compare_has_no_kappa() {
        for items in [
            vec![],
            vec![vec![]],
            vec![vec![1], vec![2]],
            vec![vec![2, 2], vec![2, 2]],
        ] {
            assert_eq!(kappa(&items), None, "{items:?}");
        }
        assert_eq!(kappa_weighted(&[vec![1, 2]], &[0]), None);
    }

    fn items() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(0u8..4, 0..5), 1..10)
    }

    fn same(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            (a, b) => a == b,
        }
    }

    proptest! {
        #[test]
        fn weights_are_repetitions(items in items(), weights in prop::collection::vec(0u32..3, 10)) {
            let weights = &weights[..items.len()];
            let repeated: Vec<Vec<u8>> = items.iter().zip(weights)
                .flat_map(|(ratings, weight)| std::iter::repeat_n(ratings.clone(), *weight as usize))
                .collect();
            prop_assert!(same(kappa_weighted(&items, weights), kappa(&repeated)));
        }

        #[test]
        fn names_of_categories_and_order_do_not_count(items in items()) {
            let renamed: Vec<Vec<u8>> = items.iter().rev()
                .map(|ratings| ratings.iter().rev().map(|rating| [9, 3, 200, 0][usize::from(*rating)]).collect())
                .collect();
            prop_assert!(same(kappa(&items), kappa(&renamed)));
        }

        #[test]
        fn it_is_one_only_where_all_agree(items in items()) {
            if let Some(found) = kappa(&items) {
                let all_agree = items.iter().all(|ratings| ratings.iter().all(|rating| *rating == ratings[0]));
                prop_assert!(found <= 1.0 + 1e-12);
                prop_assert_eq!((found - 1.0).abs() < 1e-12, all_agree);
            }
        }
    }
}
