//! Records as columns.

use crate::{Answer, Question, StageOneRecord};

/// Values of one type, absent ones among them.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    Text(Vec<Option<String>>),
    Integer(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Truth(Vec<Option<bool>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Text(values) => values.len(),
            Values::Integer(values) => values.len(),
            Values::Number(values) => values.len(),
            Values::Truth(values) => values.len(),
        }
    }

    /// The name of the type on the hub.
    pub fn dtype(&self) -> &'static str {
        match self {
            Values::Text(_) => "string",
            Values::Integer(_) => "int64",
            Values::Number(_) => "float64",
            Values::Truth(_) => "bool",
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// A value a row.
    Single(Values),
    /// A list a row: the lengths, and all elements one after the other.
    List(Vec<usize>, Values),
    /// A list of records a row: the lengths, and each field of all elements.
    Records(Vec<usize>, Vec<(String, Values)>),
}

/// Columns of as many rows each.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    rows: usize,
    columns: Vec<(String, Column)>,
}

impl Table {
    fn new(rows: usize, columns: Vec<(&str, Column)>) -> Self {
        for (name, column) in &columns {
            let fits = match column {
                Column::Single(values) => values.len() == rows,
                Column::List(lengths, values) => {
                    lengths.len() == rows && lengths.iter().sum::<usize>() == values.len()
                }
                Column::Records(lengths, fields) => {
                    let count = lengths.iter().sum::<usize>();
                    lengths.len() == rows && fields.iter().all(|(_, values)| values.len() == count)
                }
            };
            assert!(fits, "column {name} has not {rows} rows");
        }
        let columns = columns
            .into_iter()
            .map(|(name, column)| (name.to_owned(), column))
            .collect();
        Table { rows, columns }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns with their names, in order.
    pub fn columns(&self) -> &[(String, Column)] {
        &self.columns
    }
}

fn text<T>(records: &[T], of: impl Fn(&T) -> Option<&str>) -> Column {
    let values = records.iter().map(|record| of(record).map(str::to_owned));
    Column::Single(Values::Text(values.collect()))
}

fn texts<T>(records: &[T], of: impl Fn(&T) -> &[String]) -> Column {
    let lengths = records.iter().map(|record| of(record).len()).collect();
    let values = records.iter().flat_map(|record| of(record).iter().cloned());
    Column::List(lengths, Values::Text(values.map(Some).collect()))
}

fn integers<T>(records: &[T], of: impl Fn(&T) -> Option<i64>) -> Column {
    Column::Single(Values::Integer(records.iter().map(of).collect()))
}

fn truths<T>(records: &[T], of: impl Fn(&T) -> Option<bool>) -> Column {
    Column::Single(Values::Truth(records.iter().map(of).collect()))
}

/// The name that a record's enumeration has in JSON.
fn json_name(value: impl serde::Serialize) -> Option<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Some(name),
        _ => None,
    }
}

/// Questions, in the columns that [`read_questions`](crate::reference::read_questions) reads.
pub fn questions(records: &[Question]) -> Table {
    let names = |of: &dyn Fn(&Question) -> Option<String>| {
        Column::Single(Values::Text(records.iter().map(of).collect()))
    };
    let columns = vec![
        ("id", text(records, |record| Some(&record.id))),
        ("question", text(records, |record| Some(&record.question))),
        ("answers", texts(records, |record| &record.answers)),
        (
            "negative_answers",
            texts(records, |record| &record.negative_answers),
        ),
        (
            "template",
            text(records, |record| record.template.as_deref()),
        ),
        ("entity", text(records, |record| record.entity.as_deref())),
        ("split", names(&|record| record.split.and_then(json_name))),
        ("judge", names(&|record| json_name(record.judge))),
    ];
    Table::new(records.len(), columns)
}

/// Stage-1 examples, in the columns that [`read_stage_one`](crate::reference::read_stage_one) reads.
pub fn stage_one(records: &[StageOneRecord]) -> Table {
    let own = || records.iter().flat_map(|record| &record.own_answers);
    let lengths = records.iter().map(|record| record.own_answers.len());
    let own_answers = Column::Records(
        lengths.collect(),
        vec![
            (
                "answer".to_owned(),
                Values::Text(own().map(|own| Some(own.answer.clone())).collect()),
            ),
            (
                "share".to_owned(),
                Values::Number(own().map(|own| Some(own.share)).collect()),
            ),
            (
                "correct".to_owned(),
                Values::Truth(own().map(|own| Some(own.correct)).collect()),
            ),
        ],
    );
    let columns = vec![
        ("id", text(records, |record| record.id.as_deref())),
        ("question", text(records, |record| Some(&record.question))),
        ("response", text(records, |record| Some(&record.response))),
        ("answer", text(records, |record| record.answer.as_deref())),
        (
            "confidence",
            integers(records, |record| {
                record.confidence.map(|level| i64::from(level.level()))
            }),
        ),
        ("correct", truths(records, |record| record.correct)),
        ("own_answers", own_answers),
    ];
    Table::new(records.len(), columns)
}

/// Evaluated answers.
pub fn answers(records: &[Answer]) -> Table {
    let levels = records.iter().map(|record| record.levels.as_slice());
    let probabilities = records.iter().map(|record| Some(record.probability));
    let columns = vec![
        ("id", text(records, |record| Some(&record.id))),
        (
            "question_id",
            text(records, |record| Some(&record.question_id)),
        ),
        (
            "template",
            text(records, |record| record.template.as_deref()),
        ),
        ("entity", text(records, |record| record.entity.as_deref())),
        ("question", text(records, |record| Some(&record.question))),
        ("gold", text(records, |record| record.gold.as_deref())),
        ("response", text(records, |record| Some(&record.response))),
        ("answer", text(records, |record| record.answer.as_deref())),
        (
            "rationale",
            text(records, |record| record.rationale.as_deref()),
        ),
        (
            "confidence",
            integers(records, |record| {
                record.confidence.map(|level| i64::from(level.level()))
            }),
        ),
        (
            "probability",
            Column::Single(Values::Number(probabilities.collect())),
        ),
        ("correct", truths(records, |record| Some(record.correct))),
        ("failure", text(records, |record| record.failure.as_deref())),
        (
            "levels",
            Column::List(
                levels.clone().map(|levels| 10 * levels.len()).collect(),
                Values::Number(levels.flatten().flatten().copied().map(Some).collect()),
            ),
        ),
    ];
    Table::new(records.len(), columns)
}
