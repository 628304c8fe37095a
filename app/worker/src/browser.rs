//! The engine as the worker's script drives it. Structures go over as JSON; what fails is thrown as a
//! [`Trouble`], in JSON too.

use crate::engine::{self, Engine};
use crate::limits::ABOUT_BYTES_MAX;
use crate::loading::Loading;
use crate::trouble::Trouble;
use asking::guess::{self, Guess};
use asking::limits::SAMPLES;
use asking::question::{Side, Times};
use asking::{reading, samples};
use datasets::demo::About;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::wasm_bindgen;

/// What the worker holds.
#[wasm_bindgen]
#[derive(Default)]
pub struct Demo {
    about: Option<About>,
    loading: Option<Loading>,
    engine: Option<Engine>,
}

/// See [`kernels::expect_helpers`].
#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
#[wasm_bindgen]
pub fn expect_helpers(helpers: usize) {
    kernels::expect_helpers(helpers);
}

/// See [`kernels::help`]: it never comes back.
#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
#[wasm_bindgen]
pub fn help(index: usize) {
    kernels::help(index);
}

type Json = Result<String, String>;

fn json<T: Serialize>(outcome: Result<T, Trouble>) -> Json {
    let text = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
    match outcome {
        Ok(value) => Ok(text(serde_json::to_string(&value))),
        Err(trouble) => Err(text(serde_json::to_string(&trouble))),
    }
}

fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(|error| Trouble::order(&format!("{what}: {error}")))
}

#[wasm_bindgen]
impl Demo {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Demo {
        Demo::default()
    }

    /// Takes `about.json`.
    pub fn about(&mut self, text: &str) -> Json {
        json(self.take_about(text))
    }

    /// See [`Loading::begin`].
    pub fn begin(&mut self, bytes: f64) -> Json {
        // Sizes are whole numbers below 2^53.
        json(Loading::begin(bytes as u64).map(|loading| self.loading = Some(loading)))
    }

    /// See [`Loading::push`].
    pub fn push(&mut self, piece: &[u8]) -> Json {
        json(self.loading().and_then(|loading| loading.push(piece)))
    }

    /// Ends loading: makes the model of what was pushed, if it has this SHA-256.
    pub fn load(&mut self, sha256: &str) -> Json {
        json(self.make_engine(sha256))
    }

    /// Ends loading: puts what was pushed, if it has this SHA-256, beside the model as an adapter.
    pub fn adapt(&mut self, config: &str, sha256: &str) -> Json {
        json(self.add_adapter(config, sha256))
    }

    /// See [`Engine::ask`]. `side` and `times` are JSON's names of [`Side`] and [`Times`].
    pub fn ask(&mut self, side: &str, question: &str, times: &str, seed: f64) -> Json {
        json(self.begin_to_ask(side, question, times, seed as u64))
    }

    /// See [`Engine::read_text`].
    pub fn prompt(&mut self, text: &str) -> Json {
        json(self.engine().and_then(|engine| engine.read_text(text)))
    }

    /// See [`Engine::pass`].
    pub fn pass(&mut self) -> Json {
        json(self.engine().and_then(Engine::pass))
    }

    /// See [`Engine::leave`].
    pub fn leave(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.leave();
        }
    }

    /// See [`reading::read`]; `levels` is a list of ten, or null.
    pub fn read(&self, side: &str, question: &str, text: &str, levels: &str, id: &str) -> Json {
        json(self.read_answer(side, question, (text, levels), id))
    }

    /// See [`samples::clustered`]; `texts` is a list, `stated` and `rationale` may be empty.
    pub fn cluster(&self, texts: &str, stated: &str, rationale: &str, question: &str) -> Json {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        json(read::<Vec<String>>("The samples", texts).map(|texts| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let (stated, rationale) = (given(stated), given(rationale));
            samples::clustered(
                &texts,
                SAMPLES,
                stated.as_deref(),
                rationale.as_deref(),
                question,
            )
        }))
    }

    /// See [`guess::compare`].
    pub fn compare(&self, guesses: &str) -> Json {
        json(self.of_about().and_then(|about| {
            let guesses: Vec<Guess> = read("The guesses", guesses)?;
            Ok(guess::compare(about, &guesses))
        }))
    }
}

impl Demo {
    fn take_about(&mut self, text: &str) -> Result<(), Trouble> {
        if text.len() > ABOUT_BYTES_MAX {
            return Err(Trouble::order("about.json is too long."));
        }
        self.about = Some(read("about.json", text)?);
        Ok(())
    }

    fn of_about(&self) -> Result<&About, Trouble> {
        self.about
            .as_ref()
            .ok_or_else(|| Trouble::order("The worker was not told about the model."))
    }

    fn loading(&mut self) -> Result<&mut Loading, Trouble> {
        self.loading
            .as_mut()
            .ok_or_else(|| Trouble::order("A piece came before its file."))
    }

    fn engine(&mut self) -> Result<&mut Engine, Trouble> {
        self.engine
            .as_mut()
            .ok_or_else(|| Trouble::order("The model was asked before it was loaded."))
    }

    fn loaded(&mut self, sha256: &str) -> Result<Vec<u8>, Trouble> {
        self.loading()?;
        match self.loading.take() {
            Some(loading) => loading.finish(sha256),
            None => Err(Trouble::order("There is no file to finish.")),
        }
    }

    fn make_engine(&mut self, sha256: &str) -> Result<(), Trouble> {
        let bytes = self.loaded(sha256)?;
        // Two models would not fit.
        self.engine = None;
        self.engine = Some(Engine::load(bytes)?);
        Ok(())
    }

    fn add_adapter(&mut self, config: &str, sha256: &str) -> Result<(), Trouble> {
        let weights = self.loaded(sha256)?;
        self.engine()?.adapt(config.as_bytes(), &weights)
    }

    fn begin_to_ask(
        &mut self,
        side: &str,
        question: &str,
        times: &str,
        seed: u64,
    ) -> Result<(), Trouble> {
        let side: Side = read("The model to ask", side)?;
        let times: Times = read("How often to ask", times)?;
        let Demo { about, engine, .. } = self;
        match (about, engine) {
            (Some(about), Some(engine)) => engine.ask(about, side, question, times, seed),
            _ => Err(Trouble::order("The model was asked before it was loaded.")),
        }
    }

    fn read_answer(
        &self,
        side: &str,
        question: &str,
        (text, levels): (&str, &str),
        id: &str,
    ) -> Result<reading::Reading, Trouble> {
        let about = self.of_about()?;
        let side: Side = read("The model that was asked", side)?;
        let levels: Option<[f64; 10]> = read("The levels", levels)?;
        let way = engine::way(side, about)?;
        Ok(reading::read(about, way, question, (text, levels), id))
    }
}
