//! What a model is asked: a question in its chat messages, with instructions and examples around it.
//!
//! Prompts are TOML files (`datasets/prompts/`); their hash stands in the records.

use crate::Question;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One chat message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    pub content: String,
}

impl Message {
    pub fn system(content: impl Into<String>) -> Message {
        Message {
            role: "system".into(),
            content: content.into(),
        }
    }

    pub fn user(content: impl Into<String>) -> Message {
        Message {
            role: "user".into(),
            content: content.into(),
        }
    }

    pub fn assistant(content: impl Into<String>) -> Message {
        Message {
            role: "assistant".into(),
            content: content.into(),
        }
    }
}

/// One example of a question and how to respond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shot {
    pub question: String,
    pub response: String,
}

/// How a question is put. The default is the bare question.
///
/// ```
/// use datasets::prompts::Prompt;
/// let prompt = Prompt::from_toml("after = \"\\nAnswer in one word.\"")?;
/// let messages = prompt.messages("What is the capital of Kenya?");
/// assert_eq!(messages[0].content, "What is the capital of Kenya?\nAnswer in one word.");
/// # Ok::<(), datasets::prompts::PromptError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prompt {
    /// For people; no part of what the model reads, nor of the hash.
    #[serde(skip_serializing)]
    pub about: String,
    /// Absent: the chat template's own.
    pub system: Option<String>,
    /// Examples, each a user's and an assistant's message.
    pub shots: Vec<Shot>,
    /// Examples for questions of one template, in place of `shots` ([`Prompt::messages_for`]).
    pub template_shots: BTreeMap<String, Vec<Shot>>,
    /// Stands before the question in the user's message, as it is.
    pub before: String,
    /// Stands after it.
    pub after: String,
    /// The user's message of a prompt that needs more than a question, with `{name}` places
    /// ([`Prompt::render`]); in place of `before` and `after`.
    pub user: Option<String>,
}

/// Examples of one template that are shown.
const TEMPLATE_SHOTS_SHOWN: usize = 3;

/// A prompt file that cannot be read, or a place that was not filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    #[error("{0}")]
    Toml(String),
    #[error("found the place {{{found}}}, expected one of {expected}")]
    UnknownPlace { found: String, expected: String },
    #[error("found no `user` text, expected a prompt with places")]
    NoPlaces,
}

impl Prompt {
    /// # Errors
    /// Where the text is no TOML, or a key is of the wrong type; unknown keys are ignored.
    pub fn from_toml(text: &str) -> Result<Prompt, PromptError> {
        toml::from_str(text)
            .map_err(|error| PromptError::Toml(error.to_string().trim_end().to_owned()))
    }

    /// The messages that ask `question`, after the general examples.
    pub fn messages(&self, question: &str) -> Vec<Message> {
        self.with_shots(self.shots.iter(), question)
    }

    /// The messages that ask `question`, after its template's own examples where there are any
    /// (three of them, and never the question itself), else after the general ones.
    pub fn messages_for(&self, question: &Question) -> Vec<Message> {
        let own = question
            .template
            .as_ref()
            .and_then(|template| self.template_shots.get(template));
        match own {
            None => self.messages(&question.question),
            Some(shots) => {
                let others = shots
                    .iter()
                    .filter(|shot| shot.question != question.question);
                self.with_shots(others.take(TEMPLATE_SHOTS_SHOWN), &question.question)
            }
        }
    }

    fn with_shots<'a>(
        &'a self,
        shots: impl Iterator<Item = &'a Shot>,
        question: &str,
    ) -> Vec<Message> {
        let asked = |question: &str| match &self.user {
            Some(user) => user.replace("{question}", question),
            None => format!("{}{question}{}", self.before, self.after),
        };
        let mut messages: Vec<Message> = self.system.iter().map(Message::system).collect();
        for shot in shots {
            messages.push(Message::user(asked(&shot.question)));
            messages.push(Message::assistant(&shot.response));
        }
        messages.push(Message::user(asked(question)));
        messages
    }

    /// The messages with each `{name}` of `user` replaced by its value. What stands in a value is
    /// not looked at again, so that a model's text cannot fill a place.
    ///
    /// # Errors
    /// Where a place has no value, or the prompt has no `user`.
    pub fn render(&self, values: &[(&str, &str)]) -> Result<Vec<Message>, PromptError> {
        let template = self.user.as_deref().ok_or(PromptError::NoPlaces)?;
        let mut content = String::new();
        let mut rest = template;
        while let Some(start) = rest.find('{') {
            content.push_str(&rest[..start]);
            let place = &rest[start + 1..];
            let end = place
                .find(|c: char| !c.is_ascii_lowercase() && c != '_')
                .unwrap_or(place.len());
            // A brace that opens no name is a brace.
            if end == 0 || !place[end..].starts_with('}') {
                content.push('{');
                rest = place;
                continue;
            }
            let name = &place[..end];
            let value = values
                .iter()
                .find(|(known, _)| *known == name)
                .ok_or_else(|| PromptError::UnknownPlace {
                    found: name.into(),
                    expected: values
                        .iter()
                        .map(|(known, _)| *known)
                        .collect::<Vec<_>>()
                        .join(", "),
                })?;
            content.push_str(value.1);
            rest = &place[end + 1..];
        }
        content.push_str(rest);
        let mut messages: Vec<Message> = self.system.iter().map(Message::system).collect();
        messages.push(Message::user(content));
        Ok(messages)
    }

    /// SHA-256 in hex of what the model may read, however the file is laid out.
    pub fn sha256(&self) -> String {
        // A map from strings to strings and lists of them has no value that JSON lacks.
        let text = serde_json::to_string(self).expect("a prompt is plain text");
        crate::hash::sha256_hex(text.as_bytes())
    }
}

