//! Chat completions: what is asked, what comes back, and what is no answer to it.

use super::{Endpoint, Unanswered, shortened};
use datasets::config::Decoding;
use datasets::prompts::Message;
use datasets::record::FinishReason;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::atomic::AtomicBool;

/// The path below `/v1`.
pub const PATH: &str = "chat/completions";

/// Bytes of text that a token may stand for: more is an answer that is longer than asked for.
const TOKEN_BYTES_MAX: usize = 64;
/// Servers differ in whether they count the tokens that end a turn.
const TOKENS_MORE_MAX: u64 = 8;
/// Answers that are asked for until one is usable.
const ANSWERS_MAX: u32 = 3;
/// The first answer is the most probable one; another needs chance.
const TEMPERATURE_AGAIN: f64 = 0.7;

/// One answer of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub text: String,
    pub finish_reason: FinishReason,
    /// Sampled tokens; where the server does not tell them one by one, the mean over the choices; 0
    /// where it tells nothing.
    pub tokens: u32,
    /// Sum of the tokens' log-probabilities, where they were asked for and told.
    pub logprob: Option<f64>,
}

/// What is asked.
pub struct Asked<'a> {
    pub messages: &'a [Message],
    /// What the assistant has said already.
    pub forced_prefix: Option<&'a str>,
    pub decoding: &'a Decoding,
    pub seed: u64,
    /// Choices wanted.
    pub choices: usize,
    pub logprobs: bool,
}

impl Endpoint {
    /// Asks for choices; there is at least one, and at most as many as asked for.
    pub fn chat(&self, asked: &Asked<'_>, ended: &AtomicBool) -> Result<Vec<Choice>, Unanswered> {
        let body = body(self.model(), asked);
        let tokens_max = asked.decoding.max_tokens;
        self.call(PATH, &body, ended, &|reply| {
            choices(reply, asked.choices, tokens_max)
        })
    }

    /// Asks for one answer until `check` takes it: the most probable one, then others. The reason of a
    /// refusal says what was found and what was expected.
    pub fn chat_checked<T>(
        &self,
        messages: &[Message],
        tokens_max: usize,
        seed: u64,
        ended: &AtomicBool,
        check: &dyn Fn(&Choice) -> Result<T, String>,
    ) -> Result<T, Unanswered> {
        let mut refused = String::new();
        for answer in 0..ANSWERS_MAX {
            let decoding = Decoding {
                temperature: if answer == 0 { 0.0 } else { TEMPERATURE_AGAIN },
                max_tokens: tokens_max,
                ..Decoding::default()
            };
            let asked = Asked {
                messages,
                forced_prefix: None,
                decoding: &decoding,
                seed: seed.wrapping_add(u64::from(answer)),
                choices: 1,
                logprobs: false,
            };
            let choices = self.chat(&asked, ended)?;
            let choice = choices.first().ok_or(Unanswered::Ended)?;
            match check(choice) {
                Ok(value) => return Ok(value),
                Err(reason) => refused = format!("{reason}: {:?}", shortened(&choice.text)),
            }
        }
        Err(Unanswered::Request(format!(
            "{ANSWERS_MAX} answers could not be used, the last: {refused}"
        )))
    }
}

fn body(model: &str, asked: &Asked<'_>) -> Value {
    let mut messages: Vec<Value> = asked
        .messages
        .iter()
        .map(|message| json!({ "role": message.role, "content": message.content }))
        .collect();
    let decoding = asked.decoding;
    let mut body = Map::new();
    if let Some(prefix) = asked.forced_prefix {
        messages.push(json!({ "role": "assistant", "content": prefix }));
        // As vLLM and SGLang name it; llama.cpp goes on from a last assistant message unasked.
        body.insert("continue_final_message".into(), true.into());
        body.insert("add_generation_prompt".into(), false.into());
    }
    body.insert("model".into(), model.into());
    body.insert("messages".into(), messages.into());
    body.insert("n".into(), asked.choices.into());
    // Servers keep seeds in 32 or 64 bits, signed; 31 bits fit them all.
    body.insert("seed".into(), (asked.seed % (1 << 31)).into());
    body.insert("temperature".into(), decoding.temperature.into());
    body.insert("top_p".into(), decoding.top_p.into());
    body.insert("max_tokens".into(), decoding.max_tokens.into());
    if decoding.top_k > 0 {
        body.insert("top_k".into(), decoding.top_k.into());
    }
    if !decoding.stop.is_empty() {
        body.insert("stop".into(), decoding.stop.clone().into());
    }
    if asked.logprobs {
        body.insert("logprobs".into(), true.into());
    }
    body.into()
}

#[derive(Deserialize)]
struct Reply {
    choices: Vec<ReplyChoice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct ReplyChoice {
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

/// At most `wanted` choices of a reply, none of them longer than asked for.
fn choices(reply: &Value, wanted: usize, tokens_max: usize) -> Result<Vec<Choice>, String> {
    let reply = Reply::deserialize(reply)
        .map_err(|error| format!("expected a chat completion, found another reply: {error}"))?;
    if reply.choices.is_empty() {
        return Err("expected at least one choice, found none".into());
    }
    let tokens_mean = reply.usage.map_or(0, |usage| {
        usage.completion_tokens.div_ceil(reply.choices.len() as u64)
    });
    reply
        .choices
        .into_iter()
        .take(wanted)
        .map(|choice| {
            let logprobs = choice.logprobs.and_then(|logprobs| logprobs.content);
            let tokens = logprobs
                .as_ref()
                .map_or(tokens_mean, |tokens| tokens.len() as u64);
            if tokens > tokens_max as u64 + TOKENS_MORE_MAX {
                return Err(format!(
                    "expected at most {tokens_max} tokens, found an answer of {tokens}"
                ));
            }
            let text = choice.message.content.unwrap_or_default();
            if text.len() > (tokens_max + TOKENS_MORE_MAX as usize) * TOKEN_BYTES_MAX {
                return Err(format!(
                    "expected at most {tokens_max} tokens, found an answer of {} bytes",
                    text.len()
                ));
            }
            Ok(Choice {
                finish_reason: finish_reason(
                    choice.finish_reason.as_deref(),
                    choice.stop_reason.or(choice.matched_stop),
                )?,
                text,
                tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
                logprob: logprobs
                    .map(|tokens| tokens.iter().map(|token| token.logprob).sum())
                    .filter(|sum: &f64| sum.is_finite()),
            })
        })
        .collect()
}

fn finish_reason(reason: Option<&str>, stopped_by: Option<Value>) -> Result<FinishReason, String> {
    match reason {
        Some("length") => Ok(FinishReason::Length),
        Some("stop") | None => Ok(match stopped_by {
            Some(Value::String(_)) => FinishReason::Stop,
            _ => FinishReason::EndOfTurn,
        }),
        Some(other) => Err(format!(
            "expected an answer that ended with \"stop\" or \"length\", found {other:?}"
        )),
    }
}
