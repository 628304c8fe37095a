//! What comes to life in the browser, as the server draws it: each with `data-island` its name, and
//! beside it what [`crate::browser`] must know. Everything else on a page is plain HTML.

pub mod diagram;
pub mod downloads;
pub mod progress;
pub mod selective;
pub mod threshold;

/// Plain data as JSON; empty, and its island still, were it not to be written.
fn json(data: &impl serde::Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}
