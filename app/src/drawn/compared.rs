//! What the charts of a Compare page are drawn from, and the charts as files.

use crate::chart::csv::Csv;
use crate::chart::file::Form;
use crate::chart::measured::measured;
use crate::chart::overlay::{self, SERIES, Series};
use crate::chart::palette::Ink;
use crate::chart::rows::{self, Row, Rows};
use crate::chart::{
    Binning, Diagram, Outcomes, change, difference, histogram, reliability, small_histogram,
    standalone, together,
};
use crate::format;
use crate::view::{
    COMPARED_MIN, Changes, ComparedEvaluation, Comparison, LevelCell, Pair, PairedDifference,
};

/// Corrected p-values below this are no chance.
const CLEAR_BELOW: f64 = 0.05;

/// The charts of a Compare page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// The curves over one another.
    Overlay,
    /// The histograms side by side.
    Histograms,
    /// Paired differences.
    Differences,
    /// Confidence before and after, question by question.
    Changes,
}

impl Chart {
    pub const ALL: [Chart; 4] = [
        Chart::Overlay,
        Chart::Histograms,
        Chart::Differences,
        Chart::Changes,
    ];

    /// As addresses write it.
    pub fn name(self) -> &'static str {
        match self {
            Chart::Overlay => "overlay",
            Chart::Histograms => "histograms",
            Chart::Differences => "differences",
            Chart::Changes => "changes",
        }
    }

    /// The chart of that name.
    pub fn named(name: &str) -> Option<Chart> {
        Chart::ALL.into_iter().find(|chart| chart.name() == name)
    }

    /// The text of the file; `None` where the page has no such chart.
    pub fn file(self, form: Form, comparison: &Comparison) -> Option<String> {
        let is_there = match self {
            Chart::Overlay | Chart::Histograms => comparison.entries.len() >= COMPARED_MIN,
            Chart::Differences => all_differences(comparison).next().is_some(),
            Chart::Changes => comparison.changes.is_some(),
        };
        is_there.then(|| match form {
            Form::Svg => standalone(&self.svg(comparison)),
            Form::Csv => self.csv(comparison),
        })
    }

    fn svg(self, comparison: &Comparison) -> String {
        let id = self.name();
        match self {
            Chart::Overlay => overlay::svg(&outcomes(comparison), id),
            Chart::Histograms => {
                let drawn = histograms(comparison, &outcomes(comparison));
                side_by_side(drawn, small_histogram::SIZE, id, "Confidence histograms")
            }
            Chart::Differences => rows::svg(&difference_rows(comparison), id),
            Chart::Changes => {
                let drawn = comparison.changes.iter();
                let drawn = drawn.flat_map(|changes| grids(comparison, changes));
                side_by_side(
                    drawn.collect(),
                    change::SIZE,
                    id,
                    "Confidence before and after",
                )
            }
        }
    }

    fn csv(self, comparison: &Comparison) -> String {
        match self {
            Chart::Overlay => {
                reliability::csv(&outcomes(comparison), Diagram::Levels, Binning::Stated)
            }
            Chart::Histograms => histogram::csv(&outcomes(comparison)),
            Chart::Differences => differences_csv(comparison),
            Chart::Changes => changes_csv(comparison),
        }
    }
}

/// How an entry is drawn.
pub fn series(place: usize) -> Series {
    SERIES[place % SERIES.len()]
}

/// An entry by its letter and name: `B sayself`.
pub fn named(comparison: &Comparison, place: usize) -> String {
    let name = comparison
        .entries
        .get(place)
        .map_or_else(String::new, |one| one.name(&comparison.entries));
    format!("{} {name}", series(place).letter)
}

/// The outcomes of each entry, by its name.
pub fn outcomes(comparison: &Comparison) -> Vec<Outcomes> {
    let entries = comparison.entries.iter();
    entries
        .map(|one| {
            let name = one.name(&comparison.entries);
            measured(&name, &points(one)).outcomes.clone()
        })
        .collect()
}

/// (confidence, correct) of each answer.
fn points(one: &ComparedEvaluation) -> Vec<(f64, bool)> {
    let repeated = |confidence: f64, correct: bool, times: u64| {
        std::iter::repeat_n((confidence, correct), times as usize)
    };
    one.tallies
        .iter()
        .flat_map(|&(confidence, right, wrong)| {
            repeated(confidence, false, wrong).chain(repeated(confidence, true, right))
        })
        .collect()
}

/// One of several charts that stand side by side.
pub struct Drawing {
    pub name: String,
    /// Answers or questions in it.
    pub n: u64,
    pub svg: String,
}

fn side_by_side(drawings: Vec<Drawing>, size: (u32, u32), id: &str, title: &str) -> String {
    let named = drawings.into_iter().map(|one| {
        let name = format!("{}, n = {}", one.name, format::count(one.n));
        (name, one.svg)
    });
    together::svg(&named.collect::<Vec<_>>(), size, id, title)
}

/// The histogram of each entry, all on one scale.
pub fn histograms(comparison: &Comparison, outcomes: &[Outcomes]) -> Vec<Drawing> {
    let most = small_histogram::longest(outcomes);
    let drawn = outcomes.iter().enumerate();
    drawn
        .map(|(place, one)| Drawing {
            name: named(comparison, place),
            n: one.n(),
            svg: small_histogram::svg(one, series(place).ink, most, &format!("histogram-{place}")),
        })
        .collect()
}

