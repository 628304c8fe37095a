//! The answers of an evaluation, a page at a time: narrowed, ordered and turned over by the index alone;
//! the file is read only for what is shown, and for a search as far as one page may.

use super::columns::{Columns, Place};
use super::facts::{ANSWERS, EvaluationFolder};
use super::indexing::Places;
use super::records::{self, Records};
use crate::limits::{LIST_TEXT_CHARACTERS_MAX, SEARCH_READ_BYTES_MAX, TEMPLATES_OFFERED_MAX};
pub use app::view::AnswerFilter as Filter;
use app::view::{AnswerOrder, Searched, TemplateCount, level_bin};
use datasets::Answer;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Entries that a search takes from the index at once.
const SEARCHED_AT_ONCE: usize = 8_192;

/// Where a page of a list begins.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Turn {
    /// At the first answer.
    #[default]
    Start,
    After(Cursor),
    /// The page that ends before it.
    Before(Cursor),
}

/// An answer's place in an ordered list: it stays where it is when others come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// NaN where the order does not ask for it.
    probability: f64,
    offset: u64,
}

impl Cursor {
    fn of(place: &Place, order: AnswerOrder) -> Self {
        Cursor {
            probability: match order {
                AnswerOrder::File => f64::NAN,
                AnswerOrder::Surest | AnswerOrder::LeastSure => place.probability,
            },
            offset: place.offset,
        }
    }

    /// `None` where it is none of that order.
    pub fn parse(text: &str, order: AnswerOrder) -> Option<Self> {
        let (probability, offset) = match order {
            AnswerOrder::File => (f64::NAN, text),
            AnswerOrder::Surest | AnswerOrder::LeastSure => {
                let (probability, offset) = text.split_once('_')?;
                (probability.parse().ok()?, offset)
            }
        };
        Some(Cursor {
            probability,
            offset: offset.parse().ok()?,
        })
    }

    fn text(&self, order: AnswerOrder) -> String {
        match order {
            AnswerOrder::File => self.offset.to_string(),
            AnswerOrder::Surest | AnswerOrder::LeastSure => {
                format!("{}_{}", self.probability, self.offset)
            }
        }
    }

    /// Ascending in the order of the list.
    fn rank(&self, order: AnswerOrder) -> Rank {
        let ascending = || {
            // The order of floats as that of whole numbers; what is no number comes last both ways.
            let bits = self.probability.to_bits();
            let flip = if bits >> 63 == 1 { u64::MAX } else { 1 << 63 };
            bits ^ flip
        };
        let by = match order {
            AnswerOrder::File => 0,
            _ if self.probability.is_nan() => u64::MAX,
            AnswerOrder::LeastSure => ascending(),
            AnswerOrder::Surest => !ascending(),
        };
        (by, self.offset)
    }
}

type Rank = (u64, u64);

/// What narrows a list, made ready for one index.
struct Narrowed<'a> {
    filter: &'a Filter,
    /// `Some(None)`: a template that no answer has.
    template: Option<Option<u16>>,
}

impl<'a> Narrowed<'a> {
    fn new(filter: &'a Filter, columns: &Columns) -> Self {
        Narrowed {
            filter,
            template: filter
                .template
                .as_deref()
                .map(|name| columns.template(name)),
        }
    }

    fn takes(&self, place: &Place) -> bool {
        let filter = self.filter;
        let probability = place.probability;
        filter.bin.is_none_or(|bin| level_bin(probability) == bin)
            && filter.low.is_none_or(|low| probability >= low)
            && filter
                .high
                .is_none_or(|high| probability < high || (high >= 1.0 && probability <= high))
            && filter
                .correct
                .is_none_or(|correct| place.correct == correct)
            && filter.failed.is_none_or(|failed| place.failed == failed)
            && self
                .template
                .is_none_or(|wanted| wanted.is_some() && place.template == wanted)
    }
}

/// Which answers are asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    pub filter: Filter,
    pub order: AnswerOrder,
    pub turn: Turn,
    /// Answers on a page.
    pub limit: usize,
}

/// One page of answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerPage {
    pub answers: Vec<Answer>,
    /// Bytes of the record of each.
    pub record_bytes: Vec<u64>,
    /// All that the filter takes, but for the search.
    pub total: u64,
    pub searched: Option<Searched>,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub templates: Vec<TemplateCount>,
    pub bad_lines: u64,
}