/// The shipped prompts, by name.
#[cfg(feature = "shipped")]
const BUILTIN: [(&str, &str); 17] = [
    ("few-shot", include_str!("../prompts/few-shot.toml")),
    (
        "few-shot-confidence",
        include_str!("../prompts/few-shot-confidence.toml"),
    ),
    (
        "chain-of-thought",
        include_str!("../prompts/chain-of-thought.toml"),
    ),
    (
        "direct-prompting",
        include_str!("../prompts/direct-prompting.toml"),
    ),
    (
        "direct-prompting-2",
        include_str!("../prompts/direct-prompting-2.toml"),
    ),
    (
        "direct-prompting-3",
        include_str!("../prompts/direct-prompting-3.toml"),
    ),
    (
        "direct-prompting-4",
        include_str!("../prompts/direct-prompting-4.toml"),
    ),
    (
        "direct-prompting-5",
        include_str!("../prompts/direct-prompting-5.toml"),
    ),
    (
        "direct-prompting-with-reason",
        include_str!("../prompts/direct-prompting-with-reason.toml"),
    ),
    ("r-tuning", include_str!("../prompts/r-tuning.toml")),
    ("r-tuning-ask", include_str!("../prompts/r-tuning-ask.toml")),
    (
        "rationale-teacher",
        include_str!("../prompts/rationale-teacher.toml"),
    ),
    ("summary", include_str!("../prompts/summary.toml")),
    (
        "judge-faithfulness",
        include_str!("../prompts/judge-faithfulness.toml"),
    ),
    ("self-reflect", include_str!("../prompts/self-reflect.toml")),
    (
        "self-reflect-answers",
        include_str!("../prompts/self-reflect-answers.toml"),
    ),
    (
        "judge-correctness",
        include_str!("../prompts/judge-correctness.toml"),
    ),
];

/// A shipped prompt.
#[cfg(feature = "shipped")]
pub fn builtin(name: &str) -> Option<Prompt> {
    let (_, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
    Some(Prompt::from_toml(text).expect("shipped prompts parse: the test reads each"))
}

/// The names that [`builtin`] knows.
#[cfg(feature = "shipped")]
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_bare_question() {
        assert_eq!(
            Prompt::default().messages(" Who? "),
            [Message::user(" Who? ")]
        );
    }

    #[test]
    fn examples_of_the_template_come_first_and_never_the_question_itself() {
        let text = "system = \"s\"\n[[shots]]\nquestion = \"g\"\nresponse = \"G\"\n".to_owned()
            + &["a", "b", "c", "d"]
                .map(|q| format!("[[template_shots.t]]\nquestion = \"{q}\"\nresponse = \"R\"\n"))
                .concat();
        let prompt = Prompt::from_toml(&text).unwrap();
        let asked = |question: &str, template: Option<&str>| -> String {
            let question = Question {
                id: "1".into(),
                question: question.into(),
                answers: vec!["R".into()],
                negative_answers: Vec::new(),
                template: template.map(String::from),
                entity: None,
                split: None,
                judge: Default::default(),
            };
            let contents = prompt
                .messages_for(&question)
                .into_iter()
                .map(|message| message.content);
            contents.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(asked("x", Some("t")), "s a R b R c R x");
        assert_eq!(asked("b", Some("t")), "s a R c R d R b");
        assert_eq!(asked("x", Some("u")), "s g G x");
        assert_eq!(asked("x", None), "s g G x");
    }

    #[test]
    fn places_are_filled_once() {
        let prompt = Prompt {
            user: Some("{question} {a} { {B} {a".into()),
            ..Prompt::default()
        };
        let rendered = prompt.render(&[("question", "{a}"), ("a", "1")]).unwrap();
        assert_eq!(rendered[0].content, "{a} 1 { {B} {a");
        assert_eq!(
            prompt.render(&[("question", "q")]).unwrap_err().to_string(),
            "found the place {a}, expected one of question"
        );
        assert_eq!(Prompt::default().render(&[]), Err(PromptError::NoPlaces));
    }

    #[test]
    fn the_hash_is_of_what_the_model_reads() {
        let hash = |text: &str| Prompt::from_toml(text).unwrap().sha256();
        assert_eq!(hash("about = \"x\"\nafter = \"a\""), hash("after = 'a'"));
        assert_ne!(hash("after = \"a\""), hash("before = \"a\""));
    }

    #[cfg(feature = "shipped")]
    #[test]
    fn shipped_prompts_parse_and_their_places_are_known() {
        for name in names() {
            let prompt = builtin(name).unwrap();
            assert!(!prompt.about.is_empty(), "{name}");
            let values: &[(&str, &str)] = match name {
                "rationale-teacher" => &[("question", "q"), ("picks", "p"), ("gold", "g")],
                "summary" => &[("rationales", "r")],
                "judge-faithfulness" => &[("question", "q"), ("clusters", "c"), ("summary", "s")],
                "self-reflect" => &[("basis", "b"), ("masked", "m")],
                "self-reflect-answers" => &[("question", "q"), ("count", "9")],
                "judge-correctness" => &[("question", "q"), ("gold", "g"), ("response", "r")],
                "r-tuning-ask" => &[],
                _ => {
                    assert!(prompt.user.is_none(), "{name}");
                    continue;
                }
            };
            let content = prompt.render(values).unwrap().pop().unwrap().content;
            assert!(!content.contains(['{', '}']), "{name}: {content}");
        }
        assert!(builtin("none").is_none());
    }
}
