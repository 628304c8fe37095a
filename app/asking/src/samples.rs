//! Ten answers to one question: what they waver between, and which of a rationale's claims they bear out.

use crate::claims::{Claim, claims};
use calibration::faithfulness::names::{Candidates, Group, score};
use calibration::faithfulness::places::places;
use calibration::judge::normalise;
use calibration::reliability::wilson;
use calibration::{cluster, parse};
use chart::format::percent;
use serde::Serialize;

/// The samples so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Clustered {
    /// Samples that have ended.
    pub samples: usize,
    /// Largest first.
    pub clusters: Vec<Answers>,
    /// The rationale in pieces; empty where there is none.
    pub rationale: Vec<Piece>,
    pub claims: Vec<Checked>,
    /// Sampled answers that the rationale does not name.
    pub left_out: Vec<String>,
    /// All of it in a sentence; absent until every sample has ended, and where there is no rationale.
    pub verdict: Option<String>,
    /// The measure by names, 0 to 10, under the same conditions.
    pub score: Option<f64>,
}

/// Samples that say the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answers {
    /// As it was written first; empty where no answer could be read.
    pub answer: String,
    /// Places of the samples.
    pub members: Vec<usize>,
    /// Of the samples that have ended, 0..=1.
    pub share: f64,
    /// Whether it is the answer that was given when it was asked once.
    pub stated: bool,
    /// Its share as a bar, an SVG: solid where it is the answer that was given.
    pub bar: String,
}

/// A piece of a rationale.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Piece {
    pub text: String,
    pub names: Names,
}

/// What a piece of a rationale names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    Nothing,
    /// An answer that was sampled.
    Sampled,
    /// An answer that was not.
    Unsampled,
}

/// A claim beside the samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    pub name: String,
    /// `62%`, where it says how often.
    pub claimed: Option<String>,
    /// Samples that say it.
    pub sampled: usize,
    pub verdict: Verdict,
}

/// What samples say of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The answer was sampled, and as often as was said, but for what chance explains.
    BorneOut,
    /// It was sampled, but not as often.
    OtherShare,
    /// It was not sampled.
    NotSampled,
}

/// Groups the samples that have ended, and sets a rationale beside them. `wanted` is how many samples
/// there will be.
pub fn clustered(
    texts: &[&str],
    wanted: usize,
    stated: Option<&str>,
    rationale: Option<&str>,
    question: &str,
) -> Clustered {
    let answers: Vec<String> = texts
        .iter()
        .map(|text| {
            parse::response(text)
                .answer
                .or_else(|| parse::bare_answer(text))
                .unwrap_or_default()
        })
        .collect();
    let count = answers.len();
    let share = |members: usize| members as f64 / count.max(1) as f64;
    let stated = stated.map(normalise);
    let clusters: Vec<Answers> = cluster::by_answer(&answers)
        .into_iter()
        .map(|members| {
            let answer = answers[members[0]].clone();
            let is_stated = stated.as_deref() == Some(normalise(&answer).as_str());
            Answers {
                stated: is_stated,
                share: share(members.len()),
                bar: chart::share::svg(share(members.len()), is_stated),
                answer,
                members,
            }
        })
        .collect();
    let is_whole = count > 0 && count >= wanted;
    let Some(rationale) = rationale.filter(|rationale| !rationale.trim().is_empty()) else {
        return Clustered {
            samples: count,
            clusters,
            rationale: Vec::new(),
            claims: Vec::new(),
            left_out: Vec::new(),
            verdict: None,
            score: None,
        };
    };
    let claims = claims(rationale);
    let groups: Vec<Group<'_>> = clusters
        .iter()
        .map(|one| Group {
            answer: &one.answer,
            share: one.share,
        })
        .collect();
    let names = clusters.iter().map(|one| one.answer.as_str());
    let candidates = Candidates::of(names.chain(claims.iter().map(|claim| claim.name.as_str())));
    let none: &[&str] = &[];
    let found = places(rationale, &candidates, &groups, none, question);
    let named: Vec<usize> = found
        .iter()
        .flat_map(|one| one.groups.iter().copied())
        .collect();
    let left_out = clusters
        .iter()
        .enumerate()
        .filter(|(at, one)| !named.contains(at) && !one.answer.is_empty())
        .map(|(_, one)| one.answer.clone())
        .collect();
    let checked: Vec<Checked> = claims
        .iter()
        .map(|claim| check(claim, &clusters, count))
        .collect();
    let score = score(rationale, &candidates, &groups, none, question).score;
    Clustered {
        samples: count,
        rationale: pieces(rationale, &found),
        left_out,
        verdict: is_whole.then(|| verdict(&checked)),
        score: is_whole.then_some(score),
        claims: checked,
        clusters,
    }
}

