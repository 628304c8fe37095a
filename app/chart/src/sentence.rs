//! The diagram in plain words: what a stated confidence was worth.

use crate::format::{count, fixed, percent};
use crate::outcomes::{Bin, Binning, Outcomes};

/// Answers that a bin needs before it is judged.
const JUDGED_MIN: u32 = 20;

/// Of a model as it is, or as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    Present,
    Past,
}

/// What the most used sure confidence was worth, and where confidence and truth part by more than
/// chance explains; `None` where there is no answer.
pub fn sentence(outcomes: &Outcomes, tense: Tense) -> Option<String> {
    let bins = outcomes.bins(Binning::Stated);
    // What it says when it is sure matters most: the most used level of at least 5 of 10.
    let sure = bins
        .iter()
        .filter(|bin| bin.mean_confidence >= 0.5 && bin.n >= JUDGED_MIN)
        .max_by_key(|bin| bin.n);
    let bin = sure.or_else(|| bins.iter().max_by_key(|bin| bin.n))?;
    let (low, high) = bin.interval();
    let (when, is) = match tense {
        Tense::Present => ("When this model says", "it is right"),
        Tense::Past => ("when it said", "it was right"),
    };
    let surely = if bin.low == bin.high {
        confidence(bin.low)
    } else {
        format!(
            "a confidence of {} to {}",
            fixed(bin.low, 1),
            fixed(bin.high, 1)
        )
    };
    Some(format!(
        "{when} {surely}, {is} {} of the time (n = {}, 95% interval {} to {}): {}.",
        percent(bin.accuracy()),
        count(bin.n.into()),
        percent(low),
        percent(high),
        verdict(&bins, tense),
    ))
}

/// A level in the words that the model uses: `8 of 10`.
fn confidence(level: f64) -> String {
    let tenths = level * 10.0;
    if (tenths - tenths.round()).abs() < 1e-6 {
        format!("{} of 10", fixed(tenths, 0))
    } else {
        format!("a confidence of {}", fixed(level, 2))
    }
}

/// Where confidence and truth part by more than chance explains.
fn verdict(bins: &[Bin], tense: Tense) -> String {
    let judged: Vec<&Bin> = bins.iter().filter(|bin| bin.n >= JUDGED_MIN).collect();
    let (it_is, holds) = match tense {
        Tense::Present => ("it is", "can be taken at its word"),
        Tense::Past => ("it was", "could be taken at its word"),
    };
    if judged.is_empty() {
        return "there are too few answers to judge it".to_owned();
    }
    let over = spans(&judged, |bin| bin.interval().1 < bin.mean_confidence);
    let under = spans(&judged, |bin| bin.interval().0 > bin.mean_confidence);
    match (over, under) {
        (None, None) => format!("no level is further off than chance explains, so it {holds}"),
        (Some(over), None) => format!("{it_is} overconfident {over}"),
        (None, Some(under)) => format!("{it_is} underconfident {under}"),
        (Some(over), Some(under)) => {
            format!("{it_is} overconfident {over} and underconfident {under}")
        }
    }
}

/// The judged bins that are off, as spans: `at 2`, `from 7 to 9`, `from 7 up`; `None` where none is.
fn spans(judged: &[&Bin], off: impl Fn(&Bin) -> bool) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    let mut index = 0;
    while index < judged.len() {
        if !off(judged[index]) {
            index += 1;
            continue;
        }
        let first = index;
        while index < judged.len() && off(judged[index]) {
            index += 1;
        }
        let levels = judged[first].low == judged[first].high;
        let (from, to) = (
            end_word(judged[first].low, levels),
            end_word(judged[index - 1].high, levels),
        );
        words.push(if first == 0 && index == judged.len() && judged.len() > 1 {
            "at every level".to_owned()
        } else if from == to {
            format!("at {from}")
        } else if levels && index == first + 2 && index < judged.len() {
            format!("at {from} and {to}")
        } else if index == judged.len() {
            format!("from {from} up")
        } else {
            format!("from {from} to {to}")
        });
    }
    match words.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        [init @ .., last] => Some(format!("{} and {last}", init.join(", "))),
    }
}

/// The end of a span: a level as the model writes it (`7`), anything else as a share (`0.65`).
fn end_word(end: f64, levels: bool) -> String {
    let tenths = end * 10.0;
    if levels && (tenths - tenths.round()).abs() < 1e-6 {
        fixed(tenths, 0)
    } else {
        fixed(end, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(level, right, wrong)`.
    fn outcomes(levels: &[(u8, usize, usize)]) -> Outcomes {
        let mut points = Vec::new();
        for &(level, right, wrong) in levels {
            points.extend(std::iter::repeat_n((f64::from(level) / 10.0, true), right));
            points.extend(std::iter::repeat_n((f64::from(level) / 10.0, false), wrong));
        }
        Outcomes::new("a", &points)
    }

    fn said(levels: &[(u8, usize, usize)]) -> String {
        sentence(&outcomes(levels), Tense::Present).unwrap_or_default()
    }

    #[test]
    fn overconfidence_is_named_with_its_levels() {
        let sentence = said(&[(6, 59, 41), (7, 50, 50), (8, 129, 83), (9, 60, 40)]);
        assert_eq!(
            sentence,
            "When this model says 8 of 10, it is right 61% of the time (n = 212, 95% interval 54% to 67%): \
             it is overconfident from 7 up."
        );
    }

    #[test]
    fn a_calibrated_model_is_taken_at_its_word() {
        assert!(said(&[(2, 20, 80), (8, 80, 20)]).ends_with("so it can be taken at its word."));
    }

    #[test]
    fn every_level_and_both_sides() {
        assert!(said(&[(8, 10, 90), (9, 10, 90)]).ends_with("it is overconfident at every level."));
        assert!(
            said(&[(2, 70, 30), (9, 10, 90)])
                .ends_with("it is overconfident at 9 and underconfident at 2.")
        );
    }

    #[test]
    fn few_answers_are_not_judged() {
        assert!(said(&[(9, 1, 1)]).ends_with("there are too few answers to judge it."));
        assert_eq!(sentence(&outcomes(&[]), Tense::Present), None);
    }
}
