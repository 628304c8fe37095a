//! What researchers take away of a project: pure, from what is kept. Annotators go by their made-up names,
//! unless an admin asks for the others beside them.
//!
//! | what | in it | forms |
//! |---|---|---|
//! | `project` | the spec, the rubric as it was shown, seed, hashes, what the columns mean | JSON |
//! | `ratings` | the ratings that count of main items, a row each: what `sayself faithfulness --ratings` reads | JSONL, CSV |
//! | `settled` | one value of each item: adjudicated, else the mean or the majority | JSONL, CSV |
//! | `events` | everything, as it happened: the project, its items, every revision, what was handed out | JSONL, CSV |
//! | `hours` | items and time of each person, for pay | JSONL, CSV |
//! | `label-studio`, `label-studio-config` | tasks with annotations, and the labelling configuration | JSON, XML |
//! | `argilla`, `argilla-settings` | records with responses, and the settings | JSON |
//!
//! Every row names the project, its seed and the SHA-256 of spec and rubric; the texts with these hashes
//! stand in `project`, and in the first record of `events`.

mod argilla;
mod columns;
mod events;
mod hours;
mod label_studio;
mod project;
mod rows;
mod settled;
mod table;
#[cfg(test)]
mod tests;

use super::settled::Settled;
use app::view::ProjectDetail;
use datasets::annotation::{
    Item, ItemKind, ProjectKind, RUBRIC_PAIRS, RUBRIC_SINGLE, Rating, RatingRequest,
};
use std::collections::{BTreeMap, HashMap};

/// Everything that exports are made of.
#[derive(Clone, Debug)]
pub struct ExportData {
    /// Its spec with the seed filled in.
    pub detail: ProjectDetail,
    /// Of all kinds.
    pub items: Vec<Item>,
    /// The last revisions, of all kinds of items, skips and repeats too.
    pub ratings: Vec<Rating>,
    /// By the item's id.
    pub settled: BTreeMap<String, Settled>,
    /// Every revision that was acknowledged, oldest first.
    pub said: Vec<Said>,
    /// What else happened, oldest first.
    pub events: Vec<Event>,
    /// Account names by pseudonym; only where an admin asked for them.
    pub names: Option<BTreeMap<String, String>>,
}

/// One acknowledged word on an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The attempt's key.
    pub key: String,
    pub assignment: String,
    pub item: String,
    /// By pseudonym.
    pub annotator: String,
    pub revision: u32,
    pub is_repeat: bool,
    /// Whether the first of the item's rationales stood on the left.
    pub first_left: bool,
    /// As it came: a choice is of the sides on the page.
    pub said: RatingRequest,
    /// Milliseconds since the epoch.
    pub saved_ms: i64,
    /// Whether the lease had ended before it came.
    pub was_late: bool,
}

/// A line of the project's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    pub kind: String,
    /// By pseudonym; absent for the server.
    pub annotator: Option<String>,
    /// JSON, or words.
    pub detail: String,
}

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Project,
    Ratings,
    Settled,
    Events,
    Hours,
    LabelStudio,
    LabelStudioConfig,
    Argilla,
    ArgillaSettings,
}

impl What {
    pub const ALL: [What; 9] = [
        What::Project,
        What::Ratings,
        What::Settled,
        What::Events,
        What::Hours,
        What::LabelStudio,
        What::LabelStudioConfig,
        What::Argilla,
        What::ArgillaSettings,
    ];

    /// As addresses write it.
    pub fn word(self) -> &'static str {
        match self {
            What::Project => "project",
            What::Ratings => "ratings",
            What::Settled => "settled",
            What::Events => "events",
            What::Hours => "hours",
            What::LabelStudio => "label-studio",
            What::LabelStudioConfig => "label-studio-config",
            What::Argilla => "argilla",
            What::ArgillaSettings => "argilla-settings",
        }
    }

    pub fn from_word(word: &str) -> Option<What> {
        What::ALL.into_iter().find(|what| what.word() == word)
    }

    /// Whether it is a table, which has the forms JSONL and CSV; the others have one form of their own.
    pub fn is_table(self) -> bool {
        matches!(
            self,
            What::Ratings | What::Settled | What::Events | What::Hours
        )
    }
}

/// How a table is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A JSON object a line.
    #[default]
    Jsonl,
    /// RFC 4180, with a line of names; texts that a spreadsheet would take for formulas begin with `'`.
    Csv,
}

