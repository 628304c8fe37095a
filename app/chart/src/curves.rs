//! Learning curves: what training said of itself, step by step, as small multiples.
//!
//! A run may have said a million values; a curve keeps at most [`BUCKETS_MAX`] of them, each the mean
//! of neighbouring steps with their least and greatest value ([`Curve::hear`]), so that memory and
//! drawing stay small whatever is read.

use crate::csv::Csv;
use crate::format::{count, fixed};
use crate::palette::Ink;
use crate::plot::{Frame, Lettering, Plot, fill, stroke};
use crate::svg::{Role, Sheet, UNITS, text_width};
use plotters::style::text_anchor::{HPos, VPos};
use std::collections::BTreeMap;

/// Buckets of a curve; with more, neighbours are put together.
pub const BUCKETS_MAX: usize = 120;
/// Curves that are kept of one run.
pub const CURVES_MAX: usize = 128;

/// What is drawn, by stage, in this order: the value's name and what a reader should know.
const DRAWN: [(&str, &str, &str); 12] = [
    ("sft", "loss", "loss, lower is better"),
    ("sft", "confidence_loss", "loss of the confidence alone"),
    (
        "sft",
        "tokenized_brier",
        "Brier score of the level's probabilities",
    ),
    ("sft", "held_out_loss", "loss on held-out records"),
    ("rl", "reward", "mean reward, higher is better"),
    ("rl", "mean_confidence", "mean confidence"),
    ("rl", "accuracy", "accuracy of the rollouts"),
    ("rl", "confidence_spread", "spread of the confidence"),
    ("rl", "parse_failures", "rollouts without a confidence"),
    ("rl", "kl", "distance from the reference, nats"),
    ("rl", "value_loss", "loss of the value head"),
    ("rl", "loss", "loss of the policy"),
];

/// Neighbouring steps of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The first step that it may hold.
    pub step: u64,
    pub count: u64,
    sum: f64,
    pub low: f64,
    pub high: f64,
}

impl Bucket {
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

/// One value of one stage over its steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// As the events name it, e.g. `sft/seed-1`.
    pub stage: String,
    /// E.g. `loss`.
    pub name: String,
    /// Steps that a bucket spans: a power of two.
    stride: u64,
    /// By step / stride.
    buckets: BTreeMap<u64, Bucket>,
}

impl Curve {
    pub fn new(stage: &str, name: &str) -> Self {
        Curve {
            stage: stage.to_owned(),
            name: name.to_owned(),
            stride: 1,
            buckets: BTreeMap::new(),
        }
    }

    /// A curve that was thinned before: (first step, values, mean, least, greatest) of each bucket.
    pub fn of(
        stage: &str,
        name: &str,
        stride: u64,
        buckets: impl IntoIterator<Item = (u64, u64, f64, f64, f64)>,
    ) -> Self {
        let mut curve = Curve {
            stride: stride.max(1),
            ..Curve::new(stage, name)
        };
        for (step, count, mean, low, high) in buckets {
            let one = Bucket {
                step,
                count,
                sum: mean * count as f64,
                low,
                high,
            };
            put(&mut curve.buckets, curve.stride, step, one);
        }
        curve
    }

    /// Takes a value in; one that is not finite is left out. A step that is said again, by a stage
    /// that was resumed, is averaged in.
    pub fn hear(&mut self, step: u64, value: f64) {
        if !value.is_finite() {
            return;
        }
        let one = Bucket {
            step: 0,
            count: 1,
            sum: value,
            low: value,
            high: value,
        };
        put(&mut self.buckets, self.stride, step, one);
        while self.buckets.len() > BUCKETS_MAX && self.stride < u64::MAX / 4 {
            self.stride *= 2;
            let finer = std::mem::take(&mut self.buckets);
            for bucket in finer.into_values() {
                put(&mut self.buckets, self.stride, bucket.step, bucket);
            }
        }
    }

