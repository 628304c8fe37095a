//! Tokens as OpenAI's answers write them.

use model::Tokenizer;
use serde_json::{Value, json};

/// A token's text; bytes that make no character of their own are replaced.
pub fn token_text(tokenizer: &Tokenizer, token: u32) -> String {
    let bytes = tokenizer.token_bytes(token).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `{"token", "logprob", "bytes"}`
pub fn told(tokenizer: &Tokenizer, token: u32, logprob: f32) -> Value {
    let bytes = tokenizer.token_bytes(token).unwrap_or_default();
    json!({
        "token": String::from_utf8_lossy(&bytes),
        "logprob": finite(logprob),
        "bytes": bytes,
    })
}

/// JSON has no infinity; OpenAI writes this for what is all but impossible.
pub fn finite(logprob: f32) -> f64 {
    const LEAST: f64 = -9_999.0;
    f64::from(logprob).max(LEAST)
}
