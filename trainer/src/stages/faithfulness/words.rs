//! SelfReflect (arXiv 2505.20295): masked words of held-out answers, asked for after a rationale and
//! after the other answers.

use crate::learn::prompt_tokens;
use calibration::faithfulness::self_reflect::{Masked, distance, distribution, masked_words};
use datasets::prompts::{Message, Prompt};
use model::{Continuation, Decoder, Tokenizer};
use std::collections::BTreeMap;

/// Different masked words of a question at most: more tell little more, and cost as much as the first.
pub const WORDS_MAX: usize = 256;
/// Words whose distributions stand in memory at once; each token's is as long as the vocabulary.
const WORDS_AT_ONCE: usize = 16;

/// A conversation that asks for a masked word, and the word.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub messages: Vec<Message>,
    pub word: String,
}

/// A model that tells what it expects next.
pub trait WordReader {
    /// P(token) before each token of each word: the word's tokens, then the vocabulary; or why the
    /// conversations cannot be read, such as that they are too long.
    ///
    /// # Errors
    /// Of the model.
    fn read(&self, asked: &[Asked]) -> anyhow::Result<Result<Vec<Vec<Vec<f64>>>, String>>;
}

/// A model in this process.
pub struct LocalWordReader {
    pub decoder: Decoder,
    pub tokenizer: Tokenizer,
}

impl WordReader for LocalWordReader {
    fn read(&self, asked: &[Asked]) -> anyhow::Result<Result<Vec<Vec<Vec<f64>>>, String>> {
        let tokens_max = self.decoder.config().context;
        let mut continuations = Vec::with_capacity(asked.len());
        for one in asked {
            let context = prompt_tokens(&self.tokenizer, &one.messages)?;
            let tokens = self.tokenizer.encode(&one.word, false)?;
            let length = context.len() + tokens.len();
            if length > tokens_max {
                return Ok(Err(format!(
                    "its answers take {length} tokens, the model reads {tokens_max}"
                )));
            }
            continuations.push(Continuation { context, tokens });
        }
        let logits = model::continuation_logits(&self.decoder, &continuations)?;
        Ok(Ok(logits
            .iter()
            .map(|of_word| of_word.iter().map(|row| distribution(row)).collect())
            .collect()))
    }
}

/// The prompts that SelfReflect asks by.
#[derive(Clone, Debug)]
pub struct Prompts {
    /// Asks for many answers: the places `question` and `count`.
    pub answers: Prompt,
    /// Asks for the word: the places `basis` and `masked`.
    pub word: Prompt,
}

/// What one question's samples say.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    pub question: &'a str,
    /// Those whose words are masked.
    pub held_out: &'a [String],
    /// The others, which a good rationale tells as much as.
    pub others: &'a [String],
}

/// The scores of texts, in order, each 0..=1 and lower is better, with the number of masked words; or why
/// there is none.
///
/// # Errors
/// Of the model.
pub fn self_reflect(
    reader: &dyn WordReader,
    prompts: &Prompts,
    answers: Answers<'_>,
    texts: &[&str],
) -> anyhow::Result<Result<(Vec<f64>, usize), String>> {
    // The same word of the same answer counts as often as it is there, and is asked for once.
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for answer in answers.held_out {
        for Masked { text, word } in masked_words(answer) {
            *counts.entry((text, word)).or_insert(0) += 1;
        }
    }
    if counts.is_empty() || answers.others.is_empty() {
        return Ok(Err("too few samples have an answer".into()));
    }
    let words: Vec<((String, String), u32)> = counts.into_iter().take(WORDS_MAX).collect();
    let evidence = conversation_of_samples(prompts, answers)?;
    let talks: Vec<Vec<Message>> = texts
        .iter()
        .map(|text| {
            vec![
                Message::user(answers.question),
                Message::assistant(text.trim()),
            ]
        })
        .collect();
    let mut sums = vec![0.0; texts.len()];
    let mut places = 0.0;
    for part in words.chunks(WORDS_AT_ONCE) {
        let of_samples = match reader.read(&ask_for(part, &evidence, "the answers", prompts)?)? {
            Ok(read) => read,
            Err(reason) => return Ok(Err(reason)),
        };
        for ((_, count), read) in part.iter().zip(&of_samples) {
            places += f64::from(*count) * read.len() as f64;
        }
        for (talk, sum) in talks.iter().zip(&mut sums) {
            let of_text = match reader.read(&ask_for(part, talk, "the answer", prompts)?)? {
                Ok(read) => read,
                Err(reason) => return Ok(Err(reason)),
            };
            for (((_, count), a), b) in part.iter().zip(&of_samples).zip(&of_text) {
                let apart: f64 = a.iter().zip(b).map(|(p, q)| distance(p, q)).sum();
                *sum += f64::from(*count) * apart;
            }
        }
    }
    if places == 0.0 {
        return Ok(Err("the held-out answers have no token".into()));
    }
    let scores = sums.into_iter().map(|sum| sum / places).collect();
    Ok(Ok((scores, words.len())))
}

