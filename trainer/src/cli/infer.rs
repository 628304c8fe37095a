//! `sayself infer`.

use crate::cli::{Globals, output};
use crate::device::load_options;
use crate::error::bad_use;
use crate::infer::engine::Engine;
use crate::infer::extension::Known;
use crate::infer::guard::ApiKey;
use crate::infer::limits::{
    ADAPTERS_MAX, CONNECTIONS_DEFAULT, CONNECTIONS_MAX, DRAIN_SECONDS_DEFAULT, PROMPT_TOKENS_PASS,
    QUEUE_DEFAULT, QUEUE_MAX, RECORDS_MAX, REQUEST_SECONDS_DEFAULT, ROWS_DEFAULT,
    TOKENIZING_THREADS, TOKENS_DEFAULT,
};
use crate::infer::metrics::Metrics;
use crate::infer::record::TrackRecord;
use crate::infer::served::{Served, ServedModel};
use crate::infer::{Listening, Serving};
use crate::learn::optimize::label;
use crate::model_source::{self, adapter_sha256, load_adapter};
use crate::pull::checksum;
use crate::sampler::local::{level_reading, limits};
use crate::stages::evaluate::{Fitted, RECALIBRATION};
use clap::Args;
use datasets::RunConfig;
use model::{Generator, LevelTokens, Lora};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Serve a model, and adapters over it, to OpenAI-compatible clients.
///
/// Answers at /v1/chat/completions and /v1/completions (streamed or not), /v1/models, /metrics, /healthz
/// and /readyz. The base model is in memory once, however many adapters there are; each is a model by its
/// name. Answers of adapters that state their confidence have a field `sayself` with answer, rationale,
/// level, the distribution over the ten levels, and, with --record, how often the model was right at that
/// level. Prints its URL when it is ready; SIGTERM lets what is under way end.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself infer --model smollm2-135m\n  sayself infer --model smollm2-135m --adapter taught=runs/demo/rl/seed-1/adapter \\\n    --record runs/demo/evaluate/sayself --listen 127.0.0.1:7591\n  curl http://127.0.0.1:7591/v1/chat/completions -d \\\n    '{\"model\":\"taught\",\"messages\":[{\"role\":\"user\",\"content\":\"What is the capital of Kenya?\"}],\"temperature\":0}'"
)]
pub struct Arguments {
    /// A pulled name, a folder, a GGUF file or a hub id
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// The name that clients give the base model; without it, what stands behind the last slash of
    /// --model
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// An adapter's folder, in PEFT's form; may be given more than once. Without a name it has that of
    /// how it was taught, e.g. `sayself`
    #[arg(long, value_name = "[NAME=]DIR")]
    adapter: Vec<Named>,
    /// Address and port; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7591")]
    listen: String,
    /// An evaluation whose answers tell how often a model is right at each level: its folder, or a file in
    /// it. It must be of the same weights; with a name, it is taken for that model's where the run does
    /// not say. May be given more than once
    #[arg(long, value_name = "[NAME=]DIR")]
    record: Vec<Named>,
    /// A map from confidence to probability, as `sayself evaluate --recalibrate` writes it, for the model of
    /// that name; one beside an adapter is found there. Applied to answers that ask for it
    #[arg(long, value_name = "NAME=FILE")]
    recalibration: Vec<Named>,
    /// The environment variable with the key that clients must have; without it everybody may ask
    #[arg(long, value_name = "NAME")]
    api_key_env: Option<String>,
    /// An origin whose pages may ask from a browser, e.g. https://app.example; may be given more than once
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Samples under way at once, as far as --memory-mb allows
    #[arg(long, value_name = "N", default_value_t = ROWS_DEFAULT, value_parser = whole(1, model::generate::ROWS_MAX))]
    rows: usize,
    /// Prompts that wait for a row; one more is told to come later (429)
    #[arg(long, value_name = "N", default_value_t = QUEUE_DEFAULT, value_parser = whole(1, QUEUE_MAX))]
    queue: usize,
    /// Most tokens of one completion
    #[arg(long, value_name = "N", default_value_t = TOKENS_DEFAULT, value_parser = whole(1, 1 << 20))]
    max_tokens: usize,
    /// Most memory for keys and values, in MB: fewer rows at once where more would not fit; changes
    /// no answer
    #[arg(long, value_name = "MB")]
    memory_mb: Option<usize>,
    /// Connections open at once; one more waits until another ends
    #[arg(long, value_name = "N", default_value_t = CONNECTIONS_DEFAULT, value_parser = whole(1, CONNECTIONS_MAX))]
    connections: usize,
    /// Seconds that a request may take, its waiting included
    #[arg(long, value_name = "S", default_value_t = REQUEST_SECONDS_DEFAULT, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    request_seconds: u64,
    /// Seconds that requests under way have to end after SIGTERM
    #[arg(long, value_name = "S", default_value_t = DRAIN_SECONDS_DEFAULT, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    drain_seconds: u64,
    /// Compute with dense 32-bit weights: slower, exact
    #[arg(long)]
    dequantize: bool,
    /// Stop, as on SIGTERM, when the standard input ends: with the program that started this one
    #[arg(long)]
    end_with_stdin: bool,
}

