//! A share as a bar, for a table's cell or a card; its number stands beside it.

use crate::palette::Ink;
use crate::plot::{Frame, Plot, fill, stroke};
use crate::svg::Sheet;

const WIDTH: u32 = 200;
const HEIGHT: u32 = 14;

/// Draws a share 0..=1: solid where the answer is right, hollow where it is wrong.
pub fn svg(share: f64, correct: bool) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let frame = Frame {
        left: 1,
        top: 1,
        right: WIDTH as i32 - 1,
        bottom: HEIGHT as i32 - 1,
    };
    let plot = Plot::new(&sheet, frame, 0.0..1.0, 0.0..1.0);
    plot.line(vec![(0.0, 0.0), (1.0, 0.0)], stroke(Ink::Grid, 1.0, 10));
    let corner = (share.clamp(0.0, 1.0), 0.0);
    plot.rectangle(
        (0.0, 1.0),
        corner,
        fill(Ink::After, if correct { 1.0 } else { 0.16 }),
    );
    plot.rectangle((0.0, 1.0), corner, stroke(Ink::After, 1.0, 12));
    sheet.finish_hidden("share-bar")
}
