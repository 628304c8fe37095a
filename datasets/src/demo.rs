//! What the demo's page and its worker are told: the files of the model, how it is asked, and how often
//! it was right when it stated each level. The server makes it of a run ([`Record::add`], [`kinds_of`]);
//! the browser reads it back.

use crate::config::Decoding;
use crate::prompts::{Message, Prompt};
use crate::{Answer, Judge, Question};
use calibration::Confidence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Characters that a kind of question must be known by, before and after its subject together: with
/// fewer, everything would be of that kind.
const KIND_CHARACTERS_MIN: usize = 12;
/// Questions of a template that its form is read off.
const KIND_QUESTIONS_MIN: usize = 3;

/// The demo, as `about.json` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Absent where the server alone can be asked.
    pub model: Option<DemoFile>,
    /// What it was taught; absent where a browser can ask the model as it is alone.
    pub adapter: Option<DemoAdapter>,
    /// The model as it is.
    pub before: Way,
    /// The taught one, where it can be asked.
    pub after: Option<Way>,
    /// The run that the records are of.
    pub run: Option<DemoRun>,
    /// How questions of a template are worded.
    pub kinds: Vec<Kind>,
    /// Questions that it knows, half knows and does not know.
    pub examples: Vec<Example>,
    /// Further ones, to be drawn from.
    pub questions: Vec<Example>,
}

/// A file that the browser fetches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoFile {
    /// As people call it.
    pub name: String,
    /// Beside `about.json`.
    pub address: String,
    pub bytes: u64,
    /// In hex.
    pub sha256: String,
}

/// An adapter in PEFT form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemoAdapter {
    /// `adapter_model.safetensors`.
    pub weights: DemoFile,
    /// The text of `adapter_config.json`.
    pub config: String,
}

/// A run, to be named and linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoRun {
    pub id: String,
    pub title: String,
    /// The question set's name.
    pub questions: String,
}

/// How a model is asked, and its record when it was asked so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Way {
    pub prompt: Prompt,
    pub decoding: Decoding,
    /// Absent where no evaluation asked this model so.
    pub record: Option<Record>,
}

impl Way {
    /// The messages that ask a question, with the examples of its kind where the prompt has some: as the
    /// evaluation asked it.
    pub fn messages(&self, question: &str, template: Option<&str>) -> Vec<Message> {
        let question = Question {
            id: String::new(),
            question: question.to_owned(),
            answers: Vec::new(),
            negative_answers: Vec::new(),
            template: template.map(str::to_owned),
            entity: None,
            split: None,
            judge: Judge::default(),
        };
        self.prompt.messages_for(&question)
    }
}

/// How often answers were right, by the level that was stated with them, 1 to 10.
pub type Levels = [Count; 10];

/// Answers, and how many of them were right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Count {
    pub right: u32,
    pub n: u32,
}

impl From<(u32, u32)> for Count {
    fn from((right, n): (u32, u32)) -> Self {
        Count { right, n }
    }
}

impl From<Count> for (u32, u32) {
    fn from(count: Count) -> Self {
        (count.right, count.n)
    }
}

impl Count {
    fn add(&mut self, correct: bool) {
        self.right += u32::from(correct);
        self.n += 1;
    }
}

/// An evaluation, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The evaluation's label.
    pub label: String,
    pub levels: Levels,
    pub by_kind: BTreeMap<String, Levels>,
    /// Answers whose level could not be read; they are counted nowhere else.
    pub unread: u32,
}

impl Record {
    /// Counts an answer.
    pub fn add(&mut self, answer: &Answer) {
        let Some(confidence) = answer.confidence else {
            self.unread += 1;
            return;
        };
        self.levels[confidence.index()].add(answer.correct);
        if let Some(template) = &answer.template {
            let of_kind = self.by_kind.entry(template.clone()).or_default();
            of_kind[confidence.index()].add(answer.correct);
        }
    }

    /// Answers at a level.
    pub fn at(&self, level: Confidence) -> Count {
        self.levels[level.index()]
    }

    /// Those to questions of a kind; `None` where it has none of that kind.
    pub fn of_kind(&self, kind: &str, level: Confidence) -> Option<Count> {
        Some(self.by_kind.get(kind)?[level.index()])
    }

    /// (confidence 0..=1, right) of each answer, by level.
    pub fn points(&self) -> Vec<(f64, bool)> {
        let levels = Confidence::ALL.into_iter().zip(self.levels);
        levels
            .flat_map(|(level, count)| {
                let stated = level.probability().get();
                (0..count.n).map(move |at| (stated, at < count.right))
            })
            .collect()
    }
}

/// What all questions of a template begin and end with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    pub template: String,
    pub before: String,
    pub after: String,
}

impl Kind {
    /// Whether a question is worded so, with something in between.
    fn holds(&self, question: &str) -> bool {
        let rest = question.strip_prefix(self.before.as_str());
        let subject = rest.and_then(|rest| rest.strip_suffix(self.after.as_str()));
        subject.is_some_and(|subject| !subject.trim().is_empty())
    }

    fn length(&self) -> usize {
        self.before.len() + self.after.len()
    }
}

/// The kind that a question is of: of several the one that says most of it.
pub fn kind_of<'a>(kinds: &'a [Kind], question: &str) -> Option<&'a Kind> {
    let question = question.trim();
    kinds
        .iter()
        .filter(|kind| kind.holds(question))
        .max_by_key(|kind| kind.length())
}

