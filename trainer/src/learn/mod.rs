//! What `sft` and `rl` share: how an example becomes tokens, what is lost on them, and one
//! optimizer loop with checkpoints.

pub mod example;
mod frozen;
pub mod loss;
pub mod optimize;
pub mod step;
mod student;

pub use student::{Student, prompt_tokens};
