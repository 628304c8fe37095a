//! The words in which two texts differ.

use serde::{Deserialize, Serialize};

/// Words of a text that is compared at most; a table of so many words squared is filled.
pub const WORDS_MAX: usize = 500;

/// A stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stretch {
    pub text: String,
    /// Whether the other text does not have it here.
    pub differs: bool,
}

/// Both texts as stretches that follow one another without a gap: those that differ, and those that
/// stand in both in the same order (a longest common sequence of words). Where either has more than
/// [`WORDS_MAX`] words, each text is one stretch, unmarked.
///
/// ```
/// let (before, after) = comparison::words::marked("I waver a lot", "I never waver");
/// let differs = |side: &[comparison::words::Stretch]| -> Vec<String> {
///     side.iter().filter(|one| one.differs).map(|one| one.text.clone()).collect()
/// };
/// assert_eq!(differs(&before), ["a lot"]);
/// assert_eq!(differs(&after), ["never "]);
/// ```
pub fn marked(before: &str, after: &str) -> (Vec<Stretch>, Vec<Stretch>) {
    let (left, right) = (words(before), words(after));
    if left.len() > WORDS_MAX || right.len() > WORDS_MAX {
        return (unmarked(before), unmarked(after));
    }
    let (in_left, in_right) = common(&left, &right);
    (stretches(&left, &in_left), stretches(&right, &in_right))
}

/// The whole text as one stretch; none of an empty one.
pub fn unmarked(text: &str) -> Vec<Stretch> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![Stretch {
        text: text.to_owned(),
        differs: false,
    }]
}

/// Words with the white space that follows them.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut in_space) = (0, false);
    for (at, character) in text.char_indices() {
        let is_space = character.is_whitespace();
        if in_space && !is_space {
            words.push(&text[start..at]);
            start = at;
        }
        in_space = is_space;
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

/// Of each word, whether it belongs to a longest common sequence.
fn common(left: &[&str], right: &[&str]) -> (Vec<bool>, Vec<bool>) {
    let same = |at: usize, other: usize| left[at].trim_end() == right[other].trim_end();
    let width = right.len() + 1;
    // lengths[at * width + other]: of the longest common sequence of left[at..] and right[other..].
    let mut lengths = vec![0_u16; (left.len() + 1) * width];
    for at in (0..left.len()).rev() {
        for other in (0..right.len()).rev() {
            lengths[at * width + other] = if same(at, other) {
                lengths[(at + 1) * width + other + 1] + 1
            } else {
                lengths[(at + 1) * width + other].max(lengths[at * width + other + 1])
            };
        }
    }
    let (mut in_left, mut in_right) = (vec![false; left.len()], vec![false; right.len()]);
    let (mut at, mut other) = (0, 0);
    while at < left.len() && other < right.len() {
        if same(at, other) {
            in_left[at] = true;
            in_right[other] = true;
            at += 1;
            other += 1;
        } else if lengths[(at + 1) * width + other] >= lengths[at * width + other + 1] {
            at += 1;
        } else {
            other += 1;
        }
    }
    (in_left, in_right)
}

fn stretches(words: &[&str], in_common: &[bool]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (word, is_common) in words.iter().zip(in_common) {
        match stretches.last_mut() {
            Some(last) if last.differs != *is_common => last.text.push_str(word),
            _ => stretches.push(Stretch {
                text: (*word).to_owned(),
                differs: !is_common,
            }),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(side: &[Stretch]) -> String {
        side.iter().map(|one| one.text.as_str()).collect()
    }

    #[test]
    fn texts_stay_whole_and_what_differs_is_marked() {
        let (one, other) = (
            "  I waver between Canberra and Sydney.\n",
            "I am sure: Canberra, not Sydney.",
        );
        let (before, after) = marked(one, other);
        assert_eq!(
            (whole(&before).as_str(), whole(&after).as_str()),
            (one, other)
        );
        let differing: Vec<&str> = after
            .iter()
            .filter(|one| one.differs)
            .map(|one| one.text.as_str())
            .collect();
        assert_eq!(differing, ["am sure: Canberra, not "]);
        let (same, _) = marked(one, one);
        assert!(same.iter().all(|one| !one.differs));
        assert_eq!(marked("", ""), (Vec::new(), Vec::new()));
        let (nothing, all) = marked("", "new words");
        assert!(nothing.is_empty() && all[0].differs);
    }

    #[test]
    fn long_texts_are_left_unmarked() {
        let long = "word ".repeat(WORDS_MAX + 1);
        let (before, after) = marked(&long, "word");
        assert_eq!((before.len(), before[0].differs), (1, false));
        assert!(!after[0].differs);
    }
}
