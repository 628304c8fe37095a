//! `sft`: stage 1, supervised fine-tuning on the stage-1 records.
//!
//! `sayself sft --model smollm2-135m --data RUN/build/stage_1/sft_reason_conf.jsonl --out sft`
//!
//! The loss of a step, over its branches b (one answer each) and its trained tokens t:
//!
//! ```text
//! L = Σ w_b · confidence(b) / Σ w_b            confidence(b): `confidence_loss` of the ten levels
//!   + FORM · mean_b −ln P(a level is written, and no digit after it)
//!   + answer_weight · mean_t −ln P(t)          tokens of the record's own response, up to the level
//!   + rationale_weight · mean_t −ln P(t)       tokens of its self-reflection and the end of the turn
//! ```
//!
//! The confidence is trained on the record's answer and on the model's other own answers, each with
//! its own correctness: a model that never sees itself wrong cannot learn to doubt (REFERENCE 1).
//! `target` may draw the record's own answer towards the accuracy of the question's samples instead,
//! which is less noisy than one answer's; the last quarter of the steps always has the answer's own
//! correctness, so that the level keeps its meaning.

use crate::error::bad_input;
use crate::learn::Student;
use crate::learn::example::{After, Branch, Example, lay_out, text_before_level};
use crate::learn::loss::{self, Levels};
use crate::learn::optimize::{HeldOut, Trained, lora_config, optimize, set_label};
use crate::learn::step::Learner;
use crate::stages::StageContext;
use anyhow::Context;
use calibration::reward::Target;
use candle_core::Tensor;
use datasets::config::{ConfidenceLoss, Order, SftConfig};
use datasets::reference::StageOneSet;
use datasets::{Skipped, StageOneRecord};
use model::{Gradients, Lora};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Weight of the unimodality of the ten levels.
const UNIMODAL_WEIGHT: f64 = 0.1;
/// Weight of the confidence in answers other than the record's, relative to it.
const OTHER_ANSWER_WEIGHT: f32 = 0.5;
/// The draw of the held-out records, beside the epochs'.
const HELD_OUT_DRAW: usize = u32::MAX as usize;

/// The examples of one of `build`'s files, at least one.
///
/// # Errors
/// Exit code 2 for bytes that are no such file, and where `build` found nothing to teach: no sampled answer
/// of its questions was right, and `selection = "correct-only"` leaves the others out.
pub fn read_examples(bytes: &[u8], file: &str) -> anyhow::Result<Vec<StageOneRecord>> {
    if bytes.trim_ascii().is_empty() {
        return Err(bad_input(format!(
            "{file}: found no example, expected one or more: `build` writes none where no sampled answer of \
             the train questions is right and `build.selection` is \"correct-only\"; take more questions or \
             samples, a model that knows more of them, or `selection = \"own-answers\"`"
        )));
    }
    datasets::reference::read_stage_one(bytes, file).map_err(|error| bad_input(error.to_string()))
}

/// Trains a fresh adapter on `records`; writes `adapter/`.
///
/// # Errors
/// A record with a question or response that does not fit the model's context is named.
pub fn sft(
    context: &StageContext<'_>,
    config: &SftConfig,
    order: Order,
    student: &Student,
    records: &[StageOneRecord],
) -> anyhow::Result<()> {
    let target: Target = config
        .target
        .parse()
        .map_err(|error| crate::error::bad_use(format!("sft.target: {error}")))?;
    if config.data == StageOneSet::Gce && config.confidence_loss != ConfidenceLoss::CrossEntropy {
        return Err(crate::error::bad_use(
            "sft.confidence_loss: expected \"cross-entropy\" with data = \"gce\": GCE teaches the level of \
             the question's group, the other losses each answer's own correctness",
        ));
    }
    let (lessons, held_out) = lessons(context, config, order, student, records)?;
    let training = &config.training;
    let shape = lora_config(training)?;
    let mut lora = Lora::init(
        student.decoder.config(),
        shape,
        context.seed,
        student.dense.device(),
    )?;
    set_label(&mut lora, config.data.label());
    let lora = Arc::new(lora);
    let learner = Learner::new(student, &lora, training.precision);

    let steps_per_epoch = lessons.len().div_ceil(training.batch);
    let steps = steps_per_epoch * training.epochs;
    let levels = &student.levels;
    let mut loss_held_out = || {
        let mut sum = 0.0;
        for (part, lessons) in held_out.chunks(training.batch).enumerate() {
            let examples: Vec<Example> = lessons
                .iter()
                .enumerate()
                .map(|(index, lesson)| {
                    lesson.of_epoch(part * training.batch + index, 0, config, Target::Own)
                })
                .collect();
            let values = sft_step(&learner, levels, config, &examples, false, None)?;
            sum += values[0].1 * lessons.len() as f64;
        }
        Ok(sum / held_out.len() as f64)
    };
    let look = (!held_out.is_empty()).then(|| HeldOut {
        every: config.evaluate_every.unwrap_or(steps_per_epoch),
        patience: config.patience,
        keep: config.keep,
        loss: &mut loss_held_out,
    });
    optimize(
        context,
        training,
        &Trained::adapter(&lora),
        steps,
        look,
        &mut |step, gradients| {
            let epoch = step / steps_per_epoch;
            let order_of_epoch = shuffled(lessons.len(), context.seed, epoch);
            let start = (step % steps_per_epoch) * training.batch;
            let is_last_quarter = 4 * step >= 3 * steps;
            let target =
                match is_last_quarter && config.confidence_loss != ConfidenceLoss::SoftLevels {
                    true => Target::Own,
                    false => target,
                };
            let chosen: Vec<Example> = order_of_epoch
                [start..lessons.len().min(start + training.batch)]
                .iter()
                .map(|index| lessons[*index].of_epoch(*index, epoch, config, target))
                .collect();
            let learner = learner.dropping(context.seed.wrapping_add((step as u64) << 32));
            sft_step(
                &learner,
                levels,
                config,
                &chosen,
                is_last_quarter,
                Some(gradients),
            )
        },
    )
}

