//! The loop: jobs come and go between passes.

use super::batch::{Batch, Wanted};
use super::cache::{Cache, CachedAttention, ChunkId, ChunkRows};
use super::draw::{Drawn, draw, score};
use super::plan::{Waiting, plan};
use super::prefixes::{NodeId, Prefixes};
use super::row::Row;
use super::{
    Job, LevelReading, Limits, PREFIX_TOKENS_MAX, PROMPT_TOKENS_PASS, ROWS_MAX, Request,
    ScoredToken, TOP_TOKENS_MAX, Told,
};
use crate::decoder::Buffers;
use crate::{Decoder, Lora, ModelError, Tokenizer};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Who is told what comes of jobs; it may break off all of them.
type OnTold<'a> = dyn FnMut(Told<'_>) -> ControlFlow<()> + 'a;

/// A model that answers jobs as they come: each [`Generator::pass`] computes a token of every sample
/// under way, and parts of the prompts that wait. Jobs may be added and cancelled between passes, and
/// have different adapters over the one model; what comes of a job does not depend on the others.
pub struct Generator {
    decoder: Decoder,
    adapters: Vec<Option<Arc<Lora>>>,
    tokenizer: Tokenizer,
    reading: Option<LevelReading>,
    rows_max: usize,
    /// Whose keys and values are kept at once.
    tokens_max: usize,
    /// Of prompts, in one pass.
    prompt_tokens: usize,
    cache: Cache,
    /// By adapter, since keys and values are its own.
    prefixes: Vec<Prefixes>,
    /// By number of the job, in the order of their coming.
    prompts: BTreeMap<usize, Prompt>,
    rows: Vec<Row>,
    reserved: Reserved,
    /// (p, vocab) of the last pass; kept for its memory, as are the buffers.
    logits: Vec<f32>,
    buffers: Buffers,
}

/// What the jobs that were added may come to need.
#[derive(Default)]
struct Reserved {
    /// Samples under way or waiting.
    rows: usize,
    /// Tokens of all prompts, and of all samples at their longest.
    tokens: usize,
    /// The same without samples that wait.
    tokens_under_way: usize,
}

/// A prompt with samples to start or under way.
struct Prompt {
    job: Job,
    place: Place,
    /// The last token's keys and values.
    tail: ChunkId,
    /// Tokens whose keys and values are there.
    computed: usize,
    /// Logits after the last token, once computed.
    logits: Option<Vec<f32>>,
    /// Of its own tokens, where they are asked for.
    scores: Vec<ScoredToken>,
    /// Samples started.
    started: usize,
    /// Samples under way.
    live: usize,
    /// Most tokens of a sample.
    each: usize,
}

/// Where keys and values of all tokens but the last lie.
enum Place {
    /// In the tree; those that were not there before come into the fresh chunk.
    Shared {
        leaf: Option<NodeId>,
        fresh: Option<ChunkId>,
    },
    /// In a chunk of its own.
    Own(ChunkId),
}

impl Prompt {
    fn request(&self) -> &Request {
        &self.job.request
    }

    fn waiting(&self) -> usize {
        self.request().samples.len() - self.started
    }

    /// Place of the last token.
    fn last(&self) -> usize {
        self.request().prompt.len() - 1
    }

    /// The rows of the first `count` tokens, none of them the last.
    fn rows(&self, prefixes: &[Prefixes], count: usize) -> Vec<ChunkRows> {
        match self.place {
            Place::Shared { leaf, .. } => prefixes[self.job.adapter].rows(leaf, count),
            Place::Own(_) if count == 0 => Vec::new(),
            Place::Own(chunk) => vec![(chunk, 0..count)],
        }
    }

    /// Where its own new rows go.
    fn fresh(&self) -> Option<ChunkId> {
        match self.place {
            Place::Shared { fresh, .. } => fresh,
            Place::Own(chunk) => Some(chunk),
        }
    }

    fn is_computed(&self) -> bool {
        self.computed == self.request().prompt.len()
    }
}

