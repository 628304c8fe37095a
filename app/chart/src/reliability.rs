//! The reliability diagram: how often answers were right, against how sure the model was.
//!
//! The diagonal is a model that can be taken at its word. The line is the CORP curve (isotonic
//! recalibration; Dimitriadis, Gneiting & Jordan 2021) over its 90% consistency band: where the line
//! leaves the band, chance does not explain it. Dots are bins, their area the number of answers,
//! their whisker Wilson's 95% interval.

use crate::format::{count, fixed, percent};
use crate::outcomes::{Bin, Binning, ONE, Outcomes};
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS, push_escaped, text_width};
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 468;
const FRAME: Frame = Frame {
    left: 50,
    top: 34,
    right: 468,
    bottom: 430,
};
/// The radius of the dot with the most answers, in tenths of a CSS pixel.
const RADIUS_MAX: f64 = 130.0;
const RADIUS_MIN: i32 = 22;
const LABEL_SIZE: i32 = 13;

/// The inks of at most two evaluations: before and after; a single one is drawn as `after`.
pub fn inks(evaluations: usize) -> &'static [Ink] {
    if evaluations < 2 {
        &[Ink::After]
    } else {
        &[Ink::Before, Ink::After]
    }
}

/// Draws one evaluation or two; further ones are left out. `id` is unique on the page.
pub fn svg(outcomes: &[Outcomes], binning: Binning, id: &str) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let plot = Plot::new(&sheet, FRAME, 0.0..1.0, 0.0..1.0);
    scale(&sheet, &plot);
    let drawn: Vec<_> = outcomes.iter().zip(inks(outcomes.len())).collect();
    for (outcomes, ink) in &drawn {
        band(&plot, &outcomes.band, **ink);
    }
    diagonal(&sheet, &plot);
    for (outcomes, ink) in &drawn {
        curve(&plot, &outcomes.curve, **ink);
    }
    let most = drawn
        .iter()
        .flat_map(|(outcomes, _)| outcomes.bins(binning))
        .map(|bin| bin.n)
        .max()
        .unwrap_or(1);
    let mut marks = Marks::default();
    for (outcomes, ink) in &drawn {
        for bin in &outcomes.bins(binning) {
            dot(&plot, bin, most, **ink);
            marks.add_dot(&plot, bin, most);
        }
        marks.add_curve(&plot, &outcomes.curve);
    }
    let mut labels: Vec<LabelBox> = Vec::new();
    for (outcomes, ink) in &drawn {
        if let Some(label) = label_box(
            &plot,
            outcomes,
            &outcomes.bins(binning),
            **ink,
            &marks,
            &labels,
        ) {
            labels.push(label);
        }
    }
    // Labels last, so that no dot covers one.
    sheet.open("g", &[("class", "direct-label"), ("paint-order", "stroke")]);
    for label in &labels {
        plot.text(
            &label.text,
            (label.left, label.middle),
            Lettering::new(label.ink, LABEL_SIZE, HPos::Left, VPos::Center).bold(),
        );
    }
    sheet.close("g");
    if drawn.iter().all(|(outcomes, _)| outcomes.n() == 0) {
        let middle = (
            (FRAME.left + FRAME.right) / 2 * UNITS,
            (FRAME.top + FRAME.bottom) / 2 * UNITS,
        );
        plot.text(
            "no answers",
            middle,
            Lettering::new(Ink::Muted, 14, HPos::Center, VPos::Center),
        );
    }
    sheet.finish(
        Role::Picture,
        id,
        &title(outcomes),
        &description(outcomes, binning),
    )
}

fn title(outcomes: &[Outcomes]) -> String {
    let mut title = String::from("Reliability diagram");
    for (index, one) in outcomes.iter().take(2).enumerate() {
        title.push_str(if index == 0 { " of " } else { " and " });
        title.push_str(&one.label);
    }
    title
}

/// The picture in words, for those who do not see it.
fn description(outcomes: &[Outcomes], binning: Binning) -> String {
    let mut words = String::new();
    for one in outcomes.iter().take(2) {
        words.push_str(&[&one.label, ", ", &count(one.n()), " answers: "].concat());
        for (index, bin) in one.bins(binning).iter().enumerate() {
            if index > 0 {
                words.push_str("; ");
            }
            words.push_str("says ");
            words.push_str(&fixed(bin.mean_confidence, 2));
            words.push_str(", right ");
            words.push_str(&percent(bin.accuracy()));
        }
        words.push_str(". ");
    }
    words
}

