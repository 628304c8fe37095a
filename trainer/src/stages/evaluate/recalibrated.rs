//! Recalibration: a map from confidence to probability, fitted on dev answers of the same model, prompt
//! and readout, and kept for whoever shows this model's confidence.

use super::measures::{measured_rows, rows};
use super::{Method, Subject, answer};
use crate::error::{Error, bad_input, bad_use};
use crate::run_dir::write_atomically;
use crate::stages::StageContext;
use calibration::recalibrate::{self, Family, Recalibration};
use datasets::config::{EvaluateConfig, Readout};
use datasets::{Answer, Question};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The fitted map's file.
pub const RECALIBRATION: &str = "recalibration.json";

/// The folder of the dev answers.
const DEV: &str = "dev";

/// A map, and what it was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    #[serde(flatten)]
    pub map: Recalibration,
    /// Dev answers with a confidence.
    pub n: usize,
    pub method: String,
    pub model: String,
    pub questions: String,
    /// Which number of a model that states one of ten levels the map is for; absent in files of before,
    /// and then the method's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Readout>,
}

/// Asks the dev questions, fits the map on their answers and writes it beside the records.
pub(super) fn fit(
    context: &StageContext<'_>,
    family: Family,
    config: &EvaluateConfig,
    subject: &Subject<'_>,
    dev: &[Question],
) -> anyhow::Result<Fitted> {
    if dev.is_empty() {
        return Err(bad_use(
            "evaluate.recalibrate: no question of split \"dev\" to fit a recalibration on",
        ));
    }
    let within = context.within(DEV)?;
    let answers = answer(&within, config, subject, dev)?.answers;
    let stated: Vec<Answer> = answers
        .into_iter()
        .filter(|answer| answer.failure.is_none())
        .collect();
    let fitted = Fitted {
        map: recalibrate::fit(family, &rows(&stated, |answer| answer.probability))?,
        n: stated.len(),
        method: config.method.clone(),
        model: subject.model.clone(),
        questions: subject.questions.clone(),
        confidence: config.confidence,
    };
    fitted.write(&context.records.join(RECALIBRATION))?;
    Ok(fitted)
}

impl Fitted {
    /// The number that the map is for.
    pub fn readout(&self) -> Readout {
        let of_method = || Method::named(&self.method).map(Method::readout);
        self.confidence
            .unwrap_or_else(|| of_method().unwrap_or_default())
    }

    /// # Errors
    /// Of the disk.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        write_atomically(path, &bytes)
    }

    /// # Errors
    /// Exit code 2 where the file is none of these; the reading itself else.
    pub fn read(path: &Path) -> anyhow::Result<Fitted> {
        let bytes = std::fs::read(path).map_err(|source| Error::Read {
            path: path.to_path_buf(),
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            bad_input(format!(
                "{}: {error}; expected a file that `recalibrate` wrote, {RECALIBRATION}",
                path.display()
            ))
        })
    }

    /// The measures of answers once their confidences went through the map; a response without one
    /// keeps probability 0.
    pub(super) fn measures(
        &self,
        answers: &[Answer],
        seed: u64,
    ) -> anyhow::Result<serde_json::Value> {
        let probability = |answer: &Answer| match answer.failure {
            None => self.map.apply(answer.probability),
            Some(_) => 0.0,
        };
        let mut object = measured_rows(&rows(answers, probability), seed)?;
        object.insert("map".into(), serde_json::to_value(self)?);
        Ok(object.into())
    }
}