impl Generator {
    /// Of a decoder, whose own adapter is not looked at, and of adapters over it; `None` is the model
    /// itself.
    ///
    /// # Errors
    /// If there are 0 rows or over [`ROWS_MAX`], or no adapter at all.
    pub fn new(
        decoder: &Decoder,
        adapters: Vec<Option<Arc<Lora>>>,
        tokenizer: &Tokenizer,
        limits: Limits,
    ) -> Result<Self, ModelError> {
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
        if adapters.is_empty() {
            return Err(ModelError::unsupported(
                "adapters",
                "at least one, or the model itself",
                "none",
            ));
        }
        let cache = Cache::new(decoder);
        Ok(Self {
            tokens_max: cache_bytes / cache.token_bytes(),
            prefixes: adapters.iter().map(|_| Prefixes::default()).collect(),
            decoder: decoder.without_adapter(),
            adapters,
            tokenizer: tokenizer.clone(),
            reading: None,
            rows_max: rows,
            prompt_tokens: PROMPT_TOKENS_PASS,
            cache,
            prompts: BTreeMap::new(),
            rows: Vec::new(),
            reserved: Reserved::default(),
            logits: Vec::new(),
            buffers: Buffers::default(),
        })
    }

    /// The same, which reads the levels that are stated so, for jobs that want it.
    #[must_use]
    pub fn reading(self, reading: Option<LevelReading>) -> Self {
        Self { reading, ..self }
    }

