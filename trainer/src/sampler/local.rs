//! Sampling from a model in this process.

use super::{LevelsBefore, SampleRequest, SampledResponse, Sampler};
use crate::learn::prompt_tokens;
use crate::stages::sft::LEVEL_MARK;
use datasets::record::FinishReason;
use model::{Completion, Decoder, Finish, LevelReading, LevelTokens, Limits, Tokenizer};
use std::ops::ControlFlow;

/// A decoder with its tokenizer.
#[derive(Clone)]
pub struct LocalSampler {
    pub decoder: Decoder,
    pub tokenizer: Tokenizer,
    /// Of what is decoded at once.
    pub limits: Limits,
    /// Where the levels are read that responses state.
    pub reading: Option<LevelReading>,
}

/// At most so many rows, and so many MB of keys and values.
#[must_use]
pub fn limits(rows: usize, memory_mb: usize) -> Limits {
    Limits {
        rows,
        cache_bytes: memory_mb.saturating_mul(1 << 20),
    }
}

/// The levels after the mark that responses have.
#[must_use]
pub fn level_reading(tokens: &LevelTokens) -> LevelReading {
    LevelReading {
        mark: LEVEL_MARK.to_owned(),
        tokens: tokens.clone(),
    }
}

impl LocalSampler {
    /// The tokens of the chat template over the messages, and of what the assistant has said.
    pub fn prompt_tokens(&self, request: &SampleRequest) -> anyhow::Result<Vec<u32>> {
        let mut prompt = prompt_tokens(&self.tokenizer, &request.messages)?;
        if let Some(prefix) = &request.forced_prefix {
            // Tokenized on its own: the tokens of the prompt stay those that the model was given
            // when it began its answer.
            prompt.extend(self.tokenizer.encode(prefix, false)?);
        }
        Ok(prompt)
    }
}

impl Sampler for LocalSampler {
    fn sample(
        &self,
        requests: &[SampleRequest],
        on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let prepared: Vec<model::Request> = requests
            .iter()
            .map(|request| {
                Ok(model::Request {
                    prompt: self.prompt_tokens(request)?,
                    samples: request.seeds.clone(),
                    decoding: model_decoding(&request.decoding),
                })
            })
            .collect::<anyhow::Result<_>>()?;
        model::generate_reading(
            &self.decoder,
            &self.tokenizer,
            prepared.into_iter(),
            self.limits,
            self.reading.as_ref(),
            &mut |request, sample, completion| {
                on_done(request, sample, response_of(completion, &self.tokenizer))
            },
        )?;
        Ok(())
    }
}

fn model_decoding(decoding: &datasets::config::Decoding) -> model::Decoding {
    model::Decoding {
        temperature: decoding.temperature,
        top_p: decoding.top_p,
        top_k: decoding.top_k,
        max_tokens: decoding.max_tokens,
        stop: decoding.stop.clone(),
    }
}

fn response_of(completion: Completion, tokenizer: &Tokenizer) -> SampledResponse {
    let (finish_reason, end_tokens) = match completion.finish {
        Finish::EndOfTurn => (FinishReason::EndOfTurn, 1),
        Finish::Stop => (FinishReason::Stop, 0),
        Finish::Length => (FinishReason::Length, 0),
    };
    // Only where the tokens are those that the text would be read as.
    let levels = completion.levels.and_then(|levels| {
        let tokens = &completion.tokens[..levels.before];
        let before = tokenizer.decode(tokens);
        let is_same = tokenizer
            .encode(&before, false)
            .is_ok_and(|encoded| encoded == tokens);
        is_same.then_some(LevelsBefore {
            before,
            probabilities: levels.probabilities,
        })
    });
    SampledResponse {
        levels,
        text: completion.text,
        finish_reason,
        tokens: u32::try_from(completion.tokens.len() + end_tokens).unwrap_or(u32::MAX),
        logprob: Some(completion.logprob),
    }
}
