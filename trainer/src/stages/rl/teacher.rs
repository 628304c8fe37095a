//! From the rollouts of a round to gradients, whatever the algorithm.

use super::grpo::{self, Grpo};
use super::part::{self, Before, Part, Said};
use super::ppo::{Learned, Ppo};
use super::rloo::Rloo;
use super::rollout::{Group, Rewards, Rollout};
use crate::learn::loss::{self, Levels};
use crate::learn::optimize::StepValues;
use crate::learn::step::{Learner, Outputs};
use candle_core::{Tensor, Var};
use datasets::config::{Algorithm, RlConfig};
use model::{Gradients, LevelTokens};
use std::ops::Range;

/// The rollouts of a batch of questions, and what is learnt from them.
pub struct Round {
    parts: Vec<Part>,
    /// The parts of each minibatch.
    minibatches: Vec<Range<usize>>,
    /// PPO's, of each part.
    learned: Vec<Learned>,
    /// Of the rewards.
    deviation: f64,
    /// What is worth logging of it.
    pub values: StepValues,
}

/// The loss whose gradient is that of the expected reward, by the algorithm that is configured.
pub struct Surrogate<'a> {
    pub config: &'a RlConfig,
    pub rewards: Rewards,
    /// Present where the algorithm is PPO.
    pub ppo: Option<Ppo>,
}

impl Surrogate<'_> {
    /// What is trained beside the adapter.
    pub fn trained(&self) -> Vec<(String, Var)> {
        self.ppo.as_ref().map_or_else(Vec::new, Ppo::trained)
    }

    /// What a checkpoint keeps besides.
    pub fn kept(&self) -> Vec<(String, Var)> {
        self.ppo.as_ref().map_or_else(Vec::new, Ppo::kept)
    }

    /// Σ over a part's rollouts, from what is said of its choices; `learned` and `deviation` are of the
    /// round.
    pub fn loss(
        &self,
        part: &Part,
        (learned, deviation): (Option<&Learned>, f64),
        levels: &Levels,
        logprobs: &Tensor,
        values: Option<&Tensor>,
    ) -> candle_core::Result<Tensor> {
        let config = self.config;
        let mut loss = match (config.algorithm, &self.ppo, learned, values) {
            (Algorithm::Ppo, Some(ppo), Some(learned), Some(values)) => {
                ppo.loss(part, learned, logprobs, values)?
            }
            (Algorithm::Grpo, ..) => {
                let grpo = Grpo {
                    normalise: config.normalise,
                    clip: config.clip_ratio,
                    kl_weight: config.kl_weight,
                    batch_deviation: deviation,
                };
                grpo.loss(part, logprobs)?
            }
            _ => {
                let rloo = Rloo {
                    rewards: self.rewards,
                    exact: config.exact,
                    kl_weight: config.kl_weight,
                };
                rloo.loss(part, levels, logprobs)?
            }
        };
        let counts = part.counts();
        for (weight, of_levels) in [
            (config.form_weight, loss::form(levels)?),
            (-config.entropy_weight, loss::entropy(levels)?),
        ] {
            if weight != 0.0 {
                loss = (loss + (loss::weighted_sum(&of_levels, &counts)? * weight)?)?;
            }
        }
        Ok(loss)
    }
}

/// Takes rollouts to gradients.
pub struct Teacher<'a> {
    pub surrogate: Surrogate<'a>,
    pub learner: Learner,
    pub reference: Option<Learner>,
    pub levels: LevelTokens,
}

