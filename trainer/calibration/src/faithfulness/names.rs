//! Faithfulness by names: does a rationale name what the samples waver between, with the right weights?
//!
//! Candidates — all normalised answers, gold and sampled, to questions of the same kind — are looked for
//! in the rationale as runs of whole words, the longest at each place. Then
//!
//! ```text
//! recall       = Σ shares of the clusters that are named
//! precision    = named candidates that are clusters / named candidates
//! weight error = mean |stated share − share| over named clusters with a stated share, else 0
//! score        = 10 · F1(recall, precision) · (1 − weight error)
//! ```
//!
//! The judged text must be the model's own: one that was written from the clusters scores 10 by
//! construction.

use crate::judge::normalise;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Words that may stand between a name and the share after it: "Sydney, at about 30%".
const WORDS_TO_SHARE_MAX: usize = 2;
/// Words between a share and the name after it: "30% of my answers say Sydney".
const WORDS_FROM_SHARE_MAX: usize = 8;

/// What may be named, as runs of normalised words.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// First word → the rest of each candidate that begins with it, longest first.
    by_first: HashMap<String, Vec<Vec<String>>>,
    count: usize,
}

impl Candidates {
    /// Answers as they are written; those that normalise to nothing are left out.
    pub fn of<S: AsRef<str>>(answers: impl IntoIterator<Item = S>) -> Candidates {
        let mut seen = HashSet::new();
        let mut candidates = Candidates::default();
        for answer in answers {
            let name = normalise(answer.as_ref());
            if !name.is_empty() && seen.insert(name.clone()) {
                let mut words = name.split(' ').map(str::to_owned);
                if let Some(first) = words.next() {
                    candidates
                        .by_first
                        .entry(first)
                        .or_default()
                        .push(words.collect());
                    candidates.count += 1;
                }
            }
        }
        for rests in candidates.by_first.values_mut() {
            rests.sort_by_key(|rest| std::cmp::Reverse(rest.len()));
        }
        candidates
    }

    /// Different candidates.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Words of the longest candidate that `words` begins with.
    fn longest_at(&self, words: &[Word]) -> Option<usize> {
        let (first, after) = words.split_first()?;
        let rests = self.by_first.get(&first.text)?;
        let stands = |rest: &&Vec<String>| {
            rest.len() <= after.len() && rest.iter().zip(after).all(|(a, b)| *a == b.text)
        };
        rests.iter().find(stands).map(|rest| rest.len() + 1)
    }
}

/// A group of samples, as the measure sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group<'a> {
    pub answer: &'a str,
    /// Of all samples of the question, 0..=1.
    pub share: f64,
}

/// What the measure says of one rationale.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Named {
    /// 0..=10.
    pub score: f64,
    /// 0..=1.
    pub recall: f64,
    /// 0..=1; 0 where nothing is named.
    pub precision: f64,
    /// 0..=1.
    pub weight_error: f64,
    /// What was named, normalised, in alphabetical order.
    pub names: Vec<String>,
}

/// Scores one rationale.
///
/// - `candidates` should hold the clusters' answers too; those that it lacks cannot be named.
/// - `aliases` are the answers that mean the same as one another (the question's golds): to name one is
///   to name the cluster of another.
/// - What stands in `question` is only a name where it is a cluster: "which city of France" repeats the
///   question.
///
/// ```
/// use calibration::faithfulness::names::{Candidates, Group, score};
/// let candidates = Candidates::of(["Canberra", "Sydney", "Perth"]);
/// let groups = [Group { answer: "Canberra", share: 0.6 }, Group { answer: "Sydney", share: 0.4 }];
/// let found = score("Canberra (50%), or Sydney (40%).", &candidates, &groups, &[] as &[&str], "");
/// assert!((found.score - 9.5).abs() < 1e-9);
/// let found = score("I may confuse it with Perth.", &candidates, &groups, &[] as &[&str], "");
/// assert_eq!(found.score, 0.0);
/// ```
pub fn score<A: AsRef<str>>(
    rationale: &str,
    candidates: &Candidates,
    groups: &[Group<'_>],
    aliases: &[A],
    question: &str,
) -> Named {
    let aliases: Vec<String> = aliases
        .iter()
        .map(|alias| normalise(alias.as_ref()))
        .collect();
    let same = |name: String| match aliases.contains(&name) {
        true => aliases[0].clone(),
        false => name,
    };
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    for group in groups {
        let name = normalise(group.answer);
        if !name.is_empty() {
            *shares.entry(same(name)).or_insert(0.0) += group.share;
        }
    }
    let asked = format!(" {} ", normalise(question));
    let mut named: BTreeMap<String, Option<f64>> = BTreeMap::new();
    for mention in mentions(&words(rationale), candidates) {
        let repeats_question = asked.contains(&format!(" {} ", mention.name));
        let name = same(mention.name);
        if repeats_question && !shares.contains_key(&name) {
            continue;
        }
        // The first share that is stated counts.
        let stated = named.entry(name).or_insert(None);
        *stated = stated.or(mention.share);
    }
    let (mut recall, mut right, mut errors) = (0.0, 0_usize, Vec::new());
    for (name, stated) in &named {
        if let Some(share) = shares.get(name) {
            recall += share;
            right += 1;
            errors.extend(stated.map(|stated| (stated - share).abs()));
        }
    }
    let recall = recall.min(1.0);
    let precision = match named.len() {
        0 => 0.0,
        count => right as f64 / count as f64,
    };
    let weight_error = match errors.len() {
        0 => 0.0,
        count => errors.iter().sum::<f64>() / count as f64,
    };
    let f1 = match recall + precision {
        sum if sum > 0.0 => 2.0 * recall * precision / sum,
        _ => 0.0,
    };
    Named {
        score: 10.0 * f1 * (1.0 - weight_error),
        recall,
        precision,
        weight_error,
        names: named.into_keys().collect(),
    }
}

/// A normalised word, or a stated share.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    /// Empty for a share.
    text: String,
    /// 0..=1.
    share: Option<f64>,
    /// Which word of the text it comes from, white space alone parting words.
    pub(super) raw: usize,
}

