//! What people gave: the export of the annotation pages, or any file of its form.

use crate::error::bad_input;
use crate::run_dir::read_limited;
use calibration::faithfulness::judge_reply::SCORE_MAX;
use datasets::Skipped;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Bytes of a file of ratings.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
const EXPECTED: &str = "a text `id`, a text `annotator` and a number `score` from 0 to 10";

/// Ratings by item: (annotator, score 0..=10), in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratings {
    pub by_item: BTreeMap<String, Vec<(String, f64)>>,
    /// Rows of the wrong shape that were left out.
    pub skipped: Vec<Skipped>,
}

impl Ratings {
    /// Different people.
    pub fn annotators(&self) -> usize {
        let all = self.by_item.values().flatten();
        all.map(|(annotator, _)| annotator)
            .collect::<HashSet<_>>()
            .len()
    }
}

/// Reads JSONL, or CSV with a header: `id` is the question's id, `annotator` who rated, `score` 0..=10;
/// more keys are ignored.
///
/// # Errors
/// Exit code 2, with file, line, what was found and what was expected, for a row of another shape, and
/// for one who rates an item twice; with `skip_invalid` such rows are counted. A file without any rating.
pub fn read(path: &Path, stage: &str, skip_invalid: bool) -> anyhow::Result<Ratings> {
    let bytes = read_limited(path, FILE_BYTES_MAX)?;
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let rows = match text.trim_ascii_start().starts_with(b"{") {
        true => rows_of_jsonl(text),
        false => rows_of_csv(text),
    };
    let mut ratings = Ratings::default();
    for (number, fields) in rows {
        let reason = match fields.and_then(|fields| rating(&fields)) {
            Ok((item, annotator, score)) => {
                let of_item = ratings.by_item.entry(item.clone()).or_default();
                if of_item.iter().all(|(known, _)| *known != annotator) {
                    of_item.push((annotator, score));
                    continue;
                }
                format!("{annotator} rates {item} again; expected one rating of each")
            }
            Err(found) => format!("{found}; expected {EXPECTED}"),
        };
        let record = format!("{}:{number}", path.display());
        if !skip_invalid {
            return Err(bad_input(format!("{record}: {reason}")));
        }
        ratings.skipped.push(Skipped {
            stage: stage.to_owned(),
            record,
            reason,
        });
    }
    if ratings.by_item.is_empty() {
        return Err(bad_input(format!(
            "{}: no rating; expected rows with {EXPECTED}",
            path.display()
        )));
    }
    Ok(ratings)
}

/// Line and fields of each row, or what is wrong with it.
type Rows = Vec<(u64, Result<Fields, String>)>;

fn rows_of_jsonl(bytes: &[u8]) -> Rows {
    (1..)
        .zip(bytes.split(|byte| *byte == b'\n'))
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(number, line)| {
            let fields = serde_json::from_slice(line)
                .map_err(|error| format!("found no JSON object: {error}"));
            (number, fields)
        })
        .collect()
}

fn rows_of_csv(bytes: &[u8]) -> Rows {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(bytes);
    let names: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => return vec![(1, Err(format!("found no header: {error}")))],
    };
    reader
        .records()
        .map(|record| match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let cells = record.iter().map(|cell| Value::from(unguarded(cell)));
                (line, Ok(names.iter().cloned().zip(cells).collect()))
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                (line, Err(format!("found no row of CSV: {error}")))
            }
        })
        .collect()
}

/// A text that a spreadsheet would take for a formula begins with `'` in the export; an id must be as it
/// was.
fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => text,
        _ => cell,
    }
}

type Fields = BTreeMap<String, Value>;

fn rating(fields: &Fields) -> Result<(String, String, f64), String> {
    let text = |name: &str| {
        let found = fields.get(name).and_then(Value::as_str).map(str::trim);
        match found {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(format!("found no `{name}`")),
        }
    };
    let score = fields.get("score").ok_or("found no `score`")?;
    let number = match score {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    match number {
        Some(score) if (0.0..=SCORE_MAX).contains(&score) => {
            Ok((text("id")?, text("annotator")?, score))
        }
        _ => Err(format!("found the score {score}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, skip_invalid: bool) -> anyhow::Result<Ratings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ratings");
        std::fs::write(&path, text).unwrap();
        read(&path, "faithfulness", skip_invalid)
    }

    #[test]
    fn both_forms_are_read() {
        let csv = "\u{feff}id,annotator,score,note\nq1,ann,7,\"a, b\"\nq1,bea,8.5,\n\nq2,ann,0,\n";
        let jsonl = "{\"id\":\"q1\",\"annotator\":\"ann\",\"score\":7}\n\
                     {\"id\":\"q1\",\"annotator\":\"bea\",\"score\":8.5}\n\
                     {\"id\":\"q2\",\"annotator\":\"ann\",\"score\":0}";
        let ratings = read_text(csv, false).unwrap();
        assert_eq!(ratings, read_text(jsonl, false).unwrap());
        assert_eq!(
            ratings.by_item["q1"],
            [("ann".into(), 7.0), ("bea".into(), 8.5)]
        );
        assert_eq!(ratings.annotators(), 2);
    }

    /// Lines as the server's export writes them (server/src/annotation/export/rows.rs).
    #[test]
    fn the_export_of_the_annotation_pages_is_read_as_it_is() {
        let csv = "id,annotator,item,run,label,method,correct,stratum,note,spans,assignment,saved_at,project,\
                   seed,spec_sha256,rubric_sha256,score,revision,active_ms,saved_ms,confidence\n\
                   \"'-q1\",annotator-7f3a,i0,r,sayself,sayself,false,confidence 7 · wrong,\"'=1+1, \"\"see\"\"\nbelow\",\
                   \"[{\"\"end\"\":6,\"\"side\"\":0}]\",a0,2026-11-24T23:51:00.000Z,0198,42,5e,7b,7,1,12500,1795564260000,7\n";
        let jsonl = concat!(
            r#"{"id":"-q1","annotator":"annotator-7f3a","item":"i0","run":"r","note":"=1+1, \"see\"\nbelow","#,
            r#""spans":[{"end":6,"side":0}],"seed":"42","score":7,"confidence":7}"#,
            "\n"
        );
        let ratings = read_text(csv, false).unwrap();
        assert_eq!(ratings, read_text(jsonl, false).unwrap());
        assert_eq!(ratings.by_item["-q1"], [("annotator-7f3a".into(), 7.0)]);
    }

    #[test]
    fn bad_rows_fail_or_are_counted() {
        let good = "id,annotator,score\nq1,ann,7\n";
        for (row, reason) in [
            ("q1,bea,11", "found the score"),
            ("q1,bea,NaN", "found the score"),
            ("q1,bea,", "found the score"),
            (",bea,5", "found no `id`"),
            ("q1,,5", "found no `annotator`"),
            ("q1,ann,5", "ann rates q1 again"),
            ("q1", "found no"),
        ] {
            let text = format!("{good}{row}\n");
            let error = read_text(&text, false).unwrap_err();
            assert!(error.to_string().contains(reason), "{row}: {error}");
            assert!(error.to_string().contains(":3"), "{row}: {error}");
            assert_eq!(crate::error::exit_code(&error), 2);
            assert_eq!(read_text(&text, true).unwrap().skipped.len(), 1, "{row}");
        }
        for text in ["", "id,annotator,score\n", "{}\n"] {
            assert_eq!(
                crate::error::exit_code(&read_text(text, true).unwrap_err()),
                2,
                "{text:?}"
            );
        }
    }
}
