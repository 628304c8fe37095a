//! Figures of small projects: of single rationales here, of pairs in [`pairs`].

mod pairs;

use super::*;
use crate::runs::faithfulness::{Score, Scores};
use app::view::ProjectState;
use calibration::faithfulness::cohen::{self, Weighting};
use datasets::annotation::{Choice, ItemKind, ItemRationale};

fn row(kind: ProjectKind) -> ProjectRow {
    ProjectRow {
        id: "p".into(),
        title: "Test".into(),
        kind,
        state: ProjectState::Open,
        items: 0,
        rated: 0,
        wanted: 0,
        annotators: 0,
        created_ms: 0,
    }
}

fn rationale(run: &str) -> ItemRationale {
    ItemRationale {
        text: format!("{run} wavers"),
        run: run.into(),
        label: "sayself".into(),
        method: "sayself".into(),
        confidence: Some(7),
        correct: Some(true),
    }
}

fn item(position: u32, kind: ItemKind, runs: &[&str]) -> Item {
    Item {
        id: format!("i{position}"),
        position,
        kind,
        question_id: format!("q{position}"),
        question: "Which?".into(),
        samples: 10,
        evidence: Vec::new(),
        rationales: runs.iter().map(|run| rationale(run)).collect(),
        stratum: String::new(),
        known: None,
    }
}

fn rating(item: u32, annotator: &str) -> Rating {
    Rating {
        item: format!("i{item}"),
        assignment: format!("{annotator}-{item}"),
        annotator: annotator.into(),
        revision: 1,
        score: None,
        choice: None,
        skip: None,
        spans: Vec::new(),
        note: String::new(),
        active_ms: 1_000,
        saved_ms: 0,
        is_repeat: false,
        first_left: true,
    }
}

fn score(item: u32, annotator: &str, score: u8) -> Rating {
    Rating {
        score: Some(score),
        ..rating(item, annotator)
    }
}

fn choice(item: u32, annotator: &str, choice: Choice) -> Rating {
    Rating {
        choice: Some(choice),
        ..rating(item, annotator)
    }
}

fn told(kind: ProjectKind, items: &[Item], ratings: &[Rating]) -> AgreementReport {
    let rated = Rated {
        items,
        ratings,
        settled: &BTreeMap::new(),
        measures: &Measures::default(),
    };
    report(row(kind), &rated, 200, 1)
}

fn singles(n: u32) -> Vec<Item> {
    (0..n).map(|at| item(at, ItemKind::Main, &["r"])).collect()
}

#[test]
fn nothing_rated_is_told_in_words() {
    for kind in [ProjectKind::Single, ProjectKind::Pairs] {
        let found = told(kind, &singles(3), &[]);
        assert_eq!((found.items, found.ratings, found.annotators), (0, 0, 0));
        assert_eq!((found.alpha_nominal, found.fleiss_kappa), (None, None));
        assert!(found.ranking.is_empty() && found.between.is_empty());
        assert!(found.remarks[0].contains("No item has ratings of two people"));
    }
}

#[test]
fn only_what_counts_is_counted() {
    let mut items = singles(3);
    items.push(item(3, ItemKind::Gold, &["r"]));
    items.push(item(4, ItemKind::Training, &["r"]));
    let mut ratings = vec![score(0, "ann", 7), score(0, "bea", 3), score(1, "ann", 5)];
    ratings.push(Rating {
        skip: Some("unclear".into()),
        ..rating(1, "bea")
    });
    ratings.push(Rating {
        is_repeat: true,
        ..score(0, "ann", 0)
    });
    ratings.extend([score(3, "ann", 9), score(3, "bea", 9), score(4, "ann", 1)]);
    ratings.push(score(99, "ann", 1));
    let found = told(ProjectKind::Single, &items, &ratings);
    assert_eq!((found.items, found.ratings, found.annotators), (1, 2, 2));
    // The one item that differs: 7 and 3 lie 2 from their mean.
    assert_eq!(found.disagreements.len(), 1);
    assert_eq!(found.disagreements[0].spread, 2.0);
    assert_eq!(found.disagreements[0].ratings.len(), 2);
    // One question has no interval.
    assert_eq!(found.alpha_interval.unwrap().interval, None);
    // The mean of items' means: 5 and 5.
    let method = &found.ranking[0];
    assert_eq!(
        (method.name.as_str(), method.strength.value),
        ("sayself (r)", 5.0)
    );
    assert_eq!(method.strength.n, 2);
}

