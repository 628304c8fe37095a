//! How cost grows with the work: seconds and peak memory against its size.
//!
//! Both scales are logarithmic, so work that grows in proportion to its size is a line of slope one,
//! and a constant factor between two lines is a constant distance.

use crate::format::{count, fixed};
use crate::palette::{self, Ink};
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::reliability::inks;
use crate::svg::{Role, Sheet, UNITS};
use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};
use serde::{Deserialize, Serialize};

const WIDTH: u32 = 760;
const HEIGHT: u32 = 330;
const TOP: i32 = 46;
const BOTTOM: i32 = 276;
/// Left and right end of the panels of seconds and of memory.
const PANELS: [(i32, i32); 2] = [(52, 370), (432, 750)];
/// Beyond the least and the greatest value, as a share of the scale.
const MARGIN: f64 = 0.08;
/// Ticks of a scale at most; with more of them, only powers of ten are kept.
const TICKS_MAX: usize = 6;

/// What was measured along one axis.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Growth {
    /// What grows, in words.
    pub title: String,
    /// What a size counts, e.g. `questions`.
    pub unit: String,
    /// One or two: ours, and the peer's.
    pub lines: Vec<Line>,
}

/// A program's costs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The program.
    pub label: String,
    /// By size.
    pub points: Vec<Point>,
}

/// The cost of work of one size; all are above 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// In the axis' unit.
    pub size: f64,
    pub seconds: f64,
    /// Peak resident memory in MB.
    pub memory_mb: f64,
}

/// Draws both panels. Points that are not finite and above 0 are left out.
pub fn svg(growth: &Growth, id: &str) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    background(&sheet);
    type Cost = fn(&Point) -> f64;
    let costs: [(&str, Cost); 2] = [
        ("seconds", |point| point.seconds),
        ("peak memory, MB", |point| point.memory_mb),
    ];
    for ((words, cost), (left, right)) in costs.into_iter().zip(PANELS) {
        let frame = Frame {
            left,
            right,
            top: TOP,
            bottom: BOTTOM,
        };
        let lines: Vec<(&str, Vec<(f64, f64)>)> = growth
            .lines
            .iter()
            .map(|line| {
                let points = line.points.iter().map(|point| (point.size, cost(point)));
                let drawn = points.filter(|(size, cost)| drawable(*size) && drawable(*cost));
                (line.label.as_str(), drawn.collect())
            })
            .collect();
        panel(&sheet, frame, &lines, words, &growth.unit);
    }
    sheet.finish(Role::Picture, id, &growth.title, &description(growth))
}

