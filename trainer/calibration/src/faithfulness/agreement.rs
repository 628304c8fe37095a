//! Agreement among those who rated the same items: Krippendorff's alpha (Krippendorff 2011,
//! "Computing Krippendorff's alpha-reliability").

/// What two ratings differ by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Equal or not.
    Nominal,
    /// By the ratings that lie between them.
    Ordinal,
    /// By the square of their difference.
    Interval,
}

impl Level {
    /// All levels, with their names.
    pub const ALL: [(&'static str, Level); 3] = [
        ("nominal", Level::Nominal),
        ("ordinal", Level::Ordinal),
        ("interval", Level::Interval),
    ];
}

/// α = 1 − (observed disagreement) / (that expected by chance): 1 where all agree, 0 where ratings are
/// as good as drawn by lot, below where they contradict. `items` holds the ratings of each item, by
/// whomever; items with fewer than two tell nothing and are left out. `None` where nothing is left, all
/// ratings are one value, or one is not a number.
///
/// ```
/// use calibration::faithfulness::agreement::{Level, alpha};
/// let same = [vec![1.0, 1.0], vec![4.0, 4.0, 4.0], vec![9.0]];
/// assert_eq!(alpha(&same, Level::Interval), Some(1.0));
/// ```
pub fn alpha<I: AsRef<[f64]>>(items: &[I], level: Level) -> Option<f64> {
    let weights = vec![1; items.len()];
    alpha_weighted(items, &weights, level)
}

/// The same, as if item i stood there `weights[i]` times: for resamples.
///
/// # Panics
/// If there are not as many weights as items.
pub fn alpha_weighted<I: AsRef<[f64]>>(items: &[I], weights: &[u32], level: Level) -> Option<f64> {
    assert_eq!(items.len(), weights.len(), "a weight for each item");
    let rated = || {
        items
            .iter()
            .map(AsRef::as_ref)
            .zip(weights)
            .filter(|(ratings, weight)| ratings.len() > 1 && **weight > 0)
    };
    let mut values: Vec<f64> = rated()
        .flat_map(|(ratings, _)| ratings)
        .map(|rating| rating + 0.0)
        .collect();
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let place = |rating: f64| values.partition_point(|value| *value < rating);
    // coincidences[c][k]: pairs of ratings of one item, each item's counting as its ratings do.
    let count = values.len();
    let mut coincidences = vec![0.0; count * count];
    for (ratings, weight) in rated() {
        let share = f64::from(*weight) / (ratings.len() - 1) as f64;
        for (first, a) in ratings.iter().enumerate() {
            for (second, b) in ratings.iter().enumerate() {
                if first != second {
                    coincidences[place(*a) * count + place(*b)] += share;
                }
            }
        }
    }
    let totals: Vec<f64> = coincidences
        .chunks_exact(count.max(1))
        .map(|row| row.iter().sum())
        .collect();
    let all: f64 = totals.iter().sum();
    let (mut observed, mut expected) = (0.0, 0.0);
    for c in 0..count {
        for k in 0..count {
            let difference = difference(level, &values, &totals, c, k);
            observed += coincidences[c * count + k] * difference;
            expected += totals[c] * totals[k] * difference;
        }
    }
    let alpha = 1.0 - (all - 1.0) * observed / expected;
    alpha.is_finite().then_some(alpha)
}

/// δ² of the values at places `c` and `k`.
fn difference(level: Level, values: &[f64], totals: &[f64], c: usize, k: usize) -> f64 {
    match level {
        Level::Nominal => f64::from(u8::from(c != k)),
        Level::Interval => (values[c] - values[k]).powi(2),
        Level::Ordinal => {
            let (low, high) = (c.min(k), c.max(k));
            let between: f64 = totals[low..=high].iter().sum();
            (between - (totals[low] + totals[high]) / 2.0).powi(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_raters_in_closed_form() {
        // Nominal, two raters: o = 1 disagreement of 4; α = 1 − (n − 1)·Σo / Σ n_c·n_k.
        let items = [[1.0, 1.0], [1.0, 1.0], [2.0, 2.0], [1.0, 2.0]];
        // n = 8, n_1 = 5, n_2 = 3: off the diagonal o = 2, n_c·n_k = 30.
        let found = alpha(&items, Level::Nominal).unwrap();
        assert!((found - (1.0 - 7.0 * 2.0 / 30.0)).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_compare_has_no_alpha() {
        for items in [vec![], vec![vec![1.0], vec![]], vec![vec![2.0, 2.0]]] {
            for (name, level) in Level::ALL {
                assert_eq!(alpha(&items, level), None, "{name}");
            }
        }
        assert_eq!(alpha(&[[f64::NAN, 1.0]], Level::Interval), None);
    }

    proptest! {
        #[test]
        fn weights_are_repetitions(
            items in prop::collection::vec(prop::collection::vec(0u8..4, 0..4), 1..8),
            weights in prop::collection::vec(0u32..3, 8),
        ) {
            let items: Vec<Vec<f64>> =
                items.iter().map(|ratings| ratings.iter().map(|rating| f64::from(*rating)).collect()).collect();
            let repeated: Vec<Vec<f64>> = items.iter().zip(&weights)
                .flat_map(|(ratings, weight)| std::iter::repeat_n(ratings.clone(), *weight as usize))
                .collect();
            for (_, level) in Level::ALL {
                let weighted = alpha_weighted(&items, &weights[..items.len()], level);
                match (weighted, alpha(&repeated, level)) {
                    (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9),
                    (a, b) => prop_assert_eq!(a, b),
                }
            }
        }

        /// With two values all levels are one and the same.
        #[test]
        fn two_values_have_one_alpha(items in prop::collection::vec(prop::collection::vec(0u8..2, 2..4), 1..9)) {
            let items: Vec<Vec<f64>> =
                items.iter().map(|ratings| ratings.iter().map(|rating| f64::from(*rating)).collect()).collect();
            let nominal = alpha(&items, Level::Nominal);
            for level in [Level::Ordinal, Level::Interval] {
                match (nominal, alpha(&items, level)) {
                    (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9),
                    (a, b) => prop_assert_eq!(a, b),
                }
            }
        }
    }
}
