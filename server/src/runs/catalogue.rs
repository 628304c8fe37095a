//! All runs, ready to be listed: narrowed, sorted and paged without a look at a file.

use super::library::{Process, Run};
use crate::labels::Noted;
use crate::limits::{FACET_BYTES_MAX, FACET_VALUES_MAX, SORT_CHARACTERS_MAX};
use app::view::{
    Direction, Evaluation, Facet, FacetChoices, Figure, Labels, RunChoice, RunGroup, RunRow,
    RunSort, STATE_WORDS, state_word,
};
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

/// All runs at one moment.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The newest first; the lists below count in its places.
    runs: Arc<Vec<Run>>,
    rows: Vec<Row>,
    /// Ascending, made when first asked for.
    orders: [OnceLock<Vec<u32>>; RunSort::ALL.len()],
    by_id: HashMap<String, u32>,
    directories: HashSet<String>,
    /// Of model, method and data set.
    facets: Vec<FacetChoices>,
    errors_to: f64,
}

/// What is made ready of a run.
#[derive(Debug)]
struct Row {
    /// What a search looks at, in small letters.
    searched: String,
    /// The place of its data set among all, in the order of their names.
    group: u32,
}

/// What is asked of the list.
pub struct Asked<'a> {
    pub choice: &'a RunChoice,
    /// The place of the last run that was shown.
    pub after: Option<&'a Place>,
    /// Rows at most.
    pub limit: usize,
    pub noted: &'a Noted,
    /// What a run's job says of its process, by the run's id.
    pub process_of: &'a dyn Fn(&str) -> Option<Process>,
}

/// A page of the list.
#[derive(Debug)]
pub struct Listed {
    pub rows: Vec<RunRow>,
    pub facets: Vec<FacetChoices>,
    /// Empty where the list is not grouped.
    pub groups: Vec<RunGroup>,
    /// Whether the first group began on an earlier page.
    pub continued: bool,
    /// Runs that match, on whatever page, and those of them before this page.
    pub matching: u64,
    pub before: u64,
    /// The place of the last run shown, where more follow.
    pub next: Option<Place>,
}

/// A run's place in a sorted list: what it is sorted by, and its id. It stays where it is when other
/// runs come or go, so a list that goes on from it neither repeats nor leaves out any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The data set, where the list is grouped.
    group: Option<String>,
    key: Key,
    id: String,
}

/// What a run is sorted by. Of one sort all are numbers or all are texts; what has none is last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(u64),
    Text(String),
    Missing,
}

impl Catalogue {
    /// `runs`: the newest first.
    pub fn new(runs: Vec<Run>) -> Self {
        let groups: BTreeSet<String> = runs.iter().map(group_of).collect();
        let groups: HashMap<String, u32> = groups.into_iter().zip(0..).collect();
        let rows = runs
            .iter()
            .map(|run| Row {
                searched: searched_of(run),
                group: groups.get(&group_of(run)).copied().unwrap_or(0),
            })
            .collect();
        let facets = [Facet::Model, Facet::Method, Facet::Questions]
            .into_iter()
            .map(|facet| FacetChoices {
                facet,
                choices: counted(runs.iter().map(|run| value_of(run, facet))),
            })
            .collect();
        let by_id = runs
            .iter()
            .map(|run| run.found.id.clone())
            .zip(0..)
            .collect();
        let directories = runs
            .iter()
            .filter_map(|run| Some(run.found.directory.to_str()?.to_owned()))
            .collect();
        let is_large = runs
            .iter()
            .filter_map(|run| run.facts.headline.as_ref())
            .flat_map(|one| [one.ece, one.smece, one.brier])
            .flat_map(|figure| [figure.value, figure.high])
            .flatten()
            .any(|value| value > 0.5);
        Catalogue {
            rows,
            orders: Default::default(),
            by_id,
            directories,
            facets,
            errors_to: if is_large { 1.0 } else { 0.5 },
            runs: Arc::new(runs),
        }
    }

    /// Of those runs alone that `is_kept` keeps; the others still stand where they stand.
    pub fn narrowed(&self, is_kept: impl Fn(&Run) -> bool) -> Self {
        let runs = self.runs.iter().filter(|run| is_kept(run)).cloned();
        Catalogue {
            directories: self.directories.clone(),
            ..Catalogue::new(runs.collect())
        }
    }

    /// The newest first.
    pub fn runs(&self) -> &Arc<Vec<Run>> {
        &self.runs
    }

    /// The run of an id, as it was found last.
    pub fn run(&self, id: &str) -> Option<&Run> {
        self.runs.get(*self.by_id.get(id)? as usize)
    }

    /// Whether one of the runs stands in a directory.
    pub fn is_served(&self, directory: &str) -> bool {
        self.directories.contains(directory)
    }

