//! Exports of small projects: the tables here, other tools' forms in [`forms`].

mod forms;

use super::*;
use app::view::{MemberRow, ProjectRow, ProjectState};
use datasets::annotation::{Choice, EvidenceCluster, ItemRationale, ProjectSpec, Span, Verdict};
use serde_json::Value;

fn item(position: u32, kind: ItemKind, id: &str, runs: &[&str]) -> Item {
    Item {
        id: format!("i{position}"),
        position,
        kind,
        question_id: id.into(),
        question: "Which town?".into(),
        samples: 10,
        evidence: vec![
            EvidenceCluster {
                answer: "Rome".into(),
                count: 7,
                share: 0.7,
                examples: vec!["It is Rome".into()],
            },
            EvidenceCluster {
                answer: String::new(),
                count: 3,
                share: 0.3,
                examples: Vec::new(),
            },
        ],
        rationales: runs
            .iter()
            .map(|run| ItemRationale {
                text: "😀 Rome or Oslo".into(),
                run: (*run).into(),
                label: "sayself".into(),
                method: "sayself".into(),
                confidence: Some(7),
                correct: Some(false),
            })
            .collect(),
        stratum: "confidence 7 · wrong".into(),
        known: None,
    }
}

fn rating(item: u32, annotator: &str) -> Rating {
    Rating {
        item: format!("i{item}"),
        assignment: format!("{annotator}-{item}"),
        annotator: annotator.into(),
        revision: 2,
        score: None,
        choice: None,
        skip: None,
        spans: Vec::new(),
        note: String::new(),
        active_ms: 12_500,
        saved_ms: 1_795_564_260_000,
        is_repeat: false,
        first_left: true,
    }
}

fn data(kind: ProjectKind, items: Vec<Item>, ratings: Vec<Rating>) -> ExportData {
    let said = ratings
        .iter()
        .map(|rating| Said {
            key: format!("key-{}", rating.assignment),
            assignment: rating.assignment.clone(),
            item: rating.item.clone(),
            annotator: rating.annotator.clone(),
            revision: rating.revision,
            is_repeat: rating.is_repeat,
            first_left: rating.first_left,
            said: RatingRequest {
                assignment: rating.assignment.clone(),
                revision: rating.revision,
                score: rating.score,
                choice: rating.choice,
                skip: rating.skip.clone(),
                active_ms: rating.active_ms,
                ..RatingRequest::default()
            },
            saved_ms: rating.saved_ms,
            was_late: false,
        })
        .collect();
    ExportData {
        detail: ProjectDetail {
            row: ProjectRow {
                id: "0198".into(),
                title: "Test".into(),
                kind,
                state: ProjectState::Open,
                items: 2,
                rated: 2,
                wanted: 4,
                annotators: 2,
                created_ms: 1_795_564_000_000,
            },
            spec: ProjectSpec {
                kind,
                seed: Some(u64::MAX),
                ..ProjectSpec::default()
            },
            hashes: vec![("spec".into(), "5e".into()), ("rubric".into(), "7b".into())],
            members: vec![MemberRow {
                annotator: "dan".into(),
                state: "invited".into(),
                rated: 0,
                skipped: 0,
                gold_right: 0,
                gold: 0,
                attention_right: 0,
                attention: 0,
                repeats: 0,
                repeat_agreement: None,
                active_ms: 0,
                active_ms_median: 0,
            }],
            kinds: vec![(ItemKind::Main, 2)],
            strata: Vec::new(),
            remarks: Vec::new(),
        },
        items,
        ratings,
        settled: BTreeMap::new(),
        said,
        events: vec![Event {
            at_ms: 1_795_564_200_000,
            kind: "handed-out".into(),
            annotator: Some("ann".into()),
            detail: r#"{"item":"i0","assignment":"ann-0"}"#.into(),
        }],
        names: None,
    }
}

