//! Every evaluation's measures with intervals, and the honest baselines beneath them.

use crate::chart::measured::Measured;
use crate::format;
use crate::link;
use crate::medium::medium;
use crate::pages::words::Measure;
use crate::view::{Evaluation, Figure, RunDetail};
use leptos::prelude::*;
use serde_json::Value;
use std::sync::Arc;

pub fn section(detail: &RunDetail, shown: &[Arc<Measured>]) -> AnyView {
    if detail.evaluations.is_empty() {
        return ().into_any();
    }
    let class = |label: &str| match shown {
        [before, _] if before.outcomes.label == label => "swatch before",
        [_, after] | [after] if after.outcomes.label == label => "swatch after",
        _ => "swatch",
    };
    let rows = detail
        .evaluations
        .iter()
        .map(|one| row(&detail.summary.id, one, class(&one.label)))
        .collect_view();
    let baselines = shown
        .last()
        .and_then(|last| {
            detail
                .evaluations
                .iter()
                .find(|one| one.label == last.outcomes.label)
        })
        .map(baselines);
    view! {
        <section aria-labelledby="numbers">
            <h2 id="numbers">"The numbers"</h2>
            <div class="scroll" tabindex="0" role="region" aria-label="Table of the numbers">
                <table class="measures">
                    <caption>
                        <span>"Each with its 95% interval. Lower is better for ECE, smECE and Brier; higher for the rest. Bars run from 0 to 1, for the errors from 0 to 0.5."</span>
                    </caption>
                    <thead>
                        <tr>
                            <th scope="col">"Evaluation"</th>
                            <th scope="col" class="number">"n"</th>
                            <th scope="col" class="number">"Accuracy"</th>
                            <th scope="col" class="number"><abbr title="Expected calibration error, by level">"ECE"</abbr></th>
                            <th scope="col" class="number"><abbr title="Smooth expected calibration error">"smECE"</abbr></th>
                            <th scope="col" class="number"><abbr title="Mean squared distance of confidence and truth">"Brier"</abbr></th>
                            <th scope="col" class="number"><abbr title="Chance that a right answer has more confidence than a wrong one">"AUROC"</abbr></th>
                            <th scope="col" class="number"><abbr title="AUROC among questions of one template">"AUROC within template"</abbr></th>
                            <th scope="col" class="number"><abbr title="1 − Brier / Brier of the template's base rate">"Brier skill"</abbr></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                    {baselines}
                </table>
            </div>
            {compared(&detail.summary.id, shown)}
        </section>
    }
    .into_any()
}

/// Among files, where nothing can be chosen, the way to the comparison that matters.
fn compared(run: &str, shown: &[Arc<Measured>]) -> Option<AnyView> {
    let [before, after] = shown else { return None };
    let entries = [before, after].map(|one| [run, ":", &one.outcomes.label].concat());
    let address = link::compare(&entries.each_ref().map(String::as_str));
    medium().is_files().then(|| {
        view! { <p><a href=address>"Before and after, question by question"</a></p> }.into_any()
    })
}

fn row(run: &str, one: &Evaluation, swatch: &'static str) -> AnyView {
    let unread = (one.parse_failures > 0).then(|| {
        let answers = one.parse_failures;
        view! { <span class="minor">{format!("{} without a readable confidence", format::count(answers))}</span> }
    });
    // The label already says the method in most runs.
    let method = (one.method != one.label)
        .then(|| view! { <span class="minor">{one.method.clone()}</span> });
    view! {
        <tr>
            <th scope="row">
                <span class=swatch></span>
                <a href=link::run(run, &[&one.label])>{one.label.clone()}</a>
                {method}
                {unread}
            </th>
            <td class="number">{format::count(one.n)}</td>
            <td class="number"><Measure figure=one.accuracy scale=0.0..1.0 /></td>
            <td class="number"><Measure figure=one.ece scale=0.0..0.5 /></td>
            <td class="number"><Measure figure=one.smece scale=0.0..0.5 /></td>
            <td class="number"><Measure figure=one.brier scale=0.0..0.5 /></td>
            <td class="number"><Measure figure=one.auroc scale=0.0..1.0 /></td>
            <td class="number"><Measure figure=one.within_template_auroc scale=0.0..1.0 /></td>
            <td class="number"><Measure figure=one.brier_skill scale=0.0..1.0 /></td>
        </tr>
    }
    .into_any()
}

/// What knows nothing of the single answer, measured on the same answers: the bar to be cleared.
fn baselines(one: &Evaluation) -> AnyView {
    let rows = [
        (
            "constant confidence",
            "always says the overall accuracy",
            "constant_brier",
        ),
        (
            "template's base rate",
            "knows only which kind of question it is",
            "template_rate_brier",
        ),
    ]
    .into_iter()
    .filter_map(|(name, words, key)| {
        let brier = figure(&one.metrics, key);
        brier.value?;
        Some(view! {
            <tr>
                <th scope="row">
                    <span class="swatch"></span>
                    {name}
                    <span class="minor">{words}</span>
                </th>
                <td class="number">{format::count(one.n)}</td>
                <td></td>
                <td></td>
                <td></td>
                <td class="number"><Measure figure=brier scale=0.0..0.5 /></td>
                <td></td>
                <td></td>
                <td></td>
            </tr>
        })
    })
    .collect::<Vec<_>>();
    if rows.is_empty() {
        return ().into_any();
    }
    view! {
        <tbody class="baselines">
            <tr>
                <th scope="rowgroup" colspan="9">{format!("Baselines on the answers of {}", one.label)}</th>
            </tr>
            {rows}
        </tbody>
    }
    .into_any()
}

/// A measure of `metrics.json` with its `NAME_ci`.
fn figure(metrics: &Value, key: &str) -> Figure {
    let interval = metrics.get(format!("{key}_ci"));
    let end = |index: usize| {
        interval
            .and_then(|interval| interval.get(index))
            .and_then(Value::as_f64)
    };
    Figure {
        value: metrics.get(key).and_then(Value::as_f64),
        low: end(0),
        high: end(1),
    }
}
