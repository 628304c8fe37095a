//! Charts of one size on one sheet, each beneath its name: what stands side by side on a page, as one
//! file.

use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot};
use crate::svg::{Role, Sheet, UNITS, fitting};
use plotters::style::text_anchor::{HPos, VPos};

/// Pixels for a name, and between charts.
const NAME: i32 = 28;
const GAP: i32 = 16;
/// Charts beside each other at most.
const COLUMNS: usize = 3;

/// Lays out `(name, chart)`; `size` is that of each chart, in CSS pixels.
pub fn svg(charts: &[(String, String)], size: (u32, u32), id: &str, title: &str) -> String {
    let (width, height) = (size.0 as i32, size.1 as i32 + NAME);
    let columns = charts.len().clamp(1, COLUMNS);
    let rows = charts.len().div_ceil(columns) as i32;
    let sheet = Sheet::new(
        (columns as i32 * (width + GAP) + GAP) as u32,
        (rows * (height + GAP)) as u32,
    );
    for (place, (name, chart)) in charts.iter().enumerate() {
        let left = GAP + (place % columns) as i32 * (width + GAP);
        let top = (place / columns) as i32 * (height + GAP);
        let frame = Frame {
            left,
            top,
            right: left + width,
            bottom: top + NAME,
        };
        let lettering = Lettering::new(Ink::Text, 13, HPos::Left, VPos::Center).bold();
        Plot::new(&sheet, frame, 0.0..1.0, 0.0..1.0).text(
            &fitting(name, 13, width),
            (left * UNITS, (top + NAME / 2 + 2) * UNITS),
            lettering,
        );
        sheet.place(chart, (left, top + NAME));
    }
    let names: Vec<&str> = charts.iter().map(|(name, _)| name.as_str()).collect();
    sheet.finish(Role::Picture, id, title, &names.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_stand_beneath_their_names() {
        let charts =
            [1, 2, 3, 4].map(|place| (format!("<{place}>"), format!("<svg id=\"{place}\">")));
        let drawn = svg(&charts, (100, 50), "t", "Four");
        assert!(drawn.contains("viewBox=\"0 0 364 188\""));
        assert!(drawn.contains("<g transform=\"translate(16 122)\"><svg id=\"4\"></g>"));
        assert!(drawn.contains(">&lt;4&gt;</text>"));
        assert!(svg(&[], (100, 50), "t", "None").contains("</svg>"));
    }
}
