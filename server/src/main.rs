//! `sayself-server`: see `--help`.

use clap::Parser;
use sayself_server::Listening;
use sayself_server::chores::{self, Chore};
use sayself_server::settings::{Arguments, Settings};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Exit code of bad use.
const BAD_USE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(chore) = &arguments.chore {
        // It says what it has to say itself.
        return do_chore(chore, &arguments);
    }
    let settings = match Settings::from_arguments(arguments) {
        Ok(settings) => settings,
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return ExitCode::from(BAD_USE);
        }
    };
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .init();
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn do_chore(chore: &Chore, arguments: &Arguments) -> ExitCode {
    let mut out = std::io::stdout();
    // A reader that has gone away does not stop a backup.
    let mut tell = |line: String| drop(writeln!(out, "{line}"));
    match chores::run(chore, arguments, &mut tell).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            match error.is_bad_use() {
                true => ExitCode::from(BAD_USE),
                false => ExitCode::FAILURE,
            }
        }
    }
}

#[tokio::main]
async fn run(settings: Settings) -> anyhow::Result<()> {
    // Before anything else, so that a signal during the start is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listening = Listening::start(settings).await?;
    if let Some(words) = &listening.first_link {
        eprintln!("{words}");
    }
    let mut out = std::io::stdout();
    writeln!(out, "http://{}/", listening.address)?;
    out.flush()?;
    listening
        .serve(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("stopping");
        })
        .await
}
