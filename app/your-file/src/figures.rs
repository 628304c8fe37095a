//! A result as pieces of a page: the sentence, the charts with their tables, and the measures.

use crate::limits::RESAMPLES;
use crate::markup::{element, escaped, notice, table, wrapped};
use crate::measures::WORDS;
use crate::numbers::{Numbers, WIDTHS};
use crate::rows::Rejected;
use calibration::metrics::Mode;
use chart::format::{count, counted, fixed, foreign, percent};
use chart::outcomes::{Binning, Outcomes};
use chart::palette::Ink;
use chart::sentence::{Tense, sentence};
use chart::{histogram, interval, reliability, risk_coverage};
use std::collections::BTreeMap;

/// Answers below which a diagram shows chance more than calibration.
const SMALL: u64 = 100;
/// Rows of the table beside the risk-coverage curve.
const RISK_ROWS_MAX: usize = 20;
/// Of the rows of a file, so many left out are a sign of a wrong choice, in hundredths.
const MANY_REJECTED: u64 = 10;

/// Where figures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file that was read here, with what was left out of it.
    File(Rejected),
    /// A link: they are as its sender made them.
    Link,
}

/// Markup by the place that it belongs to.
pub type Pieces = BTreeMap<&'static str, String>;

/// The choice of dots: bins of equal width, or as they were stated.
///
/// ```
/// use chart::Binning;
/// assert_eq!(your_file::figures::binning(10), Binning::Width(10));
/// assert_eq!(your_file::figures::binning(0), Binning::Stated);
/// ```
pub fn binning(bins: u32) -> Binning {
    match WIDTHS.contains(&bins) {
        true => Binning::Width(bins),
        false => Binning::Stated,
    }
}

/// Everything.
pub fn pieces(numbers: &Numbers, origin: &Origin, bins: u32) -> Pieces {
    let outcomes = std::slice::from_ref(&numbers.outcomes);
    let mut pieces = diagram(numbers, bins);
    pieces.extend(measures(numbers));
    let lede = sentence(&numbers.outcomes, Tense::Present).unwrap_or_default();
    pieces.extend([
        (
            "heading",
            escaped(match numbers.title.as_str() {
                "" => "The result",
                title => title,
            }),
        ),
        ("lede", escaped(&lede)),
        ("facts", facts(numbers)),
        ("notices", notices(numbers, origin)),
        ("bins", bins_offered(&numbers.outcomes, bins)),
        (
            "histogram",
            histogram::picture(
                &numbers.outcomes,
                Ink::After,
                histogram::longest(outcomes),
                "histogram",
            ),
        ),
        ("histogram-table", histogram_table(&numbers.outcomes)),
        ("risk", risk_coverage::svg(outcomes, "risk")),
        ("risk-table", risk_table(&numbers.outcomes)),
    ]);
    pieces
}

/// The reliability diagram with another choice of dots.
pub fn diagram(numbers: &Numbers, bins: u32) -> Pieces {
    let outcomes = std::slice::from_ref(&numbers.outcomes);
    let binning = binning(bins);
    Pieces::from([
        (
            "diagram",
            reliability::svg(outcomes, binning, "reliability"),
        ),
        ("diagram-table", reliability::table(outcomes, binning)),
        ("chance", escaped(&chance(numbers))),
    ])
}

/// The measures, which change with every resample.
pub fn measures(numbers: &Numbers) -> Pieces {
    Pieces::from([
        ("measures", measures_table(numbers)),
        ("resamples", escaped(&resamples(numbers))),
    ])
}

fn facts(numbers: &Numbers) -> String {
    let mode = match numbers.metrics.mode {
        Mode::Levels => "levels",
        Mode::Continuous => "a continuum",
    };
    let drawn = match numbers.groups {
        0 => "each row on its own".to_owned(),
        groups => format!("rows of {} together", counted(groups, "group")),
    };
    [
        ("Answers", count(numbers.metrics.n as u64)),
        ("Right", percent(numbers.metrics.accuracy)),
        ("Confidences are", mode.to_owned()),
        ("Intervals draw", drawn),
    ]
    .map(|(name, value)| wrapped("div", &(element("dt", name) + &element("dd", &value))))
    .concat()
}