impl Teacher<'_> {
    /// Rewards the rollouts, lays them out, and asks the model and the reference what they say of
    /// them, as far as the updates need it.
    pub fn begin(
        &self,
        prompts: Vec<Vec<u32>>,
        rollouts: &[Vec<Rollout>],
        minibatch: usize,
        steps: usize,
    ) -> anyhow::Result<Round> {
        let config = self.surrogate.config;
        let groups: Vec<Group> = prompts
            .into_iter()
            .zip(rollouts)
            .map(|(prompt, rollouts)| {
                Group::new(
                    prompt,
                    rollouts,
                    &self.surrogate.rewards,
                    config.mask,
                    config.train_failures,
                )
            })
            .collect();
        let rewards: Vec<f64> = groups.iter().flat_map(Group::rewards).collect();
        let micro_batch = config.training.micro_batch.max(1);
        let (mut parts, mut minibatches) = (Vec::new(), Vec::new());
        let mut groups = groups.into_iter().peekable();
        while groups.peek().is_some() {
            let first = parts.len();
            let of_minibatch: Vec<Group> = groups.by_ref().take(minibatch).collect();
            let mut of_minibatch = of_minibatch.into_iter().peekable();
            while of_minibatch.peek().is_some() {
                let groups = of_minibatch.by_ref().take(micro_batch).collect();
                parts.push(Part::new(groups, &self.levels));
            }
            minibatches.push(first..parts.len());
        }
        for part in parts.iter_mut().filter(|part| !part.is_empty()) {
            if let Some(reference) = &self.reference {
                let outputs = reference.forward(&part.segments, &part.targets)?;
                part.reference = Some(Said {
                    logprobs: part
                        .logprobs(outputs.answer.as_ref(), &outputs.levels)?
                        .detach(),
                    levels: outputs.levels.log_probabilities.detach(),
                });
            }
            if steps > 1 || self.surrogate.ppo.is_some() {
                let outputs = self.learner.forward(&part.segments, &part.targets)?;
                part.before = Some(Before {
                    logprobs: part
                        .logprobs(outputs.answer.as_ref(), &outputs.levels)?
                        .to_vec1()?,
                    values: match self.values(part, &outputs)? {
                        Some(values) => values.to_vec1()?,
                        None => Vec::new(),
                    },
                });
            }
        }
        let mut values = of_rollouts(rollouts, &rewards);
        let learned = match &self.surrogate.ppo {
            Some(ppo) => {
                values.push(("kl_weight", ppo.kl_weight()?));
                ppo.learn(&parts)?
            }
            None => Vec::new(),
        };
        Ok(Round {
            parts,
            minibatches,
            learned,
            deviation: grpo::standard_deviation(&rewards),
            values,
        })
    }

    /// The value head's, before each choice.
    fn values(&self, part: &Part, outputs: &Outputs) -> anyhow::Result<Option<Tensor>> {
        let Some(ppo) = &self.surrogate.ppo else {
            return Ok(None);
        };
        let states = self.learner.normed(&outputs.states()?)?;
        Ok(Some(part.states(&ppo.values(&states)?)?))
    }

    /// Adds a minibatch's gradients; its loss, and the divergence from the reference in nats a
    /// rollout, where there is one.
    pub fn learn(
        &self,
        round: &Round,
        minibatch: usize,
        gradients: &mut Gradients,
    ) -> anyhow::Result<(f64, Option<f64>)> {
        // The last round of an epoch may have fewer.
        let Some(parts) = round.minibatches.get(minibatch) else {
            return Ok((0.0, None));
        };
        let of_part = |part: &Part| part.groups.iter().map(Group::count).sum::<f64>();
        let rollouts = round.parts[parts.clone()]
            .iter()
            .map(of_part)
            .sum::<f64>()
            .max(1.0);
        let others = self.surrogate.trained();
        let (mut loss_sum, mut divergence_sum) = (0.0, None);
        for at in parts.clone() {
            let part = &round.parts[at];
            if part.is_empty() {
                continue;
            }
            let outputs = self.learner.forward(&part.segments, &part.targets)?;
            let logprobs = part.logprobs(outputs.answer.as_ref(), &outputs.levels)?;
            if let Some(reference) = &part.reference {
                let divergence = part::divergence(&logprobs.detach(), &reference.logprobs)?;
                let counts = part.by_choice(|action| action.count);
                let sum = loss::scalar(&loss::weighted_sum(&divergence, &counts)?)?;
                *divergence_sum.get_or_insert(0.0) += sum / rollouts;
            }
            let values = self.values(part, &outputs)?;
            let learned = round.learned.get(at);
            let loss = self.surrogate.loss(
                part,
                (learned, round.deviation),
                &outputs.levels,
                &logprobs,
                values.as_ref(),
            )?;
            let loss = (loss / rollouts)?;
            loss_sum += loss::scalar(&loss)?;
            outputs.add_gradients(&loss, &others, gradients)?;
        }
        Ok((loss_sum, divergence_sum))
    }
}

/// What is worth logging of a round's rollouts; the reward is the one that is optimised.
fn of_rollouts(groups: &[Vec<Rollout>], rewards: &[f64]) -> StepValues {
    let rollouts = || groups.iter().flatten();
    let total = rollouts().count().max(1) as f64;
    let stated: Vec<f64> = rollouts()
        .filter_map(|rollout| rollout.level)
        .map(|level| level.probability().get())
        .collect();
    let share = |is: &dyn Fn(&&Rollout) -> bool| rollouts().filter(is).count() as f64 / total;
    let mut values = vec![
        ("reward", rewards.iter().sum::<f64>() / total),
        ("accuracy", share(&|rollout| rollout.correct)),
        ("parse_failures", share(&|rollout| rollout.level.is_none())),
    ];
    if !stated.is_empty() {
        let count = stated.len() as f64;
        let mean = stated.iter().sum::<f64>() / count;
        let variance = stated.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / count;
        values.push(("mean_confidence", mean));
        values.push(("confidence_spread", variance.sqrt()));
    }
    values
}
