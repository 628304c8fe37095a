//! The teacher that is a model: it reads one response of each cluster and says in the first person what
//! the model is unsure of (the paper's section 3.1).

use crate::endpoint::chat::Choice;
use crate::endpoint::{Endpoint, Unanswered};
use crate::stages::sample::seed_of;
use calibration::parse;
use calibration::random::Random;
use datasets::config::RationalizeConfig;
use datasets::prompts::{Message, Prompt};
use datasets::record::FinishReason;
use datasets::{Clustering, Question, Rationale, Sample};
use std::sync::atomic::AtomicBool;

/// The prompt that it is given.
const PROMPT: &str = "rationale-teacher";
/// Clusters that it is shown, the largest; at a high temperature a question may have as many as samples.
const PICKS_MAX: usize = 20;
/// Characters of a response that it is shown.
const PICK_CHARACTERS_MAX: usize = 1_500;
/// Tokens of an answer.
const TOKENS_MAX: usize = 256;
/// Words of a rationale, and its sentences.
const WORDS_MAX: usize = 120;
const SENTENCES_MAX: usize = 3;

/// A model behind an endpoint that writes rationales.
pub struct Teacher {
    endpoint: Endpoint,
    prompt: Prompt,
    prompt_sha256: String,
}

/// What the teacher is asked about one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    pub id: String,
    pub question: String,
    messages: Vec<Message>,
    /// The question and the picks, in which numbers may stand that a rationale repeats.
    shown: String,
    seed: u64,
}