impl Form {
    pub fn from_word(word: &str) -> Option<Form> {
        match word {
            "jsonl" => Some(Form::Jsonl),
            "csv" => Some(Form::Csv),
            _ => None,
        }
    }
}

/// A file that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub file_name: String,
    pub content_type: &'static str,
    pub text: String,
}

/// What is no table has no CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no table, so it has no CSV: leave `form` out", .0.word())]
pub struct NoCsv(pub What);

/// Makes a file.
///
/// # Errors
/// Where CSV is asked for of what is no table.
pub fn write(what: What, form: Form, data: &ExportData) -> Result<Exported, NoCsv> {
    if form == Form::Csv && !what.is_table() {
        return Err(NoCsv(what));
    }
    let text = match what {
        What::Project => project::text(data),
        What::Ratings => rows::table(data).text(form),
        What::Settled => settled::table(data).text(form),
        What::Events => events::table(data).text(form),
        What::Hours => hours::table(data).text(form),
        What::LabelStudio => label_studio::tasks(data),
        What::LabelStudioConfig => label_studio::config(data),
        What::Argilla => argilla::records(data),
        What::ArgillaSettings => argilla::settings(data),
    };
    let (ending, content_type) = match (what, form) {
        (What::LabelStudioConfig, _) => ("xml", "application/xml; charset=utf-8"),
        (_, Form::Csv) => ("csv", "text/csv; charset=utf-8"),
        _ if what.is_table() => ("jsonl", "application/jsonl; charset=utf-8"),
        _ => ("json", "application/json"),
    };
    Ok(Exported {
        file_name: format!("{}-{}.{ending}", data.detail.row.id, what.word()),
        content_type,
        text,
    })
}

impl ExportData {
    fn kind(&self) -> ProjectKind {
        self.detail.row.kind
    }

    /// The rubric as annotators saw it, in Markdown.
    fn rubric(&self) -> &str {
        match (self.detail.spec.rubric.trim(), self.kind()) {
            ("", ProjectKind::Single) => RUBRIC_SINGLE,
            ("", ProjectKind::Pairs) => RUBRIC_PAIRS,
            (rubric, _) => rubric,
        }
    }

    /// Digits, since programs that hold all numbers as floats would round it; empty where there is none.
    fn seed(&self) -> String {
        let seed = self.detail.spec.seed;
        seed.map_or_else(String::new, |seed| seed.to_string())
    }

    /// A SHA-256 of the project by what it is of; empty where it is not kept.
    fn hash(&self, of: &str) -> &str {
        let found = self.detail.hashes.iter().find(|(name, _)| name == of);
        found.map_or("", |(_, hash)| hash.as_str())
    }

    /// The main items in the project's order.
    fn main_items(&self) -> Vec<&Item> {
        let mut main: Vec<&Item> = self
            .items
            .iter()
            .filter(|item| item.kind == ItemKind::Main)
            .collect();
        main.sort_by_key(|item| item.position);
        main
    }

    /// What people said of each main item, by the item's id: neither repeats nor, unless asked for, skips;
    /// by name.
    fn ratings_by_item(&self, with_skips: bool) -> HashMap<&str, Vec<&Rating>> {
        let mut by_item: HashMap<&str, Vec<&Rating>> = HashMap::new();
        let counted = self
            .ratings
            .iter()
            .filter(|rating| !rating.is_repeat && (with_skips || rating.skip.is_none()));
        for rating in counted {
            by_item.entry(&rating.item).or_default().push(rating);
        }
        for ratings in by_item.values_mut() {
            ratings.sort_by(|one, other| one.annotator.cmp(&other.annotator));
        }
        by_item
    }

    /// The account's name; `None` where names were not asked for.
    fn name(&self, annotator: &str) -> Option<&str> {
        let names = self.names.as_ref()?;
        Some(names.get(annotator).map_or("", String::as_str))
    }
}

/// A moment as ISO 8601 has it, in UTC: `2026-11-24T23:51:00.000Z`; empty for one before 1970.
fn moment(milliseconds: i64) -> String {
    let Ok(since) = u64::try_from(milliseconds) else {
        return String::new();
    };
    // `2026-11-24 23:51 UTC`
    let minute = app::format::moment(since);
    let (day, time) = minute.split_once(' ').unwrap_or_default();
    let time = time.trim_end_matches(" UTC");
    let (seconds, rest) = (since / 1_000 % 60, since % 1_000);
    format!("{day}T{time}:{seconds:02}.{rest:03}Z")
}
