//! Confidence before and after, question by question: which answers became right or wrong, and which
//! are said more or less surely.

use serde::{Deserialize, Serialize};

/// Confidences that differ by less are the same.
const SAME_WITHIN: f64 = 1e-9;

/// What two evaluations say of one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Both {
    /// (probability 0..=1, whether it was right).
    pub before: (f64, bool),
    pub after: (f64, bool),
}

/// How an answer changed. Every question has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    BecameRight,
    BecameWrong,
    /// Right both times.
    RightSurer,
    RightLessSure,
    RightAsSure,
    /// Wrong both times.
    WrongSurer,
    WrongLessSure,
    WrongAsSure,
}

impl Change {
    pub const ALL: [Change; 8] = [
        Change::BecameRight,
        Change::BecameWrong,
        Change::RightSurer,
        Change::RightLessSure,
        Change::WrongLessSure,
        Change::WrongSurer,
        Change::RightAsSure,
        Change::WrongAsSure,
    ];
    /// Those in which something changed.
    pub const MOVED: [Change; 6] = [
        Change::BecameRight,
        Change::BecameWrong,
        Change::RightSurer,
        Change::RightLessSure,
        Change::WrongLessSure,
        Change::WrongSurer,
    ];

    pub fn of(both: Both) -> Change {
        let step = both.step();
        let moved = |surer, less_sure, as_sure| {
            if step > SAME_WITHIN {
                surer
            } else if step < -SAME_WITHIN {
                less_sure
            } else {
                as_sure
            }
        };
        match (both.before.1, both.after.1) {
            (false, true) => Change::BecameRight,
            (true, false) => Change::BecameWrong,
            (true, true) => moved(
                Change::RightSurer,
                Change::RightLessSure,
                Change::RightAsSure,
            ),
            (false, false) => moved(
                Change::WrongSurer,
                Change::WrongLessSure,
                Change::WrongAsSure,
            ),
        }
    }

    /// As it stands in an address.
    ///
    /// ```
    /// use comparison::changes::Change;
    /// assert_eq!(Change::RightSurer.name(), "right-surer");
    /// assert!(Change::ALL.iter().all(|one| Change::named(one.name()) == Some(*one)));
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Change::BecameRight => "became-right",
            Change::BecameWrong => "became-wrong",
            Change::RightSurer => "right-surer",
            Change::RightLessSure => "right-less-sure",
            Change::RightAsSure => "right-as-sure",
            Change::WrongSurer => "wrong-surer",
            Change::WrongLessSure => "wrong-less-sure",
            Change::WrongAsSure => "wrong-as-sure",
        }
    }

    pub fn named(name: &str) -> Option<Change> {
        Change::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Whether it is what one hopes for; `None` where nothing changed.
    pub fn is_good(self) -> Option<bool> {
        match self {
            Change::BecameRight | Change::RightSurer | Change::WrongLessSure => Some(true),
            Change::BecameWrong | Change::RightLessSure | Change::WrongSurer => Some(false),
            Change::RightAsSure | Change::WrongAsSure => None,
        }
    }
}

impl Both {
    /// How much surer the second is, −1..=1.
    pub fn step(self) -> f64 {
        self.after.0 - self.before.0
    }
}

/// How many questions changed in each way, in the order of [`Change::ALL`].
pub fn counts(all: &[Both]) -> Vec<(Change, u64)> {
    let mut counts: Vec<(Change, u64)> = Change::ALL.iter().map(|one| (*one, 0)).collect();
    for both in all {
        let change = Change::of(*both);
        if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == change) {
            *count += 1;
        }
    }
    counts
}

/// The places in `all` of the `limit` questions that changed most in this way: by how far the confidence
/// moved; of answers that became right or wrong, by how surely they are said now. Equals stand in their
/// own order.
pub fn most(all: &[Both], change: Change, limit: usize) -> Vec<usize> {
    let size = |place: &usize| match change {
        Change::BecameRight | Change::BecameWrong => all[*place].after.0,
        _ => all[*place].step().abs(),
    };
    let mut places: Vec<usize> = (0..all.len())
        .filter(|place| Change::of(all[*place]) == change)
        .collect();
    places.sort_by(|left, right| size(right).total_cmp(&size(left)));
    places.truncate(limit);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(before: f64, was_right: bool, after: f64, is_right: bool) -> Both {
        Both {
            before: (before, was_right),
            after: (after, is_right),
        }
    }

    #[test]
    fn every_question_changes_in_one_way() {
        let all = [
            both(0.2, true, 0.9, true),
            both(0.8, true, 0.9, true),
            both(0.9, true, 0.1, true),
            both(0.1 + 0.2, true, 0.3, true),
            both(0.5, false, 0.9, false),
            both(0.5, false, 0.1, false),
            both(0.5, false, 0.5, false),
            both(0.5, false, 0.7, true),
            both(0.5, true, 0.7, false),
        ];
        let counts = counts(&all);
        let wanted = [1, 1, 2, 1, 1, 1, 1, 1];
        let found: Vec<u64> = counts.iter().map(|(_, count)| *count).collect();
        assert_eq!(found, wanted, "{counts:?}");
        assert_eq!(most(&all, Change::RightSurer, 5), [0, 1]);
        assert_eq!(most(&all, Change::RightSurer, 1), [0]);
        assert_eq!(most(&[], Change::BecameRight, 5), [0_usize; 0]);
    }

    #[test]
    fn what_became_wrong_is_sorted_by_how_surely_it_is_said() {
        let all = [
            both(0.9, true, 0.2, false),
            both(0.8, true, 0.9, false),
            both(0.1, true, 0.9, false),
        ];
        assert_eq!(most(&all, Change::BecameWrong, 3), [1, 2, 0]);
    }
}
