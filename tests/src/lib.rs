//! What the cross-crate tests share: where things are, and how the real programs are started.
//!
//! The tests run the release build of `sayself` and `sayself-server`, with the models of the
//! user's cache folder. `cargo xtask test` builds and pulls them first.

pub mod children;
pub mod folders;
pub mod programs;
pub mod sources;
pub mod tiny_run;
