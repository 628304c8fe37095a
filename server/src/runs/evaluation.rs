//! `metrics.json`, read into what the pages show.

use app::view::{Evaluation, Figure};
use serde_json::Value;

/// One evaluation from the text of its `metrics.json`.
///
/// # Errors
/// Says in words what is wrong with the file.
pub fn evaluation(label: &str, text: &str) -> Result<Evaluation, String> {
    let metrics: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if !metrics.is_object() {
        return Err("found no JSON object, expected the measures of an evaluation".into());
    }
    let n = metrics
        .get("n")
        .and_then(Value::as_u64)
        .ok_or("found no whole number `n`, expected the number of answers")?;
    Ok(Evaluation {
        label: label.to_owned(),
        method: text_of(&metrics, "method").unwrap_or(label).to_owned(),
        n,
        parse_failures: metrics
            .get("parse_failures")
            .and_then(Value::as_u64)
            .unwrap_or(0),
        accuracy: figure(&metrics, "accuracy"),
        ece: figure(&metrics, "ece_10"),
        smece: figure(&metrics, "smece"),
        brier: figure(&metrics, "brier"),
        auroc: figure(&metrics, "auroc"),
        within_template_auroc: figure(&metrics, "within_template_auroc"),
        brier_skill: figure(&metrics, "brier_skill"),
        metrics,
    })
}

/// A text field of `metrics.json`.
pub fn text_of<'a>(metrics: &'a Value, name: &str) -> Option<&'a str> {
    metrics
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A measure and its interval `NAME_ci`.
fn figure(metrics: &Value, name: &str) -> Figure {
    let interval = metrics.get(format!("{name}_ci"));
    let end = |index: usize| {
        interval
            .and_then(|ends| ends.get(index))
            .and_then(Value::as_f64)
    };
    Figure {
        value: metrics.get(name).and_then(Value::as_f64),
        low: end(0),
        high: end(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_without_a_value_stay_empty() {
        let read = evaluation(
            "sayself",
            r#"{"n": 3, "accuracy": 0.5, "accuracy_ci": [0.25, 0.75], "auroc": null, "method": "sayself"}"#,
        )
        .unwrap();
        assert_eq!(
            read.accuracy,
            Figure {
                value: Some(0.5),
                low: Some(0.25),
                high: Some(0.75)
            }
        );
        assert_eq!(read.auroc, Figure::default());
        assert_eq!(read.n, 3);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(evaluation("x", "{\"n\": 3").unwrap_err().contains("line 1"));
        assert!(evaluation("x", "[]").unwrap_err().contains("JSON object"));
        assert!(
            evaluation("x", "{\"n\": \"many\"}")
                .unwrap_err()
                .contains("`n`")
        );
    }
}
