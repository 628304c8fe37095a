//! The methods: a prompt with a readout, each.

use datasets::config::{Decoding, Readout};

/// A prompt with a readout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks for an answer and a confidence; the level that was written.
    DirectPrompting,
    /// The same, with the expected value over the ten levels.
    Verbalized,
    /// Asks for an answer alone, which is taken for certain.
    AnswerOnly,
    /// The share of the majority among N samples.
    SelfConsistency,
    /// exp of the answer's log-probability, its end included.
    SequenceLikelihood,
    /// "I am sure." or "I am unsure." (R-Tuning).
    RTuning,
    /// Confidence shared among self-made distractors, and self-consistency (DiNCo).
    Dinco,
    /// A taught model: `sayself`, the paper's ablations and GCE differ in how the adapter was taught.
    Taught,
}

/// How a method is called.
struct Named {
    name: &'static str,
    method: Method,
    /// Whether the model must have been taught so.
    is_taught: bool,
}

const NAMED: [Named; 13] = [
    asked("direct-prompting", Method::DirectPrompting),
    asked("verbalized", Method::Verbalized),
    asked("answer-only", Method::AnswerOnly),
    asked("self-consistency", Method::SelfConsistency),
    asked("sequence-likelihood", Method::SequenceLikelihood),
    asked("dinco", Method::Dinco),
    asked("r-tuning", Method::RTuning),
    taught("gce"),
    taught("sayself"),
    taught("without-rl"),
    taught("without-rationale"),
    taught("without-rationale-and-confidence"),
    taught("linear-reward"),
];

const fn asked(name: &'static str, method: Method) -> Named {
    Named {
        name,
        method,
        is_taught: false,
    }
}

const fn taught(name: &'static str) -> Named {
    Named {
        name,
        method: Method::Taught,
        is_taught: true,
    }
}

impl Method {
    /// All names, in the order of the tables.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|named| named.name)
    }

    /// # Errors
    /// [`crate::error::Error::BadUse`] names the methods there are.
    pub fn named(name: &str) -> anyhow::Result<Method> {
        let found = NAMED.iter().find(|named| named.name == name);
        found.map(|named| named.method).ok_or_else(|| {
            let names = Self::names().collect::<Vec<_>>().join(", ");
            crate::error::bad_use(format!("unknown method {name:?}; expected one of {names}"))
        })
    }

    /// Whether the method of this name reads a model that was taught for it.
    pub fn needs_adapter(name: &str) -> bool {
        NAMED
            .iter()
            .any(|named| named.name == name && named.is_taught)
    }

    /// The prompt that the method asks with where none is given.
    pub fn prompt_name(self) -> Option<&'static str> {
        match self {
            Method::DirectPrompting | Method::Verbalized => Some("direct-prompting"),
            Method::AnswerOnly | Method::SelfConsistency | Method::SequenceLikelihood => {
                Some("few-shot")
            }
            // Answers, and a confidence in each, in one form.
            Method::Dinco => Some("few-shot-confidence"),
            Method::RTuning => Some("r-tuning"),
            Method::Taught => None,
        }
    }

    /// How the method draws where nothing else is asked for.
    pub fn decoding(self) -> Decoding {
        let greedy = |max_tokens| Decoding {
            temperature: 0.0,
            max_tokens,
            ..Decoding::default()
        };
        let line = vec!["\n".to_owned()];
        match self {
            Method::DirectPrompting | Method::Verbalized | Method::RTuning => greedy(64),
            Method::Taught => greedy(96),
            Method::SelfConsistency | Method::Dinco => Decoding {
                stop: line,
                ..Decoding::default()
            },
            Method::SequenceLikelihood | Method::AnswerOnly => Decoding {
                stop: line,
                ..greedy(Decoding::default().max_tokens)
            },
        }
    }

    /// What is read of a stated level where nothing else is asked for.
    pub fn readout(self) -> Readout {
        match self {
            Method::Verbalized | Method::Dinco => Readout::Expected,
            _ => Readout::Stated,
        }
    }

    /// Whether the probability is read from one of ten levels.
    pub fn states_a_level(self) -> bool {
        matches!(
            self,
            Method::DirectPrompting | Method::Verbalized | Method::Dinco | Method::Taught
        )
    }

    /// Whether several samples a question are drawn.
    pub fn samples_many(self) -> bool {
        matches!(self, Method::SelfConsistency | Method::Dinco)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_method_is_told_the_known_ones() {
        let error = Method::named("guess").unwrap_err();
        assert!(error.to_string().contains("self-consistency"), "{error}");
        assert_eq!(crate::error::exit_code(&error), 2);
    }

    #[test]
    fn every_method_has_a_shipped_prompt_or_none() {
        for name in Method::names() {
            let method = Method::named(name).unwrap();
            if let Some(prompt) = method.prompt_name() {
                assert!(
                    datasets::prompts::builtin(prompt).is_some(),
                    "{name}: {prompt}"
                );
            }
            assert_eq!(
                Method::needs_adapter(name),
                method == Method::Taught,
                "{name}"
            );
        }
    }
}
