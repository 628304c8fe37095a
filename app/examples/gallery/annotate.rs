//! Annotation in every state.

use app::Page;
use app::view::*;
use datasets::annotation::*;

pub fn pages() -> Vec<(&'static str, Page)> {
    vec![
        ("annotate", home(true, true)),
        (
            "annotate-empty",
            Page::Annotate(AnnotateHome {
                work: Vec::new(),
                projects: Some(Vec::new()),
            }),
        ),
        ("annotate-annotator", home(true, false)),
        ("annotate-uninvited", home(false, false)),
        ("annotate-new", new(Vec::new(), false)),
        (
            "annotate-new-wrong",
            new(
                vec!["Items: “many” is no whole number from 0 to 4294967295.".into()],
                false,
            ),
        ),
        ("annotate-new-empty", new(Vec::new(), true)),
        ("annotate-project", project(ProjectState::Open, None)),
        ("annotate-draft", project(ProjectState::Draft, None)),
        (
            "annotate-invited",
            project(
                ProjectState::Open,
                Some("http://127.0.0.1:7590/invitation/J9cR0bXx0aP4sGm2".into()),
            ),
        ),
        (
            "work",
            work(ProjectKind::Single, WorkStanding::Ready, |_| {}),
        ),
        (
            "work-pairs",
            work(ProjectKind::Pairs, WorkStanding::Ready, |_| {}),
        ),
        (
            "work-training",
            work(ProjectKind::Single, WorkStanding::Training, |page| {
                page.batch
                    .items
                    .iter_mut()
                    .for_each(|item| item.training = true);
            }),
        ),
        (
            "work-explained",
            work(ProjectKind::Single, WorkStanding::Training, |page| {
                page.batch
                    .items
                    .iter_mut()
                    .for_each(|item| item.training = true);
                page.saved = Some(RatingSaved {
                    key: "k".into(),
                    assignment: "a".into(),
                    revision: 1,
                    saved_ms: 0,
                    fresh: true,
                    explained: Some(Explained {
                        right: false,
                        expected: "7 to 10".into(),
                        explanation:
                            "It names both cities with about their weights, and nothing else."
                                .into(),
                    }),
                    progress: page.batch.progress,
                });
            }),
        ),
        (
            "work-again",
            work(ProjectKind::Single, WorkStanding::Ready, |page| {
                page.batch.items[0].revisions = 1;
                page.batch.items[0].said = Some(RatingRequest {
                    assignment: "a".into(),
                    revision: 1,
                    score: Some(7),
                    note: "Perth is missing.".into(),
                    spans: vec![Span {
                        side: 0,
                        start: 24,
                        end: 36,
                        verdict: Verdict::BornOut,
                    }],
                    ..RatingRequest::default()
                });
            }),
        ),
        (
            "work-many",
            work(ProjectKind::Single, WorkStanding::Ready, |page| {
                let evidence = &mut page.batch.items[0].evidence;
                let last = evidence[2].clone();
                evidence.extend((0..20).map(|index| EvidenceCluster {
                    answer: format!("A longer answer that is one of many, number {index}"),
                    ..last.clone()
                }));
            }),
        ),
        (
            "work-consent",
            work(ProjectKind::Single, WorkStanding::Consent, |_| {}),
        ),
        (
            "work-nothing",
            work(ProjectKind::Single, WorkStanding::NothingLeft, |page| {
                page.batch.items.clear()
            }),
        ),
        (
            "work-refused",
            work(ProjectKind::Single, WorkStanding::Refused, |page| {
                page.batch.items.clear()
            }),
        ),
        (
            "work-waiting",
            work(ProjectKind::Single, WorkStanding::Waiting, |page| {
                page.batch.items.clear()
            }),
        ),
        (
            "work-closed",
            work(ProjectKind::Single, WorkStanding::Closed, |page| {
                page.batch.items.clear()
            }),
        ),
        (
            "work-preview",
            work(ProjectKind::Pairs, WorkStanding::Ready, |page| {
                page.preview = true
            }),
        ),
    ]
}

