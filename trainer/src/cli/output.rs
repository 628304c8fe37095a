//! What is printed: data to stdout, words to stderr.

use crate::stages::run::Measured;
use comparison::form::aligned;
use comparison::values::{self, NOT_VALID, Values};
use serde::Serialize;
use std::io::{BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};

/// Whether stderr takes colours: a terminal, and `NO_COLOR` is not set.
pub fn has_colours() -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !is_refused
}

/// An error with its causes, on stderr.
pub fn error(error: &anyhow::Error) {
    let label = if has_colours() {
        "\x1b[31merror\x1b[0m"
    } else {
        "error"
    };
    // Nothing can be done where stderr itself is closed.
    let _ = writeln!(std::io::stderr(), "{label}: {error:#}");
}

/// Whether the error is that nobody reads stdout any more.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
            || cause.downcast_ref::<ClosedPipe>().is_some()
    })
}

#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output")]
struct ClosedPipe;

/// Stdout for many lines; flush it by [`Lines::finish`].
pub struct Lines(BufWriter<StdoutLock<'static>>);

impl Lines {
    pub fn open() -> Self {
        Lines(BufWriter::new(std::io::stdout().lock()))
    }

    pub fn text(&mut self, line: &str) -> anyhow::Result<()> {
        told(writeln!(self.0, "{line}"))
    }

    /// One JSON object a line.
    pub fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let line = serde_json::to_string(value)?;
        self.text(&line)
    }

    pub fn finish(mut self) -> anyhow::Result<()> {
        told(self.0.flush())
    }
}

fn told(outcome: std::io::Result<()>) -> anyhow::Result<()> {
    outcome.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => ClosedPipe.into(),
        _ => anyhow::Error::from(error).context("cannot write to stdout"),
    })
}

/// One line on stdout.
pub fn line(text: &str) -> anyhow::Result<()> {
    let mut lines = Lines::open();
    lines.text(text)?;
    lines.finish()
}

/// One JSON object on stdout.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// The before / after table, as text.
pub fn table(measured: &[Measured]) -> String {
    let values: Vec<Values> = measured
        .iter()
        .map(|(label, metrics)| Values::new(label.clone(), &[metrics]))
        .collect();
    let rows = values::rows(&values);
    let lines = aligned(&rows);
    let mut table: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if rows.iter().any(|row| row[0].ends_with(NOT_VALID)) {
        table.push_str(
            "not valid: the gold answers are sentences, which cannot be judged by comparing strings; name \
             a --judge-endpoint\n",
        );
    }
    table
}

/// What the judge that is a model did, as a line; empty where strings judged.
pub fn judge(metrics: &serde_json::Value) -> String {
    let Some(judge) = metrics.get("judge") else {
        return String::new();
    };
    let number = |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_f64);
    let of_agreement = |name: &str| number(judge.get("agreement").and_then(|of| of.get(name)));
    let model = judge.get("model").and_then(serde_json::Value::as_str);
    let scored = number(judge.get("n")).unwrap_or(0.0);
    let agreement = match (of_agreement("share_equal"), of_agreement("kappa")) {
        (Some(share), kappa) => format!(
            "agrees with the string judge on {:.1}% of {scored} answers, kappa {}",
            100.0 * share,
            kappa.map_or_else(|| "undefined".to_owned(), |kappa| format!("{kappa:.3}"))
        ),
        (None, _) => "scored no answer".to_owned(),
    };
    let failures = number(judge.get("failures")).filter(|failures| *failures > 0.0);
    let failures = failures.map_or_else(String::new, |failures| {
        format!("; {failures} without a score were judged by strings")
    });
    format!(
        "judge {}: {agreement}{failures}\n",
        model.unwrap_or_default()
    )
}

