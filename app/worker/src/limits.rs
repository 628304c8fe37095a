//! A limit on everything that comes from the server or the visitor, each with its unit.

/// Bytes of a model's file: with what is made of it, it must fit into a module's memory.
pub const MODEL_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes of `about.json`.
pub const ABOUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Tokens of a prompt that one pass computes: between passes a question can be left.
pub const PROMPT_TOKENS_PASS: usize = 64;
/// Samples that are under way at once.
pub const ROWS_MAX: usize = 16;
/// Bytes of keys and values.
pub const CACHE_BYTES_MAX: usize = 96 * 1024 * 1024;
