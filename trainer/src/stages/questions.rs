//! The questions of a run: which file, which split, how many.

use crate::error::bad_use;
use crate::stages::sft::shuffled;
use datasets::config::QuestionsConfig;
use datasets::{Question, Split, world_facts};
use std::path::Path;

/// Shares of train and dev where a file has no splits; the rest is test.
const TRAIN_SHARE: f64 = 0.5;
const DEV_SHARE: f64 = 0.1;

/// What a question set is called: the shipped one by its name, a file by its own.
pub fn name_of(source: &str) -> String {
    // What is asked of the taught model is the same.
    if source == world_facts::NAME_MORE {
        return world_facts::NAME.to_owned();
    }
    Path::new(source).file_stem().map_or_else(
        || source.to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// The questions of a split (all, without one), at most `limit` of them, drawn at random.
pub fn choose(
    questions: &[Question],
    split: Option<&str>,
    limit: Option<usize>,
    seed: u64,
) -> anyhow::Result<Vec<Question>> {
    let of_split = match split {
        Some(split) => of_split(questions, split)?,
        None => questions.to_vec(),
    };
    if of_split.is_empty() {
        return Err(bad_use(format!(
            "no question of split {:?}",
            split.unwrap_or_default()
        )));
    }
    Ok(draw(of_split, limit, seed))
}

/// At most `limit` of the questions, drawn at random with the seed, in the order of the file.
pub fn draw(questions: Vec<Question>, limit: Option<usize>, seed: u64) -> Vec<Question> {
    let Some(limit) = limit.filter(|limit| *limit < questions.len()) else {
        return questions;
    };
    let mut drawn = vec![false; questions.len()];
    for index in shuffled(questions.len(), seed, 0).into_iter().take(limit) {
        drawn[index] = true;
    }
    questions
        .into_iter()
        .zip(drawn)
        .filter_map(|(question, drawn)| drawn.then_some(question))
        .collect()
}

/// The questions of a run, each with its split: at most as many of each split as configured.
pub fn settle(questions: &[Question], config: &QuestionsConfig, seed: u64) -> Vec<Question> {
    let mut questions = questions.to_vec();
    if questions.iter().all(|question| question.split.is_none()) {
        let count = questions.len();
        let (train, dev) = (count as f64 * TRAIN_SHARE, count as f64 * DEV_SHARE);
        for (place, index) in shuffled(count, seed, 0).into_iter().enumerate() {
            let split = match place as f64 {
                place if place < train => Split::Train,
                place if place < train + dev => Split::Dev,
                _ => Split::Test,
            };
            questions[index].split = Some(split);
        }
    }
    let limits = [
        (Split::Train, config.train),
        (Split::Dev, config.dev),
        (Split::Test, config.test),
        (Split::HeldOut, None),
    ];
    limits
        .into_iter()
        .flat_map(|(split, limit)| {
            let of_split: Vec<Question> = questions
                .iter()
                .filter(|question| question.split == Some(split))
                .cloned()
                .collect();
            draw(of_split, limit, seed)
        })
        .collect()
}

/// The questions of a split, by its name.
///
/// # Errors
/// [`Error::BadUse`] for a name that is no split.
pub fn of_split(questions: &[Question], name: &str) -> anyhow::Result<Vec<Question>> {
    let split: Split = serde_json::from_value(name.into()).map_err(|_| {
        bad_use(format!(
            "unknown split {name:?}; expected train, dev, test or held-out"
        ))
    })?;
    Ok(questions
        .iter()
        .filter(|question| question.split == Some(split))
        .cloned()
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions(count: usize) -> Vec<Question> {
        (0..count)
            .map(|index| Question {
                id: format!("q{index}"),
                question: format!("Question {index}?"),
                answers: vec!["yes".into()],
                negative_answers: Vec::new(),
                template: None,
                entity: None,
                split: None,
                judge: Default::default(),
            })
            .collect()
    }

    #[test]
    fn a_draw_keeps_the_order_and_follows_the_seed() {
        let drawn = draw(questions(50), Some(10), 1);
        assert_eq!(drawn.len(), 10);
        assert_eq!(drawn, draw(questions(50), Some(10), 1));
        assert_ne!(drawn, draw(questions(50), Some(10), 2));
        let places: Vec<usize> = drawn
            .iter()
            .map(|question| question.id[1..].parse().unwrap())
            .collect();
        assert!(places.is_sorted());
    }

    #[test]
    fn a_file_without_splits_is_split_disjointly() {
        let settled = settle(
            &questions(100),
            &QuestionsConfig {
                train: Some(20),
                ..QuestionsConfig::default()
            },
            1,
        );
        let count = |name| of_split(&settled, name).unwrap().len();
        assert_eq!((count("train"), count("dev"), count("test")), (20, 10, 40));
        assert!(of_split(&settled, "tset").is_err());
    }
}
