//! `rationalize`: why the model is unsure, in the first person (the paper's section 3.1).

use super::sample_file::SampleFile;
use super::teacher::{Lesson, Teacher};
use super::unanswered::Unanswered;
use crate::endpoint::Unanswered as Refused;
use crate::endpoint::at_once::at_once;
use crate::error::{bad_input, bad_use};
use crate::events::Progress;
use crate::run_dir::{RecordLog, for_each_line};
use crate::stages::StageContext;
use calibration::extractive;
use datasets::config::RationalizeConfig;
use datasets::{Cluster, Clustering, Question, Rationale, Skipped};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

/// The records of the rationales.
pub const RATIONALES: &str = "rationales.jsonl";
/// The teacher that needs no model.
pub const EXTRACTIVE: &str = "extractive";

/// Questions that a teacher is asked about together, for each call in flight.
const LESSONS_PER_CALL_IN_FLIGHT: usize = 4;

/// What a teacher that is a model needs beside the clusters.
#[derive(Clone, Copy, Debug)]
pub struct TeacherInputs<'a> {
    /// Where the golds stand.
    pub questions: &'a [Question],
    /// The responses that were clustered.
    pub samples: &'a Path,
}

/// Writes `rationales.jsonl`, one for each record of `clusters`, in that order. Returns their
/// number.
///
/// # Errors
/// Exit code 2 for a teacher that cannot be asked, a file without clusters and a row that is none;
/// with `skip_invalid` such rows are counted in `skipped.jsonl`. So is what a teacher did not answer,
/// or not usably, after all tries; without `skip_invalid` it fails the stage in the end, and is asked for
/// again by the next call.
pub fn rationalize(
    context: &StageContext<'_>,
    config: &RationalizeConfig,
    clusters: &Path,
    inputs: Option<TeacherInputs<'_>>,
) -> anyhow::Result<usize> {
    let teacher = match config.teacher.as_str() {
        EXTRACTIVE => None,
        _ => Some(Teacher::new(config)?),
    };
    let mut skipped = Vec::new();
    let ids = ids_of(context, clusters, &mut skipped)?;
    let mut log = RecordLog::open(context.records.join(RATIONALES), |record: &Rationale| {
        record.id.clone()
    })?;
    let mut progress = Progress::start(context, log.len() as u64, ids.len() as u64, "questions")?;
    let mut unanswered = Unanswered::beside(skipped);
    match (&teacher, inputs) {
        (None, _) => for_each_record(clusters, &ids, |record| {
            if log.contains(&record.id) {
                return Ok(());
            }
            log.append(&Rationale {
                rationale: extracted(&record.question, &record.clusters),
                id: record.id,
                question: record.question,
                teacher: EXTRACTIVE.into(),
                prompt_sha256: None,
            })?;
            progress.advance(1)
        })?,
        (Some(_), None) => {
            return Err(bad_use(format!(
                "the teacher {:?} reads responses and gold answers: name --samples and --questions",
                config.teacher
            )));
        }
        (Some(teacher), Some(inputs)) => {
            let outcome = by_teacher(
                context,
                teacher,
                (clusters, &ids),
                inputs,
                (&mut log, &mut unanswered, &mut progress),
            );
            context.write_spent(Some(teacher.endpoint().spent()), log.len())?;
            if outcome.is_err() {
                unanswered.write(context)?;
            }
            outcome?;
        }
    }
    let records = log.len();
    log.finish_in_order(ids.iter().map(String::as_str))?;
    unanswered.write(context)?;
    unanswered.settle(context, "rationales")?;
    progress.finish()?;
    Ok(records)
}

/// What the extractive teacher says of these clusters.
fn extracted(question: &str, clusters: &[Cluster]) -> String {
    let clusters: Vec<extractive::Cluster<'_>> = clusters
        .iter()
        .map(|cluster| extractive::Cluster {
            answer: &cluster.answer,
            samples: cluster.members.len(),
            share: cluster.share,
        })
        .collect();
    extractive::rationale(question, &clusters)
}