/// What the reader must know before the figures.
fn notices(numbers: &Numbers, origin: &Origin) -> String {
    let mut markup = String::new();
    let (n, right) = (numbers.metrics.n as u64, numbers.outcomes.right());
    match origin {
        Origin::Link => markup.push_str(&notice(
            "origin",
            "From a shared link:",
            "figures as their sender made them. The file itself is not in the link.",
        )),
        Origin::File(rejected) => markup.push_str(&left_out(rejected, n)),
    }
    if n < SMALL {
        let mut text = format!(
            "{}: read the intervals, not the dots.",
            counted(n, "answer")
        );
        if let Some(chance) = numbers.chance {
            text.push_str(&format!(
                " Even a perfectly calibrated model would show an ECE of about {} here, and up to {} by chance.",
                fixed(chance.null_ece, 3),
                fixed(chance.null_ece_95, 3)
            ));
        }
        markup.push_str(&notice("warning", "Few answers.", &text));
    }
    if right == 0 || right == n {
        let text = format!(
            "All {} are {}: AUROC is not defined, and nothing can be said about telling right from wrong. Is it the right column?",
            counted(n, "answer"),
            if right == 0 { "wrong" } else { "right" }
        );
        markup.push_str(&notice("warning", "One outcome only.", &text));
    }
    markup
}

fn left_out(rejected: &Rejected, n: u64) -> String {
    if rejected.count == 0 {
        return String::new();
    }
    let mut words = format!("{} left out of", counted(rejected.count, "row"));
    words.push_str(&format!(" {}.", count(rejected.count + n)));
    let many = match 100 * rejected.count >= MANY_REJECTED * (rejected.count + n) {
        true => " So many: look at the columns and the scale below.",
        false => " The figures are of the others.",
    };
    let first: String = rejected
        .first
        .iter()
        .map(|(place, reason)| element("li", &foreign(&[place, ": ", reason].concat())))
        .collect();
    let more = rejected.count - rejected.first.len() as u64;
    let more = match more {
        0 => String::new(),
        more => element("li", &format!("and {} more", count(more))),
    };
    let summary = element("summary", "Which, and why");
    let list = wrapped("ul", &(first + &more));
    wrapped(
        "div class=\"notice warning\"",
        &[
            wrapped("p", &(element("strong", &words) + &escaped(many))),
            wrapped("details", &(summary + &list)),
        ]
        .concat(),
    )
}

/// What chance alone would show.
fn chance(numbers: &Numbers) -> String {
    let Some(chance) = numbers.chance else {
        return String::new();
    };
    let p = match chance.p_value {
        p if p < 0.001 => "p < 0.001".to_owned(),
        p => format!("p = {}", fixed(p, 3)),
    };
    format!(
        "At n = {} a calibrated model would show an ECE of about {} by chance, 95% of the time under {}. That it is calibrated: {p}.",
        count(numbers.outcomes.n()),
        fixed(chance.null_ece, 3),
        fixed(chance.null_ece_95, 3)
    )
}

/// The options of the choice of dots.
fn bins_offered(outcomes: &Outcomes, chosen: u32) -> String {
    let stated = match outcomes.has_levels() {
        true => "by level",
        false => "as stated",
    };
    let option = |value: u32, words: &str| {
        let selected = if value == chosen {
            " selected=\"\""
        } else {
            ""
        };
        element(&format!("option value=\"{value}\"{selected}"), words)
    };
    let widths: String = WIDTHS
        .iter()
        .map(|bins| option(*bins, &format!("{bins} bins of equal width")))
        .collect();
    option(0, stated) + &widths
}

fn histogram_table(outcomes: &Outcomes) -> String {
    let rows: Vec<Vec<String>> = outcomes
        .bars()
        .iter()
        .enumerate()
        .filter(|(_, bar)| **bar != (0, 0))
        .map(|(bar, &(right, wrong))| {
            vec![
                fixed(bar as f64 / 10.0, 1),
                count(right.into()),
                count(wrong.into()),
            ]
        })
        .collect();
    table(
        "Answers by confidence, each bar centred on its level.",
        &["Confidence", "Right", "Wrong"],
        &rows,
    )
}

fn risk_table(outcomes: &Outcomes) -> String {
    let places = risk_coverage::places(outcomes);
    let step = places.len().div_ceil(RISK_ROWS_MAX).max(1);
    let last = places.len().saturating_sub(1);
    let rows: Vec<Vec<String>> = places
        .iter()
        .enumerate()
        .filter(|(at, _)| at % step == 0 || *at == last)
        .map(|(_, place)| {
            vec![
                fixed(place.confidence, 2),
                percent(place.coverage),
                percent(1.0 - place.risk),
                percent(place.risk),
            ]
        })
        .collect();
    table(
        "Answering only what is at least so sure.",
        &["Confidence at least", "Answered", "Of them right", "Wrong"],
        &rows,
    )
}

fn resamples(numbers: &Numbers) -> String {
    match numbers.resamples as usize {
        0 => "Intervals are being made.".to_owned(),
        done if done < RESAMPLES => format!(
            "Intervals are 95%, of {done} resamples so far; they are refined to {}.",
            count(RESAMPLES as u64)
        ),
        done => format!("Intervals are 95%, of {} resamples.", count(done as u64)),
    }
}

