//! The curves over one another, and the histograms side by side.

use super::files;
use crate::chart::outcomes::Binning;
use crate::chart::{Outcomes, overlay};
use crate::drawn::compared::{self, Chart, named};
use crate::format;
use crate::link;
use crate::pages::numbers::numbers;
use crate::view::Comparison;
use leptos::prelude::*;

pub fn section(comparison: &Comparison) -> AnyView {
    let outcomes = compared::outcomes(comparison);
    let uncertainty = if outcomes.len() <= 2 {
        "The shaded bands hold 90% of the curves that a model which can be taken at its word would show by chance; whiskers are 95% intervals."
    } else {
        "Whiskers are 95% intervals, one for each level or bin, moved a little aside so that they can be told apart."
    };
    view! {
        <section aria-labelledby="figures">
            <h2 id="figures">"Which knows best when it is right?"</h2>
            <div class="figures">
                <figure>
                    <div class="drawing" inner_html=overlay::svg(&outcomes, "overlay")></div>
                    <figcaption>
                        "On the dashed diagonal, a model that can be taken at its word. Lines are CORP curves. " {uncertainty}
                    </figcaption>
                    {curves(comparison, &outcomes)}
                    {files(comparison, Chart::Overlay)}
                </figure>
                <figure>
                    {histograms(comparison, &outcomes)}
                    <figcaption>
                        "How often each confidence was said, as a share of all answers: solid bars were right, hollow ones wrong."
                    </figcaption>
                    {bars(comparison, &outcomes)}
                    {files(comparison, Chart::Histograms)}
                </figure>
            </div>
        </section>
    }
    .into_any()
}

fn histograms(comparison: &Comparison, outcomes: &[Outcomes]) -> AnyView {
    let drawn = compared::histograms(comparison, outcomes)
        .into_iter()
        .map(|one| {
            view! {
                <div>
                    <p class="name">
                        {format::foreign(&one.name)} " "
                        <span class="minor">{format!("n = {}", format::count(one.n))}</span>
                    </p>
                    <div class="drawing" inner_html=one.svg></div>
                </div>
            }
        })
        .collect_view();
    view! { <div class="multiples">{drawn}</div> }.into_any()
}

/// The diagram's numbers.
fn curves(comparison: &Comparison, outcomes: &[Outcomes]) -> AnyView {
    let rows = outcomes
        .iter()
        .enumerate()
        .flat_map(|(place, one)| {
            let name = named(comparison, place);
            one.bins(Binning::Stated).into_iter().map(move |bin| {
                let (low, high) = bin.interval();
                let share = |share: f64| format::fixed(share * 100.0, 1) + "%";
                view! {
                    <tr>
                        <th scope="row">{format::foreign(&name)}</th>
                        <td>{format::fixed(bin.mean_confidence, 2)}</td>
                        <td>{format::count(bin.n.into())}</td>
                        <td>{share(bin.accuracy())}</td>
                        <td>{[share(low), share(high)].join(" to ")}</td>
                    </tr>
                }
            })
        })
        .collect_view();
    numbers(
        "The diagram as a table",
        "Reliability table",
        "Answers by confidence. Intervals are Wilson's, 95%.",
        &[
            "Evaluation",
            "Confidence",
            "Answers",
            "Right",
            "95% interval",
        ],
        rows,
    )
}

/// The histograms' numbers, each a link to its questions.
fn bars(comparison: &Comparison, outcomes: &[Outcomes]) -> AnyView {
    let mut rows = Vec::new();
    for (place, (one, entry)) in outcomes.iter().zip(&comparison.entries).enumerate() {
        let name = named(comparison, place);
        for (bar, &(right, wrong)) in one.bars().iter().enumerate() {
            if (right, wrong) == (0, 0) {
                continue;
            }
            let cell = |number: u32, correct: bool| {
                let text = format::count(number.into());
                let address = link::answers(
                    &entry.run,
                    &entry.label,
                    Some(bar as u8),
                    Some(correct),
                    None,
                );
                match number {
                    0 => view! { <td>{text}</td> }.into_any(),
                    _ => view! { <td><a href=address>{text}</a></td> }.into_any(),
                }
            };
            rows.push(view! {
                <tr>
                    <th scope="row">{format::foreign(&name)}</th>
                    <td>{format::fixed(bar as f64 / 10.0, 1)}</td>
                    {cell(right, true)}
                    {cell(wrong, false)}
                </tr>
            });
        }
    }
    numbers(
        "The histograms as a table",
        "Histogram table",
        "Answers by confidence, each bar centred on its level. Each number leads to its questions.",
        &["Evaluation", "Confidence", "Right", "Wrong"],
        rows,
    )
}
