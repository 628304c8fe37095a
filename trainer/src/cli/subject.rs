//! Flags that say which model is asked, and how it draws.

use crate::cli::Globals;
use crate::cli::endpoint::EndpointArguments;
use crate::device::load_options;
use crate::error::bad_use;
use crate::learn::optimize::label;
use crate::model_source::{self, adapter_sha256, load_adapter};
use crate::run_dir::Provenance;
use crate::sampler::Sampler;
use crate::sampler::http::HttpSampler;
use crate::sampler::local::{LocalSampler, level_reading};
use clap::Args;
use datasets::RunConfig;
use datasets::config::{Decoding, EndpointConfig};
use model::{LevelTokens, Limits};
use std::path::PathBuf;
use std::sync::Arc;

/// Which model.
#[derive(Args, Clone, Debug)]
pub struct ModelArguments {
    /// A pulled name, a folder, a GGUF file or a hub id; with --endpoint the name that it knows
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// An adapter's folder, in PEFT's form
    #[arg(long, value_name = "A", conflicts_with = "endpoint")]
    adapter: Option<PathBuf>,
    /// An OpenAI-compatible server, e.g. http://127.0.0.1:8000/v1; its key comes from the
    /// environment (SAYSELF_API_KEY, else OPENAI_API_KEY)
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    how: EndpointArguments,
    /// Compute with dense 32-bit weights: slower, exact
    #[arg(long, conflicts_with = "endpoint")]
    dequantize: bool,
    /// Most memory for keys and values, in MB: fewer rows at once where more would not fit; changes
    /// no answer
    #[arg(long, value_name = "MB", conflicts_with = "endpoint")]
    memory_mb: Option<usize>,
}

/// A model that can be asked.
pub struct LoadedSubject {
    pub name: String,
    local: Option<LocalSubject>,
    http: Option<HttpSampler>,
    model_sha256: String,
    adapter_sha256: String,
    dequantized: bool,
    /// How the adapter was trained, where it says so.
    pub label: Option<String>,
    pub has_adapter: bool,
}

/// A model in this process.
pub struct LocalSubject {
    pub sampler: LocalSampler,
    pub levels: Option<LevelTokens>,
}

impl ModelArguments {
    pub fn apply(&self, config: &mut RunConfig) {
        if let Some(model) = &self.model {
            config.model.clone_from(model);
        }
        if let Some(memory_mb) = self.memory_mb {
            config.memory_mb = memory_mb;
        }
        self.how
            .apply(&mut config.endpoint, self.endpoint.as_deref());
    }

    /// The same, where no adapter and no endpoint is named, with this adapter.
    #[must_use]
    pub fn or_adapter(&self, folder: Option<PathBuf>) -> ModelArguments {
        let mut arguments = self.clone();
        if arguments.endpoint.is_none() {
            arguments.adapter = arguments.adapter.or(folder);
        }
        arguments
    }

    pub fn has_adapter(&self) -> bool {
        self.adapter.is_some()
    }

    pub fn has_model(&self) -> bool {
        self.model.is_some()
    }

    pub fn has_endpoint(&self) -> bool {
        self.endpoint.is_some()
    }

    /// How the command's endpoints are asked.
    pub fn how(&self) -> &EndpointArguments {
        &self.how
    }

    /// Loads the model of a configuration, or makes ready to ask its endpoint.
    pub fn load_configured(
        &self,
        config: &RunConfig,
        limits: Limits,
        globals: &Globals,
    ) -> anyhow::Result<LoadedSubject> {
        self.load_or_ask(&config.model, config.endpoint.as_ref(), limits, globals)
    }

    /// Loads the model, or makes ready to ask the endpoint that was given.
    pub fn load(
        &self,
        name: &str,
        limits: Limits,
        globals: &Globals,
    ) -> anyhow::Result<LoadedSubject> {
        let mut endpoint = None;
        self.how.apply(&mut endpoint, self.endpoint.as_deref());
        self.load_or_ask(name, endpoint.as_ref(), limits, globals)
    }

