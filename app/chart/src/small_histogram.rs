//! A confidence histogram as one of many side by side: shares of all answers, right above the line, wrong
//! below it, all on one scale.

use crate::format::{count, counted, fixed, percent};
use crate::outcomes::Outcomes;
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS};
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u32 = 280;
const HEIGHT: u32 = 190;
/// Of the drawing, in CSS pixels.
pub const SIZE: (u32, u32) = (WIDTH, HEIGHT);
const FRAME: Frame = Frame {
    left: 44,
    top: 12,
    right: 276,
    bottom: 164,
};
/// Half a bar's width; bars are one apart.
const HALF: f64 = 0.40;

/// Draws one evaluation. `most` is the longest bar of all that stand side by side ([`longest`]); `id` is
/// unique on the page.
pub fn svg(outcomes: &Outcomes, ink: Ink, most: (f64, f64), id: &str) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let least = |share: f64| if share > 0.0 { share } else { 0.01 };
    let (up, down) = (least(most.0), least(most.1));
    let plot = Plot::new(&sheet, FRAME, -0.6..10.6, -down..up);
    let n = outcomes.n().max(1) as f64;
    for (bar, &(right, wrong)) in outcomes.bars().iter().enumerate() {
        for (number, correct) in [(right, true), (wrong, false)] {
            if number > 0 {
                rectangle(&sheet, &plot, bar, number, n, correct, ink);
            }
        }
    }
    plot.line(vec![(-0.6, 0.0), (10.6, 0.0)], stroke(Ink::Text, 1.0, 10));
    letter(&plot, up, down);
    let title = ["Confidence histogram of ", &outcomes.label].concat();
    let description = [
        &counted(outcomes.n(), "answer"),
        ", ",
        &count(outcomes.right()),
        " of them right; bars are shares of all answers.",
    ];
    sheet.finish(Role::Picture, id, &title, &description.concat())
}

fn rectangle(sheet: &Sheet, plot: &Plot, bar: usize, number: u32, n: f64, correct: bool, ink: Ink) {
    let share = f64::from(number) / n;
    let (low, high) = (bar as f64 - HALF, bar as f64 + HALF);
    sheet.open("g", &[]);
    let outcome = if correct { "right" } else { "wrong" };
    let words = [
        "Confidence ",
        &fixed(bar as f64 / 10.0, 1),
        ", ",
        outcome,
        ": ",
        &counted(number.into(), "answer"),
        ", ",
        &percent(share),
    ];
    sheet.element("title", &[], &words.concat());
    if correct {
        plot.rectangle((low, share), (high, 0.0), fill(ink, 1.0));
    } else {
        plot.rectangle((low, 0.0), (high, -share), fill(ink, 0.16));
        plot.rectangle((low, 0.0), (high, -share), stroke(ink, 1.0, 12));
    }
    sheet.close("g");
}

fn letter(plot: &Plot, up: f64, down: f64) {
    let muted = |horizontal, vertical| Lettering::new(Ink::Muted, 11, horizontal, vertical);
    let left = (FRAME.left - 4) * UNITS;
    let (_, zero) = plot.place((0.0, 0.0));
    // Only where the words have room between the line and the end of the scale.
    let (top, bottom) = (FRAME.top * UNITS, FRAME.bottom * UNITS);
    for (share, y, room) in [(up, top, zero - top), (down, bottom, bottom - zero)] {
        if room > 34 * UNITS {
            plot.text(&percent(share), (left, y), muted(HPos::Right, VPos::Center));
        }
    }
    plot.text(
        "right",
        (left, zero - 8 * UNITS),
        muted(HPos::Right, VPos::Center),
    );
    plot.text(
        "wrong",
        (left, zero + 8 * UNITS),
        muted(HPos::Right, VPos::Center),
    );
    for (bar, words) in [(0.0, "0"), (5.0, "0.5"), (10.0, "1")] {
        let (x, _) = plot.place((bar, 0.0));
        plot.text(
            words,
            (x, bottom + 6 * UNITS),
            muted(HPos::Center, VPos::Top),
        );
    }
}

/// The longest bars (right, wrong) among evaluations, as shares of each one's answers.
pub fn longest(outcomes: &[Outcomes]) -> (f64, f64) {
    outcomes
        .iter()
        .flat_map(|one| {
            let n = one.n().max(1) as f64;
            one.bars()
                .map(|(right, wrong)| (f64::from(right) / n, f64::from(wrong) / n))
        })
        .fold((0.0, 0.0), |most: (f64, f64), bar| {
            (most.0.max(bar.0), most.1.max(bar.1))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_shares_of_ones_own_answers() {
        let few = Outcomes::new("<few>", &[(0.9, true), (0.9, false)]);
        let many = Outcomes::new("many", &[(0.5, true); 40]);
        assert_eq!(longest(&[few.clone(), many]), (1.0, 0.5));
        let drawn = svg(&few, Ink::Third, (1.0, 0.5), "h");
        assert!(
            drawn.contains("&lt;few&gt;") && drawn.contains("Confidence 0.9, wrong: 1 answer, 50%")
        );
        let nothing = svg(&Outcomes::new("none", &[]), Ink::Third, (0.0, 0.0), "h");
        assert!(!nothing.contains("NaN"));
    }
}
