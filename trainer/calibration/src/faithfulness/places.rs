//! Where a rationale names what: the words behind [`names::score`](super::names::score), to be marked
//! for a reader.

use super::names::{Candidates, Group, mentions, words};
use crate::judge::normalise;
use std::ops::Range;

/// A name where it stands in a rationale.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Bytes of the rationale: from the first letter of the name's first word to the last letter of its
    /// last.
    pub bytes: Range<usize>,
    /// Normalised.
    pub name: String,
    /// The places in `groups` of the clusters that are named, since those of a gold answer and of its
    /// alias are one name; empty where it is no cluster, that is, invented.
    pub groups: Vec<usize>,
}

/// The names in a rationale, in their order; arguments as those of
/// [`names::score`](super::names::score), which counts exactly these.
///
/// ```
/// use calibration::faithfulness::{names::{Candidates, Group}, places::places};
/// let candidates = Candidates::of(["Canberra", "Sydney", "Perth"]);
/// let groups = [Group { answer: "Canberra", share: 1.0 }];
/// let text = "Canberra (50%), or Perth.";
/// let found = places(text, &candidates, &groups, &[] as &[&str], "");
/// assert_eq!((&text[found[0].bytes.clone()], &found[0].groups[..]), ("Canberra", &[0][..]));
/// assert_eq!((&text[found[1].bytes.clone()], &found[1].groups[..]), ("Perth", &[][..]));
/// ```
pub fn places<A: AsRef<str>>(
    rationale: &str,
    candidates: &Candidates,
    groups: &[Group<'_>],
    aliases: &[A],
    question: &str,
) -> Vec<Named> {
    let aliases: Vec<String> = aliases
        .iter()
        .map(|alias| normalise(alias.as_ref()))
        .collect();
    let same = |left: &str, right: &str| {
        left == right
            || (aliases.iter().any(|alias| alias == left)
                && aliases.iter().any(|alias| alias == right))
    };
    let answers: Vec<String> = groups.iter().map(|group| normalise(group.answer)).collect();
    let asked = format!(" {} ", normalise(question));
    let raw: Vec<Range<usize>> = raw_words(rationale);
    let words = words(rationale);
    let mut named: Vec<Named> = Vec::new();
    for mention in mentions(&words, candidates) {
        let groups: Vec<usize> = (0..answers.len())
            .filter(|place| !answers[*place].is_empty() && same(&answers[*place], &mention.name))
            .collect();
        if groups.is_empty() && asked.contains(&format!(" {} ", mention.name)) {
            continue;
        }
        let (Some(first), Some(last)) = (
            words.get(mention.range.start),
            words.get(mention.range.end.saturating_sub(1)),
        ) else {
            continue;
        };
        let end = named.last().map_or(0, |before| before.bytes.end);
        if let (Some(first), Some(last)) = (raw.get(first.raw), raw.get(last.raw))
            // One word of the text can normalise to several; it is marked once.
            && first.start >= end
        {
            named.push(Named {
                bytes: first.start..last.end,
                name: mention.name,
                groups,
            });
        }
    }
    named
}

/// The words that white space parts, each without the punctuation about it.
fn raw_words(text: &str) -> Vec<Range<usize>> {
    let is_letter = |character: char| character.is_alphanumeric();
    text.split_whitespace()
        .map(|word| {
            // `word` is a slice of `text`: its place is what lies between their starts.
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            let first = word.find(is_letter).unwrap_or(0);
            let end = word
                .char_indices()
                .rfind(|(_, character)| is_letter(*character))
                .map_or(word.len(), |(at, character)| at + character.len_utf8());
            start + first..start + end
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faithfulness::names::score;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn marks_hold_whole_names_without_punctuation() {
        let candidates = Candidates::of(["New York", "USA", "Boston"]);
        let groups = [
            Group {
                answer: "New York",
                share: 0.5,
            },
            Group {
                answer: "United States",
                share: 0.5,
            },
        ];
        let text = "“New   York”, (U.S.A.), perhaps Boston…";
        let marked: Vec<(&str, Vec<usize>)> = places(
            text,
            &candidates,
            &groups,
            &["USA", "United States"],
            "Where is Boston?",
        )
        .into_iter()
        .map(|named| (&text[named.bytes], named.groups))
        .collect();
        assert_eq!(marked, [("New   York", vec![0]), ("U.S.A", vec![1])]);
    }

    proptest! {
        /// What is marked is what the measure counts, whatever the text.
        #[test]
        fn marks_are_the_names_that_are_scored(
            text in "(paris|rome|oslo|the|New York|\\(30%\\)|[ ,.]|\\PC){0,20}",
            question in "(paris|oslo| ){0,3}",
        ) {
            let candidates = Candidates::of(["paris", "rome", "oslo", "New York"]);
            let groups = [Group { answer: "Paris", share: 0.6 }, Group { answer: "New York", share: 0.4 }];
            let marked = places(&text, &candidates, &groups, &[] as &[&str], &question);
            let mut end = 0;
            for named in &marked {
                prop_assert!(named.bytes.start >= end && text.get(named.bytes.clone()).is_some());
                end = named.bytes.end;
            }
            let names: BTreeSet<String> = marked.into_iter().map(|named| named.name).collect();
            let scored = score(&text, &candidates, &groups, &[] as &[&str], &question);
            prop_assert_eq!(names.into_iter().collect::<Vec<_>>(), scored.names);
        }
    }
}
