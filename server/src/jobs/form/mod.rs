//! The form for a configuration: its fields come from the schema, what is typed becomes TOML, and a TOML
//! becomes what would have been typed.
//!
//! | to | see |
//! |---|---|
//! | which fields there are | `shape` |
//! | what one field's text means | `typed` |
//! | the form as TOML, and what is wrong with it | [`Filled::written`] |

mod difference;
mod shape;
mod typed;

pub use difference::first_difference;

use super::secret;
use app::view::{FormField, FormTable, Listed};
use datasets::{ConfigError, RunConfig};
use shape::{Field, Kind, Table, root};
use std::collections::{BTreeMap, HashMap};
use toml::Value;

/// What was posted, by the names of the fields.
#[derive(Debug, Default)]
pub struct Posted {
    values: HashMap<String, String>,
    /// The optional tables and entries of lists that are there, in their order.
    tables: Vec<String>,
}

impl Posted {
    /// Takes the fields of a form; a line ends as everywhere else.
    pub fn new(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut posted = Posted::default();
        for (name, value) in fields {
            let value = value.replace("\r\n", "\n").replace('\r', "\n");
            if name == "table" {
                posted.tables.push(value);
            } else {
                posted.values.entry(name).or_insert(value);
            }
        }
        posted
    }

    /// A field's text; empty where it was not posted.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
}

/// A table of the form as it is filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filled {
    /// As typed, by key; absent or empty: the default.
    values: BTreeMap<String, String>,
    /// One of each table that is there; of a list, each entry.
    tables: BTreeMap<String, Vec<Filled>>,
}

/// What is wrong, by the path of its field.
pub type Problems = BTreeMap<String, String>;

impl Filled {
    /// The form as it was posted.
    pub fn posted(posted: &Posted) -> Self {
        read(root(), "", posted)
    }

    /// The form that makes a configuration; what is as by default is left empty.
    ///
    /// # Errors
    /// Those of [`RunConfig::from_toml`].
    pub fn of_toml(text: &str) -> Result<Self, ConfigError> {
        let config = RunConfig::from_toml(text)?;
        // All keys as they are taken: one that is left out need not have its default.
        let table =
            toml::Table::try_from(&config).map_err(|error| ConfigError::Toml(error.to_string()))?;
        Ok(fill(root(), &table))
    }

    /// Adds the table or entry of a path (`faithfulness`, `evaluate[2]`, `evaluate[1].judge`); what is no
    /// such path changes nothing.
    pub fn add(&mut self, path: &str) {
        self.at(path, |shape, tables, _| {
            let most = if shape.list { ENTRIES_MAX } else { 1 };
            if tables.len() < most {
                tables.push(fill(shape, &toml::Table::new()));
            }
        });
    }

    /// Removes it.
    pub fn remove(&mut self, path: &str) {
        self.at(path, |_, tables, index| {
            if index < tables.len() {
                tables.remove(index);
            }
        });
    }

    /// Does something with the tables of a path's last name, and the place that the path names.
    fn at(&mut self, path: &str, change: impl FnOnce(&Table, &mut Vec<Filled>, usize)) {
        let (mut shape, mut filled) = (root(), self);
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            let (name, index) = match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
                Some((name, number)) => (name, number.parse::<usize>().unwrap_or(0)),
                None => (part, 1),
            };
            let (Some(inner), Some(index)) = (shape.table(name), index.checked_sub(1)) else {
                return;
            };
            let tables = filled.tables.entry(name.to_owned()).or_default();
            if parts.peek().is_none() {
                if inner.list || inner.optional {
                    change(inner, tables, index);
                }
                return;
            }
            let Some(next) = tables.get_mut(index) else {
                return;
            };
            (shape, filled) = (inner, next);
        }
    }

    /// The form as TOML, only what differs from the defaults, and all that is wrong with it.
    pub fn written(&self) -> (String, Problems) {
        let mut problems = Problems::new();
        loop {
            let mut text = String::new();
            write(root(), "", "", self, &mut problems, &mut text);
            let text = text.trim_start().to_owned();
            match RunConfig::from_toml(&text) {
                Ok(config) => {
                    let secrets = secret::within(&config);
                    if secrets.is_empty() {
                        return (text, problems);
                    }
                    // Written once more, without them.
                    problems.extend(secrets);
                }
                Err(ConfigError::Value {
                    key,
                    found,
                    expected,
                }) if !problems.contains_key(&key) => {
                    problems.insert(key, format!("found {found}, expected {expected}"));
                }
                // Every field was read by its type: what is left is no field's fault.
                Err(error) => {
                    problems.insert(String::new(), error.to_string());
                    return (text, problems);
                }
            }
        }
    }

    /// The form as it is shown.
    pub fn view(&self, problems: &Problems) -> Vec<FormTable> {
        let mut whole = view(root(), "", Listed::No, Some(self), problems);
        let tables = std::mem::take(&mut whole.tables);
        [vec![whole], tables].concat()
    }
}

