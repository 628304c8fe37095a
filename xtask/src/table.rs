//! The before / after table of a run: each evaluation's figures with their 95% intervals.

use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;

/// One row: `evaluate/LABEL/metrics.json`.
pub struct Row {
    pub label: String,
    pub metrics: Value,
}

/// The evaluations of a run directory: methods that need no adapter first, then by name.
pub fn read(run: &Path) -> Result<Vec<Row>> {
    let folder = run.join("evaluate");
    let mut rows = Vec::new();
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path().join("metrics.json");
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let metrics = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is not JSON", path.display()))?;
        let label = path.parent().and_then(Path::file_name).unwrap_or_default();
        rows.push(Row {
            label: label.to_string_lossy().into_owned(),
            metrics,
        });
    }
    rows.sort_by_key(|row| (row.label.starts_with("sayself"), row.label.clone()));
    Ok(rows)
}

/// The table in Markdown, which a terminal can be read in too.
pub fn markdown(rows: &[Row]) -> String {
    let head = [
        "method",
        "n",
        "accuracy",
        "ECE",
        "Brier",
        "AUROC",
        "AUROC within template",
    ];
    let mut lines = vec![head.map(String::from).to_vec()];
    for row in rows {
        let count = row.metrics["n"]
            .as_u64()
            .map_or("–".into(), |n| n.to_string());
        let mut line = vec![row.label.clone(), count];
        let names = [
            "accuracy",
            "ece_10",
            "brier",
            "auroc",
            "within_template_auroc",
        ];
        line.extend(names.map(|name| figure(&row.metrics, name)));
        lines.push(line);
    }
    aligned(&lines)
}

/// `.123 [.110, .140]`, or a dash where the measure is not defined.
fn figure(metrics: &Value, name: &str) -> String {
    let Some(value) = metrics[name].as_f64() else {
        return "–".into();
    };
    match &metrics[format!("{name}_ci")] {
        Value::Array(ends) if ends.len() == 2 => match (ends[0].as_f64(), ends[1].as_f64()) {
            (Some(low), Some(high)) => {
                format!("{} [{}, {}]", short(value), short(low), short(high))
            }
            _ => short(value),
        },
        _ => short(value),
    }
}

/// Three decimals without the leading zero.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    match text.strip_prefix("0.") {
        Some(decimals) => format!(".{decimals}"),
        None => text.replace("-0.", "-."),
    }
}

fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(&format!(
                "| {cell}{} ",
                " ".repeat(width - cell.chars().count())
            ));
        }
        text.push_str("|\n");
        if index == 0 {
            for width in &widths {
                text.push_str(&format!("|{}", "-".repeat(width + 2)));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_carry_their_intervals() {
        let metrics =
            json!({"auroc": 0.9164, "auroc_ci": [0.9, 0.93], "brier": null, "ece_10": 0.5});
        assert_eq!(figure(&metrics, "auroc"), ".916 [.900, .930]");
        assert_eq!(figure(&metrics, "brier"), "–");
        assert_eq!(figure(&metrics, "ece_10"), ".500");
        assert_eq!(figure(&metrics, "absent"), "–");
        assert_eq!(short(-0.25), "-.250");
        assert_eq!(short(1.0), "1.000");
    }

    #[test]
    fn the_taught_model_stands_last() {
        let run = tempfile::tempdir().unwrap();
        for label in ["sayself", "sequence-likelihood", "direct-prompting"] {
            let folder = run.path().join("evaluate").join(label);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("metrics.json"), "{\"n\": 7, \"accuracy\": 0.5}").unwrap();
        }
        let rows = read(run.path()).unwrap();
        let labels: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(
            labels,
            ["direct-prompting", "sequence-likelihood", "sayself"]
        );
        let table = markdown(&rows);
        assert_eq!(table.lines().count(), 5);
        assert!(
            table
                .lines()
                .all(|line| line.chars().count() == table.lines().next().unwrap().chars().count())
        );
    }
}
