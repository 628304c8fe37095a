//! What the charts of an Agreement page are drawn from, and the charts as files.

use crate::chart::csv::Csv;
use crate::chart::file::Form;
use crate::chart::palette::Ink;
use crate::chart::rows::{self, Row, Rows};
use crate::chart::standalone;
use crate::format;
use crate::view::{AgreementReport, Estimate};
use datasets::annotation::{ProjectKind, SCORE_MAX};
use std::ops::Range;

/// Rows of one drawing; the table beside it has them all.
const DRAWN_MAX: usize = 40;

/// The charts of an Agreement page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// Alpha and kappa over all annotators.
    Agreement,
    /// Cohen's kappa of each two.
    Between,
    /// Each annotator against the others.
    Annotators,
    /// Methods, the best first.
    Ranking,
    /// People, judge, SelfReflect and names.
    Measures,
}

/// A figure with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub name: String,
    pub estimate: Estimate,
}

impl Chart {
    pub const ALL: [Chart; 5] = [
        Chart::Agreement,
        Chart::Between,
        Chart::Annotators,
        Chart::Ranking,
        Chart::Measures,
    ];

    /// As addresses write it.
    pub fn name(self) -> &'static str {
        match self {
            Chart::Agreement => "agreement",
            Chart::Between => "between",
            Chart::Annotators => "annotators",
            Chart::Ranking => "ranking",
            Chart::Measures => "measures",
        }
    }

    /// The chart of that name.
    pub fn named(name: &str) -> Option<Chart> {
        Chart::ALL.into_iter().find(|chart| chart.name() == name)
    }

    /// The text of the file; `None` where there is nothing to draw.
    pub fn file(self, form: Form, report: &AgreementReport) -> Option<String> {
        match form {
            Form::Svg => self.svg(report).map(|svg| standalone(&svg)),
            Form::Csv => {
                let lines = self.lines(report);
                (!lines.is_empty()).then(|| csv(&lines))
            }
        }
    }

    /// The drawing; `None` where there is nothing to draw.
    pub fn svg(self, report: &AgreementReport) -> Option<String> {
        let lines = self.lines(report);
        (!lines.is_empty()).then(|| rows::svg(&self.rows(report.project.kind, lines), self.name()))
    }

    /// What is drawn, in the order of the page.
    pub fn lines(self, report: &AgreementReport) -> Vec<Line> {
        let line = |name: String, estimate: Option<Estimate>| {
            estimate.map(|estimate| Line { name, estimate })
        };
        match self {
            Chart::Agreement => [
                ("Alpha, nominal", report.alpha_nominal),
                ("Alpha, ordinal", report.alpha_ordinal),
                ("Alpha, interval", report.alpha_interval),
                ("Fleiss' kappa", report.fleiss_kappa),
            ]
            .into_iter()
            .filter_map(|(name, estimate)| line(name.to_owned(), estimate))
            .collect(),
            Chart::Between => report
                .between
                .iter()
                .filter_map(|row| line(format!("{} · {}", row.first, row.second), row.kappa))
                .collect(),
            Chart::Annotators => report
                .by_annotator
                .iter()
                .filter_map(|row| line(row.annotator.clone(), row.with_others))
                .collect(),
            Chart::Ranking => report
                .ranking
                .iter()
                .filter_map(|row| line(row.name.clone(), Some(row.strength)))
                .collect(),
            Chart::Measures => report
                .with_measures
                .iter()
                .filter_map(|row| {
                    let name = format!(
                        "{} · {}",
                        measure_words(&row.first),
                        measure_words(&row.second)
                    );
                    line(name, row.spearman)
                })
                .collect(),
        }
    }

    fn rows(self, kind: ProjectKind, mut lines: Vec<Line>) -> Rows {
        let left_out = lines.len().saturating_sub(DRAWN_MAX);
        lines.truncate(DRAWN_MAX);
        let scale = self.scale(kind, &lines);
        let decimals = if self == Chart::Ranking { 2 } else { 3 };
        let rows = lines
            .into_iter()
            .map(|line| Row {
                // Beside each other, two made-up names are told apart by their ends.
                name: match self {
                    Chart::Between => line.name.replace("annotator-", ""),
                    _ => line.name,
                },
                ring: None,
                value: line.estimate.value,
                interval: line.estimate.interval.map(|[low, high]| (low, high)),
                ink: Ink::After,
                words: format!(
                    "{}, n = {}",
                    format::fixed(line.estimate.value, decimals),
                    format::count(line.estimate.n)
                ),
            })
            .collect();
        let more = match left_out {
            0 => String::new(),
            some => format!(" {some} more are in the table."),
        };
        Rows {
            title: self.title(kind).to_owned(),
            caption: format!("Line: {}, with its 95% interval.{more}", self.caption(kind)),
            scale,
            sections: vec![(self.title(kind).to_owned(), rows)],
        }
    }

    /// The heading of the drawing.
    fn title(self, kind: ProjectKind) -> &'static str {
        match (self, kind) {
            (Chart::Agreement, _) => "Agreement of all annotators",
            (Chart::Between, _) => "Agreement of each two annotators",
            (Chart::Annotators, _) => "Each annotator against the others",
            (Chart::Ranking, ProjectKind::Pairs) => "Methods by strength",
            (Chart::Ranking, ProjectKind::Single) => "Methods by mean rating",
            (Chart::Measures, _) => "Agreement of people and measures",
        }
    }

    /// What the line is.
    fn caption(self, kind: ProjectKind) -> &'static str {
        match (self, kind) {
            (Chart::Agreement, _) => "the coefficient, 1 where all agree and 0 as by chance",
            (Chart::Between, ProjectKind::Single) => "Cohen's kappa with quadratic weights",
            (Chart::Between, ProjectKind::Pairs) => "Cohen's kappa",
            (Chart::Annotators, ProjectKind::Single) => "correlation with the mean of the others",
            (Chart::Annotators, ProjectKind::Pairs) => "share of items on which most others agree",
            (Chart::Ranking, ProjectKind::Pairs) => "log-strength by Bradley and Terry, mean 0",
            (Chart::Ranking, ProjectKind::Single) => "mean over items of their mean rating",
            (Chart::Measures, _) => "Spearman's correlation, item by item",
        }
    }

    fn scale(self, kind: ProjectKind, lines: &[Line]) -> Range<f64> {
        let ends = || {
            lines.iter().flat_map(|line| {
                let [low, high] = line.estimate.interval.unwrap_or([line.estimate.value; 2]);
                [line.estimate.value, low, high]
            })
        };
        match (self, kind) {
            (Chart::Ranking, ProjectKind::Single) => 0.0..f64::from(SCORE_MAX),
            (Chart::Ranking, ProjectKind::Pairs) => {
                let most = ends().map(f64::abs).fold(0.0, f64::max);
                let most = [0.5, 1.0, 2.0, 4.0].into_iter().find(|step| most <= *step);
                let most = most.unwrap_or(8.0);
                -most..most
            }
            (Chart::Measures, _) => -1.0..1.0,
            // What lies below chance needs the other half.
            _ if ends().any(|end| end < 0.0) => -1.0..1.0,
            _ => 0.0..1.0,
        }
    }
}

