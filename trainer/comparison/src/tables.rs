//! The paper's Tables 1 to 4: our figures with their intervals next to those of SaySelf's authors.
//!
//! Nothing is borrowed: where we ran nothing a cell says so, and where the two figures do not measure
//! the same, marks say why.

use crate::form::{Form, latex, table};
use crate::label::{split_of, without_seed};
use datasets::RunConfig;
use datasets::config::{Algorithm, Selection};
use datasets::paper::Paper;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The measures of faithfulness, as `faithfulness/LABEL/metrics.json` calls them, and in words.
const FAITHFULNESS: [(&str, &str); 4] = [
    ("judge", "a judge's score, 0 to 10"),
    ("names", "by names, 0 to 10"),
    ("self_reflect", "SelfReflect, 0 to 1, lower is better"),
    ("people", "people's ratings, 0 to 10"),
];
/// The controls within each of them but people's.
const CONTROLS: [&str; 2] = ["shuffled", "constant"];

/// Methods that the paper's second stage taught: on the questions that its HotpotQA figures are of.
const TAUGHT_BY_RL: [&str; 3] = ["sayself", "without-rationale", "linear-reward"];
/// Methods whose training data the paper selects.
const TAUGHT: [&str; 5] = [
    "sayself",
    "without-rl",
    "without-rationale",
    "without-rationale-and-confidence",
    "linear-reward",
];

/// All tables, with what their marks mean.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tables {
    pub tables: Vec<Table>,
    /// Where the paper's figures come from.
    pub source: String,
    /// By mark, the reason why two figures cannot be compared; only those that stand in a table.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub marks: BTreeMap<char, String>,
}

impl Tables {
    /// The table of that number alone, with the marks that stand in it; `None` where there is none.
    pub fn only(&self, number: &str) -> Option<Tables> {
        let table = self.tables.iter().find(|table| table.number == number)?;
        let used = marks_in(std::slice::from_ref(table));
        Some(Tables {
            tables: vec![table.clone()],
            source: self.source.clone(),
            marks: self
                .marks
                .iter()
                .filter(|(mark, _)| used.contains(mark))
                .map(|(mark, reason)| (*mark, reason.clone()))
                .collect(),
        })
    }
}

fn marks_in(tables: &[Table]) -> BTreeSet<char> {
    tables
        .iter()
        .flat_map(|table| &table.rows)
        .flat_map(|row| &row.cells)
        .flat_map(|cell| cell.marks.iter().copied())
        .collect()
}

/// One measure of all methods on all sets of questions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Table {
    /// `1`, `1b`, `2`, `3` or `4`.
    pub number: &'static str,
    pub title: String,
    /// Digits after the point of the paper's figures.
    pub paper_decimals: usize,
    pub columns: Vec<Column>,
    pub rows: Vec<TableRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Column {
    pub title: String,
    pub is_in_paper: bool,
}

/// One method; in Table 4 one measure of a method.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableRow {
    pub method: String,
    pub is_in_paper: bool,
    /// In the order of the columns.
    pub cells: Vec<Cell>,
}

/// Our figure and the paper's.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cell {
    /// `None`: not run.
    pub ours: Option<Ours>,
    /// `None`: the paper has none.
    pub paper: Option<f64>,
    /// Why `paper` is not comparable with ours.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub marks: BTreeSet<char>,
}

/// A figure that we measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ours {
    /// `None` where the measure is not defined there (AUROC of one class), or not valid.
    pub value: Option<f64>,
    /// 95%. Of several seeds the mean of their ends, which is no narrower than an interval of the mean.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<f64>>))]
    pub interval: Option<[f64; 2]>,
    /// Questions.
    pub n: u64,
    /// Training seeds whose mean it is.
    pub seeds: usize,
    /// The string judge's verdict means nothing on these questions.
    pub is_valid: bool,
    /// Of faithfulness: what controls score.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<(String, f64)>))]
    pub controls: Vec<(&'static str, f64)>,
}

