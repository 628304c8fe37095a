//! Sampling, with continuous batching.
//!
//! Each pass over the decoder computes one token of every live row and the next part of prompts
//! that are waiting. What prompts have in common is computed once (see [`prefixes`]); a prompt's
//! samples share its keys and values. A row's tokens depend on the weights, the prompt, the seed
//! and the decoding alone: the kernels' results for a row do not depend on the other rows.

mod cache;
mod prefixes;

use crate::decoder::Buffers;
use crate::levels::LevelLogits;
use crate::{Decoder, LevelTokens, ModelError, StreamDecoder, Tokenizer};
use cache::{Cache, CachedAttention, ChunkId, ChunkRows, Step};
use prefixes::{NodeId, Prefixes};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::sync::Mutex;

/// Most rows that are decoded at once.
pub const ROWS_MAX: usize = 4_096;
/// Most samples of one request.
pub const SAMPLES_MAX: usize = 1 << 20;
/// Most stop texts of one request.
pub const STOPS_MAX: usize = 64;
/// Tokens of prompts that one pass computes, so that live rows do not wait for long prompts.
const PROMPT_TOKENS_STEP: usize = 512;
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
    /// Tokens of the prompt, and at most of `samples` samples.
    fn tokens(&self, samples: usize) -> usize {
        let each = self.decoding.max_tokens;
        self.prompt
            .len()
            .saturating_add(each.saturating_mul(samples))
    }
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

/// The distribution over the levels that a completion's first mark was followed by.
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
/// As there.
pub fn generate_reading(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    requests: impl Iterator<Item = Request>,
    limits: Limits,
    reading: Option<&LevelReading>,
    on_done: &mut dyn FnMut(usize, usize, Completion) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let Limits { rows, cache_bytes } = limits;
    if rows == 0 {
        return Err(ModelError::unsupported("rows", "at least 1", rows));
    }
    if rows > ROWS_MAX {
        return Err(ModelError::Limit {
            what: "rows",
            limit: ROWS_MAX,
            found: rows,
        });
    }
    let cache = Cache::new(decoder);
    let mut engine = Engine {
        decoder,
        tokenizer,
        reading,
        rows_max: rows,
        tokens_max: cache_bytes / cache.token_bytes(),
        cache,
        prefixes: Prefixes::default(),
        prompts: BTreeMap::new(),
        rows: Vec::new(),
        logits: Vec::new(),
        buffers: Buffers::default(),
    };
    let mut requests = requests.enumerate().peekable();
    loop {
        let progress = engine.start_samples(on_done)?;
        if progress.is_break() {
            return Ok(());
        }
        engine.admit(&mut requests)?;
        if engine.prompts.is_empty() {
            return Ok(());
        }
        if engine.step(on_done)?.is_break() {
            return Ok(());
        }
    }
}

struct Engine<'a> {
    decoder: &'a Decoder,
    tokenizer: &'a Tokenizer,
    reading: Option<&'a LevelReading>,
    rows_max: usize,
    /// Whose keys and values are kept at once.
    tokens_max: usize,
    cache: Cache,
    prefixes: Prefixes,
    /// By number of the request, in the order of their coming.
    prompts: BTreeMap<usize, Prompt>,
    rows: Vec<Row>,
    /// (p, vocab) of the last pass; kept for its memory, as are the buffers.
    logits: Vec<f32>,
    buffers: Buffers,
}

/// A prompt with samples to start or under way.
struct Prompt {
    request: Request,
    /// The place of all tokens but the last.
    leaf: Option<NodeId>,
    fresh: Option<ChunkId>,
    /// The last token's keys and values.
    tail: ChunkId,
    /// Tokens whose keys and values are there.
    computed: usize,
    /// Logits after the last token, once computed.
    logits: Option<Vec<f32>>,
    /// Samples started.
    started: usize,
    /// Samples under way.
    live: usize,
}

