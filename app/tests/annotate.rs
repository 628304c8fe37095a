//! The pages of annotation, from plain data to HTML.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use app::view::*;
use app::{Medium, Page, RenderContext, render};
use datasets::annotation::Choice;
use datasets::annotation::*;

const HOSTILE: &str = "</textarea></option></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`\u{202e}\u{1b}[31m\u{0}";

fn html(page: Page) -> String {
    render(
        page,
        RenderContext {
            nonce: "n0nce".into(),
            assets_present: true,
            path: "/annotate".into(),
            warnings: Vec::new(),
            viewer: Viewer {
                role: Role::Admin,
                signed_in: true,
                has_accounts: true,
            },
            medium: Medium::Server,
        },
    )
}

fn item(text: &str, sides: usize) -> WorkItem {
    WorkItem {
        assignment: "3f0c8f6e-1111-4222-8333-444455556666".into(),
        revisions: 2,
        question: text.into(),
        samples: 50,
        evidence: (0..12)
            .map(|index| EvidenceCluster {
                answer: if index == 1 {
                    String::new()
                } else {
                    text.into()
                },
                count: 3,
                share: 0.06,
                examples: vec![text.into()],
            })
            .collect(),
        rationales: vec![text.into(); sides],
        training: false,
        lease_ends_ms: 1_795_566_060_000,
        said: None,
    }
}

fn work(text: &str, kind: ProjectKind, standing: WorkStanding) -> WorkPage {
    let sides = match kind {
        ProjectKind::Single => 1,
        ProjectKind::Pairs => 2,
    };
    WorkPage {
        project: "p1".into(),
        title: text.into(),
        kind,
        contact: text.into(),
        rubric_html: "<p>rubric</p>".into(),
        instructions_html: "<p>instructions</p>".into(),
        consent_html: "<p>consent</p>".into(),
        spans: true,
        ahead: 3,
        batch: WorkBatch {
            standing,
            items: vec![item(text, sides), item(text, sides)],
            progress: WorkProgress {
                own_rated: 1,
                wanted: 9,
                ..WorkProgress::default()
            },
            now_ms: 0,
        },
        key: "0b6f0d2e-6a5e-4c1e-9c39-2f2d8f6c0f11".into(),
        saved: None,
        preview: false,
        turn: 0,
    }
}

fn row(text: &str, state: ProjectState, kind: ProjectKind) -> ProjectRow {
    ProjectRow {
        id: "p1".into(),
        title: text.into(),
        kind,
        state,
        items: 10,
        rated: 3,
        wanted: 20,
        annotators: 1,
        created_ms: -1,
    }
}

fn project(text: &str, state: ProjectState, kind: ProjectKind) -> ProjectPage {
    ProjectPage {
        detail: ProjectDetail {
            row: row(text, state, kind),
            spec: ProjectSpec {
                runs: vec![RatedRun {
                    run: text.into(),
                    label: Some(text.into()),
                }],
                rubric: text.into(),
                instructions: text.into(),
                consent: text.into(),
                ..ProjectSpec::default()
            },
            hashes: vec![(text.into(), text.into())],
            members: vec![MemberRow {
                annotator: text.into(),
                state: text.into(),
                rated: 1,
                skipped: 0,
                gold_right: 0,
                gold: 1,
                attention_right: 0,
                attention: 0,
                repeats: 1,
                repeat_agreement: Some(1.0),
                active_ms: 61_000,
                active_ms_median: 61_000,
            }],
            kinds: ItemKind::ALL.map(|kind| (kind, 1)).into(),
            strata: vec![StratumRow {
                stratum: text.into(),
                items: 1,
                rated: 1,
            }],
            remarks: vec![text.into()],
        },
        invitation: Some(text.into()),
        wrong: vec![text.into()],
    }
}

fn new(text: &str) -> NewProject {
    NewProject {
        spec: ProjectSpec {
            title: text.into(),
            rubric: text.into(),
            runs: vec![RatedRun {
                run: text.into(),
                label: None,
            }],
            gold: vec![KnownItem {
                question_id: text.into(),
                low: Some(1),
                high: None,
                choice: None,
                explanation: text.into(),
            }],
            ..ProjectSpec::default()
        },
        runs: vec![("run".into(), "label".into(), text.into())],
        wrong: vec![text.into()],
        rubric_single: text.into(),
        rubric_pairs: text.into(),
        consent: text.into(),
    }
}

