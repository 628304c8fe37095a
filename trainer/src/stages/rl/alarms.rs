//! What goes wrong in this kind of training, told while it can still be stopped.

use crate::learn::optimize::StepValues;
use datasets::config::RlConfig;
use std::collections::VecDeque;

/// Rounds over which an alarm looks back.
const ALARM_ROUNDS: usize = 10;
/// The standard deviation of the stated confidence stays below this: it has collapsed.
const COLLAPSE_SPREAD: f64 = 0.02;
/// More than this share of the rollouts has no level.
const PARSE_FAILURES_MAX: f64 = 0.2;
/// Accuracy falls by this much below that of the first rounds.
const ACCURACY_LOSS_MAX: f64 = 0.1;

/// Watches the values of each round.
pub struct Alarms {
    recent: VecDeque<StepValues>,
    first_accuracy: Option<f64>,
    divergence_max: f64,
    /// The last alarm told, so that it is not told at every round.
    last: Option<Alarm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alarm {
    ParseFailures,
    Collapse,
    AccuracyLoss,
    Divergence,
}

impl Alarms {
    pub fn new(config: &RlConfig) -> Self {
        Alarms {
            recent: VecDeque::new(),
            first_accuracy: None,
            divergence_max: config.kl_alarm,
            last: None,
        }
    }

    /// A sentence, where something begins to be wrong.
    pub fn look(&mut self, values: &StepValues) -> Option<String> {
        self.recent.push_back(values.clone());
        if self.recent.len() < ALARM_ROUNDS {
            return None;
        }
        let mean = |name: &str| {
            let of_name = self.recent.iter().flatten().filter(|value| value.0 == name);
            let (sum, count) =
                of_name.fold((0.0, 0), |(sum, count), value| (sum + value.1, count + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        let failures = mean("parse_failures").unwrap_or(0.0);
        let spread = mean("confidence_spread");
        let accuracy = mean("accuracy").unwrap_or(0.0);
        let divergence = mean("kl").unwrap_or(0.0);
        let first = *self.first_accuracy.get_or_insert(accuracy);
        self.recent.pop_front();
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
        if alarm == self.last {
            return None;
        }
        self.last = alarm;
        sentence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms_of(rounds: &[StepValues]) -> Vec<String> {
        let mut alarms = Alarms::new(&RlConfig::default());
        rounds
            .iter()
            .filter_map(|round| alarms.look(round))
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
}