fn measures_table(numbers: &Numbers) -> String {
    let metrics = &numbers.metrics;
    let head = [
        element("th scope=\"col\"", "Measure"),
        element("th scope=\"col\" class=\"number\"", "Value"),
        element("th scope=\"col\" class=\"number\"", "95% interval"),
        element("th scope=\"col\"", "What it says"),
    ]
    .concat();
    let rows: String = metrics
        .values()
        .into_iter()
        .zip(&WORDS)
        .map(|((name, value), words)| {
            let ends = metrics.intervals.get(name).copied().flatten();
            let range = match (value, ends) {
                (None, _) => "not defined".to_owned(),
                (Some(_), None) => "–".to_owned(),
                (Some(_), Some([low, high])) => [fixed(low, 3), fixed(high, 3)].join(" to "),
            };
            let bar = value.map_or_else(String::new, |value| {
                interval::svg(
                    value,
                    ends.map(|[low, high]| (low, high)),
                    words.scale.clone(),
                )
            });
            let title = escaped(words.label) + &element("code class=\"minor\"", name);
            let value = value.map_or_else(|| "–".to_owned(), |value| fixed(value, 4));
            wrapped(
                "tr",
                &[
                    wrapped("th scope=\"row\"", &title),
                    element("td class=\"number value\"", &value),
                    wrapped(
                        "td class=\"number range\"",
                        &(escaped(&range) + &wrapped("span class=\"bar\"", &bar)),
                    ),
                    element("td class=\"meaning\"", words.meaning),
                ]
                .concat(),
            )
        })
        .collect();
    let levels = match metrics.mode {
        Mode::Levels => {
            " Confidences are levels, so that each is a bin of its own and four kinds of ECE are one."
        }
        Mode::Continuous => "",
    };
    let caption = format!(
        "As sayself metrics computes them. Lower is better where nothing else is said.{levels}"
    );
    wrapped(
        "table class=\"measures of-file\"",
        &[
            wrapped("caption", &element("span", &caption)),
            wrapped("thead", &wrapped("tr", &head)),
            wrapped("tbody", &rows),
        ]
        .concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::outcomes;
    use calibration::Row;
    use calibration::metrics::{Options, evaluate};

    fn numbers(rows: &[Row], bootstraps: usize) -> Numbers {
        let options = Options {
            bootstraps,
            ..Options::default()
        };
        let metrics = evaluate(rows, options).unwrap();
        let mut numbers = Numbers::new(metrics, 0, outcomes(rows));
        numbers.resamples = bootstraps as u32;
        numbers
    }

    fn rows(n: u32) -> Vec<Row> {
        (0..n)
            .map(|at| (f64::from(at % 10 + 1) / 10.0, at % 10 < at / 10 % 10).into())
            .collect()
    }

    #[test]
    fn every_piece_is_there_and_foreign_text_is_text() {
        let mut numbers = numbers(&rows(1_000), 20);
        numbers.name("<script>x</script>\u{202e}");
        let rejected = Rejected {
            count: 7,
            first: vec![("line 2".into(), "found <img src=x>".into())],
        };
        let pieces = pieces(&numbers, &Origin::File(rejected), 10);
        for name in [
            "heading",
            "lede",
            "facts",
            "notices",
            "bins",
            "diagram",
            "diagram-table",
            "chance",
            "histogram",
            "histogram-table",
            "risk",
            "risk-table",
            "measures",
            "resamples",
        ] {
            let piece = pieces.get(name).unwrap();
            assert!(
                !piece.contains("<script") && !piece.contains("<img"),
                "{name}"
            );
            assert!(!piece.contains('\u{202e}'), "{name}");
            assert!(!piece.is_empty() || name == "chance", "{name}");
        }
        assert!(pieces["notices"].contains("7 rows left out of 1,007."));
        assert!(pieces["notices"].contains("and 6 more"));
        assert!(pieces["bins"].contains("<option value=\"10\" selected=\"\">"));
        assert!(pieces["resamples"].contains("20 resamples so far"));
    }

    #[test]
    fn few_one_outcome_and_links_are_told() {
        let few: Vec<Row> = vec![(0.9, true).into(); 7];
        let pieces = pieces(&numbers(&few, 0), &Origin::Link, 0);
        for words in ["Few answers.", "One outcome only.", "From a shared link:"] {
            assert!(pieces["notices"].contains(words), "{words}");
        }
        assert!(pieces["measures"].contains("not defined"));
        let large = super::pieces(
            &numbers(&rows(1_000), 0),
            &Origin::File(Rejected::default()),
            0,
        );
        assert_eq!(large["notices"], "");
    }
}