fn singles() -> ExportData {
    let items = vec![
        item(1, ItemKind::Main, "q1", &["r"]),
        item(0, ItemKind::Main, "=cmd", &["r"]),
        item(2, ItemKind::Gold, "q2", &["r"]),
    ];
    let score = |item, annotator, score| Rating {
        score: Some(score),
        ..rating(item, annotator)
    };
    let ratings = vec![
        Rating {
            note: "=HYPERLINK(\"http://x\"), \"see\"".into(),
            spans: vec![Span {
                side: 0,
                start: 3,
                end: 7,
                verdict: Verdict::BornOut,
            }],
            ..score(0, "bea", 4)
        },
        score(0, "ann", 7),
        score(1, "ann", 5),
        Rating {
            skip: Some("unclear".into()),
            ..rating(1, "bea")
        },
        score(2, "ann", 9),
        Rating {
            is_repeat: true,
            assignment: "ann-again".into(),
            ..score(1, "ann", 0)
        },
    ];
    data(ProjectKind::Single, items, ratings)
}

fn text(what: What, form: Form, data: &ExportData) -> String {
    write(what, form, data).unwrap().text
}

fn rows(what: What, data: &ExportData) -> Vec<Value> {
    let text = text(what, Form::Jsonl, data);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn ratings_are_those_that_count_and_name_their_origin() {
    let rows = rows(What::Ratings, &singles());
    let told: Vec<(&str, &str, u64)> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (
                text("id"),
                text("annotator"),
                row["score"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("=cmd", "ann", 7), ("=cmd", "bea", 4), ("q1", "ann", 5)]
    );
    for row in &rows {
        assert_eq!(row["seed"], u64::MAX.to_string());
        assert_eq!(
            (&row["spec_sha256"], &row["rubric_sha256"]),
            (&"5e".into(), &"7b".into())
        );
        assert_eq!(row["project"], "0198");
        assert_eq!(row.get("name"), None);
    }
    assert_eq!(rows[1]["spans"][0]["words"], "Rome");
    assert_eq!(rows[1]["saved_at"], "2026-11-24T23:51:00.000Z");
}

#[test]
fn no_cell_is_a_formula() {
    let mut data = singles();
    data.names = Some(BTreeMap::from([("ann".to_owned(), "@ann".to_owned())]));
    for what in What::ALL.into_iter().filter(|what| what.is_table()) {
        let csv = text(what, Form::Csv, &data);
        assert!(csv.lines().count() > 1, "{}", what.word());
        for start in ["=", "+", "-", "@"] {
            for before in ["\n", ",", "\n\"", ",\""] {
                let cell = [before, start].concat();
                assert!(!csv.contains(&cell), "{} has {cell:?}", what.word());
            }
        }
    }
    let ratings = text(What::Ratings, Form::Csv, &data);
    assert!(
        ratings.starts_with("id,annotator,name,item,run,"),
        "{ratings}"
    );
    assert!(ratings.contains("\"'=cmd\",ann,\"'@ann\","), "{ratings}");
    assert!(
        ratings.contains("\"'=HYPERLINK(\"\"http://x\"\"), \"\"see\"\"\""),
        "{ratings}"
    );
}

#[test]
fn names_stand_there_only_where_they_were_asked_for() {
    let mut data = singles();
    let all = |data: &ExportData| -> String {
        let made = What::ALL
            .into_iter()
            .map(|what| text(what, Form::Jsonl, data));
        made.collect()
    };
    assert!(!all(&data).contains("Ann Example"));
    data.names = Some(BTreeMap::from([(
        "ann".to_owned(),
        "Ann Example".to_owned(),
    )]));
    for what in [
        What::Ratings,
        What::Events,
        What::Hours,
        What::LabelStudio,
        What::Argilla,
    ] {
        let made = text(what, Form::Jsonl, &data);
        assert!(made.contains("Ann Example"), "{}", what.word());
    }
}

#[test]
fn an_item_is_settled_by_a_person_or_by_the_ratings() {
    let mut data = singles();
    let adjudicated = Settled {
        score: Some(6),
        note: "both".into(),
        by: "researcher-1".into(),
        ..Settled::default()
    };
    data.settled.insert("i1".into(), adjudicated);
    let rows = rows(What::Settled, &data);
    let [first, second] = &rows[..] else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (&first["settled"], &first["score"]),
        (&"mean".into(), &5.5.into())
    );
    assert_eq!(
        (&first["spread"], &first["ratings"]),
        (&1.5.into(), &2.into())
    );
    assert_eq!(
        (&second["settled"], &second["score"]),
        (&"adjudicated".into(), &6.into())
    );
    assert_eq!(
        (&second["mean"], &second["settled_by"]),
        (&5.into(), &"researcher-1".into())
    );
}

