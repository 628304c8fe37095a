//! Reliability curves of several evaluations in one diagram.
//!
//! Each is its CORP curve, in a colour and a dash of its own, named beside it by its letter, so that it
//! reads without colour. Of at most two, the 90% consistency band is drawn beneath; of more, bands would
//! hide one another: then each level has a whisker, Wilson's 95% interval, moved a little to the side.

use crate::format::{count, fixed, percent};
use crate::outcomes::{Binning, ONE, Outcomes};
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS, text_width};
use plotters::style::text_anchor::{HPos, VPos};

/// Evaluations in one diagram.
pub const SERIES_MAX: usize = 6;
/// Evaluations whose bands can be told apart.
const BANDS_MAX: usize = 2;

const WIDTH: u32 = 480;
const HEIGHT: u32 = 468;
const FRAME: Frame = Frame {
    left: 50,
    top: 34,
    right: 468,
    bottom: 430,
};
const LABEL_SIZE: i32 = 13;
/// Half the height that a label takes, in backend units.
const LABEL_HALF: i32 = 9 * UNITS;
/// Between the whiskers of one level, as a share of the scale.
const ASIDE: f64 = 0.007;

/// How one of several evaluations is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// `A` to `F`.
    pub letter: &'static str,
    pub ink: Ink,
    /// SVG's `stroke-dasharray`; empty: unbroken.
    pub dash: &'static str,
}

/// By place; the first is what the others are compared with.
pub const SERIES: [Series; SERIES_MAX] = [
    series("A", Ink::Before, "8 4"),
    series("B", Ink::After, ""),
    series("C", Ink::Third, "2 3"),
    series("D", Ink::Fourth, "12 3 2 3"),
    series("E", Ink::Fifth, "5 3"),
    series("F", Ink::Sixth, "14 4 4 4"),
];

const fn series(letter: &'static str, ink: Ink, dash: &'static str) -> Series {
    Series { letter, ink, dash }
}

/// Draws up to [`SERIES_MAX`] evaluations; further ones are left out. `id` is unique on the page.
pub fn svg(outcomes: &[Outcomes], id: &str) -> String {
    let drawn: Vec<(&Outcomes, Series)> = outcomes.iter().zip(SERIES).collect();
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let plot = Plot::new(&sheet, FRAME, 0.0..1.0, 0.0..1.0);
    scale(&sheet, &plot);
    if drawn.len() <= BANDS_MAX {
        for (one, series) in &drawn {
            band(&plot, &one.band, series.ink);
        }
    }
    sheet.open("g", &[("stroke-dasharray", "4 4")]);
    plot.line(vec![(0.0, 0.0), (1.0, 1.0)], stroke(Ink::Muted, 1.0, 12));
    sheet.close("g");
    for (place, (one, series)) in drawn.iter().enumerate() {
        let aside = ASIDE * (place as f64 - (drawn.len() as f64 - 1.0) / 2.0);
        whiskers(&plot, one, series.ink, aside);
        curve(&sheet, &plot, one, *series);
    }
    label(&sheet, &plot, &drawn);
    if drawn.iter().all(|(one, _)| one.n() == 0) {
        let (x, y) = plot.place((0.5, 0.5));
        let lettering = Lettering::new(Ink::Muted, 14, HPos::Center, VPos::Center);
        plot.text("no answers", (x, y - 14 * UNITS), lettering);
    }
    sheet.finish(Role::Picture, id, &title(&drawn), &description(&drawn))
}

/// The line of a series as a small picture, for a legend; hidden from assistive technology.
pub fn sample(series: Series) -> String {
    let sheet = Sheet::new(36, 12);
    let frame = Frame {
        left: 0,
        top: 0,
        right: 36,
        bottom: 12,
    };
    let plot = Plot::new(&sheet, frame, 0.0..1.0, 0.0..1.0);
    dashed(&sheet, series.dash, || {
        plot.line(vec![(0.0, 0.5), (1.0, 0.5)], stroke(series.ink, 1.0, 28));
    });
    sheet.finish_hidden("sample")
}

fn dashed(sheet: &Sheet, dash: &str, draw: impl FnOnce()) {
    if dash.is_empty() {
        return draw();
    }
    sheet.open("g", &[("stroke-dasharray", dash)]);
    draw();
    sheet.close("g");
}

fn title(drawn: &[(&Outcomes, Series)]) -> String {
    let names: Vec<String> = drawn
        .iter()
        .map(|(one, series)| [series.letter, " ", &one.label].concat())
        .collect();
    ["Reliability of ", &names.join(", ")].concat()
}

