//! `sayself annotate`.

mod export;
mod new;
mod status;
mod tables;

use crate::annotate::{Client, SERVER};
use crate::cli::Globals;
use crate::error::bad_use;
use clap::{Args, Subcommand};
use tables::{rows_of, text_of};

/// Let people rate whether rationales tell the truth: make a project, see how far it is, take it away.
///
/// The server that keeps projects and ratings (`sayself-server`) must be running; this is the same as its
/// Annotate pages. A server with accounts asks for a token of a researcher's Account page, which stands in
/// the environment (SAYSELF_TOKEN) and is written nowhere.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself annotate new --example > project.toml\n  sayself annotate new project.toml\n  sayself annotate status\n  sayself annotate export PROJECT --out ratings\n  sayself faithfulness runs/demo --by people --ratings ratings/ratings.jsonl"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::Arguments),
    Status(status::Arguments),
    Export(export::Arguments),
}

/// The server that is asked.
#[derive(Args)]
struct ServerArguments {
    /// The address of the server
    #[arg(long, value_name = "URL", default_value = SERVER)]
    server: String,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    match arguments.command {
        Command::New(arguments) => new::run(&arguments, globals),
        Command::Status(arguments) => status::run(&arguments),
        Command::Export(arguments) => export::run(&arguments, globals),
    }
}

/// The id of the project that is meant: an id, the beginning of one, or a title.
fn resolve(client: &Client, wanted: &str) -> anyhow::Result<String> {
    let list = client.get("/api/projects")?;
    let projects: Vec<(&str, &str)> = rows_of(&list)
        .map(|row| (text_of(row, "id"), text_of(row, "title")))
        .collect();
    let fits = |is_meant: &dyn Fn(&(&str, &str)) -> bool| -> Vec<&str> {
        projects
            .iter()
            .filter(|one| is_meant(one))
            .map(|(id, _)| *id)
            .collect()
    };
    let found = [
        fits(&|(id, _)| *id == wanted),
        fits(&|(_, title)| *title == wanted),
        fits(&|(id, _)| !wanted.is_empty() && id.starts_with(wanted)),
    ];
    let found = found.into_iter().find(|found| !found.is_empty());
    match found.as_deref() {
        Some([id]) => Ok((*id).to_owned()),
        Some(several) => Err(bad_use(format!(
            "{wanted} may be {}: give the whole id",
            several.join(" or ")
        ))),
        None => Err(bad_use(format!(
            "no project is {wanted}; `sayself annotate status` lists them"
        ))),
    }
}

fn project_path(id: &str) -> String {
    // Ids are digits, letters and hyphens; what is not stays out of the address.
    let plain: String = id
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || *character == '-')
        .collect();
    format!("/api/projects/{plain}")
}
