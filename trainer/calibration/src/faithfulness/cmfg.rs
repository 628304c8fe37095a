//! cMFG: whether stated confidence follows what the model's samples say, whatever they say.
//!
//! The faithfulness of one answer is F = 1 − |decisiveness − confidence|: decisiveness is how sure the
//! answer sounds (here the stated level / 10), confidence how sure the model is (here the share of its
//! samples that say the same). MFG is the mean of F. Where most answers are sure, a model that always
//! sounds sure has a high MFG; so cMFG takes the mean of F at each confidence first, as if confidences
//! were uniform: E_{v ~ U[0,1]} E[F | confidence = v] (Yona et al. 2024, arXiv 2405.16908, as MetaFaith
//! measures it, arXiv 2505.24858, over ten bins of equal width). ½ is what decisiveness that has nothing
//! to do with confidence earns, such as always "10".
//!
//! MetaFaith's code counts an empty bin as 0 and leaves out confidences of exactly 1. Here an empty bin
//! is left out, and the last bin holds 1.

use serde::Serialize;

/// Bins of equal width on 0..=1.
pub const BINS: usize = 10;

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stated {
    /// How sure it sounds, 0..=1.
    pub decisiveness: f64,
    /// How sure the model is: the share of its samples that say the same, 0..=1.
    pub confidence: f64,
}

impl Stated {
    /// F, 0..=1.
    pub fn faithfulness(&self) -> f64 {
        1.0 - (self.decisiveness - self.confidence).abs()
    }
}

/// One bin of confidences.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    pub n: usize,
    /// Mean F; `None` in an empty bin.
    pub faithfulness: Option<f64>,
    /// Mean decisiveness; `None` in an empty bin.
    pub decisiveness: Option<f64>,
}

/// Faithfulness of stated confidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cmfg {
    /// Mean over the bins that hold answers, 0..=1.
    pub cmfg: f64,
    /// Mean over the answers, 0..=1.
    pub mfg: f64,
    pub n: usize,
    pub bins: Vec<Bin>,
}

/// cMFG over answers that each count once; `None` without any, or where a value is no probability.
///
/// ```
/// use calibration::faithfulness::cmfg::{Stated, cmfg};
/// let always_sure = [0.05, 0.35, 0.65, 0.95].map(|confidence| Stated { decisiveness: 1.0, confidence });
/// let found = cmfg(&always_sure).map(|found| found.cmfg);
/// assert!((found.unwrap_or_default() - 0.5).abs() < 1e-12);
/// ```
pub fn cmfg(answers: &[Stated]) -> Option<Cmfg> {
    cmfg_weighted(answers, &vec![1; answers.len()])
}

/// The same, as if answer i stood there `weights[i]` times: for resamples.
///
/// # Panics
/// If there are not as many weights as answers.
pub fn cmfg_weighted(answers: &[Stated], weights: &[u32]) -> Option<Cmfg> {
    assert_eq!(answers.len(), weights.len(), "a weight for each answer");
    let is_probability = |value: f64| (0.0..=1.0).contains(&value);
    let mut sums = [(0_usize, 0.0, 0.0); BINS];
    for (answer, weight) in answers.iter().zip(weights) {
        if !is_probability(answer.decisiveness) || !is_probability(answer.confidence) {
            return None;
        }
        let sum = &mut sums[bin_of(answer.confidence)];
        sum.0 += *weight as usize;
        sum.1 += f64::from(*weight) * answer.faithfulness();
        sum.2 += f64::from(*weight) * answer.decisiveness;
    }
    let n: usize = sums.iter().map(|sum| sum.0).sum();
    if n == 0 {
        return None;
    }
    let bins: Vec<Bin> = sums
        .iter()
        .enumerate()
        .map(|(at, &(n, faithfulness, decisiveness))| Bin {
            from: at as f64 / BINS as f64,
            to: (at + 1) as f64 / BINS as f64,
            n,
            faithfulness: (n > 0).then(|| faithfulness / n as f64),
            decisiveness: (n > 0).then(|| decisiveness / n as f64),
        })
        .collect();
    let of_bins: Vec<f64> = bins.iter().filter_map(|bin| bin.faithfulness).collect();
    Some(Cmfg {
        cmfg: of_bins.iter().sum::<f64>() / of_bins.len() as f64,
        mfg: sums.iter().map(|sum| sum.1).sum::<f64>() / n as f64,
        n,
        bins,
    })
}

/// Shares are fractions of a few samples, so many stand on an edge: one that is within a billionth of an
/// edge counts as on it, and belongs to the upper bin.
fn bin_of(confidence: f64) -> usize {
    let place = (confidence * BINS as f64 + 1e-9).floor() as usize;
    place.min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges_belong_to_the_upper_bin_and_one_to_the_last() {
        let places = [0.0, 0.1, 0.3, 3.0 / 10.0, 0.7, 0.999, 1.0].map(bin_of);
        assert_eq!(places, [0, 1, 3, 3, 7, 9, 9]);
    }

    #[test]
    fn a_model_that_always_sounds_sure_is_not_faithful_though_it_is_mostly_sure() {
        let at = |confidence, n| {
            std::iter::repeat_n(
                Stated {
                    decisiveness: 1.0,
                    confidence,
                },
                n,
            )
        };
        let answers: Vec<Stated> = at(1.0, 98).chain(at(0.0, 2)).collect();
        let found = cmfg(&answers).unwrap();
        assert!((found.mfg - 0.98).abs() < 1e-12);
        assert!((found.cmfg - 0.5).abs() < 1e-12);
        assert_eq!(found.bins[5].faithfulness, None);
    }

    #[test]
    fn no_answers_and_no_probabilities() {
        assert_eq!(cmfg(&[]), None);
        let wrong = Stated {
            decisiveness: 1.5,
            confidence: 0.5,
        };
        assert_eq!(cmfg(&[wrong]), None);
    }

    proptest! {
        #[test]
        fn sounding_as_sure_as_one_is_is_faithful(confidences in prop::collection::vec(0.0f64..=1.0, 1..40)) {
            let answers: Vec<Stated> = confidences.iter()
                .map(|&confidence| Stated { decisiveness: confidence, confidence })
                .collect();
            let found = cmfg(&answers).unwrap();
            prop_assert!((found.cmfg - 1.0).abs() < 1e-12 && (found.mfg - 1.0).abs() < 1e-12);
        }

        #[test]
        fn weights_are_repetitions(
            answers in prop::collection::vec((0.0f64..=1.0, 0.0f64..=1.0, 0u32..4), 1..20),
        ) {
            let stated = |(decisiveness, confidence, _): &(f64, f64, u32)| Stated {
                decisiveness: *decisiveness,
                confidence: *confidence,
            };
            let once: Vec<Stated> = answers.iter().map(stated).collect();
            let weights: Vec<u32> = answers.iter().map(|answer| answer.2).collect();
            let repeated: Vec<Stated> = answers.iter()
                .flat_map(|answer| std::iter::repeat_n(stated(answer), answer.2 as usize))
                .collect();
            let pair = cmfg_weighted(&once, &weights).zip(cmfg(&repeated));
            prop_assert_eq!(pair.is_none(), repeated.is_empty());
            if let Some((a, b)) = pair {
                prop_assert!((a.cmfg - b.cmfg).abs() < 1e-9 && (a.mfg - b.mfg).abs() < 1e-9);
            }
        }
    }
}
