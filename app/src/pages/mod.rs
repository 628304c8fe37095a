//! A file for each page.

pub mod annotate;
pub mod answers;
pub mod api;
pub mod compare;
pub mod demo;
pub mod jobs;
mod numbers;
pub mod people;
pub mod problem;
pub mod question;
pub mod run;
pub mod runs;
pub mod state;
pub mod tables;
pub mod tags;
pub mod words;
pub mod your_file;
