//! Some questions of a round, laid out as one batch: which choices are trained, and what the model
//! says of them.

use super::rollout::Group;
use crate::learn::example::{Example, Targets, lay_out};
use crate::learn::loss::{self, Levels};
use calibration::Confidence;
use candle_core::{Result, Tensor};
use model::{LevelTokens, Segments};

/// One choice of a rollout that is trained: a token of its answer, or its level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The rollout's action, among the part's.
    pub action: usize,
    /// Where [`Part::logprobs`] finds it: the answers' tokens, then the ten levels of each branch.
    pub place: usize,
    /// Where the values before each choice find the one before this: the answers' tokens, then one of
    /// each branch.
    pub state: usize,
    /// Whether it is the level.
    pub is_level: bool,
    /// Whether the rollout ends with it.
    pub last: bool,
}

/// An action as the losses see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighed {
    /// Rollouts.
    pub count: f64,
    /// Of each.
    pub reward: f64,
    /// Choices that are trained.
    pub choices: usize,
    /// The question, among the part's groups.
    pub group: usize,
    /// The action, among the group's.
    pub index: usize,
}

/// A part of a round.
pub struct Part {
    pub groups: Vec<Group>,
    pub segments: Segments,
    pub targets: Targets,
    pub actions: Vec<Weighed>,
    /// By action, in the order in which they are made.
    pub choices: Vec<Choice>,
    /// What a round keeps of the model before its updates, and of the reference.
    pub before: Option<Before>,
    pub reference: Option<Said>,
}

/// What a model says of a part's choices.
#[derive(Clone, Debug)]
pub struct Said {
    /// Log-probabilities of the choices, (choices,).
    pub logprobs: Tensor,
    /// Of the ten levels, (branches, 10).
    pub levels: Tensor,
}

/// The policy that the rollouts were drawn from, as it was.
#[derive(Clone, Debug)]
pub struct Before {
    /// Log-probabilities of the choices.
    pub logprobs: Vec<f32>,
    /// Values before the choices; empty where no value head is trained.
    pub values: Vec<f32>,
}

impl Part {
    /// Lays out `groups`, of which some train nothing.
    pub fn new(groups: Vec<Group>, levels: &LevelTokens) -> Self {
        let trained: Vec<&Example> = groups
            .iter()
            .map(|group| &group.example)
            .filter(|example| !example.branches.is_empty())
            .collect();
        let (segments, targets) = lay_out(&trained, levels);
        let branches = || trained.iter().flat_map(|example| &example.branches);
        // Where each branch's answer begins among the answers' tokens.
        let mut starts = Vec::new();
        let mut tokens = 0;
        for branch in branches() {
            starts.push(tokens);
            tokens += match branch.train_answer {
                true => branch.before_level.len(),
                false => 0,
            };
        }
        starts.push(tokens);

        let (mut actions, mut choices) = (Vec::new(), Vec::new());
        let mut first_branch = 0;
        for (at, group) in groups.iter().enumerate() {
            for (index, action) in group.actions.iter().enumerate() {
                let from = choices.len();
                if let Some(branch) = action.branch.map(|branch| first_branch + branch) {
                    choices.extend((starts[branch]..starts[branch + 1]).map(|token| Choice {
                        action: actions.len(),
                        place: token,
                        state: token,
                        is_level: false,
                        last: false,
                    }));
                    choices.extend(action.level.map(|level| Choice {
                        action: actions.len(),
                        place: tokens + branch * 10 + usize::from(level.level()) - 1,
                        state: tokens + branch,
                        is_level: true,
                        last: false,
                    }));
                    if let Some(choice) = choices[from..].last_mut() {
                        choice.last = true;
                    }
                }
                actions.push(Weighed {
                    count: action.count,
                    reward: action.reward,
                    choices: choices.len() - from,
                    group: at,
                    index,
                });
            }
            first_branch += group.example.branches.len();
        }
        Part {
            groups,
            segments,
            targets,
            actions,
            choices,
            before: None,
            reference: None,
        }
    }