/// Asks the teacher for what is missing, some questions at once.
fn by_teacher(
    context: &StageContext<'_>,
    teacher: &Teacher,
    (clusters, ids): (&Path, &[String]),
    inputs: TeacherInputs<'_>,
    (log, unanswered, progress): (
        &mut RecordLog<Rationale>,
        &mut Unanswered,
        &mut Progress<'_>,
    ),
) -> anyhow::Result<()> {
    let questions: HashMap<&str, &Question> = inputs
        .questions
        .iter()
        .map(|question| (question.id.as_str(), question))
        .collect();
    // What is wrong with its rows has been told by `cluster`, which read it.
    let mut samples = SampleFile::open(inputs.samples, &context.stage, true, &mut Vec::new())?;
    let mut waiting: Vec<Lesson> = Vec::new();
    let at_once_max = teacher.endpoint().concurrency() * LESSONS_PER_CALL_IN_FLIGHT;
    let mut ask = |lessons: &mut Vec<Lesson>, log: &mut RecordLog<Rationale>| {
        let mut failure = None;
        at_once(
            lessons.as_slice(),
            teacher.endpoint().concurrency(),
            |_, lesson, outbox| match teacher.rationale(lesson, outbox.ended()) {
                Ok(rationale) => {
                    outbox.put(Ok(rationale));
                    Ok(())
                }
                Err(Refused::Ended) => Ok(()),
                Err(refused) => {
                    outbox.put(Err((lesson.id.clone(), refused.to_string())));
                    Err(refused)
                }
            },
            &mut |heard| {
                let written = match heard {
                    Ok(rationale) => log.append(&rationale).and_then(|()| progress.advance(1)),
                    Err((id, reason)) => {
                        unanswered.add(id, reason);
                        Ok(())
                    }
                };
                match written {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        )?;
        lessons.clear();
        failure.map_or(Ok(()), Err)
    };
    for_each_record(clusters, ids, |record| {
        if log.contains(&record.id) {
            return Ok(());
        }
        let question = questions.get(record.id.as_str()).ok_or_else(|| {
            bad_input(format!(
                "{}: clusters of the question {}, which is not among the questions given",
                clusters.display(),
                record.id
            ))
        })?;
        let responses = samples.samples_of(&record.id)?;
        waiting.push(teacher.lesson(question, &record, &responses, context.seed)?);
        match waiting.len() >= at_once_max {
            true => ask(&mut waiting, log),
            false => Ok(()),
        }
    })?;
    ask(&mut waiting, log)
}

/// Calls `each` for the records of clusters with these ids, in their order.
fn for_each_record(
    clusters: &Path,
    ids: &[String],
    mut each: impl FnMut(Clustering) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
    for_each_line(clusters, |line| {
        match serde_json::from_slice::<Clustering>(line.bytes) {
            // Each once: what stands there twice has been told.
            Ok(record) if !record.clusters.is_empty() && wanted.remove(record.id.as_str()) => {
                each(record)
            }
            _ => Ok(()),
        }
    })
}

/// The ids of all records of clusters, in their order; what is wrong is told before any work.
fn ids_of(
    context: &StageContext<'_>,
    path: &Path,
    skipped: &mut Vec<Skipped>,
) -> anyhow::Result<Vec<String>> {
    let (mut ids, mut seen) = (Vec::new(), HashSet::new());
    for_each_line(path, |line| {
        if line.bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        let reason = match serde_json::from_slice::<Clustering>(line.bytes) {
            Ok(record) if record.clusters.is_empty() => format!("{} has no clusters", record.id),
            Ok(record) if !seen.insert(record.id.clone()) => {
                format!("{} stands there twice", record.id)
            }
            Ok(record) => {
                ids.push(record.id);
                return Ok(());
            }
            Err(error) => format!("not the clusters of a question: {error}"),
        };
        let record = format!("{}:{}", path.display(), line.number);
        if !context.skip_invalid {
            return Err(bad_input(format!("{record}: {reason}")));
        }
        skipped.push(Skipped {
            stage: context.stage.clone(),
            record,
            reason,
        });
        Ok(())
    })?;
    if ids.is_empty() {
        return Err(bad_input(format!("{}: no clusters", path.display())));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventLog;
    use crate::run_dir::read_records;

    const LINE: &str = r#"{"id":"a","question":"Which city is it?","method":"answer","clusters":[{"answer":"Rome","members":[0],"share":1.0,"correct":true}]}"#;

    #[test]
    fn bad_rows_fail_or_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("clusters.jsonl");
        std::fs::write(&input, format!("{LINE}\n{LINE}\n{{}}\n")).unwrap();
        let events = EventLog::open(folder.path().join("out/events.jsonl")).unwrap();
        let mut context = StageContext {
            records: folder.path().join("out"),
            events: &events,
            stage: "rationalize".into(),
            seed: 1,
            skip_invalid: false,
            quiet: true,
        };
        let config = RationalizeConfig::default();
        let error = rationalize(&context, &config, &input, None).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("clusters.jsonl:2: a stands there twice"),
            "{error}"
        );
        assert_eq!(crate::error::exit_code(&error), 2);
        context.skip_invalid = true;
        assert_eq!(rationalize(&context, &config, &input, None).unwrap(), 1);
        let skipped: Vec<Skipped> = read_records(&folder.path().join("out/skipped.jsonl")).unwrap();
        assert_eq!(skipped.len(), 2);
        let records: Vec<Rationale> = read_records(&context.records.join(RATIONALES)).unwrap();
        assert_eq!(
            records[0].rationale,
            "All of my answers say Rome: I do not waver on this."
        );

        let other = RationalizeConfig {
            teacher: "nobody".into(),
            endpoint: None,
        };
        assert_eq!(
            crate::error::exit_code(&rationalize(&context, &other, &input, None).unwrap_err()),
            2
        );
    }
}
