//! One question to an OpenAI-compatible server, and its answer as it comes.

use super::Dead;
use super::model_server::Endpoint;
use crate::limits::{DEMO_ANSWER_SECONDS_MAX, DEMO_EVENT_BYTES_MAX, DEMO_TOLD_EVERY_MS};
use asking::question::{Side, Text, Times, decoding, messages};
use datasets::demo::{About, Count, Way};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// How its events begin, and the last one.
const EVENT: &str = "data:";
const DONE: &str = "[DONE]";
/// Characters of a server's words that are shown.
const SHOWN_CHARACTERS_MAX: usize = 300;
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub side: Side,
    pub question: String,
    pub times: Times,
    #[serde(default)]
    pub seed: u64,
}

/// The answer as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answered {
    pub texts: Vec<Text>,
    /// Tokens of all of them.
    pub drawn: usize,
    /// Tokens a second, after the first of each.
    pub speed: Option<f64>,
    /// Milliseconds until the first token.
    pub waited: f64,
    /// How often the model was right at the level of the first, where its server says so itself.
    #[serde(skip)]
    pub record: Option<Count>,
}

/// Asks; `told` hears of what has come, now and then, and may break off. Blocks.
///
/// # Errors
/// Where the server is away, refuses, or breaks off.
pub fn ask(
    endpoint: &Endpoint,
    (about, way): (&About, &Way),
    asked: &Question,
    told: &mut dyn FnMut(&Answered) -> ControlFlow<()>,
) -> Result<Option<Answered>, Dead> {
    let agent = agent(endpoint);
    let mut request = agent.post(format!("{}/chat/completions", endpoint.root));
    if let Some(key) = &endpoint.key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let began = Instant::now();
    let body = body(endpoint, (about, way), asked)?;
    let response = request
        .send_json(&body)
        .map_err(|error| Dead(format!("The model's server cannot be asked: {error}.")))?;
    let status = response.status();
    let reader = response.into_body().into_reader();
    if !status.is_success() {
        return Err(Dead(refusal(status.as_u16(), reader)));
    }
    let mut stream = Stream {
        answered: Answered {
            texts: vec![Text::default(); asked.times.samples()],
            ..Answered::default()
        },
        began,
        first: None,
        usage: None,
    };
    let mut last_told: Option<Instant> = None;
    let mut lines = BufReader::new(reader);
    loop {
        let line = line(&mut lines)?;
        let Some(line) = line else {
            return Err(Dead(
                "The model's server broke off in the middle of the answer.".to_owned(),
            ));
        };
        let Some(data) = line.strip_prefix(EVENT) else {
            continue;
        };
        let data = data.trim();
        if data == DONE {
            return Ok(Some(stream.end()));
        }
        stream.hear(data)?;
        let every = Duration::from_millis(DEMO_TOLD_EVERY_MS);
        if last_told.is_none_or(|last| last.elapsed() >= every) {
            last_told = Some(Instant::now());
            if told(&stream.answered).is_break() {
                return Ok(None);
            }
        }
    }
}

fn agent(endpoint: &Endpoint) -> Agent {
    let mut config = Agent::config_builder()
        .tls_config(
            TlsConfig::builder()
                .root_certs(RootCerts::PlatformVerifier)
                .build(),
        )
        .timeout_connect(Some(CONNECT_MAX))
        .timeout_global(Some(Duration::from_secs(DEMO_ANSWER_SECONDS_MAX)))
        // The reply to an error holds its reason.
        .http_status_as_error(false)
        // A redirect would carry the question, and perhaps the key, to whom nobody named.
        .max_redirects(0);
    if endpoint.root.starts_with("http://127.0.0.1:") {
        // A proxy of the environment's is for what is elsewhere.
        config = config.proxy(None);
    }
    config.build().into()
}