/// The page that is asked for; an evaluation that has no answers yet has none.
///
/// # Errors
/// Those of reading the file.
pub fn page(
    records: &Records,
    directory: &Path,
    evaluation: &EvaluationFolder,
    asked: &Asked,
) -> io::Result<AnswerPage> {
    let path = evaluation.path.join(ANSWERS);
    let Some(places) = places_or_none(records, directory, &path)? else {
        return Ok(AnswerPage::default());
    };
    let (total, templates, bad_lines) = {
        let columns = places.columns();
        let narrowed = Narrowed::new(&asked.filter, &columns);
        let total = columns.iter().filter(|place| narrowed.takes(place)).count() as u64;
        (total, templates(&columns), columns.bad_lines)
    };
    let backwards = matches!(asked.turn, Turn::Before(_));
    let Found {
        mut shown,
        more,
        searched,
        last,
    } = find(directory, &path, &places, asked)?;
    let text = |place: &Place| Cursor::of(place, asked.order).text(asked.order);
    let first = shown.first().map(&text);
    // A search that stopped goes on where it stopped, not after what it showed.
    let onwards = more.then(|| last.as_ref().map(&text)).flatten();
    let (previous, next) = match asked.turn {
        Turn::Start => (None, onwards),
        Turn::After(cursor) => (
            Some(first.unwrap_or_else(|| cursor.text(asked.order))),
            onwards,
        ),
        Turn::Before(cursor) => (
            onwards,
            Some(first.unwrap_or_else(|| cursor.text(asked.order))),
        ),
    };
    if backwards {
        shown.reverse();
    }
    let mut page = AnswerPage {
        total,
        searched,
        previous,
        next,
        templates,
        bad_lines,
        ..AnswerPage::default()
    };
    records::each(directory, &path, shown, |_, bytes, mut answer: Answer| {
        cut(&mut answer, LIST_TEXT_CHARACTERS_MAX);
        page.answers.push(answer);
        page.record_bytes.push(bytes);
        ControlFlow::Continue(())
    })?;
    Ok(page)
}

#[derive(Default)]
struct Found {
    /// Away from where the page begins.
    shown: Vec<Place>,
    /// Whether there is more in that direction.
    more: bool,
    searched: Option<Searched>,
    /// The last that was looked at and is not to be shown again.
    last: Option<Place>,
}

