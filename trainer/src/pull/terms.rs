//! Terms that are to be accepted before a model is fetched.

use crate::error::bad_use;
use anyhow::Context;
use std::io::{BufRead, IsTerminal, Write};

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 1024;

/// The terms of a model that not everyone may use as they like.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub name: &'static str,
    /// Where they stand.
    pub url: &'static str,
    /// What they say.
    pub text: &'static str,
}

/// Of all Gemma models, as of March 24, 2025.
pub const GEMMA: Terms = Terms {
    name: "Gemma Terms of Use",
    url: "https://ai.google.dev/gemma/terms",
    text: include_str!("gemma_terms.txt"),
};

/// Whether terms were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// By `--accept-terms`.
    Given,
    /// Not yet: a person at the terminal is asked.
    Asked,
}

impl Terms {
    /// Goes on only where the terms are accepted; `model` is what they are of.
    ///
    /// # Errors
    /// Bad use (exit code 2) where they are not, or nobody is there to be asked.
    pub fn require(&self, model: &str, consent: Consent, quiet: bool) -> anyhow::Result<()> {
        let Terms { name, url, text } = self;
        if consent == Consent::Given {
            if !quiet {
                eprintln!("{model} is under the {name}, which you accept: {url}");
            }
            return Ok(());
        }
        let refusal = || {
            bad_use(format!(
                "{model} is under the {name}: read them at {url}; if you accept them, run \
                 `sayself pull {model} --accept-terms`"
            ))
        };
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return Err(refusal());
        }
        eprint!("{text}\n{model} is under these terms ({url}).\nDo you accept them? [y/N] ");
        let mut answer = String::new();
        std::io::stderr()
            .flush()
            .and_then(|()| {
                let stdin = std::io::stdin().lock();
                std::io::Read::take(stdin, ANSWER_BYTES_MAX).read_line(&mut answer)
            })
            .context("the answer cannot be read")?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(refusal()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_are_whole() {
        assert!(GEMMA.text.starts_with("Gemma Terms of Use"));
        assert!(GEMMA.text.contains("prohibited_use_policy"));
        assert!(GEMMA.text.contains("4.9 No Waiver"));
    }

    #[test]
    fn acceptance_given_beforehand_needs_nobody() {
        assert!(GEMMA.require("a model", Consent::Given, true).is_ok());
    }
}
