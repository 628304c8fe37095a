//! Values with their intervals, one a row on one scale: what a table shows bar by bar, as one chart.

use crate::format::fixed;
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS, fitting};
use plotters::style::text_anchor::{HPos, VPos};
use std::ops::Range;

const WIDTH: i32 = 720;
/// Where names end, and where the scale begins and ends, in CSS pixels.
const NAMES: i32 = 200;
const LEFT: i32 = 216;
const RIGHT: i32 = 560;
const TOP: i32 = 8;
/// Pixels that a row, a heading and what stands below the rows take.
const ROW: i32 = 22;
const HEADING: i32 = 32;
const BELOW: i32 = 52;

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub name: String,
    /// What the value is set against, a ring.
    pub ring: Option<f64>,
    /// An upright line.
    pub value: f64,
    /// Its ends, a bar.
    pub interval: Option<(f64, f64)>,
    /// Of the value and its interval.
    pub ink: Ink,
    /// At the end of the row, e.g. `n = 212`.
    pub words: String,
}

/// Rows under their headings.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    pub title: String,
    /// What ring, line and bar are.
    pub caption: String,
    pub scale: Range<f64>,
    pub sections: Vec<(String, Vec<Row>)>,
}

/// Draws the rows. A value outside the scale is moved to its end, and one that is no number is not
/// drawn. `id` is unique on the page.
pub fn svg(rows: &Rows, id: &str) -> String {
    let bottom = rows.sections.iter().fold(TOP, |bottom, (_, section)| {
        bottom + HEADING + ROW * section.len() as i32
    });
    let sheet = Sheet::new(WIDTH as u32, (bottom + BELOW) as u32);
    scale(&sheet, rows, bottom);
    let mut top = TOP;
    for (heading, section) in &rows.sections {
        let plot = plot(&sheet, &rows.scale, top, HEADING);
        let lettering = Lettering::new(Ink::Text, 13, HPos::Left, VPos::Center).bold();
        let words = fitting(heading, 13, WIDTH - 16);
        // The scale's lines go on behind it.
        sheet.open("g", &[("class", "direct-label"), ("paint-order", "stroke")]);
        plot.text(&words, (8 * UNITS, (top + 18) * UNITS), lettering);
        sheet.close("g");
        top += HEADING;
        for row in section {
            draw(&sheet, row, &rows.scale, top);
            top += ROW;
        }
    }
    sheet.finish(Role::Picture, id, &rows.title, &description(rows))
}

/// A stripe of the sheet with the scale across and 0..1 upwards.
fn plot(sheet: &Sheet, scale: &Range<f64>, top: i32, height: i32) -> Plot {
    let frame = Frame {
        left: LEFT,
        top,
        right: RIGHT,
        bottom: top + height,
    };
    Plot::new(sheet, frame, scale.clone(), 0.0..1.0)
}

fn scale(sheet: &Sheet, rows: &Rows, bottom: i32) {
    let plot = plot(sheet, &rows.scale, TOP, bottom - TOP);
    let Range { start, end } = rows.scale;
    for quarter in 0..=4_u32 {
        let at = start + (end - start) * f64::from(quarter) / 4.0;
        let ink = if at == 0.0 { Ink::Axis } else { Ink::Grid };
        plot.line(vec![(at, 0.0), (at, 1.0)], stroke(ink, 1.0, 10));
        if quarter % 2 == 0 {
            let (x, _) = plot.place((at, 0.0));
            let lettering = Lettering::new(Ink::Muted, 12, HPos::Center, VPos::Center);
            plot.text(&fixed(at, 2), (x, (bottom + 14) * UNITS), lettering);
        }
    }
    let lettering = Lettering::new(Ink::Muted, 12, HPos::Left, VPos::Center);
    let caption = fitting(&rows.caption, 12, WIDTH - 16);
    plot.text(&caption, (8 * UNITS, (bottom + 38) * UNITS), lettering);
}