fn pairs() -> ExportData {
    let items = vec![item(0, ItemKind::Main, "q0", &["a", "b"])];
    let choice = |annotator, choice, first_left| Rating {
        choice: Some(choice),
        first_left,
        ..rating(0, annotator)
    };
    let ratings = vec![
        choice("ann", Choice::Left, false),
        choice("bea", Choice::Left, true),
        choice("cyd", Choice::BothBad, true),
    ];
    data(ProjectKind::Pairs, items, ratings)
}

#[test]
fn choices_are_of_the_runs_wherever_they_stood() {
    let data = pairs();
    let rows = rows(What::Ratings, &data);
    assert_eq!(
        (&rows[0]["choice"], &rows[0]["shown_left"]),
        (&"first".into(), &"second".into())
    );
    assert_eq!(
        (&rows[0]["first"], &rows[0]["second"]),
        (&"a:sayself".into(), &"b:sayself".into())
    );
    assert_eq!(
        (&rows[2]["choice"], &rows[2]["preferred"]),
        (&"both-bad".into(), &"".into())
    );
    let settled = self::rows(What::Settled, &data);
    assert_eq!(
        (&settled[0]["choice"], &settled[0]["settled"]),
        (&"first".into(), &"majority".into())
    );
    assert_eq!(
        (&settled[0]["first_votes"], &settled[0]["both_bad"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn events_are_everything_in_order() {
    let data = singles();
    let rows = rows(What::Events, &data);
    let kinds: Vec<&str> = rows
        .iter()
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    let said = data.said.len();
    assert_eq!(
        kinds[..5],
        ["project", "item", "item", "item", "handed-out"]
    );
    assert!(kinds[5..].iter().all(|kind| *kind == "rating") && kinds.len() == 5 + said);
    assert_eq!(rows[0]["detail"]["rubric"], RUBRIC_SINGLE);
    assert_eq!(rows[0]["detail"]["sha256"]["spec"], "5e");
    assert_eq!(rows[4]["assignment"], "ann-0");
    assert_eq!(rows[5]["detail"]["said"]["score"], 4);
}

#[test]
fn hours_are_of_all_work() {
    let rows = rows(What::Hours, &singles());
    let ann = &rows[0];
    // Three items and one repeat, of 12.5 seconds each.
    assert_eq!(
        (&ann["items"], &ann["main"], &ann["gold"]),
        (&4.into(), &2.into(), &1.into())
    );
    assert_eq!(
        (&ann["repeats"], &ann["active_ms"]),
        (&1.into(), &50_000.into())
    );
    assert!((ann["active_hours"].as_f64().unwrap() - 50.0 / 3_600.0).abs() < 1e-12);
    assert_eq!(
        (&rows[1]["skipped"], &rows[1]["items"]),
        (&1.into(), &2.into())
    );
    // Who was invited and did nothing.
    assert_eq!(
        (&rows[2]["annotator"], &rows[2]["items"]),
        (&"dan".into(), &0.into())
    );
    assert_eq!(
        (&rows[2]["state"], &rows[2]["active_ms_median"]),
        (&"invited".into(), &Value::Null)
    );
}