/// An evaluation's figures, and what is needed to set them beside the paper's.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub run: String,
    pub label: String,
    pub method: String,
    pub model: String,
    /// The name of the questions' file.
    pub questions: String,
    /// `test`, `dev` or `held-out`, where the run says.
    pub split: Option<String>,
    pub metrics: Value,
    pub faithfulness: Option<Value>,
    /// Whether it was taught as the paper has it; `None` where the run does not say.
    pub is_papers_recipe: Option<bool>,
}

impl Measured {
    /// The figures of the evaluation `label` of the run `run`: `metrics.json`, what was measured of its
    /// rationales, and the run's configuration. `is_alone`: it is no part of a run, but a directory of
    /// its own.
    pub fn new(
        run: &str,
        label: &str,
        is_alone: bool,
        metrics: Value,
        faithfulness: Option<Value>,
        config: Option<&RunConfig>,
    ) -> Measured {
        let text = |key: &str| metrics.get(key).and_then(Value::as_str).unwrap_or("");
        let method = match text("method") {
            "" => without_seed(label),
            method => method,
        };
        Measured {
            run: run.to_owned(),
            label: label.to_owned(),
            method: method.to_owned(),
            model: text("model").to_owned(),
            questions: text("questions").to_owned(),
            split: config.and_then(|config| split_of(config, label, is_alone)),
            is_papers_recipe: config.map(|config| is_papers_recipe(config, method)),
            faithfulness,
            metrics,
        }
    }

    /// From another tool's log, with that tool's verdicts.
    fn is_imported(&self) -> bool {
        self.metrics.get("imported_from").is_some()
    }

    /// The label without seed and split: what the row is called. Of an imported log the label is the
    /// task, so that it is called by its model.
    fn row(&self) -> String {
        if self.is_imported() {
            return format!("{} ({})", self.model, self.method);
        }
        let stem = without_seed(&self.label);
        let split = self.split.as_deref().unwrap_or("test");
        match stem
            .strip_suffix(split)
            .and_then(|stem| stem.strip_suffix('-'))
        {
            Some(stem) if split != "test" => stem.to_owned(),
            _ => stem.to_owned(),
        }
    }

    /// What the column is called.
    fn column(&self, paper: &Paper) -> String {
        let name = match paper.column_of(&self.questions) {
            Some(column) => paper.data_sets[column].title.clone(),
            None if self.questions.is_empty() => "questions without a name".to_owned(),
            None => self.questions.clone(),
        };
        match self.split.as_deref() {
            None | Some("test") => name,
            Some(split) => format!("{name} ({split})"),
        }
    }

    fn is_judged_by_a_model(&self) -> bool {
        let judge = self.metrics.get("judge").and_then(Value::as_str);
        judge.is_some_and(|judge| !judge.contains("string")) && !self.is_imported()
    }
}

/// Whether `method` is taught as the paper teaches it: on correct answers alone, and where it has a second
/// stage, there by PPO with the paper's reward.
fn is_papers_recipe(config: &RunConfig, method: &str) -> bool {
    let reward = match method {
        "linear-reward" => "linear",
        _ => "sayself",
    };
    let is_papers_rl = config.rl.algorithm == Algorithm::Ppo && config.rl.reward == reward;
    config.build.selection == Selection::CorrectOnly
        && (is_papers_rl || !TAUGHT_BY_RL.contains(&method))
}

/// Evaluations that are one row and column: the seeds of one method.
type Groups<'a> = BTreeMap<(String, String), Vec<&'a Measured>>;

