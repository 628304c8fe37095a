//! Confidence before against confidence after, question by question: a grid of levels, each cell with its
//! number of questions.
//!
//! On the diagonal nothing moved; above it the second evaluation is surer, below it less sure.

use crate::format::{count, counted, fixed};
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS};
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u32 = 440;
const HEIGHT: u32 = 440;
/// Of the drawing, in CSS pixels.
pub const SIZE: (u32, u32) = (WIDTH, HEIGHT);
const FRAME: Frame = Frame {
    left: 44,
    top: 34,
    right: 432,
    bottom: 394,
};

/// Questions of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Levels 0..=10 ([`crate::level_bin`]).
    pub before: u8,
    pub after: u8,
    pub questions: u64,
}

/// What the grid is called.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub title: &'a str,
    pub before: &'a str,
    pub after: &'a str,
}

/// Draws the cells; `most` is the fullest cell of all grids that stand side by side; `id` is unique on the
/// page.
pub fn svg(cells: &[Cell], most: u64, ink: Ink, names: Names<'_>, id: &str) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let plot = Plot::new(&sheet, FRAME, -0.5..10.5, -0.5..10.5);
    scale(&plot, names);
    for cell in cells.iter().filter(|cell| cell.questions > 0) {
        draw(&sheet, &plot, cell, most, ink);
    }
    let all: u64 = cells.iter().map(|cell| cell.questions).sum();
    if all == 0 {
        let (x, y) = plot.place((5.0, 6.5));
        let lettering = Lettering::new(Ink::Muted, 14, HPos::Center, VPos::Center);
        plot.text("no questions", (x, y), lettering);
    }
    let sum = |moved: fn(u8, u8) -> bool| -> u64 {
        let in_it = cells.iter().filter(|cell| moved(cell.before, cell.after));
        in_it.map(|cell| cell.questions).sum()
    };
    let description = [
        &counted(all, "question"),
        ": ",
        &count(sum(|before, after| after > before)),
        " said at a higher level after, ",
        &count(sum(|before, after| after < before)),
        " at a lower one, ",
        &count(sum(|before, after| after == before)),
        " at the same.",
    ];
    sheet.finish(Role::Picture, id, names.title, &description.concat())
}

fn scale(plot: &Plot, names: Names<'_>) {
    let muted = |horizontal, vertical| Lettering::new(Ink::Muted, 12, horizontal, vertical);
    for edge in 0..=11_u32 {
        let at = f64::from(edge) - 0.5;
        plot.line(vec![(at, -0.5), (at, 10.5)], stroke(Ink::Grid, 1.0, 8));
        plot.line(vec![(-0.5, at), (10.5, at)], stroke(Ink::Grid, 1.0, 8));
    }
    plot.line(vec![(-0.5, -0.5), (10.5, 10.5)], stroke(Ink::Axis, 1.0, 12));
    for level in [0.0, 2.0, 4.0, 6.0, 8.0, 10.0] {
        let (x, y) = plot.place((level, level));
        let words = fixed(level / 10.0, 1);
        let bottom = (FRAME.bottom + 6) * UNITS;
        plot.text(&words, (x, bottom), muted(HPos::Center, VPos::Top));
        let left = (FRAME.left - 6) * UNITS;
        plot.text(&words, (left, y), muted(HPos::Right, VPos::Center));
    }
    let words = |horizontal, vertical| Lettering::new(Ink::Text, 12, horizontal, vertical);
    plot.text(
        &["↑ ", names.after].concat(),
        (40, 60),
        words(HPos::Left, VPos::Top),
    );
    plot.text(
        &[names.before, " →"].concat(),
        (FRAME.right * UNITS, (HEIGHT as i32 - 4) * UNITS),
        words(HPos::Right, VPos::Bottom),
    );
}

/// A square whose area is the number of questions, the number beside or in it.
fn draw(sheet: &Sheet, plot: &Plot, cell: &Cell, most: u64, ink: Ink) {
    let (x, y) = (f64::from(cell.before), f64::from(cell.after));
    let share = (cell.questions as f64 / most.max(1) as f64).min(1.0);
    let half = 0.10 + 0.38 * share.sqrt();
    sheet.open("g", &[]);
    let words = [
        "From ",
        &fixed(x / 10.0, 1),
        " to ",
        &fixed(y / 10.0, 1),
        ": ",
        &counted(cell.questions, "question"),
    ];
    sheet.element("title", &[], &words.concat());
    let corners = ((x - half, y + half), (x + half, y - half));
    plot.rectangle(corners.0, corners.1, fill(ink, 0.3));
    plot.rectangle(corners.0, corners.1, stroke(ink, 0.9, 10));
    let lettering = Lettering::new(Ink::Text, 11, HPos::Center, VPos::Center);
    plot.text(&count(cell.questions), plot.place((x, y)), lettering);
    sheet.close("g");
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'static> = Names {
        title: "Right",
        before: "before",
        after: "<after>",
    };

    #[test]
    fn each_cell_tells_its_number() {
        let cells =
            [(3, 8, 5), (8, 3, 2), (4, 4, 1), (1, 1, 0)].map(|(before, after, questions)| Cell {
                before,
                after,
                questions,
            });
        let drawn = svg(&cells, 5, Ink::After, NAMES, "g");
        assert!(drawn.contains("From 0.3 to 0.8: 5 questions"));
        assert!(drawn.contains(
            "8 questions: 5 said at a higher level after, 2 at a lower one, 1 at the same."
        ));
        assert!(drawn.contains("&lt;after&gt;"));
        assert!(svg(&[], 0, Ink::After, NAMES, "g").contains("no questions"));
    }
}
