//! A file for each page.

pub mod answers;
pub mod problem;
pub mod question;
pub mod run;
pub mod runs;
pub mod state;
pub mod words;
pub mod your_file;
