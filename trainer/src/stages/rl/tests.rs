//! Every algorithm on a bandit of two answers: one is right with probability p, and the confidence
//! that earns most is known in closed form.

use super::part::{Before, Part};
use super::ppo::Ppo;
use super::rollout::{Group, Rewards, Rollout};
use super::teacher::Surrogate;
use crate::learn::loss::{self, LevelRows, Levels};
use calibration::Confidence;
use candle_core::{DType, Device, Tensor, Var};
use datasets::config::{Algorithm, Mask, Normalise, RlConfig};
use model::{AdamW, AdamWConfig, Gradients, LevelTokens};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const DIGITS: LevelTokens = LevelTokens {
    digits: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    ten: Some(10),
};
const VOCAB: usize = 12;
const ROUNDS: usize = 500;

/// A policy that is a table: the logits before the level, and those after a digit.
struct Table {
    before: Var,
    after: Tensor,
}

impl Table {
    fn new() -> Self {
        let mut after = vec![-10f32; VOCAB];
        after[VOCAB - 1] = 10.0;
        Table {
            before: Var::zeros((1, VOCAB), DType::F32, &Device::Cpu).unwrap(),
            after: Tensor::from_vec(after, (1, VOCAB), &Device::Cpu).unwrap(),
        }
    }

    fn levels(&self, branches: usize) -> Levels {
        let before = self.before.repeat((branches, 1)).unwrap();
        let after = self.after.repeat((3 * branches, 1)).unwrap();
        let logits = Tensor::cat(&[&before, &after], 0).unwrap();
        let places = LevelRows::first(branches as u32).places(&DIGITS);
        let logprobs = model::ops::plain::logprobs_at(&logits, &places).unwrap();
        loss::levels(&logprobs, branches, &DIGITS).unwrap()
    }

    fn probabilities(&self) -> Vec<f32> {
        let levels = self.levels(1).log_probabilities.exp().unwrap();
        levels.flatten_all().unwrap().to_vec1().unwrap()
    }
}

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn draw(random: &mut ChaCha8Rng, probabilities: &[f32], p: f64) -> Rollout {
    let correct = uniform(random) < p;
    let mut left = uniform(random) as f32;
    let level = probabilities.iter().position(|probability| {
        left -= probability;
        left <= 0.0
    });
    Rollout {
        before_level: vec![if correct { 20 } else { 21 }],
        level: Confidence::new(level.unwrap_or(9) as u8 + 1),
        correct,
    }
}

/// The mean confidence of a policy that learnt where answers are right with probability `p`.
fn learnt(config: &RlConfig, p: f64) -> f64 {
    let device = Device::Cpu;
    let ppo = (config.algorithm == Algorithm::Ppo)
        .then(|| Ppo::new(config.ppo.clone(), config.clip_ratio, 0.0, 1, &device).unwrap());
    let surrogate = Surrogate {
        config,
        rewards: Rewards::of(config).unwrap(),
        ppo,
    };
    let table = Table::new();
    let mut vars = surrogate.trained();
    vars.push(("table".into(), table.before.clone()));
    let mut optimizer = AdamW::new(AdamWConfig {
        weight_decay: 0.0,
        ..AdamWConfig::default()
    });
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..ROUNDS {
        let probabilities = table.probabilities();
        let rollouts: Vec<Rollout> = (0..config.rollouts)
            .map(|_| draw(&mut random, &probabilities, p))
            .collect();
        let group = Group::new(
            vec![1, 2],
            &rollouts,
            &surrogate.rewards,
            config.mask,
            config.train_failures,
        );
        let deviation = super::grpo::standard_deviation(&group.rewards());
        let mut part = Part::new(vec![group], &DIGITS);
        let branches = part.counts().len();
        let states = Tensor::ones((branches, 1), DType::F32, &device).unwrap();
        let said = |part: &Part| {
            let levels = table.levels(branches);
            let logprobs = part.logprobs(None, &levels).unwrap();
            let values = surrogate
                .ppo
                .as_ref()
                .map(|ppo| part.states(&ppo.values(&states).unwrap()).unwrap());
            (levels, logprobs, values)
        };
        let (_, logprobs, values) = said(&part);
        part.before = Some(Before {
            logprobs: logprobs.to_vec1().unwrap(),
            values: values.map_or_else(Vec::new, |values| values.to_vec1().unwrap()),
        });
        let parts = [part];
        let learned = surrogate.ppo.as_ref().map(|ppo| ppo.learn(&parts).unwrap());
        let learned = learned.as_ref().and_then(|learned| learned.first());
        for _ in 0..config.updates {
            let (levels, logprobs, values) = said(&parts[0]);
            let loss = surrogate
                .loss(
                    &parts[0],
                    (learned, deviation),
                    &levels,
                    &logprobs,
                    values.as_ref(),
                )
                .unwrap();
            let store = (loss / config.rollouts as f64).unwrap().backward().unwrap();
            let gradients = Gradients::collect(&vars, &store);
            optimizer.step(&vars, &gradients, 0.03).unwrap();
        }
    }
    let mean = |probabilities: Vec<f32>| {
        let values = probabilities.iter().zip(Confidence::ALL);
        values
            .map(|(p, level)| f64::from(*p) * level.probability().get())
            .sum::<f64>()
    };
    mean(table.probabilities())
}

