//! The gauge: the confidence that an answer states, beside how often answers that stated it were right,
//! on one scale from 0 to 100%. The words beside it say the same, so that nothing depends on the drawing.

use crate::format::{count, percent};
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS, text_width};
use calibration::reliability::wilson;
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 128;
const FRAME: Frame = Frame {
    left: 14,
    top: 30,
    right: 466,
    bottom: 82,
};
/// Where the record lies on the scale's height, 0 to 1, and what was said.
const RECORD: f64 = 0.5;
/// The tallest bar of how the levels were weighed, on the same height.
const WEIGHED_MAX: f64 = 0.9;
const LABEL_SIZE: i32 = 13;
const SCALE_SIZE: i32 = 12;
/// What bold letters take of the room that plain ones do.
const BOLD_PERCENT: i32 = 118;
/// Answers from which a share says something.
const MANY_MIN: u32 = 20;

/// What a gauge shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gauge {
    /// The stated level, 1 to 10.
    pub level: u8,
    /// How the ten levels were weighed when it was stated.
    pub weighed: Option<[f64; 10]>,
    /// Of answers that stated this level: right ones, and all; `None` where nothing is known.
    pub record: Option<(u32, u32)>,
}

/// What is known of a level in a sentence: `When it says 8, it was right 74% of the time (n = 212, 95%
/// interval 68% to 80%).`
pub fn sentence(level: u8, right: u32, n: u32) -> String {
    if n == 0 {
        return format!("It never said {level} on these questions, so there is no record of it.");
    }
    let share = f64::from(right) / f64::from(n);
    let [low, high] = wilson(u64::from(right), u64::from(n));
    let few = if n < MANY_MIN {
        ": few answers, so take it with care"
    } else {
        ""
    };
    format!(
        "When it says {level}, it was right {} of the time (n = {}, 95% interval {} to {}{few}).",
        percent(share),
        count(n.into()),
        percent(low),
        percent(high),
    )
}

/// Draws a gauge; `id` is unique on the page.
pub fn svg(gauge: &Gauge, id: &str) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let plot = Plot::new(&sheet, FRAME, 0.0..1.0, 0.0..1.0);
    let said = f64::from(gauge.level) / 10.0;
    if let Some(weighed) = &gauge.weighed {
        weigh(&plot, weighed);
    }
    scale(&plot);
    let record = gauge.record.filter(|(_, n)| *n > 0);
    if let Some((right, n)) = record {
        let share = f64::from(right) / f64::from(n);
        let [low, high] = wilson(u64::from(right), u64::from(n));
        plot.line(
            vec![(low, RECORD), (high, RECORD)],
            stroke(Ink::After, 0.45, 90),
        );
        plot.line(
            vec![(said, RECORD), (share, RECORD)],
            stroke(Ink::Text, 1.0, 12),
        );
        plot.line(
            vec![(share, 0.18), (share, 0.82)],
            stroke(Ink::After, 1.0, 28),
        );
        let words = ["was right ", &percent(share)].concat();
        below(&plot, share, &words, Ink::After);
    }
    plot.circle((said, RECORD), 72, fill(Ink::Paper, 1.0));
    plot.circle((said, RECORD), 72, stroke(Ink::Text, 1.0, 20));
    let words = format!("says {} of 10", gauge.level);
    above(&plot, said, &words);
    let description = match record {
        Some((right, n)) => sentence(gauge.level, right, n),
        None => "There is no record of that level.".to_owned(),
    };
    sheet.finish(
        Role::Picture,
        id,
        &["Says ", &gauge.level.to_string(), " of 10"].concat(),
        &description,
    )
}

/// Bars behind it all: how the levels were weighed.
fn weigh(plot: &Plot, weighed: &[f64; 10]) {
    let most = weighed.iter().copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return;
    }
    for (level, weight) in (1..).zip(weighed) {
        let height = weight.clamp(0.0, 1.0) / most * WEIGHED_MAX;
        let middle = f64::from(level) / 10.0;
        plot.rectangle(
            (middle - 0.028, 0.0),
            (middle + 0.028, height),
            fill(Ink::Grid, 1.0),
        );
    }
}

/// The line with its tenths.
fn scale(plot: &Plot) {
    plot.line(vec![(0.0, 0.0), (1.0, 0.0)], stroke(Ink::Axis, 1.0, 10));
    for tenth in 0..=10 {
        let x = f64::from(tenth) / 10.0;
        let height = if tenth % 5 == 0 { 0.12 } else { 0.06 };
        plot.line(vec![(x, 0.0), (x, height)], stroke(Ink::Axis, 1.0, 10));
    }
    for (x, words) in [(0.0, "0%"), (0.5, "50%"), (1.0, "100%")] {
        let (at, bottom) = plot.place((x, 0.0));
        let anchor = if x == 0.0 {
            HPos::Left
        } else if x == 1.0 {
            HPos::Right
        } else {
            HPos::Center
        };
        let at = match anchor {
            HPos::Left => FRAME.left * UNITS,
            HPos::Right => FRAME.right * UNITS,
            HPos::Center => at,
        };
        plot.text(
            words,
            (at, bottom + 28 * UNITS),
            Lettering::new(Ink::Muted, SCALE_SIZE, anchor, VPos::Top),
        );
    }
}

/// A label as near as it can stand to a place without leaving the sheet.
fn label(plot: &Plot, x: f64, words: &str, y: i32, ink: Ink) {
    let half = text_width(words, LABEL_SIZE * UNITS) * BOLD_PERCENT / 200;
    let (at, _) = plot.place((x, 0.0));
    let at = at.clamp(half, (WIDTH as i32 * UNITS - half).max(half));
    let lettering = Lettering::new(ink, LABEL_SIZE, HPos::Center, VPos::Center).bold();
    plot.text(words, (at, y), lettering);
}

fn above(plot: &Plot, x: f64, words: &str) {
    label(plot, x, words, (FRAME.top - 14) * UNITS, Ink::Text);
}

fn below(plot: &Plot, x: f64, words: &str, ink: Ink) {
    label(plot, x, words, (FRAME.bottom + 14) * UNITS, ink);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_says_what_it_draws() {
        assert_eq!(
            sentence(8, 157, 212),
            "When it says 8, it was right 74% of the time (n = 212, 95% interval 68% to 79%)."
        );
        assert!(sentence(3, 0, 0).starts_with("It never said 3"));
        assert!(sentence(3, 1, 2).contains("few answers"));
        let mut gauge = Gauge {
            level: 8,
            weighed: Some([0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.5, 0.2, 0.0]),
            record: Some((157, 212)),
        };
        let drawn = svg(&gauge, "g");
        assert!(drawn.contains("says 8 of 10") && drawn.contains("was right 74%"));
        assert!(drawn.contains("95% interval 68% to 79%") && !drawn.contains("NaN"));
        gauge.record = None;
        assert!(svg(&gauge, "g").contains("no record"));
        gauge.weighed = Some([0.0; 10]);
        gauge.level = 1;
        assert!(!svg(&gauge, "g").contains("NaN"));
    }
}
