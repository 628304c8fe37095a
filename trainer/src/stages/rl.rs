//! `rl`: stage 2, REINFORCE leave-one-out (RLOO, arXiv 2402.14740) on the stated confidence.
//!
//! `sayself rl --model smollm2-135m --adapter sft/adapter --questions world-facts --out rl`
//!
//! Each step, for each of `batch` questions: draw G rollouts from the model as it is, judge them,
//! and reward each by (REFERENCE 5, `brier-1`)
//!
//! ```text
//! r_i = y_i − (c_i − t_i)²        t_i = λ·ȳ + (1 − λ)·y_i     λ: 0 own, 1 group, ½ mixed
//! A_i = r_i − mean of the other rollouts' rewards
//! L   = −(1/BG) Σ A_i · ln π(level_i | question, answer_i)
//!       + kl_weight · KL(levels ‖ levels of the stage-1 adapter) − entropy_weight · H(levels)
//!       − FORM · ln P(a level is written, and no digit after it)
//! ```
//!
//! With `exact`, the expectation Σ_k P(k)·r(k) over the ten levels stands in for the level that was
//! drawn: the same gradient in expectation, with less noise. With `mask = "all-tokens"` the
//! answer's tokens share the level's advantage.

use crate::learn::Student;
use crate::learn::example::{Branch, Example, lay_out};
use crate::learn::loss;
use crate::learn::optimize::{StepValues, optimize, set_label};
use crate::learn::step::{Learner, Outputs};
use crate::model_source::load_adapter;
use crate::sampler::local::limits;
use crate::stages::StageContext;
use crate::stages::sample::seed_of;
use crate::stages::sft::{shuffled, split_at_level};
use calibration::Confidence;
use calibration::reward::{Reward, Target, advantages_rloo, is_hackable, reward};
use candle_core::Tensor;
use datasets::Question;
use datasets::config::{Mask, RlConfig};
use model::Gradients;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// A rollout without a level earns this (REFERENCE 1), and is left out of the confidence's loss.
const PARSE_FAILURE_REWARD: f64 = -1.0;
/// Steps over which an alarm looks back.
const ALARM_STEPS: usize = 10;
/// Alarm: the standard deviation of the stated confidence stays below this.
const COLLAPSE_SPREAD: f64 = 0.02;
/// Alarm: more than this share of the rollouts has no level.
const PARSE_FAILURES_MAX: f64 = 0.2;
/// Alarm: accuracy falls by this much below that of the first steps.
const ACCURACY_LOSS_MAX: f64 = 0.1;

/// One response drawn from the model as it is.
struct Rollout {
    /// All before the level, and the level; absent where it could not be read.
    stated: Option<(Vec<u32>, Confidence)>,
    correct: bool,
}

