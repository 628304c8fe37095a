//! SelfReflect (Kirchhof et al., arXiv 2505.20295): does a summary tell as much about the model's other
//! answers as the answers themselves?
//!
//! A word of a held-out answer is masked and a model is asked for it twice: after it gave the summary,
//! and after it gave the other samples. The score of a summary is the mean over words of half the L1
//! distance between the two next-token distributions (softmax at temperature 5): 0 where both tell the
//! same, 1 at most; lower is better.
//!
//! Against the authors' code: a fixed list of English stop words takes the place of their TF-IDF
//! threshold.

/// Logits are divided by this before the softmax, so that not the first token alone decides.
pub const TEMPERATURE: f64 = 5.0;
/// What stands for the masked word.
pub const MASK: &str = "_";

/// An answer with one word masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The answer, [`MASK`] in the word's place.
    pub text: String,
    /// What was masked, with the punctuation that clings to it.
    pub word: String,
}

/// Each word of an answer masked in turn, but stop words; all of them where it has no others. None for
/// an answer without words.
///
/// ```
/// use calibration::faithfulness::self_reflect::masked_words;
/// let masked = masked_words("the Nile river");
/// assert_eq!((masked.len(), masked[0].text.as_str()), (2, "the _ river"));
/// ```
pub fn masked_words(answer: &str) -> Vec<Masked> {
    let words: Vec<&str> = answer.split_whitespace().collect();
    let says_more = words.iter().any(|word| !is_stop_word(word));
    (0..words.len())
        .filter(|&place| !says_more || !is_stop_word(words[place]))
        .map(|place| {
            let mut masked = words.clone();
            masked[place] = MASK;
            Masked {
                text: masked.join(" "),
                word: words[place].to_owned(),
            }
        })
        .collect()
}

/// softmax(logits / [`TEMPERATURE`]); empty for none.
pub fn distribution(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut weights: Vec<f64> = logits
        .iter()
        .map(|logit| (f64::from(logit - max) / TEMPERATURE).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// ½ Σ |p − q| of two distributions over the same tokens: 0 where they are one, 1 where they share
/// nothing.
///
/// # Panics
/// If they are of different lengths.
///
/// ```
/// use calibration::faithfulness::self_reflect::distance;
/// assert_eq!(distance(&[0.5, 0.5, 0.0], &[0.25, 0.5, 0.25]), 0.25);
/// ```
pub fn distance(p: &[f64], q: &[f64]) -> f64 {
    assert_eq!(p.len(), q.len(), "distributions over the same tokens");
    let sum: f64 = p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum();
    (0.5 * sum).min(1.0)
}

/// Whether a word tells nothing about an answer: case-blind, without the punctuation around it.
pub fn is_stop_word(word: &str) -> bool {
    let bare = word
        .trim_matches(|c: char| c.is_ascii_punctuation())
        .to_lowercase();
    STOP_WORDS.binary_search(&bare.as_str()).is_ok()
}

/// English function words, in alphabetical order.
const STOP_WORDS: [&str; 127] = [
    "a", "about", "above", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as",
    "at", "be", "because", "been", "before", "being", "below", "between", "both", "but", "by",
    "can", "could", "did", "do", "does", "doing", "down", "during", "each", "few", "for", "from",
    "further", "had", "has", "have", "having", "he", "her", "here", "hers", "him", "his", "how",
    "i", "if", "in", "into", "is", "it", "its", "itself", "just", "may", "me", "might", "more",
    "most", "must", "my", "myself", "no", "nor", "not", "now", "of", "off", "on", "once", "only",
    "or", "other", "our", "ours", "out", "over", "own", "same", "shall", "she", "should", "so",
    "some", "such", "than", "that", "the", "their", "theirs", "them", "then", "there", "these",
    "they", "this", "those", "through", "to", "too", "under", "until", "up", "us", "very", "was",
    "we", "were", "what", "when", "where", "which", "while", "who", "whom", "why", "will", "with",
    "would", "yes", "you", "your", "yours", "yourself",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stop_words_are_sorted_so_that_they_are_found() {
        assert!(STOP_WORDS.is_sorted());
        assert!(is_stop_word("The,") && !is_stop_word("Nile"));
    }

    #[test]
    fn words_that_tell_are_masked_one_by_one() {
        let texts = |answer: &str| -> Vec<String> {
            masked_words(answer)
                .into_iter()
                .map(|masked| masked.text)
                .collect()
        };
        assert_eq!(
            texts("the Bay of Fundy."),
            ["the _ of Fundy.", "the Bay of _"]
        );
        assert_eq!(texts("it is"), ["_ is", "it _"]);
        assert!(texts(" \n").is_empty());
        assert_eq!(masked_words("3.14, or so")[0].word, "3.14,");
    }

    #[test]
    fn a_temperature_of_five_flattens() {
        let p = distribution(&[5.0, 0.0]);
        assert!((p[0] / p[1] - std::f64::consts::E).abs() < 1e-6);
        assert!(distribution(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn distances_are_those_of_a_metric(
            a in prop::collection::vec(-20.0f32..20.0, 6),
            b in prop::collection::vec(-20.0f32..20.0, 6),
            c in prop::collection::vec(-20.0f32..20.0, 6),
        ) {
            let [p, q, r] = [&a, &b, &c].map(|logits| distribution(logits));
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert_eq!(distance(&p, &p), 0.0);
            prop_assert_eq!(distance(&p, &q), distance(&q, &p));
            prop_assert!((0.0..=1.0).contains(&distance(&p, &q)));
            prop_assert!(distance(&p, &r) <= distance(&p, &q) + distance(&q, &r) + 1e-12);
        }
    }
}
