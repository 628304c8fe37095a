//! Charts as files: what a page offers to download and `sayself plot` writes.

use crate::alone::standalone;
use crate::curves::{self, Curve};
use crate::outcomes::{Binning, Outcomes};
use crate::reliability::{self, Diagram};
use crate::{histogram, risk_coverage};

/// The charts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    Reliability,
    Histogram,
    RiskCoverage,
    /// Learning curves.
    Events,
}

/// The forms that a chart is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Svg,
    Csv,
}

impl Form {
    pub const ALL: [Form; 2] = [Form::Svg, Form::Csv];

    /// The ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Form::Svg => "svg",
            Form::Csv => "csv",
        }
    }

    /// The form of that ending.
    pub fn of_ending(ending: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.ending() == ending)
    }
}

/// What charts are drawn from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'a> {
    /// At most two are drawn; of the histogram the last.
    pub outcomes: &'a [Outcomes],
    pub curves: &'a [Curve],
    pub diagram: Diagram,
    pub binning: Binning,
    /// Where the risk-coverage curve is marked, ten-thousandths.
    pub threshold: Option<u32>,
}

impl Chart {
    pub const ALL: [Chart; 4] = [
        Chart::Reliability,
        Chart::Histogram,
        Chart::RiskCoverage,
        Chart::Events,
    ];

    /// As addresses and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Chart::Reliability => "reliability",
            Chart::Histogram => "histogram",
            Chart::RiskCoverage => "risk-coverage",
            Chart::Events => "events",
        }
    }

    /// The chart of that name.
    pub fn named(name: &str) -> Option<Chart> {
        Chart::ALL.into_iter().find(|chart| chart.name() == name)
    }

    /// The text of the file; an SVG stands alone, with its colours and its ground.
    pub fn file(self, form: Form, source: &Source<'_>) -> String {
        match form {
            Form::Svg => standalone(&self.svg(source)),
            Form::Csv => self.csv(source),
        }
    }

    fn svg(self, source: &Source<'_>) -> String {
        let id = self.name();
        let &Source {
            outcomes,
            curves,
            diagram,
            binning,
            threshold,
        } = source;
        match self {
            Chart::Reliability => reliability::drawn(outcomes, diagram, binning, id),
            Chart::RiskCoverage => risk_coverage::svg_at(outcomes, threshold, id),
            Chart::Events => curves::svg(&curves::panels(curves), id),
            Chart::Histogram => {
                let inks = reliability::inks(outcomes.len());
                let last = outcomes.iter().zip(inks).next_back();
                let empty = Outcomes::default();
                let (one, ink) = last.unwrap_or((&empty, &inks[0]));
                let most = histogram::longest(std::slice::from_ref(one));
                histogram::picture(one, *ink, most, id)
            }
        }
    }

    fn csv(self, source: &Source<'_>) -> String {
        let outcomes = source.outcomes;
        match self {
            Chart::Reliability => {
                let drawn = &outcomes[..outcomes.len().min(2)];
                reliability::csv(drawn, source.diagram, source.binning)
            }
            Chart::Histogram => histogram::csv(outcomes),
            Chart::RiskCoverage => risk_coverage::csv(outcomes),
            Chart::Events => curves::csv(source.curves),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chart_is_written_in_every_form_of_nothing_too() {
        let outcomes = [
            Outcomes::new("a", &[(0.5, true), (0.9, false)]),
            Outcomes::new("b", &[(0.1, false)]),
        ];
        for outcomes in [&outcomes[..], &outcomes[..1], &[]] {
            let source = Source {
                outcomes,
                threshold: Some(5_000),
                ..Source::default()
            };
            for chart in Chart::ALL {
                assert_eq!(Chart::named(chart.name()), Some(chart));
                let svg = chart.file(Form::Svg, &source);
                assert!(svg.contains("<rect width=\"100%\"") && !svg.contains("\"var("));
                let csv = chart.file(Form::Csv, &source);
                assert!(csv.contains(',') && csv.ends_with('\n'));
            }
        }
        assert_eq!(Form::of_ending("png"), None);
    }
}
