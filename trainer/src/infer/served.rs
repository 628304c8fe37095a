//! What is served: one base model, and the adapters over it, each by its name.

use super::extension::Known;
use super::failure::Failure;
use model::Tokenizer;

/// A model by its name.
#[derive(Clone, Debug)]
pub struct ServedModel {
    pub name: String,
    /// The engine's adapter.
    pub adapter: usize,
    /// Changes with the weights and with the program.
    pub fingerprint: String,
    pub known: Known,
}

/// All of them; the first is the base model.
pub struct Served {
    pub models: Vec<ServedModel>,
    pub tokenizer: Tokenizer,
    /// Tokens of a prompt and its completion.
    pub context: usize,
    /// Tokens of the vocabulary.
    pub vocab: usize,
    /// Most tokens of a completion.
    pub tokens_max: usize,
    /// Seconds that a request may take.
    pub request_seconds: u64,
    /// When it was loaded, in seconds since 1970.
    pub loaded_at_s: u64,
}

impl Served {
    /// The place of a model.
    ///
    /// # Errors
    /// 404 where there is none of that name.
    pub fn place(&self, name: &str) -> Result<usize, Failure> {
        self.models
            .iter()
            .position(|model| model.name == name)
            .ok_or_else(|| Failure::no_model(name))
    }

    /// As `/v1/models` tells a model.
    pub fn described(&self, place: usize) -> serde_json::Value {
        let model = &self.models[place];
        serde_json::json!({
            "id": model.name,
            "object": "model",
            "created": self.loaded_at_s,
            "owned_by": "sayself",
            // As vLLM has them.
            "root": self.models[0].name,
            "parent": (place > 0).then(|| &self.models[0].name),
            "max_model_len": self.context,
            "sayself": {
                "states_confidence": model.known.states_confidence,
                "records": model.known.records.len(),
                "recalibrated": model.known.recalibration.is_some(),
            },
        })
    }
}
