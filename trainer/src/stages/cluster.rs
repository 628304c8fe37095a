//! `cluster`: which samples say the same (the paper's section 3.1), and how often each thing is
//! said.

use crate::embed::Embedder;
use crate::error::bad_use;
use crate::events::Progress;
use crate::run_dir::RecordLog;
use crate::stages::StageContext;
use crate::stages::sample::seed_of;
use crate::stages::sample_file::SampleFile;
use calibration::{cluster, judge, parse};
use datasets::config::{ClusterBy, ClusterConfig};
use datasets::{Cluster, Clustering, Question, Sample, Skipped};
use std::collections::HashMap;
use std::path::Path;

/// The records of the clusters.
pub const CLUSTERS: &str = "clusters.jsonl";

/// Clusters the samples of each question, and writes `clusters.jsonl` in the order of the
/// questions; questions without samples have no record. Returns the number of records.
///
/// # Errors
/// Exit code 2 for a file that holds no samples, a row that is none, or samples of a question that
/// is not among `questions`; with `skip_invalid` those rows are counted in `skipped.jsonl`.
pub fn cluster(
    context: &StageContext<'_>,
    config: &ClusterConfig,
    questions: &[Question],
    samples: &Path,
    embedder: Option<&Embedder>,
) -> anyhow::Result<usize> {
    let embedder = match (config.by, embedder) {
        (ClusterBy::Answer, _) => None,
        (ClusterBy::Embedding, Some(embedder)) => Some(embedder),
        (ClusterBy::Embedding, None) => {
            return Err(bad_use("clustering by embedding needs an embedding model"));
        }
    };
    if !(config.threshold > 0.0 && config.threshold < 1.0) {
        return Err(bad_use(format!(
            "the threshold must lie between 0 and 1, not at {}",
            config.threshold
        )));
    }
    let mut skipped = Vec::new();
    let mut file = SampleFile::open(samples, &context.stage, context.skip_invalid, &mut skipped)?;
    skipped.extend(unknown_questions(context, questions, samples, &file)?);
    let sampled: Vec<&Question> = questions
        .iter()
        .filter(|question| file.contains(&question.id))
        .collect();

    let mut log = RecordLog::open(context.records.join(CLUSTERS), |record: &Clustering| {
        record.id.clone()
    })?;
    let mut progress =
        Progress::start(context, log.len() as u64, sampled.len() as u64, "questions")?;
    for question in &sampled {
        if log.contains(&question.id) {
            continue;
        }
        let samples = file.samples_of(&question.id)?;
        let groups = match embedder {
            None => groups_by_answer(&samples),
            Some(embedder) => {
                groups_by_embedding(question, &samples, embedder, config.threshold, context.seed)?
            }
        };
        let method = match embedder {
            None => "answer".to_owned(),
            Some(embedder) => {
                format!(
                    "embedding: {}, cosine above {}",
                    embedder.name(),
                    config.threshold
                )
            }
        };
        log.append(&clustering(question, &samples, &groups, method))?;
        progress.advance(1)?;
    }
    let records = log.len();
    log.finish_in_order(sampled.iter().map(|question| question.id.as_str()))?;
    context.write_skipped(&skipped)?;
    progress.finish()?;
    Ok(records)
}

fn unknown_questions(
    context: &StageContext<'_>,
    questions: &[Question],
    path: &Path,
    file: &SampleFile,
) -> anyhow::Result<Vec<Skipped>> {
    let known: std::collections::HashSet<&str> = questions
        .iter()
        .map(|question| question.id.as_str())
        .collect();
    let mut unknown: Vec<&str> = file
        .question_ids()
        .filter(|id| !known.contains(id))
        .collect();
    unknown.sort_unstable();
    match unknown.first() {
        Some(id) if !context.skip_invalid => Err(crate::error::bad_input(format!(
            "{}: samples of the question {id}, which is not among the questions given ({} such)",
            path.display(),
            unknown.len()
        ))),
        _ => Ok(unknown
            .into_iter()
            .map(|id| Skipped {
                stage: context.stage.clone(),
                record: id.to_owned(),
                reason: "its question is not among the questions given".into(),
            })
            .collect()),
    }
}

/// What a sample answers; empty where it answers nothing.
pub fn answer_of(sample: &Sample) -> String {
    parse::bare_answer(&sample.response).unwrap_or_default()
}

fn groups_by_answer(samples: &[Sample]) -> Vec<Vec<usize>> {
    let answers: Vec<String> = samples.iter().map(answer_of).collect();
    cluster::by_answer(&answers)
}

/// What is embedded of a response: without its question a short answer says too little.
pub fn text_to_embed(question: &str, response: &str) -> String {
    format!("{question}: {}", response.trim())
}

