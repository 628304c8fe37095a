//! The figures that SaySelf's authors report, to be set beside ours (`datasets/paper/figures.toml`).

use serde::Deserialize;

/// All tables of the paper.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Paper {
    /// Which paper, in words.
    pub source: String,
    /// The model that it asked.
    pub model: String,
    /// What it calls correctness, in words.
    pub judge: String,
    /// The columns of every table, in order.
    pub data_sets: Vec<DataSet>,
    pub tables: Vec<PaperTable>,
}

/// A set of questions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DataSet {
    pub title: String,
    /// What the name of a file of these questions begins with, in lower case.
    pub word: String,
}

/// One measure of all methods.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PaperTable {
    /// `ece`, `auroc`, `accuracy` or `faithfulness`, as the paper calls it.
    pub measure: String,
    /// Digits that the paper prints after the point.
    pub decimals: usize,
    pub rows: Vec<PaperRow>,
}

/// One method of a table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PaperRow {
    /// By our name.
    pub method: String,
    /// One for each data set: 0..1, faithfulness 1..10.
    pub figures: Vec<f64>,
}

impl Paper {
    /// The shipped figures.
    ///
    /// ```
    /// let paper = datasets::paper::Paper::shipped();
    /// assert_eq!(paper.figure("auroc", "sayself", 0), Some(0.7156));
    /// assert_eq!(paper.figure("auroc", "dinco", 0), None);
    /// ```
    ///
    /// # Panics
    /// Never: the file is part of the program, and a test reads it.
    pub fn shipped() -> Paper {
        toml::from_str(include_str!("../paper/figures.toml"))
            .expect("the shipped figures are read by a test")
    }

    /// The figure of a method on the data set in that column; `None` where the paper has none.
    pub fn figure(&self, measure: &str, method: &str, column: usize) -> Option<f64> {
        let row = self
            .table(measure)?
            .rows
            .iter()
            .find(|row| row.method == method)?;
        row.figures.get(column).copied()
    }

    /// The table of a measure.
    pub fn table(&self, measure: &str) -> Option<&PaperTable> {
        self.tables.iter().find(|table| table.measure == measure)
    }

    /// The column of a set of questions by its file's name, e.g. `truthful_qa`.
    pub fn column_of(&self, questions: &str) -> Option<usize> {
        let name: String = questions
            .chars()
            .filter(|character| character.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        self.data_sets
            .iter()
            .position(|data_set| name.starts_with(&data_set.word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_whole() {
        let paper = Paper::shipped();
        let measures: Vec<&str> = paper
            .tables
            .iter()
            .map(|one| one.measure.as_str())
            .collect();
        assert_eq!(measures, ["ece", "auroc", "accuracy", "faithfulness"]);
        for table in &paper.tables {
            let most = if table.measure == "faithfulness" {
                10.0
            } else {
                1.0
            };
            for row in &table.rows {
                assert_eq!(row.figures.len(), paper.data_sets.len(), "{}", row.method);
                assert!(
                    row.figures
                        .iter()
                        .all(|figure| (0.0..=most).contains(figure))
                );
            }
        }
        assert_eq!(paper.figure("ece", "linear-reward", 5), Some(0.3316));
        assert_eq!(paper.figure("faithfulness", "sayself", 2), Some(5.5));
    }

    #[test]
    fn files_find_their_column() {
        let paper = Paper::shipped();
        let title = |name| {
            let column = paper.column_of(name)?;
            Some(paper.data_sets[column].title.clone())
        };
        for (name, wanted) in [
            ("pararel_data", Some("ParaRel")),
            ("truthful_qa", Some("TruthfulQA")),
            ("hotpotqa", Some("HotpotQA")),
            ("FEVER", Some("FEVER")),
            ("world-facts", None),
        ] {
            assert_eq!(title(name).as_deref(), wanted, "{name}");
        }
    }
}
