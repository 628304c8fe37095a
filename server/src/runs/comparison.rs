//! Evaluations of the served runs, compared question by question.

use super::answered::{AnsweredQuestions, Texts};
use super::catalogue;
use super::facts::{self, ANSWERS, EvaluationFolder};
use super::library::Run;
use crate::limits::{
    CHANGED_ROWS_MAX, CHANGED_ROWS_SHORT, CHOICES_MAX, COMPARED_BOOTSTRAPS_MAX,
    COMPARED_BOOTSTRAPS_MIN, COMPARED_ROWS_DRAWN, COMPARISONS_KEPT_MAX,
};
use app::view::{
    COMPARED_MIN, Change, ChangeList, ChangedQuestion, Changes, Choice, ComparedEvaluation,
    LeftOut, LevelCell, Pair, PairedDifference, Said, level_bin,
};
use calibration::metrics::{Binning, Options};
use comparison::changes::{self, Both};
use comparison::pairs::{DEFAULT_MEASURES, Evaluated, NotComparable, compare, methods};
use comparison::words;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of the bootstraps.
const SEED: u64 = 42;
/// Rows of few levels that are drawn in the time of one whose confidences are continuous.
const CONTINUOUS_COST: usize = 30;
/// Distinct confidences up to which they are few.
const LEVELS_MAX: usize = 64;
/// Colons of an entry at which a label is looked for.
const COLONS_MAX: usize = 8;

/// An evaluation that the address names.
#[derive(Clone, Debug)]
pub struct Named {
    /// As it stands in the address.
    pub asked: String,
    pub run: Run,
    pub folder: EvaluationFolder,
}

impl Named {
    /// `RUN:LABEL`.
    pub fn entry(&self) -> String {
        format!("{}:{}", self.run.found.id, self.folder.label)
    }

    fn answers(&self) -> PathBuf {
        self.folder.path.join(ANSWERS)
    }

    fn is_called(&self, name: &str) -> bool {
        self.asked == name || self.entry() == name
    }
}

/// What is asked for beside the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The evaluation of runs that name none.
    pub label: Option<String>,
    pub base: Option<String>,
    pub with: Option<String>,
    /// The one list of changed questions.
    pub change: Option<Change>,
    /// What narrows the choices.
    pub query: String,
}

/// The evaluations of an address, and what of it cannot be compared. One that is there twice counts
/// once. `run_of` finds a run by its id. Blocks on the file system.
pub fn named(
    run_of: &dyn Fn(&str) -> Option<Run>,
    entries: &[String],
    wanted: &Wanted,
) -> (Vec<Named>, Vec<LeftOut>) {
    let (mut found, mut left_out): (Vec<Named>, Vec<LeftOut>) = Default::default();
    for text in entries {
        let reason = match one(run_of, text, wanted.label.as_deref()) {
            Ok(one) if found.iter().any(|known| known.entry() == one.entry()) => format!(
                "It is the same evaluation as one before it. To compare a run with itself, name another of its evaluations as RUN:LABEL; it has {}.",
                one.run.facts.labels.join(", ")
            ),
            Ok(one) => {
                found.push(one);
                continue;
            }
            Err(reason) => reason,
        };
        left_out.push(LeftOut {
            name: text.clone(),
            reason,
        });
    }
    (found, left_out)
}

fn one(
    run_of: &dyn Fn(&str) -> Option<Run>,
    text: &str,
    label: Option<&str>,
) -> Result<Named, String> {
    let whole = run_of(text).map(|run| (run, None));
    let split = || {
        text.match_indices(':')
            .take(COLONS_MAX)
            .find_map(|(at, _)| {
                let run = run_of(&text[..at])?;
                Some((run, Some(&text[at + 1..])))
            })
    };
    let Some((run, own_label)) = whole.or_else(split) else {
        return Err(
            "There is no such run here: it may have been moved or removed. Choose another below."
                .into(),
        );
    };
    if let Some(trouble) = &run.found.trouble {
        return Err(format!("Its directory cannot be read: {trouble}."));
    }
    let folders = facts::evaluation_folders(&run.found.directory)
        .map_err(|error| format!("Its evaluations cannot be read: {error}."))?;
    let headline = run.facts.headline.as_ref().map(|one| one.label.as_str());
    let find = |label: &str| folders.iter().find(|folder| folder.label == label);
    let folder = match own_label {
        Some(label) => find(label),
        None => label
            .and_then(find)
            .or_else(|| headline.and_then(find))
            .or(folders.first()),
    };
    let Some(folder) = folder.cloned() else {
        let labels: Vec<&str> = folders.iter().map(|folder| folder.label.as_str()).collect();
        return Err(match (labels.as_slice(), own_label) {
            ([], _) | (_, None) => "It has no evaluation yet: it can be compared once one is there (`sayself evaluate`, or the end of the run).".into(),
            (_, Some(label)) => format!("It has no evaluation called {label}; there are {}.", labels.join(", ")),
        });
    };
    Ok(Named {
        asked: text.to_owned(),
        run,
        folder,
    })
}

