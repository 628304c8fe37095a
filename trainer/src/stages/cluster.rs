//! `cluster`: which samples say the same (the paper's section 3.1), and how often each thing is
//! said.

use crate::embed::SentenceEncoder;
use crate::error::{bad_input, bad_use};
use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records};
use crate::stages::StageContext;
use crate::stages::sample::seed_of;
use crate::stages::sample_file::SampleFile;
use crate::stages::unanswered::Unanswered;
use calibration::heights::{clusters_at, merge_heights};
use calibration::{cluster, judge, parse};
use datasets::config::{ClusterBy, ClusterConfig, Embedded};
use datasets::{Cluster, Clustering, MergeHeights, Question, Sample, Skipped};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

/// The records of the clusters.
pub const CLUSTERS: &str = "clusters.jsonl";
/// What clusters at other thresholds follow from, where samples are clustered by embedding.
pub const HEIGHTS: &str = "heights.jsonl";

/// Questions whose samples stand in memory at once.
const QUESTIONS_AT_ONCE: usize = 64;

/// Clusters the samples of each question, and writes `clusters.jsonl` in the order of the
/// questions; questions without samples have no record. Clustered by embedding, `heights.jsonl` is
/// written beside it. Returns the number of records.
///
/// # Errors
/// Exit code 2 for a file that holds no samples, a row that is none, or samples of a question that
/// is not among `questions`; with `skip_invalid` those rows are counted in `skipped.jsonl`. Questions
/// whose samples an endpoint did not embed are counted there too, and fail the stage in the end, without
/// `skip_invalid`.
pub fn cluster(
    context: &StageContext<'_>,
    config: &ClusterConfig,
    questions: &[Question],
    samples_path: &Path,
    embedder: Option<&dyn SentenceEncoder>,
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
    let mut file = SampleFile::open(
        samples_path,
        &context.stage,
        context.skip_invalid,
        &mut skipped,
    )?;
    skipped.extend(unknown_questions(context, questions, samples_path, &file)?);
    let sampled: Vec<&Question> = questions
        .iter()
        .filter(|question| file.contains(&question.id))
        .collect();
    let mut log = RecordLog::open(context.records.join(CLUSTERS), |record: &Clustering| {
        record.id.clone()
    })?;
    let mut unanswered = Unanswered::beside(skipped);
    let mut progress =
        Progress::start(context, log.len() as u64, sampled.len() as u64, "questions")?;
    let missing: Vec<&Question> = sampled
        .iter()
        .filter(|question| !log.contains(&question.id))
        .copied()
        .collect();
    let ids = || sampled.iter().map(|question| question.id.as_str());
    match embedder {
        None => {
            for question in missing {
                let samples = file.samples_of(&question.id)?;
                let groups = groups_by_answer(&samples);
                log.append(&clustering(question, &samples, &groups, "answer".into()))?;
                progress.advance(1)?;
            }
        }
        Some(embedder) => {
            let path = context.records.join(HEIGHTS);
            let mut by_embedding = ByEmbedding {
                config,
                seed: context.seed,
                embedder,
                heights: RecordLog::open(&path, |record: &MergeHeights| record.id.clone())?,
            };
            // Heights without clusters: what was killed between the two is not embedded again.
            let mut kept: HashMap<String, MergeHeights> = HashMap::new();
            if by_embedding.heights.len() > log.len() {
                let records: Vec<MergeHeights> = read_records(&path)?;
                kept.extend(
                    records
                        .into_iter()
                        .filter(|record| !log.contains(&record.id))
                        .map(|record| (record.id.clone(), record)),
                );
            }
            let mut to_embed = Vec::new();
            for question in missing {
                match kept.remove(&question.id) {
                    None => to_embed.push(question),
                    Some(record) => {
                        let samples = file.samples_of(&question.id)?;
                        if !record.is_of(&samples) {
                            return Err(bad_input(format!(
                                "{}: the samples of {} are others than those of {}; remove it",
                                path.display(),
                                record.id,
                                samples_path.display()
                            )));
                        }
                        log.append(&by_embedding.clustering(question, &samples, &record))?;
                        progress.advance(1)?;
                    }
                }
            }
            for part in to_embed.chunks(QUESTIONS_AT_ONCE) {
                let outcome =
                    by_embedding.part(part, &mut file, &mut log, &mut unanswered, &mut progress);
                if let Err(error) = outcome {
                    unanswered.write(context)?;
                    context.write_spent(embedder.spent(), log.len())?;
                    return Err(error);
                }
            }
            context.write_spent(embedder.spent(), log.len())?;
            by_embedding.heights.finish_in_order(ids())?;
        }
    }
    let records = log.len();
    log.finish_in_order(ids())?;
    unanswered.write(context)?;
    unanswered.settle(context, "questions' clusters")?;
    progress.finish()?;
    Ok(records)
}

