//! A file that is read row by row as its bytes come in.

use crate::csv::{Record, Records};
use crate::form::Form;
use crate::guess::Columns;
use crate::head::{Head, text_of};
use crate::limits::LINE_BYTES_MAX;
use crate::lines::{Line, Lines};
use crate::object::pick;
use crate::plan::shortened;
use crate::rows::Rows;
use crate::trouble::Trouble;
use crate::value::{Scale, VERDICT_EXPECTED, verdict_of_text, verdict_of_value};
use datasets::import::{NotImported, lm_eval};
use serde_json::Value;

/// A reader under way.
pub struct Reading {
    pub rows: Rows,
    source: Source,
}

enum Source {
    Csv(Box<Csv>),
    Json(Box<Json>),
    LmEval {
        lines: Lines,
        selection: lm_eval::Selection,
    },
}

struct Csv {
    records: Records,
    /// The line of names has been read.
    is_in_rows: bool,
    columns: Wanted,
}

struct Json {
    lines: Lines,
    keys: Vec<String>,
    /// Places in `keys`.
    columns: Wanted,
    /// Used again for each line.
    values: Vec<Value>,
}

/// Columns, all that must be there.
#[derive(Clone, Copy)]
struct Wanted {
    confidence: usize,
    scale: Scale,
    correct: usize,
    group: Option<usize>,
    id: Option<usize>,
}

/// A row's fields; what stands in the file is asked for only where it is told.
struct Fields<'a> {
    confidence: Option<f64>,
    confidence_found: &'a dyn Fn() -> String,
    correct: Option<bool>,
    correct_found: &'a dyn Fn() -> String,
    group: Option<&'a str>,
}

impl Reading {
    /// Reads a table by these columns.
    ///
    /// # Errors
    /// Where confidence or verdict is not chosen.
    pub fn of_table(form: Form, head: &Head, columns: &Columns) -> Result<Reading, Trouble> {
        let (Some(confidence), Some(correct)) = (columns.confidence, columns.correct) else {
            return Err(Trouble::new(
                "There is no such column.",
                "A column must be chosen for the confidence, and one for right or wrong.",
                "Choose them, then measure.",
            ));
        };
        let wanted = Wanted {
            confidence,
            scale: columns.scale,
            correct,
            group: columns.group,
            id: columns.id,
        };
        let source = match form {
            Form::Csv { delimiter } => Source::Csv(Box::new(Csv {
                records: Records::new(delimiter),
                is_in_rows: false,
                columns: wanted,
            })),
            _ => Source::Json(Box::new(Json::of(head, wanted))),
        };
        Ok(Reading {
            rows: Rows::default(),
            source,
        })
    }

    /// Reads a log of lm-evaluation-harness.
    pub fn of_lm_eval(selection: lm_eval::Selection) -> Reading {
        Reading {
            rows: Rows::default(),
            source: Source::LmEval {
                lines: Lines::default(),
                selection,
            },
        }
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// Beyond a limit.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.take(bytes)
    }

    /// The file has ended.
    ///
    /// # Errors
    /// Where no row could be read.
    pub fn finish(mut self) -> Result<Rows, Trouble> {
        self.take(&[])?;
        if self.rows.is_empty() {
            return Err(no_rows(&self.rows));
        }
        Ok(self.rows)
    }

    /// `bytes` are empty at the end of the file.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let rows = &mut self.rows;
        match &mut self.source {
            Source::Csv(csv) => {
                let Csv {
                    records,
                    is_in_rows,
                    columns,
                } = csv.as_mut();
                records.push(bytes, &mut |record: Record<'_>| match *is_in_rows {
                    true => csv_row(rows, columns, record),
                    false => {
                        *is_in_rows = true;
                        Ok(())
                    }
                })
            }
            Source::Json(json) => {
                let Json {
                    lines,
                    keys,
                    columns,
                    values,
                } = json.as_mut();
                let mut take = |line: Line<'_>| json_row(rows, columns, keys, values, line);
                push_lines(lines, bytes, &mut take)
            }
            Source::LmEval { lines, selection } => {
                let mut take = |line: Line<'_>| lm_eval_row(rows, selection, line);
                push_lines(lines, bytes, &mut take)
            }
        }
    }
}

impl Json {
    fn of(head: &Head, wanted: Wanted) -> Json {
        let mut keys: Vec<String> = Vec::new();
        // One column may be wanted for two things.
        let mut place = |at: usize| {
            let name = &head.names[at];
            keys.iter().position(|key| key == name).unwrap_or_else(|| {
                keys.push(name.clone());
                keys.len() - 1
            })
        };
        let columns = Wanted {
            confidence: place(wanted.confidence),
            scale: wanted.scale,
            correct: place(wanted.correct),
            group: wanted.group.map(&mut place),
            id: wanted.id.map(&mut place),
        };
        Json {
            lines: Lines::default(),
            keys,
            columns,
            values: Vec::new(),
        }
    }
}

