//! What the model answered when it was asked again and again: one foldable line an answer, the largest
//! first.

use crate::format;
use crate::pages::words::Foreign;
use datasets::annotation::{EvidenceCluster, WorkItem};
use leptos::prelude::*;

/// Answers that stand in the list; the others are folded away. `rate.js` reads it from the list.
const SHOWN_MAX: usize = 8;

pub fn section(item: &WorkItem) -> AnyView {
    let (first, rest) = item.evidence.split_at(item.evidence.len().min(SHOWN_MAX));
    let first: Vec<_> = first
        .iter()
        .map(|cluster| line(cluster, item.samples))
        .collect();
    let more = more_words(rest.len());
    let is_whole = rest.is_empty();
    let rest: Vec<_> = rest
        .iter()
        .map(|cluster| line(cluster, item.samples))
        .collect();
    view! {
        <section class="evidence" aria-labelledby="evidence-title">
            <h3 id="evidence-title">"Evidence"</h3>
            <p class="minor" data-slot="samples">{sampled_words(item)}</p>
            <ol class="clusters" data-slot="clusters" data-shown=SHOWN_MAX.to_string()>{first}</ol>
            <details data-slot="more" hidden=is_whole>
                <summary data-slot="more-words">{more}</summary>
                <ol class="clusters" data-slot="more-clusters">{rest}</ol>
            </details>
            <p class="tools" data-lively hidden>
                <button type="button" id="open-all" aria-keyshortcuts="e" aria-expanded="false">"All responses" <kbd aria-hidden="true">"e"</kbd></button>
            </p>
        </section>
    }
    .into_any()
}

/// An empty line, for the script to fill.
pub fn template() -> AnyView {
    let cluster = EvidenceCluster {
        answer: String::new(),
        count: 0,
        share: 0.0,
        examples: vec![String::new()],
    };
    view! { <template id="cluster-template">{line(&cluster, 0)}</template> }.into_any()
}

/// `Asked 50 times, it gave 3 different answers.`
fn sampled_words(item: &WorkItem) -> String {
    let times = match item.samples {
        1 => "once".to_owned(),
        some => format!("{} times", format::count(some.into())),
    };
    match item.evidence.len() {
        1 => format!("Asked {times}, it always gave this answer."),
        some => format!(
            "Asked {times}, it gave {} different answers.",
            format::count(some as u64)
        ),
    }
}

fn more_words(count: usize) -> String {
    format!("{} more", format::counted(count as u64, "answer"))
}

/// An answer with its share, and what was responded where it is unfolded.
pub fn line(cluster: &EvidenceCluster, samples: u32) -> AnyView {
    let answer = match cluster.answer.trim() {
        "" => "no answer".to_owned(),
        answer => answer.to_owned(),
    };
    let examples = cluster
        .examples
        .iter()
        .map(|example| view! { <li><Foreign text=example.clone() /></li> })
        .collect_view();
    let of = format!(
        "{} of {}",
        format::count(cluster.count.into()),
        format::count(samples.into())
    );
    view! {
        <li>
            <details class="cluster">
                <summary>
                    <span class="portion" data-slot="portion">{format::percent(cluster.share)}</span>
                    " "
                    <span class="bar" inner_html=bar(cluster.share)></span>
                    <span class="answer"><bdi class="foreign" data-slot="answer">{format::foreign(&answer)}</bdi></span>
                    " "
                    <span class="times" data-slot="times">{of}</span>
                </summary>
                <ul class="responses" data-slot="examples">{examples}</ul>
            </details>
        </li>
    }
    .into_any()
}

/// A share 0..=1 as a bar; its number stands beside it. It tells nothing of right and wrong.
fn bar(share: f64) -> String {
    let width = (share.clamp(0.0, 1.0) * 100.0).round();
    format!(
        "<svg class=\"portion-bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"whole\" width=\"100\" height=\"10\"></rect><rect class=\"part\" width=\"{width}\" height=\"10\"></rect></svg>"
    )
}
