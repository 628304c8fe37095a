use super::*;

fn pairs(n: u32) -> Vec<Item> {
    (0..n)
        .map(|at| item(at, ItemKind::Main, &["a", "b"]))
        .collect()
}

#[test]
fn pairs_rank_methods() {
    let items = pairs(40);
    let mut ratings = Vec::new();
    for at in 0..40 {
        // The first method wins 24, loses 8, ties 4, and 4 are both bad.
        let said = match at % 10 {
            0..6 => Choice::Left,
            6..8 => Choice::Right,
            8 => Choice::Tie,
            _ => Choice::BothBad,
        };
        ratings.push(choice(at, "ann", said));
    }
    let found = told(ProjectKind::Pairs, &items, &ratings);
    let [first, second] = &found.ranking[..] else {
        panic!("{:?}", found.ranking)
    };
    assert_eq!(
        (first.name.as_str(), second.name.as_str()),
        ("sayself (a)", "sayself (b)")
    );
    assert_eq!(
        (first.wins, first.losses, first.ties, first.both_bad),
        (24, 8, 4, 4)
    );
    assert_eq!((second.wins, second.losses), (8, 24));
    assert_eq!(first.strength.n, 40);
    // 28 wins to 12, ties and both bad as half a win each.
    let half = 0.5 * (28f64 / 12.0).ln();
    assert!((first.strength.value - half).abs() < 1e-9);
    assert!((second.strength.value + half).abs() < 1e-9);
    let [low, high] = first.strength.interval.unwrap();
    assert!(0.0 < low && low < half && half < high);
    // One rating of each item: nobody's agreement can be told.
    assert_eq!(found.items, 0);
}

#[test]
fn who_never_lost_is_ranked_and_remarked() {
    let ratings: Vec<Rating> = (0..5).map(|at| choice(at, "ann", Choice::Right)).collect();
    let found = told(ProjectKind::Pairs, &pairs(5), &ratings);
    assert_eq!(found.ranking[0].name, "sayself (b)");
    assert!(found.ranking[0].strength.value.is_finite());
    assert!(
        found
            .remarks
            .iter()
            .any(|remark| remark.contains("no finite strength"))
    );
}

#[test]
fn agreement_on_choices_is_nominal() {
    let items = pairs(4);
    let mut ratings = Vec::new();
    for at in 0..4 {
        ratings.push(choice(at, "ann", Choice::Left));
        ratings.push(choice(
            at,
            "bea",
            if at == 0 { Choice::Tie } else { Choice::Left },
        ));
        ratings.push(choice(
            at,
            "cyd",
            if at < 2 { Choice::Right } else { Choice::Left },
        ));
    }
    let found = told(ProjectKind::Pairs, &items, &ratings);
    assert!(found.alpha_nominal.is_some());
    assert_eq!((found.alpha_ordinal, found.alpha_interval), (None, None));
    // Three said three things of item 0; of item 1 one of three differs.
    let spreads: Vec<f64> = found.disagreements.iter().map(|one| one.spread).collect();
    assert_eq!(found.disagreements[0].item.id, "i0");
    assert!((spreads[0] - 2.0 / 3.0).abs() < 1e-12 && (spreads[1] - 1.0 / 3.0).abs() < 1e-12);
    // Of item 0 the others of ann chose two things: it does not count for her.
    let ann = found
        .by_annotator
        .iter()
        .find(|one| one.annotator == "ann")
        .unwrap();
    assert_eq!(ann.bias, None);
    assert_eq!(ann.with_others.map(|share| share.value), Some(1.0));
}

#[test]
fn of_pairs_the_differences_are_set_side_by_side() {
    let items = pairs(3);
    let ratings = [
        choice(0, "ann", Choice::Left),
        choice(1, "ann", Choice::Right),
        choice(2, "ann", Choice::BothBad),
    ];
    let mut measures = Measures::default();
    for (run, scores) in [("a", [8.0, 2.0, 5.0]), ("b", [4.0, 9.0, 5.0])] {
        let by_question = (0..)
            .zip(scores)
            .map(|(at, judge): (u32, f64)| {
                let score = Score {
                    clusters: 3,
                    judge: Some(judge),
                    ..Score::default()
                };
                (format!("q{at}"), score)
            })
            .collect();
        let scores = Scores {
            by_question,
            ..Scores::default()
        };
        measures.add(run.into(), "sayself", scores);
    }
    let rated = Rated {
        items: &items,
        ratings: &ratings,
        settled: &BTreeMap::new(),
        measures: &measures,
    };
    let found = report(row(ProjectKind::Pairs), &rated, 10, 1).with_measures;
    let [pair] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (pair.first.as_str(), pair.second.as_str(), pair.n),
        ("people", "judge", 3)
    );
    // 4, −7 and 0 go with 1, −1 and 0.
    assert!((pair.spearman.unwrap().value - 1.0).abs() < 1e-12);
}