const STANDINGS: [WorkStanding; 8] = [
    WorkStanding::Consent,
    WorkStanding::Training,
    WorkStanding::Ready,
    WorkStanding::NothingLeft,
    WorkStanding::Refused,
    WorkStanding::Waiting,
    WorkStanding::Closed,
    WorkStanding::Withdrawn,
];

fn pages(text: &str) -> Vec<Page> {
    let home = |projects| {
        let work = STANDINGS.map(|standing| WorkRow {
            project: "p1".into(),
            title: text.into(),
            kind: ProjectKind::Pairs,
            standing,
            progress: WorkProgress::default(),
            contact: text.into(),
        });
        Page::Annotate(AnnotateHome {
            work: work.into(),
            projects,
        })
    };
    let rows = ProjectState::ALL.map(|state| row(text, state, ProjectKind::Single));
    let mut pages = vec![
        home(None),
        home(Some(rows.into())),
        Page::NewProject(Box::new(new(text))),
    ];
    for state in ProjectState::ALL {
        for kind in [ProjectKind::Single, ProjectKind::Pairs] {
            pages.push(Page::Project(Box::new(project(text, state, kind))));
        }
    }
    for standing in STANDINGS {
        for kind in [ProjectKind::Single, ProjectKind::Pairs] {
            for preview in [false, true] {
                let page = WorkPage {
                    preview,
                    ..work(text, kind, standing)
                };
                pages.push(Page::Work(Box::new(page)));
            }
        }
    }
    let mut again = work(text, ProjectKind::Single, WorkStanding::NothingLeft);
    again.batch.items[0].said = Some(RatingRequest {
        skip: Some(text.into()),
        note: text.into(),
        ..RatingRequest::default()
    });
    again.saved = Some(RatingSaved {
        key: text.into(),
        assignment: text.into(),
        revision: 1,
        saved_ms: 0,
        fresh: true,
        explained: Some(Explained {
            right: true,
            expected: text.into(),
            explanation: text.into(),
        }),
        progress: WorkProgress::default(),
    });
    pages.push(Page::Work(Box::new(again)));
    pages
}

/// A page without its style sheet and scripts, which are the same whatever is shown.
fn shown(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(start) = ["<style", "<script nonce", "<script type=\"module\""]
        .iter()
        .filter_map(|opening| rest.find(opening))
        .min()
    {
        text.push_str(&rest[..start]);
        let end = ["</style>", "</script>"]
            .iter()
            .filter_map(|closing| Some(rest[start..].find(closing)? + start + closing.len()))
            .min()
            .unwrap();
        rest = &rest[end..];
    }
    text.push_str(rest);
    text
}

fn values(html: &str, attribute: &str) -> Vec<String> {
    let opening = format!(" {attribute}=\"");
    let rest = html.split(&opening).skip(1);
    rest.filter_map(|rest| Some(rest.split('"').next()?.to_owned()))
        .collect()
}

#[test]
fn hostile_text_stays_text() {
    for page in pages(HOSTILE) {
        let html = html(page);
        for forbidden in ["<script>", "<img", "\u{202e}", "\u{1b}", "\u{0}"] {
            assert!(!html.contains(forbidden), "found {forbidden:?} in {html}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)"));
        assert!(!shown(&html).contains(" style=\""));
        assert_eq!(html.matches("<h1").count(), 1);
    }
}

#[test]
fn ids_are_unique_and_what_is_referred_to_is_there() {
    for page in pages("text") {
        let html = shown(&html(page));
        let ids = values(&html, "id");
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{id} is there twice");
        }
        let of = |attribute| -> Vec<String> {
            let lists = values(&html, attribute);
            lists
                .iter()
                .flat_map(|ids| ids.split(' ').map(str::to_owned))
                .collect()
        };
        for attribute in ["for", "aria-labelledby", "aria-describedby"] {
            for id in of(attribute) {
                assert!(ids.contains(&id), "no element has the id {id}");
            }
        }
    }
}

