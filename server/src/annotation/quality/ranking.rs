//! Which method's rationales people prefer.

use super::judged::{Judged, groups};
use super::{Intervals, weighted_mean};
use app::view::{Estimate, RankedMethod};
use calibration::bootstrap::IntervalMethod;
use calibration::faithfulness::bradley_terry::{Comparison, Outcome, strengths_weighted};
use calibration::faithfulness::mean::resample;
use datasets::annotation::{Choice, ItemRationale, ProjectKind};
use std::collections::BTreeMap;

/// Wins given to each side of every two methods that met, where without them a strength is infinite.
const ADDED: f64 = 0.5;

/// The methods, the best first: of pairs by Bradley and Terry's strengths, of single rationales by the mean
/// over items of their mean rating.
pub fn ranking(
    kind: ProjectKind,
    judged: &[Judged<'_>],
    intervals: Intervals,
    remarks: &mut Vec<String>,
) -> Vec<RankedMethod> {
    let rated: Vec<&Judged<'_>> = judged.iter().filter(|one| !one.said.is_empty()).collect();
    let methods = Methods::of(&rated);
    let mut ranking = match kind {
        ProjectKind::Single => by_means(&methods, &rated, intervals),
        ProjectKind::Pairs => by_strengths(&methods, &rated, intervals, remarks),
    };
    ranking.sort_by(|one, other| {
        let order = other.strength.value.total_cmp(&one.strength.value);
        order.then_with(|| one.name.cmp(&other.name))
    });
    ranking
}

/// Whose rationales were rated: evaluations of runs, by number.
struct Methods<'a> {
    /// By run and label.
    numbers: BTreeMap<(&'a str, &'a str), usize>,
    names: Vec<String>,
}

