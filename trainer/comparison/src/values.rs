//! Each method's own figures, a row a method.

use crate::label::without_seed;
use crate::tables::{Measured, Ours, mean};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// What is shown of a method, by its name in `metrics.json`, and what the column is called.
const COLUMNS: [(&str, &str); 7] = [
    ("accuracy", "accuracy"),
    ("ece_15", "ECE"),
    ("smece", "smECE"),
    ("brier", "Brier"),
    ("brier_skill", "skill"),
    ("auroc", "AUROC"),
    ("within_template_auroc", "within template"),
];

/// A method's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Values {
    pub name: String,
    /// Questions; of several evaluations the fewest.
    pub n: u64,
    /// Evaluations whose mean it is.
    pub seeds: usize,
    /// Answers without a confidence that could be read; of several evaluations their mean.
    pub parse_failures: f64,
    /// Whether the judge's verdicts mean something on these questions.
    pub is_valid: bool,
    /// By measure; `None` where one is not there.
    #[serde(serialize_with = "by_measure")]
    pub figures: [Option<Ours>; COLUMNS.len()],
}

fn by_measure<S: serde::Serializer>(
    figures: &[Option<Ours>; COLUMNS.len()],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(COLUMNS.iter().map(|(name, _)| name).zip(figures))
}

impl Values {
    /// Of one evaluation, or of several that are one method: the mean, with the mean of the intervals'
    /// ends, which is no narrower than an interval of the mean. `evaluations`: their `metrics.json`.
    pub fn new(name: String, evaluations: &[&Value]) -> Values {
        let asked = |one: &&Value| one.get("n")?.as_u64();
        let failures = |one: &&Value| one.get("parse_failures")?.as_f64();
        let failures: Vec<f64> = evaluations.iter().filter_map(failures).collect();
        Values {
            name,
            n: evaluations.iter().filter_map(asked).min().unwrap_or(0),
            seeds: evaluations.len(),
            parse_failures: failures.iter().sum::<f64>() / failures.len().max(1) as f64,
            is_valid: evaluations
                .iter()
                .all(|one| one.get("judge_valid") != Some(&Value::Bool(false))),
            figures: COLUMNS.map(|(measure, _)| mean(evaluations, measure)),
        }
    }

    fn row(&self) -> Vec<String> {
        let mut name = self.name.clone();
        if self.seeds > 1 {
            name += &format!(" (mean of {} seeds)", self.seeds);
        }
        if !self.is_valid {
            name += NOT_VALID;
        }
        let figures = self
            .figures
            .iter()
            .zip(COLUMNS)
            .map(|(ours, (measure, _))| {
                let Some((value, ours)) = ours.as_ref().and_then(|ours| Some((ours.value?, ours)))
                else {
                    return "–".to_owned();
                };
                let number = |value: f64| match measure {
                    "brier_skill" => format!("{value:+.3}"),
                    _ => format!("{value:.3}"),
                };
                match ours.interval {
                    Some([low, high]) => {
                        format!("{} [{}, {}]", number(value), number(low), number(high))
                    }
                    None => number(value),
                }
            });
        [name, self.n.to_string()]
            .into_iter()
            .chain(figures)
            .collect()
    }
}

/// Follows the name of an evaluation whose verdicts mean nothing.
pub const NOT_VALID: &str = " (not valid)";

/// The head, and a row for each method.
pub fn rows(values: &[Values]) -> Vec<Vec<String>> {
    let head = ["", "n"].into_iter().chain(COLUMNS.map(|(_, title)| title));
    std::iter::once(head.map(String::from).collect())
        .chain(values.iter().map(Values::row))
        .collect()
}

/// The methods of all evaluations, in their order. Those of a run whose labels differ in the training seed
/// alone are one method, unless `each_seed`. A method is called by its run where that has no other, by its
/// label where there is one run.
pub fn values(measured: &[Measured], each_seed: bool) -> Vec<Values> {
    let stem = |one: &'_ Measured| -> String {
        match each_seed {
            true => one.label.clone(),
            false => without_seed(&one.label).to_owned(),
        }
    };
    let mut groups: Vec<((&str, String), Vec<&Value>)> = Vec::new();
    for one in measured {
        let key = (one.run.as_str(), stem(one));
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(&one.metrics),
            None => groups.push((key, vec![&one.metrics])),
        }
    }
    let runs: BTreeSet<&str> = groups.iter().map(|((run, _), _)| *run).collect();
    let name = |run: &str, label: &str| {
        let of_run = groups.iter().filter(|((other, _), _)| *other == run);
        match (runs.len(), of_run.count()) {
            (1, _) => label.to_owned(),
            (_, 1) => run.to_owned(),
            _ => format!("{run}: {label}"),
        }
    };
    groups
        .iter()
        .map(|((run, label), group)| Values::new(name(run, label), group))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn measured(run: &str, label: &str, accuracy: f64) -> Measured {
        let metrics = json!({
            "n": 100, "parse_failures": 4, "accuracy": accuracy,
            "accuracy_ci": [accuracy - 0.1, accuracy + 0.1], "brier_skill": 0.25, "auroc": null,
        });
        Measured::new(run, label, false, metrics, None, None)
    }

    #[test]
    fn seeds_of_a_run_are_one_method_and_runs_are_not() {
        let all = [
            measured("a", "taught", 0.4),
            measured("a", "taught-seed-2", 0.6),
            measured("b", "taught", 0.5),
            measured("b", "base", 0.3),
        ];
        let table = rows(&values(&all, false));
        let (head, rows) = table.split_first().unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(names, ["a (mean of 2 seeds)", "b: taught", "b: base"]);
        assert_eq!(rows[0][1..4], ["100", "0.500 [0.400, 0.600]", "–"]);
        assert_eq!((rows[0][6].as_str(), rows[0][7].as_str()), ("+0.250", "–"));
        assert!(rows.iter().all(|row| row.len() == head.len()));
        assert_eq!(values(&all, true).len(), 4);
        assert_eq!(values(&all[..2], false)[0].name, "taught");
    }

    #[test]
    fn json_names_each_measure() {
        let values = values(&[measured("a", "taught", 0.4)], false);
        let json = serde_json::to_value(&values[0]).unwrap();
        assert_eq!(json["figures"]["accuracy"]["value"], 0.4);
        assert_eq!(json["figures"]["brier"], Value::Null);
        assert_eq!(
            (&json["n"], &json["parse_failures"]),
            (&json!(100), &json!(4.0))
        );
    }
}