pub(super) fn words(text: &str) -> Vec<Word> {
    let raw: Vec<&str> = text.split_whitespace().collect();
    let mut words = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let (share, length) = share_at(&raw[at..]);
        if share.is_some() {
            let text = String::new();
            let raw = at;
            words.push(Word { text, share, raw });
            at += length;
            continue;
        }
        let normal = normalise(raw[at]);
        let kept = normal
            .split(' ')
            .filter(|word| !matches!(*word, "" | "a" | "an" | "the"));
        words.extend(kept.map(|word| Word {
            text: word.to_owned(),
            share: None,
            raw: at,
        }));
        at += 1;
    }
    words
}

/// The share that `raw` begins with, 0..=1, and its words: `62%`, `(62%),`, `62 %`, `62 percent`.
fn share_at(raw: &[&str]) -> (Option<f64>, usize) {
    let bare = |word: &str| {
        let is_edge = |c: char| !c.is_alphanumeric() && c != '%';
        word.trim_matches(is_edge).to_lowercase()
    };
    let number = |text: &str| {
        let is_plain = text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let value = text.parse::<f64>().ok().filter(|_| is_plain)?;
        (0.0..=100.0).contains(&value).then_some(value / 100.0)
    };
    let Some(first) = raw.first().map(|word| bare(word)) else {
        return (None, 0);
    };
    if let Some(share) = first.strip_suffix('%').and_then(number) {
        return (Some(share), 1);
    }
    let unit = raw.get(1).map(|word| bare(word));
    match unit.as_deref() {
        Some("%" | "percent" | "per-cent") => (number(&first), 2),
        Some("per") if raw.get(2).is_some_and(|word| bare(word) == "cent") => (number(&first), 3),
        _ => (None, 0),
    }
}

/// A candidate where it stands in a text.
pub(super) struct Mention {
    pub(super) name: String,
    /// First word, and the one after the last.
    pub(super) range: std::ops::Range<usize>,
    share: Option<f64>,
}

