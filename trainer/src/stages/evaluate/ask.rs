//! Asking questions by a method, and what comes of each response.

use super::readout::{read_out, to_millionths};
use super::{Method, Subject};
use crate::events::Progress;
use crate::sampler::{SampleRequest, SampledResponse};
use crate::stages::StageContext;
use crate::stages::sample::seed_of;
use crate::stages::sft::split_at_level;
use calibration::parse::ParseFailure;
use calibration::{cluster, judge, parse};
use datasets::config::{Decoding, EvaluateConfig, Readout};
use datasets::record::FinishReason;
use datasets::{Answer, Question};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// A response without a confidence is continued this often, then `Confidence:` is appended and it
/// is continued once more (REFERENCE 1).
const CONTINUATIONS_MAX: usize = 3;
/// Tokens that a level takes.
const LEVEL_TOKENS: usize = 4;
/// The failure of a response to R-Tuning's prompt.
const NOT_SAID: &str = "neither \"I am sure\" nor \"I am unsure\"";

/// Asks a model some questions, by a method.
pub struct Asking<'a> {
    pub context: &'a StageContext<'a>,
    pub config: &'a EvaluateConfig,
    pub subject: &'a Subject<'a>,
    pub readout: Readout,
    /// The index of a question's first sample, from which its seed follows.
    pub first_sample: u32,
    pub missing: RefCell<Missing>,
}

/// What did not come.
#[derive(Default)]
pub struct Missing {
    /// Questions that an endpoint did not answer, or not to the end, by their ids, and why.
    pub unanswered: BTreeMap<String, String>,
    /// Questions that were not asked any more.
    pub unasked: BTreeSet<String>,
    /// Why.
    pub error: Option<anyhow::Error>,
}

impl Missing {
    /// Whether the question has an answer that is whole.
    pub fn spares(&self, question: &str) -> bool {
        !self.unanswered.contains_key(question) && !self.unasked.contains(question)
    }
}

/// What an endpoint answers of some questions: those that it did, with all samples of each.
type Answered<'q> = (Vec<&'q Question>, Vec<Vec<SampledResponse>>);

/// How often the responses to a question were continued, by its id.
pub type Continued = BTreeMap<String, u32>;

