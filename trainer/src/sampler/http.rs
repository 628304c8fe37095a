//! Sampling from any OpenAI-compatible server: vLLM, SGLang, llama.cpp, or a hosted one.

use super::{SampleRequest, SampledResponse, Sampler};
use crate::error::bad_use;
use anyhow::{Context, anyhow, bail};
use datasets::record::FinishReason;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// Bytes of one reply.
const REPLY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Characters of an endpoint's error that are shown.
const ERROR_CHARACTERS_MAX: usize = 300;
/// Samples asked for in one call.
const SAMPLES_PER_CALL_MAX: usize = 64;
/// Calls in flight.
const CONCURRENCY_MAX: usize = 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that asks for a longer pause than this is given up.
const PAUSE_MAX: Duration = Duration::from_secs(120);

/// Where and how to ask.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// `http://localhost:8000`, with or without `/v1` or `/v1/chat/completions`.
    pub endpoint: String,
    /// What the endpoint calls the model.
    pub model: String,
    /// Calls in flight, 1..=1,024.
    pub concurrency: usize,
    /// Tries of one call, the first included.
    pub attempts: u32,
    /// The pause before the second try; doubled before each further one.
    pub first_pause: Duration,
    /// A call without a whole reply after this long is tried again.
    pub timeout: Duration,
    /// Ask for log-probabilities; some servers refuse that.
    pub logprobs: bool,
}

impl HttpConfig {
    pub fn new(endpoint: impl Into<String>, model: impl Into<String>) -> Self {
        HttpConfig {
            endpoint: endpoint.into(),
            model: model.into(),
            concurrency: 16,
            attempts: 6,
            first_pause: Duration::from_secs(1),
            timeout: Duration::from_secs(600),
            logprobs: false,
        }
    }
}

/// An OpenAI-compatible server. The key comes from the environment alone (`SAYSELF_API_KEY`, else
/// `OPENAI_API_KEY`), so that it stands in no configuration, log or record.
pub struct HttpSampler {
    config: HttpConfig,
    url: String,
    key: Option<String>,
    agent: Agent,
}

impl HttpSampler {
    /// # Errors
    /// Bad use (exit code 2): an endpoint that is no http address, a concurrency out of range.
    pub fn new(endpoint: &str, model: &str) -> anyhow::Result<Self> {
        Self::with_config(HttpConfig::new(endpoint, model))
    }

