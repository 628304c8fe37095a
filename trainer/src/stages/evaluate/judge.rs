//! The judge that is a model: it scores by similarity with the gold answer alone, and never sees the
//! confidence (REFERENCE 1, judge of correctness).
//!
//! Its scores are kept under the run, each under the hash of what was asked, so that nothing is asked
//! twice, whichever evaluation asks it.

use crate::endpoint::at_once::at_once;
use crate::endpoint::chat::Choice;
use crate::endpoint::{Endpoint, Unanswered as Refused};
use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records, write_records};
use crate::stages::StageContext;
use crate::stages::unanswered::Unanswered;
use calibration::kappa::{Agreement, agreement};
use calibration::{judge, parse};
use datasets::config::EndpointConfig;
use datasets::hash::sha256_hex;
use datasets::prompts::{Message, Prompt};
use datasets::record::FinishReason;
use datasets::{Answer, Question};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

/// The verdicts of an evaluation, a line each.
pub const JUDGEMENTS: &str = "judgements.jsonl";
/// The scores of all evaluations of a run, in its folder of this name.
const CACHE: &str = "judge/scores.jsonl";

/// The prompt that it is given.
const PROMPT: &str = "judge-correctness";
/// The least score of a right answer (REFERENCE 1).
const CORRECT_SCORE_MIN: u8 = 7;
/// The greatest.
const SCORE_MAX: f64 = 10.0;
/// Tokens of its answer: a score, and some words that it was asked not to give.
const TOKENS_MAX: usize = 64;
/// Characters of a response without an answer of its own that it is shown.
const RESPONSE_CHARACTERS_MAX: usize = 4_000;
/// Gold answers that it is shown.
const GOLDS_MAX: usize = 10;

/// One line of the cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Score {
    /// SHA-256 of the model and the messages, in hex.
    id: String,
    /// 1..=10.
    score: u8,
}

/// One line of [`JUDGEMENTS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The question's id.
    pub id: String,
    /// 1..=10; absent where there was no answer to judge, or no score to be had.
    pub score: Option<u8>,
    /// What counts: the score's verdict; without one, that of the strings.
    pub correct: bool,
    pub correct_by_strings: bool,
    /// Whether there was an answer, and no score for it after all tries.
    pub failed: bool,
}

/// What `metrics.json` says of the judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeReport {
    pub model: String,
    pub prompt_sha256: String,
    /// Answers that it scored.
    pub n: usize,
    /// Answers that it gave no score after all tries: the strings judged them.
    pub failures: usize,
    /// Mean score / 10, which the paper calls accuracy; absent where nothing was scored.
    pub score_mean: Option<f64>,
    /// With the string judge, over the answers that it scored.
    pub agreement: Option<Agreement>,
}

/// A model behind an endpoint that judges answers.
struct Judge {
    endpoint: Endpoint,
    prompt: Prompt,
}

/// What is asked about one answer.
struct Case {
    /// SHA-256 of the model and the messages, in hex.
    id: String,
    messages: Vec<Message>,
}

/// Judges the answers: sets their `correct`, in `answers.jsonl` too, and writes [`JUDGEMENTS`].
///
/// # Errors
/// Where the judge cannot be asked; and, without `skip_invalid`, where it gave no score for an answer: the
/// scores that it gave are kept, and the next call asks for the others.
pub fn judge_answers(
    context: &StageContext<'_>,
    config: &EndpointConfig,
    questions: &[Question],
    answers: &mut [Answer],
) -> anyhow::Result<JudgeReport> {
    let prompt =
        datasets::prompts::builtin(PROMPT).ok_or_else(|| anyhow::anyhow!("no prompt {PROMPT}"))?;
    let judge = Judge {
        endpoint: Endpoint::new(config, "")?,
        prompt,
    };
    let by_id: HashMap<&str, &Question> = questions
        .iter()
        .map(|question| (question.id.as_str(), question))
        .collect();
    let cases: Vec<Option<Case>> = answers
        .iter()
        .map(|answer| match by_id.get(answer.question_id.as_str()) {
            Some(question) => judge.case(question, answer),
            None => Ok(None),
        })
        .collect::<anyhow::Result<_>>()?;
    let scores = judge.scores(context, answers, &cases)?;

    let judgements: Vec<Judgement> = answers
        .iter()
        .zip(&cases)
        .map(|(answer, case)| {
            let score = case.as_ref().and_then(|case| scores.get(&case.id).copied());
            let correct_by_strings = by_id
                .get(answer.question_id.as_str())
                .is_some_and(|question| is_correct_by_strings(question, answer));
            Judgement {
                id: answer.id.clone(),
                score,
                correct: score.map_or(correct_by_strings, |score| score >= CORRECT_SCORE_MIN),
                correct_by_strings,
                failed: case.is_some() && score.is_none(),
            }
        })
        .collect();
    for (answer, judgement) in answers.iter_mut().zip(&judgements) {
        answer.correct = judgement.correct;
    }
    write_records(&context.records.join(super::ANSWERS), answers)?;
    write_records(&context.records.join(JUDGEMENTS), &judgements)?;
    Ok(judge.report(&judgements))
}

