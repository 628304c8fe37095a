//! `sayself pull`.

use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::pull::{Consent, KNOWN_MODELS, KnownModel, known, pull};
use clap::Args;
use serde_json::json;

/// Fetch a model into the cache folder, once.
///
/// Each file is asked of the Hugging Face hub, else of the Python package index (as pip is set up
/// to use it), checked by SHA-256, and kept in $SAYSELF_CACHE, else ~/.cache/sayself. What was cut
/// goes on where it stopped; what is broken is fetched again. Prints the model's folder.
///
/// Some models have terms that you must accept. They are shown on a terminal; elsewhere, say
/// --accept-terms.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself pull smollm2-135m\n  sayself pull gemma3-270m --accept-terms\n  sayself pull --list"
)]
pub struct Arguments {
    /// What to fetch
    #[arg(value_name = "NAME", required_unless_present = "list")]
    names: Vec<String>,
    /// List what can be fetched, and what is here
    #[arg(long)]
    list: bool,
    /// You have read the terms of what is fetched, and accept them
    #[arg(long)]
    accept_terms: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    if arguments.list {
        return list(arguments.json);
    }
    let consent = match arguments.accept_terms {
        true => Consent::Given,
        false => Consent::Asked,
    };
    for name in &arguments.names {
        let Some(model) = known(name) else {
            let names: Vec<&str> = KNOWN_MODELS.iter().map(|model| model.name).collect();
            return Err(bad_use(format!(
                "no model {name}; expected one of {}",
                names.join(", ")
            )));
        };
        let folder = pull(model, consent, globals.quiet)?;
        match arguments.json {
            true => output::json(&json!({ "name": name, "folder": folder }))?,
            false => output::line(&folder.display().to_string())?,
        }
    }
    Ok(())
}

fn list(as_json: bool) -> anyhow::Result<()> {
    let mut lines = output::Lines::open();
    for model in KNOWN_MODELS {
        let is_there = model.is_there()?;
        if as_json {
            lines.json(&json!({
                "name": model.name,
                "what": model.what,
                "licence": model.licence,
                "bytes": model.bytes(),
                "hub": model.hub,
                "terms": model.terms.map(|terms| terms.url),
                "package": packages(model),
                "folder": model.folder()?,
                "pulled": is_there,
            }))?;
        } else {
            let state = if is_there { "pulled" } else { "-" };
            let megabytes = model.bytes() / 1_000_000;
            lines.text(&format!(
                "{:14} {megabytes:>4} MB  {state:7} {} ({})",
                model.name, model.what, model.licence
            ))?;
        }
    }
    lines.finish()
}

/// `NAME==VERSION` of the packages that hold it, with spaces between them.
fn packages(model: &KnownModel) -> String {
    let wheels = model.wheels().into_iter();
    let names: Vec<String> = wheels
        .map(|wheel| format!("{}=={}", wheel.package, wheel.version))
        .collect();
    names.join(" ")
}
