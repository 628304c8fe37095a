//! `sayself annotate status`.

use super::tables::{figures, members, number_of, projects, remarks, row_of, shown, text_of};
use super::{ServerArguments, project_path, resolve};
use crate::annotate::Client;
use crate::cli::output;
use clap::Args;
use comparison::form::aligned;
use serde_json::json;

/// How far projects are, or who did what of one.
///
/// Without PROJECT all of them. PROJECT is an id, its beginning, or a title. With --agreement how far the
/// annotators agree, too, with 95% intervals.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself annotate status\n  sayself annotate status 0198c2d4 --agreement\n  sayself annotate status 0198c2d4 --json"
)]
pub struct Arguments {
    /// A project; all of them without it
    #[arg(value_name = "PROJECT")]
    project: Option<String>,
    /// How far its annotators agree, too
    #[arg(long, requires = "project")]
    agreement: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// Print the server's answer as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.server.server)?;
    let Some(wanted) = &arguments.project else {
        let list = client.get("/api/projects")?;
        if arguments.json {
            return output::json(&list);
        }
        return table(&projects(&list));
    };
    let id = resolve(&client, wanted)?;
    let project = client.get(&project_path(&id))?;
    let agreement = match arguments.agreement {
        true => Some(client.get(&format!("{}/agreement", project_path(&id)))?),
        false => None,
    };
    if arguments.json {
        return match agreement {
            None => output::json(&project),
            Some(agreement) => output::json(&json!({"project": project, "agreement": agreement})),
        };
    }
    let row = row_of(&project);
    let mut lines = output::Lines::open();
    lines.text(&format!(
        "{} ({}): {} of {} ratings of {} items",
        shown(text_of(row, "title")),
        text_of(row, "state"),
        number_of(row, "rated"),
        number_of(row, "wanted"),
        number_of(row, "items"),
    ))?;
    for line in aligned(&members(&project)) {
        lines.text(&line)?;
    }
    if let Some(agreement) = &agreement {
        for line in aligned(&figures(agreement)) {
            lines.text(&line)?;
        }
        for remark in remarks(agreement) {
            lines.text(&shown(remark))?;
        }
    }
    lines.finish()
}

fn table(rows: &[Vec<String>]) -> anyhow::Result<()> {
    let mut lines = output::Lines::open();
    for line in aligned(rows) {
        lines.text(&line)?;
    }
    lines.finish()
}
