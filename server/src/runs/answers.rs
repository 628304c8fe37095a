//! The answers behind a bar of a diagram, a page at a time.

use super::facts::{ANSWERS, EvaluationFolder};
use super::records::{self, Place, Places, Records};
use app::view::level_bin;
use datasets::Answer;
use std::io;
use std::path::Path;

/// What narrows a list of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Filter {
    /// The bar of the confidence histogram, 0..=10.
    pub bin: Option<u8>,
    /// Probability from here, inclusive.
    pub low: Option<f64>,
    /// Probability to here, exclusive, but for 1.
    pub high: Option<f64>,
    pub correct: Option<bool>,
}

impl Filter {
    fn takes(&self, place: &Place) -> bool {
        let probability = place.probability;
        self.bin.is_none_or(|bin| level_bin(probability) == bin)
            && self.low.is_none_or(|low| probability >= low)
            && self
                .high
                .is_none_or(|high| probability < high || (high >= 1.0 && probability <= high))
            && self.correct.is_none_or(|correct| place.correct == correct)
    }

    /// The filter in words, e.g. `confidence 7 of 10, wrong`; `all answers` where nothing narrows.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if let Some(bin) = self.bin {
            words.push(format!("confidence {bin} of 10"));
        }
        match (self.low, self.high) {
            (Some(low), Some(high)) => words.push(format!("confidence {low} to {high}")),
            (Some(low), None) => words.push(format!("confidence from {low}")),
            (None, Some(high)) => words.push(format!("confidence below {high}")),
            (None, None) => {}
        }
        if let Some(correct) = self.correct {
            words.push(if correct { "right" } else { "wrong" }.into());
        }
        if words.is_empty() {
            "all answers".into()
        } else {
            words.join(", ")
        }
    }
}

/// One page of answers.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerPage {
    pub answers: Vec<Answer>,
    /// All that the filter takes.
    pub total: u64,
    pub next: Option<String>,
}

/// At most `limit` answers after the byte offset `after`, in the file's order.
///
/// # Errors
/// Those of reading the file; an evaluation that has no answers yet has none.
pub fn page(
    records: &Records,
    directory: &Path,
    evaluation: &EvaluationFolder,
    filter: Filter,
    after: Option<u64>,
    limit: usize,
) -> io::Result<AnswerPage> {
    let path = evaluation.path.join(ANSWERS);
    let places = places_or_none(records, directory, &path)?;
    let taken = || places.all.iter().filter(|place| filter.takes(place));
    let total = taken().count() as u64;
    let mut rest = taken()
        .filter(|place| after.is_none_or(|after| place.offset > after))
        .copied();
    let shown: Vec<Place> = rest.by_ref().take(limit).collect();
    let next = rest
        .next()
        .and_then(|_| shown.last())
        .map(|last| last.offset.to_string());
    let answers = if shown.is_empty() {
        Vec::new()
    } else {
        records::read(directory, &path, shown)?
    };
    Ok(AnswerPage {
        answers,
        total,
        next,
    })
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
    let places = places_or_none(records, directory, &evaluation.path.join(ANSWERS))?;
    let mut points: Vec<(f64, bool)> = places
        .all
        .iter()
        .filter(|place| (0.0..=1.0).contains(&place.probability))
        .map(|place| (place.probability, place.correct))
        .collect();
    // A stable order for equal probabilities: the same points draw the same bytes.
    points.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    Ok(points)
}

fn places_or_none(
    records: &Records,
    directory: &Path,
    path: &Path,
) -> io::Result<std::sync::Arc<Places>> {
    match records.places(directory, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(std::sync::Arc::default()),
        result => result,
    }
}
