//! The [`Session`] as the worker's script drives it. Structures go over as JSON; what fails is thrown
//! as a [`Trouble`], in JSON too.

use crate::plan::Chosen;
use crate::session::Session;
use crate::trouble::Trouble;
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

/// What the worker holds.
#[wasm_bindgen]
#[derive(Default)]
pub struct YourFile(Session);

type Json = Result<String, String>;

fn json<T: Serialize>(outcome: Result<T, Trouble>) -> Json {
    let text = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
    match outcome {
        Ok(value) => Ok(text(serde_json::to_string(&value))),
        Err(trouble) => Err(text(serde_json::to_string(&trouble))),
    }
}

fn chosen_of(text: &str) -> Result<Chosen, Trouble> {
    serde_json::from_str(text).map_err(|error| {
        Trouble::new(
            "The choices cannot be read.",
            error.to_string(),
            "Load the page again.",
        )
    })
}

#[wasm_bindgen]
impl YourFile {
    #[wasm_bindgen(constructor)]
    pub fn new() -> YourFile {
        YourFile::default()
    }

    /// Bytes of the file's start that [`YourFile::look`] wants.
    #[wasm_bindgen(js_name = headBytes)]
    pub fn head_bytes() -> u32 {
        crate::limits::HEAD_BYTES as u32
    }

    /// Resamples at which the intervals are as fine as they become.
    pub fn resamples() -> u32 {
        crate::limits::RESAMPLES as u32
    }

    /// See [`Session::look`].
    pub fn look(&mut self, name: &str, size: f64, head: &[u8]) -> Json {
        // A file's size is a whole number below 2^53.
        json(self.0.look(name, size as u64, head))
    }

    /// See [`Session::hold`].
    pub fn hold(&mut self, bytes: &[u8]) -> Json {
        json(self.0.hold(bytes))
    }

    /// See [`Session::look_whole`].
    #[wasm_bindgen(js_name = lookWhole)]
    pub fn look_whole(&mut self) -> Json {
        json(self.0.look_whole())
    }

    /// See [`Session::plan`].
    pub fn plan(&mut self, chosen: &str) -> Json {
        json(chosen_of(chosen).and_then(|chosen| self.0.plan(&chosen)))
    }

    /// See [`Session::begin`].
    pub fn begin(&mut self, chosen: &str) -> Json {
        json(chosen_of(chosen).and_then(|chosen| self.0.begin(&chosen)))
    }

    /// See [`Session::push`].
    pub fn push(&mut self, bytes: &[u8]) -> Json {
        json(self.0.push(bytes))
    }

    /// See [`Session::rows`].
    pub fn rows(&self) -> u32 {
        // At most 5,000,000.
        self.0.rows() as u32
    }

    /// See [`Session::step`].
    pub fn step(&mut self) -> Json {
        json(self.0.step())
    }

    /// See [`Session::measure`].
    pub fn measure(&mut self, title: &str) -> Json {
        json(self.0.measure(title))
    }

    /// See [`Session::band`].
    pub fn band(&mut self) -> Json {
        json(self.0.band())
    }

    /// See [`Session::advance_to`].
    #[wasm_bindgen(js_name = advanceTo)]
    pub fn advance_to(&mut self, resamples: u32) -> Json {
        json(self.0.advance_to(resamples as usize))
    }

    /// See [`Session::figures`].
    pub fn figures(&self) -> Json {
        json(self.0.figures())
    }

    /// See [`Session::is_refining`].
    #[wasm_bindgen(js_name = isRefining)]
    pub fn is_refining(&self) -> bool {
        self.0.is_refining()
    }

    /// See [`Session::open_link`].
    #[wasm_bindgen(js_name = openLink)]
    pub fn open_link(&mut self, fragment: &str) -> Json {
        json(self.0.open_link(fragment))
    }

    /// See [`Session::draw`].
    pub fn draw(&mut self, bins: u32) -> Json {
        json(self.0.draw(bins))
    }

    /// See [`Session::name`].
    pub fn name(&mut self, title: &str) -> Json {
        json(self.0.name(title))
    }

    /// See [`Session::download`].
    pub fn download(&self, name: &str) -> Json {
        match self.0.download(name) {
            Ok(text) => Ok(text),
            Err(trouble) => json::<()>(Err(trouble)),
        }
    }
}