/// Those of `runs` that can be compared, and whether there are more.
pub fn choices(runs: &[Run], query: &str) -> (Vec<Choice>, bool) {
    let mut rest = runs
        .iter()
        .filter(|run| !run.facts.labels.is_empty())
        .filter(|run| query.is_empty() || catalogue::is_found(run, query));
    let choices = rest
        .by_ref()
        .take(CHOICES_MAX)
        .map(|run| Choice {
            run: run.found.id.clone(),
            title: run.facts.title.clone(),
            model: run.facts.model.clone(),
            questions: run.facts.questions.clone(),
            labels: run.facts.labels.clone(),
        })
        .collect();
    (choices, rest.next().is_some())
}

/// The differences computed last; one computation at a time.
#[derive(Default)]
pub struct Comparisons {
    kept: Mutex<Kept>,
    computing: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    /// By entries, fingerprints of their runs, and base.
    differences: HashMap<String, (u64, Arc<Differences>)>,
    clock: u64,
}

/// Each entry against the base.
#[derive(Clone, Debug, Default, PartialEq)]
struct Differences {
    pairs: Vec<Pair>,
    family: usize,
    bootstraps: usize,
}

impl Comparisons {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A cache: after a panic elsewhere nothing in it is half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, key: &str) -> Option<Arc<Differences>> {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let (used, found) = kept.differences.get_mut(key)?;
        *used = clock;
        Some(Arc::clone(found))
    }

    fn keep(&self, key: &str, found: Arc<Differences>) {
        let mut kept = self.lock();
        let clock = kept.clock;
        kept.differences.insert(key.to_owned(), (clock, found));
        while kept.differences.len() > COMPARISONS_KEPT_MAX {
            let oldest = kept
                .differences
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            kept.differences.remove(&oldest);
        }
    }

    /// Compares the named evaluations. Blocks on the file system and computes for seconds.
    ///
    /// # Errors
    /// Those of reading records that were there a moment before.
    pub fn compare(
        &self,
        named: Vec<Named>,
        mut left_out: Vec<LeftOut>,
        wanted: &Wanted,
    ) -> io::Result<app::view::Comparison> {
        let mut read: Vec<(Named, AnsweredQuestions)> = Vec::new();
        for one in named {
            let reason = match AnsweredQuestions::read(&one.run.found.directory, &one.answers()) {
                Ok(answers) if !answers.answers.is_empty() => {
                    read.push((one, answers));
                    continue;
                }
                Ok(_) => "It has no answers yet.".to_owned(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => format!(
                    "Its figures alone were kept: {ANSWERS} is not there, so that no question can be compared."
                ),
                Err(error) => format!("Its answers cannot be read: {ANSWERS} {error}."),
            };
            left_out.push(LeftOut {
                name: one.entry(),
                reason,
            });
        }
        let place = |name: &Option<String>| {
            let name = name.as_deref()?;
            read.iter().position(|(one, _)| one.is_called(name))
        };
        let base = place(&wanted.base).unwrap_or(0);
        let with = place(&wanted.with)
            .filter(|with| *with != base)
            .unwrap_or(usize::from(base == 0));
        let mut compared = app::view::Comparison {
            entries: read
                .iter()
                .map(|(one, answers)| entry(one, answers))
                .collect(),
            left_out,
            base,
            with,
            seed: SEED,
            ..app::view::Comparison::default()
        };
        if read.len() < COMPARED_MIN {
            return Ok(compared);
        }
        compared.shared_by_all = shared_by_all(&read);
        let differences = self.differences(&read, base)?;
        compared.pairs = differences.pairs.clone();
        compared.family = differences.family as u64;
        compared.bootstraps = differences.bootstraps as u64;
        compared.changes = changed(&read[base], &read[with], wanted.change)?;
        Ok(compared)
    }

    fn differences(
        &self,
        read: &[(Named, AnsweredQuestions)],
        base: usize,
    ) -> io::Result<Arc<Differences>> {
        let mut key = base.to_string();
        for (one, _) in read {
            key.push_str(&format!("\n{} {}", one.run.fingerprint, one.entry()));
        }
        if let Some(found) = self.kept(&key) {
            return Ok(found);
        }
        let _computing = self
            .computing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // It may have been computed while this one waited.
        if let Some(found) = self.kept(&key) {
            return Ok(found);
        }
        let found = Arc::new(differences(read, base)?);
        self.keep(&key, Arc::clone(&found));
        Ok(found)
    }
}

