//! Annotators that work over HTTP as browsers do, a server that is killed under them, and what must hold
//! afterwards.
//!
//! `tests/tests/annotators.rs` runs all of it; the server's own tests include this folder and run a small
//! part, and `cargo xtask bench annotate` times it. It knows the server by its program, its API and its
//! backups alone.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]
#![allow(dead_code, reason = "who includes it uses a part of it")]

pub mod annotator;
pub mod client;
pub mod cluster;
pub mod draws;
pub mod kept;
pub mod ledger;
pub mod made;
pub mod people;
pub mod persist;
pub mod round;
pub mod served;
pub mod work;

/// Whether this is CI, where nothing may be left out; as `xtask/src/setup.rs` has it.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}
