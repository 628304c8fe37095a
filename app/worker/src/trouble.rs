//! What went wrong, in the words that the page shows.

use model::ModelError;
use serde::Serialize;

/// What can be done about a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// The copy is to be fetched again.
    FetchAgain,
    /// Another question is to be asked.
    AskAnother,
    /// Nothing that the page can do by itself.
    None,
}

/// A sentence of what happened, why, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    pub title: String,
    pub text: String,
    pub next: String,
    pub remedy: Remedy,
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
            remedy: Remedy::None,
        }
    }

    /// The copy is not the file that the server has.
    pub fn broken(text: impl Into<String>) -> Trouble {
        Trouble {
            remedy: Remedy::FetchAgain,
            ..Trouble::new(
                "The copy of the model is broken.",
                text,
                "It is fetched again.",
            )
        }
    }

    /// A question that cannot be asked.
    pub fn question(text: impl Into<String>) -> Trouble {
        Trouble {
            remedy: Remedy::AskAnother,
            ..Trouble::new("This cannot be asked.", text, "Ask another question.")
        }
    }

    /// The model's files say something that this page cannot compute.
    pub fn model(error: &ModelError) -> Trouble {
        Trouble::new(
            "The model cannot be used.",
            error.to_string(),
            "Tell whoever serves this page.",
        )
    }

    /// Work was asked for in the wrong order: a mistake of the page.
    pub fn order(text: &str) -> Trouble {
        Trouble::new("The page made a mistake.", text, "Load the page again.")
    }
}
