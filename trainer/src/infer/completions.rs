//! `/v1/completions`: texts or tokens that are gone on with, and log-probabilities of both.

use super::chat::fields_of;
use super::choice::{HeardToken, Piece};
use super::failure::Failure;
use super::fields::{Fields, wrong};
use super::limits::{CHOICES_MAX, COMPLETION_TOKENS_DEFAULT};
use super::reply::{Form, Reply};
use super::served::Served;
use super::token_text::{finite, token_text};
use super::wanted::{Wanted, top};
use model::{ScoredToken, Tokenizer};
use serde_json::{Map, Value, json};

/// Texts that the model is to go on with.
#[derive(Clone, Debug)]
pub struct CompletionRequest {
    pub wanted: Wanted,
    prompts: Vec<Prompt>,
    /// Whether each prompt is said again before its completion.
    pub echo: bool,
}

#[derive(Clone, Debug)]
enum Prompt {
    Text(String),
    Tokens(Vec<u32>),
}

impl CompletionRequest {
    /// # Errors
    /// As [`Wanted::read`], and 400 for prompts that cannot be so.
    pub fn read(body: &Value, served: &Served) -> Result<Self, Failure> {
        let fields = Fields::of(body)?;
        let echo = fields.truth("echo")?.unwrap_or(false);
        let logprobs = top(fields, "logprobs")?;
        // With `echo` the prompt alone may be wanted.
        let is_prompt_alone = echo && fields.value("max_tokens").and_then(Value::as_u64) == Some(0);
        let alone;
        let fields = match (is_prompt_alone, body.as_object()) {
            (true, Some(object)) => {
                let kept = object.iter().filter(|(name, _)| *name != "max_tokens");
                alone = Value::Object(
                    kept.map(|(name, value)| (name.clone(), value.clone()))
                        .collect(),
                );
                Fields::of(&alone)?
            }
            _ => fields,
        };
        let tokens_default = COMPLETION_TOKENS_DEFAULT.min(served.tokens_max);
        let mut wanted = Wanted::read(fields, served, tokens_default, logprobs)?;
        if is_prompt_alone {
            wanted.decoding.max_tokens = 0;
        }
        if let Some(value) = fields.value("suffix").filter(|value| *value != "") {
            let message = format!("`suffix` is not to be had here; found {value}.");
            return Err(Failure::unsupported("suffix", message));
        }
        if fields
            .whole("best_of", 1..=CHOICES_MAX as u64)?
            .is_some_and(|best_of| best_of != wanted.n as u64)
        {
            let message = "`best_of` must be `n`: all that is drawn is handed over.";
            return Err(Failure::unsupported("best_of", message));
        }
        let value = fields
            .value("prompt")
            .ok_or_else(|| Failure::missing("prompt"))?;
        let prompts = prompts(value, served)?;
        if prompts.len() * wanted.n > CHOICES_MAX {
            let message = format!(
                "{} prompts of {} choices each are over {CHOICES_MAX} choices.",
                prompts.len(),
                wanted.n
            );
            return Err(Failure::bad_value("n", message));
        }
        Ok(CompletionRequest {
            wanted,
            prompts,
            echo,
        })
    }

    /// Each prompt's tokens.
    ///
    /// # Errors
    /// 400 where a text gives none.
    pub fn tokens(&self, served: &Served) -> Result<Vec<Vec<u32>>, Failure> {
        let each = |prompt: &Prompt| {
            let tokens = match prompt {
                Prompt::Tokens(tokens) => tokens.clone(),
                Prompt::Text(text) => served
                    .tokenizer
                    .encode(text, true)
                    .map_err(|error| Failure::bad_value("prompt", error.to_string()))?,
            };
            match tokens.is_empty() {
                true => Err(Failure::bad_value(
                    "prompt",
                    "`prompt`: expected a token or more.",
                )),
                false => Ok(tokens),
            }
        };
        self.prompts.iter().map(each).collect()
    }

    /// Each prompt as it is said again.
    pub fn texts(&self, tokenizer: &Tokenizer) -> Vec<String> {
        let each = |prompt: &Prompt| match prompt {
            Prompt::Text(text) => text.clone(),
            Prompt::Tokens(tokens) => tokenizer.decode_with_special(tokens),
        };
        self.prompts.iter().map(each).collect()
    }
}

/// A text, a list of texts, a list of tokens, or a list of such lists.
fn prompts(value: &Value, served: &Served) -> Result<Vec<Prompt>, Failure> {
    let expected = format!(
        "a text or a list of tokens (numbers below {}), or at most {CHOICES_MAX} such",
        served.vocab
    );
    let one = |value: &Value| match value {
        Value::String(text) => Some(Prompt::Text(text.clone())),
        Value::Array(tokens) => {
            let token = |value: &Value| {
                let token = u32::try_from(value.as_u64()?).ok()?;
                ((token as usize) < served.vocab).then_some(token)
            };
            let tokens = tokens.iter().map(token).collect::<Option<Vec<u32>>>()?;
            Some(Prompt::Tokens(tokens))
        }
        _ => None,
    };
    let prompts = match value {
        Value::Array(items) if items.first().is_some_and(|first| !first.is_number()) => {
            match items.len() <= CHOICES_MAX {
                true => items.iter().map(one).collect::<Option<Vec<Prompt>>>(),
                false => None,
            }
        }
        other => one(other).map(|prompt| vec![prompt]),
    };
    prompts.ok_or_else(|| wrong("prompt", &expected, value))
}