fn draw(sheet: &Sheet, row: &Row, scale: &Range<f64>, top: i32) {
    let plot = plot(sheet, scale, top, ROW);
    let middle = (top + ROW / 2) * UNITS;
    let words = |horizontal| Lettering::new(Ink::Text, 12, horizontal, VPos::Center);
    let inside = |value: f64| value.clamp(scale.start, scale.end);
    let drawn = |value: Option<f64>| value.filter(|value| value.is_finite()).map(inside);
    sheet.open("g", &[]);
    sheet.element("title", &[], &in_words(row));
    let name = fitting(&row.name, 12, NAMES - 8);
    plot.text(&name, (NAMES * UNITS, middle), words(HPos::Right));
    let (value, ring) = (drawn(Some(row.value)), drawn(row.ring));
    if let Some((low, high)) = row.interval
        && let (Some(low), Some(high)) = (drawn(Some(low)), drawn(Some(high)))
    {
        plot.line(vec![(low, 0.5), (high, 0.5)], stroke(row.ink, 0.45, 60));
    }
    if let (Some(ring), Some(value)) = (ring, value) {
        plot.line(vec![(ring, 0.5), (value, 0.5)], stroke(Ink::Text, 1.0, 10));
    }
    if let Some(value) = value {
        plot.line(vec![(value, 0.15), (value, 0.85)], stroke(row.ink, 1.0, 20));
    }
    if let Some(ring) = ring {
        plot.circle((ring, 0.5), 42, fill(Ink::Paper, 1.0));
        plot.circle((ring, 0.5), 42, stroke(Ink::Text, 1.0, 14));
    }
    plot.text(
        &row.words,
        ((RIGHT + 12) * UNITS, middle),
        words(HPos::Left),
    );
    sheet.close("g");
}

/// `capital: 0.61, 0.54 to 0.67; ring 0.82; n = 212`.
fn in_words(row: &Row) -> String {
    let mut words = [&row.name, ": ", &fixed(row.value, 3)].concat();
    if let Some((low, high)) = row.interval {
        words.push_str(&[", ", &fixed(low, 3), " to ", &fixed(high, 3)].concat());
    }
    if let Some(ring) = row.ring {
        words.push_str(&["; ring ", &fixed(ring, 3)].concat());
    }
    [&words, "; ", &row.words].concat()
}

fn description(rows: &Rows) -> String {
    let mut words = vec![rows.caption.clone()];
    for (heading, section) in &rows.sections {
        let rows: Vec<String> = section.iter().map(in_words).collect();
        words.push([heading, ": ", &rows.join(". "), "."].concat());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: f64) -> Row {
        Row {
            name: name.to_owned(),
            ring: Some(0.9),
            value,
            interval: Some((value - 0.1, value + 0.1)),
            ink: Ink::After,
            words: "n = 212".to_owned(),
        }
    }

    #[test]
    fn each_row_is_named_and_told() {
        let section = vec![row("<capital>", 0.6), row(&"long ".repeat(40), 2.0)];
        let rows = Rows {
            title: "Groups".to_owned(),
            caption: "Ring: said.".to_owned(),
            scale: 0.0..1.0,
            sections: vec![("taught".to_owned(), section)],
        };
        let drawn = svg(&rows, "groups");
        assert!(drawn.contains("&lt;capital&gt;: 0.600, 0.500 to 0.700; ring 0.900; n = 212"));
        assert!(drawn.contains(">&lt;capital&gt;</text>") && drawn.contains(">n = 212</text>"));
        assert!(drawn.contains("long long") && drawn.contains("…</text>"));
        assert!(drawn.contains("viewBox=\"0 0 720 136\""));
    }

    #[test]
    fn what_is_no_number_draws_no_mark() {
        let rows = |value| Rows {
            title: String::new(),
            caption: String::new(),
            scale: -0.1..0.1,
            sections: vec![(String::new(), vec![row("a", value)])],
        };
        let (nothing, all) = (svg(&rows(f64::NAN), "a"), svg(&rows(0.0), "a"));
        assert!(!nothing.contains("NaN"));
        assert_eq!(
            all.matches("<path").count() - nothing.matches("<path").count(),
            3
        );
    }
}