fn body(
    endpoint: &Endpoint,
    (about, way): (&About, &Way),
    asked: &Question,
) -> Result<Value, Dead> {
    let model = match asked.side {
        Side::Before => &endpoint.before,
        Side::After => endpoint
            .after
            .as_ref()
            .ok_or_else(|| Dead("The model's server has no taught model.".to_owned()))?,
    };
    let decoding = decoding(way, asked.times);
    let mut body = json!({
        "model": model,
        "messages": messages(about, way, &asked.question),
        "n": asked.times.samples(),
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "max_tokens": decoding.max_tokens,
        // What JavaScript can hold, and every server takes.
        "seed": asked.seed % (1 << 32),
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if decoding.top_k > 0 {
        body["top_k"] = decoding.top_k.into();
    }
    if !decoding.stop.is_empty() {
        body["stop"] = decoding.stop.into();
    }
    Ok(body)
}

/// The next line; `None` at the end.
fn line(lines: &mut impl BufRead) -> Result<Option<String>, Dead> {
    let broke = |error: std::io::Error| Dead(format!("The model's server broke off: {error}."));
    let mut line = Vec::new();
    let mut limited = lines.take(DEMO_EVENT_BYTES_MAX as u64);
    limited.read_until(b'\n', &mut line).map_err(broke)?;
    if line.is_empty() {
        return Ok(None);
    }
    if !line.ends_with(b"\n") && line.len() >= DEMO_EVENT_BYTES_MAX {
        return Err(Dead(format!(
            "The model's server sent an event of more than {DEMO_EVENT_BYTES_MAX} bytes."
        )));
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

/// Why a server refused, by its own words where it has some.
fn refusal(status: u16, reader: impl Read) -> String {
    let mut text = String::new();
    // What cannot be read is not shown.
    let _ = reader
        .take(DEMO_EVENT_BYTES_MAX as u64)
        .read_to_string(&mut text);
    let said = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|value| Some(value["error"]["message"].as_str()?.to_owned()));
    let words: String = said
        .unwrap_or(text)
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .collect();
    format!("The model's server answered {status}: {words}")
}

/// What has come.
struct Stream {
    answered: Answered,
    began: Instant,
    first: Option<Instant>,
    usage: Option<usize>,
}

/// An event, as far as it matters here.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Usage {
    completion_tokens: usize,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: usize,
    #[serde(default)]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    sayself: Option<Extension>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

/// What `sayself infer` says of an answer.
#[derive(Deserialize)]
struct Extension {
    #[serde(default)]
    confidence_distribution: Option<[f64; 10]>,
    #[serde(default)]
    record: Option<AtLevel>,
}

#[derive(Deserialize)]
struct AtLevel {
    n: u32,
    accuracy: f64,
}

impl Stream {
    fn hear(&mut self, data: &str) -> Result<(), Dead> {
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| {
            Dead(format!(
                "The model's server sent what is no event: {error}."
            ))
        })?;
        if let Some(Refusal { message }) = chunk.error {
            let message: String = message.chars().take(SHOWN_CHARACTERS_MAX).collect();
            return Err(Dead(format!("The model's server says: {message}")));
        }
        if let Some(usage) = chunk.usage {
            self.usage = Some(usage.completion_tokens);
        }
        for choice in chunk.choices {
            let Some(text) = self.answered.texts.get_mut(choice.index) else {
                continue;
            };
            if let Some(content) = choice.delta.content.filter(|content| !content.is_empty()) {
                self.first.get_or_insert_with(Instant::now);
                text.text.push_str(&content);
                text.tokens += 1;
                self.answered.drawn += 1;
            }
            text.done |= choice.finish_reason.is_some();
            if let Some(said) = choice.sayself {
                text.levels = said.confidence_distribution;
                if choice.index == 0 {
                    self.answered.record = said.record.map(|record| Count {
                        right: (record.accuracy * f64::from(record.n)).round() as u32,
                        n: record.n,
                    });
                }
            }
        }
        self.clock();
        Ok(())
    }

    fn clock(&mut self) {
        let Some(first) = self.first else {
            return;
        };
        let answered = &mut self.answered;
        answered.waited = (first - self.began).as_secs_f64() * 1_000.0;
        let seconds = first.elapsed().as_secs_f64();
        let after_first = answered.drawn.saturating_sub(answered.texts.len());
        answered.speed = (after_first > 0 && seconds > 0.0).then(|| after_first as f64 / seconds);
    }

    fn end(mut self) -> Answered {
        if let Some(tokens) = self.usage {
            // Its own count: an event may hold more than one token.
            self.answered.drawn = tokens;
        }
        for text in &mut self.answered.texts {
            text.done = true;
        }
        self.answered
    }
}
