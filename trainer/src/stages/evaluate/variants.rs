//! How much of a verbalized confidence is the prompt's: the same questions by several wordings
//! (arXiv 2605.02038).

use super::measures::rows;
use super::{Subject, answer};
use crate::stages::StageContext;
use calibration::metrics::{self, Options};
use datasets::config::EvaluateConfig;
use datasets::{Answer, Question};
use serde_json::{Map, Value, json};

/// The measures whose spread is told.
const SPREAD: [&str; 6] = ["accuracy", "ece_10", "smece", "brier", "auroc", "log_score"];

/// Asks the questions by each variant of the prompt, in a folder of its own, and returns each one's
/// measures, and the least, greatest, mean and standard deviation (of the sample) of each over all, the
/// prompt itself, with its `first` answers, among them.
pub(super) fn spread(
    context: &StageContext<'_>,
    config: &EvaluateConfig,
    subject: &Subject<'_>,
    questions: &[Question],
    first: &[Answer],
) -> anyhow::Result<Value> {
    let name = config.prompt.clone().unwrap_or_else(|| "its own".into());
    let mut prompts = vec![of_prompt(name, first)?];
    for (index, (name, prompt)) in subject.variants.iter().enumerate() {
        let within = context.within(&format!("prompt-{}", index + 2))?;
        let other = Subject {
            prompt: prompt.clone(),
            variants: Vec::new(),
            recalibration: subject.recalibration.clone(),
            model: subject.model.clone(),
            questions: subject.questions.clone(),
            ..*subject
        };
        let answers = answer(&within, config, &other, questions)?.answers;
        prompts.push(of_prompt(name.clone(), &answers)?);
    }
    let mut spread = Map::new();
    for measure in SPREAD.into_iter().chain(["parse_rate"]) {
        let values: Vec<f64> = prompts
            .iter()
            .filter_map(|prompt| prompt[measure].as_f64())
            .collect();
        spread.insert(measure.into(), summary(&values));
    }
    Ok(json!({ "spread": spread, "prompts": prompts }))
}

/// The measures of one wording, without intervals.
fn of_prompt(name: String, answers: &[Answer]) -> anyhow::Result<Value> {
    let metrics = metrics::evaluate(
        &rows(answers, |answer| answer.probability),
        Options::default(),
    )?;
    let mut object: Map<String, Value> = metrics
        .values()
        .into_iter()
        .filter(|(name, _)| SPREAD.contains(name))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let parsed = answers.iter().filter(|answer| answer.failure.is_none());
    object.insert(
        "parse_rate".into(),
        json!(parsed.count() as f64 / answers.len() as f64),
    );
    object.insert("prompt".into(), name.into());
    Ok(object.into())
}

fn summary(values: &[f64]) -> Value {
    if values.is_empty() {
        return Value::Null;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    json!({
        "min": values.iter().copied().fold(f64::INFINITY, f64::min),
        "max": values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "mean": mean,
        "sd": (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_of_one_has_no_deviation() {
        assert_eq!(summary(&[]), Value::Null);
        assert_eq!(summary(&[0.5])["sd"], Value::Null);
        let three = summary(&[0.1, 0.2, 0.3]);
        assert!((three["sd"].as_f64().unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(
            (three["min"].as_f64(), three["max"].as_f64()),
            (Some(0.1), Some(0.3))
        );
    }
}
