//! What a Run page's address says of how it is drawn.

use crate::chart::{Binning, Diagram, Outcomes, risk_coverage};
use std::ops::RangeInclusive;

/// Bins of equal width that can be chosen.
pub const BINS: RangeInclusive<u32> = 2..=40;
/// Of them, before the slider was moved.
pub const BINS_FIRST: u32 = 10;

/// What was chosen; all else of the address is kept as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// `diagram`: `corp`, `levels` or `smooth`.
    pub diagram: Diagram,
    /// `bins`: so many of equal width; by level or as stated where it is absent.
    pub bins: Option<u32>,
    /// `above`: answers from this confidence up, in hundredths, 0..=100.
    pub above: Option<u32>,
}

impl Choice {
    /// What an address, or its query alone, says. What cannot be understood counts as absent.
    pub fn of(address: &str) -> Choice {
        let mut choice = Choice::default();
        for parameter in parameters(address) {
            match parameter.split_once('=') {
                Some(("diagram", name)) => {
                    choice.diagram = Diagram::named(name).unwrap_or_default();
                }
                Some(("bins", bins)) => {
                    choice.bins = bins.parse().ok().filter(|bins| BINS.contains(bins));
                }
                Some(("above", above)) => {
                    choice.above = above.parse().ok().filter(|above| *above <= 100);
                }
                _ => {}
            }
        }
        choice
    }

    /// The same address with this choice.
    pub fn address(self, address: &str) -> String {
        let path = address.split('?').next().unwrap_or_default();
        let mut query: Vec<String> = parameters(address)
            .filter(|parameter| {
                let name = parameter.split('=').next().unwrap_or_default();
                !parameter.is_empty() && !["diagram", "bins", "above"].contains(&name)
            })
            .map(str::to_owned)
            .collect();
        let mut chosen = self.parameters_besides_above();
        if let Some(above) = self.above {
            chosen.push(("above", above.to_string()));
        }
        query.extend(
            chosen
                .into_iter()
                .map(|(name, value)| [name, "=", &value].concat()),
        );
        if query.is_empty() {
            return path.to_owned();
        }
        [path, "?", &query.join("&")].concat()
    }

    /// Name and value of what differs from the first view, but for the threshold.
    pub fn parameters_besides_above(self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if self.diagram != Diagram::default() {
            parameters.push(("diagram", self.diagram.name().to_owned()));
        }
        if let Some(bins) = self.bins {
            parameters.push(("bins", bins.to_string()));
        }
        parameters
    }

    pub fn binning(self) -> Binning {
        self.bins.map_or(Binning::Stated, Binning::Width)
    }

    /// `above`, else the threshold at which the last evaluation answers half; in hundredths.
    pub fn above_or_half(self, outcomes: &[Outcomes]) -> u32 {
        let half = || outcomes.last().map_or(50, risk_coverage::surer_half);
        self.above.unwrap_or_else(half)
    }

    /// `above` in ten-thousandths.
    pub fn threshold(self) -> Option<u32> {
        self.above.map(|above| above * 100)
    }
}

fn parameters(address: &str) -> impl Iterator<Item = &str> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    query.split('&')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_what_it_says_besides() {
        let address = "/runs/a?label=x%26y&diagram=smooth&label=z&above=70&bins=900";
        let choice = Choice::of(address);
        assert_eq!(
            choice,
            Choice {
                diagram: Diagram::Smooth,
                bins: None,
                above: Some(70)
            }
        );
        assert_eq!(
            choice.address(address),
            "/runs/a?label=x%26y&label=z&diagram=smooth&above=70"
        );
        assert_eq!(Choice::of(&choice.address("/runs/b")), choice);
        assert_eq!(Choice::default().address("/runs/a?bins=7"), "/runs/a");
        assert_eq!(
            Choice::of("/runs/a?diagram=nonsense&above=-1"),
            Choice::default()
        );
    }
}