    /// By step.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = &Bucket> + Clone {
        self.buckets.values()
    }

    /// Steps that a bucket spans.
    pub fn stride(&self) -> u64 {
        self.stride
    }

    /// The stage without its seed, and the seed in words: `sft/seed-2` is `sft` and `seed 2`.
    fn stage_and_seed(&self) -> (&str, String) {
        match self.stage.rsplit_once("/seed-") {
            Some((stage, seed)) => (stage, ["seed ", seed].concat()),
            None => (&self.stage, String::new()),
        }
    }
}

/// Adds to the bucket that a step falls into.
fn put(buckets: &mut BTreeMap<u64, Bucket>, stride: u64, step: u64, one: Bucket) {
    let at = step / stride;
    buckets
        .entry(at)
        .and_modify(|bucket| {
            bucket.count += one.count;
            bucket.sum += one.sum;
            bucket.low = bucket.low.min(one.low);
            bucket.high = bucket.high.max(one.high);
        })
        .or_insert(Bucket {
            step: at * stride,
            ..one
        });
}

/// All curves of a run under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves(Vec<Curve>);

impl Curves {
    /// Takes the values of one step in; curves beyond [`CURVES_MAX`] are left out, and values that are
    /// never drawn.
    pub fn hear<'a>(
        &mut self,
        stage: &str,
        step: u64,
        values: impl IntoIterator<Item = (&'a str, f64)>,
    ) {
        let kind = stage.split('/').next().unwrap_or(stage);
        for (name, value) in values {
            if !DRAWN
                .iter()
                .any(|(of, drawn, _)| *of == kind && *drawn == name)
            {
                continue;
            }
            let known = self
                .0
                .iter()
                .position(|curve| curve.stage == stage && curve.name == name);
            let at = match known {
                Some(at) => at,
                None if self.0.len() == CURVES_MAX => continue,
                None => {
                    self.0.push(Curve::new(stage, name));
                    self.0.len() - 1
                }
            };
            self.0[at].hear(step, value);
        }
    }

    pub fn all(&self) -> &[Curve] {
        &self.0
    }
}

/// One value of one kind of stage: a curve for each seed.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// `sft` or `rl`.
    pub stage: &'a str,
    /// E.g. `loss`.
    pub name: &'a str,
    /// What a reader should know of the value.
    pub words: &'static str,
    /// (seed in words, curve), in the order of the events.
    pub curves: Vec<(String, &'a Curve)>,
}

/// The panels that are drawn of these curves, in a fixed order.
pub fn panels(curves: &[Curve]) -> Vec<Panel<'_>> {
    let mut panels = Vec::new();
    for (stage, name, words) in DRAWN {
        let of_panel: Vec<(String, &Curve)> = curves
            .iter()
            .filter(|curve| curve.name == name && curve.buckets().next().is_some())
            .filter_map(|curve| {
                let (of, seed) = curve.stage_and_seed();
                (of == stage).then_some((seed, curve))
            })
            .collect();
        if !of_panel.is_empty() {
            panels.push(Panel {
                stage,
                name,
                words,
                curves: of_panel,
            });
        }
    }
    panels
}

const WIDTH: i32 = 360;
const HEIGHT: i32 = 230;
/// Columns of a sheet of several panels.
const COLUMNS: usize = 2;

/// How the curves of a panel are told apart: by ink, and by dashes for those who see no colour.
const STYLES: [(Ink, &str); 4] = [
    (Ink::After, ""),
    (Ink::Before, "6 3"),
    (Ink::Text, "2 3"),
    (Ink::Muted, "8 3 2 3"),
];

