use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// A project in memory, handed out as the server does.
struct Project {
    seed: u64,
    kind: ProjectKind,
    shares: Shares,
    overlap: u32,
    per_person_max: u32,
    items: Vec<Head>,
    /// By person.
    held: Vec<Vec<Held>>,
    /// Ratings that came after their lease, by item.
    late: HashMap<String, u32>,
    given: u32,
}

fn head(id: String, kind: ItemKind, question: usize, stratum: usize, position: usize) -> Head {
    Head {
        id,
        kind,
        position: position as u32,
        question_id: format!("q{question}"),
        stratum: format!("s{stratum}"),
    }
}

impl Project {
    fn new(seed: u64, mains: usize, strata: usize, people: usize) -> Self {
        let mut items = Vec::new();
        for (kind, count, questions) in [
            (ItemKind::Training, 3, 1_000),
            (ItemKind::Main, mains, 0),
            (ItemKind::Gold, mains / 4, 2_000),
            (ItemKind::Attention, mains / 8, 3_000),
        ] {
            for number in 0..count {
                let id = format!("{}-{number}", kind.word());
                items.push(head(
                    id,
                    kind,
                    questions + number,
                    number % strata,
                    items.len(),
                ));
            }
        }
        Project {
            seed,
            kind: ProjectKind::Pairs,
            shares: Shares::default(),
            overlap: 2,
            per_person_max: 0,
            items,
            held: vec![Vec::new(); people],
            late: HashMap::new(),
            given: 0,
        }
    }

    fn taken(&self) -> HashMap<String, u32> {
        let mut taken = HashMap::new();
        for held in self.held.iter().flatten().filter(|held| !held.is_repeat) {
            if matches!(held.standing, Standing::Rated | Standing::Leased) {
                *taken.entry(held.item.clone()).or_default() += 1;
            }
        }
        taken
    }

    fn ask(&mut self, person: usize, want: usize) -> Vec<Handed> {
        let training = self
            .items
            .iter()
            .filter(|head| head.kind == ItemKind::Training);
        let done = |id: &str| {
            self.held[person].iter().any(|held| {
                held.item == id && matches!(held.standing, Standing::Rated | Standing::Skipped)
            })
        };
        let is_qualified = training.clone().all(|head| done(&head.id));
        let name = person.to_string();
        let handed = handed(
            &Desk {
                seed: self.seed,
                person: &name,
                kind: self.kind,
                shares: self.shares,
                overlap: self.overlap,
                per_person_max: self.per_person_max,
                items: &self.items,
                taken: &self.taken(),
                held: &self.held[person],
                is_qualified,
            },
            want,
        );
        for one in &handed {
            match one {
                Handed::Again { assignment } => {
                    let held = self.held[person]
                        .iter_mut()
                        .find(|held| held.assignment == *assignment)
                        .unwrap();
                    held.standing = Standing::Leased;
                }
                Handed::New {
                    item,
                    is_repeat,
                    turn,
                    ..
                } => {
                    self.given += 1;
                    self.held[person].push(Held {
                        assignment: format!("a{}", self.given),
                        item: item.clone(),
                        is_repeat: *is_repeat,
                        turn: *turn,
                        standing: Standing::Leased,
                    });
                }
            }
        }
        handed
    }

    fn set_first(&mut self, person: usize, from: Standing, to: Standing) -> Option<String> {
        let held = self.held[person]
            .iter_mut()
            .filter(|held| held.standing == from)
            .min_by_key(|held| held.turn)?;
        held.standing = to;
        Some(held.item.clone())
    }

    fn kind_of(&self, item: &str) -> ItemKind {
        self.items.iter().find(|head| head.id == item).unwrap().kind
    }
}