const PROGRESS: WorkProgress = WorkProgress {
    own_rated: 12,
    own_skipped: 1,
    training_rated: 2,
    training: 4,
    rated: 131,
    wanted: 200,
};

fn row(state: ProjectState, kind: ProjectKind) -> ProjectRow {
    ProjectRow {
        id: "0198-doubts".into(),
        title: "Does it say what it doubts? First round".into(),
        kind,
        state,
        items: 100,
        rated: 131,
        wanted: 200,
        annotators: 5,
        created_ms: 1_795_564_260_000,
    }
}

fn home(invited: bool, researcher: bool) -> Page {
    let work = |standing, kind| WorkRow {
        project: "0198-doubts".into(),
        title: "Does it say what it doubts? First round".into(),
        kind,
        standing,
        progress: PROGRESS,
        contact: "Ada Lovelace, ada@example.org".into(),
    };
    let all = vec![
        work(WorkStanding::Ready, ProjectKind::Single),
        work(WorkStanding::Consent, ProjectKind::Pairs),
        work(WorkStanding::NothingLeft, ProjectKind::Single),
        work(WorkStanding::Closed, ProjectKind::Single),
    ];
    Page::Annotate(AnnotateHome {
        work: if invited { all } else { Vec::new() },
        projects: researcher.then(|| {
            ProjectState::ALL
                .into_iter()
                .map(|state| row(state, ProjectKind::Single))
                .collect()
        }),
    })
}

fn new(wrong: Vec<String>, is_empty: bool) -> Page {
    let run = |run: &str, label: &str| {
        (
            run.to_owned(),
            label.to_owned(),
            "SmolLM2-135M on world-facts, 300 answers with a rationale, all sampled".to_owned(),
        )
    };
    Page::NewProject(Box::new(NewProject {
        spec: ProjectSpec {
            runs: vec![RatedRun {
                run: "demo".into(),
                label: Some("sayself".into()),
            }],
            ..ProjectSpec::default()
        },
        runs: if is_empty {
            Vec::new()
        } else {
            vec![
                run("demo", "sayself"),
                run("demo", "sayself-seed-2"),
                run("world-facts", "sayself"),
            ]
        },
        wrong,
        rubric_single: RUBRIC_SINGLE.into(),
        rubric_pairs: RUBRIC_PAIRS.into(),
        consent: "You are asked to rate texts.".into(),
    }))
}

fn project(state: ProjectState, invitation: Option<String>) -> Page {
    let member = |annotator: &str, state: &str, rated| MemberRow {
        annotator: annotator.into(),
        state: state.into(),
        rated,
        skipped: 1,
        gold_right: 3,
        gold: 4,
        attention_right: 1,
        attention: 1,
        repeats: 2,
        repeat_agreement: Some(0.5),
        active_ms: 2_345_000,
        active_ms_median: 31_000,
    };
    let members = match state {
        ProjectState::Draft => Vec::new(),
        _ => vec![
            member("annotator-7f3a", "at work", 61),
            member("annotator-02c9", "paused", 40),
            member("annotator-bb10", "training", 0),
        ],
    };
    Page::Project(Box::new(ProjectPage {
        detail: ProjectDetail {
            row: row(state, ProjectKind::Single),
            spec: ProjectSpec {
                runs: vec![RatedRun {
                    run: "demo".into(),
                    label: Some("sayself".into()),
                }],
                seed: Some(1_812_331),
                rubric: RUBRIC_SINGLE.into(),
                instructions: "About 40 minutes.".into(),
                ..ProjectSpec::default()
            },
            hashes: vec![(
                "spec".into(),
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
            )],
            members,
            kinds: vec![
                (ItemKind::Main, 100),
                (ItemKind::Training, 4),
                (ItemKind::Gold, 12),
                (ItemKind::Attention, 2),
            ],
            strata: vec![
                StratumRow {
                    stratum: "confidence 8 · wrong".into(),
                    items: 12,
                    rated: 20,
                },
                StratumRow {
                    stratum: "confidence 9 · right".into(),
                    items: 31,
                    rated: 44,
                },
            ],
            remarks: vec!["14 questions were left out: their answers have no rationale.".into()],
        },
        invitation,
        wrong: Vec::new(),
    }))
}

