//! An answer that is put together from what the engine tells, whole or in pieces.

use super::choice::{Choice, Piece};
use super::engine::{Event, Failed, What};
use super::extension::{AskedBy, Extension};
use super::failure::Failure;
use super::served::Served;
use super::wanted::{Wanted, random};
use super::{chat, completions};
use model::{Completion, Finish, ScoredToken};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// At which address it was asked.
#[derive(Clone, Debug)]
pub enum Form {
    Chat,
    /// With the prompts as they are said again before their completions; none where they are not.
    Completion {
        echoed: Option<Vec<String>>,
    },
}

/// An answer under way.
pub struct Reply {
    pub served: Arc<Served>,
    pub wanted: Wanted,
    pub form: Form,
    pub id: String,
    pub created_s: u64,
    prompts: Vec<Vec<u32>>,
    asked_by: AskedBy,
    /// Prompt by prompt, `n` each.
    pub choices: Vec<Choice>,
    /// What was said of each choice, where the whole is told at once.
    pub pieces: Vec<Piece>,
    /// Of each prompt's own tokens, where they are told.
    pub scores: Vec<Option<Vec<ScoredToken>>>,
}

/// What follows of an event.
pub enum Step {
    /// Of a choice.
    Piece(usize, Piece),
    /// The last of a choice.
    End(usize, Piece),
    Nothing,
}

/// What a form says of a choice that has ended.
type WholeChoice = fn(&Reply, usize) -> Map<String, Value>;

impl Reply {
    pub fn new(
        served: Arc<Served>,
        wanted: Wanted,
        form: Form,
        prompts: Vec<Vec<u32>>,
        asked_by: AskedBy,
    ) -> Self {
        let prefix = match form {
            Form::Chat => "chatcmpl",
            Form::Completion { .. } => "cmpl",
        };
        let count = prompts.len() * wanted.n;
        Reply {
            id: format!("{prefix}-{:016x}{:016x}", random(), random()),
            created_s: now_s(),
            choices: (0..count)
                .map(|_| Choice::new(&wanted.decoding.stop))
                .collect(),
            pieces: vec![Piece::default(); count],
            scores: vec![None; prompts.len()],
            served,
            wanted,
            form,
            prompts,
            asked_by,
        }
    }

    /// Takes what the engine told.
    ///
    /// # Errors
    /// Where the engine gave up.
    pub fn hear(&mut self, Event { prompt, what }: Event) -> Result<Step, Failure> {
        let place = |sample: usize| prompt * self.wanted.n + sample;
        Ok(match what {
            What::Scores(tokens) => {
                self.scores[prompt] = Some(tokens);
                Step::Nothing
            }
            What::Token {
                sample,
                token,
                text,
            } => {
                let at = place(sample);
                let piece = self.choices[at].push(token, &text);
                match piece.is_empty() {
                    true => Step::Nothing,
                    false => Step::Piece(at, piece),
                }
            }
            What::Done { sample, completion } => {
                let at = place(sample);
                Step::End(at, self.choices[at].finish(completion))
            }
            What::Failed(failed) => return Err(self.failure(failed)),
        })
    }

    pub fn failure(&self, failed: Failed) -> Failure {
        match failed {
            Failed::TimedOut => Failure::timed_out(self.served.request_seconds),
            Failed::Stopped => Failure::stopping(),
            Failed::Broken => Failure::internal(),
        }
    }

    /// Whether all has come.
    pub fn is_done(&self) -> bool {
        let are_scored = match self.is_scored() {
            true => self.scores.iter().all(Option::is_some),
            false => true,
        };
        are_scored
            && (self.is_prompt_alone()
                || self
                    .choices
                    .iter()
                    .all(|choice| choice.completion.is_some()))
    }

    /// Whether the prompts' own tokens are scored.
    pub fn is_scored(&self) -> bool {
        self.wanted.logprobs.is_some() && matches!(self.form, Form::Completion { echoed: Some(_) })
    }

    /// Whether nothing is drawn.
    pub fn is_prompt_alone(&self) -> bool {
        self.wanted.decoding.max_tokens == 0
    }

