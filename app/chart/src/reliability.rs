//! The reliability diagram: how often answers were right, against how sure the model was.
//!
//! The diagonal is a model that can be taken at its word. The line is the CORP curve (isotonic
//! recalibration; Dimitriadis, Gneiting & Jordan 2021) over its 90% consistency band: where the line
//! leaves the band, chance does not explain it. Dots are bins, their area the number of answers,
//! their whisker Wilson's 95% interval. Two other choices ([`Diagram`]) draw the dots alone with their
//! counts, or the curve that smECE smooths.

use crate::csv::Csv;
use crate::format::{count, fixed, percent};
use crate::outcomes::{Bin, Binning, ONE, Outcomes, SMOOTH_STEP};
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS, push_escaped, text_width};
use plotters::style::text_anchor::{HPos, VPos};
use serde::{Deserialize, Serialize};

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
/// Bins up to which each dot has its count beside it.
const COUNTED_MAX: usize = 20;
/// Half a cap of a whisker, on the scale of confidence.
const CAP: f64 = 0.008;
/// The longest tick of the smooth curve's rug, on the scale of accuracy.
const RUG_MAX: f64 = 0.022;

/// What a reliability diagram draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Diagram {
    /// The CORP curve over its consistency band, with dots.
    #[default]
    Corp,
    /// Dots alone, with intervals and counts.
    Levels,
    /// The smooth curve with its interval.
    Smooth,
}

impl Diagram {
    pub const ALL: [Diagram; 3] = [Diagram::Corp, Diagram::Levels, Diagram::Smooth];

    /// As addresses and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Diagram::Corp => "corp",
            Diagram::Levels => "levels",
            Diagram::Smooth => "smooth",
        }
    }

    /// The diagram of that name.
    pub fn named(name: &str) -> Option<Diagram> {
        Diagram::ALL.into_iter().find(|one| one.name() == name)
    }

    /// What a reader should know to read it.
    pub fn caption(self) -> &'static str {
        match self {
            Diagram::Corp => {
                "On the dashed line, a model that can be taken at its word. The line is the CORP curve; the shaded band holds 90% of the curves that such a model would show by chance. Dots are answers that said the same, their area the number of answers, their whisker the 95% interval."
            }
            Diagram::Levels => {
                "On the dashed line, a model that can be taken at its word. Dots are answers that said the same, the number beside each and its area how many they are, the whisker the 95% interval of how often they were right."
            }
            Diagram::Smooth => {
                "On the dashed line, a model that can be taken at its word. The line is how often answers near a confidence were right, smoothed as smECE does; the shaded band is its 95% interval. Ticks beneath show how often each confidence was said."
            }
        }
    }
}

/// The inks of at most two evaluations: before and after; a single one is drawn as `after`.
pub fn inks(evaluations: usize) -> &'static [Ink] {
    if evaluations < 2 {
        &[Ink::After]
    } else {
        &[Ink::Before, Ink::After]
    }
}

/// The CORP diagram of one evaluation or two; further ones are left out. `id` is unique on the page.
pub fn svg(outcomes: &[Outcomes], binning: Binning, id: &str) -> String {
    drawn(outcomes, Diagram::Corp, binning, id)
}

