//! The reliability diagram, the histograms, and the choice of what they draw.

use super::bar_link;
use crate::chart::measured::Measured;
use crate::chart::{Outcomes, histogram, reliability};
use crate::choice::Choice;
use crate::drawn::saved_recalibration;
use crate::format;
use crate::island::diagram::Diagram;
use crate::island::downloads::downloads;
use crate::link;
use crate::medium::medium;
use crate::pages::numbers::numbers;
use crate::view::RunDetail;
use calibration::recalibrate::Recalibration;
use leptos::prelude::*;
use std::sync::Arc;

/// `outcomes` are those of `shown`, `address` is the page's own, and `choice` what it says.
pub fn section(
    detail: &RunDetail,
    shown: &[Arc<Measured>],
    outcomes: &[Outcomes],
    address: &str,
    choice: Choice,
) -> AnyView {
    if shown.is_empty() {
        return view! {
            <section>
                <h2>"Does it know when it is right?"</h2>
                <p class="empty">"Nothing has been evaluated yet. The diagram appears with the first evaluation."</p>
            </section>
        }
        .into_any();
    }
    let charts = link::charts(&detail.summary.id);
    view! {
        <section aria-labelledby="figures">
            <div class="heading">
                <h2 id="figures">"Does it know when it is right?"</h2>
                {picker(detail, choice)}
            </div>
            <div class="figures">
                <figure>
                    <Diagram outcomes=outcomes.to_vec() address=address.to_owned() charts=charts />
                    <figcaption>
                        {recalibrations(detail)}
                        {chance(shown)}
                    </figcaption>
                </figure>
                <figure>
                    {histograms(&detail.summary.id, outcomes)}
                    <figcaption>
                        "How often each confidence was said: solid bars were right, hollow ones wrong. Each bar leads to its questions."
                    </figcaption>
                </figure>
            </div>
        </section>
    }
    .into_any()
}

/// What the dotted line is, where a recalibration was saved.
fn recalibrations(detail: &RunDetail) -> AnyView {
    let shown = detail.shown.iter().take(2);
    let lines = shown
        .filter_map(|index| detail.evaluations.get(*index))
        .filter_map(|evaluation| {
            let map = saved_recalibration(evaluation)?;
            let told = |measure: &str| {
                let recalibrated = evaluation.metrics.get("recalibrated")?;
                Some(format::fixed(recalibrated.get(measure)?.as_f64()?, 3))
            };
            let mut line = format!(
                "Dotted: {} after {}, fitted on dev questions and saved beside its answers",
                evaluation.label,
                in_words(&map),
            );
            if let (Some(ece), Some(brier)) = (told("ece_10"), told("brier")) {
                line.push_str(&format!(": ECE {ece}, Brier {brier}"));
            }
            line.push('.');
            Some(view! { <span class="minor">{line}</span> })
        })
        .collect_view();
    lines.into_any()
}

fn in_words(map: &Recalibration) -> String {
    match map {
        Recalibration::Temperature { temperature } => {
            format!(
                "temperature scaling (T = {})",
                format::fixed(*temperature, 2)
            )
        }
        Recalibration::Platt { slope, intercept } => format!(
            "Platt scaling (slope {}, intercept {})",
            format::fixed(*slope, 2),
            format::fixed(*intercept, 2)
        ),
        Recalibration::Isotonic { .. } => "isotonic recalibration".to_owned(),
    }
}

/// What chance alone would show at this n.
fn chance(shown: &[Arc<Measured>]) -> Option<AnyView> {
    let words: Vec<String> = shown
        .iter()
        .filter_map(|one| {
            let (null, null_high) = one.null_ece?;
            let p = one.p_value?;
            let p = if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {}", format::fixed(p, 3)) };
            Some(format!(
                "{} (n = {}): a calibrated model would show an ECE of about {} by chance, 95% of the time under {}. That it is calibrated: {p}.",
                one.outcomes.label,
                format::count(one.outcomes.n()),
                format::fixed(null, 3),
                format::fixed(null_high, 3),
            ))
        })
        .collect();
    let lines = words
        .into_iter()
        .map(|line| view! { <span class="minor">{line}</span> })
        .collect_view();
    Some(lines.into_any())
}