#[test]
fn figures_are_those_of_the_measures() {
    let items = singles(30);
    let mut ratings = Vec::new();
    for at in 0..30 {
        let truth = (at * 7 % 11) as u8;
        ratings.push(score(at, "ann", truth));
        ratings.push(score(at, "bea", truth.saturating_sub(1)));
        if at < 10 {
            ratings.push(score(at, "cyd", 10 - truth));
        }
    }
    let found = told(ProjectKind::Single, &items, &ratings);
    assert_eq!((found.items, found.ratings, found.annotators), (30, 70, 3));
    for estimate in [
        found.alpha_nominal,
        found.alpha_ordinal,
        found.alpha_interval,
    ] {
        let estimate = estimate.unwrap();
        let [low, high] = estimate.interval.unwrap();
        assert!(
            low <= estimate.value && estimate.value <= high,
            "{estimate:?}"
        );
        assert_eq!(estimate.n, 30);
    }
    // Fleiss' kappa is of the twenty items with two ratings.
    assert_eq!(found.fleiss_kappa.unwrap().n, 20);
    assert!(
        found
            .remarks
            .iter()
            .any(|remark| remark.contains("10 with another number"))
    );
    let first = &found.between[0];
    assert_eq!(
        (first.first.as_str(), first.second.as_str(), first.n),
        ("ann", "bea", 30)
    );
    let pairs: Vec<(u8, u8)> = (0..30_u32)
        .map(|at| ((at * 7 % 11) as u8, ((at * 7 % 11) as u8).saturating_sub(1)))
        .collect();
    let kappa = cohen::kappa(&pairs, Weighting::Quadratic).unwrap();
    assert!((first.kappa.unwrap().value - kappa).abs() < 1e-12);
    // Who rates by the other end of the scale lowers alpha: without him it is higher.
    let cyd = found
        .by_annotator
        .iter()
        .find(|one| one.annotator == "cyd")
        .unwrap();
    assert!(cyd.alpha_without.unwrap() > found.alpha_interval.unwrap().value);
    assert!(cyd.with_others.unwrap().value < 0.0);
    let bea = found
        .by_annotator
        .iter()
        .find(|one| one.annotator == "bea")
        .unwrap();
    assert!(bea.bias.unwrap().value < 0.0);
}

#[test]
fn ratings_that_are_all_one_value_have_no_alpha() {
    let ratings = [
        score(0, "ann", 7),
        score(0, "bea", 7),
        score(1, "ann", 7),
        score(1, "bea", 7),
    ];
    let found = told(ProjectKind::Single, &singles(2), &ratings);
    assert_eq!((found.alpha_nominal, found.fleiss_kappa), (None, None));
    assert_eq!(found.between[0].share_equal, 1.0);
    assert_eq!(found.between[0].kappa, None);
    assert!(
        found
            .remarks
            .iter()
            .any(|remark| remark.contains("All ratings are the same"))
    );
    assert!(found.disagreements.is_empty());
}

#[test]
fn what_is_settled_comes_last() {
    let items = singles(2);
    let ratings = [
        score(0, "ann", 0),
        score(0, "bea", 10),
        score(1, "ann", 4),
        score(1, "bea", 5),
    ];
    let settled = Settled {
        score: Some(8),
        ..Settled::default()
    };
    let rated = Rated {
        items: &items,
        ratings: &ratings,
        settled: &BTreeMap::from([("i0".to_owned(), settled)]),
        measures: &Measures::default(),
    };
    let found = report(row(ProjectKind::Single), &rated, 10, 1);
    let order: Vec<(&str, Option<&str>)> = found
        .disagreements
        .iter()
        .map(|one| (one.item.id.as_str(), one.settled.as_deref()))
        .collect();
    assert_eq!(order, [("i1", None), ("i0", Some("8"))]);
}

#[test]
fn measures_are_set_beside_people() {
    let items = singles(6);
    let ratings: Vec<Rating> = (0..6).map(|at| score(at, "ann", at as u8)).collect();
    let by_question = (0..6)
        .map(|at| {
            let score = Score {
                clusters: 2,
                judge: Some(f64::from(at)),
                // Lower is better: so it goes with people once it is turned.
                self_reflect: Some(1.0 - f64::from(at) / 10.0),
                names: (at < 3).then(|| f64::from(10 - at)),
            };
            (format!("q{at}"), score)
        })
        .collect();
    let mut measures = Measures::default();
    let scores = Scores {
        by_question,
        ..Scores::default()
    };
    measures.add("r".into(), "sayself", scores);
    let rated = Rated {
        items: &items,
        ratings: &ratings,
        settled: &BTreeMap::new(),
        measures: &measures,
    };
    let found = report(row(ProjectKind::Single), &rated, 10, 1).with_measures;
    let of = |first: &str, second: &str| {
        let pair = found
            .iter()
            .find(|one| one.first == first && one.second == second);
        let pair = pair.unwrap();
        (pair.n, (pair.spearman.unwrap().value * 1e9).round() / 1e9)
    };
    assert_eq!(of("people", "judge"), (6, 1.0));
    assert_eq!(of("people", "self-reflect"), (6, 1.0));
    assert_eq!(of("people", "names"), (3, -1.0));
    assert_eq!(found.len(), 6);
}