/// Trains the stage-1 adapter further; writes `adapter/`.
///
/// # Errors
/// [`crate::error::Error::BadUse`] for a reward that is gained by answering wrongly on purpose,
/// unless `allow_hackable`.
pub fn rl(
    context: &StageContext<'_>,
    config: &RlConfig,
    student: &Student,
    stage_one: &Path,
    questions: &[Question],
) -> anyhow::Result<()> {
    let kind: Reward = config
        .reward
        .parse()
        .map_err(|error| crate::error::bad_use(format!("rl.reward: {error}")))?;
    let target: Target = config
        .target
        .parse()
        .map_err(|error| crate::error::bad_use(format!("rl.target: {error}")))?;
    if is_hackable(kind) && config.mask == Mask::AllTokens && !config.allow_hackable {
        return Err(crate::error::bad_use(format!(
            "rl.reward = {:?} with all tokens trained is gained by answering wrongly on purpose and saying \
             so; use \"brier-1\", train the confidence only, or pass --allow-hackable",
            config.reward
        )));
    }
    if config.rollouts < 2 {
        return Err(crate::error::bad_use(format!(
            "rl.rollouts: {}, RLOO needs at least 2",
            config.rollouts
        )));
    }
    let load = || load_adapter(stage_one, student.decoder.config(), student.dense.device());
    let reference = (config.kl_weight > 0.0)
        .then(load)
        .transpose()?
        .map(|lora| Learner::new(student, &Arc::new(lora), config.training.precision));
    let mut lora = load()?;
    set_label(&mut lora, "sayself");
    let lora = Arc::new(lora);
    let learner = Learner::new(student, &lora, config.training.precision);
    let policy = student.decoder.with_adapter(lora.clone());

    let training = &config.training;
    let steps_per_epoch = questions.len().div_ceil(training.batch);
    let mut alarms = Alarms::default();
    optimize(
        context,
        training,
        &lora,
        steps_per_epoch * training.epochs,
        &mut |step, gradients| {
            let order = shuffled(questions.len(), context.seed, step / steps_per_epoch);
            let start = (step % steps_per_epoch) * training.batch;
            let chosen: Vec<&Question> = order[start..questions.len().min(start + training.batch)]
                .iter()
                .map(|index| &questions[*index])
                .collect();
            let groups = roll_out(&policy, student, config, &chosen, context.seed, step)?;
            let surrogate = Surrogate {
                kind,
                target,
                config,
                learner: &learner,
                reference: reference.as_ref(),
            };
            let values = surrogate.add_gradient(student, &chosen, &groups, gradients)?;
            if let Some(alarm) = alarms.look(&values) {
                context
                    .events
                    .note(&context.stage, format!("step {step}: {alarm}"))?;
                if !context.quiet {
                    eprintln!("{}: step {step}: {alarm}", context.stage);
                }
            }
            Ok(values)
        },
    )
}

