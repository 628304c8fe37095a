//! Each measure's paired difference, with its interval and whether chance explains it.

use super::files;
use crate::chart::difference;
use crate::drawn::compared::{Chart, Verdict, differences_to, measure_in_words, named, verdict};
use crate::format;
use crate::view::{Comparison, Pair, PairedDifference};
use leptos::prelude::*;

/// The page in a sentence for each that is compared with the base.
pub fn lede(comparison: &Comparison) -> AnyView {
    let base = named(comparison, comparison.base);
    // Many sentences are set smaller than one.
    let class = match comparison.pairs.len() {
        0..=1 => "lede",
        _ => "lede each",
    };
    comparison
        .pairs
        .iter()
        .filter(|pair| !pair.differences.is_empty())
        .map(|pair| {
            let words = sentence(pair, &named(comparison, pair.entry), &base);
            view! { <p class=class>{format::foreign(&words)}</p> }
        })
        .collect_view()
        .into_any()
}

fn sentence(pair: &Pair, other: &str, base: &str) -> String {
    let measures = |wanted: Verdict| {
        let found = pair
            .differences
            .iter()
            .filter(|one| verdict(one) == wanted)
            .map(|one| measure_in_words(&one.measure));
        listed(&found.collect::<Vec<_>>())
    };
    let (better, worse) = (measures(Verdict::Better), measures(Verdict::Worse));
    let on = format!(
        "On the {} that both answered",
        format::counted(pair.n, "question")
    );
    match (better, worse) {
        (None, None) => format!(
            "{on}, no difference between {other} and {base} is larger than chance explains."
        ),
        (Some(better), None) => {
            format!(
                "{on}, {other} is better than {base} in {better}; in no measure is it clearly worse."
            )
        }
        (None, Some(worse)) => {
            format!(
                "{on}, {other} is worse than {base} in {worse}; in no measure is it clearly better."
            )
        }
        (Some(better), Some(worse)) => {
            format!("{on}, {other} is better than {base} in {better}, and worse in {worse}.")
        }
    }
}

/// `a`, `a and b`, `a, b and c`; `None` of nothing.
fn listed(words: &[String]) -> Option<String> {
    match words {
        [] => None,
        [one] => Some(one.clone()),
        [init @ .., last] => Some(format!("{} and {last}", init.join(", "))),
    }
}

pub fn section(comparison: &Comparison) -> AnyView {
    if comparison
        .pairs
        .iter()
        .all(|pair| pair.differences.is_empty())
    {
        return view! {
            <section aria-labelledby="differences">
                <h2 id="differences">"Paired differences"</h2>
                <p class="empty">"There are none: no two of these evaluations answered the same questions. Choose others below."</p>
            </section>
        }
        .into_any();
    }
    let most = differences_to(comparison);
    let base = named(comparison, comparison.base);
    let groups = comparison
        .pairs
        .iter()
        .filter(|pair| !pair.differences.is_empty())
        .map(|pair| group(comparison, pair, most))
        .collect_view();
    view! {
        <section aria-labelledby="differences">
            <h2 id="differences">"Paired differences"</h2>
            <p>
                {format!(
                    "Each on the questions that both answered, so that what makes a question hard for both falls out. Intervals are of 95%, by {} bootstraps of whole entities (seed {}); p-values are corrected together, all {} of them, by Holm's method. A difference is called better or worse where its interval leaves out 0 and its corrected p is below 0.05.",
                    format::count(comparison.bootstraps),
                    comparison.seed,
                    format::count(comparison.family),
                )}
            </p>
            <div class="scroll" tabindex="0" role="region" aria-label="Table of paired differences">
                <table class="differences">
                    <caption>
                        <span>
                            {format!(
                                "Other minus base, the base being {}. Bars run from −{} to {}. Lower is better for ECE, smECE and Brier; higher for the rest.",
                                format::foreign(&base),
                                format::fixed(most, 2),
                                format::fixed(most, 2),
                            )}
                        </span>
                    </caption>
                    <thead>
                        <tr>
                            <th scope="col">"Measure"</th>
                            <th scope="col" class="number">"Base"</th>
                            <th scope="col" class="number">"Other"</th>
                            <th scope="col" class="number">"Difference"</th>
                            <th scope="col"><span class="unseen">"Difference as a bar"</span></th>
                            <th scope="col" class="number">"95% interval"</th>
                            <th scope="col" class="number">"p (Holm)"</th>
                            <th scope="col">"Other is"</th>
                        </tr>
                    </thead>
                    {groups}
                </table>
            </div>
            {files(comparison, Chart::Differences)}
        </section>
    }
    .into_any()
}

fn group(comparison: &Comparison, pair: &Pair, most: f64) -> AnyView {
    let rows = pair
        .differences
        .iter()
        .map(|one| row(one, most))
        .collect_view();
    view! {
        <tbody>
            <tr>
                <th scope="rowgroup" colspan="8">
                    {format::foreign(&named(comparison, pair.entry))} " "
                    <span class="minor">{format!("n = {}", format::count(pair.n))}</span>
                </th>
            </tr>
            {rows}
        </tbody>
    }
    .into_any()
}

fn row(one: &PairedDifference, most: f64) -> AnyView {
    let verdict = verdict(one);
    let (class, words) = match verdict {
        Verdict::Better => ("outcome right", "▲ better"),
        Verdict::Worse => ("outcome wrong", "▼ worse"),
        Verdict::Unclear => ("outcome", "no clear difference"),
    };
    let interval = one.low.zip(one.high);
    let signed = |value| format::signed(value, 3);
    let range = interval.map_or_else(
        || "–".to_owned(),
        |(low, high)| [low, high].map(signed).join(" to "),
    );
    let p = match one.p_holm {
        None => "–".to_owned(),
        Some(p) if p < 0.001 => "< 0.001".to_owned(),
        Some(p) => format::fixed(p, 3),
    };
    let bar = difference::svg(one.difference, interval, most, verdict != Verdict::Unclear);
    view! {
        <tr>
            <th scope="row">{measure_in_words(&one.measure)}</th>
            <td class="number">{format::fixed(one.base, 3)}</td>
            <td class="number">{format::fixed(one.other, 3)}</td>
            <td class="number"><strong>{signed(one.difference)}</strong></td>
            <td class="bar" inner_html=bar></td>
            <td class="number">{range}</td>
            <td class="number">{p}</td>
            <td><span class=class>{words}</span></td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(measure: &str, difference: f64, interval: [f64; 2], p: f64) -> PairedDifference {
        PairedDifference {
            measure: measure.into(),
            base: 0.5,
            other: 0.5 + difference,
            difference,
            low: Some(interval[0]),
            high: Some(interval[1]),
            p_value: Some(p / 5.0),
            p_holm: Some(p),
        }
    }

    #[test]
    fn only_what_chance_does_not_explain_is_better_or_worse() {
        let pair = Pair {
            entry: 1,
            n: 1_000,
            differences: vec![
                difference("brier", -0.1, [-0.12, -0.08], 0.01),
                difference("auroc", 0.1, [0.05, 0.12], 0.01),
                difference("accuracy", -0.1, [-0.2, -0.05], 0.01),
                difference("smece", -0.1, [-0.2, -0.05], 0.2),
                difference("ece_15", -0.1, [-0.2, 0.05], 0.01),
            ],
        };
        assert_eq!(
            sentence(&pair, "B taught", "A base"),
            "On the 1,000 questions that both answered, B taught is better than A base in Brier and AUROC, and worse in Accuracy."
        );
    }
}
