//! A chart's numbers as CSV (RFC 4180), for spreadsheets and scripts.

/// The text of a file under way.
pub struct Csv(String);

impl Csv {
    /// With a first line of names.
    pub fn new(names: &[&str]) -> Self {
        let mut csv = Csv(String::new());
        csv.row(names, &[]);
        csv
    }

    /// A line of texts, then numbers; a number that is not finite is left empty.
    pub fn row(&mut self, texts: &[&str], numbers: &[f64]) {
        let start = self.0.len();
        for text in texts {
            self.separate(start);
            self.text(text);
        }
        for number in numbers {
            self.separate(start);
            if number.is_finite() {
                self.0.push_str(&number.to_string());
            }
        }
        self.0.push('\n');
    }

    pub fn finish(self) -> String {
        self.0
    }

    fn separate(&mut self, start: usize) {
        if self.0.len() > start {
            self.0.push(',');
        }
    }

    fn text(&mut self, text: &str) {
        // A spreadsheet would take a text that begins like a formula for one.
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if !formula && !text.contains(['"', ',', '\n', '\r']) && !text.is_empty() {
            self.0.push_str(text);
            return;
        }
        self.0.push('"');
        if formula {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::Csv;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut csv = Csv::new(&["name", "value"]);
        csv.row(&["a,\"b\""], &[0.5]);
        csv.row(&["=1+1"], &[f64::NAN]);
        csv.row(&[""], &[3.0]);
        assert_eq!(
            csv.finish(),
            "name,value\n\"a,\"\"b\"\"\",0.5\n\"'=1+1\",\n\"\",3\n"
        );
    }
}