    /// # Errors
    /// As [`HttpSampler::new`].
    pub fn with_config(config: HttpConfig) -> anyhow::Result<Self> {
        let key = ["SAYSELF_API_KEY", "OPENAI_API_KEY"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|key| !key.is_empty()));
        Self::with_key(config, key)
    }

    fn with_key(config: HttpConfig, key: Option<String>) -> anyhow::Result<Self> {
        let url = completions_url(&config.endpoint)?;
        if config.model.is_empty() {
            return Err(bad_use(
                "--endpoint needs --model, the name that the endpoint gives it",
            ));
        }
        if !(1..=CONCURRENCY_MAX).contains(&config.concurrency) {
            return Err(bad_use(format!(
                "--concurrency must be 1..={CONCURRENCY_MAX}, not {}",
                config.concurrency
            )));
        }
        let agent = Agent::config_builder()
            .tls_config(
                TlsConfig::builder()
                    .root_certs(RootCerts::PlatformVerifier)
                    .build(),
            )
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(config.timeout))
            // The reply to an error holds its reason.
            .http_status_as_error(false)
            .max_idle_connections_per_host(config.concurrency)
            .user_agent(concat!("sayself/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(HttpSampler {
            config,
            url,
            key,
            agent,
        })
    }

    /// All samples of one request, in as many calls as the server needs.
    fn answer(
        &self,
        request: &SampleRequest,
        stop: &AtomicBool,
        mut on_sample: impl FnMut(usize, SampledResponse),
    ) -> anyhow::Result<()> {
        let mut done = 0;
        while done < request.seeds.len() && !stop.load(Ordering::Relaxed) {
            let wanted = (request.seeds.len() - done).min(SAMPLES_PER_CALL_MAX);
            let body = self.body(request, request.seeds[done], wanted);
            let reply = self.call_with_retries(&body, stop)?;
            let responses = responses_from_reply(reply, wanted)?;
            // Servers that do not know `n` give one choice: the rest is asked for with its own seed.
            for response in responses {
                on_sample(done, response);
                done += 1;
            }
        }
        Ok(())
    }

    fn body(&self, request: &SampleRequest, seed: u64, samples: usize) -> Value {
        let mut messages: Vec<Value> = request
            .messages
            .iter()
            .map(|message| json!({ "role": message.role, "content": message.content }))
            .collect();
        let decoding = &request.decoding;
        let mut body = Map::new();
        if let Some(prefix) = &request.forced_prefix {
            messages.push(json!({ "role": "assistant", "content": prefix }));
            // As vLLM and SGLang name it; llama.cpp goes on from a last assistant message unasked.
            body.insert("continue_final_message".into(), true.into());
            body.insert("add_generation_prompt".into(), false.into());
        }
        body.insert("model".into(), self.config.model.clone().into());
        body.insert("messages".into(), messages.into());
        body.insert("n".into(), samples.into());
        // Servers keep seeds in 32 or 64 bits, signed; 31 bits fit them all.
        body.insert("seed".into(), (seed % (1 << 31)).into());
        body.insert("temperature".into(), decoding.temperature.into());
        body.insert("top_p".into(), decoding.top_p.into());
        body.insert("max_tokens".into(), decoding.max_tokens.into());
        if decoding.top_k > 0 {
            body.insert("top_k".into(), decoding.top_k.into());
        }
        if !decoding.stop.is_empty() {
            body.insert("stop".into(), decoding.stop.clone().into());
        }
        if self.config.logprobs {
            body.insert("logprobs".into(), true.into());
        }
        body.into()
    }

    fn call_with_retries(&self, body: &Value, stop: &AtomicBool) -> anyhow::Result<Reply> {
        let mut pause = self.config.first_pause;
        let mut attempt = 1;
        loop {
            let failure = match self.call(body) {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            let (error, wait) = match failure {
                Failure::Final(error) => return Err(error),
                Failure::Transient { error, retry_after } => (error, retry_after.unwrap_or(pause)),
            };
            if attempt >= self.config.attempts || wait > PAUSE_MAX {
                return Err(error.context(format!("{attempt} tries")));
            }
            if stop.load(Ordering::Relaxed) {
                return Err(error);
            }
            std::thread::sleep(wait);
            pause = (pause * 2).min(PAUSE_MAX);
            attempt += 1;
        }
    }

    fn call(&self, body: &Value) -> Result<Reply, Failure> {
        let transient = |error: anyhow::Error| Failure::Transient {
            error,
            retry_after: None,
        };
        let mut request = self.agent.post(&self.url);
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = request
            .send_json(body)
            .map_err(|error| transient(self.named(error.into())))?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get("Retry-After")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let text = response
            .body_mut()
            .with_config()
            .limit(REPLY_BYTES_MAX)
            .read_to_string()
            .map_err(|error| match error {
                ureq::Error::BodyExceedsLimit(_) => Failure::Final(
                    self.named(anyhow!("the reply is longer than {REPLY_BYTES_MAX} bytes")),
                ),
                error => transient(self.named(error.into())),
            })?;
        match status {
            200..=299 => serde_json::from_str(&text).map_err(|error| {
                Failure::Final(self.named(anyhow!("not a chat completion: {error}")))
            }),
            _ => {
                let error = self.named(anyhow!("HTTP status {status}: {}", shortened(&text)));
                match status {
                    408 | 409 | 425 | 429 | 500..=599 => {
                        Err(Failure::Transient { error, retry_after })
                    }
                    _ => Err(Failure::Final(error)),
                }
            }
        }
    }

    fn named(&self, error: anyhow::Error) -> anyhow::Error {
        error.context(self.url.clone())
    }
}

enum Failure {
    Transient {
        error: anyhow::Error,
        retry_after: Option<Duration>,
    },
    Final(anyhow::Error),
}

