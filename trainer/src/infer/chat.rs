//! `/v1/chat/completions`: what is asked, and how it is answered.

use super::choice::{HeardToken, Piece};
use super::failure::Failure;
use super::fields::{Fields, wrong};
use super::limits::MESSAGES_MAX;
use super::reply::Reply;
use super::served::Served;
use super::token_text::told;
use super::wanted::{Wanted, top};
use datasets::prompts::Message;
use serde_json::{Map, Value, json};

/// A conversation that the model is to go on with.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    pub wanted: Wanted,
    pub messages: Vec<Message>,
    /// What the assistant has said already, which is not said again; empty for none.
    pub said: String,
}

impl ChatRequest {
    /// # Errors
    /// As [`Wanted::read`], and 400 for messages that cannot be so.
    pub fn read(body: &Value, served: &Served) -> Result<Self, Failure> {
        let fields = Fields::of(body)?;
        let top_tokens = top(fields, "top_logprobs")?;
        let logprobs = match fields.truth("logprobs")?.unwrap_or(false) {
            true => Some(top_tokens.unwrap_or(0)),
            false if top_tokens.is_some_and(|top| top > 0) => {
                let message = "`top_logprobs` goes with `logprobs: true` alone.";
                return Err(Failure::bad_value("top_logprobs", message));
            }
            false => None,
        };
        let wanted = Wanted::read(fields, served, served.tokens_max, logprobs)?;
        let mut messages = messages(fields)?;
        // As vLLM and SGLang name it.
        let goes_on = fields.truth("continue_final_message")?.unwrap_or(false);
        let begins_turn = fields.truth("add_generation_prompt")?;
        let mut said = String::new();
        if goes_on {
            if begins_turn == Some(true) {
                let message = "`continue_final_message` goes without `add_generation_prompt`.";
                return Err(Failure::bad_value("add_generation_prompt", message));
            }
            said = match messages.pop() {
                Some(last) if last.role == "assistant" => last.content,
                _ => {
                    let message =
                        "`continue_final_message` needs a last message of the assistant's.";
                    return Err(Failure::bad_value("continue_final_message", message));
                }
            };
        } else if begins_turn == Some(false) {
            let message =
                "`add_generation_prompt: false` goes with `continue_final_message` alone.";
            return Err(Failure::unsupported("add_generation_prompt", message));
        }
        Ok(ChatRequest {
            wanted,
            messages,
            said,
        })
    }

    /// The tokens of the chat template over the messages, and of what the assistant has said.
    ///
    /// # Errors
    /// 400 where the template refuses the messages.
    pub fn tokens(&self, served: &Served) -> Result<Vec<u32>, Failure> {
        let refused = |error: String| Failure::bad_value("messages", error);
        let mut tokens = crate::learn::prompt_tokens(&served.tokenizer, &self.messages)
            .map_err(|error| refused(format!("{error:#}")))?;
        if !self.said.is_empty() {
            // On its own, as the model was given it when it began its answer.
            let said = served.tokenizer.encode(&self.said, false);
            tokens.extend(said.map_err(|error| refused(error.to_string()))?);
        }
        Ok(tokens)
    }
}

fn messages(fields: Fields<'_>) -> Result<Vec<Message>, Failure> {
    let value = fields
        .value("messages")
        .ok_or_else(|| Failure::missing("messages"))?;
    let expected = format!("1 to {MESSAGES_MAX} messages");
    let list = value
        .as_array()
        .filter(|list| (1..=MESSAGES_MAX).contains(&list.len()))
        .ok_or_else(|| wrong("messages", &expected, value))?;
    list.iter()
        .enumerate()
        .map(|(at, message)| {
            let of = |name: &str| format!("messages[{at}].{name}");
            let role = match message["role"].as_str() {
                Some("system" | "developer") => "system",
                Some("user") => "user",
                Some("assistant") => "assistant",
                _ => {
                    let expected = "system, developer, user or assistant";
                    return Err(wrong(&of("role"), expected, &message["role"]));
                }
            };
            let content = content(&message["content"], role, &of("content"))?;
            Ok(Message {
                role: role.to_owned(),
                content,
            })
        })
        .collect()
}

/// A text, or parts that are texts.
fn content(value: &Value, role: &str, name: &str) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null if role == "assistant" => Ok(String::new()),
        Value::Array(parts) => parts
            .iter()
            .map(|part| {
                let is_text = part["type"] == "text";
                part["text"]
                    .as_str()
                    .filter(|_| is_text)
                    .ok_or_else(|| wrong(name, "parts of the type `text`, with a text each", part))
            })
            .collect(),
        other => Err(wrong(name, "a text", other)),
    }
}

/// A choice as a whole answer has it.
pub fn whole_choice(reply: &Reply, at: usize) -> Map<String, Value> {
    let completion = reply.choices[at].completion.as_ref();
    let content = completion.map_or("", |completion| completion.text.as_str());
    let choice = json!({
        "index": at,
        "message": { "role": "assistant", "content": content, "refusal": null },
        "logprobs": logprobs(reply, &reply.pieces[at].tokens),
    });
    fields_of(choice)
}

/// The beginning of a choice in a stream.
pub fn opening() -> Map<String, Value> {
    let delta = json!({ "role": "assistant", "content": "", "refusal": null });
    fields_of(json!({ "delta": delta, "logprobs": null }))
}

/// A piece of a choice in a stream.
pub fn piece(reply: &Reply, piece: &Piece) -> Map<String, Value> {
    let logprobs = logprobs(reply, &piece.tokens);
    fields_of(json!({ "delta": { "content": piece.text }, "logprobs": logprobs }))
}

/// The end of a choice in a stream, when all was said.
pub fn closing() -> Map<String, Value> {
    fields_of(json!({ "delta": {}, "logprobs": null }))
}

pub(super) fn fields_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn logprobs(reply: &Reply, tokens: &[HeardToken]) -> Value {
    if reply.wanted.logprobs.is_none() {
        return Value::Null;
    }
    let tokenizer = &reply.served.tokenizer;
    let content: Vec<Value> = tokens
        .iter()
        .map(|HeardToken { scored, .. }| {
            let mut one = told(tokenizer, scored.token, scored.logprob);
            let top = scored.top.iter();
            one["top_logprobs"] = top
                .map(|(token, logprob)| told(tokenizer, *token, *logprob))
                .collect();
            one
        })
        .collect();
    json!({ "content": content, "refusal": null })
}
