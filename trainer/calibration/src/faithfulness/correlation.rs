//! How far two scores of the same items go together.

/// Pearson's r, −1..=1; `None` with fewer than two pairs, or where one side does not vary.
///
/// ```
/// let r = calibration::faithfulness::correlation::pearson(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]);
/// assert!((r.unwrap_or_default() - 1.0).abs() < 1e-12);
/// ```
pub fn pearson(pairs: &[(f64, f64)]) -> Option<f64> {
    let (first_a, first_b) = *pairs.first()?;
    // A rounded mean leaves a rest of what does not vary, so that the sums below need not be 0.
    if pairs.iter().all(|pair| pair.0 == first_a) || pairs.iter().all(|pair| pair.1 == first_b) {
        return None;
    }
    let n = pairs.len() as f64;
    let mean_a = pairs.iter().map(|pair| pair.0).sum::<f64>() / n;
    let mean_b = pairs.iter().map(|pair| pair.1).sum::<f64>() / n;
    let (mut together, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - mean_a, b - mean_b);
        together += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    let r = together / (of_a.sqrt() * of_b.sqrt());
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

/// Spearman's ρ: Pearson's r of the ranks, ties at their mean rank; `None` as there.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let ranks_of = |values: Vec<f64>| ranks(&values);
    let a = ranks_of(pairs.iter().map(|pair| pair.0).collect());
    let b = ranks_of(pairs.iter().map(|pair| pair.1).collect());
    pearson(&a.into_iter().zip(b).collect::<Vec<_>>())
}

/// The rank of each value, from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut at = 0;
    while at < order.len() {
        let tied = order[at..]
            .iter()
            .take_while(|&&place| values[place].total_cmp(&values[order[at]]).is_eq())
            .count();
        let rank = at as f64 + (tied as f64 + 1.0) / 2.0;
        for &place in &order[at..at + tied] {
            ranks[place] = rank;
        }
        at += tied;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn what_does_not_vary_has_no_correlation() {
        for pairs in [
            &[][..],
            &[(1.0, 2.0)],
            &[(1.0, 2.0), (1.0, 3.0)],
            // The mean of three times .1 is not .1.
            &[(0.1, 0.1); 3],
            &[(0.1, 1.0), (0.1, 2.0), (0.1, 4.0)],
            &[(1.0, 0.1), (2.0, 0.1), (4.0, 0.1)],
        ] {
            assert_eq!(pearson(pairs), None, "{pairs:?}");
            assert_eq!(spearman(pairs), None, "{pairs:?}");
        }
    }

    proptest! {
        #[test]
        fn ranks_do_not_see_a_growing_map(values in prop::collection::vec(-9.0f64..9.0, 2..30)) {
            let pairs: Vec<(f64, f64)> = values.iter().map(|value| (*value, value.powi(3))).collect();
            if let Some(rho) = spearman(&pairs) {
                prop_assert!((rho - 1.0).abs() < 1e-9);
            }
        }

        #[test]
        fn both_lie_between_minus_one_and_one(
            pairs in prop::collection::vec((-9.0f64..9.0, -9.0f64..9.0), 0..30),
        ) {
            for found in [pearson(&pairs), spearman(&pairs)].into_iter().flatten() {
                prop_assert!((-1.0..=1.0).contains(&found));
            }
        }
    }
}
