//! The risk-coverage curve: how often answers are wrong when only the surest are given.
//!
//! To the left few questions are answered, those the model is surest of; to the right all of them.
//! A model whose confidence says nothing draws a level line; the lower and the more rising a line, the
//! more its confidence is worth (Geifman & El-Yaniv 2017).

use crate::csv::Csv;
use crate::format::{count, fixed, percent};
use crate::outcomes::{ONE, Outcomes, Tally};
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::reliability::{inks, interval_plain, percent_plain, push_row};
use crate::svg::{Role, Sheet, UNITS};
use calibration::reliability::wilson;
use plotters::style::ShapeStyle;
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 340;
const FRAME: Frame = Frame {
    left: 50,
    top: 34,
    right: 460,
    bottom: 300,
};
/// Places on a line that are drawn at most: more cannot be told apart in 410 pixels.
const PLACES_MAX: usize = 400;
/// Coverages that the description tells of.
const TOLD: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];

/// Everything said with at least one confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The least confidence that is answered, 0..=1.
    pub confidence: f64,
    /// Answered among all, above 0..=1.
    pub coverage: f64,
    /// Wrong among answered, 0..=1.
    pub risk: f64,
    /// Answers from that confidence up.
    pub answered: u64,
    /// Of those, wrong ones.
    pub wrong: u64,
}

impl Place {
    /// Wilson's 95% interval of the risk.
    pub fn interval(&self) -> (f64, f64) {
        let [low, high] = wilson(self.wrong, self.answered);
        (low, high)
    }
}

/// What is answered when only confidences from a threshold up are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    /// All answers.
    pub n: u64,
    /// Of those, answered.
    pub answered: u64,
    /// Of those, right.
    pub right: u64,
}

impl Selected {
    /// Answered among all, 0..=1; 0 where there is no answer at all.
    pub fn coverage(self) -> f64 {
        self.answered as f64 / self.n.max(1) as f64
    }

    /// Right among answered with Wilson's 95% interval; `None` where nothing is answered.
    pub fn accuracy(self) -> Option<(f64, f64, f64)> {
        let [low, high] = wilson(self.right, self.answered);
        (self.answered > 0).then(|| (self.right as f64 / self.answered as f64, low, high))
    }

    /// In words: `43% answered, 81% of them right (n = 1,720, 95% interval 79% to 83%)`.
    pub fn words(self) -> String {
        match self.accuracy() {
            None => "nothing is answered".to_owned(),
            Some((accuracy, low, high)) => [
                &percent(self.coverage()),
                " answered, ",
                &percent(accuracy),
                " of them right (n = ",
                &count(self.answered),
                ", 95% interval ",
                &percent(low),
                " to ",
                &percent(high),
                ")",
            ]
            .concat(),
        }
    }
}

/// What is answered from `threshold` (ten-thousandths) up.
pub fn selected(outcomes: &Outcomes, threshold: u32) -> Selected {
    let mut selected = Selected {
        n: outcomes.n(),
        answered: 0,
        right: 0,
    };
    for &Tally(value, right, wrong) in &outcomes.tallies {
        if value >= threshold {
            selected.answered += u64::from(right) + u64::from(wrong);
            selected.right += u64::from(right);
        }
    }
    selected
}

/// The highest threshold that still answers half of all, in hundredths rounded down.
pub fn surer_half(outcomes: &Outcomes) -> u32 {
    let half = outcomes.n().div_ceil(2);
    let mut answered = 0;
    for &Tally(value, right, wrong) in outcomes.tallies.iter().rev() {
        answered += u64::from(right) + u64::from(wrong);
        if answered >= half {
            return value / 100;
        }
    }
    0
}

/// The curve's places, one for each distinct confidence, the surest first; the last has coverage 1.
pub fn places(outcomes: &Outcomes) -> Vec<Place> {
    let all = outcomes.n() as f64;
    let (mut answered, mut wrong) = (0_u64, 0_u64);
    outcomes
        .tallies
        .iter()
        .rev()
        .map(|&Tally(value, right, wrong_here)| {
            answered += u64::from(right) + u64::from(wrong_here);
            wrong += u64::from(wrong_here);
            Place {
                confidence: f64::from(value) / f64::from(ONE),
                coverage: answered as f64 / all,
                risk: wrong as f64 / answered as f64,
                answered,
                wrong,
            }
        })
        .collect()
}