/// Fills the tables.
pub fn tables(measured: &[Measured], paper: &Paper) -> Tables {
    let groups = groups(measured, paper);
    let mut columns: Vec<Column> = paper
        .data_sets
        .iter()
        .map(|data_set| Column {
            title: data_set.title.clone(),
            is_in_paper: true,
        })
        .collect();
    for (_, title) in groups.keys() {
        if !columns.iter().any(|column| column.title == *title) {
            columns.push(Column {
                title: title.clone(),
                is_in_paper: false,
            });
        }
    }
    let filler = Filler {
        paper,
        groups: &groups,
        columns: &columns,
    };
    let mut all = vec![
        filler.table("1", "ECE", "ece_15", "ece"),
        filler.table(
            "1b",
            "Mean |confidence − correctness|, which the paper calls ECE",
            "mae_sayself",
            "ece",
        ),
        filler.table("2", "AUROC", "auroc", "auroc"),
        filler.table("3", "Accuracy", "accuracy", "accuracy"),
    ];
    all.push(filler.faithfulness());
    let used = marks_in(&all);
    let marks = marks(measured, paper);
    Tables {
        tables: all,
        source: paper.source.clone(),
        marks: marks
            .into_iter()
            .filter(|(mark, _)| used.contains(mark))
            .collect(),
    }
}

fn groups<'a>(measured: &'a [Measured], paper: &Paper) -> Groups<'a> {
    let mut runs_of: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for one in measured {
        let key = (one.row(), one.column(paper));
        runs_of.entry(key).or_default().insert(&one.run);
    }
    let mut groups: Groups<'_> = BTreeMap::new();
    for one in measured {
        let (row, column) = (one.row(), one.column(paper));
        // Two runs with one label are two methods: nothing says that they differ in the seed alone.
        let is_of_several = runs_of
            .get(&(row.clone(), column.clone()))
            .is_some_and(|runs| runs.len() > 1);
        let row = match is_of_several {
            true => format!("{}: {row}", one.run),
            false => row,
        };
        groups.entry((row, column)).or_default().push(one);
    }
    groups
}

fn marks(measured: &[Measured], paper: &Paper) -> BTreeMap<char, String> {
    let models: BTreeSet<&str> = measured
        .iter()
        .map(|one| one.model.as_str())
        .filter(|model| !model.is_empty() && !is_papers_model(model, paper))
        .collect();
    let models: Vec<&str> = models.into_iter().collect();
    let ours = match models.is_empty() {
        true => "another model".to_owned(),
        false => models.join(", "),
    };
    BTreeMap::from([
        (
            'a',
            "The paper's “ECE” is the mean of |confidence − score| / 10, which is no calibration error: a constant can win it. Table 1b has ours by that formula.".to_owned(),
        ),
        (
            'b',
            format!(
                "The paper's correctness is {}; ours is a string judge's verdict, right or wrong.",
                paper.judge
            ),
        ),
        ('c', format!("The paper asked {}, we asked {ours}.", paper.model)),
        (
            'd',
            "Ours was taught otherwise than in the paper (`methods/paper` is as the paper has it)."
                .to_owned(),
        ),
        (
            'e',
            "The paper's second stage drew its questions from the file that this figure was measured on."
                .to_owned(),
        ),
        (
            'f',
            "The paper's score is of another judge, on a scale from 1, and prints one row for direct prompting and self-consistency."
                .to_owned(),
        ),
    ])
}

fn is_papers_model(model: &str, paper: &Paper) -> bool {
    model.to_lowercase().contains(&paper.model.to_lowercase())
}

struct Filler<'a> {
    paper: &'a Paper,
    groups: &'a Groups<'a>,
    columns: &'a [Column],
}

