//! The Run page's choices, and its charts mark by mark.

use app::chart::curves::{Curves, panels};
use app::chart::file::Form;
use app::chart::measured::{measured, recalibrated};
use app::chart::{Binning, Diagram, Outcomes, curves, reliability, risk_coverage};
use app::drawn::groups::Grouping;
use app::view::*;
use app::{Medium, Page, RenderContext, render};

/// `(confidence, right, wrong)` as points.
fn repeated(levels: &[(f64, usize, usize)]) -> Vec<(f64, bool)> {
    let mut points = Vec::new();
    for &(confidence, right, wrong) in levels {
        points.extend(std::iter::repeat_n((confidence, true), right));
        points.extend(std::iter::repeat_n((confidence, false), wrong));
    }
    points
}

fn before() -> Vec<(f64, bool)> {
    repeated(&[(0.8, 30, 70), (0.9, 60, 140), (1.0, 40, 60)])
}

fn after() -> Vec<(f64, bool)> {
    repeated(&[(0.1, 9, 91), (0.4, 41, 59), (0.9, 88, 12)])
}

fn two() -> Vec<Outcomes> {
    [("direct-prompting", before()), ("sayself", after())]
        .iter()
        .map(|(label, points)| measured(label, points).outcomes.clone())
        .collect()
}

fn evaluation(label: &str, metrics: serde_json::Value) -> Evaluation {
    Evaluation {
        label: label.into(),
        method: label.into(),
        n: 400,
        parse_failures: 0,
        accuracy: Figure::default(),
        ece: Figure::default(),
        smece: Figure::default(),
        brier: Figure::default(),
        auroc: Figure::default(),
        within_template_auroc: Figure::default(),
        brier_skill: Figure::default(),
        metrics,
    }
}

fn detail() -> RunDetail {
    let map = serde_json::json!({"recalibrated": {
        "ece_10": 0.02, "brier": 0.2,
        "map": {"family": "platt", "slope": 0.2, "intercept": -1.0, "n": 100, "method": "direct-prompting"},
    }});
    RunDetail {
        summary: RunSummary {
            id: "a".into(),
            title: "A run".into(),
            model: "m".into(),
            method: "sayself".into(),
            questions: "world-facts".into(),
            n: 400,
            metrics: None,
            state: RunState::Finished,
            started_ms: None,
            recorded: false,
        },
        evaluations: vec![
            evaluation("direct-prompting", map),
            evaluation("sayself", serde_json::Value::Null),
        ],
        points: vec![before(), after()],
        shown: vec![0, 1],
        config: "seed = 1".into(),
        log: Vec::new(),
        skipped: 0,
        directory: RunDirectory {
            breakdowns: vec![Breakdown {
                label: "sayself".into(),
                templates: vec![
                    AnswerGroup {
                        name: "capital".into(),
                        n: 285,
                        right: 60,
                        mean_confidence: 0.6,
                    },
                    AnswerGroup {
                        name: "currency".into(),
                        n: 15,
                        right: 5,
                        mean_confidence: 0.4,
                    },
                ],
                read: 300,
                whole: true,
                ..Breakdown::default()
            }],
            ..RunDirectory::default()
        },
        published: None,
    }
}

fn page(query: &str) -> String {
    let context = RenderContext {
        nonce: "n0nce".into(),
        assets_present: true,
        path: format!("/runs/a{query}"),
        warnings: Vec::new(),
        viewer: Viewer::at_the_machine(),
        medium: Medium::Server,
    };
    render(Page::Run(Box::new(detail())), context)
}

#[test]
fn the_address_chooses_the_diagram() {
    let drawn = |diagram, binning| {
        let mut outcomes = two();
        let map = app::drawn::saved_recalibration(&detail().evaluations[0]).expect("it is saved");
        outcomes[0].recalibrated = recalibrated(&map, &before());
        reliability::drawn(&outcomes, diagram, binning, "reliability")
    };
    for (query, diagram, binning) in [
        ("", Diagram::Corp, Binning::Stated),
        ("?diagram=nonsense", Diagram::Corp, Binning::Stated),
        ("?diagram=levels", Diagram::Levels, Binning::Stated),
        ("?diagram=smooth&label=x", Diagram::Smooth, Binning::Stated),
        ("?diagram=levels&bins=7", Diagram::Levels, Binning::Width(7)),
    ] {
        let html = page(query);
        assert!(html.contains(&drawn(diagram, binning)), "{query}");
        assert!(html.contains(diagram.caption()), "{query}");
        assert_eq!(html.matches("aria-current=\"true\"").count(), 1, "{query}");
    }
    // Each choice keeps what else the address says.
    assert!(
        page("?label=sayself&above=70")
            .contains("href=\"/runs/a?label=sayself&amp;diagram=smooth&amp;above=70\"")
    );
}

