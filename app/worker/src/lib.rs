//! The demo's model in the visitor's browser: a Web Worker runs this, and may not speak to any network.
//!
//! ```text
//! pieces ─ loading ─► engine ─ pass, pass, pass ─► texts ─ asking ─► answer, confidence, its record
//!                       ▲
//!                     adapter
//! ```
//!
//! | to | see |
//! |---|---|
//! | follow a model from pieces to answers | [`loading`], [`engine`], driven by `web/worker.js` through [`browser`] |
//! | ask in another way, say something else of an answer | [`asking`] |
//! | move a limit | [`limits`] |
//!
//! What the model is, how it is asked and what its record is comes with `about.json`
//! ([`datasets::demo::About`]). The model is [`mod@model`]: the same code as at the command line and on the server.

pub mod browser;
pub mod engine;
pub mod limits;
pub mod loading;
pub mod trouble;