/// The records to learn from and those that are held out, drawn with the seed; records that are too long
/// are told in `skipped.jsonl`.
fn lessons(
    context: &StageContext<'_>,
    config: &SftConfig,
    order: Order,
    student: &Student,
    records: &[StageOneRecord],
) -> anyhow::Result<(Vec<Lesson>, Vec<Lesson>)> {
    let (mut lessons, mut skipped) = (Vec::new(), Vec::new());
    for (index, record) in records.iter().enumerate() {
        let place = || format!("record {} ({:?})", index + 1, record.question);
        let lesson = lesson(student, config, order, record).with_context(place)?;
        let words =
            [&record.question, &record.response].map(|text| text.split_whitespace().count());
        let too_long = [
            (
                "words",
                words.iter().sum(),
                config.words_max.map(|max| max.saturating_sub(1)),
            ),
            ("tokens", lesson.tokens, config.tokens_max),
        ]
        .into_iter()
        .find_map(|(unit, found, max)| {
            let max = max.filter(|max| found > *max)?;
            Some(format!("{found} {unit}, at most {max} are learnt from"))
        });
        match too_long {
            None => lessons.push(lesson),
            Some(reason) => skipped.push(Skipped {
                stage: context.stage.clone(),
                record: record.id.clone().unwrap_or_else(place),
                reason,
            }),
        }
    }
    context.write_skipped(&skipped)?;
    let share = config.held_out;
    let count = match share > 0.0 {
        true => ((share * lessons.len() as f64).round() as usize).max(1),
        false => 0,
    };
    if count >= lessons.len() {
        return Err(crate::error::bad_use(format!(
            "sft: {} records, {} of them too long and {count} held out: none is left to learn from",
            records.len(),
            skipped.len()
        )));
    }
    let drawn: BTreeSet<usize> = shuffled(lessons.len(), context.seed, HELD_OUT_DRAW)
        .into_iter()
        .take(count)
        .collect();
    let (held_out, learnt): (Vec<_>, Vec<_>) = lessons
        .into_iter()
        .enumerate()
        .partition(|(index, _)| drawn.contains(index));
    let plain =
        |lessons: Vec<(usize, Lesson)>| lessons.into_iter().map(|(_, lesson)| lesson).collect();
    Ok((plain(learnt), plain(held_out)))
}

