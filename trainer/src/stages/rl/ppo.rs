//! Proximal policy optimization (PPO, arXiv 1707.06347) with a value head, as SaySelf trains
//! (arXiv 2405.20974; TRL 0.7.10).
//!
//! The reward of a rollout stands at its last choice; every choice t pays for leaving the reference:
//!
//! ```text
//! r_t = [t last]·r − β·(ln π_t − ln π_ref,t)          β: adaptive, towards `kl_target`
//! δ_t = r_t + γ V_{t+1} − V_t      A_t = Σ_l (γλ)^l δ_{t+l}       (GAE, arXiv 1506.02438)
//! L   = −Σ min(ρ_t A_t, clip(ρ_t, 1 ± ε) A_t) + value_weight · ½ Σ max((V−R)², (clip(V)−R)²)
//! ```
//!
//! with R_t = A_t + V_t of before the updates, V clipped to within ε of that, A whitened over the
//! round, and both sums divided by the round's choices.

use super::part::{Before, Part, Said, clipped};
use crate::learn::loss;
use candle_core::{Device, Result, Tensor, Var};
use datasets::config::PpoConfig;

/// The value head's variables: V = h · weight + bias of the last hidden state h.
pub const WEIGHT: &str = "value_head.weight";
pub const BIAS: &str = "value_head.bias";
/// β, and the rewards' running mean, variance and count.
pub const STATE: &str = "ppo.state";

/// What the updates learn from, of one part.
pub struct Learned {
    /// Of each choice.
    advantages: Vec<f32>,
    returns: Vec<f32>,
}

pub struct Ppo {
    pub config: PpoConfig,
    pub clip: f64,
    weight: Var,
    bias: Var,
    /// `f64`, so that a run goes on from it bit for bit.
    state: Var,
}

/// The mean, the variance and the number of all rewards so far (Chan's update).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Running {
    mean: f64,
    variance: f64,
    count: f64,
}

impl Running {
    fn with(self, values: &[f64]) -> Self {
        let count = values.len() as f64;
        if count == 0.0 {
            return self;
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let all = self.count + count;
        let apart = mean - self.mean;
        let together =
            self.variance * self.count + squares + apart * apart * self.count * count / all;
        Running {
            mean: self.mean + apart * count / all,
            variance: together / all,
            count: all,
        }
    }

    /// Unbiased.
    fn deviation(self) -> f64 {
        (self.variance * self.count / (self.count - 1.0).max(1.0)).sqrt()
    }
}

impl Ppo {
    /// A value head that says 0 of everything.
    pub fn new(
        config: PpoConfig,
        clip: f64,
        kl_weight: f64,
        hidden: usize,
        device: &Device,
    ) -> Result<Self> {
        Ok(Ppo {
            config,
            clip,
            weight: Var::from_vec(vec![0f32; hidden], (hidden, 1), device)?,
            bias: Var::from_vec(vec![0f32], 1, device)?,
            state: Var::from_vec(vec![kl_weight, 0.0, 1.0, 0.0], 4, &Device::Cpu)?,
        })
    }

    /// What the optimizer trains.
    pub fn trained(&self) -> Vec<(String, Var)> {
        vec![
            (WEIGHT.into(), self.weight.clone()),
            (BIAS.into(), self.bias.clone()),
        ]
    }

    /// What a checkpoint keeps besides.
    pub fn kept(&self) -> Vec<(String, Var)> {
        vec![(STATE.into(), self.state.clone())]
    }

    /// β.
    pub fn kl_weight(&self) -> Result<f64> {
        Ok(self.state.to_vec1::<f64>()?[0])
    }

    /// Values of hidden states (n, hidden), after the final norm: (n,).
    pub fn values(&self, hidden: &Tensor) -> Result<Tensor> {
        hidden
            .matmul(&self.weight)?
            .squeeze(1)?
            .broadcast_add(&self.bias)
    }

