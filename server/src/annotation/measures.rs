//! What the measures of faithfulness say of the rationales that people rate.

use crate::runs::Run;
use crate::runs::faithfulness::{self, Score, Scores};
use std::collections::HashMap;

/// The scores of all rated evaluations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    /// By run and label.
    by_evaluation: HashMap<(String, String), Scores>,
    /// What could not be read or used, a sentence each.
    pub remarks: Vec<String>,
}

impl Measures {
    /// Reads what the run directory has of an evaluation. What is missing is remarked. Blocks on the file
    /// system.
    pub fn read(&mut self, run: &Run, label: &str) {
        let id = run.found.id.clone();
        match faithfulness::scores(&run.found.directory, label) {
            Ok(Some(scores)) => self.add(id, label, scores),
            Ok(None) => self.remarks.push(format!(
                "{id} has no measures of the rationales of {label}: `sayself faithfulness RUN --label {label}` makes them, and they are then compared with what people say."
            )),
            Err(error) => self.remarks.push(format!(
                "The measures of the rationales of {label} in {id} cannot be read: {error}."
            )),
        }
    }

    /// Takes the scores of an evaluation, where they are of its own rationales.
    pub fn add(&mut self, run: String, label: &str, scores: Scores) {
        if scores.of_summaries {
            self.remarks.push(format!(
                "What was measured of {label} in {run} are summaries, not the rationales that people rate, so the two are not compared."
            ));
            return;
        }
        if scores.left_out > 0 {
            self.remarks.push(format!(
                "{} lines of the measures of {label} in {run} cannot be read and are left out.",
                scores.left_out
            ));
        }
        self.by_evaluation.insert((run, label.to_owned()), scores);
    }

    /// The scores of a rationale, where its question was measured and its samples disagree: on the
    /// others, as in `sayself faithfulness`, there is no doubt to tell of.
    pub fn of(&self, run: &str, label: &str, question_id: &str) -> Option<Score> {
        let scores = self
            .by_evaluation
            .get(&(run.to_owned(), label.to_owned()))?;
        let score = scores.by_question.get(question_id)?;
        (score.clusters > 1).then_some(*score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_something_else_is_not_compared() {
        let score = |clusters| Score {
            clusters,
            judge: Some(5.0),
            ..Score::default()
        };
        let scores = Scores {
            by_question: [("a".to_owned(), score(2)), ("b".to_owned(), score(1))].into(),
            left_out: 2,
            ..Scores::default()
        };
        let mut measures = Measures::default();
        measures.add("r".into(), "l", scores.clone());
        assert_eq!(measures.of("r", "l", "a"), Some(score(2)));
        assert_eq!(measures.of("r", "l", "b"), None);
        assert_eq!(measures.of("r", "other", "a"), None);
        assert!(measures.remarks[0].contains("2 lines"));
        let of_summaries = Scores {
            of_summaries: true,
            ..scores
        };
        measures.add("s".into(), "l", of_summaries);
        assert_eq!(measures.of("s", "l", "a"), None);
        assert_eq!(measures.remarks.len(), 2);
    }
}