/// What a work page is made of holds nothing of runs, methods, confidence or the kind of item; nor does
/// what is drawn around it.
#[test]
fn the_work_page_tells_nothing_of_where_an_item_comes_from() {
    for kind in [ProjectKind::Single, ProjectKind::Pairs] {
        let html = shown(&html(Page::Work(Box::new(work(
            "text",
            kind,
            WorkStanding::Ready,
        )))));
        let main = &html[html.find("<main").unwrap()..html.find("</main>").unwrap()];
        // A form's own attribute is none of ours.
        let lower = main
            .to_lowercase()
            .replace("method=\"post\"", "")
            .replace("method=\"dialog\"", "");
        for word in [
            "confiden",
            "method",
            "model=",
            "sayself",
            "gold",
            "attention",
            "repeat",
            "stratum",
            "correct",
            "right answer",
            "wrong",
            "known",
            "baseline",
            "label-studio",
            "evaluation",
            "run\"",
            "/runs",
            "template=",
            "seed",
        ] {
            assert!(!lower.contains(word), "{word:?} stands in {main}");
        }
        // The item's own id is random, and the only one.
        let ids = values(main, "value");
        assert!(ids.contains(&"3f0c8f6e-1111-4222-8333-444455556666".to_owned()));
        let data = main.split("id=\"work-data\">").nth(1).unwrap();
        let data = data.split("</script>").next().unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        let item = data["batch"]["items"][0].as_object().unwrap();
        let known = [
            "assignment",
            "revisions",
            "question",
            "samples",
            "evidence",
            "rationales",
            "training",
            "lease_ends_ms",
        ];
        for key in item.keys() {
            assert!(known.contains(&key.as_str()), "{key} is sent to annotators");
        }
        // Bars say how often, not how right.
        let bars = main.matches("class=\"part\"").count();
        assert!(bars >= 12 && !main.contains("outcome"));
    }
}

/// Ratings of every kind of item are drawn alike, but for training, which says so.
#[test]
fn only_training_is_told_apart() {
    let page = work("text", ProjectKind::Single, WorkStanding::Ready);
    let plain = html(Page::Work(Box::new(page.clone())));
    assert!(plain.contains("data-slot=\"training\" hidden"), "{plain}");
    let mut training = page;
    training.batch.items[0].training = true;
    let told = html(Page::Work(Box::new(training)));
    assert!(!told.contains("data-slot=\"training\" hidden"));
}

#[test]
fn the_form_carries_what_a_rating_needs() {
    let single = html(Page::Work(Box::new(work(
        "text",
        ProjectKind::Single,
        WorkStanding::Ready,
    ))));
    assert_eq!(single.matches("name=\"score\"").count(), 11);
    assert!(single.contains("action=\"/annotate/p1/work/rate\""));
    // The next word on an item of two revisions is the third; both forms carry the same key.
    assert_eq!(single.matches("name=\"revision\" value=\"3\"").count(), 2);
    assert_eq!(
        single
            .matches("name=\"key\" value=\"0b6f0d2e-6a5e-4c1e-9c39-2f2d8f6c0f11\"")
            .count(),
        2
    );
    assert_eq!(single.matches("name=\"skip\"").count(), 4);
    let pairs = html(Page::Work(Box::new(work(
        "text",
        ProjectKind::Pairs,
        WorkStanding::Ready,
    ))));
    for choice in Choice::ALL {
        assert!(pairs.contains(&format!("value=\"{}\"", choice.word())));
    }
    assert!(!pairs.contains("name=\"score\""));
    let consent = html(Page::Work(Box::new(work(
        "text",
        ProjectKind::Single,
        WorkStanding::Consent,
    ))));
    assert!(consent.contains("name=\"agreed\" value=\"true\" required"));
    assert!(!consent.contains("id=\"rate\""));
}

