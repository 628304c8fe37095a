//! Responses drawn from the model as it is, judged and rewarded; and what those of one question have
//! in common.

use crate::learn::Student;
use crate::learn::example::{Branch, Example};
use crate::sampler::local::limits;
use crate::stages::sample::seed_of;
use crate::stages::sft::split_at_level;
use calibration::Confidence;
use calibration::reward::{Reward, Target, reward};
use datasets::Question;
use datasets::config::{Mask, Order, RlConfig};
use std::ops::ControlFlow;

/// A rollout without a level earns this (REFERENCE 1).
pub const PARSE_FAILURE_REWARD: f64 = -1.0;

/// One response drawn from the model as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// All before the level; the whole response where no level could be read.
    pub before_level: Vec<u32>,
    pub level: Option<Confidence>,
    pub correct: bool,
}

/// The rollouts of a batch's questions; they depend on (adapter, seed, round, question) alone.
pub fn roll_out(
    policy: &model::Decoder,
    student: &Student,
    config: &RlConfig,
    questions: &[&Question],
    order: Order,
    (seed, round): (u64, usize),
) -> anyhow::Result<Vec<Vec<Rollout>>> {
    let decoding = model::Decoding {
        temperature: config.temperature,
        top_p: 1.0,
        top_k: config.top_k,
        max_tokens: config.max_tokens,
        // What comes after the level earns nothing.
        stop: match order {
            Order::ConfidenceFirst => vec!["\nSelf-reflection:".into()],
            Order::Paper => Vec::new(),
        },
    };
    let requests = questions
        .iter()
        .map(|question| {
            let seeds = (0..config.rollouts as u32)
                .map(|index| seed_of(seed, &format!("{round}/{}", question.id), index))
                .collect();
            Ok(model::Request {
                prompt: student.prompt(&question.question)?,
                samples: seeds,
                decoding: decoding.clone(),
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut texts: Vec<Vec<String>> = vec![vec![String::new(); config.rollouts]; questions.len()];
    let rows = config.training.batch * config.rollouts;
    model::generate(
        policy,
        &student.tokenizer,
        requests.into_iter(),
        limits(rows, student.memory_mb),
        &mut |request, sample, completion| {
            texts[request][sample] = completion.text;
            ControlFlow::Continue(())
        },
    )?;
    questions
        .iter()
        .zip(texts)
        .map(|(question, texts)| {
            texts
                .into_iter()
                .map(|text| read_rollout(student, question, &text))
                .collect()
        })
        .collect()
}

fn read_rollout(student: &Student, question: &Question, text: &str) -> anyhow::Result<Rollout> {
    let parsed = calibration::parse::response(text);
    let correct = parsed.answer.as_deref().is_some_and(|answer| {
        calibration::judge::is_correct(
            question.judge,
            answer,
            &question.answers,
            &question.negative_answers,
        )
    });
    let (before, level) = match (parsed.confidence, split_at_level(text)) {
        (Some(level), Some((before, _, _))) => (before, Some(level)),
        _ => (text, None),
    };
    Ok(Rollout {
        before_level: student.tokenizer.encode(before, false)?,
        level,
        correct,
    })
}

/// What a rollout is rewarded with, and what it could have been rewarded with.
#[derive(Clone, Copy, Debug)]
pub struct Rewards {
    pub kind: Reward,
    pub target: Target,
}

impl Rewards {
    /// As the configuration names them.
    ///
    /// # Errors
    /// [`crate::error::Error::BadUse`] for an unknown name, and for a reward that is gained by
    /// answering wrongly on purpose, unless `allow_hackable`.
    pub fn of(config: &RlConfig) -> anyhow::Result<Self> {
        let bad_use = |key: &str, error: calibration::reward::UnknownName| {
            crate::error::bad_use(format!("rl.{key}: {error}"))
        };
        let kind: Reward = config
            .reward
            .parse()
            .map_err(|error| bad_use("reward", error))?;
        let target = config
            .target
            .parse()
            .map_err(|error| bad_use("target", error))?;
        if calibration::reward::is_hackable(kind)
            && config.mask == Mask::AllTokens
            && !config.allow_hackable
        {
            return Err(crate::error::bad_use(format!(
                "rl.reward = {:?} with all tokens trained is gained by answering wrongly on purpose and \
                 saying so; use \"brier-1\", train the confidence only, or pass --allow-hackable",
                config.reward
            )));
        }
        Ok(Rewards { kind, target })
    }

    /// Of an answer with this level, in a group of this accuracy.
    pub fn of_level(&self, level: Confidence, correct: bool, accuracy: f64) -> f64 {
        let probability = level.probability();
        reward(self.kind, probability, correct, accuracy, self.target)
    }
}

/// The rollouts of a question that gave one answer with one level.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The answer, among the example's; absent where nothing of it is trained.
    pub branch: Option<usize>,
    /// Absent where none could be read.
    pub level: Option<Confidence>,
    /// Rollouts that did.
    pub count: f64,
    /// Of each of them.
    pub reward: f64,
    pub correct: bool,
}

/// The rollouts of one question, with what they have in common laid together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// A branch's weight is the number of its rollouts that state a level.
    pub example: Example,
    pub actions: Vec<Action>,
    /// ȳ, 0..=1.
    pub accuracy: f64,
}

impl Group {
    /// `train_failures`: a rollout without a level has its tokens trained, as the paper has it.
    pub fn new(
        prompt: Vec<u32>,
        rollouts: &[Rollout],
        rewards: &Rewards,
        mask: Mask,
        train_failures: bool,
    ) -> Self {
        let right = rollouts.iter().filter(|rollout| rollout.correct).count();
        let accuracy = right as f64 / rollouts.len().max(1) as f64;
        let mut branches: Vec<Branch> = Vec::new();
        let mut actions: Vec<Action> = Vec::new();
        for rollout in rollouts {
            let reward = match rollout.level {
                Some(level) => rewards.of_level(level, rollout.correct, accuracy),
                None => PARSE_FAILURE_REWARD,
            };
            let train_answer = match rollout.level {
                Some(_) => mask == Mask::AllTokens,
                // One that ended at once has no token to train.
                None => train_failures && !rollout.before_level.is_empty(),
            };
            let same = |branch: &Branch| {
                branch.before_level == rollout.before_level && branch.train_answer == train_answer
            };
            let branch = match branches.iter().position(same) {
                known @ Some(_) => known,
                None if rollout.level.is_none() && !train_answer => None,
                None => {
                    branches.push(Branch {
                        before_level: rollout.before_level.clone(),
                        target: 0.0,
                        weight: 0.0,
                        train_answer,
                        after: None,
                    });
                    Some(branches.len() - 1)
                }
            };
            if let (Some(branch), Some(_)) = (branch, rollout.level) {
                branches[branch].weight += 1.0;
            }
            let same = |action: &&mut Action| {
                action.branch == branch
                    && action.level == rollout.level
                    && action.correct == rollout.correct
            };
            match actions.iter_mut().find(same) {
                Some(action) => action.count += 1.0,
                None => actions.push(Action {
                    branch,
                    level: rollout.level,
                    count: 1.0,
                    reward,
                    correct: rollout.correct,
                }),
            }
        }
        Group {
            example: Example { prompt, branches },
            actions,
            accuracy,
        }
    }

    /// Rollouts.
    pub fn count(&self) -> f64 {
        self.actions.iter().map(|action| action.count).sum()
    }

    /// Each rollout's reward, those of an action side by side.
    pub fn rewards(&self) -> Vec<f64> {
        let repeated = |action: &Action| vec![action.reward; action.count as usize];
        self.actions.iter().flat_map(repeated).collect()
    }

    /// Of values that [`Group::rewards`] led to, one for each action.
    pub fn by_action(&self, of_rollouts: &[f64]) -> Vec<f64> {
        let starts = self.actions.iter().scan(0, |start, action| {
            let this = *start;
            *start += action.count as usize;
            Some(this)
        });
        starts.map(|start| of_rollouts[start]).collect()
    }
}