/// A sample under way.
struct Row {
    request: usize,
    sample: usize,
    rng: ChaCha8Rng,
    chunk: ChunkId,
    /// The last of them is not computed yet.
    tokens: Vec<u32>,
    logprob: f64,
    /// Text so far, where stop texts or a mark are looked for.
    stream: Option<StreamDecoder>,
    levels: RowLevels,
}

/// How far the levels of a row have been read.
enum RowLevels {
    /// The mark is not written yet, or none is looked for.
    Unread,
    /// Known but for what comes after a "1" in place of the row's next token, and the number of tokens
    /// before it.
    Probing(LevelLogits, usize),
    Read(StatedLevels),
}

impl Row {
    /// Begins to read where the text ends with the mark: `logits` are those of the next token.
    fn read_at_mark(&mut self, reading: &LevelReading, logits: &[f32]) {
        let at_mark = |stream: &StreamDecoder| stream.text().ends_with(&reading.mark);
        if matches!(self.levels, RowLevels::Unread) && self.stream.as_ref().is_some_and(at_mark) {
            let logits = LevelLogits::of(&reading.tokens, logits);
            self.levels = RowLevels::Probing(logits, self.tokens.len());
        }
    }

    /// Ends reading with the logits after a "1".
    fn read_after_one(&mut self, after_one: &[f32]) {
        if let RowLevels::Probing(logits, before) = &self.levels {
            self.levels = RowLevels::Read(StatedLevels {
                before: *before,
                probabilities: logits.probabilities(after_one),
            });
        }
    }
}

impl Prompt {
    fn waiting(&self) -> usize {
        self.request.samples.len() - self.started
    }
}