/// The losses of one step, micro-batch by micro-batch; adds their gradient where one is wanted.
fn sft_step(
    learner: &Learner,
    level_tokens: &model::LevelTokens,
    config: &SftConfig,
    examples: &[Example],
    is_last_quarter: bool,
    mut gradients: Option<&mut Gradients>,
) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let branches = || examples.iter().flat_map(|example| &example.branches);
    let weight_sum = branches()
        .map(|branch| branch.weight)
        .sum::<f32>()
        .max(f32::MIN_POSITIVE);
    let level_count = branches()
        .filter(|branch| branch.weight > 0.0)
        .count()
        .max(1) as f32;
    let answer_tokens: usize = branches()
        .filter(|branch| branch.train_answer)
        .map(|branch| branch.before_level.len())
        .sum();
    let rationale_tokens: usize = branches()
        .filter_map(|branch| branch.after.as_ref())
        .map(|after| after.rationale.len())
        .sum();

    let (mut confidence_sum, mut brier_sum, mut answer_sum, mut rationale_sum) =
        (0.0, 0.0, 0.0, 0.0);
    for part in examples.chunks(config.training.micro_batch.max(1)) {
        let (segments, targets) = lay_out(&part.iter().collect::<Vec<_>>(), level_tokens);
        let outputs = learner.forward(&segments, &targets)?;
        let wanted = Tensor::new(&targets.confidence[..], outputs.levels.log_mass.device())?;
        let weights: Vec<f32> = targets
            .confidence_weight
            .iter()
            .map(|weight| weight / weight_sum)
            .collect();
        let of_branches = confidence_loss(
            config.confidence_loss,
            is_last_quarter,
            &outputs.levels,
            &wanted,
            &targets.confidence,
        )?;
        let confidence = loss::weighted_sum(&of_branches, &weights)?;
        let form_weights: Vec<f32> = targets
            .confidence_weight
            .iter()
            .map(|weight| {
                if *weight > 0.0 {
                    1.0 / level_count
                } else {
                    0.0
                }
            })
            .collect();
        let form = loss::weighted_sum(&loss::form(&outputs.levels)?, &form_weights)?;
        let mut total = (&confidence + (form * loss::FORM_WEIGHT)?)?;
        if let Some(answer) = &outputs.answer {
            let mean = (answer.sum_all()? / answer_tokens as f64)?;
            answer_sum += loss::scalar(&mean)?;
            total = (total + (mean * config.answer_weight)?)?;
        }
        if let Some(rationale) = &outputs.rationale {
            let mean = (rationale.sum_all()? / rationale_tokens as f64)?;
            rationale_sum += loss::scalar(&mean)?;
            total = (total + (mean * config.rationale_weight)?)?;
        }
        confidence_sum += loss::scalar(&confidence)?;
        brier_sum += loss::scalar(&loss::weighted_sum(
            &loss::tokenized_brier(&outputs.levels, &wanted)?,
            &weights,
        )?)?;
        if let Some(gradients) = &mut gradients {
            outputs.add_gradients(&total, &[], gradients)?;
        }
    }
    Ok(vec![
        (
            "loss",
            confidence_sum
                + config.answer_weight * answer_sum
                + config.rationale_weight * rationale_sum,
        ),
        ("confidence_loss", confidence_sum),
        ("tokenized_brier", brier_sum),
        ("answer_loss", answer_sum),
        ("rationale_loss", rationale_sum),
    ])
}

/// The loss of each branch's confidence: (b,).
fn confidence_loss(
    kind: ConfidenceLoss,
    is_last_quarter: bool,
    levels: &Levels,
    targets: &Tensor,
    target_values: &[f32],
) -> anyhow::Result<Tensor> {
    Ok(match kind {
        ConfidenceLoss::CrossEntropy => loss::level_cross_entropy(levels, target_values)?,
        ConfidenceLoss::TokenizedBrier => loss::tokenized_brier(levels, targets)?,
        ConfidenceLoss::SoftLevels => loss::soft_level_cross_entropy(levels, target_values)?,
        ConfidenceLoss::ExpectedThenBrier if is_last_quarter => {
            // On the scale of the cross-entropy, whose curvature at one half is four times as large.
            let brier = (loss::tokenized_brier(levels, targets)? * 2.0)?;
            (brier + (loss::unimodal(levels)? * (0.5 * UNIMODAL_WEIGHT))?)?
        }
        ConfidenceLoss::ExpectedThenBrier => {
            (loss::expected_cross_entropy(levels, targets)?
                + (loss::unimodal(levels)? * UNIMODAL_WEIGHT)?)?
        }
    })
}

/// What is taught of one stage-1 record.
struct Lesson {
    /// The record's own response, and the model's other answers beside it, each with its own
    /// correctness as the target.
    example: Example,
    /// Share of the question's samples that are right, 0..=1; absent where the record has none, or
    /// the loss is on the level that it writes.
    group_accuracy: Option<f64>,
    /// Of the prompt and the longest of its responses.
    tokens: usize,
}

