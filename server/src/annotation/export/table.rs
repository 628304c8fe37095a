//! A table, and how it is written.

use super::{ExportData, Form};
use app::chart::csv::Csv;
use serde_json::{Value, json};

/// Texts come first in every row, then numbers.
pub struct Table {
    texts: Vec<&'static str>,
    numbers: Vec<&'static str>,
    rows: Vec<Row>,
}

/// A row under way.
#[derive(Default)]
pub struct Row {
    texts: Vec<Text>,
    /// As far as they are there.
    numbers: Vec<Option<f64>>,
}

enum Text {
    Plain(String),
    /// In JSONL as it is, in CSV as JSON in its cell.
    Json(Value),
}

impl Row {
    pub fn text(mut self, text: impl Into<String>) -> Row {
        self.texts.push(Text::Plain(text.into()));
        self
    }

    /// Empty where there is none.
    pub fn text_if(self, text: Option<impl Into<String>>) -> Row {
        let text = text.map_or_else(String::new, Into::into);
        self.text(text)
    }

    pub fn json(mut self, value: Value) -> Row {
        self.texts.push(Text::Json(value));
        self
    }

    pub fn number(mut self, number: Option<f64>) -> Row {
        self.numbers
            .push(number.filter(|number| number.is_finite()));
        self
    }

    /// What every row ends with.
    pub fn of_project(self, data: &ExportData) -> Row {
        self.text(&data.detail.row.id)
            .text(data.seed())
            .text(data.hash("spec"))
            .text(data.hash("rubric"))
    }
}

/// The names of what [`Row::of_project`] adds.
pub const OF_PROJECT: [&str; 4] = ["project", "seed", "spec_sha256", "rubric_sha256"];

impl Table {
    /// The names of the columns; those of the project follow the other texts.
    pub fn new(texts: &[&'static str], numbers: &[&'static str]) -> Table {
        Table {
            texts: texts.iter().copied().chain(OF_PROJECT).collect(),
            numbers: numbers.to_vec(),
            rows: Vec::new(),
        }
    }

    /// # Panics
    /// In tests, if the row has other columns than the table.
    pub fn push(&mut self, row: Row) {
        debug_assert_eq!(row.texts.len(), self.texts.len(), "{:?}", self.texts);
        debug_assert_eq!(row.numbers.len(), self.numbers.len(), "{:?}", self.numbers);
        self.rows.push(row);
    }

    pub fn text(&self, form: Form) -> String {
        match form {
            Form::Jsonl => self.jsonl(),
            Form::Csv => self.csv(),
        }
    }

    fn csv(&self) -> String {
        let names: Vec<&str> = self.texts.iter().chain(&self.numbers).copied().collect();
        let mut csv = Csv::new(&names);
        for row in &self.rows {
            let texts: Vec<String> = row
                .texts
                .iter()
                .map(|text| match text {
                    Text::Plain(text) => text.clone(),
                    Text::Json(value) => value.to_string(),
                })
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let numbers: Vec<f64> = row
                .numbers
                .iter()
                .map(|number| number.unwrap_or(f64::NAN))
                .collect();
            csv.row(&texts, &numbers);
        }
        csv.finish()
    }

    /// Keys in the order of the columns.
    fn jsonl(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let texts = row.texts.iter().map(|text| match text {
                Text::Plain(text) => json!(text),
                Text::Json(value) => value.clone(),
            });
            let numbers = row.numbers.iter().map(|number| whole(*number));
            let names = self.texts.iter().chain(&self.numbers);
            let members: Vec<String> = names
                .zip(texts.chain(numbers))
                .map(|(name, value)| format!("{}:{value}", json!(name)))
                .collect();
            text.push('{');
            text.push_str(&members.join(","));
            text.push_str("}\n");
        }
        text
    }
}

/// A whole number is written as one: `7`, not `7.0`.
fn whole(number: Option<f64>) -> Value {
    /// Whole numbers up to here are exact.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match number {
        Some(number) if number.fract() == 0.0 && number.abs() <= EXACT_MAX => json!(number as i64),
        Some(number) => json!(number),
        None => Value::Null,
    }
}