/// The paper's greedy rule over embeddings of `question: response`, visited in a seeded order.
///
/// Only this question's texts are computed together, so that the result does not depend on where
/// an interrupted run went on.
fn groups_by_embedding(
    question: &Question,
    samples: &[Sample],
    embedder: &Embedder,
    threshold: f64,
    seed: u64,
) -> anyhow::Result<Vec<Vec<usize>>> {
    // Equal texts have equal embeddings: each is computed once.
    let mut distinct: Vec<String> = Vec::new();
    let mut place_of: HashMap<&str, usize> = HashMap::new();
    let mut places = Vec::with_capacity(samples.len());
    for sample in samples {
        let place = *place_of.entry(sample.response.trim()).or_insert_with(|| {
            distinct.push(text_to_embed(&question.question, &sample.response));
            distinct.len() - 1
        });
        places.push(place);
    }
    let embeddings = embedder.embed(&distinct)?;
    let embeddings: Vec<Vec<f32>> = places
        .iter()
        .map(|place| embeddings[*place].clone())
        .collect();
    Ok(cluster::greedy_cosine(
        &embeddings,
        threshold,
        seed_of(seed, &question.id, 0),
    ))
}

/// Groups of samples → the record: largest first, ties by first appearance; each stands for its
/// most frequent surface form, ties by first appearance.
pub fn clustering(
    question: &Question,
    samples: &[Sample],
    groups: &[Vec<usize>],
    method: String,
) -> Clustering {
    let mut clusters: Vec<Cluster> = groups
        .iter()
        .map(|group| {
            let answers: Vec<String> = group
                .iter()
                .map(|place| answer_of(&samples[*place]))
                .collect();
            let answer = most_frequent(&answers);
            let correct = judge::is_correct(
                question.judge,
                &answer,
                &question.answers,
                &question.negative_answers,
            );
            let mut members: Vec<u32> = group.iter().map(|place| samples[*place].index).collect();
            members.sort_unstable();
            let share = group.len() as f64 / samples.len() as f64;
            Cluster {
                answer,
                members,
                share,
                correct,
            }
        })
        .collect();
    clusters.sort_by_key(|cluster| {
        (
            std::cmp::Reverse(cluster.members.len()),
            cluster.members.first().copied(),
        )
    });
    Clustering {
        id: question.id.clone(),
        question: question.question.clone(),
        template: question.template.clone(),
        method,
        clusters,
    }
}

fn most_frequent(answers: &[String]) -> String {
    let mut best: (usize, &str) = (0, "");
    for answer in answers {
        let count = answers.iter().filter(|other| *other == answer).count();
        // Strictly more: the first of equals stays.
        if count > best.0 {
            best = (count, answer);
        }
    }
    best.1.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventLog;
    use crate::run_dir::{read_records, write_records};
    use datasets::record::FinishReason;

    fn question(id: &str) -> Question {
        Question {
            id: id.into(),
            question: "What is the capital of Australia?".into(),
            answers: vec!["Canberra".into()],
            negative_answers: Vec::new(),
            template: Some("capital".into()),
            entity: None,
            split: None,
            judge: Default::default(),
        }
    }

    fn samples(question_id: &str, responses: &[&str]) -> Vec<Sample> {
        let sample = |(index, response): (usize, &&str)| Sample {
            id: format!("{question_id}/{index}"),
            question_id: question_id.into(),
            question: "What is the capital of Australia?".into(),
            index: index as u32,
            response: (*response).into(),
            finish_reason: FinishReason::EndOfTurn,
            tokens: 3,
            logprob: None,
        };
        responses.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn clusters_are_largest_first_and_singletons_are_kept() {
        let responses = ["Sydney", "canberra.", "Canberra", "Perth", "Canberra"];
        let samples = samples("q", &responses);
        let record = clustering(
            &question("q"),
            &samples,
            &groups_by_answer(&samples),
            "answer".into(),
        );
        let told: Vec<(&str, &[u32], bool)> = record
            .clusters
            .iter()
            .map(|cluster| {
                (
                    cluster.answer.as_str(),
                    &cluster.members[..],
                    cluster.correct,
                )
            })
            .collect();
        let wanted: [(&str, &[u32], bool); 3] = [
            ("Canberra", &[1, 2, 4], true),
            ("Sydney", &[0], false),
            ("Perth", &[3], false),
        ];
        assert_eq!(told, wanted);
        assert!((record.clusters[0].share - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_stage_that_is_done_again_writes_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("samples.jsonl");
        let mut all = samples("b", &["Canberra", ""]);
        all.extend(samples("a", &["Sydney", "Sydney"]));
        write_records(&input, &all).unwrap();
        let questions = [question("a"), question("b"), question("c")];
        let events = EventLog::none();
        let context = StageContext {
            records: folder.path().join("out"),
            events: &events,
            stage: "cluster".into(),
            seed: 1,
            skip_invalid: false,
            quiet: true,
        };
        let config = ClusterConfig::default();
        let run = || cluster(&context, &config, &questions, &input, None);
        assert_eq!(run().unwrap(), 2);
        let path = context.records.join(CLUSTERS);
        let whole = std::fs::read(&path).unwrap();
        let records: Vec<Clustering> = read_records(&path).unwrap();
        assert_eq!([&records[0].id, &records[1].id], ["a", "b"]);
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        run().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);

        let error = cluster(&context, &config, &questions[..1], &input, None).unwrap_err();
        assert!(error.to_string().contains("question b"), "{error}");
    }
}