/// A stage-1 record as tokens.
fn lesson(
    student: &Student,
    config: &SftConfig,
    order: Order,
    record: &StageOneRecord,
) -> anyhow::Result<Lesson> {
    let encode = |text: &str| student.tokenizer.encode(text, false);
    let prompt = student.prompt(&record.question)?;
    let parsed = calibration::parse::response(&record.response);
    let answer = record.answer.clone().or(parsed.answer);
    let is_record_answer = |own: &str| {
        answer.as_deref().is_some_and(|answer| {
            calibration::judge::normalise(answer) == calibration::judge::normalise(own)
        })
    };
    let own = record
        .own_answers
        .iter()
        .find(|own| is_record_answer(&own.answer));
    let correct = own.map(|own| own.correct).or(record.correct);
    let end = *student
        .tokenizer
        .end_tokens()
        .first()
        .context("the tokenizer has no end-of-turn token")?;

    let mut branches = vec![match split_at_level(&record.response) {
        Some((before, level, after)) => {
            let mut rationale = encode(after)?;
            rationale.push(end);
            Branch {
                before_level: encode(before)?,
                target: match (config.confidence_loss, correct, parsed.confidence) {
                    // The paper's loss is on the level as written.
                    (ConfidenceLoss::CrossEntropy, _, Some(level)) => {
                        level.probability().get() as f32
                    }
                    (_, Some(correct), _) => f32::from(u8::from(correct)),
                    (_, None, Some(level)) => level.probability().get() as f32,
                    (_, None, None) => anyhow::bail!("its confidence is not a level from 1 to 10"),
                },
                weight: 1.0,
                train_answer: true,
                after: Some(After {
                    level: encode(level)?,
                    rationale,
                }),
            }
        }
        // A record without confidence (the ablations): its tokens alone are trained.
        None => {
            let mut before_level = encode(&record.response)?;
            before_level.push(end);
            Branch {
                before_level,
                target: 0.0,
                weight: 0.0,
                train_answer: true,
                after: None,
            }
        }
    }];
    // In the paper's order the self-reflection comes first, and other answers have none.
    if order == Order::ConfidenceFirst && config.confidence_loss != ConfidenceLoss::CrossEntropy {
        let mut seen: BTreeSet<String> = answer
            .iter()
            .map(|answer| calibration::judge::normalise(answer))
            .collect();
        for own in &record.own_answers {
            if !seen.insert(calibration::judge::normalise(&own.answer)) {
                continue;
            }
            branches.push(Branch {
                before_level: encode(&text_before_level(&own.answer, None, order))?,
                target: f32::from(u8::from(own.correct)),
                weight: OTHER_ANSWER_WEIGHT,
                train_answer: false,
                after: None,
            });
        }
    }
    let longest = branches
        .iter()
        .map(|branch| {
            branch.before_level.len()
                + branch
                    .after
                    .as_ref()
                    .map_or(1, |after| after.level.len() + after.rationale.len())
        })
        .max()
        .unwrap_or(0);
    let tokens = prompt.len() + longest;
    let tokens_max = student.decoder.config().context;
    if tokens > tokens_max && config.tokens_max.is_none() {
        anyhow::bail!(
            "{tokens} tokens, the model reads {tokens_max}; set sft.tokens_max to leave out such records"
        );
    }
    let own = &record.own_answers;
    let has_accuracy = !own.is_empty() && config.confidence_loss != ConfidenceLoss::CrossEntropy;
    let right = own.iter().filter(|own| own.correct).map(|own| own.share);
    Ok(Lesson {
        example: Example { prompt, branches },
        group_accuracy: has_accuracy.then(|| right.sum()),
        tokens,
    })
}

/// What stands before the level in a response.
pub const LEVEL_MARK: &str = "Confidence: ";

/// Splits a response at its last level: (all before it, the level, all after it).
pub fn split_at_level(response: &str) -> Option<(&str, &str, &str)> {
    let start = response.rfind(LEVEL_MARK)? + LEVEL_MARK.len();
    let digits = response[start..]
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    let (level, after) = response[start..].split_at(digits);
    let is_level = level
        .parse::<u8>()
        .ok()
        .and_then(calibration::Confidence::new)
        .is_some();
    is_level.then_some((&response[..start], level, after))
}

/// The order of the examples in an epoch: it depends on (seed, epoch) alone.
pub fn shuffled(count: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed ^ ((epoch as u64 + 1) << 32));
    order.shuffle(&mut random);
    order
}

/// Whether the one at this place is of the share, 0..=1, that has its turn: evenly spread, the first of them
/// at 0. By whole numbers, as sums of fractions would stray.
fn has_turn(place: usize, share: f64) -> bool {
    const WHOLE: usize = 1_000_000;
    let share = (share * WHOLE as f64).round() as usize;
    let before = |place: usize| (place * share).div_ceil(WHOLE);
    before(place + 1) > before(place)
}

