use super::*;
use datasets::annotation::{ProjectKind, RatedRun, Stratum};
use proptest::prelude::*;
use std::collections::HashMap;

/// A source of questions with answers of their own.
fn source(run: &str, questions: usize) -> Source {
    let candidates = (0..questions).map(|number| {
        let clusters = number % 3 + 1;
        Candidate {
            question_id: format!("q{number}"),
            question: format!("What is the capital of land {number}?"),
            rationale: format!("{run} wavers on {number}."),
            confidence: Some((number % 10 + 1) as u8),
            correct: number % 4 == 0,
            samples: 10,
            evidence: (0..clusters)
                .map(|cluster| EvidenceCluster {
                    answer: format!("Town {number} {cluster}"),
                    count: (10 / clusters) as u32,
                    share: 1.0 / clusters as f64,
                    examples: Vec::new(),
                })
                .collect(),
        }
    });
    Source {
        run: run.into(),
        label: "sayself".into(),
        method: format!("method of {run}"),
        candidates: candidates.collect(),
    }
}

fn spec(kind: ProjectKind, runs: usize) -> ProjectSpec {
    ProjectSpec {
        title: "t".into(),
        kind,
        runs: (0..runs)
            .map(|run| RatedRun {
                run: format!("r{run}"),
                label: None,
            })
            .collect(),
        seed: Some(3),
        ..ProjectSpec::default()
    }
}

fn make_of(spec: &ProjectSpec, sources: &[Source]) -> Made {
    let mut count = 0;
    make(spec, sources, &mut || {
        count += 1;
        format!("i{count}")
    })
    .unwrap()
}

fn of_kind(made: &Made, kind: ItemKind) -> Vec<&Item> {
    let items = made.items.iter().map(|made| &made.item);
    items.filter(|item| item.kind == kind).collect()
}

#[test]
fn a_project_has_its_work_and_what_is_known() {
    let sources = [source("r0", 400)];
    let made = make_of(&spec(ProjectKind::Single, 1), &sources);
    assert_eq!(made.remarks, Vec::<String>::new());
    assert_eq!(of_kind(&made, ItemKind::Main).len(), 100);
    assert_eq!(of_kind(&made, ItemKind::Training).len(), 4);
    // 100 / (1 − 0.17) turns, a tenth of them, and a fiftieth.
    assert_eq!(of_kind(&made, ItemKind::Gold).len(), 13);
    assert_eq!(of_kind(&made, ItemKind::Attention).len(), 3);
    let training = of_kind(&made, ItemKind::Training);
    assert!(training.iter().all(|item| item.position < 4));
    let ranges: Vec<_> = training
        .iter()
        .map(|item| {
            let known = item.known.as_ref().unwrap();
            assert!(!known.explanation.is_empty());
            (known.low, known.high)
        })
        .collect();
    let (telling, silent) = ((Some(7), Some(10)), (Some(0), Some(3)));
    assert_eq!(ranges, [telling, silent, telling, silent]);
    for item in of_kind(&made, ItemKind::Gold) {
        let text = &item.rationales[0].text;
        let tells = item.known.as_ref().unwrap().low == Some(7);
        // What tells names an answer of the evidence; what does not speaks of another question.
        assert_eq!(tells, text.contains(&item.evidence[0].answer), "{text}");
        assert_eq!(!tells, text.contains("r0 wavers"), "{text}");
    }
    for item in of_kind(&made, ItemKind::Attention) {
        let known = item.known.as_ref().unwrap();
        let words = format!("choose {}.", known.low.unwrap());
        assert!(known.low == known.high && item.rationales[0].text.ends_with(&words));
    }
}

#[test]
fn pairs_are_of_every_two_runs() {
    let sources = [source("r0", 60), source("r1", 50), source("r2", 40)];
    let mut wanted = spec(ProjectKind::Pairs, 3);
    wanted.sample_size = 60;
    let made = make_of(&wanted, &sources);
    let mains = of_kind(&made, ItemKind::Main);
    assert_eq!(mains.len(), 60);
    let pair = |first: &str, second: &str| {
        mains
            .iter()
            .filter(|item| item.rationales[0].run == first && item.rationales[1].run == second)
            .count()
    };
    let counts = [pair("r0", "r1"), pair("r0", "r2"), pair("r1", "r2")];
    assert_eq!(counts.iter().sum::<usize>(), 60);
    assert!(counts.iter().all(|count| *count >= 15), "{counts:?}");
    for item in of_kind(&made, ItemKind::Gold) {
        let known = item.known.as_ref().unwrap();
        let told = match known.choice.unwrap() {
            datasets::annotation::Choice::Left => 0,
            _ => 1,
        };
        assert!(
            item.rationales[told]
                .text
                .contains(&item.evidence[0].answer)
        );
        assert!(item.rationales[1 - told].text.contains("wavers on"));
    }
    for item in of_kind(&made, ItemKind::Attention) {
        let ends = |rationale: &ItemRationale| {
            ["choose tie.", "choose both bad."]
                .iter()
                .any(|end| rationale.text.ends_with(end))
        };
        assert!(item.rationales.iter().all(ends));
    }
}