fn push_lines(
    lines: &mut Lines,
    bytes: &[u8],
    take: &mut dyn FnMut(Line<'_>) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    match bytes.is_empty() {
        true => lines.finish(take),
        false => lines.push(bytes, take),
    }
}

/// What was read where, for a row that is left out.
fn place(line: u64, id: Option<&str>) -> String {
    match id {
        Some(id) if !id.is_empty() => format!("line {line} ({})", shortened(id)),
        _ => format!("line {line}"),
    }
}

fn found(text: &str) -> String {
    match text {
        "" => "nothing".to_owned(),
        text => shortened(text),
    }
}

/// Adds a row, or counts it out.
fn add(
    rows: &mut Rows,
    scale: Scale,
    fields: &Fields<'_>,
    place: impl FnOnce() -> String,
) -> Result<(), Trouble> {
    let Some(confidence) = fields.confidence else {
        rows.rejected.add(place, || {
            let found = found(&(fields.confidence_found)());
            format!("confidence: found {found}, expected {}", scale.expected())
        });
        return Ok(());
    };
    let Some(correct) = fields.correct else {
        rows.rejected.add(place, || {
            let found = found(&(fields.correct_found)());
            format!("right or wrong: found {found}, expected {VERDICT_EXPECTED}")
        });
        return Ok(());
    };
    rows.add(confidence, correct, fields.group)
}

fn csv_row(rows: &mut Rows, columns: &Wanted, record: Record<'_>) -> Result<(), Trouble> {
    // Bytes that are no text are neither a number nor a verdict.
    let text = |at: usize| {
        std::str::from_utf8(record.field(at))
            .unwrap_or("\u{fffd}")
            .trim()
    };
    let (confidence, correct) = (text(columns.confidence), text(columns.correct));
    let fields = Fields {
        confidence: columns.scale.probability_of_text(confidence),
        confidence_found: &|| confidence.to_owned(),
        correct: verdict_of_text(correct),
        correct_found: &|| correct.to_owned(),
        group: columns.group.map(text).filter(|group| !group.is_empty()),
    };
    add(rows, columns.scale, &fields, || {
        place(record.line, columns.id.map(text))
    })
}

fn json_row(
    rows: &mut Rows,
    columns: &Wanted,
    keys: &[String],
    values: &mut Vec<Value>,
    line: Line<'_>,
) -> Result<(), Trouble> {
    let Some(bytes) = whole(rows, line) else {
        return Ok(());
    };
    if let Err(error) = pick(bytes, keys, values) {
        rows.rejected.add(
            || place(line.number, None),
            || format!("not a JSON object: {error}"),
        );
        return Ok(());
    }
    let value = |at: usize| &values[at];
    let (confidence, correct) = (value(columns.confidence), value(columns.correct));
    let group = match columns.group.map(value) {
        None | Some(Value::Null) => None,
        Some(group) => Some(text_of(group)),
    };
    let fields = Fields {
        confidence: columns.scale.probability_of_value(confidence),
        confidence_found: &|| text_of(confidence),
        correct: verdict_of_value(correct),
        correct_found: &|| text_of(correct),
        group: group.as_deref(),
    };
    add(rows, columns.scale, &fields, || {
        let id = columns.id.map(|at| text_of(value(at)));
        place(line.number, id.as_deref())
    })
}

/// A line's text; `None` where it is blank, or was counted out for its length.
fn whole<'a>(rows: &mut Rows, line: Line<'a>) -> Option<&'a [u8]> {
    match line.bytes {
        Some(bytes) if bytes.trim_ascii().is_empty() => None,
        Some(bytes) => Some(bytes),
        None => {
            rows.rejected.add(
                || place(line.number, None),
                || format!("longer than {LINE_BYTES_MAX} bytes"),
            );
            None
        }
    }
}

fn lm_eval_row(
    rows: &mut Rows,
    selection: &lm_eval::Selection,
    line: Line<'_>,
) -> Result<(), Trouble> {
    let Some(bytes) = whole(rows, line) else {
        return Ok(());
    };
    match lm_eval::sample(bytes, selection) {
        Ok(imported) => rows.add(imported.answer.probability, imported.answer.correct, None),
        Err(NotImported::Malformed(reason) | NotImported::LeftOut(reason)) => {
            rows.rejected.add(|| place(line.number, None), || reason);
            Ok(())
        }
    }
}

