//! The model, asked: one answer or ten samples at a time, a pass at a time, so that a question can be
//! left between two tokens.

use crate::limits::{
    ANSWER_TOKENS_MAX, CACHE_BYTES_MAX, PROMPT_TOKENS_PASS, QUESTION_CHARACTERS_MAX, ROWS_MAX,
    SAMPLE_TOKENS_MAX, SAMPLES,
};
use crate::trouble::Trouble;
use datasets::demo::{About, Way, kind_of};
use model::{
    Decoder, Decoding, Device, Generator, Job, LevelReading, LevelTokens, Limits, LoadOptions,
    Lora, Message, ModelError, Request, Tokenizer, Told,
};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The text before a stated level.
const LEVEL_MARK: &str = "Confidence: ";

/// Which model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The model as it is.
    Before,
    /// The taught one.
    After,
}

impl Side {
    /// How this side is asked.
    ///
    /// # Errors
    /// Where there is no taught model.
    pub fn way(self, about: &About) -> Result<&Way, Trouble> {
        match self {
            Side::Before => Ok(&about.before),
            Side::After => about
                .after
                .as_ref()
                .ok_or_else(|| Trouble::order("There is no taught model to ask.")),
        }
    }

    /// The place of its adapter.
    fn adapter(self) -> usize {
        match self {
            Side::Before => 0,
            Side::After => 1,
        }
    }
}

/// How often a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// Once, as the evaluation did.
    Once,
    /// [`SAMPLES`] times at temperature 1: the answers alone.
    Ten,
}

/// One answer as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Text {
    pub text: String,
    /// Tokens drawn.
    pub tokens: usize,
    pub done: bool,
    /// P(level k) at k − 1 where a level was stated, once it is done.
    pub levels: Option<[f64; 10]>,
}

/// What a pass came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// Tokens drawn in this pass.
    pub drawn: usize,
    pub done: bool,
    pub texts: Vec<Text>,
}

/// A model in memory, and what it is at.
pub struct Engine {
    decoder: Decoder,
    tokenizer: Tokenizer,
    generator: Generator,
    reading: LevelReading,
    has_adapter: bool,
    /// The number of the job under way, and its texts.
    job: usize,
    texts: Vec<Text>,
}

impl Engine {
    /// Of a GGUF file, which is let go.
    ///
    /// # Errors
    /// Where the file is none that this can compute.
    pub fn load(bytes: Vec<u8>) -> Result<Engine, Trouble> {
        let wrong = |error: ModelError| Trouble::model(&error);
        // First: what making it leaves behind is room for the weights.
        let tokenizer = Tokenizer::from_gguf(&bytes).map_err(wrong)?;
        let decoder = Decoder::from_gguf(&bytes, &LoadOptions::default()).map_err(wrong)?;
        drop(bytes);
        let reading = LevelReading {
            mark: LEVEL_MARK.to_owned(),
            tokens: LevelTokens::find(&tokenizer).map_err(wrong)?,
        };
        let generator = generator(&decoder, None, &tokenizer, &reading).map_err(wrong)?;
        Ok(Engine {
            decoder,
            tokenizer,
            generator,
            reading,
            has_adapter: false,
            job: 0,
            texts: Vec::new(),
        })
    }

    /// Puts an adapter in PEFT form beside the model.
    ///
    /// # Errors
    /// Where it is of another model, or no plain LoRA.
    pub fn adapt(&mut self, config: &[u8], weights: &[u8]) -> Result<(), Trouble> {
        let adapter = Lora::from_safetensors(config, weights, self.decoder.config(), &Device::Cpu)
            .and_then(|adapter| adapter.for_inference());
        let adapter = adapter.map_err(|error| Trouble::model(&error))?;
        let adapter = Some(Arc::new(adapter));
        self.generator = generator(&self.decoder, adapter, &self.tokenizer, &self.reading)
            .map_err(|error| Trouble::model(&error))?;
        self.has_adapter = true;
        Ok(())
    }

    /// Begins to ask; what was under way is left.
    ///
    /// # Errors
    /// Where the question is empty or too long, or there is no such model.
    pub fn ask(
        &mut self,
        about: &About,
        side: Side,
        question: &str,
        times: Times,
        seed: u64,
    ) -> Result<(), Trouble> {
        self.leave();
        let question = question.trim();
        if question.is_empty() {
            return Err(Trouble::question("The question is empty."));
        }
        if question.chars().count() > QUESTION_CHARACTERS_MAX {
            return Err(Trouble::question(format!(
                "The question has more than {QUESTION_CHARACTERS_MAX} characters."
            )));
        }
        if side == Side::After && !self.has_adapter {
            return Err(Trouble::order("The taught model has not been loaded."));
        }
        let way = side.way(about)?;
        let template = kind_of(&about.kinds, question).map(|kind| kind.template.as_str());
        let messages: Vec<Message> = way
            .messages(question, template)
            .into_iter()
            .map(|message| Message::new(message.role, message.content))
            .collect();
        let wrong = |error: ModelError| Trouble::question(error.to_string());
        let prompt = self.tokenizer.chat_tokens(&messages, true).map_err(wrong)?;
        let (decoding, samples) = match times {
            Times::Once => (once(way), 1),
            Times::Ten => (sampled(), SAMPLES),
        };
        let request = Request {
            prompt,
            samples: (0..samples as u64)
                .map(|sample| seed.wrapping_add(sample))
                .collect(),
            decoding,
        };
        let job = Job {
            adapter: side.adapter(),
            reads_levels: times == Times::Once,
            tells_tokens: true,
            ..Job::new(request)
        };
        self.begin(job).map_err(wrong)
    }