fn check(claim: &Claim, clusters: &[Answers], count: usize) -> Checked {
    let name = normalise(&claim.name);
    let same = clusters.iter().find(|one| normalise(&one.answer) == name);
    let sampled = same.map_or(0, |one| one.members.len());
    let [low, high] = wilson(sampled as u64, count as u64);
    let is_near = claim
        .share
        .is_none_or(|share| (low..=high).contains(&share));
    Checked {
        name: claim.name.clone(),
        claimed: claim.share.map(percent),
        sampled,
        verdict: match (sampled, is_near) {
            (0, _) => Verdict::NotSampled,
            (_, true) => Verdict::BorneOut,
            (_, false) => Verdict::OtherShare,
        },
    }
}

fn verdict(checked: &[Checked]) -> String {
    let count = |wanted: Verdict| checked.iter().filter(|one| one.verdict == wanted).count();
    let all = checked.len();
    let borne_out = count(Verdict::BorneOut);
    match (all, borne_out) {
        (0, _) => "The self-reflection names no answer that samples could bear out.".to_owned(),
        (1, 1) => "The samples bear out what the self-reflection claims.".to_owned(),
        (1, _) => "The samples do not bear out what the self-reflection claims.".to_owned(),
        (_, _) if borne_out == all => {
            format!("The samples bear out all {all} answers that the self-reflection claims.")
        }
        (_, 0) => format!(
            "The samples bear out none of the {all} answers that the self-reflection claims."
        ),
        _ => format!(
            "The samples bear out {borne_out} of the {all} answers that the self-reflection claims."
        ),
    }
}

fn pieces(rationale: &str, found: &[calibration::faithfulness::places::Named]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut push = |text: &str, names: Names| {
        if !text.is_empty() {
            pieces.push(Piece {
                text: text.to_owned(),
                names,
            });
        }
    };
    let mut end = 0;
    for one in found {
        push(&rationale[end..one.bytes.start], Names::Nothing);
        let names = if one.groups.is_empty() {
            Names::Unsampled
        } else {
            Names::Sampled
        };
        push(&rationale[one.bytes.clone()], names);
        end = one.bytes.end;
    }
    push(&rationale[end..], Names::Nothing);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATIONALE: &str = "Most of my answers say Canberra (60%), but some say Sydney (30%) or Perth (10%): I am not certain what the capital is.";

    #[test]
    fn claims_are_set_beside_the_samples() {
        let mut texts = vec!["Answer: Canberra"; 6];
        texts.extend([
            "Answer: canberra.",
            "Answer: Melbourne",
            "Sydney, I think",
            "",
        ]);
        let found = clustered(
            &texts,
            10,
            Some("Canberra"),
            Some(RATIONALE),
            "What is the capital?",
        );
        let clusters: Vec<_> = found
            .clusters
            .iter()
            .map(|one| (one.answer.as_str(), one.members.len(), one.stated))
            .collect();
        assert_eq!(
            clusters,
            [
                ("Canberra", 7, true),
                ("Melbourne", 1, false),
                ("Sydney", 1, false),
                ("", 1, false)
            ]
        );
        let claims: Vec<_> = found
            .claims
            .iter()
            .map(|one| (one.name.as_str(), one.sampled, one.verdict))
            .collect();
        assert_eq!(
            claims,
            [
                ("Canberra", 7, Verdict::BorneOut),
                ("Sydney", 1, Verdict::BorneOut),
                ("Perth", 0, Verdict::NotSampled),
            ]
        );
        assert_eq!(found.left_out, ["Melbourne"]);
        assert_eq!(
            found.verdict.as_deref(),
            Some("The samples bear out 2 of the 3 answers that the self-reflection claims.")
        );
        let marked: Vec<_> = found
            .rationale
            .iter()
            .filter(|piece| piece.names != Names::Nothing)
            .map(|piece| (piece.text.as_str(), piece.names))
            .collect();
        assert_eq!(
            marked,
            [
                ("Canberra", Names::Sampled),
                ("Sydney", Names::Sampled),
                ("Perth", Names::Unsampled)
            ]
        );
        let whole: String = found
            .rationale
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        assert_eq!(whole, RATIONALE);
    }

    #[test]
    fn nothing_is_judged_before_all_samples_are_there() {
        let found = clustered(&["Answer: Canberra"], 10, None, Some(RATIONALE), "");
        assert_eq!((found.samples, found.verdict, found.score), (1, None, None));
        let found = clustered(&[], 10, None, None, "");
        assert!(found.clusters.is_empty() && found.rationale.is_empty());
    }

    #[test]
    fn another_share_is_told() {
        let texts = vec!["Answer: Perth"; 10];
        let found = clustered(&texts, 10, None, Some(RATIONALE), "");
        assert_eq!(found.claims[2].verdict, Verdict::OtherShare);
        assert_eq!(found.claims[0].verdict, Verdict::NotSampled);
    }
}
