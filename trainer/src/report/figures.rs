//! Reliability diagrams, histograms and risk-coverage curves, by the pages' charts.

use super::html::Html;
use super::numbers::left_without;
use super::{Evaluation, open_section};
use chart::format::{count, fixed};
use chart::measured::{Measured, measured};
use chart::outcomes::{Binning, Outcomes};
use chart::palette::Ink;
use chart::{histogram, reliability, risk_coverage};
use std::sync::Arc;

/// Draws every evaluation with answers; returns the number of drawings.
pub fn section(html: &mut Html, evaluations: &[Evaluation]) -> usize {
    open_section(html, "diagrams", "Does it know when it is right?");
    html.element(
        "p",
        "Reliability: on the dashed line, a model that can be taken at its word. The line is the CORP curve; the shaded band holds 90% of the curves that such a model would show by chance. Dots are answers that said the same, their area the number of answers, their whisker the 95% interval. Histogram: solid bars were right, hollow ones wrong. Risk and coverage: how often it is wrong when only the surest answers are given.",
    );
    let mut drawings = 0;
    let mut without = Vec::new();
    for (place, one) in evaluations.iter().enumerate() {
        let Some(answers) = one.answers.as_ref().filter(|answers| !answers.is_empty()) else {
            without.push(one.name.as_str());
            continue;
        };
        let mut points: Vec<(f64, bool)> = answers
            .iter()
            .map(|answer| (answer.probability, answer.correct))
            .collect();
        // A stable order for equal probabilities: the same points draw the same bytes.
        points.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        let drawn = measured(&one.name, &points);
        html.element("h3", &one.name);
        html.open("div class=\"figures\"");
        drawings += evaluation(html, &drawn, place);
        html.close("div");
    }
    left_without(html, &without);
    html.close("section");
    drawings
}

fn evaluation(html: &mut Html, drawn: &Arc<Measured>, place: usize) -> usize {
    let outcomes: &[Outcomes] = std::slice::from_ref(&drawn.outcomes);
    figure(
        html,
        &reliability::svg(outcomes, Binning::Stated, &format!("reliability-{place}")),
        &chance(drawn),
    );
    let most = histogram::longest(outcomes);
    figure(
        html,
        &histogram::picture(
            &drawn.outcomes,
            Ink::After,
            most,
            &format!("histogram-{place}"),
        ),
        "How often each confidence was said.",
    );
    figure(
        html,
        &risk_coverage::svg(outcomes, &format!("risk-{place}")),
        "Wrong among answered, from the surest answer alone to all of them.",
    );
    html.open("details class=\"numbers\"");
    html.element("summary", "The diagram as a table");
    html.open("div class=\"scroll\" tabindex=\"0\"");
    html.markup(&reliability::table(outcomes, Binning::Stated));
    html.close("div");
    html.close("details");
    3
}

fn figure(html: &mut Html, svg: &str, caption: &str) {
    html.open("figure");
    html.drawing(svg);
    html.element("figcaption", caption);
    html.close("figure");
}

/// What chance alone would show at this n.
fn chance(drawn: &Measured) -> String {
    let n = count(drawn.outcomes.n());
    let (Some((null, null_high)), Some(p)) = (drawn.null_ece, drawn.p_value) else {
        return format!("n = {n}.");
    };
    let p = match p < 0.001 {
        true => "p < 0.001".to_owned(),
        false => format!("p = {}", fixed(p, 3)),
    };
    format!(
        "n = {n}. A calibrated model would show an ECE of about {} by chance, 95% of the time under {}. That it is calibrated: {p}.",
        fixed(null, 3),
        fixed(null_high, 3)
    )
}
