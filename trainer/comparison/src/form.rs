//! Rows of text as a table: for a terminal, Markdown, CSV or LaTeX.

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Columns for the terminal.
    Text,
    Markdown,
    Csv,
    Latex,
}

/// The lines of a table. The first row is its head; all rows have as many cells. `columns` is LaTeX's
/// alignment, e.g. `lrr`.
pub fn table(rows: &[Vec<String>], form: Form, columns: &str) -> Vec<String> {
    let joined = |row: &[String], escape: fn(&str) -> String, between: &str| {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        cells.join(between)
    };
    match form {
        Form::Text => aligned(rows),
        Form::Csv => rows.iter().map(|row| joined(row, csv, ",")).collect(),
        Form::Markdown => {
            let line = |row: &Vec<String>| format!("| {} |", joined(row, markdown, " | "));
            let mut lines: Vec<String> = rows.iter().map(line).collect();
            if let Some(head) = rows.first() {
                lines.insert(1, format!("|{}", "---|".repeat(head.len())));
            }
            lines
        }
        Form::Latex => {
            let line = |row: &Vec<String>| format!("{} \\\\", joined(row, latex, " & "));
            let mut lines: Vec<String> = rows.iter().map(line).collect();
            lines.insert(0, format!("\\begin{{tabular}}{{{columns}}}"));
            lines.insert(lines.len().min(2), "\\hline".into());
            lines.push("\\end{tabular}".into());
            lines
        }
    }
}

/// Rows of as many cells each, as lines whose columns stand below each other.
pub fn aligned(rows: &[impl AsRef<[String]>]) -> Vec<String> {
    let columns = rows.first().map_or(0, |row| row.as_ref().len());
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row.as_ref()[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(|row| line(row.as_ref())).collect()
}

fn markdown(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

/// A cell of a CSV file, in quotes where it needs them.
pub fn csv(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// Text for LaTeX.
pub fn latex(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("$<$"),
            '>' => escaped.push_str("$>$"),
            '|' => escaped.push_str("$|$"),
            '−' => escaped.push_str("$-$"),
            '–' => escaped.push_str("--"),
            '“' => escaped.push_str("``"),
            '”' => escaped.push_str("''"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_escaped_for_their_form() {
        assert_eq!(csv("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(latex("ece_15 < 5%"), "ece\\_15 $<$ 5\\%");
        assert_eq!(markdown("a|b"), "a\\|b");
    }

    #[test]
    fn one_table_in_every_form() {
        let rows = [["name", "n"], ["a_b", "1"]].map(|row| row.map(String::from).to_vec());
        let text = |form| table(&rows, form, "lr").join("\n");
        assert_eq!(text(Form::Text), "name  n\na_b   1");
        assert_eq!(text(Form::Csv), "name,n\na_b,1");
        assert_eq!(text(Form::Markdown), "| name | n |\n|---|---|\n| a_b | 1 |");
        assert_eq!(
            text(Form::Latex),
            "\\begin{tabular}{lr}\nname & n \\\\\n\\hline\na\\_b & 1 \\\\\n\\end{tabular}"
        );
    }
}