#[test]
fn a_saved_recalibration_is_drawn_over_the_curve_and_told() {
    let html = page("");
    assert!(html.contains("stroke-dasharray=\"2 4\"") && html.contains(">recalibrated</text>"));
    assert!(html.contains("Platt scaling (slope 0.20, intercept −1.00)"));
}

#[test]
fn a_threshold_is_told_and_marked() {
    let html = page("?above=90");
    let counted = measured("sayself", &after());
    let words = risk_coverage::selected(&counted.outcomes, 9_000).words();
    assert!(html.contains(&words), "{words}");
    let two: Vec<Outcomes> = [("direct-prompting", before()), ("sayself", after())]
        .iter()
        .map(|(label, points)| Outcomes::new(label, points))
        .collect();
    assert!(html.contains(&risk_coverage::svg_at(&two, Some(9_000), "risk-coverage")));
    // Without one, the surer half of the last evaluation.
    assert!(page("").contains("value=\"40\""));
}

#[test]
fn small_groups_are_greyed_with_the_reason() {
    let html = page("");
    assert!(html.contains("n &lt; 20: too few to judge"));
    assert_eq!(html.matches("class=\"few\"").count(), 1);
    assert!(html.contains("+0.39"));
}

#[test]
fn charts_can_be_taken_away() {
    let html = page("?diagram=smooth");
    for address in [
        "/runs/a/charts/reliability.svg?diagram=smooth",
        "/runs/a/charts/reliability.csv?diagram=smooth",
        "/runs/a/charts/histogram.svg?label=sayself",
        "/runs/a/charts/templates.svg?label=sayself",
        "/runs/a/charts/templates.csv?label=sayself",
    ] {
        assert!(html.contains(&format!("href=\"{address}\"")), "{address}");
    }
    // What makes pictures of them is there without the bundle too.
    assert!(html.contains("data-picture=\"templates\"") && html.contains("toBlob"));
}

#[test]
fn groups_are_a_chart_and_a_table() {
    let breakdowns = detail().directory.breakdowns;
    let svg = Grouping::Templates.file(Form::Svg, &breakdowns);
    for words in [
        ">sayself, by template</text>",
        ">capital</text>",
        ">n = 285</text>",
        "capital: 0.211, 0.167 to 0.262; ring 0.600; n = 285",
    ] {
        assert!(svg.contains(words), "{words} in {svg}");
    }
    let csv = Grouping::Templates.file(Form::Csv, &breakdowns);
    assert!(csv.contains("sayself,currency,15,5,0.4,"), "{csv}");
    for grouping in Grouping::ALL {
        assert_eq!(Grouping::named(grouping.name()), Some(grouping));
        assert!(grouping.file(Form::Svg, &[]).ends_with("</svg>\n"));
    }
}

#[test]
fn diagrams_are_drawn_as_recorded() {
    let lines = |svg: String| svg.replace("><", ">\n<");
    for diagram in [Diagram::Levels, Diagram::Smooth] {
        let svg = reliability::drawn(&two(), diagram, Binning::Stated, "reliability");
        insta::assert_snapshot!(format!("reliability-{}", diagram.name()), lines(svg));
    }
    let svg = risk_coverage::svg_at(&two(), Some(5_000), "risk");
    insta::assert_snapshot!("risk-coverage", lines(svg));
    let mut said = Curves::default();
    for step in 0..12_u64 {
        for seed in ["rl/seed-1", "rl/seed-2"] {
            let shift = if seed == "rl/seed-1" { 0.0 } else { 0.05 };
            said.hear(seed, step, [("reward", 0.4 + 0.02 * step as f64 + shift)]);
        }
    }
    let svg = curves::svg(&panels(said.all()), "curves");
    insta::assert_snapshot!("learning-curves", lines(svg));
}

#[test]
fn what_the_browser_reads_back_draws_the_same_bytes() {
    let embedded = serde_json::to_string(&two()).expect("outcomes are plain data");
    let read_back: Vec<Outcomes> = serde_json::from_str(&embedded).expect("it was just written");
    for diagram in Diagram::ALL {
        for binning in [Binning::Stated, Binning::Width(7)] {
            assert_eq!(
                reliability::drawn(&two(), diagram, binning, "a"),
                reliability::drawn(&read_back, diagram, binning, "a")
            );
            assert_eq!(
                reliability::table_of(&two(), diagram, binning),
                reliability::table_of(&read_back, diagram, binning)
            );
        }
    }
}
