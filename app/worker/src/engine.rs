//! The model, asked: one answer or ten samples at a time, a pass at a time, so that a question can be
//! left between two tokens.

use crate::limits::{CACHE_BYTES_MAX, PROMPT_TOKENS_PASS, ROWS_MAX};
use crate::trouble::Trouble;
use asking::question::{self, Side, Text, Times, checked, messages};
use datasets::demo::{About, Way};
use model::{
    Decoder, Decoding, Device, Generator, Job, LevelReading, LevelTokens, Limits, LoadOptions,
    Lora, Message, ModelError, Request, Tokenizer, Told,
};
use serde::Serialize;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The text before a stated level.
const LEVEL_MARK: &str = "Confidence: ";

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
        let question = checked(question).map_err(Trouble::question)?;
        if side == Side::After && !self.has_adapter {
            return Err(Trouble::order("The taught model has not been loaded."));
        }
        let way = way(side, about)?;
        let messages: Vec<Message> = messages(about, way, question)
            .into_iter()
            .map(|message| Message::new(message.role, message.content))
            .collect();
        let wrong = |error: ModelError| Trouble::question(error.to_string());
        let prompt = self.tokenizer.chat_tokens(&messages, true).map_err(wrong)?;
        let request = Request {
            prompt,
            samples: (0..times.samples() as u64)
                .map(|sample| seed.wrapping_add(sample))
                .collect(),
            decoding: decoding(question::decoding(way, times)),
        };
        let job = Job {
            adapter: adapter_of(side),
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
            top_p: 1.0,
            top_k: 0,
            max_tokens: 1,
            stop: Vec::new(),
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

/// How this side is asked.
///
/// # Errors
/// Where there is no taught model.
pub fn way(side: Side, about: &About) -> Result<&Way, Trouble> {
    side.way(about)
        .ok_or_else(|| Trouble::order("There is no taught model to ask."))
}

/// The place of a side's adapter.
fn adapter_of(side: Side) -> usize {
    match side {
        Side::Before => 0,
        Side::After => 1,
    }
}

fn decoding(decoding: datasets::config::Decoding) -> Decoding {
    Decoding {
        temperature: decoding.temperature,
        top_p: decoding.top_p,
        top_k: decoding.top_k,
        max_tokens: decoding.max_tokens,
        stop: decoding.stop,
    }
}
