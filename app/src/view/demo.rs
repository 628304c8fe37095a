//! The demo: which model the visitor's browser can fetch, and answers of it that were recorded.

use datasets::demo::{Count, DemoRun, Example};

/// What the page shows before any script has run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DemoPage {
    /// Absent where the server has no model to hand out.
    pub model: Option<DemoModel>,
    /// The run that examples and records are of.
    pub run: Option<DemoRun>,
    /// Questions that it knows, half knows and does not know.
    pub typical: Vec<Example>,
    /// One of each, as it was recorded.
    pub examples: Vec<RecordedExample>,
    /// Where the server itself can be asked.
    pub server: Option<DemoServer>,
}

/// The server's own demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoServer {
    /// Whether a taught model can be asked there.
    pub taught: bool,
    /// Whether what is asked is kept.
    pub keeps: bool,
}

/// A model to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoModel {
    pub name: String,
    /// Of all its files.
    pub bytes: u64,
    /// Whether there is an adapter, so that it can be asked before and after teaching.
    pub taught: bool,
}

/// An answer that was recorded, with the record of its level.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedExample {
    pub example: Example,
    pub count: Option<Count>,
}