pub(super) fn mentions(words: &[Word], candidates: &Candidates) -> Vec<Mention> {
    let mut mentions: Vec<Mention> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match candidates.longest_at(&words[at..]) {
            Some(length) => {
                let texts: Vec<&str> = words[at..at + length]
                    .iter()
                    .map(|word| word.text.as_str())
                    .collect();
                mentions.push(Mention {
                    name: texts.join(" "),
                    range: at..at + length,
                    share: None,
                });
                at += length;
            }
            None => at += 1,
        }
    }
    // A share belongs to the name just before it that has none yet, else to the next one.
    for (place, word) in words.iter().enumerate() {
        let Some(share) = word.share else { continue };
        let before = mentions
            .iter()
            .rposition(|mention| mention.range.end <= place);
        let is_near = |at: &usize| {
            let between = &words[mentions[*at].range.end..place];
            mentions[*at].share.is_none()
                && between.len() <= WORDS_TO_SHARE_MAX
                && between.iter().all(|word| word.share.is_none())
        };
        let after = mentions.iter().position(|mention| {
            mention.range.start > place && mention.range.start - place - 1 <= WORDS_FROM_SHARE_MAX
        });
        if let Some(owner) = before.filter(is_near).or(after) {
            mentions[owner].share = mentions[owner].share.or(Some(share));
        }
    }
    mentions
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: &[&str] = &[];

    fn groups<'a>(of: &[(&'a str, f64)]) -> Vec<Group<'a>> {
        of.iter()
            .map(|&(answer, share)| Group { answer, share })
            .collect()
    }

    fn found(rationale: &str, of: &[(&str, f64)]) -> Named {
        let pool = ["York", "New York", "Boston", "Paris", "the Hague", "U.S.A."];
        let candidates = Candidates::of(pool.iter().copied().chain(of.iter().map(|one| one.0)));
        score(rationale, &candidates, &groups(of), NONE, "")
    }

    #[test]
    fn the_longest_name_at_a_place_counts() {
        let named = found("Perhaps New York.", &[("York", 0.5), ("Boston", 0.5)]);
        assert_eq!(named.names, ["new york"]);
        assert_eq!(
            (named.recall, named.precision, named.score),
            (0.0, 0.0, 0.0)
        );
        let named = found("york or The Hague, USA", &[("York", 0.5), ("Hague", 0.5)]);
        assert_eq!(named.names, ["hague", "usa", "york"]);
        assert_eq!((named.recall, named.precision), (1.0, 2.0 / 3.0));
        assert!((named.score - 8.0).abs() < 1e-12);
    }

    #[test]
    fn a_name_is_a_run_of_whole_words() {
        assert!(
            found("Parisian; Bostonians", &[("Paris", 1.0)])
                .names
                .is_empty()
        );
    }

    #[test]
    fn shares_belong_to_the_name_that_they_stand_with() {
        let truth = [("Paris", 0.6), ("Boston", 0.3), ("York", 0.1)];
        for (rationale, error) in [
            ("Paris (60%), Boston (30%) and York (10%).", 0.0),
            (
                "60% of my answers say Paris, 30% Boston, 10 percent York",
                0.0,
            ),
            ("Paris at about 50%, else Boston", 0.1),
            ("40 % Paris and 40 per cent Boston.", 0.15),
            ("Paris, Boston, York", 0.0),
            (
                "Paris (60%) or Boston (30%), and Paris (0%) again, York",
                0.0,
            ),
        ] {
            let named = found(rationale, &truth);
            assert!(
                (named.weight_error - error).abs() < 1e-9,
                "{rationale}: {named:?}"
            );
        }
    }

    #[test]
    fn golds_are_one_name_and_the_question_is_none() {
        let candidates = Candidates::of(["United States", "USA", "France", "Lyon"]);
        let clusters = groups(&[("USA", 0.7), ("France", 0.3)]);
        let golds = ["United States", "USA"];
        let question = "Which country, other than Lyon's, …?";
        let rationale = "United States, France; Lyon is no country.";
        let named = score(rationale, &candidates, &clusters, &golds, "Where is Lyon?");
        assert_eq!(named.names, ["france", "united states"]);
        assert!((named.score - 10.0).abs() < 1e-12);
        // "Lyon's" is another word.
        let named = score(rationale, &candidates, &clusters, &golds, question);
        assert_eq!(named.precision, 2.0 / 3.0);
    }

    #[test]
    fn empty_answers_cannot_be_named() {
        let named = found("Boston, I think", &[("", 0.5), ("Boston", 0.5)]);
        assert_eq!((named.recall, named.precision), (0.5, 1.0));
        assert!(Candidates::of(["", "…"]).is_empty());
        assert_eq!(Candidates::of(["a", "A", "b"]).len(), 2);
    }

    proptest! {
        /// Naming all clusters with their shares, and nothing else, scores 10.
        #[test]
        fn the_truth_scores_ten(counts in prop::collection::vec(1u32..20, 1..8)) {
            let total: u32 = counts.iter().sum();
            let names: Vec<String> = (0..counts.len()).map(|at| format!("name{at}")).collect();
            let truth: Vec<(&str, f64)> = names.iter().zip(&counts)
                .map(|(name, count)| (name.as_str(), f64::from(*count) / f64::from(total)))
                .collect();
            let said: Vec<String> =
                truth.iter().map(|(name, share)| format!("{name} ({}%)", 100.0 * share)).collect();
            let named = score(&said.join(", "), &Candidates::of(&names), &groups(&truth), NONE, "");
            prop_assert!((named.score - 10.0).abs() < 1e-6, "{:?}", named);
        }

        #[test]
        fn any_text_scores_within_bounds(text in "\\PC{0,80}", share in 0.0f64..=1.0) {
            let truth = [("paris", share), ("rome", 1.0 - share)];
            let candidates = Candidates::of(["paris", "rome", "oslo"]);
            let named = score(&text, &candidates, &groups(&truth), NONE, &text);
            for value in [named.recall, named.precision, named.weight_error, named.score / 10.0] {
                prop_assert!((0.0..=1.0).contains(&value), "{:?}", named);
            }
        }
    }
}
