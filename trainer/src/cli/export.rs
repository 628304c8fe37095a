//! `sayself export`.

use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::export::{LoadedModel, OfRun, Written, write_dataset, write_gguf, write_merged};
use crate::model_source;
use clap::{Args, ValueEnum};
use kernels::Format;
use std::path::{Path, PathBuf};

/// Write a model for transformers or llama.cpp, or a run as a data set.
///
/// --merged writes a folder that transformers loads: safetensors in 32 bits with the adapter merged in,
/// config.json, tokenizer and chat template. --gguf writes a file that llama.cpp loads. --dataset writes
/// a run's questions, stage-1 sets and answers as Parquet with a card, as the Hugging Face hub has them.
/// With several of them --out is a folder that holds them all (the data set in dataset/). With --run each
/// model gets a card with the run's measures; without --adapter the run's own is taken.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself export --model smollm2-135m --adapter runs/demo/rl/seed-1/adapter --merged --run runs/demo --out merged\n  sayself export --model smollm2-135m --adapter runs/demo/rl/seed-1/adapter --gguf q4_0 --out sayself-q4_0.gguf\n  sayself export --dataset --run runs/demo --out data-set"
)]
pub struct Arguments {
    /// A pulled name, a folder, a GGUF file or a hub id; without it the run's
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// An adapter's folder, in PEFT's form; without it the run's, where there is a --run
    #[arg(long, value_name = "A")]
    adapter: Option<PathBuf>,
    /// Write a folder of safetensors
    #[arg(long)]
    merged: bool,
    /// Write a GGUF file; norms stay in 32 bits, with q4_0 and q4_1 the output layer in 8
    #[arg(long, value_enum, value_name = "FORMAT")]
    gguf: Option<GgufFormat>,
    /// Write the records of --run as Parquet
    #[arg(long, requires = "run")]
    dataset: bool,
    /// A run directory: its measures stand in the cards
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// The licence that the cards name, e.g. apache-2.0; without it what the GGUF file says, and
    /// `other` for a data set
    #[arg(long, alias = "license", value_name = "ID")]
    licence: Option<String>,
    /// A folder; with --gguf alone it may be a file that ends in .gguf
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
    /// Print what was written as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GgufFormat {
    /// 4 bits, a scale for 32 weights
    #[value(name = "q4_0")]
    Q4Scaled,
    /// 4 bits, a scale and a minimum for 32 weights
    #[value(name = "q4_1")]
    Q4Shifted,
    /// 8 bits
    #[value(name = "q8_0")]
    Q8,
    /// 16-bit floats
    #[value(name = "f16")]
    F16,
}

impl GgufFormat {
    fn format(self) -> Format {
        match self {
            GgufFormat::Q4Scaled => Format::Q4_0,
            GgufFormat::Q4Shifted => Format::Q4_1,
            GgufFormat::Q8 => Format::Q8_0,
            GgufFormat::F16 => Format::F16,
        }
    }

    fn name(self) -> &'static str {
        match self {
            GgufFormat::Q4Scaled => "q4_0",
            GgufFormat::Q4Shifted => "q4_1",
            GgufFormat::Q8 => "q8_0",
            GgufFormat::F16 => "f16",
        }
    }
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let wants_model = arguments.merged || arguments.gguf.is_some();
    check(&arguments, wants_model)?;
    let run = arguments.run.as_deref().map(OfRun::read).transpose()?;
    let mut written = Vec::new();
    if wants_model {
        written.extend(write_model(&arguments, run.as_ref(), globals)?);
    }
    if let (true, Some(run)) = (arguments.dataset, &run) {
        let folder = match wants_model {
            true => arguments.out.join("dataset"),
            false => arguments.out.clone(),
        };
        let licence = match wants_model {
            // One licence cannot be meant for both.
            true => None,
            false => arguments.licence.as_deref(),
        };
        written.extend(write_dataset(run, &folder, licence, arguments.force)?);
    }
    if arguments.json {
        return output::json(&serde_json::json!({"written": written}));
    }
    let mut lines = output::Lines::open();
    for file in &written {
        lines.text(&format!("{} ({} bytes)", file.path.display(), file.bytes))?;
    }
    lines.finish()
}

fn check(arguments: &Arguments, wants_model: bool) -> anyhow::Result<()> {
    if !wants_model && !arguments.dataset {
        return Err(bad_use(
            "nothing to export: give --merged, --gguf FORMAT or --dataset",
        ));
    }
    if !wants_model && (arguments.model.is_some() || arguments.adapter.is_some()) {
        return Err(bad_use(
            "--dataset exports a run's records, no model: leave --model and --adapter out, or give --merged or \
             --gguf too",
        ));
    }
    if wants_model && arguments.model.is_none() && arguments.run.is_none() {
        return Err(bad_use("which model? give --model M, or --run RUN"));
    }
    if !is_gguf_file(arguments) && arguments.out.is_file() {
        return Err(bad_use(format!(
            "--out {}: found a file, expected a folder",
            arguments.out.display()
        )));
    }
    Ok(())
}

/// Whether `--out` names the GGUF file itself.
fn is_gguf_file(arguments: &Arguments) -> bool {
    let is_alone = arguments.gguf.is_some() && !arguments.merged && !arguments.dataset;
    let ending = arguments.out.extension();
    is_alone && !arguments.out.is_dir() && ending.is_some_and(|ending| ending == "gguf")
}

fn write_model(
    arguments: &Arguments,
    run: Option<&OfRun>,
    globals: &Globals,
) -> anyhow::Result<Vec<Written>> {
    let name = match (&arguments.model, run) {
        (Some(name), _) => name.as_str(),
        (None, Some(run)) => run.config.model.as_str(),
        (None, None) => return Err(bad_use("which model? give --model M, or --run RUN")),
    };
    let adapter = arguments
        .adapter
        .clone()
        .or_else(|| run.and_then(OfRun::adapter));
    if !globals.quiet {
        match (&adapter, &arguments.adapter) {
            (Some(found), None) => eprintln!("adapter: {}", found.display()),
            (None, _) => eprintln!("no adapter: the base model is exported as it is"),
            (Some(_), Some(_)) => {}
        }
    }
    let model = LoadedModel::load(model_source::resolve(name, globals.quiet)?, adapter)?;
    let (licence, force) = (arguments.licence.as_deref(), arguments.force);
    let mut written = Vec::new();
    if arguments.merged {
        written.extend(write_merged(&model, &arguments.out, run, licence, force)?);
    }
    if let Some(format) = arguments.gguf {
        let path = match is_gguf_file(arguments) {
            true => arguments.out.clone(),
            false => {
                let file = format!("{}-{}.gguf", model.file_stem(), format.name());
                arguments.out.join(file)
            }
        };
        let card = run.map(|run| (run, card_path(arguments, &path)));
        let format = format.format();
        written.extend(write_gguf(&model, format, &path, card, licence, force)?);
    }
    Ok(written)
}

/// `README.md` in a folder of its own; beside a file that was named, and beside a folder's own card,
/// one that is called after the file.
fn card_path(arguments: &Arguments, file: &Path) -> PathBuf {
    match is_gguf_file(arguments) || arguments.merged {
        true => file.with_extension("md"),
        false => file.with_file_name("README.md"),
    }
}
