//! The index of one file of records: a few bytes a record, in columns, so that a million of them are
//! counted, narrowed and ordered in milliseconds and the file itself is read only where it is shown.

use super::lines::Line;
use crate::limits::{RECORD_BYTES_MAX, RECORDS_PER_FILE_MAX, TEMPLATES_PER_FILE_MAX};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What an index holds of each record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Its place, its question and its template: 18 bytes.
    #[default]
    Keyed,
    /// Of an answer, its probability, correctness and failure too: 27 bytes.
    Answers,
    /// Samples of one question that follow one another are one entry: 18 bytes a question.
    Grouped,
}

impl Shape {
    /// By the file's name.
    pub fn of(name: &str) -> Self {
        match name {
            "answers.jsonl" => Shape::Answers,
            "samples.jsonl" => Shape::Grouped,
            _ => Shape::Keyed,
        }
    }
}

/// Where one record stands (of samples: one question's), and what lists are narrowed and ordered by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes, without the last line break.
    pub length: u32,
    /// 0..=1; NaN for records that have none.
    pub probability: f64,
    pub correct: bool,
    /// Whether its confidence could not be read.
    pub failed: bool,
    /// The place of its template in [`Columns::templates`]; `None` where it has none.
    pub template: Option<u16>,
}

/// No template, or one of the many after [`TEMPLATES_PER_FILE_MAX`].
const NO_TEMPLATE: u16 = u16::MAX;
const CORRECT: u8 = 1;
const FAILED: u8 = 2;

/// The columns.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    shape: Shape,
    offsets: Vec<u64>,
    lengths: Vec<u32>,
    /// Hashes of the questions' ids; whoever reads a record compares the id itself.
    keys: Vec<u32>,
    templates_of: Vec<u16>,
    probabilities: Vec<f64>,
    flags: Vec<u8>,
    /// The templates, in order of appearance.
    pub templates: Vec<String>,
    template_places: HashMap<String, u16>,
    /// Records; more than entries where these are grouped.
    pub records: u64,
    /// Lines that are no records.
    pub bad_lines: u64,
    /// Whether the file has more records than are indexed.
    pub cut: bool,
    /// Bytes of the file that were read.
    pub read_to: u64,
}

/// The fields that an index needs; all others are skipped without being stored.
#[derive(Deserialize)]
struct Key<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    question_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    template: Option<Cow<'a, str>>,
    #[serde(default)]
    probability: Option<f64>,
    #[serde(default)]
    correct: Option<bool>,
    #[serde(default)]
    failure: Option<IgnoredAny>,
}

/// What a line said.
#[derive(Debug, PartialEq)]
pub enum Read {
    Entry(Entry),
    Blank,
    /// No record, or one that is longer than [`RECORD_BYTES_MAX`].
    Bad,
    /// The last line, under way: it is read once its end is there.
    Torn,
}

/// A record as it enters the index.
#[derive(Debug, PartialEq)]
pub struct Entry {
    offset: u64,
    length: u32,
    key: u32,
    template: Option<String>,
    probability: f64,
    flags: u8,
}

/// Reads what the index keeps of a line.
pub fn read(line: &Line<'_>) -> Read {
    let Some(bytes) = line.bytes else {
        return Read::Bad;
    };
    if bytes.trim_ascii().is_empty() {
        return Read::Blank;
    }
    // A list can stand for an object in serde's eyes.
    let record = bytes.trim_ascii_start().starts_with(b"{");
    match serde_json::from_slice::<Key>(if record { bytes } else { b"" }) {
        Err(_) if !line.whole => Read::Torn,
        Err(_) => Read::Bad,
        Ok(key) => Read::Entry(Entry {
            offset: line.offset,
            // A record is at most RECORD_BYTES_MAX long, which fits.
            length: bytes.len() as u32,
            key: hash(&key.question_id.or(key.id).unwrap_or_default()),
            template: key.template.map(Cow::into_owned),
            probability: key.probability.unwrap_or(f64::NAN),
            flags: if key.correct == Some(true) {
                CORRECT
            } else {
                0
            } | if key.failure.is_some() { FAILED } else { 0 },
        }),
    }
}

