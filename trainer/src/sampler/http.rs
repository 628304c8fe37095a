//! Sampling from any OpenAI-compatible server: vLLM, SGLang, llama.cpp, or a hosted one.

use super::{SampleRequest, SampledResponse, Sampler};
use crate::endpoint::at_once::{Outbox, at_once};
use crate::endpoint::chat::{Asked, Choice};
use crate::endpoint::{Endpoint, Spent, Unanswered};
use datasets::config::EndpointConfig;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

/// Samples asked for in one call.
const SAMPLES_PER_CALL_MAX: usize = 64;
/// Requests asked together, for each that is in flight: at the end of a part few are.
const REQUESTS_PER_CALL_IN_FLIGHT: usize = 4;

/// An OpenAI-compatible server. Responses are not promised to be the same from run to run: that is the
/// server's affair.
pub struct HttpSampler {
    endpoint: Endpoint,
    logprobs: bool,
}

/// What comes of a request: a sample, or the samples that are missing.
enum Heard {
    Sampled {
        request: usize,
        sample: usize,
        response: SampledResponse,
    },
    Unanswered {
        request: usize,
        /// The first that is missing; those after it are too.
        from: usize,
        reason: String,
    },
}

impl HttpSampler {
    /// `model`: what the endpoint calls it, where the configuration does not say otherwise.
    ///
    /// # Errors
    /// As [`Endpoint::new`].
    pub fn new(config: &EndpointConfig, model: &str) -> anyhow::Result<Self> {
        Ok(HttpSampler {
            endpoint: Endpoint::new(config, model)?,
            logprobs: false,
        })
    }

    /// Asks for log-probabilities too; some servers refuse that.
    #[must_use]
    pub fn with_logprobs(self) -> Self {
        HttpSampler {
            logprobs: true,
            ..self
        }
    }

    /// All samples of one request, in as many calls as the server needs.
    fn answer(
        &self,
        request: usize,
        asked: &SampleRequest,
        outbox: &Outbox<'_, Heard>,
    ) -> Result<(), Unanswered> {
        let mut done = 0;
        while done < asked.seeds.len() && !outbox.ended().load(Ordering::Relaxed) {
            let wanted = Asked {
                messages: &asked.messages,
                forced_prefix: asked.forced_prefix.as_deref(),
                decoding: &asked.decoding,
                seed: asked.seeds[done],
                choices: (asked.seeds.len() - done).min(SAMPLES_PER_CALL_MAX),
                logprobs: self.logprobs,
            };
            let choices = match self.endpoint.chat(&wanted, outbox.ended()) {
                Ok(choices) => choices,
                Err(unanswered) => {
                    if unanswered != Unanswered::Ended {
                        outbox.put(Heard::Unanswered {
                            request,
                            from: done,
                            reason: unanswered.to_string(),
                        });
                    }
                    return Err(unanswered);
                }
            };
            // Servers that do not know `n` give one choice: the rest is asked for with its own seed.
            for choice in choices {
                outbox.put(Heard::Sampled {
                    request,
                    sample: done,
                    response: response_of(choice),
                });
                done += 1;
            }
        }
        Ok(())
    }
}

impl Sampler for HttpSampler {
    fn sample(
        &self,
        requests: &[SampleRequest],
        on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let mut unanswered = None;
        let outcome = self.sample_each(requests, on_done, &mut |_, _, reason| {
            unanswered = Some(reason);
            ControlFlow::Break(())
        });
        match unanswered {
            Some(reason) => Err(anyhow::anyhow!(reason)),
            None => outcome,
        }
    }

    fn sample_each(
        &self,
        requests: &[SampleRequest],
        on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
        on_unanswered: &mut dyn FnMut(usize, usize, String) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        at_once(
            requests,
            self.endpoint.concurrency(),
            |index, request, outbox| self.answer(index, request, outbox),
            &mut |heard| match heard {
                Heard::Sampled {
                    request,
                    sample,
                    response,
                } => on_done(request, sample, response),
                Heard::Unanswered {
                    request,
                    from,
                    reason,
                } => {
                    for sample in from..requests[request].seeds.len() {
                        on_unanswered(request, sample, reason.clone())?;
                    }
                    ControlFlow::Continue(())
                }
            },
        )
    }

    fn requests_at_once(&self) -> Option<usize> {
        Some(self.endpoint.concurrency() * REQUESTS_PER_CALL_IN_FLIGHT)
    }

    fn spent(&self) -> Option<Spent> {
        Some(self.endpoint.spent())
    }
}

fn response_of(choice: Choice) -> SampledResponse {
    SampledResponse {
        text: choice.text,
        finish_reason: choice.finish_reason,
        tokens: choice.tokens,
        logprob: choice.logprob,
        levels: None,
    }
}