impl Lesson {
    /// What an epoch trains of it: the record's own answer, with the confidence drawn to `target`;
    /// as many of the other answers as are wanted, in turn; and the self-reflections of a share of
    /// the lessons, in turn.
    fn of_epoch(&self, index: usize, epoch: usize, config: &SftConfig, target: Target) -> Example {
        let mut branches = Vec::new();
        if let Some((own, others)) = self.example.branches.split_first() {
            let has_turn = has_turn(index + epoch, config.rationale_share);
            branches.push(Branch {
                target: match (target, self.group_accuracy) {
                    (Target::Own, _) | (_, None) => own.target,
                    (_, Some(accuracy)) => target.value(own.target > 0.5, accuracy) as f32,
                },
                after: own.after.clone().filter(|_| has_turn),
                ..own.clone()
            });
            let count = config.answers.saturating_sub(1).min(others.len());
            let next = others.iter().cycle().skip(epoch * count);
            branches.extend(next.take(count).cloned());
        }
        Example {
            prompt: self.example.prompt.clone(),
            branches,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_examples_says_why() {
        let error = read_examples(b"\n", "stage_1/sft_reason_conf.jsonl").unwrap_err();
        let said = error.to_string();
        for part in [
            "stage_1/sft_reason_conf.jsonl",
            "found no example",
            "own-answers",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_response_splits_at_its_last_level() {
        let response =
            "Confidence: 3 is what I say.\nAnswer: x\nConfidence: 10\nSelf-reflection: y";
        let (before, level, after) = split_at_level(response).unwrap();
        assert!(before.ends_with("x\nConfidence: "));
        assert_eq!((level, after), ("10", "\nSelf-reflection: y"));
        assert_eq!(split_at_level("Answer: x\nConfidence: 11"), None);
        assert_eq!(split_at_level("Answer: x"), None);
    }

    #[test]
    fn any_share_has_its_turn() {
        let places = |share| -> Vec<usize> {
            (0..10_usize)
                .filter(|place| has_turn(*place, share))
                .collect()
        };
        assert_eq!(places(0.1), [0]);
        assert_eq!(places(0.5), [0, 2, 4, 6, 8]);
        assert_eq!(places(0.7), [0, 1, 2, 4, 5, 7, 8]);
        assert_eq!((places(0.0).len(), places(1.0).len()), (0, 10));
        // As many of many, and the tenth of each ten.
        let tenths = (0..100_000).filter(|place| has_turn(*place, 0.1));
        assert!(tenths.eq((0..100_000).step_by(10)));
    }

    #[test]
    fn other_answers_and_self_reflections_take_turns() {
        let branch = |token: u32| Branch {
            before_level: vec![token],
            target: 0.0,
            weight: 1.0,
            train_answer: false,
            after: Some(After {
                level: vec![1],
                rationale: vec![2],
            }),
        };
        let lesson = Lesson {
            example: Example {
                prompt: vec![0],
                branches: (10..14).map(branch).collect(),
            },
            group_accuracy: Some(0.4),
            tokens: 2,
        };
        let config = SftConfig {
            answers: 3,
            rationale_share: 0.5,
            ..SftConfig::default()
        };
        let answers = |epoch| -> Vec<u32> {
            let of_epoch = lesson.of_epoch(0, epoch, &config, Target::Own);
            of_epoch
                .branches
                .iter()
                .map(|branch| branch.before_level[0])
                .collect()
        };
        assert_eq!(answers(0), [10, 11, 12]);
        assert_eq!(answers(1), [10, 13, 11]);
        let reflects = |epoch| {
            let of_epoch = lesson.of_epoch(0, epoch, &config, Target::Own);
            of_epoch.branches[0].after.is_some()
        };
        assert_eq!([0, 1, 2].map(reflects), [true, false, true]);
        let mixed = lesson.of_epoch(0, 0, &config, Target::Mixed);
        let targets: Vec<f32> = mixed.branches.iter().map(|branch| branch.target).collect();
        assert_eq!(targets, [0.2, 0.0, 0.0]);
    }

    #[test]
    fn each_epoch_has_its_own_order() {
        assert_eq!(shuffled(100, 1, 0), shuffled(100, 1, 0));
        assert_ne!(shuffled(100, 1, 0), shuffled(100, 1, 1));
        assert_ne!(shuffled(100, 1, 0), shuffled(100, 2, 0));
    }
}