/// G rollouts of each question; they depend on (adapter, seed, step, question) alone.
fn roll_out(
    policy: &model::Decoder,
    student: &Student,
    config: &RlConfig,
    questions: &[&Question],
    seed: u64,
    step: usize,
) -> anyhow::Result<Vec<Vec<Rollout>>> {
    let decoding = model::Decoding {
        temperature: config.temperature,
        top_p: 1.0,
        top_k: 0,
        max_tokens: config.max_tokens,
        // What comes after the level earns nothing.
        stop: vec!["\nSelf-reflection:".into()],
    };
    let requests = questions
        .iter()
        .map(|question| {
            let seeds = (0..config.rollouts as u32)
                .map(|index| seed_of(seed, &format!("{step}/{}", question.id), index))
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
    let stated = match (parsed.confidence, split_at_level(text)) {
        (Some(level), Some((before, _, _))) => {
            Some((student.tokenizer.encode(before, false)?, level))
        }
        _ => None,
    };
    Ok(Rollout { stated, correct })
}

/// The loss whose gradient is that of the expected reward.
struct Surrogate<'a> {
    kind: Reward,
    target: Target,
    config: &'a RlConfig,
    learner: &'a Learner,
    reference: Option<&'a Learner>,
}

/// A distinct answer of a group, with what its rollouts contribute.
struct Contribution {
    before_level: Vec<u32>,
    /// Σ A_i of the rollouts that stated level k, at k − 1; with `exact`, the number of rollouts
    /// times r(k).
    by_level: [f32; 10],
    /// Rollouts that gave this answer.
    count: f32,
    /// Σ A_i, for the answer's own tokens.
    advantage: f32,
}

impl Surrogate<'_> {
    fn add_gradient(
        &self,
        student: &Student,
        questions: &[&Question],
        groups: &[Vec<Rollout>],
        gradients: &mut Gradients,
    ) -> anyhow::Result<StepValues> {
        let total = groups.iter().map(Vec::len).sum::<usize>().max(1) as f64;
        let mut reward_sum = 0.0;
        let mut examples = Vec::new();
        let mut contributions: Vec<Vec<Contribution>> = Vec::new();
        for (question, group) in questions.iter().zip(groups) {
            let (of_group, rewards) = self.contributions(group);
            reward_sum += rewards.iter().sum::<f64>();
            if of_group.is_empty() {
                continue;
            }
            let branches = of_group
                .iter()
                .map(|contribution| Branch {
                    before_level: contribution.before_level.clone(),
                    target: 0.0,
                    weight: contribution.count,
                    train_answer: self.config.mask == Mask::AllTokens,
                    after: None,
                })
                .collect();
            examples.push(Example {
                prompt: student.prompt(&question.question)?,
                branches,
            });
            contributions.push(of_group);
        }
        let size = self.config.training.micro_batch.max(1);
        let mut loss_sum = 0.0;
        for (part, of_part) in examples.chunks(size).zip(contributions.chunks(size)) {
            let of_part: Vec<&Contribution> = of_part.iter().flatten().collect();
            let (segments, targets) = lay_out(&part.iter().collect::<Vec<_>>(), &student.levels);
            let outputs = self.learner.forward(&segments, &targets)?;
            let before = self
                .reference
                .map(|reference| reference.forward(&segments, &targets))
                .transpose()?;
            let loss = self.loss(&outputs, before.as_ref(), &of_part, total)?;
            loss_sum += loss::scalar(&loss)?;
            outputs.add_gradients(&loss, gradients)?;
        }
        let rollouts = || groups.iter().flatten();
        let stated: Vec<f64> = rollouts()
            .filter_map(|rollout| rollout.stated.as_ref())
            .map(|(_, level)| level.probability().get())
            .collect();
        let mean = stated.iter().sum::<f64>() / stated.len().max(1) as f64;
        let spread = (stated.iter().map(|c| (c - mean).powi(2)).sum::<f64>()
            / stated.len().max(1) as f64)
            .sqrt();
        let share = |count: usize| count as f64 / total;
        Ok(vec![
            ("reward", reward_sum / total),
            ("loss", loss_sum),
            ("mean_confidence", mean),
            ("confidence_spread", spread),
            (
                "accuracy",
                share(rollouts().filter(|rollout| rollout.correct).count()),
            ),
            (
                "parse_failures",
                share(
                    rollouts()
                        .filter(|rollout| rollout.stated.is_none())
                        .count(),
                ),
            ),
        ])
    }

    /// What the rollouts of one question contribute, by distinct answer, and each one's reward:
    /// the reward that is logged is the one that is optimised.
    fn contributions(&self, group: &[Rollout]) -> (Vec<Contribution>, Vec<f64>) {
        let accuracy = group.iter().filter(|rollout| rollout.correct).count() as f64
            / group.len().max(1) as f64;
        let reward_of = |level: Confidence, correct: bool| {
            reward(
                self.kind,
                level.probability(),
                correct,
                accuracy,
                self.target,
            )
        };
        let rewards: Vec<f64> = group
            .iter()
            .map(|rollout| match &rollout.stated {
                Some((_, level)) => reward_of(*level, rollout.correct),
                None => PARSE_FAILURE_REWARD,
            })
            .collect();
        let advantages = advantages_rloo(&rewards);
        let mut distinct: Vec<Contribution> = Vec::new();
        for (rollout, advantage) in group.iter().zip(&advantages) {
            let Some((before_level, level)) = &rollout.stated else {
                continue;
            };
            let at = distinct
                .iter()
                .position(|other| &other.before_level == before_level)
                .unwrap_or_else(|| {
                    distinct.push(Contribution {
                        before_level: before_level.clone(),
                        by_level: [0.0; 10],
                        count: 0.0,
                        advantage: 0.0,
                    });
                    distinct.len() - 1
                });
            let contribution = &mut distinct[at];
            contribution.count += 1.0;
            contribution.advantage += *advantage as f32;
            if self.config.exact {
                for (sum, level) in contribution.by_level.iter_mut().zip(Confidence::ALL) {
                    *sum += reward_of(level, rollout.correct) as f32;
                }
            } else {
                contribution.by_level[usize::from(level.level()) - 1] += *advantage as f32;
            }
        }
        (distinct, rewards)
    }

    /// `before` is what the reference says of the same answers.
    fn loss(
        &self,
        outputs: &Outputs,
        before: Option<&Outputs>,
        contributions: &[&Contribution],
        total: f64,
    ) -> anyhow::Result<Tensor> {
        let levels = &outputs.levels;
        let by_level: Vec<f32> = contributions
            .iter()
            .flat_map(|contribution| contribution.by_level)
            .collect();
        let by_level = Tensor::from_vec(
            by_level,
            (contributions.len(), 10),
            levels.log_mass.device(),
        )?;
        let gain = if self.config.exact {
            levels.log_probabilities.exp()?.mul(&by_level)?.sum_all()?
        } else {
            // ln of the level's own probability, the mass of the ten included.
            levels
                .log_probabilities
                .broadcast_add(&levels.log_mass.unsqueeze(1)?)?
                .mul(&by_level)?
                .sum_all()?
        };
        let counts: Vec<f32> = contributions
            .iter()
            .map(|contribution| contribution.count)
            .collect();
        let form = loss::weighted_sum(&loss::form(levels)?, &counts)?;
        let mut loss = (form * loss::FORM_WEIGHT)?.sub(&gain)?;
        if self.config.entropy_weight > 0.0 {
            let entropy = loss::weighted_sum(&loss::entropy(levels)?, &counts)?;
            loss = (loss - (entropy * self.config.entropy_weight)?)?;
        }
        if let Some(before) = before {
            let before = before.levels.log_probabilities.detach();
            let divergence = levels
                .log_probabilities
                .exp()?
                .mul(&(&levels.log_probabilities - before)?)?
                .sum(1)?;
            loss = (loss + (loss::weighted_sum(&divergence, &counts)? * self.config.kl_weight)?)?;
        }
        if let Some(answer) = &outputs.answer {
            let advantages: Vec<f32> = contributions
                .iter()
                .flat_map(|contribution| {
                    std::iter::repeat_n(contribution.advantage, contribution.before_level.len())
                })
                .collect();
            loss = (loss + loss::weighted_sum(answer, &advantages)?)?;
        }
        Ok((loss / total)?)
    }
}