    /// A prompt's tokens.
    pub fn prompt(&self, choice: usize) -> &[u32] {
        &self.prompts[choice / self.wanted.n]
    }

    /// The whole answer.
    pub fn whole(&self) -> Value {
        let (object, choice): (_, WholeChoice) = match self.form {
            Form::Chat => ("chat.completion", chat::whole_choice),
            Form::Completion { .. } => ("text_completion", completions::whole_choice),
        };
        let mut choices: Vec<Value> = Vec::with_capacity(self.choices.len());
        let mut first = None;
        for at in 0..self.choices.len() {
            let mut told = choice(self, at);
            let extension = self.put_end(at, &mut told);
            if at == 0 {
                first = extension;
            }
            choices.push(told.into());
        }
        let mut whole = self.envelope(object, choices);
        whole.insert("usage".into(), self.usage());
        if let Some(extension) = first {
            whole.insert("sayself".into(), extension);
        }
        whole.into()
    }

    /// A piece of a stream: `delta` is the choice's own part of it.
    pub fn chunk(&self, at: usize, delta: Map<String, Value>, is_end: bool) -> Value {
        let object = match self.form {
            Form::Chat => "chat.completion.chunk",
            Form::Completion { .. } => "text_completion",
        };
        let mut choice = delta;
        choice.insert("index".into(), at.into());
        choice.insert("finish_reason".into(), Value::Null);
        let extension = match is_end {
            true => self.put_end(at, &mut choice),
            false => None,
        };
        let mut chunk = self.envelope(object, vec![choice.into()]);
        if self.wanted.include_usage {
            chunk.insert("usage".into(), Value::Null);
        }
        if let Some(extension) = extension.filter(|_| at == 0) {
            chunk.insert("sayself".into(), extension);
        }
        chunk.into()
    }

    /// The last piece of a stream that tells what was used.
    pub fn usage_chunk(&self) -> Value {
        let object = match self.form {
            Form::Chat => "chat.completion.chunk",
            Form::Completion { .. } => "text_completion",
        };
        let mut chunk = self.envelope(object, Vec::new());
        chunk.insert("usage".into(), self.usage());
        chunk.into()
    }

    fn envelope(&self, object: &str, choices: Vec<Value>) -> Map<String, Value> {
        let model = &self.served.models[self.wanted.model];
        let envelope = json!({
            "id": self.id,
            "object": object,
            "created": self.created_s,
            "model": model.name,
            "system_fingerprint": model.fingerprint,
            "choices": choices,
        });
        match envelope {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// Why a choice ended, and what it states of itself, which is handed back too.
    fn put_end(&self, at: usize, choice: &mut Map<String, Value>) -> Option<Value> {
        let one = &self.choices[at];
        let Some(completion) = &one.completion else {
            // Nothing was drawn.
            choice.insert("finish_reason".into(), "length".into());
            return None;
        };
        let reason = match completion.finish {
            Finish::EndOfTurn | Finish::Stop => "stop",
            Finish::Length => "length",
        };
        choice.insert("finish_reason".into(), reason.into());
        // As vLLM and SGLang tell a stop text from the end of the turn.
        let all = self.served.tokenizer.decode(&completion.tokens);
        choice.insert("stop_reason".into(), one.stopped_by(&all).into());
        let extension = self.extension(completion)?;
        let told = serde_json::to_value(extension).ok()?;
        choice.insert("sayself".into(), told.clone());
        Some(told)
    }

    fn extension(&self, completion: &Completion) -> Option<Extension> {
        let known = &self.served.models[self.wanted.model].known;
        known.of(completion, &self.asked_by, &self.served.tokenizer)
    }

    /// Tokens as `sayself sample` counts them, end tokens included.
    fn usage(&self) -> Value {
        let prompt: usize = self.prompts.iter().map(Vec::len).sum();
        let completions = self
            .choices
            .iter()
            .filter_map(|one| one.completion.as_ref());
        let drawn: usize = completions
            .map(|one| one.tokens.len() + usize::from(one.finish == Finish::EndOfTurn))
            .sum();
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": drawn,
            "total_tokens": prompt + drawn,
        })
    }
}

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