    /// Where a scale ends that bears every run's ECE, smECE and Brier: 0.5 or 1.
    pub fn errors_to(&self) -> f64 {
        self.errors_to
    }

    /// What is noted of a run.
    pub fn labels_of<'noted>(&self, run: &Run, noted: &'noted Noted) -> Option<&'noted Labels> {
        noted.of(run, |directory| self.is_served(directory))
    }

    /// A page of the list.
    pub fn page(&self, asked: &Asked<'_>) -> Listed {
        let choice = asked.choice;
        let states: Vec<&'static str> = self
            .runs
            .iter()
            .map(|run| state_word(&run.state((asked.process_of)(&run.found.id))))
            .collect();
        let order = self.ordered(choice, &states);
        let start = asked.after.map_or(0, |after| {
            order.partition_point(|&index| {
                let place = self.place(index, choice, &states);
                place.compare(after, choice.direction) != Ordering::Greater
            })
        });
        let search = Search::new(choice);
        let mut matching = 0;
        let mut before = 0;
        let mut shown: Vec<u32> = Vec::new();
        let mut by_group: HashMap<u32, u64> = HashMap::new();
        let mut next = None;
        let mut last_before = None;
        for (place, &index) in order.iter().enumerate() {
            if !self.matches(index, &search, states[index as usize], asked.noted) {
                continue;
            }
            matching += 1;
            if choice.grouped {
                *by_group.entry(self.rows[index as usize].group).or_default() += 1;
            }
            if place < start {
                before += 1;
                last_before = Some(index);
            } else if shown.len() < asked.limit {
                shown.push(index);
            } else if next.is_none() {
                next = shown.last().map(|&last| self.place(last, choice, &states));
            }
        }
        let group = |index: u32| self.rows[index as usize].group;
        let groups = if choice.grouped {
            shown
                .chunk_by(|&left, &right| group(left) == group(right))
                .map(|rows| RunGroup {
                    name: group_of(&self.runs[rows[0] as usize]),
                    rows: rows.len(),
                    runs: by_group.get(&group(rows[0])).copied().unwrap_or(0),
                })
                .collect()
        } else {
            Vec::new()
        };
        let continued = choice.grouped
            && last_before
                .zip(shown.first())
                .is_some_and(|(last, &first)| group(last) == group(first));
        Listed {
            facets: self.facets(&states, asked.noted),
            rows: shown.iter().map(|&index| self.row(index, asked)).collect(),
            groups,
            continued,
            matching,
            before,
            next,
        }
    }

    fn row(&self, index: u32, asked: &Asked<'_>) -> RunRow {
        let run = &self.runs[index as usize];
        RunRow {
            run: run.summary((asked.process_of)(&run.found.id)),
            labels: self
                .labels_of(run, asked.noted)
                .cloned()
                .unwrap_or_default(),
        }
    }

    fn facets(&self, states: &[&'static str], noted: &Noted) -> Vec<FacetChoices> {
        let states = STATE_WORDS
            .into_iter()
            .map(|word| {
                let runs = states.iter().filter(|state| **state == word).count();
                (word.to_owned(), runs as u64)
            })
            .filter(|(_, runs)| *runs > 0)
            .collect();
        let mut tags = noted.tags(self.runs.iter(), |directory| self.is_served(directory));
        keep_the_most_frequent(&mut tags);
        let mut facets = self.facets.clone();
        facets.push(FacetChoices {
            facet: Facet::State,
            choices: states,
        });
        facets.push(FacetChoices {
            facet: Facet::Tag,
            choices: tags,
        });
        facets
    }

    fn matches(&self, index: u32, search: &Search<'_>, state: &str, noted: &Noted) -> bool {
        let (run, row) = (&self.runs[index as usize], &self.rows[index as usize]);
        let labels = || self.labels_of(run, noted);
        let is_narrowed = |(facet, value): &(Facet, String)| match facet {
            Facet::State => state == value,
            Facet::Tag => {
                let value = value.to_lowercase();
                labels()
                    .is_some_and(|labels| labels.tags.iter().any(|tag| tag.to_lowercase() == value))
            }
            facet => value_of(run, *facet) == value,
        };
        search.narrowed.iter().all(is_narrowed)
            && search.words.iter().all(|word| {
                row.searched.contains(word)
                    || labels().is_some_and(|labels| {
                        labels.note.to_lowercase().contains(word)
                            || labels
                                .tags
                                .iter()
                                .any(|tag| tag.to_lowercase().contains(word))
                    })
            })
    }

    /// All runs in the order that is asked for.
    fn ordered(&self, choice: &RunChoice, states: &[&'static str]) -> Vec<u32> {
        let sorted = || {
            let mut order: Vec<u32> = (0..).take(self.runs.len()).collect();
            order.sort_by_cached_key(|&index| {
                let run = &self.runs[index as usize];
                (
                    key_of(run, choice.sort, states[index as usize]),
                    run.found.id.clone(),
                )
            });
            order
        };
        // States change by time alone: their order is not kept.
        let ascending = match choice.sort {
            RunSort::State => sorted(),
            sort => self.orders[sort as usize].get_or_init(sorted).clone(),
        };
        let mut order = match choice.direction {
            Direction::Ascending => ascending,
            Direction::Descending => {
                let missing = ascending.partition_point(|&index| {
                    let run = &self.runs[index as usize];
                    key_of(run, choice.sort, states[index as usize]) != Key::Missing
                });
                let (present, missing) = ascending.split_at(missing);
                present
                    .iter()
                    .rev()
                    .chain(missing.iter().rev())
                    .copied()
                    .collect()
            }
        };
        if choice.grouped {
            order.sort_by_key(|&index| self.rows[index as usize].group);
        }
        order
    }

    fn place(&self, index: u32, choice: &RunChoice, states: &[&'static str]) -> Place {
        let run = &self.runs[index as usize];
        Place {
            group: choice.grouped.then(|| group_of(run)),
            key: key_of(run, choice.sort, states[index as usize]),
            id: run.found.id.clone(),
        }
    }
}

/// What a run must have to be listed.
struct Search<'choice> {
    /// In small letters; each must be found.
    words: Vec<String>,
    narrowed: &'choice [(Facet, String)],
}

impl<'choice> Search<'choice> {
    fn new(choice: &'choice RunChoice) -> Self {
        let search = choice.search.to_lowercase();
        Search {
            words: search.split_whitespace().map(str::to_owned).collect(),
            narrowed: &choice.narrowed,
        }
    }
}

impl Place {
    /// As it stands in an address.
    pub fn to_cursor(&self) -> String {
        let mut cursor = String::new();
        if let Some(group) = &self.group {
            push_hexadecimal(&mut cursor, group);
            cursor.push('.');
        }
        match &self.key {
            Key::Number(number) => cursor.push_str(&format!("n{number:x}")),
            Key::Text(text) => {
                cursor.push('t');
                push_hexadecimal(&mut cursor, text);
            }
            Key::Missing => cursor.push('-'),
        }
        cursor.push('.');
        cursor.push_str(&self.id);
        cursor
    }

    /// The place that a list of this choice has written; `None` where it is none.
    pub fn from_cursor(cursor: &str, choice: &RunChoice) -> Option<Self> {
        let (group, rest) = if choice.grouped {
            let (group, rest) = cursor.split_once('.')?;
            (Some(text_from_hexadecimal(group)?), rest)
        } else {
            (None, cursor)
        };
        let (key, id) = rest.split_once('.')?;
        let key = match (key.split_at_checked(1)?, is_text(choice.sort)) {
            (("n", digits), false) => Key::Number(u64::from_str_radix(digits, 16).ok()?),
            (("t", digits), true) => Key::Text(text_from_hexadecimal(digits)?),
            (("-", ""), _) => Key::Missing,
            _ => return None,
        };
        Some(Place {
            group,
            key,
            id: id.to_owned(),
        })
    }

    /// Which of two places of one list comes first.
    fn compare(&self, other: &Self, direction: Direction) -> Ordering {
        let directed = |order: Ordering| match direction {
            Direction::Ascending => order,
            Direction::Descending => order.reverse(),
        };
        let keys = match (&self.key, &other.key) {
            (Key::Missing, _) | (_, Key::Missing) => self.key.cmp(&other.key),
            (left, right) => directed(left.cmp(right)),
        };
        self.group
            .cmp(&other.group)
            .then(keys)
            .then_with(|| directed(self.id.cmp(&other.id)))
    }
}

fn is_text(sort: RunSort) -> bool {
    matches!(
        sort,
        RunSort::Title | RunSort::State | RunSort::Model | RunSort::Method | RunSort::Questions
    )
}

fn key_of(run: &Run, sort: RunSort, state: &str) -> Key {
    let figure = |pick: fn(&Evaluation) -> Figure| {
        let value = run
            .facts
            .headline
            .as_ref()
            .map(pick)
            .and_then(|figure| figure.value);
        value
            .filter(|value| value.is_finite())
            .map_or(Key::Missing, |value| Key::Number(ordered_bits(value)))
    };
    let text = |text: &str| match text {
        "" => Key::Missing,
        text => Key::Text(beginning(text).to_lowercase()),
    };
    match sort {
        RunSort::Started => Key::Number(run.place().0),
        RunSort::Title => text(&run.facts.title),
        RunSort::State => text(state),
        RunSort::Model => text(&run.facts.model),
        RunSort::Method => text(run.method()),
        RunSort::Questions => text(&run.facts.questions),
        RunSort::N => run
            .facts
            .headline
            .as_ref()
            .map_or(Key::Missing, |one| Key::Number(one.n)),
        RunSort::Accuracy => figure(|one| one.accuracy),
        RunSort::Ece => figure(|one| one.ece),
        RunSort::Smece => figure(|one| one.smece),
        RunSort::Brier => figure(|one| one.brier),
        RunSort::Auroc => figure(|one| one.auroc),
    }
}

/// Bits that sort as the numbers do (IEEE 754's total order); `-0` is `0`.
fn ordered_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

fn value_of(run: &Run, facet: Facet) -> &str {
    match facet {
        Facet::Model => &run.facts.model,
        Facet::Method => run.method(),
        Facet::Questions => &run.facts.questions,
        Facet::State | Facet::Tag => "",
    }
}

/// The data set as it names a group.
fn group_of(run: &Run) -> String {
    beginning(&run.facts.questions).to_owned()
}

/// Whether every word of a search stands in a run's title, id, model, method or questions.
pub fn is_found(run: &Run, search: &str) -> bool {
    let searched = searched_of(run);
    let mut words = search.split_whitespace();
    words.all(|word| searched.contains(&word.to_lowercase()))
}

fn searched_of(run: &Run) -> String {
    [
        run.found.id.as_str(),
        &run.facts.title,
        &run.facts.model,
        run.method(),
        &run.facts.questions,
    ]
    .join("\n")
    .to_lowercase()
}

fn beginning(text: &str) -> &str {
    match text.char_indices().nth(SORT_CHARACTERS_MAX) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Each value with how often it is there, in the order of the values. Empty and very long ones are
/// left out.
fn counted<'value>(values: impl Iterator<Item = &'value str>) -> Vec<(String, u64)> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for value in values.filter(|value| (1..=FACET_BYTES_MAX).contains(&value.len())) {
        *counts.entry(value).or_default() += 1;
    }
    let mut choices: Vec<(String, u64)> = counts
        .into_iter()
        .map(|(value, runs)| (value.to_owned(), runs))
        .collect();
    keep_the_most_frequent(&mut choices);
    choices
}

