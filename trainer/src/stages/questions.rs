//! The questions of a run: which file, which split, how many.

use crate::error::bad_use;
use crate::stages::sft::shuffled;
use datasets::config::QuestionsConfig;
use datasets::{Question, Split, world_facts};
use std::collections::HashMap;
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
        split_apart(&mut questions, seed);
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

/// Splits questions at random with the seed. What is asked about one entity, or, where a question has none,
/// in the same words, stays together: nothing of it is taught and then tested.
fn split_apart(questions: &mut [Question], seed: u64) {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of: HashMap<&str, usize> = HashMap::new();
    for (index, question) in questions.iter().enumerate() {
        let about = question.entity.as_deref().unwrap_or(&question.question);
        let group = *group_of.entry(about).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(index);
    }
    let count = questions.len() as f64;
    let (train, dev) = (count * TRAIN_SHARE, count * DEV_SHARE);
    let mut placed = 0;
    for group in shuffled(groups.len(), seed, 0) {
        let split = match placed as f64 {
            place if place < train => Split::Train,
            place if place < train + dev => Split::Dev,
            _ => Split::Test,
        };
        placed += groups[group].len();
        for index in &groups[group] {
            questions[*index].split = Some(split);
        }
    }
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

    #[test]
    fn what_belongs_together_is_in_one_split() {
        let mut asked = questions(100);
        for (index, question) in asked.iter_mut().enumerate() {
            match index {
                0..50 => question.entity = Some(format!("city:{}", index / 2)),
                _ => question.question = format!("Question {}?", index / 2),
            }
        }
        let settled = settle(&asked, &QuestionsConfig::default(), 1);
        assert_eq!(settled.len(), 100);
        let mut splits: HashMap<String, Split> = HashMap::new();
        for question in settled {
            let about = question.entity.unwrap_or(question.question);
            let split = question.split.unwrap();
            assert_eq!(*splits.entry(about).or_insert(split), split);
        }
        assert_eq!(splits.len(), 50);
    }
}
