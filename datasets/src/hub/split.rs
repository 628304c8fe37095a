//! What splits are called on the hub.

use crate::Split;

/// The split that a name stands for, whatever its case: `train`, `training`; `dev`, `val`, `valid`,
/// `validation`; `test`, `testing`, `eval`, `evaluation`; `held-out`, `held_out`.
///
/// ```
/// use datasets::{Split, hub::split_named};
/// assert_eq!(split_named("Validation"), Some(Split::Dev));
/// assert_eq!(split_named("questions"), None);
/// ```
pub fn split_named(name: &str) -> Option<Split> {
    Some(match name.to_lowercase().as_str() {
        "train" | "training" => Split::Train,
        "dev" | "val" | "valid" | "validation" => Split::Dev,
        "test" | "testing" | "eval" | "evaluation" => Split::Test,
        "held-out" | "held_out" | "heldout" => Split::HeldOut,
        _ => return None,
    })
}

/// A split's name on the hub, where `-` is not allowed in it.
pub fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Dev => "validation",
        Split::Test => "test",
        Split::HeldOut => "held_out",
    }
}

/// The split that stands in a file's name as a word: `train-00000-of-00002.parquet`,
/// `squad_validation.jsonl`.
///
/// ```
/// use datasets::{Split, hub::split_of_file};
/// assert_eq!(split_of_file("test-00000-of-00001.parquet"), Some(Split::Test));
/// assert_eq!(split_of_file("held_out-00000-of-00001.parquet"), Some(Split::HeldOut));
/// assert_eq!(split_of_file("contest.jsonl"), None);
/// ```
pub fn split_of_file(name: &str) -> Option<Split> {
    let stem = name.split('.').next().unwrap_or(name).to_lowercase();
    if stem.starts_with("held_out") || stem.starts_with("held-out") {
        return Some(Split::HeldOut);
    }
    stem.split(|character: char| !character.is_alphanumeric())
        .find_map(split_named)
}
