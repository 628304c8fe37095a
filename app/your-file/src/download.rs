//! A result as files: figures as SVG and CSV, measures as CSV and JSON.

use crate::figures::{Pieces, binning, diagram};
use crate::numbers::Numbers;
use calibration::metrics::MEASURES;
use chart::alone::standalone;
use chart::file::{Chart, Form, Source};

/// The text of a file, by its name on the page; `None` where there is no such file.
pub fn file_of(numbers: &Numbers, name: &str, bins: u32) -> Option<String> {
    let source = Source {
        outcomes: std::slice::from_ref(&numbers.outcomes),
        ..Source::default()
    };
    Some(match name {
        "diagram.svg" => {
            let mut pieces: Pieces = diagram(numbers, bins);
            standalone(&pieces.remove("diagram")?)
        }
        "histogram.svg" => Chart::Histogram.file(Form::Svg, &source),
        "histogram.csv" => Chart::Histogram.file(Form::Csv, &source),
        "risk-coverage.svg" => Chart::RiskCoverage.file(Form::Svg, &source),
        "risk-coverage.csv" => Chart::RiskCoverage.file(Form::Csv, &source),
        "bins.csv" => bins_csv(numbers, bins),
        "measures.csv" => measures_csv(numbers),
        // The object that `sayself metrics --json` prints.
        "measures.json" => serde_json::to_string_pretty(&numbers.metrics).ok()? + "\n",
        _ => return None,
    })
}

fn bins_csv(numbers: &Numbers, bins: u32) -> String {
    let mut text =
        String::from("low,high,mean_confidence,n,right,accuracy,accuracy_low,accuracy_high\n");
    for bin in numbers.outcomes.bins(binning(bins)) {
        let (low, high) = bin.interval();
        let cells = [
            bin.low.to_string(),
            bin.high.to_string(),
            bin.mean_confidence.to_string(),
            bin.n.to_string(),
            bin.right.to_string(),
            bin.accuracy().to_string(),
            low.to_string(),
            high.to_string(),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

fn measures_csv(numbers: &Numbers) -> String {
    let mut text = String::from("measure,value,low,high,interval\n");
    let metrics = &numbers.metrics;
    for ((name, value), (_, method)) in metrics.values().into_iter().zip(MEASURES) {
        let ends = metrics.intervals.get(name).copied().flatten();
        let written =
            |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let method = match ends {
            // An enum without data always has a JSON form: a text.
            Some(_) => serde_json::to_string(&method).unwrap_or_default(),
            None => String::new(),
        };
        let cells = [
            name.to_owned(),
            written(value),
            written(ends.map(|ends| ends[0])),
            written(ends.map(|ends| ends[1])),
            method.trim_matches('"').to_owned(),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::outcomes;
    use calibration::Row;
    use calibration::metrics::{Options, evaluate};

    #[test]
    fn files_have_their_form() {
        let rows: Vec<Row> = (0..200_u32)
            .map(|at| (f64::from(at % 10) / 10.0, at % 3 == 0).into())
            .collect();
        let options = Options {
            bootstraps: 10,
            ..Options::default()
        };
        let metrics = evaluate(&rows, options).unwrap();
        let numbers = Numbers::new(metrics.clone(), 0, outcomes(&rows));
        let file = |name| file_of(&numbers, name, 0).unwrap();
        for name in ["diagram.svg", "histogram.svg", "risk-coverage.svg"] {
            let svg = file(name);
            assert!(
                svg.starts_with("<?xml ") && svg.trim_end().ends_with("</svg>"),
                "{name}"
            );
            // It has its colours with it.
            assert!(!svg.contains("var("), "{name}");
        }
        for name in ["histogram.csv", "risk-coverage.csv"] {
            assert!(file(name).lines().count() > 10, "{name}");
        }
        let bins = file("bins.csv");
        assert_eq!(bins.lines().count(), 11);
        assert!(bins.contains("\n0.1,0.1,0.1,20,6,0.3,"), "{bins}");
        let measures = file("measures.csv");
        assert_eq!(measures.lines().count(), 17);
        assert!(measures.contains(",percentile\n"), "{measures}");
        let json: serde_json::Value = serde_json::from_str(&file("measures.json")).unwrap();
        let wanted = serde_json::to_string(&metrics).unwrap();
        assert_eq!(
            json,
            serde_json::from_str::<serde_json::Value>(&wanted).unwrap()
        );
        assert_eq!(file_of(&numbers, "passwd", 0), None);
    }
}