/// The question for many answers, and the samples as its reply.
fn conversation_of_samples(
    prompts: &Prompts,
    answers: Answers<'_>,
) -> anyhow::Result<Vec<Message>> {
    let count = answers.others.len().to_string();
    let mut messages = prompts
        .answers
        .render(&[("question", answers.question), ("count", &count)])?;
    let listed: Vec<String> = (1..)
        .zip(answers.others)
        .map(|(number, answer): (usize, &String)| format!("{number}. {answer}"))
        .collect();
    messages.push(Message::assistant(listed.join("\n")));
    Ok(messages)
}

/// Each word asked for after what was said.
fn ask_for(
    words: &[((String, String), u32)],
    said: &[Message],
    basis: &str,
    prompts: &Prompts,
) -> anyhow::Result<Vec<Asked>> {
    words
        .iter()
        .map(|((masked, word), _)| {
            let mut messages = said.to_vec();
            messages.extend(
                prompts
                    .word
                    .render(&[("basis", basis), ("masked", masked)])?,
            );
            Ok(Asked {
                messages,
                word: word.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expects what was said by the assistant: the share of it that the word is.
    struct Parrot;

    impl WordReader for Parrot {
        fn read(&self, asked: &[Asked]) -> anyhow::Result<Result<Vec<Vec<Vec<f64>>>, String>> {
            let of_one = |one: &Asked| {
                let said = &one.messages[1].content;
                let words: Vec<&str> = said.split_whitespace().collect();
                let hits = words.iter().filter(|word| **word == one.word).count();
                let share = hits as f64 / words.len().max(1) as f64;
                vec![vec![share, 1.0 - share]]
            };
            Ok(Ok(asked.iter().map(of_one).collect()))
        }
    }

    fn prompts() -> Prompts {
        let builtin = |name: &str| datasets::prompts::builtin(name).unwrap();
        Prompts {
            answers: builtin("self-reflect-answers"),
            word: builtin("self-reflect"),
        }
    }

    #[test]
    fn a_text_that_says_what_the_samples_say_is_nearest() {
        let owned =
            |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).into()).collect() };
        let held_out = owned(&["Rome", "Rome", "Oslo"]);
        let others = owned(&["Rome", "Rome", "Oslo", "Rome"]);
        let answers = Answers {
            question: "Which?",
            held_out: &held_out,
            others: &others,
        };
        let texts = ["1. Rome 2. Rome 3. Oslo 4. Rome", "Bern", "Oslo"];
        let (scores, words) = self_reflect(&Parrot, &prompts(), answers, &texts)
            .unwrap()
            .unwrap();
        assert_eq!((words, scores[0]), (2, 0.0));
        // Rome is 3 of 8 words, Oslo 1 of 8; Rome is masked twice.
        assert!((scores[1] - (2.0 * 0.375 + 0.125) / 3.0).abs() < 1e-12);
        assert!(scores[2] > scores[1]);
        let none = Answers {
            held_out: &[],
            ..answers
        };
        assert!(
            self_reflect(&Parrot, &prompts(), none, &texts)
                .unwrap()
                .is_err()
        );
    }
}