#[test]
fn what_is_named_is_taken_as_it_is_named() {
    let sources = [source("r0", 30)];
    let known = |question: &str| KnownItem {
        question_id: question.into(),
        low: Some(2),
        high: Some(4),
        choice: None,
        explanation: "because".into(),
    };
    let mut wanted = spec(ProjectKind::Single, 1);
    wanted.training = vec![known("q7"), known("q8"), known("q9")];
    wanted.training_size = 2;
    wanted.gold = vec![known("q3")];
    let made = make_of(&wanted, &sources);
    let ids = |kind| -> Vec<&str> {
        of_kind(&made, kind)
            .iter()
            .map(|item| item.question_id.as_str())
            .collect()
    };
    assert_eq!(ids(ItemKind::Training), ["q7", "q8"]);
    assert_eq!(ids(ItemKind::Gold), ["q3"]);
    // All others are the work: nothing had to be made.
    assert_eq!(ids(ItemKind::Main).len(), 26);
    wanted.gold = vec![known("absent")];
    let wrong = make(&wanted, &sources, &mut String::new).unwrap_err();
    assert!(wrong[0].contains("absent"));
}

#[test]
fn what_cannot_be_made_says_why() {
    let unsampled = Source {
        candidates: vec![Candidate {
            rationale: "r".into(),
            ..Candidate::default()
        }],
        ..source("r0", 0)
    };
    let wrong = make(
        &spec(ProjectKind::Single, 1),
        &[unsampled],
        &mut String::new,
    )
    .unwrap_err();
    assert!(wrong[0].contains("sampled at least twice"), "{wrong:?}");
}

#[test]
fn no_number_of_a_confidence_is_left() {
    let mut offered = Offered::default();
    for rationale in ["I am 80% sure that it is Rome.", "Confidence: 7"] {
        offered.answers.push(OfferedAnswer::saying(rationale));
    }
    let source = Source::of(&offered);
    assert_eq!(source.candidates.len(), 1);
    assert_eq!(source.candidates[0].rationale, "… that it is Rome.");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn draws_are_even_and_apart(
        seed: u64,
        questions in 1_usize..120,
        sample_size in 1_u32..150,
        gold_share in 0.0_f64..0.5,
        training_size in 0_u8..6,
    ) {
        let sources = [source("r0", questions)];
        let wanted = ProjectSpec {
            seed: Some(seed),
            sample_size,
            gold_share,
            training_size,
            stratify: vec![Stratum::ClusterCount],
            ..spec(ProjectKind::Single, 1)
        };
        let made = make_of(&wanted, &sources);
        let mains = of_kind(&made, ItemKind::Main);
        prop_assert!(mains.len() <= sample_size as usize);
        // At most a quarter is kept back where there are few.
        prop_assert!(mains.len() >= (sample_size as usize).min(questions - questions / 4));
        let mut kept_apart: HashSet<&str> = mains.iter().map(|item| item.question_id.as_str()).collect();
        prop_assert_eq!(kept_apart.len(), mains.len());
        for kind in [ItemKind::Training, ItemKind::Gold] {
            for item in of_kind(&made, kind) {
                prop_assert!(kept_apart.insert(&item.question_id));
            }
        }
        // Strata differ by one, but for those that are used up.
        let mut left: HashMap<&str, usize> = HashMap::new();
        for candidate in &sources[0].candidates {
            if !of_kind(&made, ItemKind::Training).iter().chain(&of_kind(&made, ItemKind::Gold)).any(|item| item.question_id == candidate.question_id) {
                let words = match candidate.evidence.len() { 1 => "1 cluster", 2 => "2 clusters", _ => "3 clusters or more" };
                *left.entry(words).or_default() += 1;
            }
        }
        let count = |stratum: &str| mains.iter().filter(|item| item.stratum == stratum).count();
        let most = left.keys().map(|stratum| count(stratum)).max().unwrap_or(0);
        for (stratum, there) in &left {
            prop_assert!(count(stratum) + 1 >= most || count(stratum) == *there);
        }
        let positions: Vec<u32> = made.items.iter().map(|made| made.item.position).collect();
        prop_assert_eq!(positions, (0..made.items.len() as u32).collect::<Vec<u32>>());
        // The same seed, the same items.
        prop_assert_eq!(&made, &make_of(&wanted, &sources));
    }

    #[test]
    fn items_of_a_question_stand_apart_where_they_can(seed: u64, counts in prop::collection::vec(1_usize..4, 1..20)) {
        let sources = [source("r0", 1)];
        let one = make_of(&ProjectSpec { training_size: 0, gold_share: 0.0, attention_share: 0.0, ..spec(ProjectKind::Single, 1) }, &sources).items.remove(0);
        let mut items: Vec<MadeItem> = Vec::new();
        for (question, count) in counts.iter().enumerate() {
            for _ in 0..*count {
                let mut item = one.clone();
                item.item.question_id = question.to_string();
                items.push(item);
            }
        }
        Random::new(seed).shuffle(&mut items);
        let before = items.len();
        set_apart(&mut items);
        prop_assert_eq!(items.len(), before);
        let most = counts.iter().max().copied().unwrap_or(0);
        // Three of one among few others cannot always be parted by moving one at a time.
        if most * 2 <= before {
            prop_assert!(items.windows(2).all(|two| two[0].item.question_id != two[1].item.question_id));
        }
    }
}