impl Columns {
    pub fn new(shape: Shape) -> Self {
        Columns {
            shape,
            ..Columns::default()
        }
    }

    /// Entries; records but for [`Shape::Grouped`].
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.offsets.capacity() * 8
            + self.lengths.capacity() * 4
            + self.keys.capacity() * 4
            + self.templates_of.capacity() * 2
            + self.probabilities.capacity() * 8
            + self.flags.capacity()
    }

    /// Gives back what growing took ahead.
    pub fn settle(&mut self) {
        self.offsets.shrink_to_fit();
        self.lengths.shrink_to_fit();
        self.keys.shrink_to_fit();
        self.templates_of.shrink_to_fit();
        self.probabilities.shrink_to_fit();
        self.flags.shrink_to_fit();
    }

    /// Adds a record; `false` where the index is full.
    pub fn push(&mut self, entry: Entry) -> bool {
        if self.shape == Shape::Grouped && self.joined(&entry) {
            self.records += 1;
            return true;
        }
        if self.len() == RECORDS_PER_FILE_MAX {
            self.cut = true;
            return false;
        }
        self.records += 1;
        let template = self.place_of_template(entry.template);
        self.offsets.push(entry.offset);
        self.lengths.push(entry.length);
        self.keys.push(entry.key);
        self.templates_of.push(template);
        if self.shape == Shape::Answers {
            self.probabilities.push(entry.probability);
            self.flags.push(entry.flags);
        }
        true
    }

    /// Lengthens the last entry by a record of the same question; `false` where it is of another.
    fn joined(&mut self, entry: &Entry) -> bool {
        let (Some(offset), Some(length), Some(key)) = (
            self.offsets.last(),
            self.lengths.last_mut(),
            self.keys.last(),
        ) else {
            return false;
        };
        let whole = entry.offset + u64::from(entry.length) - offset;
        if *key != entry.key || whole > RECORD_BYTES_MAX as u64 {
            return false;
        }
        *length = whole as u32;
        true
    }

    fn place_of_template(&mut self, template: Option<String>) -> u16 {
        let Some(template) = template else {
            return NO_TEMPLATE;
        };
        if let Some(place) = self.template_places.get(&template) {
            return *place;
        }
        if self.templates.len() == TEMPLATES_PER_FILE_MAX {
            return NO_TEMPLATE;
        }
        let place = self.templates.len() as u16;
        self.templates.push(template.clone());
        self.template_places.insert(template, place);
        place
    }

    /// The place of a template; `None` where no record has it.
    pub fn template(&self, name: &str) -> Option<u16> {
        self.template_places.get(name).copied()
    }

    /// # Panics
    /// Where there are not as many entries.
    pub fn get(&self, entry: usize) -> Place {
        let flags = self.flags.get(entry).copied().unwrap_or_default();
        let template = self.templates_of[entry];
        Place {
            offset: self.offsets[entry],
            length: self.lengths[entry],
            probability: self.probabilities.get(entry).copied().unwrap_or(f64::NAN),
            correct: flags & CORRECT != 0,
            failed: flags & FAILED != 0,
            template: (template != NO_TEMPLATE).then_some(template),
        }
    }

    /// In the file's order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Place> + '_ {
        (0..self.len()).map(|entry| self.get(entry))
    }

    /// The first entry at or after a byte of the file.
    pub fn entry_at(&self, offset: u64) -> usize {
        self.offsets.partition_point(|known| *known < offset)
    }

    /// The entries of a question, and of the few whose ids hash alike.
    pub fn of_question(&self, id: &str) -> Vec<Place> {
        let wanted = hash(id);
        self.keys
            .iter()
            .enumerate()
            .filter(|(_, key)| **key == wanted)
            .map(|(entry, _)| self.get(entry))
            .collect()
    }
}

fn hash(id: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    // The low half is as good as any.
    hasher.finish() as u32
}