/// Watches for what goes wrong in this kind of training.
#[derive(Default)]
struct Alarms {
    recent: Vec<StepValues>,
    first_accuracy: Option<f64>,
}

impl Alarms {
    /// A sentence, once every [`ALARM_STEPS`] steps, where something is wrong.
    fn look(&mut self, values: &StepValues) -> Option<String> {
        self.recent.push(values.clone());
        if self.recent.len() < ALARM_STEPS {
            return None;
        }
        let mean = |name: &str| {
            let values: Vec<f64> = self
                .recent
                .iter()
                .flatten()
                .filter(|(other, _)| *other == name)
                .map(|(_, value)| *value)
                .collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        };
        let (spread, failures, accuracy) = (
            mean("confidence_spread"),
            mean("parse_failures"),
            mean("accuracy"),
        );
        self.recent.clear();
        let first = *self.first_accuracy.get_or_insert(accuracy);
        if failures > PARSE_FAILURES_MAX {
            return Some(format!(
                "{:.0}% of the rollouts state no confidence",
                failures * 100.0
            ));
        }
        if spread < COLLAPSE_SPREAD {
            return Some(format!(
                "the stated confidence has collapsed to one value (spread {spread:.3})"
            ));
        }
        (first - accuracy > ACCURACY_LOSS_MAX)
            .then(|| format!("accuracy fell from {first:.2} to {accuracy:.2}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_tells_collapse() {
        let mut alarms = Alarms::default();
        let values = vec![
            ("confidence_spread", 0.0),
            ("parse_failures", 0.0),
            ("accuracy", 0.5),
        ];
        let alarm = (0..ALARM_STEPS).filter_map(|_| alarms.look(&values)).next();
        assert!(alarm.unwrap().contains("collapsed"));
    }
}
