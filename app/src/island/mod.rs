//! What comes to life in the browser. Everything else on a page is plain HTML.

pub mod diagram;
pub mod progress;
