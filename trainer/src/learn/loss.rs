//! The losses, as pure functions of tensors: each is differentiable towards its logits.

use candle_core::{DType, Result, Tensor};
use model::LevelTokens;
use std::ops::Range;

/// Smallest and largest expected confidence that the cross-entropy sees, so that its gradient is
/// finite.
const EXPECTED_MIN: f64 = 0.01;
const EXPECTED_MAX: f64 = 0.99;

/// Weight of [`form`] beside a loss on the confidence.
pub const FORM_WEIGHT: f64 = 0.02;

/// Width of the Gaussian that [`unimodal`] draws about the expected confidence, as a probability.
const UNIMODAL_WIDTH: f64 = 0.08;

/// The distribution over the ten levels, as the model would write them.
pub struct Levels {
    /// ln P(level k), renormalised over the ten levels: (b, 10).
    pub log_probabilities: Tensor,
    /// ln of the probability that a level is written at all: (b,).
    pub log_mass: Tensor,
    /// ln of the probability that a level, once written, ends there: no further digit: (b,).
    pub log_end: Tensor,
}

/// The rows of a batch's logits that [`levels`] reads, one of each kind a branch.
pub struct LevelRows {
    /// Predict the level.
    pub before_level: Range<u32>,
    /// Follow a `1`.
    pub after_one: Range<u32>,
    /// Follow `1`, `0`.
    pub after_ten: Range<u32>,
    /// Follow another token that is a level.
    pub after_digit: Range<u32>,
}

impl LevelRows {
    /// The rows of `branches` branches, kind by kind from the first row on.
    pub fn first(branches: u32) -> Self {
        LevelRows {
            before_level: 0..branches,
            after_one: branches..2 * branches,
            after_ten: 2 * branches..3 * branches,
            after_digit: 3 * branches..4 * branches,
        }
    }

    /// The places whose log-probabilities [`levels`] takes: the levels' tokens before a level; the
    /// digits after a level of one token; and where "10" is the two tokens `1`, `0`, the digits
    /// after each of the two.
    pub fn places(&self, tokens: &LevelTokens) -> Vec<(u32, u32)> {
        let digits = &tokens.digits;
        let at = |rows: &Range<u32>, tokens: &[u32]| -> Vec<(u32, u32)> {
            let tokens = tokens.to_vec();
            rows.clone()
                .flat_map(move |row| tokens.clone().into_iter().map(move |token| (row, token)))
                .collect()
        };
        match tokens.ten {
            Some(ten) => [
                at(&self.before_level, &[&digits[1..], &[ten]].concat()),
                at(&self.after_digit, digits),
            ]
            .concat(),
            None => [
                at(&self.before_level, &digits[1..]),
                at(&self.after_digit, digits),
                at(&self.after_one, digits),
                at(&self.after_ten, digits),
            ]
            .concat(),
        }
    }
}

/// ln(1 − Σ p) over the last dimension of log-probabilities, kept finite where Σ p rounds to 1.
fn log_of_rest(logprobs: &Tensor) -> Result<Tensor> {
    (1.0 - logprobs.exp()?.sum_keepdim(1)?)?
        .clamp(1e-6, 1.0)?
        .log()
}

/// The levels' distributions from the log-probabilities at [`LevelRows::places`] of `branches`
/// branches. REFERENCE 5: where "10" is two tokens, P(1) = p(1)·(1 − p(0|1)) and
/// P(10) = p(1)·p(0|1).
pub fn levels(logprobs: &Tensor, branches: usize, tokens: &LevelTokens) -> Result<Levels> {
    let first = if tokens.ten.is_some() { 10 } else { 9 };
    let part = |start: usize, width: usize| {
        logprobs
            .narrow(0, start * branches, width * branches)?
            .reshape((branches, width))
    };
    let raw = part(0, first)?;
    let mut log_end = log_of_rest(&part(first, 10)?)?;
    let raw = if tokens.ten.is_some() {
        raw
    } else {
        let after_one = part(first + 10, 10)?;
        let zero = after_one.narrow(1, 0, 1)?; // ln p(0|1)
        let not_zero = log_of_rest(&zero)?;
        log_end = (log_end + log_of_rest(&after_one.narrow(1, 1, 9)?)?)?;
        log_end = (log_end + log_of_rest(&part(first + 20, 10)?)?)?;
        let one = raw.narrow(1, 0, 1)?;
        Tensor::cat(
            &[
                &(&one + &not_zero)?,
                &raw.narrow(1, 1, 8)?,
                &(&one + &zero)?,
            ],
            1,
        )?
    };
    let log_mass = model::ops::log_sum_exp(&raw)?;
    Ok(Levels {
        log_probabilities: raw.broadcast_sub(&log_mass.unsqueeze(1)?)?,
        log_mass,
        log_end: log_end.squeeze(1)?,
    })
}