/// A path, perhaps with a name before it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: Option<String>,
    path: PathBuf,
}

impl FromStr for Named {
    type Err = String;

    /// What stands before the first `=` is a name, unless there is a slash in it.
    fn from_str(text: &str) -> Result<Self, String> {
        let named = text
            .split_once('=')
            .filter(|(name, path)| !name.is_empty() && !name.contains('/') && !path.is_empty());
        let (name, path) = match named {
            Some((name, path)) => (Some(name.to_owned()), path),
            None => (None, text),
        };
        match path {
            "" => Err("expected a path, or NAME=PATH".to_owned()),
            path => Ok(Named {
                name,
                path: path.into(),
            }),
        }
    }
}

fn whole(least: usize, most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        text.parse()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("expected a whole number from {least} to {most}"))
    }
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let addresses: Vec<SocketAddr> = arguments
        .listen
        .to_socket_addrs()
        .map_err(|error| {
            bad_use(format!(
                "--listen: {:?} is no HOST:PORT: {error}",
                arguments.listen
            ))
        })?
        .collect();
    let key = arguments
        .api_key_env
        .as_deref()
        .map(ApiKey::from_environment)
        .transpose()?;
    let is_public = addresses.iter().any(|address| !address.ip().is_loopback());
    if is_public && key.is_none() && !globals.quiet {
        eprintln!("others can reach this address, and no key is asked of them: see --api-key-env");
    }
    let drain = Duration::from_secs(arguments.drain_seconds);
    let end_with_stdin = arguments.end_with_stdin;
    let metrics = Arc::new(Metrics::new(arguments.rows, arguments.queue));
    let (served, engine) = load(&arguments, metrics.clone(), globals)?;
    let serving = Serving {
        served,
        engine,
        metrics,
        key,
        origins: arguments.allow_origin,
        connections_max: arguments.connections,
        drain,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // The model has the other threads.
        .worker_threads(2)
        .max_blocking_threads(TOKENIZING_THREADS)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        // Before the address is said, so that no signal is lost.
        let stops = stops(end_with_stdin)?;
        let listening = Listening::start(serving, &addresses).await?;
        output::line(&format!("http://{}/v1", listening.address))?;
        listening.serve(stops).await
    });
    runtime.shutdown_background();
    outcome
}

/// Each SIGTERM and SIGINT, and the end of the standard input where that matters.
fn stops(end_with_stdin: bool) -> anyhow::Result<mpsc::UnboundedReceiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::unbounded_channel();
    if end_with_stdin {
        let sender = sender.clone();
        std::thread::Builder::new()
            .name("stdin".into())
            .spawn(move || {
                // An error ends it as well.
                let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
                let _ = sender.send(());
            })?;
    }
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// An adapter with what its folder says.
struct LoadedAdapter {
    name: String,
    lora: Arc<Lora>,
    sha256: String,
    states_confidence: bool,
    recalibration: Option<Fitted>,
}

