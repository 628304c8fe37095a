//! `rl`: stage 2, reinforcement learning of the stated confidence.
//!
//! `sayself rl --model smollm2-135m --adapter sft/adapter --questions world-facts --out rl`
//!
//! Each round, for each of `batch` questions: draw G rollouts from the model as it is, judge them,
//! and reward each by (REFERENCE 5, `brier-1`)
//!
//! ```text
//! r_i = y_i − (c_i − t_i)²        t_i = λ·ȳ + (1 − λ)·y_i     λ: 0 own, 1 group, ½ mixed
//! ```
//!
//! What is trained are a rollout's *choices*: its level, and with `mask = "all-tokens"` the tokens of
//! its answer too. [`rloo`], [`grpo`] and [`ppo`] each turn rewards into a loss over them; added to
//! it are
//!
//! ```text
//! − entropy_weight · H(levels) − form_weight · ln P(a level is written, and no digit after it)
//! ```
//!
//! The loss is that of a rollout on average.

pub mod alarms;
pub mod grpo;
pub mod part;
pub mod ppo;
pub mod rloo;
pub mod rollout;
pub mod teacher;
#[cfg(test)]
mod tests;

use crate::error::bad_use;
use crate::learn::Student;
use crate::learn::optimize::{StepValues, Trained, label, optimize, set_label};
use crate::learn::step::Learner;
use crate::model_source::load_adapter;
use crate::stages::StageContext;
use crate::stages::sft::shuffled;
use alarms::Alarms;
use datasets::Question;
use datasets::config::{Algorithm, KlReference, OnAlarm, Order, RlConfig, label_after_rl};
use datasets::reference::StageOneSet;
use model::Lora;
use ppo::Ppo;
use rollout::{Rewards, roll_out};
use std::path::Path;
use std::sync::Arc;
use teacher::{Round, Surrogate, Teacher};

