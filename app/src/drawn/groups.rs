//! The groups of answers of a Run page as a chart, and as a file.

use crate::chart::csv::Csv;
use crate::chart::file::Form;
use crate::chart::palette::Ink;
use crate::chart::rows::{self, Row, Rows};
use crate::chart::standalone;
use crate::format;
use crate::view::{AnswerGroup, Breakdown};

/// Answers below which a group is not judged.
pub const JUDGED_MIN: u64 = 20;
/// Characters of a group's name in a drawing.
const NAME_CHARACTERS_MAX: usize = 200;

/// What answers are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    Templates,
    QuestionLengths,
    AnswerLengths,
}

impl Grouping {
    pub const ALL: [Grouping; 3] = [
        Grouping::Templates,
        Grouping::QuestionLengths,
        Grouping::AnswerLengths,
    ];

    /// As addresses write it.
    pub fn name(self) -> &'static str {
        match self {
            Grouping::Templates => "templates",
            Grouping::QuestionLengths => "question-lengths",
            Grouping::AnswerLengths => "answer-lengths",
        }
    }

    /// The grouping of that name.
    pub fn named(name: &str) -> Option<Grouping> {
        Grouping::ALL.into_iter().find(|one| one.name() == name)
    }

    /// As a page calls it.
    pub fn words(self) -> &'static str {
        match self {
            Grouping::Templates => "template",
            Grouping::QuestionLengths => "the question's length",
            Grouping::AnswerLengths => "the answer's length",
        }
    }

    /// The groups of an evaluation.
    pub fn of(self, breakdown: &Breakdown) -> &[AnswerGroup] {
        match self {
            Grouping::Templates => &breakdown.templates,
            Grouping::QuestionLengths => &breakdown.question_lengths,
            Grouping::AnswerLengths => &breakdown.answer_lengths,
        }
    }

    /// The text of the file, with a section for each evaluation.
    pub fn file(self, form: Form, breakdowns: &[Breakdown]) -> String {
        match form {
            Form::Svg => standalone(&rows::svg(&self.rows(breakdowns), self.name())),
            Form::Csv => self.csv(breakdowns),
        }
    }

    fn rows(self, breakdowns: &[Breakdown]) -> Rows {
        let row = |group: &AnswerGroup| Row {
            name: format::cut(&group.name, NAME_CHARACTERS_MAX),
            ring: Some(group.mean_confidence),
            value: group.accuracy(),
            interval: Some(group.interval()),
            ink: match group.n < JUDGED_MIN {
                true => Ink::Muted,
                false => Ink::After,
            },
            words: format!("n = {}", format::count(group.n)),
        };
        let section = |one: &Breakdown| {
            let rows = self.of(one).iter().map(row).collect();
            (format!("{}, by {}", one.label, self.words()), rows)
        };
        Rows {
            title: format!("Mean confidence and accuracy by {}", self.words()),
            caption: format!(
                "Ring: mean confidence. Line: accuracy, with its 95% interval; grey where n < {JUDGED_MIN}."
            ),
            scale: 0.0..1.0,
            sections: breakdowns.iter().map(section).collect(),
        }
    }

    fn csv(self, breakdowns: &[Breakdown]) -> String {
        let mut csv = Csv::new(&[
            "evaluation",
            "group",
            "n",
            "right",
            "mean_confidence",
            "accuracy",
            "low",
            "high",
        ]);
        for breakdown in breakdowns {
            for group in self.of(breakdown) {
                let (low, high) = group.interval();
                let numbers = [
                    group.n as f64,
                    group.right as f64,
                    group.mean_confidence,
                    group.accuracy(),
                    low,
                    high,
                ];
                csv.row(&[&breakdown.label, &group.name], &numbers);
            }
        }
        csv.finish()
    }
}