/// The questions by their levels before and after: those whose answer after is right, and the others.
pub fn grids(comparison: &Comparison, changes: &Changes) -> [Drawing; 2] {
    let grid = |correct: bool| {
        let of = |cell: &LevelCell| if correct { cell.right } else { cell.wrong };
        let both = changes
            .cells
            .iter()
            .flat_map(|cell| [cell.right, cell.wrong]);
        let most = both.max().unwrap_or(1);
        let drawn: Vec<change::Cell> = changes
            .cells
            .iter()
            .map(|cell| change::Cell {
                before: cell.before,
                after: cell.after,
                questions: of(cell),
            })
            .collect();
        let (outcome, id) = match correct {
            true => ("right", "moved-right"),
            false => ("wrong", "moved-wrong"),
        };
        let (before, after) = (
            named(comparison, comparison.base),
            named(comparison, comparison.with),
        );
        let names = change::Names {
            title: &format!("Confidence before and after, where {after} is {outcome}"),
            before: &format!("Confidence of {}", shortened(&before)),
            after: &format!("Confidence of {}", shortened(&after)),
        };
        Drawing {
            name: format!("Answers that are {outcome} after"),
            n: drawn.iter().map(|cell| cell.questions).sum(),
            svg: change::svg(&drawn, most, series(comparison.with).ink, names, id),
        }
    };
    [grid(true), grid(false)]
}

/// A name of at most 30 characters.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(29) {
        Some((end, _)) if name.chars().count() > 30 => [&name[..end], "…"].concat(),
        _ => name.to_owned(),
    }
}

fn changes_csv(comparison: &Comparison) -> String {
    let mut csv = Csv::new(&[
        "before",
        "after",
        "confidence_before",
        "confidence_after",
        "right_after",
        "wrong_after",
    ]);
    let (before, after) = (
        named(comparison, comparison.base),
        named(comparison, comparison.with),
    );
    let cells = comparison.changes.iter().flat_map(|changes| &changes.cells);
    for cell in cells {
        let level = |level: u8| f64::from(level) / 10.0;
        let numbers = [
            level(cell.before),
            level(cell.after),
            cell.right as f64,
            cell.wrong as f64,
        ];
        csv.row(&[&before, &after], &numbers);
    }
    csv.finish()
}

/// What a difference comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Better,
    Worse,
    /// Chance explains it.
    Unclear,
}

/// Better or worse where the interval leaves out 0 and the corrected p-value is small.
pub fn verdict(one: &PairedDifference) -> Verdict {
    let excludes_zero = one
        .low
        .zip(one.high)
        .is_some_and(|(low, high)| low > 0.0 || high < 0.0);
    if !excludes_zero || !one.p_holm.is_some_and(|p| p < CLEAR_BELOW) {
        return Verdict::Unclear;
    }
    if (one.difference < 0.0) == lower_is_better(&one.measure) {
        Verdict::Better
    } else {
        Verdict::Worse
    }
}

fn lower_is_better(measure: &str) -> bool {
    !matches!(measure, "accuracy" | "auroc" | "dsc" | "unc" | "log_score")
}

/// A measure as pages call it.
pub fn measure_in_words(measure: &str) -> String {
    match measure {
        "accuracy" => "Accuracy".into(),
        "ece_15" | "ece_10" => "ECE".into(),
        "smece" => "smECE".into(),
        "brier" => "Brier".into(),
        "auroc" => "AUROC".into(),
        other => other.to_owned(),
    }
}

fn all_differences(comparison: &Comparison) -> impl Iterator<Item = &PairedDifference> {
    comparison.pairs.iter().flat_map(|pair| &pair.differences)
}

/// Where the scale of all differences ends, either way.
pub fn differences_to(comparison: &Comparison) -> f64 {
    let ends = all_differences(comparison)
        .flat_map(|one| [Some(one.difference), one.low, one.high])
        .flatten();
    difference::scale(ends)
}

fn difference_rows(comparison: &Comparison) -> Rows {
    let row = |one: &PairedDifference| {
        let (ink, words) = match verdict(one) {
            Verdict::Better => (Ink::Text, ", better"),
            Verdict::Worse => (Ink::Text, ", worse"),
            Verdict::Unclear => (Ink::Muted, ""),
        };
        Row {
            name: measure_in_words(&one.measure),
            ring: None,
            value: one.difference,
            interval: one.low.zip(one.high),
            ink,
            words: format::signed(one.difference, 3) + words,
        }
    };
    let section = |pair: &Pair| {
        let heading = format!(
            "{}, n = {}",
            named(comparison, pair.entry),
            format::count(pair.n)
        );
        (heading, pair.differences.iter().map(row).collect())
    };
    let most = differences_to(comparison);
    let pairs = comparison.pairs.iter();
    Rows {
        title: "Paired differences".to_owned(),
        caption: format!(
            "Line: the difference from {}, with its 95% interval; grey where chance explains it.",
            named(comparison, comparison.base)
        ),
        scale: -most..most,
        sections: pairs
            .filter(|pair| !pair.differences.is_empty())
            .map(section)
            .collect(),
    }
}

fn differences_csv(comparison: &Comparison) -> String {
    let mut csv = Csv::new(&[
        "base",
        "other",
        "measure",
        "n",
        "base_value",
        "other_value",
        "difference",
        "low",
        "high",
        "p_value",
        "p_holm",
    ]);
    let base = named(comparison, comparison.base);
    for pair in &comparison.pairs {
        let other = named(comparison, pair.entry);
        for one in &pair.differences {
            let or_nothing = |value: Option<f64>| value.unwrap_or(f64::NAN);
            let numbers = [
                pair.n as f64,
                one.base,
                one.other,
                one.difference,
                or_nothing(one.low),
                or_nothing(one.high),
                or_nothing(one.p_value),
                or_nothing(one.p_holm),
            ];
            csv.row(&[&base, &other, &one.measure], &numbers);
        }
    }
    csv.finish()
}
