//! The pages and charts, from plain data to HTML.

use app::chart::palette::Ink;
use app::chart::{Binning, Outcomes, histogram, reliability};
use app::view::*;
use app::{Page, RenderContext, render};
use datasets::{Answer, Cluster};

const HOSTILE: &str = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`<svg/onload=alert(3)>[a](javascript:alert(4))\u{202e}\u{1b}[31m\u{0}";

fn context() -> RenderContext {
    RenderContext {
        nonce: "n0nce".into(),
        assets_present: true,
        path: "/runs/a".into(),
        warnings: vec![HOSTILE.into()],
    }
}

fn summary(text: &str, state: RunState) -> RunSummary {
    RunSummary {
        id: text.into(),
        title: text.into(),
        model: text.into(),
        method: text.into(),
        questions: text.into(),
        n: 1,
        metrics: Some(evaluation(text)),
        state,
        started_ms: Some(0),
        recorded: true,
    }
}

fn evaluation(text: &str) -> Evaluation {
    let figure = Figure {
        value: Some(0.5),
        low: Some(0.4),
        high: None,
    };
    Evaluation {
        label: text.into(),
        method: text.into(),
        n: 1,
        parse_failures: 1,
        accuracy: figure,
        ece: figure,
        smece: Figure::default(),
        brier: figure,
        auroc: Figure::default(),
        within_template_auroc: Figure::default(),
        brier_skill: Figure {
            value: Some(-0.2),
            low: Some(-0.3),
            high: Some(f64::NAN),
        },
        metrics: serde_json::json!({ "constant_brier": 0.25 }),
    }
}

fn detail(text: &str, points: Vec<Vec<(f64, bool)>>, shown: Vec<usize>) -> RunDetail {
    RunDetail {
        summary: summary(text, RunState::Finished),
        evaluations: points.iter().map(|_| evaluation(text)).collect(),
        points,
        shown,
        config: text.into(),
        log: vec![text.into()],
        skipped: 1,
    }
}

fn answer(text: &str) -> Answer {
    Answer {
        id: text.into(),
        question_id: text.into(),
        template: Some(text.into()),
        entity: Some(text.into()),
        question: text.into(),
        response: text.into(),
        answer: Some(text.into()),
        rationale: Some(text.into()),
        confidence: None,
        probability: 0.0,
        correct: false,
        failure: Some(text.into()),
        gold: Some(text.into()),
        levels: None,
    }
}

/// Every page with the same text wherever text from outside is shown.
fn pages(text: &str) -> Vec<Page> {
    let failed = RunState::Failed {
        stage: text.into(),
        error: text.into(),
    };
    let running = RunState::Running {
        stage: text.into(),
        done: 1,
        total: 0,
        unit: text.into(),
        seconds_left: Some(f64::NAN),
    };
    let damaged = RunState::Damaged { error: text.into() };
    let states = [
        failed.clone(),
        running,
        damaged,
        RunState::Waiting,
        RunState::Finished,
    ];
    let mut failed_run = detail(text, Vec::new(), Vec::new());
    failed_run.summary.state = failed;
    vec![
        Page::Runs {
            runs: states
                .into_iter()
                .map(|state| summary(text, state))
                .collect(),
            query: text.into(),
            next: Some(text.into()),
        },
        Page::Runs {
            runs: Vec::new(),
            query: text.into(),
            next: None,
        },
        Page::Run(Box::new(detail(
            text,
            vec![vec![(0.3, true), (0.9, false)], vec![(0.5, true)]],
            vec![0, 1],
        ))),
        Page::Run(Box::new(failed_run)),
        Page::Answers(AnswerList {
            run: summary(text, RunState::Finished),
            label: text.into(),
            filter: text.into(),
            answers: vec![answer(text)],
            total: 1,
            next: Some(text.into()),
        }),
        Page::Question(Box::new(QuestionDetail {
            run: summary(text, RunState::Finished),
            id: text.into(),
            question: text.into(),
            gold: vec![text.into(), text.into()],
            template: Some(text.into()),
            clusters: vec![Cluster {
                answer: text.into(),
                members: vec![0],
                share: 1.0,
                correct: false,
            }],
            answers: vec![(text.into(), answer(text))],
            rationale: Some(text.into()),
        })),
        Page::Problem(Problem {
            status: 404,
            title: text.into(),
            detail: text.into(),
            next: text.into(),
        }),
    ]
}

/// The values of an attribute wherever it stands in a tag.
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
        let html = render(page, context());
        for forbidden in ["<script>", "<img", "<svg/", "\u{202e}", "\u{1b}", "\u{0}"] {
            assert!(!html.contains(forbidden), "found {forbidden:?} in {html}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)"));
        assert!(
            values(&html, "href")
                .iter()
                .all(|address| !address.trim_start().starts_with("javascript"))
        );
    }
}

#[test]
fn pages_keep_to_the_security_policy() {
    for page in pages("text") {
        let html = render(page, context());
        let own = html.matches("<script").count() + html.matches("<style").count();
        assert_eq!(
            html.matches("nonce=\"n0nce\"").count(),
            own,
            "each script and the style sheet carry the nonce"
        );
        assert!(!html.contains(" style=\""), "inline styles are not allowed");
        assert!(
            !html.contains(" onclick"),
            "inline handlers are not allowed"
        );
        for address in values(&html, "href")
            .into_iter()
            .chain(values(&html, "src"))
            .chain(values(&html, "action"))
        {
            let own = address.is_empty()
                || address.starts_with('/')
                || address.starts_with('#')
                || address == "data:,";
            assert!(own, "{address} leads to another host");
        }
        let mut ids = values(&html, "id");
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "ids are unique");
    }
}

#[test]
fn without_the_bundle_no_island_is_loaded() {
    let page = Page::Run(Box::new(detail("a", vec![vec![(0.5, true)]], vec![0])));
    let html = render(
        page,
        RenderContext {
            assets_present: false,
            ..context()
        },
    );
    assert!(!html.contains("app.js") && html.contains("<svg"));
}

#[test]
fn odd_data_is_drawn_without_panic() {
    let sets: [Vec<(f64, bool)>; 7] = [
        Vec::new(),
        vec![(0.5, true)],
        vec![(0.0, false); 50],
        vec![(1.0, true); 50],
        vec![(f64::NAN, true), (-3.0, false), (7.0, true)],
        (0..5000)
            .map(|index| (f64::from(index) / 5000.0, index % 3 == 0))
            .collect(),
        vec![(0.9, true), (0.9, false)],
    ];
    for first in &sets {
        for second in &sets {
            for shown in [vec![], vec![0], vec![0, 1], vec![1, 0, 1], vec![9]] {
                let page = Page::Run(Box::new(detail(
                    "a",
                    vec![first.clone(), second.clone()],
                    shown,
                )));
                assert!(render(page, context()).ends_with("</html>"));
            }
        }
    }
}

#[test]
fn one_class_and_few_answers_are_told() {
    let html = render(
        Page::Run(Box::new(detail("a", vec![vec![(0.9, false); 60]], vec![0]))),
        context(),
    );
    assert!(html.contains("One outcome only.") && html.contains("Few answers."));
}

/// Two evaluations with every part of the diagram.
fn two() -> Vec<Outcomes> {
    let mut before = Outcomes::new(
        "direct-prompting",
        &repeated(&[(0.8, 30, 70), (0.9, 60, 140), (1.0, 40, 60)]),
    );
    before.curve = vec![(8000, 3000), (9000, 3000), (10_000, 4000)];
    before.band = vec![
        (8000, 7200, 8700),
        (9000, 8600, 9400),
        (10_000, 10_000, 10_000),
    ];
    let mut after = Outcomes::new(
        "sayself",
        &repeated(&[(0.1, 9, 91), (0.4, 41, 59), (0.9, 88, 12)]),
    );
    after.curve = vec![(1000, 900), (4000, 4100), (9000, 8800)];
    after.band = vec![(1000, 500, 1500), (4000, 3200, 4800), (9000, 8500, 9500)];
    vec![before, after]
}

/// `(confidence, right, wrong)` as points.
fn repeated(levels: &[(f64, usize, usize)]) -> Vec<(f64, bool)> {
    let mut points = Vec::new();
    for &(confidence, right, wrong) in levels {
        points.extend(std::iter::repeat_n((confidence, true), right));
        points.extend(std::iter::repeat_n((confidence, false), wrong));
    }
    points
}

#[test]
fn the_reliability_diagram_is_drawn_as_recorded() {
    let svg = reliability::svg(&two(), Binning::Stated, "reliability");
    assert_eq!(
        svg,
        reliability::svg(&two(), Binning::Stated, "reliability")
    );
    // A line a mark, so that a change shows where it is.
    insta::assert_snapshot!("reliability", svg.replace("><", ">\n<"));
}

#[test]
fn the_histogram_is_drawn_as_recorded() {
    let link = |bin: u8, correct: bool| {
        app::link::answers("demo", "sayself", Some(bin), Some(correct), None)
    };
    let svg = histogram::svg(&two()[1], Ink::After, (88, 91), link, "histogram");
    insta::assert_snapshot!("histogram", svg.replace("><", ">\n<"));
}

#[test]
fn what_the_browser_reads_back_draws_the_same_bytes() {
    let embedded = serde_json::to_string(&two()).expect("outcomes are plain data");
    let read_back: Vec<Outcomes> = serde_json::from_str(&embedded).expect("it was just written");
    for binning in [Binning::Stated, Binning::Width(7), Binning::Width(40)] {
        assert_eq!(
            reliability::svg(&two(), binning, "a"),
            reliability::svg(&read_back, binning, "a")
        );
    }
}

#[test]
fn charts_are_what_a_browser_would_write() {
    // The browser test compares outerHTML; that holds only without self-closing tags and with one
    // kind of quotation mark.
    let svg = reliability::svg(&two(), Binning::Stated, "a");
    assert!(!svg.contains("/>") && !svg.contains('\''));
    assert!(
        svg.contains("role=\"img\"")
            && svg.contains("<title id=\"a-title\">")
            && svg.contains("<desc")
    );
}