/// Takes and rates one item after another.
fn work(project: &mut Project, person: usize, turns: usize) -> Vec<(String, bool, bool)> {
    let mut seen = Vec::new();
    for _ in 0..turns {
        match project.ask(person, 1).first() {
            Some(Handed::New {
                item,
                is_repeat,
                first_left,
                ..
            }) => seen.push((item.clone(), *is_repeat, *first_left)),
            _ => break,
        }
        project.set_first(person, Standing::Leased, Standing::Rated);
    }
    seen
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Ask(usize),
    Rate,
    Skip,
    /// All leases end, or are given back.
    Release,
    RateLate,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_usize..5).prop_map(Act::Ask),
        5 => Just(Act::Rate),
        1 => Just(Act::Skip),
        1 => Just(Act::Release),
        1 => Just(Act::RateLate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_the_rules_hold(
        seed: u64,
        mains in 1_usize..30,
        strata in 1_usize..5,
        overlap in 1_u32..4,
        acts in prop::collection::vec((0_usize..4, act()), 0..200),
    ) {
        let mut project = Project::new(seed, mains, strata, 4);
        project.overlap = overlap;
        project.shares = Shares { gold: 0.2, attention: 0.1, repeats: 0.1 };
        for (person, act) in acts {
            match act {
                Act::Ask(want) => {
                    let waiting = project.held[person].iter().filter(|held| held.standing == Standing::Leased).count();
                    let handed = project.ask(person, want);
                    prop_assert!(handed.len() <= want);
                    // What he has comes first.
                    let again = handed.iter().take_while(|one| matches!(one, Handed::Again { .. })).count();
                    prop_assert!(again >= waiting.min(want));
                    let is_new = |one: &Handed| matches!(one, Handed::New { .. });
                    prop_assert!(handed.iter().skip(again).all(is_new));
                }
                Act::Rate => {
                    project.set_first(person, Standing::Leased, Standing::Rated);
                }
                Act::Skip => {
                    project.set_first(person, Standing::Leased, Standing::Skipped);
                }
                Act::Release => {
                    while project.set_first(person, Standing::Leased, Standing::Released).is_some() {}
                }
                Act::RateLate => {
                    if let Some(item) = project.set_first(person, Standing::Released, Standing::Rated) {
                        *project.late.entry(item).or_default() += 1;
                    }
                }
            }
            // No item is with more people than wanted, but for ratings that came late.
            for (item, taken) in project.taken() {
                if project.kind_of(&item) == ItemKind::Main {
                    let late = project.late.get(&item).copied().unwrap_or(0);
                    prop_assert!(taken <= overlap + late, "{} of {}", taken, item);
                }
            }
        }
        for held in &project.held {
            // Nobody was given an item twice, but for one repeat.
            let mut seen = HashSet::new();
            prop_assert!(held.iter().all(|held| seen.insert((&held.item, held.is_repeat))));
            let mut turns: Vec<u32> = held.iter().map(|held| held.turn).collect();
            turns.sort_unstable();
            prop_assert_eq!(&turns, &(0..held.len() as u32).collect::<Vec<u32>>());
            for repeat in held.iter().filter(|held| held.is_repeat) {
                let first = held.iter().find(|held| held.item == repeat.item && !held.is_repeat).unwrap();
                prop_assert!(first.turn + REPEAT_TURNS_MIN <= repeat.turn);
            }
            // Training comes first, all of it.
            let training = held.iter().filter(|held| project.kind_of(&held.item) == ItemKind::Training);
            prop_assert!(training.clone().all(|held| held.turn < 3));
            prop_assert!(held.len() <= 3 || training.count() == 3);
        }
    }

    #[test]
    fn shares_and_strata_hold(seed: u64, person in 0_usize..3) {
        let mut project = Project::new(seed, 400, 4, 3);
        project.shares = Shares { gold: 0.1, attention: 0.05, repeats: 0.1 };
        let seen = work(&mut project, person, 203);
        prop_assert_eq!(seen.len(), 203);
        let at_work = &seen[3..];
        let count = |wanted: &dyn Fn(&(String, bool, bool)) -> bool| at_work.iter().filter(|one| wanted(one)).count();
        let gold = count(&|one| project.kind_of(&one.0) == ItemKind::Gold);
        let attention = count(&|one| project.kind_of(&one.0) == ItemKind::Attention);
        let repeats = count(&|one| one.1);
        prop_assert!((17..=23).contains(&gold), "{}", gold);
        prop_assert!((7..=13).contains(&attention), "{}", attention);
        prop_assert!((17..=23).contains(&repeats), "{}", repeats);
        // Strata differ by one, and by one more where the last question stood in the way.
        let mut strata = [0_i32; 4];
        for (item, is_repeat, _) in at_work {
            let head = project.items.iter().find(|head| head.id == *item).unwrap();
            if head.kind == ItemKind::Main && !is_repeat {
                strata[head.stratum[1..].parse::<usize>().unwrap()] += 1;
            }
        }
        prop_assert!(strata.iter().max().unwrap() - strata.iter().min().unwrap() <= 2, "{:?}", strata);
    }
}

#[test]
fn sides_are_balanced_and_stay() {
    let left = (0..2_000)
        .filter(|item| first_left(9, &item.to_string(), "p"))
        .count();
    assert!((900..1_100).contains(&left), "{left}");
    assert_eq!(first_left(9, "i", "p"), first_left(9, "i", "p"));
    let people = (0..2_000)
        .filter(|person| first_left(9, "i", &person.to_string()))
        .count();
    assert!((900..1_100).contains(&people), "{people}");
}

#[test]
fn people_meet_the_items_in_orders_of_their_own() {
    let orders: HashSet<Vec<String>> = (0..3)
        .map(|person| {
            let mut project = Project::new(5, 40, 1, 3);
            let seen = work(&mut project, person, 20);
            seen.into_iter().skip(3).map(|(item, ..)| item).collect()
        })
        .collect();
    assert_eq!(orders.len(), 3);
}

#[test]
fn two_items_of_a_question_are_never_next_to_each_other() {
    let mut project = Project::new(5, 40, 1, 1);
    for head in &mut project.items {
        if head.kind == ItemKind::Main {
            head.question_id = format!("q{}", head.position % 10);
        }
    }
    let seen = work(&mut project, 0, 43);
    let question = |item: &str| {
        let head = project.items.iter().find(|head| head.id == item).unwrap();
        head.question_id.clone()
    };
    let questions: Vec<String> = seen.iter().map(|(item, ..)| question(item)).collect();
    // Only what is left in the end may be of one question.
    assert!(
        questions[..30].windows(2).all(|two| two[0] != two[1]),
        "{questions:?}"
    );
}

#[test]
fn the_limit_of_a_person_holds() {
    let mut project = Project::new(1, 40, 2, 1);
    project.per_person_max = 7;
    project.shares.gold = 0.3;
    let seen = work(&mut project, 0, 100);
    assert_eq!(seen.len(), 3 + 7);
}

#[test]
fn without_work_nothing_is_mixed_in() {
    let mut project = Project::new(1, 4, 1, 1);
    project.shares = Shares {
        gold: 0.5,
        ..Shares::default()
    };
    let seen = work(&mut project, 0, 100);
    let kinds: Vec<ItemKind> = seen
        .iter()
        .map(|(item, ..)| project.kind_of(item))
        .collect();
    assert_eq!(kinds.last(), Some(&ItemKind::Main));
    let mains = kinds.iter().filter(|kind| **kind == ItemKind::Main);
    assert_eq!(mains.count(), 4);
}
