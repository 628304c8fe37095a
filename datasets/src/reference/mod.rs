//! The forms of question and training files: the reference implementation's (xu1868/SaySelf, at
//! e2f6595), which others' files follow, and ours.
//!
//! | form | how it is known |
//! |---|---|
//! | ours ([`Question`]) | JSONL or a list; objects with `question` and `answers` |
//! | stage 1 | JSONL or a list; objects with `question` and `response`, or with `messages` |
//! | stage 2 | one object whose `messages` is a list of conversations |
//! | evaluation | a list (or JSONL) of objects with `question` and `answer`, and mostly `negative_answer` |
//! | faithfulness input | JSONL or a list; objects with `question`, `reason` and `responses` |
//! | CSV | a header with `question` and `answer` or `answers`, optionally `id`, `negative_answer`, `template`, `entity`, `split`, `judge` |
//! | Parquet | columns of these names (by the feature `parquet`) |
//!
//! `answer` and `answers` may each be a text, a list of texts, SQuAD's `{"text": […]}` or TriviaQA's
//! `{"value", "aliases"}`.

mod document;
mod faithfulness;
mod gold;
mod questions;
mod stage_one;
mod write;

pub use faithfulness::{FaithfulnessRecord, read_faithfulness, without_instruction};
pub use questions::{Questions, read_questions, read_questions_leniently};
pub use stage_one::{StageOneSet, read_stage_one};
pub use write::{Form, evaluation_json, faithfulness_jsonl, stage_one_jsonl, stage_two_json};

#[cfg(doc)]
use crate::Question;

/// Records of one file at most.
pub const RECORDS_MAX: usize = 10_000_000;
/// Bytes of one question at most.
pub const QUESTION_BYTES_MAX: usize = 64 * 1024;

#[cfg(all(test, feature = "parquet"))]
mod parquet_tests;
#[cfg(test)]
mod tests;