/// Draws panels on one sheet, two beside each other; one alone fills its sheet. `id` is unique on the
/// page.
pub fn svg(panels: &[Panel<'_>], id: &str) -> String {
    let columns = panels.len().clamp(1, COLUMNS);
    let rows = panels.len().div_ceil(columns).max(1);
    let sheet = Sheet::new(
        (columns as i32 * WIDTH) as u32,
        (rows as i32 * HEIGHT) as u32,
    );
    for (place, panel) in panels.iter().enumerate() {
        let (column, row) = ((place % columns) as i32, (place / columns) as i32);
        draw(&sheet, panel, column * WIDTH, row * HEIGHT);
    }
    if panels.is_empty() {
        let middle = (WIDTH / 2 * UNITS, HEIGHT / 2 * UNITS);
        let lettering = Lettering::new(Ink::Muted, 14, HPos::Center, VPos::Center);
        let plot = Plot::new(&sheet, frame(0, 0), 0.0..1.0, 0.0..1.0);
        plot.text("no values", middle, lettering);
    }
    let title = match panels {
        [only] => [only.stage, ": ", only.words].concat(),
        _ => "Learning curves".to_owned(),
    };
    sheet.finish(Role::Picture, id, &title, &description(panels))
}

fn frame(left: i32, top: i32) -> Frame {
    Frame {
        left: left + 52,
        top: top + 36,
        right: left + WIDTH - 12,
        bottom: top + HEIGHT - 34,
    }
}

fn draw(sheet: &Sheet, panel: &Panel<'_>, left: i32, top: i32) {
    let frame = frame(left, top);
    let buckets = || panel.curves.iter().flat_map(|(_, curve)| curve.buckets());
    let last = buckets().map(|bucket| bucket.step).max().unwrap_or(0);
    let (low, high) = buckets().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), bucket| {
        (low.min(bucket.low), high.max(bucket.high))
    });
    let ticks = ticks(low, high);
    let (bottom, ceiling) = (
        ticks.first().copied().unwrap_or(0.0),
        ticks.last().copied().unwrap_or(1.0),
    );
    let end = last.max(1) as f64;
    let plot = Plot::new(sheet, frame, 0.0..end, bottom..ceiling);
    let small = |horizontal, vertical| Lettering::new(Ink::Muted, 11, horizontal, vertical);
    let decimals = decimals(ceiling - bottom);
    for tick in &ticks {
        let ink = if *tick == bottom {
            Ink::Axis
        } else {
            Ink::Grid
        };
        plot.line(vec![(0.0, *tick), (end, *tick)], stroke(ink, 1.0, 10));
        let (_, y) = plot.place((0.0, *tick));
        plot.text(
            &fixed(*tick, decimals),
            ((frame.left - 7) * UNITS, y),
            small(HPos::Right, VPos::Center),
        );
    }
    let under = (frame.bottom + 6) * UNITS;
    plot.text(
        "0",
        (frame.left * UNITS, under),
        small(HPos::Left, VPos::Top),
    );
    let step = ["step ", &count(last)].concat();
    plot.text(
        &step,
        (frame.right * UNITS, under),
        small(HPos::Right, VPos::Top),
    );
    plot.text(
        &[panel.stage, ": ", panel.words].concat(),
        ((left + 4) * UNITS, (top + 12) * UNITS),
        Lettering::new(Ink::Text, 12, HPos::Left, VPos::Center).bold(),
    );
    for (place, (_, curve)) in panel.curves.iter().enumerate() {
        let (ink, _) = STYLES[place % STYLES.len()];
        range(&plot, curve, ink);
    }
    for (place, (_, curve)) in panel.curves.iter().enumerate() {
        let (ink, dashes) = STYLES[place % STYLES.len()];
        line(sheet, &plot, curve, ink, dashes);
    }
    names(&plot, panel, frame);
}

/// Between the least and the greatest value of each bucket.
fn range(plot: &Plot, curve: &Curve, ink: Ink) {
    if curve.stride() == 1 {
        return;
    }
    let ends = curve.buckets();
    let lower = ends.clone().map(|bucket| (bucket.step as f64, bucket.low));
    let upper = ends.rev().map(|bucket| (bucket.step as f64, bucket.high));
    let around: Vec<(f64, f64)> = lower.chain(upper).collect();
    if around.len() > 3 {
        plot.polygon(around, fill(ink, 0.13));
    }
}