    fn load_or_ask(
        &self,
        name: &str,
        endpoint: Option<&EndpointConfig>,
        limits: Limits,
        globals: &Globals,
    ) -> anyhow::Result<LoadedSubject> {
        let subject = LoadedSubject {
            name: name.to_owned(),
            local: None,
            http: None,
            model_sha256: String::new(),
            adapter_sha256: String::new(),
            dequantized: self.dequantize,
            label: None,
            has_adapter: self.adapter.is_some(),
        };
        if let Some(endpoint) = endpoint {
            if self.adapter.is_some() {
                return Err(bad_use(
                    "an adapter is used by a model on this machine, not by the endpoint of the \
                     configuration",
                ));
            }
            return Ok(LoadedSubject {
                http: Some(HttpSampler::new(endpoint, name)?),
                ..subject
            });
        }
        let source = model_source::resolve(name, globals.quiet)?;
        let (mut decoder, tokenizer) = source.load(&load_options(self.dequantize)?)?;
        let (mut of_adapter, mut sha256) = (None, String::new());
        if let Some(folder) = &self.adapter {
            let lora = load_adapter(folder, decoder.config(), decoder.device())?;
            of_adapter = label(&lora).map(ToOwned::to_owned);
            sha256 = adapter_sha256(folder)?;
            decoder = decoder.with_adapter(Arc::new(lora));
        }
        // A tokenizer without digits can be sampled from; it cannot state a level.
        let levels = LevelTokens::find(&tokenizer).ok();
        Ok(LoadedSubject {
            local: Some(LocalSubject {
                sampler: LocalSampler {
                    decoder,
                    tokenizer,
                    limits,
                    reading: levels.as_ref().map(level_reading),
                },
                levels,
            }),
            model_sha256: source.sha256()?,
            adapter_sha256: sha256,
            label: of_adapter,
            ..subject
        })
    }
}

impl LoadedSubject {
    /// An endpoint is asked for log-probabilities too.
    #[must_use]
    pub fn with_logprobs(self) -> Self {
        LoadedSubject {
            http: self.http.map(HttpSampler::with_logprobs),
            ..self
        }
    }

    pub fn sampler(&self) -> &dyn Sampler {
        match (&self.local, &self.http) {
            (Some(local), _) => &local.sampler,
            (None, Some(http)) => http,
            (None, None) => unreachable!("a subject is loaded with one of the two"),
        }
    }

    /// The model in this process.
    ///
    /// # Errors
    /// Bad use, where an endpoint was named.
    pub fn local(&self, what_for: &str) -> anyhow::Result<&LocalSubject> {
        self.local.as_ref().ok_or_else(|| {
            bad_use(format!(
                "{what_for} needs a model on this machine, not an --endpoint"
            ))
        })
    }

    pub fn local_if_any(&self) -> Option<&LocalSubject> {
        self.local.as_ref()
    }

    pub fn provenance(&self, stage: &str) -> Provenance {
        Provenance {
            model_sha256: self.model_sha256.clone(),
            adapter_sha256: self.adapter_sha256.clone(),
            dequantized: self.dequantized,
            ..Provenance::of(stage)
        }
    }
}

/// How responses are drawn.
#[derive(Args, Clone, Debug)]
pub struct DecodingArguments {
    /// 0 takes the most probable token each time
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// Keep the fewest tokens whose probabilities sum to this; 1 keeps all
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// Keep the K most probable tokens; 0 keeps all
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// New tokens at most
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// The response ends before this text ('\n' is a new line); may be given more than once
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
}

impl DecodingArguments {
    pub fn apply(&self, decoding: &mut Decoding) {
        decoding.temperature = self.temperature.unwrap_or(decoding.temperature);
        decoding.top_p = self.top_p.unwrap_or(decoding.top_p);
        decoding.top_k = self.top_k.unwrap_or(decoding.top_k);
        decoding.max_tokens = self.max_tokens.unwrap_or(decoding.max_tokens);
        if !self.stop.is_empty() {
            decoding.stop = self
                .stop
                .iter()
                .map(|stop| stop.replace("\\n", "\n"))
                .collect();
        }
    }
}
