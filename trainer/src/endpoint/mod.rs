//! A client of OpenAI-compatible servers (vLLM, SGLang, llama.cpp, hosted ones), shared by all that
//! ask one: the sampler, the teacher, the judge and the sentence encoder.
//!
//! What a server does wrong is expected: it may be away, slow, at its limit, or answer nonsense. A
//! call is tried again after a pause that grows, as the server's own headers ask for ([`pace`]); a
//! request that fails all its tries is handed back as [`Unanswered`], for the caller to count and to
//! ask again another time. Where nothing is answered any more, all calls end at once.

pub mod at_once;
pub mod chat;
mod key;
pub mod pace;

use crate::error::bad_use;
use calibration::random::Random;
use datasets::config::EndpointConfig;
use key::Key;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// Characters of a server's words that are shown.
const SHOWN_CHARACTERS_MAX: usize = 300;
/// Calls in flight.
const CONCURRENCY_MAX: usize = 1024;
/// So many requests that fail one after the other, or as many as are in flight where those are more,
/// are taken for the end of the server.
const FAILED_IN_A_ROW_MAX: usize = 8;
/// How often a pause looks whether all has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
const MB: u64 = 1_000_000;

/// Why a request has no answer, after all tries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// This one alone: others may be answered.
    #[error("{0}")]
    Request(String),
    /// None will be, until somebody does something about it.
    #[error("{0}")]
    Endpoint(String),
    /// The caller ended all.
    #[error("ended before it was answered")]
    Ended,
}

/// What was asked of an endpoint, by its own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Calls sent, tries included.
    pub calls: u64,
    /// Of these, those that were tries after the first.
    pub retries: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

