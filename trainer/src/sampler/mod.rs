//! Sampling, from a model in this process ([`local`]) or over HTTP ([`http`]).

pub mod http;
pub mod local;

use crate::endpoint::Spent;
use datasets::config::Decoding;
use datasets::prompts::Message;
use datasets::record::FinishReason;
use std::ops::ControlFlow;

/// One prompt and the seeds of the samples wanted of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRequest {
    /// The conversation, oldest first; the model speaks next.
    pub messages: Vec<Message>,
    /// One seed a sample; a sample's tokens follow from (weights, prompt, seed, decoding) alone.
    pub seeds: Vec<u64>,
    pub decoding: Decoding,
    /// What the assistant has said already; the samples go on from there and do not repeat it.
    pub forced_prefix: Option<String>,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct SampledResponse {
    pub text: String,
    pub finish_reason: FinishReason,
    /// Number of sampled tokens, the end-of-turn token included; where an endpoint does not tell
    /// it for each sample, its mean over the samples of the request.
    pub tokens: u32,
    /// Sum of the natural logs of the sampled tokens' probabilities at temperature 1; absent where
    /// the endpoint does not tell.
    pub logprob: Option<f64>,
    /// The distribution that the level was drawn from, where it was read while sampling.
    pub levels: Option<LevelsBefore>,
}

/// P(level k) at k − 1, after the text `before` of a response.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelsBefore {
    pub before: String,
    pub probabilities: [f64; 10],
}

/// Something that answers prompts.
pub trait Sampler {
    /// Samples every request; `on_done(request, sample, response)` is called once for each, in any
    /// order, and may end the whole by [`ControlFlow::Break`] (which is no error).
    ///
    /// # Errors
    /// Where a request cannot be answered: what was answered before has been handed on.
    fn sample(
        &self,
        requests: &[SampleRequest],
        on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
    ) -> anyhow::Result<()>;

    /// As [`Sampler::sample`], but a request that an endpoint does not answer, after all tries, ends
    /// nothing: `on_unanswered(request, sample, reason)` is called for each of its samples that is
    /// missing. A model in this process answers all.
    ///
    /// # Errors
    /// Where no request can be answered any more.
    fn sample_each(
        &self,
        requests: &[SampleRequest],
        on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
        on_unanswered: &mut dyn FnMut(usize, usize, String) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let _ = on_unanswered;
        self.sample(requests, on_done)
    }

    /// Requests that are asked together at most where records are written only after all of them: what
    /// a killed process loses. Absent: as many as suit the stage.
    fn requests_at_once(&self) -> Option<usize> {
        None
    }

    /// What was asked of an endpoint so far, where there is one.
    fn spent(&self) -> Option<Spent> {
        None
    }
}