fn load(
    arguments: &Arguments,
    metrics: Arc<Metrics>,
    globals: &Globals,
) -> anyhow::Result<(Served, Engine)> {
    if arguments.adapter.len() > ADAPTERS_MAX || arguments.record.len() > RECORDS_MAX {
        return Err(bad_use(format!(
            "at most {ADAPTERS_MAX} --adapter and {RECORDS_MAX} --record"
        )));
    }
    let defaults = RunConfig::default();
    let model = arguments.model.as_ref().unwrap_or(&defaults.model);
    let source = model_source::resolve(model, globals.quiet)?;
    let (decoder, tokenizer) = source.load(&load_options(arguments.dequantize)?)?;
    let model_sha256 = source.sha256()?;
    let adapters: Vec<LoadedAdapter> = arguments
        .adapter
        .iter()
        .map(|named| load_one(named, decoder.config(), decoder.device()))
        .collect::<anyhow::Result<_>>()?;

    let name = arguments.name.clone().unwrap_or_else(|| base_name(model));
    let mut models = vec![ServedModel {
        name,
        adapter: 0,
        fingerprint: fingerprint(&model_sha256, ""),
        known: Known::default(),
    }];
    models.extend(
        adapters
            .iter()
            .enumerate()
            .map(|(at, adapter)| ServedModel {
                name: adapter.name.clone(),
                adapter: at + 1,
                fingerprint: fingerprint(&model_sha256, &adapter.sha256),
                known: Known {
                    states_confidence: adapter.states_confidence,
                    records: Vec::new(),
                    recalibration: adapter.recalibration.clone(),
                },
            }),
    );
    check_names(&models)?;
    let hashes: Vec<&str> = std::iter::once("")
        .chain(adapters.iter().map(|adapter| adapter.sha256.as_str()))
        .collect();
    for named in &arguments.record {
        let place = add_record(named, &mut models, &model_sha256, &hashes)?;
        if !globals.quiet {
            eprintln!("record of {}: {}", models[place].name, named.path.display());
        }
    }
    for named in &arguments.recalibration {
        let place = place_of(&models, named.name.as_deref())?;
        models[place].known.recalibration = Some(Fitted::read(&named.path)?);
    }

    let context = decoder.config().context;
    let served = Served {
        models,
        tokenizer: tokenizer.clone(),
        context,
        vocab: decoder.config().vocab,
        tokens_max: arguments.max_tokens.min(context),
        request_seconds: arguments.request_seconds,
        loaded_at_s: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    };
    let all: Vec<Option<Arc<Lora>>> = std::iter::once(None)
        .chain(adapters.into_iter().map(|adapter| Some(adapter.lora)))
        .collect();
    let memory_mb = arguments.memory_mb.unwrap_or(defaults.memory_mb);
    let limits = limits(arguments.rows, memory_mb);
    // A tokenizer without digits can be sampled from; it cannot state a level.
    let levels = LevelTokens::find(&tokenizer).ok();
    let reading = levels.as_ref().map(level_reading);
    let make = move || {
        let generator = Generator::new(&decoder, all.clone(), &tokenizer, limits)?;
        Ok(generator
            .reading(reading.clone())
            .prompt_tokens(PROMPT_TOKENS_PASS))
    };
    let engine = Engine::start(make, arguments.queue, metrics)?;
    Ok((served, engine))
}

fn load_one(
    named: &Named,
    config: &model::Config,
    device: &model::Device,
) -> anyhow::Result<LoadedAdapter> {
    let folder = &named.path;
    let lora = load_adapter(folder, config, device)?;
    let taught_as = label(&lora);
    let beside = folder.join(RECALIBRATION);
    Ok(LoadedAdapter {
        name: match (&named.name, taught_as) {
            (Some(name), _) => name.clone(),
            (None, Some(label)) => label.to_owned(),
            (None, None) => base_name(&folder.to_string_lossy()),
        },
        sha256: adapter_sha256(folder)?,
        states_confidence: taught_as.is_some_and(states_confidence),
        recalibration: match beside.is_file() {
            true => Some(Fitted::read(&beside)?),
            false => None,
        },
        lora: Arc::new(lora),
    })
}

/// Whether an adapter that was taught so states one of ten levels.
fn states_confidence(label: &str) -> bool {
    !matches!(label, "r-tuning" | "without-rationale-and-confidence")
}

