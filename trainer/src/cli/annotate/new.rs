//! `sayself annotate new`.

use super::tables::{id_of, number_of, remarks, row_of, shown, text_of};
use super::{ServerArguments, project_path};
use crate::annotate::Client;
use crate::cli::{Globals, output};
use crate::error::bad_input;
use crate::run_dir::read_limited;
use clap::Args;
use datasets::annotation::{SPEC_EXAMPLE, spec_from_toml};
use serde_json::json;
use std::path::PathBuf;

/// Bytes of a spec.
const SPEC_BYTES_MAX: u64 = 1024 * 1024;

/// Make a project from a spec: what is rated, by how many, with which rubric.
///
/// It is a draft: nobody but researchers sees it, and it can be looked at as annotators will see it. Open
/// it on its page, or here by --open; annotators are invited on its page. A key that is unknown is
/// refused, so that a misspelt one does not go unseen.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself annotate new --example > project.toml\n  sayself annotate new project.toml\n  sayself annotate new project.toml --open --json\n  SAYSELF_TOKEN=… sayself annotate new project.toml --server https://rate.example.org"
)]
pub struct Arguments {
    /// The spec, in TOML
    #[arg(value_name = "SPEC", required_unless_present = "example")]
    spec: Option<PathBuf>,
    /// Print a spec with a comment on each key, and ask no server
    #[arg(long, conflicts_with_all = ["spec", "open", "json"])]
    example: bool,
    /// Open it at once: items are handed out to those who are invited
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// Print the project as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<()> {
    let Some(path) = &arguments.spec else {
        return output::line(SPEC_EXAMPLE.trim_end());
    };
    let bytes = read_limited(path, SPEC_BYTES_MAX)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| bad_input(format!("{}: is not UTF-8: {error}", path.display())))?;
    let spec =
        spec_from_toml(&text).map_err(|error| bad_input(format!("{}: {error}", path.display())))?;
    let client = Client::new(&arguments.server.server)?;
    let mut project = client.post("/api/projects", &spec)?;
    let id = id_of(&project)?.to_owned();
    if arguments.open {
        let opened = client.patch(&project_path(&id), &json!({"state": "open"}));
        match opened {
            Ok(opened) => project = opened,
            // What was made stays: it is named, so that nobody makes it twice.
            Err(error) => {
                return Err(error.context(format!("project {id} was made and is a draft")));
            }
        }
    }
    if arguments.json {
        return output::json(&project);
    }
    let mut lines = output::Lines::open();
    let row = row_of(&project);
    lines.text(&format!(
        "project {id} ({}): {} items, {} ratings wanted",
        text_of(row, "state"),
        number_of(row, "items"),
        number_of(row, "wanted"),
    ))?;
    lines.text(&format!(
        "page     {}",
        client.page(&format!("/annotate/{id}"))
    ))?;
    lines.text(&format!(
        "preview  {}",
        client.page(&format!("/annotate/{id}/preview"))
    ))?;
    lines.finish()?;
    if !globals.quiet {
        for remark in remarks(&project) {
            eprintln!("{}", shown(remark));
        }
    }
    Ok(())
}
