//! A limit on everything that comes from the server or the visitor, each with its unit.

/// Bytes of a model's file: with what is made of it, it must fit into a module's memory.
pub const MODEL_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes of `about.json`.
pub const ABOUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of a question.
pub const QUESTION_CHARACTERS_MAX: usize = 500;
/// Tokens of a prompt that one pass computes: between passes a question can be left.
pub const PROMPT_TOKENS_PASS: usize = 64;
/// Samples that are under way at once.
pub const ROWS_MAX: usize = 16;
/// Bytes of keys and values.
pub const CACHE_BYTES_MAX: usize = 96 * 1024 * 1024;
/// Samples of "ask ten times".
pub const SAMPLES: usize = 10;
/// Tokens of each of them: an answer, without what follows on the next line.
pub const SAMPLE_TOKENS_MAX: usize = 24;
/// Tokens of an answer at most, whatever the evaluation was allowed.
pub const ANSWER_TOKENS_MAX: usize = 160;
/// Claims of a rationale that are looked into.
pub const CLAIMS_MAX: usize = 12;
/// Questions that a visitor guesses.
pub const GUESSES_MAX: usize = 100;