/// Draws one evaluation or two; further ones are left out. `id` is unique on the page.
pub fn drawn(outcomes: &[Outcomes], diagram: Diagram, binning: Binning, id: &str) -> String {
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let plot = Plot::new(&sheet, FRAME, 0.0..1.0, 0.0..1.0);
    scale(&sheet, &plot);
    let drawn: Vec<_> = outcomes.iter().zip(inks(outcomes.len())).collect();
    let mut marks = Marks::default();
    match diagram {
        Diagram::Corp => {
            for (outcomes, ink) in &drawn {
                band(&plot, &outcomes.band, **ink);
            }
            diagonal(&sheet, &plot);
            for (outcomes, ink) in &drawn {
                curve(&plot, &outcomes.curve, **ink);
            }
            for (outcomes, ink) in &drawn {
                dotted(&sheet, &plot, &outcomes.recalibrated, **ink);
            }
            dots(&plot, &drawn, binning, &mut marks);
            for (outcomes, _) in &drawn {
                marks.add_curve(&plot, &outcomes.recalibrated);
            }
        }
        Diagram::Levels => {
            diagonal(&sheet, &plot);
            dots(&plot, &drawn, binning, &mut marks);
            for (place, (outcomes, ink)) in drawn.iter().enumerate() {
                // Of two, the first is counted above its whiskers, the second below.
                let above = drawn.len() < 2 || place == 0;
                counts(&plot, &outcomes.bins(binning), above, **ink, &mut marks);
            }
        }
        Diagram::Smooth => {
            for (outcomes, ink) in &drawn {
                smooth_band(&plot, &outcomes.smooth, **ink);
            }
            diagonal(&sheet, &plot);
            for (place, (outcomes, ink)) in drawn.iter().enumerate() {
                rug(&plot, outcomes, place, **ink);
                smooth_line(&plot, &outcomes.smooth, **ink, &mut marks);
            }
        }
    }
    let mut labels: Vec<LabelBox> = Vec::new();
    for (outcomes, ink) in &drawn {
        let text = shortened(&outcomes.label) + ", n = " + &count(outcomes.n());
        let anchors = match diagram {
            Diagram::Smooth => smooth_anchors(&outcomes.smooth),
            _ => anchors(&outcomes.bins(binning)),
        };
        labels.extend(label_box(&plot, text, &anchors, **ink, &marks, &labels));
    }
    if diagram == Diagram::Corp {
        for (outcomes, ink) in &drawn {
            let place = |&(x, y): &(u32, u32)| (share(x), share(y));
            let anchors: Vec<_> = outcomes.recalibrated.iter().map(place).collect();
            let text = "recalibrated".to_owned();
            labels.extend(label_box(&plot, text, &anchors, **ink, &marks, &labels));
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
    let description = match diagram {
        Diagram::Smooth => smooth_description(outcomes),
        _ => description(outcomes, binning),
    };
    sheet.finish(Role::Picture, id, &title(outcomes), &description)
}

/// The dots of all evaluations, on one scale of areas.
fn dots(plot: &Plot, drawn: &[(&Outcomes, &Ink)], binning: Binning, marks: &mut Marks) {
    let most = drawn
        .iter()
        .flat_map(|(outcomes, _)| outcomes.bins(binning))
        .map(|bin| bin.n)
        .max()
        .unwrap_or(1);
    for (outcomes, ink) in drawn {
        for bin in &outcomes.bins(binning) {
            dot(plot, bin, most, **ink);
            marks.add_dot(plot, bin, most);
        }
        marks.add_curve(plot, &outcomes.curve);
    }
}

/// Caps on the whiskers, and each dot's number of answers above or below it.
fn counts(plot: &Plot, bins: &[Bin], above: bool, ink: Ink, marks: &mut Marks) {
    for bin in bins {
        let (low, high) = bin.interval();
        let x = bin.mean_confidence;
        for end in [low, high] {
            plot.line(vec![(x - CAP, end), (x + CAP, end)], stroke(ink, 1.0, 14));
        }
        if bins.len() > COUNTED_MAX {
            continue;
        }
        // Beside the end of the whisker, or the other end where the frame is near.
        let up = if above { high < 0.95 } else { low < 0.05 };
        let (end, away) = if up { (high, -75) } else { (low, 80) };
        let (x, y) = plot.place((x, end));
        let lettering = Lettering::new(ink, 11, HPos::Center, VPos::Center);
        plot.text(&count(bin.n.into()), (x, y + away), lettering);
        marks.0.push((x, y + away));
    }
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

/// The curve after a saved recalibration.
fn dotted(sheet: &Sheet, plot: &Plot, places: &[(u32, u32)], ink: Ink) {
    if places.len() > 1 {
        sheet.open("g", &[("stroke-dasharray", "2 4")]);
        curve(plot, places, ink);
        sheet.close("g");
    }
}

/// A smooth curve's places as (confidence, share right, low, high), cut where a gap is.
fn smooth_parts(smooth: &[(u32, u32, u32, u32)]) -> impl Iterator<Item = &[(u32, u32, u32, u32)]> {
    smooth.chunk_by(|left, right| right.0 <= left.0 + SMOOTH_STEP)
}

fn smooth_band(plot: &Plot, smooth: &[(u32, u32, u32, u32)], ink: Ink) {
    for part in smooth_parts(smooth) {
        let places: Vec<_> = part
            .iter()
            .map(|&(x, _, low, high)| (x, low, high))
            .collect();
        band(plot, &places, ink);
    }
}

fn smooth_line(plot: &Plot, smooth: &[(u32, u32, u32, u32)], ink: Ink, marks: &mut Marks) {
    for part in smooth_parts(smooth) {
        let places: Vec<(u32, u32)> = part.iter().map(|&(x, y, ..)| (x, y)).collect();
        curve(plot, &places, ink);
        if let [(x, y)] = places.as_slice() {
            plot.circle((share(*x), share(*y)), RADIUS_MIN, fill(ink, 0.9));
        }
        marks.add_curve(plot, &places);
    }
}

/// How often each confidence was said, as ticks on the axis: their length grows with the root of the
/// number. Those of a second evaluation stand a little to the right.
fn rug(plot: &Plot, outcomes: &Outcomes, place: usize, ink: Ink) {
    let bins = if outcomes.has_levels() {
        outcomes.bins(Binning::Stated)
    } else {
        outcomes.bins(Binning::Width(100))
    };
    let most = bins.iter().map(|bin| bin.n).max().unwrap_or(1);
    for bin in &bins {
        let x = bin.mean_confidence + 0.004 * place as f64;
        let length = (f64::from(bin.n) / f64::from(most)).sqrt() * RUG_MAX;
        plot.line(vec![(x, 0.0), (x, length)], stroke(ink, 0.8, 16));
    }
}

/// Where a name may stand: at dots, the largest first.
fn anchors(bins: &[Bin]) -> Vec<(f64, f64)> {
    let mut dots: Vec<&Bin> = bins.iter().collect();
    dots.sort_by_key(|bin| std::cmp::Reverse(bin.n));
    dots.iter()
        .map(|bin| (bin.mean_confidence, bin.accuracy()))
        .collect()
}

/// Every tenth place of a smooth curve.
fn smooth_anchors(smooth: &[(u32, u32, u32, u32)]) -> Vec<(f64, f64)> {
    let every_tenth = smooth.iter().step_by(10);
    every_tenth
        .map(|&(x, y, ..)| (share(x), share(y)))
        .collect()
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

/// Puts a name near one of its anchors, where it covers the fewest marks: below or above it, to its
/// right or left; early anchors and near places are preferred.
fn label_box(
    plot: &Plot,
    text: String,
    anchors: &[(f64, f64)],
    ink: Ink,
    marks: &Marks,
    taken: &[LabelBox],
) -> Option<LabelBox> {
    // Bold letters are wider than the table's.
    let width = text_width(&text, LABEL_SIZE * UNITS) * 108 / 100;
    let (left_most, right_most) = ((FRAME.left + 4) * UNITS, (FRAME.right - 4) * UNITS - width);
    // The words in the corners stand in the first and last 28 pixels.
    let (top, bottom) = ((FRAME.top + 36) * UNITS, (FRAME.bottom - 36) * UNITS);
    let mut best: Option<(i64, LabelBox)> = None;
    for (rank, anchor) in anchors.iter().enumerate() {
        let (x, y) = plot.place(*anchor);
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

/// The CORP diagram's numbers as an HTML table, with the same bins.
pub fn table(outcomes: &[Outcomes], binning: Binning) -> String {
    table_of(outcomes, Diagram::Corp, binning)
}

/// A diagram's numbers as an HTML table.
pub fn table_of(outcomes: &[Outcomes], diagram: Diagram, binning: Binning) -> String {
    let (caption, headings): (String, &[&str]) = match diagram {
        Diagram::Smooth => (
            "The smooth curve at every tenth. Intervals are Wilson's, 95%, at the number of answers that weigh as much."
                .to_owned()
                + &widths(outcomes),
            &["Evaluation", "Confidence", "Right near it", "95% interval"],
        ),
        _ => (
            "The diagram's numbers. Intervals are Wilson's, 95%.".to_owned(),
            &[
                "Evaluation",
                "Confidence",
                "Mean",
                "Answers",
                "Right",
                "95% interval",
            ],
        ),
    };
    let mut html = String::from("<table><caption>");
    push_escaped(&mut html, &caption);
    html.push_str("</caption><thead><tr>");
    for heading in headings {
        html.push_str("<th scope=\"col\">");
        html.push_str(heading);
        html.push_str("</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for one in outcomes.iter().take(2) {
        if diagram == Diagram::Smooth {
            for &(x, y, low, high) in tenths_of(&one.smooth) {
                let cells = [
                    fixed(share(x), 2),
                    percent_plain(share(y)),
                    interval_plain(share(low), share(high)),
                ];
                push_row(&mut html, &one.label, &cells);
            }
            continue;
        }
        for bin in one.bins(binning) {
            let (low, high) = bin.interval();
            let confidence = if bin.low == bin.high {
                fixed(bin.low, 2)
            } else {
                [fixed(bin.low, 2), fixed(bin.high, 2)].join(" to ")
            };
            let cells = [
                confidence,
                fixed(bin.mean_confidence, 3),
                count(bin.n.into()),
                percent_plain(bin.accuracy()),
                interval_plain(low, high),
            ];
            push_row(&mut html, &one.label, &cells);
        }
    }
    html.push_str("</tbody></table>");
    html
}

/// A table's row: its name, then its numbers.
pub(crate) fn push_row(html: &mut String, name: &str, cells: &[String]) {
    html.push_str("<tr><th scope=\"row\">");
    push_escaped(html, name);
    html.push_str("</th>");
    for cell in cells {
        html.push_str("<td>");
        html.push_str(cell);
        html.push_str("</td>");
    }
    html.push_str("</tr>");
}

/// The width of each evaluation's smoothing, in words.
fn widths(outcomes: &[Outcomes]) -> String {
    let mut words = String::new();
    for one in outcomes.iter().take(2) {
        let width = fixed(share(one.smooth_width), 3);
        words.push_str(&[" The width (σ) of ", &one.label, " is ", &width, "."].concat());
    }
    words
}

/// The places of a smooth curve at 0, 0.1, …, 1.
fn tenths_of(smooth: &[(u32, u32, u32, u32)]) -> impl Iterator<Item = &(u32, u32, u32, u32)> {
    smooth
        .iter()
        .filter(|place| place.0.is_multiple_of(10 * SMOOTH_STEP))
}

fn smooth_description(outcomes: &[Outcomes]) -> String {
    let mut words = String::new();
    for one in outcomes.iter().take(2) {
        words.push_str(&[&one.label, ", ", &count(one.n()), " answers: "].concat());
        for (index, &(x, y, ..)) in tenths_of(&one.smooth).enumerate() {
            if index > 0 {
                words.push_str("; ");
            }
            words.push_str("near ");
            words.push_str(&fixed(share(x), 1));
            words.push_str(" right ");
            words.push_str(&percent(share(y)));
        }
        words.push_str(". ");
    }
    words
}

/// A diagram's numbers as CSV, of all evaluations, none of them rounded but to ten-thousandths.
pub fn csv(outcomes: &[Outcomes], diagram: Diagram, binning: Binning) -> String {
    if diagram == Diagram::Smooth {
        let mut csv = Csv::new(&["evaluation", "confidence", "right", "low", "high"]);
        for one in outcomes {
            for &(x, y, low, high) in &one.smooth {
                let numbers = [x, y, low, high].map(share);
                csv.row(&[&one.label], &numbers);
            }
        }
        return csv.finish();
    }
    let mut csv = Csv::new(&[
        "evaluation",
        "from",
        "to",
        "mean_confidence",
        "n",
        "right",
        "accuracy",
        "low",
        "high",
    ]);
    for one in outcomes {
        for bin in one.bins(binning) {
            let (low, high) = bin.interval();
            let numbers = [
                bin.low,
                bin.high,
                bin.mean_confidence,
                f64::from(bin.n),
                f64::from(bin.right),
                bin.accuracy(),
                low,
                high,
            ];
            csv.row(&[&one.label], &numbers);
        }
    }
    csv.finish()
}

pub(crate) fn percent_plain(share: f64) -> String {
    fixed(share * 100.0, 1) + "%"
}

pub(crate) fn interval_plain(low: f64, high: f64) -> String {
    [percent_plain(low), percent_plain(high)].join(" to ")
}
