//! Group-relative policy optimization (GRPO, arXiv 2402.03300).
//!
//! ```text
//! A_i = (r_i − mean of the question's rewards) / (their standard deviation + 10⁻⁴)
//! L   = −(1/BG) Σ_i 1/|i| Σ_t min(ρ_t A_i, clip(ρ_t, 1 ± ε) A_i)  + kl_weight · KL_t
//! ```
//!
//! over the choices t of rollout i that are trained, |i| of them. Dividing by the question's own
//! deviation weighs questions on which all rollouts nearly agree the most: `normalise = "batch"`
//! takes the round's deviation (REINFORCE++, arXiv 2501.03262), `"none"` leaves it out (Dr. GRPO,
//! arXiv 2503.20783).

use super::part::{Part, clipped, divergence};
use crate::learn::loss;
use candle_core::{Result, Tensor};
use datasets::config::Normalise;

/// Keeps a group of equal rewards from dividing by 0.
const DEVIATION_MIN: f64 = 1e-4;

pub struct Grpo {
    pub normalise: Normalise,
    pub clip: f64,
    pub kl_weight: f64,
    /// Standard deviation of the round's rewards.
    pub batch_deviation: f64,
}

/// Unbiased; 0 of fewer than two values.
pub fn standard_deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    if count < 2.0 {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0)).sqrt()
}

impl Grpo {
    fn advantages(&self, rewards: &[f64]) -> Vec<f64> {
        let mean = rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
        let deviation = match self.normalise {
            Normalise::Group => standard_deviation(rewards) + DEVIATION_MIN,
            Normalise::Batch => self.batch_deviation + DEVIATION_MIN,
            Normalise::None => 1.0,
        };
        rewards
            .iter()
            .map(|reward| (reward - mean) / deviation)
            .collect()
    }

    /// Σ over the part's rollouts; `logprobs` of the choices.
    pub fn loss(&self, part: &Part, logprobs: &Tensor) -> Result<Tensor> {
        let by_group: Vec<Vec<f64>> = part
            .groups
            .iter()
            .map(|group| group.by_action(&self.advantages(&group.rewards())))
            .collect();
        let advantages = part.by_choice(|action| by_group[action.group][action.index]);
        let weights = part.by_choice(|action| action.count / action.choices.max(1) as f64);
        let before = match &part.before {
            Some(before) => Tensor::new(&before.logprobs[..], logprobs.device())?,
            None => logprobs.detach(),
        };
        let mut loss = clipped(logprobs, &before, &advantages, &weights, self.clip)?;
        if let Some(reference) = &part.reference {
            let divergence = divergence(logprobs, &reference.logprobs)?;
            loss = (loss + (loss::weighted_sum(&divergence, &weights)? * self.kl_weight)?)?;
        }
        Ok(loss)
    }
}
