//! Every evaluation's measures with intervals, the honest baselines beneath them, and how much can be
//! answered at a wished accuracy.

use super::html::Html;
use super::{Evaluation, open_section};
use crate::stages::evaluate::rows;
use calibration::metrics::Options;
use calibration::selective::{Coverage, WISHED, coverage_by_halves};
use chart::format::{count, fixed, percent};
use chart::interval;
use serde_json::Value;
use std::ops::Range;

/// Resamples behind a coverage's interval.
const BOOTSTRAPS: usize = 1_000;
/// Answers below which figures are called few.
const FEW: u64 = 100;

/// Column, key of `metrics.json`, and the scale of its bar.
const COLUMNS: [(&str, &str, Range<f64>); 8] = [
    ("Accuracy", "accuracy", 0.0..1.0),
    ("ECE", "ece_10", 0.0..0.5),
    ("smECE", "smece", 0.0..0.5),
    ("Brier", "brier", 0.0..0.5),
    ("Brier skill", "brier_skill", 0.0..1.0),
    ("AUROC", "auroc", 0.0..1.0),
    ("AUROC within template", "within_template_auroc", 0.0..1.0),
    ("AURC", "aurc", 0.0..1.0),
];

pub fn section(html: &mut Html, evaluations: &[Evaluation]) {
    open_section(html, "numbers", "The numbers");
    html.element(
        "p",
        "Each with its 95% interval. Lower is better for ECE, smECE, Brier and AURC; higher for the rest. Brier skill is what is won over a model that knows only each kind's base rate. Its baselines, one confidence for all and each template's base rate, know nothing of the single answer: they are the bar to be cleared.",
    );
    html.open("div class=\"scroll\" tabindex=\"0\"");
    html.open("table class=\"measures\"");
    html.open("thead");
    html.open("tr");
    html.element("th scope=\"col\"", "Evaluation");
    html.element("th scope=\"col\"", "Questions");
    html.element("th scope=\"col\" class=\"number\"", "n");
    for (column, _, _) in COLUMNS {
        html.element("th scope=\"col\" class=\"number\"", column);
    }
    html.close("tr");
    html.close("thead");
    for one in evaluations {
        html.open("tbody");
        row(html, one);
        baselines(html, one);
        html.close("tbody");
    }
    html.close("table");
    html.close("div");
    html.close("section");
}

fn row(html: &mut Html, one: &Evaluation) {
    let metrics = &one.measured.metrics;
    let n = whole(metrics, "n");
    html.open("tr");
    html.open("th scope=\"row\"");
    html.text(&one.name);
    if one.measured.method != one.measured.label {
        html.element("span class=\"minor\"", &one.measured.method);
    }
    let failures = whole(metrics, "parse_failures");
    if failures > 0 {
        let words = format!(
            "{} without a readable confidence, counted as 0",
            count(failures)
        );
        html.element("span class=\"minor\"", &words);
    }
    if n < FEW {
        html.element("span class=\"minor\"", "few answers: read the intervals");
    }
    if metrics.get("judge_valid").and_then(Value::as_bool) == Some(false) {
        html.element(
            "span class=\"minor\"",
            "not valid: golds are sentences, judged by strings",
        );
    }
    html.close("th");
    let questions = match (
        one.measured.questions.as_str(),
        one.measured.split.as_deref(),
    ) {
        ("", _) => "–".to_owned(),
        (questions, None | Some("test")) => questions.to_owned(),
        (questions, Some(split)) => format!("{questions} ({split})"),
    };
    html.element("td", &questions);
    html.element("td class=\"number\"", &count(n));
    for (_, key, scale) in COLUMNS {
        cell(html, metrics, key, scale);
    }
    html.close("tr");
}

/// What must be beaten, beneath the Brier score.
fn baselines(html: &mut Html, one: &Evaluation) {
    let metrics = &one.measured.metrics;
    let known: Vec<String> = [
        ("constant", "constant_brier"),
        ("template's rate", "template_rate_brier"),
    ]
    .into_iter()
    .filter_map(|(name, key)| {
        let brier = metrics.get(key).and_then(Value::as_f64)?;
        Some(format!("{name} {}", fixed(brier, 3)))
    })
    .collect();
    if known.is_empty() {
        return;
    }
    html.open("tr class=\"baselines\"");
    html.element("th scope=\"row\"", "its baselines");
    html.element("td", "");
    html.element("td", "");
    for (_, column, _) in COLUMNS {
        match column {
            "brier" => {
                html.open("td class=\"number\"");
                for words in &known {
                    html.element("span class=\"minor\"", words);
                }
                html.close("td");
            }
            _ => {
                html.element("td", "");
            }
        }
    }
    html.close("tr");
}