impl Engine<'_> {
    /// Starts samples of computed prompts while rows are free, and lets go of finished prompts.
    fn start_samples(
        &mut self,
        on_done: &mut dyn FnMut(usize, usize, Completion) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ModelError> {
        let numbers: Vec<usize> = self.prompts.keys().copied().collect();
        for number in numbers {
            let Some(prompt) = self.prompts.get(&number) else {
                continue;
            };
            let Some(logits) = &prompt.logits else {
                continue;
            };
            let first = prompt.started;
            let count = prompt.waiting().min(self.free_rows(&prompt.request));
            let mut fresh: Vec<Row> = (first..first + count)
                .map(|sample| Row {
                    request: number,
                    sample,
                    rng: ChaCha8Rng::seed_from_u64(prompt.request.samples[sample]),
                    chunk: self.cache.chunk(),
                    tokens: Vec::new(),
                    logprob: 0.0,
                    stream: (!prompt.request.decoding.stop.is_empty() || self.reading.is_some())
                        .then(|| self.tokenizer.stream()),
                    levels: RowLevels::Unread,
                })
                .collect();
            let logits: Vec<&[f32]> = vec![logits; count];
            let drawn = draw(&mut fresh, &logits, |_| &prompt.request.decoding);
            if let Some(prompt) = self.prompts.get_mut(&number) {
                prompt.started += count;
                prompt.live += count;
            }
            if self.take_drawn(fresh, drawn, on_done).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.drop_finished(number);
        }
        self.prefixes.evict(PREFIX_TOKENS_MAX, &mut self.cache);
        Ok(ControlFlow::Continue(()))
    }

    /// Adds a token to each of `rows`; those that go on become live, the others are handed over.
    fn take_drawn(
        &mut self,
        rows: Vec<Row>,
        drawn: Vec<kernels::Sampled>,
        on_done: &mut dyn FnMut(usize, usize, Completion) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let context = self.decoder.config().context;
        let mut flow = ControlFlow::Continue(());
        for (mut row, drawn) in rows.into_iter().zip(drawn) {
            let Some(prompt) = self.prompts.get_mut(&row.request) else {
                continue;
            };
            row.logprob += f64::from(drawn.logprob);
            let Some((finish, text)) = push(&mut row, drawn.token, prompt, self.tokenizer, context)
            else {
                self.rows.push(row);
                continue;
            };
            prompt.live -= 1;
            self.cache.drop_chunk(row.chunk);
            if flow.is_continue() {
                let Row {
                    tokens,
                    logprob,
                    levels,
                    ..
                } = row;
                let completion = Completion {
                    text,
                    tokens,
                    finish,
                    logprob,
                    levels: match levels {
                        RowLevels::Read(levels) => Some(levels),
                        RowLevels::Unread | RowLevels::Probing(..) => None,
                    },
                };
                flow = on_done(row.request, row.sample, completion);
            }
        }
        flow
    }

    fn drop_finished(&mut self, number: usize) {
        let done =
            |prompt: &Prompt| prompt.waiting() == 0 && prompt.live == 0 && prompt.logits.is_some();
        if self.prompts.get(&number).is_some_and(done)
            && let Some(prompt) = self.prompts.remove(&number)
        {
            self.prefixes.leave(prompt.leaf);
            self.cache.drop_chunk(prompt.tail);
        }
    }

    /// Further samples of `request` that may be started now; at least one where none is under way.
    fn free_rows(&self, request: &Request) -> usize {
        let taken: usize = self
            .prompts
            .values()
            .map(|prompt| prompt.request.tokens(prompt.live))
            .sum();
        let by_memory = self.tokens_max.saturating_sub(taken) / request.decoding.max_tokens.max(1);
        let least = usize::from(self.rows.is_empty());
        by_memory.max(least).min(self.rows_max - self.rows.len())
    }

    /// Takes in requests until their samples fill the free rows, or the memory.
    fn admit(
        &mut self,
        requests: &mut Peekable<impl Iterator<Item = (usize, Request)>>,
    ) -> Result<(), ModelError> {
        let prompts = self.prompts.values();
        let mut expected = self.rows.len() + prompts.map(Prompt::waiting).sum::<usize>();
        let prompts = self.prompts.values();
        let mut tokens: usize = prompts
            .map(|prompt| prompt.request.tokens(prompt.live + prompt.waiting()))
            .sum();
        while expected < self.rows_max {
            let fits = |(_, request): &(usize, Request)| {
                self.prompts.is_empty() || tokens + request.tokens(1) <= self.tokens_max
            };
            let Some((number, request)) = requests.next_if(fits) else {
                return Ok(());
            };
            tokens += request.tokens(request.samples.len());
            self.check(&request)?;
            if request.samples.is_empty() {
                continue;
            }
            expected += request.samples.len();
            let shared = &request.prompt[..request.prompt.len() - 1];
            let entered = self.prefixes.enter(shared, &mut self.cache);
            let prompt = Prompt {
                leaf: entered.leaf,
                fresh: entered.fresh,
                tail: self.cache.chunk(),
                computed: entered.known,
                logits: None,
                started: 0,
                live: 0,
                request,
            };
            self.prompts.insert(number, prompt);
        }
        Ok(())
    }

    fn check(&self, request: &Request) -> Result<(), ModelError> {
        let Decoding {
            temperature,
            top_p,
            max_tokens,
            ref stop,
            ..
        } = request.decoding;
        if request.prompt.is_empty() {
            return Err(ModelError::unsupported(
                "a prompt",
                "at least one token",
                "none",
            ));
        }
        // At least one token must fit after the prompt.
        self.decoder.check_length(request.prompt.len() + 1)?;
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
        if request.samples.len() > SAMPLES_MAX {
            let found = request.samples.len();
            return Err(ModelError::Limit {
                what: "samples of a request",
                limit: SAMPLES_MAX,
                found,
            });
        }
        Ok(())
    }

    /// One pass: the next part of waiting prompts, and a token of each live row.
    fn step(
        &mut self,
        on_done: &mut dyn FnMut(usize, usize, Completion) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ModelError> {
        let mut batch = Batch::default();
        let mut finished_prompts = Vec::new();
        let mut budget = PROMPT_TOKENS_STEP;
        // In the order of their coming: a prompt may share rows that one before it brings.
        for (&number, prompt) in &mut self.prompts {
            if prompt.logits.is_some() || budget == 0 {
                continue;
            }
            budget -= batch.add_prompt(prompt, &self.prefixes, budget);
            if prompt.computed == prompt.request.prompt.len() {
                finished_prompts.push(number);
                batch.want_logits();
            } else {
                // What comes after it may need its rows.
                break;
            }
        }
        for row in &self.rows {
            if let Some(prompt) = self.prompts.get(&row.request) {
                batch.add_row(row, prompt, &self.prefixes);
                batch.want_logits();
            }
        }
        let mut probes = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            if let RowLevels::Probing(_, before) = row.levels
                && let (Some(reading), Some(prompt)) =
                    (self.reading, self.prompts.get(&row.request))
            {
                let chunk = self.cache.chunk();
                let one = reading.tokens.digits[1];
                batch.add_probe(row, prompt, &self.prefixes, (one, before, chunk));
                batch.want_logits();
                probes.push((at, chunk));
            }
        }
        let Batch {
            tokens,
            positions,
            step,
            wanted,
        } = batch;
        let mut logits = std::mem::take(&mut self.logits);
        self.decoder.next_logits(
            (&tokens, &positions),
            &mut CachedAttention::new(&mut self.cache, step),
            &wanted,
            &mut self.buffers,
            &mut logits,
        )?;

        let vocab = self.decoder.config().vocab;
        let (of_prompts, of_rows) = logits.split_at(finished_prompts.len() * vocab);
        for (number, logits) in finished_prompts.iter().zip(of_prompts.chunks_exact(vocab)) {
            if let Some(prompt) = self.prompts.get_mut(number) {
                prompt.logits = Some(logits.to_vec());
            }
        }
        let mut rows = std::mem::take(&mut self.rows);
        let (of_rows, of_probes) = of_rows.split_at(rows.len() * vocab);
        for ((at, chunk), logits) in probes.into_iter().zip(of_probes.chunks_exact(vocab)) {
            rows[at].read_after_one(logits);
            self.cache.drop_chunk(chunk);
        }
        let of_rows: Vec<&[f32]> = of_rows.chunks_exact(vocab).collect();
        if let Some(reading) = self.reading {
            for (row, logits) in rows.iter_mut().zip(&of_rows) {
                row.read_at_mark(reading, logits);
            }
        }
        let drawn = draw(&mut rows, &of_rows, |row| {
            &self.prompts[&row.request].request.decoding
        });
        self.logits = logits;
        let mut numbers: Vec<usize> = rows.iter().map(|row| row.request).collect();
        numbers.dedup();
        let flow = self.take_drawn(rows, drawn, on_done);
        numbers
            .into_iter()
            .for_each(|number| self.drop_finished(number));
        Ok(flow)
    }
}

