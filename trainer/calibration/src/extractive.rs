//! The extractive teacher: why the model is unsure, written from its own clusters, without a model.

use crate::indirect_question::indirect_question;

/// Answers that a sentence names.
const NAMED_MAX: usize = 3;
/// Words of an answer that are shown.
const ANSWER_WORDS_MAX: usize = 12;

/// A group of samples that say the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster<'a> {
    /// What stands for the group; empty where its samples give no answer.
    pub answer: &'a str,
    /// How many they are.
    pub samples: usize,
    /// Of all samples of the question, 0..=1.
    pub share: f64,
}

/// Says in the first person, in one sentence, what the samples disagree on.
///
/// It names answers and their shares, never a confidence. `clusters`: largest first.
///
/// ```
/// use calibration::extractive::{Cluster, rationale};
/// let clusters = [
///     Cluster { answer: "Canberra", samples: 7, share: 0.7 },
///     Cluster { answer: "Sydney", samples: 3, share: 0.3 },
/// ];
/// assert_eq!(
///     rationale("Which city is the capital of Australia?", &clusters),
///     "Most of my answers say Canberra (70%), but some say Sydney (30%): \
///      I am not certain which city is the capital of Australia."
/// );
/// ```
pub fn rationale(question: &str, clusters: &[Cluster<'_>]) -> String {
    let indirect = indirect_question(question);
    let doubt = match &indirect {
        Some(asked) => format!("I am not certain {asked}"),
        None => "I am not certain which is right".to_owned(),
    };
    let named: Vec<&Cluster<'_>> = clusters
        .iter()
        .filter(|cluster| !cluster.answer.trim().is_empty())
        .collect();
    let silent_share: f64 = clusters
        .iter()
        .filter(|cluster| cluster.answer.trim().is_empty())
        .map(|cluster| cluster.share)
        .sum();
    let silence = match silent_share > 0.0 {
        true => format!(", and some give no answer ({})", percent(silent_share)),
        false => String::new(),
    };
    let others = if named.len() > NAMED_MAX {
        " and others"
    } else {
        ""
    };
    match named.as_slice() {
        [] => "None of my attempts gives an answer: I do not know this.".to_owned(),
        [only] if silence.is_empty() => {
            format!(
                "All of my answers say {}: I do not waver on this.",
                shown(only)
            )
        }
        [only] => format!("My answers say {}{silence}: {doubt}.", with_share(only)),
        all if all.len() > 2 && all.iter().all(|cluster| cluster.samples == 1) => {
            let examples: Vec<String> = all
                .iter()
                .take(NAMED_MAX)
                .map(|cluster| shown(cluster))
                .collect();
            let ignorance = match &indirect {
                Some(asked) => format!("I do not know {asked}"),
                None => "I do not know which is right".to_owned(),
            };
            let each = "Each of my answers says something else";
            format!(
                "{each}, such as {}{silence}: {ignorance}.",
                listed(&examples, "and")
            )
        }
        [first, second] if first.samples == second.samples => format!(
            "My answers are split between {} and {}{silence}: {doubt}.",
            with_share(first),
            with_share(second)
        ),
        [first, rest @ ..] if first.share > 0.5 => {
            let rest: Vec<String> = rest
                .iter()
                .take(NAMED_MAX - 1)
                .map(|cluster| with_share(cluster))
                .collect();
            format!(
                "Most of my answers say {}, but some say {}{others}{silence}: {doubt}.",
                with_share(first),
                listed(&rest, "or")
            )
        }
        all => {
            let all: Vec<String> = all
                .iter()
                .take(NAMED_MAX)
                .map(|cluster| with_share(cluster))
                .collect();
            let all = if others.is_empty() {
                listed(&all, "and")
            } else {
                all.join(", ")
            };
            format!("My answers are spread over {all}{others}{silence}: {doubt}.")
        }
    }
}

/// The answer on one line, shortened.
fn shown(cluster: &Cluster<'_>) -> String {
    let words: Vec<&str> = cluster.answer.split_whitespace().collect();
    match words.get(..ANSWER_WORDS_MAX) {
        Some(first) if words.len() > ANSWER_WORDS_MAX => format!("{} …", first.join(" ")),
        _ => words.join(" "),
    }
}

fn with_share(cluster: &Cluster<'_>) -> String {
    format!("{} ({})", shown(cluster), percent(cluster.share))
}

/// A share above 0 and below 1 is never shown as 0% or 100%.
fn percent(share: f64) -> String {
    let percent = (share * 100.0).round();
    let percent = if share < 1.0 {
        percent.min(99.0)
    } else {
        percent
    };
    format!("{}%", percent.max(1.0))
}

fn listed(items: &[String], conjunction: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters<'a>(counts: &[(&'a str, u32)]) -> Vec<Cluster<'a>> {
        let total: u32 = counts.iter().map(|(_, count)| count).sum();
        counts
            .iter()
            .map(|(answer, count)| Cluster {
                answer,
                samples: *count as usize,
                share: f64::from(*count) / f64::from(total),
            })
            .collect()
    }

    #[test]
    fn the_sentence_follows_the_shape_of_the_clusters() {
        let question = "What is the capital of Australia?";
        let told = |counts: &[(&str, u32)]| rationale(question, &clusters(counts));
        let sentences = [
            (
                told(&[("Canberra", 10)]),
                "All of my answers say Canberra: I do not waver on this.",
            ),
            (
                told(&[("Canberra", 6), ("Sydney", 4)]),
                "Most of my answers say Canberra (60%), but some say Sydney (40%): I am not certain what the capital of Australia is.",
            ),
            (
                told(&[("Canberra", 5), ("Sydney", 5)]),
                "My answers are split between Canberra (50%) and Sydney (50%): I am not certain what the capital of Australia is.",
            ),
            (
                told(&[("Canberra", 6), ("Sydney", 2), ("Perth", 2)]),
                "Most of my answers say Canberra (60%), but some say Sydney (20%) or Perth (20%): I am not certain what the capital of Australia is.",
            ),
            (
                told(&[("Canberra", 6), ("Sydney", 2), ("Perth", 1), ("Hobart", 1)]),
                "Most of my answers say Canberra (60%), but some say Sydney (20%) or Perth (10%) and others: I am not certain what the capital of Australia is.",
            ),
            (
                told(&[("Canberra", 4), ("Sydney", 3), ("Perth", 3)]),
                "My answers are spread over Canberra (40%), Sydney (30%) and Perth (30%): I am not certain what the capital of Australia is.",
            ),
            (
                told(&[("Canberra", 3), ("Sydney", 3), ("Perth", 2), ("Hobart", 2)]),
                "My answers are spread over Canberra (30%), Sydney (30%), Perth (20%) and others: I am not certain what the capital of Australia is.",
            ),
            (
                told(&[("Canberra", 1), ("Sydney", 1), ("Perth", 1), ("Hobart", 1)]),
                "Each of my answers says something else, such as Canberra, Sydney and Perth: I do not know what the capital of Australia is.",
            ),
            (
                told(&[("Canberra", 8), ("", 2)]),
                "My answers say Canberra (80%), and some give no answer (20%): I am not certain what the capital of Australia is.",
            ),
            (
                told(&[("Canberra", 5), ("", 3), ("Sydney", 2)]),
                "My answers are spread over Canberra (50%) and Sydney (20%), and some give no answer (30%): I am not certain what the capital of Australia is.",
            ),
            (
                told(&[("", 10)]),
                "None of my attempts gives an answer: I do not know this.",
            ),
            (
                rationale("Name a city.", &clusters(&[("Rome", 999), ("Bari", 1)])),
                "Most of my answers say Rome (99%), but some say Bari (1%): I am not certain which is right.",
            ),
        ];
        for (sentence, expected) in sentences {
            assert_eq!(sentence, expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_answers_give_one_line(answers in proptest::collection::vec((".{0,40}", 1_u32..9), 0..8)) {
            let counts: Vec<(&str, u32)> =
                answers.iter().map(|(answer, count)| (answer.as_str(), *count)).collect();
            let sentence = rationale("Which city is it?", &clusters(&counts));
            proptest::prop_assert!(!sentence.is_empty() && !sentence.contains('\n'));
        }
    }
}