fn config(algorithm: Algorithm) -> RlConfig {
    RlConfig {
        algorithm,
        target: "own".into(),
        mask: Mask::ConfidenceOnly,
        rollouts: 256,
        updates: if algorithm == Algorithm::Rloo { 1 } else { 2 },
        ..RlConfig::default()
    }
}

#[test]
fn all_algorithms_state_the_probability_of_being_right() {
    for algorithm in [Algorithm::Rloo, Algorithm::Grpo, Algorithm::Ppo] {
        for reward in ["brier-1", "sayself", "rlcr", "log"] {
            for p in [0.3, 0.8] {
                let config = RlConfig {
                    reward: reward.into(),
                    ..config(algorithm)
                };
                let found = learnt(&config, p);
                assert!(
                    (found - p).abs() < 0.08,
                    "{algorithm:?} {reward} {p}: {found}"
                );
            }
        }
    }
}

#[test]
fn variants_agree() {
    for normalise in [Normalise::Group, Normalise::Batch, Normalise::None] {
        let config = RlConfig {
            normalise,
            ..config(Algorithm::Grpo)
        };
        let found = learnt(&config, 0.6);
        assert!((found - 0.6).abs() < 0.08, "{normalise:?}: {found}");
    }
    let exact = RlConfig {
        exact: true,
        ..config(Algorithm::Rloo)
    };
    let found = learnt(&exact, 0.6);
    assert!((found - 0.6).abs() < 0.05, "exact: {found}");
}

#[test]
fn the_linear_reward_goes_to_an_extreme() {
    for algorithm in [Algorithm::Rloo, Algorithm::Grpo, Algorithm::Ppo] {
        let config = RlConfig {
            reward: "linear".into(),
            ..config(algorithm)
        };
        assert!(learnt(&config, 0.7) > 0.93, "{algorithm:?}");
        assert!(learnt(&config, 0.3) < 0.17, "{algorithm:?}");
    }
}

#[test]
fn a_failure_counts_in_its_group_and_is_trained_where_that_is_asked() {
    let rewards = Rewards::of(&RlConfig::default()).unwrap();
    let stated = Rollout {
        before_level: vec![20, 30],
        level: Confidence::new(8),
        correct: true,
    };
    let failed = Rollout {
        before_level: vec![21, 22, 23],
        level: None,
        correct: false,
    };
    let rollouts = [stated.clone(), failed, stated];
    let group = |train| {
        let mask = Mask::ConfidenceOnly;
        Group::new(vec![1, 2], &rollouts, &rewards, mask, train)
    };
    let part = Part::new(vec![group(false)], &DIGITS);
    assert_eq!(part.groups[0].count(), 3.0);
    assert_eq!(part.groups[0].rewards().len(), 3);
    assert_eq!(part.counts(), [2.0]);
    assert_eq!(part.choices.len(), 1);
    let part = Part::new(vec![group(true)], &DIGITS);
    assert_eq!(part.counts(), [2.0, 0.0]);
    // Three tokens of the failure, and the level of the others: places count tokens first.
    let places: Vec<(usize, usize, bool)> = part
        .choices
        .iter()
        .map(|choice| (choice.place, choice.state, choice.last))
        .collect();
    assert_eq!(
        places,
        [(3 + 7, 3, true), (0, 0, false), (1, 1, false), (2, 2, true)]
    );
}

#[test]
fn the_lowest_level_of_the_first_answer_is_a_level() {
    let rewards = Rewards::of(&RlConfig::default()).unwrap();
    let rollout = |level| Rollout {
        before_level: vec![20, 30],
        level: Confidence::new(level),
        correct: false,
    };
    let rollouts = [rollout(1), rollout(9)];
    for mask in [Mask::ConfidenceOnly, Mask::AllTokens] {
        let group = Group::new(vec![1, 2], &rollouts, &rewards, mask, false);
        let part = Part::new(vec![group], &DIGITS);
        let levels = part.choices.iter().filter(|choice| choice.is_level);
        assert!(levels.clone().all(|choice| choice.last));
        assert_eq!(levels.count(), 2, "{mask:?}");
    }
}