/// The first place that answers at least `coverage` of all.
fn at(places: &[Place], coverage: f64) -> Option<&Place> {
    places
        .iter()
        .find(|place| place.coverage >= coverage - 1e-9)
}

/// Draws one evaluation or two; further ones are left out. `id` is unique on the page.
pub fn svg(outcomes: &[Outcomes], id: &str) -> String {
    svg_at(outcomes, None, id)
}

/// The same with the places marked where a threshold (ten-thousandths) is.
pub fn svg_at(outcomes: &[Outcomes], threshold: Option<u32>, id: &str) -> String {
    let drawn: Vec<(&Outcomes, Vec<Place>)> = outcomes
        .iter()
        .take(2)
        .map(|one| (one, places(one)))
        .collect();
    let most = drawn
        .iter()
        .flat_map(|(_, places)| places)
        .map(|place| place.risk)
        .fold(0.0, f64::max);
    // The scale ends at the next fifth above the highest risk.
    let top = ((most * 5.0).ceil() / 5.0).clamp(0.2, 1.0);
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let plot = Plot::new(&sheet, FRAME, 0.0..1.0, 0.0..top);
    scale(&sheet, &plot, top);
    for ((_, places), ink) in drawn.iter().zip(inks(drawn.len())) {
        band(&plot, places, top, *ink);
    }
    for ((_, places), ink) in drawn.iter().zip(inks(drawn.len())) {
        line(&plot, places, *ink);
    }
    for ((one, _), ink) in drawn.iter().zip(inks(drawn.len())) {
        if let Some(threshold) = threshold {
            mark(&sheet, &plot, selected(one, threshold), *ink);
        }
    }
    let mut taken: Option<i32> = None;
    for ((one, places), ink) in drawn.iter().zip(inks(drawn.len())) {
        let Some(last) = places.last() else { continue };
        let (_, end) = plot.place((1.0, last.risk));
        // Above the line's end, or below it where the other's name stands there already.
        let above = (end - 16 * UNITS).max((FRAME.top + 8) * UNITS);
        let middle = match taken {
            Some(other) if (other - above).abs() < 18 * UNITS => {
                (end + 18 * UNITS).max(other + 18 * UNITS)
            }
            _ => above,
        };
        taken = Some(middle);
        let text = [&one.label, ", n = ", &count(one.n())].concat();
        let lettering = Lettering::new(*ink, 13, HPos::Right, VPos::Center).bold();
        sheet.open("g", &[("class", "direct-label"), ("paint-order", "stroke")]);
        plot.text(&text, ((FRAME.right - 4) * UNITS, middle), lettering);
        sheet.close("g");
    }
    if drawn.iter().all(|(_, places)| places.is_empty()) {
        let middle = (
            (FRAME.left + FRAME.right) / 2 * UNITS,
            (FRAME.top + FRAME.bottom) / 2 * UNITS,
        );
        let lettering = Lettering::new(Ink::Muted, 14, HPos::Center, VPos::Center);
        plot.text("no answers", middle, lettering);
    }
    let mut title = String::from("Risk and coverage");
    for (index, (one, _)) in drawn.iter().enumerate() {
        title.push_str(if index == 0 { " of " } else { " and " });
        title.push_str(&one.label);
    }
    sheet.finish(Role::Picture, id, &title, &description(&drawn))
}

/// The axis, or a line of the grid.
fn line_paint(tick: u32) -> ShapeStyle {
    match tick {
        0 => stroke(Ink::Axis, 1.0, 10),
        _ => stroke(Ink::Grid, 1.0, 10),
    }
}