fn entry(one: &Named, read: &AnsweredQuestions) -> ComparedEvaluation {
    let facts = &one.run.facts;
    let mut points: Vec<(f64, bool)> = read
        .answers
        .iter()
        .map(|answer| (answer.probability, answer.correct))
        .collect();
    points.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut tallies: Vec<(f64, u64, u64)> = Vec::new();
    for (confidence, correct) in points {
        match tallies.last_mut() {
            Some(last) if last.0 == confidence => {}
            _ => tallies.push((confidence, 0, 0)),
        }
        if let Some(last) = tallies.last_mut() {
            last.1 += u64::from(correct);
            last.2 += u64::from(!correct);
        }
    }
    ComparedEvaluation {
        entry: one.entry(),
        run: one.run.found.id.clone(),
        title: facts.title.clone(),
        label: one.folder.label.clone(),
        model: facts.model.clone(),
        questions: facts.questions.clone(),
        n: read.answers.len() as u64,
        failures: read.failures,
        bad_lines: read.bad_lines,
        is_cut: read.is_cut,
        tallies,
    }
}

fn shared_by_all(read: &[(Named, AnsweredQuestions)]) -> u64 {
    let ids = |answers: &AnsweredQuestions| -> HashSet<String> {
        let ids = answers.answers.iter();
        ids.map(|one| one.question_id.clone()).collect()
    };
    let mut shared: Option<HashSet<String>> = None;
    for (_, answers) in read {
        let own = ids(answers);
        shared = Some(match shared {
            None => own,
            Some(mut shared) => {
                shared.retain(|id| own.contains(id));
                shared
            }
        });
    }
    shared.map_or(0, |shared| shared.len() as u64)
}

/// As many resamples as can be drawn in seconds.
fn bootstraps(rows: usize) -> usize {
    (COMPARED_ROWS_DRAWN / rows.max(1)).clamp(COMPARED_BOOTSTRAPS_MIN, COMPARED_BOOTSTRAPS_MAX)
}

/// What one resample of an evaluation costs, in rows of few levels.
fn cost(one: &Evaluated) -> usize {
    let mut distinct: HashSet<u64> = HashSet::new();
    let is_continuous = one.answers.iter().any(|answer| {
        distinct.insert(answer.probability.to_bits());
        distinct.len() > LEVELS_MAX
    });
    let each = if is_continuous { CONTINUOUS_COST } else { 1 };
    one.answers.len() * each
}