    /// The same, whose passes compute at most so many tokens of prompts, at least 1: the fewer they are, the
    /// less a long prompt holds up the samples under way.
    #[must_use]
    pub fn prompt_tokens(self, tokens: usize) -> Self {
        Self {
            prompt_tokens: tokens.max(1),
            ..self
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.prompts.is_empty()
    }

    /// Samples under way.
    #[must_use]
    pub fn rows_under_way(&self) -> usize {
        self.rows.len()
    }

    /// Tokens whose keys and values are reckoned with, those of samples at their longest.
    #[must_use]
    pub fn tokens_reserved(&self) -> usize {
        self.reserved.tokens
    }

    /// Tokens whose keys and values are in memory, those that are kept for prompts to come among them.
    #[must_use]
    pub fn tokens_held(&self) -> usize {
        self.cache.rows_held()
    }

    /// Whether a further request may be added: rows are free, and there is memory for one of its samples.
    #[must_use]
    pub fn has_room_for(&self, request: &Request) -> bool {
        if self.prompts.is_empty() {
            return true;
        }
        let context = self.decoder.config().context;
        let tokens = request.prompt.len() + request.completion_tokens_max(context);
        self.reserved.rows < self.rows_max
            && self.prompts.len() < self.rows_max
            && self.reserved.tokens.saturating_add(tokens) <= self.tokens_max
    }

    /// Takes a job in, by a number greater than all before it. One without samples and scores is done at
    /// once.
    ///
    /// # Errors
    /// If the request is not sound ([`Request::check`]), there is no such adapter, more tokens are to be
    /// told than [`TOP_TOKENS_MAX`], or levels are to be read whose tokens the model does not know; then
    /// nothing is taken in.
    pub fn add(&mut self, number: usize, job: Job) -> Result<(), ModelError> {
        job.request.check(&self.decoder)?;
        if job.adapter >= self.adapters.len() {
            return Err(ModelError::unsupported(
                "an adapter",
                format!("a place below {}", self.adapters.len()),
                job.adapter,
            ));
        }
        if job.top_tokens > TOP_TOKENS_MAX {
            return Err(ModelError::Limit {
                what: "most probable tokens",
                limit: TOP_TOKENS_MAX,
                found: job.top_tokens,
            });
        }
        if let Some(reading) = self.reading.as_ref().filter(|_| job.reads_levels) {
            reading.tokens.check(self.decoder.config().vocab)?;
        }
        let samples = job.request.samples.len();
        if samples == 0 && !job.scores_prompt {
            return Ok(());
        }
        let tokens = job.request.prompt.len();
        let (place, computed) = if job.scores_prompt {
            (Place::Own(self.cache.chunk()), 0)
        } else {
            let shared = &job.request.prompt[..tokens - 1];
            let entered = self.prefixes[job.adapter].enter(shared, &mut self.cache);
            let place = Place::Shared {
                leaf: entered.leaf,
                fresh: entered.fresh,
            };
            (place, entered.known)
        };
        let each = job
            .request
            .completion_tokens_max(self.decoder.config().context);
        self.reserved.rows += samples;
        self.reserved.tokens += tokens + samples * each;
        self.reserved.tokens_under_way += tokens;
        let prompt = Prompt {
            job,
            place,
            tail: self.cache.chunk(),
            computed,
            logits: None,
            scores: Vec::new(),
            started: 0,
            live: 0,
            each,
        };
        self.prompts.insert(number, prompt);
        Ok(())
    }

    /// Ends a job: its rows are free at once, and nothing more is told of it. A job that is not there, or
    /// no more, is none.
    pub fn cancel(&mut self, number: usize) {
        let Some(prompt) = self.prompts.get_mut(&number) else {
            return;
        };
        let given_up = prompt.live + prompt.waiting();
        self.reserved.rows -= given_up;
        self.reserved.tokens -= given_up * prompt.each;
        self.reserved.tokens_under_way -= prompt.live * prompt.each;
        prompt.live = 0;
        prompt.job.request.samples.truncate(prompt.started);
        prompt.job.tells_tokens = false;
        let cache = &mut self.cache;
        self.rows.retain(|row| {
            let stays = row.job != number;
            if !stays {
                cache.drop_chunk(row.chunk);
            }
            stays
        });
        if prompt.is_computed() {
            self.drop_finished(number);
            return;
        }
        if let Place::Own(chunk) = prompt.place {
            self.cache.drop_chunk(chunk);
            self.remove(number);
        } else {
            self.remove_forsaken();
        }
    }

    /// Lets go of cancelled prompts that are not computed, but for those whose beginning others wait for:
    /// they go on, without samples.
    fn remove_forsaken(&mut self) {
        loop {
            let gone = self.prompts.iter().find_map(|(number, prompt)| {
                let Place::Shared { leaf, .. } = prompt.place else {
                    return None;
                };
                let is_forsaken = prompt.request().samples.is_empty() && !prompt.is_computed();
                let prefixes = &mut self.prefixes[prompt.job.adapter];
                (is_forsaken && prefixes.withdraw(leaf, prompt.computed, &mut self.cache))
                    .then_some(*number)
            });
            match gone {
                Some(number) => self.remove(number),
                None => return,
            }
        }
    }

    /// Forgets a prompt whose place was left.
    fn remove(&mut self, number: usize) {
        if let Some(prompt) = self.prompts.remove(&number) {
            self.cache.drop_chunk(prompt.tail);
            let tokens = prompt.request().prompt.len();
            self.reserved.tokens -= tokens;
            self.reserved.tokens_under_way -= tokens;
        }
    }

    /// Starts samples of computed prompts while rows are free, and lets go of finished prompts.
    pub fn start_samples(&mut self, on_told: &mut OnTold<'_>) -> ControlFlow<()> {
        let numbers: Vec<usize> = self.prompts.keys().copied().collect();
        for number in numbers {
            let Some(prompt) = self.prompts.get(&number) else {
                continue;
            };
            let Some(logits) = &prompt.logits else {
                continue;
            };
            let first = prompt.started;
            let count = prompt.waiting().min(self.free_rows(prompt));
            let keeps_text = !prompt.request().decoding.stop.is_empty()
                || prompt.job.tells_tokens
                || (prompt.job.reads_levels && self.reading.is_some());
            let mut fresh: Vec<Row> = (first..first + count)
                .map(|sample| {
                    Row::new(
                        (number, sample),
                        prompt.request().samples[sample],
                        self.cache.chunk(),
                        keeps_text.then(|| self.tokenizer.stream()),
                    )
                })
                .collect();
            let logits: Vec<&[f32]> = vec![logits; count];
            let how = (&prompt.request().decoding, prompt.job.top_tokens);
            let drawn = draw(&mut fresh, &logits, |_| how);
            if let Some(prompt) = self.prompts.get_mut(&number) {
                prompt.started += count;
                prompt.live += count;
                self.reserved.tokens_under_way += count * prompt.each;
            }
            self.take_drawn(fresh, drawn, on_told)?;
            self.drop_finished(number);
        }
        let kept = PREFIX_TOKENS_MAX / self.prefixes.len();
        for prefixes in &mut self.prefixes {
            prefixes.evict(kept, &mut self.cache);
        }
        ControlFlow::Continue(())
    }

    /// One pass: the next parts of waiting prompts, and a token of each live row.
    ///
    /// # Errors
    /// If a computation fails; the generator is then of no use any more.
    pub fn pass(&mut self, on_told: &mut OnTold<'_>) -> Result<ControlFlow<()>, ModelError> {
        let mut batch = self.next_batch();
        let adapters = batch.adapters(&self.adapters);
        let mut logits = std::mem::take(&mut self.logits);
        let step = std::mem::take(&mut batch.step);
        self.decoder.next_logits(
            (&batch.tokens, &batch.positions),
            &adapters,
            &mut CachedAttention::new(&mut self.cache, step),
            &batch.wanted,
            &mut self.buffers,
            &mut logits,
        )?;
        let flow = self.take_logits(&batch.what_for, &logits, on_told);
        self.logits = logits;
        Ok(flow)
    }

    /// What the next pass computes, adapter by adapter.
    fn next_batch(&mut self) -> Batch {
        let parts = self.planned_parts();
        let mut batch = Batch::default();
        for adapter in 0..self.adapters.len() {
            for &(number, count) in &parts {
                if let Some(prompt) = self.prompts.get_mut(&number)
                    && prompt.job.adapter == adapter
                {
                    add_prompt(&mut batch, (number, prompt), &self.prefixes, count);
                }
            }
            for (at, row) in self.rows.iter().enumerate() {
                let prompt = &self.prompts[&row.job];
                if prompt.job.adapter == adapter {
                    add_row(&mut batch, (at, row), prompt, &self.prefixes);
                }
            }
            for (at, row) in self.rows.iter().enumerate() {
                let prompt = &self.prompts[&row.job];
                if prompt.job.adapter == adapter
                    && let (Some(before), Some(reading)) = (row.probes(), &self.reading)
                {
                    let probe = (reading.tokens.digits[1], before, self.cache.chunk());
                    add_probe(&mut batch, (at, row), prompt, &self.prefixes, probe);
                }
            }
            batch.end_adapter(adapter);
        }
        batch
    }

    /// The job's number and the tokens of each prompt that is computed next, in the order of their coming.
    fn planned_parts(&self) -> Vec<(usize, usize)> {
        let waiting: Vec<Waiting> = self
            .prompts
            .iter()
            .filter(|(_, prompt)| !prompt.is_computed())
            .map(|(&job, prompt)| {
                let there = prompt.computed.min(prompt.last());
                let brings = match prompt.place {
                    Place::Shared { fresh, .. } => {
                        fresh.map(|chunk| (chunk, prompt.last() - there))
                    }
                    Place::Own(_) => None,
                };
                Waiting {
                    job,
                    left: prompt.request().prompt.len() - prompt.computed,
                    needs: prompt.rows(&self.prefixes, there),
                    brings,
                }
            })
            .collect();
        let counts = plan(&waiting, self.prompt_tokens, |chunk| self.cache.rows(chunk));
        let parts = waiting.iter().map(|one| one.job).zip(counts);
        parts.filter(|(_, count)| *count > 0).collect()
    }

    /// What the logits of a pass are wanted for.
    fn take_logits(
        &mut self,
        what_for: &[Wanted],
        logits: &[f32],
        on_told: &mut OnTold<'_>,
    ) -> ControlFlow<()> {
        let vocab = self.decoder.config().vocab;
        let mut rows = std::mem::take(&mut self.rows);
        let mut of_rows: Vec<&[f32]> = vec![&[]; rows.len()];
        let mut of_scores: Vec<(usize, usize, &[f32])> = Vec::new();
        for (what_for, logits) in what_for.iter().zip(logits.chunks_exact(vocab)) {
            match *what_for {
                Wanted::Prompt(number) => {
                    if let Some(prompt) = self.prompts.get_mut(&number) {
                        prompt.logits = Some(logits.to_vec());
                    }
                }
                Wanted::Score { job, at } => of_scores.push((job, at, logits)),
                Wanted::Row(at) => of_rows[at] = logits,
                Wanted::Probe(at, chunk) => {
                    rows[at].read_after_one(logits);
                    self.cache.drop_chunk(chunk);
                }
            }
        }
        if let Some(reading) = &self.reading {
            for (row, logits) in rows.iter_mut().zip(&of_rows) {
                if self.prompts[&row.job].job.reads_levels {
                    row.read_at_mark(reading, logits);
                }
            }
        }
        let drawn = draw(&mut rows, &of_rows, |row| {
            let job = &self.prompts[&row.job].job;
            (&job.request.decoding, job.top_tokens)
        });
        let mut numbers: Vec<usize> = rows.iter().map(|row| row.job).collect();
        numbers.dedup();
        let flow = self.take_scores(&of_scores, on_told);
        if flow.is_break() {
            return flow;
        }
        let flow = self.take_drawn(rows, drawn, on_told);
        for number in numbers {
            self.drop_finished(number);
        }
        flow
    }

    /// Keeps what prompts' own tokens were given, and tells of prompts that are computed.
    fn take_scores(
        &mut self,
        places: &[(usize, usize, &[f32])],
        on_told: &mut OnTold<'_>,
    ) -> ControlFlow<()> {
        let scored: Vec<(u32, &[f32], usize)> = places
            .iter()
            .map(|(number, at, logits)| {
                let job = &self.prompts[number].job;
                (job.request.prompt[*at], *logits, job.top_tokens)
            })
            .collect();
        for ((number, ..), token) in places.iter().zip(score(&scored)) {
            if let Some(prompt) = self.prompts.get_mut(number) {
                prompt.scores.push(token);
            }
        }
        let mut done = Vec::new();
        for (&number, prompt) in &mut self.prompts {
            if prompt.job.scores_prompt && prompt.is_computed() {
                // Once.
                prompt.job.scores_prompt = false;
                done.push((number, std::mem::take(&mut prompt.scores)));
            }
        }
        for (job, tokens) in done {
            on_told(Told::Prompt { job, tokens })?;
        }
        ControlFlow::Continue(())
    }

    /// Adds a token to each of `rows`; those that go on become live, the others are handed over.
    fn take_drawn(
        &mut self,
        rows: Vec<Row>,
        drawn: Vec<Drawn>,
        on_told: &mut OnTold<'_>,
    ) -> ControlFlow<()> {
        let context = self.decoder.config().context;
        let mut flow = ControlFlow::Continue(());
        for (mut row, Drawn { sampled, top }) in rows.into_iter().zip(drawn) {
            let Some(prompt) = self.prompts.get_mut(&row.job) else {
                continue;
            };
            let before = row.tokens.len();
            let ended = row.push(sampled, &prompt.job.request, &self.tokenizer, context);
            let (job, sample) = (row.job, row.sample);
            if prompt.job.tells_tokens && row.tokens.len() > before && flow.is_continue() {
                let token = ScoredToken {
                    token: sampled.token,
                    logprob: sampled.logprob,
                    top,
                };
                flow = on_told(Told::Token {
                    job,
                    sample,
                    token,
                    text: row.new_text(),
                });
            }
            let Some((finish, text)) = ended else {
                self.rows.push(row);
                continue;
            };
            prompt.live -= 1;
            self.reserved.rows -= 1;
            self.reserved.tokens -= prompt.each;
            self.reserved.tokens_under_way -= prompt.each;
            self.cache.drop_chunk(row.chunk);
            if flow.is_continue() {
                flow = on_told(Told::Done {
                    job,
                    sample,
                    completion: row.completion(finish, text),
                });
            }
        }
        flow
    }

    fn drop_finished(&mut self, number: usize) {
        let is_done =
            |prompt: &&Prompt| prompt.waiting() == 0 && prompt.live == 0 && prompt.is_computed();
        let Some(prompt) = self.prompts.get(&number).filter(is_done) else {
            return;
        };
        match prompt.place {
            Place::Shared { leaf, .. } => self.prefixes[prompt.job.adapter].leave(leaf),
            Place::Own(chunk) => self.cache.drop_chunk(chunk),
        }
        self.remove(number);
    }

    /// Further samples of a prompt that may be started now; at least one where none is under way.
    fn free_rows(&self, prompt: &Prompt) -> usize {
        let free = self
            .tokens_max
            .saturating_sub(self.reserved.tokens_under_way);
        let by_memory = free / prompt.each.max(1);
        let least = usize::from(self.rows.is_empty());
        by_memory.max(least).min(self.rows_max - self.rows.len())
    }
}

/// Adds the next `count` tokens of a prompt.
fn add_prompt(
    batch: &mut Batch,
    (number, prompt): (usize, &mut Prompt),
    prefixes: &[Prefixes],
    count: usize,
) {
    let last = prompt.last();
    let fresh = prompt.fresh();
    let (start, end) = (prompt.computed, prompt.computed + count);
    let start_row = batch.len();
    for at in start..end {
        let mut sees = prompt.rows(prefixes, (at + 1).min(last));
        if at == last {
            sees.push((prompt.tail, 0..1));
        }
        batch.add(prompt.request().prompt[at], at, sees);
        if at < last && prompt.job.scores_prompt {
            batch.want(Wanted::Score {
                job: number,
                at: at + 1,
            });
        }
    }
    let shared = end.min(last).saturating_sub(start);
    if let Some(chunk) = fresh.filter(|_| shared > 0) {
        batch.step.write(chunk, start_row..start_row + shared);
    }
    prompt.computed = end;
    if prompt.is_computed() {
        batch.keep_last(prompt.tail);
        batch.want(Wanted::Prompt(number));
    }
}

/// Adds the last token of a live row.
fn add_row(batch: &mut Batch, (at, row): (usize, &Row), prompt: &Prompt, prefixes: &[Prefixes]) {
    let shared = prompt.last();
    let mut sees = prompt.rows(prefixes, shared);
    sees.extend([(prompt.tail, 0..1), (row.chunk, 0..row.tokens.len())]);
    if let Some(&token) = row.tokens.last() {
        batch.add(token, shared + row.tokens.len(), sees);
        batch.keep_last(row.chunk);
        batch.want(Wanted::Row(at));
    }
}

/// Adds a token in place of a live row's one after the first `before`; its keys and values go into a chunk
/// of its own.
fn add_probe(
    batch: &mut Batch,
    (at, row): (usize, &Row),
    prompt: &Prompt,
    prefixes: &[Prefixes],
    (token, before, chunk): (u32, usize, ChunkId),
) {
    let shared = prompt.last();
    let mut sees = prompt.rows(prefixes, shared);
    sees.extend([(prompt.tail, 0..1), (row.chunk, 0..before), (chunk, 0..1)]);
    batch.add(token, shared + before + 1, sees);
    batch.keep_last(chunk);
    batch.want(Wanted::Probe(at, chunk));
}