fn drawable(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// A file may be shown on any ground, so the chart brings its own.
fn background(sheet: &Sheet) {
    let RGBColor(red, green, blue) = Ink::Paper.rgb();
    let paper = palette::css((red, green, blue));
    let (width, height) = (sheet.width().to_string(), sheet.height().to_string());
    sheet.open(
        "rect",
        &[("width", &width), ("height", &height), ("fill", &paper)],
    );
    sheet.close("rect");
}

/// One cost of all lines, by size.
fn panel(sheet: &Sheet, frame: Frame, lines: &[(&str, Vec<(f64, f64)>)], words: &str, unit: &str) {
    let all = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let (x, y) = (
        scale(all().map(|(size, _)| size)),
        scale(all().map(|(_, cost)| cost)),
    );
    let plot = Plot::new(sheet, frame, x.clone(), y.clone());
    let small = |horizontal, vertical| Lettering::new(Ink::Muted, 11, horizontal, vertical);
    for tick in ticks(&y) {
        let height = tick.log10();
        plot.line(
            vec![(x.start, height), (x.end, height)],
            stroke(Ink::Grid, 1.0, 10),
        );
        let (_, middle) = plot.place((x.start, height));
        plot.text(
            &number(tick),
            ((frame.left - 6) * UNITS, middle),
            small(HPos::Right, VPos::Center),
        );
    }
    let mut sizes: Vec<f64> = all().map(|(size, _)| size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for size in sizes {
        let (middle, _) = plot.place((size.log10(), y.start));
        plot.text(
            &number(size),
            (middle, (frame.bottom + 6) * UNITS),
            small(HPos::Center, VPos::Top),
        );
    }
    plot.line(
        vec![(x.start, y.start), (x.end, y.start)],
        stroke(Ink::Axis, 1.0, 10),
    );
    plot.text(
        words,
        (frame.left * UNITS, (frame.top - 26) * UNITS),
        Lettering::new(Ink::Text, 13, HPos::Left, VPos::Center).bold(),
    );
    plot.text(
        unit,
        (frame.right * UNITS, (frame.bottom + 36) * UNITS),
        Lettering::new(Ink::Text, 12, HPos::Right, VPos::Center),
    );
    let last = |points: &[(f64, f64)]| points.last().map_or(0.0, |(_, cost)| *cost);
    let highest = lines.iter().map(|(_, points)| last(points));
    let highest = highest.fold(0.0, f64::max);
    for ((label, points), ink) in lines.iter().zip(inks(lines.len())) {
        let logarithms: Vec<(f64, f64)> = points
            .iter()
            .map(|(size, cost)| (size.log10(), cost.log10()))
            .collect();
        plot.line(logarithms.clone(), stroke(*ink, 1.0, 20));
        for point in &logarithms {
            plot.circle(*point, 35, fill(*ink, 1.0));
        }
        // The upper line has its name above its end, the other below.
        if let Some(end) = logarithms.last() {
            let (right, middle) = plot.place(*end);
            let above = last(points) >= highest;
            let away = if above { -14 } else { 16 } * UNITS;
            let lettering = Lettering::new(*ink, 12, HPos::Right, VPos::Center).bold();
            plot.text(label, (right, middle + away), lettering);
        }
    }
}

/// The range of the values' logarithms, with a margin; of one value or none, a decade.
fn scale(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        low = low.min(value.log10());
        high = high.max(value.log10());
    }
    if low > high {
        return 0.0..1.0;
    }
    let margin = (high - low) * MARGIN;
    if margin > 0.0 {
        low - margin..high + margin
    } else {
        low - 0.5..high + 0.5
    }
}

/// 1, 2 and 5 times powers of ten, or those powers alone, within a range of logarithms.
fn ticks(scale: &std::ops::Range<f64>) -> Vec<f64> {
    let powers = scale.start.floor() as i32..=scale.end.ceil() as i32;
    let of = |steps: &[f64]| -> Vec<f64> {
        let all = powers
            .clone()
            .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        all.filter(|tick| scale.contains(&tick.log10())).collect()
    };
    let fine = of(&[1.0, 2.0, 5.0]);
    if fine.len() <= TICKS_MAX {
        fine
    } else {
        of(&[1.0])
    }
}

/// A number that needs no digits beyond its first ones.
fn number(value: f64) -> String {
    match value {
        value if value >= 1.0 => count(value.round() as u64),
        value if value >= 0.1 => fixed(value, 1),
        value if value >= 0.01 => fixed(value, 2),
        value => fixed(value, 3),
    }
}

/// The picture in words.
fn description(growth: &Growth) -> String {
    let mut words = String::new();
    for line in &growth.lines {
        words.push_str(&line.label);
        for (index, point) in line.points.iter().enumerate() {
            words.push_str(if index == 0 { ": " } else { "; " });
            let parts = [
                &number(point.size),
                " ",
                &growth.unit,
                " ",
                &fixed(point.seconds, 2),
                " s, ",
                &fixed(point.memory_mb, 0),
                " MB",
            ];
            words.push_str(&parts.concat());
        }
        words.push_str(". ");
    }
    words.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(sizes: &[f64]) -> Growth {
        let line = |label: &str, factor: f64| Line {
            label: label.into(),
            points: sizes
                .iter()
                .map(|size| Point {
                    size: *size,
                    seconds: size * factor,
                    memory_mb: 200.0 * factor,
                })
                .collect(),
        };
        Growth {
            title: "Growth <by> questions".into(),
            unit: "questions".into(),
            lines: vec![line("sayself", 0.01), line("a & b", 0.03)],
        }
    }

    #[test]
    fn both_panels_and_both_lines_are_drawn() {
        let svg = svg(&growth(&[10.0, 100.0, 1_000.0]), "g");
        assert_eq!(svg.matches("<circle").count(), 12);
        assert_eq!(svg.matches(">sayself</text>").count(), 2);
        assert!(svg.contains("a &amp; b") && svg.contains("Growth &lt;by&gt; questions"));
        assert!(svg.contains(">1,000</text>"));
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let mut growth = growth(&[10.0]);
        growth.lines[0].points[0].seconds = f64::NAN;
        growth.lines[1].points.clear();
        let svg = svg(&growth, "g");
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(&(0.0..1.1)), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(ticks(&(-0.1..3.1)), [1.0, 10.0, 100.0, 1_000.0]);
    }
}
