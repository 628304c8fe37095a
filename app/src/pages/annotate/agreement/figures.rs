//! The figures of an Agreement page: each a chart with its table beside it.

use crate::drawn::agreed::{Chart, measure_words};
use crate::format;
use crate::island::downloads::downloads;
use crate::link;
use crate::view::{AgreementReport, AnnotatorAgreement, BetweenRow, Estimate, RankedMethod};
use datasets::annotation::ProjectKind;
use leptos::prelude::*;

/// Rows that stand open; the others are folded.
const OPEN_MAX: usize = 12;

pub fn over_all(report: &AgreementReport) -> AnyView {
    if report.items == 0 {
        return ().into_any();
    }
    let row = |name: &'static str, about: &'static str, estimate: Option<Estimate>| {
        let [value, interval, n] = cells(estimate, 3);
        view! {
            <tr>
                <th scope="row">{name} <span class="minor">{about}</span></th>
                <td class="number">{value}</td>
                <td class="number">{interval}</td>
                <td class="number">{n}</td>
            </tr>
        }
    };
    let ordered = (report.project.kind == ProjectKind::Single).then(|| {
        view! {
            {row("Krippendorff's alpha, ordinal", "ratings differ by those that lie between them", report.alpha_ordinal)}
            {row("Krippendorff's alpha, interval", "ratings differ by the square of their distance", report.alpha_interval)}
        }
    });
    let table = view! {
        <table class="measures">
            <caption><span>"Agreement beyond chance: 1 where all agree, 0 as by lot, below 0 where they contradict."</span></caption>
            <thead>{head(["Measure", "Value", "95% interval", "Items"])}</thead>
            <tbody>
                {row("Krippendorff's alpha, nominal", "equal or not", report.alpha_nominal)}
                {ordered}
                {row("Fleiss' kappa", "equal or not, of items with as many ratings as most have", report.fleiss_kappa)}
            </tbody>
        </table>
    };
    section(
        report,
        Chart::Agreement,
        "agreement-of-all",
        "Do they agree?",
        format!(
            "{} by {} on {}. Intervals are of 95%, by bootstraps over items; formulas and sources are in docs/annotation.md.",
            format::counted(report.ratings, "rating"),
            format::counted(report.annotators, "annotator"),
            format::counted(report.items, "item"),
        ),
        table.into_any(),
    )
}

pub fn between(report: &AgreementReport) -> AnyView {
    if report.between.is_empty() {
        return ().into_any();
    }
    let row = |row: &BetweenRow| {
        let [kappa, interval, _] = cells(row.kappa, 3);
        view! {
            <tr>
                <th scope="row">{format!("{} · {}", row.first, row.second)}</th>
                <td class="number">{kappa}</td>
                <td class="number">{interval}</td>
                <td class="number">{format::percent(row.share_equal)}</td>
                <td class="number">{format::count(row.n)}</td>
            </tr>
        }
        .into_any()
    };
    let weights = match report.project.kind {
        ProjectKind::Single => "with quadratic weights, so that near ratings count as nearly equal",
        ProjectKind::Pairs => "unweighted",
    };
    let table = folded(
        report.between.iter().map(row).collect(),
        "Each two annotators with items in common",
        [
            "Annotators",
            "Cohen's kappa",
            "95% interval",
            "Equal",
            "Items",
        ],
    );
    section(
        report,
        Chart::Between,
        "between-two",
        "Who agrees with whom?",
        format!(
            "Cohen's kappa, {weights}, on the items that both rated, where there are five or more; those with the most first."
        ),
        table,
    )
}