impl Filler<'_> {
    /// (the row's name, the paper's method that it is): the paper's methods first, in its order, then
    /// ours by name.
    fn rows(&self, measure: &str) -> Vec<(String, Option<&str>)> {
        let named: BTreeSet<&String> = self.groups.keys().map(|(row, _)| row).collect();
        let bare = |row: &str| row.rsplit(": ").next().unwrap_or(row).to_owned();
        let mut rows = Vec::new();
        let of_paper = self
            .paper
            .table(measure)
            .map_or(&[][..], |table| &table.rows);
        for paper_row in of_paper {
            let method = paper_row.method.as_str();
            let ours = named.iter().filter(|row| bare(row) == method);
            let before = rows.len();
            rows.extend(ours.map(|row| ((*row).clone(), Some(method))));
            if rows.len() == before {
                rows.push((method.to_owned(), Some(method)));
            }
        }
        let in_paper = |row: &str| of_paper.iter().any(|known| known.method == bare(row));
        let others = named.iter().filter(|row| !in_paper(row));
        rows.extend(others.map(|row| ((*row).clone(), None)));
        rows
    }

    fn group(&self, row: &str, column: &Column) -> &[&Measured] {
        self.groups
            .get(&(row.to_owned(), column.title.clone()))
            .map_or(&[], Vec::as_slice)
    }

    /// Our measure `name` next to the paper's `measure`.
    fn table(&self, number: &'static str, title: &str, name: &str, measure: &str) -> Table {
        let rows = self.rows(measure);
        let cell = |row: &str, method: Option<&str>, at: usize, column: &Column| {
            let group = self.group(row, column);
            let paper = method.and_then(|method| self.paper.figure(measure, method, at));
            let mut marks = BTreeSet::new();
            if let (Some(_), Some(method)) = (paper, method) {
                if name == "ece_15" {
                    marks.insert('a');
                }
                marks.extend(self.marks_of(group, method, at));
            }
            Cell {
                ours: mean(&metrics_of(group), name),
                paper,
                marks,
            }
        };
        Table {
            number,
            title: title.to_owned(),
            paper_decimals: self.paper.table(measure).map_or(4, |table| table.decimals),
            columns: self.columns.to_vec(),
            rows: rows
                .into_iter()
                .map(|(row, method)| TableRow {
                    is_in_paper: method.is_some(),
                    cells: self
                        .columns
                        .iter()
                        .enumerate()
                        .map(|(at, column)| cell(&row, method, at, column))
                        .collect(),
                    method: row,
                })
                .collect(),
        }
    }

    fn marks_of(&self, group: &[&Measured], method: &str, at: usize) -> BTreeSet<char> {
        let mut marks = BTreeSet::new();
        let is_hotpot = self
            .paper
            .data_sets
            .get(at)
            .is_some_and(|data_set| data_set.word == "hotpot");
        if is_hotpot && TAUGHT_BY_RL.contains(&method) {
            marks.insert('e');
        }
        if group.iter().any(|one| !one.is_judged_by_a_model()) {
            marks.insert('b');
        }
        if group
            .iter()
            .any(|one| !is_papers_model(&one.model, self.paper))
        {
            marks.insert('c');
        }
        if TAUGHT.contains(&method) && group.iter().any(|one| one.is_papers_recipe == Some(false)) {
            marks.insert('d');
        }
        marks
    }

    /// A row for each method and measure that was run, and one for each method of the paper.
    fn faithfulness(&self) -> Table {
        let mut rows = Vec::new();
        for (row, method) in self.rows("faithfulness") {
            for (measure, words) in FAITHFULNESS {
                // The paper's is a judge's score.
                let is_papers = measure == "judge" && method.is_some();
                let cells: Vec<Cell> = self
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, column)| {
                        let group = self.group(&row, column);
                        let paper = method
                            .filter(|_| is_papers)
                            .and_then(|method| self.paper.figure("faithfulness", method, at));
                        let ours = faithfulness_of(group, measure);
                        let mut marks = BTreeSet::new();
                        if let (Some(_), Some(_), Some(method)) = (&ours, paper, method) {
                            marks.insert('f');
                            marks.extend(self.marks_of(group, method, at));
                            // A judge of faithfulness does not ask whether the answer is right.
                            marks.remove(&'b');
                        }
                        Cell { ours, paper, marks }
                    })
                    .collect();
                let was_run = cells.iter().any(|cell| cell.ours.is_some());
                if was_run || is_papers {
                    rows.push(TableRow {
                        method: format!("{row}: {words}"),
                        is_in_paper: is_papers,
                        cells,
                    });
                }
            }
        }
        Table {
            number: "4",
            title: "Faithfulness of the rationales".to_owned(),
            paper_decimals: self
                .paper
                .table("faithfulness")
                .map_or(1, |table| table.decimals),
            columns: self.columns.to_vec(),
            rows,
        }
    }
}

fn metrics_of<'a>(group: &[&'a Measured]) -> Vec<&'a Value> {
    group.iter().map(|one| &one.metrics).collect()
}

