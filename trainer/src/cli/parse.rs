//! `sayself parse`.

use crate::cli::{Globals, output};
use crate::error::bad_input;
use crate::run_dir::for_each_line;
use crate::stages::write_skipped;
use calibration::parse::response;
use clap::Args;
use datasets::Skipped;
use serde::Deserialize;
use std::path::PathBuf;

/// Read answers, rationales and confidences out of responses.
///
/// FILE is JSONL with `response`; other keys are ignored. With --json a line comes out for each line
/// that goes in: {"answer","rationale","confidence","failure"}, null where there is none. A
/// confidence is read only where it is clearly one of ten levels; anything else is a failure with
/// its reason.
#[derive(Args)]
#[command(after_help = "Example:\n  sayself parse samples/samples.jsonl --json")]
pub struct Arguments {
    /// JSONL
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Count malformed rows in skipped.jsonl and go on, in place of failing
    #[arg(long)]
    skip_invalid: bool,
    /// Where skipped.jsonl goes
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Line {
    response: String,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let path = &arguments.file;
    let mut lines = output::Lines::open();
    let (mut rows, mut failures, mut skipped) = (0_usize, 0_usize, Vec::new());
    for_each_line(path, |line| {
        if line.bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        rows += 1;
        let text = match serde_json::from_slice::<Line>(line.bytes) {
            Ok(line) => line.response,
            Err(error) => {
                let reason = format!("expected an object with the text `response`: {error}");
                if !arguments.skip_invalid {
                    return Err(bad_input(format!(
                        "{}, line {}, record {rows}: {reason}",
                        path.display(),
                        line.number
                    )));
                }
                let record = format!("{}:{}", path.display(), line.number);
                skipped.push(Skipped {
                    stage: "parse".into(),
                    record,
                    reason,
                });
                return Ok(());
            }
        };
        let parsed = response(&text);
        failures += usize::from(parsed.failure.is_some());
        if arguments.json {
            return lines.json(&parsed);
        }
        let confidence = match (&parsed.confidence, &parsed.failure) {
            (Some(confidence), _) => confidence.level().to_string(),
            (None, Some(failure)) => failure.to_string(),
            (None, None) => String::new(),
        };
        let answer = parsed.answer.unwrap_or_else(|| "no answer".into());
        lines.text(&format!("{confidence:>10}  {answer}"))
    })?;
    lines.finish()?;
    if rows == 0 {
        return Err(bad_input(format!("{}: the file is empty", path.display())));
    }
    if arguments.skip_invalid {
        write_skipped(&arguments.out.join("skipped.jsonl"), "parse", &skipped)?;
    }
    if !globals.quiet && !arguments.json {
        let read = rows - skipped.len();
        eprintln!(
            "{read} responses, {failures} without a readable confidence, {} left out",
            skipped.len()
        );
    }
    Ok(())
}