fn csv(lines: &[Line]) -> String {
    let mut csv = Csv::new(&["name", "value", "low", "high", "n"]);
    for Line { name, estimate } in lines {
        let [low, high] = estimate.interval.unwrap_or([f64::NAN; 2]);
        csv.row(&[name], &[estimate.value, low, high, estimate.n as f64]);
    }
    csv.finish()
}

/// A measure as pages call it.
pub fn measure_words(measure: &str) -> &str {
    match measure {
        "self-reflect" => "SelfReflect",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{BetweenRow, ProjectRow, ProjectState, RankedMethod};

    fn estimate(value: f64) -> Estimate {
        Estimate {
            value,
            interval: Some([value - 0.2, value + 0.1]),
            n: 80,
        }
    }

    fn report(kind: ProjectKind) -> AgreementReport {
        AgreementReport {
            project: ProjectRow {
                id: "p".into(),
                title: "Test".into(),
                kind,
                state: ProjectState::Open,
                items: 80,
                rated: 160,
                wanted: 160,
                annotators: 2,
                created_ms: 0,
            },
            items: 80,
            ratings: 160,
            annotators: 2,
            alpha_nominal: Some(estimate(0.1)),
            alpha_ordinal: None,
            alpha_interval: Some(estimate(0.7)),
            fleiss_kappa: None,
            between: (0..50)
                .map(|at| BetweenRow {
                    first: "ann".into(),
                    second: format!("=bea {at}"),
                    kappa: Some(estimate(0.5)),
                    share_equal: 0.5,
                    n: 80,
                })
                .collect(),
            by_annotator: Vec::new(),
            disagreements: Vec::new(),
            ranking: vec![RankedMethod {
                name: "sayself (r)".into(),
                strength: estimate(1.5),
                wins: 3,
                ties: 0,
                losses: 1,
                both_bad: 0,
            }],
            with_measures: Vec::new(),
            remarks: Vec::new(),
        }
    }

    #[test]
    fn every_line_has_its_interval_and_n() {
        let report = report(ProjectKind::Single);
        let drawn = Chart::Agreement.svg(&report).unwrap();
        // An interval that goes below chance opens the scale's other half.
        assert!(drawn.contains("Alpha, nominal: 0.100, −0.100 to 0.200; 0.100, n = 80"));
        assert!(drawn.contains(">−1.00</text>"));
        assert!(!drawn.contains("ordinal"));
        let many = Chart::Between.svg(&report).unwrap();
        assert!(many.contains("10 more are in the table."));
        assert_eq!(Chart::Between.lines(&report).len(), 50);
        assert_eq!(Chart::Measures.file(Form::Svg, &report), None);
        for chart in Chart::ALL {
            assert_eq!(Chart::named(chart.name()), Some(chart));
        }
    }

    #[test]
    fn files_hold_the_same_numbers() {
        let csv = Chart::Ranking
            .file(Form::Csv, &report(ProjectKind::Pairs))
            .unwrap();
        assert_eq!(csv, "name,value,low,high,n\nsayself (r),1.5,1.3,1.6,80\n");
        let svg = Chart::Ranking.svg(&report(ProjectKind::Pairs)).unwrap();
        assert!(svg.contains(">2.00</text>") && svg.contains("mean 0"));
        let svg = Chart::Ranking.svg(&report(ProjectKind::Single)).unwrap();
        assert!(svg.contains(">10.00</text>"));
        assert_eq!(
            Chart::Annotators.file(Form::Csv, &report(ProjectKind::Pairs)),
            None
        );
    }
}