/// Entries of a list of tables at most, as the configuration's own check has it.
const ENTRIES_MAX: usize = 100;

/// Whether a text is a comparison of several configurations, which no fields make.
pub fn is_comparison(text: &str) -> bool {
    matches!(datasets::Comparison::from_toml(text), Ok(Some(_)))
}

/// Keys of a TOML that no configuration has, and that are ignored: probably misspelt.
pub fn unknown_keys(text: &str) -> Vec<String> {
    fn look(shape: &Table, path: &str, table: &toml::Table, found: &mut Vec<String>) {
        for (key, value) in table {
            let path = joined(path, key);
            match (shape.table(key), value) {
                (Some(inner), Value::Table(table)) => look(inner, &path, table, found),
                (Some(inner), Value::Array(list)) => {
                    for (index, entry) in list.iter().enumerate() {
                        if let Value::Table(table) = entry {
                            look(inner, &format!("{path}[{}]", index + 1), table, found);
                        }
                    }
                }
                (Some(_), _) => {}
                (None, _) if shape.fields.iter().any(|field| field.key == *key) => {}
                (None, _) => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>()
        && !is_comparison(text)
    {
        look(root(), "", &table, &mut found);
    }
    found
}

fn joined(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

/// A table out of what was posted.
fn read(shape: &Table, path: &str, posted: &Posted) -> Filled {
    let mut filled = Filled::default();
    for field in &shape.fields {
        let name = joined(path, &field.key);
        let text = match field.kind {
            Kind::Flag => (posted.text(&name) == "true").to_string(),
            _ => posted.text(&name).to_owned(),
        };
        filled.values.insert(field.key.clone(), text);
    }
    for inner in &shape.tables {
        let path = joined(path, &inner.name);
        let paths: Vec<String> = if inner.list {
            let is_entry = |table: &&String| {
                table
                    .strip_prefix(&path)
                    .and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'))
                    .is_some_and(|number| number.parse::<u16>().is_ok())
            };
            let entries = posted.tables.iter().filter(is_entry).take(ENTRIES_MAX);
            entries.cloned().collect()
        } else if !inner.optional || posted.tables.contains(&path) {
            vec![path]
        } else {
            Vec::new()
        };
        let tables = paths.iter().map(|path| read(inner, path, posted));
        filled.tables.insert(inner.name.clone(), tables.collect());
    }
    filled
}

/// A table out of TOML that has been checked.
fn fill(shape: &Table, table: &toml::Table) -> Filled {
    let mut filled = Filled::default();
    for field in &shape.fields {
        let text = field.text_of(table.get(&field.key));
        filled.values.insert(field.key.clone(), text);
    }
    for inner in &shape.tables {
        let tables = match table.get(&inner.name) {
            Some(Value::Table(table)) => vec![fill(inner, table)],
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(Value::as_table)
                .map(|table| fill(inner, table))
                .collect(),
            _ if inner.list || inner.optional => Vec::new(),
            _ => vec![fill(inner, &toml::Table::new())],
        };
        filled.tables.insert(inner.name.clone(), tables);
    }
    filled
}

/// Writes a table: its keys, then the tables within. `header` is its path without the places in lists.
fn write(
    shape: &Table,
    path: &str,
    header: &str,
    filled: &Filled,
    problems: &mut Problems,
    out: &mut String,
) {
    let mut values: Vec<(&Field, Option<Value>)> = Vec::new();
    for field in &shape.fields {
        let path = joined(path, &field.key);
        if problems.contains_key(&path) {
            continue;
        }
        let text = filled.values.get(&field.key).map_or("", String::as_str);
        match field.value_of(text) {
            Ok(value) => values.push((field, value)),
            Err(wrong) => {
                problems.insert(path, wrong);
            }
        }
    }
    let mut within = String::new();
    for inner in &shape.tables {
        let header = joined(header, &inner.name);
        let tables = filled.tables.get(&inner.name).into_iter().flatten();
        for (index, table) in tables.enumerate() {
            let path = match inner.list {
                true => format!("{}[{}]", joined(path, &inner.name), index + 1),
                false => joined(path, &inner.name),
            };
            write(inner, &path, &header, table, problems, &mut within);
        }
    }
    let is_there = shape.list
        || shape.optional
        || !within.is_empty()
        || values.iter().any(|(_, value)| value.is_some());
    if is_there && !header.is_empty() {
        out.push_str(&match shape.list {
            true => format!("\n[[{header}]]\n"),
            false => format!("\n[{header}]\n"),
        });
    }
    for (field, value) in values {
        if let Some(value) = value {
            out.push_str(&format!("{} = {value}\n", field.key));
        }
    }
    out.push_str(&within);
}

fn view(
    shape: &Table,
    path: &str,
    list: Listed,
    filled: Option<&Filled>,
    problems: &Problems,
) -> FormTable {
    let shown = |field: &Field, filled: &Filled| {
        let path = joined(path, &field.key);
        let value = filled.values.get(&field.key).cloned().unwrap_or_default();
        let problem = problems.get(&path).cloned();
        // What may be a key is not sent back.
        let is_secret = problem.is_some() && field.key == "key_variable";
        FormField {
            description: field.description.clone(),
            input: field.kind.input(),
            default: field.default_text(),
            is_set: problem.is_some() || field.differs(&value),
            value: if is_secret { String::new() } else { value },
            problem,
            path,
        }
    };
    let tables = |filled: &Filled| -> Vec<FormTable> {
        let of_one = |inner: &Table| {
            let path = joined(path, &inner.name);
            let there = filled
                .tables
                .get(&inner.name)
                .map_or(&[][..], Vec::as_slice);
            if !inner.list {
                return view(inner, &path, Listed::No, there.first(), problems);
            }
            let entries = there.iter().enumerate().map(|(index, entry)| {
                let path = format!("{path}[{}]", index + 1);
                view(inner, &path, Listed::Entry, Some(entry), problems)
            });
            FormTable {
                description: inner.description.clone(),
                list: Listed::Head,
                present: true,
                tables: entries.collect(),
                problem: problems.get(&path).cloned(),
                path,
                ..FormTable::default()
            }
        };
        shape.tables.iter().map(of_one).collect()
    };
    FormTable {
        path: path.to_owned(),
        description: shape.description.clone(),
        optional: shape.optional,
        list,
        present: filled.is_some(),
        fields: filled.map_or(Vec::new(), |filled| {
            let fields = shape.fields.iter();
            fields.map(|field| shown(field, filled)).collect()
        }),
        tables: filled.map_or(Vec::new(), tables),
        problem: problems.get(path).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(fields: &[(&str, &str)]) -> Filled {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Filled::posted(&Posted::new(fields))
    }

    #[test]
    fn every_shipped_configuration_goes_through_the_form_unchanged() {
        for name in datasets::configs::names() {
            let text = datasets::configs::builtin(name).unwrap();
            let filled = Filled::of_toml(text).unwrap();
            let (written, problems) = filled.written();
            assert_eq!(problems, Problems::new(), "{name}");
            assert_eq!(
                RunConfig::from_toml(&written).unwrap(),
                RunConfig::from_toml(text).unwrap(),
                "{name}:\n{written}"
            );
            // And what is shown, posted again, is the same.
            let mut fields = Vec::new();
            collect(&filled.view(&problems), &mut fields);
            let again = Filled::posted(&Posted::new(fields));
            assert_eq!(again.written().0, written, "{name}");
        }
    }

    /// What a browser posts of these tables.
    fn collect(tables: &[FormTable], fields: &mut Vec<(String, String)>) {
        for table in tables.iter().filter(|table| table.present) {
            if table.optional || table.list == Listed::Entry {
                fields.push(("table".into(), table.path.clone()));
            }
            for field in &table.fields {
                let is_off = field.input == app::view::FormInput::Checkbox && field.value != "true";
                if !is_off {
                    fields.push((field.path.clone(), field.value.replace('\n', "\r\n")));
                }
            }
            collect(&table.tables, fields);
        }
    }

    #[test]
    fn the_default_form_writes_nothing() {
        let filled = Filled::of_toml("").unwrap();
        assert_eq!(filled.written(), (String::new(), Problems::new()));
        let changed: u64 = filled
            .view(&Problems::new())
            .iter()
            .map(FormTable::changed)
            .sum();
        assert_eq!(changed, 0);
    }

    #[test]
    fn what_a_table_leaves_out_has_its_own_default() {
        let default = RunConfig::default();
        let (text, _) = posted(&[("rl.rollouts", "4"), ("rl.ppo.whiten", "true")]).written();
        assert!(!text.contains("epochs"), "{text}");
        let config = RunConfig::from_toml(&text).unwrap();
        assert_eq!(config.rl.training, default.rl.training, "{text}");
        assert_eq!(config.rl.rollouts, 4);
        // And what a text leaves out is shown as it is taken.
        let filled = Filled::of_toml("[rl]\nrollouts = 4").unwrap();
        let again = RunConfig::from_toml(&filled.written().0).unwrap();
        assert_eq!(again, RunConfig::from_toml("[rl]\nrollouts = 4").unwrap());
    }

    #[test]
    fn only_what_differs_is_written() {
        let filled = posted(&[
            ("title", "It's \"mine\""),
            ("seed", "42"),
            ("sample.samples", "20"),
            ("sample.temperature", "1"),
            ("sample.stop", "\\n\r\nQ:"),
            ("rl.ppo.whiten", "true"),
            ("table", "evaluate[1]"),
            ("table", "evaluate[4]"),
            ("table", "evaluate[4].judge"),
            ("evaluate[1].method", "direct-prompting"),
            ("evaluate[4].limit", "50"),
            ("evaluate[4].judge.url", "http://localhost:8000"),
            ("training_seeds", "1, 2\n3"),
        ]);
        let (text, problems) = filled.written();
        assert_eq!(problems, Problems::new());
        let config = RunConfig::from_toml(&text).unwrap();
        assert_eq!(config.title, "It's \"mine\"");
        assert_eq!(config.sample.decoding.stop, ["\n", "Q:"]);
        assert_eq!(config.training_seeds, [1, 2, 3]);
        assert_eq!(config.evaluate.len(), 2);
        assert_eq!(config.evaluate[1].limit, Some(50));
        assert!(config.evaluate[1].judge.is_some());
        assert!(!config.rl.ppo.scale_rewards && config.rl.ppo.whiten);
        for absent in ["seed = 42", "temperature = 1", "whiten = ", "[sft]"] {
            assert!(!text.contains(absent), "{absent}:\n{text}");
        }
    }

    #[test]
    fn every_wrong_field_is_told_at_its_place() {
        let filled = posted(&[
            ("seed", "many"),
            ("sft.epochs", "0"),
            ("sft.learning_rate", "1e-3"),
            ("rl.reward", "joy"),
            ("training_seeds", "1 1"),
            ("table", "evaluate[1]"),
            ("evaluate[1].split", "tset"),
            ("table", "endpoint"),
            ("endpoint.key_variable", "sk-123"),
        ]);
        let (text, problems) = filled.written();
        let paths: Vec<&str> = problems.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "endpoint.key_variable",
                "evaluate[1].split",
                "rl.reward",
                "seed",
                "sft.epochs",
                "training_seeds"
            ]
        );
        assert!(problems["sft.epochs"].contains("expected a whole number from 1"));
        assert!(problems["seed"].contains("many"));
        assert!(text.contains("learning_rate = 0.001"), "{text}");
        assert!(!text.contains("sk-123"), "{text}");
        let shown = format!("{:?}", filled.view(&problems));
        assert!(!shown.contains("sk-123") && shown.contains("many"));
    }

    #[test]
    fn tables_come_and_go() {
        let mut filled = Filled::of_toml("").unwrap();
        for path in [
            "evaluate[1]",
            "evaluate[2]",
            "evaluate[2].judge",
            "faithfulness",
        ] {
            filled.add(path);
        }
        let text = filled.written().0;
        let judged = "[[evaluate]]\n\n[evaluate.judge]\n";
        assert_eq!(text, format!("[[evaluate]]\n\n{judged}\n[faithfulness]\n"));
        filled.remove("evaluate[1]");
        filled.remove("faithfulness");
        assert_eq!(filled.written().0, judged);
        // What is no such table, and one that is always there, stays.
        for path in [
            "",
            "sft",
            "evaluate[0]",
            "evaluate[x].judge",
            "a.b.c",
            "rl.ppo",
        ] {
            filled.add(path);
            filled.remove(path);
        }
        assert_eq!(filled.written().0, judged);
    }

    #[test]
    fn misspelt_keys_are_found() {
        let text =
            "colour = 1\n[sft]\nepoch = 3\nepochs = 2\n[[evaluate]]\nlimits = 1\n[rl.ppo]\nx = 1";
        let found = unknown_keys(text);
        assert_eq!(
            found,
            ["colour", "evaluate[1].limits", "rl.ppo.x", "sft.epoch"]
        );
    }
}
