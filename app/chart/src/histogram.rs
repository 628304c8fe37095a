//! The confidence histogram: right answers above the line, wrong ones below it, each bar a link to
//! its questions.

use crate::csv::Csv;
use crate::format::{count, counted, fixed};
use crate::outcomes::Outcomes;
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS};
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 300;
const FRAME: Frame = Frame {
    left: 58,
    top: 28,
    right: 468,
    bottom: 250,
};
/// Half a bar's width; bars are one apart.
const HALF: f64 = 0.40;

/// Draws one evaluation. `most` is the longest bar of all histograms that stand side by side, right
/// and wrong apart, so that they share a scale; `link` is the address of a bar's questions
/// ([`crate::level_bin`], right or wrong).
pub fn svg(
    outcomes: &Outcomes,
    ink: Ink,
    most: (u32, u32),
    link: impl Fn(u8, bool) -> String,
    id: &str,
) -> String {
    drawn(outcomes, ink, most, Some(&link), id)
}

/// The same as a picture without links.
pub fn picture(outcomes: &Outcomes, ink: Ink, most: (u32, u32), id: &str) -> String {
    drawn(outcomes, ink, most, None, id)
}

type Link<'a> = &'a dyn Fn(u8, bool) -> String;

fn drawn(
    outcomes: &Outcomes,
    ink: Ink,
    most: (u32, u32),
    link: Option<Link<'_>>,
    id: &str,
) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let (up, down) = (f64::from(most.0.max(1)), f64::from(most.1.max(1)));
    let plot = Plot::new(&sheet, FRAME, -0.6..10.6, -down..up);
    let muted = Lettering::new(Ink::Muted, 12, HPos::Center, VPos::Center);
    for (bar, &(right, wrong)) in outcomes.bars().iter().enumerate() {
        let (low, high) = (bar as f64 - HALF, bar as f64 + HALF);
        for (number, correct) in [(right, true), (wrong, false)] {
            if number == 0 {
                continue;
            }
            let words = bar_in_words(bar, number, correct);
            match link {
                Some(link) => {
                    let address = link(bar as u8, correct);
                    sheet.open("a", &[("href", &address), ("aria-label", &words)]);
                }
                None => sheet.open("g", &[]),
            }
            sheet.element("title", &[], &words);
            let end = if correct {
                f64::from(number)
            } else {
                -f64::from(number)
            };
            let (top, bottom) = (end.max(0.0), end.min(0.0));
            if correct {
                plot.rectangle((low, top), (high, bottom), fill(ink, 1.0));
            } else {
                plot.rectangle((low, top), (high, bottom), fill(ink, 0.16));
                plot.rectangle((low, top), (high, bottom), stroke(ink, 1.0, 12));
            }
            let (x, y) = plot.place((bar as f64, end));
            let away = if correct { -90 } else { 95 };
            let lettering = Lettering {
                ink: Ink::Text,
                size: 11,
                ..muted
            };
            plot.text(&count(number.into()), (x, y + away), lettering);
            sheet.close(if link.is_some() { "a" } else { "g" });
        }
        let (x, _) = plot.place((bar as f64, 0.0));
        plot.text(
            &fixed(bar as f64 / 10.0, 1),
            (x, (FRAME.bottom + 27) * UNITS),
            muted,
        );
    }
    plot.line(vec![(-0.6, 0.0), (10.6, 0.0)], stroke(Ink::Text, 1.0, 10));
    let words = Lettering::new(Ink::Text, 12, HPos::Right, VPos::Center);
    let (_, zero) = plot.place((0.0, 0.0));
    plot.text("right ↑", ((FRAME.left - 6) * UNITS, zero - 100), words);
    plot.text("wrong ↓", ((FRAME.left - 6) * UNITS, zero + 100), words);
    let end = Lettering {
        vertical: VPos::Bottom,
        ..words
    };
    plot.text(
        "How sure it said it was →",
        (FRAME.right * UNITS, (HEIGHT as i32 - 3) * UNITS),
        end,
    );
    let title = ["Confidence histogram of ", &outcomes.label].concat();
    let (role, end) = match link {
        Some(_) => (Role::Links, "; every bar is a link to its questions."),
        None => (Role::Picture, "."),
    };
    let description = [&description(outcomes), end].concat();
    sheet.finish(role, id, &title, &description)
}

/// The longest bars (right, wrong) among evaluations.
pub fn longest(outcomes: &[Outcomes]) -> (u32, u32) {
    outcomes
        .iter()
        .flat_map(Outcomes::bars)
        .fold((0, 0), |most, bar| (most.0.max(bar.0), most.1.max(bar.1)))
}

/// The bars of all evaluations as CSV.
pub fn csv(outcomes: &[Outcomes]) -> String {
    let mut csv = Csv::new(&["evaluation", "confidence", "right", "wrong"]);
    for one in outcomes {
        for (bar, &(right, wrong)) in one.bars().iter().enumerate() {
            let numbers = [bar as f64 / 10.0, f64::from(right), f64::from(wrong)];
            csv.row(&[&one.label], &numbers);
        }
    }
    csv.finish()
}

fn bar_in_words(bar: usize, number: u32, correct: bool) -> String {
    let outcome = if correct { "right" } else { "wrong" };
    [
        "Confidence ",
        &fixed(bar as f64 / 10.0, 1),
        ", ",
        outcome,
        ": ",
        &counted(number.into(), "answer"),
    ]
    .concat()
}

fn description(outcomes: &Outcomes) -> String {
    let n = outcomes.n();
    [
        &counted(n, "answer"),
        ", ",
        &count(outcomes.right()),
        " of them right",
    ]
    .concat()
}
