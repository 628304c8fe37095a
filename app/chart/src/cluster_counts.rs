//! How many clusters the samples of a question fall into at each threshold: a flat stretch about the
//! stored threshold says that it matters little, a steep one that it decides.

use crate::csv::Csv;
use crate::format::{count, counted, fixed};
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, stroke};
use crate::svg::{Role, Sheet, UNITS};
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 190;
const FRAME: Frame = Frame {
    left: 48,
    top: 22,
    right: 462,
    bottom: 140,
};
/// One, in the unit of heights and thresholds.
const ONE: f64 = 1e6;
/// Rows of the table, a twentieth apart.
const ROWS: i32 = 20;

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterCounts {
    pub samples: u32,
    /// (height in millionths, clusters just below it down to the next), highest first; above the first
    /// each sample is one of its own.
    pub steps: Vec<(i32, u32)>,
    /// In millionths.
    pub stored: i32,
    /// Where it is not the stored one.
    pub chosen: Option<i32>,
}

impl ClusterCounts {
    /// Clusters at a threshold in millionths: the rule asks for more than the threshold.
    pub fn at(&self, threshold: i32) -> u32 {
        let below = self
            .steps
            .iter()
            .rev()
            .find(|(height, _)| threshold < *height);
        below.map_or(self.samples, |(_, clusters)| *clusters)
    }
}

/// Draws the number of clusters over thresholds from 0 to 1.
pub fn svg(counts: &ClusterCounts, id: &str) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let most = f64::from(counts.samples.max(1));
    let plot = Plot::new(&sheet, FRAME, 0.0..1.0, 0.0..most);
    let muted = Lettering::new(Ink::Muted, 12, HPos::Center, VPos::Center);
    for tick in 0..=4 {
        let x = f64::from(tick) / 4.0;
        let (place, _) = plot.place((x, 0.0));
        plot.text(&fixed(x, 2), (place, (FRAME.bottom + 14) * UNITS), muted);
        plot.line(vec![(x, 0.0), (x, most)], stroke(Ink::Grid, 1.0, 10));
    }
    let right = Lettering {
        horizontal: HPos::Right,
        ..muted
    };
    for y in [0.0, most] {
        let (_, place) = plot.place((0.0, y));
        plot.text(&count(y as u64), ((FRAME.left - 6) * UNITS, place), right);
        plot.line(vec![(0.0, y), (1.0, y)], stroke(Ink::Grid, 1.0, 10));
    }
    plot.line(curve(counts, most), stroke(Ink::After, 1.0, 20));
    if let Some(chosen) = counts.chosen {
        mark(&plot, counts, chosen, Ink::Before, "chosen");
    }
    mark(&plot, counts, counts.stored, Ink::Text, "stored");
    let words = Lettering::new(Ink::Text, 12, HPos::Right, VPos::Bottom);
    plot.text(
        "Threshold →",
        (FRAME.right * UNITS, (HEIGHT as i32 - 6) * UNITS),
        words,
    );
    let left = Lettering::new(Ink::Text, 12, HPos::Left, VPos::Center);
    plot.text("clusters", (6 * UNITS, 9 * UNITS), left);
    let description = [
        &counted(u64::from(counts.samples), "sample"),
        "; at the stored threshold ",
        &counted(u64::from(counts.at(counts.stored)), "cluster"),
    ]
    .concat();
    sheet.finish(
        Role::Picture,
        id,
        "Number of clusters at each threshold",
        &description,
    )
}

/// The corners of the steps from 0 to 1.
fn curve(counts: &ClusterCounts, most: f64) -> Vec<(f64, f64)> {
    let mut points = vec![(0.0, f64::from(counts.at(0)))];
    for &(height, below) in counts.steps.iter().rev() {
        let x = f64::from(height) / ONE;
        if !(0.0..=1.0).contains(&x) {
            continue;
        }
        points.push((x, f64::from(below)));
        points.push((x, f64::from(counts.at(height))));
    }
    let last = points.last().map_or(most, |(_, clusters)| *clusters);
    points.push((1.0, last));
    points
}

fn mark(plot: &Plot, counts: &ClusterCounts, threshold: i32, ink: Ink, word: &str) {
    let x = (f64::from(threshold) / ONE).clamp(0.0, 1.0);
    let most = f64::from(counts.samples.max(1));
    plot.line(vec![(x, 0.0), (x, most)], stroke(ink, 1.0, 10));
    plot.circle(
        (x, f64::from(counts.at(threshold))),
        40,
        crate::plot::fill(ink, 1.0),
    );
    let (place, _) = plot.place((x, most));
    // Where two would stand on one another, the chosen one stands below the axis.
    let y = if word == "stored" {
        FRAME.top - 10
    } else {
        FRAME.bottom + 30
    };
    // Words stay on the sheet.
    let inside = place.clamp(40 * UNITS, (WIDTH as i32 - 60) * UNITS);
    let text = [word, " ", &fixed(f64::from(threshold) / ONE, 2)].concat();
    plot.text(
        &text,
        (inside, y * UNITS),
        Lettering::new(ink, 12, HPos::Center, VPos::Center),
    );
}

/// The same as a table, a twentieth a row.
pub fn table(counts: &ClusterCounts) -> String {
    let mut html = String::from(
        "<table class=\"numbers\"><caption>Clusters by threshold</caption><thead><tr>\
         <th scope=\"col\">Threshold</th><th scope=\"col\">Clusters</th></tr></thead><tbody>",
    );
    for row in 0..=ROWS {
        let threshold = row * 1_000_000 / ROWS;
        html.push_str("<tr><th scope=\"row\">");
        html.push_str(&fixed(f64::from(threshold) / ONE, 2));
        html.push_str("</th><td>");
        html.push_str(&count(u64::from(counts.at(threshold))));
        html.push_str("</td></tr>");
    }
    html.push_str("</tbody></table>");
    html
}

/// The steps of the line as CSV: so many clusters from a threshold up to the next.
pub fn csv(counts: &ClusterCounts) -> String {
    let mut csv = Csv::new(&["threshold_from", "clusters"]);
    let heights = counts.steps.iter().rev().map(|(height, _)| *height);
    for threshold in std::iter::once(-1_000_000).chain(heights) {
        let clusters = f64::from(counts.at(threshold));
        csv.row(&[], &[f64::from(threshold) / ONE, clusters]);
    }
    csv.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_below_the_next_height() {
        let counts = ClusterCounts {
            samples: 3,
            steps: vec![(900_000, 2), (400_000, 1)],
            stored: 840_000,
            chosen: Some(300_000),
        };
        assert_eq!(
            [1_000_000, 900_000, 899_999, 400_000, 0].map(|threshold| counts.at(threshold)),
            [3, 3, 2, 2, 1]
        );
        let svg = svg(&counts, "counts");
        assert!(
            svg.contains("stored 0.84")
                && svg.contains("chosen 0.30")
                && svg.contains("at the stored threshold 2 clusters")
        );
        assert_eq!(
            csv(&counts),
            "threshold_from,clusters\n-1,1\n0.4,2\n0.9,3\n"
        );
        assert!(table(&counts).contains("<th scope=\"row\">0.85</th><td>2</td>"));
        assert!(super::svg(&ClusterCounts::default(), "none").contains("</svg>"));
    }
}
