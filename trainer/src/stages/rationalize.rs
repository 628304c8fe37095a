//! `rationalize`: why the model is unsure, in the first person (the paper's section 3.1).

use super::extractive;
use crate::error::{bad_input, bad_use};
use crate::events::Progress;
use crate::run_dir::{RecordLog, for_each_line};
use crate::stages::StageContext;
use datasets::config::RationalizeConfig;
use datasets::{Clustering, Rationale, Skipped};
use std::collections::HashSet;
use std::path::Path;

/// The records of the rationales.
pub const RATIONALES: &str = "rationales.jsonl";
/// The teacher that needs no model.
pub const EXTRACTIVE: &str = "extractive";

/// Writes `rationales.jsonl`, one for each record of `clusters`, in that order. Returns their
/// number.
///
/// # Errors
/// Exit code 2 for a teacher that is not known, a file without clusters and a row that is none;
/// with `skip_invalid` such rows are counted in `skipped.jsonl`.
pub fn rationalize(
    context: &StageContext<'_>,
    config: &RationalizeConfig,
    clusters: &Path,
) -> anyhow::Result<usize> {
    if config.teacher != EXTRACTIVE {
        return Err(bad_use(format!(
            "unknown teacher {:?}; expected {EXTRACTIVE}",
            config.teacher
        )));
    }
    let mut skipped = Vec::new();
    let ids = ids_of(context, clusters, &mut skipped)?;
    let mut log = RecordLog::open(context.records.join(RATIONALES), |record: &Rationale| {
        record.id.clone()
    })?;
    let mut progress = Progress::start(context, log.len() as u64, ids.len() as u64, "questions")?;
    let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
    for_each_line(clusters, |line| {
        let Ok(record) = serde_json::from_slice::<Clustering>(line.bytes) else {
            return Ok(());
        };
        if !wanted.contains(record.id.as_str()) || log.contains(&record.id) {
            return Ok(());
        }
        log.append(&Rationale {
            rationale: extractive::rationale(&record.question, &record.clusters),
            id: record.id,
            question: record.question,
            teacher: EXTRACTIVE.into(),
            prompt_sha256: None,
        })?;
        progress.advance(1)
    })?;
    let records = log.len();
    log.finish_in_order(ids.iter().map(String::as_str))?;
    context.write_skipped(&skipped)?;
    progress.finish()?;
    Ok(records)
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
        let error = rationalize(&context, &config, &input).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("clusters.jsonl:2: a stands there twice"),
            "{error}"
        );
        assert_eq!(crate::error::exit_code(&error), 2);
        context.skip_invalid = true;
        assert_eq!(rationalize(&context, &config, &input).unwrap(), 1);
        let skipped: Vec<Skipped> = read_records(&folder.path().join("out/skipped.jsonl")).unwrap();
        assert_eq!(skipped.len(), 2);
        let records: Vec<Rationale> = read_records(&context.records.join(RATIONALES)).unwrap();
        assert_eq!(
            records[0].rationale,
            "All of my answers say Rome: I do not waver on this."
        );

        let other = RationalizeConfig {
            teacher: "nobody".into(),
        };
        assert_eq!(
            crate::error::exit_code(&rationalize(&context, &other, &input).unwrap_err()),
            2
        );
    }
}
