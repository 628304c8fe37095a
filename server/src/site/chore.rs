//! `sayself-server site`: what is asked for, and what is told of what was written.

use super::{Plan, SiteError, Written, write};
use crate::limits::SITE_PROGRESS_MS;
use crate::settings::{Arguments, assets_of_program, demo_of};
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Clone, Debug, Args)]
pub struct SiteArguments {
    /// The folder to write: one that is not there, an empty one, or an earlier site, which is replaced
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// The folder of the browser's part of the pages; without it pages do not move
    /// [default: target/site where it is]
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,

    /// The model that the demo hands out, a GGUF file, which is copied
    /// [default: as `sayself pull smollm2-135m` leaves it]
    #[arg(long, value_name = "FILE")]
    pub demo_model: Option<PathBuf>,

    /// What that model was taught, an adapter in PEFT form
    /// [default: that of the newest finished run of this model]
    #[arg(long, value_name = "DIR")]
    pub demo_adapter: Option<PathBuf>,

    /// Copy no model: the demo shows recorded answers alone
    #[arg(long, conflicts_with_all = ["demo_model", "demo_adapter", "model_url"])]
    pub without_model: bool,

    /// Copy no model, but fetch it from here: where the folder demo/model of another site lies
    #[arg(long, value_name = "URL")]
    pub model_url: Option<String>,

    /// Add what can be downloaded: charts, and the runs' own files, which may be large
    #[arg(long)]
    pub with_records: bool,

    /// Print what was written as JSON
    #[arg(long)]
    pub json: bool,
}

/// Writes a site, and returns what stdout shall say; the rest goes to stderr.
///
/// # Errors
/// Where it was asked for wrongly, or cannot be written.
pub async fn run(
    asked: &SiteArguments,
    arguments: &Arguments,
    tell: &mut impl FnMut(String),
) -> Result<(), SiteError> {
    let demo = demo_of(asked.demo_model.clone(), asked.demo_adapter.clone());
    let mut demo = demo.map_err(SiteError::BadUse)?;
    demo.without_model = asked.without_model;
    if let Some(url) = &asked.model_url
        && !url.starts_with("https://")
        && !url.starts_with("http://")
    {
        return Err(SiteError::BadUse(format!(
            "--model-url: {url:?} is no URL of a folder, expected https://…"
        )));
    }
    let plan = Plan {
        roots: arguments.roots(),
        out: asked.out.clone(),
        assets: assets_of_program(asked.assets.clone()).map_err(SiteError::BadUse)?,
        demo,
        model_url: asked.model_url.clone(),
        with_records: asked.with_records,
    };
    let mut told = progress();
    let written = tokio::select! {
        written = write(plan, &mut told) => written?,
        // What was written of it goes with it.
        _ = tokio::signal::ctrl_c() => return Err(SiteError::Stopped),
    };
    for note in &written.notes {
        eprintln!("{note}");
    }
    tell(match asked.json {
        // Plain data with text keys: it always has a JSON form.
        true => serde_json::to_string(&written.mark).unwrap_or_default(),
        false => in_words(&written, &asked.out),
    });
    Ok(())
}

/// A line on a terminal, that each later one takes the place of.
fn progress() -> impl FnMut(usize, usize) {
    let mut out = std::io::stderr();
    let is_seen = out.is_terminal();
    let mut told: Option<Instant> = None;
    move |done, known| {
        let is_due =
            told.is_none_or(|told| told.elapsed() > Duration::from_millis(SITE_PROGRESS_MS));
        if !is_seen || (done < known && !is_due) {
            return;
        }
        told = Some(Instant::now());
        let end = if done == known { "\n" } else { "" };
        // A terminal that has gone away stops nothing.
        let _ = write!(out, "\r{done} of {known} addresses{end}");
        let _ = out.flush();
    }
}

fn in_words(written: &Written, out: &Path) -> String {
    let megabytes = |bytes: u64| format!("{:.2} MB", bytes as f64 / 1e6);
    let Written { mark, largest, .. } = written;
    let mut words = format!(
        "{}: {} pages, {} files, {}",
        out.display(),
        mark.pages,
        mark.files,
        megabytes(mark.bytes_without_model)
    );
    if mark.bytes > mark.bytes_without_model {
        words += &format!(" without the model, {} with it", megabytes(mark.bytes));
    }
    let largest = largest
        .iter()
        .map(|(file, bytes)| format!("{file} {}", megabytes(*bytes)));
    words += &format!(".\nLargest: {}.", largest.collect::<Vec<_>>().join(", "));
    words + &format!("\nLook at it: python3 -m http.server -d {}", out.display())
}
