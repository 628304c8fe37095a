//! A limit on everything that comes from the visitor or the model, each with its unit.

/// Characters of a question.
pub const QUESTION_CHARACTERS_MAX: usize = 500;
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