fn histograms(run: &str, outcomes: &[Outcomes]) -> AnyView {
    let most = histogram::longest(outcomes);
    let drawn = outcomes
        .iter()
        .zip(reliability::inks(outcomes.len()))
        .enumerate()
        .map(|(index, (one, ink))| {
            let svg = histogram::svg(one, *ink, most, bar_link(run, &one.label), &format!("histogram-{index}"));
            let class = if outcomes.len() > 1 && index == 0 { "name before" } else { "name after" };
            let files = downloads("histogram", &link::charts(run), &link::run(run, &[&one.label]));
            view! {
                <p class=class>{one.label.clone()} <span class="minor">{format!("n = {}", format::count(one.n()))}</span></p>
                <div class="drawing" inner_html=svg></div>
                {files}
            }
        })
        .collect_view();
    let rows = outcomes
        .iter()
        .flat_map(|one| rows(run, one))
        .collect_view();
    view! {
        {drawn}
        {numbers("The histogram as a table", "Histogram table", "Answers by confidence, each bar centred on its level.", &["Evaluation", "Confidence", "Right", "Wrong"], rows)}
    }
    .into_any()
}

fn rows(run: &str, one: &Outcomes) -> Vec<AnyView> {
    let address = bar_link(run, &one.label);
    let cell = |bar: usize, number: u32, correct: bool| {
        let text = format::count(number.into());
        if number == 0 {
            view! { <td>{text}</td> }.into_any()
        } else {
            view! { <td><a href=address(bar as u8, correct)>{text}</a></td> }.into_any()
        }
    };
    one.bars()
        .iter()
        .enumerate()
        .filter(|(_, bar)| **bar != (0, 0))
        .map(|(bar, &(right, wrong))| {
            view! {
                <tr>
                    <th scope="row">{one.label.clone()}</th>
                    <td>{format::fixed(bar as f64 / 10.0, 1)}</td>
                    {cell(bar, right, true)}
                    {cell(bar, wrong, false)}
                </tr>
            }
            .into_any()
        })
        .collect()
}

/// Which evaluations are drawn: a form whose state is the address, for scripts on or off.
fn picker(detail: &RunDetail, choice: Choice) -> AnyView {
    if detail.evaluations.len() < 2 || medium().is_files() {
        return ().into_any();
    }
    let labels: Vec<String> = detail
        .evaluations
        .iter()
        .map(|evaluation| evaluation.label.clone())
        .collect();
    let drawn: Vec<&String> = detail
        .shown
        .iter()
        .filter_map(|index| labels.get(*index))
        .take(2)
        .collect();
    let (before, after) = match drawn.as_slice() {
        [before, after] => (Some((*before).clone()), Some((*after).clone())),
        [only] => (None, Some((*only).clone())),
        _ => (None, None),
    };
    let options = |chosen: &Option<String>| {
        labels
            .iter()
            .map(|label| {
                let selected = chosen.as_ref() == Some(label);
                view! { <option value=label.clone() selected=selected>{label.clone()}</option> }
            })
            .collect_view()
    };
    let mut kept = choice.parameters_besides_above();
    if let Some(above) = choice.above {
        kept.push(("above", above.to_string()));
    }
    let kept = kept
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    view! {
        <form class="picker keeps" method="get" action=link::run(&detail.summary.id, &[])>
            {kept}
            <label>
                <span class="swatch before"></span>
                "Before "
                <select name="label">
                    <option value="" selected=before.is_none()>"none"</option>
                    {options(&before)}
                </select>
            </label>
            <label>
                <span class="swatch after"></span>
                "After "
                <select name="label">{options(&after)}</select>
            </label>
            <button type="submit">"Draw"</button>
        </form>
    }
    .into_any()
}