/// The paper's greedy rule over embeddings of `question: response`, visited in a seeded order.
struct ByEmbedding<'a> {
    config: &'a ClusterConfig,
    seed: u64,
    embedder: &'a dyn SentenceEncoder,
    heights: RecordLog<MergeHeights>,
}

impl ByEmbedding<'_> {
    /// Clusters some questions, each as soon as its samples are embedded.
    fn part(
        &mut self,
        questions: &[&Question],
        file: &mut SampleFile,
        log: &mut RecordLog<Clustering>,
        unanswered: &mut Unanswered,
        progress: &mut Progress<'_>,
    ) -> anyhow::Result<()> {
        let samples: Vec<Vec<Sample>> = questions
            .iter()
            .map(|question| file.samples_of(&question.id))
            .collect::<anyhow::Result<_>>()?;
        // Equal texts have equal embeddings: each is computed once.
        let distinct: Vec<Distinct> = questions
            .iter()
            .zip(&samples)
            .map(|(question, samples)| self.distinct(question, samples))
            .collect();
        let texts: Vec<Vec<String>> = distinct.iter().map(|of| of.texts.clone()).collect();
        let mut failure = None;
        let embedder = self.embedder;
        embedder.embed_groups(&texts, &mut |at, embedded| {
            let question = questions[at];
            let written = match embedded {
                Err(reason) => {
                    unanswered.add(&question.id, reason);
                    Ok(())
                }
                Ok(embedded) => {
                    let embeddings: Vec<Vec<f32>> = distinct[at]
                        .places
                        .iter()
                        .map(|place| embedded[*place].clone())
                        .collect();
                    self.write(question, &samples[at], &embeddings, log)
                        .and_then(|()| progress.advance(1))
                }
            };
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Writes the heights of a question, then its clusters: where those stand, both do.
    fn write(
        &mut self,
        question: &Question,
        samples: &[Sample],
        embeddings: &[Vec<f32>],
        log: &mut RecordLog<Clustering>,
    ) -> anyhow::Result<()> {
        let record = MergeHeights {
            id: question.id.clone(),
            samples: samples.iter().map(|sample| sample.index).collect(),
            heights: merge_heights(embeddings, seed_of(self.seed, &question.id, 0)),
        };
        self.heights.append(&record)?;
        log.append(&self.clustering(question, samples, &record))
    }

    fn clustering(
        &self,
        question: &Question,
        samples: &[Sample],
        record: &MergeHeights,
    ) -> Clustering {
        let threshold = self.config.threshold;
        let groups = clusters_at(&record.heights, threshold);
        let method = format!(
            "embedding: {}, cosine above {threshold}",
            self.embedder.name()
        );
        clustering(question, samples, &groups, method)
    }

    fn distinct(&self, question: &Question, samples: &[Sample]) -> Distinct {
        let mut place_of: HashMap<String, usize> = HashMap::new();
        let (mut texts, mut places) = (Vec::new(), Vec::with_capacity(samples.len()));
        for sample in samples {
            let text = self.text(question, sample);
            let place = *place_of.entry(text.clone()).or_insert(texts.len());
            if place == texts.len() {
                texts.push(text);
            }
            places.push(place);
        }
        Distinct { texts, places }
    }

    fn text(&self, question: &Question, sample: &Sample) -> String {
        let text = match self.config.embed {
            Embedded::Response => text_to_embed(&question.question, &sample.response),
            Embedded::Answer => text_to_embed(&question.question, &answer_of(sample)),
        };
        match &self.config.instruction {
            None => text,
            Some(instruction) => {
                instruction.replace("{question}", &question.question) + text.as_str()
            }
        }
    }
}

/// The distinct texts of a question's samples, and the place of each sample's among them.
struct Distinct {
    texts: Vec<String>,
    places: Vec<usize>,
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
        Some(id) if !context.skip_invalid => Err(bad_input(format!(
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
    use crate::run_dir::write_records;
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
