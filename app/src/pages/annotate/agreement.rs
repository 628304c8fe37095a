//! The Agreement page: how far the annotators of a project agree, what to settle, and what follows.

mod figures;
mod queue;

use crate::document::Frame;
use crate::drawn::agreed::Chart;
use crate::format;
use crate::link;
use crate::pages::words::{Notice, Trail};
use crate::view::{AgreementReport, Estimate};
use datasets::annotation::ProjectKind;
use leptos::prelude::*;

/// What Krippendorff asks of data to rely on, and of data to draw tentative conclusions from
/// ("Content analysis", 4th edition, 12.4).
const RELIABLE: f64 = 0.8;
const TENTATIVE: f64 = 0.667;

pub fn frame(report: AgreementReport) -> Frame {
    let title = format!("Agreement: {}", format::foreign(&report.project.title));
    let trail = vec![
        ("Annotate".to_owned(), link::annotate().to_owned()),
        (
            format::foreign(&report.project.title),
            link::project(&report.project.id),
        ),
    ];
    let body = view! {
        <Trail parts=trail />
        <h1>{title.clone()}</h1>
        {lede(&report)}
        {remarks(&report)}
        {figures::over_all(&report)}
        {queue::section(&report)}
        {figures::ranking(&report)}
        {figures::with_measures(&report)}
        {figures::between(&report)}
        {figures::annotators(&report)}
        {files(&report)}
    };
    Frame {
        title,
        islands: false,
        downloads: Chart::ALL
            .into_iter()
            .any(|chart| !chart.lines(&report).is_empty()),
        body: body.into_any(),
    }
}

/// The page in a sentence or two.
fn lede(report: &AgreementReport) -> AnyView {
    if report.items == 0 {
        return view! {
            <div class="empty">
                <h2>"Nothing to agree on yet"</h2>
                <p>
                    "Agreement is told as soon as two people have rated the same item. Invite annotators on the "
                    <a href=link::project(&report.project.id)>"project's page"</a>
                    ", or wait until more is rated."
                </p>
            </div>
        }
        .into_any();
    }
    view! { <p class="lede">{in_words(report)}</p> }.into_any()
}

fn in_words(report: &AgreementReport) -> String {
    let (alpha, scale) = match report.project.kind {
        ProjectKind::Single => (report.alpha_interval, "interval"),
        ProjectKind::Pairs => (report.alpha_nominal, "nominal"),
    };
    let on = format!(
        "On the {} that two or more of {} rated",
        format::counted(report.items, "item"),
        format::counted(report.annotators, "annotator")
    );
    let Some(alpha) = alpha else {
        return format!("{on}, no agreement beyond chance can be told.");
    };
    format!(
        "{on}, Krippendorff's alpha ({scale}) is {}. {}",
        with_interval(&alpha, 2),
        verdict(&alpha)
    )
}

/// Read by the lower end of the interval, so that few items promise nothing.
fn verdict(alpha: &Estimate) -> &'static str {
    let Some([low, _]) = alpha.interval else {
        return "One question alone does not tell how far that holds.";
    };
    if low >= RELIABLE {
        "The whole interval lies above 0.8, which Krippendorff asks of data to rely on."
    } else if low >= TENTATIVE {
        "The whole interval lies above 0.667, enough for tentative conclusions by Krippendorff's rule; he asks for 0.8 to rely on."
    } else {
        "Krippendorff asks for 0.8 to rely on, and 0.667 for tentative conclusions: the interval reaches below both."
    }
}

/// `0.72 (0.61 to 0.80)`.
fn with_interval(estimate: &Estimate, decimals: u32) -> String {
    let value = format::fixed(estimate.value, decimals);
    match estimate.interval {
        None => format!("{value} (no interval yet)"),
        Some(ends) => {
            let ends = ends.map(|end| format::fixed(end, decimals));
            format!("{value} ({})", ends.join(" to "))
        }
    }
}

fn remarks(report: &AgreementReport) -> AnyView {
    report
        .remarks
        .iter()
        .map(|remark| {
            view! { <Notice kind="warning" title="Note:".into() text=format::foreign(remark) /> }
        })
        .collect_view()
        .into_any()
}

fn files(report: &AgreementReport) -> AnyView {
    let id = &report.project.id;
    let file = |what: &'static str, form: &'static str, words: &'static str| {
        view! { <li><a href=link::project_export(id, what, form) download="">{words}</a></li> }
    };
    view! {
        <section aria-labelledby="files">
            <h2 id="files">"Take away"</h2>
            <ul>
                {file("ratings", "jsonl", "Ratings, JSONL")}
                {file("ratings", "csv", "Ratings, CSV")}
                {file("settled", "jsonl", "Settled ratings, JSONL")}
                {file("settled", "csv", "Settled ratings, CSV")}
                {file("project", "jsonl", "The project: rubric, seed, hashes, meaning of the columns")}
            </ul>
            <p class="minor">
                "Annotators go by made-up names. “sayself faithfulness --ratings FILE” reads the ratings as they are. Events, hours for pay and the forms of Label Studio and Argilla are on the "
                <a href=link::project(id)>"project's page"</a>
                "."
            </p>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alpha(value: f64, interval: Option<[f64; 2]>) -> Estimate {
        Estimate {
            value,
            interval,
            n: 30,
        }
    }

    #[test]
    fn a_high_value_on_few_items_is_not_called_high() {
        assert!(verdict(&alpha(0.9, Some([0.82, 0.95]))).contains("above 0.8,"));
        assert!(verdict(&alpha(0.9, Some([0.7, 0.95]))).contains("above 0.667"));
        assert!(verdict(&alpha(0.9, Some([0.2, 0.95]))).contains("below both"));
        assert!(verdict(&alpha(0.9, None)).contains("One question alone"));
        assert_eq!(
            with_interval(&alpha(0.9, Some([-0.1, 0.95])), 2),
            "0.90 (−0.10 to 0.95)"
        );
        assert_eq!(
            with_interval(&alpha(0.9, None), 2),
            "0.90 (no interval yet)"
        );
    }
}