/// −ln of the probability that a level is written, and ends where it should: (b,).
pub fn form(levels: &Levels) -> Result<Tensor> {
    (&levels.log_mass + &levels.log_end)?.neg()
}

/// k/10 for k = 1..=10: (1, 10).
fn level_values(like: &Tensor) -> Result<Tensor> {
    let values: Vec<f32> = (1..=10).map(|level| level as f32 / 10.0).collect();
    Tensor::from_vec(values, (1, 10), like.device())?.to_dtype(like.dtype())
}

/// Σ k/10 · P(k): (b,).
pub fn expected_confidence(levels: &Levels) -> Result<Tensor> {
    let probabilities = levels.log_probabilities.exp()?;
    probabilities
        .broadcast_mul(&level_values(&probabilities)?)?
        .sum(1)
}

/// Binary cross-entropy of the expected confidence with the targets (b,) in 0..=1: (b,).
pub fn expected_cross_entropy(levels: &Levels, targets: &Tensor) -> Result<Tensor> {
    let expected = expected_confidence(levels)?.clamp(EXPECTED_MIN, EXPECTED_MAX)?;
    let right = targets.mul(&expected.log()?)?;
    let wrong = (1.0 - targets)?.mul(&(1.0 - expected)?.log()?)?;
    (right + wrong)?.neg()
}

/// The exact tokenized Brier loss Σ P(k)·(k/10 − target)² (ConfTuner, arXiv 2508.18847): (b,).
pub fn tokenized_brier(levels: &Levels, targets: &Tensor) -> Result<Tensor> {
    let probabilities = levels.log_probabilities.exp()?;
    let error = level_values(&probabilities)?
        .broadcast_sub(&targets.unsqueeze(1)?)?
        .sqr()?;
    probabilities.mul(&error)?.sum(1)
}

/// Cross-entropy of the level 1..=10 nearest to each target in 0..=1: (b,). The paper's loss on
/// the confidence.
pub fn level_cross_entropy(levels: &Levels, targets: &[f32]) -> Result<Tensor> {
    let nearest: Vec<u32> = targets
        .iter()
        .map(|target| ((target * 10.0).round() as u32).clamp(1, 10) - 1)
        .collect();
    let nearest = Tensor::from_vec(
        nearest,
        (targets.len(), 1),
        levels.log_probabilities.device(),
    )?;
    levels
        .log_probabilities
        .gather(&nearest, 1)?
        .squeeze(1)?
        .neg()
}

/// Cross-entropy with the two levels that each target in 0..=1 lies between, by how near each is; below
/// level 1 with that one alone: (b,).
pub fn soft_level_cross_entropy(levels: &Levels, targets: &[f32]) -> Result<Tensor> {
    let mut wanted = vec![0.0f32; 10 * targets.len()];
    for (target, wanted) in targets.iter().zip(wanted.chunks_exact_mut(10)) {
        let place = (10.0 * target - 1.0).clamp(0.0, 9.0);
        let below = place as usize;
        let share = place - below as f32;
        wanted[below] = 1.0 - share;
        if share > 0.0 {
            wanted[below + 1] = share;
        }
    }
    let shape = (targets.len(), 10);
    let wanted = Tensor::from_vec(wanted, shape, levels.log_probabilities.device())?;
    wanted.mul(&levels.log_probabilities)?.sum(1)?.neg()
}

/// Cross-entropy of the ten levels with a Gaussian about their own expected value, which is held
/// constant: (b,). Keeps the distribution in one piece, so that the level that is written stands
/// for the expected value (REFERENCE 9).
pub fn unimodal(levels: &Levels) -> Result<Tensor> {
    let expected = expected_confidence(levels)?.detach().unsqueeze(1)?;
    let values = level_values(&levels.log_probabilities)?;
    let distance = values.broadcast_sub(&expected)?.sqr()?;
    let weights = (distance * (-0.5 / (UNIMODAL_WIDTH * UNIMODAL_WIDTH)))?.exp()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(1)?)?;
    weights.mul(&levels.log_probabilities)?.sum(1)?.neg()
}

/// −Σ P ln P over the ten levels: (b,).
pub fn entropy(levels: &Levels) -> Result<Tensor> {
    levels
        .log_probabilities
        .exp()?
        .mul(&levels.log_probabilities)?
        .sum(1)?
        .neg()
}