    /// Advantages and returns of a round's parts, from what was said before the updates; β and the
    /// running rewards move on.
    pub fn learn(&self, parts: &[Part]) -> Result<Vec<Learned>> {
        let state = self.state.to_vec1::<f64>()?;
        let beta = state[0];
        let mut running = Running {
            mean: state[1],
            variance: state[2],
            count: state[3],
        };
        let mut rollouts = 0.0;
        let mut rewards = Vec::new();
        for action in parts.iter().flat_map(|part| &part.actions) {
            rollouts += action.count;
            rewards.extend(std::iter::repeat_n(action.reward, action.count as usize));
        }
        running = running.with(&rewards);
        let scaled = |reward: f64| match self.config.scale_rewards {
            true => (reward - running.mean) / (running.deviation() + 1e-8),
            false => reward,
        };

        let mut learned = Vec::new();
        let mut divergence = 0.0;
        for part in parts {
            let before = part.before.as_ref();
            let empty = Before {
                logprobs: Vec::new(),
                values: Vec::new(),
            };
            let before = before.unwrap_or(&empty);
            let reference = match &part.reference {
                Some(Said { logprobs, .. }) => logprobs.to_vec1::<f32>()?,
                None => before.logprobs.clone(),
            };
            let count = part.choices.len();
            let (mut advantages, mut returns) = (vec![0f32; count], vec![0f32; count]);
            let (mut next_value, mut next_advantage) = (0.0, 0.0);
            for (at, choice) in part.choices.iter().enumerate().rev() {
                let action = &part.actions[choice.action];
                let log_ratio = f64::from(before.logprobs[at]) - f64::from(reference[at]);
                divergence += action.count * log_ratio;
                let mut reward = -beta * log_ratio;
                if choice.last {
                    reward += scaled(action.reward);
                    (next_value, next_advantage) = (0.0, 0.0);
                }
                let value = f64::from(before.values[at]);
                let delta = reward + self.config.gamma * next_value - value;
                next_advantage = delta + self.config.gamma * self.config.lambda * next_advantage;
                next_value = value;
                advantages[at] = next_advantage as f32;
                returns[at] = (next_advantage + value) as f32;
            }
            learned.push(Learned {
                advantages,
                returns,
            });
        }
        let divergence = divergence / f64::max(rollouts, 1.0);
        self.whiten(parts, &mut learned);
        let error = (divergence / self.config.kl_target - 1.0).clamp(-0.2, 0.2);
        let beta = match self.config.kl_target > 0.0 {
            true => beta * (1.0 + error * rollouts / self.config.kl_horizon),
            false => beta,
        };
        let state = vec![beta, running.mean, running.variance, running.count];
        self.state.set(&Tensor::from_vec(state, 4, &Device::Cpu)?)?;
        Ok(learned)
    }

    /// Mean 0 and variance 1 over the round's choices.
    fn whiten(&self, parts: &[Part], learned: &mut [Learned]) {
        if !self.config.whiten {
            return;
        }
        let counts = parts
            .iter()
            .flat_map(|part| part.by_choice(|action| action.count));
        let values = learned.iter().flat_map(|part| &part.advantages);
        let weighed: Vec<(f64, f64)> = counts
            .zip(values)
            .map(|(count, value)| (f64::from(count), f64::from(*value)))
            .collect();
        let all: f64 = weighed.iter().map(|(count, _)| count).sum();
        if all < 2.0 {
            return;
        }
        let mean = weighed
            .iter()
            .map(|(count, value)| count * value)
            .sum::<f64>()
            / all;
        let squares = weighed
            .iter()
            .map(|(count, value)| count * (value - mean).powi(2));
        let variance = squares.sum::<f64>() / (all - 1.0);
        let scale = 1.0 / (variance + 1e-8).sqrt();
        for value in learned.iter_mut().flat_map(|part| &mut part.advantages) {
            *value = ((f64::from(*value) - mean) * scale) as f32;
        }
    }

    /// Of a part, Σ over its rollouts, each rollout's choices by their mean; `values` before the
    /// choices.
    pub fn loss(
        &self,
        part: &Part,
        learned: &Learned,
        logprobs: &Tensor,
        values: &Tensor,
    ) -> Result<Tensor> {
        let device = logprobs.device();
        let weights = part.by_choice(|action| action.count / action.choices.max(1) as f64);
        let (old_logprobs, old_values) = match &part.before {
            Some(before) => (
                Tensor::new(&before.logprobs[..], device)?,
                Tensor::new(&before.values[..], device)?,
            ),
            None => (logprobs.detach(), values.detach()),
        };
        let policy = clipped(
            logprobs,
            &old_logprobs,
            &learned.advantages,
            &weights,
            self.clip,
        )?;
        let returns = Tensor::new(&learned.returns[..], device)?;
        let moved = (values - &old_values)?.clamp(-self.clip, self.clip)?;
        let held = (&old_values + moved)?;
        let error = values.sub(&returns)?.sqr()?;
        let error = error.maximum(&held.sub(&returns)?.sqr()?)?;
        let of_values = (loss::weighted_sum(&error, &weights)? * (0.5 * self.config.value_weight))?;
        policy + of_values
    }
}
