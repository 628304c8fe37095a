//! Whether a researcher may settle an item so.

use crate::limits::RATING_NOTE_CHARACTERS_MAX;
use app::view::Settlement;
use datasets::annotation::{ProjectKind, SCORE_MAX};

/// What is wrong with a settlement, a sentence each; a choice is of the order of the item's rationales.
pub fn wrong(settlement: &Settlement, kind: ProjectKind) -> Vec<String> {
    let mut wrong = Vec::new();
    match (kind, settlement.score, settlement.choice) {
        (ProjectKind::Single, Some(score), None) if score <= SCORE_MAX => {}
        (ProjectKind::Single, ..) => wrong.push(format!(
            "A single rationale is settled by a `score` from 0 to {SCORE_MAX}, and by nothing else."
        )),
        (ProjectKind::Pairs, None, Some(_)) => {}
        (ProjectKind::Pairs, ..) => wrong.push(
            "A pair is settled by a `choice`: left (the first), right, tie or both-bad; and by nothing else."
                .into(),
        ),
    }
    let characters = settlement.note.chars().count();
    if characters > RATING_NOTE_CHARACTERS_MAX {
        wrong.push(format!(
            "The note has {characters} characters, expected {RATING_NOTE_CHARACTERS_MAX} at most."
        ));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::annotation::Choice;

    #[test]
    fn a_settlement_is_of_its_kind() {
        let score = |score| Settlement {
            score: Some(score),
            ..Settlement::default()
        };
        assert!(wrong(&score(10), ProjectKind::Single).is_empty());
        assert_eq!(wrong(&score(11), ProjectKind::Single).len(), 1);
        assert_eq!(wrong(&score(1), ProjectKind::Pairs).len(), 1);
        assert_eq!(wrong(&Settlement::default(), ProjectKind::Pairs).len(), 1);
        let choice = Settlement {
            choice: Some(Choice::Tie),
            note: "x".repeat(4_001),
            ..Settlement::default()
        };
        assert_eq!(wrong(&choice, ProjectKind::Pairs).len(), 1);
    }
}
