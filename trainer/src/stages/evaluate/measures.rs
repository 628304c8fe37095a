//! The measures of answers, as `metrics.json` holds them.

use super::readout::read_out;
use super::{BOOTSTRAPS, METRICS};
use calibration::metrics::{self, Options};
use calibration::selective::{Coverage, WISHED, coverage_by_halves};
use calibration::{Row, baseline};
use datasets::Answer;
use datasets::config::Readout;
use std::collections::BTreeMap;
use std::path::Path;

/// The measures of answers as rows, with the honest baselines beside them, as one JSON object.
///
/// # Errors
/// Where there is no answer.
pub fn measure(answers: &[Answer], seed: u64) -> anyhow::Result<serde_json::Value> {
    let mut object = measured_rows(&rows(answers, |answer| answer.probability), seed)?;
    let parsed: Vec<Answer> = answers
        .iter()
        .filter(|answer| answer.failure.is_none())
        .cloned()
        .collect();
    object.insert("n_parsed".into(), parsed.len().into());
    object.insert(
        "parse_failures".into(),
        (answers.len() - parsed.len()).into(),
    );
    if !parsed.is_empty() && parsed.len() < answers.len() {
        let plain = Options {
            seed,
            ..Options::default()
        };
        let of_parsed = metrics::evaluate(&rows(&parsed, |answer| answer.probability), plain)?;
        object.insert("parsed_only".into(), serde_json::to_value(of_parsed)?);
    }
    if answers.iter().any(|answer| answer.levels.is_some()) {
        let mut by_readout = serde_json::Map::new();
        for (name, readout) in [
            ("stated", Readout::Stated),
            ("mode", Readout::Mode),
            ("expected", Readout::Expected),
        ] {
            let rows = rows(answers, |answer| {
                read_out(readout, answer.confidence, answer.levels.as_ref())
            });
            by_readout.insert(name.into(), measured_rows(&rows, seed)?.into());
        }
        object.insert("readouts".into(), by_readout.into());
    }
    let by_template = by_template(answers);
    if !by_template.is_empty() {
        object.insert("by_template".into(), serde_json::to_value(by_template)?);
    }
    Ok(object.into())
}

/// The measures of rows with their intervals, the honest baselines beside them, and how much of the
/// questions can be answered at a wished accuracy.
pub(super) fn measured_rows(
    rows: &[Row],
    seed: u64,
) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    let options = Options {
        bootstraps: BOOTSTRAPS,
        seed,
        ..Options::default()
    };
    let mut object = object_of(&metrics::evaluate(rows, options)?)?;
    object.extend(object_of(&baseline::evaluate(rows, None, options)?)?);
    object.insert(
        "selective".into(),
        serde_json::to_value(selective(rows, options)?)?,
    );
    Ok(object)
}

/// How much can be answered at each wished accuracy, thresholds chosen on the other half.
fn selective(rows: &[Row], options: Options) -> anyhow::Result<Vec<Coverage>> {
    let coverages = WISHED.map(|wished| coverage_by_halves(rows, wished, options));
    Ok(coverages.into_iter().collect::<Result<_, _>>()?)
}

/// What one template contributes.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
struct OfTemplate {
    n: usize,
    accuracy: f64,
    mean_confidence: f64,
}

fn by_template(answers: &[Answer]) -> BTreeMap<String, OfTemplate> {
    let mut templates: BTreeMap<String, OfTemplate> = BTreeMap::new();
    for answer in answers {
        let Some(name) = &answer.template else {
            continue;
        };
        let of_template = templates.entry(name.clone()).or_default();
        of_template.n += 1;
        of_template.accuracy += f64::from(u8::from(answer.correct));
        of_template.mean_confidence += answer.probability;
    }
    for of_template in templates.values_mut() {
        of_template.accuracy /= of_template.n as f64;
        of_template.mean_confidence /= of_template.n as f64;
    }
    templates
}

fn object_of<T: serde::Serialize>(
    value: &T,
) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    match serde_json::to_value(value)? {
        serde_json::Value::Object(object) => Ok(object),
        other => anyhow::bail!("expected an object, found {other}"),
    }
}

/// Answers as rows: bootstraps are clustered by entity, base rates are by template.
pub fn rows<'a>(
    answers: impl IntoIterator<Item = &'a Answer>,
    probability: impl Fn(&Answer) -> f64,
) -> Vec<Row> {
    let mut entities: BTreeMap<&'a str, u32> = BTreeMap::new();
    let mut templates: BTreeMap<&'a str, u32> = BTreeMap::new();
    let number = |names: &mut BTreeMap<_, u32>, name| {
        let next = names.len() as u32;
        *names.entry(name).or_insert(next)
    };
    answers
        .into_iter()
        .map(|answer| Row {
            confidence: probability(answer),
            correct: answer.correct,
            group: answer
                .entity
                .as_deref()
                .map(|entity| number(&mut entities, entity)),
            template: answer
                .template
                .as_deref()
                .map(|template| number(&mut templates, template)),
        })
        .collect()
}

/// The measures that a stage wrote.
pub fn read_metrics(folder: &Path) -> anyhow::Result<serde_json::Value> {
    let path = folder.join(METRICS);
    let bytes =
        std::fs::read(&path).map_err(|source| crate::error::Error::Read { path, source })?;
    Ok(serde_json::from_slice(&bytes)?)
}
