//! What goes wrong in this kind of training, told while it can still be stopped.

use crate::learn::optimize::StepValues;
use candle_core::{Device, Tensor, Var};
use datasets::config::RlConfig;

/// Rounds over which an alarm looks back.
const ALARM_ROUNDS: usize = 10;
/// The standard deviation of the stated confidence stays below this: it has collapsed.
const COLLAPSE_SPREAD: f64 = 0.02;
/// More than this share of the rollouts has no level.
const PARSE_FAILURES_MAX: f64 = 0.2;
/// Accuracy falls by this much below that of the first rounds.
const ACCURACY_LOSS_MAX: f64 = 0.1;

/// The values of a round that are watched.
const WATCHED: [&str; 4] = ["parse_failures", "confidence_spread", "accuracy", "kl"];
/// What stands before the last rounds' values: how many rounds there were, the accuracy of the first ones,
/// the alarm that was told last.
const HEAD: usize = 3;
/// What a checkpoint calls the state.
const STATE: &str = "alarms";

/// Watches the values of each round. A run that was stopped goes on with what it had seen, so that an
/// accuracy that had fallen is not taken for that of the first rounds.
pub struct Alarms {
    /// [`HEAD`], then [`WATCHED`] of the last [`ALARM_ROUNDS`] rounds, NaN where a round has no such value.
    state: Var,
    divergence_max: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alarm {
    ParseFailures = 1,
    Collapse,
    AccuracyLoss,
    Divergence,
}

impl Alarms {
    pub fn new(config: &RlConfig) -> candle_core::Result<Self> {
        let mut state = [f64::NAN; HEAD + WATCHED.len() * ALARM_ROUNDS];
        state[..HEAD].copy_from_slice(&[0.0, f64::NAN, 0.0]);
        Ok(Alarms {
            state: Var::from_tensor(&Tensor::new(&state, &Device::Cpu)?)?,
            divergence_max: config.kl_alarm,
        })
    }

    /// What a checkpoint keeps.
    pub fn kept(&self) -> Vec<(String, Var)> {
        vec![(STATE.into(), self.state.clone())]
    }

    /// A sentence, where something begins to be wrong.
    pub fn look(&self, values: &StepValues) -> candle_core::Result<Option<String>> {
        let mut state = self.state.to_vec1::<f64>()?;
        let (head, window) = state.split_at_mut(HEAD);
        window.rotate_left(WATCHED.len());
        let newest = window.len() - WATCHED.len();
        for (place, name) in window[newest..].iter_mut().zip(WATCHED) {
            let of_name = values.iter().find(|value| value.0 == name);
            *place = of_name.map_or(f64::NAN, |value| value.1);
        }
        head[0] += 1.0;
        let told = match head[0] < ALARM_ROUNDS as f64 {
            true => None,
            false => self.judged(head, window),
        };
        self.state.set(&Tensor::new(state, &Device::Cpu)?)?;
        Ok(told)
    }

    fn judged(&self, head: &mut [f64], window: &[f64]) -> Option<String> {
        let mean = |of: usize| {
            let of_name = window.iter().skip(of).step_by(WATCHED.len());
            let (sum, count) = of_name
                .filter(|value| !value.is_nan())
                .fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        let failures = mean(0).unwrap_or(0.0);
        let spread = mean(1);
        let accuracy = mean(2).unwrap_or(0.0);
        let divergence = mean(3).unwrap_or(0.0);
        if head[1].is_nan() {
            head[1] = accuracy;
        }
        let first = head[1];
        let found = if failures > PARSE_FAILURES_MAX {
            let share = failures * 100.0;
            Some((
                Alarm::ParseFailures,
                format!("{share:.0}% of the rollouts state no confidence"),
            ))
        } else if let Some(spread) = spread.filter(|spread| *spread < COLLAPSE_SPREAD) {
            Some((
                Alarm::Collapse,
                format!("the stated confidence has collapsed to one value (spread {spread:.3})"),
            ))
        } else if first - accuracy > ACCURACY_LOSS_MAX {
            Some((
                Alarm::AccuracyLoss,
                format!("accuracy fell from {first:.2} to {accuracy:.2}"),
            ))
        } else if divergence > self.divergence_max {
            Some((
                Alarm::Divergence,
                format!("the model has moved {divergence:.2} nats a rollout from the reference"),
            ))
        } else {
            None
        };
        let (alarm, sentence) = found.unzip();
        let told = alarm.map_or(0.0, |alarm| f64::from(alarm as u8));
        let is_new = told != std::mem::replace(&mut head[2], told);
        sentence.filter(|_| is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms_of(rounds: &[StepValues]) -> Vec<String> {
        let alarms = Alarms::new(&RlConfig::default()).unwrap();
        told_by(&alarms, rounds)
    }

    fn told_by(alarms: &Alarms, rounds: &[StepValues]) -> Vec<String> {
        rounds
            .iter()
            .filter_map(|round| alarms.look(round).unwrap())
            .collect()
    }

    fn round(spread: f64, failures: f64, accuracy: f64, kl: f64) -> StepValues {
        vec![
            ("confidence_spread", spread),
            ("parse_failures", failures),
            ("accuracy", accuracy),
            ("kl", kl),
        ]
    }

    #[test]
    fn each_alarm_is_told_once_while_it_lasts() {
        let sound = || vec![round(0.2, 0.0, 0.5, 0.0); ALARM_ROUNDS];
        assert!(alarms_of(&sound()).is_empty());
        let after = |bad: StepValues| [sound(), vec![bad; 3 * ALARM_ROUNDS]].concat();
        for (bad, words) in [
            (round(0.0, 0.0, 0.5, 0.0), "collapsed"),
            (round(0.2, 0.5, 0.5, 0.0), "no confidence"),
            (round(0.2, 0.0, 0.3, 0.0), "accuracy fell"),
            (round(0.2, 0.0, 0.5, 1e3), "nats"),
        ] {
            let told = alarms_of(&after(bad));
            assert!(told.len() == 1 && told[0].contains(words), "{told:?}");
        }
    }

    #[test]
    fn who_goes_on_from_a_checkpoint_knows_what_was_seen() {
        let rounds = [
            vec![round(0.2, 0.0, 0.5, 0.0); ALARM_ROUNDS + 3],
            vec![round(0.2, 0.0, 0.3, 0.0); 2 * ALARM_ROUNDS],
        ]
        .concat();
        let (before, after) = rounds.split_at(ALARM_ROUNDS + 5);
        let first = Alarms::new(&RlConfig::default()).unwrap();
        assert!(told_by(&first, before).is_empty());
        let again = Alarms::new(&RlConfig::default()).unwrap();
        for ((_, new), (_, old)) in again.kept().iter().zip(first.kept()) {
            new.set(&old).unwrap();
        }
        let told = told_by(&again, after);
        assert!(
            told.len() == 1 && told[0].contains("accuracy fell from 0.50"),
            "{told:?}"
        );
    }
}