#[derive(Default)]
struct Batch {
    tokens: Vec<u32>,
    positions: Vec<u32>,
    step: Step,
    /// Rows whose logits are wanted.
    wanted: Vec<u32>,
}

impl Batch {
    /// Adds at most `budget` tokens of a prompt; the number added.
    fn add_prompt(&mut self, prompt: &mut Prompt, prefixes: &Prefixes, budget: usize) -> usize {
        let tokens = &prompt.request.prompt;
        let last = tokens.len() - 1;
        let end = tokens.len().min(prompt.computed + budget);
        let start_row = self.tokens.len();
        for (at, &token) in tokens.iter().enumerate().take(end).skip(prompt.computed) {
            let mut sees = prefixes.rows(prompt.leaf, (at + 1).min(last));
            if at == last {
                sees.push((prompt.tail, 0..1));
            }
            self.add_token(token, at, sees);
        }
        let shared = end.min(last).saturating_sub(prompt.computed);
        if let Some(chunk) = prompt.fresh.filter(|_| shared > 0) {
            self.step.write(chunk, start_row..start_row + shared);
        }
        if end == tokens.len() {
            self.step
                .write(prompt.tail, self.tokens.len() - 1..self.tokens.len());
        }
        let added = end - prompt.computed;
        prompt.computed = end;
        added
    }