/// The picture in words, for those who do not see it.
fn description(drawn: &[(&Outcomes, Series)]) -> String {
    let mut words = String::new();
    for (one, series) in drawn {
        let head = [
            series.letter,
            " ",
            &one.label,
            ", ",
            &count(one.n()),
            " answers: ",
        ];
        words.push_str(&head.concat());
        for (index, bin) in one.bins(Binning::Stated).iter().enumerate() {
            if index > 0 {
                words.push_str("; ");
            }
            let said = fixed(bin.mean_confidence, 2);
            words.push_str(&["says ", &said, ", right ", &percent(bin.accuracy())].concat());
        }
        words.push_str(". ");
    }
    words.trim_end().to_owned()
}

fn scale(sheet: &Sheet, plot: &Plot) {
    let muted = |horizontal, vertical| Lettering::new(Ink::Muted, 12, horizontal, vertical);
    for tick in 0..=5_u32 {
        let at = f64::from(tick) / 5.0;
        let ink = if tick == 0 { Ink::Axis } else { Ink::Grid };
        plot.line(vec![(at, 0.0), (at, 1.0)], stroke(ink, 1.0, 10));
        plot.line(vec![(0.0, at), (1.0, at)], stroke(ink, 1.0, 10));
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
    let words = |horizontal, vertical| Lettering::new(Ink::Text, 12, horizontal, vertical);
    plot.text(
        "↑ How often it was right",
        (40, 60),
        words(HPos::Left, VPos::Top),
    );
    plot.text(
        "How sure it said it was →",
        (FRAME.right * UNITS, sheet.height() as i32 * UNITS - 40),
        words(HPos::Right, VPos::Bottom),
    );
}

fn share(ten_thousandths: u32) -> f64 {
    f64::from(ten_thousandths) / f64::from(ONE)
}

fn band(plot: &Plot, band: &[(u32, u32, u32)], ink: Ink) {
    if band.len() < 2 {
        return;
    }
    let upper = band.iter().map(|&(x, _, high)| (share(x), share(high)));
    let lower = band.iter().rev().map(|&(x, low, _)| (share(x), share(low)));
    plot.polygon(upper.chain(lower).collect(), fill(ink, 0.13));
}

/// A thin line for each level or bin, with a small dot where its answers were right.
fn whiskers(plot: &Plot, one: &Outcomes, ink: Ink, aside: f64) {
    for bin in one.bins(Binning::Stated) {
        let x = (bin.mean_confidence + aside).clamp(0.0, 1.0);
        let (low, high) = bin.interval();
        plot.line(vec![(x, low), (x, high)], stroke(ink, 0.55, 10));
        plot.circle((x, bin.accuracy()), 26, fill(ink, 0.85));
    }
}

fn curve(sheet: &Sheet, plot: &Plot, one: &Outcomes, series: Series) {
    if one.curve.len() > 1 {
        let points = one.curve.iter().map(|&(x, y)| (share(x), share(y)));
        dashed(sheet, series.dash, || {
            plot.line(points.collect(), stroke(series.ink, 1.0, 22));
        });
    }
}

/// A label's place in backend units.
#[derive(Clone, Copy)]
struct Place {
    left: i32,
    middle: i32,
    width: i32,
}

impl Place {
    fn meets(&self, other: &Place) -> bool {
        (self.middle - other.middle).abs() < 2 * LABEL_HALF
            && self.left < other.left + other.width
            && other.left < self.left + self.width
    }

    fn covers(&self, (x, y): (i32, i32)) -> bool {
        (self.left..self.left + self.width).contains(&x) && (y - self.middle).abs() < LABEL_HALF
    }
}

/// Each curve's letter and name near one of its places, where it covers the least.
fn label(sheet: &Sheet, plot: &Plot, drawn: &[(&Outcomes, Series)]) {
    let places: Vec<Vec<(i32, i32)>> = drawn
        .iter()
        .map(|(one, _)| along(plot, &one.curve))
        .collect();
    let all: Vec<(i32, i32)> = places.iter().flatten().copied().collect();
    let mut taken: Vec<Place> = Vec::new();
    sheet.open("g", &[("class", "direct-label"), ("paint-order", "stroke")]);
    for ((one, series), own) in drawn.iter().zip(&places) {
        let text = [series.letter, " ", &shortened(&one.label)].concat();
        // Bold letters are wider than the table's.
        let width = text_width(&text, LABEL_SIZE * UNITS) * 108 / 100;
        if let Some(place) = best(own, width, &all, &taken) {
            taken.push(place);
            // Not in its ink, which may be too faint for words: letter and dash tell whose it is.
            let lettering = Lettering::new(Ink::Text, LABEL_SIZE, HPos::Left, VPos::Center).bold();
            plot.text(&text, (place.left, place.middle), lettering);
        }
    }
    sheet.close("g");
}

/// Places on a curve, 12 CSS pixels apart at most.
fn along(plot: &Plot, curve: &[(u32, u32)]) -> Vec<(i32, i32)> {
    let corners: Vec<(i32, i32)> = curve
        .iter()
        .map(|&(x, y)| plot.place((share(x), share(y))))
        .collect();
    let mut places = Vec::new();
    for pair in corners.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()) / (12 * UNITS) + 1;
        places.extend((0..steps).map(|step| {
            (
                from.0 + (to.0 - from.0) * step / steps,
                from.1 + (to.1 - from.1) * step / steps,
            )
        }));
    }
    places.extend(corners.last());
    places
}

