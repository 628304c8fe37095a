//! Which page is drawn, and from what.

use crate::view::{AnswerList, Problem, QuestionDetail, RunDetail, RunSummary};

/// A page with all that it shows.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a page is made once a request and drawn at once"
)]
pub enum Page {
    /// `/` and `/runs`.
    Runs {
        runs: Vec<RunSummary>,
        /// What the visitor searched for (`?q=`); empty: everything is listed.
        query: String,
        /// The cursor of the next page (`?after=`).
        next: Option<String>,
    },
    /// `/runs/{id}?label=…&label=…`.
    Run(Box<RunDetail>),
    /// `/runs/{id}/answers?label=…&bin=…&outcome=right|wrong&after=…`.
    Answers(AnswerList),
    /// `/runs/{id}/questions/{question_id}`.
    Question(Box<QuestionDetail>),
    Problem(Problem),
    /// `/your-file`: what it shows comes of the visitor's own file.
    YourFile,
}

/// What a page needs to know of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderContext {
    /// The nonce of this response's Content-Security-Policy; every script carries it.
    pub nonce: String,
    /// Whether `/assets/app.js` and `/assets/app_bg.wasm` are served; without them pages work
    /// without islands.
    pub assets_present: bool,
    /// Path and query of the request, e.g. `/runs/demo?label=sayself`.
    pub path: String,
    /// What the visitor should know about the server, a sentence each, drawn as a line above every
    /// page (role `status`), e.g. that the database cannot be written; mostly empty.
    pub warnings: Vec<String>,
}
