//! The Compare page and the Tables page, from plain data to HTML.

use app::chart::file::Form;
use app::drawn::compared::Chart;
use app::view::*;
use app::{Medium, Page, RenderContext, link, render};
use comparison::changes::{self, Both};
use comparison::tables::{self, Measured};
use comparison::words;
use datasets::paper::Paper;

const HOSTILE: &str = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`<svg/onload=alert(3)>[a](javascript:alert(4))\u{202e}\u{1b}[31m\u{0}";

fn drawn(page: Page) -> String {
    let context = RenderContext {
        nonce: "n0nce".into(),
        assets_present: true,
        path: "/compare".into(),
        warnings: Vec::new(),
        viewer: Viewer::at_the_machine(),
        medium: Medium::Server,
    };
    render(page, context)
}

fn entry(run: &str, label: &str, tallies: Vec<(f64, u64, u64)>) -> ComparedEvaluation {
    ComparedEvaluation {
        entry: format!("{run}:{label}"),
        run: run.into(),
        title: run.into(),
        label: label.into(),
        model: run.into(),
        questions: run.into(),
        n: tallies.iter().map(|(_, right, wrong)| right + wrong).sum(),
        failures: 1,
        bad_lines: 1,
        is_cut: true,
        tallies,
    }
}

fn comparison(text: &str, entries: usize) -> Comparison {
    let said = |probability, correct| Said {
        answer: Some(text.into()),
        probability,
        correct,
        failure: Some(text.into()),
        rationale: words::marked(text, &format!("other {text} words")).1,
    };
    let both = [Both {
        before: (0.2, false),
        after: (0.9, true),
    }];
    Comparison {
        entries: (0..entries)
            .map(|place| {
                entry(
                    text,
                    &format!("{text}{place}"),
                    vec![(0.1, 3, 9), (0.9, 80, 20)],
                )
            })
            .collect(),
        left_out: vec![LeftOut {
            name: text.into(),
            reason: text.into(),
        }],
        base: 0,
        with: 1,
        shared_by_all: 112,
        pairs: (1..entries)
            .map(|entry| Pair {
                entry,
                n: 112,
                differences: vec![PairedDifference {
                    measure: "brier".into(),
                    base: 0.3,
                    other: 0.2,
                    difference: -0.1,
                    low: Some(-0.2),
                    high: Some(f64::NAN),
                    p_value: None,
                    p_holm: None,
                }],
            })
            .collect(),
        family: 5,
        bootstraps: 100,
        seed: 42,
        changes: Some(Changes {
            n: 1,
            counts: changes::counts(&both),
            cells: vec![LevelCell {
                before: 2,
                after: 9,
                right: 1,
                wrong: 0,
            }],
            chosen: None,
            lists: vec![ChangeList {
                change: Change::BecameRight,
                total: 5,
                questions: vec![ChangedQuestion {
                    id: text.into(),
                    question: text.into(),
                    gold: Some(text.into()),
                    before: said(0.2, false),
                    after: said(0.9, true),
                }],
            }],
        }),
        choices: vec![Choice {
            run: text.into(),
            title: text.into(),
            model: text.into(),
            questions: text.into(),
            labels: vec![text.into()],
        }],
        query: text.into(),
        more_choices: true,
    }
}

fn tabled(text: &str) -> PaperTables {
    let metrics = serde_json::json!({ "n": 3, "ece_15": 0.1, "model": text, "questions": text, "method": text });
    let measured = [Measured::new(text, text, false, metrics, None, None)];
    PaperTables {
        tables: tables::tables(&measured, &Paper::shipped()),
        runs: vec![TabledRun {
            id: text.into(),
            title: text.into(),
            evaluations: 1,
            is_shown: true,
        }],
        is_chosen: true,
        left_out: vec![LeftOut {
            name: text.into(),
            reason: text.into(),
        }],
    }
}

fn pages(text: &str) -> Vec<Page> {
    let mut pages: Vec<Page> = [0, 1, 2, 6]
        .map(|entries| Page::Compare(Box::new(comparison(text, entries))))
        .into();
    pages.push(Page::Tables(Box::new(tabled(text))));
    pages
}

fn values<'html>(html: &'html str, attribute: &str) -> Vec<&'html str> {
    let opening = format!(" {attribute}=\"");
    html.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn hostile_text_stays_text() {
    for page in pages(HOSTILE) {
        let html = drawn(page);
        for forbidden in ["<script>", "<img", "<svg/", "\u{202e}", "\u{1b}", "\u{0}"] {
            assert!(!html.contains(forbidden), "found {forbidden:?}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)"));
    }
}

#[test]
fn pages_keep_to_the_security_policy_and_ids_are_unique() {
    for page in pages("text") {
        let html = drawn(page);
        assert_eq!(
            html.matches("nonce=\"n0nce\"").count(),
            html.matches("<script").count() + html.matches("<style").count()
        );
        assert!(!html.contains(" style=\"") && !html.contains(" onclick"));
        let mut ids = values(&html, "id");
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert_eq!(html.matches("<h1").count(), 1);
    }
}

#[test]
fn what_differs_is_marked_for_eyes_and_ears() {
    let html = drawn(Page::Compare(Box::new(comparison("text", 2))));
    assert!(
        html.contains("<ins>") && html.contains("[only in B: "),
        "{html}"
    );
    assert!(html.contains("More that became right"));
    assert!(html.contains("change=became-right#changed"));
}

#[test]
fn charts_can_be_taken_away() {
    let html = drawn(Page::Compare(Box::new(comparison("text", 2))));
    let query =
        "?run=text%3Atext0&amp;run=text%3Atext1&amp;base=text%3Atext0&amp;with=text%3Atext1";
    for chart in Chart::ALL {
        for ending in ["svg", "csv"] {
            let address = format!("/compare/charts/{}.{ending}{query}", chart.name());
            assert!(html.contains(&format!("href=\"{address}\"")), "{address}");
        }
    }
    assert!(html.contains("toBlob"));
    let choice = drawn(Page::Compare(Box::new(comparison("text", 1))));
    assert!(!choice.contains("/compare/charts/") && !choice.contains("toBlob"));
}

#[test]
fn files_hold_what_the_page_draws() {
    let of = |chart: Chart, form, text: &str, entries| chart.file(form, &comparison(text, entries));
    for entries in [2, 6] {
        for chart in Chart::ALL {
            assert_eq!(Chart::named(chart.name()), Some(chart));
            let svg = of(chart, Form::Svg, HOSTILE, entries).expect("it is there");
            assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>\n"));
            assert_eq!(svg.matches("<rect width=\"100%\"").count(), 1);
            for forbidden in ["<script>", "<img", "var(", "NaN", "\u{202e}", "\u{1b}"] {
                assert!(!svg.contains(forbidden), "{forbidden:?}");
            }
            let ids = values(&svg, "id");
            let distinct: std::collections::HashSet<_> = ids.iter().collect();
            assert_eq!(distinct.len(), ids.len(), "ids are unique");
        }
    }
    let csv = |chart| of(chart, Form::Csv, "text", 2).expect("it is there");
    assert!(csv(Chart::Overlay).contains("text1,0.9,0.9,0.9,100,80,0.8,"));
    assert!(csv(Chart::Histograms).contains("\ntext0,0.1,3,9\n"));
    assert!(csv(Chart::Changes).ends_with("\nA text0,B text1,0.2,0.9,1,0\n"));
    assert!(
        csv(Chart::Differences).ends_with("\nA text0,B text1,brier,112,0.3,0.2,-0.1,-0.2,,,\n")
    );
    let six = of(Chart::Overlay, Form::Csv, "text", 6).expect("it is there");
    assert!(six.contains("\ntext5,"));
    // What the page does not draw is no file.
    let mut apart = comparison("text", 2);
    apart.changes = None;
    apart.pairs[0].differences.clear();
    let there = Chart::ALL.map(|chart| chart.file(Form::Svg, &apart).is_some());
    assert_eq!(there, [true, true, false, false]);
}

#[test]
fn names_tell_evaluations_apart() {
    let of = |entries: &[ComparedEvaluation]| -> Vec<String> {
        entries.iter().map(|one| one.name(entries)).collect()
    };
    let one = |run, label| entry(run, label, Vec::new());
    assert_eq!(of(&[one("a", "x"), one("a", "y")]), ["x", "y"]);
    assert_eq!(of(&[one("a", "x"), one("b", "x")]), ["a", "b"]);
    assert_eq!(of(&[one("a", "x"), one("b", "y")]), ["a: x", "b: y"]);
}

#[test]
fn addresses_are_plain() {
    assert_eq!(
        link::compare(&["a", "b:c d"]),
        "/compare?run=a&run=b%3Ac%20d"
    );
    assert_eq!(link::tables(&[]), "/tables");
    assert_eq!(
        link::tables_in("md", &["a"], Some("1b")),
        "/tables.md?run=a&table=1b"
    );
}

#[test]
fn every_cell_of_the_tables_says_something() {
    let html = drawn(Page::Tables(Box::new(tabled("text"))));
    assert!(
        html.contains("not run") && html.contains("not in the paper") && html.contains("0.3272")
    );
    assert!(!html.contains("<td class=\"number\"></td>"));
}