/// The mean of a measure over the seeds of a method, by their `metrics.json`; `None` where none has the
/// measure.
pub(crate) fn mean(evaluations: &[&Value], name: &str) -> Option<Ours> {
    let has_it = |one: &&Value| one.get(name).is_some();
    let found: Vec<&Value> = evaluations.iter().copied().filter(has_it).collect();
    let first = found.first()?;
    let values: Vec<f64> = found
        .iter()
        .filter_map(|one| one.get(name)?.as_f64())
        .collect();
    let end = |at: usize| -> Option<f64> {
        let ends: Option<Vec<f64>> = found
            .iter()
            .map(|one| one.get(format!("{name}_ci"))?.get(at)?.as_f64())
            .collect();
        ends.map(|ends| average(&ends))
    };
    let is_whole = values.len() == found.len();
    Some(Ours {
        value: is_whole.then(|| average(&values)),
        interval: end(0).zip(end(1)).map(|(low, high)| [low, high]),
        n: first.get("n").and_then(Value::as_u64).unwrap_or(0),
        seeds: found.len(),
        is_valid: found
            .iter()
            .all(|one| one.get("judge_valid").and_then(Value::as_bool) != Some(false)),
        controls: Vec::new(),
    })
}

/// Read leniently: what is not there was not run.
fn faithfulness_of(group: &[&Measured], measure: &str) -> Option<Ours> {
    let found: Vec<&Value> = group
        .iter()
        .filter_map(|one| one.faithfulness.as_ref()?.get(measure))
        .collect();
    let ours = mean(&found, "mean").filter(|ours| ours.value.is_some())?;
    let control = |name: &'static str| {
        let means: Vec<f64> = found
            .iter()
            .filter_map(|one| one.get(name)?.get("mean")?.as_f64())
            .collect();
        (!means.is_empty()).then(|| (name, average(&means)))
    };
    Some(Ours {
        controls: CONTROLS.into_iter().filter_map(control).collect(),
        ..ours
    })
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// What a cell says of our figure: never a blank.
pub fn ours_in_words(ours: Option<&Ours>) -> String {
    let Some(ours) = ours else {
        return "not run".to_owned();
    };
    if !ours.is_valid {
        return "not valid: golds are sentences, judged by strings".to_owned();
    }
    let Some(value) = ours.value else {
        return "not defined".to_owned();
    };
    let mut words = format!("{value:.3}");
    if let Some([low, high]) = ours.interval {
        words += &format!(" [{low:.3}, {high:.3}]");
    }
    if ours.seeds > 1 {
        words += &format!(", mean of {} seeds", ours.seeds);
    }
    for (control, value) in &ours.controls {
        words += &format!(", {control} {value:.3}");
    }
    words
}

impl Cell {
    /// The paper's figure; `None` where it has none.
    pub fn paper_in_words(&self, decimals: usize) -> Option<String> {
        self.paper.map(|paper| format!("{paper:.decimals$}"))
    }

    /// The marks, e.g. `a,b`.
    pub fn marks_in_words(&self) -> String {
        let marks: Vec<String> = self.marks.iter().map(char::to_string).collect();
        marks.join(",")
    }
}

/// The notes beneath the tables.
pub fn notes(tables: &Tables) -> Vec<String> {
    let mut notes = vec![
        format!("Figures called “paper” are those of {}.", tables.source),
        "Ours stand with 95% intervals; of several training seeds the mean, with the mean ends of their intervals, which are no narrower than the mean's own. ECE is by level where confidences are levels, else of 15 bins.".to_owned(),
    ];
    notes.extend(
        tables
            .marks
            .iter()
            .map(|(mark, reason)| format!("({mark}) Not comparable: {reason}")),
    );
    notes
}

