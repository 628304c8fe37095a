//! Sampling, with continuous batching.
//!
//! Each pass over the decoder computes one token of every live row and the next parts of prompts that
//! are waiting ([`plan`]). What prompts have in common is computed once (see [`prefixes`]); a prompt's
//! samples share its keys and values. A row's tokens depend on the weights, the prompt, the seed
//! and the decoding alone: the kernels' results for a row do not depend on the other rows.
//!
//! [`generate`] answers requests that are known beforehand; a [`Generator`] is the same loop, turned by
//! its caller, who adds and cancels jobs between passes.

mod batch;
mod cache;
mod draw;
mod generator;
mod plan;
mod prefixes;
mod row;

pub use generator::Generator;

use crate::{Decoder, LevelTokens, ModelError, Tokenizer};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Most rows that are decoded at once.
pub const ROWS_MAX: usize = 4_096;
/// Most samples of one request.
pub const SAMPLES_MAX: usize = 1 << 20;
/// Most stop texts of one request.
pub const STOPS_MAX: usize = 64;
/// Most tokens that are told beside a drawn one.
pub const TOP_TOKENS_MAX: usize = 64;
/// Tokens of prompts that one pass computes where nothing else is said, so that live rows do not wait
/// for long prompts.
const PROMPT_TOKENS_PASS: usize = 512;
/// Tokens of prompts whose keys and values are kept for prompts to come.
const PREFIX_TOKENS_MAX: usize = 4_096;

/// How the next token is drawn, and when to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decoding {
    /// At least 0; 0 takes the most probable token (the first of equals).
    pub temperature: f64,
    /// Keeps the fewest most probable tokens whose probabilities sum to this, above 0 and at most
    /// 1; 1 keeps all.
    pub top_p: f64,
    /// Keeps this many most probable tokens; 0 keeps all.
    pub top_k: usize,
    /// Most tokens of a completion, the end token included; at least 1.
    pub max_tokens: usize,
    /// A completion ends before the first of these texts.
    pub stop: Vec<String>,
}

/// What is computed at once; changes no completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows, 1 to [`ROWS_MAX`].
    pub rows: usize,
    /// Bytes of keys and values, reckoned as if every completion had its most tokens; one row is
    /// decoded however little this is.
    pub cache_bytes: usize,
}

impl Limits {
    /// So many rows, whatever memory they take.
    #[must_use]
    pub fn rows(rows: usize) -> Self {
        Self {
            rows,
            cache_bytes: usize::MAX,
        }
    }
}

/// A prompt and the samples wanted of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The prompt's tokens; at least one.
    pub prompt: Vec<u32>,
    /// One seed a sample.
    pub samples: Vec<u64>,
    /// How to draw.
    pub decoding: Decoding,
}

impl Request {
    /// Most tokens of a completion: what the decoding and a model's `context` allow.
    fn completion_tokens_max(&self, context: usize) -> usize {
        let left = context.saturating_sub(self.prompt.len());
        self.decoding.max_tokens.min(left)
    }

    /// Whether a decoder can answer it.
    ///
    /// # Errors
    /// If the prompt is empty, fills the model's context or has an unknown token, or the decoding is out of
    /// range.
    pub fn check(&self, decoder: &Decoder) -> Result<(), ModelError> {
        let Decoding {
            temperature,
            top_p,
            max_tokens,
            ref stop,
            ..
        } = self.decoding;
        if self.prompt.is_empty() {
            return Err(ModelError::unsupported(
                "a prompt",
                "at least one token",
                "none",
            ));
        }
        let vocab = decoder.config().vocab;
        if let Some(token) = self.prompt.iter().find(|&&token| token as usize >= vocab) {
            return Err(ModelError::unsupported(
                "a token",
                format!("a number below {vocab}"),
                token,
            ));
        }
        // At least one token must fit after the prompt.
        decoder.check_length(self.prompt.len() + 1)?;
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(ModelError::unsupported(
                "temperature",
                "a number from 0",
                temperature,
            ));
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(ModelError::unsupported(
                "top-p",
                "above 0, at most 1",
                top_p,
            ));
        }
        if max_tokens == 0 {
            return Err(ModelError::unsupported(
                "max-tokens",
                "at least 1",
                max_tokens,
            ));
        }
        if stop.iter().any(String::is_empty) || stop.len() > STOPS_MAX {
            let expected = format!("at most {STOPS_MAX}, none empty");
            return Err(ModelError::unsupported(
                "stop texts",
                expected,
                format!("{stop:?}"),
            ));
        }
        if self.samples.len() > SAMPLES_MAX {
            let found = self.samples.len();
            return Err(ModelError::Limit {
                what: "samples of a request",
                limit: SAMPLES_MAX,
                found,
            });
        }
        Ok(())
    }
}