impl Teacher {
    /// # Errors
    /// Bad use (exit code 2): a teacher that is a model, without an endpoint.
    pub fn new(config: &RationalizeConfig) -> anyhow::Result<Self> {
        let endpoint = config.endpoint.as_ref().ok_or_else(|| {
            crate::error::bad_use(format!(
                "the teacher {:?} is a model and needs its --endpoint; without one use {}",
                config.teacher,
                super::rationalize::EXTRACTIVE
            ))
        })?;
        let prompt = datasets::prompts::builtin(PROMPT)
            .ok_or_else(|| anyhow::anyhow!("no prompt {PROMPT}"))?;
        Ok(Teacher {
            endpoint: Endpoint::new(endpoint, &config.teacher)?,
            prompt_sha256: prompt.sha256(),
            prompt,
        })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The question, one response of each of its largest clusters, drawn with the seed, with the
    /// cluster's share, and the gold answer.
    pub fn lesson(
        &self,
        question: &Question,
        record: &Clustering,
        samples: &[Sample],
        seed: u64,
    ) -> anyhow::Result<Lesson> {
        let seed = seed_of(seed, &record.id, 0);
        let mut random = Random::new(seed);
        let mut shown = question.question.clone();
        let mut picks: Vec<String> = Vec::new();
        for cluster in record.clusters.iter().take(PICKS_MAX) {
            let drawn = random.below(u32::try_from(cluster.members.len())?) as usize;
            let response = cluster.members.get(drawn).and_then(|index| {
                let sample = samples.iter().find(|sample| sample.index == *index)?;
                Some(one_line(&sample.response))
            });
            let pick = response.unwrap_or_else(|| cluster.answer.clone());
            let pick: String = pick.chars().take(PICK_CHARACTERS_MAX).collect();
            shown.push('\n');
            shown.push_str(&pick);
            picks.push(format!("- ({:.0}%) {pick}", 100.0 * cluster.share));
        }
        let left_out = record.clusters.len().saturating_sub(PICKS_MAX);
        if left_out > 0 {
            picks.push(format!("- ({left_out} smaller groups are not shown.)"));
        }
        let gold = question.answers.first().map_or("", String::as_str);
        let messages = self.prompt.render(&[
            ("question", &question.question),
            ("picks", &picks.join("\n")),
            ("gold", gold),
        ])?;
        Ok(Lesson {
            id: record.id.clone(),
            question: record.question.clone(),
            messages,
            shown,
            seed,
        })
    }

    /// Asks until the rationale is one.
    pub fn rationale(&self, lesson: &Lesson, ended: &AtomicBool) -> Result<Rationale, Unanswered> {
        let check = |choice: &Choice| match choice.finish_reason {
            FinishReason::Length => Err(format!("expected at most {TOKENS_MAX} tokens")),
            FinishReason::EndOfTurn | FinishReason::Stop => checked(&choice.text, &lesson.shown),
        };
        let rationale =
            self.endpoint
                .chat_checked(&lesson.messages, TOKENS_MAX, lesson.seed, ended, &check)?;
        Ok(Rationale {
            id: lesson.id.clone(),
            question: lesson.question.clone(),
            rationale,
            teacher: self.endpoint.model().to_owned(),
            prompt_sha256: Some(self.prompt_sha256.clone()),
        })
    }
}

/// A teacher's answer as a rationale: on one line, without quotation marks and label.
///
/// # Errors
/// What was expected of it: one to three sentences in the first person, without a number for the
/// confidence that does not stand in `shown`, and without the labels of a response.
fn checked(answer: &str, shown: &str) -> Result<String, String> {
    let line = one_line(answer);
    let mut text = line.trim_matches(['"', '“', '”', '*', ' ']);
    for label in ["Reason:", "Rationale:", "Self-reflection:"] {
        let head = text.get(..label.len()).unwrap_or_default();
        if head.eq_ignore_ascii_case(label) {
            text = text[label.len()..].trim_matches(['"', '“', '”', '*', ' ']);
        }
    }
    let expected = |what: &str| Err(format!("expected {what}"));
    if text.is_empty() {
        return expected("a rationale, found nothing");
    }
    // They would be read as parts of the response that is taught.
    let parsed = parse::response(text);
    let has_label = parsed.answer.is_some()
        || parsed.rationale.is_some()
        || parsed.failure != Some(parse::ParseFailure::Missing);
    if has_label {
        return expected("a rationale alone, without Answer:, Confidence: and Self-reflection:");
    }
    if text.split_whitespace().count() > WORDS_MAX {
        return expected(&format!("at most {WORDS_MAX} words"));
    }
    let sentences = sentences(text);
    if sentences > SENTENCES_MAX {
        return expected(&format!(
            "at most {SENTENCES_MAX} sentences, found {sentences}"
        ));
    }
    if !is_first_person(text) {
        return expected("the first person");
    }
    match confidence_number(text, shown) {
        Some(number) => expected(&format!("no number for the confidence, found {number:?}")),
        None => Ok(text.to_owned()),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words that end in `.`, `!` or `?` before a word with a capital, or at the end. An initial ("J. Smith")
/// ends none.
fn sentences(text: &str) -> usize {
    let words: Vec<&str> = text.split(' ').collect();
    let ends = words.windows(2).filter(|pair| {
        let bare = pair[0].trim_end_matches(['"', '”', ')', '\'']);
        let is_initial = bare.chars().count() <= 2;
        bare.ends_with(['.', '!', '?'])
            && !is_initial
            && pair[1]
                .chars()
                .find(|c| c.is_alphanumeric())
                .is_some_and(char::is_uppercase)
    });
    ends.count() + 1
}

fn is_first_person(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| matches!(word, "I" | "me" | "my" | "My" | "mine" | "Mine" | "myself"))
}

/// A number that tells a confidence or a share: `70%`, `70 percent`, `7/10`, `7 out of 10`; unless it stands
/// in `shown` as well, as a fact does.
fn confidence_number(text: &str, shown: &str) -> Option<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let bare = |word: &str| {
        word.trim_matches(|c: char| !c.is_alphanumeric() && c != '%' && c != '/')
            .to_lowercase()
    };
    let is_number = |text: &str| {
        !text.is_empty()
            && text.chars().any(|c| c.is_ascii_digit())
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '–'))
    };
    let is_scale = |text: &str| matches!(text, "10" | "100" | "ten");
    for (at, word) in words.iter().enumerate() {
        let word = bare(word);
        let next = |ahead: usize| {
            words
                .get(at + ahead)
                .map(|word| bare(word))
                .unwrap_or_default()
        };
        let share = word.strip_suffix('%').is_some_and(is_number);
        let of_ten = word
            .split_once('/')
            .is_some_and(|(number, scale)| is_number(number) && is_scale(scale));
        let (length, is_told) = if share || of_ten {
            (1, true)
        } else if is_number(&word) && matches!(next(1).as_str(), "%" | "percent") {
            (2, true)
        } else if is_number(&word) && next(1) == "out" && next(2) == "of" {
            (4, is_scale(&next(3)))
        } else {
            continue;
        };
        let told = words[at..(at + length).min(words.len())].join(" ");
        let told = told.trim_matches(|c: char| !c.is_alphanumeric() && c != '%');
        if is_told && !shown.contains(told) {
            return Some(told.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rationale_is_taken_without_its_wrapping() {
        let plain = "I am not sure whether it is Canberra or Sydney. I mix up the capital and the largest city.";
        for answer in [
            plain.to_owned(),
            format!("\"{plain}\"\n"),
            format!("Reason: {plain}"),
            format!("  **Self-reflection:** {plain}"),
        ] {
            assert_eq!(checked(&answer, "").as_deref(), Ok(plain), "{answer}");
        }
        assert!(
            checked(
                "I mix up J. S. Bach and C. Bach, and U.S. and U.K. dates.",
                ""
            )
            .is_ok()
        );
    }

    #[test]
    fn what_is_no_rationale_is_told() {
        for (answer, expected) in [
            ("", "nothing"),
            ("\"\"", "nothing"),
            ("The model wavers between two cities.", "first person"),
            ("I doubt it. I do. I must say. I really do.", "3 sentences"),
            ("I am unsure. Confidence: 4", "Confidence:"),
            ("Answer: Sydney, I think.", "Answer:"),
            ("I am 70% sure that it is Sydney.", "70%"),
            ("I am 70 percent sure of it.", "70 percent"),
            ("I would give this a 7/10.", "7/10"),
            ("I am right 7 out of 10 times.", "7 out of 10"),
        ] {
            let error = checked(answer, "").unwrap_err();
            assert!(error.contains(expected), "{answer}: {error}");
        }
        let long = format!("I {}", "doubt ".repeat(200));
        assert!(checked(&long, "").unwrap_err().contains("120 words"));
    }

    #[test]
    fn numbers_that_are_facts_may_be_named() {
        assert!(checked("I waver between 1969 and 1971, and 7 out of 12 moons.", "").is_ok());
        let shown = "What share of air is oxygen?\n21%\n78%";
        let text = "I am unsure whether oxygen is 21% or 78% of the air.";
        assert!(checked(text, shown).is_ok());
        assert!(checked(text, "").is_err());
    }
}