/// All tables as lines. CSV has one row for each cell; Markdown and LaTeX have a table each, with the
/// notes beneath.
pub fn lines(tables: &Tables, form: Form) -> Vec<String> {
    if form == Form::Csv {
        return table(&long_rows(tables), form, "");
    }
    let mut lines = Vec::new();
    for one in &tables.tables {
        let heading = format!("Table {}. {}", one.number, one.title);
        match form {
            Form::Markdown => lines.extend([format!("**{heading}**"), String::new()]),
            Form::Latex => lines.extend([
                "\\begin{table}".to_owned(),
                format!("\\caption{{{}}}", latex(&one.title)),
            ]),
            Form::Text | Form::Csv => lines.push(heading),
        }
        let columns = "l".repeat(one.columns.len() + 1);
        lines.extend(table(&wide_rows(one), form, &columns));
        if form == Form::Latex {
            lines.push("\\end{table}".to_owned());
        }
        lines.push(String::new());
    }
    for note in notes(tables) {
        match form {
            Form::Markdown => lines.push(format!("- {note}")),
            Form::Latex => lines.push(format!("{}\\\\", latex(&note))),
            Form::Text | Form::Csv => lines.push(note),
        }
    }
    lines
}

/// The head, and a row for each method: each cell our figure and the paper's, in words.
pub fn wide_rows(one: &Table) -> Vec<Vec<String>> {
    let mut head = vec!["method".to_owned()];
    head.extend(one.columns.iter().map(|column| match column.is_in_paper {
        true => column.title.clone(),
        false => format!("{} (not in the paper)", column.title),
    }));
    let mut rows = vec![head];
    for row in &one.rows {
        let mut cells = vec![match row.is_in_paper {
            true => row.method.clone(),
            false => format!("{} (not in the paper)", row.method),
        }];
        cells.extend(row.cells.iter().map(|cell| {
            let ours = ours_in_words(cell.ours.as_ref());
            match cell.paper_in_words(one.paper_decimals) {
                None => ours,
                Some(paper) if cell.marks.is_empty() => format!("{ours}; paper {paper}"),
                Some(paper) => format!("{ours}; paper {paper} ({})", cell.marks_in_words()),
            }
        }));
        rows.push(cells);
    }
    rows
}