fn find(directory: &Path, path: &Path, places: &Places, asked: &Asked) -> io::Result<Found> {
    let backwards = matches!(asked.turn, Turn::Before(_));
    let mut from = match asked.turn {
        Turn::Start => None,
        Turn::After(cursor) | Turn::Before(cursor) => Some(cursor.rank(asked.order)),
    };
    if asked.filter.search.is_empty() {
        let mut shown = next_places(&places.columns(), asked, from, backwards, asked.limit + 1);
        let more = shown.len() > asked.limit;
        shown.truncate(asked.limit);
        return Ok(Found {
            last: shown.last().copied(),
            shown,
            more,
            searched: None,
        });
    }
    let search = asked.filter.search.to_lowercase();
    let mut found = Found::default();
    let (mut looked, mut bytes) = (0_u64, 0_u64);
    loop {
        let part = next_places(&places.columns(), asked, from, backwards, SEARCHED_AT_ONCE);
        let mut full = false;
        records::each(
            directory,
            path,
            part.iter().copied(),
            |place, length, answer: Answer| {
                looked += 1;
                bytes += length;
                found.last = Some(place);
                if has(&answer, &search) {
                    found.shown.push(place);
                }
                full = found.shown.len() == asked.limit || bytes >= SEARCH_READ_BYTES_MAX;
                if full {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        )?;
        let ended = part.len() < SEARCHED_AT_ONCE;
        if full || ended {
            let offset = |place: Option<&Place>| place.map(|place| place.offset);
            found.more = full && !(ended && offset(found.last.as_ref()) == offset(part.last()));
            found.searched = Some(Searched {
                answers: looked,
                stopped: found.more,
            });
            return Ok(found);
        }
        from = part
            .last()
            .map(|place| Cursor::of(place, asked.order).rank(asked.order));
    }
}

/// At most `count` answers that the filter takes, next to `from` in the list's order, or before it where
/// the list is read backwards (then the nearest first).
fn next_places(
    columns: &Columns,
    asked: &Asked,
    from: Option<Rank>,
    backwards: bool,
    count: usize,
) -> Vec<Place> {
    let narrowed = Narrowed::new(&asked.filter, columns);
    if asked.order == AnswerOrder::File {
        let taken = |entry: &usize| narrowed.takes(&columns.get(*entry));
        let entry = |offset| columns.entry_at(offset);
        let entries: Vec<usize> = match (from, backwards) {
            (from, false) => {
                let start = from.map_or(0, |(_, offset)| entry(offset.saturating_add(1)));
                (start..columns.len()).filter(taken).take(count).collect()
            }
            (from, true) => {
                let end = from.map_or(columns.len(), |(_, offset)| entry(offset));
                (0..end).rev().filter(taken).take(count).collect()
            }
        };
        return entries
            .into_iter()
            .map(|entry| columns.get(entry))
            .collect();
    }
    // The nearest `count` of all, kept in a heap whose top is the farthest of them.
    let mut nearest: BinaryHeap<(Rank, usize)> = BinaryHeap::with_capacity(count + 1);
    let mut nearest_back: BinaryHeap<Reverse<(Rank, usize)>> = BinaryHeap::new();
    for entry in 0..columns.len() {
        let place = columns.get(entry);
        if !narrowed.takes(&place) {
            continue;
        }
        let rank = Cursor::of(&place, asked.order).rank(asked.order);
        if backwards {
            let farthest = nearest_back.peek().filter(|_| nearest_back.len() == count);
            if from.is_none_or(|from| rank < from)
                && farthest.is_none_or(|Reverse((farthest, _))| rank > *farthest)
            {
                nearest_back.push(Reverse((rank, entry)));
                if nearest_back.len() > count {
                    nearest_back.pop();
                }
            }
        } else {
            let farthest = nearest.peek().filter(|_| nearest.len() == count);
            if from.is_none_or(|from| rank > from)
                && farthest.is_none_or(|(farthest, _)| rank < *farthest)
            {
                nearest.push((rank, entry));
                if nearest.len() > count {
                    nearest.pop();
                }
            }
        }
    }
    let entries: Vec<usize> = if backwards {
        let sorted = nearest_back.into_sorted_vec();
        sorted
            .into_iter()
            .map(|Reverse((_, entry))| entry)
            .collect()
    } else {
        let sorted = nearest.into_sorted_vec();
        sorted.into_iter().map(|(_, entry)| entry).collect()
    };
    entries
        .into_iter()
        .map(|entry| columns.get(entry))
        .collect()
}

/// Whether an answer has the search, which is in lower case.
fn has(answer: &Answer, search: &str) -> bool {
    [
        Some(answer.question.as_str()),
        answer.answer.as_deref(),
        answer.gold.as_deref(),
        Some(answer.response.as_str()),
        Some(answer.question_id.as_str()),
    ]
    .into_iter()
    .flatten()
    .any(|text| text.to_lowercase().contains(search))
}

/// Cuts the texts of an answer at so many characters each.
pub fn cut(answer: &mut Answer, characters_max: usize) {
    let texts = [&mut answer.question, &mut answer.response];
    let more = [
        &mut answer.template,
        &mut answer.entity,
        &mut answer.answer,
        &mut answer.rationale,
        &mut answer.failure,
        &mut answer.gold,
    ];
    for text in texts.into_iter().chain(more.into_iter().flatten()) {
        cut_text(text, characters_max);
    }
}

/// Cuts a text, and says in it by how much.
pub fn cut_text(text: &mut String, characters_max: usize) {
    // No text has more characters than bytes.
    if text.len() > characters_max {
        *text = app::format::cut(text, characters_max);
    }
}

fn templates(columns: &Columns) -> Vec<TemplateCount> {
    let mut counts = vec![0_u64; columns.templates.len()];
    for place in columns.iter() {
        if let Some(count) = place
            .template
            .and_then(|place| counts.get_mut(usize::from(place)))
        {
            *count += 1;
        }
    }
    let mut templates: Vec<TemplateCount> = columns
        .templates
        .iter()
        .zip(counts)
        .map(|(template, answers)| TemplateCount {
            template: template.clone(),
            answers,
        })
        .collect();
    templates.sort_by_key(|one| Reverse(one.answers));
    templates.truncate(TEMPLATES_OFFERED_MAX);
    templates.sort_by(|left, right| left.template.cmp(&right.template));
    templates
}

/// (probability, correct) of every answer, sorted by probability.
///
/// # Errors
/// Those of reading the file.
pub fn points(
    records: &Records,
    directory: &Path,
    evaluation: &EvaluationFolder,
) -> io::Result<Vec<(f64, bool)>> {
    let Some(places) = places_or_none(records, directory, &evaluation.path.join(ANSWERS))? else {
        return Ok(Vec::new());
    };
    let mut points: Vec<(f64, bool)> = places
        .columns()
        .iter()
        .filter(|place| (0.0..=1.0).contains(&place.probability))
        .map(|place| (place.probability, place.correct))
        .collect();
    // Equal points are alike: the same points draw the same bytes.
    points.sort_unstable_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    Ok(points)
}

fn places_or_none(
    records: &Records,
    directory: &Path,
    path: &Path,
) -> io::Result<Option<Arc<Places>>> {
    match records.places(directory, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
