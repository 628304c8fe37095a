//! The real server on a free port, over real files.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod damaged;
mod database;
mod events;
mod guards;
mod jobs;
mod made_run;
mod openapi;
mod pages;
mod postgres;
mod served;
mod your_file;