/// Grid, axes and their words.
fn scale(sheet: &Sheet, plot: &Plot) {
    let muted = |horizontal, vertical| Lettering::new(Ink::Muted, 12, horizontal, vertical);
    for tick in 0..=5_u32 {
        let at = f64::from(tick) / 5.0;
        let line = if tick == 0 {
            stroke(Ink::Axis, 1.0, 10)
        } else {
            stroke(Ink::Grid, 1.0, 10)
        };
        plot.line(vec![(at, 0.0), (at, 1.0)], line);
        plot.line(vec![(0.0, at), (1.0, at)], line);
        let (x, y) = plot.place((at, at));
        let (left, bottom) = (FRAME.left * UNITS, FRAME.bottom * UNITS);
        plot.text(
            &fixed(at, 1),
            (x, bottom + 60),
            muted(HPos::Center, VPos::Top),
        );
        let label = (tick * 20).to_string() + if tick == 5 { "%" } else { "" };
        plot.text(&label, (left - 70, y), muted(HPos::Right, VPos::Center));
    }
    let sheet_bottom = sheet.height() as i32 * UNITS;
    let words = Lettering::new(Ink::Text, 12, HPos::Left, VPos::Top);
    plot.text("↑ How often it was right", (40, 60), words);
    let end = Lettering {
        horizontal: HPos::Right,
        vertical: VPos::Bottom,
        ..words
    };
    plot.text(
        "How sure it said it was →",
        (FRAME.right * UNITS, sheet_bottom - 40),
        end,
    );
    let (x, y) = plot.place((0.03, 0.965));
    plot.text(
        "more often right than it says",
        (x, y),
        muted(HPos::Left, VPos::Center),
    );
    let (x, y) = plot.place((0.97, 0.035));
    plot.text(
        "less often right than it says",
        (x, y),
        muted(HPos::Right, VPos::Center),
    );
}

fn diagonal(sheet: &Sheet, plot: &Plot) {
    sheet.open("g", &[("stroke-dasharray", "4 4")]);
    plot.line(vec![(0.0, 0.0), (1.0, 1.0)], stroke(Ink::Muted, 1.0, 12));
    sheet.close("g");
}

fn share(ten_thousandths: u32) -> f64 {
    f64::from(ten_thousandths) / f64::from(ONE)
}

fn band(plot: &Plot, band: &[(u32, u32, u32)], ink: Ink) {
    let paint = fill(ink, 0.13);
    match band {
        [] => {}
        // A polygon needs two places; a single one is drawn as a short bar.
        [(x, low, high)] => {
            plot.rectangle(
                (share(*x) - 0.01, share(*high)),
                (share(*x) + 0.01, share(*low)),
                paint,
            );
        }
        _ => {
            let upper = band.iter().map(|&(x, _, high)| (share(x), share(high)));
            let lower = band.iter().rev().map(|&(x, low, _)| (share(x), share(low)));
            plot.polygon(upper.chain(lower).collect(), paint);
        }
    }
}

fn curve(plot: &Plot, curve: &[(u32, u32)], ink: Ink) {
    if curve.len() > 1 {
        plot.line(
            curve.iter().map(|&(x, y)| (share(x), share(y))).collect(),
            stroke(ink, 0.9, 22),
        );
    }
}

/// Area ∝ answers.
fn radius(n: u32, most: u32) -> i32 {
    ((f64::from(n) / f64::from(most)).sqrt() * RADIUS_MAX)
        .round()
        .max(f64::from(RADIUS_MIN)) as i32
}

fn dot(plot: &Plot, bin: &Bin, most: u32, ink: Ink) {
    let (low, high) = bin.interval();
    let x = bin.mean_confidence;
    plot.line(vec![(x, low), (x, high)], stroke(ink, 1.0, 14));
    let place = (x, bin.accuracy());
    let radius = radius(bin.n, most);
    plot.circle(place, radius, fill(ink, 0.72));
    plot.circle(place, radius, stroke(Ink::Paper, 1.0, 12));
}

/// Places in backend units that a label should keep off.
#[derive(Default)]
struct Marks(Vec<(i32, i32)>);

impl Marks {
    /// A dot's middle and rim, and the ends of its whisker.
    fn add_dot(&mut self, plot: &Plot, bin: &Bin, most: u32) {
        let (x, y) = plot.place((bin.mean_confidence, bin.accuracy()));
        let rim = radius(bin.n, most);
        self.0.extend([
            (x, y),
            (x - rim, y),
            (x + rim, y),
            (x, y - rim),
            (x, y + rim),
        ]);
        let (low, high) = bin.interval();
        self.add_line(
            plot,
            (bin.mean_confidence, low),
            (bin.mean_confidence, high),
        );
    }

    fn add_curve(&mut self, plot: &Plot, curve: &[(u32, u32)]) {
        for pair in curve.windows(2) {
            let place = |(x, y): (u32, u32)| (share(x), share(y));
            self.add_line(plot, place(pair[0]), place(pair[1]));
        }
    }