/// Weighted sum of (n,) by constants.
pub fn weighted_sum(losses: &Tensor, weights: &[f32]) -> Result<Tensor> {
    let weights = Tensor::new(weights, losses.device())?.to_dtype(losses.dtype())?;
    losses.mul(&weights)?.sum_all()
}

/// A scalar tensor as a number.
pub fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(f64::from(tensor.to_dtype(DType::F32)?.to_scalar::<f32>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    const SPLIT: LevelTokens = LevelTokens {
        digits: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        ten: None,
    };

    fn logits(rows: usize, seed: u32) -> Tensor {
        let values: Vec<f32> = (0..rows as u32 * 16)
            .map(|i| {
                ((i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 8) % 1000) as f32 / 250.0
                    - 2.0
            })
            .collect();
        Tensor::from_vec(values, (rows, 16), &Device::Cpu).unwrap()
    }

    /// The levels of branches whose logits before the level are `first`, after any digit `second`.
    fn levels_of(first: &Tensor, second: &Tensor) -> Levels {
        let count = first.dim(0).unwrap();
        let logits = Tensor::cat(&[first, second, second, second], 0).unwrap();
        let places = LevelRows::first(count as u32).places(&SPLIT);
        let logprobs = model::ops::plain::logprobs_at(&logits, &places).unwrap();
        levels(&logprobs, count, &SPLIT).unwrap()
    }

    #[test]
    fn the_ten_levels_share_the_mass() {
        let levels = levels_of(&logits(3, 7), &logits(3, 9));
        let sums: Vec<f32> = levels
            .log_probabilities
            .exp()
            .unwrap()
            .sum(1)
            .unwrap()
            .to_vec1()
            .unwrap();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{sums:?}");
        let mass: Vec<f32> = levels.log_mass.to_vec1().unwrap();
        assert!(mass.iter().all(|mass| *mass < 0.0));
    }

    /// Logits of a model that writes this level and no other.
    fn certain(level: usize) -> (Tensor, Tensor) {
        let mut first = vec![0f32; 16];
        first[if level == 10 { 1 } else { level }] = 30.0;
        let mut second = vec![0f32; 16];
        second[0] = if level == 10 { 30.0 } else { -30.0 };
        let row = |values: Vec<f32>| Tensor::from_vec(values, (1, 16), &Device::Cpu).unwrap();
        (row(first), row(second))
    }

    #[test]
    fn tokenized_brier_is_least_at_the_accuracy() {
        // A context that is right 7 times in 10.
        let loss_of = |level: usize| {
            let (first, second) = certain(level);
            let levels = levels_of(&first, &second);
            let loss = |target: f32| {
                let target = Tensor::new(&[target], &Device::Cpu).unwrap();
                let loss = tokenized_brier(&levels, &target).unwrap();
                f64::from(loss.to_vec1::<f32>().unwrap()[0])
            };
            0.7 * loss(1.0) + 0.3 * loss(0.0)
        };
        let losses: Vec<f64> = (1..=10).map(loss_of).collect();
        let least = (1..=10).min_by(|a, b| losses[a - 1].total_cmp(&losses[b - 1]));
        assert_eq!(least, Some(7), "{losses:?}");
        assert!((losses[6] - 0.21).abs() < 1e-5, "{losses:?}");
    }

    #[test]
    fn a_digit_after_a_level_is_bad_form() {
        let after = |digit: usize| {
            let mut second = vec![0f32; 16];
            second[digit] = 30.0;
            let second = Tensor::from_vec(second, (1, 16), &Device::Cpu).unwrap();
            form(&levels_of(&certain(7).0, &second)).unwrap()
        };
        let of = |digit| after(digit).to_vec1::<f32>().unwrap()[0];
        // Token 15 is no digit; 0 is one that may follow a `1` alone.
        assert!(of(15).abs() < 1e-4, "{}", of(15));
        assert!(of(0) > 10.0 && of(9) > of(0) + 10.0);
    }

    #[test]
    fn the_gradient_of_tokenized_brier_moves_mass_towards_the_truth() {
        let first = Var::from_tensor(&logits(1, 3)).unwrap();
        let second = Var::from_tensor(&logits(1, 5)).unwrap();
        let expected = |first: &Tensor, second: &Tensor| {
            let levels = levels_of(first, second);
            expected_confidence(&levels)
                .unwrap()
                .to_vec1::<f32>()
                .unwrap()[0]
        };
        let before = expected(&first, &second);
        let right = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        let levels = levels_of(&first, &second);
        let loss = tokenized_brier(&levels, &right).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        let moved = |var: &Var| (var.as_tensor() - gradients.get(var).unwrap()).unwrap();
        assert!(expected(&moved(&first), &moved(&second)) > before);
    }
}