/// A choice as a whole answer has it.
pub fn whole_choice(reply: &Reply, at: usize) -> Map<String, Value> {
    let completion = reply.choices[at].completion.as_ref();
    let text = completion.map_or("", |completion| completion.text.as_str());
    let echoed = echoed(reply, at);
    let mut logprobs = Logprobs::new(reply);
    logprobs.add_prompt(at);
    logprobs.add(&reply.pieces[at].tokens, echoed.chars().count());
    fields_of(json!({
        "index": at,
        "text": format!("{echoed}{text}"),
        "logprobs": logprobs.told(),
    }))
}

/// The beginning of a choice in a stream: the prompt, where it is said again.
pub fn opening(reply: &Reply, at: usize) -> Option<Map<String, Value>> {
    let Form::Completion { echoed: Some(_) } = reply.form else {
        return None;
    };
    let mut logprobs = Logprobs::new(reply);
    logprobs.add_prompt(at);
    Some(fields_of(
        json!({ "text": echoed(reply, at), "logprobs": logprobs.told() }),
    ))
}

/// A piece of a choice in a stream.
pub fn piece(reply: &Reply, at: usize, piece: &Piece) -> Map<String, Value> {
    let mut logprobs = Logprobs::new(reply);
    logprobs.add(&piece.tokens, echoed(reply, at).chars().count());
    fields_of(json!({ "text": piece.text, "logprobs": logprobs.told() }))
}

/// A choice's prompt, where it is said again.
fn echoed(reply: &Reply, at: usize) -> &str {
    match &reply.form {
        Form::Completion {
            echoed: Some(texts),
        } => &texts[at / reply.wanted.n],
        Form::Completion { echoed: None } | Form::Chat => "",
    }
}

/// The four lists of the older form.
struct Logprobs<'a> {
    reply: &'a Reply,
    tokens: Vec<String>,
    logprobs: Vec<Option<f64>>,
    top: Vec<Value>,
    /// In characters from the beginning of the choice's text.
    offsets: Vec<usize>,
}

impl<'a> Logprobs<'a> {
    fn new(reply: &'a Reply) -> Self {
        Logprobs {
            reply,
            tokens: Vec::new(),
            logprobs: Vec::new(),
            top: Vec::new(),
            offsets: Vec::new(),
        }
    }

    /// The prompt's own tokens, where they were scored; the first has nothing before it.
    fn add_prompt(&mut self, at: usize) {
        let reply = self.reply;
        let Some(scores) = &reply.scores[at / reply.wanted.n] else {
            return;
        };
        let tokenizer = &reply.served.tokenizer;
        let mut offset = 0;
        let first = reply.prompt(at).first();
        for (token, scored) in first
            .map(|token| (*token, None))
            .into_iter()
            .chain(scores.iter().map(|scored| (scored.token, Some(scored))))
        {
            let text = token_text(tokenizer, token);
            self.offsets.push(offset);
            offset += text.chars().count();
            self.tokens.push(text);
            self.logprobs
                .push(scored.map(|scored| finite(scored.logprob)));
            self.top
                .push(scored.map_or(Value::Null, |scored| top_of(tokenizer, scored)));
        }
    }

    fn add(&mut self, tokens: &[HeardToken], before: usize) {
        let tokenizer = &self.reply.served.tokenizer;
        for token in tokens {
            self.offsets.push(before + token.start_character);
            self.tokens.push(token_text(tokenizer, token.scored.token));
            self.logprobs.push(Some(finite(token.scored.logprob)));
            self.top.push(top_of(tokenizer, &token.scored));
        }
    }

    fn told(self) -> Value {
        match self.reply.wanted.logprobs {
            None => Value::Null,
            Some(_) => json!({
                "tokens": self.tokens,
                "token_logprobs": self.logprobs,
                "top_logprobs": self.top,
                "text_offset": self.offsets,
            }),
        }
    }
}

/// The most probable tokens by their texts, and the chosen one among them, as OpenAI has it.
fn top_of(tokenizer: &Tokenizer, scored: &ScoredToken) -> Value {
    let mut top = Map::new();
    let chosen = (scored.token, scored.logprob);
    for (token, logprob) in scored.top.iter().copied().chain([chosen]) {
        // Of tokens with one text, such as halves of characters, the more probable one.
        top.entry(token_text(tokenizer, token))
            .or_insert_with(|| finite(logprob).into());
    }
    top.into()
}