/// The verdict of the strings, on the answer part alone.
fn is_correct_by_strings(question: &Question, answer: &Answer) -> bool {
    answer.answer.as_deref().is_some_and(|answer| {
        judge::is_correct(
            question.judge,
            answer,
            &question.answers,
            &question.negative_answers,
        )
    })
}

impl Judge {
    /// None where the response holds nothing to judge.
    fn case(&self, question: &Question, answer: &Answer) -> anyhow::Result<Option<Case>> {
        let shown = shown(answer);
        if shown.is_empty() {
            return Ok(None);
        }
        let golds: Vec<&str> = question
            .answers
            .iter()
            .take(GOLDS_MAX)
            .map(String::as_str)
            .collect();
        let messages = self.prompt.render(&[
            ("question", &question.question),
            ("gold", &golds.join(" (or) ")),
            ("response", &shown),
        ])?;
        let asked = serde_json::to_string(&(self.endpoint.model(), &messages))?;
        Ok(Some(Case {
            id: sha256_hex(asked.as_bytes()),
            messages,
        }))
    }

    /// The score of each case, by its id: those of the cache, and those that the judge is asked for.
    fn scores(
        &self,
        context: &StageContext<'_>,
        answers: &[Answer],
        cases: &[Option<Case>],
    ) -> anyhow::Result<HashMap<String, u8>> {
        let path = context.run_folder().join(CACHE);
        let mut log = RecordLog::open(&path, |score: &Score| score.id.clone())?;
        // Equal answers to equal questions are one case.
        let mut missing: BTreeMap<&str, &Case> = BTreeMap::new();
        let mut answers_of: HashMap<&str, Vec<&str>> = HashMap::new();
        for (answer, case) in answers.iter().zip(cases) {
            let Some(case) = case.as_ref().filter(|case| !log.contains(&case.id)) else {
                continue;
            };
            missing.insert(&case.id, case);
            answers_of.entry(&case.id).or_default().push(&answer.id);
        }
        let missing: Vec<&Case> = missing.into_values().collect();
        let mut unanswered = Unanswered::default();
        // Its own name, so that what it leaves out stands beside what the evaluation does.
        let context = StageContext {
            records: context.records.clone(),
            events: context.events,
            stage: format!("{}/judge", context.stage),
            seed: context.seed,
            skip_invalid: context.skip_invalid,
            quiet: context.quiet,
        };
        let total = cases.iter().flatten().count() as u64;
        let done = total.saturating_sub(answers_of.values().map(Vec::len).sum::<usize>() as u64);
        let mut progress = Progress::start(&context, done, total, "answers")?;
        let mut failure = None;
        let outcome = at_once(
            &missing,
            self.endpoint.concurrency(),
            |_, case, outbox| {
                let asked = self.endpoint.chat_checked(
                    &case.messages,
                    TOKENS_MAX,
                    0,
                    outbox.ended(),
                    &score_of,
                );
                match asked {
                    Ok(score) => {
                        outbox.put((case.id.as_str(), Ok(score)));
                        Ok(())
                    }
                    Err(Refused::Ended) => Ok(()),
                    Err(refused) => {
                        outbox.put((case.id.as_str(), Err(refused.to_string())));
                        Err(refused)
                    }
                }
            },
            &mut |(id, heard): (&str, Result<u8, String>)| {
                let ids = answers_of.get(id).map_or(&[][..], Vec::as_slice);
                let written = match heard {
                    Ok(score) => log
                        .append(&Score {
                            id: id.to_owned(),
                            score,
                        })
                        .and_then(|()| progress.advance(ids.len() as u64)),
                    Err(reason) => {
                        ids.iter()
                            .for_each(|answer| unanswered.add(*answer, reason.clone()));
                        Ok(())
                    }
                };
                match written {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        unanswered.write(&context)?;
        context.write_spent(Some(self.endpoint.spent()), log.len())?;
        outcome?;
        if let Some(error) = failure {
            return Err(error);
        }
        log.finish()?;
        unanswered.settle(&context, "scores")?;
        progress.finish()?;
        let scores: Vec<Score> = read_records(&path)?;
        Ok(scores
            .into_iter()
            .map(|score| (score.id, score.score))
            .collect())
    }

    fn report(&self, judgements: &[Judgement]) -> JudgeReport {
        let scored: Vec<(f64, (bool, bool))> = judgements
            .iter()
            .filter_map(|judgement| {
                let score = f64::from(judgement.score?) / SCORE_MAX;
                Some((score, (judgement.correct, judgement.correct_by_strings)))
            })
            .collect();
        let verdicts: Vec<(bool, bool)> = scored.iter().map(|(_, verdict)| *verdict).collect();
        let sum: f64 = scored.iter().map(|(score, _)| score).sum();
        JudgeReport {
            model: self.endpoint.model().to_owned(),
            prompt_sha256: self.prompt.sha256(),
            n: scored.len(),
            failures: judgements
                .iter()
                .filter(|judgement| judgement.failed)
                .count(),
            score_mean: (!scored.is_empty()).then(|| sum / scored.len() as f64),
            agreement: agreement(&verdicts),
        }
    }
}

/// What the judge sees of a response: its answer, else what stands before its doubt; never how sure it
/// is.
fn shown(answer: &Answer) -> String {
    let text = match &answer.answer {
        Some(answer) => answer.as_str(),
        None => parse::before_doubt(&answer.response),
    };
    let mut shown: String = text.chars().take(RESPONSE_CHARACTERS_MAX).collect();
    // R-Tuning's way to say it.
    for words in ["i am sure", "i am unsure"] {
        while let Some(at) = shown.to_ascii_lowercase().find(words) {
            let end = at + words.len();
            let end = end + usize::from(shown[end..].starts_with('.'));
            shown.replace_range(at..end, "");
        }
    }
    shown.trim().to_owned()
}

/// The number after the last `score:`, or the whole reply, as strictly as a confidence is read.
fn score_of(choice: &Choice) -> Result<u8, String> {
    if choice.finish_reason == FinishReason::Length {
        return Err(format!("expected at most {TOKENS_MAX} tokens"));
    }
    let lower = choice.text.to_ascii_lowercase();
    let rest = match lower.rfind("score") {
        Some(at) => lower[at + "score".len()..].trim_start_matches(['*', '_', '`', ' ', ':']),
        None => lower.trim(),
    };
    let line = rest.lines().next().unwrap_or_default();
    let level = match line.contains('%') {
        true => None,
        false => parse::response(&format!("Confidence: {line}")).confidence,
    };
    level
        .map(|level| level.level())
        .ok_or_else(|| "expected \"score: N\", N from 1 to 10".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(response: &str, answer: Option<&str>) -> Answer {
        serde_json::from_value(serde_json::json!({
            "id": "q", "question_id": "q", "question": "?", "response": response, "answer": answer,
            "rationale": null, "confidence": null, "probability": 0.0, "correct": false, "failure": null,
        }))
        .unwrap()
    }

    #[test]
    fn the_judge_never_sees_the_confidence() {
        for (response, answer, wanted) in [
            ("Answer: Paris\nConfidence: 9", Some("Paris"), "Paris"),
            ("It is Paris.\nConfidence: 9", None, "It is Paris."),
            (
                "Thinking.\nSelf-reflection: I doubt.\nConfidence: 2",
                None,
                "Thinking.",
            ),
            ("Confidence: 9", None, ""),
            ("Paris. I am unsure.", None, "Paris."),
            (
                "Paris. I AM SURE. I am sure",
                Some("Paris. I am sure"),
                "Paris.",
            ),
            ("", None, ""),
        ] {
            assert_eq!(shown(&answered(response, answer)), wanted, "{response}");
        }
    }

    #[test]
    fn scores_are_read_strictly() {
        let score = |text: &str| {
            score_of(&Choice {
                text: text.into(),
                finish_reason: FinishReason::EndOfTurn,
                tokens: 3,
                logprob: None,
            })
            .ok()
        };
        for (text, wanted) in [
            ("score: 8", 8),
            ("**Score:** 10", 10),
            ("Score: 7/10\nBoth say Paris.", 7),
            ("I would score it high. score: 9.", 9),
            ("3", 3),
        ] {
            assert_eq!(score(text), Some(wanted), "{text}");
        }
        for text in [
            "",
            "score:",
            "score: 0",
            "score: 11",
            "score: 8.5",
            "score: 80%",
            "high",
            "score: 3 or 4",
        ] {
            assert_eq!(score(text), None, "{text}");
        }
    }
}
