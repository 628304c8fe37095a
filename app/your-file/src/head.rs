//! The first rows of a table, by which its columns are guessed and shown.

use crate::csv::Records;
use crate::form::Form;
use crate::limits::{COLUMNS_MAX, HEAD_ROWS};
use crate::lines::Lines;
use crate::trouble::Trouble;
use crate::value::number;
use serde_json::{Map, Value};

/// Names and first rows; cells are texts, empty where there is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    pub names: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Head {
    /// The cells of a column.
    pub fn column(&self, at: usize) -> impl Iterator<Item = &str> {
        self.rows
            .iter()
            .map(move |row| row.get(at).map_or("", String::as_str))
    }

    /// The column of a name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }
}

/// Reads the first rows of `bytes`; `is_whole` says that the file ends with them.
///
/// # Errors
/// In words: there is no row, or the first line does not end.
pub fn head_of(form: Form, bytes: &[u8], is_whole: bool) -> Result<Head, Trouble> {
    let head = match form {
        Form::Csv { delimiter } => csv_head(delimiter, bytes, is_whole)?,
        _ => json_head(bytes, is_whole)?,
    };
    if head.names.len() > COLUMNS_MAX {
        return Err(Trouble::new(
            "There are too many columns.",
            format!(
                "Found {}, expected at most {COLUMNS_MAX}.",
                head.names.len()
            ),
            "Write confidence and correct into a file of their own.",
        ));
    }
    Ok(head)
}

fn csv_head(delimiter: u8, bytes: &[u8], is_whole: bool) -> Result<Head, Trouble> {
    let mut records = Records::new(delimiter);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut take = |record: crate::csv::Record<'_>| {
        if rows.len() <= HEAD_ROWS {
            let cells = (0..record.len())
                .map(|at| String::from_utf8_lossy(record.field(at)).trim().to_owned());
            rows.push(cells.collect());
        }
        Ok(())
    };
    records.push(bytes, &mut take)?;
    if is_whole {
        records.push(&[], &mut take)?;
    }
    if rows.is_empty() {
        return Err(first_line_too_long());
    }
    let names = rows.remove(0);
    if !names.is_empty() && names.iter().all(|name| number(name).is_some()) {
        return Err(Trouble::new(
            "The columns have no names.",
            format!("Line 1: found {}, expected names.", shown(&names)),
            "Put a line of names on top, such as confidence,correct, and choose the file again.",
        ));
    }
    if rows.is_empty() {
        return Err(no_rows());
    }
    Ok(Head { names, rows })
}

fn shown(names: &[String]) -> String {
    names.join(",").chars().take(100).collect()
}

fn json_head(bytes: &[u8], is_whole: bool) -> Result<Head, Trouble> {
    let mut lines = Lines::default();
    let mut objects: Vec<Map<String, Value>> = Vec::new();
    let mut seen = 0_u32;
    let mut take = |line: crate::lines::Line<'_>| {
        let text = line.bytes.unwrap_or_default().trim_ascii();
        seen += u32::from(!text.is_empty());
        if objects.len() < HEAD_ROWS
            && let Ok(object) = serde_json::from_slice(text)
        {
            objects.push(object);
        }
        Ok(())
    };
    lines.push(bytes, &mut take)?;
    if is_whole {
        lines.finish(&mut take)?;
    }
    if objects.is_empty() {
        return Err(match seen {
            0 => first_line_too_long(),
            _ => Trouble::new(
                "No line is a JSON object.",
                format!(
                    "{} at the start of the file, none of them an object.",
                    chart::format::counted(seen.into(), "line")
                ),
                "Write one object a line, such as {\"confidence\":0.8,\"correct\":true}.",
            ),
        });
    }
    let mut names: Vec<String> = Vec::new();
    for object in &objects {
        for key in object.keys() {
            if names.len() <= COLUMNS_MAX && !names.contains(key) {
                names.push(key.clone());
            }
        }
    }
    let rows = objects
        .iter()
        .map(|object| {
            let cell = |name: &String| object.get(name).map(text_of).unwrap_or_default();
            names.iter().map(cell).collect()
        })
        .collect();
    Ok(Head { names, rows })
}

/// A JSON value as a cell.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn no_rows() -> Trouble {
    Trouble::new(
        "There are no rows.",
        "Found a line of names and nothing below it.",
        "Choose a file with a row for each answer.",
    )
}

fn first_line_too_long() -> Trouble {
    Trouble::new(
        "The first line does not end.",
        format!(
            "Found no end of a line in the first {} bytes.",
            crate::limits::HEAD_BYTES
        ),
        "Write confidence and correct into a file of their own.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_give_the_same_head() {
        let csv = head_of(
            Form::Csv { delimiter: b',' },
            b"a, b\n1,x\n2,\n3,torn",
            false,
        )
        .unwrap();
        let json = head_of(
            Form::JsonLines,
            b"{\"a\":1,\"b\":\"x\"}\n\n{\"b\":null,\"a\":2}\n{\"a\":3,\"b\":\"to",
            false,
        )
        .unwrap();
        assert_eq!(csv, json);
        assert_eq!(csv.names, ["a", "b"]);
        assert_eq!(csv.column(1).collect::<Vec<_>>(), ["x", ""]);
        assert_eq!(csv.place("b"), Some(1));
    }

    #[test]
    fn what_has_no_rows_says_so() {
        let csv = Form::Csv { delimiter: b',' };
        for (form, text, is_whole, wanted) in [
            (csv, "a,b\n", true, "no rows"),
            (csv, "0.5,1\n0.6,0\n", true, "no names"),
            (csv, "a,b", false, "does not end"),
            (Form::JsonLines, "x\ny\n", true, "No line"),
        ] {
            let trouble = head_of(form, text.as_bytes(), is_whole).unwrap_err();
            assert!(trouble.title.contains(wanted), "{}", trouble.title);
        }
    }
}