impl Asking<'_> {
    /// The answers of a method to some questions, and how often each was continued.
    pub fn part(
        &self,
        method: Method,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<(Vec<Answer>, Continued)> {
        let once = |answers| (answers, Continued::new());
        match method {
            Method::SelfConsistency => self.by_consistency(questions, progress).map(once),
            Method::SequenceLikelihood => self.by_likelihood(questions, progress).map(once),
            Method::AnswerOnly => self.by_answer(questions, progress).map(once),
            Method::Dinco => self.by_distractors(questions, progress).map(once),
            Method::RTuning => self.by_surety(questions, progress),
            Method::DirectPrompting | Method::Verbalized | Method::Taught => {
                self.by_statement(questions, progress)
            }
        }
    }

    /// All samples of each question that was answered, in order.
    fn ask<'q>(
        &self,
        questions: &[&'q Question],
        samples: usize,
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Answered<'q>> {
        let requests: Vec<SampleRequest> = questions
            .iter()
            .map(|question| SampleRequest {
                messages: self.subject.prompt.messages_for(question),
                seeds: (self.first_sample..)
                    .take(samples)
                    .map(|index| seed_of(self.context.seed, &question.id, index))
                    .collect(),
                decoding: self.config.decoding.clone(),
                forced_prefix: None,
            })
            .collect();
        let mut done = progress.done() * samples as u64;
        let mut failure = None;
        let responses = self.collect(questions, &requests, &mut || {
            done += 1;
            if let Err(error) = progress.set(done / samples as u64) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        if let Some(error) = failure {
            return Err(error);
        }
        Ok(questions
            .iter()
            .zip(responses)
            .filter_map(|(question, responses)| Some((*question, responses?)))
            .unzip())
    }

    fn ask_once<'q>(
        &self,
        questions: &[&'q Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<(Vec<&'q Question>, Vec<SampledResponse>)> {
        let (questions, responses) = self.ask(questions, 1, progress)?;
        Ok((questions, responses.into_iter().flatten().collect()))
    }

    /// Samples a request for each question and puts the responses in their order; none where they did
    /// not all come, which is noted, so that those that did come are not lost.
    fn collect(
        &self,
        questions: &[&Question],
        requests: &[SampleRequest],
        on_each: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Vec<Option<Vec<SampledResponse>>> {
        let mut responses: Vec<Vec<Option<SampledResponse>>> = requests
            .iter()
            .map(|request| vec![None; request.seeds.len()])
            .collect();
        let mut missing = self.missing.borrow_mut();
        // Nothing is asked any more once it is known that nothing is answered.
        if missing.error.is_none() {
            let outcome = self.subject.sampler.sample_each(
                requests,
                &mut |request, sample, response| {
                    responses[request][sample] = Some(response);
                    on_each()
                },
                &mut |request, _, reason| {
                    let id = questions[request].id.clone();
                    missing.unanswered.insert(id, reason);
                    ControlFlow::Continue(())
                },
            );
            missing.error = outcome.err();
        }
        let responses: Vec<Option<Vec<SampledResponse>>> = responses
            .into_iter()
            .map(|of_request| of_request.into_iter().collect())
            .collect();
        for (question, responses) in questions.iter().zip(&responses) {
            if responses.is_none() && missing.spares(&question.id) {
                missing.unasked.insert(question.id.clone());
            }
        }
        responses
    }

    /// An answer and a level, both written.
    pub fn by_statement(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<(Vec<Answer>, Continued)> {
        let (questions, mut responses) = self.ask_once(questions, progress)?;
        let questions = questions.as_slice();
        let continuations = self.continue_until_stated(questions, &mut responses, progress)?;
        let parsed: Vec<parse::Parsed> = responses
            .iter()
            .map(|response| parse::response(&response.text))
            .collect();
        let levels = self.read_levels(questions, &responses, &parsed)?;
        let answers = questions
            .iter()
            .zip(responses)
            .zip(parsed)
            .zip(levels)
            .map(|(((question, response), parsed), levels)| {
                let probability = read_out(self.readout, parsed.confidence, levels.as_ref());
                Answer {
                    confidence: parsed.confidence,
                    rationale: parsed.rationale,
                    failure: parsed.failure.map(|failure| failure.to_string()),
                    levels,
                    ..answer_of(question, response.text, parsed.answer, probability)
                }
            })
            .collect();
        Ok((answers, continuations))
    }

    /// Lets responses without a confidence go on; returns how often each question's was continued.
    fn continue_until_stated(
        &self,
        questions: &[&Question],
        responses: &mut [SampledResponse],
        progress: &Progress<'_>,
    ) -> anyhow::Result<Continued> {
        let failure = |text: &str| parse::response(text).failure;
        self.continue_until(
            questions,
            responses,
            progress,
            &|text| {
                !matches!(
                    failure(text),
                    Some(ParseFailure::Missing | ParseFailure::Empty)
                )
            },
            &|text| match failure(text) {
                Some(ParseFailure::Missing) => {
                    format!("{}.\nConfidence: ", text.trim_end().trim_end_matches('.'))
                }
                _ => text.to_owned(),
            },
        )
    }

    /// Lets responses go on until they are `told`, [`CONTINUATIONS_MAX`] times, and then once more after
    /// the `last_word`; returns how often each question's was continued.
    fn continue_until(
        &self,
        questions: &[&Question],
        responses: &mut [SampledResponse],
        progress: &Progress<'_>,
        told: &dyn Fn(&str) -> bool,
        last_word: &dyn Fn(&str) -> String,
    ) -> anyhow::Result<Continued> {
        let mut continued = BTreeMap::new();
        for attempt in 0..=CONTINUATIONS_MAX {
            let is_last = attempt == CONTINUATIONS_MAX;
            // A turn that the model has ended has nothing to be continued with but the last word.
            let goes_on = |response: &SampledResponse| {
                !told(&response.text) && (is_last || response.finish_reason == FinishReason::Length)
            };
            let going: Vec<usize> = (0..responses.len())
                .filter(|index| goes_on(&responses[*index]))
                .collect();
            if going.is_empty() {
                continue;
            }
            progress.message(format!("{} have no confidence yet and go on", going.len()));
            let requests: Vec<SampleRequest> = going
                .iter()
                .map(|index| {
                    let (question, response) = (questions[*index], &mut responses[*index]);
                    if is_last {
                        response.text = last_word(&response.text);
                    }
                    SampleRequest {
                        messages: self.subject.prompt.messages_for(question),
                        seeds: vec![seed_of(
                            self.context.seed,
                            &question.id,
                            1_000 + attempt as u32,
                        )],
                        decoding: self.config.decoding.clone(),
                        forced_prefix: Some(response.text.clone()),
                    }
                })
                .collect();
            let asked: Vec<&Question> = going.iter().map(|index| questions[*index]).collect();
            let more = self.collect(&asked, &requests, &mut || ControlFlow::Continue(()));
            for (index, more) in going.into_iter().zip(more) {
                // Noted as unanswered: what there is of it is not kept.
                let Some(more) = more.and_then(|more| more.into_iter().next()) else {
                    continue;
                };
                responses[index].text.push_str(&more.text);
                responses[index].finish_reason = more.finish_reason;
                *continued.entry(questions[index].id.clone()).or_insert(0) += 1;
            }
        }
        progress.message("");
        Ok(continued)
    }

    /// P(level) just before the level that each response states.
    fn read_levels(
        &self,
        questions: &[&Question],
        responses: &[SampledResponse],
        parsed: &[parse::Parsed],
    ) -> anyhow::Result<Vec<Option<[f64; 10]>>> {
        let mut levels = vec![None; responses.len()];
        let Some(reader) = &self.subject.levels else {
            return Ok(levels);
        };
        let (mut contexts, mut owners) = (Vec::new(), Vec::new());
        for (index, response) in responses.iter().enumerate() {
            let (Some(_), Some((before, _, _))) =
                (parsed[index].confidence, split_at_level(&response.text))
            else {
                continue;
            };
            if let Some(read) = response
                .levels
                .as_ref()
                .filter(|read| read.before == before)
            {
                levels[index] = Some(read.probabilities.map(to_millionths));
                continue;
            }
            let mut tokens = crate::learn::prompt_tokens(
                reader.tokenizer,
                &self.subject.prompt.messages_for(questions[index]),
            )?;
            tokens.extend(reader.tokenizer.encode(before, false)?);
            contexts.push(tokens);
            owners.push(index);
        }
        let read = model::level_probabilities(reader.decoder, reader.tokens, &contexts)?;
        for (index, of_response) in owners.into_iter().zip(read) {
            levels[index] = Some(of_response.map(to_millionths));
        }
        Ok(levels)
    }

    /// "I am sure." or "I am unsure."; a response that says neither is asked (REFERENCE 1), and is a
    /// failure where that does not help.
    pub fn by_surety(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<(Vec<Answer>, Continued)> {
        let ask = datasets::prompts::builtin("r-tuning-ask").and_then(|prompt| prompt.user);
        let ask = ask.ok_or_else(|| anyhow::anyhow!("no prompt r-tuning-ask"))?;
        let (questions, mut responses) = self.ask_once(questions, progress)?;
        let continued = self.continue_until(
            &questions,
            &mut responses,
            progress,
            &|text| parse::sure(text).is_some(),
            &|text| format!("{}\n{ask}\n", text.trim_end()),
        )?;
        let answers = questions.iter().zip(responses).map(|(question, response)| {
            // What was asked names both.
            let said = response.text.replace(&ask, "");
            let sure = parse::sure(&said);
            let answer = parse::response(&said)
                .answer
                .or_else(|| parse::bare_answer(&said));
            Answer {
                failure: sure.is_none().then(|| NOT_SAID.to_owned()),
                ..answer_of(
                    question,
                    response.text,
                    answer,
                    f64::from(u8::from(sure == Some(true))),
                )
            }
        });
        Ok((answers.collect(), continued))
    }

    /// Share of a question's samples that give the answer that was stated, by the question's id; without
    /// those that an endpoint did not answer.
    pub fn agreement(
        &self,
        questions: &[&Question],
        stated: &BTreeMap<&str, &Answer>,
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Vec<(String, f64)>> {
        let (questions, responses) = self.ask(questions, self.config.samples, progress)?;
        let shares = questions
            .iter()
            .zip(responses)
            .map(|(question, responses)| {
                let stated = stated.get(question.id.as_str());
                let answer = stated.and_then(|stated| stated.answer.as_deref());
                let answer = answer.map(judge::normalise);
                let agrees = |response: &&SampledResponse| {
                    let said = parse::response(&response.text).answer;
                    answer.is_some() && said.as_deref().map(judge::normalise) == answer
                };
                let share = responses.iter().filter(agrees).count() as f64 / responses.len() as f64;
                (question.id.clone(), share)
            });
        Ok(shares.collect())
    }

    /// Bare answers, taken for certain: no doubt was said.
    pub fn by_answer(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Vec<Answer>> {
        let (questions, responses) = self.ask_once(questions, progress)?;
        let answers = questions.iter().zip(responses).map(|(question, response)| {
            let answer = parse::bare_answer(&response.text);
            answer_of(question, response.text, answer, 1.0)
        });
        Ok(answers.collect())
    }

    /// DiNCo (arXiv 2509.25532) with the model's own other answers as distractors: with f(a) the
    /// confidence that it states in answer a, and â what most of its samples say,
    ///
    /// ```text
    /// probability = ½ · f(â) / max(1, Σ_a f(a)) + ½ · share of â
    /// ```
    ///
    /// so that a model that is as sure of everything else is not believed.
    pub fn by_distractors(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Vec<Answer>> {
        let (questions, responses) = self.ask(questions, self.config.samples, progress)?;
        let groups: Vec<Vec<Said>> = responses.iter().map(|of| answers_said(of)).collect();
        let asked: Vec<(&Question, &str)> = questions
            .iter()
            .zip(&groups)
            .flat_map(|(question, group)| {
                group.iter().map(|said| (*question, said.answer.as_str()))
            })
            .collect();
        let mut confidences = self.confidence_in(&asked)?.into_iter();
        let answers =
            questions
                .iter()
                .zip(responses)
                .zip(groups)
                .map(|((question, responses), group)| {
                    let of_group: Vec<f64> = confidences.by_ref().take(group.len()).collect();
                    let Some((first, said)) = of_group.first().zip(group.first()) else {
                        let text = responses
                            .first()
                            .map_or_else(String::new, |first| first.text.clone());
                        return answer_of(question, text, None, 0.0);
                    };
                    let normalised = first / of_group.iter().sum::<f64>().max(1.0);
                    answer_of(
                        question,
                        responses[said.first].text.clone(),
                        Some(said.answer.clone()),
                        0.5 * (normalised + said.share),
                    )
                });
        Ok(answers.collect())
    }

    /// The confidence that the model states in each answer, as it is read out; 0 where it states none.
    fn confidence_in(&self, answers: &[(&Question, &str)]) -> anyhow::Result<Vec<f64>> {
        let start = |answer: &str| format!("Answer: {answer}\nConfidence: ");
        if let Some(reader) = &self.subject.levels {
            let contexts = answers
                .iter()
                .map(|(question, answer)| {
                    let messages = self.subject.prompt.messages_for(question);
                    let mut tokens = crate::learn::prompt_tokens(reader.tokenizer, &messages)?;
                    tokens.extend(reader.tokenizer.encode(&start(answer), false)?);
                    Ok(tokens)
                })
                .collect::<anyhow::Result<Vec<_>>>()?;
            let levels = model::level_probabilities(reader.decoder, reader.tokens, &contexts)?;
            return Ok(levels
                .iter()
                .map(|levels| super::readout::of_levels(self.readout, levels))
                .collect());
        }
        let requests: Vec<SampleRequest> = answers
            .iter()
            .map(|(question, answer)| SampleRequest {
                messages: self.subject.prompt.messages_for(question),
                seeds: vec![seed_of(self.context.seed, &question.id, 2_000)],
                decoding: Decoding {
                    temperature: 0.0,
                    max_tokens: LEVEL_TOKENS,
                    ..self.config.decoding.clone()
                },
                forced_prefix: Some(start(answer)),
            })
            .collect();
        let asked: Vec<&Question> = answers.iter().map(|(question, _)| *question).collect();
        let responses = self.collect(&asked, &requests, &mut || ControlFlow::Continue(()));
        Ok(answers
            .iter()
            .zip(responses)
            .map(|((_, answer), responses)| {
                // Without a response the question is noted as unanswered.
                let response = responses.and_then(|of| of.into_iter().next());
                let said = response.map(|response| response.text).unwrap_or_default();
                let parsed = parse::response(&format!("{}{said}", start(answer)));
                parsed
                    .confidence
                    .map_or(0.0, |level| level.probability().get())
            })
            .collect())
    }

    /// exp of the answer's log-probability.
    pub fn by_likelihood(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Vec<Answer>> {
        let (questions, responses) = self.ask_once(questions, progress)?;
        questions
            .iter()
            .zip(responses)
            .map(|(question, response)| {
                let logprob = response.logprob.ok_or_else(|| {
                    anyhow::anyhow!(
                        "the endpoint tells no log-probabilities, which sequence-likelihood needs"
                    )
                })?;
                let answer = parse::bare_answer(&response.text);
                Ok(answer_of(
                    question,
                    response.text,
                    answer,
                    logprob.exp().clamp(0.0, 1.0),
                ))
            })
            .collect()
    }

    /// The share of what most samples say.
    pub fn by_consistency(
        &self,
        questions: &[&Question],
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<Vec<Answer>> {
        let (questions, responses) = self.ask(questions, self.config.samples, progress)?;
        let answers = questions
            .iter()
            .zip(responses)
            .map(|(question, responses)| {
                let said = answers_said(&responses).into_iter().next();
                let (first, share) = said
                    .as_ref()
                    .map_or((0, 0.0), |said| (said.first, said.share));
                let text = responses[first].text.clone();
                answer_of(question, text, said.map(|said| said.answer), share)
            });
        Ok(answers.collect())
    }
}

/// An answer that some samples of a question give.
struct Said {
    answer: String,
    /// Share of the samples, 0..=1.
    share: f64,
    /// The first of them.
    first: usize,
}

/// The distinct answers of a question's samples, most frequent first. Responses without an answer are a
/// group of their own, which is no answer.
fn answers_said(responses: &[SampledResponse]) -> Vec<Said> {
    let answers: Vec<String> = responses
        .iter()
        .map(|response| parse::bare_answer(&response.text).unwrap_or_default())
        .collect();
    cluster::by_answer(&answers)
        .into_iter()
        .filter_map(|members| {
            let first = *members.first()?;
            let is_answer = !judge::normalise(&answers[first]).is_empty();
            is_answer.then(|| Said {
                answer: answers[first].clone(),
                share: members.len() as f64 / answers.len() as f64,
                first,
            })
        })
        .collect()
}

fn answer_of(
    question: &Question,
    response: String,
    answer: Option<String>,
    probability: f64,
) -> Answer {
    let correct = answer.as_deref().is_some_and(|answer| {
        judge::is_correct(
            question.judge,
            answer,
            &question.answers,
            &question.negative_answers,
        )
    });
    Answer {
        id: question.id.clone(),
        question_id: question.id.clone(),
        template: question.template.clone(),
        entity: question.entity.clone(),
        question: question.question.clone(),
        response,
        answer,
        rationale: None,
        confidence: None,
        probability,
        correct,
        failure: None,
        gold: question.answers.first().cloned(),
        levels: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventLog;
    use crate::sampler::Sampler;
    use datasets::prompts::Prompt;

    /// Answers by a function of the request and the sample's index.
    struct Canned<F>(F);

    impl<F: Fn(&SampleRequest, usize) -> &'static str> Sampler for Canned<F> {
        fn sample(
            &self,
            requests: &[SampleRequest],
            on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
        ) -> anyhow::Result<()> {
            for (request, wanted) in requests.iter().enumerate() {
                for sample in 0..wanted.seeds.len() {
                    let response = SampledResponse {
                        text: (self.0)(wanted, sample).to_owned(),
                        finish_reason: FinishReason::Stop,
                        tokens: 1,
                        logprob: None,
                        levels: None,
                    };
                    if on_done(request, sample, response).is_break() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        }
    }

    fn question() -> Question {
        serde_json::from_value(serde_json::json!({
            "id": "q", "question": "What is the capital of France?", "answers": ["Paris"],
        }))
        .unwrap()
    }

    /// What `work` makes of one question that is answered by `answers`.
    fn asked<T>(
        method: &str,
        answers: impl Fn(&SampleRequest, usize) -> &'static str,
        work: impl Fn(&Asking<'_>, &[&Question], &mut Progress<'_>) -> anyhow::Result<T>,
    ) -> T {
        let folder = tempfile::tempdir().unwrap();
        let events = EventLog::none();
        let context = StageContext {
            records: folder.path().into(),
            events: &events,
            stage: "evaluate".into(),
            seed: 1,
            skip_invalid: false,
            quiet: true,
        };
        let config = EvaluateConfig {
            method: method.into(),
            samples: 3,
            ..EvaluateConfig::default()
        };
        let subject = Subject {
            sampler: &Canned(answers),
            levels: None,
            prompt: Prompt::default(),
            variants: Vec::new(),
            recalibration: None,
            model: "canned".into(),
            questions: "one".into(),
        };
        let asking = Asking {
            context: &context,
            config: &config,
            subject: &subject,
            readout: Readout::Expected,
            first_sample: 0,
            missing: RefCell::default(),
        };
        let mut progress = Progress::start(&context, 0, 1, "questions").unwrap();
        work(&asking, &[&question()], &mut progress).unwrap()
    }

    #[test]
    fn a_model_that_is_sure_of_everything_is_not_believed() {
        let answers = |request: &SampleRequest, sample: usize| match &request.forced_prefix {
            Some(_) => "9",
            None => ["Paris", "Rome", "paris."][sample],
        };
        let answered = asked("dinco", answers, |asking, questions, progress| {
            asking.by_distractors(questions, progress)
        });
        assert_eq!(answered[0].answer.as_deref(), Some("Paris"));
        assert!(answered[0].correct);
        let expected = 0.5 * (0.9 / 1.8 + 2.0 / 3.0);
        assert!((answered[0].probability - expected).abs() < 1e-9);
        let silent = asked(
            "dinco",
            |_, _| "",
            |asking, questions, progress| asking.by_distractors(questions, progress),
        );
        assert_eq!(
            (silent[0].answer.as_deref(), silent[0].probability),
            (None, 0.0)
        );
    }

    #[test]
    fn who_does_not_say_whether_he_is_sure_is_asked() {
        let then = |said: &'static str| {
            let answers = move |request: &SampleRequest, _: usize| match &request.forced_prefix {
                Some(_) => said,
                None => "Answer: Paris",
            };
            let (answered, continued) =
                asked("r-tuning", answers, |asking, questions, progress| {
                    asking.by_surety(questions, progress)
                });
            (answered[0].clone(), continued.values().sum::<u32>())
        };
        let (sure, continued) = then("I am sure.");
        assert_eq!(
            (sure.answer.as_deref(), sure.probability, continued),
            (Some("Paris"), 1.0, 1)
        );
        let (unsure, _) = then("I am unsure.");
        assert_eq!((unsure.probability, unsure.failure), (0.0, None));
        let (failed, _) = then("Perhaps.");
        assert_eq!(
            (failed.probability, failed.failure.as_deref()),
            (0.0, Some(NOT_SAID))
        );
    }

    #[test]
    fn an_answer_without_doubt_is_taken_for_certain() {
        let answered = asked(
            "answer-only",
            |_, _| "Answer: Lyon",
            |asking, questions, progress| asking.by_answer(questions, progress),
        );
        assert_eq!((answered[0].probability, answered[0].correct), (1.0, false));
    }
}