fn line(sheet: &Sheet, plot: &Plot, curve: &Curve, ink: Ink, dashes: &str) {
    let means: Vec<(f64, f64)> = curve
        .buckets()
        .map(|bucket| (bucket.step as f64, bucket.mean()))
        .collect();
    if let [only] = means.as_slice() {
        plot.circle(*only, 30, fill(ink, 1.0));
        return;
    }
    match dashes {
        "" => plot.line(means, stroke(ink, 0.95, 18)),
        dashes => {
            sheet.open("g", &[("stroke-dasharray", dashes)]);
            plot.line(means, stroke(ink, 0.95, 18));
            sheet.close("g");
        }
    }
}

/// The seeds' names in a row beneath, each in its ink; none where there is one curve.
fn names(plot: &Plot, panel: &Panel<'_>, frame: Frame) {
    if panel.curves.len() < 2 {
        return;
    }
    let gap = 10 * UNITS;
    let widths = panel
        .curves
        .iter()
        .map(|(seed, _)| text_width(seed, 11 * UNITS));
    let all: i32 = widths.map(|width| width + gap).sum::<i32>() - gap;
    let mut x = (frame.left + frame.right) * UNITS / 2 - all / 2;
    for (place, (seed, _)) in panel.curves.iter().enumerate() {
        let (ink, _) = STYLES[place % STYLES.len()];
        let lettering = Lettering::new(ink, 11, HPos::Left, VPos::Top).bold();
        plot.text(seed, (x, (frame.bottom + 6) * UNITS), lettering);
        x += text_width(seed, 11 * UNITS) + gap;
    }
}

/// Round numbers around a range, three to seven of them.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    if !(low.is_finite() && high.is_finite()) {
        return vec![0.0, 1.0];
    }
    // A level line has its value in the middle.
    let (low, high) = if high - low > low.abs().max(high.abs()).max(1e-9) * 1e-6 {
        (low, high)
    } else {
        let margin = low.abs().max(1e-3) * 0.5;
        (low - margin, high + margin)
    };
    let step = step_of(high - low);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last).map(|tick| tick as f64 * step).collect()
}

/// 1, 2 or 5 times a power of ten: a third to a sixth of the span.
fn step_of(span: f64) -> f64 {
    let power = 10_f64.powi((span / 4.0).log10().floor() as i32);
    let rest = span / 4.0 / power;
    power
        * match rest {
            rest if rest < 1.5 => 1.0,
            rest if rest < 3.5 => 2.0,
            rest if rest < 7.5 => 5.0,
            _ => 10.0,
        }
}

/// Decimals that tell the ticks of a span apart.
fn decimals(span: f64) -> u32 {
    let step = step_of(span.max(1e-9) * 0.8);
    (-step.log10().floor()).clamp(0.0, 6.0) as u32
}

