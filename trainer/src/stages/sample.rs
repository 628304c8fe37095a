//! `sample`: N responses a question, the first arrow of the pipeline.

use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records};
use crate::sampler::{SampleRequest, SampledResponse, Sampler};
use crate::stages::StageContext;
use crate::stages::unanswered::Unanswered;
use datasets::config::SampleConfig;
use datasets::prompts::Prompt;
use datasets::{Question, Sample};
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;

/// The records of the sampled responses.
pub const SAMPLES: &str = "samples.jsonl";
/// The records of the greedy response of each question.
pub const GREEDY: &str = "greedy.jsonl";

/// The seed of one draw: it depends on the run's seed, the question and the index alone, so that a
/// sample is the same whatever else is drawn beside it.
pub fn seed_of(seed: u64, question_id: &str, index: u32) -> u64 {
    let digest = Sha256::digest(format!("{seed}/{question_id}/{index}").as_bytes());
    u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
}

/// Draws the responses that are missing in `context.records`/`file`, and settles the file in the
/// order of the questions.
///
/// What an endpoint did not answer is counted in `skipped.jsonl`, and asked for again by the next call.
///
/// # Errors
/// Of the sampler and of the disk, and, without `skip_invalid`, where responses are missing in the end;
/// what was drawn before is kept, and the next call goes on there.
pub fn sample(
    context: &StageContext<'_>,
    config: &SampleConfig,
    prompt: &Prompt,
    questions: &[Question],
    sampler: &dyn Sampler,
    file: &str,
) -> anyhow::Result<Vec<Sample>> {
    let path = context.records.join(file);
    let mut log = RecordLog::open(&path, |sample: &Sample| sample.id.clone())?;
    let indices = 0..u32::try_from(config.samples)?;
    let id_of = |question: &Question, index: u32| format!("{}/{index}", question.id);

    let mut requests = Vec::new();
    let mut wanted: Vec<(&Question, Vec<u32>)> = Vec::new();
    for question in questions {
        let missing: Vec<u32> = indices
            .clone()
            .filter(|index| !log.contains(&id_of(question, *index)))
            .collect();
        if missing.is_empty() {
            continue;
        }
        requests.push(SampleRequest {
            messages: prompt.messages_for(question),
            seeds: missing
                .iter()
                .map(|index| seed_of(context.seed, &question.id, *index))
                .collect(),
            decoding: config.decoding.clone(),
            forced_prefix: None,
        });
        wanted.push((question, missing));
    }

    let total = (questions.len() * config.samples) as u64;
    let mut progress = Progress::start(context, log.len() as u64, total, "responses")?;
    let mut failure = None;
    let mut unanswered = Unanswered::default();
    let mut on_done = |request: usize, sample: usize, response: SampledResponse| {
        let (question, missing) = &wanted[request];
        let index = missing[sample];
        let record = Sample {
            id: id_of(question, index),
            question_id: question.id.clone(),
            question: question.question.clone(),
            index,
            response: response.text,
            finish_reason: response.finish_reason,
            tokens: response.tokens,
            logprob: response.logprob,
        };
        match log.append(&record).and_then(|()| progress.advance(1)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let outcome = sampler.sample_each(&requests, &mut on_done, &mut |request, sample, reason| {
        let (question, missing) = &wanted[request];
        unanswered.add(id_of(question, missing[sample]), reason);
        ControlFlow::Continue(())
    });
    unanswered.write(context)?;
    context.write_spent(sampler.spent(), log.len())?;
    outcome?;
    if let Some(error) = failure {
        return Err(error);
    }
    let ids: Vec<String> = questions
        .iter()
        .flat_map(|question| indices.clone().map(move |index| id_of(question, index)))
        .collect();
    log.finish_in_order(ids.iter().map(String::as_str))?;
    unanswered.settle(context, "responses")?;
    progress.finish()?;
    read_records(&path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventLog;
    use datasets::record::FinishReason;
    use std::cell::Cell;

    /// Answers with its seed, and may give up after some responses.
    struct SeedSampler {
        until_break: Cell<usize>,
    }

    impl Sampler for SeedSampler {
        fn sample(
            &self,
            requests: &[SampleRequest],
            on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
        ) -> anyhow::Result<()> {
            for (request, wanted) in requests.iter().enumerate().rev() {
                for (sample, seed) in wanted.seeds.iter().enumerate() {
                    if self.until_break.get() == 0 {
                        anyhow::bail!("the endpoint went away");
                    }
                    self.until_break.set(self.until_break.get() - 1);
                    let response = SampledResponse {
                        levels: None,
                        text: seed.to_string(),
                        finish_reason: FinishReason::EndOfTurn,
                        tokens: 1,
                        logprob: None,
                    };
                    if on_done(request, sample, response).is_break() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        }
    }

    #[test]
    fn what_is_interrupted_ends_with_the_same_bytes() {
        let questions: Vec<Question> = (0..3)
            .map(|i| Question {
                id: format!("q{i}"),
                question: format!("Question {i}?"),
                answers: vec!["x".into()],
                negative_answers: Vec::new(),
                template: None,
                entity: None,
                split: None,
                judge: Default::default(),
            })
            .collect();
        let config = SampleConfig {
            samples: 4,
            ..SampleConfig::default()
        };
        let events = EventLog::none();
        let run = |records: &std::path::Path, until_break: usize| {
            let context = StageContext {
                records: records.into(),
                events: &events,
                stage: "sample".into(),
                seed: 1,
                skip_invalid: false,
                quiet: true,
            };
            let sampler = SeedSampler {
                until_break: Cell::new(until_break),
            };
            sample(
                &context,
                &config,
                &Prompt::default(),
                &questions,
                &sampler,
                SAMPLES,
            )
            .map(|_| ())
        };
        let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        run(whole.path(), 100).unwrap();
        for _ in 0..3 {
            run(cut.path(), 3).unwrap_err();
        }
        run(cut.path(), 100).unwrap();
        let bytes = |folder: &std::path::Path| std::fs::read(folder.join(SAMPLES)).unwrap();
        assert_eq!(bytes(whole.path()), bytes(cut.path()));
    }
}