    /// Places on a line, 8 CSS pixels apart.
    fn add_line(&mut self, plot: &Plot, from: (f64, f64), to: (f64, f64)) {
        let (from, to) = (plot.place(from), plot.place(to));
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()) / (8 * UNITS) + 1;
        let between = |start: i32, end: i32, step: i32| start + (end - start) * step / steps;
        self.0.extend(
            (0..=steps).map(|step| (between(from.0, to.0, step), between(from.1, to.1, step))),
        );
    }
}

/// Half the height that a label takes, in backend units.
const LABEL_HALF: i32 = 9 * UNITS;

/// A label's place in backend units.
struct LabelBox {
    text: String,
    left: i32,
    /// The middle of the line.
    middle: i32,
    width: i32,
    ink: Ink,
}

impl LabelBox {
    fn meets(&self, other: &LabelBox) -> bool {
        (self.middle - other.middle).abs() < 2 * LABEL_HALF
            && self.left < other.left + other.width
            && other.left < self.left + self.width
    }

    fn covers(&self, &(x, y): &(i32, i32)) -> bool {
        (self.left..self.left + self.width).contains(&x) && (y - self.middle).abs() < LABEL_HALF
    }
}

/// Puts the evaluation's name near one of its dots, where it covers the fewest marks: below or above
/// the dot, to its right or left; large dots and near places are preferred.
fn label_box(
    plot: &Plot,
    outcomes: &Outcomes,
    bins: &[Bin],
    ink: Ink,
    marks: &Marks,
    taken: &[LabelBox],
) -> Option<LabelBox> {
    let text = shortened(&outcomes.label) + ", n = " + &count(outcomes.n());
    // Bold letters are wider than the table's.
    let width = text_width(&text, LABEL_SIZE * UNITS) * 108 / 100;
    let (left_most, right_most) = ((FRAME.left + 4) * UNITS, (FRAME.right - 4) * UNITS - width);
    // The words in the corners stand in the first and last 28 pixels.
    let (top, bottom) = ((FRAME.top + 36) * UNITS, (FRAME.bottom - 36) * UNITS);
    let mut best: Option<(i64, LabelBox)> = None;
    let mut dots: Vec<&Bin> = bins.iter().collect();
    dots.sort_by_key(|bin| std::cmp::Reverse(bin.n));
    for (rank, bin) in dots.iter().enumerate() {
        let (x, y) = plot.place((bin.mean_confidence, bin.accuracy()));
        for down in [26, -26, 44, -44, 64, -64] {
            for left in [x - width / 2, x + 80, x - width - 80] {
                let label = LabelBox {
                    text: text.clone(),
                    left: left.clamp(left_most, right_most.max(left_most)),
                    middle: (y + down * UNITS).clamp(top, bottom),
                    width,
                    ink,
                };
                let covered = marks.0.iter().filter(|place| label.covers(place)).count();
                let met = taken.iter().filter(|other| label.meets(other)).count();
                let far = i64::from((label.middle - y).abs() / UNITS)
                    + i64::from((label.left + width / 2 - x).abs() / UNITS / 4);
                let cost = 10_000 * met as i64 + 60 * covered as i64 + far + 4 * rank as i64;
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, label));
                }
            }
        }
    }
    best.map(|(_, label)| label)
}

/// A label of at most 28 characters.
fn shortened(label: &str) -> String {
    if label.chars().count() <= 28 {
        return label.to_owned();
    }
    label.chars().take(27).collect::<String>() + "…"
}

/// The diagram's numbers as an HTML table, with the same bins.
pub fn table(outcomes: &[Outcomes], binning: Binning) -> String {
    let mut html = String::from(
        "<table><caption>The diagram's numbers. Intervals are Wilson's, 95%.</caption><thead><tr>",
    );
    for heading in [
        "Evaluation",
        "Confidence",
        "Mean",
        "Answers",
        "Right",
        "95% interval",
    ] {
        html.push_str("<th scope=\"col\">");
        html.push_str(heading);
        html.push_str("</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for one in outcomes.iter().take(2) {
        for bin in one.bins(binning) {
            let (low, high) = bin.interval();
            html.push_str("<tr><th scope=\"row\">");
            push_escaped(&mut html, &one.label);
            html.push_str("</th>");
            let confidence = if bin.low == bin.high {
                fixed(bin.low, 2)
            } else {
                [fixed(bin.low, 2), fixed(bin.high, 2)].join(" to ")
            };
            let interval = [percent_plain(low), percent_plain(high)].join(" to ");
            let cells = [
                confidence,
                fixed(bin.mean_confidence, 3),
                count(bin.n.into()),
                percent_plain(bin.accuracy()),
                interval,
            ];
            for cell in cells {
                html.push_str("<td>");
                html.push_str(&cell);
                html.push_str("</td>");
            }
            html.push_str("</tr>");
        }
    }
    html.push_str("</tbody></table>");
    html
}

fn percent_plain(share: f64) -> String {
    fixed(share * 100.0, 1) + "%"
}
