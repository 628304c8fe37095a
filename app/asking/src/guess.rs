//! "Guess with me": a visitor's own answers and confidences, judged as the model's are, and both
//! diagrams.

use crate::limits::GUESSES_MAX;
use calibration::judge::is_correct;
use calibration::{Confidence, Row, brier, tally::Tally};
use chart::format::{counted, fixed};
use chart::measured::measured;
use chart::outcomes::Binning;
use chart::reliability::{self, Diagram};
use datasets::demo::{About, Example};
use serde::{Deserialize, Serialize};

/// What a visitor guessed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Guess {
    /// The question's place in [`About::questions`].
    pub question: usize,
    /// Empty: the visitor does not know.
    pub answer: String,
    pub confidence: Confidence,
}

/// A question with both answers to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    pub question: String,
    /// The first gold answer.
    pub gold: String,
    pub yours: String,
    pub confidence: u8,
    pub correct: bool,
    pub its: String,
    pub its_confidence: Option<u8>,
    pub its_correct: bool,
}

/// A visitor beside the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    pub judged: Vec<Judged>,
    /// SVG: the visitor's, and the model's on all questions of the evaluation.
    pub yours: String,
    pub its: String,
    /// Both in a sentence each.
    pub words: Vec<String>,
}

/// Judges guesses; those to questions that are not there are left out.
pub fn compare(about: &About, guesses: &[Guess]) -> Compared {
    let judged: Vec<Judged> = guesses
        .iter()
        .take(GUESSES_MAX)
        .filter_map(|guess| Some(judge(about.questions.get(guess.question)?, guess)))
        .collect();
    let points: Vec<(f64, bool)> = judged
        .iter()
        .map(|one| (f64::from(one.confidence) / 10.0, one.correct))
        .collect();
    let its_points: Vec<(f64, bool)> = judged
        .iter()
        .filter_map(|one| Some((f64::from(one.its_confidence?) / 10.0, one.its_correct)))
        .collect();
    let record = about
        .after
        .as_ref()
        .unwrap_or(&about.before)
        .record
        .as_ref();
    let all = record.map(|record| record.points()).unwrap_or_default();
    let draw = |label: &str, points: &[(f64, bool)], diagram, id: &str| {
        let outcomes = measured(label, points).outcomes.clone();
        reliability::drawn(&[outcomes], diagram, Binning::Stated, id)
    };
    Compared {
        // Ten answers make no curve.
        yours: draw("you", &points, Diagram::Levels, "your-diagram"),
        its: draw("the model", &all, Diagram::Corp, "its-diagram"),
        words: [
            words("You were", &points),
            words("On the same questions the model was", &its_points),
        ]
        .into_iter()
        .flatten()
        .collect(),
        judged,
    }
}

fn judge(example: &Example, guess: &Guess) -> Judged {
    let none: &[&str] = &[];
    let answer = guess.answer.trim();
    let correct = !answer.is_empty() && is_correct(example.judge, answer, &example.answers, none);
    Judged {
        question: example.question.clone(),
        gold: example.answers.first().cloned().unwrap_or_default(),
        yours: answer.to_owned(),
        confidence: guess.confidence.level(),
        correct,
        its: example.said.answer.clone().unwrap_or_default(),
        its_confidence: example.said.confidence.map(Confidence::level),
        its_correct: example.said.correct,
    }
}

/// `You were right 4 times of 10 and said 55% on average (Brier score 0.21; lower is better).`
fn words(who: &str, points: &[(f64, bool)]) -> Option<String> {
    let rows: Vec<Row> = points.iter().map(|&point| Row::from(point)).collect();
    let tally = Tally::of(&rows).ok()?;
    let right = points.iter().filter(|(_, correct)| *correct).count();
    let said = points.iter().map(|(confidence, _)| confidence).sum::<f64>() / points.len() as f64;
    Some(format!(
        "{who} right {} of {} and said {}% on average (Brier score {}, where 0 is best).",
        counted(right as u64, "time"),
        points.len(),
        fixed(100.0 * said, 0),
        fixed(brier::brier(&tally), 2)
    ))
}