/// What stands behind the last slash, without the ending of a GGUF file.
fn base_name(path: &str) -> String {
    let last = Path::new(path).file_name().map_or_else(
        || path.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    match last.strip_suffix(".gguf") {
        Some(stem) if !stem.is_empty() => stem.to_owned(),
        _ => last,
    }
}

fn check_names(models: &[ServedModel]) -> anyhow::Result<()> {
    for (at, model) in models.iter().enumerate() {
        if models[..at].iter().any(|other| other.name == model.name) {
            return Err(bad_use(format!(
                "two models would be called {:?}: give one a name of its own, --adapter NAME=DIR",
                model.name
            )));
        }
    }
    Ok(())
}

fn place_of(models: &[ServedModel], name: Option<&str>) -> anyhow::Result<usize> {
    let name = name.ok_or_else(|| bad_use("--recalibration: expected NAME=FILE"))?;
    let names = || {
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        names.join(", ")
    };
    models
        .iter()
        .position(|model| model.name == name)
        .ok_or_else(|| {
            bad_use(format!(
                "no model is called {name:?}; there are {}",
                names()
            ))
        })
}

/// Gives a record to the model whose it is, by the hashes of the weights; the model's place.
fn add_record(
    named: &Named,
    models: &mut [ServedModel],
    model_sha256: &str,
    adapters_sha256: &[&str],
) -> anyhow::Result<usize> {
    let (record, asked) = TrackRecord::read(&named.path)?;
    let path = named.path.display();
    if asked.model_sha256 != model_sha256 {
        return Err(bad_use(format!(
            "{path}: the evaluation asked other weights than those that are served, so that it is not \
             their record"
        )));
    }
    let by_hash = asked
        .adapter_sha256
        .as_ref()
        .and_then(|wanted| adapters_sha256.iter().position(|sha256| sha256 == wanted));
    let place = match (&named.name, by_hash, &asked.adapter_sha256) {
        (None, Some(place), _) => place,
        (None, None, Some(_)) => {
            return Err(bad_use(format!(
                "{path}: the evaluation asked an adapter that is not served"
            )));
        }
        (None, None, None) => {
            return Err(bad_use(format!(
                "{path}: the run no longer holds the adapter that was asked; if you know whose record \
                 it is, say so: --record NAME=DIR"
            )));
        }
        (Some(name), found, wanted) => {
            let place = models
                .iter()
                .position(|model| model.name == *name)
                .ok_or_else(|| bad_use(format!("--record: no model is called {name:?}")))?;
            if wanted.is_some() && found != Some(place) {
                return Err(bad_use(format!(
                    "{path}: the evaluation did not ask the adapter of {name:?}"
                )));
            }
            place
        }
    };
    models[place].known.records.push(record);
    Ok(place)
}

/// Changes with the weights, the adapter and the program.
fn fingerprint(model_sha256: &str, adapter_sha256: &str) -> String {
    let all = format!(
        "{model_sha256}/{adapter_sha256}/{}",
        env!("CARGO_PKG_VERSION")
    );
    let sum = checksum::of_bytes(all.as_bytes());
    format!("fp_{}", &sum[..sum.len().min(12)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_stand_before_a_path() {
        let named = |text: &str| text.parse::<Named>().map(|named| (named.name, named.path));
        let with = |name: Option<&str>, path: &str| Ok((name.map(str::to_owned), path.into()));
        assert_eq!(named("runs/a"), with(None, "runs/a"));
        assert_eq!(named("taught=runs/a"), with(Some("taught"), "runs/a"));
        assert_eq!(named("runs/lr=1/adapter"), with(None, "runs/lr=1/adapter"));
        assert_eq!(named("=x"), with(None, "=x"));
        assert!(named("").is_err());
        assert_eq!(base_name("models/Small.Q4_1.gguf"), "Small.Q4_1");
        assert_eq!(
            base_name("HuggingFaceTB/SmolLM2-135M-Instruct"),
            "SmolLM2-135M-Instruct"
        );
        assert_eq!(base_name("runs/a/"), "a");
    }
}
