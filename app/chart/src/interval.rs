//! A measure and its interval as a small bar, for a table's cell. The numbers stand beside it, so it
//! is hidden from assistive technology.

use crate::palette::Ink;
use crate::plot::{Frame, Plot, stroke};
use crate::svg::Sheet;
use std::ops::Range;

const WIDTH: u32 = 88;
const HEIGHT: u32 = 12;

/// Draws a value and the ends of its interval on a scale. What lies outside the scale is moved to
/// its end.
pub fn svg(value: f64, interval: Option<(f64, f64)>, scale: Range<f64>) -> String {
    let inside = |value: f64| value.clamp(scale.start, scale.end);
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let frame = Frame {
        left: 3,
        top: 0,
        right: WIDTH as i32 - 3,
        bottom: HEIGHT as i32,
    };
    let plot = Plot::new(&sheet, frame, scale.clone(), 0.0..1.0);
    plot.line(
        vec![(scale.start, 0.5), (scale.end, 0.5)],
        stroke(Ink::Grid, 1.0, 10),
    );
    if let Some((low, high)) = interval {
        plot.line(
            vec![(inside(low), 0.5), (inside(high), 0.5)],
            stroke(Ink::After, 0.45, 60),
        );
    }
    plot.line(
        vec![(inside(value), 0.05), (inside(value), 0.95)],
        stroke(Ink::After, 1.0, 16),
    );
    sheet.finish_hidden("interval")
}