fn scale(sheet: &Sheet, plot: &Plot, top: f64) {
    let muted = |horizontal, vertical| Lettering::new(Ink::Muted, 12, horizontal, vertical);
    for tick in 0..=5_u32 {
        let share = f64::from(tick) / 5.0;
        plot.line(vec![(share, 0.0), (share, top)], line_paint(tick));
        let (x, _) = plot.place((share, 0.0));
        let sign = if tick == 5 { "%" } else { "" };
        plot.text(
            &((tick * 20).to_string() + sign),
            (x, (FRAME.bottom + 6) * UNITS),
            muted(HPos::Center, VPos::Top),
        );
    }
    // Round numbers, four or five of them.
    let step = match top {
        top if top < 0.3 => 0.05,
        top if top < 0.5 => 0.1,
        _ => 0.2,
    };
    let ticks = (top / step).round() as u32;
    for tick in 0..=ticks {
        let risk = f64::from(tick) * step;
        plot.line(vec![(0.0, risk), (1.0, risk)], line_paint(tick));
        let (_, y) = plot.place((0.0, risk));
        let sign = if tick == ticks { "%" } else { "" };
        plot.text(
            &(fixed(risk * 100.0, 0) + sign),
            ((FRAME.left - 7) * UNITS, y),
            muted(HPos::Right, VPos::Center),
        );
    }
    plot.text(
        "↑ How often it was wrong",
        (40, 60),
        Lettering::new(Ink::Text, 12, HPos::Left, VPos::Top),
    );
    plot.text(
        "Answered, the surest first →",
        (FRAME.right * UNITS, sheet.height() as i32 * UNITS - 40),
        Lettering::new(Ink::Text, 12, HPos::Right, VPos::Bottom),
    );
}

/// The places that are drawn.
fn kept(places: &[Place]) -> impl DoubleEndedIterator<Item = &Place> + Clone {
    let step = places.len().div_ceil(PLACES_MAX).max(1);
    let last = places.len().saturating_sub(1);
    let kept = places.iter().enumerate();
    kept.filter(move |(index, _)| index % step == 0 || *index == last)
        .map(|(_, place)| place)
}

/// Wilson's 95% interval of the risk at each place, as far as the scale goes.
fn band(plot: &Plot, places: &[Place], top: f64, ink: Ink) {
    let ends = kept(places).map(|place| (place.coverage, place.interval()));
    let lower = ends.clone().map(|(at, (low, _))| (at, low.min(top)));
    let upper = ends.rev().map(|(at, (_, high))| (at, high.min(top)));
    let around: Vec<(f64, f64)> = lower.chain(upper).collect();
    // Of a single place there is a whisker.
    match around.as_slice() {
        [] => {}
        [low, high] => plot.line(vec![*low, *high], stroke(ink, 1.0, 14)),
        _ => plot.polygon(around, fill(ink, 0.13)),
    }
}

/// Where a threshold cuts a line: a ring, and a line down to its coverage.
fn mark(sheet: &Sheet, plot: &Plot, selected: Selected, ink: Ink) {
    let Some((accuracy, ..)) = selected.accuracy() else {
        return;
    };
    let place = (selected.coverage(), 1.0 - accuracy);
    sheet.open("g", &[("stroke-dasharray", "3 3")]);
    plot.line(vec![(place.0, 0.0), place], stroke(ink, 1.0, 12));
    sheet.close("g");
    plot.circle(place, 62, fill(Ink::Paper, 1.0));
    plot.circle(place, 62, stroke(ink, 1.0, 24));
}

fn line(plot: &Plot, places: &[Place], ink: Ink) {
    let kept: Vec<(f64, f64)> = kept(places)
        .map(|place| (place.coverage, place.risk))
        .collect();
    // Few levels: each is a place that can be chosen, and shown as one.
    if places.len() <= crate::outcomes::LEVELS_MAX {
        for place in &kept {
            plot.circle(*place, 35, fill(ink, 1.0));
        }
    }
    if kept.len() > 1 {
        plot.line(kept, stroke(ink, 0.9, 22));
    }
}

/// The picture in words, for those who do not see it.
fn description(drawn: &[(&Outcomes, Vec<Place>)]) -> String {
    let mut words = String::new();
    for (one, places) in drawn {
        words.push_str(&[&one.label, ", ", &count(one.n()), " answers: "].concat());
        let told = TOLD.iter().filter_map(|coverage| at(places, *coverage));
        let mut told: Vec<&Place> = told.collect();
        // Few levels leave few coverages to choose.
        told.dedup();
        for (index, place) in told.into_iter().enumerate() {
            if index > 0 {
                words.push_str("; ");
            }
            let parts = [
                &percent(place.coverage),
                " answered, ",
                &percent(place.risk),
                " of them wrong",
            ];
            words.push_str(&parts.concat());
        }
        words.push_str(". ");
    }
    words.trim_end().to_owned()
}