fn keep_the_most_frequent(choices: &mut Vec<(String, u64)>) {
    choices.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    choices.truncate(FACET_VALUES_MAX);
    choices.sort_by_cached_key(|(value, _)| value.to_lowercase());
}

fn push_hexadecimal(out: &mut String, text: &str) {
    for byte in text.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

fn text_from_hexadecimal(digits: &str) -> Option<String> {
    if !digits.is_ascii() || digits.len() % 2 == 1 {
        return None;
    }
    let bytes = (0..digits.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(&digits[start..start + 2], 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_their_bits() {
        let values = [-1e300, -2.5, -0.5, 0.0, 1e-300, 0.25, 0.5, 3.0];
        let bits: Vec<u64> = values.into_iter().map(ordered_bits).collect();
        assert!(bits.is_sorted());
        assert_eq!(ordered_bits(-0.0), ordered_bits(0.0));
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else() {
        let choice = |sort, grouped| RunChoice {
            sort,
            grouped,
            ..RunChoice::default()
        };
        let place = |group: Option<&str>, key| Place {
            group: group.map(str::to_owned),
            key,
            id: "a.b~2 ü".into(),
        };
        for (sort, place) in [
            (RunSort::Ece, place(None, Key::Number(ordered_bits(-0.25)))),
            (RunSort::Ece, place(None, Key::Missing)),
            (RunSort::Title, place(None, Key::Text("täst. %".into()))),
            (RunSort::Model, place(Some(""), Key::Missing)),
            (RunSort::N, place(Some("world.facts"), Key::Number(7))),
        ] {
            let choice = choice(sort, place.group.is_some());
            let cursor = place.to_cursor();
            assert_eq!(Place::from_cursor(&cursor, &choice), Some(place));
        }
        for cursor in [
            "", ".", "nonsense", "n.x", "nz.x", "t0.x", "tff.x", "t6é.x", "-5.x", "é.x",
        ] {
            for sort in [RunSort::Title, RunSort::Ece] {
                assert_eq!(Place::from_cursor(cursor, &choice(sort, false)), None);
            }
        }
        // A key of another kind of sort.
        assert_eq!(
            Place::from_cursor("n7.x", &choice(RunSort::Title, false)),
            None
        );
        assert_eq!(
            Place::from_cursor("t61.x", &choice(RunSort::Ece, false)),
            None
        );
    }
}
