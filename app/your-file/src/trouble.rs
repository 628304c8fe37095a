//! Why a file, or a link, cannot be shown.

use serde::Serialize;

/// What happened, what was found and expected, and what to do next: in words, for the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    pub title: String,
    pub text: String,
    pub next: String,
}

impl Trouble {
    pub fn new(
        title: impl Into<String>,
        text: impl Into<String>,
        next: impl Into<String>,
    ) -> Trouble {
        Trouble {
            title: title.into(),
            text: text.into(),
            next: next.into(),
        }
    }

    /// The browser gave no more memory.
    pub fn memory(rows: usize) -> Trouble {
        Trouble::new(
            "The browser has no more memory.",
            format!("It ended at row {}.", chart::format::count(rows as u64)),
            "Close other pages, or measure the file at the command line: sayself metrics FILE.",
        )
    }
}
