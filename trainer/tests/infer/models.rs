//! The small model on disk, and what it says when it is asked alone.

use crate::tiny;
use model::{
    Architecture, Completion, Config, Decoder, Decoding, Device, Limits, LoadOptions, Lora,
    LoraConfig, Message, Projection, Request, Tokenizer,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tokens of a prompt and its completion.
pub const CONTEXT: usize = 8_192;

const TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// A model's folder, and two adapters.
pub struct Files {
    _folder: tempfile::TempDir,
    pub model: PathBuf,
    /// By their names, `a` and `b`.
    pub adapters: BTreeMap<&'static str, PathBuf>,
    pub decoder: Decoder,
    pub tokenizer: Tokenizer,
}

impl Files {
    pub fn write() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            context: CONTEXT,
            ..tiny::config(Architecture::Llama)
        };
        let weights = tiny::safetensors(&tiny::tensors(&config));
        let config_json = tiny::config_json(&config);
        let tokenizer = tiny::tokenizer().with_template(TEMPLATE);
        let (tokenizer_json, tokenizer_config) = tokenizer.to_files(CONTEXT).unwrap();
        let model = folder.path().join("tiny");
        fs::create_dir(&model).unwrap();
        for (name, bytes) in [
            ("config.json", &config_json),
            ("model.safetensors", &weights),
            ("tokenizer.json", &tokenizer_json),
            ("tokenizer_config.json", &tokenizer_config),
        ] {
            fs::write(model.join(name), bytes).unwrap();
        }
        let options = LoadOptions::default();
        let decoder = Decoder::from_safetensors(&config_json, &[&weights], &options).unwrap();
        let adapters = [("a", 1), ("b", 2)].map(|(name, seed)| {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            let lora = adapter(&decoder, seed);
            sayself::model_source::save_adapter(&path, &lora).unwrap();
            (name, path)
        });
        // As the files hold it.
        let tokenizer = Tokenizer::from_json(&tokenizer_json, Some(&tokenizer_config)).unwrap();
        Files {
            _folder: folder,
            model,
            adapters: adapters.into(),
            decoder,
            tokenizer,
        }
    }

    /// The decoder of a served model, by its name.
    pub fn named(&self, name: &str) -> Decoder {
        match self.adapters.get(name) {
            None => self.decoder.clone(),
            Some(path) => {
                let config = self.decoder.config();
                let lora = sayself::model_source::load_adapter(path, config, &Device::Cpu);
                self.decoder.with_adapter(Arc::new(lora.unwrap()))
            }
        }
    }

    /// The tokens of a question that the assistant is to answer.
    pub fn prompt(&self, question: &str) -> Vec<u32> {
        let messages = [Message::new("user", question)];
        self.tokenizer.chat_tokens(&messages, true).unwrap()
    }

    /// What a model says of a prompt, asked alone.
    pub fn alone(&self, name: &str, prompt: Vec<u32>, seed: u64, decoding: Decoding) -> Completion {
        let request = Request {
            prompt,
            samples: vec![seed],
            decoding,
        };
        let mut said = None;
        model::generate(
            &self.named(name),
            &self.tokenizer,
            [request].into_iter(),
            Limits::rows(1),
            &mut |_, _, completion| {
                said = Some(completion);
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        said.unwrap()
    }
}

/// The greedy answer of at most so many tokens.
pub fn greedy(max_tokens: usize) -> Decoding {
    Decoding {
        temperature: 0.0,
        top_p: 1.0,
        top_k: 0,
        max_tokens,
        stop: Vec::new(),
    }
}

fn adapter(decoder: &Decoder, seed: u64) -> Lora {
    let config = LoraConfig {
        rank: 2,
        alpha: 8.0,
        targets: Projection::ALL.to_vec(),
        first_layer: 0,
        dropout: 0.0,
    };
    let lora = Lora::init(decoder.config(), config, seed, &Device::Cpu).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for (name, var) in lora.vars() {
        if name.contains("lora_B") {
            let values: Vec<f32> = (0..var.elem_count())
                .map(|_| rng.next_u32() as f32 / u32::MAX as f32 - 0.5)
                .collect();
            let shape = var.shape().clone();
            let tensor = model::Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
            var.set(&tensor).unwrap();
        }
    }
    lora
}

/// A file of questions, as `sayself sample` reads it.
pub fn write_questions(path: &Path, questions: &[String]) {
    let lines: String = questions
        .iter()
        .enumerate()
        .map(|(at, question)| {
            let id = format!("q{at}");
            let line = serde_json::json!({ "id": id, "question": question, "answers": ["x"] });
            format!("{line}\n")
        })
        .collect();
    fs::write(path, lines).unwrap();
}