/// Trains the stage-1 adapter further; writes `adapter/`.
///
/// # Errors
/// [`crate::error::Error::BadUse`] for a reward that is gained by answering wrongly on purpose,
/// unless `allow_hackable`, and for what the algorithm cannot do; an alarm, where alarms stop.
pub fn rl(
    context: &StageContext<'_>,
    config: &RlConfig,
    order: Order,
    student: &Student,
    stage_one: &Path,
    questions: &[Question],
) -> anyhow::Result<()> {
    let rewards = Rewards::of(config)?;
    check(config)?;
    let device = student.dense.device();
    let load = || load_adapter(stage_one, student.decoder.config(), device);
    let mut lora = load()?;
    let taught = label(&lora).unwrap_or(StageOneSet::Sayself.label());
    let taught = label_after_rl(taught, &config.reward).to_owned();
    set_label(&mut lora, &taught);
    let lora = Arc::new(lora);
    let precision = config.training.precision;
    let reference = match (config.kl_weight > 0.0, config.kl_reference) {
        (false, _) => None,
        (true, KlReference::StageOne) => Some(load()?),
        (true, KlReference::Base) => Some(without_effect(&lora, student)?),
    };
    let reference = reference.map(|lora| Learner::new(student, &Arc::new(lora), precision));
    let ppo = match config.algorithm {
        Algorithm::Ppo => Some(Ppo::new(
            config.ppo.clone(),
            config.clip_ratio,
            config.kl_weight,
            student.dense.config().hidden,
            device,
        )?),
        _ => None,
    };
    let teacher = Teacher {
        surrogate: Surrogate {
            config,
            rewards,
            ppo,
        },
        learner: Learner::new(student, &lora, precision),
        reference,
        levels: student.levels.clone(),
    };
    let policy = student.decoder.with_adapter(lora.clone());

    let training = &config.training;
    let minibatch = config
        .minibatch
        .unwrap_or(training.batch)
        .min(training.batch);
    let minibatches = training.batch.div_ceil(minibatch);
    let steps_per_round = config.updates * minibatches;
    let rounds_per_epoch = questions.len().div_ceil(training.batch);
    let alarms = Alarms::new(config)?;
    let trained = Trained {
        lora: &lora,
        others: teacher.surrogate.trained(),
        kept: [teacher.surrogate.kept(), alarms.kept()].concat(),
        round: steps_per_round,
    };
    let mut round: Option<Round> = None;
    let steps = steps_per_round * rounds_per_epoch * training.epochs;
    optimize(
        context,
        training,
        &trained,
        steps,
        None,
        &mut |step, gradients| {
            let (index, within) = (step / steps_per_round, step % steps_per_round);
            let mut values = StepValues::new();
            if within == 0 {
                let epoch = index / rounds_per_epoch;
                let turn = shuffled(questions.len(), context.seed, epoch);
                let start = (index % rounds_per_epoch) * training.batch;
                let chosen: Vec<&Question> = turn
                    [start..questions.len().min(start + training.batch)]
                    .iter()
                    .map(|index| &questions[*index])
                    .collect();
                let rollouts = roll_out(
                    &policy,
                    student,
                    config,
                    &chosen,
                    order,
                    (context.seed, index),
                )?;
                let prompts = chosen
                    .iter()
                    .map(|question| student.prompt(&question.question))
                    .collect::<anyhow::Result<_>>()?;
                let begun = teacher.begin(prompts, &rollouts, minibatch, steps_per_round)?;
                values.extend(begun.values.iter().copied());
                round = Some(begun);
            }
            let Some(round) = &round else {
                anyhow::bail!("step {step} belongs to a round that has not begun");
            };
            let (loss, kl) = teacher.learn(round, within % minibatches, gradients)?;
            values.push(("loss", loss));
            if within == 0 {
                values.extend(kl.map(|kl| ("kl", kl)));
                if let Some(alarm) = alarms.look(&values)? {
                    let message = format!("round {index}: {alarm}");
                    context.events.note(&context.stage, &message)?;
                    if config.on_alarm == OnAlarm::Stop {
                        anyhow::bail!("{}: {message}; the last checkpoint stands", context.stage);
                    }
                    if !context.quiet {
                        eprintln!("{}: {message}", context.stage);
                    }
                }
            }
            Ok(values)
        },
    )
}

/// What the algorithm cannot do.
fn check(config: &RlConfig) -> anyhow::Result<()> {
    let name = match config.algorithm {
        Algorithm::Rloo => "rloo",
        Algorithm::Grpo => "grpo",
        Algorithm::Ppo => "ppo",
    };
    let needs_two = config.algorithm != Algorithm::Ppo;
    if needs_two && config.rollouts < 2 {
        return Err(bad_use(format!(
            "rl.rollouts: {}, {name} needs at least 2: a rollout is compared with the others of its question",
            config.rollouts
        )));
    }
    if config.exact && config.algorithm != Algorithm::Rloo {
        return Err(bad_use(format!(
            "rl.exact: found true, expected false with {name}; the expectation over the levels is rloo's"
        )));
    }
    if config.training.lora_dropout > 0.0 {
        return Err(bad_use(format!(
            "rl.lora_dropout: found {}, expected 0: rollouts and updates are of one policy",
            config.training.lora_dropout
        )));
    }
    let minibatch = config.minibatch.unwrap_or(config.training.batch);
    let several = config.updates > 1 || minibatch < config.training.batch;
    if several && config.algorithm == Algorithm::Rloo {
        return Err(bad_use(
            "rl.updates and rl.minibatch: found more than one step a round, expected one with rloo, \
             whose rollouts serve once; use \"grpo\" or \"ppo\"",
        ));
    }
    Ok(())
}

/// An adapter of the same shape that changes nothing: the model as it was pulled.
fn without_effect(lora: &Lora, student: &Student) -> anyhow::Result<Lora> {
    let dense = &student.dense;
    Ok(Lora::init(
        dense.config(),
        lora.config().clone(),
        0,
        dense.device(),
    )?)
}