fn differences(read: &[(Named, AnsweredQuestions)], base: usize) -> io::Result<Differences> {
    let evaluated: Vec<Evaluated> = read
        .iter()
        .map(|(one, answers)| Evaluated {
            name: one.entry(),
            answers: answers.answers.clone(),
        })
        .collect();
    let rows = evaluated.iter().map(cost).sum();
    let options = Options {
        binning: Binning::Auto,
        bootstraps: bootstraps(rows),
        seed: SEED,
    };
    let base_name = evaluated[base].name.clone();
    let mut pairs: Vec<Pair> = (0..read.len())
        .filter(|place| *place != base)
        .map(|entry| Pair {
            entry,
            n: 0,
            differences: Vec::new(),
        })
        .collect();
    let found = compare(
        &methods(&evaluated, true),
        Some(&base_name),
        &DEFAULT_MEASURES,
        options,
    );
    let found = match found {
        Ok(found) => found,
        Err(NotComparable::NothingWith { .. }) => {
            return Ok(Differences {
                pairs,
                family: 0,
                bootstraps: options.bootstraps,
            });
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    for compared in found.compared {
        let pair = pairs
            .iter_mut()
            .find(|pair| evaluated[pair.entry].name == compared.name);
        let Some(pair) = pair else { continue };
        pair.n = compared.n as u64;
        pair.differences = compared
            .differences
            .into_iter()
            .map(|one| PairedDifference {
                measure: one.difference.measure.to_owned(),
                base: one.difference.a,
                other: one.difference.b,
                difference: one.difference.difference,
                low: one.difference.ci.map(|[low, _]| low),
                high: one.difference.ci.map(|[_, high]| high),
                p_value: one.difference.p_value,
                p_holm: one.p_holm,
            })
            .collect();
    }
    Ok(Differences {
        pairs,
        family: found.family,
        bootstraps: found.bootstraps,
    })
}

/// `None` where they share no question.
fn changed(
    base: &(Named, AnsweredQuestions),
    with: &(Named, AnsweredQuestions),
    chosen: Option<Change>,
) -> io::Result<Option<Changes>> {
    let in_with: HashMap<&str, usize> = with
        .1
        .answers
        .iter()
        .enumerate()
        .map(|(at, answer)| (answer.question_id.as_str(), at))
        .collect();
    // Places among the answers of base and of with.
    let shared: Vec<(usize, usize)> = base
        .1
        .answers
        .iter()
        .enumerate()
        .filter_map(|(at, answer)| Some((at, *in_with.get(answer.question_id.as_str())?)))
        .collect();
    if shared.is_empty() {
        return Ok(None);
    }
    let both: Vec<Both> = shared
        .iter()
        .map(|&(before, after)| {
            let (before, after) = (&base.1.answers[before], &with.1.answers[after]);
            Both {
                before: (before.probability, before.correct),
                after: (after.probability, after.correct),
            }
        })
        .collect();
    let counts = changes::counts(&both);
    let (listed, limit) = match &chosen {
        Some(change) => (std::slice::from_ref(change), CHANGED_ROWS_MAX),
        None => (&Change::MOVED[..], CHANGED_ROWS_SHORT),
    };
    let mut lists = Vec::new();
    for change in listed {
        let total = counts
            .iter()
            .find(|(known, _)| known == change)
            .map_or(0, |(_, count)| *count);
        if total == 0 {
            continue;
        }
        let places = changes::most(&both, *change, limit);
        let wanted: Vec<(usize, usize)> = places.iter().map(|place| shared[*place]).collect();
        lists.push(ChangeList {
            change: *change,
            total,
            questions: questions(base, with, &wanted)?,
        });
    }
    Ok(Some(Changes {
        n: both.len() as u64,
        counts,
        cells: cells(&both),
        chosen,
        lists,
    }))
}

fn cells(all: &[Both]) -> Vec<LevelCell> {
    let mut cells: BTreeMap<(u8, u8), (u64, u64)> = BTreeMap::new();
    for both in all {
        let levels = (level_bin(both.before.0), level_bin(both.after.0));
        let cell = cells.entry(levels).or_default();
        if both.after.1 {
            cell.0 += 1;
        } else {
            cell.1 += 1;
        }
    }
    cells
        .into_iter()
        .map(|((before, after), (right, wrong))| LevelCell {
            before,
            after,
            right,
            wrong,
        })
        .collect()
}

/// The questions at these places; one whose record cannot be read any more is left out.
fn questions(
    base: &(Named, AnsweredQuestions),
    with: &(Named, AnsweredQuestions),
    wanted: &[(usize, usize)],
) -> io::Result<Vec<ChangedQuestion>> {
    let texts = |(one, read): &(Named, AnsweredQuestions), places: Vec<usize>| {
        read.texts(&one.run.found.directory, &one.answers(), &places)
    };
    let before = texts(base, wanted.iter().map(|place| place.0).collect())?;
    let after = texts(with, wanted.iter().map(|place| place.1).collect())?;
    let questions = wanted.iter().zip(before.into_iter().zip(after));
    Ok(questions
        .filter_map(|(&(at, other), (before, after))| {
            let (before, after) = (before?, after?);
            let (left, right) = words::marked(
                before.rationale.as_deref().unwrap_or(""),
                after.rationale.as_deref().unwrap_or(""),
            );
            let (left, right) = match (&before.rationale, &after.rationale) {
                (Some(_), Some(_)) => (left, right),
                // Where there is one rationale alone, all of it would be marked.
                (one, other) => (
                    words::unmarked(one.as_deref().unwrap_or("")),
                    words::unmarked(other.as_deref().unwrap_or("")),
                ),
            };
            let answered = &base.1.answers[at];
            let answered_after = &with.1.answers[other];
            Some(ChangedQuestion {
                id: answered.question_id.clone(),
                question: after.question.clone(),
                gold: after.gold.clone().or_else(|| before.gold.clone()),
                before: said(before, answered.probability, answered.correct, left),
                after: said(
                    after,
                    answered_after.probability,
                    answered_after.correct,
                    right,
                ),
            })
        })
        .collect())
}

fn said(texts: Texts, probability: f64, correct: bool, rationale: Vec<words::Stretch>) -> Said {
    Said {
        answer: texts.answer,
        probability,
        correct,
        failure: texts.failure,
        rationale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_evaluations_are_drawn_less_often() {
        assert_eq!(bootstraps(400), COMPARED_BOOTSTRAPS_MAX);
        assert_eq!(bootstraps(10_000_000), COMPARED_BOOTSTRAPS_MIN);
    }

    #[test]
    fn differences_computed_last_are_kept() {
        let comparisons = Comparisons::default();
        for number in 0..=COMPARISONS_KEPT_MAX {
            comparisons.kept("0");
            comparisons.keep(&number.to_string(), Arc::default());
        }
        assert!(comparisons.kept("0").is_some());
        assert!(comparisons.kept("1").is_none());
    }
}