pub fn annotators(report: &AgreementReport) -> AnyView {
    if report.by_annotator.is_empty() {
        return ().into_any();
    }
    let is_single = report.project.kind == ProjectKind::Single;
    let alpha = match is_single {
        true => report.alpha_interval,
        false => report.alpha_nominal,
    };
    let alpha = alpha.map(|alpha| alpha.value);
    let row = |row: &AnnotatorAgreement| {
        let [with_others, interval, _] = cells(row.with_others, 2);
        let bias = is_single.then(|| {
            let (bias, ends) = match row.bias {
                None => ("–".to_owned(), String::new()),
                Some(bias) => {
                    let ends = bias
                        .interval
                        .map(|ends| ends.map(|end| format::signed(end, 1)));
                    let ends = ends.map_or_else(String::new, |ends| ends.join(" to "));
                    (format::signed(bias.value, 1), ends)
                }
            };
            view! { <td class="number">{bias} <span class="range">{ends}</span></td> }
        });
        // Without him the others agree more.
        let lowers = row
            .alpha_without
            .zip(alpha)
            .is_some_and(|(without, all)| without > all);
        let without = row
            .alpha_without
            .map_or_else(|| "–".to_owned(), |alpha| format::fixed(alpha, 3));
        let mark = lowers.then(
            || view! { " " <span class="outcome">"▲"<span class="unseen">" higher"</span></span> },
        );
        view! {
            <tr>
                <th scope="row">{row.annotator.clone()}</th>
                <td class="number">{format::count(row.n)}</td>
                <td class="number">{with_others}</td>
                <td class="number">{interval}</td>
                {bias}
                <td class="number">{without} {mark}</td>
            </tr>
        }
        .into_any()
    };
    let rows = report.by_annotator.iter().map(row).collect();
    let (words, table) = match is_single {
        true => (
            "The correlation of each with the mean of the others on the same items; how much higher he rates than they; and what alpha (interval) would be without him, with ▲ where it would be higher.",
            folded(
                rows,
                "Each annotator against the others",
                [
                    "Annotator",
                    "Items",
                    "Correlation",
                    "95% interval",
                    "Higher by",
                    "Alpha without",
                ],
            ),
        ),
        false => (
            "The share of items on which each chose what most of the others did, and what alpha (nominal) would be without him, with ▲ where it would be higher.",
            folded(
                rows,
                "Each annotator against the others",
                [
                    "Annotator",
                    "Items",
                    "With most",
                    "95% interval",
                    "Alpha without",
                ],
            ),
        ),
    };
    section(
        report,
        Chart::Annotators,
        "each-annotator",
        "Who stands apart?",
        words.to_owned(),
        table,
    )
}

pub fn ranking(report: &AgreementReport) -> AnyView {
    if report.ranking.is_empty() {
        return ().into_any();
    }
    let is_single = report.project.kind == ProjectKind::Single;
    let row = |row: &RankedMethod| {
        let [strength, interval, n] = cells(Some(row.strength), 2);
        let counts = (!is_single).then(|| {
            [row.wins, row.ties, row.losses, row.both_bad]
                .map(|count| view! { <td class="number">{format::count(count)}</td> })
                .collect_view()
        });
        view! {
            <tr>
                <th scope="row">{format::foreign(&row.name)}</th>
                <td class="number">{strength}</td>
                <td class="number">{interval}</td>
                {counts}
                <td class="number">{n}</td>
            </tr>
        }
        .into_any()
    };
    let rows = report.ranking.iter().map(row).collect();
    let (heading, words, table) = match is_single {
        true => (
            "How is it rated?",
            "The mean over items of their mean rating, 0 to 10.",
            folded(
                rows,
                "Methods by mean rating",
                ["Method", "Mean rating", "95% interval", "Items"],
            ),
        ),
        false => (
            "Which method tells better?",
            "Log-strengths by the model of Bradley and Terry, of mean 0: one that is stronger by 1 is preferred in 73% of comparisons, by 2 in 88%. A tie, and both bad, count as half a win of each.",
            folded(
                rows,
                "Methods, the strongest first",
                [
                    "Method",
                    "Strength",
                    "95% interval",
                    "Won",
                    "Tied",
                    "Lost",
                    "Both bad",
                    "Ratings",
                ],
            ),
        ),
    };
    section(
        report,
        Chart::Ranking,
        "which-method",
        heading,
        words.to_owned(),
        table,
    )
}