/// The picture in words.
fn description(panels: &[Panel<'_>]) -> String {
    let mut words = String::new();
    for panel in panels {
        for (seed, curve) in &panel.curves {
            let (Some(first), Some(last)) = (curve.buckets().next(), curve.buckets().next_back())
            else {
                continue;
            };
            let seed = match seed.as_str() {
                "" => String::new(),
                seed => [", ", seed].concat(),
            };
            let parts = [
                panel.stage,
                ", ",
                panel.words,
                &seed,
                ": from ",
                &fixed(first.mean(), 3),
                " to ",
                &fixed(last.mean(), 3),
                " in ",
                &count(last.step),
                " steps. ",
            ];
            words.push_str(&parts.concat());
        }
    }
    words.trim_end().to_owned()
}

/// All buckets as CSV.
pub fn csv(curves: &[Curve]) -> String {
    let mut csv = Csv::new(&["stage", "value", "step", "steps", "mean", "low", "high"]);
    for curve in curves {
        for bucket in curve.buckets() {
            let numbers = [
                bucket.step as f64,
                curve.stride() as f64,
                bucket.mean(),
                bucket.low,
                bucket.high,
            ];
            csv.row(&[&curve.stage, &curve.name], &numbers);
        }
    }
    csv.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves(steps: u64) -> Curves {
        let mut curves = Curves::default();
        for step in 0..steps {
            for seed in 1..=3_u64 {
                let loss = 2.0 / (1.0 + step as f64 / 100.0) + 0.1 * seed as f64;
                let stage = format!("sft/seed-{seed}");
                curves.hear(&stage, step, [("loss", loss), ("learning_rate", 1e-4)]);
            }
        }
        curves
    }

    #[test]
    fn a_long_curve_keeps_few_buckets_and_its_mean() {
        let curves = curves(100_000);
        assert_eq!(curves.all().len(), 3);
        let curve = &curves.all()[0];
        let kept: Vec<&Bucket> = curve.buckets().collect();
        assert!(kept.len() <= BUCKETS_MAX && kept.len() > BUCKETS_MAX / 2);
        assert_eq!(kept.iter().map(|bucket| bucket.count).sum::<u64>(), 100_000);
        assert!(
            kept.iter()
                .all(|bucket| bucket.low <= bucket.mean() && bucket.mean() <= bucket.high)
        );
        let whole: f64 = (0..100_000)
            .map(|step| 2.0 / (1.0 + f64::from(step) / 100.0) + 0.1)
            .sum();
        let sum: f64 = kept
            .iter()
            .map(|bucket| bucket.mean() * bucket.count as f64)
            .sum();
        assert!((sum - whole).abs() < 1e-6 * whole);
    }

    #[test]
    fn the_order_of_the_steps_does_not_matter() {
        let mut forwards = Curve::new("rl", "reward");
        let mut backwards = Curve::new("rl", "reward");
        for step in 0..1_000_u64 {
            forwards.hear(step, 0.5);
            backwards.hear(999 - step, 0.5);
        }
        assert_eq!(forwards, backwards);
    }

    #[test]
    fn seeds_share_a_panel_and_are_told_apart() {
        let curves = curves(300);
        let panels = panels(curves.all());
        assert_eq!(panels.len(), 1);
        let svg = svg(&panels, "c");
        assert_eq!(svg.matches("stroke-dasharray").count(), 2);
        for seed in ["seed 1", "seed 2", "seed 3"] {
            assert!(svg.contains(&format!(">{seed}</text>")), "{seed}");
        }
        assert!(svg.contains("seed 3: from 2.2"));
        assert!(
            csv(curves.all())
                .starts_with("stage,value,step,steps,mean,low,high\nsft/seed-1,loss,0,4,")
        );
    }

    #[test]
    fn odd_values_are_drawn() {
        for values in [
            &[0.0][..],
            &[1.0, 1.0],
            &[-3e9, 4e9],
            &[f64::NAN],
            &[1e-12, 2e-12],
        ] {
            let mut curves = Curves::default();
            for (step, value) in (0_u64..).zip(values) {
                curves.hear("rl", step * (u64::MAX / 4), [("reward", *value)]);
            }
            let svg = svg(&panels(curves.all()), "c");
            assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"));
        }
    }

    #[test]
    fn ticks_are_round_and_hold_the_range() {
        for (low, high) in [(0.0, 1.0), (0.37, 4.07), (-0.5, -0.34), (0.2, 0.2)] {
            let ticks = ticks(low, high);
            assert!((3..=9).contains(&ticks.len()), "{ticks:?}");
            assert!(ticks[0] <= low && ticks[ticks.len() - 1] >= high);
        }
    }
}
