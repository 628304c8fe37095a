//! What can be rated of a project's sources, and what it is spread by.

use super::making::{Candidate, Source};
use datasets::annotation::{ProjectKind, ProjectSpec, Stratum};
use std::collections::HashMap;

/// Something that can be rated: a rationale, or two of one question.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// Whose evidence is shown.
    pub shown: (usize, &'a Candidate),
    /// One, or two in the order of the project's runs.
    pub rated: Vec<(usize, &'a Candidate)>,
    pub stratum: String,
}

impl Offer<'_> {
    pub fn question_id(&self) -> &str {
        &self.shown.1.question_id
    }
}

/// All that can be rated, in the order of the files.
pub fn offers<'a>(
    spec: &ProjectSpec,
    sources: &'a [Source],
    remarks: &mut Vec<String>,
) -> Vec<Offer<'a>> {
    let mut offers = Vec::new();
    if spec.kind == ProjectKind::Single {
        for candidate in sources.iter().take(1).flat_map(|source| &source.candidates) {
            if !candidate.evidence.is_empty() {
                let rated = vec![(0, candidate)];
                offers.push(Offer {
                    shown: (0, candidate),
                    stratum: stratum(spec, &rated, candidate, None),
                    rated,
                });
            }
        }
        return offers;
    }
    let mut differ = 0;
    for first in 0..sources.len() {
        for second in first + 1..sources.len() {
            let of_second: HashMap<&str, &Candidate> = sources[second]
                .candidates
                .iter()
                .map(|candidate| (candidate.question_id.as_str(), candidate))
                .collect();
            for one in &sources[first].candidates {
                let Some(other) = of_second.get(one.question_id.as_str()).copied() else {
                    continue;
                };
                let shown = match (one.evidence.is_empty(), other.evidence.is_empty()) {
                    (false, _) => (first, one),
                    (true, false) => (second, other),
                    (true, true) => continue,
                };
                if !other.evidence.is_empty() && shown.1.evidence != other.evidence {
                    differ += 1;
                }
                let rated = vec![(first, one), (second, other)];
                let pair = (sources.len() > 2).then_some((first, second));
                offers.push(Offer {
                    shown,
                    stratum: stratum(spec, &rated, shown.1, pair),
                    rated,
                });
            }
        }
    }
    if differ > 0 {
        remarks.push(format!(
            "The two sides of {differ} pairs were sampled apart and said other things: the evidence shown is that of the run named first."
        ));
    }
    offers
}

/// What an offer is spread by, in words.
fn stratum(
    spec: &ProjectSpec,
    rated: &[(usize, &Candidate)],
    shown: &Candidate,
    pair: Option<(usize, usize)>,
) -> String {
    let mut words: Vec<String> = pair
        .map(|(first, second)| format!("runs {} and {}", first + 1, second + 1))
        .into_iter()
        .collect();
    for stratum in &spec.stratify {
        words.push(match stratum {
            Stratum::Confidence => {
                let levels: Vec<u32> = rated
                    .iter()
                    .filter_map(|(_, candidate)| candidate.confidence.map(u32::from))
                    .collect();
                let sum: u32 = levels.iter().sum();
                match levels.len() as u32 {
                    0 => "no confidence".into(),
                    // Of a pair the mean, halves upwards.
                    count => format!("confidence {}", (2 * sum + count) / (2 * count)),
                }
            }
            Stratum::Correctness => {
                let right = rated.iter().filter(|(_, candidate)| candidate.correct);
                match (rated.len(), right.count()) {
                    (1, 0) => "wrong",
                    (1, _) => "right",
                    (_, 0) => "both wrong",
                    (_, 1) => "one right",
                    _ => "both right",
                }
                .into()
            }
            Stratum::ClusterCount => match shown.evidence.len() {
                1 => "1 cluster".into(),
                2 => "2 clusters".into(),
                _ => "3 clusters or more".into(),
            },
        });
    }
    match words.is_empty() {
        true => "all".into(),
        false => words.join(" · "),
    }
}