impl Spent {
    /// As values of an event.
    pub fn values(self) -> [(&'static str, f64); 4] {
        [
            ("endpoint_calls", self.calls as f64),
            ("endpoint_retries", self.retries as f64),
            ("prompt_tokens", self.prompt_tokens as f64),
            ("completion_tokens", self.completion_tokens as f64),
        ]
    }
}

/// A server that is asked.
pub struct Endpoint {
    config: EndpointConfig,
    model: String,
    /// Up to and with `/v1`.
    root: String,
    key: Option<Key>,
    agent: Agent,
    closed: Mutex<Closed>,
    jitter: Mutex<Random>,
    failed_in_a_row: AtomicUsize,
    has_answered: AtomicBool,
    calls: AtomicU64,
    retries: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
}

/// No call starts before this moment: the server asked for it.
struct Closed {
    until: Instant,
    why: String,
}

/// Why one try failed.
enum Failure {
    /// Another try may do better.
    Passing(String),
    /// This request is refused, whenever it is asked.
    Request(String),
    /// So is every request.
    Endpoint(String),
}

impl Endpoint {
    /// `model`: what it is called where the configuration does not say otherwise.
    ///
    /// # Errors
    /// Bad use (exit code 2): no http address, a name and password in it, no model, a concurrency out
    /// of range, a key's variable that is not set.
    pub fn new(config: &EndpointConfig, model: &str) -> anyhow::Result<Self> {
        let key = Key::from_environment(config.key_variable.as_deref())?;
        let root = root_of(&config.url)?;
        let model = config.model.as_deref().unwrap_or(model);
        if model.is_empty() {
            return Err(bad_use(
                "an endpoint needs --model, the name that it gives the model",
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
            .timeout_connect(Some(seconds(config.connect_timeout_seconds)))
            .timeout_global(Some(seconds(config.timeout_seconds)))
            // The reply to an error holds its reason.
            .http_status_as_error(false)
            // A redirect would carry the question, and perhaps the key, to whom nobody named.
            .max_redirects(0)
            .max_idle_connections_per_host(config.concurrency)
            .user_agent(concat!("sayself/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_nanos() as u64);
        Ok(Endpoint {
            config: config.clone(),
            model: model.to_owned(),
            root,
            key,
            agent,
            closed: Mutex::new(Closed {
                until: Instant::now(),
                why: String::new(),
            }),
            // Two programs that were turned away together must not come back together.
            jitter: Mutex::new(Random::stream(now, u64::from(std::process::id()))),
            failed_in_a_row: AtomicUsize::new(0),
            has_answered: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            prompt_tokens: AtomicU64::new(0),
            completion_tokens: AtomicU64::new(0),
        })
    }

    /// What the server calls the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Calls in flight at most.
    pub fn concurrency(&self) -> usize {
        self.config.concurrency
    }

    pub fn spent(&self) -> Spent {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Spent {
            calls: count(&self.calls),
            retries: count(&self.retries),
            prompt_tokens: count(&self.prompt_tokens),
            completion_tokens: count(&self.completion_tokens),
        }
    }

    /// Posts `body` to `path` below `/v1`, until a reply can be read by `read`, whose error says what
    /// was found in place of what was expected.
    ///
    /// Replies are at most `reply_mb_max` MB; pauses end when `ended` is set.
    pub fn call<T>(
        &self,
        path: &str,
        body: &Value,
        ended: &AtomicBool,
        read: &dyn Fn(&Value) -> Result<T, String>,
    ) -> Result<T, Unanswered> {
        let url = format!("{}/{path}", self.root);
        for attempt in 1.. {
            self.wait_until_open(ended)?;
            if attempt > 1 {
                self.retries.fetch_add(1, Ordering::Relaxed);
            }
            let reason = match self.try_once(&url, body, read) {
                Ok(value) => {
                    self.failed_in_a_row.store(0, Ordering::Relaxed);
                    self.has_answered.store(true, Ordering::Relaxed);
                    return Ok(value);
                }
                Err(Failure::Endpoint(reason)) => return Err(Unanswered::Endpoint(reason)),
                Err(Failure::Request(reason)) => return Err(self.gives_up(reason, true)),
                Err(Failure::Passing(reason)) => reason,
            };
            if attempt >= self.config.attempts {
                return Err(self.gives_up(format!("{reason} ({attempt} tries)"), false));
            }
            self.pause(self.pause_before(attempt + 1), ended)?;
        }
        Err(Unanswered::Ended)
    }

    /// A request without an answer: the last one, where so many before it had none either.
    fn gives_up(&self, reason: String, is_refusal: bool) -> Unanswered {
        // A server that answers others may refuse any number of requests: they may all be too long.
        if is_refusal && self.has_answered.load(Ordering::Relaxed) {
            return Unanswered::Request(reason);
        }
        let failed = self.failed_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if failed < self.config.concurrency.max(FAILED_IN_A_ROW_MAX) {
            return Unanswered::Request(reason);
        }
        Unanswered::Endpoint(format!(
            "{failed} requests failed one after the other, the last: {reason}; what was answered is \
             kept, and the same command asks for the rest"
        ))
    }

    /// Doubled with each try, and shortened by up to half at random.
    fn pause_before(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(2).min(30) as i32;
        let longest = self.config.first_pause_seconds * 2_f64.powi(doublings);
        let random = locked(&self.jitter).uniform();
        seconds(longest.min(self.config.pause_seconds_max) * (1.0 - random / 2.0))
    }

    /// Waits out what the server asked for.
    fn wait_until_open(&self, ended: &AtomicBool) -> Result<(), Unanswered> {
        loop {
            let (left, why) = {
                let closed = locked(&self.closed);
                let left = closed.until.saturating_duration_since(Instant::now());
                (left, closed.why.clone())
            };
            if left.is_zero() {
                return match ended.load(Ordering::Relaxed) {
                    true => Err(Unanswered::Ended),
                    false => Ok(()),
                };
            }
            if left > seconds(self.config.pause_seconds_max) {
                return Err(Unanswered::Endpoint(format!(
                    "{why}: the server asks for a pause of {} s, more than the {} s of pause_seconds_max; \
                     the same command goes on then",
                    left.as_secs(),
                    self.config.pause_seconds_max
                )));
            }
            self.pause(left, ended)?;
        }
    }

    fn pause(&self, length: Duration, ended: &AtomicBool) -> Result<(), Unanswered> {
        let until = Instant::now() + length;
        loop {
            if ended.load(Ordering::Relaxed) {
                return Err(Unanswered::Ended);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK_INTERVAL));
        }
    }

    /// No call of any thread starts before `pause` is over.
    fn close_for(&self, pause: Duration, why: String) {
        let until = Instant::now() + pause.min(pace::PAUSE_MAX);
        let mut closed = locked(&self.closed);
        if until > closed.until {
            *closed = Closed { until, why };
        }
    }

    fn try_once<T>(
        &self,
        url: &str,
        body: &Value,
        read: &dyn Fn(&Value) -> Result<T, String>,
    ) -> Result<T, Failure> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let told = |what: &str| self.hidden(&format!("{url}: {what}"));
        let mut request = self.agent.post(url);
        if let Some(key) = &self.key {
            request = request.header("Authorization", key.header());
        }
        let mut response = request
            .send_json(body)
            .map_err(|error| Failure::Passing(told(&error.to_string())))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes_max = self.config.reply_mb_max as u64 * MB;
        let text = response
            .body_mut()
            .with_config()
            .limit(bytes_max)
            .read_to_string();
        let text = text.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => {
                Failure::Passing(told(&format!("the reply is longer than {bytes_max} bytes")))
            }
            error => Failure::Passing(told(&error.to_string())),
        });
        let text = text.map(|text| self.hidden(&text));
        let reply = text
            .as_deref()
            .ok()
            .and_then(|text| serde_json::from_str::<Value>(text).ok());
        let tokens = self.count(reply.as_ref());
        // Headers count whatever became of the body.
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(pause) = pace::pause_asked(&header, status, tokens, SystemTime::now()) {
            self.close_for(pause, told(&format!("HTTP status {status}")));
        }
        let text = text?;
        match status {
            200..=299 => {
                let found = || shortened(&text);
                let reply = reply.ok_or_else(|| {
                    Failure::Passing(told(&format!("expected JSON, found {:?}", found())))
                })?;
                read(&reply).map_err(|reason| Failure::Passing(told(&reason)))
            }
            _ => {
                let reason = told(&format!("HTTP status {status}: {}", words_of(&text)));
                Err(match status {
                    408 | 409 | 425 | 429 | 500 | 502..=599 => Failure::Passing(reason),
                    // A key, an account, an address or a model that is none.
                    300..=399 | 401 | 402 | 404 | 405 | 501 => Failure::Endpoint(reason),
                    _ => Failure::Request(reason),
                })
            }
        }
    }

    /// Adds what a reply says that it used; returns its tokens, prompt and completion together.
    fn count(&self, reply: Option<&Value>) -> u64 {
        let Some(usage) = reply.and_then(|reply| reply.get("usage")) else {
            return 0;
        };
        let of = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
        let (prompt, completion) = (of("prompt_tokens"), of("completion_tokens"));
        self.prompt_tokens.fetch_add(prompt, Ordering::Relaxed);
        self.completion_tokens
            .fetch_add(completion, Ordering::Relaxed);
        prompt.saturating_add(completion)
    }

    /// Without the key, should a server repeat it.
    fn hidden(&self, text: &str) -> String {
        match &self.key {
            Some(key) => key.hidden_in(text),
            None => text.to_owned(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of a configuration that was checked; what is not finite or below 0 is no time at all.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

/// The address up to and with `/v1`.
fn root_of(url: &str) -> anyhow::Result<String> {
    let trimmed = url.trim().trim_end_matches('/');
    let Some((_, rest)) = ["http://", "https://"]
        .iter()
        .find_map(|scheme| Some((scheme, trimmed.strip_prefix(scheme)?)))
        .filter(|(_, rest)| !rest.is_empty())
    else {
        return Err(bad_use(format!(
            "an endpoint must be an address such as http://localhost:8000, not {trimmed:?}"
        )));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(bad_use(
            "an endpoint's address must hold no name and password: it stands in run.toml; put the key \
             into the environment (SAYSELF_API_KEY)",
        ));
    }
    let root = ["/chat/completions", "/embeddings"]
        .iter()
        .find_map(|path| trimmed.strip_suffix(path))
        .unwrap_or(trimmed);
    // Some serve under another version or path: `…/api/v3`, `…/openai`.
    let is_versioned = root
        .rsplit('/')
        .next()
        .and_then(|last| last.strip_prefix('v'))
        .is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()));
    Ok(match is_versioned || root != trimmed {
        true => root.to_owned(),
        false => format!("{root}/v1"),
    })
}

/// The reason in an error's body: the servers' common form, where it is one.
fn words_of(text: &str) -> String {
    let message = serde_json::from_str::<Value>(text).ok().and_then(|value| {
        let error = value.get("error").unwrap_or(&value);
        let message = error.get("message").or(Some(error))?;
        Some(message.as_str()?.to_owned())
    });
    shortened(message.as_deref().unwrap_or(text))
}

/// The start of a text, on one line.
pub fn shortened(text: &str) -> String {
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = words.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_in_a_version() {
        for (url, root) in [
            ("http://localhost:8000", "http://localhost:8000/v1"),
            ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
            ("https://a.b/v1/chat/completions", "https://a.b/v1"),
            ("https://a.b/api/v3", "https://a.b/api/v3"),
            ("https://a.b/openai/embeddings", "https://a.b/openai"),
        ] {
            assert_eq!(root_of(url).unwrap(), root, "{url}");
        }
        for url in [
            "localhost:8000",
            "ftp://a",
            "",
            "https://",
            "https://me:secret@a.b/v1",
        ] {
            let error = root_of(url).unwrap_err();
            assert_eq!(crate::error::exit_code(&error), 2, "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn pauses_double_and_are_never_the_same() {
        let config = EndpointConfig {
            first_pause_seconds: 2.0,
            pause_seconds_max: 10.0,
            ..EndpointConfig::at("http://localhost")
        };
        let endpoint = Endpoint::new(&config, "m").unwrap();
        for (attempt, longest) in [(2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (99, 10.0)] {
            let pauses: Vec<f64> = (0..20)
                .map(|_| endpoint.pause_before(attempt).as_secs_f64())
                .collect();
            let within = |pause: &f64| (longest / 2.0..=longest).contains(pause);
            assert!(pauses.iter().all(within), "{attempt}: {pauses:?}");
            assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]));
        }
    }

    #[test]
    fn a_servers_words_are_shown_shortly() {
        assert_eq!(
            words_of(r#"{"error":{"message":"no  such\nmodel"}}"#),
            "no such model"
        );
        assert_eq!(words_of(r#"{"error":"away"}"#), "away");
        assert_eq!(words_of("<html>"), "<html>");
        assert_eq!(words_of(&"x".repeat(999)).chars().count(), 301);
    }
}
