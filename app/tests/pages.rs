//! The pages and charts, from plain data to HTML.

use app::chart::palette::Ink;
use app::chart::{Binning, Outcomes, histogram, reliability};
use app::regroup::Sampled;
use app::view::*;
use app::{Medium, Page, RenderContext, render};
use datasets::{Answer, Cluster};

const HOSTILE: &str = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`<svg/onload=alert(3)>[a](javascript:alert(4))\u{202e}\u{1b}[31m\u{0}";

fn context() -> RenderContext {
    RenderContext {
        nonce: "n0nce".into(),
        assets_present: true,
        path: "/runs/a".into(),
        warnings: vec![HOSTILE.into()],
        viewer: Viewer::at_the_machine(),
        medium: Medium::Server,
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
        directory: directory(text),
        published: None,
    }
}

/// Everything that a run directory can tell, with the text wherever it may stand.
fn directory(text: &str) -> RunDirectory {
    let groups = || {
        vec![
            AnswerGroup {
                name: text.into(),
                n: 30,
                right: 10,
                mean_confidence: 0.7,
            },
            AnswerGroup {
                name: text.into(),
                n: 3,
                right: 0,
                mean_confidence: f64::NAN,
            },
        ]
    };
    let place = CurvePlace {
        step: u64::MAX / 8,
        n: 1,
        mean: 0.5,
        low: 0.5,
        high: 0.5,
    };
    let curve = |stage: &str| LearningCurve {
        stage: stage.into(),
        name: "loss".into(),
        steps: 1,
        places: vec![place, place],
    };
    RunDirectory {
        breakdowns: vec![
            Breakdown {
                label: text.into(),
                templates: groups(),
                question_lengths: groups(),
                answer_lengths: groups(),
                read: 33,
                whole: false,
            };
            2
        ],
        curves: vec![
            curve("sft"),
            curve(&["sft/seed-", text].concat()),
            curve(text),
        ],
        notes: vec![RunNote {
            time_ms: 0,
            stage: text.into(),
            message: text.into(),
            alarm: true,
        }],
        provenance: Some(Provenance {
            sayself_version: text.into(),
            stage: text.into(),
            hashes: vec![FileHash {
                of: text.into(),
                sha256: text.into(),
            }],
        }),
        skipped: vec![SkippedReason {
            stage: text.into(),
            reason: text.into(),
            n: 1,
            examples: vec![text.into()],
        }],
        files: vec![RunFile {
            path: text.into(),
            bytes: 1,
        }],
        files_cut: true,
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

/// A page of the list with a row of each state.
fn runs_page(text: &str, states: Vec<RunState>) -> RunsPage {
    let rows: Vec<RunRow> = states
        .into_iter()
        .enumerate()
        .map(|(index, state)| RunRow {
            run: RunSummary {
                id: format!("{text}{index}"),
                ..summary(text, state)
            },
            labels: Labels {
                tags: vec![text.into(), "tag".into()],
                note: text.into(),
            },
        })
        .collect();
    RunsPage {
        total: 7,
        matching: 6,
        before: 1,
        choice: RunChoice {
            search: text.into(),
            narrowed: vec![(Facet::Model, text.into()), (Facet::Tag, text.into())],
            ..RunChoice::default()
        },
        facets: Facet::ALL
            .into_iter()
            .map(|facet| FacetChoices {
                facet,
                choices: vec![(text.into(), 1), ("other".into(), 2)],
            })
            .collect(),
        groups: Vec::new(),
        continued: false,
        after: Some(text.into()),
        next: Some(text.into()),
        errors_to: 0.5,
        locked: None,
        rows,
    }
}

fn grouped(text: &str) -> RunsPage {
    let states = vec![RunState::Finished, RunState::Waiting, RunState::Finished];
    let mut page = runs_page(text, states);
    page.choice.grouped = true;
    page.continued = true;
    let group = |name: &str, rows| RunGroup {
        name: name.into(),
        rows,
        runs: 9,
    };
    page.groups = vec![group("", 1), group(text, 2)];
    page
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
        Page::Runs(Box::new(runs_page(text, states.into()))),
        Page::Runs(Box::new(RunsPage {
            locked: Some(text.into()),
            ..grouped(text)
        })),
        Page::Runs(Box::new(runs_page(text, Vec::new()))),
        Page::Runs(Box::new(RunsPage {
            matching: 0,
            ..runs_page(text, Vec::new())
        })),
        Page::Run(Box::new(detail(
            text,
            vec![vec![(0.3, true), (0.9, false)], vec![(0.5, true)]],
            vec![0, 1],
        ))),
        Page::Run(Box::new(failed_run)),
        Page::Answers(AnswerList {
            run: summary(text, RunState::Finished),
            label: text.into(),
            labels: vec![text.into()],
            filter: text.into(),
            asked: AnswerFilter {
                low: Some(0.5),
                template: Some(text.into()),
                search: text.into(),
                ..AnswerFilter::default()
            },
            order: AnswerOrder::Surest,
            templates: vec![TemplateCount {
                template: text.into(),
                answers: 1,
            }],
            answers: vec![answer(text)],
            record_bytes: vec![1_000_000],
            total: 1,
            searched: Some(Searched {
                answers: 1,
                stopped: true,
            }),
            previous: Some(text.into()),
            next: Some(text.into()),
            bad_lines: 1,
            indexing: Some(Indexing::default()),
        }),
        Page::Question(Box::new(question(text, false))),
        Page::Question(Box::new(question(text, true))),
        Page::Problem(Problem {
            status: 404,
            title: text.into(),
            detail: text.into(),
            next: text.into(),
        }),
    ]
}

fn question(text: &str, by_embedding: bool) -> QuestionDetail {
    let named = || NamedShare {
        answer: text.into(),
        share: 0.5,
    };
    let rationale = |by_teacher| MarkedRationale {
        writer: text.into(),
        by_teacher,
        parts: [
            Names::Nothing,
            Names::Cluster { share: 0.5 },
            Names::Invented,
        ]
        .map(|names| RationalePart {
            text: text.into(),
            names,
        })
        .into(),
        named: vec![named()],
        invented: vec![text.into()],
        left_out: vec![named()],
        score: 5.0,
    };
    QuestionDetail {
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
        clustering: Clustered {
            method: Some(text.into()),
            threshold: by_embedding.then_some(840_000),
        },
        samples: vec![ShownSample {
            index: 0,
            response: text.into(),
            answer: text.into(),
            correct: false,
        }],
        samples_left_out: 3,
        heights: by_embedding.then(|| Heights {
            samples: vec![0],
            steps: vec![vec![(900_000, 0)]],
        }),
        threshold: by_embedding.then_some(500_000),
        answers: vec![(text.into(), answer(text))],
        record_bytes: vec![1],
        rationale: Some(text.into()),
        rationales: vec![rationale(false), rationale(true)],
        names_looked_for: 1,
        indexing: Some(Indexing::default()),
    }
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

#[test]
fn the_list_says_in_its_links_what_is_asked_of_it() {
    let mut page = runs_page("a", vec![RunState::Finished]);
    page.choice = RunChoice {
        narrowed: vec![(Facet::Questions, "world & facts".into())],
        ..RunChoice::default()
    }
    .sorted(RunSort::Ece);
    page.next = Some("n1.a".into());
    let html = render(Page::Runs(Box::new(page)), context());
    let narrowed = "/?questions=world%20%26%20facts&amp;sort=";
    // A second time the other way, another column its own way, more of the same.
    for link in [
        format!("{narrowed}ece&amp;direction=descending\""),
        format!("{narrowed}auroc\""),
        format!("{narrowed}ece&amp;after=n1.a\""),
        "/runs/a0\"".to_owned(),
    ] {
        assert!(
            html.contains(&format!("href=\"{link}")),
            "no {link} in {html}"
        );
    }
    // The style sheet in the head speaks of it too.
    let list = html.split("<main").nth(1).expect("a page has a main part");
    assert!(list.contains("aria-sort=\"ascending\"") && list.matches("aria-sort").count() == 1);
    assert!(html.contains("name=\"run\" value=\"a0\"") && html.contains("action=\"/compare\""));
    assert_eq!(
        app::link::compare(&["a", "b c"]),
        "/compare?run=a&run=b%20c"
    );
}

#[test]
fn tags_and_notes_are_changed_by_a_plain_form_or_told_why_not() {
    let page = runs_page("a", vec![RunState::Finished]);
    let locked = RunsPage {
        locked: Some("The database is away. Bring it back.".into()),
        ..page.clone()
    };
    let html = render(Page::Runs(Box::new(page)), context());
    assert!(html.contains("method=\"post\" action=\"/runs/a0/labels\""));
    assert!(html.contains("value=\"a, tag\"") && html.contains(">\na</textarea>"));
    let html = render(Page::Runs(Box::new(locked)), context());
    assert!(html.contains("The database is away.") && !html.contains("method=\"post\""));
}

#[test]
fn rows_that_move_share_one_stream() {
    let running = || RunState::Running {
        stage: "sample".into(),
        done: 120,
        total: 300,
        unit: "questions".into(),
        seconds_left: None,
    };
    let many: Vec<RunState> = (0..60).map(|_| running()).collect();
    let html = render(Page::Runs(Box::new(runs_page("a", many))), context());
    assert_eq!(html.matches("data-island=\"progress\"").count(), 50);
    let streams: std::collections::HashSet<&str> = html
        .split("/api/states?")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(streams.len(), 1, "{streams:?}");
    // The others stand as they stood.
    assert_eq!(html.matches("sample: 120 of 300 questions").count(), 60);
}

#[test]
fn an_empty_list_says_what_to_type_or_what_to_let_go_of() {
    let nothing = RunsPage {
        total: 0,
        matching: 0,
        choice: RunChoice::default(),
        ..runs_page("a", Vec::new())
    };
    let html = render(Page::Runs(Box::new(nothing)), context());
    assert!(html.contains("cargo xtask demo") && html.contains("sayself run world-facts/demo"));
    assert!(!html.contains("name=\"q\""));
    let unmatched = RunsPage {
        matching: 0,
        after: None,
        ..runs_page("x", Vec::new())
    };
    let html = render(Page::Runs(Box::new(unmatched)), context());
    assert!(
        html.contains("No run matches all of this") && html.contains("href=\"/\">Show all runs")
    );
    assert!(html.contains("href=\"/?model=x&amp;tag=x\">leave out"));
}

#[test]
fn clusters_at_a_threshold_are_drawn_alike_on_both_sides() {
    let mut detail = question("a <b> & \u{202e}", true);
    detail.samples = (0..4)
        .map(|index| ShownSample {
            index,
            response: format!("{index} <i>\u{1b}"),
            answer: "Paris".into(),
            correct: true,
        })
        .collect();
    detail.heights = Some(Heights {
        samples: (0..4).collect(),
        steps: vec![
            vec![],
            vec![(900_000, 0)],
            vec![(800_000, 0)],
            vec![(700_000, 2), (600_000, 0)],
        ],
    });
    let sent = Sampled::new(&detail);
    let embedded = serde_json::to_string(&sent).expect("it is plain data");
    let read_back: Sampled = serde_json::from_str(&embedded).expect("it was just written");
    let html = render(Page::Question(Box::new(detail)), context());
    for threshold in [500_000, 650_000, 750_000, 850_000, 950_000] {
        assert_eq!(
            sent.table(&sent.groups_at(threshold)),
            read_back.table(&read_back.groups_at(threshold))
        );
    }
    // The line of clusters, to take away.
    let file = "/charts/cluster-counts.csv?threshold=0.5\"";
    assert!(html.contains(file) && html.contains("toBlob"));
    // The server draws what the address asks for, and says how to ask again with scripts off.
    assert!(html.contains(&sent.table(&sent.groups_at(500_000))));
    assert!(html.contains("name=\"threshold\"") && html.contains("4 samples in 1 cluster"));
}

#[test]
fn what_cannot_be_moved_says_why() {
    let mut detail = question("a", false);
    detail.clustering.method = Some("answer".into());
    let html = render(Page::Question(Box::new(detail.clone())), context());
    assert!(html.contains("grouped by normalised answer") && !html.contains("name=\"threshold\""));
    detail.clustering.method = None;
    let html = render(Page::Question(Box::new(detail.clone())), context());
    assert!(html.contains("not clustered yet"));
    detail.clustering.method = Some("embedding: m, cosine above 0.84".into());
    detail.clustering.threshold = Some(840_000);
    let html = render(Page::Question(Box::new(detail)), context());
    assert!(html.contains("No merge heights are stored"));
}
