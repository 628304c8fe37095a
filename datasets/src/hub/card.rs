//! The card of a data set: `README.md` with a YAML head that the hub and the `datasets` library read.

use super::{Column, Table};
use std::fmt::Write;

/// A file of a data set: one split of one configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub configuration: String,
    /// As [`split_name`](super::split_name) has it.
    pub split: String,
    /// Below the folder of the card.
    pub path: String,
    pub table: Table,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What a card says.
#[derive(Clone, Debug, PartialEq)]
pub struct Card<'a> {
    pub title: &'a str,
    /// The hub's word for the licence, e.g. `cc-by-4.0`; `other` where the text below says it.
    pub licence: &'a str,
    /// Languages, by their codes.
    pub languages: &'a [&'a str],
    /// Parts of one configuration stand together; the first configuration is the default one.
    pub parts: &'a [Part],
    /// Markdown after the table of configurations.
    pub text: &'a str,
}

impl Card<'_> {
    /// The whole card.
    pub fn markdown(&self) -> String {
        let mut out = String::from("---\n");
        // Writing to a String cannot fail.
        let _ = writeln!(out, "pretty_name: {}", yaml_text(self.title));
        let _ = writeln!(out, "license: {}", yaml_text(self.licence));
        if !self.languages.is_empty() {
            out.push_str("language:\n");
            for language in self.languages {
                let _ = writeln!(out, "- {language}");
            }
        }
        out.push_str("task_categories:\n- question-answering\n");
        out.push_str("tags:\n- calibration\n- confidence\n- sayself\n");
        let _ = writeln!(out, "size_categories:\n- {}", self.size_category());
        self.write_info(&mut out);
        self.write_configurations(&mut out);
        out.push_str("---\n\n");
        let _ = writeln!(out, "# {}\n", self.title);
        out.push_str("| configuration | split | records |\n|---|---|---|\n");
        for part in self.parts {
            let (name, split, rows) = (&part.configuration, &part.split, part.table.rows());
            let _ = writeln!(out, "| `{name}` | {split} | {rows} |");
        }
        out.push('\n');
        out.push_str(self.text.trim());
        out.push('\n');
        out
    }

    /// The parts of each configuration, in order.
    fn configurations(&self) -> impl Iterator<Item = &[Part]> {
        self.parts
            .chunk_by(|before, after| before.configuration == after.configuration)
    }

    fn write_info(&self, out: &mut String) {
        out.push_str("dataset_info:\n");
        for parts in self.configurations() {
            let first = &parts[0];
            let _ = writeln!(out, "- config_name: {}", yaml_text(&first.configuration));
            out.push_str("  features:\n");
            for (name, column) in first.table.columns() {
                let _ = writeln!(out, "  - name: {name}");
                match column {
                    Column::Single(values) => {
                        let _ = writeln!(out, "    dtype: {}", values.dtype());
                    }
                    Column::List(_, values) => {
                        let _ = writeln!(out, "    list: {}", values.dtype());
                    }
                    Column::Records(_, fields) => {
                        out.push_str("    list:\n");
                        for (name, values) in fields {
                            let _ = writeln!(out, "    - name: {name}");
                            let _ = writeln!(out, "      dtype: {}", values.dtype());
                        }
                    }
                }
            }
            out.push_str("  splits:\n");
            for part in parts {
                let _ = writeln!(out, "  - name: {}", part.split);
                let _ = writeln!(out, "    num_bytes: {}", part.bytes);
                let _ = writeln!(out, "    num_examples: {}", part.table.rows());
            }
            let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
            let _ = writeln!(out, "  download_size: {bytes}");
            let _ = writeln!(out, "  dataset_size: {bytes}");
        }
    }

    fn write_configurations(&self, out: &mut String) {
        out.push_str("configs:\n");
        for (index, parts) in self.configurations().enumerate() {
            let name = yaml_text(&parts[0].configuration);
            let _ = writeln!(out, "- config_name: {name}");
            if index == 0 {
                out.push_str("  default: true\n");
            }
            out.push_str("  data_files:\n");
            for part in parts {
                let _ = writeln!(out, "  - split: {}", part.split);
                let _ = writeln!(out, "    path: {}", yaml_text(&part.path));
            }
        }
    }

    fn size_category(&self) -> &'static str {
        match self.parts.iter().map(|part| part.table.rows()).sum() {
            0..1_000 => "n<1K",
            1_000..10_000 => "1K<n<10K",
            10_000..100_000 => "10K<n<100K",
            100_000..1_000_000 => "100K<n<1M",
            _ => "1M<n<10M",
        }
    }
}

/// A text as a YAML scalar: bare where it is a plain word, else in quotes.
pub fn yaml_text(text: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    let starts_plain = text.starts_with(|character: char| character.is_ascii_alphabetic());
    let is_word = !["true", "false", "yes", "no", "null", "on", "off", "y", "n"]
        .contains(&text.to_lowercase().as_str());
    if starts_plain && is_word && text.chars().all(is_plain) {
        return text.to_owned();
    }
    // A JSON string is a YAML scalar too.
    serde_json::Value::from(text).to_string()
}
