//! How a file will be read: in words, as choices that can be changed, and shown on its first rows.

use crate::form::Form;
use crate::guess::{Columns, columns_of, scale_of};
use crate::head::Head;
use crate::limits::{CELL_CHARACTERS_MAX, PREVIEW_COLUMNS, PREVIEW_ROWS};
use crate::trouble::Trouble;
use crate::value::{Scale, number, verdict_of_text};
use chart::format::{fixed, foreign};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was chosen, by the choice's name.
pub type Chosen = BTreeMap<String, String>;

/// How a file will be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What was guessed, and why.
    pub sentence: String,
    pub choices: Vec<Choice>,
    pub preview: Preview,
    /// What must be chosen before the file can be read; `None`: nothing.
    pub missing: Option<String>,
}

/// One thing that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    pub name: &'static str,
    pub label: &'static str,
    /// (value, words).
    pub options: Vec<(String, String)>,
    pub chosen: String,
}

/// The first rows as they stand, and as they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    pub names: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Columns of the file that are not shown.
    pub left_out: usize,
}

/// Nothing is chosen.
const NONE: (&str, &str) = ("", "none");

/// A cell or a name, safe to look at and cut.
pub fn shortened(text: &str) -> String {
    let short: String = text.chars().take(CELL_CHARACTERS_MAX).collect();
    let mark = if short.len() < text.len() { "…" } else { "" };
    foreign(&short) + mark
}

/// The columns of a table: those that were guessed, or what was chosen instead.
///
/// # Errors
/// Where a choice is none of the options.
pub fn columns(head: &Head, chosen: &Chosen) -> Result<Columns, Trouble> {
    let guess = columns_of(head);
    let column = |name: &str, guess: Option<usize>| match chosen.get(name).map(String::as_str) {
        None => Ok(guess),
        Some("") => Ok(None),
        Some(text) => match text.parse() {
            Ok(at) if at < head.names.len() => Ok(Some(at)),
            _ => Err(no_such_choice(name, text)),
        },
    };
    let confidence = column("confidence", guess.confidence)?;
    let scale = match chosen.get("scale").map(String::as_str) {
        // The scale follows the column until it is chosen itself.
        None | Some("") => confidence
            .and_then(|at| scale_of(head, at))
            .unwrap_or(Scale::One),
        Some("1") => Scale::One,
        Some("10") => Scale::Ten,
        Some("100") => Scale::Hundred,
        Some(other) => return Err(no_such_choice("scale", other)),
    };
    Ok(Columns {
        confidence,
        scale,
        correct: column("correct", guess.correct)?,
        group: column("group", guess.group)?,
        id: column("id", guess.id)?,
    })
}

/// A choice that is none of the options.
pub fn no_such_choice(name: &str, found: &str) -> Trouble {
    Trouble::new(
        "There is no such column.",
        format!(
            "{name}: found {}, expected one of the options.",
            shortened(found)
        ),
        "Choose the file again.",
    )
}

/// How a table is read with these columns.
pub fn of_table(form: Form, head: &Head, columns: &Columns) -> Plan {
    let named = |at: usize| match head.names.get(at).map(String::as_str) {
        None | Some("") => format!("column {}", at + 1),
        Some(name) => shortened(name),
    };
    let all: Vec<(String, String)> = (0..head.names.len())
        .map(|at| (at.to_string(), named(at)))
        .collect();
    let with_none = || {
        let none = (NONE.0.to_owned(), NONE.1.to_owned());
        std::iter::once(none).chain(all.clone()).collect::<Vec<_>>()
    };
    let value = |at: Option<usize>| at.map(|at| at.to_string()).unwrap_or_default();
    let required = |at: Option<usize>| match at {
        Some(_) => all.clone(),
        None => {
            let ask = (String::new(), "choose a column".to_owned());
            std::iter::once(ask).chain(all.clone()).collect()
        }
    };
    let scales = Scale::ALL
        .into_iter()
        .zip(["1", "10", "100"])
        .map(|(scale, value)| (value.to_owned(), scale.words().to_owned()))
        .collect();
    let scale = match columns.scale {
        Scale::One => "1",
        Scale::Ten => "10",
        Scale::Hundred => "100",
    };
    let choice = |name, label, options, chosen| Choice {
        name,
        label,
        options,
        chosen,
    };
    let missing = match (columns.confidence, columns.correct) {
        (None, None) => {
            Some("No column looks like a confidence, and none like right or wrong: choose both.")
        }
        (None, Some(_)) => Some("No column looks like a confidence: choose it."),
        (Some(_), None) => Some("No column looks like right or wrong: choose it."),
        (Some(one), Some(other)) if one == other => Some(
            "Confidence and right or wrong are the same column: choose another for one of them.",
        ),
        _ => None,
    };
    Plan {
        sentence: sentence(form, head, columns, &named),
        choices: vec![
            choice(
                "confidence",
                "Confidence",
                required(columns.confidence),
                value(columns.confidence),
            ),
            choice("scale", "It is written as", scales, scale.to_owned()),
            choice(
                "correct",
                "Right or wrong",
                required(columns.correct),
                value(columns.correct),
            ),
            choice(
                "group",
                "Rows that belong together",
                with_none(),
                value(columns.group),
            ),
            choice("id", "Name of a row", with_none(), value(columns.id)),
        ],
        preview: preview(head, columns, &named),
        missing: missing.map(str::to_owned),
    }
}