/// A measure, its interval in digits and as a bar.
fn cell(html: &mut Html, metrics: &Value, key: &str, scale: Range<f64>) {
    html.open("td class=\"number\"");
    match metrics.get(key).and_then(Value::as_f64) {
        None => {
            html.element("span class=\"measure none\"", "not defined");
        }
        Some(value) => {
            let ends = ends(metrics, key);
            html.open("span class=\"measure\"");
            html.element("span class=\"value\"", &fixed(value, 3));
            html.open("span class=\"bar\"");
            html.drawing(&interval::svg(value, ends, scale));
            html.close("span");
            let range = match ends {
                Some((low, high)) => [fixed(low, 3), fixed(high, 3)].join(" to "),
                None => "no interval".to_owned(),
            };
            html.element("span class=\"range\"", &range);
            html.close("span");
        }
    }
    html.close("td");
}

fn ends(metrics: &Value, key: &str) -> Option<(f64, f64)> {
    let interval = metrics.get(format!("{key}_ci"))?;
    Some((interval.get(0)?.as_f64()?, interval.get(1)?.as_f64()?))
}

fn whole(metrics: &Value, key: &str) -> u64 {
    metrics.get(key).and_then(Value::as_u64).unwrap_or(0)
}

pub fn selective_section(html: &mut Html, evaluations: &[Evaluation], seed: u64) {
    open_section(html, "selective", "Answering only what is sure");
    html.element(
        "p",
        "How many questions can be answered at a wished accuracy, if the model keeps silent below a threshold of confidence. The questions are cut in two halves, whole entities each; each half is answered with the threshold that was chosen on the other, so that the figures are not those that were chosen for.",
    );
    let head = [
        "Evaluation",
        "n",
        "Wished",
        "Answered",
        "Right among answered",
    ];
    let mut table = Vec::new();
    let mut without = Vec::new();
    for one in evaluations {
        let Some(answers) = one.answers.as_ref().filter(|answers| !answers.is_empty()) else {
            without.push(one.name.as_str());
            continue;
        };
        let rows = rows(answers, |answer| answer.probability);
        let options = Options {
            bootstraps: BOOTSTRAPS,
            seed,
            ..Options::default()
        };
        for wished in WISHED {
            // Rows that cannot be measured have no figures above either.
            let Ok(coverage) = coverage_by_halves(&rows, wished, options) else {
                continue;
            };
            table.push(in_words(&one.name, &coverage));
        }
    }
    html.table(
        "Coverage at a wished accuracy, with 95% intervals.",
        &head.map(String::from),
        &table,
    );
    left_without(html, &without);
    html.close("section");
}

fn in_words(name: &str, coverage: &Coverage) -> Vec<String> {
    let with = |value: f64, ends: Option<[f64; 2]>| match ends {
        Some([low, high]) => format!(
            "{} [{}, {}]",
            fixed(value, 3),
            fixed(low, 3),
            fixed(high, 3)
        ),
        None => fixed(value, 3),
    };
    vec![
        name.to_owned(),
        count(coverage.n as u64),
        percent(coverage.wished),
        with(coverage.coverage, coverage.coverage_ci),
        match coverage.accuracy {
            Some(accuracy) => with(accuracy, coverage.accuracy_ci),
            None => "nothing answered: no confidence reached it".to_owned(),
        },
    ]
}

/// Says which evaluations were kept as figures alone.
pub fn left_without(html: &mut Html, names: &[&str]) {
    if !names.is_empty() {
        let words = format!(
            "Without answers, of which figures alone were kept: {}.",
            names.join(", ")
        );
        html.element("p class=\"minor\"", &words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_ece_is_the_one_whose_chance_is_told() {
        // What the diagrams' captions tell of a calibrated model is of `ece_10`.
        let metrics = json!({"ece_10": 0.125, "ece_15": 0.25});
        let mut html = Html::new();
        for (column, key, scale) in COLUMNS {
            if column == "ECE" {
                cell(&mut html, &metrics, key, scale);
            }
        }
        let html = html.finish();
        assert!(html.contains(">0.125<"), "{html}");
    }
}
