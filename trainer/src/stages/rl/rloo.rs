//! REINFORCE leave-one-out (RLOO, arXiv 2402.14740).
//!
//! ```text
//! A_i = r_i − mean of the other rollouts' rewards of the question
//! L   = −(1/BG) Σ_i A_i · ln π(choices of i)  + kl_weight · KL(levels ‖ levels of the reference)
//! ```
//!
//! With `exact`, the expectation Σ_k P(k)·r(k) over the ten levels stands in for the level that was
//! drawn: the same gradient in expectation, with less noise; the answer's tokens, where they are
//! trained, keep the level's advantage.

use super::part::Part;
use super::rollout::Rewards;
use crate::learn::loss::{self, Levels};
use calibration::reward::advantages_rloo;
use candle_core::{Result, Tensor};

pub struct Rloo {
    pub rewards: Rewards,
    pub exact: bool,
    pub kl_weight: f64,
}

impl Rloo {
    /// Σ over the part's rollouts; `logprobs` of the choices.
    pub fn loss(&self, part: &Part, levels: &Levels, logprobs: &Tensor) -> Result<Tensor> {
        let by_group: Vec<Vec<f64>> = part
            .groups
            .iter()
            .map(|group| group.by_action(&advantages_rloo(&group.rewards())))
            .collect();
        let mut weights =
            part.by_choice(|action| by_group[action.group][action.index] * action.count);
        if self.exact {
            for (weight, choice) in weights.iter_mut().zip(&part.choices) {
                if choice.is_level {
                    *weight = 0.0;
                }
            }
        }
        let mut loss = loss::weighted_sum(&logprobs.neg()?, &weights)?;
        if self.exact {
            let earned = part.earned_by_level(|level, correct, accuracy| {
                self.rewards.of_level(level, correct, accuracy)
            });
            let earned = Tensor::from_vec(
                earned,
                levels.log_probabilities.dims2()?,
                levels.log_probabilities.device(),
            )?;
            loss = (loss - levels.log_probabilities.exp()?.mul(&earned)?.sum_all()?)?;
        }
        if let Some(reference) = &part.reference {
            let ratio = (&levels.log_probabilities - &reference.levels)?;
            let divergence = levels.log_probabilities.exp()?.mul(&ratio)?.sum(1)?;
            loss = (loss + (loss::weighted_sum(&divergence, &part.counts())? * self.kl_weight)?)?;
        }
        Ok(loss)
    }
}