fn work(kind: ProjectKind, standing: WorkStanding, change: impl FnOnce(&mut WorkPage)) -> Page {
    let cluster = |answer: &str, count: u32, examples: &[&str]| EvidenceCluster {
        answer: answer.into(),
        count,
        share: f64::from(count) / 50.0,
        examples: examples.iter().map(|&example| example.into()).collect(),
    };
    let item = |number: usize| {
        WorkItem {
        assignment: format!("3f0c8f6e-0000-4000-8000-00000000000{number}"),
        revisions: 0,
        question: "What is the capital of Australia?".into(),
        samples: 50,
        evidence: vec![
            cluster("Canberra", 31, &["Canberra.", "The capital of Australia is Canberra.", "Canberra, in the Australian Capital Territory."]),
            cluster("Sydney", 15, &["Sydney", "It is Sydney, the largest city."]),
            cluster("Melbourne, which was the seat of government until 1927", 3, &["Melbourne, which was the seat of government until 1927"]),
            cluster("", 1, &["I do not know."]),
        ],
        rationales: match kind {
            ProjectKind::Single => vec!["Most of my answers say Canberra (62%), but some say Sydney (30%): I am not certain which city is the capital, and now and then Melbourne comes up.".into()],
            ProjectKind::Pairs => vec![
                "Most of my answers say Canberra (62%), but some say Sydney (30%): I am not certain which city is the capital.".into(),
                "I know that Canberra is the capital of Australia. It was founded in 1913, and the parliament moved there in 1927. I have no doubt about it.".into(),
            ],
        },
        training: false,
        lease_ends_ms: 1_795_566_060_000,
        said: None,
    }
    };
    let mut page = WorkPage {
        project: "0198-doubts".into(),
        title: "Does it say what it doubts? First round".into(),
        kind,
        contact: "Ada Lovelace, ada@example.org".into(),
        rubric_html: RUBRIC_HTML.into(),
        instructions_html: "<p>About 40 minutes in all; stop whenever you like.</p>".into(),
        consent_html: "<p>You are asked to rate texts that language models wrote.</p><ul><li><strong>What is kept</strong>: your ratings.</li></ul>".into(),
        spans: true,
        ahead: 3,
        batch: WorkBatch {
            standing,
            items: (0..4).map(item).collect(),
            progress: PROGRESS,
            now_ms: 1_795_564_260_000,
        },
        key: "0b6f0d2e-6a5e-4c1e-9c39-2f2d8f6c0f11".into(),
        saved: None,
        preview: false,
        turn: 0,
    };
    change(&mut page);
    Page::Work(Box::new(page))
}

const RUBRIC_HTML: &str = "<p>A model was asked one question many times. <strong>Evidence</strong> shows what it answered, and how often. The <strong>rationale</strong> is what the model says of its own doubt. Rate how well the rationale tells what the evidence shows.</p><ul><li><strong>10</strong> It names everything that the answers differ on, with the right weights.</li><li><strong>7 to 9</strong> It names what matters most; something small is missing or a weight is a little off.</li><li><strong>4 to 6</strong> It names a part of the doubt, or names it vaguely.</li><li><strong>1 to 3</strong> It is nearly silent on what the answers differ on, or mostly wrong about it.</li><li><strong>0</strong> It names nothing on which the answers differ, or claims what the evidence contradicts.</li></ul>";