fn best(own: &[(i32, i32)], width: i32, all: &[(i32, i32)], taken: &[Place]) -> Option<Place> {
    let (left_most, right_most) = ((FRAME.left + 4) * UNITS, (FRAME.right - 4) * UNITS - width);
    let (top, bottom) = ((FRAME.top + 10) * UNITS, (FRAME.bottom - 10) * UNITS);
    let mut best: Option<(i64, Place)> = None;
    for &(x, y) in own {
        for (aside, down) in [
            (8 * UNITS, 14 * UNITS),
            (-width - 8 * UNITS, -14 * UNITS),
            (-width / 2, 18 * UNITS),
            (-width / 2, -18 * UNITS),
        ] {
            let place = Place {
                left: (x + aside).clamp(left_most, right_most.max(left_most)),
                middle: (y + down).clamp(top, bottom),
                width,
            };
            let covered = all.iter().filter(|mark| place.covers(**mark)).count() as i64;
            let met = taken.iter().filter(|other| place.meets(other)).count() as i64;
            // A label stands better toward the surer end, where the answers mostly are.
            let from_end = i64::from((FRAME.right * UNITS - x) / UNITS / 8);
            let cost = 10_000 * met + 60 * covered + from_end;
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, place));
            }
        }
    }
    best.map(|(_, place)| place)
}

/// A label of at most 20 characters.
fn shortened(label: &str) -> String {
    if label.chars().count() <= 20 {
        return label.to_owned();
    }
    label.chars().take(19).collect::<String>() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::measured;

    fn outcomes(label: &str, shift: f64) -> Outcomes {
        let points: Vec<(f64, bool)> = (0..400)
            .map(|index| {
                let level = f64::from(index % 10 + 1) / 10.0;
                (level, f64::from(index / 10 % 10) / 10.0 < level - shift)
            })
            .collect();
        measured(label, &points).outcomes.clone()
    }

    #[test]
    fn six_curves_have_six_names_and_dashes() {
        let all: Vec<Outcomes> = (0..7)
            .map(|place| outcomes(&format!("<{place}>"), f64::from(place) / 20.0))
            .collect();
        let drawn = svg(&all, "o");
        for (place, series) in SERIES.iter().enumerate() {
            assert!(drawn.contains(&format!("{} &lt;{place}&gt;", series.letter)));
            assert!(
                drawn.contains(&format!("stroke-dasharray=\"{}\"", series.dash))
                    || series.dash.is_empty()
            );
        }
        for text in drawn.split("<text").skip(1) {
            let tag = text.split('>').next().unwrap_or_default();
            assert!(tag.contains("--text") || tag.contains("--muted"), "{tag}");
        }
        assert!(!drawn.contains("&lt;6&gt;") && !drawn.contains("NaN"));
        assert_eq!(drawn, svg(&all, "o"));
    }

    #[test]
    fn bands_are_drawn_of_two_at_most() {
        let all: Vec<Outcomes> = (0..3)
            .map(|place| outcomes(&place.to_string(), 0.1))
            .collect();
        let is_filled = |svg: &str| svg.contains("Z\" fill=");
        assert!(is_filled(&svg(&all[..2], "o")));
        assert!(!is_filled(&svg(&all, "o")));
        assert!(svg(&[Outcomes::new("none", &[])], "o").contains("no answers"));
    }
}
