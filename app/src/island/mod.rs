//! What comes to life in the browser. Everything else on a page is plain HTML.

mod address;
pub mod diagram;
pub mod downloads;
pub mod progress;
pub mod selective;
pub mod threshold;
