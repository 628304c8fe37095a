//! Rewards for a stated confidence, and RLOO's advantages.
//!
//! Throughout, y is the answer's own correctness (0 or 1), ȳ the share of right answers among the
//! rollouts of the same question, c = k/10 the stated confidence and t the target.

use crate::Probability;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reward {
    /// y − (c − t)² (arXiv 2607.04332): proper, and not to be gained by answering wrongly.
    #[default]
    #[serde(rename = "brier-1")]
    Brier1,
    /// 1 − 2(c − y)², as SaySelf's code has it (arXiv 2405.20974; the formula printed there ignores
    /// correctness). Proper, but hackable.
    #[serde(rename = "sayself")]
    Sayself,
    /// y − (c − y)² (RLCR, arXiv 2507.16806).
    #[serde(rename = "rlcr")]
    Rlcr,
    /// c if right, −c if wrong: improper, for ablation only.
    #[serde(rename = "linear")]
    Linear,
    /// y ln c + (1 − y) ln(1 − c), c clipped to 0.01..=0.99 (Rewarding Doubt, arXiv 2503.02623).
    /// Proper, but hackable.
    #[serde(rename = "log")]
    Log,
}

impl Reward {
    pub const ALL: [Reward; 5] = [
        Reward::Brier1,
        Reward::Sayself,
        Reward::Rlcr,
        Reward::Linear,
        Reward::Log,
    ];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Reward::Brier1 => "brier-1",
            Reward::Sayself => "sayself",
            Reward::Rlcr => "rlcr",
            Reward::Linear => "linear",
            Reward::Log => "log",
        }
    }
}

/// What `brier-1` pulls the confidence towards: t = λȳ + (1 − λ)y.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// λ = 0: the answer's own correctness.
    #[default]
    Own,
    /// λ = 1: the accuracy of the question's rollouts.
    Group,
    /// λ = ½.
    Mixed,
}

impl Target {
    pub const ALL: [Target; 3] = [Target::Own, Target::Group, Target::Mixed];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Target::Own => "own",
            Target::Group => "group",
            Target::Mixed => "mixed",
        }
    }

    /// t, 0..=1; `group_accuracy` is ȳ, 0..=1.
    pub fn value(self, correct: bool, group_accuracy: f64) -> f64 {
        let lambda = match self {
            Target::Own => 0.0,
            Target::Group => 1.0,
            Target::Mixed => 0.5,
        };
        lambda * group_accuracy + (1.0 - lambda) * f64::from(u8::from(correct))
    }
}

/// A configuration named something that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}`, expected one of {expected}")]
pub struct UnknownName {
    pub what: &'static str,
    pub found: String,
    /// The names that exist, separated by commas.
    pub expected: String,
}

impl FromStr for Reward {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Reward, UnknownName> {
        Reward::ALL
            .into_iter()
            .find(|reward| reward.name() == name)
            .ok_or_else(|| UnknownName {
                what: "reward",
                found: name.to_owned(),
                expected: Reward::ALL.map(Reward::name).join(", "),
            })
    }
}

impl FromStr for Target {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Target, UnknownName> {
        Target::ALL
            .into_iter()
            .find(|target| target.name() == name)
            .ok_or_else(|| UnknownName {
                what: "target",
                found: name.to_owned(),
                expected: Target::ALL.map(Target::name).join(", "),
            })
    }
}

impl fmt::Display for Reward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The log reward's clip: keeps ln finite at level 10.
const LOG_CLIP: f64 = 0.01;

/// The reward of one rollout. `group_accuracy` (ȳ) and `target` matter to [`Reward::Brier1`] alone.
///
/// ```
/// use calibration::{Confidence, reward::{Reward, Target, reward}};
/// let nine = Confidence::new(9).expect("9 is a level").probability();
/// let right = reward(Reward::Brier1, nine, true, 0.9, Target::Group);
/// assert!((right - 1.0).abs() < 1e-12);
/// ```
pub fn reward(
    kind: Reward,
    confidence: Probability,
    correct: bool,
    group_accuracy: f64,
    target: Target,
) -> f64 {
    let c = confidence.get();
    let y = f64::from(u8::from(correct));
    match kind {
        Reward::Brier1 => y - (c - target.value(correct, group_accuracy)).powi(2),
        Reward::Sayself => 1.0 - 2.0 * (c - y).powi(2),
        Reward::Rlcr => y - (c - y).powi(2),
        Reward::Linear => {
            if correct {
                c
            } else {
                -c
            }
        }
        Reward::Log => {
            let c = c.clamp(LOG_CLIP, 1.0 - LOG_CLIP);
            if correct { c.ln() } else { (1.0 - c).ln() }
        }
    }
}

/// Whether the reward, with all tokens trained, is gained by answering wrongly on purpose and
/// saying the lowest confidence (arXiv 2607.04332). With only the confidence's tokens trained no
/// reward here is.
pub fn is_hackable(kind: Reward) -> bool {
    matches!(kind, Reward::Sayself | Reward::Log)
}

