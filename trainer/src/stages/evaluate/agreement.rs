//! The model's own sample agreement beside its words: how often it says the same when it is asked again
//! (CSR, arXiv 2605.15588).

use super::ask::Asking;
use super::measures::{measured_rows, rows};
use super::readout::to_millionths;
use super::{QUESTIONS_AT_ONCE, Subject};
use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records};
use crate::stages::StageContext;
use crate::stages::unanswered::Unanswered;
use calibration::faithfulness::correlation::pearson;
use datasets::config::{Decoding, EvaluateConfig, Readout};
use datasets::{Answer, Question};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The shares, a question each.
const AGREEMENT: &str = "agreement.jsonl";
/// Other draws than those of the answers, their continuations and their distractors.
const FIRST_SAMPLE: u32 = 3_000;

#[derive(Debug, Serialize, Deserialize)]
struct Agreement {
    id: String,
    /// Share of the samples whose answer is the stated one, 0..=1.
    agreement: f64,
}

/// Draws [`EvaluateConfig::agreement`] answers more to each question and measures the share of those
/// that agree with the answer that was stated, as a confidence in it.
pub(super) fn agreement(
    context: &StageContext<'_>,
    config: &EvaluateConfig,
    subject: &Subject<'_>,
    questions: &[Question],
    answers: &[Answer],
) -> anyhow::Result<serde_json::Value> {
    let path = context.records.join(AGREEMENT);
    let mut log = RecordLog::open(&path, |agreement: &Agreement| agreement.id.clone())?;
    let within = context.within("agreement")?;
    let count = questions.len() as u64;
    let mut progress = Progress::start(&within, log.len() as u64, count, "questions")?;
    let config = EvaluateConfig {
        samples: config.agreement,
        decoding: Decoding {
            temperature: 1.0,
            ..config.decoding.clone()
        },
        ..config.clone()
    };
    let stated: BTreeMap<&str, &Answer> = answers
        .iter()
        .map(|answer| (answer.question_id.as_str(), answer))
        .collect();
    let missing: Vec<&Question> = questions
        .iter()
        .filter(|question| !log.contains(&question.id) && stated.contains_key(&*question.id))
        .collect();
    let mut unanswered = Unanswered::default();
    for part in missing.chunks(QUESTIONS_AT_ONCE) {
        let asking = Asking {
            context: &within,
            config: &config,
            subject,
            readout: Readout::Stated,
            first_sample: FIRST_SAMPLE,
            missing: RefCell::default(),
        };
        for (id, share) in asking.agreement(part, &stated, &mut progress)? {
            log.append(&Agreement {
                id,
                agreement: to_millionths(share),
            })?;
        }
        progress.set(log.len() as u64)?;
        let missing = asking.missing.into_inner();
        for (question, reason) in missing.unanswered {
            unanswered.add(question, reason);
        }
        if let Some(error) = missing.error {
            unanswered.write(&within)?;
            return Err(error);
        }
    }
    unanswered.write(&within)?;
    log.finish_in_order(questions.iter().map(|question| question.id.as_str()))?;
    unanswered.settle(&within, "answers to compare with")?;
    progress.finish()?;

    let shares: BTreeMap<String, f64> = read_records::<Agreement>(&path)?
        .into_iter()
        .map(|one| (one.id, one.agreement))
        .collect();
    let answers: Vec<Answer> = answers
        .iter()
        .filter(|answer| shares.contains_key(&answer.id))
        .cloned()
        .collect();
    let share = |answer: &Answer| shares.get(&answer.id).copied().unwrap_or(0.0);
    let mut object = measured_rows(&rows(&answers, share), context.seed)?;
    object.insert("samples".into(), config.samples.into());
    let pairs: Vec<(f64, f64)> = answers
        .iter()
        .map(|answer| (answer.probability, share(answer)))
        .collect();
    object.insert(
        "correlation_with_stated".into(),
        serde_json::to_value(pearson(&pairs))?,
    );
    Ok(object.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations() {
        let close = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-12;
        assert!(close(pearson(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), 1.0));
        assert!(close(pearson(&[(0.0, 1.0), (1.0, 0.0)]), -1.0));
        assert_eq!(pearson(&[(0.5, 0.0), (0.5, 1.0)]), None);
    }
}
