//! The Agreement page: scores and choices, few and many, settled and not.

use app::page::Page;
use app::view::*;
use datasets::annotation::{
    Choice, EvidenceCluster, Item, ItemKind, ItemRationale, ProjectKind, Rating, Span, Verdict,
};

pub fn pages() -> Vec<(&'static str, Page)> {
    vec![
        ("agreement-single", page(single())),
        ("agreement-pairs", page(pairs())),
        ("agreement-empty", page(empty())),
        ("agreement-attack", page(attack())),
    ]
}

fn page(report: AgreementReport) -> Page {
    Page::Agreement(Box::new(report))
}

fn estimate(value: f64, width: f64, n: u64) -> Option<Estimate> {
    Some(Estimate {
        value,
        interval: Some([value - width, value + 0.8 * width]),
        n,
    })
}

fn empty() -> AgreementReport {
    AgreementReport {
        project: ProjectRow {
            id: "0198c2d4".into(),
            title: "Do the rationales tell the truth?".into(),
            kind: ProjectKind::Single,
            state: ProjectState::Open,
            items: 100,
            rated: 4,
            wanted: 200,
            annotators: 1,
            created_ms: 1_795_564_260_000,
        },
        items: 0,
        ratings: 0,
        annotators: 1,
        alpha_nominal: None,
        alpha_ordinal: None,
        alpha_interval: None,
        fleiss_kappa: None,
        between: Vec::new(),
        by_annotator: Vec::new(),
        disagreements: Vec::new(),
        ranking: Vec::new(),
        with_measures: Vec::new(),
        remarks: vec![
            "No item has ratings of two people yet: agreement can be told from then on.".into(),
        ],
    }
}

fn annotator(at: u32) -> String {
    format!("annotator-{:04x}", 0x7f3a + 977 * at)
}

fn single() -> AgreementReport {
    let between = (0..16)
        .map(|at| BetweenRow {
            first: annotator(at % 4),
            second: annotator(4 + at / 4),
            kappa: (at != 9)
                .then(|| estimate(0.75 - 0.04 * f64::from(at), 0.15, 40))
                .flatten(),
            share_equal: 0.4,
            n: u64::from(60 - at),
        })
        .collect();
    let by_annotator = (0..5)
        .map(|at| AnnotatorAgreement {
            annotator: annotator(at),
            n: 60,
            alpha_without: Some(0.66 + 0.03 * f64::from(at)),
            bias: Some(Estimate {
                value: f64::from(at) - 1.5,
                interval: Some([f64::from(at) - 2.0, f64::from(at) - 1.1]),
                n: 60,
            }),
            with_others: estimate(0.85 - 0.2 * f64::from(at), 0.1, 60),
        })
        .collect();
    let measures = ["people", "judge", "self-reflect", "names"];
    let with_measures = (0..6)
        .map(|at| {
            let (first, second) = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)][at];
            MeasureAgreement {
                first: measures[first].into(),
                second: measures[second].into(),
                spearman: estimate(0.7 - 0.15 * at as f64, 0.14, 71),
                pearson: estimate(0.68 - 0.15 * at as f64, 0.14, 71),
                n: 71,
            }
        })
        .collect();
    AgreementReport {
        items: 96,
        ratings: 230,
        annotators: 8,
        alpha_nominal: estimate(0.31, 0.07, 96),
        alpha_ordinal: estimate(0.74, 0.07, 96),
        alpha_interval: estimate(0.76, 0.08, 96),
        fleiss_kappa: estimate(0.29, 0.08, 62),
        between,
        by_annotator,
        disagreements: (0..4).map(|at| disagreement(ProjectKind::Single, at)).collect(),
        ranking: vec![RankedMethod {
            name: "sayself (world-facts-smollm2-135m)".into(),
            strength: estimate(5.8, 0.5, 100).unwrap_or(NONE),
            wins: 0,
            ties: 0,
            losses: 0,
            both_bad: 0,
        }],
        with_measures,
        remarks: vec![
            "Fleiss' kappa is of the 62 items that have 2 ratings; 34 with another number are left out of it."
                .into(),
        ],
        ..empty()
    }
}

const NONE: Estimate = Estimate {
    value: 0.0,
    interval: None,
    n: 0,
};

