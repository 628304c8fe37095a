//! `sayself annotate export`.

use super::{ServerArguments, project_path, resolve};
use crate::annotate::Client;
use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::pull::checksum;
use crate::run_dir::write_atomically;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

/// The file that names the SHA-256 of all others, as `sha256sum --check` reads it.
const CHECKSUMS: &str = "SHA256SUMS";

/// Write what a project has so far into a folder.
///
/// project.json (spec, rubric, seed, hashes), ratings, settled, events and hours as JSONL and CSV, the forms
/// of Label Studio and Argilla, and SHA256SUMS of them all. Annotators go by made-up names; an admin may
/// ask for their account names too. `sayself faithfulness --ratings` reads ratings.jsonl and ratings.csv.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sayself annotate export 0198c2d4 --out ratings\n  sayself annotate export 0198c2d4 --out ratings --what ratings,hours --form csv\n  sayself faithfulness runs/demo --by names,people --ratings ratings/ratings.jsonl"
)]
pub struct Arguments {
    /// A project: its id, the id's beginning, or its title
    #[arg(value_name = "PROJECT")]
    project: String,
    /// The folder that the files go to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What to write, by commas; without it everything
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT,…")]
    what: Vec<What>,
    /// The form of tables; without it both
    #[arg(long, value_enum)]
    form: Option<Form>,
    /// Put account names beside the made-up ones (admins only)
    #[arg(long)]
    names: bool,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// Print what was written as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Spec, rubric, seed, hashes
    Project,
    /// The ratings that count, a row each
    Ratings,
    /// One value of each item
    Settled,
    /// Everything, as it happened
    Events,
    /// Items and time of each person, for pay
    Hours,
    /// Tasks with annotations, and the labelling configuration
    LabelStudio,
    /// Records with responses, and the settings
    Argilla,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A JSON object a line
    Jsonl,
    /// For spreadsheets
    Csv,
}

impl What {
    const ALL: [What; 7] = [
        What::Project,
        What::Ratings,
        What::Settled,
        What::Events,
        What::Hours,
        What::LabelStudio,
        What::Argilla,
    ];

    /// (as the server names it, form, file) of each file that it is.
    fn files(self, form: Option<Form>) -> Vec<(&'static str, &'static str, String)> {
        let table = |name: &'static str| {
            let forms = [(Form::Jsonl, "jsonl"), (Form::Csv, "csv")];
            let wanted = forms
                .into_iter()
                .filter(|(of, _)| form.is_none_or(|form| form == *of));
            wanted
                .map(|(_, ending)| (name, ending, format!("{name}.{ending}")))
                .collect()
        };
        let alone = |name: &'static str, ending: &str| (name, "jsonl", format!("{name}.{ending}"));
        match self {
            What::Project => vec![alone("project", "json")],
            What::Ratings => table("ratings"),
            What::Settled => table("settled"),
            What::Events => table("events"),
            What::Hours => table("hours"),
            What::LabelStudio => vec![
                alone("label-studio", "json"),
                alone("label-studio-config", "xml"),
            ],
            What::Argilla => vec![alone("argilla", "json"), alone("argilla-settings", "json")],
        }
    }
}

pub fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<()> {
    let client = Client::new(&arguments.server.server)?;
    if arguments.out.is_file() {
        return Err(bad_use(format!(
            "--out {}: found a file, expected a folder",
            arguments.out.display()
        )));
    }
    let whats: Vec<What> = match arguments.what.is_empty() {
        true => What::ALL.to_vec(),
        false => What::ALL
            .into_iter()
            .filter(|what| arguments.what.contains(what))
            .collect(),
    };
    let files: Vec<_> = whats
        .into_iter()
        .flat_map(|what| what.files(arguments.form))
        .collect();
    let there = files
        .iter()
        .map(|(_, _, name)| arguments.out.join(name))
        .chain([arguments.out.join(CHECKSUMS)])
        .find(|path| path.exists());
    if let (Some(path), false) = (there, arguments.force) {
        return Err(bad_use(format!(
            "{} is there already; give --force to write over it",
            path.display()
        )));
    }
    let id = resolve(&client, &arguments.project)?;
    let mut written = Vec::new();
    let mut sums = String::new();
    for (what, form, name) in files {
        let names = arguments.names;
        let path = format!(
            "{}/export?what={what}&form={form}&names={names}",
            project_path(&id)
        );
        let bytes = client.file(&path)?;
        let sha256 = checksum::of_bytes(&bytes);
        sums.push_str(&format!("{sha256}  {name}\n"));
        let path = arguments.out.join(name);
        write_atomically(&path, &bytes)?;
        written.push((path, bytes.len(), sha256));
    }
    write_atomically(&arguments.out.join(CHECKSUMS), sums.as_bytes())?;
    if arguments.json {
        let files: Vec<_> = written
            .iter()
            .map(|(path, bytes, sha256)| json!({"path": path, "bytes": bytes, "sha256": sha256}))
            .collect();
        return output::json(&json!({"project": id, "written": files}));
    }
    let mut lines = output::Lines::open();
    for (path, bytes, _) in &written {
        lines.text(&format!("{} ({bytes} bytes)", path.display()))?;
    }
    lines.finish()?;
    if arguments.names && !globals.quiet {
        eprintln!(
            "the files hold account names: keep them apart, and delete them when people are paid"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_named_once() {
        let files: Vec<String> = What::ALL
            .into_iter()
            .flat_map(|what| what.files(None))
            .map(|(_, _, name)| name)
            .collect();
        let mut different = files.clone();
        different.sort();
        different.dedup();
        assert_eq!(files.len(), different.len());
        assert_eq!(files.len(), 13);
        let of_csv = What::Ratings.files(Some(Form::Csv));
        assert_eq!(of_csv, [("ratings", "csv", "ratings.csv".to_owned())]);
        // What is no table has one form, whatever is asked for.
        assert_eq!(What::Project.files(Some(Form::Csv))[0].2, "project.json");
    }
}