    fn begin(&mut self, job: Job) -> Result<(), ModelError> {
        let samples = job.request.samples.len();
        self.job += 1;
        self.generator.add(self.job, job)?;
        self.texts = vec![Text::default(); samples];
        Ok(())
    }

    /// Begins to read a text as it is, for one token after it: to measure how fast that goes. Its tokens.
    ///
    /// # Errors
    /// Where it is empty, or fills the model's context.
    pub fn read_text(&mut self, text: &str) -> Result<usize, Trouble> {
        self.leave();
        let wrong = |error: ModelError| Trouble::question(error.to_string());
        let prompt = self.tokenizer.encode(text, false).map_err(wrong)?;
        let tokens = prompt.len();
        let decoding = Decoding {
            temperature: 0.0,
            max_tokens: 1,
            ..sampled()
        };
        let request = Request {
            prompt,
            samples: vec![0],
            decoding,
        };
        self.begin(Job::new(request)).map_err(wrong)?;
        Ok(tokens)
    }

    /// One pass: the next part of the prompt, or a token of each answer under way.
    ///
    /// # Errors
    /// Where a computation fails.
    pub fn pass(&mut self) -> Result<Progress, Trouble> {
        let before = self.drawn();
        let (texts, current) = (&mut self.texts, self.job);
        let mut on_told = |told: Told<'_>| {
            match told {
                Told::Token {
                    job, sample, text, ..
                } if job == current => {
                    let of_sample = &mut texts[sample];
                    of_sample.text.push_str(text);
                    of_sample.tokens += 1;
                }
                Told::Done {
                    job,
                    sample,
                    completion,
                } if job == current => {
                    let of_sample = &mut texts[sample];
                    of_sample.text = completion.text;
                    of_sample.levels = completion.levels.map(|levels| levels.probabilities);
                    of_sample.done = true;
                }
                Told::Token { .. } | Told::Done { .. } | Told::Prompt { .. } => {}
            }
            ControlFlow::Continue(())
        };
        // It never breaks off.
        let _ = self.generator.start_samples(&mut on_told);
        if !self.generator.is_idle() {
            let passed = self.generator.pass(&mut on_told);
            let _ = passed.map_err(|error| Trouble::model(&error))?;
        }
        Ok(Progress {
            drawn: self.drawn() - before,
            done: self.texts.iter().all(|text| text.done),
            texts: self.texts.clone(),
        })
    }

    /// Leaves what is under way.
    pub fn leave(&mut self) {
        self.generator.cancel(self.job);
        self.texts.clear();
    }

    fn drawn(&self) -> usize {
        self.texts.iter().map(|text| text.tokens).sum()
    }
}

fn generator(
    decoder: &Decoder,
    adapter: Option<Arc<Lora>>,
    tokenizer: &Tokenizer,
    reading: &LevelReading,
) -> Result<Generator, ModelError> {
    let adapters = match adapter {
        None => vec![None],
        Some(adapter) => vec![None, Some(adapter)],
    };
    let limits = Limits {
        rows: ROWS_MAX,
        cache_bytes: CACHE_BYTES_MAX,
    };
    let generator = Generator::new(decoder, adapters, tokenizer, limits)?;
    Ok(generator
        .reading(Some(reading.clone()))
        .prompt_tokens(PROMPT_TOKENS_PASS))
}

/// As the evaluation drew.
fn once(way: &Way) -> Decoding {
    let decoding = way.decoding.clone();
    Decoding {
        temperature: decoding.temperature,
        top_p: decoding.top_p,
        top_k: decoding.top_k,
        max_tokens: decoding.max_tokens.clamp(1, ANSWER_TOKENS_MAX),
        stop: decoding.stop,
    }
}

/// An answer to the end of its line, drawn as the model has it.
fn sampled() -> Decoding {
    Decoding {
        temperature: 1.0,
        top_p: 1.0,
        top_k: 0,
        max_tokens: SAMPLE_TOKENS_MAX,
        stop: vec!["\n".to_owned()],
    }
}
