//! The shipped questions: short answers from plain facts (`datasets/world-facts/README.md`).

use crate::{Question, jsonl};

/// What a configuration calls them.
pub const NAME: &str = "world-facts";

/// The same with more train questions, of smaller cities.
pub const NAME_MORE: &str = "world-facts-more";

const QUESTIONS: &str = include_str!("../world-facts/questions.jsonl");
const MORE_TRAIN: &str = include_str!("../world-facts/more-train.jsonl");

/// All of them, of every split, in the file's order (template, entity).
pub fn questions() -> Vec<Question> {
    read(QUESTIONS, "world-facts/questions.jsonl")
}

/// Further train questions, of entities that no other question is of.
pub fn more_train() -> Vec<Question> {
    read(MORE_TRAIN, "world-facts/more-train.jsonl")
}

fn read(text: &str, name: &str) -> Vec<Question> {
    jsonl::Reader::<_, Question>::new(text.as_bytes(), name)
        .map(|record| {
            record
                .expect("the embedded file parses: the test reads each line")
                .value
        })
        .collect()
}

/// SHA-256 in hex of the file.
pub fn sha256() -> String {
    crate::hash::sha256_hex(QUESTIONS.as_bytes())
}

/// SHA-256 in hex of both files, one after the other.
pub fn sha256_more() -> String {
    crate::hash::sha256_hex([QUESTIONS, MORE_TRAIN].concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Judge, Split};
    use std::collections::{HashMap, HashSet};

    fn in_split(questions: &[Question], split: Split) -> impl Iterator<Item = &Question> {
        questions
            .iter()
            .filter(move |question| question.split == Some(split))
    }

    #[test]
    fn there_are_enough_of_each_split() {
        let questions = questions();
        assert!(questions.len() >= 10_000);
        assert!(in_split(&questions, Split::Train).count() >= 4_000);
        assert!(in_split(&questions, Split::Dev).count() >= 900);
        assert!(in_split(&questions, Split::Test).count() >= 4_000);
        assert!(QUESTIONS.len() <= 2_500_000);
    }

    #[test]
    fn more_train_questions_are_of_other_entities() {
        let of = |questions: &[Question]| -> HashSet<String> {
            let fields = questions.iter();
            fields
                .flat_map(|one| {
                    [
                        one.id.clone(),
                        one.question.clone(),
                        one.entity.clone().unwrap(),
                    ]
                })
                .collect()
        };
        let more = more_train();
        assert!(more.len() >= 10_000 && MORE_TRAIN.len() <= 3_500_000);
        assert!(more.iter().all(|one| one.split == Some(Split::Train)));
        assert!(of(&more).is_disjoint(&of(&questions())));
    }

    #[test]
    fn an_entity_is_in_one_split() {
        let mut splits: HashMap<String, Split> = HashMap::new();
        for question in questions() {
            let (entity, split) = (question.entity.unwrap(), question.split.unwrap());
            assert_eq!(
                *splits.entry(entity.clone()).or_insert(split),
                split,
                "{entity}"
            );
        }
    }

    #[test]
    fn two_templates_are_held_out_whole() {
        let questions = questions();
        let templates = |held_out: bool| -> HashSet<&str> {
            let of_kind = questions
                .iter()
                .filter(|question| (question.split == Some(Split::HeldOut)) == held_out);
            of_kind
                .map(|question| question.template.as_deref().unwrap())
                .collect()
        };
        assert_eq!(
            templates(true),
            HashSet::from(["country-of-airport", "nationality-of-city"])
        );
        assert!(templates(true).is_disjoint(&templates(false)));
        assert!(templates(false).len() >= 20);
    }

    #[test]
    fn each_question_is_sound() {
        let (mut ids, mut texts) = (HashSet::new(), HashSet::new());
        for question in questions() {
            assert!(ids.insert(question.id.clone()), "{question:?}");
            assert!(
                texts.insert((question.template.clone(), question.question.clone())),
                "{question:?}"
            );
            assert!(
                question.question.is_ascii() && question.question.ends_with(['?', '.']),
                "{question:?}"
            );
            assert!(!question.answers.is_empty(), "{question:?}");
            assert!(
                question
                    .answers
                    .iter()
                    .all(|answer| !answer.trim().is_empty()),
                "{question:?}"
            );
            assert!(question.gold().is_ascii(), "{question:?}");
            let judge = match question.template.as_deref().unwrap() {
                "atomic-number-of-element" | "calling-code-of-country" => Judge::Number,
                "symbol-of-element"
                | "abbreviation-of-state"
                | "currency-code-of-country"
                | "internet-domain-of-country" => Judge::Exact,
                _ => Judge::ShortAnswer,
            };
            assert_eq!(question.judge, judge, "{question:?}");
        }
    }

    #[test]
    fn each_gold_is_judged_right_and_each_negative_wrong() {
        for question in questions() {
            let judged = |answer: &str| {
                calibration::judge::is_correct(
                    question.judge,
                    answer,
                    &question.answers,
                    &question.negative_answers,
                )
            };
            assert!(
                question.answers.iter().all(|gold| judged(gold)),
                "{question:?}"
            );
            assert!(
                question
                    .negative_answers
                    .iter()
                    .all(|negative| !judged(negative)),
                "{question:?}"
            );
            if question.judge == Judge::ShortAnswer {
                assert!(
                    !judged(&question.question),
                    "the question holds its answer: {question:?}"
                );
            }
        }
    }

    #[test]
    fn the_file_is_in_order() {
        let questions = questions();
        assert!(
            questions
                .is_sorted_by_key(|question| (question.template.clone(), question.entity.clone()))
        );
    }

    #[test]
    fn few_shot_examples_are_train_questions_of_their_template() {
        let questions = questions();
        let train: HashMap<&str, &Question> = in_split(&questions, Split::Train)
            .map(|question| (question.question.as_str(), question))
            .collect();
        let prompt = crate::prompts::builtin("few-shot").unwrap();
        let mut templates = HashSet::new();
        for shot in &prompt.shots {
            assert_eq!(train[shot.question.as_str()].gold(), shot.response);
            templates.insert(train[shot.question.as_str()].template.clone());
        }
        assert_eq!((prompt.shots.len(), templates.len()), (3, 3));
        for (template, shots) in &prompt.template_shots {
            assert_eq!(shots.len(), 4, "{template}");
            for shot in shots {
                assert_eq!(train[shot.question.as_str()].gold(), shot.response);
                assert_eq!(
                    train[shot.question.as_str()].template.as_ref(),
                    Some(template)
                );
            }
        }
        let known: HashSet<&str> = train
            .values()
            .filter_map(|question| question.template.as_deref())
            .collect();
        assert!(
            known
                .iter()
                .all(|template| prompt.template_shots.contains_key(*template))
        );
    }
}