impl<'a> Methods<'a> {
    fn of(rated: &[&Judged<'a>]) -> Methods<'a> {
        let rationales = rated.iter().flat_map(|one| &one.item.rationales);
        let found: BTreeMap<(&str, &str), &str> = rationales
            .map(|one| ((one.run.as_str(), one.label.as_str()), one.method.as_str()))
            .collect();
        let short = |run: &str, method: &str| format!("{method} ({run})");
        let names = found
            .iter()
            .map(|((run, label), method)| {
                let same = found
                    .iter()
                    .filter(|((of_run, _), of)| of_run == run && *of == method);
                match same.count() {
                    1 => short(run, method),
                    // Two evaluations of one method in one run are told apart by their labels.
                    _ => short(&format!("{run}:{label}"), method),
                }
            })
            .collect();
        Methods {
            numbers: found.into_keys().zip(0..).collect(),
            names,
        }
    }

    fn number(&self, rationale: &ItemRationale) -> Option<usize> {
        let key = (rationale.run.as_str(), rationale.label.as_str());
        self.numbers.get(&key).copied()
    }
}

fn by_means(
    methods: &Methods<'_>,
    rated: &[&Judged<'_>],
    intervals: Intervals,
) -> Vec<RankedMethod> {
    let ranked = |(number, name): (usize, &String)| {
        let own: Vec<&Judged<'_>> = rated
            .iter()
            .copied()
            .filter(|one| {
                let first = one.item.rationales.first();
                first.and_then(|rationale| methods.number(rationale)) == Some(number)
            })
            .collect();
        let means: Vec<f64> = own
            .iter()
            .map(|one| one.values().iter().sum::<f64>() / one.said.len() as f64)
            .collect();
        let strength = intervals.estimate(&groups(&own), |weights| {
            weighted_mean(means.iter().copied(), weights)
        })?;
        Some(RankedMethod {
            name: name.clone(),
            strength,
            wins: 0,
            ties: 0,
            losses: 0,
            both_bad: 0,
        })
    };
    methods
        .names
        .iter()
        .enumerate()
        .filter_map(ranked)
        .collect()
}

fn by_strengths(
    methods: &Methods<'_>,
    rated: &[&Judged<'_>],
    intervals: Intervals,
    remarks: &mut Vec<String>,
) -> Vec<RankedMethod> {
    let mut counts = vec![Counts::default(); methods.names.len()];
    let mut compared: Vec<&Judged<'_>> = Vec::new();
    let mut comparisons: Vec<Vec<Comparison>> = Vec::new();
    for one in rated {
        let [first, second] = &one.item.rationales[..] else {
            continue;
        };
        let (Some(first), Some(second)) = (methods.number(first), methods.number(second)) else {
            continue;
        };
        // A method against itself tells nothing of it.
        if first == second {
            continue;
        }
        let choices = one.said.iter().filter_map(|said| said.rating.choice);
        comparisons.push(
            choices
                .map(|choice| {
                    counts[first].add(choice);
                    counts[second].add(choice.turned());
                    Comparison {
                        first,
                        second,
                        outcome: outcome(choice),
                    }
                })
                .collect(),
        );
        compared.push(one);
    }
    if compared.is_empty() {
        return Vec::new();
    }
    let strengths = |weights: &[u32]| {
        let strengths = |added| strengths_weighted(counts.len(), &comparisons, weights, added);
        strengths(0.0).or_else(|| strengths(ADDED))
    };
    let once = vec![1; compared.len()];
    let Some(values) = strengths(&once) else {
        remarks.push(
            "Some methods were never compared, not even by way of others: they cannot be ranked on one scale yet."
                .into(),
        );
        return Vec::new();
    };
    if strengths_weighted(counts.len(), &comparisons, &once, 0.0).is_none() {
        remarks.push(format!(
            "Some methods never lost to some others, so that no finite strength fits: {ADDED} wins were added to each side of every two that met."
        ));
    }
    let resamples = resampled(&groups(&compared), intervals, counts.len(), strengths);
    let ranked = |method: usize| RankedMethod {
        name: methods.names[method].clone(),
        strength: Estimate {
            value: values[method],
            interval: IntervalMethod::Percentile.interval(
                values[method],
                values[method],
                &resamples[method],
            ),
            n: counts[method].all(),
        },
        wins: counts[method].wins,
        ties: counts[method].ties,
        losses: counts[method].losses,
        both_bad: counts[method].both_bad,
    };
    (0..counts.len()).map(ranked).collect()
}

/// The strengths of each method in each resample; NaN where there are none.
fn resampled(
    groups: &[Option<u32>],
    intervals: Intervals,
    methods: usize,
    strengths: impl Fn(&[u32]) -> Option<Vec<f64>>,
) -> Vec<Vec<f64>> {
    let bootstraps = intervals.draws(groups);
    let kept = std::cell::RefCell::new(vec![Vec::with_capacity(bootstraps); methods]);
    resample(groups, bootstraps, intervals.seed, |weights| {
        let found = strengths(weights).unwrap_or_else(|| vec![f64::NAN; methods]);
        for (of_method, value) in kept.borrow_mut().iter_mut().zip(&found) {
            of_method.push(*value);
        }
        0.0
    });
    kept.into_inner()
}

/// Neither is better where both are bad: that is a tie too.
fn outcome(choice: Choice) -> Outcome {
    match choice {
        Choice::Left => Outcome::First,
        Choice::Right => Outcome::Second,
        Choice::Tie | Choice::BothBad => Outcome::Tie,
    }
}

#[derive(Clone, Copy, Default)]
struct Counts {
    wins: u64,
    ties: u64,
    losses: u64,
    both_bad: u64,
}

impl Counts {
    /// A choice as seen from the side of this method: `left` is itself.
    fn add(&mut self, choice: Choice) {
        let count = match choice {
            Choice::Left => &mut self.wins,
            Choice::Right => &mut self.losses,
            Choice::Tie => &mut self.ties,
            Choice::BothBad => &mut self.both_bad,
        };
        *count += 1;
    }

    fn all(self) -> u64 {
        self.wins + self.ties + self.losses + self.both_bad
    }
}
