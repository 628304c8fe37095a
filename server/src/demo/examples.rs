//! Questions that the page offers: typical ones, others to draw from, and three to be shown as recorded.

use super::asked::Asked;
use super::chosen::Chosen;
use crate::limits::{
    DEMO_ANSWERS_BYTES_MAX, DEMO_EXAMPLE_CHARACTERS_MAX, DEMO_EXAMPLES, DEMO_QUESTIONS_MAX,
};
use crate::runs::Run;
use crate::runs::contained;
use calibration::Judge;
use datasets::demo::{Example, Knows};
use datasets::{Answer, Question, jsonl};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufReader, Read};

const QUESTIONS: &str = "questions.jsonl";
const ALL: [Knows; 3] = [Knows::Well, Knows::Half, Knows::Not];

/// What is offered.
#[derive(Default)]
pub struct Examples {
    /// Some of each kind.
    pub typical: Vec<Example>,
    /// Further ones, evenly of all templates.
    pub others: Vec<Example>,
    /// One of each kind, with a rationale where there is one.
    pub shown: Vec<Example>,
}

impl Examples {
    /// Of the answers that a run recorded.
    pub fn of(chosen: &Chosen, asked: &Asked) -> Examples {
        let Some(run) = &chosen.run else {
            return Examples::default();
        };
        let answers = asked.answers();
        let typical: Vec<&Answer> = ALL
            .into_iter()
            .flat_map(|knows| some(answers, knows))
            .collect();
        let taken: HashSet<&str> = typical
            .iter()
            .map(|answer| answer.question_id.as_str())
            .collect();
        let others = evenly(answers, &taken);
        let shown = ALL.into_iter().filter_map(|knows| {
            let mut of_kind = typical
                .iter()
                .filter(|answer| Knows::of(answer) == Some(knows));
            of_kind
                .clone()
                .find(|answer| answer.rationale.is_some())
                .or(of_kind.next())
                .copied()
        });
        let shown: Vec<&Answer> = shown.collect();
        let wanted: HashSet<&str> = typical
            .iter()
            .chain(&others)
            .map(|answer| answer.question_id.as_str())
            .collect();
        let golds = questions(run, &wanted);
        let all = |answers: Vec<&Answer>| -> Vec<Example> {
            answers
                .into_iter()
                .map(|answer| example(answer, &golds))
                .collect()
        };
        Examples {
            shown: all(shown),
            typical: all(typical),
            others: all(others),
        }
    }
}

fn is_short(answer: &Answer) -> bool {
    let characters = answer.question.chars().count()
        + answer
            .rationale
            .as_deref()
            .map_or(0, |rationale| rationale.chars().count());
    characters <= DEMO_EXAMPLE_CHARACTERS_MAX && answer.answer.is_some()
}

/// Short ones of a kind, no two of one template.
fn some(answers: &[Answer], knows: Knows) -> Vec<&Answer> {
    let mut of_kind: Vec<&Answer> = answers
        .iter()
        .filter(|answer| Knows::of(answer) == Some(knows) && is_short(answer))
        .collect();
    of_kind.sort_by_key(|answer| (answer.question.chars().count(), &answer.question_id));
    let mut templates = HashSet::new();
    of_kind.retain(|answer| templates.insert(answer.template.as_deref()));
    of_kind.truncate(DEMO_EXAMPLES);
    of_kind
}

/// At most [`DEMO_QUESTIONS_MAX`] others, as many of each template as there are, in turn.
fn evenly<'a>(answers: &'a [Answer], taken: &HashSet<&str>) -> Vec<&'a Answer> {
    let mut by_template: BTreeMap<Option<&str>, Vec<&Answer>> = BTreeMap::new();
    for answer in answers.iter().filter(|answer| is_short(answer)) {
        if !taken.contains(answer.question_id.as_str()) {
            by_template
                .entry(answer.template.as_deref())
                .or_default()
                .push(answer);
        }
    }
    for of_template in by_template.values_mut() {
        // Ids are hashes: in their order the subjects are mixed.
        of_template.sort_by_key(|answer| &answer.question_id);
    }
    let longest = by_template.values().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|turn| {
        by_template
            .values()
            .filter_map(move |of_template| of_template.get(turn).copied())
    });
    in_turn.take(DEMO_QUESTIONS_MAX).collect()
}

/// The questions of these ids, with all their gold answers.
fn questions(run: &Run, wanted: &HashSet<&str>) -> HashMap<String, Question> {
    let directory = &run.found.directory;
    let Ok((file, _)) = contained::open(directory, &directory.join(QUESTIONS)) else {
        return HashMap::new();
    };
    let lines = BufReader::new(file.take(DEMO_ANSWERS_BYTES_MAX));
    let records = jsonl::Reader::<_, Question>::new(lines, QUESTIONS).skip_invalid();
    records
        .filter_map(|record| Some(record.ok()?.value))
        .filter(|question| wanted.contains(question.id.as_str()))
        .map(|question| (question.id.clone(), question))
        .collect()
}

fn example(answer: &Answer, golds: &HashMap<String, Question>) -> Example {
    let question = golds.get(&answer.question_id);
    Example {
        question: answer.question.clone(),
        template: answer.template.clone(),
        answers: question.map_or_else(
            || answer.gold.iter().cloned().collect(),
            |question| question.answers.clone(),
        ),
        judge: question.map_or(Judge::default(), |question| question.judge),
        knows: Knows::of(answer),
        said: answer.clone().into(),
    }
}