    /// Adds the last token of a live row.
    fn add_row(&mut self, row: &Row, prompt: &Prompt, prefixes: &Prefixes) {
        let shared = prompt.request.prompt.len() - 1;
        let mut sees = prefixes.rows(prompt.leaf, shared);
        sees.push((prompt.tail, 0..1));
        sees.push((row.chunk, 0..row.tokens.len()));
        self.step
            .write(row.chunk, self.tokens.len()..self.tokens.len() + 1);
        if let Some(&token) = row.tokens.last() {
            self.add_token(token, shared + row.tokens.len(), sees);
        }
    }

    /// Adds a token in place of a live row's one after the first `before`; its keys and values go into
    /// a chunk of its own.
    fn add_probe(
        &mut self,
        row: &Row,
        prompt: &Prompt,
        prefixes: &Prefixes,
        (token, before, chunk): (u32, usize, ChunkId),
    ) {
        let shared = prompt.request.prompt.len() - 1;
        let mut sees = prefixes.rows(prompt.leaf, shared);
        sees.extend([(prompt.tail, 0..1), (row.chunk, 0..before), (chunk, 0..1)]);
        self.step
            .write(chunk, self.tokens.len()..self.tokens.len() + 1);
        self.add_token(token, shared + before + 1, sees);
    }

    fn add_token(&mut self, token: u32, position: usize, sees: Vec<ChunkRows>) {
        self.tokens.push(token);
        self.positions.push(position as u32);
        self.step.see(sees);
    }

    fn want_logits(&mut self) {
        self.wanted.push(self.tokens.len() as u32 - 1);
    }
}

/// Draws a token for each row. Each takes one number of its own generator (none when greedy).
fn draw<'a>(
    rows: &mut [Row],
    logits: &[&[f32]],
    decoding: impl Fn(&Row) -> &'a Decoding,
) -> Vec<kernels::Sampled> {
    struct Draw<'a> {
        decoding: &'a Decoding,
        uniform: f64,
        drawn: Mutex<Option<kernels::Sampled>>,
    }
    let draws: Vec<Draw<'_>> = rows
        .iter_mut()
        .map(|row| {
            let decoding = decoding(row);
            // 53 random bits as a number in [0, 1).
            let uniform = match decoding.temperature > 0.0 {
                true => (row.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64,
                false => 0.0,
            };
            Draw {
                decoding,
                uniform,
                drawn: Mutex::new(None),
            }
        })
        .collect();
    kernels::in_parallel(draws.len(), |at| {
        let Draw {
            decoding,
            uniform,
            drawn,
        } = &draws[at];
        let &Decoding {
            temperature,
            top_k,
            top_p,
            ..
        } = *decoding;
        let sampled = kernels::sample_token(
            logits[at],
            temperature as f32,
            top_k,
            top_p as f32,
            *uniform,
        );
        if let Ok(mut drawn) = drawn.lock() {
            *drawn = Some(sampled);
        }
    });
    let nothing = kernels::Sampled {
        token: 0,
        logprob: f32::NEG_INFINITY,
    };
    draws
        .into_iter()
        .map(|draw| draw.drawn.into_inner().ok().flatten().unwrap_or(nothing))
        .collect()
}

/// Adds a token to a row; how it ended and its text, if it did.
fn push(
    row: &mut Row,
    token: u32,
    prompt: &Prompt,
    tokenizer: &Tokenizer,
    context: usize,
) -> Option<(Finish, String)> {
    let decoding = &prompt.request.decoding;
    if tokenizer.end_tokens().contains(&token) {
        return Some((Finish::EndOfTurn, tokenizer.decode(&row.tokens)));
    }
    row.tokens.push(token);
    if let Some(stream) = &mut row.stream {
        stream.push(token);
        let stops = decoding
            .stop
            .iter()
            .filter_map(|stop| stream.text().find(stop.as_str()));
        if let Some(at) = stops.min() {
            return Some((Finish::Stop, stream.text()[..at].to_owned()));
        }
    }
    let full = prompt.request.prompt.len() + row.tokens.len() >= context;
    if full || row.tokens.len() >= decoding.max_tokens {
        return Some((Finish::Length, tokenizer.decode(&row.tokens)));
    }
    None
}