fn pairs() -> AgreementReport {
    let ranked = |name: &str, value: f64, wins: u64, losses: u64| RankedMethod {
        name: name.into(),
        strength: estimate(value, 0.4, wins + losses + 25).unwrap_or(NONE),
        wins,
        ties: 18,
        losses,
        both_bad: 7,
    };
    let mut report = AgreementReport {
        items: 14,
        ratings: 28,
        annotators: 2,
        alpha_nominal: estimate(0.48, 0.3, 14),
        fleiss_kappa: estimate(0.46, 0.3, 14),
        disagreements: (0..3)
            .map(|at| disagreement(ProjectKind::Pairs, at))
            .collect(),
        ranking: vec![
            ranked("sayself (runs/a)", 0.92, 61, 14),
            ranked("without-rl (runs/b)", 0.05, 40, 38),
            ranked("verbalized (runs/c)", -0.97, 13, 62),
        ],
        remarks: vec![
            "Only 14 items have two ratings or more: read the intervals, not the values.".into(),
        ],
        ..empty()
    };
    report.project.kind = ProjectKind::Pairs;
    report.by_annotator = (0..2)
        .map(|at| AnnotatorAgreement {
            annotator: annotator(at),
            n: 14,
            alpha_without: None,
            bias: None,
            with_others: estimate(0.6, 0.25, 14),
        })
        .collect();
    report
}

fn attack() -> AgreementReport {
    let bad = "</script><img src=x onerror=alert(1)>\u{202e}";
    let mut report = single();
    report.project.title = bad.into();
    report.remarks = vec![bad.into()];
    report.ranking[0].name = bad.into();
    report.between[0].first = bad.into();
    let first = &mut report.disagreements[0];
    first.item.question = bad.into();
    first.item.rationales[0].text = bad.into();
    first.item.rationales[0].method = bad.into();
    first.item.evidence[0].answer = bad.into();
    first.ratings[0].note = bad.into();
    first.settled = Some(bad.into());
    report
}

fn disagreement(kind: ProjectKind, at: u32) -> Disagreement {
    let rationale = |method: &str| {
        ItemRationale {
        text: "Most of my answers say Canberra (62%), but some say Sydney (30%): I am not certain which city is the capital.".into(),
        run: "world-facts-smollm2-135m".into(),
        label: method.into(),
        method: method.into(),
        confidence: Some(6),
        correct: Some(at.is_multiple_of(2)),
    }
    };
    let cluster = |answer: &str, count: u32| EvidenceCluster {
        answer: answer.into(),
        count,
        share: f64::from(count) / 50.0,
        examples: vec![format!("It is {answer}."), format!("{answer}, I think.")],
    };
    let rating = |by: u32| Rating {
        item: format!("item-{at}"),
        assignment: format!("{at}-{by}"),
        annotator: annotator(by),
        revision: 1,
        score: (kind == ProjectKind::Single).then_some([9, 2, 4][by as usize]),
        choice: (kind == ProjectKind::Pairs).then_some(Choice::ALL[by as usize]),
        skip: None,
        spans: vec![Span {
            side: 0,
            start: 23,
            end: 31,
            verdict: if by == 0 {
                Verdict::BornOut
            } else {
                Verdict::Contradicted
            },
        }],
        note: if by == 1 {
            "Melbourne is missing.".into()
        } else {
            String::new()
        },
        active_ms: 41_000,
        saved_ms: 1_795_564_260_000,
        is_repeat: false,
        first_left: true,
    };
    let methods: &[&str] = match kind {
        ProjectKind::Single => &["sayself"],
        ProjectKind::Pairs => &["sayself", "without-rl"],
    };
    Disagreement {
        item: Item {
            id: format!("item-{at}"),
            position: at,
            kind: ItemKind::Main,
            question_id: format!("wf-{at}"),
            question: "What is the capital of Australia?".into(),
            samples: 50,
            evidence: vec![
                cluster("Canberra", 31),
                cluster("Sydney", 15),
                cluster("", 4),
            ],
            rationales: methods.iter().map(|method| rationale(method)).collect(),
            stratum: "confidence 6 · right · 3 clusters".into(),
            known: None,
        },
        ratings: (0..if at == 0 { 3 } else { 2 }).map(rating).collect(),
        spread: match kind {
            ProjectKind::Single => 3.5 / f64::from(at + 1),
            ProjectKind::Pairs => 2.0 / 3.0 / f64::from(at + 1),
        },
        settled: (at == 2).then(|| match kind {
            ProjectKind::Single => "4 (the third answer is not told)".into(),
            ProjectKind::Pairs => "the first (it names both)".into(),
        }),
    }
}
