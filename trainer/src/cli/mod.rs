//! The command line. Raw flags are turned once into checked configurations; the work is done by the
//! library.
//!
//! Exit codes: 0; 1 for what failed; 2 for bad use and for files of the wrong shape. Data goes to
//! stdout, words to stderr.

pub mod annotate;
pub mod build;
pub mod cluster;
pub mod compare;
pub mod endpoint;
pub mod evaluate;
pub mod export;
pub mod faithfulness;
pub mod form;
pub mod import;
pub mod infer;
pub mod metrics;
pub mod output;
pub mod parse;
pub mod plan;
pub mod plot;
pub mod pull;
pub mod rationalize;
pub mod report;
pub mod rl;
pub mod run;
pub mod sample;
pub mod score;
pub mod sft;
pub mod site;
pub mod stage_run;
pub mod status;
pub mod subject;

use crate::error::exit_code;
use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Declares the subcommands, each by its module with `Arguments` (clap; its doc comment is the
/// command's help) and `run(Arguments, &Globals) -> anyhow::Result<()>`.
macro_rules! commands {
    ($( $module:ident => $name:ident, )*) => {
        #[derive(Subcommand)]
        enum Command {
            $( $name($module::Arguments), )*
        }

        fn run(command: Command, globals: &Globals) -> anyhow::Result<()> {
            match command {
                $( Command::$name(arguments) => $module::run(arguments, globals), )*
            }
        }
    };
}

commands! {
    pull => Pull,
    sample => Sample,
    cluster => Cluster,
    rationalize => Rationalize,
    build => Build,
    sft => Sft,
    rl => Rl,
    evaluate => Evaluate,
    faithfulness => Faithfulness,
    run => Run,
    plan => Plan,
    status => Status,
    compare => Compare,
    export => Export,
    plot => Plot,
    report => Report,
    site => Site,
    import => Import,
    annotate => Annotate,
    score => Score,
    infer => Infer,
    metrics => Metrics,
    parse => Parse,
}

/// Teach a language model to say honestly how sure it is, and measure how well it does.
///
/// The stages, each of which can be run alone: sample, cluster, rationalize, build, sft, rl,
/// evaluate, faithfulness. `sayself run` does them all from one TOML file.
#[derive(Parser)]
#[command(name = "sayself", version, max_term_width = 100)]
struct CommandLine {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand knows.
#[derive(Args, Clone, Copy, Debug)]
pub struct Globals {
    /// No progress bar and no words on stderr but errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// Runs the command that the program was started with.
pub fn main() -> ExitCode {
    kernels::keep_freed_memory();
    // Parsed by hand, so that a closed stdout or stderr makes no panic.
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => {
            // Nothing can be done where stderr itself is closed.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("SAYSELF_LOG").unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .with_ansi(output::has_colours())
        .init();
    match run(command_line.command, &command_line.globals) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has had enough.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound_and_every_help_has_an_example() {
        let mut command = super::CommandLine::command();
        command.build();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands_mut() {
            if subcommand.get_name() == "help" {
                continue;
            }
            let help = subcommand.render_long_help().to_string();
            let example = format!("sayself {}", subcommand.get_name());
            let after = help.split("Example").nth(1).unwrap_or_default();
            assert!(
                after.contains(&example),
                "{} has no example:\n{help}",
                subcommand.get_name()
            );
        }
    }
}