/// Thresholds that the table tells of: every level, or every tenth where there are more.
fn thresholds(outcomes: &Outcomes) -> Vec<u32> {
    if outcomes.has_levels() {
        return outcomes.tallies.iter().map(|tally| tally.0).collect();
    }
    (0..10).map(|tenth| tenth * ONE / 10).collect()
}

/// What is answered from each threshold up, as an HTML table.
pub fn table(outcomes: &[Outcomes]) -> String {
    let mut html = String::from(
        "<table><caption>Answering only what is sure. Intervals are Wilson's, 95%.</caption><thead><tr>",
    );
    for heading in [
        "Evaluation",
        "From confidence",
        "Answered",
        "Coverage",
        "Right",
        "95% interval",
    ] {
        html.push_str("<th scope=\"col\">");
        html.push_str(heading);
        html.push_str("</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for one in outcomes.iter().take(2) {
        for threshold in thresholds(one) {
            let selected = selected(one, threshold);
            let Some((accuracy, low, high)) = selected.accuracy() else {
                continue;
            };
            let cells = [
                fixed(f64::from(threshold) / f64::from(ONE), 2),
                count(selected.answered),
                percent_plain(selected.coverage()),
                percent_plain(accuracy),
                interval_plain(low, high),
            ];
            push_row(&mut html, &one.label, &cells);
        }
    }
    html.push_str("</tbody></table>");
    html
}

/// Every place of the curve as CSV.
pub fn csv(outcomes: &[Outcomes]) -> String {
    let mut csv = Csv::new(&[
        "evaluation",
        "from_confidence",
        "answered",
        "coverage",
        "risk",
        "low",
        "high",
    ]);
    for one in outcomes.iter().take(2) {
        for place in places(one) {
            let (low, high) = place.interval();
            let answered = place.answered as f64;
            let numbers = [
                place.confidence,
                answered,
                place.coverage,
                place.risk,
                low,
                high,
            ];
            csv.row(&[&one.label], &numbers);
        }
    }
    csv.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(label: &str) -> Outcomes {
        let mut points = vec![(0.9, true); 8];
        points.extend([(0.9, false); 2]);
        points.extend([(0.5, true); 5]);
        points.extend([(0.5, false); 5]);
        Outcomes::new(label, &points)
    }

    #[test]
    fn the_surest_come_first() {
        let found = places(&outcomes("a"));
        let wanted = [(0.9, 0.5, 0.2), (0.5, 1.0, 0.35)];
        assert_eq!(found.len(), 2);
        for (place, (confidence, coverage, risk)) in found.iter().zip(wanted) {
            assert!((place.confidence - confidence).abs() < 1e-9, "{place:?}");
            assert!((place.coverage - coverage).abs() < 1e-9, "{place:?}");
            assert!((place.risk - risk).abs() < 1e-9, "{place:?}");
        }
    }

    #[test]
    fn two_lines_are_drawn_and_named() {
        let svg = svg(&[outcomes("base"), outcomes("<taught>")], "r");
        assert_eq!(svg.matches("<circle").count(), 4);
        assert!(svg.contains("base, n = 20") && svg.contains("&lt;taught&gt;, n = 20"));
        assert!(svg.contains("50% answered, 20% of them wrong"));
    }

    #[test]
    fn a_threshold_selects_and_is_marked() {
        let one = outcomes("a");
        assert_eq!(surer_half(&one), 90);
        let half = selected(&one, 9_000);
        assert_eq!((half.n, half.answered, half.right), (20, 10, 8));
        assert_eq!(
            half.words(),
            "50% answered, 80% of them right (n = 10, 95% interval 49% to 94%)"
        );
        assert_eq!(selected(&one, 9_001).words(), "nothing is answered");
        let plain = svg(std::slice::from_ref(&one), "r");
        let marked = svg_at(std::slice::from_ref(&one), Some(9_000), "r");
        assert_eq!(
            marked.matches("<circle").count(),
            plain.matches("<circle").count() + 2
        );
        let rows = table(std::slice::from_ref(&one));
        assert_eq!(rows.matches("<tr>").count(), 3);
        assert!(csv(&[one]).contains("a,0.9,10,0.5,0.2,"));
    }

    #[test]
    fn nothing_can_be_drawn_too() {
        let svg = svg(&[Outcomes::new("none", &[])], "r");
        assert!(svg.contains("no answers") && !svg.contains("NaN"));
    }
}