/// RLOO's advantages (arXiv 2402.14740): each reward less the mean of the others of its group; 0
/// for a group of one. They sum to 0.
///
/// ```
/// assert_eq!(calibration::reward::advantages_rloo(&[1.0, 0.0, 0.5]), [0.75, -0.75, 0.0]);
/// ```
pub fn advantages_rloo(rewards: &[f64]) -> Vec<f64> {
    if rewards.len() < 2 {
        return vec![0.0; rewards.len()];
    }
    let total: f64 = rewards.iter().sum();
    let others = (rewards.len() - 1) as f64;
    rewards
        .iter()
        .map(|reward| reward - (total - reward) / others)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Confidence;
    use proptest::prelude::*;

    /// The expectation over correctness, right with probability `p`.
    fn mean(kind: Reward, c: f64, p: f64) -> f64 {
        let c = Probability::new(c).unwrap();
        let of = |correct| reward(kind, c, correct, p, Target::Own);
        p * of(true) + (1.0 - p) * of(false)
    }

    fn best_level(kind: Reward, p: f64) -> Confidence {
        let value = |level: &Confidence| mean(kind, level.probability().get(), p);
        Confidence::ALL
            .into_iter()
            .max_by(|a, b| value(a).total_cmp(&value(b)))
            .unwrap()
    }

    #[test]
    fn values_by_hand() {
        let of = |kind, level, correct, group, target| {
            reward(
                kind,
                Confidence::new(level).unwrap().probability(),
                correct,
                group,
                target,
            )
        };
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(of(Reward::Brier1, 8, true, 0.4, Target::Own), 0.96);
        close(of(Reward::Brier1, 8, true, 0.4, Target::Group), 0.84);
        close(of(Reward::Brier1, 8, true, 0.4, Target::Mixed), 0.99);
        close(of(Reward::Brier1, 8, false, 0.4, Target::Group), -0.16);
        close(of(Reward::Sayself, 1, false, 0.4, Target::Group), 0.98);
        close(of(Reward::Rlcr, 3, false, 0.4, Target::Group), -0.09);
        close(of(Reward::Linear, 3, false, 0.4, Target::Own), -0.3);
        close(of(Reward::Log, 10, true, 0.4, Target::Own), 0.99f64.ln());
        close(of(Reward::Log, 10, false, 0.4, Target::Own), 0.01f64.ln());
    }

    #[test]
    fn names_read_back() {
        for reward in Reward::ALL {
            assert_eq!(reward.name().parse(), Ok(reward));
            assert_eq!(
                serde_json::to_string(&reward).unwrap(),
                format!("\"{reward}\"")
            );
        }
        for target in Target::ALL {
            assert_eq!(target.name().parse(), Ok(target));
            assert_eq!(
                serde_json::to_string(&target).unwrap(),
                format!("\"{target}\"")
            );
        }
        let error = "brier".parse::<Reward>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown reward `brier`, expected one of brier-1, sayself, rlcr, linear, log"
        );
    }

    #[test]
    fn hackable_is_what_a_wrong_answer_on_purpose_can_gain_from() {
        for kind in Reward::ALL {
            let on_purpose = mean(kind, 0.1, 0.0);
            let gained = (1..=10).any(|tenths| {
                let p = f64::from(tenths) / 10.0;
                let honest = mean(kind, best_level(kind, p).probability().get(), p);
                on_purpose > honest + 1e-12
            });
            assert_eq!(gained, is_hackable(kind), "{kind}");
        }
    }

    proptest! {
        #[test]
        fn proper_rewards_are_maximised_by_the_truth(p in 0.0f64..=1.0, c in 0.0f64..=1.0) {
            for kind in Reward::ALL.into_iter().filter(|kind| *kind != Reward::Linear) {
                // The log reward's clip moves its maximiser there.
                let truth = if kind == Reward::Log { p.clamp(0.01, 0.99) } else { p };
                prop_assert!(mean(kind, truth, p) >= mean(kind, c, p) - 1e-12);
            }
            let group = |c: f64| {
                let c = Probability::new(c).unwrap();
                reward(Reward::Brier1, c, true, p, Target::Group)
            };
            prop_assert!(group(p) >= group(c));
        }

        #[test]
        fn linear_is_maximised_by_an_extreme(p in 0.0f64..=1.0) {
            prop_assert!([1, 10].contains(&best_level(Reward::Linear, p).level()));
        }

        #[test]
        fn advantages_sum_to_zero(rewards in prop::collection::vec(-2.0f64..2.0, 0..12)) {
            let advantages = advantages_rloo(&rewards);
            prop_assert_eq!(advantages.len(), rewards.len());
            prop_assert!(advantages.iter().sum::<f64>().abs() < 1e-9);
        }
    }
}