    /// Whether there is nothing to train.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }

    /// How many rollouts state a level after each branch's answer: (branches,).
    pub fn counts(&self) -> Vec<f32> {
        let branches = self.groups.iter().flat_map(|group| &group.example.branches);
        branches.map(|branch| branch.weight).collect()
    }

    /// Log-probabilities of the choices, (choices,), from those of the answers' tokens and of the
    /// levels. A level's is that of its own tokens, the mass of the ten included.
    pub fn logprobs(&self, answer: Option<&Tensor>, levels: &Levels) -> Result<Tensor> {
        let of_levels = levels
            .log_probabilities
            .broadcast_add(&levels.log_mass.unsqueeze(1)?)?
            .flatten_all()?;
        let all = match answer {
            Some(losses) => Tensor::cat(&[&losses.neg()?, &of_levels], 0)?,
            None => of_levels,
        };
        all.index_select(&self.places(|choice| choice.place, &all)?, 0)
    }

    /// Some values a choice, from those before each answer's token and before each level.
    pub fn states(&self, values: &Tensor) -> Result<Tensor> {
        values.index_select(&self.places(|choice| choice.state, values)?, 0)
    }

    fn places(&self, of: impl Fn(&Choice) -> usize, like: &Tensor) -> Result<Tensor> {
        let places: Vec<u32> = self
            .choices
            .iter()
            .map(|choice| of(choice) as u32)
            .collect();
        Tensor::from_vec(places, self.choices.len(), like.device())
    }

    /// A number of each action, for each choice.
    pub fn by_choice(&self, of_action: impl Fn(&Weighed) -> f64) -> Vec<f32> {
        let actions: Vec<f32> = self
            .actions
            .iter()
            .map(|action| of_action(action) as f32)
            .collect();
        self.choices
            .iter()
            .map(|choice| actions[choice.action])
            .collect()
    }

    /// Σ over the rollouts that answered so of what each level would have earned: (branches, 10).
    pub fn earned_by_level(&self, of_level: impl Fn(Confidence, bool, f64) -> f64) -> Vec<f32> {
        let mut earned = Vec::new();
        for group in &self.groups {
            let first = earned.len();
            earned.resize(first + 10 * group.example.branches.len(), 0.0);
            for action in &group.actions {
                let (Some(branch), Some(_)) = (action.branch, action.level) else {
                    continue;
                };
                for (sum, level) in earned[first + 10 * branch..]
                    .iter_mut()
                    .zip(Confidence::ALL)
                {
                    let reward = of_level(level, action.correct, group.accuracy);
                    *sum += (action.count * reward) as f32;
                }
            }
        }
        earned
    }
}

/// −Σ weight · min(ρ A, clip(ρ) A), ρ = π / π before (PPO, arXiv 1707.06347, equation 7); (choices,)
/// each.
pub fn clipped(
    logprobs: &Tensor,
    before: &Tensor,
    advantages: &[f32],
    weights: &[f32],
    clip: f64,
) -> Result<Tensor> {
    let advantages = Tensor::new(advantages, logprobs.device())?;
    let ratio = (logprobs - before)?.exp()?;
    let free = ratio.mul(&advantages)?;
    let held = ratio.clamp(1.0 - clip, 1.0 + clip)?.mul(&advantages)?;
    loss::weighted_sum(&free.minimum(&held)?.neg()?, weights)
}

/// KL(π ‖ π of the reference) of each choice by Schulman's unbiased, never negative estimate
/// e^(l) − l − 1, l = ln π_ref − ln π: (choices,).
pub fn divergence(logprobs: &Tensor, reference: &Tensor) -> Result<Tensor> {
    let log_ratio = (reference - logprobs)?;
    log_ratio.exp()?.sub(&log_ratio)? - 1.0
}
