//! The demo's model in the visitor's browser: a Web Worker runs this, and may not speak to any network.
//!
//! ```text
//! pieces ─ loading ─► engine ─ pass, pass, pass ─► texts ─ reading ─► answer, confidence, its record
//!                       ▲                             └─ samples ─► clusters, claims borne out
//!                     adapter
//! ```
//!
//! | to | see |
//! |---|---|
//! | follow a model from pieces to answers | [`loading`], [`engine`], driven by `web/worker.js` through [`browser`] |
//! | say something else of an answer | [`reading`]; of ten samples [`samples`]; of its rationale [`claims`] |
//! | judge a visitor's own guesses | [`guess`] |
//! | move a limit | [`limits`] |
//!
//! What the model is, how it is asked and what its record is comes with `about.json`
//! ([`datasets::demo::About`]). Parsing, clusters and intervals are [`calibration`]'s, drawings
//! [`chart`]'s, and the model is [`mod@model`]: the same code as at the command line and on the server.

pub mod browser;
pub mod claims;
pub mod engine;
pub mod guess;
pub mod limits;
pub mod loading;
pub mod reading;
pub mod samples;
pub mod trouble;
