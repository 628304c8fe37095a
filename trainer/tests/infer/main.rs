//! `sayself infer` as clients see it: a small random model with two adapters, served by the real program.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod answers;
mod client;
mod life;
mod load;
mod models;
mod real_model;
mod refusals;
mod served;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../model/tests/tiny/mod.rs"]
mod tiny;
