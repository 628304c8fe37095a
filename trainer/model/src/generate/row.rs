//! A sample under way: its tokens, its text, and the level that it states.

use super::cache::ChunkId;
use super::{Completion, Finish, LevelReading, Request, StatedLevels};
use crate::levels::LevelLogits;
use crate::{StreamDecoder, Tokenizer};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A sample under way.
pub(super) struct Row {
    pub job: usize,
    pub sample: usize,
    rng: ChaCha8Rng,
    /// Keys and values of its tokens but the last.
    pub chunk: ChunkId,
    /// The last of them is not computed yet.
    pub tokens: Vec<u32>,
    logprob: f64,
    /// Text so far, where stop texts or a mark are looked for, or the tokens are told.
    stream: Option<StreamDecoder>,
    levels: RowLevels,
    /// Bytes of the text when a mark was last found at its end.
    mark_end: usize,
    /// Bytes of the text before the last token.
    text_before: usize,
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
    /// Of the sample's own seed; `stream` where its text is needed while it grows.
    pub(super) fn new(
        (job, sample): (usize, usize),
        seed: u64,
        chunk: ChunkId,
        stream: Option<StreamDecoder>,
    ) -> Self {
        Self {
            job,
            sample,
            rng: ChaCha8Rng::seed_from_u64(seed),
            chunk,
            tokens: Vec::new(),
            logprob: 0.0,
            stream,
            levels: RowLevels::Unread,
            mark_end: 0,
            text_before: 0,
        }
    }

    /// The next number in [0, 1): 53 random bits.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The text so far; empty where none is kept.
    fn text(&self) -> &str {
        self.stream.as_ref().map_or("", StreamDecoder::text)
    }

    /// What the last token added to the text.
    pub(super) fn new_text(&self) -> &str {
        &self.text()[self.text_before..]
    }

    /// Begins to read where the text has come to end with the mark: `logits` are those of the next token.
    pub(super) fn read_at_mark(&mut self, reading: &LevelReading, logits: &[f32]) {
        let text = self.text();
        let length = text.len();
        // A token that completes no character leaves the mark at the end of the text.
        if length > self.mark_end && text.ends_with(&reading.mark) {
            self.mark_end = length;
            let logits = LevelLogits::of(&reading.tokens, logits);
            self.levels = RowLevels::Probing(logits, self.tokens.len());
        }
    }

    /// Tokens before the level that is being read.
    pub(super) fn probes(&self) -> Option<usize> {
        match self.levels {
            RowLevels::Probing(_, before) => Some(before),
            RowLevels::Unread | RowLevels::Read(_) => None,
        }
    }

    /// Ends reading with the logits after a "1".
    pub(super) fn read_after_one(&mut self, after_one: &[f32]) {
        if let RowLevels::Probing(logits, before) = &self.levels {
            self.levels = RowLevels::Read(StatedLevels {
                before: *before,
                probabilities: logits.probabilities(after_one),
            });
        }
    }

    /// Adds a token that was drawn; how the row ended and its text, if it did.
    pub(super) fn push(
        &mut self,
        drawn: kernels::Sampled,
        request: &Request,
        tokenizer: &Tokenizer,
        context: usize,
    ) -> Option<(Finish, String)> {
        self.logprob += f64::from(drawn.logprob);
        if tokenizer.end_tokens().contains(&drawn.token) {
            return Some((Finish::EndOfTurn, tokenizer.decode(&self.tokens)));
        }
        self.tokens.push(drawn.token);
        if let Some(stream) = &mut self.stream {
            self.text_before = stream.text().len();
            stream.push(drawn.token);
            let stop = first_stop(stream.text(), self.text_before, &request.decoding.stop);
            if let Some(at) = stop {
                return Some((Finish::Stop, stream.text()[..at].to_owned()));
            }
        }
        let is_full = request.prompt.len() + self.tokens.len() >= context;
        if is_full || self.tokens.len() >= request.decoding.max_tokens {
            return Some((Finish::Length, tokenizer.decode(&self.tokens)));
        }
        None
    }

    /// The row's completion, once it has ended so.
    pub(super) fn completion(self, finish: Finish, text: String) -> Completion {
        Completion {
            text,
            tokens: self.tokens,
            finish,
            logprob: self.logprob,
            levels: match self.levels {
                RowLevels::Read(levels) => Some(levels),
                RowLevels::Unread | RowLevels::Probing(..) => None,
            },
        }
    }
}

/// Where the first of the stop texts begins in a text that was searched before it grew from `before` bytes.
fn first_stop(text: &str, before: usize, stops: &[String]) -> Option<usize> {
    let place = |stop: &String| {
        // A stop text that was not there before ends in what was added.
        let from = text.floor_char_boundary(before.saturating_sub(stop.len()));
        text[from..].find(stop.as_str()).map(|at| from + at)
    };
    stops.iter().filter_map(place).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_text_is_found_where_the_text_grows() {
        let stops = ["\n\n".to_owned(), "END".to_owned()];
        assert_eq!(first_stop("one\n", 3, &stops), None);
        assert_eq!(first_stop("one\n\ntwo", 4, &stops), Some(3));
        assert_eq!(first_stop("éééEN", 6, &stops), None);
        assert_eq!(first_stop("éééEND\n\n", 8, &stops), Some(6));
        assert_eq!(first_stop("xEND", 0, &stops), Some(1));
    }
}