fn sentence(form: Form, head: &Head, columns: &Columns, named: &dyn Fn(usize) -> String) -> String {
    let mut words = format!("Read as {}.", form.words());
    if let Some(at) = columns.confidence {
        let numbers = || head.column(at).filter_map(number).map(|(number, _)| number);
        let least = numbers().fold(f64::INFINITY, f64::min);
        let most = numbers().fold(f64::NEG_INFINITY, f64::max);
        words.push_str(&format!(" The confidence is “{}”", named(at)));
        if least <= most {
            words.push_str(&format!(
                ": from {} to {} in the first {}",
                plain(least),
                plain(most),
                chart::format::counted(head.rows.len() as u64, "row")
            ));
        }
        words.push_str(&format!(", taken for {}.", columns.scale.words()));
    }
    if let Some(at) = columns.correct {
        words.push_str(&format!(" “{}” says right or wrong.", named(at)));
    }
    words.push_str(&match columns.group {
        Some(at) => format!(
            " Rows with the same “{}” are drawn together for the intervals.",
            named(at)
        ),
        None => " Each row stands on its own: where several are about one question, choose what they share.".to_owned(),
    });
    words
}

/// A number of the file without needless zeros.
fn plain(number: f64) -> String {
    let text = fixed(number, 3);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn preview(head: &Head, columns: &Columns, named: &dyn Fn(usize) -> String) -> Preview {
    let chosen = [
        columns.id,
        columns.confidence,
        columns.correct,
        columns.group,
    ];
    let mut shown: Vec<usize> = Vec::new();
    for at in chosen.into_iter().flatten().chain(0..head.names.len()) {
        if shown.len() < PREVIEW_COLUMNS && !shown.contains(&at) {
            shown.push(at);
        }
    }
    let mut names: Vec<String> = shown.iter().map(|&at| named(at)).collect();
    names.push("read as".to_owned());
    let rows = head
        .rows
        .iter()
        .take(PREVIEW_ROWS)
        .map(|row| {
            let cell = |at: usize| row.get(at).map_or("", String::as_str);
            let mut cells: Vec<String> = shown.iter().map(|&at| shortened(cell(at))).collect();
            let confidence = columns
                .confidence
                .map(|at| columns.scale.probability_of_text(cell(at)));
            let correct = columns.correct.map(|at| verdict_of_text(cell(at)));
            cells.push(read_as(confidence, correct));
            cells
        })
        .collect();
    Preview {
        names,
        rows,
        left_out: head.names.len() - shown.len(),
    }
}

/// What becomes of a row: `0.85, right`.
pub fn read_as(confidence: Option<Option<f64>>, correct: Option<Option<bool>>) -> String {
    let confidence = match confidence {
        None => "?".to_owned(),
        Some(None) => "no confidence".to_owned(),
        Some(Some(confidence)) => fixed(confidence, 2),
    };
    let correct = match correct {
        None => "?",
        Some(None) => "neither right nor wrong",
        Some(Some(true)) => "right",
        Some(Some(false)) => "wrong",
    };
    format!("{confidence}, {correct}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::head_of;

    const CSV: Form = Form::Csv { delimiter: b',' };

    fn head(text: &str) -> Head {
        head_of(CSV, text.as_bytes(), true).unwrap()
    }

    #[test]
    fn a_guess_is_told_and_shown() {
        let head = head("id,conf,correct\na,7,true\nb,11,maybe\nc,3,false\n");
        let mut chosen = Chosen::new();
        let plan = of_table(CSV, &head, &columns(&head, &chosen).unwrap());
        assert_eq!(
            plan.missing,
            Some("No column looks like right or wrong: choose it.".into())
        );
        chosen.extend([
            ("correct".to_owned(), "2".to_owned()),
            ("scale".to_owned(), "10".to_owned()),
        ]);
        let plan = of_table(CSV, &head, &columns(&head, &chosen).unwrap());
        assert_eq!(plan.missing, None);
        assert!(
            plan.sentence.contains(
                "“conf”: from 3 to 11 in the first 3 rows, taken for levels from 1 to 10."
            ),
            "{}",
            plan.sentence
        );
        let read: Vec<&str> = plan
            .preview
            .rows
            .iter()
            .map(|row| row[3].as_str())
            .collect();
        assert_eq!(
            read,
            [
                "0.70, right",
                "no confidence, neither right nor wrong",
                "0.30, wrong"
            ]
        );
    }

    #[test]
    fn choices_that_are_none_are_refused() {
        let head = head("a,b\n0.5,1\n");
        for (name, value) in [("confidence", "2"), ("correct", "x"), ("scale", "7")] {
            let chosen = Chosen::from([(name.to_owned(), value.to_owned())]);
            assert!(columns(&head, &chosen).is_err(), "{name}");
        }
        let chosen = Chosen::from([("confidence".to_owned(), String::new())]);
        assert_eq!(columns(&head, &chosen).unwrap().confidence, None);
    }

    #[test]
    fn foreign_names_cannot_hide() {
        let head = head("conf\u{202e}idence,correct\n0.5,1\n");
        let plan = of_table(CSV, &head, &columns(&head, &Chosen::new()).unwrap());
        assert!(
            plan.preview
                .names
                .iter()
                .any(|name| name.contains("[U+202E]"))
        );
    }
}