fn long_rows(tables: &Tables) -> Vec<Vec<String>> {
    let head = [
        "table",
        "title",
        "method",
        "questions",
        "ours",
        "low",
        "high",
        "n",
        "seeds",
        "shuffled",
        "constant",
        "paper",
        "not_comparable",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    for one in &tables.tables {
        for row in &one.rows {
            for (cell, column) in row.cells.iter().zip(&one.columns) {
                let digits = |value: Option<f64>| {
                    value.map_or_else(String::new, |value| format!("{value:.6}"))
                };
                let ours = cell.ours.as_ref();
                let figure = match ours {
                    Some(ours) if ours.is_valid && ours.value.is_some() => digits(ours.value),
                    ours => ours_in_words(ours),
                };
                let end = |at: usize| digits(ours.and_then(|ours| Some(ours.interval?[at])));
                let control = |name: &str| {
                    let controls = ours.map_or(&[][..], |ours| &ours.controls);
                    let found = controls.iter().find(|(known, _)| *known == name);
                    digits(found.map(|(_, value)| *value))
                };
                let reasons: Vec<&str> = cell
                    .marks
                    .iter()
                    .filter_map(|mark| tables.marks.get(mark).map(String::as_str))
                    .collect();
                rows.push(vec![
                    one.number.to_owned(),
                    one.title.clone(),
                    row.method.clone(),
                    column.title.clone(),
                    figure,
                    end(0),
                    end(1),
                    ours.map_or_else(String::new, |ours| ours.n.to_string()),
                    ours.map_or_else(String::new, |ours| ours.seeds.to_string()),
                    control("shuffled"),
                    control("constant"),
                    cell.paper_in_words(one.paper_decimals)
                        .unwrap_or_else(|| "not in the paper".to_owned()),
                    reasons.join(" "),
                ]);
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn measured(run: &str, label: &str, questions: &str, ece: f64) -> Measured {
        Measured {
            run: run.into(),
            label: label.into(),
            method: without_seed(label).into(),
            model: "smollm2-135m".into(),
            questions: questions.into(),
            split: Some("test".into()),
            metrics: json!({
                "n": 100, "ece_15": ece, "ece_15_ci": [ece - 0.01, ece + 0.02],
                "mae_sayself": 0.3, "mae_sayself_ci": [0.2, 0.4], "auroc": null, "auroc_ci": null,
                "accuracy": 0.5, "accuracy_ci": [0.4, 0.6], "judge_valid": questions != "truthful_qa",
            }),
            faithfulness: None,
            is_papers_recipe: Some(false),
        }
    }

    fn cell<'a>(tables: &'a Tables, number: &str, method: &str, column: &str) -> &'a Cell {
        let table = tables
            .tables
            .iter()
            .find(|one| one.number == number)
            .unwrap();
        let at = table
            .columns
            .iter()
            .position(|one| one.title == column)
            .unwrap();
        let row = table.rows.iter().find(|row| row.method == method);
        &row.unwrap_or_else(|| panic!("{method}")).cells[at]
    }

    #[test]
    fn ours_stand_next_to_the_papers_and_nothing_is_blank() {
        let all = [
            measured("a", "sayself", "pararel_data", 0.10),
            measured("a", "sayself-seed-2", "pararel_data", 0.20),
            measured("a", "dinco", "world-facts", 0.05),
            measured("a", "direct-prompting", "truthful_qa", 0.4),
        ];
        let tables = tables(&all, &Paper::shipped());
        let found = cell(&tables, "1", "sayself", "ParaRel");
        let ours = found.ours.as_ref().unwrap();
        assert!((ours.value.unwrap() - 0.15).abs() < 1e-12);
        let [low, high] = ours.interval.unwrap();
        assert!((low - 0.14).abs() < 1e-12 && (high - 0.17).abs() < 1e-12);
        assert_eq!((ours.seeds, found.paper), (2, Some(0.3272)));
        assert_eq!(found.marks_in_words(), "a,b,c,d");
        assert_eq!(
            cell(&tables, "1b", "sayself", "ParaRel").marks_in_words(),
            "b,c,d"
        );
        assert_eq!(
            cell(&tables, "2", "sayself", "ParaRel")
                .ours
                .as_ref()
                .unwrap()
                .value,
            None
        );
        assert_eq!(cell(&tables, "1", "gce", "FEVER").ours, None);
        assert_eq!(cell(&tables, "1", "dinco", "world-facts").paper, None);
        let text = lines(&tables, Form::Markdown).join("\n");
        assert!(text.contains("not run; paper 0.4473 (a)"), "{text}");
        assert!(text.contains("not valid"), "{text}");
        assert!(text.contains("dinco (not in the paper)"));
        assert!(!text.contains("|  |"), "a blank cell:\n{text}");
        for form in [Form::Text, Form::Csv, Form::Latex] {
            assert!(
                lines(&tables, form)
                    .iter()
                    .any(|line| line.contains("not run"))
            );
        }
    }

    #[test]
    fn one_table_keeps_its_own_marks() {
        let all = [measured("a", "sayself", "pararel_data", 0.10)];
        let tables = tables(&all, &Paper::shipped());
        let second = tables.only("2").unwrap();
        assert_eq!(second.tables.len(), 1);
        assert!(tables.marks.contains_key(&'a') && !second.marks.contains_key(&'a'));
        assert_eq!(tables.only("7"), None);
    }

    #[test]
    fn two_runs_with_one_label_stay_apart() {
        let all = [
            measured("rloo", "sayself", "world-facts", 0.1),
            measured("grpo", "sayself", "world-facts", 0.2),
        ];
        let tables = tables(&all, &Paper::shipped());
        let ours = |row| {
            cell(&tables, "1", row, "world-facts")
                .ours
                .clone()
                .unwrap()
                .value
        };
        assert_eq!(
            (ours("rloo: sayself"), ours("grpo: sayself")),
            (Some(0.1), Some(0.2))
        );
        // The paper's row is there once, as ours.
        assert!(
            tables.tables[0]
                .rows
                .iter()
                .all(|row| row.method != "sayself")
        );
    }

    #[test]
    fn the_papers_ablations_are_taught_as_in_the_paper() {
        macro_rules! shipped {
            ($name:literal) => {
                include_str!(concat!(
                    "../../../datasets/configs/methods/",
                    $name,
                    ".toml"
                ))
            };
        }
        let is_marked = |config: &str, method: &str| {
            let config = RunConfig::from_toml(config).unwrap();
            let metrics = json!({"ece_15": 0.1, "method": method, "questions": "pararel_data"});
            let one = Measured::new("a", method, false, metrics, None, Some(&config));
            let tables = tables(&[one], &Paper::shipped());
            cell(&tables, "1", method, "ParaRel").marks.contains(&'d')
        };
        for (config, method) in [
            (shipped!("paper"), "sayself"),
            (shipped!("paper-without-rl"), "without-rl"),
            (shipped!("paper-without-rationale"), "without-rationale"),
            (
                shipped!("paper-without-rationale-and-confidence"),
                "without-rationale-and-confidence",
            ),
            (shipped!("paper-linear-reward"), "linear-reward"),
        ] {
            assert!(!is_marked(config, method), "{method}");
        }
        // Taught on wrong answers too.
        for method in TAUGHT {
            assert!(is_marked(shipped!("ppo"), method), "{method}");
        }
        // By the reward of the other.
        assert!(is_marked(shipped!("paper"), "linear-reward"));
        assert!(is_marked(shipped!("paper-linear-reward"), "sayself"));
    }

    #[test]
    fn faithfulness_is_read_leniently() {
        let recorded = include_str!(
            "../../../datasets/results/comparison/rloo/faithfulness/sayself/metrics.json"
        );
        let mut written: Value = serde_json::from_str(recorded).unwrap();
        // The run was measured by names alone; each measure with controls is written alike.
        let names = written["names"].clone();
        written["self_reflect"] = names.clone();
        written["judge"] = json!({"unheard": true});
        written["strange"] = json!(3);
        let mut one = measured("a", "sayself", "world-facts", 0.1);
        one.faithfulness = Some(written);
        let tables = tables(&[one], &Paper::shipped());
        let figure = |place: &str| names.pointer(place).and_then(Value::as_f64).unwrap();
        let expected = format!(
            "{:.3} [{:.3}, {:.3}], shuffled {:.3}, constant {:.3}",
            figure("/mean"),
            figure("/mean_ci/0"),
            figure("/mean_ci/1"),
            figure("/shuffled/mean"),
            figure("/constant/mean")
        );
        for row in [
            "sayself: by names, 0 to 10",
            "sayself: SelfReflect, 0 to 1, lower is better",
        ] {
            let found = cell(&tables, "4", row, "world-facts");
            assert_eq!(ours_in_words(found.ours.as_ref()), expected, "{row}");
        }
        let judge = "sayself: a judge's score, 0 to 10";
        assert_eq!(cell(&tables, "4", judge, "world-facts").ours, None);
        assert_eq!(cell(&tables, "4", judge, "FEVER").paper, Some(7.8));
        let table = &tables.tables[4];
        assert!(table.rows.iter().all(|row| !row.method.contains("people")));
    }

    #[test]
    fn an_imported_log_is_a_row_of_its_model() {
        let mut one = measured("a", "arc_easy", "arc_easy", 0.1);
        one.metrics["imported_from"] = json!(["samples.jsonl"]);
        one.metrics["judge"] = json!("of lm-eval");
        one.method = "lm-eval".into();
        assert!(!one.is_judged_by_a_model());
        let tables = tables(&[one], &Paper::shipped());
        let found = cell(&tables, "1", "smollm2-135m (lm-eval)", "arc_easy");
        assert!(found.ours.is_some());
    }

    #[test]
    fn the_split_is_a_column_of_its_own() {
        let mut one = measured("a", "sayself-held-out-seed-3", "world-facts", 0.1);
        one.split = Some("held-out".into());
        let tables = tables(&[one], &Paper::shipped());
        assert!(
            cell(&tables, "1", "sayself", "world-facts (held-out)")
                .ours
                .is_some()
        );
    }
}
