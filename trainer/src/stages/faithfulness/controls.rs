//! The controls beside every figure: rationales of other questions, and one constant rationale. A measure
//! that does not fall there says nothing.

use crate::stages::sft::shuffled;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One figure of a question: of its own text, and of the two controls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Controlled<T> {
    pub own: T,
    /// Of another question's text; absent where there is no other.
    pub shuffled: T,
    /// Of the constant text.
    pub constant: T,
}

impl<T> Controlled<T> {
    pub fn map<U>(self, mut to: impl FnMut(T) -> U) -> Controlled<U> {
        Controlled {
            own: to(self.own),
            shuffled: to(self.shuffled),
            constant: to(self.constant),
        }
    }
}

/// For each question the one whose rationale it is given instead: another one of its template, as the
/// seed has it; where it is the only one of its template, another of those; itself where there is no
/// other at all.
///
/// Within templates the control is at its hardest: the text then speaks of the right kind of thing.
pub fn others(templates: &[Option<&str>], seed: u64) -> Vec<usize> {
    let mut of_template: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for index in shuffled(templates.len(), seed, 0) {
        of_template.entry(templates[index]).or_default().push(index);
    }
    let (cycles, alone): (Vec<_>, Vec<_>) = of_template
        .into_values()
        .partition(|questions| questions.len() > 1);
    let alone: Vec<usize> = alone.into_iter().flatten().collect();
    let mut others: Vec<usize> = (0..templates.len()).collect();
    for questions in cycles.iter().chain([&alone]) {
        for (place, question) in questions.iter().enumerate() {
            others[*question] = questions[(place + 1) % questions.len()];
        }
    }
    // The last one that is alone in all is given any other.
    if let [question] = alone[..]
        && templates.len() > 1
    {
        others[question] = (question + 1) % templates.len();
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_single_question_has_no_other() {
        assert_eq!(others(&[None], 1), [0]);
        assert!(others(&[], 1).is_empty());
        assert_eq!(others(&[Some("a"), Some("b"), Some("b")], 1)[0], 1);
    }

    proptest! {
        #[test]
        fn everyone_is_given_another_ones(of in prop::collection::vec(0u8..4, 2..40), seed: u64) {
            let names = ["a", "b", "c", "d"];
            let templates: Vec<Option<&str>> = of.iter().map(|at| Some(names[usize::from(*at)])).collect();
            let found = others(&templates, seed);
            prop_assert_eq!(&found, &others(&templates, seed));
            for (question, other) in found.iter().enumerate() {
                prop_assert_ne!(question, *other);
                let alike = templates.iter().filter(|template| **template == templates[question]).count();
                if alike > 1 {
                    prop_assert_eq!(templates[*other], templates[question]);
                }
            }
        }
    }
}
