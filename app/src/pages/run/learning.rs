//! How training went: learning curves, and what the stages found worth notice.

use crate::chart::curves::{self, Curve, Panel};
use crate::drawn;
use crate::format;
use crate::island::downloads::downloads;
use crate::link;
use crate::pages::numbers::numbers;
use crate::view::{RunDetail, RunNote};
use leptos::prelude::*;

/// Notes that are told, the last ones.
const NOTES_SHOWN_MAX: usize = 20;

pub fn section(detail: &RunDetail) -> AnyView {
    let curves = drawn::curves(detail);
    let panels = curves::panels(&curves);
    if panels.is_empty() && detail.directory.notes.is_empty() {
        return ().into_any();
    }
    view! {
        <section aria-labelledby="learning">
            <h2 id="learning">"How training went"</h2>
            {notes(&detail.directory.notes)}
            {drawings(&detail.summary.id, &curves, &panels)}
        </section>
    }
    .into_any()
}

fn notes(notes: &[RunNote]) -> AnyView {
    let skipped = notes.len().saturating_sub(NOTES_SHOWN_MAX);
    let lines = notes[skipped..]
        .iter()
        .map(|note| {
            let badge = note
                .alarm
                .then(|| view! { <span class="badge failed">"alarm"</span>" " });
            view! {
                <li>
                    {badge}
                    <b>{format::foreign(&note.stage)}</b>
                    ": "
                    {format::foreign(&note.message)}
                    <span class="minor">{format::moment(note.time_ms)}</span>
                </li>
            }
        })
        .collect_view();
    if notes.is_empty() {
        return view! { <p>"No alarm was raised."</p> }.into_any();
    }
    view! {
        <h3>"Alarms and notes"</h3>
        <ul class="notes">{lines}</ul>
    }
    .into_any()
}

fn drawings(run: &str, curves: &[Curve], panels: &[Panel<'_>]) -> AnyView {
    if panels.is_empty() {
        return view! { <p class="minor">"No training step has been told yet: the curves appear with the first ones."</p> }
            .into_any();
    }
    let drawn = panels
        .iter()
        .enumerate()
        .map(|(place, panel)| {
            let svg = curves::svg(std::slice::from_ref(panel), &format!("curve-{place}"));
            view! { <figure><div class="drawing" inner_html=svg></div></figure> }
        })
        .collect_view();
    let put_together = curves.iter().any(|curve| curve.stride() > 1);
    let caption = if put_together {
        "Each line is the mean of neighbouring steps, the shade between their least and greatest values. Seeds are told apart by colour and by dashes."
    } else {
        "A value for each step. Seeds are told apart by colour and by dashes."
    };
    view! {
        <div class="multiples">{drawn}</div>
        <p class="caption">{caption}</p>
        {table(panels)}
        {downloads("events", &link::charts(run), "")}
    }
    .into_any()
}

/// Where each curve began and ended.
fn table(panels: &[Panel<'_>]) -> AnyView {
    let mut rows = Vec::new();
    for panel in panels {
        for (seed, curve) in &panel.curves {
            let (Some(first), Some(last)) = (curve.buckets().next(), curve.buckets().next_back())
            else {
                continue;
            };
            let extremes = curve
                .buckets()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), bucket| {
                    (low.min(bucket.low), high.max(bucket.high))
                });
            let steps: u64 = curve.buckets().map(|bucket| bucket.count).sum();
            let cells = [
                format::count(steps),
                format::fixed(first.mean(), 3),
                format::fixed(last.mean(), 3),
                format::fixed(extremes.0, 3),
                format::fixed(extremes.1, 3),
            ];
            let cells = cells
                .into_iter()
                .map(|cell| view! { <td>{cell}</td> })
                .collect_view();
            let name = [panel.stage, ": ", panel.words].concat();
            let seed = (!seed.is_empty())
                .then(|| view! { <span class="minor">{format::foreign(seed)}</span> });
            rows.push(view! { <tr><th scope="row">{name}{seed}</th>{cells}</tr> });
        }
    }
    numbers(
        "The curves as a table",
        "Learning curves table",
        "Where each curve began and ended. The CSV has each point as it is drawn, events.jsonl every step.",
        &["Value", "Values", "First", "Last", "Least", "Greatest"],
        rows,
    )
}