/// A request, whose it is, and what is to be told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub request: Request,
    /// Which of the generator's adapters, by its place.
    pub adapter: usize,
    /// Whether the levels that its completions state are read.
    pub reads_levels: bool,
    /// Whether each token is told as it is drawn.
    pub tells_tokens: bool,
    /// So many of the most probable tokens are told with each token, at most [`TOP_TOKENS_MAX`].
    pub top_tokens: usize,
    /// Whether the log-probabilities of the prompt's own tokens are told. All of it is then computed anew.
    pub scores_prompt: bool,
}

impl Job {
    /// A request to the first adapter, told of by its completions alone.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self {
            request,
            adapter: 0,
            reads_levels: false,
            tells_tokens: false,
            top_tokens: 0,
            scores_prompt: false,
        }
    }
}

/// A token with what the model thought of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredToken {
    pub token: u32,
    /// Natural log of its probability, at temperature 1 and over all tokens.
    pub logprob: f32,
    /// The most probable tokens in its place, most probable first, as many as were asked for.
    pub top: Vec<(u32, f32)>,
}

/// What a generator tells of a job.
#[derive(Debug)]
pub enum Told<'a> {
    /// The prompt's tokens after the first, each given those before it.
    Prompt {
        job: usize,
        tokens: Vec<ScoredToken>,
    },
    /// A token of a sample, no end token.
    Token {
        job: usize,
        sample: usize,
        token: ScoredToken,
        /// What it adds to the sample's text: nothing while a character lacks bytes. A stop text may be in it.
        text: &'a str,
    },
    /// A sample's end.
    Done {
        job: usize,
        sample: usize,
        completion: Completion,
    },
}

/// Why a completion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended its turn.
    EndOfTurn,
    /// A stop text appeared.
    Stop,
    /// `max_tokens` or the model's context length was reached.
    Length,
}

/// Where completions state a level, and the tokens of levels: so that the distribution that the level
/// is drawn from is read while it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelReading {
    /// The text before a level.
    pub mark: String,
    /// The levels' tokens.
    pub tokens: LevelTokens,
}

/// The distribution over the levels that a completion's last mark was followed by.
#[derive(Clone, Debug, PartialEq)]
pub struct StatedLevels {
    /// Tokens of the completion before the level.
    pub before: usize,
    /// P(level k) at k − 1, as [`level_probabilities`](crate::level_probabilities) has it.
    pub probabilities: [f64; 10],
}

/// One sampled completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The text, special tokens left out, cut before a stop text.
    pub text: String,
    /// The tokens drawn, without the end token; those of a stop text are among them.
    pub tokens: Vec<u32>,
    /// Why it ended.
    pub finish: Finish,
    /// Natural log of the probability, at temperature 1 and over all tokens, of everything drawn,
    /// the end token included.
    pub logprob: f64,
    /// Where a [`LevelReading`] was asked for, its mark was written, and the completion did not end
    /// there.
    pub levels: Option<StatedLevels>,
}

/// Draws all samples of all requests, as many at once as `limits` allow. `on_done` is told of each completion
/// as it ends, by the number of its request and of its sample; it may break off the rest.
///
/// # Errors
/// If a request is not sound (an empty prompt, one that fills the model's context, a decoding out
/// of range), there are 0 rows or over [`ROWS_MAX`], or a computation fails. Completions that were
/// handed over before stay good.
pub fn generate(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    requests: impl Iterator<Item = Request>,
    limits: Limits,
    on_done: &mut dyn FnMut(usize, usize, Completion) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    generate_reading(decoder, tokenizer, requests, limits, None, on_done)
}

/// [`generate`], reading the levels that completions state.
///
/// # Errors
/// As there; if the model does not know a level's token.
pub fn generate_reading(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    requests: impl Iterator<Item = Request>,
    limits: Limits,
    reading: Option<&LevelReading>,
    on_done: &mut dyn FnMut(usize, usize, Completion) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let adapters = vec![decoder.adapter().cloned()];
    let mut generator =
        Generator::new(decoder, adapters, tokenizer, limits)?.reading(reading.cloned());
    let mut on_told = |told: Told<'_>| match told {
        Told::Done {
            job,
            sample,
            completion,
        } => on_done(job, sample, completion),
        Told::Prompt { .. } | Told::Token { .. } => ControlFlow::Continue(()),
    };
    let mut requests = requests.enumerate().peekable();
    loop {
        if generator.start_samples(&mut on_told).is_break() {
            return Ok(());
        }
        while let Some((number, request)) =
            requests.next_if(|(_, request)| generator.has_room_for(request))
        {
            let job = Job {
                reads_levels: reading.is_some(),
                ..Job::new(request)
            };
            generator.add(number, job)?;
        }
        if generator.is_idle() {
            return Ok(());
        }
        if generator.pass(&mut on_told)?.is_break() {
            return Ok(());
        }
    }
}
