//! What a request wants, whichever address it came to: read once, checked once.

use super::failure::Failure;
use super::fields::{Fields, wrong};
use super::limits::{CHOICES_MAX, STOP_BYTES_MAX, STOPS_MAX, TEMPERATURE_MAX, TOP_LOGPROBS_MAX};
use super::served::Served;
use datasets::config::Decoding;
use serde_json::Value;
use std::hash::{BuildHasher, RandomState};

/// What both addresses have in common.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which of the served models.
    pub model: usize,
    pub decoding: Decoding,
    /// Choices of each prompt.
    pub n: usize,
    pub seed: u64,
    pub is_streamed: bool,
    /// Whether a stream ends with what was used.
    pub include_usage: bool,
    /// So many tokens are told beside each chosen one; none: no log-probabilities are told.
    pub logprobs: Option<usize>,
    /// Whether the confidence goes through the fitted map.
    pub recalibrates: bool,
}

/// Whether a parameter's value is the one that changes nothing.
type ChangesNothing = fn(&Value) -> bool;

/// Parameters that would change the answer, and that this server does not have: each may have the value
/// that changes nothing.
const WITHOUT_EFFECT: [(&str, ChangesNothing); 10] = [
    ("tools", is_empty),
    ("functions", is_empty),
    ("tool_choice", |value| value == "none" || value == "auto"),
    ("function_call", |value| value == "none" || value == "auto"),
    ("logit_bias", is_empty),
    ("presence_penalty", is_zero),
    ("frequency_penalty", is_zero),
    ("response_format", |value| value["type"] == "text"),
    ("modalities", |value| *value == serde_json::json!(["text"])),
    ("audio", |_| false),
];

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

impl Wanted {
    /// Reads the common parameters; `logprobs` are the address's own.
    ///
    /// # Errors
    /// 400 for a parameter that cannot be so, 404 for a model that is not there.
    pub fn read(
        fields: Fields<'_>,
        served: &Served,
        tokens_default: usize,
        logprobs: Option<usize>,
    ) -> Result<Self, Failure> {
        let name = fields
            .text("model")?
            .ok_or_else(|| Failure::missing("model"))?;
        let model = served.place(name)?;
        for (name, has_no_effect) in WITHOUT_EFFECT {
            if let Some(value) = fields.value(name)
                && !has_no_effect(value)
            {
                let message = format!("`{name}` is not to be had here; leave it out.");
                return Err(Failure::unsupported(name, message));
            }
        }
        let is_streamed = fields.truth("stream")?.unwrap_or(false);
        let options = fields.object("stream_options")?;
        if options.is_some() && !is_streamed {
            let message = "`stream_options` goes with `stream: true` alone.";
            return Err(Failure::bad_value("stream_options", message));
        }
        let include_usage = match options {
            Some(options) => options.truth("include_usage")?.unwrap_or(false),
            None => false,
        };
        let own = fields.object("sayself")?;
        let recalibrates = match own {
            Some(own) => own.truth("recalibrate")?.unwrap_or(false),
            None => false,
        };
        if recalibrates && served.models[model].known.recalibration.is_none() {
            let message = format!("No recalibration was fitted for the model `{name}`.");
            return Err(Failure::bad_value("sayself.recalibrate", message));
        }
        let n = fields.whole("n", 1..=CHOICES_MAX as u64)?.unwrap_or(1);
        Ok(Wanted {
            model,
            decoding: decoding(fields, served, tokens_default)?,
            n: n as usize,
            seed: match fields.seed("seed")? {
                Some(seed) => seed,
                None => random(),
            },
            is_streamed,
            include_usage,
            logprobs,
            recalibrates,
        })
    }

    /// The seeds of a prompt's choices: the first choice of the first prompt has the seed that was given,
    /// as `sayself sample` would.
    pub fn seeds(&self, prompt: usize) -> Vec<u64> {
        let first = prompt * self.n;
        (first..first + self.n)
            .map(|choice| match choice {
                0 => self.seed,
                _ => spread(self.seed ^ spread(choice as u64)),
            })
            .collect()
    }
}

/// How many tokens beside each chosen one, of a number that may not be above [`TOP_LOGPROBS_MAX`].
pub fn top(fields: Fields<'_>, name: &str) -> Result<Option<usize>, Failure> {
    let top = fields.whole(name, 0..=TOP_LOGPROBS_MAX)?;
    Ok(top.map(|top| top as usize))
}

fn decoding(
    fields: Fields<'_>,
    served: &Served,
    tokens_default: usize,
) -> Result<Decoding, Failure> {
    // The newer name goes before the older.
    let asked = ["max_completion_tokens", "max_tokens"]
        .into_iter()
        .map(|name| fields.whole(name, 1..=served.tokens_max as u64))
        .collect::<Result<Vec<_>, _>>()?;
    let max_tokens = asked.into_iter().flatten().next();
    let top_k = match fields.value("top_k") {
        // As vLLM writes that all are kept.
        Some(value) if value.as_i64() == Some(-1) => 0,
        _ => fields.whole("top_k", 0..=u64::from(u32::MAX))?.unwrap_or(0),
    };
    let top_p = fields.number("top_p", 0.0..=1.0)?.unwrap_or(1.0);
    if top_p == 0.0 {
        let message = "`top_p`: expected a number above 0, at most 1; greedy is `temperature: 0`.";
        return Err(Failure::bad_value("top_p", message));
    }
    Ok(Decoding {
        temperature: fields
            .number("temperature", 0.0..=TEMPERATURE_MAX)?
            .unwrap_or(1.0),
        top_p,
        top_k: top_k as usize,
        max_tokens: max_tokens.map_or(tokens_default, |tokens| tokens as usize),
        stop: stops(fields)?,
    })
}

fn stops(fields: Fields<'_>) -> Result<Vec<String>, Failure> {
    let Some(value) = fields.value("stop") else {
        return Ok(Vec::new());
    };
    let expected = format!(
        "a text, or at most {STOPS_MAX} of them, none empty, each of at most {STOP_BYTES_MAX} bytes"
    );
    let texts = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(texts) if texts.len() <= STOPS_MAX => texts,
        _ => return Err(wrong("stop", &expected, value)),
    };
    let is_sound = |text: &&str| !text.is_empty() && text.len() <= STOP_BYTES_MAX;
    texts
        .iter()
        .map(|text| text.as_str().filter(is_sound).map(ToOwned::to_owned))
        .collect::<Option<Vec<String>>>()
        .ok_or_else(|| wrong("stop", &expected, value))
}

/// A number that nobody can foretell: of the system's randomness, by which the maps of the standard
/// library are keyed.
pub fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// A number whose bits are spread over all 64 (SplitMix64's last steps), so that neighbouring seeds have
/// nothing in common.
fn spread(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