impl Sampler for HttpSampler {
    /// Responses are not promised to be the same from run to run: that is the server's affair.
    fn sample(
        &self,
        requests: &[SampleRequest],
        on_done: &mut dyn FnMut(usize, usize, SampledResponse) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let workers = self.config.concurrency.min(requests.len());
        // Bounded, so that a slow disk slows the asking.
        let (sender, receiver) = mpsc::sync_channel(workers.max(1));
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let sender = sender.clone();
                let (next, stop) = (&next, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(request) = requests.get(index) else {
                            break;
                        };
                        let outcome = self.answer(request, stop, |sample, response| {
                            // Nobody listens any more once the whole has been ended.
                            let _ = sender.send(Ok((index, sample, response)));
                        });
                        if let Err(error) = outcome {
                            let _ = sender.send(Err(error));
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut outcome = Ok(());
            for message in &receiver {
                match message {
                    Ok((request, sample, response)) => {
                        if on_done(request, sample, response).is_break() {
                            break;
                        }
                    }
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                }
            }
            stop.store(true, Ordering::Relaxed);
            // Workers that wait to send must see that nobody listens.
            drop(receiver);
            outcome
        })
    }
}

fn completions_url(endpoint: &str) -> anyhow::Result<String> {
    let endpoint = endpoint.trim().trim_end_matches('/');
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        return Err(bad_use(format!(
            "--endpoint must be an address such as http://localhost:8000, not {endpoint:?}"
        )));
    }
    Ok(if endpoint.ends_with("/chat/completions") {
        endpoint.to_owned()
    } else if endpoint.ends_with("/v1") {
        format!("{endpoint}/chat/completions")
    } else {
        format!("{endpoint}/v1/chat/completions")
    })
}

#[derive(Deserialize)]
struct Reply {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: ReplyMessage,
    finish_reason: Option<String>,
    /// vLLM and SGLang: the stop string that was met, or nothing at the end of the turn.
    stop_reason: Option<Value>,
    matched_stop: Option<Value>,
    logprobs: Option<LogProbs>,
}

#[derive(Deserialize)]
struct ReplyMessage {
    content: Option<String>,
}

#[derive(Deserialize)]
struct LogProbs {
    content: Option<Vec<TokenLogProb>>,
}

#[derive(Deserialize)]
struct TokenLogProb {
    logprob: f64,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    completion_tokens: u64,
}

fn responses_from_reply(reply: Reply, wanted: usize) -> anyhow::Result<Vec<SampledResponse>> {
    if reply.choices.is_empty() {
        bail!("the endpoint gave no choice");
    }
    let choices = reply.choices.len() as u64;
    let tokens_mean = reply
        .usage
        .map_or(0, |usage| usage.completion_tokens.div_ceil(choices.max(1)));
    reply
        .choices
        .into_iter()
        .take(wanted)
        .map(|choice| {
            let logprobs = choice.logprobs.and_then(|logprobs| logprobs.content);
            let tokens = logprobs
                .as_ref()
                .map_or(tokens_mean, |tokens| tokens.len() as u64);
            Ok(SampledResponse {
                levels: None,
                finish_reason: finish_reason(
                    choice.finish_reason.as_deref(),
                    choice.stop_reason.or(choice.matched_stop),
                )?,
                text: choice.message.content.unwrap_or_default(),
                tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
                logprob: logprobs
                    .map(|tokens| tokens.iter().map(|token| token.logprob).sum())
                    .filter(|sum: &f64| sum.is_finite()),
            })
        })
        .collect::<anyhow::Result<_>>()
        .context("the endpoint's reply")
}

fn finish_reason(reason: Option<&str>, stopped_by: Option<Value>) -> anyhow::Result<FinishReason> {
    match reason {
        Some("length") => Ok(FinishReason::Length),
        Some("stop") | None => Ok(match stopped_by {
            Some(Value::String(_)) => FinishReason::Stop,
            _ => FinishReason::EndOfTurn,
        }),
        Some(other) => bail!("it ended with {other:?}, expected \"stop\" or \"length\""),
    }
}

fn shortened(text: &str) -> String {
    // The servers' common error form, where it is one.
    let message = serde_json::from_str::<Value>(text).ok().and_then(|value| {
        let error = value.get("error").unwrap_or(&value);
        let message = error.get("message").or(Some(error))?;
        Some(message.as_str()?.to_owned())
    });
    let message = message.unwrap_or_else(|| text.trim().to_owned());
    let mut short: String = message.chars().take(ERROR_CHARACTERS_MAX).collect();
    if short.len() < message.len() {
        short.push('…');
    }
    short
}