/// The kinds of (template, question) pairs, by template.
pub fn kinds_of<'a>(questions: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Kind> {
    let mut forms: BTreeMap<&str, (&str, &str, usize)> = BTreeMap::new();
    for (template, question) in questions {
        forms
            .entry(template)
            .and_modify(|(before, after, count)| {
                *before = shared_start(before, question);
                *after = shared_end(after, question);
                *count += 1;
            })
            .or_insert((question, question, 1));
    }
    let kinds = forms.into_iter().map(|(template, (before, after, count))| {
        let kind = Kind {
            template: template.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        (kind, count)
    });
    kinds
        .filter(|(kind, count)| {
            *count >= KIND_QUESTIONS_MIN && kind.length() >= KIND_CHARACTERS_MIN
        })
        .map(|(kind, _)| kind)
        .collect()
}

fn shared_start<'a>(left: &'a str, right: &str) -> &'a str {
    let pairs = left.char_indices().zip(right.chars());
    let end = pairs.take_while(|((_, a), b)| a == b).last();
    &left[..end.map_or(0, |((at, a), _)| at + a.len_utf8())]
}

fn shared_end<'a>(left: &'a str, right: &str) -> &'a str {
    let pairs = left.char_indices().rev().zip(right.chars().rev());
    let start = pairs.take_while(|((_, a), b)| a == b).last();
    &left[start.map_or(left.len(), |((at, _), _)| at)..]
}

/// How well a model knows the answer to a question, by its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knows {
    /// Right, and sure.
    Well,
    /// In between.
    Half,
    /// Wrong, and unsure.
    Not,
}

/// Levels from which a model counts as sure, and up to which as unsure.
const SURE_MIN: u8 = 9;
const UNSURE_MAX: u8 = 2;
/// Levels in between.
const HALF: std::ops::RangeInclusive<u8> = 4..=6;

impl Knows {
    /// Of an answer; `None` where it tells nothing that is typical.
    pub fn of(answer: &Answer) -> Option<Knows> {
        let level = answer.confidence?.level();
        match (level, answer.correct) {
            (SURE_MIN.., true) => Some(Knows::Well),
            (..=UNSURE_MAX, false) => Some(Knows::Not),
            (level, _) if HALF.contains(&level) => Some(Knows::Half),
            _ => None,
        }
    }
}

/// A question of the evaluation with what was answered to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    pub question: String,
    pub template: Option<String>,
    /// Gold answers, the first one first.
    pub answers: Vec<String>,
    pub judge: Judge,
    /// Where it is typical.
    pub knows: Option<Knows>,
    /// What the taught model said; where there is none, the model as it is.
    pub said: Said,
}

/// An answer as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    pub answer: Option<String>,
    pub rationale: Option<String>,
    pub confidence: Option<Confidence>,
    pub correct: bool,
}

impl From<Answer> for Said {
    fn from(answer: Answer) -> Self {
        Said {
            answer: answer.answer,
            rationale: answer.rationale,
            confidence: answer.confidence,
            correct: answer.correct,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(level: u64, correct: bool, template: &str) -> Answer {
        let text = format!(
            r#"{{"id":"1","question_id":"1","template":"{template}","question":"q","response":"r",
            "answer":"a","rationale":null,"confidence":{level},"probability":0.5,"correct":{correct},
            "failure":null}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_record_counts_by_level_and_by_kind() {
        let mut record = Record::default();
        for (level, correct, template) in [
            (8, true, "a"),
            (8, false, "b"),
            (8, true, "a"),
            (1, false, "a"),
        ] {
            record.add(&answer(level, correct, template));
        }
        let mut unread = answer(8, true, "a");
        unread.confidence = None;
        record.add(&unread);
        let eight = Confidence::new(8).unwrap();
        assert_eq!(record.at(eight), Count { right: 2, n: 3 });
        assert_eq!(record.of_kind("a", eight), Some(Count { right: 2, n: 2 }));
        assert_eq!(record.of_kind("c", eight), None);
        assert_eq!(record.unread, 1);
        assert_eq!(
            record.points(),
            [(0.1, false), (0.8, true), (0.8, true), (0.8, false)]
        );
        let text = serde_json::to_string(&record.levels).unwrap();
        assert!(
            text.starts_with("[[0,1],[0,0]") && text.contains("[2,3]"),
            "{text}"
        );
    }

    #[test]
    fn a_question_is_of_the_kind_that_says_most_of_it() {
        let questions = [
            ("capital", "What is the capital of Kenya?"),
            ("capital", "What is the capital of Chad?"),
            ("capital", "What is the capital of Österreich?"),
            ("state", "What is the capital of the U.S. state of Ohio?"),
            ("state", "What is the capital of the U.S. state of Utah?"),
            ("state", "What is the capital of the U.S. state of Maine?"),
            ("odd", "Who?"),
            ("odd", "Why?"),
            ("odd", "Where?"),
            ("few", "On which continent is the city of Rome?"),
        ];
        let kinds = kinds_of(questions);
        let of = |question| kind_of(&kinds, question).map(|kind| kind.template.as_str());
        assert_eq!(kinds.len(), 2);
        assert_eq!(of("What is the capital of Perú?"), Some("capital"));
        assert_eq!(
            of(" What is the capital of the U.S. state of Iowa? "),
            Some("state")
        );
        assert_eq!(of("What is the capital of ?"), None);
        assert_eq!(of("What is the largest city of Peru?"), None);
    }

    #[test]
    fn what_is_typical_is_told() {
        assert_eq!(Knows::of(&answer(10, true, "a")), Some(Knows::Well));
        assert_eq!(Knows::of(&answer(10, false, "a")), None);
        assert_eq!(Knows::of(&answer(5, false, "a")), Some(Knows::Half));
        assert_eq!(Knows::of(&answer(1, false, "a")), Some(Knows::Not));
        assert_eq!(Knows::of(&answer(7, true, "a")), None);
    }
}