#[test]
fn a_preview_keeps_nothing() {
    let page = WorkPage {
        preview: true,
        turn: 4,
        ..work("text", ProjectKind::Single, WorkStanding::Ready)
    };
    let html = shown(&html(Page::Work(Box::new(page))));
    assert!(!html.contains("method=\"post\""), "{html}");
    assert!(html.contains("name=\"turn\" value=\"5\""));
}

#[test]
fn an_item_that_is_shown_again_says_what_was_said() {
    let mut page = work("text", ProjectKind::Single, WorkStanding::NothingLeft);
    page.batch.items[0].said = Some(RatingRequest {
        score: Some(7),
        note: "a note".into(),
        ..RatingRequest::default()
    });
    let html = html(Page::Work(Box::new(page)));
    assert!(html.contains("You rated this 7."));
    assert!(html.contains("value=\"7\" checked"), "{html}");
    assert!(html.contains("a note"));
}

#[test]
fn a_project_offers_what_its_state_allows() {
    for state in ProjectState::ALL {
        let html = html(Page::Project(Box::new(project(
            "text",
            state,
            ProjectKind::Single,
        ))));
        let has = |state: &str| html.contains(&format!("name=\"state\" value=\"{state}\""));
        assert_eq!(
            has("open"),
            matches!(state, ProjectState::Draft | ProjectState::Paused)
        );
        assert_eq!(has("paused"), state == ProjectState::Open);
        assert_eq!(
            has("closed"),
            matches!(state, ProjectState::Open | ProjectState::Paused)
        );
        assert_eq!(has("deleted"), state == ProjectState::Draft);
        assert_eq!(
            html.contains("action=\"/annotate/p1/invitations\""),
            state != ProjectState::Closed
        );
    }
}

#[test]
fn a_form_that_is_sent_back_unchanged_makes_the_same_spec() {
    let spec = ProjectSpec {
        title: "Doubts".into(),
        kind: ProjectKind::Pairs,
        runs: vec![
            RatedRun {
                run: "a".into(),
                label: Some("sayself".into()),
            },
            RatedRun {
                run: "b".into(),
                label: None,
            },
        ],
        sample_size: 7,
        seed: Some(u64::MAX),
        stratify: vec![Stratum::ClusterCount],
        overlap: 3,
        gold_share: 0.15,
        attention_share: 0.0,
        repeat_share: 0.07,
        rubric: "a\n\n- <b> & “c”".into(),
        instructions: "\nd".trim().into(),
        contact: "e \"f\"".into(),
        training: vec![KnownItem {
            question_id: "q".into(),
            low: None,
            high: None,
            choice: Some(Choice::BothBad),
            explanation: "why".into(),
        }],
        qualification: 0.75,
        spans: false,
        ..ProjectSpec::default()
    };
    let form = NewProject {
        spec: spec.clone(),
        runs: vec![("a".into(), "sayself".into(), String::new())],
        ..new("")
    };
    let html = shown(&html(Page::NewProject(Box::new(form))));
    let (read, wrong) = app::project_form::read(&sent(&html));
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(read, spec);
}

/// What a browser would send of the page's posted form.
fn sent(html: &str) -> Vec<(String, String)> {
    let form = html.split("method=\"post\"").nth(1).unwrap();
    let form = form.split("</form>").next().unwrap();
    let plain = |text: &str| {
        text.replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    };
    let value = |tag: &str, name: &str| values(tag, name).into_iter().next();
    let mut fields = Vec::new();
    for tag in form.split('<') {
        let (tag, text) = tag.split_once('>').unwrap_or((tag, ""));
        let Some(name) = value(tag, "name") else {
            continue;
        };
        if tag.starts_with("textarea") {
            // The first line break is the browser's own; the others are sent as CR LF.
            let text = plain(text.strip_prefix('\n').unwrap_or(text));
            fields.push((name, text.replace('\n', "\r\n")));
        } else if tag.starts_with("input") {
            let kind = value(tag, "type").unwrap_or_default();
            let is_ticked = tag.contains(" checked");
            if !["checkbox", "radio"].contains(&kind.as_str()) || is_ticked {
                fields.push((name, plain(&value(tag, "value").unwrap_or_default())));
            }
        }
    }
    fields
}