/// No row could be read: the first that were left out say why.
pub fn no_rows(rows: &Rows) -> Trouble {
    let mut text = match rows.rejected.count {
        0 => "The file has no row.".to_owned(),
        count => format!(
            "No row of the right shape among {}.",
            chart::format::count(count)
        ),
    };
    if let Some((place, reason)) = rows.rejected.first.first() {
        text.push_str(&format!(
            " The first, {place}: {}.",
            chart::format::foreign(reason)
        ));
    }
    Trouble::new(
        "There is nothing to measure.",
        text,
        "Choose other columns, or another file.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::form_of;
    use crate::guess::columns_of;
    use crate::head::head_of;
    use proptest::prelude::*;

    fn read(text: &[u8], slice: usize) -> Result<Rows, Trouble> {
        let form = form_of(text)?;
        let head = head_of(form, text, true)?;
        let mut reading = Reading::of_table(form, &head, &columns_of(&head))?;
        for bytes in text.chunks(slice) {
            reading.push(bytes)?;
        }
        reading.finish()
    }

    #[test]
    fn both_forms_give_the_same_rows_in_any_slices() {
        let json = br#"{"confidence":0.9,"correct":true,"group":"a","id":1}
{"confidence":0,"correct":0,"group":"b"}

{"confidence":1,"correct":1,"group":"a"}"#;
        let csv = b"\xEF\xBB\xBFid,Confidence,correct,group\r\n1,0.9,TRUE,a\r\n2,0,0,b\r\n\"3\nx\",1.0,1,a\n";
        for slice in [1, 7, 1000] {
            let from_json = read(json, slice).unwrap().into_rows().unwrap();
            let from_csv = read(csv, slice).unwrap().into_rows().unwrap();
            assert_eq!(from_json, from_csv, "{slice}");
            let groups: Vec<Option<u32>> = from_json.iter().map(|row| row.group).collect();
            assert_eq!(groups, [Some(0), Some(1), Some(0)]);
        }
    }

    #[test]
    fn wrong_rows_are_counted_with_their_line() {
        let mut text = String::from("id,confidence,correct\n");
        for at in 0..30 {
            text.push_str(&format!("q{at},0.5,{}\n", at % 2));
        }
        text.push_str("q30,1.5,1\nq31,,0\nq32,0.5,perhaps\nq33\n");
        let rows = read(text.as_bytes(), 11).unwrap();
        assert_eq!((rows.len(), rows.rejected.count), (30, 4));
        assert_eq!(
            rows.rejected.first,
            [
                (
                    "line 32 (q30)",
                    "confidence: found 1.5, expected a probability from 0 to 1"
                ),
                (
                    "line 33 (q31)",
                    "confidence: found nothing, expected a probability from 0 to 1"
                ),
                (
                    "line 34 (q32)",
                    "right or wrong: found perhaps, expected true, false, 1, 0, right or wrong"
                ),
                (
                    "line 35 (q33)",
                    "confidence: found nothing, expected a probability from 0 to 1"
                ),
            ]
            .map(|(place, reason)| (place.to_owned(), reason.to_owned()))
        );
    }

    #[test]
    fn a_log_of_lm_eval_is_read() {
        let line = |log: &str, acc: f64, filter: &str| {
            format!(
                r#"{{"doc_id":1,"doc":{{"question":"Which?"}},"target":"1","arguments":{{}},"resps":[[["{log}","False"]],[["-1.0","True"]]],"filtered_resps":[],"filter":"{filter}","acc":{acc}}}"#
            )
        };
        let text = [
            line("-2.0", 1.0, "none"),
            line("-3.0", 0.0, "none"),
            line("-2", 1.0, "strict"),
            "{".into(),
        ]
        .join("\n");
        let mut reading = Reading::of_lm_eval(lm_eval::Selection {
            filter: Some("none".into()),
            ..lm_eval::Selection::default()
        });
        reading.push(text.as_bytes()).unwrap();
        let rows = reading.finish().unwrap();
        assert_eq!((rows.len(), rows.rejected.count), (2, 2));
        let first = rows.into_rows().unwrap()[0];
        assert!((first.confidence - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn any_bytes_give_rows_or_trouble(bytes in prop::collection::vec(any::<u8>(), 0..200), slice in 1usize..50) {
            let mut text = b"confidence,correct\n0.5,1\n".to_vec();
            text.extend_from_slice(&bytes);
            if let Ok(rows) = read(&text, slice) {
                prop_assert!(rows.into_rows().unwrap().iter().all(|row| (0.0..=1.0).contains(&row.confidence)));
            }
            let _ = read(&bytes, slice);
            let mut text = b"{\"confidence\":0.5,\"correct\":true}\n".to_vec();
            text.extend_from_slice(&bytes);
            if let Ok(rows) = read(&text, slice) {
                prop_assert!(!rows.is_empty());
            }
        }
    }
}
