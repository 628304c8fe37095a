//! What a group of answers said of itself and how often it was right, as a bar for a table's cell.
//! The numbers stand beside it, so it is hidden from assistive technology.

use crate::palette::Ink;
use crate::plot::{Frame, Plot, fill, stroke};
use crate::svg::Sheet;

const WIDTH: u32 = 200;
const HEIGHT: u32 = 16;

/// Draws, on a scale from 0 to 1: the accuracy as an upright line over its interval, the mean
/// confidence as a ring, and the gap between them.
pub fn svg(mean_confidence: f64, accuracy: f64, interval: (f64, f64)) -> String {
    let inside = |value: f64| value.clamp(0.0, 1.0);
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let frame = Frame {
        left: 6,
        top: 0,
        right: WIDTH as i32 - 6,
        bottom: HEIGHT as i32,
    };
    let plot = Plot::new(&sheet, frame, 0.0..1.0, 0.0..1.0);
    plot.line(vec![(0.0, 0.5), (1.0, 0.5)], stroke(Ink::Grid, 1.0, 10));
    let (said, was) = (inside(mean_confidence), inside(accuracy));
    let (low, high) = (inside(interval.0), inside(interval.1));
    plot.line(vec![(low, 0.5), (high, 0.5)], stroke(Ink::After, 0.45, 60));
    plot.line(vec![(said, 0.5), (was, 0.5)], stroke(Ink::Text, 1.0, 10));
    plot.line(vec![(was, 0.05), (was, 0.95)], stroke(Ink::After, 1.0, 18));
    plot.circle((said, 0.5), 42, fill(Ink::Paper, 1.0));
    plot.circle((said, 0.5), 42, stroke(Ink::Text, 1.0, 14));
    sheet.finish_hidden("group-bar")
}