pub fn with_measures(report: &AgreementReport) -> AnyView {
    if report.with_measures.is_empty() {
        return ().into_any();
    }
    let rows = report
        .with_measures
        .iter()
        .map(|row| {
            let [spearman, spearman_ends, _] = cells(row.spearman, 2);
            let [pearson, pearson_ends, _] = cells(row.pearson, 2);
            view! {
                <tr>
                    <th scope="row">{format!("{} · {}", measure_words(&row.first), measure_words(&row.second))}</th>
                    <td class="number">{spearman}</td>
                    <td class="number">{spearman_ends}</td>
                    <td class="number">{pearson}</td>
                    <td class="number">{pearson_ends}</td>
                    <td class="number">{format::count(row.n)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let of = match report.project.kind {
        ProjectKind::Single => "their scores",
        ProjectKind::Pairs => "the differences of both rationales' scores",
    };
    section(
        report,
        Chart::Measures,
        "people-and-measures",
        "Do people and measures say the same?",
        format!(
            "Correlations of {of}, item by item, where the samples disagree; SelfReflect is turned so that more is better everywhere. A measure that goes with people may stand for them, one that does not measures something else."
        ),
        folded(
            rows,
            "Each two of people, judge, SelfReflect and names",
            [
                "Of",
                "Spearman",
                "95% interval",
                "Pearson",
                "95% interval",
                "Items",
            ],
        ),
    )
}

/// A figure beside its table.
fn section(
    report: &AgreementReport,
    chart: Chart,
    id: &'static str,
    heading: &'static str,
    words: String,
    table: AnyView,
) -> AnyView {
    let figure = chart.svg(report).map(|svg| {
        view! {
            <figure>
                <div class="drawing scroll" tabindex="0" role="region" aria-label=format!("{heading} The chart") inner_html=svg></div>
                {downloads(chart.name(), &link::agreement_charts(&report.project.id), "")}
            </figure>
        }
    });
    view! {
        <section class="agreed" aria-labelledby=id>
            <h2 id=id>{heading}</h2>
            <p>{words}</p>
            <div class="figures">
                {figure}
                <div class="scroll" tabindex="0" role="region" aria-label=format!("{heading} The table")>
                    {table}
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// A table whose rows beyond the first are folded.
fn folded<const N: usize>(
    mut rows: Vec<AnyView>,
    caption: &'static str,
    names: [&'static str; N],
) -> AnyView {
    let rest = rows.split_off(rows.len().min(OPEN_MAX));
    let more = rest.len();
    let table = |rows: Vec<AnyView>, caption: String| {
        view! {
            <table class="measures">
                <caption><span>{caption}</span></caption>
                <thead>{head(names)}</thead>
                <tbody>{rows}</tbody>
            </table>
        }
    };
    let rest = (more > 0).then(|| {
        view! {
            <details>
                <summary>{format!("{} more", format::count(more as u64))}</summary>
                {table(rest, format!("{caption}, the others."))}
            </details>
        }
    });
    view! {
        {table(rows, format!("{caption}."))}
        {rest}
    }
    .into_any()
}

/// The first names the rows.
fn head<const N: usize>(names: [&'static str; N]) -> impl IntoView {
    let cells = names
        .into_iter()
        .enumerate()
        .map(|(place, name)| {
            let class = (place > 0).then_some("number");
            view! { <th scope="col" class=class>{name}</th> }
        })
        .collect_view();
    view! { <tr>{cells}</tr> }
}

/// Value, interval and n of a figure, or why there is none.
fn cells(estimate: Option<Estimate>, decimals: u32) -> [String; 3] {
    let none = || "–".to_owned();
    let Some(estimate) = estimate else {
        return [none(), none(), none()];
    };
    let interval = estimate.interval.map_or_else(none, |ends| {
        ends.map(|end| format::fixed(end, decimals)).join(" to ")
    });
    [
        format::fixed(estimate.value, decimals),
        interval,
        format::count(estimate.n),
    ]
}