/// The table of faithfulness, as text: each measure beside its controls, then what goes with it.
pub fn faithfulness_table(label: &str, measured: &serde_json::Value) -> String {
    use serde_json::Value;
    let figure = |object: &Value, name: &str| {
        let value = object.get(name).and_then(Value::as_f64);
        let interval = object.get(format!("{name}_ci")).and_then(Value::as_array);
        let bound = |index: usize| interval.and_then(|interval| interval.get(index)?.as_f64());
        match (value, bound(0), bound(1)) {
            (Some(value), Some(low), Some(high)) => format!("{value:.2} [{low:.2}, {high:.2}]"),
            (Some(value), _, _) => format!("{value:.2}"),
            _ => "–".to_owned(),
        }
    };
    let mut rows = vec![
        [
            label,
            "n",
            "mean",
            "shuffled",
            "constant",
            "falls under controls",
        ]
        .map(String::from)
        .to_vec(),
    ];
    let named = [
        ("names", "names, 0..10"),
        ("self_reflect", "self-reflect, 0..1, lower is better"),
        ("judge", "judge, 0..10"),
        ("people", "people, 0..10"),
    ];
    for (name, shown) in named {
        let Some(found) = measured.get(name) else {
            continue;
        };
        let control = |name: &str| {
            found
                .get(name)
                .map_or_else(|| "–".to_owned(), |control| figure(control, "mean"))
        };
        rows.push(vec![
            shown.to_owned(),
            found.get("n").map_or_else(String::new, ToString::to_string),
            figure(found, "mean"),
            control("shuffled"),
            control("constant"),
            match found.get("falls_under_controls").and_then(Value::as_bool) {
                Some(true) => "yes".to_owned(),
                Some(false) => "no: it says nothing here".to_owned(),
                None => "–".to_owned(),
            },
        ]);
    }
    let mut lines = aligned(&rows);
    let mut further = Vec::new();
    if let Some(cmfg) = measured.get("cmfg").filter(|cmfg| cmfg.is_object()) {
        further.push(format!(
            "stated confidence follows the samples: cMFG {}, MFG {}",
            figure(cmfg, "cmfg"),
            figure(cmfg, "mfg")
        ));
    }
    if let Some(corrected) = measured
        .pointer("/judge/corrected")
        .filter(|one| one.is_object())
    {
        let end = |index| {
            corrected
                .pointer(&format!("/ci/{index}"))
                .and_then(Value::as_f64)
        };
        let mean = corrected.get("mean").and_then(Value::as_f64);
        if let (Some(mean), Some(low), Some(high)) = (mean, end(0), end(1)) {
            further.push(format!(
                "the judge's mean, corrected by {} rated items: {mean:.2} [{low:.2}, {high:.2}]",
                corrected
                    .get("rated")
                    .map_or_else(String::new, ToString::to_string)
            ));
        }
    }
    if let Some(people) = measured.get("people") {
        further.push(format!(
            "agreement among people: alpha {} nominal, {} ordinal, {} interval",
            figure(people, "alpha_nominal"),
            figure(people, "alpha_ordinal"),
            figure(people, "alpha_interval")
        ));
    }
    for pair in measured
        .get("agreement")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = |key: &str| pair.get(key).and_then(Value::as_str).unwrap_or_default();
        further.push(format!(
            "{} and {} (n = {}): Spearman {}, Pearson {}",
            name("a"),
            name("b"),
            pair.get("n").map_or_else(String::new, ToString::to_string),
            figure(pair, "spearman"),
            figure(pair, "pearson")
        ));
    }
    if let Some(single) = measured.get("single_cluster") {
        further.push(format!(
            "apart: {} questions on which all samples agree, names {}",
            single
                .get("n")
                .map_or_else(String::new, ToString::to_string),
            figure(single, "names")
        ));
    }
    lines.extend(further);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strings_cannot_judge_is_marked_and_the_judge_is_told() {
        let metrics = serde_json::json!({ "n": 3, "accuracy": 0.5, "judge_valid": false });
        let table = table(&[("direct-prompting".to_owned(), metrics)]);
        assert!(table.contains("direct-prompting (not valid)"), "{table}");
        assert!(table.contains("--judge-endpoint"), "{table}");
        let judged = serde_json::json!({ "judge": {
            "model": "large", "n": 40, "failures": 1,
            "agreement": { "n": 40, "share_equal": 0.95, "kappa": 0.8765 },
        } });
        assert_eq!(
            judge(&judged),
            "judge large: agrees with the string judge on 95.0% of 40 answers, kappa 0.876; 1 without a \
             score were judged by strings\n"
        );
        assert_eq!(judge(&serde_json::json!({ "n": 3 })), "");
    }
}
